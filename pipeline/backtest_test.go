package pipeline

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"dunning/data"
)

// loggedAtRandom is a log of decisions between holding, an SMS and a call: SMS
// help those of even number by 20 points, calls nobody. The estimates know that.
func loggedAtRandom(rows int, prob [3]float64) *loggedBench {
	rng := rand.New(rand.NewPCG(3, 9))
	b := emptyLoggedBench(&Work{Config: &Config{Channels: map[data.Channel]ChannelConfig{data.SMS: {CostCents: 10}, data.Voice: {CostCents: 60}}}})
	able := make([]bool, len(data.Channels))
	for k := range able {
		able[k] = true
	}
	for i := range rows {
		h := &HeldOut{UnitID: fmt.Sprint(i), CustomerID: fmt.Sprint(i / 2), PayProb: .3, Option: data.Hold}
		sms, voice := 0.0, 0.0
		if i%2 == 0 {
			sms = .2
		}
		h.UpliftSMS, h.UpliftVoice = &sms, &voice
		p := loggedPoint{HeldOut: h, prob: prob[0], balance: 10_000 * (1 + float64(i%3)), able: able}
		chance := .3
		switch u := rng.Float64(); {
		case u < prob[1]:
			h.Option, p.prob = data.SMS, prob[1]
			chance += sms
		case u < prob[1]+prob[2]:
			h.Option, p.prob = data.Voice, prob[2]
		}
		p.paid = indicator(rng.Float64() < chance)
		b.add(p)
	}
	return b
}

// Policies are worth what they truly bring, within three standard errors, and
// none spends more than its budget.
func TestBacktestLog_ValuesPolicies(t *testing.T) {
	b := loggedAtRandom(12_000, [3]float64{.5, .3, .2})
	for _, c := range []struct {
		policy string
		truth  float64 // cents per decision: 20 points of 20,000 for half of them
	}{
		{PolicyOurs, 2000}, {PolicyPropensity, 2000}, {PolicyBalance, 0}, {PolicyNone, 0},
	} {
		const budget = 60 * 12_000
		choice := b.choose(c.policy, budget)
		spent := 0.0
		for _, k := range choice {
			if k >= 0 {
				spent += b.cost(k)
			}
		}
		got, err := b.judge(context.Background(), c.policy, choice)
		if err != nil || got.Refused != "" {
			t.Fatalf("%s: %v %s", c.policy, err, got.Refused)
		}
		if spent > budget || math.Abs(*got.ValueCents-c.truth) > 3**got.StderrCents+1e-9 || *got.StderrCents > 300 {
			t.Errorf("%s: %.0f ± %.0f cents per decision for %.0f of %d, truth %.0f", c.policy, *got.ValueCents, *got.StderrCents, spent, budget, c.truth)
		}
	}
	few := b.choose(PolicyOurs, 10*100)
	for i, k := range few {
		if k >= 0 && (k != data.SMS.Index() || i%3 != 2 || i%2 != 0) {
			t.Fatalf("a small budget goes to decision %d, channel %d", i, k)
		}
	}
}

// A policy of touches that the log hardly ever made is refused.
func TestBacktestLog_RefusesWithoutOverlap(t *testing.T) {
	b := loggedAtRandom(4000, [3]float64{.98, .018, .002})
	got, err := b.judge(context.Background(), PolicyBalance, b.choose(PolicyBalance, 1e9))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(got.Refused, "effective sample size") || got.ValueCents != nil {
		t.Errorf("refused: %q, value %v", got.Refused, got.ValueCents)
	}
}

func TestExpectedLossIsLeastForTheTruth(t *testing.T) {
	for _, p := range []float64{0, .1, .5, 1} {
		for _, q := range []float64{0, .05, .3, .9, 1} {
			if q != p && !(expectedLoss(p, q) > expectedLoss(p, p)) {
				t.Errorf("truth %g: predicting %g costs %g, the truth %g", p, q, expectedLoss(p, q), expectedLoss(p, p))
			}
		}
	}
}
