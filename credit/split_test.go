package credit_test

import (
	"context"
	"errors"
	"math"
	"testing"

	"dunning/credit"
	"dunning/data"
)

// TestOutOfTimeNothingLaterIsLearned: applications from the day on, and outcomes that
// were known later, change nothing of the model; the figures are of those from the
// day on.
func TestOutOfTimeNothingLaterIsLearned(t *testing.T) {
	const rows = 3000
	from := data.MakeDate(2025, 7, 1)
	made := func(flipped bool) credit.Table {
		table := applicants(rows, 4)
		table.Day, table.Known = make([]float64, rows), make([]float64, rows)
		for i := range rows {
			table.Day[i] = float64(from) - 200 + float64(i%300)
			table.Known[i] = table.Day[i] + 30
			if i%97 == 0 {
				table.Day[i] = math.NaN() // on neither side
			}
			if later := !(table.Known[i] < float64(from)); flipped && (later || math.IsNaN(table.Day[i])) {
				table.Default[i] = 1 - table.Default[i]
			}
		}
		return table
	}
	c := config()
	c.TestFrom = from
	was, err := credit.Train(context.Background(), made(false), c)
	if err != nil {
		t.Fatal(err)
	}
	is, err := credit.Train(context.Background(), made(true), c)
	if err != nil {
		t.Fatal(err)
	}
	if was.Model.Version() != is.Model.Version() {
		t.Error("what was known later changed the model")
	}
	want := 0
	for _, day := range made(false).Day {
		if day >= float64(from) {
			want++
		}
	}
	if was.HeldOut == nil || was.HeldOut.Rows != want || was.HeldOut.AUC < .6 || was.HeldOut.AUC+is.HeldOut.AUC < .999 || was.HeldOut.AUC+is.HeldOut.AUC > 1.001 {
		t.Errorf("%d rows from the day on: %+v and, turned over, %+v", want, was.HeldOut, is.HeldOut)
	}
	if len(was.PD) >= rows-want || was.HeldOutName != "stored model, from 2025-07-01 on" {
		t.Errorf("%d rows were learned from: %s", len(was.PD), was.HeldOutName)
	}
	for name, change := range map[string]func(*credit.Table, *credit.TrainConfig){
		"no days":         func(t *credit.Table, _ *credit.TrainConfig) { t.Day, t.Known = nil, nil },
		"nothing before":  func(_ *credit.Table, c *credit.TrainConfig) { c.TestFrom = from - 1000 },
		"nothing after":   func(_ *credit.Table, c *credit.TrainConfig) { c.TestFrom = from + 1000 },
		"a share as well": func(_ *credit.Table, c *credit.TrainConfig) { c.HoldOut = .2 },
	} {
		table, own := made(false), c
		change(&table, &own)
		if _, err := credit.Train(context.Background(), table, own); !errors.Is(err, data.ErrUsage) && !errors.Is(err, data.ErrBadInput) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
