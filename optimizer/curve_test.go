//go:build cgo

package optimizer_test

import (
	"context"
	"math"
	"slices"
	"strings"
	"testing"

	"dunning/optimizer"
	"dunning/optimizer/clp"
)

// curveGrid is an instance whose budget binds, with limits from a tenth to twice
// that budget.
func curveGrid(t testing.TB, in optimizer.Instance, points int) (g *optimizer.Grid, limits []float64) {
	t.Helper()
	g, err := optimizer.NewInstance(in)
	if err != nil {
		t.Fatal(err)
	}
	g.Rows[0].Limit *= 0.4
	for k := range points {
		limits = append(limits, g.Rows[0].Limit*2*float64(k+1)/float64(points))
	}
	return g, limits
}

// The curve is held against an allocation of its own for every limit: objectives
// in the band, prices in their intervals, concave and non-decreasing.
func TestCurveIsThatOfAllocations(t *testing.T) {
	rule := optimizer.LadderRule{Touches: 3, GapDays: 2, Factor: [][]float64{nil, {0, 0, 0.5, 0.7}, {0, 0, 0.4, 0.5}}}
	for name, in := range map[string]optimizer.Instance{
		"touches":                     {Customers: 2500, Channels: 4, Days: 5, Seed: 15},
		"touches, segments":           {Customers: 2000, Channels: 3, Days: 4, Segments: 3, Seed: 16},
		"touches, demand":             {Customers: 2500, Channels: 4, Days: 5, Seed: 19},
		"ladders":                     {Customers: 1000, Channels: 2, Days: 6, Seed: 17, Ladder: rule},
		"ladders, demand, discounted": {Customers: 1000, Channels: 2, Days: 6, Seed: 20, Ladder: rule},
	} {
		t.Run(name, func(t *testing.T) {
			g, limits := curveGrid(t, in, 20)
			if strings.Contains(name, "demand") {
				g.AddRow("demand", optimizer.AtLeast, 40, func(_, s int) float64 { return is(s%3 == 2) })
				g.Rows[len(g.Rows)-1].Discounted = strings.Contains(name, "discounted")
			}
			reads, lows := 0, 0 // points that one read without a solve made narrow enough, and from below, too
			from := mustCertify(t, inBoxes(), g)
			s := inBoxes()
			s.LP, s.Intervals = clp.New(), true
			for began, start := range map[string]*optimizer.Allocation{"from nothing": nil, "from the allocation": from} {
				curve, err := s.Curve(context.Background(), g, 0, limits, start)
				if err != nil {
					t.Fatalf("%s: %v", began, err)
				}
				checkBands(t, curve)
				for k, p := range curve.Points {
					if p.Status == optimizer.NotSolved && p.FullReads > 0 {
						reads++
						lows += int(is(p.Low > chord(curve, k)*(1+1e-9)))
					}
				}
				if start != nil {
					checkPoints(t, s, g, curve)
				}
			}
			if reads == 0 || lows == 0 {
				t.Errorf("%d points were read without a solve, %d of them raised the lower edge", reads, lows)
			}
		})
	}
}

// chord returns what the nearest solved points on both sides are sure of at a point,
// −∞ where there are none.
func chord(c *optimizer.Curve, k int) float64 {
	left, right := k, k
	for left >= 0 && c.Points[left].Status != optimizer.Optimal {
		left--
	}
	for right < len(c.Points) && c.Points[right].Status != optimizer.Optimal {
		right++
	}
	if left < 0 || right == len(c.Points) {
		return math.Inf(-1)
	}
	a, b := c.Points[left], c.Points[right]
	w := (c.Points[k].Limit - a.Limit) / (b.Limit - a.Limit)
	return (1-w)*a.ObjectiveCents + w*b.ObjectiveCents
}

