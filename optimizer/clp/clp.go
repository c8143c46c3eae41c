//go:build cgo

package clp

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync/atomic"

	"dunning/data"
	"dunning/optimizer"
)

// ErrClosed is returned by a Solver and by a session that was closed.
var ErrClosed = errors.New("clp: solver is closed")

// ErrNumerical is wrapped when CLP gave up, or ended with a status that it does
// not document.
var ErrNumerical = errors.New("clp: no answer")

// Solver solves linear programs, holds them open ([optimizer.LPOpener]) and
// solves whole allocation problems. It keeps nothing between calls and is safe
// for concurrent use. The zero value is ready.
type Solver struct {
	Algorithm Algorithm // of the first solve of a program; the others start from its basis
	// PrimalTolerance and DualTolerance are the infeasibilities that CLP takes
	// for none, per row and column in its scaled space; 0 means 1e-7.
	PrimalTolerance, DualTolerance float64

	closed atomic.Bool
}

// New returns a Solver that starts with the dual simplex method.
func New() *Solver { return &Solver{} }

// Close makes later solves fail with ErrClosed; sessions that are open have
// their own Close. It is idempotent.
func (s *Solver) Close() error {
	s.closed.Store(true)
	return nil
}

// Solve solves the whole linear program of p: a column per candidate.
func (s *Solver) Solve(ctx context.Context, p *optimizer.Problem) (*optimizer.Solution, error) {
	return optimizer.FullLP{LP: s}.Solve(ctx, p)
}

// SolveLP solves one linear program: a session of one solve.
func (s *Solver) SolveLP(ctx context.Context, lp *optimizer.LP) (*optimizer.LPSolution, error) {
	if st := contextStatus(ctx); st != optimizer.NotSolved && !s.closed.Load() {
		return &optimizer.LPSolution{Status: st}, nil
	}
	session, err := s.OpenLP(lp)
	if err != nil {
		return nil, err
	}
	defer session.Close() // frees memory only
	return session.Solve(ctx)
}

// OpenLP copies lp into a session that the caller must close.
func (s *Solver) OpenLP(lp *optimizer.LP) (optimizer.LPSession, error) {
	if s.closed.Load() {
		return nil, ErrClosed
	}
	if s.Algorithm < Dual || s.Algorithm > Barrier {
		return nil, fmt.Errorf("%w: clp: %s", data.ErrUsage, s.Algorithm)
	}
	for _, t := range []float64{s.PrimalTolerance, s.DualTolerance} {
		if !(t >= 0 && t < 1) {
			return nil, fmt.Errorf("%w: clp: tolerance %g outside [0, 1)", data.ErrUsage, t)
		}
	}
	if err := validate(lp); err != nil {
		return nil, err
	}
	return openSession(s, lp), nil
}

// clipInf turns ±Inf into the largest floats, which CLP takes for no bound.
func clipInf(x float64) float64 {
	return min(max(x, -math.MaxFloat64), math.MaxFloat64)
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

// solveSeparable solves a linear program without coefficients, which CLP need
// not be asked: each column stands at its better bound.
func solveSeparable(lp *optimizer.LP) *optimizer.LPSolution {
	sol := &optimizer.LPSolution{Status: optimizer.Optimal, X: make([]float64, lp.Cols()), Prices: make([]float64, lp.Rows())}
	for r := range lp.Rows() {
		if lp.RowLower[r] > 0 || lp.RowUpper[r] < 0 {
			return &optimizer.LPSolution{Status: optimizer.Infeasible}
		}
	}
	for j, c := range lp.Objective {
		if lp.ColLower[j] > lp.ColUpper[j] {
			return &optimizer.LPSolution{Status: optimizer.Infeasible}
		}
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
