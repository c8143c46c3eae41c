package features_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"dunning/data"
	"dunning/features"
)

// slowRank is the definition, touch by touch.
func slowRank(rows []features.PriceRow, of features.PriceRow) float64 {
	var below, equal, all int64
	for _, r := range rows {
		if r.Channel != of.Channel || r.Day > of.Day || r.Day <= of.Day-90 {
			continue
		}
		all += r.Touches
		switch {
		case r.CostCents < of.CostCents:
			below += r.Touches
		case r.CostCents == of.CostCents:
			equal += r.Touches
		}
	}
	return (float64(below) + float64(equal)/2) / float64(all)
}

func TestPriceRanksFollowTheirDefinition(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 1))
	var rows []features.PriceRow
	for range 400 {
		rows = append(rows, features.PriceRow{Channel: data.Channels[3+rng.IntN(2)], Day: day("2024-01-01") + data.Date(rng.IntN(300)),
			CostCents: data.Cents(100 * rng.IntN(6)), Touches: int64(1 + rng.IntN(5))})
	}
	p, err := features.NewPrices(rows)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		if got, want := p.Rank(r.Channel, r.Day, r.CostCents), slowRank(rows, r); math.Abs(got-want) > 1e-12 {
			t.Fatalf("%+v: rank %v, want %v", r, got, want)
		}
	}
}

func TestPriceRanksSeeNoLaterDay(t *testing.T) {
	row := func(on string, cost data.Cents, n int64) features.PriceRow {
		return features.PriceRow{Channel: data.Letter, Day: day(on), CostCents: cost, Touches: n}
	}
	rows := []features.PriceRow{row("2024-01-01", 646, 3), row("2024-01-20", 1141, 1), row("2024-05-01", 1000, 4), row("2024-05-02", 1516, 1)}
	for n := 1; n <= len(rows); n++ {
		p, err := features.NewPrices(rows[:n])
		if err != nil {
			t.Fatal(err)
		}
		// One of four on its day; then alone in its time; then one of five.
		for i, want := range []float64{0.5, 0.875, 0.5, 0.9}[:n] {
			if got := p.Rank(data.Letter, rows[i].Day, rows[i].CostCents); got != want {
				t.Errorf("of %d rows: rank of row %d is %v, want %v", n, i+1, got, want)
			}
		}
	}
}

func TestPricesOfWhatIsUnknown(t *testing.T) {
	known, err := features.NewPrices([]features.PriceRow{{Channel: data.Letter, Day: 10, CostCents: 5, Touches: 1}})
	if err != nil {
		t.Fatal(err)
	}
	for name, p := range map[string]*features.Prices{"none": nil, "others": known} {
		if got := p.Rank(data.SMS, 10, 5); !math.IsNaN(got) {
			t.Errorf("%s: rank %v, want NaN", name, got)
		}
	}
	if _, err := features.NewPrices([]features.PriceRow{{Channel: data.SMS}}); !errors.Is(err, data.ErrBadNumber) {
		t.Errorf("a row without touches: %v", err)
	}
}

func TestLastCostIsRankedOnItsChannelAndDay(t *testing.T) {
	sent := func(id string, ch data.Channel, on string, cost data.Cents) data.Touch {
		return data.Touch{TouchID: id, CustomerID: "c1", Channel: ch, SentAt: noon(on), CostCents: cost}
	}
	h := features.NewHistory(features.History{
		Customer: data.Customer{CustomerID: "c1", Kind: data.PF},
		Touches:  []data.Touch{sent("t1", data.Letter, "2024-02-01", 1141), sent("t2", data.Hold, "2024-02-09", 0)},
	})
	prices, err := features.NewPrices([]features.PriceRow{
		{Channel: data.Letter, Day: day("2024-01-20"), CostCents: 646, Touches: 6},
		{Channel: data.Letter, Day: day("2024-02-01"), CostCents: 1141, Touches: 2},
		{Channel: data.Letter, Day: day("2024-02-02"), CostCents: 2000, Touches: 9}, // later, so not in the window
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name   string
		prices *features.Prices
		asOf   string
		want   float64
	}{
		{"not sent yet", prices, "2024-02-01", math.NaN()},
		{"the day after", prices, "2024-02-02", 7.0 / 8},
		{"a hold costs nothing and is no touch", prices, "2024-03-01", 7.0 / 8},
		{"no prices", nil, "2024-03-01", math.NaN()},
	} {
		c := features.NewComputer(nil, nil, tc.prices)
		row := make([]float32, len(c.Names()))
		c.Row(h, day(tc.asOf), day(tc.asOf), row)
		got := float64(row[slices.Index(c.Names(), "f_touchhist_last_cost_rank_share")])
		if got != tc.want && !(math.IsNaN(got) && math.IsNaN(tc.want)) {
			t.Errorf("%s: %v, want %v", tc.name, got, tc.want)
		}
	}
}
