package ledger

import (
	"context"
	"errors"
	"fmt"
	"time"

	"dunning/data"
)

// ResultStatus says what became of one action of a request.
type ResultStatus string

// The statuses of a result.
const (
	Accepted ResultStatus = "accepted"
	Repeated ResultStatus = "repeated" // it was said before, in the same words
	Fenced   ResultStatus = "fenced"   // somebody else has leased or ended it since, or the token is not this dispatcher's
	Conflict ResultStatus = "conflict" // it was said before, in other words
	Unknown  ResultStatus = "unknown"  // no such approved action
)

// Result is what became of one action of a request.
type Result struct {
	ActionID string        `json:"action_id"`
	Status   ResultStatus  `json:"status"`
	State    DispatchState `json:"state"` // where the action stands now; empty for Unknown
	Until    time.Time     `json:"until"` // end of the lease; of Extend
}

// Err returns nil for what took effect, now or before, and otherwise an error
// that wraps [ErrFenced], [ErrConflict] or [ErrNotFound].
func (r Result) Err() error {
	switch r.Status {
	case Accepted, Repeated:
		return nil
	case Conflict:
		return fmt.Errorf("ledger: action %s: %w", r.ActionID, ErrConflict)
	case Unknown:
		return fmt.Errorf("ledger: action %s: %w", r.ActionID, ErrNotFound)
	}
	return fmt.Errorf("ledger: action %s: %w", r.ActionID, ErrFenced)
}

// Outcome is what became of one leased action.
type Outcome struct {
	ActionID   string        `json:"action_id"`
	State      DispatchState `json:"state"`       // Sent, Failed or Withheld
	ProviderID string        `json:"provider_id"` // of the message, at the provider
	// RealCostCents is what the provider charged for a sent action; nil: what
	// was planned. Of money that much is posted, but not more than was reserved;
	// of credits always one.
	RealCostCents *data.Cents `json:"real_cost_cents,omitempty"`
	Detail        string      `json:"detail"`
}

// AckRequest reports what became of actions of one lease.
type AckRequest struct {
	Dispatcher string    `json:"dispatcher"`
	Fence      int64     `json:"fence"`
	Outcomes   []Outcome `json:"outcomes"` // 1 to 10,000, each action once
}

func (r AckRequest) check() error {
	err := checkActor("dispatcher", r.Dispatcher)
	seen := map[string]bool{}
	for _, v := range r.Outcomes {
		if seen[v.ActionID] {
			err = errors.Join(err, fmt.Errorf("%w: action_id %q occurs twice", ErrInvalid, v.ActionID))
		}
		seen[v.ActionID] = true
		if v.State != Sent && v.State != Failed && v.State != Withheld {
			err = errors.Join(err, fmt.Errorf("%w: action %q: state %q: want sent, failed or withheld", ErrInvalid, v.ActionID, v.State))
		}
		if v.RealCostCents != nil && (v.State != Sent || *v.RealCostCents < 0 || Units(*v.RealCostCents) > MaxUnits) {
			err = errors.Join(err, fmt.Errorf("%w: action %q: real_cost_cents is of a sent action, and not negative", ErrInvalid, v.ActionID))
		}
		if len(v.ProviderID) > 500 || len(v.Detail) > 2000 || !plain(v.ActionID+v.ProviderID+v.Detail) {
			err = errors.Join(err, fmt.Errorf("%w: action %q: a text is too long or not UTF-8", ErrInvalid, v.ActionID))
		}
	}
	if len(r.Outcomes) == 0 || len(r.Outcomes) > 10_000 {
		err = errors.Join(err, fmt.Errorf("%w: %d outcomes: want 1 to 10000", ErrInvalid, len(r.Outcomes)))
	}
	return err
}