// checkBands looks at the curve alone.
func checkBands(t *testing.T, c *optimizer.Curve) {
	t.Helper()
	var last *optimizer.CurvePoint
	solved := 0
	for k := range c.Points {
		p := &c.Points[k]
		near := 1e-9 * math.Abs(p.High)
		if low, high := c.Band(p.Limit); math.Abs(low-p.Low) > near || math.Abs(high-p.High) > near {
			t.Errorf("at %g: band %g to %g, stated %g to %g", p.Limit, low, high, p.Low, p.High)
		}
		if p.Low > p.High+near || p.High-p.Low > 1e-2*p.High+near {
			t.Errorf("at %g: band from %g to %g", p.Limit, p.Low, p.High)
		}
		if p.Status == optimizer.Optimal {
			solved++
			if p.BoundCents-p.ObjectiveCents > near || p.Price < 0 {
				t.Errorf("at %g: objective %g, bound %g, price %g", p.Limit, p.ObjectiveCents, p.BoundCents, p.Price)
			}
			// Concave: what the limit added since the last solved point is worth between
			// the two prices.
			if last != nil {
				slope := (p.ObjectiveCents - last.ObjectiveCents) / (p.Limit - last.Limit)
				if off := 1e-6 * (1 + last.Price); slope < p.Price-off || slope > last.Price+off {
					t.Errorf("from %g to %g: slope %g, prices %g and %g", last.Limit, p.Limit, slope, last.Price, p.Price)
				}
			}
			last = p
		}
		if k > 0 && (p.Low < c.Points[k-1].Low-near || p.High < c.Points[k-1].High-near) {
			t.Errorf("from %g to %g: band falls to %g to %g", c.Points[k-1].Limit, p.Limit, p.Low, p.High)
		}
	}
	if solved < 3 || solved == len(c.Points) {
		t.Errorf("%d of %d points solved", solved, len(c.Points))
	}
}

// checkPoints allocates at every limit.
func checkPoints(t *testing.T, s optimizer.Boxstep, g *optimizer.Grid, c *optimizer.Curve) {
	t.Helper()
	other := *g
	other.Rows = slices.Clone(g.Rows)
	for _, p := range c.Points {
		other.Rows[0].Limit = p.Limit
		a := mustCertify(t, s, &other)
		if near := 1e-9 * p.High; a.ObjectiveCents < p.Low-near || a.ObjectiveCents > p.High+near {
			t.Errorf("at %g: optimum %.12g, band %.12g to %.12g", p.Limit, a.ObjectiveCents, p.Low, p.High)
		}
		i := a.Intervals[0]
		if off := 1e-6 * (1 + i.High); p.Status == optimizer.Optimal && !i.Open && (p.Price < i.Low-off || p.Price > i.High+off) {
			t.Errorf("at %g: price %g, interval %g to %g", p.Limit, p.Price, i.Low, i.High)
		}
	}
}

// Limits with which a demand cannot be met are said to be such.
func TestCurveBelowADemand(t *testing.T) {
	g, limits := curveGrid(t, optimizer.Instance{Customers: 1500, Channels: 3, Days: 4, Seed: 18}, 8)
	g.AddRow("coverage", optimizer.AtLeast, 120, func(_, s int) float64 { return is(s%3 == 2) })
	for began, limits := range map[string][]float64{"all": limits, "the lowest": limits[:1]} {
		curve, err := optimizer.Boxstep{LP: clp.New(), MaxColumns: 2000}.Curve(context.Background(), g, 0, limits, nil)
		if err != nil {
			t.Fatal(began, err)
		}
		met := false
		other := *g
		other.Rows = slices.Clone(g.Rows)
		for _, p := range curve.Points {
			other.Rows[0].Limit = p.Limit
			a, err := certified(inBoxes(), &other)
			if err != nil {
				t.Fatal(err)
			}
			if (a.Status == optimizer.Infeasible) != (p.Status == optimizer.Infeasible) || met && p.Status == optimizer.Infeasible {
				t.Errorf("%s: at %g: %s, by itself %s", began, p.Limit, p.Status, a.Status)
			}
			met = met || p.Status != optimizer.Infeasible
		}
		if curve.Points[0].Status != optimizer.Infeasible || met != (began == "all") {
			t.Errorf("%s: first %s, met %v", began, curve.Points[0].Status, met)
		}
	}
}
