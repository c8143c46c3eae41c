//go:build cgo

package clp

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/lanl/clp"

	"dunning/optimizer"
)

// ErrClosed is returned by a Solver that was closed.
var ErrClosed = errors.New("clp: solver is closed")

// ErrNumerical is wrapped when CLP gave up, or ended with a status that it does
// not document.
var ErrNumerical = errors.New("clp: no answer")

// collectColumns is the size from which the C memory of a linear program, which
// Go's collector does not see, is released right after the solve.
const collectColumns = 50_000

// Solver solves linear programs and whole allocation problems. It keeps
// nothing between calls and is safe for concurrent use. The zero value is
// ready.
type Solver struct {
	closed atomic.Bool
}

// New returns a Solver.
func New() *Solver { return &Solver{} }

// Close makes later solves fail with ErrClosed. It is idempotent.
func (s *Solver) Close() error {
	s.closed.Store(true)
	return nil
}

// Solve solves the whole linear program of p: a column per candidate.
func (s *Solver) Solve(ctx context.Context, p *optimizer.Problem) (*optimizer.Solution, error) {
	return optimizer.FullLP{LP: s}.Solve(ctx, p)
}

// SolveLP solves one linear program by the dual simplex method, finished by
// the primal one where scaling left an infeasibility. It returns early, with
// Interrupted or TimeLimit, when ctx is done; CLP cannot be stopped, so its
// thread runs on to the context's deadline or its own end.
func (s *Solver) SolveLP(ctx context.Context, lp *optimizer.LP) (*optimizer.LPSolution, error) {
	if s.closed.Load() {
		return nil, ErrClosed
	}
	if st := contextStatus(ctx); st != optimizer.NotSolved {
		return &optimizer.LPSolution{Status: st}, nil
	}
	if err := validate(lp); err != nil {
		return nil, err
	}
	if lp.Cols() == 0 || lp.Rows() == 0 {
		return solveSeparable(lp), nil
	}
	seconds := 0.0
	if deadline, ok := ctx.Deadline(); ok {
		seconds = max(time.Until(deadline).Seconds(), 0.001)
	}
	type answer struct {
		solution *optimizer.LPSolution
		err      error
	}
	done := make(chan answer, 1)
	go func() {
		solution, err := solve(lp, seconds)
		done <- answer{solution, err}
	}()
	select {
	case a := <-done:
		if lp.Cols() >= collectColumns {
			runtime.GC()
		}
		return a.solution, a.err
	case <-ctx.Done():
		return &optimizer.LPSolution{Status: contextStatus(ctx)}, nil
	}
}

// solve runs CLP in the calling goroutine; seconds = 0 means no limit.
func solve(lp *optimizer.LP, seconds float64) (*optimizer.LPSolution, error) {
	matrix := loadMatrix(lp)
	model := clp.NewSimplex()
	defer runtime.KeepAlive(model)
	minimise := make([]float64, lp.Cols())
	for j, c := range lp.Objective {
		minimise[j] = -c
	}
	model.LoadProblem(matrix, bounds(lp.ColLower, lp.ColUpper), minimise, bounds(lp.RowLower, lp.RowUpper), nil)
	runtime.KeepAlive(matrix) // CLP has copied the matrix
	model.SetOptimizationDirection(clp.Minimize)
	if seconds > 0 {
		model.SetMaxSeconds(seconds)
	}
	status := model.Dual(clp.NoValuesPass, clp.NoStartFinishOptions)
	if status == clp.Optimal && unscaledInfeasible(model.SecondaryStatus()) {
		model.SetScaling(clp.NoScaling)
		status = model.Primal(clp.NoValuesPass, clp.NoStartFinishOptions)
	}
	out, err := mapStatus(status, model.SecondaryStatus())
	if err != nil || out != optimizer.Optimal {
		return &optimizer.LPSolution{Status: out}, err
	}
	return readSolution(lp, model), nil
}

func loadMatrix(lp *optimizer.LP) *clp.PackedMatrix {
	matrix := clp.NewPackedMatrix()
	matrix.Reserve(lp.Cols(), len(lp.Coef)+1, false)
	var col []clp.Nonzero
	for j := range lp.Cols() {
		col = col[:0]
		for k := lp.Start[j]; k < lp.Start[j+1]; k++ {
			col = append(col, clp.Nonzero{Index: int(lp.RowIndex[k]), Value: lp.Coef[k]})
		}
		matrix.AppendColumn(col)
	}
	matrix.SetDimensions(lp.Rows(), lp.Cols()) // rows after the last used one
	return matrix
}

func bounds(lower, upper []float64) []clp.Bounds {
	b := make([]clp.Bounds, len(lower))
	for i := range b {
		b[i] = clp.Bounds{Lower: clipInf(lower[i]), Upper: clipInf(upper[i])}
	}
	return b
}

