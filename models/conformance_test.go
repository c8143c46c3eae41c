package models_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"dunning/features"
	"dunning/models"
	"dunning/models/baseline"
)

// learners are all classifiers, small enough for a quick suite. learns is
// false where the predictions do not depend on the columns.
func learners() []contestant {
	all := []contestant{
		{baseline.Logistic{Seed: 7}, true},
		{baseline.GolearnForest{Trees: 8, SampleRows: 300, Seed: 7}, true},
		{baseline.BaseRate{}, false},
	}
	return append(all, compiledLearners()...)
}

// contestant is a learner, and whether it looks at the columns at all.
type contestant struct {
	learner models.Learner
	learns  bool
}

// sample draws rows with four columns: signal, noise with gaps, a constant and
// one that is wholly unknown.
func sample(seed uint64, rows int) (features.Matrix, []float64) {
	rng := rand.New(rand.NewPCG(seed, 2))
	X := features.Matrix{Names: []string{"signal", "gaps", "constant", "unknown"}, Cols: make([][]float32, 4)}
	for j := range X.Cols {
		X.Cols[j] = make([]float32, rows)
	}
	y := make([]float64, rows)
	for i := range y {
		s := rng.NormFloat64()
		X.Cols[0][i] = float32(s)
		X.Cols[1][i] = float32(rng.NormFloat64())
		if i%5 == 0 {
			X.Cols[1][i] = float32(math.NaN())
		}
		X.Cols[2][i] = 3
		X.Cols[3][i] = float32(math.NaN())
		if rng.Float64() < 1/(1+math.Exp(-2*s)) {
			y[i] = 1
		}
	}
	return X, y
}

