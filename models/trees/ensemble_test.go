package trees_test

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"

	"dunning/features"
	"dunning/models/trees"
)

// stump splits feature 0 at 0.5: left leaf −1, right leaf +2, NaN left.
func stump() trees.Tree {
	return trees.Tree{
		Feature: []int32{0, -1, -1}, Threshold: []float32{0.5, 0, 0}, DefaultLeft: []bool{true, false, false},
		Left: []int32{1, -1, -1}, Right: []int32{2, -1, -1}, Value: []float32{0, -1, 2}, Cover: []float32{4, 3, 1},
	}
}

func mustNew(tb testing.TB, names []string, link trees.Link, base float32, forest ...trees.Tree) *trees.Ensemble {
	tb.Helper()
	e, err := trees.New(names, link, base, forest)
	if err != nil {
		tb.Fatal(err)
	}
	return e
}

// randomForest draws trees of uneven shape whose thresholds meet the values of
// randomRow often.
func randomForest(tb testing.TB, seed uint64, numTrees, numFeatures, maxDepth int) *trees.Ensemble {
	tb.Helper()
	rng := rand.New(rand.NewPCG(seed, 1))
	forest := make([]trees.Tree, numTrees)
	for t := range forest {
		tree := &forest[t]
		var grow func(depth int) int32
		grow = func(depth int) int32 {
			i := int32(len(tree.Feature))
			tree.Feature = append(tree.Feature, -1)
			tree.Threshold = append(tree.Threshold, 0)
			tree.DefaultLeft = append(tree.DefaultLeft, false)
			tree.Left = append(tree.Left, -1)
			tree.Right = append(tree.Right, -1)
			tree.Value = append(tree.Value, 0)
			tree.Cover = append(tree.Cover, float32(1+rng.IntN(9)))
			if depth == maxDepth || rng.IntN(8) == 0 {
				tree.Value[i] = float32(rng.NormFloat64())
				return i
			}
			tree.Feature[i] = int32(rng.IntN(numFeatures))
			tree.Threshold[i] = special[rng.IntN(len(special))]
			tree.DefaultLeft[i] = rng.IntN(2) == 0
			// The right child first: indices need not be in any order.
			r := grow(depth + 1)
			l := grow(depth + 1)
			tree.Left[i], tree.Right[i] = l, r
			tree.Cover[i] = tree.Cover[l] + tree.Cover[r]
			return i
		}
		grow(0)
	}
	names := make([]string, numFeatures)
	for j := range names {
		names[j] = fmt.Sprintf("f%d", j)
	}
	return mustNew(tb, names, trees.Identity, 0.25, forest...)
}

// special are finite values where comparisons go wrong if they can.
var special = []float32{
	float32(math.Copysign(0, -1)), 0, math.SmallestNonzeroFloat32, -math.SmallestNonzeroFloat32,
	1, -1, math.Nextafter32(1, 2), math.Nextafter32(1, 0), math.MaxFloat32, -math.MaxFloat32, 3.5, -2.25,
}

func randomRow(rng *rand.Rand, n int) []float32 {
	row := make([]float32, n)
	for j := range row {
		switch k := rng.IntN(len(special) + 4); {
		case k < len(special):
			row[j] = special[k]
		case k == len(special):
			row[j] = float32(math.NaN())
		case k == len(special)+1:
			row[j] = -float32(math.NaN()) // the sign of NaN must not matter
		case k == len(special)+2:
			row[j] = float32(math.Inf(1))
		default:
			row[j] = float32(math.Inf(-1))
		}
	}
	return row
}

// slowMargin is the definition of the margin, step by step.
func slowMargin(base float32, forest []trees.Tree, row []float32) float32 {
	sum := base
	for _, t := range forest {
		i := int32(0)
		for t.Feature[i] >= 0 {
			x := row[t.Feature[i]]
			switch {
			case x != x && t.DefaultLeft[i], x < t.Threshold[i]:
				i = t.Left[i]
			default:
				i = t.Right[i]
			}
		}
		sum += t.Value[i]
	}
	return sum
}

