package optimizer

import (
	"cmp"
	"context"
	"errors"
	"math"
	"slices"
)

// Constants of the way from one limit to the next.
const (
	curveSteps   = 10   // boxes before the search starts anew from the sample
	curveSample  = 4096 // sampled customers who say where prices move first,
	curveLadders = 512  // fewer where each has many ladders to list,
	curvePerRow  = 8    // and at least so many for each row
	curveCloser  = 2048 // those with ladders who say it again, from what everybody takes there
	curveGrowths = 3    // of the box for the sample
	curveBend    = 0.2  // how far from a line prices may be between two limits, over how far it goes,
	curveBeyond  = 0.4  // the same beyond two limits,
	curveRoom    = 0.02 // and over the mean price
	curveReach   = 0.6  // how far, over the larger limit, prices can be foretold,
	// and how far beyond two limits, over the logarithm of their ratio.
	curveFarthest = 1.5
)

// curveWalk goes from limit to limit.
type curveWalk struct {
	Boxstep
	ctx    context.Context
	m      *market
	row    int
	solved []curvePrice
}

// curvePrice is the prices of a limit that was solved, and what its optimum uses and
// is worth.
type curvePrice struct {
	limit float64
	known
	cents float64
}

// keep remembers the optimum of a limit.
func (c *curveWalk) keep(limit float64, a *Allocation) {
	c.solved = append(c.solved, curvePrice{limit, known{price: c.m.inner(a.Prices), used: a.total}, a.ObjectiveCents})
}

// nearest returns the solved limit that is nearest by ratio, other than one; nil
// for none.
func (c *curveWalk) nearest(limit float64, but *curvePrice) *curvePrice {
	var best *curvePrice
	least := math.Inf(1)
	for k := range c.solved {
		if moved := movedBy(c.solved[k].limit, limit); moved < least && &c.solved[k] != but {
			best, least = &c.solved[k], moved
		}
	}
	return best
}

// movedBy returns how far apart two limits are, over the larger.
func movedBy(from, to float64) float64 {
	return math.Abs(to-from) / max(math.Abs(from), math.Abs(to), 1e-9)
}

func (c *curveWalk) solve(limit float64) (CurvePoint, error) {
	m := c.at(limit)
	run := c.newRun(c.ctx, m)
	run.anonymous = true
	a, err := c.search(run, limit)
	point := CurvePoint{Limit: limit, FullReads: run.work.FullReads}
	switch {
	case errors.Is(err, errCapped):
		point.Status = Infeasible
		return point, nil
	case err != nil:
		return point, err
	}
	c.keep(limit, a)
	point.Status, point.ObjectiveCents, point.BoundCents, point.Price = a.Status, a.ObjectiveCents, a.BoundCents, a.Prices[c.row]
	return point, nil
}

// read returns what one read of everybody, at prices between those of the solved
// limits beside a limit, says of its optimum. The upper bound is off by the square
// only of how far these prices are from the best; the lower one is that of a mixture.
func (c *curveWalk) read(limit float64) (reading, error) {
	m := c.at(limit)
	price := c.between(limit)
	found, err := m.scan(c.ctx, []request{{box: box{price, price, price}, limit: 1, totals: true, slots: true}})
	if err != nil {
		return reading{}, err
	}
	out := reading{limit, math.Inf(-1), m.bound(found[0], price), m.t.sign[c.row] * price[c.row]}
	plans := make([]curvePlan, 0, len(c.solved)+1)
	for k := range c.solved {
		plans = append(plans, curvePlan{c.solved[k].used, c.solved[k].cents})
	}
	plans = append(plans, curvePlan{found[0].used, found[0].worth})
	low, ok, err := m.mixed(c.ctx, c.LP, plans, found[0].slots)
	if ok {
		out.low = low
	}
	return out, err
}

// between returns prices for a limit that lies between solved ones: on the parabola
// through those of the nearest on either side and of the next, if there is one, over
// the logarithm of the limit.
func (c *curveWalk) between(limit float64) []float64 {
	near := slices.Clone(c.solved)
	place := func(p curvePrice) float64 { return math.Log(max(p.limit, 1e-9) / max(limit, 1e-9)) }
	slices.SortFunc(near, func(a, b curvePrice) int { return cmp.Compare(abs(place(a)), abs(place(b))) })
	below := slices.IndexFunc(near, func(p curvePrice) bool { return p.limit <= limit })
	above := slices.IndexFunc(near, func(p curvePrice) bool { return p.limit > limit })
	next := slices.IndexFunc(near, func(p curvePrice) bool { return p.limit < near[below].limit || p.limit > near[above].limit })
	a, b := near[below], near[above]
	x, y := place(a), place(b) // the limit's own place is 0
	price := make([]float64, len(a.price))
	for r := range price {
		price[r] = (y*a.price[r] - x*b.price[r]) / (y - x)
	}
	if next >= 0 {
		third := near[next]
		z := place(third)
		for r := range price {
			straight := ((y-z)*a.price[r] + (z-x)*b.price[r]) / (y - x)
			price[r] += (third.price[r] - straight) * x * y / ((z - x) * (z - y))
		}
	}
	for r := range price {
		price[r] = max(0, price[r])
	}
	return price
}

