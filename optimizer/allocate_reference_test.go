//go:build cgo

package optimizer_test

import (
	"context"
	"fmt"
	"math"
	"testing"

	"dunning/optimizer"
	"dunning/optimizer/clp"
)

// agreement compares an allocation with a reference optimum.
func agreement(g *optimizer.Grid, a *optimizer.Allocation, status optimizer.Status, want float64) error {
	if a.Status != status {
		return fmt.Errorf("%s: %s, reference %s", describeGrid(g), a.Status, status)
	}
	if status == optimizer.Optimal && !(math.Abs(a.ObjectiveCents-want) <= 1e-9*max(worthOfOne, math.Abs(want))) {
		return fmt.Errorf("%s: objective %.15g, reference %.15g", describeGrid(g), a.ObjectiveCents, want)
	}
	return nil
}

// worthOfOne is about the largest value of a random grid: objectives near 0 are
// differences of such.
const worthOfOne = 16

// mostFailures is how many failing cases a test prints before it stops.
const mostFailures = 20

// columnsFor draws how many columns a reduced program may have: often so few
// that samples narrow the box and boxes must move.
func columnsFor(n uint64) int {
	if n%3 == 0 {
		return 0
	}
	return 1 + int(n%60)
}

func TestAllocateAgreesWithTheWholeLinearProgram(t *testing.T) {
	cases := uint64(1500)
	if testing.Short() {
		cases = 400
	}
	failures, optimal, infeasible, split, moved := 0, 0, 0, 0, 0
	for n := range cases {
		rng := seeded(101, n)
		g := drawGrid(t, rng, gridKind{customers: 1 + rng.IntN(30), touches: 1, demands: n%2 == 0, zeros: true, levels: rng.IntN(2) == 0})
		p, err := g.Problem(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		want, err := optimizer.FullLP{LP: clp.New()}.Solve(context.Background(), p)
		if err != nil {
			t.Fatal(err)
		}
		a, err := certified(optimizer.Boxstep{MaxColumns: columnsFor(n)}, g)
		if err == nil {
			err = agreement(g, a, want.Status, want.ObjectiveCents)
		}
		if err != nil {
			t.Errorf("case %d: %v (reference %s)", n, err, want.Status)
			if failures++; failures == mostFailures {
				return
			}
			continue
		}
		if a.Status != optimizer.Optimal {
			infeasible++
			continue
		}
		optimal++
		if len(a.Split) > 0 {
			split++
		}
		if len(a.Work.Undecided) > 1 {
			moved++
		}
	}
	t.Logf("%d optimal (%d with shares, %d after more than one box), %d infeasible", optimal, split, moved, infeasible)
	if split < optimal/20 || moved < optimal/20 || infeasible < int(cases)/50 {
		t.Fatal("the cases do not test")
	}
}

func TestAllocateOfLaddersAgreesWithTheWholeLinearProgram(t *testing.T) {
	cases := uint64(800)
	if testing.Short() {
		cases = 200
	}
	failures, optimal, infeasible, split, long := 0, 0, 0, 0, 0
	for n := range cases {
		rng := seeded(103, n)
		g := drawGrid(t, rng, gridKind{customers: 1 + rng.IntN(12), touches: 2 + int(n%2), zeros: true, demands: n%4 < 2, levels: rng.IntN(2) == 0})
		want, err := clp.New().SolveLP(context.Background(), ladderLP(t, g))
		if err != nil {
			t.Fatal(err)
		}
		a, err := certified(optimizer.Boxstep{MaxColumns: columnsFor(n)}, g)
		if err == nil {
			err = agreement(g, a, want.Status, want.Objective)
		}
		if err != nil {
			t.Errorf("case %d: %v (reference %s)", n, err, want.Status)
			if failures++; failures == mostFailures {
				return
			}
			continue
		}
		if a.Status != optimizer.Optimal {
			infeasible++
			continue
		}
		optimal++
		if len(a.Split) > 0 {
			split++
		}
		for _, r := range a.Chosen {
			if r.Touches() > 1 {
				long++
				break
			}
		}
	}
	t.Logf("%d optimal (%d with shares, %d with ladders of several touches), %d infeasible", optimal, split, long, infeasible)
	if split < optimal/20 || long < optimal/4 || infeasible < int(cases)/50 {
		t.Fatal("the cases do not test")
	}
}
