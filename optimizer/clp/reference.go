//go:build cgo

package clp

import (
	"context"
	"fmt"
	"runtime"
	"time"

	"github.com/lanl/clp"

	"dunning/optimizer"
)

// collectColumns is the size from which the C memory of a linear program, which
// Go's collector does not see, is released right after the solve.
const collectColumns = 50_000

// Reference solves whole programs through github.com/lanl/clp: the dual simplex
// method, cold, on a path that shares no code of ours with [Solver] but the
// checks. It is what Solver is compared with. The zero value is ready and safe
// for concurrent use.
type Reference struct{}

// Solve solves the whole linear program of p: a column per candidate.
func (r Reference) Solve(ctx context.Context, p *optimizer.Problem) (*optimizer.Solution, error) {
	return optimizer.FullLP{LP: r}.Solve(ctx, p)
}

// SolveLP solves one linear program by the dual simplex method, finished by
// the primal one where scaling left an infeasibility. It returns early, with
// Interrupted or TimeLimit, when ctx is done; CLP cannot be stopped, so its
// thread runs on to the context's deadline or its own end.
func (Reference) SolveLP(ctx context.Context, lp *optimizer.LP) (*optimizer.LPSolution, error) {
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
	if status == clp.Optimal && scaledOnly(model.SecondaryStatus()) {
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

// scaledOnly reports whether CLP was optimal only in its scaled space.
func scaledOnly(secondary clp.SimplexStatus) bool {
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
