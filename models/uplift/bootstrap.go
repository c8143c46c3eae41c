package uplift

import (
	"math"
	"math/rand/v2"
	"slices"
)

// Level is the nominal coverage of the intervals of an [Estimate].
const Level = 0.90

// bootstrapDraws is how often the units are drawn again: the ends of a 90 %
// interval are then known to about a seventh of a standard error.
const bootstrapDraws = 400

// bootstrapStream keeps the draws apart from others with the same seed.
const bootstrapStream = 0x626f6f74

// BootstrapInterval is the interval of nominal coverage level for the mean of
// influence values: units are drawn with replacement, with all their rows, and
// the mean of what was drawn is studentised by its own standard error
// (bootstrap-t; Efron and Tibshirani 1993, chapter 12), which corrects the skew
// that inverse probabilities bring. unit nil: every row is one. NaN with fewer
// than two units.
func BootstrapInterval(v []float64, unit []string, level float64, seed uint64) (lo, hi float64) {
	sum, rows := unitSums(v, unit)
	units := len(sum)
	if units < 2 {
		return math.NaN(), math.NaN()
	}
	mean, stderr := ratioSE(sum, rows, nil)
	if stderr == 0 {
		return mean, mean
	}
	rng := rand.New(rand.NewPCG(seed, bootstrapStream))
	times := make([]float64, units)
	var t []float64
	for range bootstrapDraws {
		clear(times)
		for range units {
			times[rng.IntN(units)]++
		}
		if m, se := ratioSE(sum, rows, times); se > 0 {
			t = append(t, (m-mean)/se)
		}
	}
	if len(t) == 0 {
		return math.NaN(), math.NaN()
	}
	slices.Sort(t)
	at := func(q float64) float64 { return t[min(len(t)-1, int(q*float64(len(t))))] }
	return mean - at((1+level)/2)*stderr, mean - at((1-level)/2)*stderr
}

// unitSums adds the values and counts the rows of each unit, in order of first
// appearance, so that the result does not depend on the map.
func unitSums(v []float64, unit []string) (sum, rows []float64) {
	if unit == nil {
		rows = make([]float64, len(v))
		for i := range rows {
			rows[i] = 1
		}
		return v, rows
	}
	place := make(map[string]int, len(unit))
	for i, u := range unit {
		k, ok := place[u]
		if !ok {
			k = len(sum)
			place[u] = k
			sum, rows = append(sum, 0), append(rows, 0)
		}
		sum[k] += v[i]
		rows[k]++
	}
	return sum, rows
}

// ratioSE returns Σ sum / Σ rows over the units, each counted so many times
// (nil: once), and its standard error.
func ratioSE(sum, rows, times []float64) (mean, stderr float64) {
	weight := func(k int) float64 {
		if times == nil {
			return 1
		}
		return times[k]
	}
	var s, n, ss float64
	for k := range sum {
		s, n = s+weight(k)*sum[k], n+weight(k)*rows[k]
	}
	mean = s / n
	for k := range sum {
		d := sum[k] - mean*rows[k]
		ss += weight(k) * d * d
	}
	return mean, math.Sqrt(ss) / n
}
