package trees

import (
	"fmt"
	"math"
	"runtime"
	"sync"

	"dunning/features"
)

// blockRows is how many rows pass through one tree before the next: the tree
// (some KiB) and the block's keys (some tens of KiB) then stay in the nearest
// caches together.
const blockRows = 64

// parallelRows is the least number of rows that is worth a goroutine.
const parallelRows = 2048

// node is a split or a leaf of the flattened forest, 16 bytes.
//
// Values and thresholds are compared as unsigned keys (see key), so that a
// step has no branch: with k = keys[column] + bias, the row goes left exactly
// when k < threshold, and NaN, the largest key, goes right with bias 0 and,
// because it wraps to 0, left with bias 1. Siblings are neighbours, the left
// one first, so the step is next − (1 if left). A leaf has threshold 0 and
// next itself: a row that arrived early stays.
type node struct {
	threshold uint32
	next      uint32
	value     float32
	column    uint16
	bias      uint16
}

// root is where a tree starts in flat.nodes and how many steps it needs.
type root struct {
	start uint32
	depth int32
}

// flat is the forest as one array of nodes, tree after tree, each in
// breadth-first order.
type flat struct {
	nodes []node
	roots []root
	used  []int32 // features that some split reads; node.column is a position here
}

func flatten(forest []Tree, depths []int) flat {
	var f flat
	position := map[int32]uint16{}
	for t := range forest {
		tree := &forest[t]
		start := uint32(len(f.nodes))
		f.roots = append(f.roots, root{start: start, depth: int32(depths[t])})
		order := []int32{0} // breadth first; siblings adjacent, left first
		for at := 0; at < len(order); at++ {
			i := order[at]
			if tree.Feature[i] < 0 {
				f.nodes = append(f.nodes, node{next: start + uint32(at), value: tree.Value[i]})
				continue
			}
			col, ok := position[tree.Feature[i]]
			if !ok {
				col = uint16(len(f.used))
				position[tree.Feature[i]] = col
				f.used = append(f.used, tree.Feature[i])
			}
			n := node{threshold: key(tree.Threshold[i]), next: start + uint32(len(order)) + 1, column: col}
			if tree.DefaultLeft[i] {
				n.bias = 1
				n.threshold++
			}
			f.nodes = append(f.nodes, n)
			order = append(order, tree.Left[i], tree.Right[i])
		}
	}
	if len(f.used) == 0 {
		f.used = []int32{0} // leaves only: a column to look at and ignore
	}
	return f
}

// nanKey is larger than the key of any number, even +Inf.
const nanKey = math.MaxUint32

// key maps float32 to uint32 so that a < b exactly when key(a) < key(b), with
// −0 equal to +0.
func key(x float32) uint32 {
	if x != x {
		return nanKey
	}
	b := math.Float32bits(x + 0) // −0 + 0 is +0
	return b ^ (uint32(int32(b)>>31) | 1<<31)
}

// lanes is how many walks run side by side: a step waits for two loads, and
// the processor fills the wait with the other walks' steps.
const lanes = 4

// step returns the child of n for a row: no branch.
func (n *node) step(keys []uint32) uint64 {
	k := uint64(keys[n.column] + uint32(n.bias))
	return uint64(n.next) - (k-uint64(n.threshold))>>63
}

// margins adds the leaves of every tree to acc, one entry per row; keys holds
// len(acc) rows of len(used) keys.
func (f *flat) margins(keys []uint32, acc []float32) {
	width := len(f.used)
	whole := len(acc) / lanes * lanes
	for _, tree := range f.roots {
		for r := 0; r < whole; r += lanes {
			f.fourRows(tree, keys[r*width:(r+lanes)*width], width, (*[lanes]float32)(acc[r:]))
		}
	}
	for r := whole; r < len(acc); r++ {
		acc[r] = f.oneRow(keys[r*width:(r+1)*width], acc[r])
	}
}

// fourRows walks one tree for four rows.
func (f *flat) fourRows(tree root, keys []uint32, width int, acc *[lanes]float32) {
	nodes := f.nodes
	row0, row1, row2, row3 := keys[:width], keys[width:2*width], keys[2*width:3*width], keys[3*width:4*width]
	n0 := &nodes[tree.start]
	n1, n2, n3 := n0, n0, n0
	for range tree.depth {
		n0 = &nodes[n0.step(row0)]
		n1 = &nodes[n1.step(row1)]
		n2 = &nodes[n2.step(row2)]
		n3 = &nodes[n3.step(row3)]
	}
	acc[0] += n0.value
	acc[1] += n1.value
	acc[2] += n2.value
	acc[3] += n3.value
}