// at returns the market with another limit.
func (c *curveWalk) at(limit float64) *market {
	g := *c.m.g
	g.Rows = slices.Clone(g.Rows)
	g.Rows[c.row].Limit = limit
	m := *c.m
	m.g, m.t = &g, newUseTable(&g)
	return &m
}

// search starts where the sample says that the change of the limit moves the
// prices, and from the sample itself where that leads nowhere: around limits at
// which a row begins to bind, prices jump.
func (c *curveWalk) search(run *boxstepRun, limit float64) (*Allocation, error) {
	near := c.nearest(limit, nil)
	if near == nil || run.m.inOneProgram(run.MaxColumns) || movedBy(near.limit, limit) > curveReach {
		return run.search()
	}
	centre, half, ok, err := c.start(run, near, limit)
	if err != nil {
		return nil, err
	}
	if ok {
		a, err := run.searchFrom(centre, half, curveSteps)
		if !errors.Is(err, errUnsettled) {
			return a, err
		}
	}
	run.restart()
	return run.search()
}

// start returns a first box for the prices of a limit, from those of the nearest
// that was solved; ok is false where the sample cannot tell. A read of everybody pays
// where the sample is but some of them.
func (c *curveWalk) start(run *boxstepRun, near *curvePrice, limit float64) (centre, half []float64, ok bool, err error) {
	m, all := run.m, run.m.sample.Customers
	b, narrow := c.foretold(near, limit)
	if !narrow {
		within := halfOf(b)
		size := curveSample
		if m.t.rule.touches() > 1 {
			size = curveLadders
		}
		size = min(all, max(size, curvePerRow*m.rows()))
		if centre, half, ok = run.moved(b, near.known, size, coolTemper, sampleErrors, curveGrowths); !ok {
			return nil, nil, false, run.ctx.Err()
		}
		for r, most := range within {
			if limit < near.limit { // where there is more of it, other rows begin to bind
				half[r] = min(half[r], most)
			}
		}
		b = m.boxAround(centre, half)
	}
	if m.t.rule.touches() > 1 && m.values.Customers() < totalsFrom*all {
		// Listing everybody's ladders takes long where prices are far from the best.
		if centre, half, ok, err = run.fromTotals(b, min(all, curveCloser), coolTemper, sampleErrors); !ok || err != nil {
			return nil, nil, false, errors.Join(err, run.ctx.Err())
		}
		b = m.boxAround(centre, half)
	}
	if m.values.Customers() >= totalsFrom*all {
		run.sampleHalf = halfOf(b)
		centre, half, err = run.corrected(b.centre)
		return centre, half, true, err
	}
	centre, half, ok = run.moved(b, near.known, all, changeTemper, changeErrors, curveGrowths)
	return centre, half, ok, run.ctx.Err()
}

// halfOf returns how far a box reaches from its centre.
func halfOf(b box) []float64 {
	half := make([]float64, len(b.centre))
	for r, y := range b.centre {
		half[r] = max(b.upper[r]-y, y-b.lower[r])
	}
	return half
}

// foretold returns a box for the prices of a limit: where the line through those of
// the nearest two that were solved leads, or around those of a single one. narrow
// says that it lies between two.
func (c *curveWalk) foretold(near *curvePrice, limit float64) (b box, narrow bool) {
	other := c.nearest(limit, near)
	if other == nil || movedBy(other.limit, near.limit) > curveReach {
		return c.m.moveBox(near, limit, c.row), false
	}
	w := math.Log(limit/near.limit) / math.Log(other.limit/near.limit)
	if !(w >= -curveFarthest && w <= 1) {
		return c.m.moveBox(near, limit, c.row), false
	}
	bend := curveBeyond
	if narrow = w > 0; narrow {
		bend = curveBend
	}
	mean := c.m.meanCents(near.price)
	centre, half := make([]float64, len(near.price)), make([]float64, len(near.price))
	for r, y := range near.price {
		along := w * (other.price[r] - y)
		centre[r] = max(0, y+along)
		half[r] = bend*abs(along) + curveRoom*mean/c.m.t.scale[r]
	}
	return c.m.boxAround(centre, half), narrow
}

// moveBox returns the box that the prices of a limit may be moved in by another
// limit of a row.
func (m *market) moveBox(near *curvePrice, limit float64, row int) box {
	half := make([]float64, len(near.price))
	moved := movedBy(near.limit, limit)
	mean := m.meanCents(near.price)
	for r, y := range near.price {
		half[r] = (0.2+2*moved)*y + 0.2*mean/m.t.scale[r]
	}
	half[row] = max(half[row], (0.2+4*moved)*near.price[row])
	return m.boxAround(near.price, half)
}
