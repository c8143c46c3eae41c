package models

import "math"

// rowLoss is −log of the probability given to what happened, in nats.
func rowLoss(y, p float64) float64 {
	p = min(max(p, logLossFloor), 1-logLossFloor)
	return -(y*math.Log(p) + (1-y)*math.Log1p(-p))
}

// LossDifference is the mean of the log loss of p less that of q on the same
// rows, below 0 where p is better, and its standard error with the rows of one
// unit summed first; unit may be nil. NaN without rows.
func LossDifference(y, p, q []float64, unit []string) (diff, stderr float64) {
	checkPair(y, p)
	checkPair(y, q)
	v := make([]float64, len(y))
	for i := range y {
		v[i] = rowLoss(y[i], p[i]) - rowLoss(y[i], q[i])
	}
	diff = mean(v)
	for i := range v {
		v[i] -= diff
	}
	return diff, math.Sqrt(sumOfSquares(v, unit)) / float64(len(v))
}

// CalibrationFit is [CalibrationLine] and [CalibrationInTheLarge] with their
// standard errors, with the rows of one unit summed first (the sandwich
// estimator). Figures that are undefined are NaN.
type CalibrationFit struct {
	Slope, SlopeSE float64
	Intercept      float64
	Large, LargeSE float64
}

// FitCalibrationLine measures how y and p agree; unit may be nil.
func FitCalibrationLine(y, p []float64, unit []string) CalibrationFit {
	var f CalibrationFit
	f.Slope, f.Intercept = CalibrationLine(y, p)
	f.Large = CalibrationInTheLarge(y, p)
	n := len(y)
	ga, gb, shifted := make([]float64, n), make([]float64, n), make([]float64, n)
	var haa, hab, hbb, h float64
	for i := range y {
		x := logit(p[i])
		q := logistic(f.Intercept + f.Slope*x)
		w := q * (1 - q)
		ga[i], gb[i] = (y[i]-q)*x, y[i]-q
		haa, hab, hbb = haa+w*x*x, hab+w*x, hbb+w
		r := logistic(x + f.Large)
		shifted[i] = y[i] - r
		h += r * (1 - r)
	}
	det := haa*hbb - hab*hab
	slope := make([]float64, n) // influence of each row on the slope
	for i := range slope {
		slope[i] = (hbb*ga[i] - hab*gb[i]) / det
	}
	f.SlopeSE = math.Sqrt(sumOfSquares(slope, unit))
	f.LargeSE = math.Sqrt(sumOfSquares(shifted, unit)) / h
	return f
}

// sumOfSquares adds the rows of one unit, then their squares; nil: every row is
// a unit.
func sumOfSquares(v []float64, unit []string) float64 {
	sums := v
	if unit != nil {
		place := make(map[string]int, len(unit))
		sums = nil // in order of first appearance: the result must not depend on the map
		for i, u := range unit {
			k, ok := place[u]
			if !ok {
				k = len(sums)
				place[u] = k
				sums = append(sums, 0)
			}
			sums[k] += v[i]
		}
	}
	total := 0.0
	for _, s := range sums {
		total += s * s
	}
	return total
}
