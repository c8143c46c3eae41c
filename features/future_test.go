package features_test

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"dunning/data"
	"dunning/features"
)

// rewriteFuture returns h with everything that was not known at AsOf drawn
// anew: rows removed, moved within the future, added; cancellations; and the
// customer's columns that are end-state values. Rows of the future may drag
// impossible ones into the past with them (an event before its touch, a payment
// before its invoice): those are not known either.
func rewriteFuture(t *rapid.T, h features.History, asOf data.Date) features.History {
	// Half of what is drawn falls on AsOf itself, where an inclusive comparison
	// would let it in.
	ahead := rapid.OneOf(rapid.Just(0), rapid.IntRange(0, 400))
	later := func(what string) data.Date { return asOf + data.Date(ahead.Draw(t, what)) }
	earlier := func(what string) data.Date { return asOf - data.Date(rapid.IntRange(1, 400).Draw(t, what)) }
	barren := rapid.IntRange(0, 3).Draw(t, "nothing more happens") == 0
	keep := func(what string) int { // 0 remove, 1 move, 2 keep
		if barren {
			return 0
		}
		return rapid.IntRange(0, 2).Draw(t, what)
	}
	out := features.History{Customer: h.Customer}
	out.Customer.Dispute = rapid.Bool().Draw(t, "dispute")
	out.Customer.ConsentEmail = rapid.Bool().Draw(t, "consent")
	out.Customer.ReachSMS = rapid.Bool().Draw(t, "reach")
	out.Customer.PreferredChannel = rapid.SampledFrom(append([]data.Channel{""}, data.Channels[:]...)).Draw(t, "preferred")
	out.Customer.CreditLimitCents = data.Cents(rapid.IntRange(0, 1_000_000).Draw(t, "limit"))

	for _, v := range h.Invoices {
		if v.IssuedOn >= asOf {
			switch keep("invoice") {
			case 0:
				continue
			case 1:
				v.IssuedOn = later("issued")
				v.DueOn = v.IssuedOn + 10
				v.AmountCents += 77
			}
		}
		if v.CancelledOn == nil || *v.CancelledOn >= asOf {
			v.CancelledOn = nil
			if rapid.Bool().Draw(t, "cancel") {
				d := later("cancelled")
				v.CancelledOn = &d
			}
		}
		out.Invoices = append(out.Invoices, v)
	}
	out.Payments = moveLater(h.Payments, asOf, keep, later, func(p *data.Payment) *time.Time { return &p.PaidAt })
	out.Touches = moveLater(h.Touches, asOf, keep, later, func(p *data.Touch) *time.Time { return &p.SentAt })
	out.Events = moveLater(h.Events, asOf, keep, later, func(p *data.TouchEvent) *time.Time { return &p.At })
	out.Promises = moveLater(h.Promises, asOf, keep, later, func(p *data.Promise) *time.Time { return &p.MadeAt })
	out.Bureau = moveLater(h.Bureau, asOf, keep, later, func(p *data.BureauReport) *time.Time { return &p.At })
	out.Disputes = moveLater(h.Disputes, asOf, keep, later, func(p *data.Dispute) *time.Time { return &p.At })

	added := 0
	if !barren {
		added = rapid.IntRange(0, 3).Draw(t, "added")
	}
	for i := range added {
		id := fmt.Sprintf("new-%d", i)
		out.Invoices = append(out.Invoices, data.Invoice{InvoiceID: id, IssuedOn: later("new issued"), DueOn: asOf + 900, AmountCents: 5, Product: "boleto"})
		out.Payments = append(out.Payments, data.Payment{PaymentID: id + "-impossible", InvoiceID: id, PaidAt: at(earlier("before issue"), 9), AmountCents: 5})
		for k, v := range h.Invoices {
			out.Payments = append(out.Payments, data.Payment{PaymentID: fmt.Sprint(id, k), InvoiceID: v.InvoiceID, PaidAt: at(later("new paid"), 9), AmountCents: v.AmountCents})
		}
		out.Touches = append(out.Touches, data.Touch{TouchID: id, SentAt: at(later("new touch"), 9), Channel: data.SMS})
		out.Events = append(out.Events, data.TouchEvent{TouchID: id, Kind: data.EventOpened, At: at(earlier("before touch"), 9)})
		for _, known := range h.Touches {
			out.Events = append(out.Events, data.TouchEvent{TouchID: known.TouchID, Kind: data.EventBounced, At: at(later("new event"), 9)})
		}
		out.Promises = append(out.Promises, data.Promise{PromiseID: id, MadeAt: at(later("new promise"), 9), DueOn: asOf + 500, AmountCents: 1})
		out.Bureau = append(out.Bureau, data.BureauReport{At: at(later("new report"), 9), Provider: "serasa", Score: 1})
		out.Disputes = append(out.Disputes, data.Dispute{At: at(later("new dispute"), 9), Kind: data.DisputeKinds[i%2]})
	}
	return out
}

