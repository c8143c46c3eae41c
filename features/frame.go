package features

import (
	"fmt"

	"dunning/data"
)

// Matrix is a set of named columns of equal length. Cols[j][i] is the value of
// Names[j] in row i; NaN means unknown. Models read it and never keep it.
type Matrix struct {
	Names []string
	Cols  [][]float32
}

// Rows returns the number of rows.
func (m Matrix) Rows() int {
	if len(m.Cols) == 0 {
		return 0
	}
	return len(m.Cols[0])
}

// Column returns the values of a named column, or nil when there is none. The
// slice is the matrix's own.
func (m Matrix) Column(name string) []float32 {
	for j, n := range m.Names {
		if n == name {
			return m.Cols[j]
		}
	}
	return nil
}

// Take returns a new matrix of the given rows, in that order.
func (m Matrix) Take(rows []int) Matrix {
	out := Matrix{Names: m.Names, Cols: make([][]float32, len(m.Cols))}
	for j, col := range m.Cols {
		c := make([]float32, len(rows))
		for i, r := range rows {
			c[i] = col[r]
		}
		out.Cols[j] = c
	}
	return out
}

// Select returns a view of the named columns, in that order. The error names
// the first column that is missing.
func (m Matrix) Select(names []string) (Matrix, error) {
	out := Matrix{Names: names, Cols: make([][]float32, len(names))}
	for j, n := range names {
		col := m.Column(n)
		if col == nil {
			return Matrix{}, fmt.Errorf("features: no column %q", n)
		}
		out.Cols[j] = col
	}
	return out, nil
}

// Frame is the training or scoring table in memory: one row per decision
// point, keys, labels where known, then the features. All slices that are not
// nil have the same length.
type Frame struct {
	UnitID     []string
	CustomerID []string
	AsOf       []data.Date

	// Training only; nil in a scoring frame.
	Option       []data.Channel
	TreatProb    []float64 // probability of the logged option; NaN when not logged
	OutcomePaid  []bool    // the balance open at AsOf was paid in full within the horizon
	OutcomeCents []data.Cents
	OutcomeDay   []int32 // day in [0, HorizonDays) on which it was paid in full, -1 when not
	// TouchedAfter tells that another touch followed within the horizon, so
	// the outcome is not an organic one even where Option is hold.
	TouchedAfter []bool

	// Scoring only; nil in a training frame.
	BalanceCents []data.Cents // open balance at AsOf
	DaysPastDue  []int32      // of the oldest open invoice at AsOf; negative before it is due
	// Day is the day of the planning window at which elapsed times and the
	// calendar were read; not before AsOf.
	Day []data.Date

	Matrix
}

// Len returns the number of decision points.
func (f *Frame) Len() int { return len(f.CustomerID) }
