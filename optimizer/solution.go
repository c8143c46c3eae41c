package optimizer

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// Status says how a solve ended. Its zero value is NotSolved.
type Status int8

// The ways a solve can end. Unbounded cannot happen to a Problem, whose
// customers are bounded; a plain LP can be so.
const (
	NotSolved Status = iota
	Optimal
	Infeasible
	TimeLimit
	Interrupted
	Unbounded
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
	case Unbounded:
		return "unbounded"
	}
	return fmt.Sprintf("status(%d)", int8(s))
}

// ErrNotOptimal is wrapped by [Solution.Err] for every status but Optimal.
var ErrNotOptimal = errors.New("optimizer: not optimal")

// Solver solves allocation problems. Solve errs only when it could not run; an
// outcome such as infeasible or out of time is the Solution's Status. The same
// problem gives the same solution, bit by bit, whatever GOMAXPROCS.
//
// When ctx is done Solve returns early, with TimeLimit when its deadline
// passed and Interrupted when it was cancelled.
type Solver interface {
	Solve(ctx context.Context, p *Problem) (*Solution, error)
}

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
	Iterations     int     // of the simplex method, over all linear programs; 0 where the LPSolver does not count
	// Shortfalls says which rows stand in the way when Status is Infeasible.
	Shortfalls []Shortfall
	Beside     []string // limits that stand in their way, where the solver names them
	Work       Work
}

// Work is what a solve took. Seconds are wall time.
type Work struct {
	FullReads     int   // passes over all candidates, the certificate's included
	PartReads     int   // passes over a part of them, where the values have one
	ReducedLPs    int   // linear programs solved
	LargestLP     int   // columns of the largest of them
	Undecided     []int // groups of alike customers left undecided by each scan
	ScanSeconds   float64
	LPSeconds     float64
	FinishSeconds float64 // assembling X, the bound and the objective
}

// Shortfall is a row that cannot be met together with the others.
type Shortfall struct {
	Row    string  `json:"row"`
	Sense  Sense   `json:"sense"`
	Limit  float64 `json:"limit"`
	Reach  float64 `json:"reach"`  // the row's activity in an allocation that puts such rows first
	Amount float64 `json:"amount"` // > 0: how far Reach is from Limit
}

// Gap returns (dual bound − objective) / max(1, |objective|).
func (s *Solution) Gap() float64 {
	return (s.BoundCents - s.ObjectiveCents) / max(1, abs(s.ObjectiveCents))
}

// Err returns nil only when the solution is optimal. For an infeasible problem
// its text names the rows that cannot be met and by how much.
func (s *Solution) Err() error {
	switch {
	case s.Status == Optimal:
		return nil
	case s.Status == Infeasible && len(s.Shortfalls) > 0:
		return fmt.Errorf("%w: %s: %s", ErrNotOptimal, s.Status, s.Conflict())
	}
	return fmt.Errorf("%w: %s", ErrNotOptimal, s.Status)
}

// Conflict returns one sentence about the rows that cannot be met together, or
// "" when there is none.
func (s *Solution) Conflict() string { return conflict(s.Shortfalls, s.Beside) }

func conflict(shortfalls []Shortfall, beside []string) string {
	if len(shortfalls) == 0 {
		return ""
	}
	parts := make([]string, len(shortfalls))
	for i, f := range shortfalls {
		parts[i] = fmt.Sprintf("%q demands %s %.10g and comes to %.10g", f.Row, f.Sense, f.Limit, f.Reach)
	}
	text := "no allocation meets all rows; putting them first, " + strings.Join(parts, ", ")
	if len(beside) > 0 {
		text += fmt.Sprintf(" beside %q", beside)
	}
	return text
}

// ReducedCosts returns value − Σ price × use of every candidate at the
// solution's prices: what it earns beyond the marginal use of the same means.
func (s *Solution) ReducedCosts(p *Problem) []float64 {
	rc := make([]float64, len(p.Candidates))
	for j := range p.Candidates {
		rc[j] = p.Candidates[j].ValueCents
	}
	for r := range p.Rows {
		if price := s.Prices[r]; price != 0 {
			for _, u := range p.Rows[r].Use {
				rc[u.Candidate] -= price * u.Amount
			}
		}
	}
	return rc
}

func abs(f float64) float64 {
	if f < 0 {
		return -f
	}
	return f
}
