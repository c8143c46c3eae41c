package trees

// lanes8 is how many rows a packed walk takes through a tree side by side.
const lanes8 = 8

// packedNode is a node of the batch predictor, 8 bytes. Columns and children
// are counted within the block and the tree: a row of key k in lane l of column
// c/8 goes to next − 1, the left child, where k < threshold, and to next
// otherwise; a leaf has threshold 0 and next itself.
type packedNode struct {
	threshold uint32
	column    uint16 // times lanes8
	next      uint16
}

// packedColumn is a feature as the packed nodes read it: missing values above
// all others (bias 0) or below them (bias 1). A feature that is missing to the
// left in some splits and to the right in others is two columns.
type packedColumn struct {
	feature int32
	bias    uint32
}

// packed is the forest for many rows at once; it holds what flat holds in half
// the room.
type packed struct {
	nodes   []packedNode
	values  []float32 // of the leaves, at the places of the nodes
	columns []packedColumn
}

// pack returns the batch form of a forest, nil where a tree or the number of
// features is too large for it.
func (f *flat) pack() *packed {
	const most = 1 << 16
	p := &packed{nodes: make([]packedNode, len(f.nodes)), values: make([]float32, len(f.nodes))}
	place := map[packedColumn]uint16{}
	for t, tree := range f.roots {
		end := uint32(len(f.nodes))
		if t+1 < len(f.roots) {
			end = f.roots[t+1].start
		}
		if end-tree.start > most {
			return nil
		}
		for i := tree.start; i < end; i++ {
			n := &f.nodes[i]
			p.values[i] = n.value
			p.nodes[i] = packedNode{threshold: n.threshold, next: uint16(n.next - tree.start)}
			if n.threshold == 0 {
				continue // a leaf, or a split that sends every row right
			}
			column := packedColumn{feature: f.used[n.column], bias: uint32(n.bias)}
			at, ok := place[column]
			if !ok {
				if (len(p.columns)+1)*lanes8 > most {
					return nil
				}
				at = uint16(len(p.columns) * lanes8)
				place[column] = at
				p.columns = append(p.columns, column)
			}
			p.nodes[i].column = at
		}
	}
	if len(p.columns) == 0 {
		p.columns = []packedColumn{{}} // leaves only: a column to look at and ignore
	}
	return p
}

// margins adds the leaves of the trees to acc, one entry per row, whose length
// is a multiple of lanes8. keys holds, for every lanes8 rows, each column's keys
// side by side.
func (p *packed) margins(roots []root, keys []uint32, acc []float32) {
	width := len(p.columns) * lanes8
	var at [lanes8]uint32
	for _, tree := range roots {
		nodes, values := p.nodes[tree.start:], p.values[tree.start:]
		for r := 0; r < len(acc); r += lanes8 {
			group := keys[r/lanes8*width:][:width]
			walk8(nodes, group, int(tree.depth), &at)
			sum := (*[lanes8]float32)(acc[r:])
			sum[0] += values[at[0]]
			sum[1] += values[at[1]]
			sum[2] += values[at[2]]
			sum[3] += values[at[3]]
			sum[4] += values[at[4]]
			sum[5] += values[at[5]]
			sum[6] += values[at[6]]
			sum[7] += values[at[7]]
		}
	}
}

// packedRange fills out, whose length is a multiple of lanes8, with the margins
// of the rows that begin at from.
func (e *Ensemble) packedRange(cols [][]float32, out []float64, from int) {
	p := e.packed
	width := len(p.columns) * lanes8
	keys := make([]uint32, blockRows/lanes8*width)
	var sums [blockRows]float32
	for lo := 0; lo < len(out); lo += blockRows {
		n := min(blockRows, len(out)-lo)
		for c, column := range p.columns {
			for r, x := range cols[column.feature][from+lo : from+lo+n] {
				keys[r/lanes8*width+c*lanes8+r%lanes8] = key(x) + column.bias
			}
		}
		acc := sums[:n]
		for r := range acc {
			acc[r] = e.base
		}
		p.margins(e.flat.roots, keys, acc)
		for r, m := range acc {
			out[lo+r] = float64(m)
		}
	}
}
