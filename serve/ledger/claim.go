package ledger

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
)

// claim leases the chosen actions that are still there and withholds the
// refused, in one transaction.
func (s *Store) claim(ctx context.Context, r LeaseRequest, request string, c choice) (Grant, error) {
	none := Grant{LeaseID: r.ID, Dispatcher: r.Dispatcher, Actions: []LeasedAction{}, Withheld: []WithheldAction{}}
	if len(c.out) == 0 && len(c.withhold) == 0 {
		return none, nil
	}
	var g Grant
	err := s.writeInTurn(ctx, true, func(o *operation) error {
		var err error
		if g, err = granted(o, r.ID, request); !errors.Is(err, ErrNotFound) {
			return err // somebody asked the same at once
		}
		g = none
		there, err := o.available(c)
		if err != nil {
			return err
		}
		var endings []ending
		for _, w := range c.withhold {
			if d, ok := there[w.ActionID]; ok {
				endings = append(endings, ending{d: d, state: Withheld, detail: w.Reason})
				g.Withheld = append(g.Withheld, w)
			}
		}
		err = o.endActions(System, "dispatch.withhold", r.ID, map[string]any{"dispatcher": r.Dispatcher}, endings)
		if err != nil {
			return err
		}
		for _, a := range c.out {
			if d, ok := there[a.ActionID]; ok {
				until := o.at.Add(r.Duration)
				if until.After(d.windowEnd) {
					until = d.windowEnd
				}
				g.Actions = append(g.Actions, LeasedAction{a, until, c.soft[a.ActionID]})
			}
		}
		if len(g.Actions) == 0 {
			return nil
		}
		return o.grant(&g, r, request, there)
	})
	return g, err
}

// available returns the actions of a choice that may still be handed out.
func (o *operation) available(c choice) (map[string]Dispatch, error) {
	ids := make([]string, 0, len(c.out)+len(c.withhold))
	for _, a := range c.out {
		ids = append(ids, a.ActionID)
	}
	for _, w := range c.withhold {
		ids = append(ids, w.ActionID)
	}
	found, err := o.dispatchesOf(ids)
	if err != nil {
		return nil, err
	}
	plans := map[string]bool{}
	for id, d := range found {
		inForce, known := plans[d.PlanID]
		if !known {
			p, err := planOf(o, d.PlanID)
			if err != nil {
				return nil, err
			}
			inForce = p.State.InForce()
			plans[d.PlanID] = inForce
		}
		free := d.State == Waiting || d.State == Leased && !d.LeaseUntil.After(o.at)
		if !inForce || !free || !d.windowEnd.After(o.at) {
			delete(found, id)
		}
	}
	return found, nil
}

// dispatchesOf reads approved actions by their ids; unknown ones are left out.
func (o *operation) dispatchesOf(ids []string) (map[string]Dispatch, error) {
	list, err := listOf(ids)
	if err != nil {
		return nil, err
	}
	found := make(map[string]Dispatch, len(ids))
	err = o.query(`SELECT `+dispatchColumns+` FROM dispatches WHERE action_id IN `+o.list("1"), []any{list}, func(row scanner) error {
		d, err := scanDispatch(row)
		found[d.ActionID] = d
		return err
	})
	return found, err
}

// grant records a lease and marks its actions.
func (o *operation) grant(g *Grant, r LeaseRequest, request string, there map[string]Dispatch) error {
	if err := one(o, `SELECT coalesce(max(fence), 0) + 1 FROM leases`, nil, &g.Fence); err != nil {
		return err
	}
	answer := grantAnswer{Withheld: g.Withheld}
	rows := make([][]any, len(g.Actions))
	plans := map[string]bool{}
	for i, a := range g.Actions {
		d := there[a.ActionID]
		answer.IDs, answer.Until = append(answer.IDs, a.ActionID), append(answer.Until, a.Until.UnixMicro())
		if a.SoftTone {
			answer.Soft = append(answer.Soft, a.ActionID)
		}
		rows[i] = []any{d.number, g.Fence, a.Until.UnixMicro(), string(d.State), d.Fence}
		plans[d.PlanID] = true
	}
	for _, id := range slices.Sorted(maps.Keys(plans)) {
		p, err := planOf(o, id)
		if err != nil {
			return err
		}
		if p.State == Approved {
			if err := o.movePlan(&p, Dispatching, System, "first lease", "plan.dispatch", nil); err != nil {
				return err
			}
		}
	}
	head, err := o.audit(r.Dispatcher, "dispatch.lease", r.ID, map[string]any{"fence": g.Fence, "day": r.Day, "channel": r.Channel,
		"seconds": int64(r.Duration / time.Second), "actions": answer.IDs, "until": answer.Until})
	if err != nil {
		return err
	}
	text, err := canonical(answer)
	if err != nil {
		return err
	}
	_, err = o.exec(`INSERT INTO leases (fence, lease_id, dispatcher, day, channel, at, request_sha256, audit_seq, answer) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
		g.Fence, r.ID, r.Dispatcher, r.Day.String(), string(r.Channel), o.at.UnixMicro(), request, head.Seq, text)
	if err != nil {
		return fmt.Errorf("ledger: lease: %w", err)
	}
	err = o.allOf(`UPDATE dispatches SET state = 'leased', fence = $2, lease_until = $3, attempts = attempts + 1 WHERE number = $1 AND state = $4 AND fence = $5`, rows)
	if err != nil {
		return fmt.Errorf("ledger: lease %s: %w", r.ID, err)
	}
	return nil
}
