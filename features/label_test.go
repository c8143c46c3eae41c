package features_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"dunning/data"
	"dunning/features"
)

func TestLabel(t *testing.T) {
	two := []data.Invoice{invoice("A", "2024-01-01", "2024-02-01", 1000), invoice("B", "2024-02-01", "2024-03-01", 500)}
	for _, tc := range []struct {
		name   string
		h      features.History
		option data.Channel
		want   features.Label
	}{
		{"nothing paid", features.History{Invoices: two}, data.Hold,
			features.Label{BalanceCents: 1500, Day: -1}},
		{"paid on the day itself, before and after noon", features.History{Invoices: two,
			Payments: []data.Payment{payment("1", "A", "2024-03-11", 1000), payment("2", "B", "2024-03-11", 500)}}, data.Hold,
			features.Label{BalanceCents: 1500, PaidCents: 1500, Paid: true, Day: 0}},
		{"the last invoice decides the day", features.History{Invoices: two,
			Payments: []data.Payment{payment("1", "A", "2024-03-20", 1000), payment("2", "B", "2024-03-12", 500)}}, data.Hold,
			features.Label{BalanceCents: 1500, PaidCents: 1500, Paid: true, Day: 9}},
		{"the last day of the window is day 9", features.History{Invoices: two[1:],
			Payments: []data.Payment{payment("1", "B", "2024-03-20", 500)}}, data.Hold,
			features.Label{BalanceCents: 500, PaidCents: 500, Paid: true, Day: 9}},
		{"the day after it is too late", features.History{Invoices: two[1:],
			Payments: []data.Payment{payment("1", "B", "2024-03-21", 500)}}, data.Hold,
			features.Label{BalanceCents: 500, Day: -1}},
		{"partly paid", features.History{Invoices: two,
			Payments: []data.Payment{payment("1", "A", "2024-03-12", 400)}}, data.Hold,
			features.Label{BalanceCents: 1500, PaidCents: 400, Day: -1}},
		{"what was paid before is not owed", features.History{Invoices: two,
			Payments: []data.Payment{payment("1", "A", "2024-03-10", 400), payment("2", "A", "2024-03-12", 600), payment("3", "B", "2024-03-13", 500)}}, data.Hold,
			features.Label{BalanceCents: 1100, PaidCents: 1100, Paid: true, Day: 2}},
		{"overpaying one does not pay the other", features.History{Invoices: two,
			Payments: []data.Payment{payment("1", "A", "2024-03-12", 9000)}}, data.Hold,
			features.Label{BalanceCents: 1500, PaidCents: 1000, Day: -1}},
		{"paying an invoice of AsOf is not the balance's", features.History{
			Invoices: append(slices.Clone(two[:1]), invoice("N", "2024-03-11", "2024-04-11", 700)),
			Payments: []data.Payment{payment("1", "N", "2024-03-12", 700)}}, data.Hold,
			features.Label{BalanceCents: 1000, Day: -1}},
		{"cancelled within the window is not paid", features.History{
			Invoices: []data.Invoice{two[0], cancelled(two[1], "2024-03-13")},
			Payments: []data.Payment{payment("1", "A", "2024-03-12", 1000)}}, data.Hold,
			features.Label{BalanceCents: 1500, PaidCents: 1000, Day: -1}},
		{"cancelled before AsOf is not owed", features.History{
			Invoices: []data.Invoice{two[0], cancelled(two[1], "2024-03-10")},
			Payments: []data.Payment{payment("1", "A", "2024-03-12", 1000)}}, data.Hold,
			features.Label{BalanceCents: 1000, PaidCents: 1000, Paid: true, Day: 1}},
		{"a touch later in the window", features.History{Invoices: two, Touches: []data.Touch{touch("t", data.SMS, "2024-03-20")}}, data.Email,
			features.Label{BalanceCents: 1500, Day: -1, TouchedAfter: true}},
		{"a touch after the window", features.History{Invoices: two, Touches: []data.Touch{touch("t", data.SMS, "2024-03-21")}}, data.Email,
			features.Label{BalanceCents: 1500, Day: -1}},
		{"a hold is not a touch", features.History{Invoices: two, Touches: []data.Touch{touch("t", data.Hold, "2024-03-12")}}, data.Email,
			features.Label{BalanceCents: 1500, Day: -1}},
		{"the touch itself is not another one", features.History{Invoices: two, Touches: []data.Touch{touch("t", data.Email, "2024-03-11")}}, data.Email,
			features.Label{BalanceCents: 1500, Day: -1}},
		{"a touch on the day of a hold", features.History{Invoices: two, Touches: []data.Touch{touch("t", data.Email, "2024-03-11")}}, data.Hold,
			features.Label{BalanceCents: 1500, Day: -1, TouchedAfter: true}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, ok := features.NewHistory(clone(tc.h)).Label(day(goldenAsOf), 10, day("2024-06-01"), tc.option)
			if !ok || got != tc.want {
				t.Errorf("label %+v, %v; want %+v", got, ok, tc.want)
			}
		})
	}
}

func TestLabelIsKnownOnlyWhenItsWindowIs(t *testing.T) {
	h := features.NewHistory(features.History{Invoices: []data.Invoice{invoice("A", "2024-01-01", "2024-02-01", 1000)}})
	for _, tc := range []struct {
		name    string
		asOf    string
		horizon int
		end     string
		ok      bool
	}{
		{"window ends with the data", "2024-03-11", 10, "2024-03-21", true},
		{"window reaches a day beyond", "2024-03-11", 10, "2024-03-20", false},
		{"nothing open yet", "2024-01-01", 10, "2024-06-01", false},
		{"no window", "2024-03-11", 0, "2024-06-01", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if _, ok := h.Label(day(tc.asOf), tc.horizon, day(tc.end), data.Hold); ok != tc.ok {
				t.Errorf("ok = %v", ok)
			}
		})
	}
}

