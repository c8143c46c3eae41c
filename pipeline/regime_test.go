package pipeline

import (
	"testing"

	"dunning/data"
	"dunning/data/synth"
	"dunning/models/registry"
)

// From month 18 on everybody pays at 0.4 of the pace. A company that trains before the
// break, two months after it and at the end of month 24 gets the alarm within two
// months; in every month after the break the log loss out of time is at most that of
// the trailing base rate; and the gate lets each training replace the one before, which
// knew less of the new time.
func TestRegimeBreakIsSeenAndSurvivedByTheWholeWay(t *testing.T) {
	if testing.Short() {
		t.Skip("trains three times")
	}
	home := t.TempDir()
	c := synth.DefaultConfig()
	c.Customers, c.Months, c.Seed, c.SwitchMonth, c.SwitchPace, c.Truth = 600, 24, 8, 18, 0.4, false
	_, err := synth.Write(t.Context(), c, home, synth.Parquet, nil)
	must(t, err)
	_, err = WriteConfig(home, string(synth.Parquet), c.End.String(), false)
	must(t, err)
	must(t, WriteSimulatedKey(home))
	config, err := LoadConfig(home)
	must(t, err)
	config.Train.Rounds = 40
	after := func(months int) data.Date { return data.DateOf(c.End.Time().AddDate(0, months-24, 0)) }
	broken := after(18)
	worst := map[data.Date]float64{} // log loss over the base rate's, by month after the break
	alarmed := false
	for _, asOf := range []data.Date{broken, after(20), after(24)} {
		config.AsOf = &asOf
		_, err := runTest(t.Context(), home, config, []Stage{ExtractStage(), FeaturesStage(), TrainStage()}, RunOptions{})
		must(t, err)
		refused, err := Promote(t.Context(), home, config, asOf, "test")
		must(t, err)
		if refused != "" {
			t.Errorf("the training of %s is refused: %s", asOf, refused)
		}
		v, err := OpenTrained(Models(home), registry.Champion)
		must(t, err)
		if v.AsOf != asOf {
			t.Fatalf("on %s the version of %s is in force", asOf, v.AsOf)
		}
		for _, w := range v.Evaluation.Health.Weeks {
			if w.Alarm && w.From+7 <= broken {
				t.Errorf("on %s: an alarm in the week from %s on, before the break", asOf, w.From)
			}
			alarmed = alarmed || w.Alarm && asOf <= after(20)
		}
		for _, m := range v.Evaluation.Health.Vintages {
			t.Logf("on %s: %s: %d rows, %.3f predicted, %.3f paid, log loss %.4f, base rate %.4f", asOf, m.Month, m.Rows, m.Predicted, m.Observed, *m.LogLoss, *m.BaseLogLoss)
			if m.Month+31 > broken {
				worst[m.Month] = max(worst[m.Month], *m.LogLoss / *m.BaseLogLoss)
			}
		}
	}
	if !alarmed {
		t.Error("no alarm within two months")
	}
	for month, ratio := range worst {
		if ratio > 1 {
			t.Errorf("month %s: log loss %.3f times that of the trailing base rate", month, ratio)
		}
	}
	if len(worst) < 6 {
		t.Errorf("only %d months after the break were judged", len(worst))
	}
}