// clipInf turns ±Inf into the largest floats, which CLP takes for no bound.
func clipInf(x float64) float64 {
	return min(max(x, -math.MaxFloat64), math.MaxFloat64)
}

func readSolution(lp *optimizer.LP, model *clp.Simplex) *optimizer.LPSolution {
	sol := &optimizer.LPSolution{Status: optimizer.Optimal, X: model.PrimalColumnSolution(), Prices: model.DualRowSolution()}
	for j, x := range sol.X {
		sol.X[j] = min(max(x, lp.ColLower[j]), lp.ColUpper[j])
		sol.Objective += lp.Objective[j] * sol.X[j]
	}
	for r, y := range sol.Prices {
		sol.Prices[r] = 0 - y // 0 − 0 is +0
	}
	runtime.KeepAlive(model)
	return sol
}

// unscaledInfeasible reports whether CLP was optimal only in its scaled space.
func unscaledInfeasible(secondary clp.SimplexStatus) bool {
	return secondary == clp.SecondaryScaledOptimalUnscaledPrimalInfeasible ||
		secondary == clp.SecondaryScaledOptimalUnscaledDualInfeasible ||
		secondary == clp.SecondaryScaledOptimalUnscaledBothInfeasible
}

// mapStatus maps CLP's problem status: 0 optimal, 1 primal infeasible, 2 dual
// infeasible, 3 stopped on iterations or time, 4 stopped by errors, 5 stopped
// by an event handler, −1 unknown.
func mapStatus(status, secondary clp.SimplexStatus) (optimizer.Status, error) {
	switch status {
	case 0:
		return optimizer.Optimal, nil
	case 1:
		return optimizer.Infeasible, nil
	case 2:
		return optimizer.Unbounded, nil
	case 3:
		return optimizer.TimeLimit, nil
	case 5:
		return optimizer.Interrupted, nil
	}
	return optimizer.NotSolved, fmt.Errorf("%w: status %d, secondary status %d", ErrNumerical, status, secondary)
}

func contextStatus(ctx context.Context) optimizer.Status {
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return optimizer.TimeLimit
	case ctx.Err() != nil:
		return optimizer.Interrupted
	}
	return optimizer.NotSolved
}

// solveSeparable solves a linear program without columns or without rows,
// which CLP need not be asked: each column stands at its better bound.
func solveSeparable(lp *optimizer.LP) *optimizer.LPSolution {
	sol := &optimizer.LPSolution{Status: optimizer.Optimal, X: make([]float64, lp.Cols()), Prices: make([]float64, lp.Rows())}
	for r := range lp.Rows() {
		if lp.RowLower[r] > 0 || lp.RowUpper[r] < 0 {
			return &optimizer.LPSolution{Status: optimizer.Infeasible}
		}
	}
	for j, c := range lp.Objective {
		x := lp.ColLower[j]
		if c > 0 || math.IsInf(x, -1) && c == 0 {
			x = lp.ColUpper[j]
		}
		if math.IsInf(x, 0) {
			if c != 0 {
				return &optimizer.LPSolution{Status: optimizer.Unbounded}
			}
			x = 0
		}
		sol.X[j] = x
		sol.Objective += c * x
	}
	return sol
}

// validate refuses what would make CLP misbehave rather than answer.
func validate(lp *optimizer.LP) error {
	if len(lp.ColLower) != lp.Cols() || len(lp.ColUpper) != lp.Cols() || len(lp.RowUpper) != lp.Rows() ||
		lp.Cols() > 0 && len(lp.Start) != lp.Cols()+1 || len(lp.RowIndex) != len(lp.Coef) {
		return fmt.Errorf("clp: linear program with slices of different lengths")
	}
	for j := range lp.Cols() {
		if math.IsNaN(lp.Objective[j]) || math.IsInf(lp.Objective[j], 0) || math.IsNaN(lp.ColLower[j]) || math.IsNaN(lp.ColUpper[j]) {
			return fmt.Errorf("clp: column %d has an objective or bound that is no number", j)
		}
	}
	for r := range lp.Rows() {
		if math.IsNaN(lp.RowLower[r]) || math.IsNaN(lp.RowUpper[r]) {
			return fmt.Errorf("clp: row %d has a bound that is no number", r)
		}
	}
	for k, c := range lp.Coef {
		if math.IsNaN(c) || math.IsInf(c, 0) || lp.RowIndex[k] < 0 || int(lp.RowIndex[k]) >= lp.Rows() {
			return fmt.Errorf("clp: coefficient %d: %g in row %d of %d", k, c, lp.RowIndex[k], lp.Rows())
		}
	}
	return nil
}
