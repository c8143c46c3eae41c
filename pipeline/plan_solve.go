package pipeline

import (
	"context"
	"fmt"

	"dunning/data"
	"dunning/optimizer"
	"dunning/optimizer/clp"
	"dunning/pipeline/report"
)

// coverageRounds is how often a demand for touches is raised because ladders
// met it with fewer customers.
const coverageRounds = 8

// solve sets the answer: the optimum of the linear program, certified, and the
// whole ladders made of it.
func (p *planner) solve(ctx context.Context) error {
	solver := optimizer.Boxstep{LP: clp.New(), Start: p.start}
	if p.rule.Touches > 1 {
		free, err := p.allocate(ctx, solver)
		if err != nil {
			return err
		}
		left, capped, err := p.capped(ctx, free.Prices)
		if err != nil {
			return err
		}
		if p.out.Plan.Capped = capped; capped > 0 {
			p.out.Plan.UncappedCents = report.Known(free.BoundCents)
			if err := p.restrict(left); err != nil {
				return err
			}
		}
		solver.Start = free.Prices
	}
	solver.Intervals = !p.brief
	for round := 0; ; round++ {
		var err error
		if p.answer, err = p.allocate(ctx, solver); err != nil {
			return err
		}
		plan, err := optimizer.RoundGrid(ctx, solver.LP, p.grid, p.answer)
		if err != nil {
			return err
		}
		p.chosen = plan.Chosen
		short := p.uncovered()
		if len(short) == 0 || round == coverageRounds {
			p.out.Plan.Unmet = short
			for _, u := range plan.Unmet {
				p.out.Plan.Unmet = append(p.out.Plan.Unmet, data.Unmet{Row: u.Row, Demanded: u.Limit, Reached: u.Reach})
			}
			break
		}
		p.demandMore(short)
		solver.Start = p.answer.Prices
	}
	if err := p.trim(ctx); err != nil {
		return err
	}
	if err := p.checkLadders(); err != nil {
		return err
	}
	return p.certify(ctx)
}

// allocate solves the grid; anything but an optimum is an error.
func (p *planner) allocate(ctx context.Context, solver optimizer.Boxstep) (*optimizer.Allocation, error) {
	a, err := solver.Allocate(ctx, p.grid)
	if err != nil {
		return nil, err
	}
	if a.Status == optimizer.Infeasible {
		s := optimizer.Solution{Shortfalls: a.Shortfalls, Beside: a.Beside}
		return nil, fmt.Errorf("%w: no plan meets all rows: %s; lower a minimum in segments, or raise the budget or a capacity", data.ErrRefused, s.Conflict())
	}
	return a, a.Err()
}

// certify has the answer and the plan checked by code that no solver uses, and
// notes what it found.
func (p *planner) certify(ctx context.Context) error {
	certificate, err := optimizer.CheckGrid(ctx, p.grid, p.answer)
	if err != nil {
		return err
	}
	if err := certificate.Err(optimizer.Tolerance{}); err != nil {
		return err
	}
	whole, err := optimizer.CheckGrid(ctx, p.grid, &optimizer.Allocation{Status: optimizer.Optimal, Chosen: p.chosen, Prices: p.answer.Prices})
	if err != nil {
		return err
	}
	if whole.PlanFault != "" || whole.RowViolation > planTolerance && len(p.out.Plan.Unmet) == 0 {
		return fmt.Errorf("%w: the plan: row %q is violated by %g of its limit; %s", optimizer.ErrCertificate, whole.ViolatedRow, whole.RowViolation, whole.PlanFault)
	}
	out := p.out.Plan
	out.Status, out.Solver = p.answer.Status.String(), solverName
	out.ObjectiveCents, out.BoundCents, out.Gap = certificate.ObjectiveCents, certificate.BoundCents, certificate.Gap
	out.MaxViolation = report.Known(max(certificate.RowViolation, certificate.CustomerViolation, certificate.ShareViolation))
	out.PlanValueCents = whole.ObjectiveCents
	out.IntegralityLossCents = certificate.ObjectiveCents - whole.ObjectiveCents
	return nil
}

// planTolerance is how far, over its limit, rounding may carry a plan.
const planTolerance = 1e-8

