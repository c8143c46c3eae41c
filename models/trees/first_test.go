package trees_test

import (
	"context"
	"math/rand/v2"
	"testing"

	"dunning/features"
	"dunning/models/trees"
	"dunning/models/xgb"
)

// The first trees of a forest are the forest of a shorter training, bit for
// bit: what a search of the number of rounds relies on.
func TestFirstIsAShorterTraining(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 0))
	X := features.Matrix{Names: []string{"a", "b", "c"}, Cols: make([][]float32, 3)}
	y := make([]float64, 400)
	for i := range y {
		for j := range X.Cols {
			X.Cols[j] = append(X.Cols[j], rng.Float32())
		}
		if float64(X.Cols[0][i]) > rng.Float64() {
			y[i] = 1
		}
	}
	long := train(t, X, y, 30)
	for _, n := range []int{1, 7, 29, 30, 99} {
		want := train(t, X, y, min(n, 30))
		p, err := long.First(n).Predict(X)
		if err != nil {
			t.Fatal(err)
		}
		q, err := want.Predict(X)
		if err != nil {
			t.Fatal(err)
		}
		for i := range p {
			if p[i] != q[i] {
				t.Fatalf("first %d of 30 trees, row %d: %v, after %d rounds %v", n, i, p[i], n, q[i])
			}
		}
		if got := long.First(n).NumTrees(); got != min(n, 30) {
			t.Errorf("first %d: %d trees", n, got)
		}
	}
	if got, err := long.First(0).Predict(X); err != nil || got[0] != got[1] {
		t.Errorf("no tree predicts %v, %v", got[:2], err)
	}
}

func train(t *testing.T, X features.Matrix, y []float64, rounds int) *trees.Ensemble {
	t.Helper()
	l := xgb.Learner{Params: xgb.Params{Rounds: rounds, Seed: 3}}
	e, err := l.Train(context.Background(), X, y, nil)
	if err != nil {
		t.Skip(err) // without cgo
	}
	return e
}
