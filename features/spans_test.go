package features_test

import (
	"testing"
	"time"

	"dunning/data"
	"dunning/features"
)

func TestSpansEndWithThePaymentOrTheCancellation(t *testing.T) {
	day := data.MakeDate(2025, time.March, 3)
	cancelled := day + 9
	h := features.NewHistory(features.History{
		Customer: data.Customer{CustomerID: "C1"},
		Invoices: []data.Invoice{
			{InvoiceID: "paid", IssuedOn: day, DueOn: day + 10, AmountCents: 1000, Product: "p"},
			{InvoiceID: "void", IssuedOn: day + 1, DueOn: day + 10, AmountCents: 1000, CancelledOn: &cancelled},
			{InvoiceID: "open", IssuedOn: day + 2, DueOn: day + 10, AmountCents: 1000},
			{InvoiceID: "nothing", IssuedOn: day + 3, DueOn: day + 10},
		},
		Payments: []data.Payment{
			{PaymentID: "1", InvoiceID: "paid", PaidAt: (day + 4).Time(), AmountCents: 400},
			{PaymentID: "2", InvoiceID: "paid", PaidAt: (day + 6).Time(), AmountCents: 600},
			{PaymentID: "3", InvoiceID: "paid", PaidAt: (day + 8).Time(), AmountCents: 50},
			{PaymentID: "4", InvoiceID: "open", PaidAt: (day + 5).Time(), AmountCents: 300},
		},
	})
	spans := h.Spans()
	if len(spans) != 3 {
		t.Fatalf("%d spans", len(spans))
	}
	paid, void, open := spans[0], spans[1], spans[2]
	if paid.Until != day+6 || len(paid.Payments) != 2 || paid.Payments[1] != (features.SpanPayment{Day: day + 6, Cents: 600}) || paid.Product != "p" {
		t.Errorf("paid: %+v", paid)
	}
	if void.Until != cancelled || len(void.Payments) != 0 {
		t.Errorf("cancelled: %+v", void)
	}
	if open.Until < day+10_000 || len(open.Payments) != 1 || open.Due != day+10 {
		t.Errorf("open: %+v", open)
	}
}

func TestCalendarTraits(t *testing.T) {
	c := features.NewCalendar()
	// 2025-03-10 is a Monday; with Carnival on the 3rd and 4th the fifth
	// business day of that March is the 11th.
	if d := c.Day(data.MakeDate(2025, time.March, 11)); !d.Known || d.Weekday != 2 || d.SincePayday != 0 || d.Monthday != 11 || d.Month != 3 || d.ToMonthEnd != 20 || !d.Business {
		t.Errorf("%+v", d)
	}
	if c.Day(data.MakeDate(1900, time.January, 1)).Known {
		t.Error("the calendar knows 1900")
	}
}