func TestPredictFollowsTheDefinition(t *testing.T) {
	for _, c := range []struct{ trees, features, depth, rows int }{
		{1, 1, 0, 3}, {1, 1, 1, 64}, {5, 3, 3, 65}, {40, 7, 6, 200}, {3, 300, 12, 130}, {0, 2, 0, 5}, {1, 2, 20, 75},
	} {
		t.Run(fmt.Sprintf("%d trees, %d features, depth %d, %d rows", c.trees, c.features, c.depth, c.rows), func(t *testing.T) {
			e := randomForest(t, 11, c.trees, c.features, c.depth)
			rng := rand.New(rand.NewPCG(12, 1))
			X := features.Matrix{Names: e.Features(), Cols: make([][]float32, c.features)}
			var want []float64
			for range c.rows {
				row := randomRow(rng, c.features)
				for j, v := range row {
					X.Cols[j] = append(X.Cols[j], v)
				}
				want = append(want, float64(slowMargin(0.25, trees.ForestOf(e), row)))
				if got := e.MarginRow(row); got != want[len(want)-1] {
					t.Fatalf("row %v: margin %v, want %v", row, got, want[len(want)-1])
				}
			}
			got, err := e.Predict(X)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(got, want) {
				t.Error("the block differs from the rows")
			}
			if large := c.depth > 16; trees.IsPacked(e) == large {
				t.Errorf("packed: %v", !large)
			}
		})
	}
}

