package optimizer

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// LP is a plain linear program by columns:
//
//	maximise cᵀx  subject to  RowLower ≤ Ax ≤ RowUpper, ColLower ≤ x ≤ ColUpper
//
// Bounds may be ±Inf. Column j holds Coef[k] in row RowIndex[k] for
// Start[j] ≤ k < Start[j+1].
type LP struct {
	Name               string
	Objective          []float64
	ColLower, ColUpper []float64
	RowLower, RowUpper []float64
	Start              []int
	RowIndex           []int32
	Coef               []float64
	ColNames, RowNames []string // for exchange files; nil for numbered names
}

// LPSolution is the answer to an LP. X and Prices are the caller's, and nil
// unless Status is Optimal.
type LPSolution struct {
	Status     Status
	X          []float64
	Prices     []float64 // of the rows: objective gained per unit more of the binding bound
	Objective  float64
	Iterations int // 0 when the solver does not count
}

// LPSolver solves plain linear programs. Outcomes are the Status; an error
// means that it could not run.
type LPSolver interface {
	SolveLP(ctx context.Context, lp *LP) (*LPSolution, error)
}

// Cols returns the number of columns.
func (lp *LP) Cols() int { return len(lp.Objective) }

// Rows returns the number of rows.
func (lp *LP) Rows() int { return len(lp.RowLower) }

// AddRow appends an empty row and returns its index.
func (lp *LP) AddRow(lower, upper float64) int32 {
	lp.RowLower = append(lp.RowLower, lower)
	lp.RowUpper = append(lp.RowUpper, upper)
	return int32(len(lp.RowLower) - 1)
}

// AddCol appends a column; the slices are copied.
func (lp *LP) AddCol(objective, lower, upper float64, rows []int32, coefs []float64) {
	if len(rows) != len(coefs) {
		panic(fmt.Sprintf("optimizer: column with %d rows and %d coefficients", len(rows), len(coefs)))
	}
	if len(lp.Start) == 0 {
		lp.Start = append(lp.Start, 0)
	}
	lp.Objective = append(lp.Objective, objective)
	lp.ColLower = append(lp.ColLower, lower)
	lp.ColUpper = append(lp.ColUpper, upper)
	lp.RowIndex = append(lp.RowIndex, rows...)
	lp.Coef = append(lp.Coef, coefs...)
	lp.Start = append(lp.Start, len(lp.RowIndex))
}

// LP returns the whole problem as one linear program: a column per candidate
// in the order of the candidates; the rows in their order, then one convexity
// row Σ_j x_ij ≤ 1 per customer with more than one candidate, by customer. A
// single candidate needs only its bound x ≤ 1.
func (p *Problem) LP() *LP {
	lp := &LP{Name: "allocation", RowNames: mpsRowNames(p.Rows)}
	for r := range p.Rows {
		lower, upper := math.Inf(-1), p.Rows[r].Limit
		if p.Rows[r].Sense == AtLeast {
			lower, upper = p.Rows[r].Limit, math.Inf(1)
		}
		lp.AddRow(lower, upper)
	}
	start, _ := p.byCustomer()
	convexity := make([]int32, len(start)-1)
	for i := range convexity {
		convexity[i] = -1
		if start[i+1]-start[i] > 1 {
			convexity[i] = lp.AddRow(math.Inf(-1), 1)
			lp.RowNames = append(lp.RowNames, "customer"+strconv.Itoa(i))
		}
	}
	cols := p.columns()
	var rows []int32
	var coefs []float64
	for j := range p.Candidates {
		c := &p.Candidates[j]
		rows = append(rows[:0], cols.row[cols.start[j]:cols.start[j+1]]...)
		coefs = append(coefs[:0], cols.amount[cols.start[j]:cols.start[j+1]]...)
		if r := convexity[c.Customer]; r >= 0 {
			rows, coefs = append(rows, r), append(coefs, 1)
		}
		lp.AddCol(c.ValueCents, 0, 1, rows, coefs)
	}
	return lp
}

// mpsRowNames turns the rows' names into names without blanks, unique among
// themselves and different from the numbered ones of customers and columns.
func mpsRowNames(rows []Row) []string {
	names := make([]string, len(rows))
	seen := make(map[string]bool, len(rows))
	for r := range rows {
		name := "r." + strings.Map(func(c rune) rune {
			if c <= ' ' || c > '~' || c == '$' {
				return '_'
			}
			return c
		}, rows[r].Name)
		for seen[name] {
			name += "." + strconv.Itoa(r)
		}
		seen[name], names[r] = true, name
	}
	return names
}
