package optimizer

import "math"

// ladderSearch is the search among ladders. At prices λ a ladder ℓ is worth
//
//	s_ℓ = Σ_j factor(j, gap_j)·value(slot_j) − Σ_r λ_r a_ℓr
//
// which is a sum over its touches, so the best one is found by a dynamic
// program over (step, day of the touch of that step).
//
// The winner is the ladder with the largest s at the centre of the box; among
// those that differ from the largest by rounding only, the one with the
// smallest Rungs: the fewest touches, then the earliest last slot, then the
// earliest one before it, and so on. That depends on nothing but the customer's
// values and the centre.
//
// Every ladder that is at least as good as the winner * somewhere in the box
// passes the exact test
//
//	s_ℓ + Σ_r max over the box of (λ_r − centre_r)·(a_*r − a_ℓr) ≥ s_* − tie
//
// The left side is not a sum over touches, because the rows' maxima are not,
// but it is bounded by one: max(x + y) ≤ max x + max y, touch by touch. Ladders
// are enumerated from the last touch back to the first, against the dynamic
// program's bound over all that can come before; those that get through are
// tested exactly. The bound is loose where many touches share a row, as they do
// the budget. So the row that matters most is not bounded but tried at both
// ends of the box: a maximum over the box of what is linear in a price is at
// one of them.
//
// Most customers take one pass, which also finds that no other ladder comes as
// near to the winner at the centre as the box could bring any; some of the
// others a second one, with all rows bounded touch by touch. What is left takes
// one more for each end.
type ladderSearch struct {
	t     *useTable
	b     box
	shape *ladderShape
	// prices of the profiles met last, at profile modulo pricesKept.
	prices [pricesKept]*ladderPrices
	score  []float64 // scratch of setEnds

	// The customer at hand.
	profile      int32
	values       []float64
	p            *ladderPrices
	won          won
	ends         dayEnds // scratch
	ladderTables         // at the centre

	walk   ladderWalk
	own    ladderTables // the walk's, where they are not those at the centre
	used   []float64    // by row: what the winner uses, while others are tested
	loss   float64      // the most that this can cost it within the box
	end    int          // the end of the pivot row that the walk is at
	found  []found
	tests  int
	enough int // give up beyond so many found
	gaveUp bool
	second found // what runnerUp has met so far
	// Visitors of the walk, made once.
	visitOther, visitTest, visitSecond func(Rungs) bool

	rows    []int32 // as uses set them
	amounts []float64
	memory  struct { // of rows and amounts
		rows    []int32
		amounts []float64
	}
}

// pricesKept bounds the memory of a search where profiles are many.
const pricesKept = 128

// won is the winner with what the tests need of it.
type won struct {
	option
	s       float64
	size    float64 // sum of the absolute terms of s, a measure of its rounding
	touches int
	slot    [MaxTouches]int32
	factor  [MaxTouches]float64
}

// tie is by how much others may lose against the winner and still be kept.
func (w *won) tie() float64 { return tieTolerance * (1 + math.Abs(w.s) + math.Abs(w.worth)) }

// found is a ladder with its s, or with the left side of its test.
type found struct {
	option
	most float64
}

// newLadderSearch prepares a search at a box for customers of any profile. The
// slots are the table's.
func newLadderSearch(_ []Slot, t *useTable, b box) *ladderSearch {
	h := newLadderShape(t)
	l := &ladderSearch{
		t: t, b: b, shape: h, walk: newLadderWalk(h),
		score: make([]float64, t.rows()), used: make([]float64, t.rows()),
		ladderTables: newLadderTables(h), own: newLadderTables(h),
		ends: newDayEnds(h),
	}
	longest := int32(0)
	for k := range t.start[1:] {
		longest = max(longest, t.start[k+1]-t.start[k])
	}
	l.memory.rows, l.memory.amounts = make([]int32, 0, h.steps*int(longest)), make([]float64, 0, h.steps*int(longest))
	l.visitOther, l.visitTest, l.visitSecond = l.isOther, l.test, l.takeSecond
	return l
}

