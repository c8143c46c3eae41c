package segments_test

import (
	"context"
	"sync"
	"testing"

	"dunning/data"
	"dunning/data/synth"
	"dunning/models/segments"
)

// portfolio is a simulated portfolio as the rules read it.
type portfolio struct {
	customers []*segments.Customer
	first     data.Date
	asOf      data.Date
}

var simulated = sync.OnceValues(func() (*portfolio, error) {
	c := synth.DefaultConfig()
	c.Customers, c.Months, c.Seed, c.Truth = 3000, 30, 11, false
	p, err := synth.Generate(context.Background(), c)
	if err != nil {
		return nil, err
	}
	return read(&p.Sources, c.End), nil
})

// read turns source rows into what the rules read.
func read(s *synth.Sources, asOf data.Date) *portfolio {
	out := &portfolio{asOf: asOf, first: asOf}
	of := map[string]*segments.Customer{}
	for _, c := range s.Customers {
		of[c.CustomerID] = &segments.Customer{Business: c.Kind == data.PJ}
		out.customers = append(out.customers, of[c.CustomerID])
	}
	paid, on := map[string]data.Cents{}, map[string]data.Date{}
	for _, p := range s.Payments {
		paid[p.InvoiceID] += p.AmountCents
		on[p.InvoiceID] = max(on[p.InvoiceID], data.DateOf(p.PaidAt))
	}
	for _, v := range s.Invoices {
		i := segments.Invoice{Issued: v.IssuedOn, Due: v.DueOn, Closed: segments.Never, Cents: v.AmountCents}
		if paid[v.InvoiceID] >= v.AmountCents {
			i.Closed, i.Paid = on[v.InvoiceID], true
		} else if v.CancelledOn != nil {
			i.Closed = *v.CancelledOn
		}
		out.first = min(out.first, v.IssuedOn)
		of[v.CustomerID].Invoices = append(of[v.CustomerID].Invoices, i)
	}
	for _, b := range s.BureauReports {
		c := of[b.CustomerID]
		c.Reports = append(c.Reports, segments.Report{Day: data.DateOf(b.At), Negative: int(b.NegativeRecords)})
	}
	return out
}

// segmented is a portfolio with everybody's segments.
type segmented struct {
	*portfolio
	months []data.Date
	cuts   []segments.CutPoints
	keys   [][]segments.Key // by customer
	last   []segments.Facts
	moves  []segments.Movements // by month, from the second on
}

func segment(p *portfolio) *segmented {
	s := &segmented{portfolio: p, months: segments.Months(p.first, p.asOf)}
	days := segments.CutDays(p.first, p.asOf)
	facts := make([][]segments.Facts, len(days))
	for i, d := range days {
		for _, c := range p.customers {
			facts[i] = append(facts[i], c.At(d))
		}
	}
	s.cuts = segments.FitCuts(days, facts)
	s.moves = make([]segments.Movements, len(s.months)-1)
	for i := range s.moves {
		s.moves[i] = segments.Movements{}
	}
	for _, c := range p.customers {
		keys, last := segments.Walk(c, s.months, s.cuts)
		s.keys, s.last = append(s.keys, keys), append(s.last, last)
		for i := range s.moves {
			s.moves[i][[2]segments.Key{keys[i], keys[i+1]}]++
		}
	}
	return s
}

func mustSegment(t testing.TB) *segmented {
	t.Helper()
	p, err := simulated()
	if err != nil {
		t.Fatal(err)
	}
	return segment(p)
}
