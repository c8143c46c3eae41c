package features

import "dunning/data"

// Span is one invoice as models of payment days see it: when it was open, and
// when money came on it. Each fact carries its day, so that a reader who stands
// at an AsOf can leave out what came later.
type Span struct {
	Issued, Due data.Date
	// Until is the last day at whose start the invoice was open: the day on
	// which it was paid in full or cancelled; far in the future while it is open.
	Until       data.Date
	AmountCents data.Cents
	Product     string
	// Payments on the invoice up to Until, by day.
	Payments []SpanPayment
	Disputes []Dispute // by Opened
}

// SpanPayment is a payment seen from its invoice.
type SpanPayment struct {
	Day   data.Date
	Cents data.Cents // paid by this payment alone
}

// Spans returns the customer's invoices with an amount to owe, in the order of
// Invoices. The slices are new.
func (h *History) Spans() []Span {
	out := make([]Span, 0, len(h.Invoices))
	payments := make([]SpanPayment, 0, len(h.index.onBills)) // of all
	for i := range h.index.invoices {
		v := &h.index.invoices[i]
		if v.amount <= 0 {
			continue
		}
		s := Span{Issued: v.issued, Due: v.due, Until: v.openUntil, AmountCents: data.Cents(v.amount), Product: h.Invoices[i].Product}
		var before int64
		first := len(payments)
		for _, p := range h.index.onBills[v.from:v.to] {
			if p.day > v.openUntil {
				break
			}
			payments = append(payments, SpanPayment{Day: p.day, Cents: data.Cents(p.sum - before)})
			before = p.sum
		}
		if first < len(payments) {
			s.Payments = payments[first:len(payments):len(payments)]
		}
		for _, d := range h.index.disputes {
			if int(d.invoice) == i {
				s.Disputes = append(s.Disputes, d.Dispute)
			}
		}
		out = append(out, s)
	}
	return out
}

// TouchDay returns the UTC day of a touch, given by its position in Touches.
func (h *History) TouchDay(touch int) data.Date { return h.index.touches[touch].day }

// Answers yields the events of the customer's touches, holds apart, by day: each with
// its touch's position in Touches, its kind, and the day on which it became known,
// which is not before the touch's.
func (h *History) Answers(yield func(touch int, kind data.TouchEventKind, day data.Date)) {
	for i := range h.index.events {
		e := &h.index.events[i]
		yield(int(e.touch), data.TouchEventKinds[e.kind], e.day)
	}
}

// DayTraits are what the calendar says of one day.
type DayTraits struct {
	Known       bool // the calendar covers the years 1980 to 2099
	Business    bool // neither a weekend nor a day without banking
	Weekday     int  // 0 Sunday to 6 Saturday
	Monthday    int  // 1 to 31
	Month       int  // 1 to 12
	ToMonthEnd  int  // days until the last day of the month
	SincePayday int  // business days since the last fifth business day; 0 on it
	UntilPayday int  // business days until the next one; 0 on it
}

// Calendar is the calendar that the calendar features read. It is immutable.
type Calendar struct{ days *calendar }

// NewCalendar computes the calendar; keep it, for it takes some milliseconds.
func NewCalendar() *Calendar { return &Calendar{newCalendar()} }

// Day returns the traits of a day; Known is false beyond the calendar.
func (c *Calendar) Day(d data.Date) DayTraits {
	t := c.days.day(d)
	return DayTraits{Known: t.known, Business: t.business, Weekday: int(t.weekday), Monthday: int(t.monthday), Month: int(t.month),
		ToMonthEnd: int(t.toMonthEnd), SincePayday: int(t.sincePayday), UntilPayday: int(t.untilPayday)}
}
