package uplift_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"dunning/data"
	"dunning/features"
	"dunning/models"
	"dunning/models/uplift"
)

// interacting lets a linear model express effects that vary with x: it adds
// the product of every feature with every option indicator. It stands for the
// trees that the S-learner is meant for.
type interacting struct{ linear }

func (l interacting) Fit(ctx context.Context, X features.Matrix, y, w []float64) (models.Model, error) {
	m, err := l.linear.Fit(ctx, products(X), y, w)
	return interactingModel{m, append([]string(nil), X.Names...)}, err
}

type interactingModel struct {
	models.Model
	names []string
}

func (m interactingModel) Features() []string { return m.names }

func (m interactingModel) Predict(X features.Matrix) ([]float64, error) {
	X, err := X.Select(m.names)
	if err != nil {
		return nil, err
	}
	return m.Model.Predict(products(X))
}

func products(X features.Matrix) features.Matrix {
	out := features.Matrix{Names: append([]string(nil), X.Names...), Cols: append([][]float32(nil), X.Cols...)}
	for a, name := range X.Names {
		if len(name) < 7 || name[:7] != uplift.OptionPrefix {
			continue
		}
		for b, other := range X.Names {
			if len(other) >= 7 && other[:7] == uplift.OptionPrefix {
				continue
			}
			col := make([]float32, X.Rows())
			for i := range col {
				col[i] = X.Cols[a][i] * X.Cols[b][i]
			}
			out.Names, out.Cols = append(out.Names, name+"×"+other), append(out.Cols, col)
		}
	}
	return out
}

func learners(bags int) []uplift.Learner {
	s, prob := linear{}, linear{logit: true}
	return []uplift.Learner{
		uplift.SLearner{Base: interacting{}, Bags: bags, Seed: 1},
		uplift.TLearner{Base: s, Bags: bags, Seed: 1},
		uplift.XLearner{Base: s, Effect: s, Treat: prob, Bags: bags, Seed: 1},
		uplift.DRLearner{Base: s, Effect: s, Treat: prob, Bags: bags, Seed: 1},
	}
}

// Every learner recovers the known effects of a confounded world, ranks by
// them, and finds nothing where there is nothing.
func TestLearnersRecoverKnownEffects(t *testing.T) {
	full, none := makeWorld(30_000, 11, 0.3, 1), makeWorld(30_000, 12, 0, 1)
	for _, l := range learners(1) {
		t.Run(l.Name(), func(t *testing.T) {
			e, err := l.Fit(context.Background(), full.log)
			if err != nil {
				t.Fatal(err)
			}
			got, _, err := e.Predict(full.log.X)
			if err != nil {
				t.Fatal(err)
			}
			for k, want := range full.effect {
				var sq float64
				for i := range want {
					sq += (got[k][i] - want[i]) * (got[k][i] - want[i])
				}
				// The sampling error of an interaction with 10,000 rows an arm is
				// about 0.015; the linear outcome model is exact here.
				if rmse := math.Sqrt(sq / float64(len(want))); rmse > 0.03 {
					t.Errorf("treatment %d: root mean square error %.4f", k+1, rmse)
				}
				if d := mean(got[k]) - mean(want); math.Abs(d) > 0.02 {
					t.Errorf("treatment %d: mean effect off by %.4f", k+1, d)
				}
			}
			if e, err = l.Fit(context.Background(), none.log); err != nil {
				t.Fatal(err)
			}
			if got, _, err = e.Predict(none.log.X); err != nil {
				t.Fatal(err)
			}
			for k := range got {
				if m := mean(got[k]); math.Abs(m) > 0.02 {
					t.Errorf("no true effect, treatment %d: mean effect %.4f", k+1, m)
				}
			}
		})
	}
}

// The lower bound must lie below the truth for about 95 % of many worlds; with
// few bags and one point we ask for at least 90 %, and for a bound that is not
// vacuous.
func TestLowerBoundCovers(t *testing.T) {
	at := features.Matrix{Names: []string{"x0", "x1"}, Cols: [][]float32{{0.5}, {0}}}
	const worlds, truth = 60, 0.3 * 1.5 / 2
	covered, width := 0, 0.0
	for seed := range uint64(worlds) {
		w := makeWorld(3000, 100+seed, 0.3, 0.5)
		e, err := uplift.SLearner{Base: interacting{}, Bags: 5, Seed: seed}.Fit(context.Background(), w.log)
		if err != nil {
			t.Fatal(err)
		}
		m, lo, err := e.Predict(at)
		if err != nil {
			t.Fatal(err)
		}
		if lo[0][0] <= truth {
			covered++
		}
		width += (m[0][0] - lo[0][0]) / worlds
	}
	if covered < worlds*90/100 || width > 0.12 {
		t.Errorf("covered %d of %d, mean width %.3f", covered, worlds, width)
	}
}

func TestOneBagHasNoBound(t *testing.T) {
	w := makeWorld(600, 5, 0.3, 0)
	e, err := uplift.TLearner{Base: linear{}}.Fit(context.Background(), w.log)
	if err != nil {
		t.Fatal(err)
	}
	if _, lo, err := e.Predict(w.log.X); err != nil || !math.IsNaN(lo[0][0]) {
		t.Errorf("bound %v, %v", lo[0][0], err)
	}
}

