package kpi

import (
	"context"

	"dunning/data"
)

// readSegments fills the indicators by segment.
func (r *reading) readSegments(ctx context.Context, l *lake, cfg Config) error {
	r.Segments = []data.SegmentIndicators{}
	if cfg.Members == "" {
		return nil
	}
	if err := l.exec(ctx, "members", "SET VARIABLE members = "+quote(cfg.Members)); err != nil {
		return err
	}
	if err := l.run(ctx, "members"); err != nil {
		return err
	}
	at := map[string]int{}
	err := l.each(ctx, "segment_customers", func(scan func(...any) error) error {
		s := data.SegmentIndicators{Aging: make([]data.AgingBucket, Buckets)}
		if err := scan(&s.Segment, &s.Customers, &s.OpenCustomers, &s.OverdueCustomers, &s.BilledCents, &s.CollectedCents); err != nil {
			return err
		}
		at[s.Segment] = len(r.Segments)
		r.Segments = append(r.Segments, s)
		return nil
	})
	if err != nil {
		return err
	}
	err = l.each(ctx, "segment_buckets", func(scan func(...any) error) error {
		var name string
		var k, b int
		var cents, n int64
		if err := scan(&name, &k, &b, &cents, &n); err != nil {
			return err
		}
		s := &r.Segments[at[name]]
		if k == 0 {
			s.BeginningReceivableCents += data.Cents(cents)
			return nil
		}
		s.Aging[b].BalanceCents, s.Aging[b].Invoices = data.Cents(cents), n
		return nil
	})
	if err != nil {
		return err
	}
	err = l.each(ctx, "segment_cure", func(scan func(...any) error) error {
		var name string
		var delinquent, cured int64
		if err := scan(&name, &delinquent, &cured); err != nil {
			return err
		}
		r.Segments[at[name]].CureRate = ratio(cured, delinquent)
		return nil
	})
	for i := range r.Segments {
		r.divideSegment(&r.Segments[i], cfg.ProvisionBasisPoints)
	}
	return err
}

// divideSegment fills what follows from the sums of a segment, by the formulas
// of the whole.
func (r *reading) divideSegment(s *data.SegmentIndicators, provision [Buckets]int) {
	t := total(s.Aging, provision)
	s.ReceivableCents, s.CurrentCents, s.OverdueCents, s.Over90Cents = t.receivable, t.current, t.overdue, t.over90
	s.ProvisionCents, s.OpenInvoices = t.provision, t.invoices
	s.OverdueShare = ratio(s.OverdueCents, s.ReceivableCents)
	s.DefaultRate = ratio(s.Over90Cents, s.ReceivableCents)
	s.Coverage = ratio(s.ProvisionCents, s.Over90Cents)
	s.DSO = quotient(float64(s.ReceivableCents)*float64(r.Days), float64(s.BilledCents))
	s.CEI = effectiveness(s.BeginningReceivableCents, s.BilledCents, s.ReceivableCents, s.CurrentCents, r.Months)
}
