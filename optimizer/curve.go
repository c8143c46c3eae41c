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

	start  *CurvePoint // what was known beforehand; nil for nothing
	bounds []line      // upper bounds beside those of the optima
}

// line is an upper bound for every limit: the dual of some prices.
type line struct {
	limit, cents float64 // the bound at the limit
	price        float64 // its slope
}

func (l line) at(limit float64) float64 { return l.cents + l.price*(limit-l.limit) }

// curveWidth is the width of the band, over its upper edge, at which a point
// needs no solve of its own.
const curveWidth = 1e-2

// Curve returns what limits of one row bring in: the smallest and the largest
// are solved, and then, as long as some point's band is wider than one per cent,
// the point where it is widest, each from the prices of the nearest one that was
// solved. Where only the upper edge of a band is too far off, one read at prices
// between those of the solved limits beside it lowers that, without a solve. from is
// an allocation of g to start from; nil for none. A limit with which some demand
// cannot be met gives a point of status Infeasible.
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
		k, bound := out.next()
		if k < 0 {
			return out, nil
		}
		if bound {
			p := &out.Points[k]
			l, err := c.bound(p.Limit)
			if err != nil {
				return nil, err
			}
			out.bounds = append(out.bounds, l)
			p.FullReads++
			continue
		}
		if out.Points[k], err = c.solve(out.Points[k].Limit); err != nil {
			return nil, err
		}
		if out.Points[k].Status == Infeasible {
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
	c.eachOptimum(func(p *CurvePoint) { high = min(high, line{p.Limit, p.BoundCents, p.Price}.at(limit)) })
	for _, l := range c.bounds {
		high = min(high, l.at(limit))
	}
	switch left, right := c.beside(limit); {
	case left != nil && right != nil:
		w := (limit - left.Limit) / (right.Limit - left.Limit)
		low = (1-w)*left.ObjectiveCents + w*right.ObjectiveCents
	case left != nil && left.Price >= 0: // more of a ≤ row never hurts
		low = left.ObjectiveCents
	}
	return low, high
}

// beside returns the nearest optima up to a limit and beyond it; nil for none.
func (c *Curve) beside(limit float64) (left, right *CurvePoint) {
	c.eachOptimum(func(p *CurvePoint) {
		if p.Limit <= limit {
			if left == nil || p.Limit > left.Limit {
				left = p
			}
		} else if right == nil || p.Limit < right.Limit {
			right = p
		}
	})
	return left, right
}
