package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"dunning/data"
)

// EventKind says what was reported.
type EventKind string

// The kinds of events. The first six are of a touch and name its action; the
// others are of a customer, named by himself or by an action.
const (
	EventDelivered     EventKind = "delivered"
	EventOpened        EventKind = "opened"
	EventClicked       EventKind = "clicked"
	EventReplied       EventKind = "replied"
	EventBounced       EventKind = "bounced"
	EventComplained    EventKind = "complained" // also an opt-out of the channel
	EventPayment       EventKind = "payment"
	EventPromise       EventKind = "promise"
	EventOptOut        EventKind = "opt_out" // of Channel, or of all where it is empty
	EventOptIn         EventKind = "opt_in"
	EventDispute       EventKind = "dispute"
	EventDisputeClosed EventKind = "dispute_closed"
)

// EventKinds lists the kinds.
var EventKinds = []EventKind{EventDelivered, EventOpened, EventClicked, EventReplied, EventBounced, EventComplained,
	EventPayment, EventPromise, EventOptOut, EventOptIn, EventDispute, EventDisputeClosed}

// OfTouch says whether the event is one of a touch.
func (k EventKind) OfTouch() bool { return slices.Index(EventKinds, k) < 6 }

// Event is something that happened outside. Events come in any order and may
// be said again: the id tells.
type Event struct {
	ID   string    `json:"event_id"` // of a payment or promise: that of the payment or promise
	Kind EventKind `json:"kind"`
	At   time.Time `json:"at"` // when it happened, to the microsecond
	// ActionID is the approved action that the event is about; customer and
	// channel follow from it.
	ActionID    string       `json:"action_id,omitempty"`
	CustomerID  string       `json:"customer_id,omitempty"`
	Channel     data.Channel `json:"channel,omitempty"`
	InvoiceID   string       `json:"invoice_id,omitempty"` // of a payment
	AmountCents data.Cents   `json:"amount_cents,omitempty"`
	Method      string       `json:"method,omitempty"` // of a payment
	DueOn       *data.Date   `json:"due_on,omitempty"` // of a promise
	Instalment  int32        `json:"instalment_no,omitempty"`
}

// ReceivedEvent is an event as it was kept.
type ReceivedEvent struct {
	Event
	Seq        int64     `json:"seq"` // counts events in the order in which they came, from 1
	ReceivedAt time.Time `json:"received_at"`
}

// EventResult is what became of one event of a request: [Accepted], [Repeated],
// [Conflict] (the id was used for another event), [Unknown] (no such approved
// action).
type EventResult struct {
	ID     string       `json:"event_id"`
	Status ResultStatus `json:"status"`
}

// check refuses an event that says too little or makes no sense.
func (e *Event) check() error {
	err := checkID("event_id", e.ID)
	fault := func(ok bool, format string, args ...any) {
		if !ok {
			err = errors.Join(err, fmt.Errorf("%w: event %q: %s", ErrInvalid, e.ID, fmt.Sprintf(format, args...)))
		}
	}
	fault(slices.Contains(EventKinds, e.Kind), "unknown kind %q", e.Kind)
	fault(e.At.Year() >= 1900 && e.At.Year() < 2200, "at is not between 1900 and 2199")
	fault(e.ActionID != "" || !e.Kind.OfTouch(), "action_id is missing")
	fault(e.ActionID != "" || e.CustomerID != "", "neither action_id nor customer_id is given")
	fault(e.Channel == "" || e.Channel.Index() >= 0, "unknown channel %q", e.Channel)
	fault(e.Kind != EventPayment || e.InvoiceID != "", "invoice_id is missing")
	fault(e.AmountCents > 0 || e.Kind != EventPayment && e.Kind != EventPromise, "amount_cents is missing")
	fault(e.AmountCents >= 0 && Units(e.AmountCents) <= MaxUnits, "amount_cents is out of range")
	fault(e.Kind != EventPromise || e.DueOn != nil, "due_on is missing")
	fault(e.Instalment >= 0, "instalment_no is negative")
	for _, text := range []string{e.ActionID, e.CustomerID, e.InvoiceID, e.Method} {
		fault(len(text) <= 200 && plain(text), "a text is longer than 200 bytes or not UTF-8")
	}
	return err
}