// start takes a customer and finds the best ladder at the centre.
func (l *ladderSearch) start(profile int32, values []float64) {
	at := int(profile) % pricesKept
	if l.prices[at] == nil {
		l.prices[at] = &ladderPrices{profile: -1}
	}
	l.profile, l.values, l.p = profile, values, l.prices[at]
	if l.p.profile != profile {
		l.p.set(profile, l.t, l.b, l.shape, l.own)
	}
	l.bound(l.shape, l.p.centre.paid, l.p.centre.flat, values, &l.ends)
	l.run(l.shape)
	l.win(0)
}

// decide implements search. It gives up on a customer of whom more than
// 4·limit + 1,000 ladders are left open, or on whom it has spent twenty times
// as many tests: complete is then false, and kept are the best it has met, at
// least two if limit allows.
func (l *ladderSearch) decide(profile int32, values []float64, limit int, keep []option) (kept []option, complete bool) {
	l.start(profile, values)
	if l.near() && l.open() {
		return l.collect(max(1, limit), keep)
	}
	return append(keep[:0], l.won.option), true
}

// best returns the winner and its s at the centre of the box.
func (l *ladderSearch) best(profile int32, values []float64) (option, float64) {
	l.start(profile, values)
	l.win(roundingOf * l.won.size)
	return l.won.option, l.won.s
}

// runnerUp returns the best ladder but for the winner, by the winner's rule,
// and its s at the centre of the box; false when there is only one ladder. Of
// very many that are equal within rounding it looks at secondTests.
func (l *ladderSearch) runnerUp(profile int32, values []float64) (option, float64, bool) {
	l.best(profile, values)
	w := &l.walk
	w.view, w.values, w.visit, w.left = &l.p.centre, values, l.visitSecond, math.MaxInt
	w.ladderTables = l.ladderTables
	l.tests, l.second, w.least = 0, found{most: none}, none/2
	if l.won.rungs != Hold {
		l.takeSecond(Hold)
	}
	w.all()
	return l.second.option, l.second.most, l.second.most > none
}

// secondTests bounds the time of runnerUp to some milliseconds.
const secondTests = 50_000

// takeSecond takes a ladder that may be the second best; true ends the walk.
func (l *ladderSearch) takeSecond(r Rungs) bool {
	if r == l.won.rungs {
		return false
	}
	l.uses(r)
	worth := l.worth(r)
	s, best := l.reduce(worth), &l.second
	near := roundingOf * (math.Abs(s) + math.Abs(worth) + l.won.size)
	if s > best.most+near || s >= best.most-near && r < best.rungs {
		*best = found{option{r, worth}, s}
		l.walk.least = s - near
	}
	l.tests++
	return l.tests > secondTests
}

// roundingOf is what sums of touches may differ by when they are added up in
// different orders, over the size of their terms: some fifty units in the last
// place.
const roundingOf = 1e-14

// win sets won to the best ladder: that with the smallest Rungs of those within
// slack of it.
func (l *ladderSearch) win(slack float64) {
	for {
		r, day := l.traceBest(slack)
		if day < 0 {
			l.measure(r)
			return
		}
		// The best as bounded has a touch on a day without one worth as much.
		l.exact(l.shape, day, l.p.centre.paid, l.p.centre.flat, l.values)
		l.run(l.shape)
	}
}

// traceBest returns the best ladder as win wants it. If the bound of a day
// proves too high, it returns the day, otherwise −1.
func (l *ladderSearch) traceBest(slack float64) (r Rungs, day int32) {
	n, most := l.shape.days, 0.0
	for j := range l.shape.steps {
		most = max(most, l.top[(j+1)*n-1])
	}
	for j := 0; most > slack && j < l.shape.steps; j++ {
		if l.top[(j+1)*n-1] < most-slack {
			continue
		}
		for d, s := range l.state[j*n : (j+1)*n] {
			if s >= most-slack {
				return l.trace(j, int32(d), s-(most-slack))
			}
		}
	}
	return Hold, -1
}

