package optimizer

import (
	"context"
	"math"
)

// curvePlan is what a plan uses of each row, in the direction ≤, and is worth.
type curvePlan struct {
	used  []float64
	worth float64
}

// mixture is the linear program that mixes known plans, so that together they keep
// within the limits: shares of plans that do, and a share of one that need not, less
// so much of the latter's ladders with a touch in each slot. What comes out is a
// plan of the relaxed problem, and so a lower bound of its optimum; nobody needs to
// know who is touched in it. (The restricted master program of Dantzig and Wolfe
// 1960, whose columns are plans.)
//
// A ladder with touches in several slots is dropped for each of them. Where of
// ladders of at most k touches at most a k-th is dropped for a slot, nobody gets less
// than nothing.
type mixture struct {
	m     *market
	plans []curvePlan // the last is the one of which parts are dropped
	slots []slotTotal // of that
	lp    *LP
}

// mixed returns the largest worth of a mixture; ok is false where none keeps within
// the limits.
func (m *market) mixed(ctx context.Context, solver LPSolver, plans []curvePlan, slots []slotTotal) (cents float64, ok bool, err error) {
	x := &mixture{m: m, plans: plans, slots: slots, lp: &LP{Name: "mixture"}}
	x.build()
	s, err := solver.SolveLP(ctx, x.lp)
	if err != nil || s.Status != Optimal {
		return 0, false, err
	}
	cents, ok = x.worth(s.X)
	return cents, ok, nil
}

// size returns what a row is counted in, so that the program's numbers are near 1.
func (x *mixture) size(r int) float64 {
	most := abs(x.m.t.limit[r])
	for _, p := range x.plans {
		most = max(most, abs(p.used[r]))
	}
	if most == 0 {
		return 1
	}
	return most
}

// drops lists the slots of which something can be dropped.
func (x *mixture) drops() (slots []int) {
	for s := range x.slots {
		for _, u := range x.slots[s].used {
			if u != 0 {
				slots = append(slots, s)
				break
			}
		}
	}
	return slots
}

// build makes the program: a column per plan, then one per slot to drop from; a row
// per coupling row, one for the shares and one per slot.
func (x *mixture) build() {
	n := x.m.rows()
	size, unit := make([]float64, n), 1.0
	for r := range size {
		size[r] = x.size(r)
		x.lp.AddRow(math.Inf(-1), x.m.t.limit[r]/size[r])
	}
	for _, p := range x.plans {
		unit = max(unit, abs(p.worth))
	}
	shares := x.lp.AddRow(math.Inf(-1), 1)
	drops := x.drops()
	for range drops {
		x.lp.AddRow(math.Inf(-1), 0)
	}
	var rows []int32
	var coefs []float64
	use := func(used []float64, sign float64) {
		rows, coefs = rows[:0], coefs[:0]
		for r, u := range used {
			if u != 0 {
				rows, coefs = append(rows, int32(r)), append(coefs, sign*u/size[r])
			}
		}
	}
	for k, p := range x.plans {
		use(p.used, 1)
		rows, coefs = append(rows, shares), append(coefs, 1)
		for d := range drops {
			if k == len(x.plans)-1 {
				rows, coefs = append(rows, shares+1+int32(d)), append(coefs, -1)
			}
		}
		x.lp.AddCol(p.worth/unit, 0, 1, rows, coefs)
	}
	for d, s := range drops {
		use(x.slots[s].used, -1)
		rows, coefs = append(rows, shares+1+int32(d)), append(coefs, float64(x.m.t.rule.touches()))
		x.lp.AddCol(-x.slots[s].worth/unit, 0, 1, rows, coefs)
	}
}

// worth adds up what a solution is worth once the solver's rounding is mended: all
// of it is scaled down by what it is beyond a limit.
func (x *mixture) worth(solution []float64) (cents float64, ok bool) {
	shares, drops := solution[:len(x.plans)], solution[len(x.plans):]
	total, all := sum{}, 0.0
	used := make([]sum, x.m.rows())
	take := func(share, worth float64, uses []float64) {
		total.add(share * worth)
		for r, u := range uses {
			used[r].add(share * u)
		}
	}
	for k, p := range x.plans {
		shares[k] = max(0, shares[k])
		all += shares[k]
		take(shares[k], p.worth, p.used)
	}
	for d, s := range x.drops() {
		drop := min(max(0, drops[d]), shares[len(shares)-1]/float64(x.m.t.rule.touches()))
		take(-drop, x.slots[s].worth, x.slots[s].used)
	}
	scale := min(1, 1/all)
	for r := range used {
		if u, limit := used[r].value(), x.m.t.limit[r]; u > limit && limit > 0 {
			scale = min(scale, limit/u)
		}
	}
	for r := range used {
		limit := x.m.t.limit[r]
		if scale*used[r].value() > limit+rowSlackTolerance*abs(limit) {
			return 0, false // a demand that it does not meet
		}
	}
	return scale * total.value(), true
}
