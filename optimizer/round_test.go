//go:build cgo

package optimizer_test

import (
	"errors"
	"math"
	"slices"
	"testing"

	"dunning/optimizer"
	"dunning/optimizer/clp"
)

// bestWhole enumerates all whole allocations; ok is false when none is
// feasible.
func bestWhole(p *optimizer.Problem) (best float64, ok bool) {
	options := make([][]int32, p.Customers())
	for j, c := range p.Candidates {
		options[c.Customer] = append(options[c.Customer], int32(j))
	}
	x := make([]bool, len(p.Candidates))
	var walk func(i int, value float64)
	walk = func(i int, value float64) {
		if i == len(options) {
			if len(unmetRows(p, x)) == 0 && (!ok || value > best) {
				best, ok = value, true
			}
			return
		}
		walk(i+1, value)
		for _, j := range options[i] {
			x[j] = true
			walk(i+1, value+p.Candidates[j].ValueCents)
			x[j] = false
		}
	}
	walk(0, 0)
	return best, ok
}

func unmetRows(p *optimizer.Problem, x []bool) (unmet []string) {
	for _, row := range p.Rows {
		used := 0.0
		for _, u := range row.Use {
			if x[u.Candidate] {
				used += u.Amount
			}
		}
		slack := 1e-8 * max(1, math.Abs(row.Limit))
		if row.Sense == optimizer.AtMost && used > row.Limit+slack || row.Sense == optimizer.AtLeast && used < row.Limit-slack {
			unmet = append(unmet, row.Name)
		}
	}
	return unmet
}

// TestRoundIsFeasibleAndNearTheBestWholePlan compares with all whole plans of
// small problems.
func TestRoundIsFeasibleAndNearTheBestWholePlan(t *testing.T) {
	plans, exact, missed := 0, 0, 0
	ours, theirs := 0.0, 0.0
	for n := range uint64(600) {
		rng := seeded(41, n)
		p := randomProblem(rng, 1+rng.IntN(5))
		if len(p.Candidates) > 24 {
			continue
		}
		sol := solve(t, clp.New(), p)
		if sol.Status != optimizer.Optimal {
			continue
		}
		plan, err := optimizer.Round(p, sol)
		if err != nil {
			t.Fatal(err)
		}
		checkPlan(t, n, p, sol, plan)
		best, ok := bestWhole(p)
		if len(plan.Unmet) > 0 {
			if ok {
				missed++
			}
			continue
		}
		if !ok || plan.ValueCents > best+1e-6 {
			t.Fatalf("case %d (%s): plan %g, best whole plan %g %v", n, describe(p), plan.ValueCents, best, ok)
		}
		plans++
		ours, theirs = ours+plan.ValueCents, theirs+best
		if plan.ValueCents > best-1e-6 {
			exact++
		}
	}
	t.Logf("%d plans, %d of them the best, together %.4f of the best; %d feasible cases missed a row", plans, exact, ours/theirs, missed)
	if plans < 200 || ours < 0.97*theirs || missed > plans/50 {
		t.Fatal("whole plans are too far from the best")
	}
}

// checkPlan checks what must hold for every plan: one candidate per customer,
// sums, rows met except those that it names, the loss.
func checkPlan(t *testing.T, n uint64, p *optimizer.Problem, s *optimizer.Solution, plan *optimizer.Plan) {
	t.Helper()
	x := make([]bool, len(p.Candidates))
	last, value, cost := int32(-1), 0.0, 0.0
	for _, j := range plan.Chosen {
		c := p.Candidates[j]
		if c.Customer <= last {
			t.Fatalf("case %d: customer %d after %d", n, c.Customer, last)
		}
		last, x[j] = c.Customer, true
		value, cost = value+c.ValueCents, cost+c.CostCents
	}
	if math.Abs(value-plan.ValueCents) > 1e-6 || math.Abs(cost-plan.CostCents) > 1e-6 ||
		math.Abs(s.BoundCents-value-plan.LossCents) > 1e-6 {
		t.Fatalf("case %d: value %g, cost %g, loss %g; plan says %+v", n, value, cost, s.BoundCents-value, plan)
	}
	var named []string
	for _, u := range plan.Unmet {
		named = append(named, u.Row)
	}
	if unmet := unmetRows(p, x); !slices.Equal(unmet, named) {
		t.Fatalf("case %d: rows %v are unmet, plan names %v", n, unmet, named)
	}
}

func TestRoundLosesAtMostAFewCustomers(t *testing.T) {
	p, err := optimizer.Instance{Customers: 3000, Channels: 5, Days: 14, Seed: 6}.Problem()
	if err != nil {
		t.Fatal(err)
	}
	s := solve(t, optimizer.Boxstep{LP: clp.New()}, p)
	plan, err := optimizer.Round(p, s)
	if err != nil {
		t.Fatal(err)
	}
	checkPlan(t, 0, p, s, plan)
	largest, binding := 0.0, 0
	for _, c := range p.Candidates {
		largest = max(largest, c.ValueCents)
	}
	for _, y := range s.Prices {
		if y > 0 {
			binding++
		}
	}
	t.Logf("loss %.2f of %.2f cents, %d fractional customers, %d binding rows", plan.LossCents, s.BoundCents, plan.Fractional, binding)
	if plan.Fractional > binding || plan.LossCents > float64(plan.Fractional)*largest || plan.LossCents < -1e-6 || len(plan.Unmet) > 0 {
		t.Fatalf("%+v", plan)
	}
}

func TestRoundRefusesWhatIsNotOptimal(t *testing.T) {
	_, err := optimizer.Round(&optimizer.Problem{}, &optimizer.Solution{Status: optimizer.TimeLimit})
	if !errors.Is(err, optimizer.ErrNotOptimal) {
		t.Fatalf("error %v", err)
	}
}
