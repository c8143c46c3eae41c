//go:build cgo

package optimizer_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"dunning/data"
	"dunning/optimizer"
)

// auditedGrid is a grid of ladders whose optimum has shares, binding rows, a
// binding demand, a discounted row and forbidden slots.
func auditedGrid(t testing.TB) *optimizer.Grid {
	t.Helper()
	g, err := optimizer.NewInstance(optimizer.Instance{Customers: 300, Channels: 3, Days: 6, Segments: 2, Seed: 8,
		Ladder: optimizer.LadderRule{Touches: 3, GapDays: 2, Factor: [][]float64{nil, {0, 0, 0.5, 0.7}, {0, 0, 0.4, 0.5, 0.6}}}})
	if err != nil {
		t.Fatal(err)
	}
	g.AddRow("coverage", optimizer.AtLeast, 27, func(p, s int) float64 { return is(p == 1 && s%3 == 2) })
	g.AddRow("effort", optimizer.AtMost, 150, func(_, s int) float64 { return 1 + 0.25*float64(s%3) }).Discounted = true
	return g
}

func certify(t testing.TB, g *optimizer.Grid, a *optimizer.Allocation) *optimizer.Certificate {
	t.Helper()
	c, err := optimizer.CheckGrid(context.Background(), g, a)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// planted is a fault put into a copy of a right allocation.
type planted struct {
	name  string
	plant func(t *testing.T, g *optimizer.Grid, a *optimizer.Allocation)
	want  string
}

// whole returns a customer with a whole ladder of at least some touches.
func whole(t *testing.T, a *optimizer.Allocation, touches int) int {
	t.Helper()
	for i, r := range a.Chosen {
		if r.Touches() >= touches {
			return i
		}
	}
	t.Fatalf("nobody has %d touches", touches)
	return 0
}

func priceOf(t *testing.T, g *optimizer.Grid, a *optimizer.Allocation, sense optimizer.Sense) int {
	t.Helper()
	for r, y := range a.Prices {
		if g.Rows[r].Sense == sense && math.Abs(y) > 1e-3 {
			return r
		}
	}
	t.Fatalf("no row %s binds", sense)
	return 0
}

var plantedFaults = []planted{
	{"changed price", func(t *testing.T, g *optimizer.Grid, a *optimizer.Allocation) {
		a.Prices[priceOf(t, g, a, optimizer.AtMost)] *= 1.01
	}, "gap"},
	{"price forgotten", func(t *testing.T, g *optimizer.Grid, a *optimizer.Allocation) {
		a.Prices[priceOf(t, g, a, optimizer.AtMost)] = 0
	}, "gap"},
	{"wrong sign of a limit's price", func(t *testing.T, g *optimizer.Grid, a *optimizer.Allocation) {
		a.Prices[priceOf(t, g, a, optimizer.AtMost)] *= -1
	}, "wrong sign"},
	{"wrong sign of a demand's price", func(t *testing.T, g *optimizer.Grid, a *optimizer.Allocation) {
		a.Prices[priceOf(t, g, a, optimizer.AtLeast)] *= -1
	}, "wrong sign"},
	{"price that is no number", func(_ *testing.T, _ *optimizer.Grid, a *optimizer.Allocation) { a.Prices[1] = math.NaN() }, "price NaN"},
	{"infinite price", func(_ *testing.T, _ *optimizer.Grid, a *optimizer.Allocation) { a.Prices[1] = math.Inf(1) }, "price +Inf"},
	{"customer with a share beside a whole ladder", func(t *testing.T, _ *optimizer.Grid, a *optimizer.Allocation) {
		i := whole(t, a, 1)
		a.Split = append(a.Split, optimizer.Share{Customer: int32(i), Rungs: a.Chosen[i], Share: 0.5})
	}, "0.5 times too often"},
	{"customer with shares beyond one", func(_ *testing.T, _ *optimizer.Grid, a *optimizer.Allocation) {
		a.Split = append(a.Split, a.Split[0])
		a.Split = append(a.Split, a.Split[0], a.Split[0], a.Split[0])
		for k := range a.Split {
			a.Split[k].Share = max(a.Split[k].Share, 0.5)
		}
	}, "too often"},
	{"share above one", func(_ *testing.T, _ *optimizer.Grid, a *optimizer.Allocation) { a.Split[0].Share = 1.5 }, "outside [0, 1]"},
	{"negative share", func(_ *testing.T, _ *optimizer.Grid, a *optimizer.Allocation) { a.Split[0].Share = -0.5 }, "outside [0, 1]"},
	{"share that is no number", func(_ *testing.T, _ *optimizer.Grid, a *optimizer.Allocation) { a.Split[0].Share = math.NaN() }, "share NaN"},
	{"share of nobody", func(_ *testing.T, _ *optimizer.Grid, a *optimizer.Allocation) { a.Split[0].Customer = 300 }, "customer 300 of 300"},
	{"violated row", func(_ *testing.T, g *optimizer.Grid, a *optimizer.Allocation) {
		g.Rows[0].Limit *= 0.99
	}, `row "budget" is violated`},
	{"violated discounted row", func(_ *testing.T, g *optimizer.Grid, _ *optimizer.Allocation) {
		g.Rows[len(g.Rows)-1].Limit *= 0.9
	}, `row "effort" is violated`},
	{"unmet demand", func(_ *testing.T, g *optimizer.Grid, _ *optimizer.Allocation) {
		g.Rows[len(g.Rows)-2].Limit += 1
	}, `row "coverage" is violated`},
	{"forbidden slot", func(t *testing.T, g *optimizer.Grid, a *optimizer.Allocation) {
		i := whole(t, a, 1)
		s := slices.Index(shoppersOf(t, g)[i].values, optimizer.Forbidden)
		a.Chosen[i] = optimizer.RungsOf(s)
	}, "forbidden slot"},
	{"forbidden slot in a share", func(t *testing.T, g *optimizer.Grid, a *optimizer.Allocation) {
		a.Split[0].Rungs = optimizer.RungsOf(slices.Index(shoppersOf(t, g)[a.Split[0].Customer].values, optimizer.Forbidden))
	}, "forbidden slot"},
	{"ladder that breaks the gap", func(_ *testing.T, g *optimizer.Grid, _ *optimizer.Allocation) { g.Ladder.GapDays = 6 }, "less than 6 days after"},
	{"ladder of too many touches", func(_ *testing.T, g *optimizer.Grid, _ *optimizer.Allocation) { g.Ladder.Touches = 1 }, "more than 1 touches"},
	{"other discounts", func(_ *testing.T, g *optimizer.Grid, _ *optimizer.Allocation) { g.Ladder.Factor[1][3] = 0.69 }, "stated objective"},
	{"slots that descend", func(t *testing.T, _ *optimizer.Grid, a *optimizer.Allocation) {
		i := whole(t, a, 2)
		s := a.Chosen[i].Slots(nil)
		slices.Reverse(s)
		a.Chosen[i] = optimizer.RungsOf(s...)
	}, "after slot"},
	{"slot that is none", func(t *testing.T, _ *optimizer.Grid, a *optimizer.Allocation) {
		a.Chosen[whole(t, a, 1)] = optimizer.RungsOf(18)
	}, "slot 18 of 18"},
	{"ladder with a hole", func(t *testing.T, _ *optimizer.Grid, a *optimizer.Allocation) { a.Chosen[whole(t, a, 1)] <<= 10 }, "slot -1"},
	{"customer dropped", func(t *testing.T, _ *optimizer.Grid, a *optimizer.Allocation) {
		a.Chosen[whole(t, a, 2)] = optimizer.Hold
	}, "gap"},
	{"stated objective too high", func(_ *testing.T, _ *optimizer.Grid, a *optimizer.Allocation) { a.ObjectiveCents *= 1.000001 }, "stated objective"},
	{"stated objective no number", func(_ *testing.T, _ *optimizer.Grid, a *optimizer.Allocation) { a.ObjectiveCents = math.NaN() }, "stated objective"},
	{"stated bound too low", func(_ *testing.T, _ *optimizer.Grid, a *optimizer.Allocation) { a.BoundCents *= 0.999999 }, "stated bound"},
	{"ladders missing", func(_ *testing.T, _ *optimizer.Grid, a *optimizer.Allocation) { a.Chosen = a.Chosen[1:] }, "ladders for 300"},
	{"prices missing", func(_ *testing.T, _ *optimizer.Grid, a *optimizer.Allocation) { a.Prices = nil }, "0 prices for"},
	{"not optimal", func(_ *testing.T, _ *optimizer.Grid, a *optimizer.Allocation) { a.Status = optimizer.TimeLimit }, "time_limit"},
}

func TestGridCertificateRefusesPlantedFaults(t *testing.T) {
	right := mustCertify(t, optimizer.Boxstep{}, auditedGrid(t))
	if len(right.Split) == 0 {
		t.Fatal("no shares to tamper with")
	}
	for _, c := range plantedFaults {
		t.Run(c.name, func(t *testing.T) {
			g, a := auditedGrid(t), *right
			a.Chosen, a.Split, a.Prices = slices.Clone(a.Chosen), slices.Clone(a.Split), slices.Clone(a.Prices)
			c.plant(t, g, &a)
			err := certify(t, g, &a).Err(optimizer.Tolerance{})
			if !errors.Is(err, optimizer.ErrCertificate) || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("error %v, want %q", err, c.want)
			}
		})
	}
}

