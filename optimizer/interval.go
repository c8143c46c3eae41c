package optimizer

import (
	"fmt"
	"math"
	"slices"
)

// Interval is the prices that a row can have at the optimum: Low is what one
// more unit of its limit brings in, High what one unit less costs. They differ
// where the optimum is degenerate, which is the rule where limits are whole
// touches. Signs are those of DualPrice.
type Interval struct {
	Low, High float64
	// Open says that the search for the ends stopped before it found both; the
	// interval is a part of the true one.
	Open bool
}

// Constants of the search for intervals.
const (
	intervalStep   = 1e-4 // of a typical use, by which a limit is moved
	intervalRounds = 5    // boxes, each wider where an end was not in the last
	intervalWiden  = 8.0
)

// intervals finds the interval of each row's price. The reduced program is
// solved again with each limit a little higher and a little lower, from the
// basis of the last solve; its prices are the slopes to either side. Where a
// slope lies on an edge of the box, the box was too small to show it.
func (s *boxstepRun) intervals(b box, program *reduced, prices []float64) ([]Interval, error) {
	opener, ok := s.LP.(LPOpener)
	if !ok {
		return nil, fmt.Errorf("optimizer: intervals need a solver that holds programs open, not %T", s.LP)
	}
	out := make([]Interval, s.m.rows())
	var todo []int
	for r := range out {
		if s.m.t.closed[r] {
			out[r] = Interval{prices[r], math.Inf(1), false}
			continue
		}
		todo = append(todo, r)
	}
	half := make([]float64, len(out))
	for r := range half {
		half[r] = max(b.upper[r]-prices[r], prices[r]-b.lower[r]) // closed rows stay at their cap
	}
	for round := range intervalRounds {
		open, err := s.slopes(opener, program, b, todo, out)
		if err != nil || len(open) == 0 || round == intervalRounds-1 {
			return s.signed(out), err
		}
		for _, r := range open {
			half[r] = max(intervalWiden*half[r], 1e-3*s.m.meanCents(prices)/s.m.t.scale[r])
		}
		b = s.m.boxAround(prices, half)
		if !s.wideBox.covers(b) {
			s.wide = nil
		}
		found, err := s.look(&b)
		if err != nil {
			return nil, err
		}
		if found.incomplete > 0 || columnsOf(found.open) > 4*s.MaxColumns {
			return s.signed(out), nil
		}
		program = s.m.newReduced(found.open, s.m.leftOf(found, 1), b)
		todo = open
	}
	return s.signed(out), nil
}

// slopes sets the intervals of the rows in todo and returns those with an end
// on an edge of the box.
func (s *boxstepRun) slopes(opener LPOpener, program *reduced, b box, todo []int, out []Interval) (open []int, err error) {
	lp, err := opener.OpenLP(program.lp)
	if err != nil {
		return nil, err
	}
	defer lp.Close()
	price := func(r int, shift float64) (float64, error) {
		lower, upper := program.lp.RowLower[r], program.lp.RowUpper[r]
		lp.SetRowBounds(r, lower+shift, upper+shift)
		res, err := lp.Solve(s.ctx)
		lp.SetRowBounds(r, lower, upper)
		switch {
		case err != nil:
			return 0, err
		case res.Status != Optimal:
			return 0, fmt.Errorf("%w: a program with a limit moved is %s", errUnsettled, res.Status)
		}
		s.iterations += res.Iterations
		return min(max(program.price(res, r), b.lower[r]), b.upper[r]), nil
	}
	if _, err := lp.Solve(s.ctx); err != nil {
		return nil, err
	}
	for _, r := range todo {
		step := intervalStep * s.m.t.scale[r]
		low, err := price(r, step)
		if err != nil {
			return nil, err
		}
		high, err := price(r, -step)
		if err != nil {
			return nil, err
		}
		width := 1e-9 * (b.upper[r] - b.lower[r])
		atEdge := low <= b.lower[r]+width && b.lower[r] > 0 || high >= b.upper[r]-width && b.upper[r] < s.m.cap[r]
		if out[r] = (Interval{min(low, high), max(low, high), atEdge}); atEdge {
			open = append(open, r)
		}
	}
	return open, nil
}

// signed turns the intervals back into the signs of DualPrice.
func (s *boxstepRun) signed(of []Interval) []Interval {
	out := slices.Clone(of)
	for r, v := range out {
		if s.m.t.sign[r] < 0 {
			out[r] = Interval{0 - v.High, 0 - v.Low, v.Open}
		}
	}
	return out
}