// moveLater removes, moves or keeps each row of AsOf and later.
func moveLater[T any](rows []T, asOf data.Date, keep func(string) int, later func(string) data.Date, when func(*T) *time.Time) []T {
	var out []T
	for _, r := range rows {
		if at := when(&r); !at.Before(asOf.Time()) {
			switch keep("row") {
			case 0:
				continue
			case 1:
				*at = later("moved").Time() // midnight: the first instant that is not known
			}
		}
		out = append(out, r)
	}
	return out
}

// bits returns a row in a form that compares NaN equal to NaN.
func bits(row []float32) []uint32 {
	out := make([]uint32, len(row))
	for i, v := range row {
		if out[i] = math.Float32bits(v); v != v {
			out[i] = 0x7fc00000
		}
	}
	return out
}

func drawHistory(t *rapid.T) features.History {
	return generated(rapid.Uint64Range(0, 1<<40).Draw(t, "seed"), rapid.IntRange(0, 14).Draw(t, "invoices"), rapid.IntRange(0, 30).Draw(t, "touches"))
}

// drawCase returns a history and a day before, within or after it.
func drawCase(t *rapid.T) (features.History, data.Date) {
	h := drawHistory(t)
	return h, start + data.Date(rapid.IntRange(-5, 400).Draw(t, "as of"))
}

func TestNothingAtOrAfterAsOfChangesAFeature(t *testing.T) {
	c := newTestComputer()
	names := c.Names()
	before, after := make([]float32, len(names)), make([]float32, len(names))
	rapid.Check(t, func(t *rapid.T) {
		h := drawHistory(t)
		for range 4 {
			asOf := start + data.Date(rapid.IntRange(-5, 400).Draw(t, "as of"))
			known := features.NewHistory(clone(h))
			other := features.NewHistory(rewriteFuture(t, clone(h), asOf))
			for _, day := range []data.Date{asOf, asOf + 9} {
				c.Row(known, asOf, day, before)
				c.Row(other, asOf, day, after)
				a, b := bits(before), bits(after)
				for j := range names {
					if a[j] != b[j] {
						t.Fatalf("%s as of %s at +%d: %g, with another future %g", names[j], asOf, day-asOf, before[j], after[j])
					}
				}
			}
			samePast(t, known, other, asOf)
		}
	})
}

// samePast checks what else is read from a history of two with another future
// from AsOf on: labels and decision points that end before AsOf are of the past
// too.
func samePast(t *rapid.T, known, other *features.History, asOf data.Date) {
	if a, b := known.Balance(asOf), other.Balance(asOf); a != b {
		t.Fatalf("balance %d, with another future %d", a, b)
	}
	if a, b := known.DaysPastDue(asOf), other.DaysPastDue(asOf); a != b {
		t.Fatalf("days past due %d, with another future %d", a, b)
	}
	past := asOf - 20
	a, okA := known.Label(past, 20, asOf, data.Hold)
	b, okB := other.Label(past, 20, asOf, data.Hold)
	if a != b || okA != okB {
		t.Fatalf("label of %s: %+v %v, with another future %+v %v", past, a, okA, b, okB)
	}
	for _, logged := range []bool{true, false} {
		d := features.Decisions{Logged: logged, From: start, To: asOf}
		if a, b := fmt.Sprint(d.Points(known)), fmt.Sprint(d.Points(other)); a != b {
			t.Fatalf("decision points %s, with another future %s", a, b)
		}
	}
}

