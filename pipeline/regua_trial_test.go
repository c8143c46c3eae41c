package pipeline

import (
	"context"
	"math"
	"math/rand/v2"
	"testing"

	"dunning/policy/regua"
)

// TestATrialIsThePlan: what a trial says a replacing régua leaves to the
// recommendation, found from the values of everybody and from the prices of the
// plan without it, is what a plan with the régua finds from nothing; and beside it
// the recommendation is the plan without.
func TestATrialIsThePlan(t *testing.T) {
	ctx := context.Background()
	for seed := range uint64(4) {
		free := reguaPlanner(t, 160, seed)
		must(t, free.build(free.value, nil))
		captured := func(mode regua.Mode) *planner {
			r, err := regua.Parse([]byte(ownRegua))
			must(t, err)
			r.Mode = mode
			p := reguaPlanner(t, 160, seed)
			p.captureSome(t, r, free.grid, free.values, rand.New(rand.NewPCG(seed, 2)))
			must(t, p.build(p.value, nil))
			return p
		}
		values := free.values
		must(t, free.solve(ctx))
		if len(free.ids) != values.Customers() {
			t.Fatalf("seed %d: %d customers of %d", seed, len(free.ids), values.Customers())
		}
		plan := captured(regua.Replace)
		must(t, plan.solve(ctx))

		trial := captured(regua.Compete)
		everybody := trial.values
		must(t, trial.solve(ctx))
		if got, want := trial.answer.ObjectiveCents, free.answer.ObjectiveCents; math.Abs(got-want) > 1e-6*want {
			t.Errorf("seed %d: the recommendation brings %.3f beside a competing régua, %.3f without", seed, got, want)
		}
		trial.reguas.set.Reguas[0].Mode = regua.Replace
		with, err := trial.beside(ctx, everybody)
		must(t, err)
		if got, want := with.answer.ObjectiveCents, plan.answer.ObjectiveCents; math.Abs(got-want) > 1e-6*want {
			t.Errorf("seed %d: %.3f is left to the recommendation, in the plan %.3f", seed, got, want)
		}
		if got, want := with.fixedCents(), plan.fixedCents(); math.Abs(got-want) > 1e-6 || got == 0 {
			t.Errorf("seed %d: the régua brings %.3f, in the plan %.3f", seed, got, want)
		}
		for r := range plan.grid.Rows {
			if got, want := with.grid.Rows[r].Limit, plan.grid.Rows[r].Limit; got != want {
				t.Errorf("seed %d: row %s leaves %g, in the plan %g", seed, plan.grid.Rows[r].Name, got, want)
			}
		}
		forgone := free.answer.ObjectiveCents - with.answer.ObjectiveCents - with.fixedCents()
		if forgone <= 0 {
			t.Errorf("seed %d: %.3f forgone: the test sees little", seed, forgone)
		}
	}
}

// TestForgoneIsBounded: what a plan says its replacing régua forgoes at most is no
// less than what a trial finds, and says something: here the régua has a quarter of
// the customers and most of the money, which makes the plan's prices high.
func TestForgoneIsBounded(t *testing.T) {
	ctx := context.Background()
	for seed := range uint64(4) {
		free := reguaPlanner(t, 160, seed)
		must(t, free.build(free.value, nil))
		r, err := regua.Parse([]byte(ownRegua))
		must(t, err)
		plan := reguaPlanner(t, 160, seed)
		plan.brief = false
		plan.captureSome(t, r, free.grid, free.values, rand.New(rand.NewPCG(seed, 2)))
		must(t, plan.build(plan.value, nil))
		must(t, plan.solve(ctx))
		must(t, free.solve(ctx))
		outcomes := plan.outcomes()
		must(t, plan.compareReguas(ctx, outcomes))
		forgone := free.answer.ObjectiveCents - plan.answer.ObjectiveCents - plan.fixedCents()
		o := outcomes[0]
		if o.ForgoneMostCents == nil || float64(*o.ForgoneMostCents) < forgone-1 {
			t.Fatalf("seed %d: %v forgone at most, the two plans differ by %.1f", seed, o.ForgoneMostCents, forgone)
		}
		if most := float64(*o.ForgoneMostCents); most > 2.5*forgone || forgone <= 0 {
			t.Errorf("seed %d: %.1f forgone at most, truly %.1f: the bound says little", seed, most, forgone)
		}
	}
}
