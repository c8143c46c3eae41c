package uplift

import (
	"context"
	"fmt"

	"dunning/models"
)

// minProb bounds estimated probabilities of options away from 0: an estimate
// below it is noise, and its inverse would rule the result. Logged
// probabilities are never changed.
const minProb = 0.01

// crossFolds is the number of folds of a cross-fit: as asked for, or 5.
func crossFolds(asked int) int {
	if asked < 2 {
		return 5
	}
	return asked
}

// crossResponses returns mu[t][i], the outcome of row i under option t as a
// model predicts it that was fitted without the row's fold.
func crossResponses(ctx context.Context, base models.Learner, log Log, folds [][]int) ([][]float64, error) {
	mu := make([][]float64, len(log.Treatments)+1)
	for t := range mu {
		mu[t] = make([]float64, log.Rows())
	}
	X := withOptions(log.X, log.Treatments, log.Option, -1, log.Rows())
	for _, held := range folds {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		m, err := fitOn(ctx, base, X, log.Y, models.Without(log.Rows(), held))
		if err != nil {
			return nil, fmt.Errorf("outcome model: %w", err)
		}
		all, err := responses(m, log.X.Take(held), log.Treatments)
		if err != nil {
			return nil, fmt.Errorf("outcome model: %w", err)
		}
		for t := range mu {
			for k, i := range held {
				mu[t][i] = all[t][k]
			}
		}
	}
	return mu, nil
}

// chosenProb returns the probability of each row's own option: as logged, or
// estimated out of fold, or the options' shares where treat is nil.
func chosenProb(ctx context.Context, log Log, treat models.Learner, folds [][]int) ([]float64, error) {
	if p := log.loggedProb(); p != nil {
		return p, nil
	}
	all, err := estimateProb(ctx, log, treat, folds)
	if err != nil {
		return nil, err
	}
	prob := make([]float64, log.Rows())
	for i, t := range log.Option {
		prob[i] = max(all[t][i], minProb)
	}
	return prob, nil
}

// loggedProb returns the logged probability of each row's own option, or nil.
func (l Log) loggedProb() []float64 {
	if l.TreatProb != nil || l.OptionProb == nil {
		return l.TreatProb
	}
	prob := make([]float64, l.Rows())
	for i, t := range l.Option {
		prob[i] = l.OptionProb[t][i]
	}
	return prob
}

// estimateProb returns the probability of each option in each row by one
// cross-fitted classifier per option against all others (one alone for two
// options), scaled to sum to 1; or the options' shares where treat is nil or
// there is nothing to learn because an option has no row or all of them.
func estimateProb(ctx context.Context, log Log, treat models.Learner, folds [][]int) ([][]float64, error) {
	n, count := log.Rows(), log.counts()
	prob := make([][]float64, len(count))
	for t := range prob {
		if treat == nil || count[t] == 0 || count[t] == n {
			prob[t] = make([]float64, n)
			for i := range prob[t] {
				prob[t][i] = float64(count[t]) / float64(n)
			}
			continue
		}
		if len(count) == 2 && t == 1 {
			prob[1] = make([]float64, n)
			for i, p := range prob[0] {
				prob[1][i] = 1 - p
			}
			continue
		}
		chosen := make([]float64, n)
		for i, a := range log.Option {
			if a == t {
				chosen[i] = 1
			}
		}
		var err error
		if prob[t], err = models.OutOfFold(ctx, treat, log.X, chosen, nil, folds); err != nil {
			return nil, fmt.Errorf("model of the choice of %s: %w", log.name(t), err)
		}
	}
	for i := range n {
		var sum float64
		for t := range prob {
			sum += prob[t][i]
		}
		if sum == 0 {
			continue // no option had a chance: the overlap check sees it
		}
		for t := range prob {
			prob[t][i] /= sum
		}
	}
	return prob, nil
}