func TestPredictDoesNotDependOnTheNumberOfGoroutines(t *testing.T) {
	e := randomForest(t, 3, 10, 4, 5)
	rng := rand.New(rand.NewPCG(4, 1))
	X := features.Matrix{Names: e.Features(), Cols: make([][]float32, 4)}
	for range 10_001 {
		for j, v := range randomRow(rng, 4) {
			X.Cols[j] = append(X.Cols[j], v)
		}
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	one, err := e.Predict(X)
	if err != nil {
		t.Fatal(err)
	}
	runtime.GOMAXPROCS(4)
	four, err := e.Predict(X)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(one, four) {
		t.Error("predictions differ")
	}
}

func TestLinks(t *testing.T) {
	for _, c := range []struct {
		link trees.Link
		want float64
	}{
		{trees.Identity, 2.5}, {trees.Logit, 1 / (1 + math.Exp(-2.5))}, {trees.Log, math.Exp(2.5)},
	} {
		t.Run(string(c.link), func(t *testing.T) {
			e := mustNew(t, []string{"x"}, c.link, 0.5, stump())
			if got := e.PredictRow([]float32{1}); got != c.want {
				t.Errorf("%v, want %v", got, c.want)
			}
			p, err := e.Predict(features.Matrix{Names: []string{"x"}, Cols: [][]float32{{1}}})
			if err != nil || p[0] != c.want {
				t.Errorf("%v (error %v), want %v", p, err, c.want)
			}
		})
	}
}

// faults are changes that make a sound ensemble unsound, and a part of the
// error that must name the place.
var faults = []struct {
	name   string
	change func(names *[]string, link *trees.Link, base *float32, t *trees.Tree)
	want   string
}{
	{"left child beyond the nodes", func(_ *[]string, _ *trees.Link, _ *float32, t *trees.Tree) { t.Left[0] = 3 }, "tree 1: node 0: left child 3"},
	{"negative right child", func(_ *[]string, _ *trees.Link, _ *float32, t *trees.Tree) { t.Right[0] = -2 }, "node 0: right child -2"},
	{"root as a child", func(_ *[]string, _ *trees.Link, _ *float32, t *trees.Tree) { t.Right[0] = 0 }, "node 0: right child 0"},
	{"shared child", func(_ *[]string, _ *trees.Link, _ *float32, t *trees.Tree) { t.Right[0] = 1 }, "child 1 is reached twice"},
	{"cycle", func(_ *[]string, _ *trees.Link, _ *float32, t *trees.Tree) {
		t.Feature[1], t.Left[1], t.Right[1] = 0, 1, 2
		t.Value[1] = 0
	}, "reached twice"},
	{"unreachable node", func(_ *[]string, _ *trees.Link, _ *float32, t *trees.Tree) {
		t.Feature, t.Threshold, t.DefaultLeft = append(t.Feature, -1), append(t.Threshold, 0), append(t.DefaultLeft, false)
		t.Left, t.Right = append(t.Left, -1), append(t.Right, -1)
		t.Value, t.Cover = append(t.Value, 1), append(t.Cover, 1)
	}, "node 3 is never reached"},
	{"NaN threshold", func(_ *[]string, _ *trees.Link, _ *float32, t *trees.Tree) { t.Threshold[0] = float32(math.NaN()) }, "node 0: threshold is NaN"},
	{"infinite threshold", func(_ *[]string, _ *trees.Link, _ *float32, t *trees.Tree) { t.Threshold[0] = float32(math.Inf(1)) }, "node 0: threshold is +Inf"},
	{"NaN leaf", func(_ *[]string, _ *trees.Link, _ *float32, t *trees.Tree) { t.Value[2] = float32(math.NaN()) }, "node 2: value is NaN"},
	{"infinite leaf", func(_ *[]string, _ *trees.Link, _ *float32, t *trees.Tree) { t.Value[2] = float32(math.Inf(-1)) }, "node 2: value is -Inf"},
	{"negative cover", func(_ *[]string, _ *trees.Link, _ *float32, t *trees.Tree) { t.Cover[1] = -1 }, "node 1: cover is -1"},
	{"unknown feature", func(_ *[]string, _ *trees.Link, _ *float32, t *trees.Tree) { t.Feature[0] = 2 }, "node 0: feature 2 of 2"},
	{"negative feature", func(_ *[]string, _ *trees.Link, _ *float32, t *trees.Tree) { t.Feature[0] = -2 }, "node 0: feature -2"},
	{"leaf with children", func(_ *[]string, _ *trees.Link, _ *float32, t *trees.Tree) { t.Left[1] = 2 }, "node 1: a leaf with children"},
	{"leaf with threshold", func(_ *[]string, _ *trees.Link, _ *float32, t *trees.Tree) { t.Threshold[1] = 2 }, "node 1: a leaf with a threshold"},
	{"split with value", func(_ *[]string, _ *trees.Link, _ *float32, t *trees.Tree) { t.Value[0] = 2 }, "node 0: a split with value 2"},
	{"short array", func(_ *[]string, _ *trees.Link, _ *float32, t *trees.Tree) { t.Cover = t.Cover[:2] }, "cover has 2 entries"},
	{"no nodes", func(_ *[]string, _ *trees.Link, _ *float32, t *trees.Tree) { *t = trees.Tree{} }, "tree 1: no nodes"},
	{"too deep", func(_ *[]string, _ *trees.Link, _ *float32, t *trees.Tree) { *t = chain(trees.MaxDepth + 1) }, "deeper than 64"},
	{"duplicate feature", func(names *[]string, _ *trees.Link, _ *float32, _ *trees.Tree) { *names = []string{"a", "a"} }, `feature 1: duplicate name "a"`},
	{"unnamed feature", func(names *[]string, _ *trees.Link, _ *float32, _ *trees.Tree) { *names = []string{"a", ""} }, "feature 1 has no name"},
	{"no features", func(names *[]string, _ *trees.Link, _ *float32, _ *trees.Tree) { *names = nil }, "no features"},
	{"unknown link", func(_ *[]string, link *trees.Link, _ *float32, _ *trees.Tree) { *link = "probit" }, `link "probit"`},
	{"NaN base", func(_ *[]string, _ *trees.Link, base *float32, _ *trees.Tree) { *base = float32(math.NaN()) }, "base_margin is NaN"},
}

// chain is a tree of the given depth whose every right child is a leaf.
func chain(depth int) trees.Tree {
	var t trees.Tree
	for i := range depth {
		t.Feature = append(t.Feature, 0, -1)
		t.Left = append(t.Left, int32(2*i+2), -1)
		t.Right = append(t.Right, int32(2*i+1), -1)
	}
	t.Feature, t.Left, t.Right = append(t.Feature, -1), append(t.Left, -1), append(t.Right, -1)
	n := len(t.Feature)
	t.Threshold, t.DefaultLeft, t.Value, t.Cover = make([]float32, n), make([]bool, n), make([]float32, n), make([]float32, n)
	return t
}

func TestNewRefuses(t *testing.T) {
	for _, c := range faults {
		t.Run(c.name, func(t *testing.T) {
			names, link, base := []string{"a", "b"}, trees.Logit, float32(0)
			bad := stump()
			c.change(&names, &link, &base, &bad)
			_, err := trees.New(names, link, base, []trees.Tree{stump(), bad})
			if !errors.Is(err, trees.ErrInvalid) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q in it", err, c.want)
			}
		})
	}
}

func TestDeepestTreeWorks(t *testing.T) {
	deep := chain(trees.MaxDepth)
	deep.Value[len(deep.Value)-1] = 5
	for i := range deep.Cover {
		deep.Cover[i] = 1
	}
	e := mustNew(t, []string{"x"}, trees.Identity, 0, deep)
	if got := e.PredictRow([]float32{-1}); got != 5 {
		t.Errorf("%v", got)
	}
	if phi := e.SHAP([]float32{-1}); math.Abs(phi[0]+phi[1]-5) > 1e-9 {
		t.Errorf("SHAP values %v", phi)
	}
}

