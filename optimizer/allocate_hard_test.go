//go:build cgo

package optimizer_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"dunning/data"
	"dunning/optimizer"
	"dunning/optimizer/clp"
)

// Limits of every adversarial instance.
const (
	hardReads = 12
	hardTime  = 4 * time.Minute // on a machine that has other work
)

// hardGrid is an instance that is easy to get wrong.
type hardGrid struct {
	name  string
	base  optimizer.Instance
	alter func(t testing.TB, g *optimizer.Grid, rng *rand.Rand)
	// optimum is the objective where it follows by hand, NaN where it does not.
	optimum float64
	status  optimizer.Status
}

// revalue replaces every allowed value.
func revalue(value func(rng *rand.Rand, i, s int, v float64) float64) func(testing.TB, *optimizer.Grid, *rand.Rand) {
	return func(t testing.TB, g *optimizer.Grid, rng *rand.Rand) {
		all := shoppersOf(t, g)
		for i := range all {
			for s, v := range all[i].values {
				if v != optimizer.Forbidden {
					all[i].values[s] = float64(float32(value(rng, i, s, v)))
				}
			}
		}
		setShoppers(t, g, all, false)
	}
}

// limits sets the limits of rows whose name starts with a prefix.
func limits(prefix string, to float64) func(testing.TB, *optimizer.Grid, *rand.Rand) {
	return func(_ testing.TB, g *optimizer.Grid, _ *rand.Rand) {
		for r := range g.Rows {
			if strings.HasPrefix(g.Rows[r].Name, prefix) {
				g.Rows[r].Limit = to
			}
		}
	}
}

// demand asks for touches in some slots.
func demand(touches float64, in func(s int) bool) func(testing.TB, *optimizer.Grid, *rand.Rand) {
	return func(_ testing.TB, g *optimizer.Grid, _ *rand.Rand) {
		g.AddRow("coverage", optimizer.AtLeast, touches, func(_, s int) float64 { return is(in(s)) })
	}
}

