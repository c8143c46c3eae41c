package models

import (
	"errors"
	"math"
)

// Mix puts two models' probabilities together on the scale of log-odds:
//
//	logistic(Intercept + Slope · ((1 − Weight) · logit(p) + Weight · logit(q)))
//
// A weight of 0 is p alone, 1 is q alone.
type Mix struct {
	Weight    float64 `json:"weight"` // of the second, in [0, 1]
	Slope     float64 `json:"slope"`  // ≥ 0
	Intercept float64 `json:"intercept"`
}

// mixSteps is how finely the weight is looked for: the loss is flat about its
// least value.
const mixSteps = 20

// FitMix finds the mix of p and q with the least log loss on y, the weight on a
// grid of twentieths. Weights are never negative, so a model that says nothing
// is left out and none is turned round. Where no weight has a finite fit, which
// is so with one class only, it is p as it stands.
func FitMix(y, p, q []float64) Mix {
	checkPair(y, p)
	checkPair(y, q)
	x, fitted := make([]float64, len(y)), make([]float64, len(y))
	best, least := Mix{Slope: 1}, math.Inf(1)
	for n := range mixSteps + 1 {
		m := Mix{Weight: float64(n) / mixSteps}
		for i := range y {
			x[i] = m.logit(p[i], q[i])
		}
		m.Slope, m.Intercept = fitLine(y, x)
		if !(m.Slope >= 0) {
			continue
		}
		for i := range y {
			fitted[i] = m.Apply(p[i], q[i])
		}
		if loss := LogLoss(y, fitted); loss < least {
			best, least = m, loss
		}
	}
	return best
}

func (m Mix) logit(p, q float64) float64 { return (1-m.Weight)*logit(p) + m.Weight*logit(q) }

// Apply mixes two probabilities; where q is NaN, p stays as it is.
func (m Mix) Apply(p, q float64) float64 {
	if q != q {
		return p
	}
	return logistic(m.Intercept + m.Slope*m.logit(p, q))
}

// Validate reports a mix that cannot have been fitted.
func (m Mix) Validate() error {
	if !(m.Weight >= 0 && m.Weight <= 1) || !(m.Slope >= 0) || math.IsInf(m.Slope, 0) || m.Intercept != m.Intercept || math.IsInf(m.Intercept, 0) {
		return errors.New("models: a mix of two models with a weight outside [0, 1], or without a finite line")
	}
	return nil
}
