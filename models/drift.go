package models

import (
	"math"
	"slices"
)

// psiBins is how many equal-mass bins of the reference a shift is measured on.
const psiBins = 10

// MaxPSI is the population stability index above which a column has moved so
// far that the model must not be trusted; above WatchPSI it deserves a look. The
// bounds are those of the credit industry (Siddiqi, "Credit Risk Scorecards",
// 2006).
const (
	MaxPSI   = 0.25
	WatchPSI = 0.1
)

// PSI is the population stability index Σ (a − e)·ln(a / e) over the tenths of
// the reference, with one more bin for unknown values: 0 where nothing moved.
// Shares are kept from 0 by half a row. It is NaN where either has no rows.
func PSI(reference, actual []float32) float64 {
	if len(reference) == 0 || len(actual) == 0 {
		return math.NaN()
	}
	known := slices.DeleteFunc(slices.Clone(reference), func(v float32) bool { return v != v })
	slices.Sort(known)
	var upper []float32 // last values of the bins but the last
	for b := 1; b < psiBins && len(known) > 0; b++ {
		upper = append(upper, known[b*len(known)/psiBins])
	}
	upper = slices.Compact(upper)
	share := func(v []float32) []float64 {
		n := make([]float64, len(upper)+2)
		for _, x := range v {
			switch {
			case x != x:
				n[len(upper)+1]++
			default:
				at, _ := slices.BinarySearch(upper, x)
				n[at]++
			}
		}
		for b := range n {
			n[b] = max(n[b], 0.5) / float64(len(v))
		}
		return n
	}
	e, a := share(reference), share(actual)
	sum := 0.0
	for b := range e {
		sum += (a[b] - e[b]) * math.Log(a[b]/e[b])
	}
	return sum
}

// CUSUMLimit is where the chart alarms: a shift of one standard deviation of a period's figure is seen
// after about ten periods, one of three after two; where nothing happens the
// chart alarms once in about 460 periods (Page 1954; Montgomery, "Statistical
// Quality Control", table 9.3).
const CUSUMLimit = 5.0

const (
	// cusumSlack is what a period may be off, in standard deviations.
	cusumSlack = 0.5
	// cusumCap keeps the memory short: calibrated again, the chart is quiet
	// after some two periods, whatever went before.
	cusumCap = 6.0
)

// CUSUMPoint is one period of the chart.
type CUSUMPoint struct {
	Period int     `json:"period"`
	Rows   int     `json:"rows"`
	Z      float64 `json:"z"`    // (paid − expected) / its standard deviation
	Up     float64 `json:"up"`   // more is paid than predicted
	Down   float64 `json:"down"` // less
	Alarm  bool    `json:"alarm"`
}

// CalibrationCUSUM charts the calibration intercept over periods: how far what
// was paid lies from what was predicted, period by period, added up. reference
// are rows before, on which predictions were right, from which the standard
// deviation of a period's figure is learned: customers pay together on paydays
// and holidays, so it is more than the binomial's. A period without rows is
// skipped; periods need not follow each other.
func CalibrationCUSUM(period []int, y, p []float64, referencePeriod []int, referenceY, referenceP []float64) []CUSUMPoint {
	points := periodScores(period, y, p)
	reference := periodScores(referencePeriod, referenceY, referenceP)
	spread := 1.0
	if len(reference) >= 4 {
		mean, ss := 0.0, 0.0
		for _, r := range reference {
			mean += r.Z / float64(len(reference))
		}
		for _, r := range reference {
			ss += (r.Z - mean) * (r.Z - mean)
		}
		spread = max(1, math.Sqrt(ss/float64(len(reference)-1)))
	}
	up, down := 0.0, 0.0
	for k := range points {
		c := &points[k]
		c.Z /= spread
		up = min(max(0, up+c.Z-cusumSlack), cusumCap)
		down = min(max(0, down-c.Z-cusumSlack), cusumCap)
		c.Up, c.Down, c.Alarm = up, down, up > CUSUMLimit || down > CUSUMLimit
	}
	return points
}

// periodScores are the periods in order, with the binomial standard score.
func periodScores(period []int, y, p []float64) []CUSUMPoint {
	checkPair(y, p)
	type sum struct{ rows, excess, variance float64 }
	sums := map[int]*sum{}
	var order []int
	for i, k := range period {
		s := sums[k]
		if s == nil {
			s = &sum{}
			sums[k] = s
			order = append(order, k)
		}
		s.rows++
		s.excess += y[i] - p[i]
		s.variance += max(p[i]*(1-p[i]), probFloor)
	}
	slices.Sort(order)
	out := make([]CUSUMPoint, len(order))
	for n, k := range order {
		s := sums[k]
		out[n] = CUSUMPoint{Period: k, Rows: int(s.rows), Z: s.excess / math.Sqrt(s.variance)}
	}
	return out
}
