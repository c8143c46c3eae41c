//go:build cgo

package clp

import (
	"fmt"
	"math"

	"dunning/optimizer"
)

// validate refuses what would make CLP misbehave rather than answer.
func validate(lp *optimizer.LP) error {
	if err := validateCols(lp, lp.Rows()); err != nil {
		return err
	}
	if len(lp.RowUpper) != lp.Rows() {
		return fmt.Errorf("clp: linear program with slices of different lengths")
	}
	for r := range lp.Rows() {
		if badBounds(lp.RowLower[r], lp.RowUpper[r]) {
			return fmt.Errorf("clp: row %d has bounds [%g, %g]", r, lp.RowLower[r], lp.RowUpper[r])
		}
	}
	return nil
}

// validateCols looks at the columns of a program of so many rows.
func validateCols(lp *optimizer.LP, rows int) error {
	if len(lp.ColLower) != lp.Cols() || len(lp.ColUpper) != lp.Cols() || len(lp.RowIndex) != len(lp.Coef) ||
		len(lp.Start) != lp.Cols()+1 && lp.Cols()+len(lp.Start)+len(lp.Coef) > 0 {
		return fmt.Errorf("clp: linear program with slices of different lengths")
	}
	if rows > math.MaxInt32/2 || lp.Cols() > math.MaxInt32/2 || len(lp.Coef) > math.MaxInt32/2 {
		return fmt.Errorf("clp: %d rows, %d columns, %d coefficients are more than it holds", rows, lp.Cols(), len(lp.Coef))
	}
	for j := range lp.Cols() {
		if lp.Start[j] > lp.Start[j+1] {
			return fmt.Errorf("clp: column %d ends before it starts", j)
		}
		if notFinite(lp.Objective[j]) || badBounds(lp.ColLower[j], lp.ColUpper[j]) {
			return fmt.Errorf("clp: column %d has objective %g and bounds [%g, %g]", j, lp.Objective[j], lp.ColLower[j], lp.ColUpper[j])
		}
	}
	if len(lp.Start) > 0 && (lp.Start[0] != 0 || lp.Start[lp.Cols()] != len(lp.Coef)) {
		return fmt.Errorf("clp: columns from %d to %d of %d coefficients", lp.Start[0], lp.Start[lp.Cols()], len(lp.Coef))
	}
	for k, c := range lp.Coef {
		if notFinite(c) || lp.RowIndex[k] < 0 || int(lp.RowIndex[k]) >= rows {
			return fmt.Errorf("clp: coefficient %d: %g in row %d of %d", k, c, lp.RowIndex[k], rows)
		}
	}
	return nil
}

func notFinite(x float64) bool { return math.IsNaN(x) || math.IsInf(x, 0) }

// badBounds reports bounds that no number keeps by their form; an empty
// interval is no fault but infeasible.
func badBounds(lower, upper float64) bool {
	return math.IsNaN(lower) || math.IsNaN(upper) || math.IsInf(lower, 1) || math.IsInf(upper, -1)
}

// plainlySolvable reports whether lp has an optimum by its looks: all columns
// have bounds, and each at its bound nearest to zero, or at zero between them,
// they keep the rows.
func plainlySolvable(lp *optimizer.LP) bool {
	activity := make([]float64, lp.Rows())
	for j := range lp.Cols() {
		lower, upper := lp.ColLower[j], lp.ColUpper[j]
		if !(lower <= upper) || math.IsInf(lower, 0) || math.IsInf(upper, 0) {
			return false
		}
		x := min(max(0, lower), upper)
		for k := lp.Start[j]; k < lp.Start[j+1]; k++ {
			activity[lp.RowIndex[k]] += lp.Coef[k] * x
		}
	}
	for r, a := range activity {
		if !(lp.RowLower[r] <= a && a <= lp.RowUpper[r]) {
			return false
		}
	}
	return true
}
