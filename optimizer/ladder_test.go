package optimizer

import (
	"cmp"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
)

const ladderSeed = 3

func eachLadderCase(t *testing.T, n uint64, check func(t *testing.T, c *ladderCase, rng *rand.Rand)) {
	t.Helper()
	for k := range n {
		rng := rand.New(rand.NewPCG(ladderSeed, k))
		c := randomLadderCase(rng)
		check(t, c, rng)
		if t.Failed() {
			t.Fatalf("seed %d case %d: %v", ladderSeed, k, c)
		}
	}
}

func TestLaddersAreThoseOfAPlainEnumeration(t *testing.T) {
	counts := map[string]int{}
	eachLadderCase(t, 12000, func(t *testing.T, c *ladderCase, rng *rand.Rand) {
		l := newLadderSearch(c.g.Slots, c.t, c.b)
		profile := int32(rng.IntN(c.g.Profiles))
		all := c.enumerate(profile, c.b.centre)
		win := winnerOf(all)
		c.test(all, win)
		kept, complete := l.decide(profile, c.values, 1<<20, nil)
		if kept[0] != all[win].option || !complete {
			t.Errorf("winner %v of worth %g, want %v of worth %g; complete %v", kept[0].rungs.Slots(nil), kept[0].worth, all[win].slots, all[win].worth, complete)
			return
		}
		best, s := l.best(profile, c.values)
		if best != kept[0] || s != all[win].s {
			t.Errorf("best %v with s %g, want %v with %g", best, s, kept[0], all[win].s)
		}
		least := all[win].s - tieTolerance*(1+math.Abs(all[win].s)+math.Abs(all[win].worth))
		for k, j := range all {
			has := slices.Contains(kept, j.option)
			margin := 1e-14 * (j.size + all[win].size + math.Abs(j.most-j.s))
			if k != win && math.Abs(j.most-least) > margin && has != (j.most >= least) {
				t.Errorf("ladder %v kept %v with test value %g ≥ %g", j.slots, has, j.most, least)
			}
		}
		checkOrder(t, all, kept)
		counts["ladders"] += len(all)
		counts["kept"] += len(kept)
		counts["decided"] += int(asOne(len(kept) == 1))
		counts["tied"] += int(asOne(slices.ContainsFunc(all, func(j judged) bool { return j.s == all[win].s && j.rungs != all[win].rungs })))
		counts["longest"] = max(counts["longest"], kept[0].rungs.Touches())
	})
	t.Log(counts)
	if counts["longest"] < 4 || counts["decided"] < 500 || counts["tied"] < 500 || counts["kept"] < 12000 {
		t.Errorf("the cases are not what they should be: %v", counts)
	}
}

// checkOrder checks that after the winner options are by test value, each once.
func checkOrder(t *testing.T, all []judged, kept []option) {
	last := math.Inf(1)
	for k := 1; k < len(kept); k++ {
		if slices.Contains(kept[:k], kept[k]) {
			t.Errorf("ladder %v is kept twice", kept[k].rungs.Slots(nil))
		}
		j := all[slices.IndexFunc(all, func(j judged) bool { return j.option == kept[k] })]
		if j.most > last+1e-12*(1+math.Abs(last)) {
			t.Errorf("ladder %v with test value %g comes after one with %g", j.slots, j.most, last)
		}
		last = j.most
	}
}

func TestLaddersThatAreBestSomewhereInTheBoxAreKept(t *testing.T) {
	moved := 0
	eachLadderCase(t, 400, func(t *testing.T, c *ladderCase, rng *rand.Rand) {
		kept, _ := newLadderSearch(c.g.Slots, c.t, c.b).decide(0, c.values, 1<<20, nil)
		all := c.enumerate(0, c.b.centre)
		prices := make([]float64, c.t.rows())
		for range 200 {
			for r := range prices {
				switch rng.IntN(4) {
				case 0:
					prices[r] = c.b.lower[r]
				case 1:
					prices[r] = c.b.upper[r]
				default:
					prices[r] = c.b.lower[r] + (c.b.upper[r]-c.b.lower[r])*rng.Float64()
				}
			}
			best, top := 0, math.Inf(-1)
			for k := range all {
				s := all[k].worth
				for r, a := range all[k].use {
					s -= prices[r] * a
				}
				if s > top {
					best, top = k, s
				}
			}
			if !slices.Contains(kept, all[best].option) {
				t.Errorf("ladder %v is best at %v and not kept", all[best].slots, prices)
				return
			}
			moved += int(asOne(all[best].rungs != kept[0].rungs))
		}
	})
	if moved < 1000 {
		t.Errorf("another ladder than the winner was best at %d points only", moved)
	}
}

func TestLaddersKeepRuleAndLimit(t *testing.T) {
	cut := 0
	eachLadderCase(t, 1500, func(t *testing.T, c *ladderCase, rng *rand.Rand) {
		l := newLadderSearch(c.g.Slots, c.t, c.b)
		full, _ := l.decide(0, c.values, 1<<20, nil)
		limit := 1 + rng.IntN(6)
		kept, complete := l.decide(0, c.values, limit, make([]option, 3))
		if len(kept) != min(limit, len(full)) || complete != (len(full) <= limit) || !slices.Equal(kept, full[:len(kept)]) {
			t.Errorf("limit %d kept %d of %d, complete %v", limit, len(kept), len(full), complete)
		}
		cut += int(asOne(!complete))
		for _, o := range full {
			slots := o.rungs.Slots(nil)
			if len(slots) > c.g.Ladder.touches() {
				t.Errorf("ladder %v has too many touches", slots)
			}
			for k, s := range slots {
				if c.values[s] == Forbidden || k > 0 && c.t.day[s]-c.t.day[slots[k-1]] < c.g.Ladder.gapDays() {
					t.Errorf("ladder %v is not allowed", slots)
				}
			}
		}
	})
	if cut < 100 {
		t.Errorf("only %d searches were cut off", cut)
	}
}