func hardGrids() []hardGrid {
	nan := math.NaN()
	month := optimizer.Instance{Customers: 20_000, Channels: 5, Days: 6, Seed: 31}
	all := month
	all.OptionShare = 1
	fortnight := optimizer.Instance{Customers: 20_000, Channels: 5, Days: 14, Seed: 34}
	whole := fortnight
	whole.OptionShare = 1
	many := all
	many.Customers = 200_000
	rows := optimizer.Instance{Customers: 4_000, Channels: 5, Days: 14, Segments: 85, Seed: 32}
	one := month
	one.Customers = 1
	ladders := optimizer.Instance{Customers: 300, Channels: 5, Days: 7, OptionShare: 1, Seed: 33, Ladder: optimizer.LadderRule{Touches: 3, GapDays: 2}}
	optimal := optimizer.Optimal
	levels := func(rng *rand.Rand, _, _ int, _ float64) float64 { return 100 * float64(1+rng.IntN(20)) }
	same := func(_ *rand.Rand, _, s int, _ float64) float64 { return 100 * float64(1+s%5) }
	any := func(int) bool { return true }
	first := func(s int) bool { return s == 0 }
	return []hardGrid{
		{"all values negative", month, revalue(func(_ *rand.Rand, _, _ int, v float64) float64 { return -1 - math.Abs(v) }), 0, optimal},
		{"all values negative, and a demand", month, func(t testing.TB, g *optimizer.Grid, rng *rand.Rand) {
			revalue(func(_ *rand.Rand, _, _ int, v float64) float64 { return -1 - math.Abs(v) })(t, g, rng)
			demand(500, any)(t, g, rng)
		}, nan, optimal},
		{"one customer", one, nil, nan, optimal},
		{"zero budget", month, limits(optimizer.BudgetName, 0), 0, optimal},
		{"unlimited budget", month, limits(optimizer.BudgetName, 1e12), nan, optimal},
		{"everything unlimited", month, limits("", 1e12), nan, optimal},
		{"all customers identical", all, revalue(same), nan, optimal},
		{"200,000 customers identical", many, revalue(same), nan, optimal},
		{"all values zero", month, revalue(func(*rand.Rand, int, int, float64) float64 { return 0 }), 0, optimal},
		{"ladders worth nothing, and a demand", ladders, func(t testing.TB, g *optimizer.Grid, rng *rand.Rand) {
			revalue(func(*rand.Rand, int, int, float64) float64 { return 0 })(t, g, rng)
			demand(60, any)(t, g, rng)
		}, 0, optimal},
		{"values from 20 levels", month, revalue(levels), nan, optimal},
		{"values from 20 levels, all slots", all, revalue(levels), nan, optimal},
		{"values from 20 levels, a fortnight", fortnight, revalue(levels), nan, optimal},
		{"values from 20 levels, a fortnight, all slots", whole, revalue(levels), nan, optimal},
		{"capacities of zero", month, limits("sms", 0), nan, optimal},
		{"all capacities of zero", month, func(t testing.TB, g *optimizer.Grid, rng *rand.Rand) {
			for _, ch := range data.Channels {
				limits(string(ch), 0)(t, g, rng)
			}
		}, 0, optimal},
		{"demand that can be met", month, demand(4000, any), nan, optimal},
		{"demand of one slot that can be met", month, demand(400, first), nan, optimal},
		{"demand that cannot be met", month, demand(20_001, any), nan, optimizer.Infeasible},
		{"demand beyond a capacity", month, demand(10_000, first), nan, optimizer.Infeasible},
		{"demand without a budget", month, func(t testing.TB, g *optimizer.Grid, rng *rand.Rand) {
			limits(optimizer.BudgetName, 0)(t, g, rng)
			demand(1, any)(t, g, rng)
		}, nan, optimizer.Infeasible},
		{"500 rows", rows, nil, nan, optimal},
		{"value spread of 1e9", month, revalue(func(rng *rand.Rand, _, _ int, _ float64) float64 { return math.Pow(10, 9*rng.Float64()) }), nan, optimal},
		{"value spread of 1e9 by customer", month, revalue(func(_ *rand.Rand, i, _ int, v float64) float64 {
			return v * math.Pow(10, float64(i*7919%10_000)/1111-4)
		}), nan, optimal},
		{"rows that only ten customers use", month, func(t testing.TB, g *optimizer.Grid, rng *rand.Rand) {
			g.Profiles = 2
			for r := range g.Rows {
				for _, u := range g.Rows[r].Use {
					g.Rows[r].Use = append(g.Rows[r].Use, optimizer.SlotUse{Profile: 1, Slot: u.Slot, Amount: u.Amount})
				}
			}
			people := shoppersOf(t, g)
			for k := range 10 {
				people[rng.IntN(len(people)/10)*10+k].profile = 1
			}
			setShoppers(t, g, people, false)
			g.AddRow("at most three of ten", optimizer.AtMost, 3, func(p, _ int) float64 { return float64(p) })
			g.AddRow("at least two of ten", optimizer.AtLeast, 2, func(p, s int) float64 { return float64(p) * is(s%5 > 2) })
		}, nan, optimal},
	}
}

