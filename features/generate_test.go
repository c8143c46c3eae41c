package features_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"dunning/data"
	"dunning/features"
)

// start is the first day of every generated history.
var start = data.MakeDate(2024, time.January, 1)

// at returns an instant of a day.
func at(day data.Date, hour int) time.Time { return day.Time().Add(time.Duration(hour) * time.Hour) }

// generated returns a lively customer: monthly invoices of a few products that
// are paid early, late, in parts, or cancelled; touches and holds with events,
// promises and bureau reports. The customer's habits depend on the seed.
func generated(seed uint64, invoices, touches int) features.History {
	r := rand.New(rand.NewPCG(seed, 1))
	id := fmt.Sprintf("c%05d", seed)
	h := features.History{Customer: data.Customer{
		CustomerID: id,
		Kind:       []data.CustomerKind{data.PF, data.PJ}[r.IntN(2)],
		UF:         []string{"SP", "RJ", "MG", ""}[r.IntN(4)],
		Segment:    []string{"varejo", "atacado"}[r.IntN(2)],
		Since:      start - data.Date(r.IntN(1000)),
	}}
	span := 26*invoices + 30
	habit := r.IntN(40) - 10
	for i := range invoices {
		v := data.Invoice{
			InvoiceID: fmt.Sprintf("%s-i%03d", id, i), CustomerID: id, Currency: "BRL",
			IssuedOn: start + data.Date(i*26+r.IntN(5)), AmountCents: data.Cents(1000 + r.IntN(100_000)),
			Product: []string{"boleto", "cartao", "carne"}[r.IntN(3)],
		}
		v.DueOn = v.IssuedOn + data.Date(10+r.IntN(20))
		paid := v.DueOn + data.Date(habit+r.IntN(25))
		pay := func(n int, day data.Date, cents data.Cents) {
			h.Payments = append(h.Payments, data.Payment{PaymentID: fmt.Sprintf("%s-p%d", v.InvoiceID, n), InvoiceID: v.InvoiceID,
				CustomerID: id, PaidAt: at(max(day, v.IssuedOn), r.IntN(24)), AmountCents: cents, Method: "pix"})
		}
		switch r.IntN(8) {
		case 0:
			c := v.DueOn + data.Date(r.IntN(60))
			v.CancelledOn = &c
		case 1: // stays open
		case 2:
			pay(0, paid, v.AmountCents/3)
		case 3:
			pay(0, paid, v.AmountCents/2)
			pay(1, paid+data.Date(r.IntN(30)), v.AmountCents-v.AmountCents/2)
		default:
			pay(0, paid, v.AmountCents)
		}
		h.Invoices = append(h.Invoices, v)
	}
	addContacts(&h, r, id, span, touches)
	return h
}

func addContacts(h *features.History, r *rand.Rand, id string, span, touches int) {
	eventsFrom := start // the day from which the channels report events
	if r.IntN(3) == 0 {
		eventsFrom += data.Date(r.IntN(span))
	}
	options := append([]data.Channel{data.Hold, data.Hold}, data.Channels[:]...)
	for i := range touches {
		t := data.Touch{TouchID: fmt.Sprintf("%s-t%03d", id, i), CustomerID: id, Channel: options[r.IntN(len(options))], CostCents: data.Cents(r.IntN(500)),
			SentAt: at(start+data.Date(r.IntN(span)), 8+r.IntN(12))}
		if p := 0.1 + 0.8*r.Float64(); r.IntN(3) > 0 {
			t.TreatProb = &p
		}
		h.Touches = append(h.Touches, t)
		if t.Channel == data.Hold || t.SentAt.Before(eventsFrom.Time()) {
			continue
		}
		for _, kind := range data.TouchEventKinds {
			if r.IntN(3) > 0 {
				h.Events = append(h.Events, data.TouchEvent{TouchID: t.TouchID, CustomerID: id, Kind: kind,
					At: t.SentAt.Add(time.Duration(r.IntN(100*60)) * time.Minute)})
			}
		}
	}
	for i := range touches / 4 {
		made := start + data.Date(r.IntN(span))
		h.Promises = append(h.Promises, data.Promise{PromiseID: fmt.Sprintf("%s-q%d", id, i), CustomerID: id, MadeAt: at(made, 15),
			DueOn: made + data.Date(1+r.IntN(20)), AmountCents: data.Cents(100 + r.IntN(60_000)), InstalmentNo: 1})
	}
	for range touches / 5 {
		d := data.Dispute{CustomerID: id, At: at(start+data.Date(r.IntN(span)), 13), Kind: data.DisputeKinds[r.IntN(2)]}
		if n := len(h.Invoices); n > 0 && r.IntN(8) > 0 {
			d.InvoiceID = h.Invoices[r.IntN(n)].InvoiceID
		}
		h.Disputes = append(h.Disputes, d)
	}
	for range touches / 10 {
		h.Bureau = append(h.Bureau, data.BureauReport{CustomerID: id, At: at(start+data.Date(r.IntN(span)), 3),
			Provider: []string{"serasa", "spc"}[r.IntN(2)], Score: float64(r.IntN(1000)), NegativeRecords: int32(r.IntN(4))})
	}
}

// testVocabulary and testCohorts know the categories of generated histories;
// the baseline is flat: one payment in ten open days, on any day, and every
// other touch opened.
func testVocabulary() *features.Vocabulary {
	v := &features.Vocabulary{UF: []string{"MG", "RJ", "SP"}, Segment: []string{"atacado", "varejo"}, Product: []string{"boleto", "carne", "cartao"}}
	v.Baseline = features.Baseline{
		Hazard:   slices.Repeat([]float64{0.1}, 27),
		Calendar: [][]float64{slices.Repeat([]float64{1}, 5), slices.Repeat([]float64{1}, 5)},
		Opened:   slices.Repeat([]float64{0.5}, len(data.Channels)),
	}
	return v
}

func testCohorts() *features.Cohorts {
	var rows []features.CohortRow
	v := testVocabulary()
	for month := range 30 {
		for _, c := range []struct {
			kind  string
			names []string
		}{{features.CohortUF, v.UF}, {features.CohortSegment, v.Segment}, {features.CohortProduct, v.Product}} {
			for k, name := range c.names {
				rows = append(rows, features.CohortRow{Kind: c.kind, Name: name, Month: data.MakeDate(2024, time.January+time.Month(month), 1),
					Invoices: 100, OnTime: int64(50 + 5*k + month), MeanLateDays: float64(month - k)})
			}
		}
	}
	cohorts, err := features.NewCohorts(rows)
	if err != nil {
		panic(err)
	}
	return cohorts
}

// testPrices knows every tenth cost of generated touches, in their first year.
var testPrices = sync.OnceValue(func() *features.Prices {
	var rows []features.PriceRow
	for _, ch := range data.Channels {
		for on := range 366 {
			for cost := 0; cost < 500; cost += 10 {
				rows = append(rows, features.PriceRow{Channel: ch, Day: start + data.Date(on), CostCents: data.Cents(cost), Touches: 1})
			}
		}
	}
	prices, err := features.NewPrices(rows)
	if err != nil {
		panic(err)
	}
	return prices
})

func newTestComputer() *features.Computer {
	return features.NewComputer(testVocabulary(), testCohorts(), testPrices())
}
