package uplift

import (
	"fmt"
	"math"

	"dunning/features"
	"dunning/models"
)

// OptionPrefix starts the names of the indicator columns that the S-learner
// adds to the features: "option_" + the treatment's name. The control option
// has none: all indicators are 0.
const OptionPrefix = "option_"

// Log is a record of decisions: what was known, which option was chosen, and
// what came of it. All slices that are not nil have one value per row.
type Log struct {
	X features.Matrix // known before the decision
	// Treatments names the options 1..T; option 0 is the control.
	Treatments []string
	Option     []int // in 0..T
	Y          []float64
	// TreatProb is the probability with which the logged option was chosen,
	// nil when it was not logged. 1 in every row means no choice was made.
	TreatProb []float64
	// OptionProb[t][i] is the probability of option t in row i, t in 0..T;
	// nil when only TreatProb, or nothing, is known.
	OptionProb [][]float64
	// Unit names the customer of each row, so that folds and subsamples keep a
	// customer's rows together; nil when every row is its own.
	Unit []string
}

// Rows returns the number of decisions.
func (l Log) Rows() int { return len(l.Option) }

// Take returns the log of the given rows, in that order.
func (l Log) Take(rows []int) Log {
	out := Log{
		X: l.X.Take(rows), Treatments: l.Treatments, Option: models.Take(l.Option, rows), Y: models.Take(l.Y, rows),
		TreatProb: models.Take(l.TreatProb, rows), Unit: models.Take(l.Unit, rows),
	}
	for _, p := range l.OptionProb {
		out.OptionProb = append(out.OptionProb, models.Take(p, rows))
	}
	return out
}

// check panics on a misuse of shapes and returns an error for values no
// estimator can read.
func (l Log) check() error {
	n := len(l.Option)
	bad := len(l.Y) != n || (len(l.X.Cols) > 0 && l.X.Rows() != n) ||
		(l.TreatProb != nil && len(l.TreatProb) != n) || (l.Unit != nil && len(l.Unit) != n) ||
		(l.OptionProb != nil && len(l.OptionProb) != len(l.Treatments)+1)
	for _, p := range l.OptionProb {
		bad = bad || len(p) != n
	}
	if bad {
		panic(fmt.Sprintf("uplift: log of %d options, %d outcomes, %d feature rows", n, len(l.Y), l.X.Rows()))
	}
	for i, t := range l.Option {
		if t < 0 || t > len(l.Treatments) {
			panic(fmt.Sprintf("uplift: row %d: option %d of %d", i, t, len(l.Treatments)))
		}
		if math.IsNaN(l.Y[i]) || math.IsInf(l.Y[i], 0) {
			return fmt.Errorf("uplift: row %d: outcome is %v", i, l.Y[i])
		}
	}
	return nil
}

// name returns the name of an option for messages.
func (l Log) name(option int) string {
	if option == 0 {
		return "the control"
	}
	return fmt.Sprintf("%q", l.Treatments[option-1])
}

// counts returns the rows of each option 0..T.
func (l Log) counts() []int {
	n := make([]int, len(l.Treatments)+1)
	for _, t := range l.Option {
		n[t]++
	}
	return n
}

// contrast returns an error that wraps [ErrNoContrast] when an option has no
// row at all.
func (l Log) contrast() error {
	for t, n := range l.counts() {
		if n == 0 {
			return fmt.Errorf("%w: no row has %s", ErrNoContrast, l.name(t))
		}
	}
	return nil
}

// withOptions returns X with one indicator column per treatment: of each row's
// own option, or, where fixed ≥ 0, of the same option in every row. The
// feature columns are shared.
func withOptions(X features.Matrix, treatments []string, option []int, fixed, rows int) features.Matrix {
	k := len(X.Names)
	out := features.Matrix{
		Names: append(make([]string, 0, k+len(treatments)), X.Names...),
		Cols:  append(make([][]float32, 0, k+len(treatments)), X.Cols...),
	}
	for t, name := range treatments {
		col := make([]float32, rows)
		for i := range col {
			if (fixed < 0 && option[i] == t+1) || fixed == t+1 {
				col[i] = 1
			}
		}
		out.Names = append(out.Names, OptionPrefix+name)
		out.Cols = append(out.Cols, col)
	}
	return out
}

// folds deals the rows into k folds of about equal size that keep a unit's
// rows together; rows without units are dealt at random.
func folds(n int, unit []string, k int, seed uint64) [][]int {
	if unit != nil {
		return models.CustomerFolds(unit, k, seed)
	}
	return models.StratifiedFolds(make([]float64, n), k, seed) // one stratum
}

// rowsWhere returns the rows that a condition selects.
func rowsWhere(n int, keep func(i int) bool) []int {
	var rows []int
	for i := range n {
		if keep(i) {
			rows = append(rows, i)
		}
	}
	return rows
}
