package models_test

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"dunning/models"
)

func near(t *testing.T, name string, got, want, tolerance float64) {
	t.Helper()
	if math.IsNaN(want) && math.IsNaN(got) {
		return
	}
	if !(math.Abs(got-want) <= tolerance) {
		t.Errorf("%s is %.10g, want %.10g", name, got, want)
	}
}

func TestMetricsOnSmallCases(t *testing.T) {
	nan := math.NaN()
	for _, c := range []struct {
		name               string
		y, p               []float64
		auc, pr, ks, ll, b float64
	}{
		{
			// scikit-learn 1.2 documentation: roc_auc_score 0.75,
			// average_precision_score 0.83; the rest by hand:
			// log loss −(ln .9 + ln .6 + ln .35 + ln .8)/4, Brier (.01+.16+.4225+.04)/4.
			"documentation example", []float64{0, 0, 1, 1}, []float64{0.1, 0.4, 0.35, 0.8},
			0.75, 5. / 6, 0.5, -(math.Log(.9) + math.Log(.6) + math.Log(.35) + math.Log(.8)) / 4, 0.158125,
		},
		{
			// scikit-learn 1.2 documentation: log_loss 0.21616, brier of the
			// same rows by hand (.01+.01+.04+.1225)/4.
			"log loss example", []float64{1, 0, 0, 1}, []float64{0.9, 0.1, 0.2, 0.65},
			1, 1, 1, 0.21616187468057912, 0.045625,
		},
		{
			// By hand. Ties count half: of 4 pairs one is won, three are tied.
			"ties", []float64{0, 1, 1, 0}, []float64{0.5, 0.5, 0.5, 0.2},
			0.75, 2. / 3, 0.5, -(3*math.Log(.5) + math.Log(.8)) / 4, (3*.25 + .04) / 4,
		},
		{"all tied", []float64{0, 1}, []float64{0.3, 0.3}, 0.5, 0.5, 0, -(math.Log(.7) + math.Log(.3)) / 2, (.09 + .49) / 2},
		{"inverted", []float64{1, 0}, []float64{0.2, 0.8}, 0, 0.5, 1, -math.Log(.2), .64},
		{"certain and right", []float64{1, 0}, []float64{1, 0}, 1, 1, 1, 1e-15, 0},
		{"one class", []float64{1, 1}, []float64{0.5, 0.8}, nan, 1, nan, -(math.Log(.5) + math.Log(.8)) / 2, (.25 + .04) / 2},
		{"no positive", []float64{0, 0}, []float64{0.5, 0.8}, nan, nan, nan, -(math.Log(.5) + math.Log(.2)) / 2, (.25 + .64) / 2},
		{"no rows", nil, nil, nan, nan, nan, nan, nan},
	} {
		t.Run(c.name, func(t *testing.T) {
			near(t, "AUC", models.AUC(c.y, c.p), c.auc, 1e-12)
			near(t, "PRAUC", models.PRAUC(c.y, c.p), c.pr, 1e-12)
			near(t, "KS", models.KS(c.y, c.p), c.ks, 1e-12)
			near(t, "LogLoss", models.LogLoss(c.y, c.p), c.ll, 1e-12)
			near(t, "Brier", models.Brier(c.y, c.p), c.b, 1e-12)
		})
	}
}

// draw returns labels that follow the probabilities, which have ties.
func draw(seed uint64, n int) (y, p []float64) {
	rng := rand.New(rand.NewPCG(seed, 3))
	y, p = make([]float64, n), make([]float64, n)
	for i := range y {
		p[i] = math.Round(rng.Float64()*50)/60 + 0.05
		if rng.Float64() < p[i] {
			y[i] = 1
		}
	}
	return y, p
}

func TestAUCCountsPairs(t *testing.T) {
	for seed := range uint64(20) {
		y, p := draw(seed, 60)
		won, pairs := 0.0, 0.0
		for i := range y {
			for j := range y {
				if y[i] == 1 && y[j] == 0 {
					pairs++
					switch {
					case p[i] > p[j]:
						won++
					case p[i] == p[j]:
						won += 0.5
					}
				}
			}
		}
		near(t, fmt.Sprintf("AUC of seed %d", seed), models.AUC(y, p), won/pairs, 1e-12)
	}
}

func TestRankMetricsIgnoreTheScale(t *testing.T) {
	y, p := draw(4, 500)
	q := make([]float64, len(p))
	for i, v := range p {
		q[i] = math.Pow(v, 3) // rising
	}
	near(t, "AUC", models.AUC(y, q), models.AUC(y, p), 0)
	near(t, "KS", models.KS(y, q), models.KS(y, p), 0)
	near(t, "PRAUC", models.PRAUC(y, q), models.PRAUC(y, p), 0)
	near(t, "LiftAt", models.LiftAt(y, q, 0.1), models.LiftAt(y, p, 0.1), 0)
	roc := models.ROC(y, p, 1000)
	area := 0.0
	for i := 1; i < len(roc); i++ {
		area += (roc[i].FalsePositiveRate - roc[i-1].FalsePositiveRate) * (roc[i].TruePositiveRate + roc[i-1].TruePositiveRate) / 2
	}
	near(t, "area under ROC", area, models.AUC(y, p), 1e-12)
	thin := models.ROC(y, p, 7)
	if len(thin) != 7 || thin[0] != roc[0] || thin[6] != (models.ROCPoint{FalsePositiveRate: 1, TruePositiveRate: 1}) {
		t.Errorf("thinned ROC is %v", thin)
	}
}

