//go:build cgo

package clp

// #cgo pkg-config: clp
// #include <stdbool.h>
// #include <Clp_C_Interface.h>
// #include "watch.h"
import "C"

import (
	"context"
	"fmt"
	"math"
	"unsafe"

	"dunning/optimizer"
)

// Bits of what a session keeps in CLP between two solves.
const (
	keepAreas   = 1 // leave the work areas for the next solve
	reuseFactor = 2 // start from the factorization that was left
	reuseAreas  = 4 // start from the work areas that were left
)

// CLP's problem statuses after which another pass may still find the answer,
// and that of a stop.
const (
	statusErrors  = 4
	statusStopped = 5
	statusUnclear = 10 // the other simplex method should look at it
)

// session is one model in C memory, which holds the negated objective: CLP
// minimises.
type session struct {
	model unsafe.Pointer // a Clp_Simplex; nil when closed
	watch *C.Watch
	first C.int // method of the cold solve
	fault error // of the first change that was no program

	solved bool // there is a basis of ours to start from
	bounds bool // bounds changed since the last solve
	costs  bool // objective changed, or columns added, since the last solve
	kept   bool // CLP's factorization and work areas fit the program
}

func openSession(s *Solver, lp *optimizer.LP) *session {
	model := C.Clp_newModel()
	C.Clp_setLogLevel(model, 0)
	colLower, colUpper := clipped(lp.ColLower), clipped(lp.ColUpper)
	rowLower, rowUpper := clipped(lp.RowLower), clipped(lp.RowUpper)
	start, minimise := starts(lp), negated(lp.Objective)
	C.Clp_loadProblem(model, C.int(lp.Cols()), C.int(lp.Rows()), ints(start), ints(lp.RowIndex), doubles(lp.Coef),
		doubles(colLower), doubles(colUpper), doubles(minimise), doubles(rowLower), doubles(rowUpper))
	C.Clp_setOptimizationDirection(model, 1)
	if s.PrimalTolerance > 0 {
		C.Clp_setPrimalTolerance(model, C.double(s.PrimalTolerance))
	}
	if s.DualTolerance > 0 {
		C.Clp_setDualTolerance(model, C.double(s.DualTolerance))
	}
	first := map[Algorithm]C.int{Dual: C.WATCH_DUAL, Primal: C.WATCH_PRIMAL, Barrier: C.WATCH_BARRIER}[s.Algorithm]
	if s.Algorithm == Barrier && !plainlySolvable(lp) {
		first = C.WATCH_DUAL
	}
	return &session{model: model, watch: C.watch_new(model), first: first}
}

// ints and doubles are C's view of a slice for the duration of one call. None
// is nil, which CLP would take for defaults.
func ints(x []int32) *C.int {
	if len(x) == 0 {
		x = make([]int32, 1)
	}
	return (*C.int)(unsafe.Pointer(unsafe.SliceData(x)))
}

func doubles(x []float64) *C.double {
	if len(x) == 0 {
		x = make([]float64, 1)
	}
	return (*C.double)(unsafe.Pointer(unsafe.SliceData(x)))
}

func starts(lp *optimizer.LP) []int32 {
	out := make([]int32, lp.Cols()+1)
	for j := range lp.Start {
		out[j] = int32(lp.Start[j])
	}
	return out
}

func negated(x []float64) []float64 {
	out := make([]float64, len(x))
	for j := range x {
		out[j] = -x[j]
	}
	return out
}

func clipped(x []float64) []float64 {
	out := make([]float64, len(x))
	for j := range x {
		out[j] = clipInf(x[j])
	}
	return out
}

// Close frees the C memory.
func (s *session) Close() error {
	if s.model != nil {
		C.Clp_deleteModel(s.model)
		C.watch_delete(s.watch)
		s.model, s.watch = nil, nil
	}
	return nil
}

func (s *session) rows() int { return int(C.Clp_numberRows(s.model)) }
func (s *session) cols() int { return int(C.Clp_numberColumns(s.model)) }

// SetRowBounds implements [optimizer.LPSession].
func (s *session) SetRowBounds(row int, lower, upper float64) {
	if s.model == nil {
		return
	}
	if row < 0 || row >= s.rows() || badBounds(lower, upper) {
		s.setFault("row %d of %d: bounds [%g, %g]", row, s.rows(), lower, upper)
		return
	}
	C.watch_row_bounds(s.model, C.int(row), C.double(clipInf(lower)), C.double(clipInf(upper)))
	s.bounds = true
}