// trace returns the smallest Rungs of the ladders whose touch of step j, the
// last, is on day d, and which are within slack of the best of them, or a day
// whose bound is too high.
func (l *ladderSearch) trace(j int, d int32, slack float64) (r Rungs, day int32) {
	h := l.shape
	for ; j > 0; j-- {
		least := l.state[j*h.days+int(d)] - slack
		slot, before, sum := int32(-1), int32(0), 0.0
		for i := int32(0); i <= h.last[d]; i++ {
			level := h.levelAfter(j, d, i)
			earlier := l.state[(j-1)*h.days+int(i)]
			if earlier+l.level[int(level)*h.days+int(d)] < least {
				continue
			}
			if s, x := l.firstSlot(d, slot, h.factor[level], earlier, least); s >= 0 {
				slot, before, sum = s, i, x
			}
		}
		if slot < 0 {
			return Hold, d
		}
		r = r<<rungBits | Rungs(slot+1)
		d, slack = before, max(0, sum-least)
	}
	slot, _ := l.firstSlot(d, -1, 1, 0, l.state[d]-slack)
	if slot < 0 {
		return Hold, d
	}
	return r<<rungBits | Rungs(slot+1), -1
}

// firstSlot returns the first slot of day d, before slot to if that is not −1,
// whose touch brings earlier to at least least but for rounding, and the sum;
// −1 if there is none.
func (l *ladderSearch) firstSlot(d, to int32, f, earlier, least float64) (int32, float64) {
	paid, flat := l.p.centre.paid, l.p.centre.flat
	if to < 0 {
		to = l.shape.from[d+1]
	}
	for s := l.shape.from[d]; s < to; s++ {
		x := earlier + (float64(f*(l.values[s]-paid[s])) - flat[s])
		if x >= least {
			return s, x
		}
		if near := f*(math.Abs(l.values[s])+math.Abs(paid[s])) + math.Abs(flat[s]) + math.Abs(earlier); x+roundingOf*near >= least && x > none {
			return s, x
		}
	}
	return -1, 0
}

// measure sets won to a ladder.
func (l *ladderSearch) measure(r Rungs) {
	w := &l.won
	w.rungs, w.worth, w.touches, w.size = r, 0, 0, 0
	last := int32(0)
	for ; r != Hold; r = r.Rest() {
		s := int32(r.First())
		d, f := l.shape.dayOf[s], 1.0
		if w.touches > 0 {
			f = l.shape.factor[l.shape.levelAfter(w.touches, d, last)]
		}
		v := float64(l.values[s] * f)
		w.worth += v
		w.size += math.Abs(v) + math.Abs(f*l.p.centre.paid[s]) + math.Abs(l.p.centre.flat[s])
		w.slot[w.touches], w.factor[w.touches] = s, f
		w.touches++
		last = d
	}
	l.uses(w.rungs)
	w.s = l.reduce(w.worth)
}

// uses sets rows and amounts to what a ladder uses.
func (l *ladderSearch) uses(r Rungs) {
	l.rows, l.amounts = l.t.of(l.profile, r, l.memory.rows, l.memory.amounts)
}

// worth returns the value of a ladder.
func (l *ladderSearch) worth(r Rungs) float64 {
	sum, last := 0.0, 0
	for step := 0; r != Hold; step, r = step+1, r.Rest() {
		s := r.First()
		sum += float64(l.values[s] * l.t.rule.factor(step, l.t.day[s]-last))
		last = l.t.day[s]
	}
	return sum
}

// reduce takes from worth the price of the uses in rows and amounts.
func (l *ladderSearch) reduce(worth float64) float64 {
	for k, r := range l.rows {
		worth -= float64(l.b.centre[r] * l.amounts[k])
	}
	return worth
}
