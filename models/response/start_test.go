package response_test

import (
	"context"
	"math/rand/v2"
	"testing"

	"dunning/data"
	"dunning/features"
	"dunning/models/response"
)

// A fit that goes on from a model of an earlier day is, after half the
// steps, as likely as one from scratch.
func TestFit_GoesOnFromAnotherModel(t *testing.T) {
	w := newTown(500, townEffect, 9)
	earlier, err := response.Fit(context.Background(), w.customers, w.days, response.Options{Classes: 3, Seed: 1, End: w.to - 60})
	if err != nil {
		t.Fatal(err)
	}
	scratch := w.fit(t, response.Options{Classes: 3, Seed: 1})
	further := w.fit(t, response.Options{Classes: 3, Seed: 1, Start: earlier})
	if further.LogLikelihood < scratch.LogLikelihood-.05 {
		t.Errorf("log likelihood %.3f per customer, from scratch %.3f", further.LogLikelihood, scratch.LogLikelihood)
	}
	short := w.fit(t, response.Options{Classes: 3, Seed: 1, Iterations: 15})
	if further.LogLikelihood <= short.LogLikelihood-.02 {
		t.Errorf("log likelihood %.3f per customer, from scratch in as many steps %.3f", further.LogLikelihood, short.LogLikelihood)
	}
}

// Where customers have credit limits, an amount is large or small against the
// own limit: two groups of customers whose amounts differ tenfold, as their
// limits do, pay alike, and an invoice of four times the usual amount is paid
// more slowly by both.
func TestAmountsAreReadAgainstTheLimit(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 2))
	from, to := data.MakeDate(2024, 1, 1), data.MakeDate(2024, 10, 1)
	days := response.NewDays(features.NewCalendar(), from, to+30)
	var customers []response.Customer
	for i := range 600 {
		limit := data.Cents(30_000)
		if i%2 == 1 {
			limit *= 10
		}
		c := response.Customer{Group: "all", LimitCents: limit}
		for issued := from; issued < to; issued += 30 {
			v := response.Invoice{Issued: issued, Due: issued + 10, Until: response.NoDay, AmountCents: limit / 3}
			hazard := .08
			if rng.IntN(2) == 0 {
				v.AmountCents *= 4
				hazard /= 2
			}
			if pays := issued + 1 + data.Date(rng.ExpFloat64()/hazard); pays < to {
				v.Until, v.Payments = pays, []response.Payment{{Day: pays, Cents: v.AmountCents}}
			}
			c.Invoices = append(c.Invoices, v)
		}
		customers = append(customers, c)
	}
	m, err := response.Fit(context.Background(), customers, days, response.Options{Classes: 2, End: to, NoEffects: true})
	if err != nil {
		t.Fatal(err)
	}
	var paid [2]float64 // of usual and of large invoices, within 7 days
	r := response.NewReader(m, days)
	for k, amount := range []data.Cents{10_000, 40_000} {
		c := response.Customer{Group: "all", LimitCents: 30_000, Invoices: []response.Invoice{{Issued: to - 5, Due: to + 5, Until: response.NoDay, AmountCents: amount}}}
		r.Load(&c, to)
		r.At(to)
		paid[k] = r.Effects(to, 7).OrganicProb
	}
	if ratio := paid[1] / paid[0]; ratio < .45 || ratio > .72 { // (1 − e^−0.28)/(1 − e^−0.56) is .57
		t.Errorf("large invoices are paid %.2f times as often as usual ones: %.3f of %.3f", ratio, paid[1], paid[0])
	}
}