// The test above would pass if features saw nothing: what happens the day
// before AsOf is seen.
func TestWhatHappensBeforeAsOfIsSeen(t *testing.T) {
	asOf := day(goldenAsOf)
	base := touchStory()
	for _, tc := range []struct {
		name    string
		feature string
		change  func(h *features.History)
	}{
		{"payment", "f_aging_balance_cents", func(h *features.History) {
			h.Payments = append(h.Payments, data.Payment{PaymentID: "z", InvoiceID: "X", PaidAt: asOf.Time().Add(-time.Microsecond), AmountCents: 1})
		}},
		{"invoice", "f_mix_invoices_count", func(h *features.History) {
			h.Invoices = append(h.Invoices, invoice("Z", "2024-03-10", "2024-04-10", 1))
		}},
		{"cancellation", "f_aging_open_count", func(h *features.History) {
			h.Invoices[0] = cancelled(h.Invoices[0], "2024-03-10")
		}},
		{"touch", "f_touchhist_touches_count", func(h *features.History) {
			h.Touches = append(h.Touches, touch("z", data.Letter, "2024-03-10"))
		}},
		{"event", "f_engagement_opens_30_count", func(h *features.History) {
			h.Events = append(h.Events, event("e2", data.EventOpened, noon("2024-03-10")))
		}},
		{"promise", "f_promises_promises_count", func(h *features.History) {
			h.Promises = append(h.Promises, promise("z", "2024-03-10", "2024-03-20", 1, 1))
		}},
		{"report", "f_bureau_reports_count", func(h *features.History) {
			h.Bureau = append(h.Bureau, data.BureauReport{At: noon("2024-03-10"), Score: 1})
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := clone(base)
			tc.change(&h)
			was, is := values(clone(base), asOf, asOf)[tc.feature], values(h, asOf, asOf)[tc.feature]
			if was == is {
				t.Errorf("%s stays %g", tc.feature, was)
			}
		})
	}
}

func TestOrderOfRowsChangesNothing(t *testing.T) {
	c := newTestComputer()
	a, b := make([]float32, len(c.Names())), make([]float32, len(c.Names()))
	rapid.Check(t, func(t *rapid.T) {
		h, asOf := drawCase(t)
		shuffled := features.History{
			Customer: h.Customer,
			Invoices: rapid.Permutation(h.Invoices).Draw(t, "invoices"),
			Payments: rapid.Permutation(h.Payments).Draw(t, "payments"),
			Touches:  rapid.Permutation(h.Touches).Draw(t, "touches"),
			Events:   rapid.Permutation(h.Events).Draw(t, "events"),
			Promises: rapid.Permutation(h.Promises).Draw(t, "promises"),
			Bureau:   rapid.Permutation(h.Bureau).Draw(t, "reports"),
			Disputes: rapid.Permutation(h.Disputes).Draw(t, "disputes"),
		}
		c.Row(features.NewHistory(clone(h)), asOf, asOf, a)
		c.Row(features.NewHistory(clone(shuffled)), asOf, asOf, b)
		if !slices.Equal(bits(a), bits(b)) {
			t.Fatal("features depend on the order of the rows")
		}
	})
}

// A computer keeps scratch memory: no row may depend on the one before.
func TestRowsDoNotDependOnEachOther(t *testing.T) {
	used, fresh := newTestComputer(), newTestComputer()
	a, b := make([]float32, len(used.Names())), make([]float32, len(used.Names()))
	for seed := range uint64(10) {
		h := features.NewHistory(generated(seed, 12, 20))
		for day := start + 10; day < start+300; day += 17 {
			used.Row(h, day+40, day+41, a)
			used.Row(h, day, day, a)
		}
		fresh.Row(h, start+100, start+100, a)
		used.Row(h, start+100, start+100, b)
		if !slices.Equal(bits(a), bits(b)) {
			t.Fatalf("seed %d: a used computer gives another row", seed)
		}
		fresh = newTestComputer()
	}
}

// Amounts, days and scores at the ends of their types give no infinity.
func TestExtremeValuesStayFinite(t *testing.T) {
	h := features.History{
		Customer: data.Customer{Since: math.MinInt32},
		Invoices: []data.Invoice{
			{InvoiceID: "a", IssuedOn: -700000, DueOn: 2000000, AmountCents: math.MaxInt64 / 4},
			{InvoiceID: "b", IssuedOn: -700000, DueOn: -700000, AmountCents: math.MaxInt64 / 4},
			{InvoiceID: "c", IssuedOn: 0, DueOn: 0, AmountCents: 0},
		},
		Payments: []data.Payment{{PaymentID: "p", InvoiceID: "a", PaidAt: time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC), AmountCents: 1}},
		Bureau:   []data.BureauReport{{At: time.Unix(0, 0), Score: math.Inf(1)}, {At: time.Unix(1, 0), Score: -1e300}},
	}
	for name, v := range values(h, 19000, 19000) {
		if math.IsInf(v, 0) {
			t.Errorf("%s is infinite", name)
		}
	}
}

func clone(h features.History) features.History {
	return features.History{Customer: h.Customer, Invoices: slices.Clone(h.Invoices), Payments: slices.Clone(h.Payments), Touches: slices.Clone(h.Touches),
		Events: slices.Clone(h.Events), Promises: slices.Clone(h.Promises), Bureau: slices.Clone(h.Bureau), Disputes: slices.Clone(h.Disputes)}
}
