package features_test

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"dunning/data"
	"dunning/features"
)

// lake is the content of one partition.
type lake struct {
	customers []data.Customer
	invoices  []data.Invoice
	payments  []data.Payment
	touches   []data.Touch
	events    []data.TouchEvent
	promises  []data.Promise
	bureau    []data.BureauReport
	disputes  []data.Dispute
}

func (l *lake) add(h features.History) {
	l.customers = append(l.customers, h.Customer)
	l.invoices = append(l.invoices, h.Invoices...)
	l.payments = append(l.payments, h.Payments...)
	l.touches = append(l.touches, h.Touches...)
	l.events = append(l.events, h.Events...)
	l.promises = append(l.promises, h.Promises...)
	l.bureau = append(l.bureau, h.Bureau...)
	l.disputes = append(l.disputes, h.Disputes...)
}

// write lays the partition out as extract does: every table sorted by
// customer_id.
func (l *lake) write(t *testing.T, dir string, part int) {
	t.Helper()
	writeTable(t, dir, "customers", part, l.customers, func(r data.Customer) string { return r.CustomerID })
	writeTable(t, dir, "invoices", part, l.invoices, func(r data.Invoice) string { return r.CustomerID })
	writeTable(t, dir, "payments", part, l.payments, func(r data.Payment) string { return r.CustomerID })
	writeTable(t, dir, "touches", part, l.touches, func(r data.Touch) string { return r.CustomerID })
	writeTable(t, dir, "touch_events", part, l.events, func(r data.TouchEvent) string { return r.CustomerID })
	writeTable(t, dir, "promises", part, l.promises, func(r data.Promise) string { return r.CustomerID })
	writeTable(t, dir, "bureau_reports", part, l.bureau, func(r data.BureauReport) string { return r.CustomerID })
	writeTable(t, dir, "disputes", part, l.disputes, func(r data.Dispute) string { return r.CustomerID })
}

func writeTable[T any](t *testing.T, dir, table string, part int, rows []T, id func(T) string) {
	t.Helper()
	rows = slices.Clone(rows)
	slices.SortStableFunc(rows, func(a, b T) int { return cmp.Compare(id(a), id(b)) })
	writeRows(t, dir, table, part, rows)
}

