package pipeline

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"dunning/data"
	"dunning/features"
)

// threeStates is a trainer over made-up decisions to hold of people in three states.
// What is seen of them tells who pays, but in RJ, with the same figures, by less
// log-odds than elsewhere.
func threeStates(less float64) *trainer {
	rng := rand.New(rand.NewPCG(26, 11))
	const rows, cut = 9_000, 200
	f := &features.Frame{Matrix: features.Matrix{Names: []string{"f_seen", "f_mix_uf_code"}, Cols: make([][]float32, 2)}}
	for i := range rows {
		state, x := i%3, rng.NormFloat64()
		odds := x
		if state == 1 {
			odds -= less
		}
		f.Cols[0], f.Cols[1] = append(f.Cols[0], float32(x)), append(f.Cols[1], float32(state))
		f.CustomerID = append(f.CustomerID, fmt.Sprint("c", i%3000))
		f.UnitID = append(f.UnitID, fmt.Sprint("u", i))
		f.AsOf = append(f.AsOf, data.Date(i/30))
		f.OutcomePaid = append(f.OutcomePaid, rng.Float64() < 1/(1+math.Exp(-odds)))
		f.Option = append(f.Option, data.Hold)
		f.TouchedAfter = append(f.TouchedAfter, false)
	}
	c := DefaultConfig()
	c.Train.Rounds = 40
	t := &trainer{w: &Work{Config: c, Seed: 1}, frame: f, X: f.Matrix, cut: cut, words: &features.Vocabulary{UF: []string{"SP", "RJ", "MG"}}}
	for i, d := range f.AsOf {
		switch {
		case d >= cut:
			t.test = append(t.test, i)
		case int(d)+c.Features.HorizonDays <= cut:
			t.train = append(t.train, i)
		}
	}
	t.heldOut = make([]HeldOut, len(t.test))
	return t
}

// alarmed trains without some columns, and returns what the groups say and the gate's
// check of it.
func (t *trainer) alarmed(test *testing.T, hidden ...string) (*data.ModelHealth, GateCheck) {
	test.Helper()
	t.X = without(t.frame.Matrix, hidden)
	rows, err := t.organicRows()
	must(test, err)
	j, err := t.judgePayment(test.Context(), t.boosting(1), rows)
	must(test, err)
	for k, p := range j.testPeriod {
		t.heldOut[k] = HeldOut{Organic: true, Paid: t.frame.OutcomePaid[t.test[k]], PayProb: p}
	}
	h := &data.ModelHealth{}
	t.groups(h, rows)
	v := aVersion("b", t.heldOut)
	v.Evaluation.Health = h
	g := GateResult{OK: true}
	g.alarms("fair", data.AlarmFairness, v)
	return h, g.Checks[0]
}

// A model that may not see what sets people of a state apart expects too much of
// them and too little of all others: it is refused. One that sees it passes, and so
// does the blind one where there is nothing to see, or too little to matter.
func TestUnfairModelsRaiseAnAlarm(t *testing.T) {
	for _, c := range []struct {
		name  string
		less  float64
		blind bool
		alarm []string // subjects
	}{
		{"blind to a state that pays less", 1.2, true, []string{"uf MG", "uf RJ", "uf SP"}},
		{"sees the state that pays less", 1.2, false, nil},
		{"blind where all states pay alike", 0, true, nil},
		{"blind to a small difference", 0.15, true, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			var hidden []string
			if c.blind {
				hidden = []string{"f_mix_uf_code"}
			}
			h, check := threeStates(c.less).alarmed(t, hidden...)
			var subjects []string
			for _, a := range h.Alarms {
				if a.Kind != data.AlarmFairness {
					t.Errorf("alarm %+v", a)
				}
				subjects = append(subjects, a.Subject)
			}
			slices.Sort(subjects)
			if !slices.Equal(subjects, c.alarm) {
				t.Errorf("alarms of %q, want %q; groups %+v", subjects, c.alarm, h.Groups)
			}
			if check.OK != (len(c.alarm) == 0) || !check.OK && !strings.Contains(check.Text, c.alarm[0]) {
				t.Errorf("the gate: %+v", check)
			}
			if len(h.Groups) != 3 || h.Groups[1].Value != "RJ" {
				t.Fatalf("groups %+v", h.Groups)
			}
			if off := h.Groups[1].Predicted - h.Groups[1].Observed; c.alarm != nil && off < 0.05 {
				t.Errorf("of RJ %.3f were predicted, %.3f pay: the planted model is not unfair", h.Groups[1].Predicted, h.Groups[1].Observed)
			}
		})
	}
}

// Where everybody pays less than was predicted, nobody is treated unfairly, and a
// group of a few rows says nothing.
func TestFairnessIsAboutGroupsNotAboutTheLevel(t *testing.T) {
	tr := threeStates(0)
	rows, err := tr.organicRows()
	must(t, err)
	few := 0
	for k, i := range tr.test {
		p := 1 / (1 + math.Exp(-float64(tr.frame.Cols[0][i])-0.8)) // too much of everybody
		if tr.frame.Cols[1][i] == 1 {
			if few++; few >= groupRows {
				tr.frame.Cols[1][i] = 0
			} else {
				p = 0.99 // of too few to tell
			}
		}
		tr.heldOut[k] = HeldOut{Organic: true, Paid: tr.frame.OutcomePaid[i], PayProb: p}
	}
	h := &data.ModelHealth{}
	tr.groups(h, rows)
	if len(h.Alarms) != 0 || len(h.Groups) != 2 {
		t.Errorf("alarms %+v of groups %+v", h.Alarms, h.Groups)
	}
	if off := h.Groups[0].Predicted - h.Groups[0].Observed; off < 0.1 {
		t.Errorf("predicted %.3f, paid %.3f: the level is not off", h.Groups[0].Predicted, h.Groups[0].Observed)
	}
}