// Ack ends leased actions and posts what was sent, once. The results are in the
// order of the outcomes; one that is refused does not hinder the others. An
// outcome that comes after its lease lapsed counts as long as nobody else has
// leased or ended the action since.
func (s *Store) Ack(ctx context.Context, r AckRequest) ([]Result, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	requests := make([]string, len(r.Outcomes))
	ids := make([]string, len(r.Outcomes))
	for i, v := range r.Outcomes {
		var err error
		if requests[i], err = hashOf(v); err != nil {
			return nil, err
		}
		ids[i] = v.ActionID
	}
	var results []Result
	err := s.write(ctx, func(o *operation) error {
		held, err := o.held(r.Dispatcher, r.Fence, ids)
		if err != nil {
			return err
		}
		results = make([]Result, len(ids))
		var endings []ending
		for i, v := range r.Outcomes {
			results[i] = held.result(v.ActionID, requests[i])
			if results[i].Status == Accepted {
				results[i].State = v.State
				endings = append(endings, v.ending(held.found[v.ActionID], requests[i]))
			}
		}
		return o.endActions(r.Dispatcher, "dispatch.ack", r.Dispatcher, map[string]any{"fence": r.Fence}, endings)
	})
	return results, err
}

// ending turns an outcome into the end of an action.
func (v Outcome) ending(d Dispatch, request string) ending {
	e := ending{d: d, state: v.State, providerID: v.ProviderID, realCost: v.RealCostCents, detail: v.Detail, request: request}
	if v.State == Sent {
		e.posted = d.Amount
		if v.RealCostCents != nil && d.Currency == BRL {
			e.posted = min(d.Amount, Units(*v.RealCostCents))
		}
	}
	return e
}

// holding are actions as the holder of a token finds them.
type holding struct {
	found map[string]Dispatch
	fence int64
	mine  bool // the token is this dispatcher's
}

func (o *operation) held(dispatcher string, fence int64, ids []string) (holding, error) {
	h := holding{fence: fence}
	var holder string
	err := one(o, `SELECT dispatcher FROM leases WHERE fence = $1`, []any{fence}, &holder)
	if err != nil && !errors.Is(err, errNoRow) {
		return h, err
	}
	h.mine = err == nil && holder == dispatcher
	h.found, err = o.dispatchesOf(ids)
	return h, err
}

// result says whether the holder may end an action.
func (h holding) result(id, request string) Result {
	d, ok := h.found[id]
	switch {
	case !ok:
		return Result{ActionID: id, Status: Unknown}
	case !h.mine || d.Fence != h.fence:
		return Result{ActionID: id, Status: Fenced, State: d.State}
	case d.State.Open():
		return Result{ActionID: id, Status: Accepted, State: d.State}
	case d.request == request:
		return Result{ActionID: id, Status: Repeated, State: d.State}
	case d.request == "": // ended by the system or with its plan
		return Result{ActionID: id, Status: Fenced, State: d.State}
	}
	return Result{ActionID: id, Status: Conflict, State: d.State}
}

// HoldRequest is about actions that a dispatcher holds.
type HoldRequest struct {
	Dispatcher string        `json:"dispatcher"`
	Fence      int64         `json:"fence"`
	ActionIDs  []string      `json:"action_ids"` // 1 to 10,000
	Duration   time.Duration `json:"duration"`   // of Extend: from now, 1 second to 24 hours
}

func (r HoldRequest) check() error {
	err := checkActor("dispatcher", r.Dispatcher)
	if len(r.ActionIDs) == 0 || len(r.ActionIDs) > 10_000 {
		err = errors.Join(err, fmt.Errorf("%w: %d action_ids: want 1 to 10000", ErrInvalid, len(r.ActionIDs)))
	}
	seen := map[string]bool{}
	for _, id := range r.ActionIDs {
		if seen[id] || !plain(id) {
			err = errors.Join(err, fmt.Errorf("%w: action_id %q occurs twice or is not UTF-8", ErrInvalid, id))
		}
		seen[id] = true
	}
	return err
}