// AddEvents keeps what was reported. An event that was kept before changes
// nothing; one of an action that was never approved is not kept.
func (s *Store) AddEvents(ctx context.Context, actor string, events []Event) ([]EventResult, error) {
	err := checkActor("actor", actor)
	if len(events) < 1 || len(events) > 10_000 {
		err = errors.Join(err, fmt.Errorf("%w: %d events: want 1 to 10000", ErrInvalid, len(events)))
	}
	for i := range events {
		err = errors.Join(err, events[i].check())
	}
	if err != nil {
		return nil, err
	}
	var results []EventResult
	err = s.write(ctx, func(o *operation) error {
		var err error
		results, err = o.addEvents(actor, slices.Clone(events))
		return err
	})
	return results, err
}

func (o *operation) addEvents(actor string, events []Event) ([]EventResult, error) {
	known, actions, err := o.knownEvents(events)
	if err != nil {
		return nil, err
	}
	results := make([]EventResult, len(events))
	bodies := []string{}
	var fresh []Event
	for i, e := range events {
		results[i] = EventResult{e.ID, Accepted}
		e.At = e.At.UTC().Truncate(time.Microsecond)
		if e.ActionID != "" {
			d, ok := actions[e.ActionID]
			if !ok || e.CustomerID != "" && e.CustomerID != d.CustomerID || e.Kind.OfTouch() && e.Channel != "" && e.Channel != d.Channel {
				results[i].Status = Unknown
				continue
			}
			e.CustomerID = d.CustomerID
			if e.Kind.OfTouch() {
				e.Channel = d.Channel
			}
		}
		body, err := canonical(e)
		if err != nil {
			return nil, err
		}
		switch before, ok := known[e.ID]; {
		case ok && before == body:
			results[i].Status = Repeated
		case ok:
			results[i].Status = Conflict
		default:
			known[e.ID] = body
			bodies, fresh = append(bodies, body), append(fresh, e)
		}
	}
	if len(fresh) == 0 {
		return results, nil
	}
	return results, o.insertEvents(actor, fresh, bodies)
}

