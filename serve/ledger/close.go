package ledger

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// ClosePlan ends a plan in force: what it has not handed out is released. Actions
// that are leased stay so: their dispatcher may have sent them and says so, or
// they are released some time after their lease lapsed ([Config.LateAck]).
// A plan that the same actor closed for the same reason is returned as it is.
// Errors: [ErrNotFound], [ErrState].
func (s *Store) ClosePlan(ctx context.Context, planID, actor, reason string) (Plan, error) {
	return s.end(ctx, planID, Closed, actor, reason, Approved, Dispatching)
}

// Supersede ends a plan that another takes the place of, or that its maker
// withdraws, in whatever state it is; otherwise as [Store.ClosePlan].
func (s *Store) Supersede(ctx context.Context, planID, actor, reason string) (Plan, error) {
	return s.end(ctx, planID, Superseded, actor, reason, Draft, Submitted, Approved, Dispatching)
}

func (s *Store) end(ctx context.Context, planID string, to PlanState, actor, reason string, from ...PlanState) (Plan, error) {
	if err := errors.Join(checkActor("actor", actor), checkText("reason", reason)); err != nil {
		return Plan{}, err
	}
	var p Plan
	err := s.write(ctx, func(o *operation) error {
		var err error
		if p, err = planOf(o, planID); err != nil {
			return err
		}
		if p.State == to && p.StateBy == actor && p.StateReason == reason {
			return nil
		}
		if !slices.Contains(from, p.State) {
			return fmt.Errorf("ledger: plan %s is %s: %w", planID, p.State, ErrState)
		}
		return o.endPlan(&p, to, actor, reason)
	})
	return p, err
}

// endPlan releases what waits and brings the plan into its last state.
func (o *operation) endPlan(p *Plan, to PlanState, actor, reason string) error {
	found, err := all(o, `SELECT `+dispatchColumns+` FROM dispatches WHERE plan_id = $1 AND state = 'waiting' ORDER BY number`, []any{p.ID}, scanDispatch)
	if err != nil {
		return err
	}
	if err := o.expire(actor, p.ID, "plan is "+string(to), found); err != nil {
		return err
	}
	return o.movePlan(p, to, actor, reason, "plan.end", nil)
}

// expire ends open actions that were not sent.
func (o *operation) expire(actor, subject, why string, actions []Dispatch) error {
	endings := make([]ending, len(actions))
	for i, d := range actions {
		endings[i] = ending{d: d, state: Lapsed, detail: why}
	}
	return o.endActions(actor, "dispatch.expire", subject, map[string]any{"why": why}, endings)
}

// Swept counts what a sweep ended.
type Swept struct {
	Actions int64 `json:"actions"` // released because they cannot be sent any more
	Plans   int64 `json:"plans"`   // closed or expired
	Answers int64 `json:"answers"` // first answers forgotten
}

// sweepSize is how many actions one transaction of a sweep ends.
const sweepSize = 500

// Sweep ends what time has ended: actions whose window closed unsent, leases
// that lapsed long ago and cannot be handed out again, plans with nothing left
// to do, answers kept long enough. It is to be called every minute or so; it
// searches without holding anybody up, works in short transactions, and may be
// called at any time.
func (s *Store) Sweep(ctx context.Context) (Swept, error) {
	var swept Swept
	for _, step := range []struct {
		find  func(t transaction, at, late int64) ([]string, error)
		end   func(o *operation, found []string) (int64, error)
		count *int64
	}{
		{deadActions, (*operation).endDead, &swept.Actions},
		{donePlans, (*operation).endDone, &swept.Plans},
		{s.oldAnswers, (*operation).forget, &swept.Answers},
	} {
		for {
			at := s.now()
			var found []string
			err := s.read(ctx, func(t transaction) (err error) {
				found, err = step.find(t, at.UnixMicro(), at.Add(-s.config.LateAck).UnixMicro())
				return err
			})
			n := int64(0)
			if err == nil && len(found) > 0 {
				err = s.write(ctx, func(o *operation) (err error) {
					n, err = step.end(o, found)
					return err
				})
			}
			if err != nil {
				return swept, err
			}
			if *step.count += n; n == 0 { // nothing, or others were faster
				break
			}
		}
	}
	return swept, nil
}