// Extend makes leases last at least Duration from now, within the window. An
// action is Fenced where the lease was lost or its plan is no longer in force.
func (s *Store) Extend(ctx context.Context, r HoldRequest) ([]Result, error) {
	err := r.check()
	if r.Duration < time.Second || r.Duration > 24*time.Hour {
		err = errors.Join(err, fmt.Errorf("%w: duration %s: want 1s to 24h", ErrInvalid, r.Duration))
	}
	if err != nil {
		return nil, err
	}
	var results []Result
	err = s.write(ctx, func(o *operation) error {
		held, err := o.held(r.Dispatcher, r.Fence, r.ActionIDs)
		if err != nil {
			return err
		}
		inForce, err := o.inForce(held)
		if err != nil {
			return err
		}
		results = make([]Result, len(r.ActionIDs))
		var rows, lines [][]any
		for i, id := range r.ActionIDs {
			d := held.found[id]
			res := held.result(id, "-")
			if res.Status == Conflict || res.Status == Accepted && (d.State != Leased || !inForce[d.PlanID] || !d.windowEnd.After(o.at)) {
				res.Status = Fenced
			}
			if res.Status == Accepted {
				res.Until = later(d.LeaseUntil, o.at.Add(r.Duration))
				if res.Until.After(d.windowEnd) {
					res.Until = d.windowEnd
				}
				rows = append(rows, []any{id, r.Fence, res.Until.UnixMicro()})
				lines = append(lines, []any{id, res.Until.UnixMicro()})
			}
			results[i] = res
		}
		if len(rows) == 0 {
			return nil
		}
		if _, err := o.audit(r.Dispatcher, "dispatch.extend", r.Dispatcher, map[string]any{"fence": r.Fence, "actions": lines}); err != nil {
			return err
		}
		_, err = o.each(`UPDATE dispatches SET lease_until = $3 WHERE action_id = $1 AND state = 'leased' AND fence = $2`, rows)
		return err
	})
	return results, err
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// inForce says of the plans of held actions whether they are in force.
func (o *operation) inForce(h holding) (map[string]bool, error) {
	out := map[string]bool{}
	for _, d := range h.found {
		if _, known := out[d.PlanID]; !known {
			p, err := planOf(o, d.PlanID)
			if err != nil {
				return nil, err
			}
			out[d.PlanID] = p.State.InForce()
		}
	}
	return out, nil
}

// Release gives leased actions back unsent. They wait for another lease, or are
// released for good where their plan is no longer in force.
func (s *Store) Release(ctx context.Context, r HoldRequest) ([]Result, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	var results []Result
	err := s.write(ctx, func(o *operation) error {
		held, err := o.held(r.Dispatcher, r.Fence, r.ActionIDs)
		if err != nil {
			return err
		}
		inForce, err := o.inForce(held)
		if err != nil {
			return err
		}
		results = make([]Result, len(r.ActionIDs))
		var rows [][]any
		var ids []string
		var endings []ending
		for i, id := range r.ActionIDs {
			res, d := held.result(id, "-"), held.found[id]
			switch {
			case res.Status == Conflict:
				res.Status = Fenced
			case res.Status == Accepted && d.State == Waiting:
				res.Status = Repeated
			case res.Status == Accepted && inForce[d.PlanID]:
				res.State = Waiting
				rows, ids = append(rows, []any{id, r.Fence}), append(ids, id)
			case res.Status == Accepted:
				res.State = Lapsed
				endings = append(endings, ending{d: d, state: Lapsed, detail: "given back after its plan ended"})
			}
			results[i] = res
		}
		if len(rows) > 0 {
			if _, err := o.audit(r.Dispatcher, "dispatch.release", r.Dispatcher, map[string]any{"fence": r.Fence, "actions": ids}); err != nil {
				return err
			}
			if _, err := o.each(`UPDATE dispatches SET state = 'waiting' WHERE action_id = $1 AND state = 'leased' AND fence = $2`, rows); err != nil {
				return err
			}
		}
		return o.endActions(r.Dispatcher, "dispatch.expire", r.Dispatcher, map[string]any{"fence": r.Fence}, endings)
	})
	return results, err
}
