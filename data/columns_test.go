package data_test

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/parquet-go/parquet-go"

	"dunning/data"
)

// cells has a field of every kind that a row of the lake has.
type cells struct {
	ID      string       `parquet:"id"`
	Channel data.Channel `parquet:"channel,dict"`
	Day     data.Date    `parquet:"day,date"`
	At      time.Time    `parquet:"at,timestamp(microsecond)"`
	Amount  data.Cents   `parquet:"amount"`
	Step    int32        `parquet:"step"`
	Share   float64      `parquet:"share"`
	Open    bool         `parquet:"open"`
	Unread  string       `parquet:"-"`
	Prob    *float64     `parquet:"prob,optional"`
	Ended   *data.Date   `parquet:"ended,date,optional"`
	Note    *string      `parquet:"note,optional"`
}

// foreign are the same columns as another program writes them: in another order, with
// one more, all of them nullable, instants without a zone, numbers from dictionaries.
type foreign struct {
	Note    *string  `parquet:"note,optional,dict"`
	More    *string  `parquet:"more,optional"`
	At      *int64   `parquet:"at,optional,timestamp(microsecond:local)"`
	Amount  *int64   `parquet:"amount,optional,dict"`
	ID      *string  `parquet:"id,optional,dict"`
	Channel *string  `parquet:"channel,optional"`
	Day     *int32   `parquet:"day,date,optional,dict"`
	Step    *int32   `parquet:"step,optional"`
	Share   *float64 `parquet:"share,optional,dict"`
	Open    *bool    `parquet:"open,optional"`
	Prob    *float64 `parquet:"prob,optional,dict"`
	Ended   *int32   `parquet:"ended,date,optional"`
}

func someCells(n int) []cells {
	rng := rand.New(rand.NewPCG(3, 4))
	rows := make([]cells, n)
	for i := range rows {
		rows[i] = cells{
			ID: fmt.Sprint("id", rng.IntN(n)), Channel: data.Channels[rng.IntN(len(data.Channels))], Day: data.Date(rng.IntN(40_000) - 20_000),
			At: time.UnixMicro(rng.Int64N(4e15) - 2e15).UTC(), Amount: data.Cents(rng.IntN(90) - 45), Step: int32(rng.IntN(5)),
			Share: float64(rng.IntN(9)) / 8, Open: rng.IntN(2) == 0,
		}
		if rng.IntN(3) > 0 {
			rows[i].Prob = ptr(float64(rng.IntN(20)) / 20)
		}
		if rng.IntN(9) == 0 {
			rows[i].Ended = ptr(data.Date(rng.IntN(9)))
		}
		if i%700 < 20 { // a long way without any
			rows[i].Note = ptr(fmt.Sprint(i))
		}
	}
	return rows
}

// asForeign leaves the cells of some rows out where nullable is true.
func asForeign(rows []cells, nullable bool) []foreign {
	out := make([]foreign, len(rows))
	for i := range rows {
		r := &rows[i]
		out[i] = foreign{Note: r.Note, More: ptr("more"), At: ptr(r.At.UnixMicro()), Amount: ptr(int64(r.Amount)), ID: &r.ID,
			Channel: ptr(string(r.Channel)), Day: ptr(int32(r.Day)), Step: &r.Step, Share: &r.Share, Open: &r.Open, Prob: r.Prob}
		if r.Ended != nil {
			out[i].Ended = ptr(int32(*r.Ended))
		}
		if nullable && i%5 == 0 {
			out[i] = foreign{}
		}
	}
	return out
}

func writeParquet[T any](t testing.TB, rows []T, options ...parquet.WriterOption) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "rows.parquet")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w := parquet.NewGenericWriter[T](f, options...)
	if _, err := w.Write(rows); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.Close(), f.Close()); err != nil {
		t.Fatal(err)
	}
	return path
}

// byTheLibrary reads rows one by one as parquet-go does.
func byTheLibrary[T any](t testing.TB, path string) []T {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r := parquet.NewGenericReader[T](f)
	defer r.Close()
	rows := make([]T, r.NumRows())
	if n, err := r.Read(rows); n != len(rows) || err != nil && err != io.EOF {
		t.Fatalf("%d rows, %v", n, err)
	}
	return rows
}

