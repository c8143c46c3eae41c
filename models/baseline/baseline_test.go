package baseline

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"dunning/features"
)

func column(name string, values ...float32) features.Matrix {
	return features.Matrix{Names: []string{name}, Cols: [][]float32{values}}
}

// At the optimum the derivatives are zero: Σ w (p − y) = 0 and, for the
// standardised column z, Σ w (p − y) z + β / C = 0.
func TestLogisticIsAtTheOptimum(t *testing.T) {
	nan := float32(math.NaN())
	rng := rand.New(rand.NewPCG(1, 1))
	X := features.Matrix{Names: []string{"a", "b", "money"}, Cols: make([][]float32, 3)}
	var y, w []float64
	for i := range 500 {
		a := float32(rng.NormFloat64())
		X.Cols[0] = append(X.Cols[0], a)
		b := float32(rng.IntN(3))
		if i%4 == 0 {
			b = nan
		}
		X.Cols[1] = append(X.Cols[1], b)
		X.Cols[2] = append(X.Cols[2], float32(1e6*rng.ExpFloat64()))
		y = append(y, float64(rng.IntN(2)))
		if a > 0.5 {
			y[i] = 1
		}
		w = append(w, rng.Float64()+0.1)
	}
	for _, c := range []float64{0.01, 1, 100} {
		t.Run(fmt.Sprintf("C %g", c), func(t *testing.T) {
			model, err := Logistic{C: c}.Fit(context.Background(), X, y, w)
			if err != nil {
				t.Fatal(err)
			}
			p, err := model.Predict(X)
			if err != nil {
				t.Fatal(err)
			}
			m := model.(*logisticModel)
			intercept, total := 0.0, 0.0
			for i := range y {
				intercept += w[i] * (p[i] - y[i])
				total += w[i]
			}
			if math.Abs(intercept)/total > 1e-6 {
				t.Errorf("derivative of the intercept %g", intercept)
			}
			for j, s := range m.columns {
				value, missing := 0.0, 0.0
				for i, x := range X.Cols[j] {
					if x != x {
						missing += w[i] * (p[i] - y[i])
						continue
					}
					value += w[i] * (p[i] - y[i]) * (float64(x) - s.mean) / s.sd
				}
				if g := value + s.beta/c; math.Abs(g)/total > 1e-6 {
					t.Errorf("column %s: derivative %g", X.Names[j], g)
				}
				if g := missing + s.missing/c; s.hasMissing && math.Abs(g)/total > 1e-6 {
					t.Errorf("column %s: derivative of the indicator %g", X.Names[j], g)
				}
			}
		})
	}
}

func TestLogisticSamplesBeyondMaxRows(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 1))
	X := column("x", make([]float32, 4000)...)
	y := make([]float64, 4000)
	for i := range y {
		x := rng.NormFloat64()
		X.Cols[0][i] = float32(x)
		if rng.Float64() < 1/(1+math.Exp(-x)) {
			y[i] = 1
		}
	}
	model, err := Logistic{MaxRows: 2000, Seed: 3}.Fit(context.Background(), X, y, nil)
	if err != nil {
		t.Fatal(err)
	}
	m := model.(*logisticModel)
	if slope := m.columns[0].beta / m.columns[0].sd; math.Abs(slope-1) > 0.2 { // about 3.5 s.e.
		t.Errorf("slope %.3f, the truth is 1", slope)
	}
}

func TestInfiniteValuesAreRefused(t *testing.T) {
	X := column("amount", 1, float32(math.Inf(-1)), 2)
	if _, err := (Logistic{}).Fit(context.Background(), X, []float64{0, 1, 1}, nil); err == nil || !strings.Contains(err.Error(), `"amount", row 1`) {
		t.Errorf("logistic: error %v", err)
	}
	if _, err := (GolearnForest{}).Fit(context.Background(), X, []float64{0, 1, 1}, nil); err == nil || !strings.Contains(err.Error(), `"amount", row 1`) {
		t.Errorf("golearn-forest: error %v", err)
	}
}

func TestParametersAreChecked(t *testing.T) {
	X, y := column("x", 1, 2), []float64{0, 1}
	for _, bad := range []GolearnForest{{Trees: -1}, {SampleRows: -1}, {MaxDepth: -1}, {Bins: 1}, {ColShare: 1.5}} {
		if _, err := bad.Fit(context.Background(), X, y, nil); err == nil {
			t.Errorf("%+v was taken", bad)
		}
	}
	for _, bad := range []Logistic{{C: -1}, {C: math.NaN()}, {MaxRows: -1}} {
		if _, err := bad.Fit(context.Background(), X, y, nil); err == nil {
			t.Errorf("%+v was taken", bad)
		}
	}
}

// golearn leaves the right side of an unsplit root empty, which would predict
// 0 for half the rows.
func TestForestWithoutASplitPredictsTheMean(t *testing.T) {
	X := column("constant", 5, 5, 5, 5)
	model, err := GolearnForest{Trees: 200}.Fit(context.Background(), X, []float64{0, 1, 1, 1}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range []float32{-1, 5, 99} {
		p, err := model.Predict(column("constant", x))
		if err != nil || math.Abs(p[0]-0.75) > 0.1 { // 200 bootstrap samples of 4 rows: s.e. 0.015
			t.Errorf("%g: %v (error %v)", x, p, err)
		}
	}
}

func ExampleLogistic() {
	X := column("days_past_due", 1, 2, 3, 4, 30, 40, 50, 60)
	paid := []float64{1, 1, 0, 1, 0, 0, 1, 0}
	model, err := Logistic{}.Fit(context.Background(), X, paid, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	p, err := model.Predict(column("days_past_due", 2, 45))
	fmt.Printf("%.2f %v\n", p, err)
	// Output: [0.63 0.37] <nil>
}
