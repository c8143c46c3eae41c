package models

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"dunning/features"
)

// Bounds of the leak alarms.
const (
	// LeakAUC is the AUC above which a single column is too good to have been
	// known beforehand.
	LeakAUC = 0.95
	// leakRows is the least number of rows with one value that always end the
	// same way for the value to be an end state.
	leakRows = 50
	// leakChance is the probability by chance below which they do.
	leakChance = 1e-12
	// leakLevels is up to how many values a column is looked at value by value.
	leakLevels = 20
)

// Leak is a column that seems to know the outcome.
type Leak struct {
	Feature string  `json:"feature"`
	Figure  float64 `json:"figure"` // AUC alone, or the rows of the value
	Reason  string  `json:"reason"`
}

// Leaks looks for columns that alone tell the 0/1 outcome: one whose values
// rank it with an AUC above [LeakAUC], in either direction, and one with a
// value, or an absence, after which the rarer outcome always came (the mark of
// a column that was written when the case was closed). Labels other than 0 and
// 1 are no business of this function.
func Leaks(X features.Matrix, y []float64) []Leak {
	base := mean(y)
	rare, chance := 1.0, base
	if base > 0.5 {
		rare, chance = 0, 1-base
	}
	if !(chance > 0) {
		return nil // one class only
	}
	var out []Leak
	for j, name := range X.Names {
		col := X.Cols[j]
		if auc := aloneAUC(col, y); auc > LeakAUC {
			out = append(out, Leak{name, auc, fmt.Sprintf("alone it ranks the outcome with an AUC of %.3f, above %.2f", auc, LeakAUC)})
			continue
		}
		if n, value := endState(col, y, rare, chance); n > 0 {
			out = append(out, Leak{name, float64(n), fmt.Sprintf("all %d rows where it is %s ended the rarer way", n, value)})
		}
	}
	return out
}

// aloneAUC is the AUC of a column as it is, or turned round; unknown values
// count as the best or the worst, whichever ranks better.
func aloneAUC(col []float32, y []float64) float64 {
	best := 0.0
	p := make([]float64, len(col))
	for _, missing := range []float64{math.Inf(-1), math.Inf(1)} {
		unknown := false
		for i, v := range col {
			p[i] = float64(v)
			if math.IsNaN(p[i]) {
				p[i], unknown = missing, true
			}
		}
		auc := AUC(y, p)
		best = max(best, auc, 1-auc)
		if !unknown {
			break
		}
	}
	return best
}

// endState returns the value with the most rows that all had the rarer
// outcome, where that is no chance, and its rows; 0 for none.
func endState(col []float32, y []float64, rare, chance float64) (rows int, value string) {
	type tally struct{ rows, rare int }
	count := map[float32]*tally{}
	var unknown tally
	for i, v := range col {
		t := &unknown
		if v == v {
			if t = count[v]; t == nil {
				if len(count) == leakLevels {
					return 0, "" // not a column of states
				}
				t = &tally{}
				count[v] = t
			}
		}
		t.rows++
		if y[i] == rare {
			t.rare++
		}
	}
	telling := func(t tally) bool {
		return t.rows >= leakRows && t.rare == t.rows && float64(t.rows)*math.Log(chance) < math.Log(leakChance)
	}
	if telling(unknown) {
		rows, value = unknown.rows, "unknown"
	}
	var levels []float32
	for v := range count {
		levels = append(levels, v)
	}
	slices.SortFunc(levels, func(a, b float32) int { return cmp.Compare(a, b) })
	for _, v := range levels {
		if t := *count[v]; telling(t) && t.rows > rows {
			rows, value = t.rows, fmt.Sprint(v)
		}
	}
	return rows, value
}

// Restated counts the rows in which a feature, computed again later for the
// same AsOf, is not what it was: a column that changes after AsOf tells what
// happened after it. then and now hold the same rows; features that only one of
// them has are left out. Rounding of the last digits is no change.
func Restated(then, now features.Matrix) map[string]int {
	out := map[string]int{}
	for j, name := range then.Names {
		later := now.Column(name)
		if later == nil {
			continue
		}
		for i, was := range then.Cols[j] {
			is := later[i]
			if was != was && is != is {
				continue
			}
			if math.Abs(float64(is-was)) <= 1e-4*(math.Abs(float64(was))+1e-3) {
				continue
			}
			out[name]++
		}
	}
	return out
}
