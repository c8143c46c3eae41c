package models_test

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dunning/models"
)

func TestCalibrationUndoesADistortion(t *testing.T) {
	y, p := draw(21, 20_000)
	freshY, fresh := draw(22, 20_000)
	distort := func(p []float64) []float64 {
		out := make([]float64, len(p))
		for i, v := range p {
			out[i] = 1 / (1 + math.Exp(-2.5*math.Log(v/(1-v))+0.7))
		}
		return out
	}
	raw := distort(fresh)
	before := models.ECE(freshY, raw, 10)
	for _, c := range []struct {
		name string
		fit  func(y, p []float64) models.Calibration
	}{{"platt", models.FitPlatt}, {"isotonic", models.FitIsotonic}, {"chosen", models.FitCalibration}} {
		t.Run(c.name, func(t *testing.T) {
			cal := c.fit(y, distort(p))
			if err := cal.Validate(); err != nil {
				t.Fatal(err)
			}
			after := models.ECE(freshY, cal.ApplyAll(raw), 10)
			if before < 0.05 || after > 0.015 { // about 1.5 s.e. per bin of 2,000 rows
				t.Errorf("ECE %.4f before, %.4f after", before, after)
			}
		})
	}
}

func TestCalibrationIsMonotoneAndSurvivesJSON(t *testing.T) {
	for _, c := range []struct {
		name string
		y, p []float64
	}{
		{"many rows", nil, nil},
		{"inverted", []float64{1, 1, 0, 0}, []float64{0.1, 0.2, 0.8, 0.9}},
		{"constant", []float64{1, 0, 0, 0}, []float64{0.4, 0.4, 0.4, 0.4}},
		{"separated", []float64{0, 0, 1, 1}, []float64{0.1, 0.2, 0.8, 0.9}},
		{"one class", []float64{1, 1}, []float64{0.1, 0.2}},
		{"one row", []float64{0}, []float64{0.5}},
		{"predictions of 0 and 1", []float64{0, 1, 1, 0}, []float64{0, 1, 1, 0.5}},
		{"no rows", []float64{}, []float64{}},
	} {
		if c.y == nil {
			c.y, c.p = draw(5, 3000)
		}
		for _, cal := range []models.Calibration{models.FitPlatt(c.y, c.p), models.FitIsotonic(c.y, c.p)} {
			t.Run(c.name+", "+string(cal.Method), func(t *testing.T) {
				if err := cal.Validate(); err != nil {
					t.Fatal(err)
				}
				last := 0.0
				for k := range 1001 {
					v := cal.Apply(float64(k) / 1000)
					if !(v >= last && v >= 0 && v <= 1) {
						t.Fatalf("%g after %g at %g", v, last, float64(k)/1000)
					}
					last = v
				}
				b, err := json.Marshal(cal)
				if err != nil {
					t.Fatal(err)
				}
				var back models.Calibration
				if err := json.Unmarshal(b, &back); err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(cal, back); diff != "" {
					t.Error(diff)
				}
			})
		}
	}
}

// By hand: labels 0 1 0 1 at .1 .2 .3 .4; the violators at .2 and .3 pool to
// 1/2; the ends are kept within [1/6, 5/6].
func TestIsotonicByHand(t *testing.T) {
	cal := models.FitIsotonic([]float64{0, 1, 0, 1}, []float64{0.1, 0.2, 0.3, 0.4})
	if want := []float64{0.1, 0.2, 0.3, 0.4}; !slices.Equal(cal.X, want) {
		t.Errorf("X is %v", cal.X)
	}
	for _, c := range []struct{ p, want float64 }{
		{0, 1. / 6}, {0.1, 1. / 6}, {0.15, (1./6 + 0.5) / 2}, {0.2, 0.5}, {0.25, 0.5}, {0.3, 0.5}, {0.4, 5. / 6}, {1, 5. / 6},
	} {
		near(t, fmt.Sprintf("calibrated %g", c.p), cal.Apply(c.p), c.want, 1e-12)
	}
	tied := models.FitIsotonic([]float64{0, 1, 0, 1}, []float64{0.5, 0.5, 0.5, 0.5})
	near(t, "tied", tied.Apply(0.7), 0.5, 1e-12)
}

func TestFitCalibrationChooses(t *testing.T) {
	y, p := draw(6, 400)
	if m := models.FitCalibration(y, p).Method; m != models.Platt {
		t.Errorf("400 rows: %s", m)
	}
	y, p = draw(6, 4000)
	if m := models.FitCalibration(y, p).Method; m != models.Isotonic {
		t.Errorf("4,000 rows: %s", m)
	}
}

func TestCalibrationValidateRefuses(t *testing.T) {
	nan := math.NaN()
	for _, c := range []struct {
		name string
		cal  models.Calibration
	}{
		{"zero value", models.Calibration{}},
		{"unknown method", models.Calibration{Method: "beta"}},
		{"falling slope", models.Calibration{Method: models.Platt, Slope: -1}},
		{"NaN intercept", models.Calibration{Method: models.Platt, Slope: 1, Intercept: nan}},
		{"infinite slope", models.Calibration{Method: models.Platt, Slope: math.Inf(1)}},
		{"no points", models.Calibration{Method: models.Isotonic}},
		{"lengths differ", models.Calibration{Method: models.Isotonic, X: []float64{0.1}, Y: []float64{0.1, 0.2}}},
		{"x does not rise", models.Calibration{Method: models.Isotonic, X: []float64{0.1, 0.1}, Y: []float64{0.1, 0.2}}},
		{"y falls", models.Calibration{Method: models.Isotonic, X: []float64{0.1, 0.2}, Y: []float64{0.2, 0.1}}},
		{"certain y", models.Calibration{Method: models.Isotonic, X: []float64{0.1}, Y: []float64{1}}},
		{"NaN x", models.Calibration{Method: models.Isotonic, X: []float64{nan}, Y: []float64{0.5}}},
		{"points without isotonic", models.Calibration{Method: models.Platt, Slope: 1, X: []float64{0.1}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := c.cal.Validate(); err == nil {
				t.Error("no error")
			}
		})
	}
}

func ExampleFitPlatt() {
	y := []float64{0, 0, 1, 0, 1, 1, 0, 1}
	p := []float64{.10, .20, .30, .40, .60, .70, .80, .90}
	cal := models.FitPlatt(y, p)
	fmt.Printf("%s: 0.90 becomes %.2f\n", cal.Method, cal.Apply(0.9))
	// Output: platt: 0.90 becomes 0.74
}
