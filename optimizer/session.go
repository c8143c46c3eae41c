package optimizer

import "context"

// LPSession is a linear program that is changed and solved again from where
// the last solve ended. Changes cost next to nothing until Solve; a change that
// is no program (a bound that is no number, a row that is not there) is
// reported by the next Solve, and by all after it.
//
// A session is a chain: the same program, changes and solves in the same order
// give the same bits. Another order may end in another optimum of the same
// objective. A session is for one goroutine at a time.
type LPSession interface {
	// Solve solves from the current basis. Outcomes are the Status; X and
	// Prices are the caller's. When ctx is done Solve returns soon, with
	// TimeLimit or Interrupted and no thread left at work; the next Solve goes
	// on from there. An error means that it could not run.
	Solve(ctx context.Context) (*LPSolution, error)
	// SetRowBounds sets lower ≤ row ≤ upper; ±Inf for none.
	SetRowBounds(row int, lower, upper float64)
	// SetColBounds sets the bounds of a column; ±Inf for none.
	SetColBounds(col int, lower, upper float64)
	// SetObjective sets the objective coefficient of a column.
	SetObjective(col int, objective float64)
	// AddCols appends the columns of cols, built by [LP.AddCol], with row
	// indices of the session's rows; the rows of cols itself are not read. The
	// new columns start at a bound, so the basis stays one.
	AddCols(cols *LP)
	// Close frees the program. It is idempotent; later changes do nothing, and
	// later solves fail.
	Close() error
}

// LPOpener is an LPSolver that can hold a program open.
type LPOpener interface {
	LPSolver
	// OpenLP copies lp into a session that the caller must close. The error
	// says why lp is no program.
	OpenLP(lp *LP) (LPSession, error)
}
