package serve

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"dunning/data"
	"dunning/serve/ledger"
)

func (s *Server) eventRoutes() {
	tags := []string{"events"}
	register(s, route{roles: []Role{Dispatcher, Manager, Admin}, errors: writeErrors, Operation: huma.Operation{
		OperationID: "events-add", Method: http.MethodPost, Path: "/v1/events", Tags: tags, MaxBodyBytes: 8 << 20,
		Summary: "Report what happened: touches, payments, promises, opt-outs, disputes",
		Description: "In any order, and as often as one likes: event_id tells. Payments, promises, opt-outs and disputes count at once when actions are handed out; " +
			"all are written to the home's folder events, as tables that the next extract reads. Each event has its own result."}}, s.eventsAdd)
	register(s, route{roles: []Role{Scientist, Manager, Auditor}, errors: []Code{CodeInvalid}, Operation: huma.Operation{
		OperationID: "events", Method: http.MethodGet, Path: "/v1/events", Tags: tags,
		Summary: "Events in the order in which they came"}}, s.eventsList)
}

// NewEvents is the body that reports events.
type NewEvents struct {
	Events []NewEvent `json:"events" minItems:"1" maxItems:"10000"`
}

// NewEvent is one thing that happened.
type NewEvent struct {
	EventID     string           `json:"event_id" minLength:"1" maxLength:"200" pattern:"^[^\\s/]+$" doc:"Chosen by the sender, one for each event; of a payment or promise the id of the payment or promise."`
	Kind        ledger.EventKind `json:"kind" enum:"delivered,opened,clicked,replied,bounced,complained,payment,promise,opt_out,opt_in,dispute,dispute_closed"`
	At          time.Time        `json:"at" doc:"When it happened."`
	ActionID    string           `json:"action_id,omitempty" maxLength:"200" doc:"The approved action that it is about; required of the first six kinds."`
	CustomerID  string           `json:"customer_id,omitempty" maxLength:"200" doc:"Required where no action is named."`
	Channel     data.Channel     `json:"channel,omitempty" enum:"email,sms,whatsapp,voice,letter" doc:"Of opt_out and opt_in; left out: all channels."`
	InvoiceID   string           `json:"invoice_id,omitempty" maxLength:"200" doc:"Required of a payment."`
	AmountCents data.Cents       `json:"amount_cents,omitempty" minimum:"0" doc:"Required of a payment and of a promise."`
	Method      string           `json:"method,omitempty" maxLength:"200" doc:"Of a payment." example:"pix"`
	DueOn       *data.Date       `json:"due_on,omitempty" format:"date" doc:"Required of a promise."`
	Instalment  int32            `json:"instalment_no,omitempty" minimum:"0" doc:"Of a promise in instalments, from 1."`
}

// EventResults say what became of the events of a request, in its order.
type EventResults struct {
	Results []ledger.EventResult `json:"results"`
}

func (s *Server) eventsAdd(ctx context.Context, in *Write[NewEvents]) (*written[EventResults], error) {
	events := make([]ledger.Event, len(in.Body.Events))
	for i, e := range in.Body.Events {
		events[i] = ledger.Event{ID: e.EventID, Kind: e.Kind, At: e.At, ActionID: e.ActionID, CustomerID: e.CustomerID, Channel: e.Channel,
			InvoiceID: e.InvoiceID, AmountCents: e.AmountCents, Method: e.Method, DueOn: e.DueOn, Instalment: e.Instalment}
	}
	return onceThen(ctx, s, in.IdempotencyKey, in.RawBody, func(ctx context.Context) (EventResults, error) {
		results, err := s.ledger.AddEvents(ctx, actor(ctx), events)
		return EventResults{results}, err
	}, func(out EventResults) {
		for i, r := range out.Results {
			s.metrics.events.WithLabelValues(string(events[i].Kind), string(r.Status)).Inc()
		}
	})
}

type eventsIn struct {
	After int64 `query:"after" minimum:"0" default:"0" doc:"seq of the last event of the page before."`
	Limit int   `query:"limit" minimum:"1" maximum:"1000" default:"100" doc:"Events per page."`
}

// Events is one page of events.
type Events struct {
	Events []ledger.ReceivedEvent `json:"events"`
	Next   *int64                 `json:"next_after" doc:"after of the next page; null on the last."`
}

func (s *Server) eventsList(ctx context.Context, in *eventsIn) (*body[Events], error) {
	list, err := s.ledger.Events(ctx, in.After, in.Limit)
	if err != nil {
		return nil, err
	}
	out := Events{Events: list}
	if len(list) == in.Limit {
		out.Next = &list[len(list)-1].Seq
	}
	return &body[Events]{out}, nil
}
