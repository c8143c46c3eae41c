package optimizer

import (
	"context"
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
	reads []reading   // beside the optima
}

// reading is what one read at some prices says of a limit.
type reading struct {
	limit float64
	low   float64 // what a plan is sure to bring; −∞ for none
	high  float64 // the bound that the prices give,
	price float64 // and its slope
}

// above returns the upper bound for another limit.
func (r reading) above(limit float64) float64 { return r.high + r.price*(limit-r.limit) }

// reading returns what an optimum says of its limit.
func (p *CurvePoint) reading() reading {
	return reading{p.Limit, p.ObjectiveCents, p.BoundCents, p.Price}
}

// curveWidth is the width of the band, over its upper edge, at which a point
// needs no solve of its own.
const curveWidth = 1e-2

// Curve returns what limits of one row bring in: the smallest and the largest
// are solved, and some between from near to near. Then, as long as some point's band
// is wider than one per cent, one read of everybody is made at the limit where it is
// widest, at prices between those of the solved limits beside it: their dual is an
// upper bound, and what is chosen at them, mixed with the plans known, a lower one.
// Where that is not enough, the point is solved, from the prices of the nearest one.
// from is an allocation of g to start from; nil for none. A limit with which some
// demand cannot be met gives a point of status Infeasible.
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
		c.keep(g.Rows[row].Limit, from)
		out.start = &CurvePoint{Limit: g.Rows[row].Limit, Status: Optimal, ObjectiveCents: from.ObjectiveCents,
			BoundCents: from.BoundCents, Price: from.Prices[row]}
	}
	for {
		k, read := out.next()
		if k < 0 {
			return out, nil
		}
		p := &out.Points[k]
		if read {
			said, err := c.read(p.Limit)
			if err != nil {
				return nil, err
			}
			out.reads = append(out.reads, said)
			p.FullReads++
			continue
		}
		reads := p.FullReads
		if *p, err = c.solve(p.Limit); err != nil {
			return nil, err
		}
		p.FullReads += reads
		if p.Status == Infeasible {
			out.unmet(k, g.Rows[row].Sense)
		}
	}
}

// inner turns prices into the direction ≤.
func (m *market) inner(prices []float64) []float64 {
	out := make([]float64, len(prices))
	for r, y := range prices {
		out[r] = m.t.sign[r] * y
	}
	return out
}

// Band returns what is known of the optimum at a limit: it lies between low and
// high. Without a solved point low is −∞ and high +∞.
func (c *Curve) Band(limit float64) (low, high float64) {
	low, high = math.Inf(-1), math.Inf(1)
	known := slices.Clone(c.reads)
	c.eachOptimum(func(p *CurvePoint) { known = append(known, p.reading()) })
	for _, left := range known {
		high = min(high, left.above(limit))
		if left.limit > limit {
			continue
		}
		if left.price >= 0 || left.limit == limit { // more of a ≤ row never hurts
			low = max(low, left.low)
		}
		for _, right := range known {
			if right.limit > limit && !math.IsInf(left.low+right.low, -1) { // a mixture of both plans
				w := (limit - left.limit) / (right.limit - left.limit)
				low = max(low, (1-w)*left.low+w*right.low)
			}
		}
	}
	return low, high
}
