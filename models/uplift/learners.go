package uplift

import (
	"context"
	"fmt"

	"dunning/data"
	"dunning/features"
	"dunning/models"
)

// TLearner fits one model of the outcome per option; the effect is the
// difference of two models' predictions. It assumes nothing in common between
// the arms, at the price of the noise of both (Künzel et al. 2019).
type TLearner struct {
	Base models.Learner // the model of the outcome
	Bags int            // as in [SLearner]
	Seed uint64
}

// Name returns "t".
func (TLearner) Name() string { return "t" }

// Fit implements [Learner].
func (l TLearner) Fit(ctx context.Context, log Log) (Effects, error) {
	return fitBags(ctx, log, l.Bags, l.Seed, func(ctx context.Context, log Log) (point, error) {
		arms, err := fitArms(ctx, l.Base, log)
		if err != nil {
			return nil, err
		}
		return func(X features.Matrix) ([][]float64, error) {
			base, err := arms[0].Predict(X)
			if err != nil {
				return nil, err
			}
			out := make([][]float64, len(arms)-1)
			for t := range out {
				if out[t], err = arms[t+1].Predict(X); err != nil {
					return nil, err
				}
				for i := range base {
					out[t][i] -= base[i]
				}
			}
			return out, nil
		}, nil
	})
}

// fitArms fits the outcome within each option.
func fitArms(ctx context.Context, base models.Learner, log Log) ([]models.Model, error) {
	arms := make([]models.Model, len(log.Treatments)+1)
	for t := range arms {
		m, err := fitOn(ctx, base, log.X, log.Y, rowsWhere(log.Rows(), func(i int) bool { return log.Option[i] == t }))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", log.name(t), err)
		}
		arms[t] = m
	}
	return arms, nil
}

// XLearner imputes each row's effect from the other arm's outcome model,
// Y − μ₀(x) for the treated and μ_t(x) − Y for the controls, regresses both
// on the features, and mixes them by the probability of treatment: g(x)·τ₀(x)
// + (1−g(x))·τ₁(x). It suits arms of unequal size (Künzel et al. 2019).
type XLearner struct {
	Base   models.Learner // the model of the outcome
	Effect models.Learner // a regression: targets lie in [−1, 1] for a 0/1 outcome
	// Treat models the choice between a treatment and the control and gives
	// g(x); nil means the arms' shares, which is right where treatment was
	// randomised.
	Treat models.Learner
	Bags  int // as in [SLearner]
	Seed  uint64
}

// Name returns "x".
func (XLearner) Name() string { return "x" }

// Fit implements [Learner].
func (l XLearner) Fit(ctx context.Context, log Log) (Effects, error) {
	return fitBags(ctx, log, l.Bags, l.Seed, func(ctx context.Context, log Log) (point, error) {
		arms, err := fitArms(ctx, l.Base, log)
		if err != nil {
			return nil, err
		}
		pairs := make([]xPair, len(log.Treatments))
		for t := range pairs {
			if pairs[t], err = l.fitPair(ctx, log, arms[0], arms[t+1], t+1); err != nil {
				return nil, fmt.Errorf("%s: %w", log.name(t+1), err)
			}
		}
		return func(X features.Matrix) ([][]float64, error) {
			out := make([][]float64, len(pairs))
			for t, p := range pairs {
				if out[t], err = p.predict(X); err != nil {
					return nil, err
				}
			}
			return out, nil
		}, nil
	})
}

// xPair holds the second stage of one treatment.
type xPair struct {
	treated, controls models.Model // τ₁, τ₀
	treat             models.Model // g(x), nil for the constant share
	share             float64
}

