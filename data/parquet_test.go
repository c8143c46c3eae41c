package data_test

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dunning/data"
)

func someInvoices(n int) []data.Invoice {
	rng := rand.New(rand.NewPCG(1, 2))
	rows := make([]data.Invoice, n)
	for i := range rows {
		rows[i] = data.Invoice{
			InvoiceID: "i" + strings.Repeat("x", i%7), CustomerID: "c", IssuedOn: data.Date(i), DueOn: data.Date(i + 30),
			AmountCents: data.Cents(rng.Int64N(1e9)), Currency: "BRL", Product: "p",
		}
		if i%3 == 0 {
			rows[i].CancelledOn = ptr(data.Date(i + 5))
		}
	}
	return rows
}

func TestParquetRoundTripAtBatchEdges(t *testing.T) {
	for _, n := range []int{0, 1, 4095, 4096, 4097, 140_000} { // around the batch and the row group
		path := filepath.Join(t.TempDir(), "invoices.parquet")
		want := someInvoices(n)
		f, err := data.Write(path, want)
		if err != nil {
			t.Fatal(err)
		}
		got, err := data.Read[data.Invoice](path)
		if err != nil {
			t.Fatal(err)
		}
		if f.Rows != int64(n) || len(got) != n || n > 0 && !cmp.Equal(got, want) {
			t.Fatalf("%d rows: wrote %d, read %d, or their content differs", n, f.Rows, len(got))
		}
	}
}

func TestParquetKeepsInstantsToTheMicrosecondInUTC(t *testing.T) {
	path := filepath.Join(t.TempDir(), "payments.parquet")
	at := time.Date(2026, 1, 5, 13, 14, 15, 123456000, time.UTC)
	if _, err := data.Write(path, []data.Payment{{PaymentID: "p", PaidAt: at}}); err != nil {
		t.Fatal(err)
	}
	got, err := data.Read[data.Payment](path)
	if err != nil || !got[0].PaidAt.Equal(at) {
		t.Errorf("read %v, %v; want %v", got, err, at)
	}
}

func TestParquetBytesDependOnTheRowsAlone(t *testing.T) {
	dir := t.TempDir()
	a, errA := data.Write(filepath.Join(dir, "a.parquet"), someInvoices(5000))
	b, errB := data.Write(filepath.Join(dir, "b.parquet"), someInvoices(5000))
	if err := errors.Join(errA, errB); err != nil {
		t.Fatal(err)
	}
	if a.SHA256 != b.SHA256 {
		t.Errorf("the same rows gave %s and %s", a.SHA256, b.SHA256)
	}
}

func TestAbortedWriterLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	w, err := data.Create[data.Invoice](filepath.Join(dir, "x.parquet"))
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Append(someInvoices(10)...); err != nil {
		t.Fatal(err)
	}
	w.Abort()
	w.Abort()
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 0 {
		t.Errorf("left %v, %v", left, err)
	}
}

func TestReadNamesTheMissingColumn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "invoices.parquet")
	if _, err := data.Write(path, someInvoices(3)); err != nil {
		t.Fatal(err)
	}
	_, err := data.Read[data.Payment](path)
	if !errors.Is(err, data.ErrDamagedFile) || !strings.Contains(err.Error(), `"payment_id"`) {
		t.Errorf("Read = %v, want a damaged file without payment_id", err)
	}
}

func TestLyingFooterTakesNoMemory(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.parquet")
	// The footer's length, before the last mark, says 827 MB.
	if err := os.WriteFile(path, []byte("PAR1PAR1PAR1"), 0o600); err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := data.Read[data.Invoice](path)
	runtime.ReadMemStats(&after)
	if !errors.Is(err, data.ErrDamagedFile) {
		t.Errorf("Read = %v", err)
	}
	if taken := after.TotalAlloc - before.TotalAlloc; taken > 1<<20 {
		t.Errorf("it took %d bytes", taken)
	}
}

// TestDamagedParquetIsAnErrorNotAPanic flips, cuts and zeroes bytes: whatever
// the decoder makes of it, no panic may leave the package, and the manifest's
// hash must notice each change.
func TestDamagedParquetIsAnErrorNotAPanic(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "invoices.parquet")
	f, err := data.Write(path, someInvoices(2000))
	if err != nil {
		t.Fatal(err)
	}
	sound, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	manifest := data.Manifest{Stage: "extract", Files: []data.File{f}}
	if err := manifest.Verify(dir); err != nil {
		t.Fatalf("the sound file: %v", err)
	}
	rng := rand.New(rand.NewPCG(7, 7))
	for i := range 300 {
		b := bytes.Clone(sound)
		switch i % 3 {
		case 0:
			b[rng.IntN(len(b))] ^= byte(1 + rng.IntN(255))
		case 1:
			b = b[:rng.IntN(len(b))]
		case 2:
			clear(b[rng.IntN(len(b)):])
		}
		if bytes.Equal(b, sound) {
			continue
		}
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		_, _ = data.Read[data.Invoice](path) // any answer but a panic
		if err := manifest.Verify(dir); !errors.Is(err, data.ErrDamagedFile) {
			t.Fatalf("mutation %d was not noticed: %v", i, err)
		}
	}
}
