package optimizer

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"dunning/data"
)

// CurvePoint is the optimum with another limit of one row.
type CurvePoint struct {
	Limit float64
	// Status is NotSolved where the points beside it say enough; then only the
	// band is set.
	Status         Status
	Low, High      float64 // cents between which the optimum lies; equal but for rounding where solved
	ObjectiveCents float64
	BoundCents     float64
	Price          float64 // DualPrice of the row: the slope of the curve
	FullReads      int
}

// Curve is what a row's limit brings in: a budget–recovery curve. Between its
// points it is known to lie in a band: the optimum is concave in a limit, so it
// is never below the chord of two points, nor above the line that a point's
// price draws.
type Curve struct {
	Row    string
	Points []CurvePoint // by limit

	start *CurvePoint // what was known beforehand; nil for nothing
}

// Constants of the way from one limit to the next.
const (
	curveSteps   = 10   // boxes before the search starts anew from the sample
	curveSample  = 4096 // sampled customers who say where prices move first,
	curvePerRow  = 8    // and at least so many for each row
	curveGrowths = 3    // of the box for the sample
	curveBend    = 0.2  // how far from a line prices may be between two limits, over their difference,
	curveRoom    = 0.02 // and over the mean price
	curveReach   = 0.6  // how far, over the larger limit, prices can be foretold
)

// curveWidth is the width of the band, over its upper edge, at which a point
// needs no solve of its own.
const curveWidth = 1e-2

// Curve returns what limits of one row bring in: the smallest and the largest
// are solved, and then, as long as some point's band is wider than one per cent,
// the point where it is widest, each from the prices of the nearest one that was
// solved. from is an allocation of g to start from; nil for none. A limit with
// which some demand cannot be met gives a point of status Infeasible.
func (s Boxstep) Curve(ctx context.Context, g *Grid, row int, limits []float64, from *Allocation) (*Curve, error) {
	if row < 0 || row >= len(g.Rows) {
		return nil, fmt.Errorf("%w: row %d of %d", data.ErrUsage, row, len(g.Rows))
	}
	if err := g.Validate(); err != nil {
		return nil, err
	}
	m, err := newMarket(ctx, g)
	if err != nil {
		return nil, err
	}
	c := &curveWalk{Boxstep: s, ctx: ctx, m: m, row: row}
	out := &Curve{Row: g.Rows[row].Name, Points: make([]CurvePoint, len(limits))}
	for k, limit := range slices.Sorted(slices.Values(limits)) {
		out.Points[k].Limit = limit
	}
	if from != nil && from.Status == Optimal {
		c.solved = append(c.solved, curvePrice{g.Rows[row].Limit, known{m.inner(from.Prices), from.total}})
		out.start = &CurvePoint{Limit: g.Rows[row].Limit, Status: Optimal, ObjectiveCents: from.ObjectiveCents,
			BoundCents: from.BoundCents, Price: from.Prices[row]}
	}
	for {
		k := out.widest()
		if k < 0 {
			return out, nil
		}
		if out.Points[k], err = c.solve(out.Points[k].Limit); err != nil {
			return nil, err
		}
	}
}

// widest sets the bands and returns the point that most needs to be solved; −1
// for none. The ends come first.
func (c *Curve) widest() int {
	widest, most := -1, curveWidth
	for k := range c.Points {
		p := &c.Points[k]
		p.Low, p.High = c.Band(p.Limit)
		if p.Status != NotSolved {
			continue
		}
		if k == 0 || k == len(c.Points)-1 && math.IsInf(p.Low, -1) {
			return k
		}
		if width := (p.High - p.Low) / max(1, math.Abs(p.High)); width > most {
			widest, most = k, width
		}
	}
	return widest
}

// inner turns prices into the direction ≤.
func (m *market) inner(prices []float64) []float64 {
	out := make([]float64, len(prices))
	for r, y := range prices {
		out[r] = m.t.sign[r] * y
	}
	return out
}

// curveWalk goes from limit to limit.
type curveWalk struct {
	Boxstep
	ctx    context.Context
	m      *market
	row    int
	solved []curvePrice
}

