package kpi_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"dunning/data"
)

// tables is a lake in memory.
type tables struct {
	customers []data.Customer
	invoices  []data.Invoice
	payments  []data.Payment
	touches   []data.Touch
	events    []data.TouchEvent
	promises  []data.Promise
	bureau    []data.BureauReport
}

// write puts the lake into a folder, each table in as many parts, and returns
// the folder.
func (l *tables) write(tb testing.TB, parts int) string {
	tb.Helper()
	dir := tb.TempDir()
	writeTable(tb, dir, "customers", l.customers, parts)
	writeTable(tb, dir, "invoices", l.invoices, parts)
	writeTable(tb, dir, "payments", l.payments, parts)
	writeTable(tb, dir, "touches", l.touches, parts)
	writeTable(tb, dir, "touch_events", l.events, parts)
	writeTable(tb, dir, "promises", l.promises, parts)
	writeTable(tb, dir, "bureau_reports", l.bureau, parts)
	return dir
}

func writeTable[T any](tb testing.TB, dir, name string, rows []T, parts int) {
	tb.Helper()
	if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil {
		tb.Fatal(err)
	}
	for p := range parts {
		part := rows[len(rows)*p/parts : len(rows)*(p+1)/parts]
		if _, err := data.Write(filepath.Join(dir, name, fmt.Sprintf("part-%04d.parquet", p)), part); err != nil {
			tb.Fatal(err)
		}
	}
}

func day(s string) data.Date {
	d, err := data.ParseDate(s)
	if err != nil {
		panic(err)
	}
	return d
}

// at is ten o'clock UTC of a day.
func at(s string) time.Time { return day(s).Time().Add(10 * time.Hour) }

func bill(id, customer, issued, due string, cents data.Cents) data.Invoice {
	return data.Invoice{InvoiceID: id, CustomerID: customer, IssuedOn: day(issued), DueOn: day(due), AmountCents: cents, Currency: "BRL"}
}

// handMade is a lake small enough to compute by hand at 2026-01-01 over two
// months (from 2025-11-01). The comments of TestHandComputed derive from it.
//
//	     issued  due     cents  balance on 11-01   12-01            01-01
//	A C1 09-01   10-01   10000  10000 (31 days)    6000 (61 days)   6000 (92 days)   4000 paid 11-10
//	B C1 11-05   12-05   20000  –                  20000 current    –                paid 12-03
//	C C2 10-10   11-10   30000  30000 current      30000 (21 days)  –                paid 12-20
//	D C3 12-10   01-01    5000  –                  –                5000 current     (0 days)
//	E C3 06-01   07-01    8000  8000 (123 days)    8000 (153 days)  –                cancelled 12-15
//	F C4 08-01   08-15    7000  7000 (78 days)     7000 (108 days)  7000 (139 days)  paid at AsOf: not yet known
//	I C2 11-15   12-15    1000  –                  1000 current     –                1200 paid 12-15
//	G is in dollars, H is issued at AsOf: neither counts.
func handMade() *tables {
	cancelled := day("2025-12-15")
	e := bill("E", "C3", "2025-06-01", "2025-07-01", 8000)
	e.CancelledOn = &cancelled
	g := bill("G", "C4", "2025-10-01", "2025-10-05", 99900)
	g.Currency = "USD"
	one := 1.0
	touch := func(id, customer string, ch data.Channel, on string, cents data.Cents) data.Touch {
		return data.Touch{TouchID: id, CustomerID: customer, Channel: ch, SentAt: at(on), CostCents: cents}
	}
	held := func(id, customer, on string) data.Touch {
		t := touch(id, customer, data.Hold, on, 0)
		t.Template, t.TreatProb = "holdout", &one
		return t
	}
	return &tables{
		customers: []data.Customer{
			{CustomerID: "C1", ReachEmail: true, ReachSMS: true, ReachVoice: true, ConsentEmail: true},
			{CustomerID: "C2", ReachSMS: true, ConsentEmail: true}, // consent where there is no address
			{CustomerID: "C3"}, {CustomerID: "C4"}, {CustomerID: "C5"},
		},
		invoices: []data.Invoice{
			bill("A", "C1", "2025-09-01", "2025-10-01", 10000),
			bill("B", "C1", "2025-11-05", "2025-12-05", 20000),
			bill("C", "C2", "2025-10-10", "2025-11-10", 30000),
			bill("D", "C3", "2025-12-10", "2026-01-01", 5000),
			e,
			bill("F", "C4", "2025-08-01", "2025-08-15", 7000),
			g,
			bill("H", "C5", "2026-01-01", "2026-01-31", 12300),
			bill("I", "C2", "2025-11-15", "2025-12-15", 1000),
		},
		payments: []data.Payment{
			{PaymentID: "1", InvoiceID: "A", CustomerID: "C1", PaidAt: at("2025-11-10"), AmountCents: 4000},
			{PaymentID: "2", InvoiceID: "B", CustomerID: "C1", PaidAt: at("2025-12-03"), AmountCents: 20000},
			{PaymentID: "3", InvoiceID: "C", CustomerID: "C2", PaidAt: at("2025-12-20"), AmountCents: 30000},
			{PaymentID: "4", InvoiceID: "I", CustomerID: "C2", PaidAt: at("2025-12-15"), AmountCents: 1200},
			{PaymentID: "5", InvoiceID: "F", CustomerID: "C4", PaidAt: day("2026-01-01").Time(), AmountCents: 7000},
		},
		touches: []data.Touch{
			touch("T0", "C1", data.SMS, "2025-10-01", 9), // before the period
			touch("T1", "C1", data.Email, "2025-11-05", 2),
			touch("T2", "C1", data.Voice, "2025-12-02", 80),
			touch("T3", "C2", data.SMS, "2025-12-10", 8),
			held("T4", "C3", "2025-11-05"),
			held("T5", "C4", "2025-12-05"),
			touch("T6", "C5", data.Hold, "2025-11-06", 0), // a hold, but not of the holdout
		},
		events: []data.TouchEvent{
			{TouchID: "T1", Kind: data.EventDelivered, At: at("2025-11-05")},
			{TouchID: "T1", Kind: data.EventOpened, At: at("2025-11-06")},
			{TouchID: "T1", Kind: data.EventOpened, At: at("2025-11-07")}, // twice: one touch
			{TouchID: "T2", Kind: data.EventReplied, At: at("2025-12-02")},
			{TouchID: "T3", Kind: data.EventBounced, At: at("2025-12-10")},
			{TouchID: "T3", Kind: data.EventReplied, At: at("2026-01-02")}, // after AsOf
		},
		promises: []data.Promise{
			{PromiseID: "P1", CustomerID: "C1", MadeAt: at("2025-11-08"), DueOn: day("2025-11-09"), AmountCents: 4000, InstalmentNo: 1},
			{PromiseID: "P2", CustomerID: "C2", MadeAt: at("2025-12-01"), DueOn: day("2025-12-10"), AmountCents: 15000, InstalmentNo: 1},
			{PromiseID: "P3", CustomerID: "C2", MadeAt: at("2025-12-01"), DueOn: day("2025-12-20"), AmountCents: 15000, InstalmentNo: 2},
			{PromiseID: "P4", CustomerID: "C4", MadeAt: at("2025-12-20"), DueOn: day("2025-12-29"), AmountCents: 7000, InstalmentNo: 1},
		},
		bureau: []data.BureauReport{
			{CustomerID: "C1", At: at("2025-10-30"), CostCents: 150},
			{CustomerID: "C2", At: at("2025-11-02"), CostCents: 170},
		},
	}
}
