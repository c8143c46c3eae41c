package main

import (
	"os"
	"path/filepath"
	"testing"

	"dunning/data"
)

// TestForecastOfARun: days add up to weeks about, segments to the whole, the
// plan's worth is in it, and the forecast is kept as it was made.
func TestForecastOfARun(t *testing.T) {
	home := aRanHome(t)
	var f data.Receipts
	oneDocument(t, must(t, "forecast", "--home", home, "--json"), &f)
	if len(f.Rows) == 0 || f.Nominal != .9 {
		t.Fatalf("%+v", f)
	}
	var plan data.Cents
	for _, r := range f.Rows {
		if !(r.LowCents >= 0 && r.LowCents <= r.HighCents) || r.WithPlanCents != r.ExpectedCents+r.PlanCents-r.UsualCents {
			t.Errorf("%+v", r)
		}
		if r.Grain == "day" && r.Segment == data.ReceiptsAll {
			plan += r.PlanCents
		}
	}
	folders := stageFolders(t, home, "optimize", "forecast")
	actions, err := data.Read[data.Action](filepath.Join(folders["optimize"], "plan.parquet"))
	if err != nil {
		t.Fatal(err)
	}
	var worth data.Cents
	for _, a := range actions {
		worth += a.ValueCents
	}
	if d := plan - worth; d < -50 || d > 50 { // rounded day by day
		t.Errorf("the plan is worth %d, in the forecast %d", worth, plan)
	}
	made, err := os.ReadFile(filepath.Join(folders["forecast"], "receipts.parquet"))
	if err != nil {
		t.Fatal(err)
	}
	kept, err := os.ReadFile(filepath.Join(home, "forecasts", "kept", f.AsOf.String()+".parquet"))
	if err != nil || string(kept) != string(made) {
		t.Errorf("the forecast is not kept as it was made: %v", err)
	}
}
