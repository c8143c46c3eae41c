package optimizer

import (
	"context"
	"math"
	"runtime"
	"slices"
	"sync"
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
	// What the sample says of the customers: the mean number of their slots, the
	// mean of their largest absolute values, and which rows any of them may use.
	options float64
	typical float64
	sampled []bool
}

func newMarket(ctx context.Context, g *Grid) (*market, error) {
	m := &market{g: g, t: newUseTable(g), values: g.Values, profiles: g.Profiles}
	var err error
	if m.sample, err = g.Values.Sample(ctx); err != nil {
		return nil, err
	}
	m.narrow = m.sample.Narrow != nil
	m.describe()
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

// describe looks through the sample.
func (m *market) describe() {
	m.sampled = make([]bool, m.t.rows())
	allowed := make([]bool, m.profiles*m.t.slots)
	scratch := make([]float64, m.t.slots)
	slots, best := 0, 0.0
	for i := range m.sample.Customers {
		most := 0.0
		at := int(m.sample.profile(i)) * m.t.slots
		for s, v := range m.sample.values(i, scratch) {
			if v != Forbidden {
				slots++
				allowed[at+s] = true
				most = max(most, math.Abs(v))
			}
		}
		best += most
	}
	for k, is := range allowed {
		if is {
			rows, _ := m.t.touch(int32(k/m.t.slots), k%m.t.slots)
			for _, r := range rows {
				m.sampled[r] = true
			}
		}
	}
	n := float64(max(1, m.sample.Customers))
	m.options, m.typical = max(1, float64(slots)/n), best/n
	if m.typical == 0 {
		m.typical = 1 // a cent, where nothing is worth anything
	}
}

// forgetSample gives up the memory of the sampled customers' values, and
// recallSample reads them again.
func (m *market) forgetSample() { m.sample = Block{Customers: m.sample.Customers} }

func (m *market) recallSample(ctx context.Context) (err error) {
	if m.sample.Narrow == nil && m.sample.Wide == nil && m.sample.Customers > 0 {
		m.sample, err = m.values.Sample(ctx)
	}
	return err
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

// boxOf returns the box that holds given prices alone.
func (m *market) boxOf(prices []float64) box {
	return m.boxAround(prices, make([]float64, len(prices)))
}

// scanSample lists the first customers of the sample with the options that a
// box leaves them, the decided with one. Customers that are alike and near in
// the sample are one group; which those are does not depend on the number of
// cores.
func (m *market) scanSample(customers int, b box, limit int) []group {
	s := m.newScanner(request{box: b, limit: limit})
	defer s.close()
	parts := make([][]group, smoothParts)
	var wg sync.WaitGroup
	turn := make(chan struct{}, runtime.GOMAXPROCS(0))
	for k := range parts {
		wg.Go(func() {
			turn <- struct{}{}
			defer func() { <-turn }()
			p := s.newPartial()
			p.groups.start()
			for i := customers * k / smoothParts; i < customers*(k+1)/smoothParts; i++ {
				p.look(m.sample, i)
				p.open = p.groups.add(p.open, m.sample.profile(i), p.keep, int32(i))
			}
			parts[k] = p.open
		})
	}
	wg.Wait()
	return slices.Concat(parts...)
}
