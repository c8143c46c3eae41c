package regua

import (
	"slices"
	"strings"
	"time"

	"dunning/data"
)

// Records are what is known of one customer; rows of AsOf or later are left out.
// The slices may be in any order, and are read only.
type Records struct {
	Customer data.Customer
	Invoices []data.Invoice
	Payments []data.Payment
	Touches  []data.Touch
	Events   []data.TouchEvent
	Promises []data.Promise
	PayProb  float64 // probability of paying without a touch, 0 when not known
}

// Invoice is an open invoice.
type Invoice struct {
	ID              string
	IssuedOn, DueOn data.Date
	AmountCents     data.Cents
	OpenCents       data.Cents // what is left after payments and credits
	PaidOn          data.Date  // of the last partial payment, 0 for none
	Product         string
}

// Sent is a touch of the past.
type Sent struct {
	Template string
	Day      data.Date
}

// State is one customer on AsOf, as réguas see him.
type State struct {
	Customer data.Customer
	AsOf     data.Date
	Row      Row       // the customer's columns
	Invoices []Invoice // open ones, by due date, then id
	Sent     []Sent    // by day
	// PromisedFor is the date of the last promise, PaidOn the day of the last
	// payment; 0 for none.
	PromisedFor, PaidOn data.Date
	// BestHour is the local hour in which the customer opened most, -1 when
	// nothing was opened.
	BestHour int
}

// never is the number of days since what has not happened.
const never = -1

// NewState makes the state of a customer on asOf. zone is where his hours are
// read; nil means UTC.
func NewState(in *Records, asOf data.Date, zone *time.Location) *State {
	s := &State{Customer: in.Customer, AsOf: asOf}
	s.readInvoices(in)
	s.readTouches(in, zone)
	c, r := &in.Customer, &s.Row
	r.text[kind], r.text[uf], r.text[segment] = string(c.Kind), c.UF, c.Segment
	r.text[namedSegment] = c.NamedSegment
	r.text[customerID], r.text[preferredChannel] = c.CustomerID, string(c.PreferredChannel)
	r.int[creditLimitCents], r.int[customerDays] = int64(c.CreditLimitCents), int64(asOf-c.Since)
	r.number[payProb] = in.PayProb
	for _, p := range in.Promises {
		switch {
		case data.DateOf(p.MadeAt) >= asOf:
			continue
		case p.DueOn >= asOf:
			r.flag[promiseOpen] = true
		case r.int[openInvoices] > 0:
			r.int[promisesBroken]++
		}
		s.PromisedFor = max(s.PromisedFor, p.DueOn)
	}
	r.int[paidDays] = never
	if s.PaidOn != 0 {
		r.int[paidDays] = int64(asOf - s.PaidOn)
	}
	s.turnTo(r, asOf)
	return s
}

// readInvoices nets payments and credits off the invoices; one that is paid or
// cancelled is not open.
func (s *State) readInvoices(in *Records) {
	paid, last := make(map[string]data.Cents, len(in.Invoices)), map[string]data.Date{}
	for _, p := range in.Payments {
		day := data.DateOf(p.PaidAt)
		if day >= s.AsOf {
			continue
		}
		paid[p.InvoiceID] += p.AmountCents
		last[p.InvoiceID] = max(last[p.InvoiceID], day)
		s.PaidOn = max(s.PaidOn, day)
	}
	r := &s.Row
	for _, v := range in.Invoices {
		open := v.AmountCents - paid[v.InvoiceID]
		if v.IssuedOn >= s.AsOf || v.CancelledOn != nil && *v.CancelledOn < s.AsOf || open <= 0 {
			continue
		}
		s.Invoices = append(s.Invoices, Invoice{ID: v.InvoiceID, IssuedOn: v.IssuedOn, DueOn: v.DueOn, AmountCents: v.AmountCents,
			OpenCents: open, PaidOn: last[v.InvoiceID], Product: v.Product})
		r.int[balanceCents] += int64(open)
		if v.DueOn < s.AsOf {
			r.int[overdueCents] += int64(open)
		}
		r.flag[partlyPaid] = r.flag[partlyPaid] || last[v.InvoiceID] != 0
	}
	r.int[openInvoices] = int64(len(s.Invoices))
	slices.SortFunc(s.Invoices, func(a, b Invoice) int {
		if a.DueOn != b.DueOn {
			return int(a.DueOn) - int(b.DueOn)
		}
		return strings.Compare(a.ID, b.ID)
	})
}

func (s *State) readTouches(in *Records, zone *time.Location) {
	r := &s.Row
	r.int[touchedDays], r.int[repliedDays] = never, never
	for _, t := range in.Touches {
		day := data.DateOf(t.SentAt)
		if t.Channel == data.Hold || day >= s.AsOf {
			continue
		}
		s.Sent = append(s.Sent, Sent{t.Template, day})
		ago := int64(s.AsOf - day)
		if ago <= 7 {
			r.int[touches7]++
		}
		if ago <= 30 {
			r.int[touches30]++
		}
		r.int[touchedDays] = since(r.int[touchedDays], ago)
	}
	slices.SortStableFunc(s.Sent, func(a, b Sent) int { return int(a.Day) - int(b.Day) })
	var opened [24]int
	s.BestHour = never
	if zone == nil {
		zone = time.UTC
	}
	for _, e := range in.Events {
		switch day := data.DateOf(e.At); {
		case day >= s.AsOf:
		case e.Kind == data.EventReplied:
			r.int[repliedDays] = since(r.int[repliedDays], int64(s.AsOf-day))
		case e.Kind == data.EventOpened:
			opened[e.At.In(zone).Hour()]++
		}
	}
	for h, n := range opened {
		if n > 0 && (s.BestHour < 0 || n > opened[s.BestHour]) {
			s.BestHour = h
		}
	}
}

// since returns the fewer of two numbers of days, the first of which may be of
// what has not happened.
func since(known, ago int64) int64 {
	if known == never {
		return ago
	}
	return min(known, ago)
}

// turnTo sets what depends on the day asked about.
func (s *State) turnTo(r *Row, day data.Date) {
	if len(s.Invoices) > 0 {
		r.int[daysPastDue] = int64(day - s.Invoices[0].DueOn)
	}
	r.int[weekday], r.int[monthDay] = int64(day.Weekday()), int64(day.Time().Day())
}

// about returns the columns on a day, of an invoice or, with nil, of all.
func (s *State) about(v *Invoice, day data.Date) *Row {
	r := s.Row
	s.turnTo(&r, day)
	if v == nil {
		r.int[invoiceCents] = r.int[balanceCents]
		for _, v := range s.Invoices {
			r.int[invoiceAmountCents] += int64(v.AmountCents)
		}
		r.int[invoiceDaysPastDue] = r.int[daysPastDue]
		return &r
	}
	r.int[invoiceCents], r.int[invoiceAmountCents] = int64(v.OpenCents), int64(v.AmountCents)
	r.int[invoiceDaysPastDue], r.text[product] = int64(day-v.DueOn), v.Product
	return &r
}
