package trees_test

import (
	"math"
	"math/bits"
	"math/rand/v2"
	"testing"

	"dunning/features"
	"dunning/models/trees"
)

// expected is the mean margin of a tree when only the features of the set are
// known (Lundberg et al. 2018, algorithm 1): at a split on an unknown feature
// both sides count by their cover.
func expected(t trees.Tree, i int32, row []float32, known uint) float64 {
	if t.Feature[i] < 0 {
		return float64(t.Value[i])
	}
	l, r := t.Left[i], t.Right[i]
	if known>>uint(t.Feature[i])&1 == 0 {
		cl, cr := float64(t.Cover[l]), float64(t.Cover[r])
		return (cl*expected(t, l, row, known) + cr*expected(t, r, row, known)) / (cl + cr)
	}
	if x := row[t.Feature[i]]; x < t.Threshold[i] || x != x && t.DefaultLeft[i] {
		return expected(t, l, row, known)
	}
	return expected(t, r, row, known)
}

// shapley is the definition: the mean over all orders of what a feature adds.
func shapley(forest []trees.Tree, row []float32) []float64 {
	n := len(row)
	value := make([]float64, 1<<n)
	for set := range value {
		for _, t := range forest {
			value[set] += expected(t, 0, row, uint(set))
		}
	}
	factorial := make([]float64, n+1)
	factorial[0] = 1
	for k := 1; k <= n; k++ {
		factorial[k] = factorial[k-1] * float64(k)
	}
	phi := make([]float64, n)
	for set := range value {
		size := bits.OnesCount(uint(set))
		for j := range n {
			if set>>j&1 == 0 {
				phi[j] += factorial[size] * factorial[n-size-1] / factorial[n] * (value[set|1<<j] - value[set])
			}
		}
	}
	return phi
}

func TestSHAPFollowsTheDefinition(t *testing.T) {
	for seed := range uint64(6) {
		e := randomForest(t, seed, 4, 5, 6) // features repeat on a path
		rng := rand.New(rand.NewPCG(seed, 9))
		for range 20 {
			row := randomRow(rng, 5)
			want := shapley(trees.ForestOf(e), row)
			got := e.SHAP(row)
			sum := got[5]
			for j := range want {
				sum += got[j]
				if math.Abs(got[j]-want[j]) > 1e-9 {
					t.Fatalf("seed %d, row %v, feature %d: %v, by definition %v", seed, row, j, got[j], want[j])
				}
			}
			if math.Abs(sum-e.MarginRow(row)) > 1e-5 { // the margin is summed in float32
				t.Fatalf("seed %d: SHAP values add up to %v, the margin is %v", seed, sum, e.MarginRow(row))
			}
		}
	}
}

func TestSHAPWithoutCover(t *testing.T) {
	bare := stump()
	bare.Cover = make([]float32, 3)
	e := mustNew(t, []string{"x"}, trees.Identity, 0, bare)
	phi := e.SHAP([]float32{1})
	if math.Abs(phi[1]-0.5) > 1e-12 || math.Abs(phi[0]-1.5) > 1e-12 { // halves: (−1 + 2) / 2
		t.Errorf("SHAP values %v", phi)
	}
	weightless := stump()
	weightless.Cover = []float32{1, 1, 0} // the row's own side had no weight
	e = mustNew(t, []string{"x"}, trees.Identity, 0, weightless)
	if phi := e.SHAP([]float32{1}); math.Abs(phi[0]-3) > 1e-12 || math.Abs(phi[1]+1) > 1e-12 {
		t.Errorf("SHAP values %v", phi)
	}
}

func TestImportancesRankWhatMatters(t *testing.T) {
	e := mustNew(t, []string{"unused", "x"}, trees.Identity, 0, func() trees.Tree {
		s := stump()
		s.Feature[0] = 1
		return s
	}())
	X := features.Matrix{Names: []string{"x", "unused"}, Cols: [][]float32{{0, 1, 0, 1}, {1, 2, 3, 4}}}
	got, err := e.Importances(X, 100)
	if err != nil {
		t.Fatal(err)
	}
	// By hand: the expected leaf is (3·−1 + 1·2)/4 = −.25; the contributions are
	// −.75 for x = 0 and 2.25 for x = 1.
	if got[0].Feature != "x" || math.Abs(got[0].MeanAbsSHAP-1.5) > 1e-12 || got[1].MeanAbsSHAP != 0 {
		t.Errorf("%v", got)
	}
	if none, err := e.Importances(X.Take(nil), 10); err != nil || none[0].MeanAbsSHAP != 0 {
		t.Errorf("without rows: %v, %v", none, err)
	}
}

func BenchmarkPredictRow(b *testing.B) {
	e := randomForest(b, 1, 300, 60, 6)
	row := randomRow(rand.New(rand.NewPCG(1, 1)), 60)
	for b.Loop() {
		e.PredictRow(row)
	}
}

func BenchmarkSHAP(b *testing.B) {
	e := randomForest(b, 1, 300, 60, 6)
	row := randomRow(rand.New(rand.NewPCG(1, 1)), 60)
	for b.Loop() {
		e.SHAP(row)
	}
}
