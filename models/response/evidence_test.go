package response

import (
	"context"
	"math/rand/v2"
	"testing"

	"dunning/data"
	"dunning/features"
)

// Slow payers have negative records, whatever their score; customers without a
// credit limit pay at one and a half times the hazard of the others.
func TestNegativeRecordsAndMissingLimitsAreRead(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 2))
	from, to := data.MakeDate(2024, 1, 1), data.MakeDate(2025, 1, 1)
	days := NewDays(features.NewCalendar(), from, to+30)
	var customers []Customer
	for i := range 600 {
		c := Customer{Group: "all", Since: from - 400, LimitCents: []data.Cents{3000, 0}[i%2]}
		report := Score{Day: from + 1, Value: float64(rng.IntN(1000))}
		hazard := .08 * []float64{1, 1.5}[i%2] * []float64{.5, 1.5}[i/2%2]
		if i/2%2 == 0 {
			report.Records = 1 + rng.IntN(5)
		}
		c.Scores = []Score{report}
		c.Invoices = paidAt(rng, hazard, from, to)
		customers = append(customers, c)
	}
	m, err := Fit(context.Background(), customers, days, Options{Classes: 2, End: to, NoEffects: true})
	if err != nil {
		t.Fatal(err)
	}
	if f := m.Base.Unlimited["all"]; f < 1.35 || f > 1.65 {
		t.Errorf("without a limit %.2f times the hazard, want 1.5", f)
	}
	pace := func(records int) float64 {
		c := Customer{Group: "all", Since: from - 400, Scores: []Score{{Day: to - 10, Value: 500, Records: records}},
			Invoices: []Invoice{{Issued: to - 2, Due: to + 8, Until: NoDay, AmountCents: 1000}}}
		r := NewReader(m, days)
		r.LoadAt(&c, to)
		return r.Pace()
	}
	if good, bad := pace(0), pace(3); good < 2*bad {
		t.Errorf("pace %.2f without negative records, %.2f with three", good, bad)
	}
}
