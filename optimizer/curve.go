package optimizer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"dunning/data"
)

// CurvePoint is the optimum with another limit of one row.
type CurvePoint struct {
	Limit          float64
	Status         Status
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
}

// curveSample is how many sampled customers say how prices move from one limit
// to the next, curveErrors how many of their standard errors a box reaches:
// the errors of two limits are nearly the same and cancel.
const (
	curveSample = 65_536
	curveErrors = 0.5
	curveSteps  = 8 // boxes before the search starts anew from the sample
)

// Curve solves g with each of the limits for one row, each from the prices of
// the one before. from is an allocation of g to start from; nil for none. A
// limit with which some demand cannot be met gives a point of status
// Infeasible.
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
	if from != nil && from.Status == Optimal {
		c.price, c.limit = m.inner(from.Prices), g.Rows[row].Limit
	}
	out := &Curve{Row: g.Rows[row].Name, Points: make([]CurvePoint, len(limits))}
	order := make([]int, len(limits)) // downwards: prices jump less
	for k := range order {
		order[k] = k
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(limits[b], limits[a]) })
	for _, k := range order {
		if out.Points[k], err = c.solve(limits[k]); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(out.Points, func(a, b CurvePoint) int { return cmp.Compare(a.Limit, b.Limit) })
	return out, nil
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
	limit  float64   // of the last solve
	price  []float64 // of the last solve, direction ≤; nil before the first
	sample []float64 // prices of the sampled customers alone with that limit; nil if unknown
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
	c.limit, c.price = limit, m.inner(a.Prices)
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
	size := min(curveSample, run.m.sample.Customers)
	if c.price == nil || run.m.values.Customers() <= size {
		return run.search()
	}
	cool := coolTemper * run.m.typical
	around := run.m.moveBox(c.price, c.limit, limit, c.row)
	if c.sample == nil {
		then := c.newRun(c.ctx, c.at(c.limit))
		then.temperature = cool
		c.sample, _ = then.sampleStep(size, c.price, around, curveErrors)
	}
	run.temperature = cool
	now, half := run.sampleStep(size, c.price, around, curveErrors)
	centre := make([]float64, len(now))
	for r := range centre {
		centre[r] = max(0, c.price[r]+now[r]-c.sample[r])
	}
	c.sample = now
	a, err := run.searchFrom(centre, half, curveSteps)
	if errors.Is(err, errUnsettled) {
		c.sample = nil
		run.restart()
		return run.search()
	}
	return a, err
}

// moveBox returns how far prices may be moved by another limit of a row.
func (m *market) moveBox(price []float64, from, to float64, row int) []float64 {
	half := make([]float64, len(price))
	moved := math.Abs(to-from) / max(math.Abs(from), math.Abs(to), 1e-9)
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
	for k := range c.Points {
		p := &c.Points[k]
		if p.Status != Optimal {
			continue
		}
		high = min(high, p.BoundCents+p.Price*(limit-p.Limit))
		if p.Limit <= limit {
			left = p
		} else if right == nil {
			right = p
		}
	}
	switch {
	case left != nil && right != nil:
		w := (limit - left.Limit) / (right.Limit - left.Limit)
		low = (1-w)*left.ObjectiveCents + w*right.ObjectiveCents
	case left != nil: // more of a ≤ row never hurts
		low = left.ObjectiveCents
	}
	return low, high
}
