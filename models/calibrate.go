package models

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
)

// CalibrationMethod names a kind of calibration.
type CalibrationMethod string

// The methods.
const (
	NoCalibration CalibrationMethod = "identity" // p stays as it is
	Platt         CalibrationMethod = "platt"    // logistic(Intercept + Slope · logit(p))
	Isotonic      CalibrationMethod = "isotonic" // piecewise linear through (X, Y)
)

// Calibration maps a model's probability to a calibrated one. It never changes
// the order of two predictions, though it may make them equal. It is fitted on
// rows that the model did not learn from. The zero value is not valid: write
// Calibration{Method: NoCalibration}.
type Calibration struct {
	Method    CalibrationMethod `json:"method"`
	Slope     float64           `json:"slope,omitempty"` // Platt; ≥ 0
	Intercept float64           `json:"intercept,omitempty"`
	X         []float64         `json:"x,omitempty"` // Isotonic; rising
	Y         []float64         `json:"y,omitempty"` // Isotonic; not falling, in (0, 1)
	// Line, where there is one, recalibrates what Method gave by the outcomes
	// of the last weeks.
	Line *Line `json:"line,omitempty"`
}

// isotonicPositives is the least number of positives, and of negatives, from
// which isotonic regression is preferred. With fewer its steps follow the
// noise (Niculescu-Mizil and Caruana, ICML 2005, put the border near 1,000).
const isotonicPositives = 1000

// FitCalibration fits Platt's scaling, or isotonic regression from 1,000
// positives and 1,000 negatives on.
func FitCalibration(y, p []float64) Calibration {
	checkPair(y, p)
	pos := 0.0
	for _, v := range y {
		pos += v
	}
	if pos >= isotonicPositives && float64(len(y))-pos >= isotonicPositives {
		return FitIsotonic(y, p)
	}
	return FitPlatt(y, p)
}

// FitPlatt fits logistic(Intercept + Slope · logit(p)) with Platt's smoothed
// targets (1999), so that separated or single classes stay finite. Where the
// predictions are constant only the intercept is fitted; where they point the
// wrong way the slope is 0, which predicts the base rate. Without rows it is
// the identity.
func FitPlatt(y, p []float64) Calibration {
	checkPair(y, p)
	if len(y) == 0 {
		return Calibration{Method: NoCalibration}
	}
	pos := 0.0
	for _, v := range y {
		pos += v
	}
	neg := float64(len(y)) - pos
	hi, lo := (pos+1)/(pos+2), 1/(neg+2)
	x, target := make([]float64, len(y)), make([]float64, len(y))
	for i, v := range y {
		x[i] = logit(p[i])
		target[i] = v*hi + (1-v)*lo
	}
	slope, intercept := fitLine(target, x)
	switch {
	case math.IsNaN(slope):
		slope, intercept = 1, CalibrationInTheLarge(target, p)
	case slope < 0:
		slope, intercept = 0, logit(mean(target))
	}
	return Calibration{Method: Platt, Slope: slope, Intercept: intercept}
}

// FitIsotonic fits isotonic regression by pooling adjacent violators (Ayer et
// al. 1955), joined linearly between the pools. With n rows the result is kept
// within [1/(n+2), 1 − 1/(n+2)]: a pool of one class does not prove certainty.
// Without rows it is the identity.
func FitIsotonic(y, p []float64) Calibration {
	checkPair(y, p)
	if len(y) == 0 {
		return Calibration{Method: NoCalibration}
	}
	order := make([]int, len(p))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(p[a], p[b]) })
	var pools []pool
	for _, i := range order {
		if last := len(pools) - 1; last >= 0 && pools[last].last == p[i] && pools[last].first == p[i] {
			pools[last].sum += y[i]
			pools[last].n++
			continue
		}
		pools = append(mergeViolators(pools), pool{p[i], p[i], y[i], 1})
	}
	pools = mergeViolators(pools)
	c := Calibration{Method: Isotonic}
	floor := 1 / float64(len(y)+2)
	for _, q := range pools {
		v := min(max(q.sum/q.n, floor), 1-floor)
		c.X, c.Y = append(c.X, q.first), append(c.Y, v)
		if q.last > q.first {
			c.X, c.Y = append(c.X, q.last), append(c.Y, v)
		}
	}
	return c
}

