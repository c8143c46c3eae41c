package optimizer

import (
	"errors"
	"fmt"
)

// Status says how a solve ended. Its zero value is NotSolved.
type Status int8

// The ways a solve can end.
const (
	NotSolved Status = iota
	Optimal
	Infeasible
	TimeLimit
	Interrupted
)

// String returns the word that reports and JSON show.
func (s Status) String() string {
	switch s {
	case NotSolved:
		return "not_solved"
	case Optimal:
		return "optimal"
	case Infeasible:
		return "infeasible"
	case TimeLimit:
		return "time_limit"
	case Interrupted:
		return "interrupted"
	}
	return fmt.Sprintf("status(%d)", int8(s))
}

// ErrNotOptimal is wrapped by [Solution.Err] for every status but Optimal.
var ErrNotOptimal = errors.New("optimizer: not optimal")

// Solution is the answer of a solver to a Problem.
type Solution struct {
	Status Status
	// X is the share of each candidate in the linear program's optimum, in
	// [0, 1]; at most as many customers as there are binding rows have
	// fractional ones.
	X []float64
	// Prices is the DualPrice of each row: what one more unit of its limit
	// would bring in, in cents.
	Prices         []float64
	ObjectiveCents float64 // value of X
	BoundCents     float64 // Lagrangian dual bound at Prices, never below the true optimum
	Iterations     int
}

// Gap returns (dual bound − objective) / max(1, |objective|).
func (s *Solution) Gap() float64 {
	return (s.BoundCents - s.ObjectiveCents) / max(1, abs(s.ObjectiveCents))
}

// Err returns nil only when the solution is optimal.
func (s *Solution) Err() error {
	if s.Status == Optimal {
		return nil
	}
	return fmt.Errorf("%w: %s", ErrNotOptimal, s.Status)
}

func abs(f float64) float64 {
	if f < 0 {
		return -f
	}
	return f
}