// TestScanReadsWhatTheLibraryReads: of our own files and of others', whatever the
// sizes of pages, groups and batches.
func TestScanReadsWhatTheLibraryReads(t *testing.T) {
	rows := someCells(5_000)
	small := []parquet.WriterOption{parquet.PageBufferSize(700), parquet.MaxRowsPerRowGroup(1_200)}
	for name, path := range map[string]string{
		"ours":                  writeParquet(t, rows),
		"small pages":           writeParquet(t, rows, small...),
		"old pages":             writeParquet(t, rows, append(small, parquet.DataPageVersion(1))...),
		"foreign":               writeParquet(t, asForeign(rows, false), small...),
		"foreign with nulls":    writeParquet(t, asForeign(rows, true), small...),
		"foreign, nothing else": writeParquet(t, make([]foreign, 900), append(small, parquet.DataPageVersion(1))...),
		"no rows":               writeParquet(t, []foreign{}),
	} {
		t.Run(name, func(t *testing.T) {
			want := byTheLibrary[cells](t, path)
			for _, size := range []int{1, 256, 10_000} {
				sameCells(t, data.ScanBatches[cells](path, size), size, want)
			}
			sameCells(t, data.Scan[cells](path), 4096, want)
		})
	}
}

// sameCells reads all rows before it compares them: none may change with the next
// batch.
func sameCells(t *testing.T, rows iter.Seq2[[]cells, error], most int, want []cells) {
	t.Helper()
	var got []cells
	for batch, err := range rows {
		if err != nil {
			t.Fatal(err)
		}
		if len(batch) > most {
			t.Fatalf("a batch of %d rows, not of %d at most", len(batch), most)
		}
		got = append(got, batch...)
	}
	if len(got) != len(want) {
		t.Fatalf("batches of %d: %d rows, want %d", most, len(got), len(want))
	}
	for i := range want {
		if got[i].At != want[i].At || !cmp.Equal(got[i], want[i]) {
			t.Fatalf("batches of %d, row %d (-want +got):\n%s", most, i, cmp.Diff(want[i], got[i]))
		}
	}
}

// TestScanConvertsOtherTypes: columns of another width are read as before.
func TestScanConvertsOtherTypes(t *testing.T) {
	type narrow struct {
		Amount int32 `parquet:"amount"`
	}
	type wide struct {
		Amount data.Cents `parquet:"amount"`
	}
	got, err := data.Read[wide](writeParquet(t, []narrow{{7}, {-8}}))
	if err != nil || len(got) != 2 || got[0].Amount != 7 || got[1].Amount != -8 {
		t.Errorf("%v, %v", got, err)
	}
}

// TestScanNamesTheDamagedColumn: whose last pages are no pages.
func TestScanNamesTheDamagedColumn(t *testing.T) {
	path := writeParquet(t, someCells(3_000), parquet.PageBufferSize(700))
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	file, err := data.OpenParquet(f)
	if err != nil {
		t.Fatal(err)
	}
	leaf, _ := file.Schema().Lookup("share")
	chunk := file.Metadata().RowGroups[0].Columns[leaf.ColumnIndex].MetaData
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	// The pages of the column are overwritten by zeros from their middle on.
	from := chunk.DataPageOffset + chunk.TotalCompressedSize/2
	clear(whole[from : chunk.DataPageOffset+chunk.TotalCompressedSize])
	if err := os.WriteFile(path, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = data.Read[cells](path)
	if !errors.Is(err, data.ErrDamagedFile) || !strings.Contains(err.Error(), `column "share"`) {
		t.Errorf("error %v, want a damaged column \"share\"", err)
	}
}

// BenchmarkScan reads rows of every kind of field, nullable and in pages of the first
// version as DuckDB writes the lake's, and reports the time of the processors by row
// and how many times as much the library's own row reader takes, turn and turn about.
func BenchmarkScan(b *testing.B) {
	const n = 200_000
	path := writeParquet(b, asForeign(someCells(n), false), parquet.DataPageVersion(1), parquet.Compression(&parquet.Zstd))
	var ours, theirs time.Duration
	for b.Loop() {
		start := processors(b)
		read := 0
		for batch, err := range data.ScanBatches[cells](path, 256) {
			if err != nil {
				b.Fatal(err)
			}
			read += len(batch)
		}
		middle := processors(b)
		if library := byTheLibrary[cells](b, path); len(library) != n || read != n {
			b.Fatalf("%d and %d rows", read, len(library))
		}
		ours, theirs = ours+middle-start, theirs+processors(b)-middle
	}
	b.ReportMetric(float64(ours.Nanoseconds())/float64(n*b.N), "cpu-ns/row")
	b.ReportMetric(theirs.Seconds()/ours.Seconds(), "library/ours")
	b.ReportMetric(0, "ns/op")
}

// processors is what the process has used of all of them.
func processors(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
