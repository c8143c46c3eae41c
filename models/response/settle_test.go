package response

import (
	"context"
	"math"
	"math/rand/v2"
	"testing"

	"dunning/data"
	"dunning/features"
)

// What is settled within a window is what drawing the payments one by one gives.
func TestSettledIsTheMeanOfDrawnPayments(t *testing.T) {
	s := Settlement{Later: .9, Part: .4}
	fill(s.First[:], .95)
	s.First[settleBins-1] = .7
	rng := rand.New(rand.NewPCG(1, 1))
	for _, c := range []struct {
		name   string
		bin    int
		part   bool
		hazard float64
	}{
		{"usual amount", settleBins / 2, false, .3},
		{"large amount", settleBins - 1, false, .3},
		{"large amount, paid in part", settleBins - 1, true, .3},
		{"no hazard", settleBins - 1, false, 0},
	} {
		const draws = 200_000
		var share, all float64
		for range draws {
			left, at, first := 1.0, rng.ExpFloat64(), !c.part
			for n := 0; n < 2 && at < c.hazard && left > 0; n++ { // third payments are left out
				q := s.Later
				if first {
					q = s.First[c.bin]
				}
				if first = false; rng.Float64() < q {
					left = 0
				} else {
					left *= 1 - s.Part
				}
				at += rng.ExpFloat64()
			}
			share += (1 - left) / draws
			if left == 0 {
				all += 1.0 / draws
			}
		}
		curve := s.of(s.First[c.bin], c.part)
		for _, x := range []struct {
			what      string
			got, want float64
		}{{"share", settled(&curve.share, c.hazard), share}, {"probability", settled(&curve.all, c.hazard), all}} {
			if math.Abs(x.got-x.want) > .004 {
				t.Errorf("%s: %s %.4f, drawn %.4f", c.name, x.what, x.got, x.want)
			}
		}
	}
}

// From which amount on people pay in parts is found within a tenth of it, for
// those with a limit and, on another scale, for those without; a few payments say
// little.
func TestAmountsPaidInPartsAreFound(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	from := data.MakeDate(2025, 1, 1)
	var customers []Customer
	for i := range 600 {
		c := Customer{Group: "all", LimitCents: 10_000}
		parts := 6_000.0 // of his limit
		if i%4 == 0 {
			c.LimitCents, parts = 0, 3_000
		}
		for n := range 20 {
			amount := data.Cents(math.Round(4_500 * math.Exp(.5*rng.NormFloat64())))
			day := from + data.Date(10*n)
			v := Invoice{Issued: day, Due: day + 5, Until: day + 8, AmountCents: amount, Payments: []Payment{{Day: day + 8, Cents: amount}}}
			if float64(amount) > parts && rng.IntN(2) > 0 {
				v.Payments, v.Until = []Payment{{Day: day + 6, Cents: amount / 2}, {Day: day + 8, Cents: amount - amount/2}}, day+8
			}
			c.Invoices = append(c.Invoices, v)
		}
		customers = append(customers, c)
	}
	m, err := Fit(context.Background(), customers, NewDays(features.NewCalendar(), from, from+300), Options{Classes: 1, End: from + 250, Iterations: 4, NoEffects: true})
	if err != nil {
		t.Fatal(err)
	}
	unlimited := m.Settlement.Unlimited["all"]
	if unlimited == nil {
		t.Fatalf("settlement %+v", m.Settlement)
	}
	at := func(rates *settleRates, amount, limit data.Cents) float64 {
		return rates[settleBin(amount, m.usual("all", limit))]
	}
	for _, x := range []struct {
		what        string
		got, lo, hi float64
	}{
		{"a little less, limited", at(&m.Settlement.First, 5_400, 10_000), .95, 1},
		{"a little more, limited", at(&m.Settlement.First, 6_600, 10_000), .4, .6},
		{"a little less, unlimited", at(unlimited, 2_700, 0), .95, 1},
		{"a little more, unlimited", at(unlimited, 3_300, 0), .4, .65},
		{"hardly ever seen", at(unlimited, 40_000, 0), .5, .85},
	} {
		if x.got < x.lo || x.got > x.hi {
			t.Errorf("%s: all is settled with %.3f, want %.2f to %.2f", x.what, x.got, x.lo, x.hi)
		}
	}
}
