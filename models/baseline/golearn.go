package baseline

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sort"

	"github.com/sjwhitworth/golearn/base"
	"github.com/sjwhitworth/golearn/trees"

	"dunning/features"
	"dunning/models"
)

// GolearnForest averages golearn's CART regression trees on 0/1 labels, whose
// leaf means are class probabilities: a random forest in the sense of Breiman
// (2001) with bootstrap rows and, per tree, a random part of the columns.
//
// golearn tries every threshold anew at every node and its own forests draw
// from a global source, so: each tree sees a bootstrap sample of at most
// SampleRows rows, drawn by weight and Seed; values are replaced by their bin
// among at most Bins quantiles; unknown values become the column's mean. It is
// a baseline on a sample, not golearn at its best.
type GolearnForest struct {
	Trees      int     // default 30
	SampleRows int     // rows of each tree's sample; default 1,000
	MaxDepth   int     // splits on a path; default 5
	ColShare   float64 // part of the columns that a tree sees; in (0, 1], default 0.5
	Bins       int     // default 16
	Seed       uint64
}

var _ models.Learner = GolearnForest{}

// Name returns "golearn-forest".
func (GolearnForest) Name() string { return "golearn-forest" }

func (g GolearnForest) withDefaults() (GolearnForest, error) {
	def := func(v *int, d int) {
		if *v == 0 {
			*v = d
		}
	}
	def(&g.Trees, 30)
	def(&g.SampleRows, 1000)
	def(&g.MaxDepth, 5)
	def(&g.Bins, 16)
	if g.ColShare == 0 {
		g.ColShare = 0.5
	}
	if g.Trees < 0 || g.SampleRows < 0 || g.MaxDepth < 0 || g.Bins < 2 || !(g.ColShare > 0 && g.ColShare <= 1) {
		return g, fmt.Errorf("baseline: golearn-forest: a parameter is out of range: %+v", g)
	}
	return g, nil
}

// Fit learns as models.Learner says; the context is looked at between trees.
func (g GolearnForest) Fit(ctx context.Context, X features.Matrix, y, w []float64) (models.Model, error) {
	g, err := g.withDefaults()
	if err != nil {
		return nil, err
	}
	if err := checkTraining(X, y, w); err != nil {
		return nil, err
	}
	m := &forestModel{names: slices.Clone(X.Names)}
	for j, col := range X.Cols {
		b, err := newBinning(X.Names[j], col, w, g.Bins)
		if err != nil {
			return nil, err
		}
		m.binnings = append(m.binnings, b)
	}
	cumulative := make([]float64, len(y))
	total := 0.0
	for i := range y {
		total += weight(w, i)
		cumulative[i] = total
	}
	for t := range g.Trees {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		rng := rand.New(rand.NewPCG(g.Seed, uint64(t)<<16|0x676c))
		rows := make([]int, min(g.SampleRows, len(y)))
		for k := range rows {
			u := rng.Float64() * total
			rows[k] = sort.Search(len(y)-1, func(i int) bool { return cumulative[i] > u })
		}
		cols := rng.Perm(len(X.Cols))[:max(1, int(math.Ceil(g.ColShare*float64(len(X.Cols)))))]
		slices.Sort(cols)
		tree, err := growTree(m.sample(X, rows, cols), models.Take(y, rows), g.MaxDepth)
		if err != nil {
			return nil, fmt.Errorf("baseline: golearn-forest: tree %d: %w", t, err)
		}
		tree.cols = cols
		m.trees = append(m.trees, tree)
	}
	return m, nil
}

// binning replaces a column's values by their bin's number.
type binning struct {
	mean  float32
	edges []float32 // rising; bin = number of edges ≤ x
}