func TestPredictNamesAMissingColumn(t *testing.T) {
	e := mustNew(t, []string{"paid_share", "days_past_due"}, trees.Logit, 0, stump())
	_, err := e.Predict(features.Matrix{Names: []string{"paid_share"}, Cols: [][]float32{{1}}})
	if err == nil || !strings.Contains(err.Error(), `"days_past_due"`) {
		t.Errorf("error %v", err)
	}
}

func TestEncodeRoundTrip(t *testing.T) {
	e := randomForest(t, 5, 7, 4, 6)
	b := e.Encode()
	back, err := trees.Decode(b)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(back.Encode(), b) {
		t.Error("the second encoding differs")
	}
	rng := rand.New(rand.NewPCG(6, 1))
	for range 100 {
		row := randomRow(rng, 4)
		if e.MarginRow(row) != back.MarginRow(row) {
			t.Fatalf("row %v is predicted differently", row)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	sound := string(mustNew(t, []string{"a", "b"}, trees.Logit, 0.5, stump()).Encode())
	for _, c := range []struct{ name, from, to, want string }{
		{"trailing bytes", "}]}", "}]} x", "after the end"},
		{"second document", "}]}", "}]}{}", "after the end"},
		{"cut file", "}]}", "}", "unexpected EOF"},
		{"unknown field", `"link"`, `"lunk"`, `unknown field "lunk"`},
		{"unknown field in a tree", `"cover"`, `"gain"`, `unknown field "gain"`},
		{"other schema version", `"schema_version":1`, `"schema_version":2`, "schema version 2"},
		{"wrong number of trees", `"num_trees":1`, `"num_trees":2`, "num_trees is 2, trees has 1"},
		{"wrong number of features", `"num_features":2`, `"num_features":3`, "num_features is 3"},
		{"number too large", "0.5,0,0", "1e39,0,0", "1e39"},
		{"NaN", "0.5,0,0", "NaN,0,0", "invalid character"},
		{"fraction as index", `"left":[1`, `"left":[1.5`, "1.5"},
		{"out-of-range child", `"left":[1`, `"left":[7`, "tree 0: node 0: left child 7 of 3 nodes"},
		{"null tree", `"trees":[{`, `"trees":[null,{`, "num_trees"},
		{"not JSON", sound, "hello", "invalid character"},
		{"empty", sound, "", "EOF"},
	} {
		t.Run(c.name, func(t *testing.T) {
			damaged := strings.Replace(sound, c.from, c.to, 1)
			if damaged == sound {
				t.Fatal("the case changes nothing")
			}
			_, err := trees.Decode([]byte(damaged))
			if !errors.Is(err, trees.ErrInvalid) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q in it", err, c.want)
			}
		})
	}
}

// FuzzDecode: whatever the bytes, Decode ends without a panic, and what it
// accepts predicts, explains and encodes.
func FuzzDecode(f *testing.F) {
	f.Add(mustNew(f, []string{"a", "b"}, trees.Logit, 0.5, stump()).Encode())
	f.Add(mustNew(f, []string{"a"}, trees.Identity, 0, chain(3)).Encode())
	f.Add(randomForest(f, 1, 2, 3, 3).Encode())
	f.Add([]byte(`{"schema_version":1,"link":"log","base_margin":0,"num_features":1,"features":["x"],"num_trees":1,"trees":[{"feature":[0,0,-1],"threshold":[1,1,0],"default_left":[true,true,false],"left":[1,0,-1],"right":[2,2,-1],"value":[0,0,1],"cover":[1,1,1]}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := trees.Decode(b)
		if err != nil {
			if !errors.Is(err, trees.ErrInvalid) {
				t.Fatalf("error %v of another kind", err)
			}
			return
		}
		row := make([]float32, len(e.Features()))
		e.PredictRow(row)
		if phi := e.SHAP(row); len(phi) != len(row)+1 {
			t.Fatalf("%d SHAP values", len(phi))
		}
		if _, err := trees.Decode(e.Encode()); err != nil {
			t.Fatalf("what was accepted is refused: %v", err)
		}
	})
}

func ExampleDecode() {
	saved := []byte(`{"schema_version":1,"link":"logit","base_margin":-1,
	  "num_features":1,"features":["days_past_due"],"num_trees":1,"trees":[{
	    "feature":[0,-1,-1],"threshold":[30,0,0],"default_left":[false,false,false],
	    "left":[1,-1,-1],"right":[2,-1,-1],"value":[0,1.5,-0.5],"cover":[10,6,4]}]}`)
	e, err := trees.Decode(saved)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, days := range []float32{5, 90} {
		fmt.Printf("%2.0f days past due: %.3f\n", days, e.PredictRow([]float32{days}))
	}
	// Output:
	//  5 days past due: 0.622
	// 90 days past due: 0.182
}
