package models

import "math"

// probFloor keeps log-odds finite.
const probFloor = 1e-9

// logit returns the log-odds of p, kept within ±20.7.
func logit(p float64) float64 {
	p = min(max(p, probFloor), 1-probFloor)
	return math.Log(p) - math.Log1p(-p)
}

func logistic(m float64) float64 { return 1 / (1 + math.Exp(-m)) }

// CalibrationLine fits y ~ logistic(intercept + slope · logit(p)), Cox's
// logistic recalibration (1958). A slope below 1 means predictions that are
// too extreme, an intercept above 0 predictions that are too low. Both are NaN
// with one class only, with constant p, or where the classes are separated, so
// that no finite fit exists.
func CalibrationLine(y, p []float64) (slope, intercept float64) {
	checkPair(y, p)
	x := make([]float64, len(p))
	for i, v := range p {
		x[i] = logit(v)
	}
	return fitLine(y, x)
}

// lossRounding is the relative rounding of a sum of many losses: a rise within
// it is none, or full steps near the optimum would be refused.
const lossRounding = 1e-12

// newtonSteps is enough for Newton's method on one or two parameters; a fit
// that still moves then has no finite solution.
const newtonSteps = 100

// fitLine is logistic regression of y in [0, 1] on one x by Newton's method
// with step halving.
func fitLine(y, x []float64) (slope, intercept float64) {
	loss := func(a, b float64) float64 {
		sum := 0.0
		for i, v := range y {
			m := a*x[i] + b
			sum += max(m, 0) - v*m + math.Log1p(math.Exp(-math.Abs(m)))
		}
		return sum
	}
	a, b := 1.0, 0.0
	current := loss(a, b)
	for range newtonSteps {
		var ga, gb, haa, hab, hbb float64
		for i, v := range y {
			q := logistic(a*x[i] + b)
			d, h := q-v, q*(1-q)
			ga += d * x[i]
			gb += d
			haa += h * x[i] * x[i]
			hab += h * x[i]
			hbb += h
		}
		det := haa*hbb - hab*hab
		if !(det > 1e-10*haa*hbb) {
			return math.NaN(), math.NaN()
		}
		da, db := (hbb*ga-hab*gb)/det, (haa*gb-hab*ga)/det
		step := 1.0
		next := loss(a-da, b-db)
		for next > current*(1+lossRounding) && step > 1e-6 {
			step /= 2
			next = loss(a-step*da, b-step*db)
		}
		a, b, current = a-step*da, b-step*db, next
		if math.Abs(da) < 1e-10*(1+math.Abs(a)) && math.Abs(db) < 1e-10*(1+math.Abs(b)) {
			return a, b
		}
		if math.Abs(a) > 1e4 {
			break // separated classes: the slope runs away
		}
	}
	return math.NaN(), math.NaN()
}

// CalibrationInTheLarge is the constant that must be added to all log-odds for
// the mean prediction to equal the base rate; above 0 the predictions are too
// low. NaN with one class only.
func CalibrationInTheLarge(y, p []float64) float64 {
	checkPair(y, p)
	base := mean(y)
	if !(base > 0 && base < 1) {
		return math.NaN()
	}
	x := make([]float64, len(p))
	for i, v := range p {
		x[i] = logit(v)
	}
	// The mean prediction rises with the shift: bisection always ends.
	lo, hi := -60.0, 60.0
	for range 80 {
		mid := (lo + hi) / 2
		sum := 0.0
		for _, m := range x {
			sum += logistic(m + mid)
		}
		if sum/float64(len(x)) < base {
			lo = mid
		} else {
			hi = mid
		}
	}
	return (lo + hi) / 2
}
