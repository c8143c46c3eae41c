package main

import (
	"context"
	"fmt"
	"log/slog"
	"sync"

	"dunning/data"
	"dunning/optimizer"
	"dunning/optimizer/clp"
	"dunning/pipeline"
	"dunning/serve"
	"dunning/serve/ledger"
	"dunning/serve/web"
	"dunning/serve/whatif"
)

// analysis fills what the pages of analysis need of the home. The what-if begins
// to prepare when somebody first looks at it, and goes on until ctx ends: a
// server that only answers programs needs none of it.
func (a *app) analysis(ctx context.Context, store *serve.FileStore, l *ledger.Store, log *slog.Logger) web.Analysis {
	return web.Analysis{
		WhatIf:    &whatIfOnDemand{ctx: ctx, engine: whatif.New(&planProblems{a, store}, clp.New(), log)},
		Reports:   &reportFiles{home: a.home},
		Histories: &lakeHistories{home: a.home},
		Models:    &modelVersions{a},
		Behaviours: &behaviourReports{a: a, log: log, day: func() data.Date {
			if plan := store.LatestPlan(); plan != nil {
				return plan.AsOf
			}
			return data.DateOf(a.now())
		}},
		MakeDraft: func(ctx context.Context, maker string, asOf data.Date, wish whatif.Wish) (string, error) {
			return a.makeDraft(ctx, l, maker, asOf, wish)
		},
	}
}

// whatIfOnDemand starts the engine's preparation at the first look.
type whatIfOnDemand struct {
	ctx    context.Context
	start  sync.Once
	engine *whatif.Engine
}

// Status returns the engine's status.
func (w *whatIfOnDemand) Status() whatif.Status {
	w.start.Do(func() { go w.engine.Watch(w.ctx) })
	return w.engine.Status()
}

// Answer asks the engine.
func (w *whatIfOnDemand) Answer(ctx context.Context, person string, wish whatif.Wish) (*whatif.Answer, error) {
	w.Status()
	return w.engine.Answer(ctx, person, wish)
}

// planProblems are the problems of the plans of a home.
type planProblems struct {
	a     *app
	store *serve.FileStore
}

// Version names the plan in force.
func (p *planProblems) Version() string {
	if plan := p.store.LatestPlan(); plan != nil {
		return plan.SHA256
	}
	return ""
}

// Load reads the plan's problem by the pipeline.
func (p *planProblems) Load(ctx context.Context) (*whatif.Problem, error) {
	plan := p.store.LatestPlan()
	if plan == nil {
		return nil, fmt.Errorf("%w: no plan", data.ErrUsage)
	}
	config, err := p.a.loadConfig()
	if err != nil {
		return nil, err
	}
	w, err := pipeline.OpenWhatIf(ctx, p.a.home, config, plan.AsOf)
	if err != nil {
		return nil, err
	}
	return &whatif.Problem{PlanID: plan.ID, AsOf: w.AsOf, Grid: w.Grid, Allowed: w.Allowed, Segments: w.Segments,
		FixedCents: w.FixedCents, TakenCents: w.TakenCents, TakenSlots: w.TakenSlots,
		MinimumRow: pipeline.SegmentMinimumName, MaximumRow: pipeline.SegmentMaximumName,
		Release: func() {
			if err := w.Close(); err != nil {
				slog.Warn("what-if: values could not be closed", "error", err)
			}
		}}, nil
}

// makeDraft makes a whole plan with other limits, and a draft of it in the ledger.
func (a *app) makeDraft(ctx context.Context, l *ledger.Store, maker string, asOf data.Date, wish whatif.Wish) (string, error) {
	config, err := a.loadConfig()
	if err != nil {
		return "", err
	}
	draft, err := pipeline.PlanWith(ctx, a.home, config, asOf, changesOf(wish, config, asOf))
	if err != nil {
		return "", err
	}
	proposal := ledger.Proposal{PlanID: draft.Plan.PlanID, Maker: maker, AsOf: draft.AsOf, FileSHA256: draft.Plan.SHA256}
	for _, action := range draft.Actions {
		proposal.Actions = append(proposal.Actions, ledger.Action{Action: action, Segment: draft.Segments[action.CustomerID]})
	}
	made, err := l.CreatePlan(ctx, proposal)
	return made.ID, err
}

// changesOf turns a wish into limits of single days.
func changesOf(wish whatif.Wish, config *pipeline.Config, asOf data.Date) pipeline.Changes {
	out := pipeline.Changes{BudgetCents: wish.BudgetCents, MinCoverage: map[string]float64{}}
	limits := map[optimizer.Slot]int64{}
	for _, c := range wish.Capacities {
		for day := asOf; day < asOf+data.Date(config.Features.PlanDays); day++ {
			if c.Day == 0 || c.Day == day {
				limits[optimizer.Slot{Channel: c.Channel, Day: day}] = c.Touches
			}
		}
	}
	for _, ch := range wish.Off {
		for day := asOf; day < asOf+data.Date(config.Features.PlanDays); day++ {
			limits[optimizer.Slot{Channel: ch, Day: day}] = 0
		}
	}
	slots := make([]optimizer.Slot, 0, len(limits))
	for slot := range limits {
		slots = append(slots, slot)
	}
	optimizer.SortSlots(slots)
	for _, slot := range slots {
		out.Capacities = append(out.Capacities, pipeline.CapacityChange{Channel: slot.Channel, Day: slot.Day, Touches: limits[slot]})
	}
	for _, c := range wish.Coverage {
		out.MinCoverage[c.Segment] = c.Share
	}
	return out
}