// The conformance of every learner: deterministic, refusing, column order free.
func TestLearnerContract(t *testing.T) {
	w := makeWorld(900, 6, 0.3, 1)
	w.log.OptionProb = nil
	w.log.Unit = make([]string, w.log.Rows())
	for i := range w.log.Unit {
		w.log.Unit[i] = fmt.Sprint("c", i/3)
	}
	for _, l := range learners(3) {
		t.Run(l.Name(), func(t *testing.T) {
			predict := func() [][]float64 {
				e, err := l.Fit(context.Background(), w.log)
				if err != nil {
					t.Fatal(err)
				}
				m, lo, err := e.Predict(w.log.X)
				if err != nil {
					t.Fatal(err)
				}
				swapped := features.Matrix{
					Names: []string{"x1", "other", "x0"},
					Cols:  [][]float32{w.log.X.Cols[1], make([]float32, 900), w.log.X.Cols[0]},
				}
				again, _, err := e.Predict(swapped)
				if err != nil {
					t.Fatal(err)
				}
				for i := range m[0] {
					if m[0][i] != again[0][i] {
						t.Fatalf("row %d: %v, with columns in another order %v", i, m[0][i], again[0][i])
					}
					if !(lo[0][i] <= m[0][i]) {
						t.Fatalf("row %d: bound %v above estimate %v", i, lo[0][i], m[0][i])
					}
				}
				if _, _, err := e.Predict(features.Matrix{Names: []string{"x0"}, Cols: w.log.X.Cols[:1]}); err == nil {
					t.Fatal("a missing column is no error")
				}
				return m
			}
			a, b := predict(), predict()
			for i := range a[1] {
				if a[1][i] != b[1][i] {
					t.Fatalf("row %d: %v, fitted again %v", i, a[1][i], b[1][i])
				}
			}
			treated := w.log.Take([]int{})
			treated.Option, treated.Y, treated.X = []int{1, 2, 1}, []float64{1, 0, 1}, w.log.X.Take([]int{0, 1, 2})
			treated.Unit = nil
			if _, err := l.Fit(context.Background(), treated); !errors.Is(err, uplift.ErrNoContrast) || data.ExitCode(err) != 4 {
				t.Errorf("everyone treated: %v", err)
			}
			nan := w.log.Take([]int{0, 1, 2, 3})
			nan.Y[2] = math.NaN()
			if _, err := l.Fit(context.Background(), nan); err == nil {
				t.Error("a NaN outcome is no error")
			}
		})
	}
}

func TestBagsKeepCustomersTogether(t *testing.T) {
	unit := make([]string, 500)
	for i := range unit {
		unit[i] = fmt.Sprint("customer ", rand.New(rand.NewPCG(1, uint64(i))).IntN(60))
	}
	bags := uplift.Bags(len(unit), unit, 4, 9)
	left := map[string]int{} // in how many bags a customer has rows
	for _, rows := range bags {
		seen := map[string]bool{}
		for _, i := range rows {
			seen[unit[i]] = true
		}
		for u := range seen {
			left[u]++
		}
	}
	for u, n := range left {
		if n != 3 {
			t.Errorf("%s has rows in %d of 4 bags, want all but one", u, n)
		}
	}
}

func TestSModelFromSavedBags(t *testing.T) {
	w := makeWorld(2000, 13, 0.3, 1)
	e, err := uplift.SLearner{Base: interacting{}, Bags: 3, Seed: 2}.Fit(context.Background(), w.log)
	if err != nil {
		t.Fatal(err)
	}
	fitted := e.(*uplift.SModel)
	saved, err := uplift.NewSModel(fitted.Treatments(), fitted.Models())
	if err != nil {
		t.Fatal(err)
	}
	a, alo, _ := fitted.Predict(w.log.X)
	b, blo, err := saved.Predict(w.log.X)
	if err != nil {
		t.Fatal(err)
	}
	response, err := saved.Response(w.log.X)
	if err != nil {
		t.Fatal(err)
	}
	for i := range a[0] {
		if a[0][i] != b[0][i] || alo[1][i] != blo[1][i] {
			t.Fatalf("row %d: %v (%v), from the bags %v (%v)", i, a[0][i], alo[1][i], b[0][i], blo[1][i])
		}
		if d := response[2][i] - response[0][i]; math.Abs(d-a[1][i]) > 1e-12 {
			t.Fatalf("row %d: responses differ by %v, effect %v", i, d, a[1][i])
		}
	}
	if _, err := uplift.NewSModel(nil, fitted.Models()); err == nil {
		t.Error("no treatment is no error")
	}
}

func ExampleSLearner() {
	w := makeWorld(60_000, 1, 0.3, 1) // a call helps those with high x0, a letter harms
	effects, _ := uplift.SLearner{Base: interacting{}, Bags: 5}.Fit(context.Background(), w.log)
	mean, lo, _ := effects.Predict(features.Matrix{Names: []string{"x0", "x1"}, Cols: [][]float32{{-1, 1}, {0, 0}}})
	for t, name := range effects.Treatments() {
		fmt.Printf("%s: x0=-1 %+.1f, x0=+1 %+.1f, surely helps at x0=+1: %v\n", name, mean[t][0], mean[t][1], lo[t][1] > 0)
	}
	// Output:
	// call: x0=-1 +0.0, x0=+1 +0.3, surely helps at x0=+1: true
	// letter: x0=-1 -0.2, x0=+1 -0.1, surely helps at x0=+1: false
}