// oneRow walks all trees for one row, four at a time, and returns sum plus
// their leaves, in the order of the trees. Steps beyond a tree's own depth stay
// on its leaf.
func (f *flat) oneRow(row []uint32, sum float32) float32 {
	nodes := f.nodes
	roots := f.roots
	for ; len(roots) >= lanes; roots = roots[lanes:] {
		n0, n1, n2, n3 := &nodes[roots[0].start], &nodes[roots[1].start], &nodes[roots[2].start], &nodes[roots[3].start]
		for range max(roots[0].depth, roots[1].depth, roots[2].depth, roots[3].depth) {
			n0 = &nodes[n0.step(row)]
			n1 = &nodes[n1.step(row)]
			n2 = &nodes[n2.step(row)]
			n3 = &nodes[n3.step(row)]
		}
		sum += n0.value
		sum += n1.value
		sum += n2.value
		sum += n3.value
	}
	for _, tree := range roots {
		n := &nodes[tree.start]
		for range tree.depth {
			n = &nodes[n.step(row)]
		}
		sum += n.value
	}
	return sum
}

// Predict returns one prediction per row of X. X must hold every column of
// [Ensemble.Features] under its name, in any order; the error names a column
// that is missing. Large matrices are shared out over GOMAXPROCS goroutines;
// the result does not depend on how many there are.
func (e *Ensemble) Predict(X features.Matrix) ([]float64, error) {
	out, err := e.Margin(X)
	if err != nil {
		return nil, err
	}
	if e.link != Identity {
		for i, m := range out {
			out[i] = e.link.Inverse(m)
		}
	}
	return out, nil
}

// Margin returns the margins of the rows of X, as Predict before the link.
func (e *Ensemble) Margin(X features.Matrix) ([]float64, error) {
	selected, err := X.Select(e.features)
	if err != nil {
		return nil, fmt.Errorf("trees: %w", err)
	}
	rows := selected.Rows()
	for j, col := range selected.Cols {
		if len(col) != rows {
			panic(fmt.Sprintf("trees: column %q has %d rows, %q has %d", e.features[j], len(col), e.features[0], rows))
		}
	}
	out := make([]float64, rows)
	workers := min(runtime.GOMAXPROCS(0), rows/parallelRows)
	if workers <= 1 {
		e.marginRange(selected.Cols, out, 0, rows)
		return out, nil
	}
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() { e.marginRange(selected.Cols, out, w*rows/workers, (w+1)*rows/workers) })
	}
	wg.Wait()
	return out, nil
}

// marginRange fills out[from:to], block by block.
func (e *Ensemble) marginRange(cols [][]float32, out []float64, from, to int) {
	if whole := (to - from) / lanes8 * lanes8; e.packed != nil && whole > 0 {
		e.packedRange(cols, out[from:from+whole], from)
		from += whole
	}
	if from < to {
		e.flatRange(cols, out, from, to)
	}
}

// flatRange is marginRange for what the packed form has no room for: a few last
// rows, and forests that are too large.
func (e *Ensemble) flatRange(cols [][]float32, out []float64, from, to int) {
	width := len(e.flat.used)
	keys := make([]uint32, blockRows*width)
	var sums [blockRows]float32
	for lo := from; lo < to; lo += blockRows {
		n := min(blockRows, to-lo)
		for j, feature := range e.flat.used {
			for r, x := range cols[feature][lo : lo+n] {
				keys[r*width+j] = key(x)
			}
		}
		acc := sums[:n]
		for r := range acc {
			acc[r] = e.base
		}
		e.flat.margins(keys, acc)
		for r, m := range acc {
			out[lo+r] = float64(m)
		}
	}
}

// PredictRow returns the prediction of one row, whose values stand in the
// order of [Ensemble.Features]. It panics when the row has another length.
func (e *Ensemble) PredictRow(row []float32) float64 {
	return e.link.Inverse(e.MarginRow(row))
}

// MarginRow returns the margin of one row, as PredictRow before the link.
func (e *Ensemble) MarginRow(row []float32) float64 {
	e.checkRow(row)
	var few [256]uint32 // stays on the stack
	keys := few[:]
	if len(e.flat.used) > len(few) {
		keys = make([]uint32, len(e.flat.used))
	}
	keys = keys[:len(e.flat.used)]
	for j, feature := range e.flat.used {
		keys[j] = key(row[feature])
	}
	return float64(e.flat.oneRow(keys, e.base))
}

func (e *Ensemble) checkRow(row []float32) {
	if len(row) != len(e.features) {
		panic(fmt.Sprintf("trees: row has %d values, the ensemble has %d features", len(row), len(e.features)))
	}
}
