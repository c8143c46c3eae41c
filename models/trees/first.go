package trees

// First returns the forest of the first n trees, all of them where n is larger
// than their number: what training would have given after so many rounds. It
// panics for n < 0.
func (e *Ensemble) First(n int) *Ensemble {
	if n >= len(e.trees) {
		return e
	}
	f := &Ensemble{features: e.features, link: e.link, base: e.base, trees: e.trees[:n], means: e.means[:n], expected: float64(e.base)}
	end := len(e.flat.nodes)
	if n < len(e.flat.roots) {
		end = int(e.flat.roots[n].start)
	}
	f.flat = flat{nodes: e.flat.nodes[:end], roots: e.flat.roots[:n], used: e.flat.used}
	f.packed = e.packed // the same nodes under fewer roots
	for _, m := range f.means {
		f.expected += m
	}
	return f
}
