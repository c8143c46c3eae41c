package pipeline

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"dunning/data"
	"dunning/features"
	"dunning/models"
	"dunning/models/registry"
)

// heldOutBy returns decisions that a model predicted: those of days from on,
// of people who pay by their own log-odds, which the model reads with noise.
func heldOutBy(seed uint64, from data.Date, noise float64) []HeldOut {
	people := rand.New(rand.NewPCG(1, 1)) // the same whoever predicts
	model := rand.New(rand.NewPCG(seed, 2))
	var out []HeldOut
	for i := range 3000 {
		day, x := data.Date(20000+i/30), people.NormFloat64()-0.5
		paid := people.Float64() < 1/(1+math.Exp(-x))
		read := x + noise*model.NormFloat64()
		if day < from {
			continue
		}
		out = append(out, HeldOut{UnitID: fmt.Sprint(i), CustomerID: fmt.Sprint(i % 700), AsOf: day, Option: data.Hold, Organic: true, Paid: paid,
			PayProb: 1 / (1 + math.Exp(-read)), BaseProb: 0.39})
	}
	return out
}

func aVersion(id string, rows []HeldOut) *TrainedVersion {
	return &TrainedVersion{Record: registry.Record{ID: id}, heldOut: rows, Evaluation: Evaluation{Health: &data.ModelHealth{}}}
}

func TestChallengersAreComparedOnCommonDecisions(t *testing.T) {
	for _, c := range []struct {
		name       string
		challenger *TrainedVersion
		ok         bool
		says       string
	}{
		{"the same again", aVersion("b", heldOutBy(9, 20040, 0.2)), true, "decisions that neither had seen"},
		{"a better one", aVersion("b", heldOutBy(8, 20040, 0)), true, "decisions that neither had seen"},
		{"a worse one", aVersion("b", heldOutBy(8, 20040, 1)), false, "decisions that neither had seen"},
		{"a little worse, on many", aVersion("b", heldOutBy(8, 20000, 0.3)), false, "on 3000 decisions"},
		{"a little worse, as chance would have it on few", aVersion("b", heldOutBy(8, 20092, 0.3)), true, "on 240 decisions"},
		{"nothing in common, as good", aVersion("b", heldOutBy(8, 20096, 0.1)), true, "only 0 decisions are common"},
		{"nothing in common, worthless", aVersion("b", heldOutBy(8, 20096, 4)), false, "only 0 decisions are common"},
	} {
		champion := aVersion("a", heldOutBy(7, 20000, 0.2))
		if strings.HasPrefix(c.name, "nothing") {
			for i := range champion.heldOut {
				champion.heldOut[i].UnitID += " of another year"
			}
		}
		g := GateResult{OK: true}
		g.compare(c.challenger, champion, organicHeldOut{})
		if g.OK != c.ok || !strings.Contains(g.Checks[0].Text, c.says) || g.Checks[0].Figure == nil {
			t.Errorf("%s: passed %t: %+v", c.name, g.OK, g.Checks[0])
		}
		if reason := g.Reason(); (reason == "") != c.ok {
			t.Errorf("%s: reason %q", c.name, reason)
		}
	}
}

// newestBy are decisions since the champion's training as the challenger and, with other
// noise and level, the champion predict them.
func newestBy(noise, level, champion, its float64) (o organicHeldOut) {
	theirs := heldOutBy(5, 20050, champion)
	for i, h := range heldOutBy(4, 20050, noise) {
		shift := func(p, by float64) float64 { return 1 / (1 + (1-p)/p*math.Exp(-by)) }
		o.add(&h, shift(h.PayProb, level), shift(theirs[i].PayProb, its))
	}
	return o
}