// A longer horizon never lowers what was paid, and a label is consistent with
// the balances at both ends where nothing was cancelled.
func TestLabelProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		raw, asOf := drawCase(t)
		for i := range raw.Invoices {
			raw.Invoices[i].CancelledOn = nil
			raw.Invoices[i].IssuedOn = min(raw.Invoices[i].IssuedOn, asOf-1) // nothing new within the window
		}
		h := features.NewHistory(raw)
		end := start + 5000
		var last features.Label
		for _, horizon := range []int{1, 7, 30, 90} {
			l, ok := h.Label(asOf, horizon, end, data.Hold)
			if ok != (h.Balance(asOf) > 0) {
				t.Fatalf("ok = %v with a balance of %d", ok, h.Balance(asOf))
			}
			if !ok {
				return
			}
			stop := asOf + data.Date(horizon)
			if l.BalanceCents != h.Balance(asOf) || l.BalanceCents-l.PaidCents != h.Balance(stop) {
				t.Fatalf("label %+v, balances %d and %d", l, h.Balance(asOf), h.Balance(stop))
			}
			if l.Paid != (h.Balance(stop) == 0) || l.Paid != (l.Day >= 0) || int(l.Day) >= horizon {
				t.Fatalf("label %+v over %d days leaves %d", l, horizon, h.Balance(stop))
			}
			if l.PaidCents < last.PaidCents || (last.Paid && l.Day != last.Day) || (last.TouchedAfter && !l.TouchedAfter) {
				t.Fatalf("horizon %d: %+v after %+v", horizon, l, last)
			}
			last = l
		}
	})
}

func TestDecisionPoints(t *testing.T) {
	p := 0.25
	logged := []data.Touch{
		touch("early", data.Email, "2024-01-01"), // nothing open yet
		touch("a", data.Hold, "2024-02-01"),
		touch("b", data.SMS, "2024-02-01"), // undoes the hold of that day
		touch("c", data.Email, "2024-02-01"),
		{TouchID: "d", Channel: data.Voice, SentAt: noon("2024-02-05"), TreatProb: &p},
		touch("e", data.Hold, "2024-02-09"),
		touch("late", data.Email, "2024-03-02"), // paid the day before
	}
	h := features.History{
		Customer: data.Customer{CustomerID: "c1"},
		Invoices: []data.Invoice{invoice("A", "2024-01-01", "2024-01-31", 1000)},
		Payments: []data.Payment{payment("1", "A", "2024-03-01", 1000)},
		Touches:  logged,
	}
	for _, tc := range []struct {
		name string
		d    features.Decisions
		want string
	}{
		{"logged holds", features.Decisions{Logged: true, From: day("2024-01-01"), To: day("2025-01-01")},
			"2024-02-01 sms NaN, 2024-02-05 voice 0.25, 2024-02-09 hold NaN"},
		{"bounds", features.Decisions{Logged: true, From: day("2024-02-05"), To: day("2024-02-09")},
			"2024-02-05 voice 0.25"},
		// The 32-bit FNV-1a hash of "c1" is 2284445657, 17 mod 20. The first
		// open day is 2 Jan, day 19724 (4 mod 20), so the grid begins 13 days
		// later and goes on by 20 up to 1 Mar, the last open day.
		{"supposed holds", features.Decisions{From: day("2024-01-01"), To: day("2025-01-01"), GridDays: 20},
			"2024-01-15 hold NaN, 2024-02-01 sms NaN, 2024-02-04 hold NaN, 2024-02-05 voice 0.25, 2024-02-24 hold NaN"},
		{"holds kept from a day on", features.Decisions{From: day("2024-01-01"), To: day("2025-01-01"), GridDays: 20, LoggedFrom: day("2024-02-05")},
			"2024-01-15 hold NaN, 2024-02-01 sms NaN, 2024-02-04 hold NaN, 2024-02-05 voice 0.25, 2024-02-09 hold NaN"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := pointsText(tc.d.Points(features.NewHistory(clone(h)))); got != tc.want {
				t.Errorf("got  %s\nwant %s", got, tc.want)
			}
		})
	}
	t.Run("explicit", func(t *testing.T) {
		rows := []features.PointRow{{AsOf: day("2024-02-20"), Option: data.Hold, TreatProb: &p}, {AsOf: day("2024-01-01"), Option: data.Email}, {AsOf: day("2024-01-15"), Option: data.SMS}}
		var points []features.Point
		for _, r := range rows {
			points = append(points, r.Point())
		}
		if got, want := pointsText(features.NewHistory(clone(h)).Open(points)), "2024-01-15 sms NaN, 2024-02-20 hold 0.25"; got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	})
}

func pointsText(points []features.Point) string {
	var words []string
	for _, p := range points {
		words = append(words, fmt.Sprintf("%s %s %g", p.AsOf, p.Option, p.TreatProb))
	}
	return strings.Join(words, ", ")
}

func TestDecisionPointsProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := features.NewHistory(drawHistory(t))
		d := features.Decisions{Logged: rapid.Bool().Draw(t, "logged"), From: start, To: start + data.Date(rapid.IntRange(0, 500).Draw(t, "to")), GridDays: rapid.IntRange(0, 12).Draw(t, "grid")}
		last := data.Date(math.MinInt32)
		for _, p := range d.Points(h) {
			if p.AsOf <= last || p.AsOf < d.From || p.AsOf >= d.To {
				t.Fatalf("point of %s after %s", p.AsOf, last)
			}
			if h.Balance(p.AsOf) <= 0 {
				t.Fatalf("point of %s without a balance", p.AsOf)
			}
			last = p.AsOf
		}
	})
}
