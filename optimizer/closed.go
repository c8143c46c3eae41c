package optimizer

import (
	"context"
	"sync"
)

// closedPrices lowers the prices of the closed rows, in place, from the cap that
// kept their users out during the search to the least that does: to what the
// best touch that they forbid would bring beyond its customer's best ladder, per
// unit. A touch in several closed rows pays in the first. It is one read.
func (m *market) closedPrices(ctx context.Context, prices []float64) error {
	payer := m.payers()
	for r := range prices {
		if m.t.closed[r] {
			prices[r] = 0
		}
	}
	open := make([]float64, len(prices)) // least price of each closed row
	free := m.boxAround(prices, make([]float64, len(prices)))
	var mu sync.Mutex
	err := m.eachBlock(ctx, func() func(Block) {
		c := &closer{m: m, payer: payer, prices: prices, search: m.newSearch(free), tester: newTester(m.t, free), values: make([]float64, m.t.slots)}
		return func(b Block) {
			c.least = make([]float64, len(prices))
			for i := range b.Customers {
				c.add(b.profile(i), b.values(i, c.values))
			}
			mu.Lock()
			defer mu.Unlock()
			for r, y := range c.least {
				open[r] = max(open[r], y)
			}
		}
	})
	for r := range prices {
		if m.t.closed[r] {
			prices[r] = open[r]
		}
	}
	return err
}

// closer finds the least prices of closed rows; one goroutine's.
type closer struct {
	m      *market
	payer  []payer
	prices []float64
	search search // with the closed rows at their cap, where nobody wins
	tester *tester
	values []float64
	keep   []option
	least  []float64 // by row
}

func (c *closer) add(profile int32, values []float64) {
	best := 0.0 // of a ladder, to which the touch might be added
	if c.m.t.rule.touches() == 1 {
		c.keep, _ = c.search.decide(profile, values, 2, c.keep)
		best = c.keep[0].worth - c.tester.cost(profile, c.keep[0].rungs, c.prices)
	}
	for s, x := range values {
		pays := c.payer[int(profile)*c.m.t.slots+s]
		if pays.row < 0 || x == Forbidden {
			continue
		}
		more := x - c.tester.cost(profile, RungsOf(s), c.prices) - best
		c.least[pays.row] = max(c.least[pays.row], more/pays.amount)
	}
}

// payer is the first closed row that a touch uses, −1 for none.
type payer struct {
	row    int32
	amount float64
}

func (m *market) payers() []payer {
	out := make([]payer, m.profiles*m.t.slots)
	for k := range out {
		out[k].row = -1
		rows, amounts := m.t.touch(int32(k/m.t.slots), k%m.t.slots)
		for u, r := range rows {
			if m.t.closed[r] && amounts[u] > 0 {
				out[k] = payer{r, amounts[u]}
				break
			}
		}
	}
	return out
}

// cost returns what a ladder pays at prices.
func (s *tester) cost(profile int32, r Rungs, prices []float64) float64 {
	total := 0.0
	rows, amounts := s.uses(profile, r)
	for k, row := range rows {
		total += prices[row] * amounts[k]
	}
	return total
}

// hasClosed reports whether some row is closed.
func (m *market) hasClosed() bool {
	for _, c := range m.t.closed {
		if c {
			return true
		}
	}
	return false
}
