//go:build cgo

package optimizer_test

import (
	"context"
	"math"
	"testing"

	"dunning/optimizer"
	"dunning/optimizer/clp"
)

// TestBoxstepAgreesWithFullLP compares both solvers on random problems of every
// kind of row, with so few columns allowed that the boxes start from samples
// and must move.
func TestBoxstepAgreesWithFullLP(t *testing.T) {
	cases := uint64(1500)
	if testing.Short() {
		cases = 200
	}
	full := clp.New()
	optimal, infeasible, settled, moved := 0, 0, 0, 0
	for n := range cases {
		rng := seeded(23, n)
		p := randomProblem(rng, 16+rng.IntN(60))
		box := optimizer.Boxstep{LP: full, MaxColumns: 1 + rng.IntN(60)}
		want, got := solve(t, full, p), solve(t, box, p)
		if got.Status != want.Status {
			t.Fatalf("case %d (%s): boxstep %s, clp %s", n, describe(p), got.Status, want.Status)
		}
		if got.Status != optimizer.Optimal {
			infeasible++
			continue
		}
		optimal++
		if math.Abs(got.ObjectiveCents-want.ObjectiveCents) > 1e-7*max(1, math.Abs(want.ObjectiveCents)) {
			t.Fatalf("case %d (%s): boxstep %.12g, clp %.12g", n, describe(p), got.ObjectiveCents, want.ObjectiveCents)
		}
		if got.Work.LargestLP < len(p.Candidates) {
			settled++
		}
		if len(got.Work.Undecided) > 1 {
			moved++
		}
	}
	t.Logf("%d optimal (%d without the whole program, %d after moving the box), %d infeasible", optimal, settled, moved, infeasible)
	if settled < optimal/2 || moved < optimal/10 || infeasible == 0 {
		t.Fatal("the cases do not test")
	}
}

func TestBoxstepAgreesWithFullLPOnLargerInstances(t *testing.T) {
	for _, c := range []optimizer.Instance{
		{Customers: 1500, Channels: 5, Days: 14, Seed: 1},
		{Customers: 3000, Channels: 5, Days: 7, OptionShare: 1, Seed: 2},
		{Customers: 4000, Channels: 2, Days: 3, OptionShare: 1, Seed: 3},
	} {
		p, err := c.Problem()
		if err != nil {
			t.Fatal(err)
		}
		in := func(o *optimizer.Candidate) bool { return o.Customer%50 == 7 }
		p.Rows = append(p.Rows, p.MinTouchesRow("rare segment", in, float64(c.Customers)/50*0.8),
			p.MaxShareRow("share", func(o *optimizer.Candidate) bool { return o.Customer%3 == 0 }, 0.3))
		want := solve(t, clp.New(), p)
		got := solve(t, optimizer.Boxstep{LP: clp.New()}, p)
		if math.Abs(got.ObjectiveCents-want.ObjectiveCents) > 1e-9*want.ObjectiveCents {
			t.Errorf("%+v: boxstep %.12g, clp %.12g", c, got.ObjectiveCents, want.ObjectiveCents)
		}
		if got.Work.LargestLP >= len(p.Candidates) {
			t.Errorf("%+v: boxstep needed the whole linear program", c)
		}
		t.Logf("%+v: %+v", c, got.Work)
	}
}

func TestBoxstepIsDeterministic(t *testing.T) {
	p, err := optimizer.Instance{Customers: 1500, Channels: 3, Days: 6, Seed: 4}.Problem()
	if err != nil {
		t.Fatal(err)
	}
	s := optimizer.Boxstep{LP: clp.New(), MaxColumns: 2000}
	first := solve(t, s, p)
	for range 3 {
		again, err := s.Solve(context.Background(), p)
		if err != nil {
			t.Fatal(err)
		}
		if again.ObjectiveCents != first.ObjectiveCents || again.BoundCents != first.BoundCents {
			t.Fatalf("objective %v and bound %v, then %v and %v", first.ObjectiveCents, first.BoundCents, again.ObjectiveCents, again.BoundCents)
		}
		for j := range first.X {
			if first.X[j] != again.X[j] {
				t.Fatalf("share of candidate %d differs: %v, %v", j, first.X[j], again.X[j])
			}
		}
	}
}

// hardFamily alters an instance into one on which boxes struggle.
type hardFamily struct {
	name  string
	share float64 // of the slots that a customer may use
	alter func(p *optimizer.Problem)
}