func writeRows[T any](t *testing.T, dir, table string, part int, rows []T) {
	t.Helper()
	if err := os.MkdirAll(filepath.Join(dir, table), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := data.Write(filepath.Join(dir, table, features.PartName(part)), rows); err != nil {
		t.Fatal(err)
	}
}

func readAll(dir string, part int) (all []*features.History, err error) {
	for h, err := range features.Histories(dir, part) {
		if err != nil {
			return all, err
		}
		all = append(all, h)
	}
	return all, nil
}

func TestHistoriesJoinTheTablesOfAPartition(t *testing.T) {
	dir := t.TempDir()
	var l lake
	var want []*features.History
	for seed := range uint64(120) { // more rows than a batch of the reader
		h := generated(seed, 20, 60)
		switch seed {
		case 0: // the first, a middle and the last customer have nothing at all
			h = features.History{Customer: h.Customer}
		case 50:
			h = features.History{Customer: h.Customer}
		case 119:
			h = features.History{Customer: h.Customer}
		}
		l.add(h)
		want = append(want, features.NewHistory(clone(h)))
	}
	l.write(t, dir, 3)
	got, err := readAll(dir, 3)
	if err != nil {
		t.Fatal(err)
	}
	if diff := gocmp.Diff(want, got, cmpopts.IgnoreUnexported(features.History{}), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("histories (-want +got):\n%.3000s", diff)
	}
	c := newTestComputer()
	a, b := make([]float32, len(c.Names())), make([]float32, len(c.Names()))
	for i := range want {
		c.Row(want[i], start+200, start+200, a)
		c.Row(got[i], start+200, start+200, b)
		if !slices.Equal(bits(a), bits(b)) {
			t.Fatalf("customer %s: features from the lake differ", want[i].Customer.CustomerID)
		}
	}
}

// A portfolio that came from a ledger alone has invoices and payments only.
func TestHistoriesOfALakeWithEmptyTables(t *testing.T) {
	dir := t.TempDir()
	h := generated(1, 10, 0)
	l := lake{customers: []data.Customer{h.Customer}, invoices: h.Invoices, payments: h.Payments}
	l.write(t, dir, 0)
	got, err := readAll(dir, 0)
	if err != nil || len(got) != 1 {
		t.Fatalf("%d histories, %v", len(got), err)
	}
	c := features.NewComputer(nil, nil, nil)
	row := make([]float32, len(c.Names()))
	c.Row(got[0], start+100, start+100, row)
	for j, f := range features.Dictionary() {
		switch v := row[j]; f.Family {
		case "touchhist", "engagement", "promises", "bureau", "disputes", "cohort":
			constant := v != v || v == 0 || f.Name == "f_touchhist_hold_response_share"
			if !constant {
				t.Errorf("%s = %g without any row of its family", f.Name, v)
			}
		}
	}
	if empty, err := readAll(emptyLake(t), 0); err != nil || len(empty) != 0 {
		t.Errorf("no customers: %d histories, %v", len(empty), err)
	}
}

// A lake of an older program has no disputes; the next extract writes them.
func TestHistoriesOfALakeWithoutDisputes(t *testing.T) {
	dir := t.TempDir()
	h := generated(1, 10, 30)
	h.Disputes = nil
	var l lake
	l.add(h)
	l.write(t, dir, 0)
	want, err := readAll(dir, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(dir, "disputes")); err != nil {
		t.Fatal(err)
	}
	got, err := readAll(dir, 0)
	if err != nil || len(got) != 1 {
		t.Fatalf("%d histories, %v", len(got), err)
	}
	if diff := gocmp.Diff(want, got, cmpopts.IgnoreUnexported(features.History{}), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("histories (-want +got):\n%.3000s", diff)
	}
}

func emptyLake(t *testing.T) string {
	dir := t.TempDir()
	(&lake{}).write(t, dir, 0)
	return dir
}

func TestHistoriesRefuseADamagedLake(t *testing.T) {
	for _, tc := range []struct {
		name   string
		damage func(t *testing.T, dir string, l *lake)
		is     error
		says   string
	}{
		{"missing table", func(t *testing.T, dir string, l *lake) { os.RemoveAll(filepath.Join(dir, "promises")) }, os.ErrNotExist, "promises"},
		{"customer twice", func(t *testing.T, dir string, l *lake) {
			writeRows(t, dir, "customers", 0, append(l.customers, l.customers[len(l.customers)-1]))
		}, data.ErrDamagedFile, `customer "c00003" twice`},
		{"customers out of order", func(t *testing.T, dir string, l *lake) {
			(&lake{}).write(t, dir, 0)
			slices.Reverse(l.customers)
			writeRows(t, dir, "customers", 0, l.customers)
		}, data.ErrDamagedFile, "not sorted"},
		{"payments out of order", func(t *testing.T, dir string, l *lake) {
			slices.Reverse(l.payments)
			writeRows(t, dir, "payments", 0, l.payments)
		}, data.ErrDamagedFile, "payments"},
		{"rows of a customer before all", func(t *testing.T, dir string, l *lake) {
			writeTable(t, dir, "touches", 0, append(l.touches, data.Touch{CustomerID: "a"}), func(r data.Touch) string { return r.CustomerID })
		}, data.ErrDamagedFile, `customer "a", who is not in customers`},
		{"rows of a customer after all", func(t *testing.T, dir string, l *lake) {
			writeTable(t, dir, "bureau_reports", 0, append(l.bureau, data.BureauReport{CustomerID: "z"}), func(r data.BureauReport) string { return r.CustomerID })
		}, data.ErrDamagedFile, `customer "z", who is not in customers`},
		{"truncated file", func(t *testing.T, dir string, l *lake) {
			path := filepath.Join(dir, "invoices", features.PartName(0))
			if err := os.Truncate(path, 100); err != nil {
				t.Fatal(err)
			}
		}, data.ErrDamagedFile, "invoices"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := t.TempDir()
			var l lake
			for seed := range uint64(4) {
				l.add(generated(seed, 10, 20))
			}
			l.write(t, dir, 0)
			tc.damage(t, dir, &l)
			_, err := readAll(dir, 0)
			if !errors.Is(err, tc.is) || !strings.Contains(fmt.Sprint(err), tc.says) {
				t.Errorf("error %v, want %v saying %q", err, tc.is, tc.says)
			}
		})
	}
}

func TestHistoriesCanBeLeftEarly(t *testing.T) {
	dir := t.TempDir()
	var l lake
	for seed := range uint64(4) {
		l.add(generated(seed, 10, 20))
	}
	l.write(t, dir, 0)
	n := 0
	for _, err := range features.Histories(dir, 0) {
		if err != nil {
			t.Fatal(err)
		}
		if n++; n == 2 {
			break
		}
	}
	if n != 2 {
		t.Errorf("%d histories", n)
	}
}
