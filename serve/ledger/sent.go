package ledger

import (
	"context"
	"time"

	"dunning/data"
)

// DispatchesOf returns where approved actions stand, by their ids; ids that
// were never approved are left out.
func (s *Store) DispatchesOf(ctx context.Context, actionIDs []string) (map[string]Dispatch, error) {
	found := make(map[string]Dispatch, len(actionIDs))
	list, err := listOf(actionIDs)
	if err != nil {
		return nil, err
	}
	err = s.read(ctx, func(t transaction) error {
		return t.query(`SELECT `+dispatchColumns+` FROM dispatches WHERE action_id IN `+t.list("1"), []any{list}, func(row scanner) error {
			d, err := scanDispatch(row)
			found[d.ActionID] = d
			return err
		})
	})
	return found, err
}

// SentTo returns the actions that were sent to the customers and whose day is the
// given one or later. That they are not unsent says the state already; SQLite finds
// them by it.
func (s *Store) SentTo(ctx context.Context, customerIDs []string, from data.Date) ([]Dispatch, error) {
	list, err := listOf(customerIDs)
	if err != nil {
		return nil, err
	}
	var out []Dispatch
	err = s.read(ctx, func(t transaction) (err error) {
		out, err = all(t, `SELECT `+dispatchColumns+` FROM dispatches WHERE state = 'sent' AND unsent = 0 AND day >= $2 AND customer_id IN `+t.list("1")+` ORDER BY number`,
			[]any{list, from.String()}, scanDispatch)
		return err
	})
	return out, err
}

// SentAction is an action that was sent, with where it stands.
type SentAction struct {
	Action
	SentAt        time.Time // when its dispatcher said so
	RealCostCents *data.Cents
}

// SentBetween calls each with the actions that were sent from one instant on and
// before another, in the order of their ends, and at one instant of the queue. An
// error of each ends it and is returned. each must not write to the ledger.
func (s *Store) SentBetween(ctx context.Context, from, before time.Time, each func(SentAction) error) error {
	return s.read(ctx, func(t transaction) error {
		return t.query(`SELECT `+actionColumns("a")+`, d.ended_at, d.real_cost_cents FROM dispatches d JOIN actions a ON a.plan_id = d.plan_id AND a.action_id = d.action_id
			WHERE d.state = 'sent' AND d.ended_at >= $1 AND d.ended_at < $2 ORDER BY d.ended_at, d.number`, []any{from.UnixMicro(), before.UnixMicro()}, func(row scanner) error {
			var sent SentAction
			var at int64
			var cost *int64
			a, err := scanAction(row, &at, &cost)
			if err != nil {
				return err
			}
			sent.Action, sent.SentAt = a, instant(at)
			if cost != nil {
				v := data.Cents(*cost)
				sent.RealCostCents = &v
			}
			return each(sent)
		})
	})
}
