package xgb

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"dunning/features"
	"dunning/models"
	"dunning/models/trees"
)

// Learner trains boosted trees. It implements models.Learner; the models it
// returns are *trees.Ensemble. It is safe for concurrent use as long as its
// fields do not change.
type Learner struct {
	Params
	// Progress, if set, is called after every round by the goroutine that
	// called Fit.
	Progress func(round, rounds int)
}

var _ models.Learner = (*Learner)(nil)

// Name returns "xgboost".
func (l *Learner) Name() string { return "xgboost" }

// Fit trains as models.Learner says. Errors: wrong parameters; no rows or
// columns; a label or a weight that is not finite, out of the objective's
// range or negative, with the row; an infinite feature value, with column and
// row; the context's error when it ends between two rounds.
func (l *Learner) Fit(ctx context.Context, X features.Matrix, y, w []float64) (models.Model, error) {
	e, err := l.Train(ctx, X, y, w)
	if err != nil {
		return nil, err
	}
	return e, nil
}

// Train is Fit with the type of what it returns.
func (l *Learner) Train(ctx context.Context, X features.Matrix, y, w []float64) (*trees.Ensemble, error) {
	if err := l.Validate(); err != nil {
		return nil, err
	}
	p := l.withDefaults()
	if err := models.CheckTraining(X, y, w); err != nil {
		return nil, fmt.Errorf("xgb: %w", err)
	}
	if err := p.checkData(X, y); err != nil {
		return nil, err
	}
	return train(ctx, p, X, y, w, l.Progress)
}

// maxValue is the largest magnitude of a feature value: beyond it a histogram
// boundary could overflow to infinity.
const maxValue = 1e37

// checkData refuses what XGBoost would take and turn into nonsense.
func (p Params) checkData(X features.Matrix, y []float64) error {
	for i, v := range y {
		switch {
		case p.Objective == Logistic && (v < 0 || v > 1):
			return fmt.Errorf("xgb: label %g of row %d is not in [0, 1]", v, i)
		case (p.Objective == Poisson || p.Objective == Tweedie) && v < 0:
			return fmt.Errorf("xgb: label %g of row %d is negative", v, i)
		case math.Abs(v) > maxValue:
			return fmt.Errorf("xgb: label %g of row %d is beyond ±%g", v, i, maxValue)
		}
	}
	for j, col := range X.Cols {
		for i, v := range col {
			if v > maxValue || v < -maxValue {
				return fmt.Errorf("xgb: column %q, row %d: %g is beyond ±%g", X.Names[j], i, v, maxValue)
			}
		}
	}
	for name := range p.Monotone {
		if !slices.Contains(X.Names, name) {
			return fmt.Errorf("xgb: Monotone names %q, which is not a column", name)
		}
	}
	return nil
}

// baseScore returns the prediction of an empty forest: the weighted mean label,
// kept where the objective's link is finite.
func (p Params) baseScore(y, w []float64) float32 {
	sum, total := 0.0, 0.0
	for i, v := range y {
		wi := 1.0
		if w != nil {
			wi = w[i]
		}
		sum += wi * v
		total += wi
	}
	mean := sum / total
	switch p.Objective {
	case Logistic:
		mean = min(max(mean, 1e-4), 1-1e-4)
	case Poisson, Tweedie:
		mean = max(mean, 1e-6)
	}
	return float32(mean)
}

// link returns the link of the objective.
func (p Params) link() trees.Link {
	switch p.Objective {
	case Logistic:
		return trees.Logit
	case Poisson, Tweedie:
		return trees.Log
	}
	return trees.Identity
}

// baseMargin turns a base score into a margin with XGBoost's own arithmetic.
func baseMargin(link trees.Link, score float32) float32 {
	switch link {
	case trees.Logit:
		return float32(-math.Log(float64(1/score - 1)))
	case trees.Log:
		return float32(math.Log(float64(score)))
	}
	return score
}

// loss is the mean loss of margins, up to a constant of y: what early stopping
// watches.
func (p Params) loss(y, w []float64, margin []float32) float64 {
	sum, total := 0.0, 0.0
	for i, v := range y {
		m := float64(margin[i])
		var li float64
		switch p.Objective {
		case Logistic:
			li = max(m, 0) - v*m + math.Log1p(math.Exp(-math.Abs(m)))
		case Poisson:
			li = math.Exp(m) - v*m
		case Tweedie: // variance power 1.5, XGBoost's default
			li = 2*math.Exp(m/2) + 2*v*math.Exp(-m/2)
		default:
			li = (v - m) * (v - m)
		}
		wi := 1.0
		if w != nil {
			wi = w[i]
		}
		sum += wi * li
		total += wi
	}
	return sum / total
}

// holdOut draws the rows that early stopping watches; both parts are sorted.
func (p Params) holdOut(rows int) (train, eval []int) {
	n := int(math.Round(p.EvalShare * float64(rows)))
	order := rand.New(rand.NewPCG(p.Seed, 0x65766c)).Perm(rows)
	eval, train = order[:n], order[n:]
	slices.Sort(eval)
	slices.Sort(train)
	return train, eval
}
