package optimizer

import (
	"cmp"
	"math"
	"slices"
)

// openDays is how many days open looks into before it leaves a customer to collect.
const openDays = 16

// near reports whether another ladder than the winner is as near to it at the
// centre as the whole box could bring any ladder of its length.
func (l *ladderSearch) near() bool {
	w := &l.walk
	w.ladderTables, w.view, w.values, w.visit, w.left = l.ladderTables, &l.p.centre, l.values, l.visitOther, math.MaxInt
	sum, s, loss := &l.p.sum, 0.0, 0.0
	for k, slot := range l.won.slot[:l.won.touches] {
		f := l.won.factor[k]
		s += float64(f*(l.values[slot]-sum.paid[slot])) - sum.flat[slot]
		loss += float64(f*sum.paidLoss[slot]) + sum.flatLoss[slot]
	}
	least := l.least(s, loss)
	if l.won.rungs != Hold && least <= 0 {
		return true
	}
	for j, reach := range l.p.reach {
		if w.least = least - reach*(1+roundingOf); w.ending(j) {
			return true
		}
	}
	return false
}

// least is the bound that ladders must reach which may pass the test, where the
// winner is worth s and the box may cost it loss. Bounds are added up in
// another order than the exact test: this leaves as much again for rounding as
// the test leaves to ties.
func (l *ladderSearch) least(s, loss float64) float64 {
	return s - loss - 2*l.won.tie() - roundingOf*(loss+l.won.size+math.Abs(s))
}

// aim prepares the walk over the ladders that a view of the box leaves open:
// its levels are set but for the days of the winner.
func (l *ladderSearch) aim(v *ladderView) {
	h, w := l.shape, &l.walk
	w.view, w.values = v, l.values
	s, loss := 0.0, 0.0
	for k, slot := range l.won.slot[:l.won.touches] {
		d, f := h.dayOf[slot], l.won.factor[k]
		s += float64(f*(l.values[slot]-v.paid[slot])) - v.flat[slot]
		loss += float64(f*v.paidLoss[slot]) + v.flatLoss[slot]
		w.own[d], w.factor[d] = slot, f
	}
	for _, slot := range l.won.slot[:l.won.touches] {
		w.ownDay(h.dayOf[slot])
	}
	w.run(h)
	w.least = l.least(s, loss)
}

// release undoes aim.
func (l *ladderSearch) release() {
	for _, slot := range l.won.slot[:l.won.touches] {
		l.walk.own[l.shape.dayOf[slot]] = -1
	}
}

// open reports whether the box may leave another ladder open than the winner.
// The best touches of a day are taken to be those at the centre, plus what the
// box may bring any touch of the day. In a wide box that lets in many days none of
// whose touches is good enough: rather than to look through them all it says yes,
// and the closer bounds of collect tell.
func (l *ladderSearch) open() bool {
	l.walk.ladderTables = l.own
	level, centre := l.own.level, l.level[:len(l.own.level)]
	gain := l.p.gain[:len(level)]
	for k := range level {
		level[k] = centre[k] + gain[k]
	}
	l.aim(&l.p.sum)
	l.walk.visit, l.walk.left = l.visitOther, openDays
	others := l.won.rungs != Hold && l.walk.least <= 0 || l.walk.all()
	l.release()
	return others
}

func (l *ladderSearch) isOther(r Rungs) bool { return r != l.won.rungs }

// collect finds the ladders that the box leaves open.
func (l *ladderSearch) collect(limit int, keep []option) (kept []option, complete bool) {
	if l.p.ends == nil {
		l.p.setEnds(l.t, l.b, l.score)
	}
	l.win(roundingOf * l.won.size)
	l.mark()
	l.found, l.tests, l.gaveUp, l.enough = l.found[:0], 0, false, 4*limit+1000
	l.walk.ladderTables, l.walk.visit, l.walk.left = l.own, l.visitTest, math.MaxInt
	l.end = 0
	if l.won.rungs != Hold {
		l.test(Hold)
	}
	for k := range l.p.ends {
		l.end = k
		v := &l.p.ends[k]
		l.own.bound(l.shape, v.widePaid, v.wideFlat, l.values, &l.ends)
		l.aim(v)
		l.walk.all()
		l.release()
		if l.gaveUp {
			break
		}
	}
	l.unmark()
	slices.SortFunc(l.found, func(a, b found) int {
		if c := cmp.Compare(b.most, a.most); c != 0 {
			return c
		}
		return cmp.Compare(a.rungs, b.rungs)
	})
	kept = append(keep[:0], l.won.option)
	for _, f := range l.found {
		if len(kept) == limit {
			return kept, false
		}
		kept = append(kept, f.option)
	}
	return kept, !l.gaveUp
}

// test is the exact test of one ladder; true ends the walk.
func (l *ladderSearch) test(r Rungs) bool {
	if r == l.won.rungs {
		return false
	}
	if l.tests++; len(l.found) > l.enough || len(l.found) > 0 && l.tests > 20*l.enough {
		l.gaveUp = true
		return true
	}
	l.uses(r)
	worth := l.worth(r)
	most, saved := l.reduce(worth)+l.loss, 0.0
	if l.p.pivot >= 0 {
		saved = l.used[l.p.pivot]
	}
	for k, row := range l.rows {
		most += l.b.rise(row, l.used[row]-l.amounts[k]) - l.b.rise(row, l.used[row])
		if row == l.p.pivot {
			saved -= l.amounts[k]
		}
	}
	// Both ends of the pivot row meet the ladder: the one where it is at its
	// best keeps it.
	atHigh := l.p.pivot < 0 || saved >= 0
	if r != Hold && atHigh != (l.end == 0) {
		return false
	}
	if most >= l.won.s-l.won.tie() {
		l.found = append(l.found, found{option{r, worth}, most})
	}
	return false
}

// mark notes what the winner uses, and the most that this can cost it within
// the box.
func (l *ladderSearch) mark() {
	l.loss = 0
	l.uses(l.won.rungs)
	for k, r := range l.rows {
		l.used[r] = l.amounts[k]
		l.loss += l.b.rise(r, l.amounts[k])
	}
}

func (l *ladderSearch) unmark() {
	l.uses(l.won.rungs)
	for _, r := range l.rows {
		l.used[r] = 0
	}
}
