package optimizer

import (
	"cmp"
	"math"
	"math/bits"
	"runtime"
	"slices"
	"sync"
)

// group is the undecided customers of a profile whose kept options are the
// same and worth the same, whatever the box ruled out of the others.
type group struct {
	hash    uint64 // of profile and options
	profile int32
	options []option // the winner at the centre first; may include hold
	members []int32  // customers, ascending
}

// grouper groups the undecided customers of a block. It hands out options and
// members from large pieces: there may be millions of them.
type grouper struct {
	alike   map[uint64][]int32 // groups of the block by hash
	options []option
	members []int32
}

// start begins a block.
func (g *grouper) start() { g.alike = map[uint64][]int32{} }

// add adds a customer to the group that is alike, or to a new one.
func (g *grouper) add(groups []group, profile int32, options []option, customer int32) []group {
	h := hashOptions(profile, options)
	for _, k := range g.alike[h] {
		if groups[k].profile == profile && slices.Equal(groups[k].options, options) {
			groups[k].members = append(groups[k].members, customer)
			return groups
		}
	}
	g.alike[h] = append(g.alike[h], int32(len(groups)))
	if len(g.members) == cap(g.members) {
		g.members = make([]int32, 0, 4096)
	}
	m := len(g.members)
	g.members = append(g.members, customer)
	return append(groups, group{h, profile, g.copy(options), slices.Clip(g.members[m:])})
}

// copy returns a copy of options.
func (g *grouper) copy(options []option) []option {
	if len(g.options)+len(options) > cap(g.options) {
		g.options = make([]option, 0, max(4096, len(options)))
	}
	o := len(g.options)
	g.options = append(g.options, options...)
	return slices.Clip(g.options[o:])
}

// mergeAlike merges equal groups and sorts them by content, so that their order
// says nothing about the order of customers or blocks.
func mergeAlike(groups []group) []group {
	groups = sortedByHash(groups)
	out := groups[:0]
	for _, g := range groups {
		if n := len(out); n > 0 && out[n-1].hash == g.hash && out[n-1].profile == g.profile && slices.Equal(out[n-1].options, g.options) {
			// Clipped, since the members may still be those of a wider box.
			out[n-1].members = append(slices.Clip(out[n-1].members), g.members...)
			continue
		}
		out = append(out, g)
	}
	for k := range out {
		if !slices.IsSorted(out[k].members) {
			out[k].members = slices.Sorted(slices.Values(out[k].members))
		}
	}
	return out
}

// sortedByHash returns groups in the order of compareGroups. Hashes are spread evenly,
// so as many buckets as there are groups leave but a few in each.
func sortedByHash(groups []group) []group {
	const fewest = 64
	if len(groups) < fewest {
		slices.SortFunc(groups, compareGroups)
		return groups
	}
	shift := 64 - bits.Len(uint(len(groups)-1))
	start := make([]int32, 1<<(64-shift)+1)
	for k := range groups {
		start[groups[k].hash>>shift+1]++
	}
	for k := range len(start) - 1 {
		start[k+1] += start[k]
	}
	out := make([]group, len(groups))
	for k := range groups {
		at := &start[groups[k].hash>>shift]
		out[*at] = groups[k]
		*at++ // at last where the next bucket starts
	}
	first := int32(0)
	for _, end := range start[:len(start)-1] {
		slices.SortFunc(out[first:end], compareGroups)
		first = end
	}
	return out
}

func compareGroups(a, b group) int {
	if a.hash != b.hash {
		return cmp.Compare(a.hash, b.hash)
	}
	return compareContent(a, b)
}

func compareContent(a, b group) int {
	return cmp.Or(cmp.Compare(a.profile, b.profile), slices.CompareFunc(a.options, b.options, func(x, y option) int {
		return cmp.Or(cmp.Compare(x.rungs, y.rungs), cmp.Compare(x.worth, y.worth))
	}))
}

func hashOptions(profile int32, options []option) uint64 {
	h := newHash()
	h.word(uint64(profile))
	for _, o := range options {
		h.word(uint64(o.rungs))
		h.word(math.Float64bits(o.worth))
	}
	return h.mixed()
}

// hash is FNV-1a over words.
type hash struct{ sum uint64 }

func newHash() hash { return hash{14695981039346656037} }

func (h *hash) word(w uint64) { h.sum = (h.sum ^ w ^ w>>32) * 1099511628211 }

// mixed returns the hash with its bits spread evenly (the finaliser of
// SplitMix64), so that the smallest hashes are a fair sample.
func (h *hash) mixed() uint64 {
	x := h.sum
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// narrowGroups decides groups at a box within the one that left them open. Only
// the options they kept can still win.
func (m *market) narrowGroups(groups []group, b box, chosen []Rungs) *scanned {
	parts := make([]*partial, runtime.GOMAXPROCS(0))
	s := &scanner{m: m, request: request{box: b, chosen: chosen}}
	var wg sync.WaitGroup
	for w := range parts {
		wg.Go(func() {
			p := s.newPartial()
			for _, g := range groups[len(groups)*w/len(parts) : len(groups)*(w+1)/len(parts)] {
				p.keep = p.tester.among(g.profile, g.options, p.keep)
				p.takeGroup(g)
			}
			parts[w] = p
		})
	}
	wg.Wait()
	return m.merge(parts)
}

// takeGroup notes the group whose options were kept.
func (p *partial) takeGroup(g group) {
	if len(p.keep) > 1 {
		p.open = append(p.open, group{hashOptions(g.profile, p.keep), g.profile, p.groups.copy(p.keep), g.members})
		return
	}
	won, n := p.keep[0], int64(len(g.members))
	p.worth.addTimes(won.worth, n)
	rows, amounts := p.tester.uses(g.profile, won.rungs)
	for k, r := range rows {
		p.used[r].addTimes(amounts[k], n)
	}
	if p.s.chosen != nil {
		for _, i := range g.members {
			p.s.chosen[i] = won.rungs
		}
	}
}
