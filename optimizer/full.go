package optimizer

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"
)

// FullLP is the reference Solver: it hands the whole linear program, a column
// per candidate, to an LPSolver. Its time grows faster than the number of
// customers (tens of seconds at 20,000); [Boxstep] is for more.
type FullLP struct {
	LP LPSolver
}

// Solve solves p. The error wraps the faults of [Problem.Validate] or says why
// the LPSolver could not run.
func (f FullLP) Solve(ctx context.Context, p *Problem) (*Solution, error) {
	if err := p.Validate(); err != nil {
		return nil, err
	}
	lp := p.LP()
	began := time.Now()
	res, err := f.LP.SolveLP(ctx, lp)
	if err != nil {
		return nil, fmt.Errorf("optimizer: full linear program: %w", err)
	}
	sol := &Solution{Status: res.Status, Iterations: res.Iterations}
	sol.Work = Work{FullReads: 1, ReducedLPs: 1, LargestLP: lp.Cols(), LPSeconds: time.Since(began).Seconds()}
	switch res.Status {
	case Optimal:
		began = time.Now()
		prices := res.Prices[:len(p.Rows)]
		if err := cleanPrices(p, prices); err != nil {
			return nil, err
		}
		finish(p, sol, res.X, prices)
		sol.Work.FinishSeconds = time.Since(began).Seconds()
	case Infeasible:
		sol.Shortfalls, err = diagnose(ctx, f, p)
	}
	return sol, err
}

// errWrongSign is wrapped when a solver's dual prices break the sign rule by
// more than rounding.
var errWrongSign = errors.New("optimizer: price of the wrong sign")

// priceTolerance is how many cents, over a row's largest coefficient, a price
// may have the wrong sign: ten times CLP's dual tolerance.
const priceTolerance = 1e-6

// cleanPrices sets prices whose sign is wrong by rounding to zero, in place.
func cleanPrices(p *Problem, prices []float64) error {
	for r, y := range prices {
		row := &p.Rows[r]
		if row.Sense == AtLeast && y <= 0 || row.Sense == AtMost && y >= 0 {
			continue
		}
		largest := 1.0
		for _, u := range row.Use {
			largest = max(largest, abs(u.Amount))
		}
		if !(abs(y)*largest <= priceTolerance*max(1, largestValue(p))) {
			return fmt.Errorf("%w: row %q %s %g at %g", errWrongSign, row.Name, row.Sense, row.Limit, y)
		}
		prices[r] = 0
	}
	return nil
}

func largestValue(p *Problem) float64 {
	largest := 0.0
	for j := range p.Candidates {
		largest = max(largest, abs(p.Candidates[j].ValueCents))
	}
	return largest
}

// finish fills a solution with x and prices, both of which it keeps, and with
// the objective and the bound that they give. Shares are clipped to [0, 1] and
// customers beyond a whole are scaled back, so rounding cannot double anybody.
func finish(p *Problem, sol *Solution, x, prices []float64) {
	sol.X, sol.Prices = x, prices
	start, order := p.byCustomer()
	rc := sol.ReducedCosts(p)
	var objective, bound sum
	for r := range p.Rows {
		bound.add(prices[r] * p.Rows[r].Limit)
	}
	for i := range len(start) - 1 {
		total, best := 0.0, 0.0
		for _, j := range order[start[i]:start[i+1]] {
			x[j] = min(max(x[j], 0), 1)
			total += x[j]
			best = max(best, rc[j])
		}
		bound.add(best)
		for _, j := range order[start[i]:start[i+1]] {
			if total > 1 {
				x[j] /= total
			}
			objective.add(x[j] * p.Candidates[j].ValueCents)
		}
	}
	sol.ObjectiveCents, sol.BoundCents = objective.value(), bound.value()
}

// sum adds floats with Neumaier's compensation, so that millions of terms lose
// nothing to rounding that matters.
type sum struct{ total, lost float64 }

func (s *sum) add(x float64) {
	t := s.total + x
	if math.Abs(s.total) >= math.Abs(x) {
		s.lost += (s.total - t) + x
	} else {
		s.lost += (x - t) + s.total
	}
	s.total = t
}

func (s *sum) value() float64 { return s.total + s.lost }
