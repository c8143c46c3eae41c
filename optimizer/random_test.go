package optimizer_test

import (
	"fmt"
	"math"
	"math/rand/v2"

	"dunning/data"
	"dunning/optimizer"
)

const day0 = data.Date(20458) // 2026-01-05

// randomProblem draws a small problem of every kind of row: ties, negative
// values, zero budgets and capacities, segments, demands that may be out of
// reach.
func randomProblem(rng *rand.Rand, customers int) *optimizer.Problem {
	p := &optimizer.Problem{}
	channels, days := 1+rng.IntN(len(data.Channels)), 1+rng.IntN(4)
	whole := rng.IntN(2) == 0 // small whole numbers make ties and degeneracy
	share := 0.2 + 0.8*rng.Float64()
	for i := range customers {
		for ch := range channels {
			for d := range days {
				if rng.Float64() > share {
					continue
				}
				value, cost := 200*rng.Float64()-40, 30*rng.Float64()
				if whole {
					value, cost = float64(rng.IntN(12)-3), float64(rng.IntN(4))
				}
				p.Candidates = append(p.Candidates, optimizer.Candidate{
					Customer: int32(i), Channel: data.Channels[ch], Day: day0 + data.Date(d), ValueCents: value, CostCents: cost,
				})
			}
		}
	}
	n := float64(customers)
	if rng.IntN(4) > 0 {
		p.Rows = append(p.Rows, p.BudgetRow(math.Floor(n*10*rng.Float64())*float64(rng.IntN(4))))
	}
	var caps []optimizer.Capacity
	for ch := range channels {
		for d := range days {
			if rng.IntN(3) > 0 {
				caps = append(caps, optimizer.Capacity{Channel: data.Channels[ch], Day: day0 + data.Date(d), Touches: math.Floor(n * rng.Float64() * 0.5)})
			}
		}
	}
	p.Rows = append(p.Rows, p.CapacityRows(caps)...)
	in := func(c *optimizer.Candidate) bool { return c.Customer%3 == 0 }
	switch rng.IntN(8) {
	case 0:
		p.Rows = append(p.Rows, p.MinTouchesRow("min segment", in, math.Ceil(n/3*rng.Float64())))
	case 1:
		p.Rows = append(p.Rows, p.MaxShareRow("share segment", in, 0.1+0.5*rng.Float64()))
	case 2:
		p.Rows = append(p.Rows, p.MinValueRow("value segment", in, n*20*rng.Float64()))
	case 3:
		p.Rows = append(p.Rows, p.MaxTouchesRow("total", nil, math.Floor(n*rng.Float64())))
	case 4:
		p.Rows = append(p.Rows, p.MinTouchesRow("min total", nil, math.Floor(n*0.8*rng.Float64())),
			p.MaxShareRow("share segment", in, 0.5*rng.Float64()))
	}
	return p
}

// seeded returns the generator of one case; failures print both numbers.
func seeded(seed, n uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, n)) }

func describe(p *optimizer.Problem) string {
	return fmt.Sprintf("%d customers, %d candidates, %d rows", p.Customers(), len(p.Candidates), len(p.Rows))
}

// one returns a customer's option; value and cost in cents.
func one(customer int32, ch data.Channel, day int, value, cost float64) optimizer.Candidate {
	return optimizer.Candidate{Customer: customer, Channel: ch, Day: day0 + data.Date(day), ValueCents: value, CostCents: cost}
}
