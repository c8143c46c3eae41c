package models

import (
	"fmt"
	"math"

	"dunning/features"
)

// CheckTraining checks what every learner must be given: at least one row and
// one column; columns, labels and weights of equal length; names that are not
// empty and not repeated; labels that are finite; weights, where there are
// any, that are finite, not negative and not all zero. The error names the
// place.
func CheckTraining(X features.Matrix, y, w []float64) error {
	if len(X.Cols) == 0 || len(X.Names) != len(X.Cols) {
		return fmt.Errorf("models: %d names for %d columns", len(X.Names), len(X.Cols))
	}
	rows := X.Rows()
	if rows == 0 {
		return fmt.Errorf("models: no rows to learn from")
	}
	seen := make(map[string]bool, len(X.Names))
	for j, name := range X.Names {
		switch {
		case name == "":
			return fmt.Errorf("models: column %d has no name", j)
		case seen[name]:
			return fmt.Errorf("models: column name %q is repeated", name)
		case len(X.Cols[j]) != rows:
			return fmt.Errorf("models: column %q has %d rows, %q has %d", name, len(X.Cols[j]), X.Names[0], rows)
		}
		seen[name] = true
	}
	if len(y) != rows {
		return fmt.Errorf("models: %d labels for %d rows", len(y), rows)
	}
	for i, v := range y {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return fmt.Errorf("models: label of row %d is %g", i, v)
		}
	}
	if w == nil {
		return nil
	}
	if len(w) != rows {
		return fmt.Errorf("models: %d weights for %d rows", len(w), rows)
	}
	total := 0.0
	for i, v := range w {
		if !(v >= 0) || math.IsInf(v, 0) {
			return fmt.Errorf("models: weight of row %d is %g", i, v)
		}
		total += v
	}
	if total == 0 {
		return fmt.Errorf("models: all weights are zero")
	}
	return nil
}
