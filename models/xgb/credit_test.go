//go:build cgo

package xgb_test

import (
	"compress/gzip"
	"context"
	"encoding/csv"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"dunning/features"
	"dunning/models"
	"dunning/models/baseline"
	"dunning/models/xgb"
)

// dataset returns the path of a file under ../shared/datasets beside the
// module, or skips the test.
func dataset(tb testing.TB, name string) string {
	tb.Helper()
	dir, err := os.Getwd()
	if err != nil {
		tb.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			tb.Fatal("no go.mod above the working directory")
		}
		dir = parent
	}
	path := filepath.Join(dir, "..", "shared", "datasets", name)
	if _, err := os.Stat(path); err != nil {
		tb.Skipf("the data set %s is not here: %v", name, err)
	}
	return path
}

// creditDefaults reads the UCI credit-card defaults without the row number and
// the protected attributes (sex, marriage, age).
func creditDefaults(tb testing.TB) (features.Matrix, []float64) {
	tb.Helper()
	f, err := os.Open(dataset(tb, "uci_default/UCI_Credit_Card.csv.gz"))
	if err != nil {
		tb.Fatal(err)
	}
	defer f.Close()
	zr, err := gzip.NewReader(f)
	if err != nil {
		tb.Fatal(err)
	}
	records, err := csv.NewReader(zr).ReadAll()
	if err != nil {
		tb.Fatal(err)
	}
	header, records := records[0], records[1:]
	number := func(i, j int) float64 {
		v, err := strconv.ParseFloat(records[i][j], 64)
		if err != nil {
			tb.Fatalf("row %d, column %s: %v", i, header[j], err)
		}
		return v
	}
	var X features.Matrix
	var y []float64
	for j, name := range header {
		if slices.Contains([]string{"ID", "X2", "X4", "X5"}, name) {
			continue
		}
		if j == len(header)-1 { // the outcome
			y = make([]float64, len(records))
			for i := range y {
				y[i] = number(i, j)
			}
			continue
		}
		col := make([]float32, len(records))
		for i := range col {
			col[i] = float32(number(i, j))
		}
		X.Names, X.Cols = append(X.Names, name), append(X.Cols, col)
	}
	return X, y
}

// The bands are those that xgboost 1.7.4 and scikit-learn 1.2.1 reach with the
// same parameters on the same folds scheme: AUC .7832, log loss .4274, Brier
// .1340 and, for a logistic regression, AUC .7214.
func TestCreditDefaultsReachTheReference(t *testing.T) {
	if testing.Short() {
		t.Skip("five folds of 30,000 rows")
	}
	X, y := creditDefaults(t)
	if len(y) != 30_000 || len(X.Names) != 20 {
		t.Fatalf("%d rows, columns %q", len(y), X.Names)
	}
	folds := models.StratifiedFolds(y, 5, 42)
	evaluate := func(l models.Learner) models.Metrics {
		p, err := models.OutOfFold(context.Background(), l, X, y, nil, folds)
		if err != nil {
			t.Fatal(err)
		}
		m := models.Evaluate(y, p)
		t.Logf("%s: %s", l.Name(), fmt.Sprintf("AUC %.4f, PR-AUC %.4f, KS %.4f, log loss %.4f, Brier %.4f, skill %.4f, ECE %.4f, slope %.4f, intercept %.4f, in the large %.4f, lift %.4f",
			m.AUC, m.PRAUC, m.KS, m.LogLoss, m.Brier, m.BrierSkill, m.ECE, m.CalibSlope, m.CalibIntercept, m.CalibInTheLarge, m.LiftAtTenPercent))
		return m
	}
	m := evaluate(&xgb.Learner{Params: xgb.Params{Seed: 42}})
	if m.AUC < 0.780 || m.LogLoss > 0.430 || m.Brier > 0.135 {
		t.Errorf("AUC %.4f (≥ .780), log loss %.4f (≤ .430), Brier %.4f (≤ .135)", m.AUC, m.LogLoss, m.Brier)
	}
	if !(m.ECE < 0.015 && math.Abs(m.CalibSlope-0.9829) < 0.05 && m.KS > 0.42 && m.PRAUC > 0.545) {
		t.Errorf("ECE %.4f, slope %.4f, KS %.4f, PR-AUC %.4f: far from the reference .0066, .9829, .4338, .5569", m.ECE, m.CalibSlope, m.KS, m.PRAUC)
	}
	l := evaluate(baseline.Logistic{})
	if l.AUC < 0.7164 || l.AUC > 0.7264 {
		t.Errorf("logistic regression: AUC %.4f, the reference has .7214", l.AUC)
	}
	g := evaluate(baseline.GolearnForest{})
	if g.AUC < 0.74 { // scikit-learn's forest on all rows has .7802
		t.Errorf("golearn's forest: AUC %.4f", g.AUC)
	}
}
