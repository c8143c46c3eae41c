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

// curveSample is how many sampled customers say how prices move from one limit
// to the next, curveErrors how many of their standard errors a box reaches:
// the errors of two limits are nearly the same and cancel.
const (
	curveSample = 65_536
	curveErrors = 1.0
	curveSteps  = 10   // boxes before the search starts anew from the sample
	curveReach  = 0.35 // how far, over the larger limit, prices can be foretold
)

// curveWidth is the width of the band, over its upper edge, at which a point
// needs no solve of its own.
const curveWidth = 5e-3

// Curve returns what limits of one row bring in: the smallest and the largest
// are solved, and then, as long as some point's band is wider than half a per cent,
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
		c.known = append(c.known, curvePrice{g.Rows[row].Limit, m.inner(from.Prices), nil})
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
	ctx   context.Context
	m     *market
	row   int
	known []curvePrice
	// sampled is the sample's prices of the limit at hand; nil if unknown.
	sampled []float64
}

// curvePrice is the prices of a limit that was solved.
type curvePrice struct {
	limit  float64
	price  []float64 // direction ≤
	sample []float64 // those of the sampled customers alone; nil if unknown
}

// nearest returns the solved limit that is nearest by ratio; nil for none.
func (c *curveWalk) nearest(limit float64) *curvePrice {
	var best *curvePrice
	least := math.Inf(1)
	for k := range c.known {
		if moved := movedBy(c.known[k].limit, limit); moved < least {
			best, least = &c.known[k], moved
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
	c.known = append(c.known, curvePrice{limit, m.inner(a.Prices), c.sampled})
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
	c.sampled = nil
	size := min(curveSample, run.m.sample.Customers)
	near := c.nearest(limit)
	if near == nil || run.m.values.Customers() <= size || movedBy(near.limit, limit) > curveReach {
		return run.search()
	}
	cool := coolTemper * run.m.typical
	around := run.m.moveBox(near.price, near.limit, limit, c.row)
	if near.sample == nil {
		then := c.newRun(c.ctx, c.at(near.limit))
		then.temperature = cool
		near.sample, _ = then.sampleStep(size, near.price, around, curveErrors, 0)
	}
	run.temperature = cool
	now, half := run.sampleStep(size, near.price, around, curveErrors, 0)
	centre := make([]float64, len(now))
	for r := range centre {
		centre[r] = max(0, near.price[r]+now[r]-near.sample[r])
	}
	c.sampled = now
	a, err := run.searchFrom(centre, half, curveSteps)
	if errors.Is(err, errUnsettled) {
		c.sampled = nil
		run.restart()
		return run.search()
	}
	return a, err
}

// moveBox returns how far prices may be moved by another limit of a row.
func (m *market) moveBox(price []float64, from, to float64, row int) []float64 {
	half := make([]float64, len(price))
	moved := movedBy(from, to)
	mean := m.meanCents(price)
	for r := range price {
		half[r] = (0.2+2*moved)*price[r] + 0.2*mean/m.t.scale[r]
	}
	half[row] = max(half[row], (0.2+4*moved)*price[row])
	return half
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
