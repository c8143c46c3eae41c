package uplift

import (
	"context"
	"errors"
	"fmt"

	"dunning/features"
	"dunning/models"
)

// SLearner fits a single model of the outcome on the features and one
// indicator column per treatment; the effect of a treatment is the difference
// of two predictions. Regularisation pulls effects towards 0, which suits
// small effects (Künzel et al. 2019, section "S-learner").
type SLearner struct {
	Base models.Learner // the model of the outcome
	// Bags is the number of models, each fitted without one group of
	// customers; their mean is the estimate and their spread gives the lower
	// bound. Below 2 a single model is fitted and the bound is NaN.
	Bags int
	Seed uint64 // deals the customers into groups
}

// Name returns "s".
func (SLearner) Name() string { return "s" }

// Fit returns an [*SModel].
func (s SLearner) Fit(ctx context.Context, log Log) (Effects, error) {
	var bags []models.Model
	_, err := fitBags(ctx, log, s.Bags, s.Seed, func(ctx context.Context, log Log) (point, error) {
		m, err := s.Base.Fit(ctx, withOptions(log.X, log.Treatments, log.Option, -1, log.Rows()), log.Y, nil)
		bags = append(bags, m)
		return nil, err
	})
	if err != nil {
		return nil, err
	}
	return NewSModel(log.Treatments, bags)
}

// SModel is a fitted S-learner. It predicts nothing but what its bags predict,
// so saving the bags and the treatments' names saves it.
type SModel struct {
	bagged
	models []models.Model
}

// NewSModel assembles an S-learner from the models of its bags, as [SLearner]
// fits them or as they were saved. Every bag must read the same columns: the
// features and "option_" + each treatment. Indicators that a bag does not read
// (a tree ensemble that never split on one) have no effect.
func NewSModel(treatments []string, bags []models.Model) (*SModel, error) {
	if len(bags) == 0 || len(treatments) == 0 {
		return nil, errors.New("uplift: an S-learner needs a model and a treatment")
	}
	option := map[string]bool{}
	for _, t := range treatments {
		option[OptionPrefix+t] = true
	}
	s := &SModel{models: bags}
	s.treatments = append([]string(nil), treatments...)
	seen := map[string]bool{}
	for _, m := range bags {
		for _, f := range m.Features() {
			if !option[f] && !seen[f] {
				seen[f] = true
				s.features = append(s.features, f)
			}
		}
		s.bags = append(s.bags, difference(m, s.treatments))
	}
	return s, nil
}

// Models returns the models of the bags; the slice is the receiver's own.
func (s *SModel) Models() []models.Model { return s.models }

// Response returns out[t][i], the mean predicted outcome of row i under option
// t in 0..T.
func (s *SModel) Response(X features.Matrix) ([][]float64, error) {
	X, err := X.Select(s.features)
	if err != nil {
		return nil, fmt.Errorf("uplift: %w", err)
	}
	out := make([][]float64, len(s.treatments)+1)
	for t := range out {
		out[t] = make([]float64, X.Rows())
	}
	for _, m := range s.models {
		all, err := responses(m, X, s.treatments)
		if err != nil {
			return nil, err
		}
		for t := range out {
			for i, p := range all[t] {
				out[t][i] += p / float64(len(s.models))
			}
		}
	}
	return out, nil
}

// responses predicts the outcome under each option 0..T.
func responses(m models.Model, X features.Matrix, treatments []string) ([][]float64, error) {
	out := make([][]float64, len(treatments)+1)
	for t := range out {
		p, err := m.Predict(withOptions(X, treatments, nil, t, X.Rows()))
		if err != nil {
			return nil, err
		}
		out[t] = p
	}
	return out, nil
}

// difference predicts effects as differences of one model's predictions.
func difference(m models.Model, treatments []string) point {
	return func(X features.Matrix) ([][]float64, error) {
		all, err := responses(m, X, treatments)
		if err != nil {
			return nil, err
		}
		for t := 1; t < len(all); t++ {
			for i := range all[t] {
				all[t][i] -= all[0][i]
			}
		}
		return all[1:], nil
	}
}