// SetColBounds implements [optimizer.LPSession].
func (s *session) SetColBounds(col int, lower, upper float64) {
	if s.model == nil {
		return
	}
	if col < 0 || col >= s.cols() || badBounds(lower, upper) {
		s.setFault("column %d of %d: bounds [%g, %g]", col, s.cols(), lower, upper)
		return
	}
	C.watch_col_bounds(s.model, C.int(col), C.double(clipInf(lower)), C.double(clipInf(upper)))
	s.bounds = true
}

// SetObjective implements [optimizer.LPSession].
func (s *session) SetObjective(col int, objective float64) {
	if s.model == nil {
		return
	}
	if col < 0 || col >= s.cols() || notFinite(objective) {
		s.setFault("column %d of %d: objective %g", col, s.cols(), objective)
		return
	}
	C.watch_objective(s.model, C.int(col), C.double(-objective))
	s.costs = true
}

// AddCols implements [optimizer.LPSession].
func (s *session) AddCols(cols *optimizer.LP) {
	if s.model == nil || cols.Cols() == 0 {
		return
	}
	if err := validateCols(cols, s.rows()); err != nil {
		s.setFault("added columns: %w", err)
		return
	}
	lower, upper, minimise := clipped(cols.ColLower), clipped(cols.ColUpper), negated(cols.Objective)
	C.Clp_addColumns(s.model, C.int(cols.Cols()), doubles(lower), doubles(upper), doubles(minimise),
		ints(starts(cols)), ints(cols.RowIndex), doubles(cols.Coef))
	s.costs, s.kept = true, false
}

func (s *session) setFault(format string, args ...any) {
	if s.fault == nil {
		s.fault = fmt.Errorf("clp: "+format, args...)
	}
}

// Solve implements [optimizer.LPSession].
func (s *session) Solve(ctx context.Context) (*optimizer.LPSolution, error) {
	if s.model == nil {
		return nil, ErrClosed
	}
	if s.fault != nil {
		return nil, s.fault
	}
	if st := contextStatus(ctx); st != optimizer.NotSolved {
		return &optimizer.LPSolution{Status: st}, nil
	}
	if C.Clp_getNumElements(s.model) == 0 {
		return solveSeparable(s.program()), nil
	}
	defer s.guard(ctx)()
	status, iterations, err := s.run()
	switch {
	case C.watch_stopped(s.watch) != 0:
		return &optimizer.LPSolution{Status: contextStatus(ctx), Iterations: iterations}, nil
	case err != nil:
		return nil, err
	case status != optimizer.Optimal:
		return &optimizer.LPSolution{Status: status, Iterations: iterations}, nil
	}
	solution := s.read()
	solution.Iterations = iterations
	return solution, nil
}

// guard lets the end of ctx stop the model until the returned function is
// called, after which nothing touches the watch.
func (s *session) guard(ctx context.Context) (release func()) {
	C.watch_reset(s.watch)
	over := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		C.watch_stop(s.watch)
		close(over)
	})
	return func() {
		if !stop() {
			<-over
		}
	}
}

// run solves: cold by the chosen method; then by the dual method after changes
// of bounds, which leave the basis dual feasible, and by the primal one after
// changes of objective and columns, which leave it primal feasible.
func (s *session) run() (optimizer.Status, int, error) {
	method := C.int(C.WATCH_DUAL)
	switch {
	case !s.solved && s.first == C.WATCH_BARRIER && (s.bounds || s.costs):
		// What was plainly solvable may not be so any more.
	case !s.solved:
		method = s.first
	case s.costs && !s.bounds:
		method = C.WATCH_PRIMAL
	}
	status, iterations := s.pass(method)
	if method == C.WATCH_BARRIER {
		// Crossover may leave a rest: the simplex method has the last word.
		status, iterations = s.again(C.WATCH_PRIMAL, iterations)
	}
	if status == statusUnclear || status == statusErrors {
		status, iterations = s.again(otherSimplex(method), iterations)
	}
	if status == statusUnclear || status == statusErrors || status == 0 && unscaledInfeasible(C.Clp_secondaryStatus(s.model)) {
		scaling := C.Clp_scalingFlag(s.model)
		C.Clp_scaling(s.model, 0)
		status, iterations = s.again(C.WATCH_PRIMAL, iterations)
		if status == statusUnclear {
			status, iterations = s.again(C.WATCH_DUAL, iterations)
		}
		C.Clp_scaling(s.model, scaling)
		s.kept = false
	}
	s.solved, s.bounds, s.costs = true, false, false
	out, err := sessionStatus(status, C.Clp_secondaryStatus(s.model))
	return out, iterations, err
}

