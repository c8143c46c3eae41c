package optimizer

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"dunning/data"
)

// What a scan sums up by slot is what the ladders that it chooses are worth and use,
// added up one by one.
func TestSlotTotals(t *testing.T) {
	rule := LadderRule{Touches: 3, GapDays: 1, Factor: [][]float64{nil, {0, 0.5, 0.75}, {0, 0.25, 0.5}}}
	touched := 0
	for n := range uint64(60) {
		g, values := slotGrid(t, n)
		if n%3 == 1 {
			g.Ladder = rule
		}
		m, err := newMarket(context.Background(), g)
		if err != nil {
			t.Fatal(err)
		}
		rng := rand.New(rand.NewPCG(n, 2))
		price := make([]float64, len(g.Rows))
		for r := range price {
			price[r] = 20 * rng.Float64()
		}
		at := box{price, price, price}
		chosen := make([]Rungs, len(values))
		if _, err := m.scan(context.Background(), []request{{box: at, limit: 1, totals: true, chosen: chosen}}); err != nil {
			t.Fatal(err)
		}
		found, err := m.scan(context.Background(), []request{{box: at, limit: 1, totals: true, slots: true}})
		if err != nil {
			t.Fatal(err)
		}
		want := make([]slotTotal, len(g.Slots))
		for s := range want {
			want[s].used = make([]float64, len(g.Rows))
		}
		for i, r := range chosen {
			rows, amounts := m.t.of(int32(i%2), r, nil, nil)
			for left := r; left != Hold; left = left.Rest() {
				touched++
				s := &want[left.First()]
				s.worth += m.t.worth(r, values[i])
				for k, row := range rows {
					s.used[row] += amounts[k]
				}
			}
		}
		for s, got := range found[0].slots {
			if !near(got.worth, want[s].worth) {
				t.Errorf("%d: slot %d is worth %g, added up %g", n, s, got.worth, want[s].worth)
			}
			for r, used := range got.used {
				if !near(used, want[s].used[r]) {
					t.Errorf("%d: slot %d uses %g of row %d, added up %g", n, s, used, r, want[s].used[r])
				}
			}
		}
	}
	if touched < 1000 {
		t.Errorf("%d touches in all", touched)
	}
}

func near(a, b float64) bool { return math.Abs(a-b) <= 1e-9*(1+math.Abs(b)) }

// slotGrid draws 50 customers of two profiles, in single precision or double.
func slotGrid(t *testing.T, n uint64) (g *Grid, values [][]float64) {
	t.Helper()
	rng := rand.New(rand.NewPCG(n, 1))
	slots := 4 + rng.IntN(30)
	g = &Grid{Profiles: 2}
	for s := range slots {
		g.Slots = append(g.Slots, Slot{data.Channels[s%2], day(s / 2)})
	}
	for r := range 5 {
		g.AddRow(fmt.Sprint(r), Sense(r%2), 10, func(p, s int) float64 { return float64((s + r + p) % 3) })
	}
	g.Rows[0].Discounted = true
	memory := NewMemoryValues(slots, 50)
	if n%2 == 1 {
		memory = WideMemoryValues(slots, 50)
	}
	for i := range 50 {
		row := make([]float64, slots)
		for s := range row {
			if row[s] = float64(rng.IntN(100)); rng.IntN(4) == 0 {
				row[s] = Forbidden
			}
		}
		if err := memory.Add(int32(i%2), row); err != nil {
			t.Fatal(err)
		}
		values = append(values, row)
	}
	g.Values = memory
	return g, values
}
