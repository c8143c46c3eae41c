package optimizer

import (
	"context"
	"sync"
)

// closedPrices lowers the prices of the closed rows, in place, from the cap that
// kept their users out during the search to what does so still: for single
// touches to the least, what the best touch that they forbid would bring beyond
// its customer's best, per unit; a touch in several closed rows pays in the
// first. A forbidden touch in a ladder changes what the touches after it are
// worth, so there every closed row pays for the most that anybody gains when
// all of them are free. It is one read.
func (m *market) closedPrices(ctx context.Context, prices []float64) error {
	payer := m.payers()
	for r := range prices {
		if m.t.closed[r] {
			prices[r] = 0
		}
	}
	open := make([]float64, len(prices)) // least price of each closed row
	shut := m.boxOf(prices)
	free := box{prices, prices, prices}
	var mu sync.Mutex
	err := eachBlock(ctx, m.values, func() func(Block) {
		c := &closer{m: m, payer: payer, prices: prices, shut: m.newSearch(shut), free: m.newSearch(free),
			tester: newTester(m.t, free), values: make([]float64, m.t.slots)}
		return func(b Block) {
			c.least = make([]float64, len(prices))
			for i := range b.Customers {
				if values := b.values(i, c.values); m.t.rule.touches() == 1 {
					c.addTouches(b.profile(i), values)
				} else {
					c.addLadders(b.profile(i), values)
				}
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
	m          *market
	payer      []payer
	prices     []float64 // of the other rows; 0 of the closed ones
	shut, free search    // with the closed rows at their cap, and for nothing
	tester     *tester
	values     []float64
	keep       []option
	least      []float64 // by row
}

// best returns what a customer's best ladder is worth beyond what it pays.
func (c *closer) best(s search, profile int32, values []float64) float64 {
	c.keep, _ = s.decide(profile, values, 2, c.keep)
	return c.keep[0].worth - c.tester.cost(profile, c.keep[0].rungs, c.prices)
}

func (c *closer) addTouches(profile int32, values []float64) {
	best := c.best(c.shut, profile, values)
	for s, x := range values {
		pays := c.payer[int(profile)*c.m.t.slots+s]
		if pays.row < 0 || x == Forbidden {
			continue
		}
		more := x - c.tester.cost(profile, RungsOf(s), c.prices) - best
		c.least[pays.row] = max(c.least[pays.row], more/pays.amount)
	}
}

func (c *closer) addLadders(profile int32, values []float64) {
	more := c.best(c.free, profile, values) - c.best(c.shut, profile, values)
	for r, closed := range c.m.t.closed {
		if closed {
			c.least[r] = max(c.least[r], more/c.m.t.smallest[r])
		}
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