// deadActions finds open actions that nobody can send any more.
func deadActions(t transaction, at, late int64) ([]string, error) {
	waiting, err := all(t, `SELECT action_id FROM dispatches WHERE state = 'waiting' AND window_end <= $1 LIMIT $2`, []any{at, sweepSize}, scanString)
	if err != nil || len(waiting) == sweepSize {
		return waiting, err
	}
	leased, err := all(t, `SELECT action_id FROM dispatches WHERE state = 'leased' AND lease_until <= $1
		AND (window_end <= $2 OR plan_id NOT IN (SELECT plan_id FROM plans WHERE state IN ('approved', 'dispatching'))) LIMIT $3`, []any{late, at, sweepSize}, scanString)
	return append(waiting, leased...), err
}

// endDead ends those of the actions that are dead still.
func (o *operation) endDead(ids []string) (int64, error) {
	found, err := o.dispatchesOf(ids)
	if err != nil {
		return 0, err
	}
	inForce, err := o.inForce(holding{found: found})
	if err != nil {
		return 0, err
	}
	var closed, lapsed []Dispatch
	for _, id := range ids {
		d := found[id]
		over := !d.windowEnd.After(o.at)
		switch {
		case d.State == Waiting && over:
			closed = append(closed, d)
		case d.State == Leased && !d.LeaseUntil.After(o.at.Add(-o.store.config.LateAck)) && (over || !inForce[d.PlanID]):
			lapsed = append(lapsed, d)
		}
	}
	err = o.expire(System, "sweep", "its window closed", closed)
	if err == nil {
		err = o.expire(System, "sweep", "its lease lapsed", lapsed)
	}
	return int64(len(closed) + len(lapsed)), err
}

// noneOpen is true of a plan none of whose approved actions is open.
const noneOpen = `NOT EXISTS (SELECT 1 FROM dispatches d WHERE d.plan_id = plans.plan_id AND d.state IN ('waiting', 'leased'))`

// donePlans finds plans that have nothing left to do.
func donePlans(t transaction, at, _ int64) ([]string, error) {
	return all(t, `SELECT plan_id FROM plans WHERE state IN ('draft', 'submitted') AND ends_at <= $1 OR state IN ('approved', 'dispatching') AND `+noneOpen, []any{at}, scanString)
}

// endDone ends those of the plans that are done still.
func (o *operation) endDone(ids []string) (int64, error) {
	ended := int64(0)
	for _, id := range ids {
		p, err := planOf(o, id)
		if err != nil {
			return ended, err
		}
		to, why := Expired, "its last window closed"
		switch {
		case p.State.InForce():
			var done int64
			if err := one(o, `SELECT count(*) FROM plans WHERE plan_id = $1 AND `+noneOpen, []any{id}, &done); err != nil {
				return ended, err
			}
			if done == 0 {
				continue
			}
			if p.State == Dispatching {
				to, why = Closed, "every action has ended"
			}
		case p.State.Ended():
			continue
		}
		if err := o.movePlan(&p, to, System, why, "plan.end", nil); err != nil {
			return ended, err
		}
		ended++
	}
	return ended, nil
}

// oldAnswers says whether there are answers to forget.
func (s *Store) oldAnswers(t transaction, at, _ int64) ([]string, error) {
	return all(t, `SELECT key FROM answers WHERE at < $1 LIMIT 1`, []any{at - s.config.KeepAnswers.Microseconds()}, scanString)
}

func (o *operation) forget([]string) (int64, error) {
	return o.exec(`DELETE FROM answers WHERE at < $1`, o.at.Add(-o.store.config.KeepAnswers).UnixMicro())
}
