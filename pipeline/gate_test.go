package pipeline

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"dunning/data"
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
		g.compare(c.challenger, champion)
		if g.OK != c.ok || !strings.Contains(g.Checks[0].Text, c.says) || g.Checks[0].Figure == nil {
			t.Errorf("%s: passed %t: %+v", c.name, g.OK, g.Checks[0])
		}
		if reason := g.Reason(); (reason == "") != c.ok {
			t.Errorf("%s: reason %q", c.name, reason)
		}
	}
}

// A calibration that went off after the champion was trained speaks against the
// champion: a training that has seen the new time replaces it. One that was off
// before holds a training back, and so does any other alarm of drift.
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
		{"another alarm beside it", 20000, []data.Alarm{off, moved}, false, "0.40"},
		{"no alarm", 20000, nil, true, "no alarm"},
	} {
		v := aVersion("b", nil)
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
