package ledger

import (
	"context"
	"time"
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

// SentTo returns the actions that were sent to the customers since an instant.
func (s *Store) SentTo(ctx context.Context, customerIDs []string, since time.Time) ([]Dispatch, error) {
	list, err := listOf(customerIDs)
	if err != nil {
		return nil, err
	}
	var out []Dispatch
	err = s.read(ctx, func(t transaction) (err error) {
		out, err = all(t, `SELECT `+dispatchColumns+` FROM dispatches WHERE state = 'sent' AND ended_at >= $2 AND customer_id IN `+t.list("1")+` ORDER BY number`,
			[]any{list, since.UnixMicro()}, scanDispatch)
		return err
	})
	return out, err
}
