package tune

import (
	"fmt"
	"math"
	"slices"

	"dunning/data"
	"dunning/models"
)

// Fold are the rows that are learned from and those that are predicted.
type Fold struct {
	Train, Valid []int
}

// Folds are those of the search and the one on which its winner is compared
// with what is in force.
type Folds struct {
	Search  []Fold
	Confirm Fold
	// From is when the rows begin that each fold predicts, the confirmation's
	// last; nil where the folds are not cut in time.
	From []float64
}

// searchFolds is the number of folds of a search.
const searchFolds = 3

// Rolling cuts rows in time. The later half of them is dealt into windows of
// about as many rows, one per origin: a fold predicts one window and learns
// from what was known when the window began. The last window is the
// confirmation's. decided is when a row was decided, known when its outcome
// had become known, in any unit; a row with a NaN is left out. Errors wrap
// [data.ErrBadInput].
func Rolling(rows []int, decided, known []float64) (Folds, error) {
	var dated []int
	for _, i := range rows {
		if !math.IsNaN(decided[i]) && !math.IsNaN(known[i]) {
			dated = append(dated, i)
		}
	}
	if len(dated) == 0 {
		return Folds{}, fmt.Errorf("%w: no row before the test period has a date", data.ErrBadInput)
	}
	times := models.Take(decided, dated)
	slices.Sort(times)
	const windows = searchFolds + 1
	var from []float64
	for k := range windows {
		at := times[len(times)/2+k*(len(times)-len(times)/2)/windows]
		if k > 0 && at <= from[k-1] {
			return Folds{}, fmt.Errorf("%w: half of the %d rows before the test period lie on fewer than %d days; a search over time needs more of them", data.ErrBadInput, len(dated), windows)
		}
		from = append(from, at)
	}
	f := Folds{From: from}
	for k := range windows {
		end := math.Inf(1)
		if k+1 < windows {
			end = from[k+1]
		}
		var fold Fold
		for _, i := range dated {
			switch {
			case decided[i] >= from[k] && decided[i] < end:
				fold.Valid = append(fold.Valid, i)
			case decided[i] < from[k] && known[i] < from[k]:
				fold.Train = append(fold.Train, i)
			}
		}
		f.add(fold)
	}
	return f, nil
}

// Drawn deals rows that are in no order into four parts by a hash of their
// unit, or, where unit is nil, evenly by label. Three take turns in the search;
// the fourth is the confirmation's, which learns from the three.
func Drawn(rows []int, y []float64, unit []string, seed uint64) Folds {
	var parts [][]int
	if unit != nil {
		parts = models.CustomerFolds(models.Take(unit, rows), searchFolds+1, seed)
	} else {
		parts = models.StratifiedFolds(models.Take(y, rows), searchFolds+1, seed)
	}
	for k := range parts {
		parts[k] = models.Take(rows, parts[k])
	}
	var f Folds
	for k := range searchFolds + 1 {
		fold := Fold{Valid: parts[k]}
		for j := range searchFolds {
			if j != k {
				fold.Train = append(fold.Train, parts[j]...)
			}
		}
		slices.Sort(fold.Train)
		f.add(fold)
	}
	return f
}

// add appends a fold of the search, or sets the confirmation.
func (f *Folds) add(fold Fold) {
	if len(f.Search) < searchFolds {
		f.Search = append(f.Search, fold)
		return
	}
	f.Confirm = fold
}

// all returns the folds, the confirmation's last.
func (f Folds) all() []Fold { return append(slices.Clone(f.Search), f.Confirm) }

// check refuses folds on which nothing can be learned or judged.
func (f Folds) check(y []float64) error {
	for k, fold := range f.all() {
		for _, part := range []struct {
			what string
			rows []int
		}{{"learn from", fold.Train}, {"predict", fold.Valid}} {
			var seen [2]bool
			for _, i := range part.rows {
				seen[int(y[i])] = true
			}
			if seen != [2]bool{true, true} {
				return fmt.Errorf("%w: fold %d of %d has %d rows to %s, and not both outcomes among them; give a longer history",
					data.ErrBadInput, k+1, searchFolds+1, len(part.rows), part.what)
			}
		}
	}
	return nil
}
