package optimizer

import (
	"sync"
	"time"
)

// finish assembles the whole solution: winners of the decided customers, the
// reduced program's shares of the others, its prices.
func (s *boxstepRun) finish(b box, found *scanned, program *reduced, res *LPSolution) (*Allocation, error) {
	began := time.Now()
	var split []Share
	if s.chosen != nil {
		s.m.narrowGroups(s.wide.open, b, s.chosen)
		split = program.shares(res, s.chosen)
	}
	prices := boxed(res.Prices, b)
	a := &Allocation{Status: Optimal, Chosen: s.chosen, Split: split,
		ObjectiveCents: found.worth + program.worth + res.Objective, BoundCents: s.m.bound(found, prices) + s.loosened,
		near: found.open, used: found.used, worth: found.worth, total: program.total(res, s.m.t.limit), short: program.overflows(res)}
	if s.m.soft == nil && s.m.hasClosed() {
		if err := s.m.closedPrices(s.ctx, prices); err != nil {
			return nil, err
		}
		s.work.FullReads++
	}
	s.work.FinishSeconds += time.Since(began).Seconds()
	if s.loosened > 0 && s.chosen != nil {
		if err := s.restate(a, prices); err != nil {
			return nil, err
		}
	}
	if s.Intervals {
		s.chosen = nil // the answer's now
		var err error
		if a.Intervals, err = s.intervals(b, program, prices); err != nil {
			return nil, err
		}
	}
	for r := range prices {
		prices[r] = 0 + s.m.t.sign[r]*prices[r] // 0 + −0 is +0
	}
	a.Prices, a.Iterations, a.Work = prices, s.iterations, s.work
	return a, nil
}

// restate sets objective and bound of an allocation whose ties were broken by
// the true values, in one read.
func (s *boxstepRun) restate(a *Allocation, prices []float64) error {
	s.work.FullReads++
	shares := map[int32][]Share{}
	for _, x := range a.Split {
		shares[x.Customer] = append(shares[x.Customer], x)
	}
	worth, best := exactSum{units: centUnits}, exactSum{units: centUnits}
	var mu sync.Mutex
	err := eachBlock(s.ctx, s.m.values, func() func(Block) {
		search := s.m.newSearch(box{prices, prices, prices})
		tester := newTester(s.m.t, box{prices, prices, prices})
		values := make([]float64, s.m.t.slots)
		var keep []option
		return func(b Block) {
			got, most := exactSum{units: centUnits}, exactSum{units: centUnits}
			for i := range b.Customers {
				profile, v, id := b.profile(i), b.values(i, values), int32(b.First+i)
				got.add(s.m.t.worth(a.Chosen[id], v))
				for _, x := range shares[id] {
					got.add(x.Share * s.m.t.worth(x.Rungs, v))
				}
				keep, _ = search.decide(profile, v, 2, keep)
				most.add(keep[0].worth - tester.cost(profile, keep[0].rungs, prices))
			}
			mu.Lock()
			defer mu.Unlock()
			worth.merge(got)
			best.merge(most)
		}
	})
	var bound sum
	bound.add(best.value())
	for r, y := range prices {
		bound.add(y * s.m.t.limit[r])
	}
	a.ObjectiveCents, a.BoundCents = worth.value(), bound.value()
	return err
}

// bound returns the Lagrangian at prices within the box of found: limits at
// their prices, the decided at their winners, the others at their best.
func (m *market) bound(found *scanned, prices []float64) float64 {
	var total sum
	total.add(found.worth)
	for r, y := range prices {
		total.add(y * (m.t.limit[r] - found.used[r]))
	}
	t := newTester(m.t, box{centre: prices, lower: prices, upper: prices})
	var keep []option
	for _, g := range found.open {
		keep = t.among(g.profile, g.options, keep)
		s := keep[0].worth
		rows, amounts := t.uses(g.profile, keep[0].rungs)
		for k, r := range rows {
			s -= prices[r] * amounts[k]
		}
		total.add(float64(len(g.members)) * s)
	}
	return total.value()
}
