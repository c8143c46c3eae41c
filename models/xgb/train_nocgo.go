//go:build !cgo

package xgb

import (
	"context"

	"dunning/features"
	"dunning/models/trees"
)

func train(context.Context, Params, features.Matrix, []float64, []float64, func(round, rounds int)) (*trees.Ensemble, error) {
	return nil, ErrNoCgo
}
