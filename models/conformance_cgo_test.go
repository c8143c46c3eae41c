//go:build cgo

package models_test

import "dunning/models/xgb"

// compiledLearners are those that need a C compiler.
func compiledLearners() []contestant {
	return []contestant{
		{&xgb.Learner{Params: xgb.Params{Rounds: 40, MinChildWeight: 1, Lambda: 1, Eta: 0.2, Seed: 7}}, true},
	}
}
