package data_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"dunning/data"
)

// TestScanFromBeginsWhereScanWould: over several row groups and pages, for texts
// that are there, lie between, and lie outside.
func TestScanFromBeginsWhereScanWould(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rows.parquet")
	var rows []data.Payment
	for i := range 300_000 {
		rows = append(rows, data.Payment{PaymentID: fmt.Sprint(i), CustomerID: fmt.Sprintf("C%07d", i/7*2), AmountCents: data.Cents(i)})
	}
	if _, err := data.Write(path, rows); err != nil {
		t.Fatal(err)
	}
	for _, from := range []string{"", "C0000000", "C0000001", "C0037448", "C0037449", "C0074896", "C0085712", "C0085714", "D"} {
		want := 0
		for want < len(rows) && rows[want].CustomerID < from {
			want++
		}
		var got []data.Payment
		for batch, err := range data.ScanFrom[data.Payment](path, "customer_id", from) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, batch...)
			if len(got) > 1000 {
				break
			}
		}
		if n := min(len(got), len(rows)-want); len(got) < min(1000, len(rows)-want) {
			t.Errorf("from %q: %d rows", from, len(got))
		} else {
			for i := range n {
				if got[i].PaymentID != rows[want+i].PaymentID || got[i].AmountCents != rows[want+i].AmountCents {
					t.Fatalf("from %q: row %d is %+v, want %+v", from, i, got[i], rows[want+i])
				}
			}
		}
	}
}

func TestScanFromSaysWhatIsDamaged(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rows.parquet")
	if _, err := data.Write(path, []data.Payment{{PaymentID: "1", CustomerID: "C1"}}); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string][]byte{"empty": nil, "cut": whole[:len(whole)/2], "not Parquet": []byte("customer_id,day\nC1,2026-01-05\n")} {
		if err := os.WriteFile(path, text, 0o644); err != nil {
			t.Fatal(err)
		}
		failed := false
		for _, err := range data.ScanFrom[data.Payment](path, "customer_id", "C1") {
			failed = failed || err != nil
		}
		if !failed {
			t.Errorf("%s: no error", name)
		}
	}
}
