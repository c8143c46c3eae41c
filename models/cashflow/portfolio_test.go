package cashflow_test

import (
	"context"

	"dunning/data"
	"dunning/data/synth"
	"dunning/models/cashflow"
)

// book is a portfolio as a forecast reads it.
type book struct {
	*cashflow.Book
	first, asOf data.Date
}

// simulate generates a portfolio; the company's own grouping stands for the
// segments.
func simulate(customers, months int, seed uint64) (*book, error) {
	c := synth.DefaultConfig()
	c.Customers, c.Months, c.Seed, c.Truth = customers, months, seed, false
	p, err := synth.Generate(context.Background(), c)
	if err != nil {
		return nil, err
	}
	return read(&p.Sources, c.End), nil
}

// read turns source rows into a book.
func read(s *synth.Sources, asOf data.Date) *book {
	b := &book{first: asOf, asOf: asOf}
	segment, place := map[string]int{}, map[string]int{}
	customers := make([]cashflow.Customer, len(s.Customers))
	for i, c := range s.Customers {
		k, ok := segment[c.Segment]
		if !ok {
			k = len(segment)
			segment[c.Segment] = k
		}
		place[c.CustomerID] = i
		customers[i] = cashflow.Customer{Segments: []cashflow.Since{{Segment: k}}}
		if c.Kind == data.PJ {
			customers[i].Kind = 1
		}
	}
	paid := map[string][]cashflow.Payment{}
	for _, p := range s.Payments { // by time within a customer
		paid[p.InvoiceID] = append(paid[p.InvoiceID], cashflow.Payment{Day: data.DateOf(p.PaidAt), Cents: p.AmountCents})
	}
	for _, v := range s.Invoices {
		i := cashflow.Invoice{Issued: v.IssuedOn, Due: v.DueOn, Until: cashflow.Never, Cents: v.AmountCents, Payments: paid[v.InvoiceID]}
		left := v.AmountCents
		for _, p := range i.Payments {
			if left -= p.Cents; left <= 0 {
				i.Until = p.Day
			}
		}
		if v.CancelledOn != nil {
			i.Until = min(i.Until, *v.CancelledOn)
		}
		b.first = min(b.first, v.IssuedOn)
		c := &customers[place[v.CustomerID]]
		c.Invoices = append(c.Invoices, i)
	}
	b.Book = cashflow.NewBook(customers, len(segment))
	return b
}