func (l XLearner) fitPair(ctx context.Context, log Log, control, arm models.Model, t int) (p xPair, err error) {
	impute := func(option int, other models.Model, sign float64) (models.Model, error) {
		rows := rowsWhere(log.Rows(), func(i int) bool { return log.Option[i] == option })
		X := log.X.Take(rows)
		target, err := other.Predict(X)
		if err != nil {
			return nil, err
		}
		for k, i := range rows {
			target[k] = sign * (log.Y[i] - target[k])
		}
		return l.Effect.Fit(ctx, X, target, nil)
	}
	if p.treated, err = impute(t, control, 1); err != nil {
		return p, err
	}
	if p.controls, err = impute(0, arm, -1); err != nil {
		return p, err
	}
	n := log.counts()
	p.share = float64(n[t]) / float64(n[t]+n[0])
	if l.Treat == nil {
		return p, nil
	}
	rows := rowsWhere(log.Rows(), func(i int) bool { return log.Option[i] == 0 || log.Option[i] == t })
	chosen := make([]float64, log.Rows())
	for _, i := range rows {
		if log.Option[i] == t {
			chosen[i] = 1
		}
	}
	p.treat, err = fitOn(ctx, l.Treat, log.X, chosen, rows)
	return p, err
}

func (p xPair) predict(X features.Matrix) ([]float64, error) {
	tau, err := p.treated.Predict(X)
	if err != nil {
		return nil, err
	}
	tau0, err := p.controls.Predict(X)
	if err != nil {
		return nil, err
	}
	var g []float64
	if p.treat != nil {
		if g, err = p.treat.Predict(X); err != nil {
			return nil, err
		}
	}
	for i := range tau {
		share := p.share
		if g != nil {
			share = g[i]
		}
		tau[i] = share*tau0[i] + (1-share)*tau[i]
	}
	return tau, nil
}

// DRLearner regresses on the features the doubly robust pseudo-outcome
//
//	φ_t = μ_t − μ₀ + 1[A=t]/e_t·(Y − μ_t) − 1[A=0]/e_0·(Y − μ₀),
//
// whose mean given x is τ_t(x) when either the outcome model μ or the
// probabilities e are right. μ, and e where it was not logged, are cross-fitted
// (Kennedy 2020).
type DRLearner struct {
	Base   models.Learner // the model of the outcome, over features and option indicators
	Effect models.Learner // a regression
	// Treat estimates the probabilities of the options where the log has none;
	// nil then means the options' shares, which is right where treatment was
	// randomised.
	Treat models.Learner
	Folds int // of the cross-fitting; below 2 means 5
	Bags  int // as in [SLearner]
	Seed  uint64
}

// Name returns "dr".
func (DRLearner) Name() string { return "dr" }

// Fit implements [Learner].
func (l DRLearner) Fit(ctx context.Context, log Log) (Effects, error) {
	return fitBags(ctx, log, l.Bags, l.Seed, func(ctx context.Context, log Log) (point, error) {
		for t := range log.Treatments {
			if reason := log.refuseEffect(log.loggedProb(), log.OptionProb, t+1); reason != "" {
				return nil, fmt.Errorf("%w: %s", data.ErrRefused, reason)
			}
		}
		fold := folds(log.Rows(), log.Unit, crossFolds(l.Folds), l.Seed+1)
		prob, err := chosenProb(ctx, log, l.Treat, fold)
		if err != nil {
			return nil, err
		}
		mu, err := crossResponses(ctx, l.Base, log, fold)
		if err != nil {
			return nil, err
		}
		arms := make([]models.Model, len(log.Treatments))
		for t := range arms {
			if arms[t], err = l.Effect.Fit(ctx, log.X, pseudoOutcome(log, mu, prob, t+1), nil); err != nil {
				return nil, fmt.Errorf("%s: %w", log.name(t+1), err)
			}
		}
		return func(X features.Matrix) ([][]float64, error) {
			out := make([][]float64, len(arms))
			for t, m := range arms {
				if out[t], err = m.Predict(X); err != nil {
					return nil, err
				}
			}
			return out, nil
		}, nil
	})
}

// pseudoOutcome returns φ_t of each row (see [DRLearner]); its mean is the
// doubly robust estimate of the average effect.
func pseudoOutcome(log Log, mu [][]float64, prob []float64, t int) []float64 {
	phi := make([]float64, log.Rows())
	for i, a := range log.Option {
		phi[i] = mu[t][i] - mu[0][i]
		switch a {
		case t:
			phi[i] += (log.Y[i] - mu[t][i]) / prob[i]
		case 0:
			phi[i] -= (log.Y[i] - mu[0][i]) / prob[i]
		}
	}
	return phi
}