// TestGridCertificateRecomputes compares every figure with sums written down
// plainly over all ladders of all customers, for arbitrary shares and prices.
func TestGridCertificateRecomputes(t *testing.T) {
	cases := uint64(1500)
	if testing.Short() {
		cases = 200
	}
	for n := range cases {
		rng := seeded(211, n)
		g := drawGrid(t, rng, gridKind{customers: 1 + rng.IntN(12), touches: 1 + rng.IntN(3), demands: true, zeros: true, levels: rng.IntN(2) == 0})
		all := shoppersOf(t, g)
		a := &optimizer.Allocation{Status: optimizer.Optimal, Chosen: make([]optimizer.Rungs, len(all))}
		for range g.Rows {
			a.Prices = append(a.Prices, 8*rng.Float64()-4)
		}
		objective, bound, used := 0.0, 0.0, make([]float64, len(g.Rows))
		for i, s := range all {
			best, ladders := 0.0, laddersOf(g, s)
			for _, l := range ladders {
				worth, use := worthOf(g, s, l)
				for r, x := range use {
					worth -= a.Prices[r] * x
				}
				best = max(best, worth)
			}
			bound += best
			if len(ladders) == 0 {
				continue
			}
			share := 1.0
			ladder := ladders[rng.IntN(len(ladders))]
			if rng.IntN(3) == 0 {
				share = rng.Float64()
				a.Split = append(a.Split, optimizer.Share{Customer: int32(i), Rungs: optimizer.RungsOf(ladder...), Share: share})
			} else {
				a.Chosen[i] = optimizer.RungsOf(ladder...)
			}
			worth, use := worthOf(g, s, ladder)
			objective += share * worth
			for r, x := range use {
				used[r] += share * x
			}
		}
		violation := 0.0
		for r := range g.Rows {
			bound += a.Prices[r] * g.Rows[r].Limit
			excess := used[r] - g.Rows[r].Limit
			if g.Rows[r].Sense == optimizer.AtLeast {
				excess = -excess
			}
			violation = max(violation, excess/max(1, math.Abs(g.Rows[r].Limit)))
		}
		c := certify(t, g, a)
		slacks := c.RowSlackCents + c.CustomerSlackCents + c.OptionSlackCents
		for _, x := range []struct {
			name      string
			got, want float64
		}{
			{"objective", c.ObjectiveCents, objective}, {"bound", c.BoundCents, bound}, {"row violation", c.RowViolation, violation},
			{"slacks", slacks, bound - objective}, {"customer violation", c.CustomerViolation, 0}, {"share violation", c.ShareViolation, 0},
		} {
			if !(math.Abs(x.got-x.want) <= 1e-10*(1+math.Abs(bound)+math.Abs(objective))) {
				t.Fatalf("case %d (%s): %s %.15g, want %.15g", n, describeGrid(g), x.name, x.got, x.want)
			}
		}
		if c.PlanFault != "" {
			t.Fatalf("case %d (%s): %s", n, describeGrid(g), c.PlanFault)
		}
	}
}

