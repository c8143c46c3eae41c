package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"dunning/data"
	"dunning/pipeline"
)

// A plan draws a share of its touches, and logs every decision with the probability
// of each option: that of what was chosen is the action's own.
func TestEndToEndPlansExplore(t *testing.T) {
	home := aRanHome(t)
	revalue(t, home)
	must(t, "optimize", "--home", home)
	plan, actions, _ := planOf(t, home)
	path := filepath.Join(stageFolders(t, home, "optimize")["optimize"], pipeline.DecisionsFile)
	decisions, err := data.Read[pipeline.Decision](path)
	if err != nil {
		t.Fatal(err)
	}
	type touch struct {
		customer string
		channel  data.Channel
		day      data.Date
	}
	logged := map[touch]float64{}
	for _, d := range decisions {
		if d.PlanID != plan.Plan.PlanID {
			t.Fatalf("%+v in the plan %s", d, plan.Plan.PlanID)
		}
		if !(d.ProbHold > 0 && d.ProbHold < 1) {
			t.Errorf("%+v: to hold has no probability", d)
		}
		if d.Option == data.Hold {
			continue
		}
		logged[touch{d.CustomerID, d.Option, d.Day}] = d.Prob(d.Option)
	}
	drawn := int64(0)
	for _, a := range actions {
		if prob := logged[touch{a.CustomerID, a.Channel, a.Day}]; prob != a.TreatProb {
			t.Errorf("%+v: the decision's probability is %v", a, prob)
		}
		if a.Source == data.SourceExploration {
			drawn++
		}
	}
	x := plan.Plan.Explored
	if x == nil || drawn == 0 || drawn != x.Touches || drawn > int64(len(actions))/10 || len(logged) != len(actions) {
		t.Errorf("%d of %d touches drawn, %d decided, %+v", drawn, len(actions), len(logged), x)
	}

	setKeys(t, home, "explore: {share: 0, floor: 0}")
	must(t, "optimize", "--home", home)
	plan, actions, _ = planOf(t, home)
	for _, a := range actions {
		if a.Source != data.SourceRecommended || a.TreatProb != 0.95 {
			t.Fatalf("without exploration: %+v", a)
		}
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) || plan.Plan.Explored != nil || len(actions) == 0 {
		t.Errorf("without exploration: %v, %+v, %d actions", err, plan.Plan.Explored, len(actions))
	}
}