func TestHardInstancesEndRightAndSoon(t *testing.T) {
	for k, c := range hardGrids() {
		t.Run(c.name, func(t *testing.T) {
			if testing.Short() && (c.base.OptionShare == 1 || c.base.Segments > 0) {
				t.Skip("large")
			}
			g, err := optimizer.NewInstance(c.base)
			if err != nil {
				t.Fatal(err)
			}
			if c.alter != nil {
				c.alter(t, g, seeded(401, uint64(k)))
			}
			ctx, stop := context.WithTimeout(context.Background(), hardTime)
			defer stop()
			began := processCPU()
			a, err := certifiedIn(ctx, optimizer.Boxstep{}, g)
			if err != nil {
				t.Fatal(err)
			}
			took := processCPU() - began
			t.Logf("%s, gap %.2g, %d reads, %d linear programs, largest %d columns, %.2f CPU s", a.Status, a.Gap(), a.Work.FullReads, a.Work.ReducedLPs, a.Work.LargestLP, took)
			if a.Status != c.status {
				t.Fatalf("%s, want %s", a.Status, c.status)
			}
			if a.Work.FullReads > hardReads {
				t.Errorf("%d reads, at most %d", a.Work.FullReads, hardReads)
			}
			if !math.IsNaN(c.optimum) && math.Abs(a.ObjectiveCents-c.optimum) > 1e-9 {
				t.Errorf("objective %g, want %g", a.ObjectiveCents, c.optimum)
			}
			if a.Status == optimizer.Infeasible && (len(a.Shortfalls) == 0 || !strings.Contains(a.Err().Error(), "coverage")) {
				t.Errorf("no word of the demand: %v", a.Err())
			}
		})
	}
}

// TestBadGridsAreRefusedWithTheirPlace plants one fault each.
func TestBadGridsAreRefusedWithTheirPlace(t *testing.T) {
	cases := []struct {
		name  string
		plant func(g *optimizer.Grid)
		want  string
	}{
		{"limit that is no number", func(g *optimizer.Grid) { g.Rows[1].Limit = math.NaN() }, `row "email 2026-01-05"`},
		{"infinite limit", func(g *optimizer.Grid) { g.Rows[0].Limit = math.Inf(1) }, `row "budget"`},
		{"negative limit", func(g *optimizer.Grid) { g.Rows[0].Limit = -1 }, `row "budget"`},
		{"amount that is no number", func(g *optimizer.Grid) { g.Rows[0].Use[2].Amount = math.NaN() }, `row "budget" use 2`},
		{"infinite amount", func(g *optimizer.Grid) { g.Rows[0].Use[2].Amount = math.Inf(-1) }, `row "budget" use 2`},
		{"negative factor", func(g *optimizer.Grid) { g.Ladder.Factor = [][]float64{nil, {1, -0.5}} }, "factor -0.5 of step 2 after 1 days"},
		{"factor that is no number", func(g *optimizer.Grid) { g.Ladder.Factor = [][]float64{nil, {math.NaN()}} }, "factor NaN of step 2"},
		{"slot of no day", func(g *optimizer.Grid) { g.Rows[0].Use[0].Slot = 99 }, `row "budget" use 0`},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			g, err := optimizer.NewInstance(optimizer.Instance{Customers: 50, Channels: 2, Days: 2, Seed: 1})
			if err != nil {
				t.Fatal(err)
			}
			c.plant(g)
			for name, run := range map[string]func() error{
				"Allocate": func() error { _, err := optimizer.Boxstep{LP: clp.New()}.Allocate(context.Background(), g); return err },
				"CheckGrid": func() error {
					_, err := optimizer.CheckGrid(context.Background(), g, &optimizer.Allocation{})
					return err
				},
			} {
				if err := run(); err == nil || !strings.Contains(err.Error(), c.want) {
					t.Errorf("%s: error %v, want %q", name, err, c.want)
				}
			}
		})
	}
}

func TestBadValuesAreRefusedWithTheirPlace(t *testing.T) {
	for _, bad := range []float64{math.NaN(), math.Inf(1), 2e15, -2e15} {
		for _, values := range []*optimizer.MemoryValues{optimizer.NewMemoryValues(3, 2), optimizer.WideMemoryValues(3, 2)} {
			if err := values.Add(0, []float64{1, 2, optimizer.Forbidden}); err != nil {
				t.Fatal(err)
			}
			err := values.Add(0, []float64{1, bad, 3})
			if !errors.Is(err, data.ErrBadNumber) || !strings.Contains(err.Error(), fmt.Sprintf("customer 1, slot 1: %v: value", data.ErrBadNumber)) {
				t.Errorf("%g: error %v, want customer 1, slot 1 refused", bad, err)
			}
		}
	}
}
