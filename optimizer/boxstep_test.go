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
		box := optimizer.Boxstep{LP: full, Seed: n, MaxColumns: 1 + rng.IntN(60)}
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
		p, err := optimizer.NewInstance(c)
		if err != nil {
			t.Fatal(err)
		}
		in := func(o *optimizer.Candidate) bool { return o.Customer%50 == 7 }
		p.Rows = append(p.Rows, p.MinTouchesRow("rare segment", in, float64(c.Customers)/50*0.8),
			p.MaxShareRow("share", func(o *optimizer.Candidate) bool { return o.Customer%3 == 0 }, 0.3))
		want := solve(t, clp.New(), p)
		got := solve(t, optimizer.Boxstep{LP: clp.New(), Seed: 7}, p)
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
	p, err := optimizer.NewInstance(optimizer.Instance{Customers: 1500, Channels: 3, Days: 6, Seed: 4})
	if err != nil {
		t.Fatal(err)
	}
	s := optimizer.Boxstep{LP: clp.New(), Seed: 9, MaxColumns: 2000}
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
