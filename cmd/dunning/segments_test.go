package main

import (
	"testing"

	"dunning/data"
	"dunning/pipeline"
)

// TestSegmentsOfARun: everybody in the lake has a segment, the list counts
// them, and the movements of a month lead to it.
func TestSegmentsOfARun(t *testing.T) {
	home := aRanHome(t)
	var list pipeline.SegmentSummary
	oneDocument(t, must(t, "segments", "list", "--home", home, "--json"), &list)
	folders := stageFolders(t, home, "extract", "segments")
	of, err := pipeline.SegmentOf(folders["segments"])
	if err != nil {
		t.Fatal(err)
	}
	customers := readTables[data.Customer](t, folders["extract"]+"/customers")
	for _, c := range customers {
		if !of[c.CustomerID].Valid() {
			t.Errorf("%s is in %q", c.CustomerID, of[c.CustomerID])
		}
	}
	if len(of) != len(customers) {
		t.Errorf("%d customers in segments, %d in the lake", len(of), len(customers))
	}
	var counted, before int64
	for _, d := range list.Segments {
		counted += d.Customers
		before += d.CustomersEarlierMonth
		if d.Name == "" || d.Description == "" {
			t.Errorf("%+v", d)
		}
	}
	if counted != int64(len(customers)) {
		t.Errorf("the list counts %d of %d", counted, len(customers))
	}
	var moves segmentMovements
	oneDocument(t, must(t, "segments", "movements", "--home", home, "--json"), &moves)
	var moved int64
	for _, m := range moves.Movements {
		if m.Month != list.Month {
			t.Errorf("%+v is not of the last month", m)
		}
		if m.From != "" {
			moved += m.Customers
		}
	}
	if moved == 0 || moved != before || len(moves.Agreement) != 1 {
		t.Errorf("%d customers in the movements, %d in the month before, %d months", moved, before, len(moves.Agreement))
	}
	if code := run(t.Context(), []string{"segments", "list", "--home", home, "--as-of", "2020-01-01"}, t.Output(), t.Output()); code != 2 {
		t.Errorf("a day without output: exit code %d", code)
	}
}