// curvePrice is the prices of a limit that was solved, and what its optimum uses.
type curvePrice struct {
	limit float64
	known
}

// nearest returns the solved limit that is nearest by ratio; nil for none.
func (c *curveWalk) nearest(limit float64) *curvePrice {
	var best *curvePrice
	least := math.Inf(1)
	for k := range c.solved {
		if moved := movedBy(c.solved[k].limit, limit); moved < least {
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
	run.chosen = nil // nobody asks who is touched
	a, err := c.search(run, limit)
	point := CurvePoint{Limit: limit, FullReads: run.work.FullReads}
	switch {
	case errors.Is(err, errCapped):
		point.Status = Infeasible
		return point, nil
	case err != nil:
		return point, err
	}
	c.solved = append(c.solved, curvePrice{limit, known{m.inner(a.Prices), a.total}})
	point.Status, point.ObjectiveCents, point.BoundCents, point.Price = a.Status, a.ObjectiveCents, a.BoundCents, a.Prices[c.row]
	return point, nil
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
	near := c.nearest(limit)
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
	totals := m.values.Customers() >= totalsFrom*all
	b, narrow := c.boxBetween(limit)
	if !narrow {
		b = m.moveBox(near, limit, c.row)
	}
	if !narrow || totals {
		size := min(all, max(curveSample, curvePerRow*m.rows()))
		if centre, half, ok = run.moved(b, near.known, size, coolTemper, sampleErrors, curveGrowths); !ok {
			return nil, nil, false, run.ctx.Err()
		}
		b = m.boxAround(centre, half)
	}
	if totals {
		run.sampleHalf = half
		centre, half, err = run.corrected(centre)
		return centre, half, true, err
	}
	centre, half, ok = run.moved(b, near.known, all, changeTemper, changeErrors, curveGrowths)
	return centre, half, ok, run.ctx.Err()
}

// boxBetween returns a box for the prices of a limit between two solved ones that
// are near each other; false without them.
func (c *curveWalk) boxBetween(limit float64) (b box, ok bool) {
	var left, right *curvePrice
	for k := range c.solved {
		p := &c.solved[k]
		if p.limit <= limit && (left == nil || p.limit > left.limit) {
			left = p
		}
		if p.limit > limit && (right == nil || p.limit < right.limit) {
			right = p
		}
	}
	if left == nil || right == nil || movedBy(left.limit, right.limit) > curveReach {
		return box{}, false
	}
	w := (limit - left.limit) / (right.limit - left.limit)
	mean := c.m.meanCents(left.price)
	centre, half := make([]float64, len(left.price)), make([]float64, len(left.price))
	for r, y := range left.price {
		z := right.price[r]
		centre[r] = (1-w)*y + w*z
		half[r] = curveBend*abs(y-z) + curveRoom*mean/c.m.t.scale[r]
	}
	return c.m.boxAround(centre, half), true
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

// Band returns what is known of the optimum at a limit: it lies between low and
// high. Without a solved point low is −∞ and high +∞.
func (c *Curve) Band(limit float64) (low, high float64) {
	low, high = math.Inf(-1), math.Inf(1)
	var left, right *CurvePoint
	look := func(p *CurvePoint) {
		if p == nil || p.Status != Optimal {
			return
		}
		high = min(high, p.BoundCents+p.Price*(limit-p.Limit))
		if p.Limit <= limit {
			if left == nil || p.Limit > left.Limit {
				left = p
			}
		} else if right == nil || p.Limit < right.Limit {
			right = p
		}
	}
	look(c.start)
	for k := range c.Points {
		look(&c.Points[k])
	}
	switch {
	case left != nil && right != nil:
		w := (limit - left.Limit) / (right.Limit - left.Limit)
		low = (1-w)*left.ObjectiveCents + w*right.ObjectiveCents
	case left != nil && left.Price >= 0: // more of a ≤ row never hurts
		low = left.ObjectiveCents
	}
	return low, high
}
