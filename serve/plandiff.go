package serve

import (
	"cmp"
	"context"
	"slices"

	"dunning/data"
	"dunning/serve/ledger"
)

// actionsPage is how many actions are read from the ledger at a time.
const actionsPage = 5000

// eachPlanAction calls f for each action of a plan of the ledger, in the order
// of their ids.
func (s *Server) eachPlanAction(ctx context.Context, planID string, f func(ledger.Action)) error {
	for after := ""; ; {
		page, err := s.ledger.PlanActions(ctx, planID, after, actionsPage)
		if err != nil {
			return err
		}
		for _, a := range page {
			f(a)
		}
		if len(page) < actionsPage {
			return nil
		}
		after = page[len(page)-1].ActionID
	}
}

// PlanTotal sums up the actions of a plan on one day and channel to one segment.
type PlanTotal struct {
	Day     data.Date    `json:"day"`
	Channel data.Channel `json:"channel"`
	Segment string       `json:"segment"`
	Sums
}

// Sums are those of some actions.
type Sums struct {
	Actions    int64      `json:"actions"`
	CostCents  data.Cents `json:"cost_cents"`
	ValueCents data.Cents `json:"value_cents"`
}

func (t *Sums) add(a *data.Action) {
	t.Actions++
	t.CostCents += a.CostCents
	t.ValueCents += a.ValueCents
}

// planTotals sums a plan up by day, channel and segment.
func (s *Server) planTotals(ctx context.Context, planID string) ([]PlanTotal, error) {
	type key struct {
		day     data.Date
		channel data.Channel
		segment string
	}
	sums := map[key]*PlanTotal{}
	err := s.eachPlanAction(ctx, planID, func(a ledger.Action) {
		k := key{a.Day, a.Channel, a.Segment}
		if sums[k] == nil {
			sums[k] = &PlanTotal{Day: a.Day, Channel: a.Channel, Segment: a.Segment}
		}
		sums[k].add(&a.Action)
	})
	out := make([]PlanTotal, 0, len(sums))
	for _, t := range sums {
		out = append(out, *t)
	}
	slices.SortFunc(out, func(a, b PlanTotal) int {
		return cmp.Or(cmp.Compare(a.Day, b.Day), cmp.Compare(a.Channel.Index(), b.Channel.Index()), cmp.Compare(a.Segment, b.Segment))
	})
	return out, err
}

type diffIn struct {
	PlanPath
	Against string `query:"against" required:"true" minLength:"1" maxLength:"200" doc:"plan_id of the plan to compare with."`
	Limit   int    `query:"limit" minimum:"0" maximum:"10000" default:"100" doc:"Changed actions that are listed at most; the sums count all."`
}

// PlanDiff says what a plan changes against another one.
type PlanDiff struct {
	Plan    string          `json:"plan"`
	Against string          `json:"against"`
	Before  Sums            `json:"before"`
	After   Sums            `json:"after"`
	Added   Sums            `json:"added"`
	Removed Sums            `json:"removed"`
	Kept    Sums            `json:"kept" doc:"In both plans, with the sums of the new one."`
	Changed []ChangedAction `json:"changed" doc:"The first added and removed actions, by customer and day."`
}

// ChangedAction is an action that only one of two plans has.
type ChangedAction struct {
	Change     string       `json:"change" enum:"added,removed"`
	ActionID   string       `json:"action_id"`
	CustomerID string       `json:"customer_id"`
	Channel    data.Channel `json:"channel"`
	Day        data.Date    `json:"day"`
	Step       int32        `json:"step"`
	CostCents  data.Cents   `json:"cost_cents"`
	ValueCents data.Cents   `json:"value_cents"`
}

// touchKey is what two plans' actions are compared by.
type touchKey struct {
	customer string
	channel  data.Channel
	day      data.Date
	step     int32
}

func (s *Server) planDiff(ctx context.Context, in *diffIn) (*body[PlanDiff], error) {
	out := PlanDiff{Plan: in.Plan, Against: in.Against, Changed: []ChangedAction{}}
	before := map[touchKey]data.Action{}
	err := s.eachPlanAction(ctx, in.Against, func(a ledger.Action) {
		out.Before.add(&a.Action)
		before[touchKey{a.CustomerID, a.Channel, a.Day, a.Step}] = a.Action
	})
	if err != nil {
		return nil, err
	}
	var changed []ChangedAction
	err = s.eachPlanAction(ctx, in.Plan, func(a ledger.Action) {
		out.After.add(&a.Action)
		k := touchKey{a.CustomerID, a.Channel, a.Day, a.Step}
		if _, ok := before[k]; ok {
			out.Kept.add(&a.Action)
			delete(before, k)
			return
		}
		out.Added.add(&a.Action)
		changed = append(changed, changedAction("added", a.Action))
	})
	if err != nil {
		return nil, err
	}
	for _, a := range before {
		out.Removed.add(&a)
		changed = append(changed, changedAction("removed", a))
	}
	slices.SortFunc(changed, func(a, b ChangedAction) int {
		return cmp.Or(cmp.Compare(a.CustomerID, b.CustomerID), cmp.Compare(a.Day, b.Day), cmp.Compare(a.Channel.Index(), b.Channel.Index()), cmp.Compare(a.Change, b.Change), cmp.Compare(a.ActionID, b.ActionID))
	})
	out.Changed = append(out.Changed, changed[:min(in.Limit, len(changed))]...)
	return &body[PlanDiff]{out}, nil
}

func changedAction(change string, a data.Action) ChangedAction {
	return ChangedAction{Change: change, ActionID: a.ActionID, CustomerID: a.CustomerID, Channel: a.Channel, Day: a.Day, Step: a.Step, CostCents: a.CostCents, ValueCents: a.ValueCents}
}
