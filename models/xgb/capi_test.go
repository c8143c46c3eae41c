//go:build cgo

package xgb

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"syscall"
	"testing"
	"time"

	"dunning/features"
	"dunning/models/trees"
)

// synthetic draws a matrix with ties, constants, missing values and a label
// that depends on it.
func synthetic(seed uint64, rows, cols int, objective Objective) (features.Matrix, []float64) {
	rng := rand.New(rand.NewPCG(seed, 1))
	X := features.Matrix{}
	for j := range cols {
		col := make([]float32, rows)
		for i := range col {
			switch {
			case rng.Float64() < 0.1*float64(j%4):
				col[i] = float32(math.NaN())
			case j%3 == 0:
				col[i] = float32(rng.IntN(7) - 3) // ties, zero and negative
			default:
				col[i] = float32(rng.NormFloat64() * math.Pow(10, float64(j%5-2)))
			}
		}
		X.Names = append(X.Names, fmt.Sprintf("f%d", j))
		X.Cols = append(X.Cols, col)
	}
	y := make([]float64, rows)
	for i := range y {
		m := 0.0
		for j := range cols {
			if v := float64(X.Cols[j][i]); v == v {
				m += math.Tanh(v) * float64(j%3-1)
			} else {
				m += 0.3
			}
		}
		switch objective {
		case Logistic:
			if rng.Float64() < 1/(1+math.Exp(-m)) {
				y[i] = 1
			}
		case Squared:
			y[i] = 1000 + 100*m + rng.NormFloat64()
		default:
			y[i] = math.Floor(math.Exp(0.5*m) * rng.ExpFloat64())
		}
	}
	return X, y
}

// trained is a session that stays open beside the ensemble made from it.
func trained(t testing.TB, p Params, X features.Matrix, y, w []float64) (*session, *trees.Ensemble) {
	t.Helper()
	runtime.LockOSThread()
	p = p.withDefaults()
	s, err := run(context.Background(), p, X, y, w, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		runtime.UnlockOSThread()
	})
	raw, err := s.booster.save()
	if err != nil {
		t.Fatal(err)
	}
	e, err := convert(raw, X.Names, p.link(), s.keep)
	if err != nil {
		t.Fatal(err)
	}
	return s, e
}

func TestEnsembleEqualsXGBoostPrediction(t *testing.T) {
	for _, objective := range []Objective{Logistic, Squared, Poisson, Tweedie} {
		for _, depth := range []int{1, 3, 6, 10} {
			t.Run(fmt.Sprintf("%s depth %d", objective, depth), func(t *testing.T) {
				X, y := synthetic(7, 1500, 12, objective)
				s, e := trained(t, Params{Objective: objective, MaxDepth: depth, Rounds: 60, MinChildWeight: 1, Seed: 3, Gamma: 0.1}, X, y, nil)
				fresh, _ := synthetic(8, 1111, 12, objective)
				d, err := newDenseMatrix(fresh, 1)
				if err != nil {
					t.Fatal(err)
				}
				defer d.Close()
				theirs, err := s.booster.predict(d, predictValue)
				if err != nil {
					t.Fatal(err)
				}
				margins, err := s.booster.predict(d, predictMargin)
				if err != nil {
					t.Fatal(err)
				}
				ours, err := e.Predict(fresh)
				if err != nil {
					t.Fatal(err)
				}
				ourMargins, err := e.Margin(fresh)
				if err != nil {
					t.Fatal(err)
				}
				row := make([]float32, len(fresh.Cols))
				for i := range ours {
					for j, col := range fresh.Cols {
						row[j] = col[i]
					}
					if got := e.PredictRow(row); got != ours[i] {
						t.Fatalf("row %d: PredictRow %v, Predict %v", i, got, ours[i])
					}
					if ourMargins[i] != float64(margins[i]) {
						t.Fatalf("row %d: our margin %v, XGBoost's %v", i, ourMargins[i], margins[i])
					}
					if diff := math.Abs(ours[i] - float64(theirs[i])); diff > 1e-6*max(1, math.Abs(ours[i])) {
						t.Fatalf("row %d: ours %v, XGBoost's %v", i, ours[i], theirs[i])
					}
				}
				if e.NumTrees() != 60 {
					t.Errorf("%d trees, want 60", e.NumTrees())
				}
			})
		}
	}
}