// knownEvents returns what is kept under the ids, and the approved actions.
func (o *operation) knownEvents(events []Event) (known map[string]string, actions map[string]Dispatch, err error) {
	ids, actionIDs := make([]string, len(events)), []string{}
	for i, e := range events {
		ids[i] = e.ID
		if e.ActionID != "" {
			actionIDs = append(actionIDs, e.ActionID)
		}
	}
	list, err := listOf(ids)
	if err != nil {
		return nil, nil, err
	}
	known = map[string]string{}
	err = o.query(`SELECT event_id, body FROM events WHERE event_id IN `+o.list("1"), []any{list}, func(row scanner) error {
		var id, body string
		err := row.Scan(&id, &body)
		known[id] = body
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	actions, err = o.dispatchesOf(actionIDs)
	return known, actions, err
}

func (o *operation) insertEvents(actor string, events []Event, bodies []string) error {
	sum, err := hashOf(bodies)
	if err != nil {
		return err
	}
	head, err := o.audit(actor, "events.add", events[0].ID, map[string]any{"events": len(events), "events_sha256": sum})
	if err != nil {
		return err
	}
	var seq int64
	if err := one(o, `SELECT coalesce(max(seq), 0) FROM events`, nil, &seq); err != nil {
		return err
	}
	rows := make([][]any, len(events))
	for i, e := range events {
		rows[i] = []any{seq + int64(i) + 1, e.ID, string(e.Kind), e.CustomerID, o.at.UnixMicro(), bodies[i], head.Seq}
	}
	n, err := o.each(`INSERT INTO events (`+eventColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7)`, rows)
	if err == nil && n != int64(len(rows)) {
		err = fmt.Errorf("%d of %d were written", n, len(rows))
	}
	if err != nil {
		return fmt.Errorf("ledger: events: %w", err)
	}
	return nil
}

const eventColumns = `seq, event_id, kind, customer_id, received_at, body, audit_seq`

func scanEvent(row scanner) (ReceivedEvent, error) {
	var e ReceivedEvent
	var id, kind, customer, body string
	var at, audit int64
	if err := row.Scan(&e.Seq, &id, &kind, &customer, &at, &body, &audit); err != nil {
		return e, err
	}
	e.ReceivedAt = instant(at)
	if err := json.Unmarshal([]byte(body), &e.Event); err != nil || e.ID != id || string(e.Kind) != kind || e.CustomerID != customer {
		return e, fmt.Errorf("ledger: event %s: %w", id, data.ErrDamagedFile)
	}
	return e, nil
}

// Events returns up to limit events in the order in which they came, after the
// given Seq (0 for the first page).
func (s *Store) Events(ctx context.Context, after int64, limit int) ([]ReceivedEvent, error) {
	return s.events(ctx, `seq > $1 ORDER BY seq LIMIT $2`, after, limit)
}

// EventsReceived calls each with the events that came from one instant on and
// before another, in the order in which they came. An error of each ends it and is
// returned. each must not write to the ledger.
func (s *Store) EventsReceived(ctx context.Context, from, before time.Time, each func(ReceivedEvent) error) error {
	return s.read(ctx, func(t transaction) error {
		return t.query(`SELECT `+eventColumns+` FROM events WHERE received_at >= $1 AND received_at < $2 ORDER BY received_at, seq`, []any{from.UnixMicro(), before.UnixMicro()}, func(row scanner) error {
			e, err := scanEvent(row)
			if err != nil {
				return err
			}
			return each(e)
		})
	})
}

// EventsOf returns the events of the given kinds of customers, in the order in
// which they came.
func (s *Store) EventsOf(ctx context.Context, customerIDs []string, kinds ...EventKind) ([]ReceivedEvent, error) {
	list, err := listOf(customerIDs)
	if err != nil {
		return nil, err
	}
	all, err := s.eventsOf(ctx, list)
	return slices.DeleteFunc(all, func(e ReceivedEvent) bool { return !slices.Contains(kinds, e.Kind) }), err
}

func (s *Store) eventsOf(ctx context.Context, list string) (out []ReceivedEvent, err error) {
	err = s.read(ctx, func(t transaction) error {
		out, err = all(t, `SELECT `+eventColumns+` FROM events WHERE customer_id IN `+t.list("1")+` ORDER BY seq`, []any{list}, scanEvent)
		return err
	})
	return out, err
}

func (s *Store) events(ctx context.Context, where string, args ...any) (out []ReceivedEvent, err error) {
	err = s.read(ctx, func(t transaction) error {
		out, err = all(t, `SELECT `+eventColumns+` FROM events WHERE `+where, args, scanEvent)
		return err
	})
	return out, err
}

// events hashes the kept events of each audit row, for [verifier.covered].
func (v *verifier) events(t transaction) error {
	bodies := map[int64][]string{}
	want := int64(0)
	err := t.query(`SELECT `+eventColumns+` FROM events ORDER BY seq`, nil, func(row scanner) error {
		var seq, at, audit int64
		var id, kind, customer, body string
		if err := row.Scan(&seq, &id, &kind, &customer, &at, &body, &audit); err != nil {
			return err
		}
		var e Event
		if err := json.Unmarshal([]byte(body), &e); err != nil || e.ID != id || string(e.Kind) != kind || e.CustomerID != customer {
			v.fault("event "+id, "its columns are not those of its body")
		}
		if want++; seq != want {
			v.fault("event "+id, "has number %d, want %d", seq, want)
			want = seq
		}
		bodies[audit] = append(bodies[audit], body)
		return nil
	})
	if err != nil {
		return err
	}
	v.reported = map[int64]string{}
	for seq, list := range bodies {
		if v.reported[seq], err = hashOf(list); err != nil {
			return err
		}
	}
	return nil
}