// otherSimplex returns the simplex method to ask when one is at its end.
func otherSimplex(method C.int) C.int {
	if method == C.WATCH_DUAL {
		return C.WATCH_PRIMAL
	}
	return C.WATCH_DUAL
}

// again runs one more method, unless the solve was stopped; it rebuilds what was
// kept.
func (s *session) again(method C.int, before int) (C.int, int) {
	if C.watch_stopped(s.watch) != 0 {
		return statusStopped, before
	}
	s.kept = false
	status, iterations := s.pass(method)
	return status, before + iterations
}

func (s *session) pass(method C.int) (C.int, int) {
	keep := C.int(keepAreas)
	if s.kept {
		keep |= reuseFactor | reuseAreas
	}
	status := C.watch_solve(s.model, method, keep)
	s.kept = method != C.WATCH_BARRIER
	return status, int(C.Clp_numberIterations(s.model))
}

// program returns the program without its coefficients.
func (s *session) program() *optimizer.LP {
	lp := &optimizer.LP{
		Objective: negated(view(C.Clp_objective(s.model), s.cols())),
		ColLower:  unclipped(view(C.Clp_columnLower(s.model), s.cols())), ColUpper: unclipped(view(C.Clp_columnUpper(s.model), s.cols())),
		RowLower: unclipped(view(C.Clp_rowLower(s.model), s.rows())), RowUpper: unclipped(view(C.Clp_rowUpper(s.model), s.rows())),
	}
	return lp
}

// view is Go's view of an array of the model, until its next change.
func view(p *C.double, n int) []float64 {
	if n == 0 {
		return nil
	}
	return unsafe.Slice((*float64)(unsafe.Pointer(p)), n)
}

func unclipped(x []float64) []float64 {
	out := make([]float64, len(x))
	for j := range x {
		out[j] = x[j]
		if math.Abs(x[j]) >= math.MaxFloat64 {
			out[j] = math.Inf(int(math.Copysign(1, x[j])))
		}
	}
	return out
}

func (s *session) read() *optimizer.LPSolution {
	cols, rows := s.cols(), s.rows()
	x, y := view(C.Clp_primalColumnSolution(s.model), cols), view(C.Clp_dualRowSolution(s.model), rows)
	lower, upper := view(C.Clp_columnLower(s.model), cols), view(C.Clp_columnUpper(s.model), cols)
	minimise := view(C.Clp_objective(s.model), cols)
	sol := &optimizer.LPSolution{Status: optimizer.Optimal, X: make([]float64, cols), Prices: make([]float64, rows)}
	for j := range x {
		sol.X[j] = min(max(x[j], lower[j]), upper[j])
		sol.Objective -= minimise[j] * sol.X[j]
	}
	for r := range y {
		sol.Prices[r] = 0 - y[r] // 0 − 0 is +0
	}
	return sol
}

// unscaledInfeasible reports whether CLP was optimal only in its scaled space:
// 2 primal, 3 dual, 4 both.
func unscaledInfeasible(secondary C.int) bool { return secondary >= 2 && secondary <= 4 }

// sessionStatus maps CLP's problem status: 0 optimal, 1 primal infeasible, 2
// dual infeasible. The others cannot happen to a solve that was not stopped,
// but by errors: −1 unknown, 3 stopped on iterations or time, 4 stopped by
// errors, 5 stopped by an event handler.
func sessionStatus(status, secondary C.int) (optimizer.Status, error) {
	switch status {
	case 0:
		return optimizer.Optimal, nil
	case 1:
		return optimizer.Infeasible, nil
	case 2:
		return optimizer.Unbounded, nil
	case C.WATCH_EXCEPTION:
		return optimizer.NotSolved, fmt.Errorf("%w: exception", ErrNumerical)
	}
	return optimizer.NotSolved, fmt.Errorf("%w: status %d, secondary status %d", ErrNumerical, status, secondary)
}
