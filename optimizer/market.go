package optimizer

import (
	"context"
	"slices"
)

// market is a grid as the search for its prices sees it. Rows are kept in the
// direction ≤, so that every price is ≥ 0.
type market struct {
	g        *Grid
	t        *useTable
	values   Values
	profiles int
	cap      []float64 // a price that no useful row exceeds
	soft     []bool    // rows that may overflow at their cap; nil for none
	sample   Block
	narrow   bool // values are single precision
}

func newMarket(ctx context.Context, g *Grid) (*market, error) {
	m := &market{g: g, t: newUseTable(g), values: g.Values, profiles: g.Profiles}
	var err error
	if m.sample, err = g.Values.Sample(ctx); err != nil {
		return nil, err
	}
	m.narrow = m.sample.Narrow != nil
	// The cap of a row is a hundred times the most that any option is worth
	// per unit of it: prices beyond that can only serve demands that cannot be
	// met.
	m.cap = make([]float64, m.t.rows())
	worth := max(1, g.Values.Largest()*float64(g.Ladder.touches()))
	for r := range m.cap {
		m.cap[r] = 100 * worth / max(m.t.smallest[r], 1e-3*m.t.scale[r])
	}
	return m, nil
}

func (m *market) rows() int { return len(m.cap) }

// newSearch returns the search for one customer's options.
func (m *market) newSearch(b box) search {
	if m.t.rule.touches() == 1 {
		return newChoiceSearch(m.t, b)
	}
	return newLadderSearch(m.g.Slots, m.t, b)
}

// boxAround returns the box of half-widths half, cut off at 0 and at the caps.
// A closed row has the highest price, which keeps its users out.
func (m *market) boxAround(centre, half []float64) box {
	n := len(centre)
	b := box{centre: make([]float64, n), lower: make([]float64, n), upper: make([]float64, n)}
	for r := range centre {
		if m.t.closed[r] {
			b.centre[r], b.lower[r], b.upper[r] = m.cap[r], m.cap[r], m.cap[r]
			continue
		}
		b.centre[r] = min(max(0, centre[r]), m.cap[r])
		b.lower[r] = max(0, b.centre[r]-half[r])
		b.upper[r] = min(m.cap[r], b.centre[r]+half[r])
	}
	return b
}

// scanSample lists the first customers of the sample with the options that a
// box leaves them, the decided with one.
func (m *market) scanSample(customers int, b box, limit int) []group {
	search := m.newSearch(b)
	values := make([]float64, m.t.slots)
	groups := make([]group, customers)
	var keep []option
	for i := range groups {
		profile := m.sample.profile(i)
		keep, _ = search.decide(profile, m.sample.values(i, values), limit, keep)
		groups[i] = group{profile: profile, options: slices.Clone(keep), members: []int32{int32(i)}}
	}
	return groups
}