// uncovered lists the segments whose minimum, a share of their customers, is
// not reached because some of the demanded touches go to the same customers.
func (p *planner) uncovered() (short []data.Unmet) {
	for _, s := range p.w.Config.Segments {
		if s.MinCoverage == nil {
			continue
		}
		touched := 0.0
		for i, r := range p.chosen {
			if r != optimizer.Hold && p.segmentOf(p.ids[i]) == s.Segment {
				touched++
			}
		}
		// A share that is no whole number of customers is met by the next
		// smaller one: the linear program breaks one of them.
		if want := *s.MinCoverage * float64(p.size[s.Segment]); touched <= want-1 {
			short = append(short, data.Unmet{Row: minimumName(s.Segment), Demanded: want, Reached: touched})
		}
	}
	return short
}

// demandMore raises the demands for touches by the customers that are missing.
func (p *planner) demandMore(short []data.Unmet) {
	for _, u := range short {
		for r := range p.grid.Rows {
			if p.grid.Rows[r].Name == u.Row {
				p.grid.Rows[r].Limit += u.Demanded - u.Reached
			}
		}
	}
}

// trim explains the ladders, and takes out of them the touches that do not earn
// their cost once they are discounted, the worst first: such a touch is chosen
// where budget is left over, but what is not spent today can be spent tomorrow.
// Segments with a minimum keep theirs.
func (p *planner) trim(ctx context.Context) error {
	for {
		var touched []int32
		for i, r := range p.chosen {
			if r != optimizer.Hold {
				touched = append(touched, int32(i))
			}
		}
		var err error
		if p.explained, err = optimizer.ExplainGrid(ctx, p.grid, p.answer.Prices, p.chosen, touched); err != nil {
			return err
		}
		trimmed := int64(0)
		for i := range p.explained {
			if x := &p.explained[i]; len(x.Touches) > 1 && !p.demanded[p.segmentOf(p.ids[x.Customer])] {
				if kept, ok := earning(x); ok {
					p.chosen[x.Customer] = kept
					trimmed++
				}
			}
		}
		if trimmed == 0 {
			return nil
		}
		p.out.Plan.Trimmed += trimmed
	}
}

// earning returns a ladder without the touch that falls most short of its cost,
// if one does.
func earning(x *optimizer.LadderExplanation) (kept optimizer.Rungs, ok bool) {
	worst, least := -1, 0.0
	for k, t := range x.Touches {
		if over := t.DiscountedCents - t.CostCents; over <= least {
			worst, least = k, over
		}
	}
	if worst < 0 {
		return 0, false
	}
	var slots []int
	for k, t := range x.Touches {
		if k != worst {
			slots = append(slots, t.Slot)
		}
	}
	return optimizer.RungsOf(slots...), true
}

// curveShares are the budgets, over the plan's own, for which the curve says
// what they would bring in, within one per cent.
var curveShares = [...]float64{0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.1, 1.25, 1.5, 1.75, 2, 2.25, 2.5, 3}

// curve says what other budgets would bring in. What réguas take is taken at
// every budget, and what it brings is part of each value.
func (p *planner) curve(ctx context.Context) error {
	if p.w.Config.BudgetCents == 0 {
		return nil
	}
	budget := float64(p.w.Config.BudgetCents)
	taken, fixed := budget-p.grid.Rows[budgetRow].Limit, p.fixedCents()
	var limits []float64
	for _, share := range curveShares { // but the plan's own, which is answered
		if limit := float64(data.RoundCents(budget*share)) - taken; limit >= 0 && share != 1 {
			limits = append(limits, limit)
		}
	}
	curve, err := optimizer.Boxstep{LP: clp.New()}.Curve(ctx, p.grid, budgetRow, limits, p.answer)
	if err != nil {
		return err
	}
	p.out.Plan.Curve = []data.BudgetPoint{{}}
	for _, share := range curveShares {
		point := data.BudgetPoint{BudgetCents: data.RoundCents(budget * share), Chosen: share == 1}
		limit := float64(point.BudgetCents) - taken
		if limit < 0 {
			continue // less than the réguas take
		}
		low, high := curve.Band(limit)
		if report.Known(low) == nil || report.Known(high) == nil {
			continue // a smaller budget need not allow the minimums
		}
		if point.Chosen {
			point.Solved, point.PriceCents = true, report.Known(p.answer.Prices[budgetRow])
		}
		for _, s := range curve.Points {
			if s.Limit == limit && s.Status == optimizer.Optimal {
				point.Solved, point.PriceCents = true, report.Known(s.Price)
			}
		}
		point.LowCents = data.RoundCents(low + fixed)
		point.ValueCents, point.HighCents = point.LowCents, max(point.LowCents, data.RoundCents(high+fixed))
		p.out.Plan.Curve = append(p.out.Plan.Curve, point)
	}
	return nil
}

// budgetRow is the budget's in the grid.
const budgetRow = 0