func TestGridCertificateNeedsReadableValues(t *testing.T) {
	g := auditedGrid(t)
	a := mustCertify(t, optimizer.Boxstep{}, g)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := optimizer.CheckGrid(ctx, g, a); !errors.Is(err, context.Canceled) {
		t.Fatalf("error %v, want %v", err, context.Canceled)
	}
	g.Values = recut(t, g, 7, func(b *optimizer.Block) { b.Profile = []int32{9, 9, 9, 9, 9, 9, 9} })
	if _, err := optimizer.CheckGrid(context.Background(), g, a); !errors.Is(err, data.ErrBadNumber) || !strings.Contains(err.Error(), "profile 9 of 2") {
		t.Fatalf("error %v, want a profile refused", err)
	}
}

// A value that is no amount is refused with its place whoever has which ladder.
func TestGridCertificateRefusesValuesThatAreNoAmount(t *testing.T) {
	const customer, slot = 5, 3
	for _, touches := range []int{1, 2} {
		for _, bad := range []float64{math.NaN(), math.Inf(1)} {
			for _, wide := range []bool{false, true} {
				g, err := optimizer.NewInstance(optimizer.Instance{Customers: 20, Channels: 2, Days: 3, Seed: 41, Ladder: optimizer.LadderRule{Touches: touches}})
				if err != nil {
					t.Fatal(err)
				}
				setShoppers(t, g, shoppersOf(t, g), wide)
				a := &optimizer.Allocation{Status: optimizer.Optimal, Chosen: make([]optimizer.Rungs, 20), Prices: make([]float64, len(g.Rows))}
				g.Values = recut(t, g, 7, func(b *optimizer.Block) {
					if k := (customer-b.First)*len(g.Slots) + slot; b.First == 0 && wide {
						b.Wide[k] = bad
					} else if b.First == 0 {
						b.Narrow[k] = float32(bad)
					}
				})
				if _, err := optimizer.CheckGrid(context.Background(), g, a); !errors.Is(err, data.ErrBadNumber) || !strings.Contains(err.Error(), "customer 5, slot 3:") {
					t.Errorf("touches %d, %g, wide %v: error %v", touches, bad, wide, err)
				}
			}
		}
	}
}

// BenchmarkGridCertificate checks a million customers, at prices of their own.
func BenchmarkGridCertificate(b *testing.B) {
	for _, touches := range []int{1, 3} {
		b.Run(fmt.Sprintf("touches=%d", touches), func(b *testing.B) {
			g, err := optimizer.NewInstance(optimizer.Instance{Customers: 1_000_000, Channels: 5, Days: 14, Seed: 1,
				Ladder: optimizer.LadderRule{Touches: touches, GapDays: 2, Factor: [][]float64{nil, {0, 0, 0.5, 0.7}, {0, 0, 0.4, 0.5}}}})
			if err != nil {
				b.Fatal(err)
			}
			a := &optimizer.Allocation{Status: optimizer.Optimal, Chosen: make([]optimizer.Rungs, g.Values.Customers()), Prices: make([]float64, len(g.Rows))}
			for i, s := range []int{3, 40, 69} {
				if i < touches {
					a.Prices[1+s] = 50
				}
			}
			for b.Loop() {
				if _, err := optimizer.CheckGrid(context.Background(), g, a); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(b.Elapsed().Seconds()*1e9/float64(b.N)/float64(g.Values.Customers()), "ns/customer")
		})
	}
}