// On the newest decisions, which the champion has not seen either, the two are held
// against each other where there are any, whatever they said of older ones.
func TestChallengersAreComparedOnTheNewestDecisions(t *testing.T) {
	old, champion := aVersion("b", heldOutBy(9, 20040, 1)), aVersion("a", heldOutBy(7, 20000, 0.2))
	for _, c := range []struct {
		name                           string
		noise, level, champions, their float64
		ok, calibrated                 bool
	}{
		{"as good", 0.2, 0, 0.2, 0, true, true},
		{"the champion is left behind", 0.2, 0.1, 0.2, 1, true, true},
		{"the champion is better", 1, 0, 0.2, 0, false, false},
		{"the challenger's level is off", 0.2, 1, 0.2, 0, false, false},
	} {
		newest := newestBy(c.noise, c.level, c.champions, c.their)
		g := GateResult{OK: true}
		g.compare(old, champion, newest)
		if g.OK != c.ok || !strings.Contains(g.Checks[0].Text, "since the champion was trained") {
			t.Errorf("%s: passed %t: %+v", c.name, g.OK, g.Checks[0])
		}
		g = GateResult{OK: true} // a test period in which the level was off by 0.6
		g.calibrated(newestBy(0.2, 0.6, 0, 0), newest)
		if c.noise == 0.2 && g.OK != c.calibrated {
			t.Errorf("%s: calibrated %t: %+v", c.name, g.OK, g.Checks)
		}
	}
	// Worse on the newest by what the champion alone knew, and no worse on equal terms.
	g := GateResult{OK: true}
	if g.compare(aVersion("b", heldOutBy(9, 20040, 0.2)), champion, newestBy(1, 0, 0.2, 0)); !g.OK || !strings.Contains(g.Checks[0].Text, "on equal terms") {
		t.Errorf("no worse on equal terms: %+v", g.Checks[0])
	}
	g = GateResult{OK: true}
	if g.calibrated(newestBy(0.2, 0.6, 0, 0), organicHeldOut{}); g.OK {
		t.Errorf("a level off by 0.6, and no champion to be better than: %+v", g.Checks)
	}
}

// A payment that was booked late moves its cohort's figure a little, in the rows of all
// customers; a figure that knows what came later moves much.
func TestCohortsMayMoveByALateBooking(t *testing.T) {
	matrix := func(values ...float32) features.Matrix {
		return features.Matrix{Names: []string{"f_cohort_product_late_days", "f_other"}, Cols: [][]float32{values, {1, 2, 3, 4}}}
	}
	then := matrix(2, 2, 6, 6)
	for _, c := range []struct {
		now  features.Matrix
		rows int
	}{
		{matrix(2.01, 2.01, 6, 6), 0},
		{matrix(2.5, 2.5, 6, 6), 2},
		{matrix(2, 2, 6, float32(math.NaN())), 1},
	} {
		if n := models.Restated(then, settledCohorts(then, c.now))["f_cohort_product_late_days"]; n != c.rows {
			t.Errorf("%v: %d rows were restated, want %d", c.now.Cols[0], n, c.rows)
		}
	}
	other := matrix(2, 2, 6, 6)
	other.Cols[1] = []float32{1.01, 2, 3, 4}
	if n := models.Restated(then, settledCohorts(then, other))["f_other"]; n != 1 {
		t.Errorf("a customer's own figure: %d rows", n)
	}
}

// A calibration that went off after the champion was trained speaks against the
// champion: a training that has seen the new time replaces it. One that was off
// before holds a training back, and so does a shift of weeks that it knows.
func TestDriftThatTheChampionHasNotSeenCountsAgainstIt(t *testing.T) {
	off := data.Alarm{Kind: data.AlarmDrift, Subject: calibrationDrift, Text: "less is paid than predicted"}
	moved := data.Alarm{Kind: data.AlarmDrift, Subject: payProbShift, Text: "its population stability index is 0.40"}
	weeks := []data.CalibrationWeek{{From: 20000, Alarm: true}, {From: 20007}, {From: 20014, Alarm: true}, {From: 20021, Alarm: true}}
	for _, c := range []struct {
		name     string
		champion data.Date // 0 for none
		alarms   []data.Alarm
		ok       bool
		says     string
	}{
		{"before it began", 20014, []data.Alarm{off}, true, "counts against the champion"},
		{"after it began", 20015, []data.Alarm{off}, false, "less is paid"},
		{"no champion", 0, []data.Alarm{off}, true, "a warning"},
		{"a shift beside it, of weeks after the champion", 20000, []data.Alarm{off, moved}, true, "0.40"},
		{"a shift of weeks that the champion knows", 20025, []data.Alarm{moved}, false, "0.40"},
		{"no alarm", 20000, nil, true, "no alarm"},
	} {
		v := aVersion("b", []HeldOut{{AsOf: 20027}})
		v.Evaluation.Health.Weeks, v.Evaluation.Health.Alarms = weeks, c.alarms
		g := GateResult{OK: true}
		if c.champion > 0 {
			g.Champion, g.champion = "a", aVersion("a", nil)
			g.champion.AsOf = c.champion
		}
		g.alarms("no_drift", data.AlarmDrift, v)
		if g.OK != c.ok || !strings.Contains(g.Checks[0].Text, c.says) {
			t.Errorf("%s: passed %t: %s", c.name, g.OK, g.Checks[0].Text)
		}
	}
}
