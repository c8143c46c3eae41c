package pipeline

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"dunning/data"
	"dunning/optimizer"
	"dunning/optimizer/clp"
	"dunning/policy/regua"
)

// WhatIf is the problem that the plan of a day solved, for other limits to be
// tried on: the same customers, values, ladders, rows, réguas and caps. Every
// segment is a profile of its own, so that rows over any of them can be added.
// Amounts are in single precision, in files without a name that the system maps
// into memory.
type WhatIf struct {
	AsOf data.Date
	Plan *data.PlanFigures // as optimization.json has it
	// Grid's values are those of the touches that the plan may choose; Allowed
	// has those of every touch that the law allows, of the same customers.
	Grid     *optimizer.Grid
	Allowed  *optimizer.FileValues
	Segments []string // by profile
	// What réguas of the mode replace take before the program: their worth, their
	// cost, their touches.
	FixedCents float64
	TakenCents data.Cents
	TakenSlots map[optimizer.Slot]int64

	chosen *optimizer.FileValues
}

// Close gives up the values.
func (w *WhatIf) Close() error { return errors.Join(w.chosen.Close(), w.Allowed.Close()) }

// SegmentMinimumName names the row that demands contact within a segment.
func SegmentMinimumName(segment string) string { return minimumName(segment) }

// SegmentMaximumName names the row that limits a segment's share of the budget.
func SegmentMaximumName(segment string) string { return maximumName(segment) }

// OpenWhatIf reads the problem of a day's plan. It takes about as long as the
// stage that made the plan. The error wraps [data.ErrUsage] where the day has no
// plan.
func OpenWhatIf(ctx context.Context, home string, config *Config, asOf data.Date) (*WhatIf, error) {
	out, err := readOptimization(home, asOf)
	if err != nil {
		return nil, err
	}
	own := *config
	own.BudgetCents = out.Plan.BudgetCents
	p, done, err := openPlanner(ctx, home, &own, asOf)
	if err != nil {
		return nil, err
	}
	defer done()
	demanded := p.demanded
	p.everySegment(&own)
	if err := p.build(p.value, nil); err != nil {
		return nil, err
	}
	all, worth := p.values, newValuesLike(p)
	err = eachCustomer(all, func(_ int, profile int32, row []float64) error {
		if !demanded[p.book.segment[profile]] {
			for s, v := range row {
				if v <= p.book.cost[profile][s] {
					row[s] = optimizer.Forbidden
				}
			}
		}
		return worth.Add(profile, row)
	})
	if err != nil {
		return nil, err
	}
	if all, worth, err = p.cappedBoth(ctx, all, worth); err != nil {
		return nil, err
	}
	return p.whatIf(home, out.Plan, all, worth)
}

// readOptimization reads what the optimize stage said of a day's plan.
func readOptimization(home string, asOf data.Date) (*Optimization, error) {
	folder, err := OpenOutput(OptimizeStage().FolderOf(home, asOf))
	if err != nil {
		return nil, fmt.Errorf("%w: %s has no plan of %s: %w", data.ErrUsage, home, asOf, err)
	}
	var out Optimization
	if err := readJSON(folder.Path(optimizationFile), &out); err != nil {
		return nil, err
	}
	if out.Plan == nil {
		return nil, fmt.Errorf("%s: %w: no plan", folder.Dir, data.ErrDamagedFile)
	}
	return &out, nil
}

// openPlanner opens a planner of a day that follows the published réguas; done
// removes its scratch folder.
func openPlanner(ctx context.Context, home string, config *Config, asOf data.Date) (p *planner, done func(), err error) {
	w, done, err := openScored(home, config, asOf)
	if err != nil {
		return nil, nil, err
	}
	if p, err = newPlanner(ctx, w); err == nil {
		var set *regua.Set
		if set, _, err = regua.OpenStore(w.Home).Published(); err == nil {
			err = p.follow(ctx, set)
		}
	}
	if err != nil {
		done()
		return nil, nil, err
	}
	return p, done, nil
}

