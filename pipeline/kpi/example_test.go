package kpi_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"dunning/data"
	"dunning/pipeline/kpi"
)

// A lake of one customer with two invoices: one due in the future, one 40 days
// overdue.
func ExampleCompute() {
	lake, err := os.MkdirTemp("", "example-*")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(lake)
	for _, err := range []error{
		put(lake, "customers", []data.Customer{{CustomerID: "c1", Kind: data.PF}}),
		put(lake, "invoices", []data.Invoice{
			{InvoiceID: "1", CustomerID: "c1", IssuedOn: day("2025-12-01"), DueOn: day("2026-02-01"), AmountCents: 30000, Currency: "BRL"},
			{InvoiceID: "2", CustomerID: "c1", IssuedOn: day("2025-11-01"), DueOn: day("2025-11-23"), AmountCents: 10000, Currency: "BRL"},
		}),
		put(lake, "payments", []data.Payment{}),
	} {
		if err != nil {
			log.Fatal(err)
		}
	}
	r, err := kpi.Compute(context.Background(), kpi.Config{Lake: lake, AsOf: day("2026-01-02"), Months: 1})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("receivable", r.ReceivableCents.BRL(), "overdue", r.OverdueCents.BRL())
	fmt.Println("31–60 days", r.Aging[2].BalanceCents.BRL())
	fmt.Println("coverage known:", r.Coverage != nil)
	// Output:
	// receivable R$ 400,00 overdue R$ 100,00
	// 31–60 days R$ 100,00
	// coverage known: false
}

func put[T any](lake, table string, rows []T) error {
	dir := filepath.Join(lake, table)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	_, err := data.Write(filepath.Join(dir, "part-0000.parquet"), rows)
	return err
}
