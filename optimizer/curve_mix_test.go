package optimizer

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// mixtureCase is some plans, whoever is in them, and shares of them drawn at random.
type mixtureCase struct {
	*mixture
	values   [][]float64
	chosen   [][]Rungs // by plan and customer
	solution []float64 // more than allowed, sometimes
}

func drawMixture(t *testing.T, n uint64) *mixtureCase {
	t.Helper()
	ctx := context.Background()
	g, values := slotGrid(t, n)
	if n%3 == 1 {
		g.Ladder = LadderRule{Touches: 3, GapDays: 1, Factor: [][]float64{nil, {0, 0.5, 0.75}, {0, 0.25, 0.5}}}
	}
	rng := rand.New(rand.NewPCG(n, 3))
	for r := range g.Rows {
		g.Rows[r].Limit = []float64{60, 5}[r%2] * rng.Float64() // at most, at least
	}
	m, err := newMarket(ctx, g)
	if err != nil {
		t.Fatal(err)
	}
	c := &mixtureCase{mixture: &mixture{m: m, lp: &LP{}}, values: values}
	for range 3 {
		price := make([]float64, len(g.Rows))
		for r := range price {
			price[r] = 20 * rng.Float64()
		}
		chosen := make([]Rungs, len(values))
		at := request{box: box{price, price, price}, limit: 1, totals: true}
		whole, bySlot := at, at
		whole.chosen, bySlot.slots = chosen, true
		if _, err := m.scan(ctx, []request{whole}); err != nil {
			t.Fatal(err)
		}
		found, err := m.scan(ctx, []request{bySlot})
		if err != nil {
			t.Fatal(err)
		}
		c.chosen, c.slots = append(c.chosen, chosen), found[0].slots
		c.plans = append(c.plans, curvePlan{found[0].used, found[0].worth})
	}
	for range len(c.plans) + len(c.drops()) {
		c.solution = append(c.solution, 0.5*rng.Float64())
	}
	return c
}

// add adds up the shares customer by customer: their worth, what they use, and the
// largest sum of one customer's.
func (c *mixtureCase) add(t *testing.T) (total float64, used []float64, most float64) {
	t.Helper()
	last := len(c.plans) - 1
	drop := make([]float64, len(c.slots))
	for d, s := range c.drops() {
		drop[s] = min(c.solution[last+1+d], c.solution[last]/float64(c.m.t.rule.touches()))
	}
	used = make([]float64, c.m.rows())
	for i, values := range c.values {
		whole := 0.0
		for p := range c.plans {
			r, share := c.chosen[p][i], c.solution[p]
			for left := r; p == last && left != Hold; left = left.Rest() {
				share -= drop[left.First()]
			}
			if share < -1e-12 {
				t.Fatalf("customer %d has %g of a ladder", i, share)
			}
			whole += share
			total += share * c.m.t.worth(r, values)
			rows, amounts := c.m.t.of(int32(i%2), r, nil, nil)
			for k, row := range rows {
				used[row] += share * amounts[k]
			}
		}
		most = max(most, whole)
	}
	return total, used, most
}

// What a mixture is worth is what its shares of everybody's ladders come to, scaled
// down so that nobody has more than a whole ladder and no limit is exceeded; where a
// demand is not met, it is refused.
func TestMixturesAreShares(t *testing.T) {
	scaled, refused := 0, 0
	for n := range uint64(200) {
		c := drawMixture(t, n)
		total, used, most := c.add(t)
		cents, ok := c.worth(slices.Clone(c.solution))
		if !ok {
			refused++
			continue
		}
		scale := 1.0
		for _, shares := range []float64{c.solution[0] + c.solution[1] + c.solution[2], most} {
			scale = min(scale, 1/shares)
		}
		for r, limit := range c.m.t.limit {
			if limit > 0 && used[r] > limit {
				scale = min(scale, limit/used[r])
				scaled++
			}
		}
		for r, limit := range c.m.t.limit {
			if scale*used[r] > limit+1e-6*math.Abs(limit) {
				t.Errorf("%d: row %d: %g of %g", n, r, scale*used[r], limit)
			}
		}
		if !near(cents, scale*total) {
			t.Errorf("%d: worth %g, added up %g", n, cents, scale*total)
		}
	}
	if scaled == 0 || refused == 0 || refused > 150 {
		t.Errorf("%d mixtures were beyond a limit, %d refused", scaled, refused)
	}
}

// A read whose mixture meets no demand says nothing from below, of its own limit nor of
// those beside it.
func TestBandOfAReadWithoutAPlan(t *testing.T) {
	c := &Curve{Points: []CurvePoint{
		{Limit: 10, Status: Optimal, ObjectiveCents: 100, BoundCents: 100, Price: 5},
		{Limit: 30, Status: Optimal, ObjectiveCents: 160, BoundCents: 160, Price: 1},
	}, reads: []reading{{20, math.Inf(-1), 140, 3}}}
	for limit, want := range map[float64][2]float64{5: {math.Inf(-1), 75}, 10: {100, 100}, 15: {115, 125}, 20: {130, 140}, 30: {160, 160}, 40: {160, 170}} {
		if low, high := c.Band(limit); low != want[0] || high != want[1] {
			t.Errorf("at %g: %g to %g, want %g to %g", limit, low, high, want[0], want[1])
		}
	}
}