func TestLadderRunnerUp(t *testing.T) {
	eachLadderCase(t, 3000, func(t *testing.T, c *ladderCase, _ *rand.Rand) {
		l := newLadderSearch(c.g.Slots, c.t, c.b)
		all := c.enumerate(0, c.b.centre)
		win := winnerOf(all)
		rest := slices.Delete(slices.Clone(all), win, win+1)
		got, s, ok := l.runnerUp(0, c.values)
		if ok != (len(rest) > 0) {
			t.Errorf("runner-up found %v of %d others", ok, len(rest))
		}
		if !ok {
			return
		}
		want := slices.MaxFunc(rest, func(a, b judged) int { return cmp.Compare(a.s, b.s) })
		for _, j := range rest {
			if j.s >= want.s-1e-13*(j.size+want.size+all[win].size) && j.rungs < want.rungs {
				want = j
			}
		}
		if got != want.option || s != want.s {
			t.Errorf("runner-up %v with s %g, want %v with %g", got.rungs.Slots(nil), s, want.slots, want.s)
		}
	})
}

// A search answers for a customer's values alone: not for who came before.
func TestLadderSearchForgets(t *testing.T) {
	type answer struct {
		kept     []option
		complete bool
	}
	eachLadderCase(t, 500, func(t *testing.T, c *ladderCase, rng *rand.Rand) {
		number := func(most float64) float64 { return most * rng.Float64() }
		var customers [][]float64
		for range 20 {
			customers = append(customers, randomLadderValues(rng, len(c.g.Slots), number))
		}
		profile := func(k int) int32 { return int32([]int{0, pricesKept, 1}[k%3] % c.g.Profiles) }
		run := func(order []int) []answer {
			l := newLadderSearch(c.g.Slots, c.t, c.b)
			out := make([]answer, len(customers))
			for _, k := range order {
				kept, complete := l.decide(profile(k), customers[k], 5, nil)
				out[k] = answer{kept, complete}
				if k%3 == 0 {
					l.runnerUp(profile(k), customers[k])
				}
			}
			return out
		}
		order := rng.Perm(len(customers))
		first := run(order)
		slices.Reverse(order)
		if again := run(order); !reflect.DeepEqual(first, again) {
			t.Errorf("in another order: %v, then %v", first, again)
		}
	})
}

// Here a search has days of five slots, four discounts per step and a budget
// and capacities with prices near those that clear the market.
func TestLaddersOfAMarketAreThoseOfAPlainEnumeration(t *testing.T) {
	g, values, prices := ladderMarket(60)
	c := &ladderCase{g: g, t: newUseTable(g), b: box{centre: prices}}
	for r, p := range prices {
		width := []float64{0.02, 0.2}[r%2]
		c.b.lower, c.b.upper = append(c.b.lower, p*(1-width)), append(c.b.upper, p*(1+width))
	}
	l := newLadderSearch(g.Slots, c.t, c.b)
	open, touches := 0, 0
	for i := range values[:25] {
		c.values = values[i]
		all := c.enumerate(0, prices)
		win := winnerOf(all)
		c.test(all, win)
		least := all[win].s - tieTolerance*(1+math.Abs(all[win].s)+math.Abs(all[win].worth))
		var want []Rungs
		for _, j := range all {
			if j.most >= least {
				want = append(want, j.rungs)
			}
		}
		kept, complete := l.decide(0, c.values, 1<<20, nil)
		var got []Rungs
		for _, o := range kept {
			got = append(got, o.rungs)
		}
		slices.Sort(want)
		slices.Sort(got)
		if !complete || kept[0] != all[win].option || !slices.Equal(got, want) {
			t.Errorf("customer %d: kept %v, want %v; winner %v, want %v", i, got, want, kept[0], all[win].option)
		}
		open += int(asOne(len(kept) > 1))
		touches += kept[0].rungs.Touches()
	}
	if open < 5 || touches < 20 {
		t.Errorf("%d open customers and %d touches prove little", open, touches)
	}
}

// Where all slots are alike, tens of thousands of ladders are equal.
func TestLadderSearchGivesUpOnAHopelessCustomer(t *testing.T) {
	g, values, prices := ladderMarket(1)
	g.Ladder.Factor = nil
	for r := range g.Rows {
		g.Rows[r].Use = nil
	}
	for s := range values[0] {
		values[0][s] = 7
	}
	l := newLadderSearch(g.Slots, newUseTable(g), box{prices, prices, prices})
	for _, limit := range []int{1, 2, 20} {
		kept, complete := l.decide(0, values[0], limit, nil)
		if first := RungsOf(0, 10, 20); complete || len(kept) != limit || kept[0] != (option{first, 21}) {
			t.Errorf("limit %d kept %v, complete %v; want the winner %v and others", limit, kept, complete, first)
		}
		if len(l.found) > 4*limit+1002 {
			t.Errorf("limit %d: looked at %d ladders that are open", limit, len(l.found))
		}
	}
}

func TestLadderSearchDoesNotAllocate(t *testing.T) {
	g, values, prices := ladderMarket(200)
	x := box{centre: prices}
	for _, p := range prices {
		x.lower, x.upper = append(x.lower, 0.9*p), append(x.upper, 1.1*p)
	}
	l := newLadderSearch(g.Slots, newUseTable(g), x)
	var keep []option
	run := func() {
		for _, v := range values {
			keep, _ = l.decide(0, v, 512, keep)
		}
	}
	run()
	if n := testing.AllocsPerRun(1, run); n > 0 {
		t.Errorf("%g allocations for customers like those before", n)
	}
}
