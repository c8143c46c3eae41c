package optimizer

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"dunning/data"
)

// ladderCase is a small search problem with everything that a search may meet.
type ladderCase struct {
	g      *Grid
	t      *useTable
	b      box
	values []float64
}

func (c *ladderCase) String() string {
	return fmt.Sprintf("%d slots, rule %+v, %d rows, values %v, centre %v, lower %v, upper %v",
		len(c.g.Slots), c.g.Ladder, len(c.g.Rows), c.values, c.b.centre, c.b.lower, c.b.upper)
}

// randomLadderCase draws a case. whole ones have small whole numbers only, so
// that sums are exact and ties are many.
func randomLadderCase(rng *rand.Rand) *ladderCase {
	whole := rng.IntN(3) == 0
	number := func(most float64) float64 {
		if whole {
			return float64(rng.IntN(int(most) + 1))
		}
		return most * rng.Float64()
	}
	c := &ladderCase{g: &Grid{Profiles: 1 + rng.IntN(2)}}
	if rng.IntN(50) == 0 {
		c.g.Profiles = pricesKept + 2
	}
	days := 1 + rng.IntN(5)
	for d, day := 0, data.Date(20458); d < days; d++ {
		for _, ch := range data.Channels {
			if rng.IntN(2) == 0 && len(c.g.Slots) < 12 {
				c.g.Slots = append(c.g.Slots, Slot{ch, day})
			}
		}
		day += 1 + data.Date(rng.IntN(2)*rng.IntN(3))
	}
	if len(c.g.Slots) == 0 {
		c.g.Slots = []Slot{{data.Email, 20458}}
	}
	c.g.Ladder = randomLadderRule(rng, whole)
	c.addRows(rng, number)
	c.t = newUseTable(c.g)
	c.values = randomLadderValues(rng, len(c.g.Slots), number)
	width := []float64{0, 0.01, 0.3, 2}[rng.IntN(4)]
	for r := range c.g.Rows {
		price := number(8) * float64(rng.IntN(2))
		if c.g.Rows[r].Name == "budget" {
			price /= 4
		}
		lower, upper := price-width*number(4), price+width*number(4)
		if width == 0 || rng.IntN(4) == 0 {
			lower, upper = price, price
		}
		c.b.centre, c.b.lower, c.b.upper = append(c.b.centre, price), append(c.b.lower, max(0, lower)), append(c.b.upper, upper)
	}
	return c
}

func randomLadderRule(rng *rand.Rand, whole bool) LadderRule {
	rule := LadderRule{Touches: rng.IntN(5), GapDays: rng.IntN(4)}
	if rng.IntN(4) == 0 {
		return rule
	}
	for range rng.IntN(5) {
		var row []float64
		for range rng.IntN(6) {
			f := 1.2 * rng.Float64()
			if whole || rng.IntN(4) == 0 {
				f = float64(rng.IntN(5)) / 4
			}
			row = append(row, f)
		}
		rule.Factor = append(rule.Factor, row)
	}
	return rule
}

func randomLadderValues(rng *rand.Rand, slots int, number func(float64) float64) []float64 {
	levels := []float64{number(20), number(20), number(20)}
	fromLevels, share := rng.IntN(3) == 0, 0.3*rng.Float64()
	values := make([]float64, slots)
	for s := range values {
		switch {
		case rng.Float64() < share:
			values[s] = Forbidden
		case fromLevels:
			values[s] = levels[rng.IntN(3)]
		default:
			values[s] = number(20) - 3
		}
	}
	return values
}