func fit(t *testing.T, l models.Learner, X features.Matrix, y, w []float64) models.Model {
	t.Helper()
	m, err := l.Fit(context.Background(), X, y, w)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func predict(t *testing.T, m models.Model, X features.Matrix) []float64 {
	t.Helper()
	p, err := m.Predict(X)
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range p {
		if !(v >= 0 && v <= 1) {
			t.Fatalf("row %d: %g is not a probability", i, v)
		}
	}
	return p
}

func TestEveryLearner(t *testing.T) {
	X, y := sample(1, 800)
	fresh, freshY := sample(2, 400)
	for _, c := range learners() {
		t.Run(c.learner.Name(), func(t *testing.T) {
			l := c.learner
			model := fit(t, l, X, y, nil)
			want := predict(t, model, fresh)

			t.Run("learns what there is", func(t *testing.T) {
				auc := models.AUC(freshY, want)
				if c.learns && auc < 0.8 { // the label's own AUC is about 0.87
					t.Errorf("AUC %.3f", auc)
				}
				if !c.learns && auc != 0.5 {
					t.Errorf("AUC %.3f of a model that looks at no column", auc)
				}
			})
			t.Run("fitting twice gives the same model", func(t *testing.T) {
				if got := predict(t, fit(t, l, X, y, nil), fresh); !slices.Equal(got, want) {
					t.Error("predictions differ")
				}
			})
			t.Run("refit forgets", func(t *testing.T) {
				otherX, otherY := sample(3, 300)
				fit(t, l, otherX, otherY, nil)
				if got := predict(t, model, fresh); !slices.Equal(got, want) {
					t.Error("the first model changed")
				}
				if got := predict(t, fit(t, l, X, y, nil), fresh); !slices.Equal(got, want) {
					t.Error("what was fitted between left a trace")
				}
			})
			t.Run("does not keep or change its input", func(t *testing.T) {
				copyX, copyY := X.Take(allRows(X.Rows())), slices.Clone(y)
				m := fit(t, l, copyX, copyY, nil)
				for j, col := range copyX.Cols {
					for i, v := range col {
						if math.Float32bits(v) != math.Float32bits(X.Cols[j][i]) {
							t.Fatalf("column %d, row %d was changed", j, i)
						}
						col[i] = 99
					}
				}
				clear(copyY)
				if got := predict(t, m, fresh); !slices.Equal(got, want) {
					t.Error("the model reads the matrix it learned from")
				}
			})
		})
	}
}

func TestEveryModel(t *testing.T) {
	X, y := sample(1, 800)
	fresh, _ := sample(2, 400)
	for _, c := range learners() {
		t.Run(c.learner.Name(), func(t *testing.T) {
			model := fit(t, c.learner, X, y, nil)
			want := predict(t, model, fresh)

			t.Run("permuted rows are predicted alike", func(t *testing.T) {
				perm := rand.New(rand.NewPCG(5, 5)).Perm(fresh.Rows())
				got := predict(t, model, fresh.Take(perm))
				for at, i := range perm {
					if got[at] != want[i] {
						t.Fatalf("row %d: %g, was %g", i, got[at], want[i])
					}
				}
			})
			t.Run("columns are found by name", func(t *testing.T) {
				shuffled := features.Matrix{
					Names: []string{"unknown", "extra", "constant", "signal", "gaps"},
					Cols:  [][]float32{fresh.Cols[3], fresh.Cols[0], fresh.Cols[2], fresh.Cols[0], fresh.Cols[1]},
				}
				if got := predict(t, model, shuffled); !slices.Equal(got, want) {
					t.Error("predictions differ")
				}
				if !slices.Equal(model.Features(), X.Names) {
					t.Errorf("Features is %q", model.Features())
				}
			})
			t.Run("a missing column is named", func(t *testing.T) {
				for drop, name := range fresh.Names {
					less := features.Matrix{Names: slices.Delete(slices.Clone(fresh.Names), drop, drop+1), Cols: slices.Delete(slices.Clone(fresh.Cols), drop, drop+1)}
					if _, err := model.Predict(less); err == nil || !strings.Contains(err.Error(), name) {
						t.Errorf("without %q: %v", name, err)
					}
				}
			})
			t.Run("unknown values are tolerated", func(t *testing.T) {
				blank := fresh.Take(allRows(20))
				for _, col := range blank.Cols {
					for i := range col {
						col[i] = float32(math.NaN())
					}
				}
				predict(t, model, blank)
			})
			t.Run("no rows, no predictions", func(t *testing.T) {
				if p := predict(t, model, fresh.Take(nil)); len(p) != 0 {
					t.Errorf("%d predictions", len(p))
				}
			})
		})
	}
}

func TestEveryLearnerOnOneClass(t *testing.T) {
	X, _ := sample(1, 200)
	for _, c := range learners() {
		for _, label := range []float64{0, 1} {
			t.Run(fmt.Sprintf("%s, all %g", c.learner.Name(), label), func(t *testing.T) {
				y := make([]float64, X.Rows())
				for i := range y {
					y[i] = label
				}
				for i, p := range predict(t, fit(t, c.learner, X, y, nil), X) {
					if math.Abs(p-label) > 0.01 {
						t.Fatalf("row %d: %g", i, p)
					}
				}
			})
		}
		t.Run(c.learner.Name()+", one row", func(t *testing.T) {
			predict(t, fit(t, c.learner, X.Take([]int{0}), []float64{1}, nil), X)
		})
	}
}

func TestEveryLearnerRespectsWeights(t *testing.T) {
	// Two populations with opposite signals: the weights choose which is learned.
	X, y := sample(4, 1000)
	for i := 500; i < 1000; i++ {
		y[i] = 1 - y[i]
	}
	first, second := make([]float64, 1000), make([]float64, 1000)
	for i := range first {
		first[i], second[i] = 1, 1e-3
		if i >= 500 {
			first[i], second[i] = 1e-3, 1
		}
	}
	for _, c := range learners() {
		t.Run(c.learner.Name(), func(t *testing.T) {
			a := predict(t, fit(t, c.learner, X, y, first), X)
			b := predict(t, fit(t, c.learner, X, y, second), X)
			if !c.learns {
				if a[0] == b[0] {
					t.Error("the weights changed nothing")
				}
				return
			}
			if up, down := models.AUC(y[:500], a[:500]), models.AUC(y[:500], b[:500]); up < 0.75 || down > 0.25 {
				t.Errorf("AUC of the first population %.3f when it weighs, %.3f when the other does", up, down)
			}
		})
	}
}

func TestEveryLearnerRefusesBadTrainingData(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for _, c := range learners() {
		for _, bad := range []struct {
			name   string
			change func(X *features.Matrix, y, w []float64) ([]float64, []float64)
			want   string
		}{
			{"NaN label", func(_ *features.Matrix, y, w []float64) ([]float64, []float64) { y[17] = nan; return y, w }, "row 17"},
			{"infinite label", func(_ *features.Matrix, y, w []float64) ([]float64, []float64) { y[3] = inf; return y, w }, "row 3"},
			{"label beyond 1", func(_ *features.Matrix, y, w []float64) ([]float64, []float64) { y[4] = 2; return y, w }, "row 4"},
			{"negative weight", func(_ *features.Matrix, y, w []float64) ([]float64, []float64) { w[9] = -1; return y, w }, "row 9"},
			{"NaN weight", func(_ *features.Matrix, y, w []float64) ([]float64, []float64) { w[8] = nan; return y, w }, "row 8"},
			{"no weight", func(_ *features.Matrix, y, w []float64) ([]float64, []float64) { clear(w); return y, w }, "zero"},
			{"too few labels", func(_ *features.Matrix, y, w []float64) ([]float64, []float64) { return y[1:], w }, "labels"},
			{"too few weights", func(_ *features.Matrix, y, w []float64) ([]float64, []float64) { return y, w[1:] }, "weights"},
			{"repeated column", func(X *features.Matrix, y, w []float64) ([]float64, []float64) { X.Names[1] = "signal"; return y, w }, `"signal"`},
			{"unnamed column", func(X *features.Matrix, y, w []float64) ([]float64, []float64) { X.Names[1] = ""; return y, w }, "name"},
			{"no rows", func(X *features.Matrix, _, _ []float64) ([]float64, []float64) { *X = X.Take(nil); return nil, nil }, "no rows"},
			{"short column", func(X *features.Matrix, y, w []float64) ([]float64, []float64) {
				X.Cols[1] = X.Cols[1][1:]
				return y, w
			}, `"gaps"`},
		} {
			t.Run(c.learner.Name()+", "+bad.name, func(t *testing.T) {
				X, y := sample(1, 50)
				w := make([]float64, 50)
				for i := range w {
					w[i] = 1
				}
				X.Names = slices.Clone(X.Names)
				y, w = bad.change(&X, y, w)
				_, err := c.learner.Fit(context.Background(), X, y, w)
				if err == nil || !strings.Contains(err.Error(), bad.want) {
					t.Errorf("error %v does not speak of %q", err, bad.want)
				}
			})
		}
	}
}

func TestEveryLearnerStops(t *testing.T) {
	X, y := sample(1, 100)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for _, c := range learners() {
		if !c.learns {
			continue // nothing to stop
		}
		t.Run(c.learner.Name(), func(t *testing.T) {
			if _, err := c.learner.Fit(ctx, X, y, nil); !errors.Is(err, context.Canceled) {
				t.Errorf("error %v", err)
			}
		})
	}
}

// Run with -race: a model and a learner may be used from many goroutines.
func TestEveryModelPredictsConcurrently(t *testing.T) {
	X, y := sample(1, 300)
	for _, c := range learners() {
		t.Run(c.learner.Name(), func(t *testing.T) {
			model := fit(t, c.learner, X, y, nil)
			want := predict(t, model, X)
			var wg sync.WaitGroup
			for range 8 {
				wg.Go(func() {
					got, err := model.Predict(X)
					if err != nil || !slices.Equal(got, want) {
						t.Errorf("predictions differ (error %v)", err)
					}
				})
			}
			wg.Wait()
		})
	}
}

func allRows(n int) []int {
	rows := make([]int, n)
	for i := range rows {
		rows[i] = i
	}
	return rows
}
