package optimizer

import "math"

// box is a box of prices around a centre: lower ≤ price ≤ upper, lower ≥ 0.
type box struct {
	centre, lower, upper []float64
}

// holds reports whether prices lie in b.
func (b box) holds(prices []float64) bool {
	for r, y := range prices {
		if y < b.lower[r] || y > b.upper[r] {
			return false
		}
	}
	return true
}

// covers reports whether inner lies in b.
func (b box) covers(inner box) bool { return b.holds(inner.lower) && b.holds(inner.upper) }

// cut returns inner without what lies outside b.
func (b box) cut(inner box) box {
	out := box{centre: inner.centre, lower: make([]float64, len(b.lower)), upper: make([]float64, len(b.upper))}
	for r := range b.lower {
		out.lower[r], out.upper[r] = max(b.lower[r], inner.lower[r]), min(b.upper[r], inner.upper[r])
	}
	return out
}

// tieTolerance keeps an option that loses by rounding only, over the size of
// its value.
const tieTolerance = 1e-12

func tieOf(best, worth float64) float64 {
	return tieTolerance * (1 + math.Abs(best) + math.Abs(worth))
}

// tester compares options of one customer over a box; it holds scratch and
// belongs to one goroutine.
type tester struct {
	t        *useTable
	b        box
	up, down []float64 // by row, how far the box reaches from its centre
	winner   []float64 // uses of the current winner, by row
	rows     []int32   // scratch
	amounts  []float64
	reduced  []float64
}

func newTester(t *useTable, b box) *tester {
	n := t.rows()
	s := &tester{t: t, b: b, up: make([]float64, n), down: make([]float64, n), winner: make([]float64, n)}
	for r := range n {
		s.up[r], s.down[r] = b.upper[r]-b.centre[r], b.centre[r]-b.lower[r]
	}
	return s
}

// uses returns what a ladder uses, valid until the next call.
func (s *tester) uses(profile int32, r Rungs) ([]int32, []float64) {
	if r != Hold && r.Rest() == Hold {
		return s.t.touch(profile, r.First())
	}
	s.rows, s.amounts = s.t.of(profile, r, s.rows, s.amounts)
	return s.rows, s.amounts
}

// among returns, in keep (reused), which of a customer's options are the best
// somewhere in the box: the best at the centre first, then the others in their
// order. The test is exact over the whole box: an option that is left out is
// worse than the winner at every price in it. Ties at the centre go to the
// smaller Rungs.
func (s *tester) among(profile int32, options, keep []option) []option {
	s.reduced = s.reduced[:0]
	win := 0
	for k, o := range options {
		r := o.worth
		rows, amounts := s.uses(profile, o.rungs)
		for i, row := range rows {
			r -= s.b.centre[row] * amounts[i]
		}
		s.reduced = append(s.reduced, r)
		if best := s.reduced[win]; r > best || r == best && o.rungs < options[win].rungs {
			win = k
		}
	}
	best := s.reduced[win]
	keep = append(keep[:0], options[win])
	alone := s.mark(profile, options[win].rungs)
	least := best - tieOf(best, options[win].worth)
	for k, o := range options {
		if k != win && s.reduced[k]+s.gain(profile, o.rungs, alone) >= least {
			keep = append(keep, o)
		}
	}
	s.unmark(profile, options[win].rungs)
	return keep
}

// mark notes the winner's uses and returns the most that they can cost it
// within the box.
func (s *tester) mark(profile int32, winner Rungs) float64 {
	alone := 0.0
	rows, amounts := s.uses(profile, winner)
	for k, r := range rows {
		s.winner[r] = amounts[k]
		alone += shift(s.up[r], s.down[r], amounts[k])
	}
	return alone
}

func (s *tester) unmark(profile int32, winner Rungs) {
	rows, _ := s.uses(profile, winner)
	for _, r := range rows {
		s.winner[r] = 0
	}
}

// gain returns the most that the box can shift the comparison with the marked
// winner in favour of another ladder.
func (s *tester) gain(profile int32, other Rungs, alone float64) float64 {
	d := alone
	rows, amounts := s.uses(profile, other)
	for k, r := range rows {
		d += shift(s.up[r], s.down[r], s.winner[r]-amounts[k]) - shift(s.up[r], s.down[r], s.winner[r])
	}
	return d
}

// choiceSearch is the search among single touches.
type choiceSearch struct {
	*tester
	options []option
}

func newChoiceSearch(t *useTable, b box) *choiceSearch {
	return &choiceSearch{tester: newTester(t, b)}
}

// decide never has more options than slots and hold; limit is not needed.
func (c *choiceSearch) decide(profile int32, values []float64, _ int, keep []option) (kept []option, complete bool) {
	c.options = append(c.options[:0], option{})
	for s, v := range values {
		if v != Forbidden {
			c.options = append(c.options, option{RungsOf(s), v})
		}
	}
	return c.among(profile, c.options, keep), true
}
