//go:build cgo

package optimizer_test

import (
	"context"
	"errors"
	"math"
	"slices"
	"testing"
	"time"

	"dunning/data"
	"dunning/optimizer"
)

// explainAll explains everybody of a grid at an allocation's prices.
func explainAll(t *testing.T, g *optimizer.Grid, prices []float64, chosen []optimizer.Rungs) []optimizer.LadderExplanation {
	t.Helper()
	customers := make([]int32, len(chosen))
	for k := range customers {
		customers[k] = int32(k)
	}
	x, err := optimizer.ExplainGrid(context.Background(), g, prices, chosen, customers)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// reduced returns a ladder's reduced cost, and the size of its terms.
func (l *smallLadder) reduced(prices []float64) (s, size float64) {
	s, size = l.worth, math.Abs(l.worth)
	for r, a := range l.use {
		s -= prices[r] * a
		size += math.Abs(prices[r] * a)
	}
	return s, size
}

func TestExplanationsAreThoseOfAPlainEnumeration(t *testing.T) {
	explained, alone, hold, paid := 0, 0, 0, 0
	for n := range uint64(600) {
		rng := seeded(61, n)
		g := randomGrid(rng, 1+rng.IntN(6), 1+rng.IntN(3))
		a := allocate(t, g.Grid)
		if a == nil {
			continue
		}
		chosen := wholePlan(t, g.Grid, a).Chosen
		if rng.IntN(3) == 0 { // any ladder can be explained
			for i, all := range g.ladders {
				chosen[i] = all[rng.IntN(len(all))].rungs
			}
		}
		for _, x := range explainAll(t, g.Grid, a.Prices, chosen) {
			g.checkExplanation(t, n, a.Prices, chosen[x.Customer], &x)
			explained++
			paid += min(1, len(x.Paid))
			switch {
			case x.Alone:
				alone++
			case x.RunnerUp == optimizer.Hold:
				hold++
			}
		}
	}
	t.Logf("%d explained: %d pay, %d alone, hold runs up %d times", explained, paid, alone, hold)
	if explained < 1000 || alone < 10 || hold < 100 || paid < 300 {
		t.Fatal("the cases do not test")
	}
}

// checkExplanation compares one explanation with the list of all ladders.
func (g *smallGrid) checkExplanation(t *testing.T, n uint64, prices []float64, chosen optimizer.Rungs, x *optimizer.LadderExplanation) {
	t.Helper()
	same := func(what string, got, want, size float64) {
		t.Helper()
		if math.Abs(got-want) > 1e-12*(1+size) {
			t.Fatalf("case %d customer %d: %s %g, want %g", n, x.Customer, what, got, want)
		}
	}
	all := g.ladders[x.Customer]
	own := &all[slices.IndexFunc(all, func(l smallLadder) bool { return l.rungs == chosen })]
	s, size := own.reduced(prices)
	same("value", x.ValueCents, own.worth, size)
	same("reduced cost", x.ReducedCostCents, s, size)
	best, found := math.Inf(-1), false
	for k := range all {
		if other, otherSize := all[k].reduced(prices); all[k].rungs != chosen {
			best, found, size = max(best, other), true, max(size, otherSize)
		}
	}
	if x.Rungs != chosen || x.Alone == found {
		t.Fatalf("case %d: %+v, alone %v", n, x, !found)
	}
	if found {
		same("runner-up's reduced cost", x.RunnerUpReducedCostCents, best, size)
		second := &all[slices.IndexFunc(all, func(l smallLadder) bool { return l.rungs == x.RunnerUp })]
		other, _ := second.reduced(prices)
		same("runner-up's true reduced cost", other, best, size)
		same("runner-up's value", x.RunnerUpValueCents, second.worth, size)
		if x.RunnerUp == chosen {
			t.Fatalf("case %d: runs up against itself", n)
		}
	}
	total := 0.0
	for _, p := range x.Paid {
		same("paid", p.Cents, prices[p.Row]*own.use[p.Row], size)
		total += p.Cents
		if p.Name != g.Rows[p.Row].Name || p.PriceCents != prices[p.Row] || p.Cents != p.PriceCents*p.Use {
			t.Fatalf("case %d: %+v", n, p)
		}
	}
	same("value less all paid", x.ValueCents-total, s, size)
	g.checkTouches(t, n, own, x, total, same)
}

// checkTouches checks that the touches add up to the ladder.
func (g *smallGrid) checkTouches(t *testing.T, n uint64, own *smallLadder, x *optimizer.LadderExplanation, total float64, same func(string, float64, float64, float64)) {
	t.Helper()
	value, cost, paid := 0.0, 0.0, 0.0
	var slots []int
	for k, touch := range x.Touches {
		value, cost, paid = value+touch.DiscountedCents, cost+touch.CostCents, paid+touch.PaidCents
		slots = append(slots, touch.Slot)
		gap := 0
		if k > 0 {
			gap = int(g.Slots[touch.Slot].Day - g.Slots[slots[k-1]].Day)
		}
		if touch.GapDays != gap || touch.ValueCents != g.values[x.Customer][touch.Slot] || touch.DiscountedCents != touch.Factor*touch.ValueCents {
			t.Fatalf("case %d: %+v", n, touch)
		}
	}
	if optimizer.RungsOf(slots...) != own.rungs {
		t.Fatalf("case %d: touches %v of ladder %v", n, slots, own.rungs.Slots(nil))
	}
	same("touches' value", value, own.worth, math.Abs(own.worth))
	same("touches' price", paid, total, 100+math.Abs(total))
	same("touches' cost", cost, x.CostCents, cost)
	for r, row := range g.Rows {
		if row.Name == optimizer.BudgetName {
			same("cost", x.CostCents, own.use[r], cost)
		}
	}
}

func TestExplanationsOfManyBlocks(t *testing.T) {
	ladder := optimizer.LadderRule{Touches: 3, GapDays: 2, Factor: [][]float64{nil, {0, 0, 0.5, 0.6, 0.7}, {0, 0, 0.3, 0.4, 0.5}}}
	instance := optimizer.Instance{Customers: 20_000, Channels: 5, Days: 14, Seed: 5, Ladder: ladder}
	g, err := optimizer.NewInstance(instance)
	if err != nil {
		t.Fatal(err)
	}
	rng := seeded(62, 0)
	prices := make([]float64, len(g.Rows)) // of the order of those at an optimum
	for r := range prices {
		if prices[r] = 300 * rng.Float64(); g.Rows[r].Name == optimizer.BudgetName {
			prices[r] = 1.5
		}
	}
	chosen := make([]optimizer.Rungs, instance.Customers)
	for _, x := range explainAll(t, g, prices, chosen) {
		if x.RunnerUpReducedCostCents > 0 {
			chosen[x.Customer] = x.RunnerUp // the best, then
		}
	}
	began := time.Now()
	all := explainAll(t, g, prices, chosen)
	t.Logf("%d customers in %.3f s", len(all), time.Since(began).Seconds())
	for _, x := range all {
		if x.RunnerUpReducedCostCents > x.ReducedCostCents+1e-9 {
			t.Fatalf("the second best is better: %+v", x)
		}
	}
	// Some, in another order and one of them twice, are the same as among all.
	some := []int32{19_999, 0, 19_999}
	for range 50 {
		some = append(some, int32(rng.IntN(20_000)))
	}
	few, err := optimizer.ExplainGrid(context.Background(), g, prices, chosen, some)
	if err != nil {
		t.Fatal(err)
	}
	for k, x := range few {
		y := all[some[k]]
		if x.Customer != some[k] || x.Rungs != y.Rungs || x.ValueCents != y.ValueCents || x.ReducedCostCents != y.ReducedCostCents ||
			x.RunnerUp != y.RunnerUp || !slices.Equal(x.Paid, y.Paid) || !slices.Equal(x.Touches, y.Touches) {
			t.Fatalf("%+v, among all %+v", x, y)
		}
	}
}

func TestExplainGridRefusesCustomersThereAreNot(t *testing.T) {
	g := randomGrid(seeded(1, 1), 3, 1)
	chosen, prices := make([]optimizer.Rungs, 3), make([]float64, len(g.Rows))
	for _, i := range []int32{-1, 3} {
		if _, err := optimizer.ExplainGrid(context.Background(), g.Grid, prices, chosen, []int32{i}); !errors.Is(err, data.ErrBadNumber) {
			t.Errorf("customer %d: %v", i, err)
		}
	}
	if _, err := optimizer.ExplainGrid(context.Background(), g.Grid, prices, chosen[:2], nil); !errors.Is(err, data.ErrBadNumber) {
		t.Errorf("two ladders: %v", err)
	}
}

// TestPriceTableGridIsThatOfTheShares compares with the problem's table.
func TestPriceTableGridIsThatOfTheShares(t *testing.T) {
	split := 0
	for n := range uint64(300) {
		rng := seeded(63, n)
		g := randomGrid(rng, 1+rng.IntN(6), 1+rng.IntN(2))
		a := allocate(t, g.Grid)
		if a == nil {
			continue
		}
		used := make([]float64, len(g.Rows))
		add := func(i int, r optimizer.Rungs, share float64) {
			k := slices.IndexFunc(g.ladders[i], func(l smallLadder) bool { return l.rungs == r })
			for row, x := range g.ladders[i][k].use {
				used[row] += share * x
			}
		}
		for i, r := range a.Chosen {
			add(i, r, 1)
		}
		for _, s := range a.Split {
			add(int(s.Customer), s.Rungs, s.Share)
		}
		split += min(1, len(a.Split))
		for r, line := range optimizer.PriceTableGrid(g.Grid, a) {
			row := g.Rows[r]
			if line.Row != row.Name || line.Sense != row.Sense.String() || line.Limit != row.Limit || line.DualPrice != a.Prices[r] || math.Abs(line.Used-used[r]) > 1e-9 {
				t.Fatalf("case %d: %+v, want row %q with %g used", n, line, row.Name, used[r])
			}
			// What has a price is used up.
			if line.DualPrice != 0 && math.Abs(line.Used-line.Limit) > 1e-6*max(1, math.Abs(line.Limit)) {
				t.Fatalf("case %d: %+v", n, line)
			}
		}
	}
	if split < 50 {
		t.Fatalf("shares are broken %d times only", split)
	}
}
