package credit_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"dunning/credit"
)

// With two choices, credit of worth g·(1 − p) − l·p or none, the value of a
// normal signal has a closed form: credit is given above the score where the
// posterior PD is g/(g + l).
func TestEVOIAgreesWithTheClosedForm(t *testing.T) {
	const g, l = 12_000.0, 65_000.0
	worth := func(p float64) float64 { return max(0, g*(1-p)-l*p) }
	phi := func(z float64) float64 { return 0.5 * math.Erfc(-z/math.Sqrt2) }
	for _, d := range []float64{0.3, 1, 2.5} {
		b := &credit.BureauPolicy{Signal: &credit.Signal{MeanGood: d, MeanBad: 0, SD: 1}}
		for _, p := range []float64{0.01, 0.1, g / (g + l), 0.3, 0.8} {
			// Log-odds after score s: logit(p) − d·s + d²/2; credit where below log(g/l).
			cut := (math.Log(p/(1-p)) - math.Log(g/l) + d*d/2) / d
			want := g*(1-p)*phi(d-cut) - l*p*phi(-cut) - worth(p)
			if got := b.EVOI(p, worth); math.Abs(got-want) > 2 { // of a hundredth of a real, in cents
				t.Errorf("strength %g, PD %g: %.2f, want %.2f", d, p, got, want)
			}
		}
	}
}

func TestEVOIOfBands(t *testing.T) {
	worth := func(p float64) float64 { return max(0, 100*(1-p)-400*p) }
	b := &credit.BureauPolicy{Bands: []credit.Band{{To: 500, Good: 0.2, Bad: 0.7}, {To: 1000, Good: 0.8, Bad: 0.3}}}
	// At a PD of .2 both choices are worth 0; after a good report (chance
	// .8·.8 + .2·.3 = .7) the PD is .06/.7, so .7·(100 − 500·.06/.7) = 40.
	if got := b.EVOI(0.2, worth); math.Abs(got-40) > 1e-9 {
		t.Errorf("%g, want 40", got)
	}
	if got := b.EVOI(0.9, worth); math.Abs(got) > 1e-12 { // nothing would change
		t.Errorf("%g, want 0", got)
	}
}

// A report is worth nothing to whom it cannot change, and never less than
// nothing to who decides by worth.
func TestAdviceOnReports(t *testing.T) {
	a := analyst(t)
	for fields, why := range map[string]string{
		shaky + `, "requested_cents": 800000`:                                           "worth_it",
		safe + `, "requested_cents": 20000`:                                             "not_worth_it",
		risky + `, "requested_cents": 20000`:                                            "not_worth_it",
		shaky + `, "bureau": {"at": "2026-03-01", "score": 600}`:                        "used",
		shaky + `, "bureau": {"at": "2026-03-01", "score": 600, "negative_records": 4}`: "used",
	} {
		v := analysed(t, a, fields)
		if v.Bureau.Why != why || v.Bureau.Buy != (why == "worth_it") || v.Bureau.Buy != (v.Bureau.EVOICents > v.Bureau.PriceCents) {
			t.Errorf("%s: %+v, want %s", fields, v.Bureau, why)
		}
	}
}

// The signal is recovered from reports, and what the PD knows already is not
// counted again: a score that is a noisy copy of the PD adds little.
func TestEstimateSignal(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	const n = 40_000
	pd, y, fresh, stale := make([]float64, n), make([]float64, n), make([]float64, n), make([]float64, n)
	for i := range n {
		z := rng.NormFloat64()
		pd[i] = 1 / (1 + math.Exp(1.5-z))
		if rng.Float64() < pd[i] {
			y[i] = 1
		}
		fresh[i] = 500 + 60*(1-2*y[i]) + 100*rng.NormFloat64()
		stale[i] = 500 - 100*z + 100*rng.NormFloat64()
	}
	s := credit.EstimateSignal(pd, y, fresh)
	if math.Abs(s.Strength()-1.2) > 0.05 || math.Abs(s.SD-100) > 2 || math.Abs((s.MeanGood+s.MeanBad)/2-500) > 4 {
		t.Errorf("%+v of strength %.3f, true 1.2", s, s.Strength())
	}
	if s := credit.EstimateSignal(pd, y, stale); s.Strength() > 0.1 {
		t.Errorf("a copy of the PD has strength %.3f", s.Strength())
	}
}