func newBinning(name string, col []float32, w []float64, bins int) (binning, error) {
	var known []float32
	sum, total := 0.0, 0.0
	for i, x := range col {
		switch v := float64(x); {
		case math.IsNaN(v):
		case math.IsInf(v, 0):
			return binning{}, fmt.Errorf("baseline: column %q, row %d: %g", name, i, v)
		default:
			known = append(known, x)
			sum += weight(w, i) * v
			total += weight(w, i)
		}
	}
	var b binning
	if total == 0 {
		return b, nil
	}
	b.mean = float32(sum / total)
	slices.Sort(known)
	for k := 1; k < bins; k++ {
		edge := known[k*len(known)/bins]
		if edge > known[0] && (len(b.edges) == 0 || edge > b.edges[len(b.edges)-1]) {
			b.edges = append(b.edges, edge)
		}
	}
	return b, nil
}

func (b *binning) bin(x float32) float64 {
	if x != x {
		x = b.mean
	}
	return float64(sort.Search(len(b.edges), func(k int) bool { return b.edges[k] > x }))
}

// forestModel is a fitted forest.
type forestModel struct {
	names    []string
	binnings []binning
	trees    []cartTree
}

// sample returns the binned values of some rows and columns, row by row.
func (m *forestModel) sample(X features.Matrix, rows, cols []int) [][]float64 {
	out := make([][]float64, len(rows))
	for k, i := range rows {
		out[k] = make([]float64, len(cols))
		for c, j := range cols {
			out[k][c] = m.binnings[j].bin(X.Cols[j][i])
		}
	}
	return out
}

// cartTree is one golearn tree.
type cartTree struct {
	cols []int // the columns of the forest that the tree saw
	cart *trees.CARTDecisionTreeRegressor
	mean float64 // the prediction where golearn found no split; cart is nil then
}

// predict walks the tree for one row of bins of all columns. golearn's own
// Predict wants a table of its own type; its nodes can be read without.
func (t *cartTree) predict(bins []float64) float64 {
	if t.cart == nil {
		return t.mean
	}
	for n := t.cart.RootNode; ; {
		next, leaf := n.Right, n.RightPred
		if bins[t.cols[n.Feature]] < n.Threshold {
			next, leaf = n.Left, n.LeftPred
		}
		if next == nil {
			return leaf
		}
		n = next
	}
}

// growTree fits one golearn tree.
func growTree(rows [][]float64, y []float64, maxDepth int) (cartTree, error) {
	out := cartTree{mean: weightedMean(y, nil)}
	if slices.Min(y) == slices.Max(y) {
		return out, nil // golearn wants two labels
	}
	grid := base.NewDenseInstances()
	specs := make([]base.AttributeSpec, len(rows[0]))
	for c := range specs {
		specs[c] = grid.AddAttribute(base.NewFloatAttribute(fmt.Sprintf("x%d", c)))
	}
	label := base.NewFloatAttribute("y")
	labelSpec := grid.AddAttribute(label)
	if err := grid.AddClassAttribute(label); err != nil {
		return out, err
	}
	if err := grid.Extend(len(rows)); err != nil {
		return out, err
	}
	for i, row := range rows {
		for c, v := range row {
			grid.Set(specs[c], i, base.PackFloatToBytes(v))
		}
		grid.Set(labelSpec, i, base.PackFloatToBytes(y[i]))
	}
	cart := trees.NewDecisionTreeRegressor(trees.MSE, int64(maxDepth))
	if err := cart.Fit(grid); err != nil {
		return out, err
	}
	root := cart.RootNode
	if root.Left == nil && root.Right == nil && root.RightPred == 0 && root.LeftPred == out.mean {
		return out, nil // golearn found no split and left the right side empty
	}
	out.cart = cart
	return out, nil
}

func (m *forestModel) Features() []string { return slices.Clone(m.names) }

func (m *forestModel) Predict(X features.Matrix) ([]float64, error) {
	selected, err := X.Select(m.names)
	if err != nil {
		return nil, fmt.Errorf("baseline: %w", err)
	}
	out := make([]float64, selected.Rows())
	bins := make([]float64, len(selected.Cols))
	for i := range out {
		for j, col := range selected.Cols {
			bins[j] = m.binnings[j].bin(col[i])
		}
		sum := 0.0
		for t := range m.trees {
			sum += m.trees[t].predict(bins)
		}
		out[i] = sum / float64(len(m.trees))
	}
	return out, nil
}
