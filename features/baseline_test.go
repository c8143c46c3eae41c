package features_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"dunning/data"
	"dunning/features"
)

// Invoices that are paid by a known law: the hazard of a business day is 0.02
// up to the due date and 0.05 after it; at weekends it is a tenth of that for
// persons, and nothing for companies.
func lawfulHistories(n int) []*features.History {
	r := rand.New(rand.NewPCG(3, 3))
	var all []*features.History
	for i := range n {
		id := fmt.Sprintf("c%05d", i)
		v := data.Invoice{InvoiceID: id, CustomerID: id, IssuedOn: start + data.Date(r.IntN(700)), AmountCents: 100}
		v.DueOn = v.IssuedOn + 25
		h := features.History{Customer: data.Customer{CustomerID: id, Kind: []data.CustomerKind{data.PF, data.PJ}[i%2]}, Invoices: []data.Invoice{v}}
		for d := v.IssuedOn + 1; d < v.DueOn+100; d++ {
			hazard := 0.02
			if d > v.DueOn {
				hazard = 0.05
			}
			if w := d.Weekday(); w == time.Saturday || w == time.Sunday {
				hazard *= 0.1 * float64(1-i%2)
			}
			if r.Float64() < hazard {
				h.Payments = append(h.Payments, data.Payment{PaymentID: id, InvoiceID: id, CustomerID: id, PaidAt: at(d, 9), AmountCents: 100})
				break
			}
		}
		all = append(all, features.NewHistory(h))
	}
	return all
}

// The learned baseline recovers the law.
func TestBaselineRecoversAKnownLaw(t *testing.T) {
	asOf := start + 1000
	var b features.VocabularyBuilder
	for _, h := range lawfulHistories(8000) {
		b.Add(h, asOf)
	}
	v := b.Vocabulary()
	if err := v.Validate(); err != nil {
		t.Fatal(err)
	}
	// Buckets 4 and 21 end 15 days before due and 30 after it. Class 0 is a day
	// off, 1 payday, 4 a plain business day. Of some 114 days off a year, 10
	// are holidays on weekdays, on which the law goes on.
	rate := func(bucket, kind, class int) float64 {
		return v.Baseline.Hazard[bucket] * v.Baseline.Calendar[kind][class]
	}
	for _, tc := range []struct {
		name                string
		bucket, kind, class int
		want                float64
	}{
		{"15 to 19 days before due, PF", 4, 0, 4, 0.02},
		{"15 to 19 days before due, PJ", 4, 1, 4, 0.02},
		{"21 to 30 days late, PF", 21, 0, 4, 0.05},
		{"21 to 30 days late, payday, PJ", 21, 1, 1, 0.05},
		{"21 to 30 days late, day off, PF", 21, 0, 0, (104*0.005 + 10*0.05) / 114},
		{"21 to 30 days late, day off, PJ", 21, 1, 0, 10 * 0.05 / 114},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := rate(tc.bucket, tc.kind, tc.class)
			// Some hundred payments stand behind each: a relative error of 5 %
			// is one standard deviation.
			if math.Abs(got-tc.want) > 0.15*tc.want+0.001 {
				t.Errorf("hazard %.4f, the law's is %.4f", got, tc.want)
			}
		})
	}
}

// What comes at AsOf or later does not teach the baseline.
func TestBaselineDoesNotSeeTheFuture(t *testing.T) {
	learned := func(h features.History) string {
		var b features.VocabularyBuilder
		b.Add(features.NewHistory(h), day(goldenAsOf))
		return fmt.Sprint(b.Vocabulary().Baseline)
	}
	h := touchStory()
	without := learned(clone(h))
	h.Payments = append(h.Payments, payment("late", "X", goldenAsOf, 8000))
	h.Touches = append(h.Touches, touch("late", data.Email, goldenAsOf))
	h.Events = append(h.Events, event("e1", data.EventOpened, noon(goldenAsOf)))
	h.Invoices = append(h.Invoices, invoice("late", goldenAsOf, "2024-04-01", 5))
	if with := learned(h); with != without {
		t.Errorf("baseline %s, with later events %s", without, with)
	}
	early := touchStory()
	early.Payments = append(early.Payments, payment("early", "X", "2024-03-10", 8000))
	if learned(early) == without {
		t.Error("a payment before AsOf teaches nothing")
	}
}
