//go:build !cgo

package clp

import (
	"context"
	"errors"

	"dunning/optimizer"
)

// ErrNoCgo is what every solve returns in a binary built without cgo.
var ErrNoCgo = errors.New("clp: this binary was built without cgo and has no linear programming library")

// Solver solves nothing without cgo; it keeps such builds compiling.
type Solver struct {
	Algorithm                      Algorithm
	PrimalTolerance, DualTolerance float64
}

// New returns a Solver.
func New() *Solver { return &Solver{} }

// Close does nothing.
func (s *Solver) Close() error { return nil }

// Solve returns ErrNoCgo.
func (s *Solver) Solve(context.Context, *optimizer.Problem) (*optimizer.Solution, error) {
	return nil, ErrNoCgo
}

// SolveLP returns ErrNoCgo.
func (s *Solver) SolveLP(context.Context, *optimizer.LP) (*optimizer.LPSolution, error) {
	return nil, ErrNoCgo
}

// OpenLP returns ErrNoCgo.
func (s *Solver) OpenLP(*optimizer.LP) (optimizer.LPSession, error) {
	return nil, ErrNoCgo
}

// Reference solves nothing without cgo.
type Reference struct{}

// Solve returns ErrNoCgo.
func (Reference) Solve(context.Context, *optimizer.Problem) (*optimizer.Solution, error) {
	return nil, ErrNoCgo
}

// SolveLP returns ErrNoCgo.
func (Reference) SolveLP(context.Context, *optimizer.LP) (*optimizer.LPSolution, error) {
	return nil, ErrNoCgo
}
