package trees

import (
	"cmp"
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"dunning/features"
	"dunning/models"
)

// inverse[k] is 1/k: the weights are made of quotients of small counts, and a
// multiplication is several times cheaper than a division.
var inverse = func() (t [MaxDepth + 3]float64) {
	for k := 1; k < len(t); k++ {
		t[k] = 1 / float64(k)
	}
	return t
}()

// pathElement is one feature on the way from the root to a node: the share of
// subsets that flow on when the feature is unknown (zero) and when it is known
// (one: 1 on the row's own way, else 0), and the weight of the subsets of this
// size.
type pathElement struct {
	feature   int32
	zero, one float64
	weight    float64
}

// SHAP explains the margin of one row, whose values stand in the order of
// [Ensemble.Features]: entry j is the contribution of feature j, the last
// entry, number len(Features), the expected margin over the training rows. The
// entries add up to the margin. Units are those of the margin (log-odds for a
// classifier). The time is O(trees × leaves × depth²). It panics when the row
// has another length.
func (e *Ensemble) SHAP(row []float32) []float64 {
	e.checkRow(row)
	phi := make([]float64, len(e.features)+1)
	e.addSHAP(row, phi, make([]pathElement, (MaxDepth+2)*(MaxDepth+3)/2))
	return phi
}

func (e *Ensemble) addSHAP(row []float32, phi []float64, arena []pathElement) {
	for t := range e.trees {
		w := shapWalk{tree: &e.trees[t], row: row, phi: phi}
		w.visit(0, arena[:0], pathElement{feature: -1, zero: 1, one: 1})
	}
	phi[len(e.features)] += e.expected
}

// shapWalk is one tree explained for one row.
type shapWalk struct {
	tree *Tree
	row  []float32
	phi  []float64
}

// visit is RECURSE of algorithm 2 (2018): it extends the path of the parent by
// the element that led here and, in a leaf, credits every feature of the path.
// The parent's path is copied behind itself in the arena: path has capacity
// for all the paths below it.
func (w *shapWalk) visit(i int32, parent []pathElement, in pathElement) {
	path := parent[len(parent):cap(parent)][:len(parent)]
	copy(path, parent)
	path = extend(path, in)
	t := w.tree
	if t.Feature[i] < 0 {
		for k := 1; k < len(path); k++ {
			el := path[k]
			w.phi[el.feature] += unwoundSum(path, k) * (el.one - el.zero) * float64(t.Value[i])
		}
		return
	}
	hot, cold := t.Right[i], t.Left[i]
	coldShare, hotShare := t.shares(i)
	x := w.row[t.Feature[i]]
	if x < t.Threshold[i] || (x != x && t.DefaultLeft[i]) {
		hot, cold = cold, hot
		hotShare, coldShare = coldShare, hotShare
	}
	zero, one := 1.0, 1.0
	if k := slices.IndexFunc(path, func(el pathElement) bool { return el.feature == t.Feature[i] }); k >= 0 {
		zero, one = path[k].zero, path[k].one
		path = unwind(path, k) // a feature split twice counts once
	}
	w.visit(hot, path, pathElement{feature: t.Feature[i], zero: zero * hotShare, one: one})
	w.visit(cold, path, pathElement{feature: t.Feature[i], zero: zero * coldShare})
}

// extend adds an element to the path and updates the weights of all subset
// sizes.
func extend(path []pathElement, el pathElement) []pathElement {
	d := len(path)
	if d == 0 {
		el.weight = 1
	}
	path = append(path, el)
	zero, one := el.zero*inverse[d+1], el.one*inverse[d+1]
	for i := d - 1; i >= 0; i-- {
		path[i+1].weight += one * path[i].weight * float64(i+1)
		path[i].weight = zero * path[i].weight * float64(d-i)
	}
	return path
}

// unwind removes element k: the inverse of extend.
func unwind(path []pathElement, k int) []pathElement {
	d := len(path) - 1
	next := path[d].weight
	size, zero := float64(d+1), path[k].zero*inverse[d+1]
	switch {
	case path[k].one != 0:
		for i := d - 1; i >= 0; i-- {
			kept := path[i].weight
			path[i].weight = next * size * inverse[i+1]
			next = kept - path[i].weight*zero*float64(d-i)
		}
	case zero != 0:
		for i := d - 1; i >= 0; i-- {
			path[i].weight = path[i].weight / zero * inverse[d-i]
		}
	}
	for i := k; i < d; i++ {
		path[i].feature, path[i].zero, path[i].one = path[i+1].feature, path[i+1].zero, path[i+1].one
	}
	return path[:d]
}

// unwoundSum is the total weight that the path would have without element k.
func unwoundSum(path []pathElement, k int) float64 {
	d := len(path) - 1
	size, zero := float64(d+1), path[k].zero*inverse[d+1]
	total := 0.0
	switch {
	case path[k].one != 0:
		next := path[d].weight
		for i := d - 1; i >= 0; i-- {
			w := next * size * inverse[i+1]
			total += w
			next = path[i].weight - w*zero*float64(d-i)
		}
	case zero != 0:
		for i := d - 1; i >= 0; i-- {
			total += path[i].weight * inverse[d-i]
		}
		total /= zero
	}
	return total
}

// explainBlock is how many rows are explained and added up at a time. It is a
// constant, so that sums do not depend on the number of goroutines.
const explainBlock = 16

// Importances returns the mean absolute SHAP value of every feature over at
// most maxRows rows of X, evenly spaced so that the choice is the same every
// time; largest first, ties in the order of [Ensemble.Features]. The error
// names a column that is missing.
func (e *Ensemble) Importances(X features.Matrix, maxRows int) ([]models.Importance, error) {
	selected, err := X.Select(e.features)
	if err != nil {
		return nil, fmt.Errorf("trees: %w", err)
	}
	n := min(max(maxRows, 0), selected.Rows())
	blocks := make([][]float64, (n+explainBlock-1)/explainBlock)
	var wg sync.WaitGroup
	var next atomic.Int64
	for range min(runtime.GOMAXPROCS(0), len(blocks)) {
		wg.Go(func() {
			for b := int(next.Add(1)) - 1; b < len(blocks); b = int(next.Add(1)) - 1 {
				blocks[b] = e.sumAbsSHAP(selected.Cols, n, b*explainBlock, min(n, (b+1)*explainBlock))
			}
		})
	}
	wg.Wait()
	out := make([]models.Importance, len(e.features))
	for j, name := range e.features {
		out[j] = models.Importance{Feature: name}
		for _, sums := range blocks {
			out[j].MeanAbsSHAP += sums[j] / float64(n)
		}
	}
	slices.SortStableFunc(out, func(a, b models.Importance) int { return cmp.Compare(b.MeanAbsSHAP, a.MeanAbsSHAP) })
	return out, nil
}

// sumAbsSHAP adds up the absolute SHAP values of the sampled rows [from, to)
// of n.
func (e *Ensemble) sumAbsSHAP(cols [][]float32, n, from, to int) []float64 {
	sums := make([]float64, len(e.features))
	row := make([]float32, len(e.features))
	phi := make([]float64, len(e.features)+1)
	arena := make([]pathElement, (MaxDepth+2)*(MaxDepth+3)/2)
	for k := from; k < to; k++ {
		i := int(int64(k) * int64(len(cols[0])) / int64(n))
		for j, col := range cols {
			row[j] = col[i]
		}
		clear(phi)
		e.addSHAP(row, phi, arena)
		for j := range sums {
			sums[j] += math.Abs(phi[j])
		}
	}
	return sums
}