// pool is a run of neighbouring predictions that share one calibrated value,
// sum / n.
type pool struct{ first, last, sum, n float64 }

// mergeViolators joins the last pools while the one before is not below.
func mergeViolators(pools []pool) []pool {
	for n := len(pools); n >= 2; n-- {
		a, b := pools[n-2], pools[n-1]
		if a.sum*b.n < b.sum*a.n {
			break
		}
		pools[n-2] = pool{a.first, b.last, a.sum + b.sum, a.n + b.n}
		pools = pools[:n-1]
	}
	return pools
}

// Apply calibrates one probability; NaN stays NaN.
func (c Calibration) Apply(p float64) float64 {
	if p = c.method(p); c.Line != nil {
		return c.Line.Apply(p)
	}
	return p
}

func (c Calibration) method(p float64) float64 {
	switch c.Method {
	case Platt:
		return logistic(c.Intercept + c.Slope*logit(p))
	case Isotonic:
		if math.IsNaN(p) {
			return p
		}
		at, found := slices.BinarySearch(c.X, p)
		switch {
		case found:
			return c.Y[at]
		case at == 0:
			return c.Y[0]
		case at == len(c.X):
			return c.Y[at-1]
		}
		t := (p - c.X[at-1]) / (c.X[at] - c.X[at-1])
		return c.Y[at-1] + t*(c.Y[at]-c.Y[at-1])
	}
	return p
}

// ApplyAll returns the calibrated probabilities in a new slice.
func (c Calibration) ApplyAll(p []float64) []float64 {
	out := make([]float64, len(p))
	for i, v := range p {
		out[i] = c.Apply(v)
	}
	return out
}

// Validate reports the first fault of a calibration that was read from a file.
func (c Calibration) Validate() error {
	switch c.Method {
	case NoCalibration:
	case Platt:
		if !(c.Slope >= 0) || math.IsInf(c.Slope, 0) || math.IsNaN(c.Intercept) || math.IsInf(c.Intercept, 0) {
			return fmt.Errorf("models: calibration: slope %g, intercept %g", c.Slope, c.Intercept)
		}
	case Isotonic:
		if len(c.X) == 0 || len(c.X) != len(c.Y) {
			return fmt.Errorf("models: calibration: %d x, %d y", len(c.X), len(c.Y))
		}
		for i := range c.X {
			switch {
			case !(c.X[i] >= 0 && c.X[i] <= 1):
				return fmt.Errorf("models: calibration: x[%d] is %g", i, c.X[i])
			case !(c.Y[i] > 0 && c.Y[i] < 1):
				return fmt.Errorf("models: calibration: y[%d] is %g", i, c.Y[i])
			case i > 0 && !(c.X[i] > c.X[i-1]):
				return fmt.Errorf("models: calibration: x[%d] does not rise", i)
			case i > 0 && c.Y[i] < c.Y[i-1]:
				return fmt.Errorf("models: calibration: y[%d] falls", i)
			}
		}
	default:
		return fmt.Errorf("models: calibration: unknown method %q", c.Method)
	}
	if c.Method != Isotonic && (c.X != nil || c.Y != nil) {
		return errors.New("models: calibration: points without isotonic regression")
	}
	if l := c.Line; l != nil && (!(l.Slope >= 0) || math.IsInf(l.Slope, 0) || math.IsNaN(l.Intercept) || math.IsInf(l.Intercept, 0)) {
		return fmt.Errorf("models: calibration: line of slope %g and intercept %g", l.Slope, l.Intercept)
	}
	return nil
}
