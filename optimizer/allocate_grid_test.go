//go:build cgo

package optimizer_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"dunning/data"
	"dunning/optimizer"
	"dunning/optimizer/clp"
)

// shopper is one customer of a test's grid.
type shopper struct {
	profile int32
	values  []float64
}

// shoppersOf reads all customers of a grid.
func shoppersOf(t testing.TB, g *optimizer.Grid) []shopper {
	t.Helper()
	var out []shopper
	for k := range g.Values.Blocks() {
		err := g.Values.Read(context.Background(), k, func(b optimizer.Block) error {
			n := len(g.Slots)
			for i := range b.Customers {
				s := shopper{values: make([]float64, n)}
				if b.Profile != nil {
					s.profile = b.Profile[i]
				}
				for j := range n {
					if b.Wide != nil {
						s.values[j] = b.Wide[i*n+j]
					} else {
						s.values[j] = float64(b.Narrow[i*n+j])
					}
				}
				out = append(out, s)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// setShoppers puts customers into a grid, in single precision or double.
func setShoppers(t testing.TB, g *optimizer.Grid, all []shopper, wide bool) {
	t.Helper()
	values := optimizer.NewMemoryValues(len(g.Slots), len(all))
	if wide {
		values = optimizer.WideMemoryValues(len(g.Slots), len(all))
	}
	for _, s := range all {
		if err := values.Add(s.profile, s.values); err != nil {
			t.Fatal(err)
		}
	}
	g.Values = values
}

// gridKind says what a random grid has.
type gridKind struct {
	customers int
	touches   int  // of a ladder
	demands   bool // minimum rows, which may be out of reach
	levels    bool // values and costs from three levels; otherwise at random
	zeros     bool // limits of zero, too
}

// drawGrid draws a small grid: days with holes between them, several profiles,
// discounted rows, zero limits, ties, forbidden slots. Values are exact in
// single precision.
func drawGrid(t testing.TB, rng *rand.Rand, k gridKind) *optimizer.Grid {
	t.Helper()
	g := &optimizer.Grid{Profiles: 1 + rng.IntN(3)*rng.IntN(2)}
	number := func(most float64) float64 {
		if k.levels {
			return float64(rng.IntN(3)) * most / 2
		}
		return float64(float32(most * rng.Float64()))
	}
	for d, day, days := 0, day0, 1+rng.IntN(4); d < days; d++ {
		for _, ch := range data.Channels[:3] {
			if rng.IntN(3) > 0 {
				g.Slots = append(g.Slots, optimizer.Slot{Channel: ch, Day: day})
			}
		}
		day += 1 + data.Date(rng.IntN(2))
	}
	if len(g.Slots) == 0 {
		g.Slots = append(g.Slots, optimizer.Slot{Channel: data.Email, Day: day0})
	}
	if k.touches > 1 {
		g.Ladder = drawRule(rng, k.touches)
	}
	share := rng.Float64() * 0.5
	var all []shopper
	for range k.customers {
		s := shopper{profile: int32(rng.IntN(g.Profiles))}
		for range g.Slots {
			v := float64(float32(number(16) - 2))
			if rng.Float64() < share {
				v = optimizer.Forbidden
			}
			s.values = append(s.values, v)
		}
		all = append(all, s)
	}
	setShoppers(t, g, all, rng.IntN(3) == 0)
	drawRows(rng, g, k, number)
	return g
}

func drawRule(rng *rand.Rand, touches int) optimizer.LadderRule {
	rule := optimizer.LadderRule{Touches: touches, GapDays: rng.IntN(3)}
	for range rng.IntN(touches + 1) {
		var row []float64
		for range rng.IntN(4) {
			row = append(row, float64(rng.IntN(6))/4)
		}
		rule.Factor = append(rule.Factor, row)
	}
	return rule
}

// drawRows adds rows of every kind, each or not.
func drawRows(rng *rand.Rand, g *optimizer.Grid, k gridKind, number func(float64) float64) {
	n := float64(k.customers)
	limit := func(most float64) float64 {
		if rng.IntN(8) == 0 && k.zeros {
			return 0
		}
		return math.Ceil(most * (1 - rng.Float64()))
	}
	channel := func(s int) int { return g.Slots[s].Channel.Index() }
	if rng.IntN(4) > 0 {
		cost := make([]float64, g.Profiles*len(data.Channels))
		for c := range cost {
			cost[c] = number(6)
		}
		g.AddRow(optimizer.BudgetName, optimizer.AtMost, limit(3*n), func(p, s int) float64 { return cost[p*len(data.Channels)+channel(s)] })
	}
	for s := range g.Slots {
		if rng.IntN(2) == 0 {
			g.AddRow(fmt.Sprint("capacity ", s), optimizer.AtMost, limit(n/3), func(_, o int) float64 { return is(o == s) })
		}
	}
	if rng.IntN(3) == 0 {
		g.AddRow("total", optimizer.AtMost, limit(n), func(_, _ int) float64 { return 1 })
	}
	if rng.IntN(3) == 0 {
		g.AddRow("segment", optimizer.AtMost, limit(n/2), func(p, _ int) float64 { return is(p == 0) })
	}
	if rng.IntN(3) == 0 { // at most half of the touches by the first slot's channel
		g.AddRow("share", optimizer.AtMost, 0, func(_, s int) float64 { return is(channel(s) == channel(0)) - 0.5 })
	}
	if rng.IntN(4) == 0 {
		g.AddRow("effort", optimizer.AtMost, limit(2*n), func(_, s int) float64 { return float64(1 + s%3) }).Discounted = true
	}
	if !k.demands {
		return
	}
	if rng.IntN(2) == 0 {
		g.AddRow("coverage", optimizer.AtLeast, limit(0.7*n), func(_, _ int) float64 { return 1 })
	}
	if rng.IntN(2) == 0 {
		g.AddRow("value", optimizer.AtLeast, limit(2*n), func(_, s int) float64 { return float64(s % 4) }).Discounted = true
	}
	if rng.IntN(2) == 0 {
		g.AddRow("coverage of one slot", optimizer.AtLeast, limit(0.3*n), func(_, s int) float64 { return is(s == len(g.Slots)-1) })
	}
}

func is(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

func describeGrid(g *optimizer.Grid) string {
	return fmt.Sprintf("%d customers, %d slots, %d profiles, %d rows, ladder %+v", g.Values.Customers(), len(g.Slots), g.Profiles, len(g.Rows), g.Ladder)
}

// worthOf returns what a ladder is worth and uses, by the definition.
func worthOf(g *optimizer.Grid, s shopper, ladder []int) (worth float64, use map[int32]float64) {
	use = map[int32]float64{}
	for step, slot := range ladder {
		f := 1.0
		if step > 0 && step < len(g.Ladder.Factor) && len(g.Ladder.Factor[step]) > 0 {
			by := g.Ladder.Factor[step]
			f = by[min(len(by)-1, int(g.Slots[slot].Day-g.Slots[ladder[step-1]].Day))]
		}
		worth += f * s.values[slot]
		for r := range g.Rows {
			for _, u := range g.Rows[r].Use {
				if u.Profile == s.profile && int(u.Slot) == slot {
					if g.Rows[r].Discounted {
						use[int32(r)] += f * u.Amount
					} else {
						use[int32(r)] += u.Amount
					}
				}
			}
		}
	}
	return worth, use
}

// laddersOf lists every ladder that a customer may have, but hold.
func laddersOf(g *optimizer.Grid, s shopper) [][]int {
	var out [][]int
	var grow func(ladder []int)
	grow = func(ladder []int) {
		if len(ladder) > 0 {
			out = append(out, ladder)
		}
		if len(ladder) == max(1, g.Ladder.Touches) {
			return
		}
		for slot, v := range s.values {
			if v == optimizer.Forbidden {
				continue
			}
			if n := len(ladder); n > 0 && int(g.Slots[slot].Day-g.Slots[ladder[n-1]].Day) < max(1, g.Ladder.GapDays) {
				continue
			}
			grow(append(slices.Clone(ladder), slot))
		}
	}
	grow(nil)
	return out
}

// ladderLP is the whole linear program with a column per customer and ladder.
func ladderLP(t testing.TB, g *optimizer.Grid) *optimizer.LP {
	t.Helper()
	lp := &optimizer.LP{Name: "ladders"}
	for r := range g.Rows {
		if g.Rows[r].Sense == optimizer.AtLeast {
			lp.AddRow(g.Rows[r].Limit, math.Inf(1))
		} else {
			lp.AddRow(math.Inf(-1), g.Rows[r].Limit)
		}
	}
	for _, s := range shoppersOf(t, g) {
		convexity := lp.AddRow(math.Inf(-1), 1)
		for _, ladder := range laddersOf(g, s) {
			worth, use := worthOf(g, s, ladder)
			rows, amounts := []int32{convexity}, []float64{1}
			for r := range int32(len(g.Rows)) {
				if use[r] != 0 {
					rows, amounts = append(rows, r), append(amounts, use[r])
				}
			}
			lp.AddCol(worth, 0, 1, rows, amounts)
		}
	}
	return lp
}

// certified solves a grid; an optimal answer must carry its certificate.
func certified(s optimizer.Boxstep, g *optimizer.Grid) (*optimizer.Allocation, error) {
	return certifiedIn(context.Background(), s, g)
}

func certifiedIn(ctx context.Context, s optimizer.Boxstep, g *optimizer.Grid) (*optimizer.Allocation, error) {
	if s.LP == nil {
		s.LP = clp.New()
	}
	a, err := s.Allocate(ctx, g)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", describeGrid(g), err)
	}
	if a.Status != optimizer.Optimal {
		return a, nil
	}
	c, err := optimizer.CheckGrid(context.Background(), g, a)
	if err == nil {
		err = c.Err(optimizer.Tolerance{})
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", describeGrid(g), err)
	}
	return a, nil
}

// mustCertify fails the test unless there is an optimum.
func mustCertify(t testing.TB, s optimizer.Boxstep, g *optimizer.Grid) *optimizer.Allocation {
	t.Helper()
	a, err := certified(s, g)
	if err == nil {
		err = a.Err()
	}
	if err != nil {
		t.Fatal(err)
	}
	return a
}
