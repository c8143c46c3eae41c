package models

import (
	"context"

	"dunning/features"
)

// Learner fits a model. Its parameters are fixed when it is made; fitting
// twice gives two independent models, and the same data and seed give the
// same model.
type Learner interface {
	// Name is the short name that reports show, e.g. "xgboost" or "logistic".
	Name() string
	// Fit learns y (0/1 for a classifier) from X. w are row weights, nil for
	// all ones. X, y and w are read only and not kept. NaN in X means unknown;
	// NaN in y is an error.
	Fit(ctx context.Context, X features.Matrix, y, w []float64) (Model, error)
}

// Model predicts. It is immutable and safe for concurrent use.
type Model interface {
	// Features names the columns the model reads, in its own order.
	Features() []string
	// Predict returns one prediction per row of X, which must hold all columns
	// of Features under their names, in any order; further columns are
	// ignored. For a classifier it is the probability of y = 1. The error
	// names a column that is missing.
	Predict(X features.Matrix) ([]float64, error)
}
