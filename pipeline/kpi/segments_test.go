package kpi_test

import (
	"context"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dunning/data"
	"dunning/pipeline/kpi"
)

// member is a row of a file of segments.
type member struct {
	CustomerID string `parquet:"customer_id"`
	Segment    string `parquet:"segment,dict"`
}

// only returns a lake with the customers of one segment.
func (l *tables) only(of map[string]string, segment string) *tables {
	out := &tables{}
	for _, c := range l.customers {
		if of[c.CustomerID] == segment {
			out.customers = append(out.customers, c)
		}
	}
	for _, v := range l.invoices {
		if of[v.CustomerID] == segment {
			out.invoices = append(out.invoices, v)
		}
	}
	for _, p := range l.payments {
		if of[p.CustomerID] == segment {
			out.payments = append(out.payments, p)
		}
	}
	return out
}

func TestASegmentsIndicatorsAreThoseOfItsCustomersAlone(t *testing.T) {
	asOf := day("2026-01-05")
	l := randomLake(rand.New(rand.NewPCG(11, 1)), 60, 12, asOf)
	of, rows := map[string]string{}, []member{}
	for i, c := range l.customers {
		of[c.CustomerID] = []string{"novo", "devedor", "pontual"}[i%3]
		rows = append(rows, member{c.CustomerID, of[c.CustomerID]})
	}
	file := filepath.Join(t.TempDir(), "members.parquet")
	if _, err := data.Write(file, rows); err != nil {
		t.Fatal(err)
	}
	all, err := kpi.Compute(context.Background(), kpi.Config{Lake: l.write(t, 2), AsOf: asOf, Months: 4, Members: file})
	if err != nil {
		t.Fatal(err)
	}
	if len(all.Segments) != 3 {
		t.Fatalf("%d segments", len(all.Segments))
	}
	for _, got := range all.Segments {
		one, err := kpi.Compute(context.Background(), kpi.Config{Lake: l.only(of, got.Segment).write(t, 1), AsOf: asOf, Months: 4})
		if err != nil {
			t.Fatal(err)
		}
		if one.Months != all.Months {
			t.Fatalf("%s: a history of %d months, not %d: choose another seed", got.Segment, one.Months, all.Months)
		}
		want := data.SegmentIndicators{Segment: got.Segment, Customers: one.Customers, OpenCustomers: one.OpenCustomers, OverdueCustomers: one.OverdueCustomers,
			OpenInvoices: one.OpenInvoices, Aging: one.Aging, ReceivableCents: one.ReceivableCents, CurrentCents: one.CurrentCents, OverdueCents: one.OverdueCents,
			Over90Cents: one.Over90Cents, ProvisionCents: one.ProvisionCents, BeginningReceivableCents: one.BeginningReceivableCents, BilledCents: one.BilledCents,
			CollectedCents: one.CollectedCents, OverdueShare: one.OverdueShare, DSO: one.DSO, CEI: one.CEI, DefaultRate: one.DefaultRate, Coverage: one.Coverage, CureRate: one.CureRate}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-alone +in the whole):\n%s", got.Segment, diff)
		}
	}
}