// everySegment has each segment be a profile and keep every allowed touch.
func (p *planner) everySegment(c *Config) {
	listed := map[string]bool{}
	for _, s := range c.Segments {
		listed[s.Segment] = true
	}
	c.Segments = slices.Clone(c.Segments)
	p.demanded = map[string]bool{}
	for id := range p.customer {
		p.demanded[p.segmentOf(id)] = true
	}
	for _, segment := range slices.Sorted(maps.Keys(p.demanded)) {
		if !listed[segment] {
			c.Segments = append(c.Segments, SegmentRow{Segment: segment})
		}
	}
}

// newValuesLike returns room for values of the precision of the planner's.
func newValuesLike(p *planner) *optimizer.MemoryValues {
	if p.wide {
		return optimizer.WideMemoryValues(len(p.slots), len(p.ids))
	}
	return optimizer.NewMemoryValues(len(p.slots), len(p.ids))
}

// cappedBoth leaves customers the days that limits on several touches leave them
// in the plan, in what the plan may choose and in all that is allowed.
func (p *planner) cappedBoth(ctx context.Context, all, worth *optimizer.MemoryValues) (a, w *optimizer.MemoryValues, err error) {
	if p.rule.Touches <= 1 {
		return all, worth, nil
	}
	p.values, p.grid.Values = worth, worth
	free, err := p.allocate(ctx, optimizer.Boxstep{LP: clp.New()})
	if err != nil {
		return nil, nil, err
	}
	restricted := func(values *optimizer.MemoryValues) (*optimizer.MemoryValues, error) {
		p.values = values
		left, capped, err := p.capped(ctx, free.Prices)
		if err == nil && capped > 0 {
			err = p.restrict(left)
		}
		return p.values, err
	}
	if w, err = restricted(worth); err != nil {
		return nil, nil, err
	}
	a, err = restricted(all)
	return a, w, err
}

// whatIf puts the values into files and gathers the rest.
func (p *planner) whatIf(home string, plan *data.PlanFigures, all, worth *optimizer.MemoryValues) (*WhatIf, error) {
	out := &WhatIf{AsOf: p.w.AsOf, Plan: plan, Segments: p.book.segment, FixedCents: p.fixedCents(), TakenCents: p.takenCents(), TakenSlots: map[optimizer.Slot]int64{}}
	if p.reguas != nil {
		out.TakenSlots = maps.Clone(p.reguas.wallet.takenSlots)
	}
	var err error
	if out.Allowed, err = mapped(home, all, p.grid.Profiles); err != nil {
		return nil, err
	}
	if out.chosen, err = mapped(home, worth, p.grid.Profiles); err != nil {
		return nil, errors.Join(err, out.Allowed.Close())
	}
	grid := *p.grid
	grid.Values = out.chosen
	out.Grid = &grid
	return out, nil
}

// mapped writes values to a file that loses its name at once, so that nothing is
// left of it however the process ends.
func mapped(home string, values *optimizer.MemoryValues, profiles int) (*optimizer.FileValues, error) {
	tmp := filepath.Join(home, "tmp")
	if err := os.MkdirAll(tmp, 0o755); err != nil {
		return nil, fmt.Errorf("pipeline: %w", err)
	}
	dir, err := os.MkdirTemp(tmp, "what-if-")
	if err != nil {
		return nil, fmt.Errorf("pipeline: %w", err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "values")
	w, err := optimizer.CreateValues(path, values.Slots(), profiles > 1)
	if err != nil {
		return nil, err
	}
	defer w.Abort()
	err = eachCustomer(values, func(_ int, profile int32, row []float64) error {
		for s, v := range row {
			row[s] = float64(float32(v))
		}
		return w.Add(profile, row)
	})
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		return nil, err
	}
	return optimizer.OpenValues(path)
}
