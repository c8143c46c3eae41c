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
	_, err := o.expire(actor, "plan is "+string(to), `plan_id = $1 AND state = 'waiting' ORDER BY action_id`, p.ID)
	if err != nil {
		return err
	}
	return o.movePlan(p, to, actor, reason, "plan.end", nil)
}

// expire ends the open actions that a condition finds, and counts them.
func (o *operation) expire(actor, why, where string, args ...any) (int64, error) {
	found, err := all(o, `SELECT `+dispatchColumns+` FROM dispatches WHERE `+where, args, scanDispatch)
	if err != nil {
		return 0, err
	}
	endings := make([]ending, len(found))
	for i, d := range found {
		endings[i] = ending{d: d, state: Lapsed, detail: why}
	}
	return int64(len(endings)), o.endActions(actor, "dispatch.expire", why, map[string]any{}, endings)
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
// works in short transactions and may be called at any time.
func (s *Store) Sweep(ctx context.Context) (Swept, error) {
	var swept Swept
	for _, f := range []struct {
		step  func(*operation) (int64, error)
		count *int64
		limit int64
	}{
		{(*operation).sweepWaiting, &swept.Actions, sweepSize},
		{(*operation).sweepLeased, &swept.Actions, sweepSize},
		{(*operation).sweepPlans, &swept.Plans, 1},
		{(*operation).sweepAnswers, &swept.Answers, sweepSize},
	} {
		for {
			var n int64
			err := s.write(ctx, func(o *operation) (err error) {
				n, err = f.step(o)
				return err
			})
			if err != nil {
				return swept, err
			}
			*f.count += n
			if n < f.limit {
				break
			}
		}
	}
	return swept, nil
}

func (o *operation) sweepWaiting() (int64, error) {
	return o.expire(System, "its window closed", `state = 'waiting' AND window_end <= $1 ORDER BY window_end, action_id LIMIT $2`, o.at.UnixMicro(), sweepSize)
}

func (o *operation) sweepLeased() (int64, error) {
	return o.expire(System, "its lease lapsed", `state = 'leased' AND lease_until <= $1
		AND (window_end <= $2 OR plan_id NOT IN (SELECT plan_id FROM plans WHERE state IN ('approved', 'dispatching'))) ORDER BY window_end, action_id LIMIT $3`,
		o.at.Add(-o.store.config.LateAck).UnixMicro(), o.at.UnixMicro(), sweepSize)
}

// sweepPlans ends one plan that has nothing left to do.
func (o *operation) sweepPlans() (int64, error) {
	found, err := all(o, `SELECT `+planColumns+` FROM plans
		WHERE state IN ('draft', 'submitted') AND ends_at <= $1
		OR state IN ('approved', 'dispatching') AND NOT EXISTS (SELECT 1 FROM dispatches d WHERE d.plan_id = plans.plan_id AND d.state IN ('waiting', 'leased'))
		ORDER BY plan_id LIMIT 1`, []any{o.at.UnixMicro()}, scanPlan)
	if err != nil || len(found) == 0 {
		return 0, err
	}
	to, why := Expired, "its last window closed"
	if found[0].State == Dispatching {
		to, why = Closed, "every action has ended"
	}
	return 1, o.movePlan(&found[0], to, System, why, "plan.end", nil)
}

func (o *operation) sweepAnswers() (int64, error) {
	return o.exec(`DELETE FROM answers WHERE at < $1`, o.at.Add(-o.store.config.KeepAnswers).UnixMicro())
}
