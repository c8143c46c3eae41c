package baseline

import (
	"context"
	"fmt"
	"slices"

	"dunning/features"
	"dunning/models"
)

// BaseRate predicts the weighted mean label for every row.
type BaseRate struct{}

var _ models.Learner = BaseRate{}

// Name returns "base-rate".
func (BaseRate) Name() string { return "base-rate" }

// Fit averages y.
func (BaseRate) Fit(_ context.Context, X features.Matrix, y, w []float64) (models.Model, error) {
	if err := checkTraining(X, y, w); err != nil {
		return nil, err
	}
	return &constant{names: slices.Clone(X.Names), value: weightedMean(y, w)}, nil
}

// constant is a model that looks at no column.
type constant struct {
	names []string
	value float64
}

func (c *constant) Features() []string { return slices.Clone(c.names) }

func (c *constant) Predict(X features.Matrix) ([]float64, error) {
	if _, err := X.Select(c.names); err != nil {
		return nil, fmt.Errorf("baseline: %w", err)
	}
	out := make([]float64, X.Rows())
	for i := range out {
		out[i] = c.value
	}
	return out, nil
}

// checkTraining checks the data of a classifier.
func checkTraining(X features.Matrix, y, w []float64) error {
	if err := models.CheckTraining(X, y, w); err != nil {
		return fmt.Errorf("baseline: %w", err)
	}
	for i, v := range y {
		if v < 0 || v > 1 {
			return fmt.Errorf("baseline: label %g of row %d is not in [0, 1]", v, i)
		}
	}
	return nil
}

// weight returns the weight of row i, 1 where there are none.
func weight(w []float64, i int) float64 {
	if w == nil {
		return 1
	}
	return w[i]
}

func weightedMean(y, w []float64) float64 {
	sum, total := 0.0, 0.0
	for i, v := range y {
		sum += weight(w, i) * v
		total += weight(w, i)
	}
	return sum / total
}
