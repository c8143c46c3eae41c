//go:build cgo

package credit_test

import (
	"math"
	"testing"

	"dunning/credit"
	"dunning/data"
	"dunning/models/xgb"
)

// Buying only where the expected value exceeds the price beats always and never
// buying, and comes within 5 % of an oracle that knows the true PD and signal
// when it buys; what happens when scores and outcomes are drawn agrees with what
// was expected.
func TestBuyingByExpectedValueBeatsAlwaysAndNever(t *testing.T) {
	results, err := credit.BureauTrial{Applications: 3000, Train: 20_000, Bought: 4000, Strengths: []float64{0.5, 1, 2},
		PricesCents: []data.Cents{300, 1200, 4000}, Learner: &xgb.Learner{Params: xgb.Params{Rounds: 200, MaxDepth: 3, Seed: 11}}, Seed: 11}.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(results) != 9 {
		t.Fatalf("%d results", len(results))
	}
	for _, r := range results {
		t.Logf("strength %.1f (estimated %.2f), %s: never %.0f, always %.0f, rule %.0f, oracle %.0f, buys %.2f (%.2f)", r.Strength, r.Estimated, r.PriceCents.BRL(), r.Never, r.Always, r.Rule, r.Oracle, r.RuleBuys, r.OracleBuys)
		if r.Rule <= r.Never || r.Rule <= r.Always {
			t.Errorf("strength %g, %s: the rule brings %.1f, never %.1f, always %.1f", r.Strength, r.PriceCents.BRL(), r.Rule, r.Never, r.Always)
		}
		if r.Rule < 0.95*r.Oracle || r.Rule > r.Oracle {
			t.Errorf("strength %g, %s: %.3f of the oracle", r.Strength, r.PriceCents.BRL(), r.WorthOfBest)
		}
		if math.Abs(r.Realised-r.Rule) > 4*r.RealisedSE {
			t.Errorf("strength %g, %s: realised %.1f ± %.1f, expected %.1f", r.Strength, r.PriceCents.BRL(), r.Realised, r.RealisedSE, r.Rule)
		}
		if math.Abs(r.Estimated-r.Strength) > 0.15 {
			t.Errorf("strength %g is estimated as %.3f", r.Strength, r.Estimated)
		}
	}
	for k := range 3 { // a stronger signal is worth more, a dearer one is bought less often
		if !(results[6+k].Rule > results[3+k].Rule && results[3+k].Rule > results[k].Rule) {
			t.Errorf("price %d: a stronger signal brings less", k)
		}
		if !(results[3*k].RuleBuys > results[3*k+1].RuleBuys && results[3*k+1].RuleBuys > results[3*k+2].RuleBuys) {
			t.Errorf("strength %d: a dearer report is bought more often", k)
		}
	}
}