func TestSHAPEqualsXGBoostContributions(t *testing.T) {
	for _, objective := range []Objective{Logistic, Tweedie} {
		t.Run(string(objective), func(t *testing.T) {
			X, y := synthetic(17, 1200, 9, objective)
			s, e := trained(t, Params{Objective: objective, MaxDepth: 6, Rounds: 40, MinChildWeight: 1, Seed: 5}, X, y, nil)
			fresh, _ := synthetic(18, 200, 9, objective)
			d, err := newDenseMatrix(fresh, 1)
			if err != nil {
				t.Fatal(err)
			}
			defer d.Close()
			theirs, err := s.booster.predict(d, predictContribs)
			if err != nil {
				t.Fatal(err)
			}
			width := len(fresh.Cols) + 1
			row := make([]float32, width-1)
			for i := range fresh.Rows() {
				for j, col := range fresh.Cols {
					row[j] = col[i]
				}
				sum := 0.0
				for j, v := range e.SHAP(row) {
					sum += v
					if diff := math.Abs(v - float64(theirs[i*width+j])); diff > 1e-4 {
						t.Fatalf("row %d, feature %d: ours %v, XGBoost's %v", i, j, v, theirs[i*width+j])
					}
				}
				if diff := math.Abs(sum - e.MarginRow(row)); diff > 1e-4 {
					t.Fatalf("row %d: SHAP values add up to %v, the margin is %v", i, sum, e.MarginRow(row))
				}
			}
		})
	}
}

// BenchmarkPredict measures our prediction of 1,000,000 rows by 300 trees and the
// C library's, turn and turn about in one run, and reports how many times less our
// processor time is. Both have one thread, since the library's threads spin while
// they wait for each other; what it needs to build its matrix is left out.
func BenchmarkPredict(b *testing.B) {
	const rows, turns = 50_000, 20
	b.Run("rows=1e6/trees=300/depth=6/features=60", func(b *testing.B) {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
		X, y := synthetic(7, rows, 60, Logistic)
		s, e := trained(b, Params{MaxDepth: 6, MinChildWeight: 2, Threads: 1}, X, y, nil)
		var ours, theirs time.Duration
		for b.Loop() {
			ours, theirs = 0, 0
			for range turns {
				d, err := newDenseMatrix(X, 1) // a matrix that was seen before is answered from a cache
				if err != nil {
					b.Fatal(err)
				}
				start := processorTime(b)
				if _, err := e.Predict(X); err != nil {
					b.Fatal(err)
				}
				middle := processorTime(b)
				if _, err := s.booster.predict(d, predictValue); err != nil {
					b.Fatal(err)
				}
				ours, theirs = ours+middle-start, theirs+processorTime(b)-middle
				if err := d.Close(); err != nil {
					b.Fatal(err)
				}
			}
		}
		b.ReportMetric(ours.Seconds(), "ours-cpu-s")
		b.ReportMetric(theirs.Seconds(), "xgboost-cpu-s")
		b.ReportMetric(theirs.Seconds()/ours.Seconds(), "times-faster")
		b.ReportMetric(0, "ns/op")
	})
}

// BenchmarkPredictRow measures the prediction of a single row by 300 trees.
func BenchmarkPredictRow(b *testing.B) {
	X, y := synthetic(7, 10_000, 60, Logistic)
	_, e := trained(b, Params{MaxDepth: 6, MinChildWeight: 2}, X, y, nil)
	row := make([]float32, len(X.Cols))
	for i := 0; b.Loop(); i++ {
		for j, col := range X.Cols {
			row[j] = col[i%len(col)]
		}
		e.PredictRow(row)
	}
}

// processorTime is what the process has used of all processors.
func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