func TestCalibrationOfTrueProbabilities(t *testing.T) {
	y, p := draw(11, 40_000)
	slope, intercept := models.CalibrationLine(y, p)
	// With 40,000 rows the standard errors are about 0.01.
	near(t, "slope", slope, 1, 0.04)
	near(t, "intercept", intercept, 0, 0.04)
	near(t, "in the large", models.CalibrationInTheLarge(y, p), 0, 0.04)
	if ece := models.ECE(y, p, 10); ece > 0.01 {
		t.Errorf("ECE %.4f", ece)
	}
	// Distorting the log-odds by m → 2m + 1 must be undone by slope 1/2 and
	// intercept −1/2.
	for i, v := range p {
		p[i] = 1 / (1 + math.Exp(-2*math.Log(v/(1-v))-1))
	}
	slope, intercept = models.CalibrationLine(y, p)
	near(t, "slope", slope, 0.5, 0.02)
	near(t, "intercept", intercept, -0.5, 0.04)
}

func TestCalibrationLineWithoutFiniteFit(t *testing.T) {
	for _, c := range []struct {
		name string
		y, p []float64
	}{
		{"constant prediction", []float64{0, 1, 1}, []float64{0.3, 0.3, 0.3}},
		{"separated classes", []float64{0, 0, 1, 1}, []float64{0.1, 0.2, 0.6, 0.7}},
		{"one class", []float64{1, 1, 1}, []float64{0.1, 0.2, 0.6}},
		{"no rows", nil, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			slope, intercept := models.CalibrationLine(c.y, c.p)
			if !math.IsNaN(slope) || !math.IsNaN(intercept) {
				t.Errorf("slope %g, intercept %g", slope, intercept)
			}
		})
	}
}

func TestReliabilityAndLiftByHand(t *testing.T) {
	y := []float64{1, 0, 1, 0, 0, 1}
	p := []float64{0.9, 0.1, 0.8, 0.2, 0.3, 0.4}
	// By hand: rising p is .1 .2 .3 .4 .8 .9 with labels 0 0 0 1 1 1.
	bins := models.Reliability(y, p, 3)
	want := []models.ReliabilityBin{{Rows: 2, MeanPred: 0.15}, {Rows: 2, MeanPred: 0.35, Observed: 0.5}, {Rows: 2, MeanPred: 0.85, Observed: 1}}
	if diff := cmp.Diff(want, bins, cmpopts.EquateApprox(0, 1e-12), cmpopts.IgnoreFields(models.ReliabilityBin{}, "LoObs", "HiObs")); diff != "" {
		t.Error(diff)
	}
	near(t, "ECE", models.ECE(y, p, 3), (0.15+0.15+0.15)/3, 1e-12)
	// Wilson's interval for 1 of 2: (0.0945, 0.9055), as in its tables.
	near(t, "LoObs", bins[1].LoObs, 0.0945, 1e-4)
	near(t, "HiObs", bins[1].HiObs, 0.9055, 1e-4)
	lift := models.LiftTable(y, p, 3)
	wantLift := []models.LiftBin{
		{Bin: 1, Rows: 2, Positives: 2, MeanPred: 0.85, Rate: 1, Lift: 2, CumShare: 1. / 3, CumCatch: 2. / 3, CumLift: 2},
		{Bin: 2, Rows: 2, Positives: 1, MeanPred: 0.35, Rate: 0.5, Lift: 1, CumShare: 2. / 3, CumCatch: 1, CumLift: 1.5},
		{Bin: 3, Rows: 2, MeanPred: 0.15, CumShare: 1, CumCatch: 1, CumLift: 1},
	}
	if diff := cmp.Diff(wantLift, lift, cmpopts.EquateApprox(0, 1e-12)); diff != "" {
		t.Error(diff)
	}
	near(t, "LiftAt(1/3)", models.LiftAt(y, p, 1./3), 2, 1e-12)
	near(t, "LiftAt with ties", models.LiftAt([]float64{1, 0}, []float64{0.5, 0.5}, 0.5), 1, 1e-12)
}

func TestMetricsJSON(t *testing.T) {
	y, p := draw(1, 200)
	for _, c := range []struct {
		name string
		m    models.Metrics
	}{
		{"defined", models.Evaluate(y, p)},
		{"one class", models.Evaluate([]float64{0, 0}, []float64{0.1, 0.2})},
		{"no rows", models.Evaluate(nil, nil)},
	} {
		t.Run(c.name, func(t *testing.T) {
			b, err := json.Marshal(c.m)
			if err != nil {
				t.Fatal(err)
			}
			var back models.Metrics
			if err := json.Unmarshal(b, &back); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.m, back, cmpopts.EquateNaNs()); diff != "" {
				t.Error(diff)
			}
		})
	}
	if err := json.Unmarshal([]byte(`{"auc": 0.5, "accuracy": 1}`), new(models.Metrics)); err == nil || !strings.Contains(err.Error(), "accuracy") {
		t.Errorf("unknown figure: error %v", err)
	}
}

func TestMetricsPanicOnShapes(t *testing.T) {
	defer func() {
		if got := fmt.Sprint(recover()); !strings.HasPrefix(got, "models: ") {
			t.Errorf("panic %q", got)
		}
	}()
	models.AUC([]float64{0, 1}, []float64{0.5})
}

func ExampleEvaluate() {
	y := []float64{0, 0, 1, 1, 0, 1}
	p := []float64{0.1, 0.4, 0.35, 0.8, 0.2, 0.7}
	m := models.Evaluate(y, p)
	fmt.Printf("AUC %.3f, log loss %.3f, Brier %.3f\n", m.AUC, m.LogLoss, m.Brier)
	// Output: AUC 0.889, log loss 0.411, Brier 0.127
}
