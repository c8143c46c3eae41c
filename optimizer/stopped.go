package optimizer

import (
	"cmp"
	"context"
	"math"
	"slices"
)

// stopped answers for a search whose ctx is done: after a deadline with the best
// whole plan that a few reads find, after a cancel with the status alone.
func (s *boxstepRun) stopped() (*Allocation, error) {
	a := &Allocation{Status: contextStatus(s.ctx), Iterations: s.iterations, Work: s.work}
	if a.Status != TimeLimit {
		return a, nil
	}
	ctx := context.WithoutCancel(s.ctx)
	prices := s.centre
	if prices == nil {
		prices = make([]float64, s.m.rows())
	}
	plan, err := s.m.planAt(ctx, prices)
	if err != nil {
		return nil, err
	}
	a.Chosen, a.Prices, a.ObjectiveCents, a.BoundCents = plan.chosen, plan.prices, plan.worth, plan.bound
	a.Work.FullReads += plan.reads
	for r := range a.Prices {
		a.Prices[r] = 0 + s.m.t.sign[r]*a.Prices[r]
	}
	return a, nil
}

// pricedPlan is a whole plan in which everybody has what is best at some prices.
type pricedPlan struct {
	chosen       []Rungs
	prices       []float64 // of the bound
	worth, bound float64
	reads        int
}

// priceRises bounds the reads of planAt.
const priceRises = 24

// planAt returns the plan of the given prices, raised where it takes more than
// the limits until it fits; nobody is touched if even that does not help.
// Demands may go unmet. The bound is the best of all prices tried.
func (m *market) planAt(ctx context.Context, prices []float64) (*pricedPlan, error) {
	out := &pricedPlan{bound: math.Inf(1)}
	at := slices.Clone(prices)
	for range priceRises {
		near := make([]float64, m.rows()) // so that options that nearly tie are all there to choose from
		for r := range near {
			near[r] = 1e-4 * at[r]
		}
		b := m.boxAround(at, near)
		chosen := make([]Rungs, m.values.Customers())
		read, err := m.scan(ctx, []request{{box: b, limit: keepLimit, chosen: chosen}})
		if err != nil {
			return nil, err
		}
		found := read[0]
		out.reads++
		if bound := m.bound(found, b.centre); bound < out.bound {
			out.bound, out.prices = bound, b.centre
		}
		m.settleTies(found, chosen)
		fits := true
		for r, used := range found.used {
			if m.t.limit[r] >= 0 && used > m.t.limit[r]+rowSlackTolerance*max(1, m.t.limit[r]) {
				fits = false
				at[r] = max(1.25*at[r], at[r]+0.02*m.values.Largest()/m.t.scale[r])
			}
		}
		if fits {
			out.chosen, out.worth = chosen, found.worth
			return out, nil
		}
	}
	out.chosen = make([]Rungs, m.values.Customers())
	return out, nil
}

// settleTies gives each tied customer, one after the other, the ladder worth
// most that the limits still allow.
func (m *market) settleTies(found *scanned, chosen []Rungs) {
	t := &tester{t: m.t}
	for _, g := range found.open {
		options := slices.Clone(g.options)
		slices.SortFunc(options, func(a, b option) int { return cmp.Or(cmp.Compare(b.worth, a.worth), cmp.Compare(a.rungs, b.rungs)) })
		for _, i := range g.members {
			for _, o := range options {
				rows, amounts := t.uses(g.profile, o.rungs)
				if o.rungs != Hold && !m.fits(found.used, rows, amounts) {
					continue
				}
				for k, r := range rows {
					found.used[r] += amounts[k]
				}
				found.worth += o.worth
				chosen[i] = o.rungs
				break
			}
		}
	}
}

// fits reports whether uses keep within the limits; demands need not be met.
func (m *market) fits(used []float64, rows []int32, amounts []float64) bool {
	for k, r := range rows {
		if amounts[k] > 0 && used[r]+amounts[k] > m.t.limit[r] {
			return false
		}
	}
	return true
}