// hardFamilies are thousands of tied customers, closed rows, demands, harm,
// heavy tails, contradictions, for n customers.
func hardFamilies(n float64) []hardFamily {
	segment := func(c *optimizer.Candidate) int { return int(c.Customer*7+c.Customer/3) % 6 }
	return []hardFamily{
		{"values by segment and channel", 1, func(p *optimizer.Problem) {
			for j := range p.Candidates {
				c := &p.Candidates[j]
				c.ValueCents = 100 * float64((1+segment(c))*(2+c.Channel.Index()))
			}
		}},
		{"values by segment, some options blocked", 0.6, func(p *optimizer.Problem) {
			for j := range p.Candidates {
				c := &p.Candidates[j]
				c.ValueCents = 100 * float64((1+segment(c))*(2+c.Channel.Index())) * math.Pow(0.97, float64(c.Day-day0))
			}
		}},
		{"zero budget", 1, func(p *optimizer.Problem) { p.Rows[0].Limit = 0 }},
		{"a channel closed on half of the days", 1, func(p *optimizer.Problem) {
			for r := 2; r < len(p.Rows); r += 2 {
				p.Rows[r].Limit = 0
			}
		}},
		{"a minimum over a closed row", 1, func(p *optimizer.Problem) {
			p.Rows[1].Limit = 0
			p.Rows = append(p.Rows, p.MinTouchesRow("min", func(c *optimizer.Candidate) bool { return c.Day == day0 }, 30))
		}},
		{"minimum and share of every segment", 1, func(p *optimizer.Problem) {
			for s := range 6 {
				in := func(c *optimizer.Candidate) bool { return segment(c) == s }
				p.Rows = append(p.Rows, p.MinTouchesRow("min "+string(rune('a'+s)), in, n/6*0.3), p.MaxShareRow("max "+string(rune('a'+s)), in, 0.18))
			}
		}},
		{"half of the touches do harm", 1, func(p *optimizer.Problem) {
			for j := range p.Candidates {
				p.Candidates[j].ValueCents -= 500
			}
		}},
		{"heavy tail", 1, func(p *optimizer.Problem) {
			for j := range p.Candidates {
				p.Candidates[j].ValueCents *= math.Exp(3 * seeded(1, uint64(p.Candidates[j].Customer)).NormFloat64())
			}
		}},
		{"contradiction", 1, func(p *optimizer.Problem) {
			p.Rows = append(p.Rows, p.MinTouchesRow("everybody", nil, n))
		}},
	}
}

func TestBoxstepOnHardFamilies(t *testing.T) {
	const n = 800
	for _, c := range hardFamilies(n) {
		t.Run(c.name, func(t *testing.T) {
			p, err := optimizer.Instance{Customers: n, Channels: 4, Days: 5, OptionShare: c.share, Seed: 12}.Problem()
			if err != nil {
				t.Fatal(err)
			}
			c.alter(p)
			want := solve(t, clp.New(), p)
			got := solve(t, optimizer.Boxstep{LP: clp.New(), MaxColumns: 1500}, p)
			if got.Status != want.Status || math.Abs(got.ObjectiveCents-want.ObjectiveCents) > 1e-9*max(1, math.Abs(want.ObjectiveCents)) {
				t.Fatalf("boxstep %s %.12g, clp %s %.12g", got.Status, got.ObjectiveCents, want.Status, want.ObjectiveCents)
			}
			if got.Status == optimizer.Infeasible {
				if len(got.Shortfalls) != 1 || math.Abs(got.Shortfalls[0].Reach-want.Shortfalls[0].Reach) > 1e-6*n {
					t.Fatalf("boxstep %+v, clp %+v", got.Shortfalls, want.Shortfalls)
				}
				return
			}
			if _, err := optimizer.Round(p, got); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// TestTiedCustomersMakeOneColumn checks that aggregation works at all: without
// it the reduced program has a column for most candidates.
func TestTiedCustomersMakeOneColumn(t *testing.T) {
	p, err := optimizer.Instance{Customers: 5000, Channels: 3, Days: 4, OptionShare: 1, Seed: 1}.Problem()
	if err != nil {
		t.Fatal(err)
	}
	for j := range p.Candidates {
		c := &p.Candidates[j]
		c.ValueCents = float64(100 * (1 + int(c.Customer)%5) * (1 + c.Channel.Index()))
	}
	s := solve(t, optimizer.Boxstep{LP: clp.New()}, p)
	// 5 segments of 12 options and hold, an overflow per row, a refund where the
	// box ends above 0.
	if want := 5*12 + 2*len(p.Rows); s.Work.LargestLP > want {
		t.Fatalf("%d columns, want at most %d", s.Work.LargestLP, want)
	}
}
