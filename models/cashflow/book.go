package cashflow

import (
	"cmp"
	"slices"

	"dunning/data"
)

// Never is the day of what has not happened.
const Never = data.Date(1<<31 - 1)

// Customer is one customer's invoices.
type Customer struct {
	Kind     int // of calendar: 0 or 1 (a person, a company)
	Invoices []Invoice
	// Segments are the segments he was in, by day; before the first, and
	// without any, he is in segment 0.
	Segments []Since
}

// Since says from when on a customer was in a segment.
type Since struct {
	Day     data.Date
	Segment int
}

// Invoice is one receivable.
type Invoice struct {
	Issued, Due data.Date
	// Until is the day on which it was paid in full or cancelled, [Never]
	// while it is open.
	Until data.Date
	// Class is the kind of receivable (the product), from 0.
	Class    int
	Cents    data.Cents
	Payments []Payment // up to Until, by day
}

// Payment is money that came for an invoice.
type Payment struct {
	Day   data.Date
	Cents data.Cents
}

// segmentOn returns the customer's segment on a day.
func (c *Customer) segmentOn(day data.Date) (segment int) {
	for _, s := range c.Segments {
		if s.Day > day {
			break
		}
		segment = s.Segment
	}
	return segment
}

// left is what is owed of the invoice at the start of a day.
func (v *Invoice) left(day data.Date) float64 {
	cents := v.Cents
	for _, p := range v.Payments {
		if p.Day < day {
			cents -= p.Cents
		}
	}
	return float64(max(0, cents))
}

// Book is what a forecast reads: customers with their invoices by day of issue.
type Book struct {
	Customers []Customer
	Segments  int // how many there are; 0 counts as 1
	classes   int
}

// NewBook takes over customers and sorts their invoices by issue and due day.
func NewBook(customers []Customer, segments int) *Book {
	b := &Book{Customers: customers, Segments: max(segments, 1), classes: 1}
	for i := range customers {
		slices.SortStableFunc(customers[i].Invoices, func(a, b Invoice) int {
			return cmp.Or(cmp.Compare(a.Issued, b.Issued), cmp.Compare(a.Due, b.Due))
		})
		for j := range customers[i].Invoices {
			b.classes = max(b.classes, customers[i].Invoices[j].Class+1)
		}
	}
	return b
}

// Receipts returns what was paid on each of n days from a day on, by segment on
// the day segmentDay.
func (b *Book) Receipts(from, segmentDay data.Date, n int) [][]float64 {
	out := make([][]float64, b.Segments)
	for s := range out {
		out[s] = make([]float64, n)
	}
	for i := range b.Customers {
		c := &b.Customers[i]
		s := c.segmentOn(segmentDay)
		for j := range c.Invoices {
			for _, p := range c.Invoices[j].Payments {
				if d := p.Day - from; d >= 0 && int(d) < n {
					out[s][d] += float64(p.Cents)
				}
			}
		}
	}
	return out
}