// addRows adds a budget, capacities, capacities of days, total touches, demands
// and discounted value, each or not.
func (c *ladderCase) addRows(rng *rand.Rand, number func(float64) float64) {
	row := func(name string, sense Sense, discounted bool, use func(p, s int) float64) {
		r := GridRow{Name: name, Sense: sense, Discounted: discounted}
		for p := range c.g.Profiles {
			for s := range c.g.Slots {
				if a := use(p, s); a != 0 {
					r.Use = append(r.Use, SlotUse{int32(p), int32(s), a})
				}
			}
		}
		c.g.Rows = append(c.g.Rows, r)
	}
	some := func() bool { return rng.IntN(2) == 0 }
	if some() {
		cost := make([]float64, len(data.Channels))
		for k := range cost {
			cost[k] = number(5)
		}
		row("budget", AtMost, false, func(_, s int) float64 { return cost[c.g.Slots[s].Channel.Index()] })
	}
	for s := range c.g.Slots {
		if some() {
			row(fmt.Sprint("capacity ", s), AtMost, false, func(_, o int) float64 { return asOne(o == s) })
		}
	}
	for _, slot := range c.g.Slots {
		if rng.IntN(4) == 0 {
			row(fmt.Sprint("day ", slot, len(c.g.Rows)), AtMost, false, func(_, o int) float64 { return asOne(c.g.Slots[o].Day == slot.Day) })
		}
	}
	if some() {
		row("total", AtMost, false, func(_, _ int) float64 { return 1 })
	}
	if some() {
		row("coverage", AtLeast, false, func(p, _ int) float64 { return asOne(p < pricesKept/2) })
	}
	if some() {
		row("value", AtLeast, true, func(_, _ int) float64 { return number(3) })
	}
	if some() {
		row("effort", AtMost, true, func(_, s int) float64 { return number(3) - 1 })
	}
}

func asOne(is bool) float64 {
	if is {
		return 1
	}
	return 0
}

// judged is a ladder as a plain enumeration sees it.
type judged struct {
	option
	s, size float64
	use     []float64 // by row
	most    float64   // left side of the box test
	slots   []int
}

// enumerate lists all ladders of a customer with their s at the given prices,
// hold first, by recursion over the slots alone.
func (c *ladderCase) enumerate(profile int32, prices []float64) []judged {
	var out []judged
	var grow func(slots []int, worth, size float64)
	grow = func(slots []int, worth, size float64) {
		j := judged{option: option{RungsOf(slots...), worth}, s: worth, size: size, use: make([]float64, c.t.rows()), slots: slices.Clone(slots)}
		rows, amounts := c.t.of(profile, j.rungs, nil, nil)
		for k, r := range rows {
			j.use[r] = amounts[k]
			j.s -= prices[r] * amounts[k]
			j.size += math.Abs(prices[r] * amounts[k])
		}
		out = append(out, j)
		if len(slots) == c.t.rule.touches() {
			return
		}
		for s, v := range c.values {
			factor := 1.0
			if n := len(slots); n > 0 {
				gap := c.t.day[s] - c.t.day[slots[n-1]]
				if gap < c.t.rule.gapDays() {
					continue
				}
				factor = c.t.rule.factor(n, gap)
			}
			if v != Forbidden {
				grow(append(slices.Clone(slots), s), worth+v*factor, size+math.Abs(v*factor))
			}
		}
	}
	grow(nil, 0, 0)
	return out
}

// winnerOf returns the index of the winner: the smallest Rungs of those that
// are best but for rounding.
func winnerOf(all []judged) int {
	top, size := 0.0, 0.0
	for _, j := range all {
		top, size = max(top, j.s), max(size, j.size)
	}
	win := -1
	for k, j := range all {
		if j.s >= top-1e-13*size && (win < 0 || j.rungs < all[win].rungs) {
			win = k
		}
	}
	return win
}

// test sets most of all ladders against the winner.
func (c *ladderCase) test(all []judged, winner int) {
	for k := range all {
		j := &all[k]
		j.most = j.s
		for r, used := range all[winner].use {
			d := used - j.use[r]
			j.most += max(d*(c.b.upper[r]-c.b.centre[r]), d*(c.b.lower[r]-c.b.centre[r]))
		}
	}
}
