package serve

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"dunning/data"
	"dunning/serve/ledger"
)

func (s *Server) dispatchRoutes() {
	roles := []Role{Dispatcher, Admin}
	tags := []string{"dispatch"}
	const largeBody = 8 << 20 // 10,000 outcomes with their details
	register(s, route{roles: roles, errors: append([]Code{CodeUnavailable}, writeErrors...), Operation: huma.Operation{
		OperationID: "dispatch-lease", Method: http.MethodPost, Path: "/v1/dispatch/lease", Tags: tags,
		Summary: "Fetch approved actions of a day and channel, to be sent by this dispatcher alone",
		Description: "The most valuable first, those whose window is open. Each is rechecked: paid since, dispute, opt-out, promise, hour, plan still in force; what must not be sent any more is withheld with the reason. " +
			"The lease ends with its time or with the action's window; then the action is handed out again. The same idempotency key gets the same grant; a lease that got nothing is not kept."}}, s.lease)
	register(s, route{roles: roles, errors: writeErrors, Operation: huma.Operation{
		OperationID: "dispatch-ack", Method: http.MethodPost, Path: "/v1/dispatch/ack", Tags: tags, MaxBodyBytes: largeBody,
		Summary:     "Say what became of leased actions",
		Description: "What was sent is posted to the wallet, once; the rest is released. Each action has its own result: one that is refused does not hinder the others. A word after the lease was lost is fenced, unless nobody else has leased or ended the action since."}}, s.ack)
	register(s, route{roles: roles, errors: writeErrors, Operation: huma.Operation{
		OperationID: "dispatch-extend", Method: http.MethodPost, Path: "/v1/dispatch/extend", Tags: tags, MaxBodyBytes: largeBody,
		Summary: "Make leases last at least so long from now, within the window"}}, s.extend)
	register(s, route{roles: roles, errors: writeErrors, Operation: huma.Operation{
		OperationID: "dispatch-release", Method: http.MethodPost, Path: "/v1/dispatch/release", Tags: tags, MaxBodyBytes: largeBody,
		Summary: "Give leased actions back unsent"}}, s.release)
}

// NewLease is the body that asks for actions.
type NewLease struct {
	Day     data.Date    `json:"day" format:"date"`
	Channel data.Channel `json:"channel" enum:"email,sms,whatsapp,voice,letter"`
	Max     int          `json:"max" minimum:"1" maximum:"10000" doc:"Actions at most."`
	Seconds int64        `json:"seconds,omitempty" minimum:"1" maximum:"86400" default:"300" doc:"How long the lease lasts."`
}

func (s *Server) lease(ctx context.Context, in *Write[NewLease]) (*body[ledger.Grant], error) {
	// The ledger keeps grants by their ids; the checks run outside of any
	// write transaction.
	g, err := s.ledger.Lease(ctx, ledger.LeaseRequest{ID: madeID(ctx, "lease", in.IdempotencyKey), Dispatcher: actor(ctx),
		Day: in.Body.Day, Channel: in.Body.Channel, Max: in.Body.Max, Duration: time.Duration(in.Body.Seconds) * time.Second})
	if err != nil {
		return nil, err
	}
	s.metrics.leased.WithLabelValues(string(in.Body.Channel)).Add(float64(len(g.Actions)))
	s.metrics.withheld.WithLabelValues(string(in.Body.Channel)).Add(float64(len(g.Withheld)))
	if g.Withheld == nil {
		g.Withheld = []ledger.WithheldAction{}
	}
	return &body[ledger.Grant]{g}, nil
}

// NewAck is the body of an ack.
type NewAck struct {
	Fence    int64        `json:"fence" minimum:"1" doc:"The token of the lease."`
	Outcomes []NewOutcome `json:"outcomes" minItems:"1" maxItems:"10000"`
}

// NewOutcome says what became of one leased action.
type NewOutcome struct {
	ActionID      string               `json:"action_id" minLength:"1" maxLength:"200"`
	State         ledger.DispatchState `json:"state" enum:"sent,failed,withheld"`
	ProviderID    string               `json:"provider_id,omitempty" maxLength:"500" doc:"Of the message, at the provider."`
	RealCostCents *data.Cents          `json:"real_cost_cents,omitempty" minimum:"0" doc:"What the provider charged for a sent action; left out: what was planned. No more than was reserved is posted."`
	Detail        string               `json:"detail,omitempty" maxLength:"2000" doc:"Why it failed or was withheld."`
}

// Results say what became of the actions of a request, in its order.
type Results struct {
	Results []ledger.Result `json:"results"`
}

func (s *Server) ack(ctx context.Context, in *Write[NewAck]) (*written[Results], error) {
	outcomes := make([]ledger.Outcome, len(in.Body.Outcomes))
	for i, o := range in.Body.Outcomes {
		outcomes[i] = ledger.Outcome{ActionID: o.ActionID, State: o.State, ProviderID: o.ProviderID, RealCostCents: o.RealCostCents, Detail: o.Detail}
	}
	return onceThen(ctx, s, in.IdempotencyKey, in.RawBody, func(ctx context.Context) (Results, error) {
		results, err := s.ledger.Ack(ctx, ledger.AckRequest{Dispatcher: actor(ctx), Fence: in.Body.Fence, Outcomes: outcomes})
		return Results{results}, err
	}, func(out Results) {
		for i, r := range out.Results {
			s.metrics.acked.WithLabelValues(string(outcomes[i].State), string(r.Status)).Inc()
		}
	})
}

// NewExtension is the body that makes leases last longer.
type NewExtension struct {
	NewReturn
	Seconds int64 `json:"seconds" minimum:"1" maximum:"86400" doc:"How long the leases last at least, from now."`
}

// NewReturn is the body that gives actions back.
type NewReturn struct {
	Fence     int64    `json:"fence" minimum:"1" doc:"The token of the lease."`
	ActionIDs []string `json:"action_ids" minItems:"1" maxItems:"10000"`
}

func (r NewReturn) hold(ctx context.Context) ledger.HoldRequest {
	return ledger.HoldRequest{Dispatcher: actor(ctx), Fence: r.Fence, ActionIDs: r.ActionIDs}
}

func (s *Server) extend(ctx context.Context, in *Write[NewExtension]) (*written[Results], error) {
	return once(ctx, s, in.IdempotencyKey, in.RawBody, func(ctx context.Context) (Results, error) {
		hold := in.Body.hold(ctx)
		hold.Duration = time.Duration(in.Body.Seconds) * time.Second
		results, err := s.ledger.Extend(ctx, hold)
		return Results{results}, err
	})
}

func (s *Server) release(ctx context.Context, in *Write[NewReturn]) (*written[Results], error) {
	return once(ctx, s, in.IdempotencyKey, in.RawBody, func(ctx context.Context) (Results, error) {
		results, err := s.ledger.Release(ctx, in.Body.hold(ctx))
		return Results{results}, err
	})
}
