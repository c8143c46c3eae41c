package synth

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dunning/data"
)

func write(t testing.TB, c Config, format Format) (string, Report) {
	t.Helper()
	home := t.TempDir()
	r, err := Write(context.Background(), c, home, format, nil)
	if err != nil {
		t.Fatal(err)
	}
	return home, r
}

func TestWrite_GivesTheSameBytesWhateverTheProcessors(t *testing.T) {
	for _, format := range []Format{CSV, Parquet} {
		c := testConfig(600)
		c.Months = 6
		c.DirtyShare = .02
		_, want := write(t, c, format)
		for _, procs := range []int{1, 2} {
			old := runtime.GOMAXPROCS(procs)
			_, got := write(t, c, format)
			runtime.GOMAXPROCS(old)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s, GOMAXPROCS %d:\n%s", format, procs, diff)
			}
		}
	}
}

// parquetColumns returns the parquet names of a row type, without the fields
// that no file holds.
func parquetColumns(row any) (names []string) {
	typ := reflect.TypeOf(row)
	for i := range typ.NumField() {
		if name, _, _ := strings.Cut(typ.Field(i).Tag.Get("parquet"), ","); name != "-" {
			names = append(names, name)
		}
	}
	return names
}

func TestSourceColumns_AreThoseOfTheVocabulary(t *testing.T) {
	replace := func(names []string, old string, with ...string) []string {
		i := slices.Index(names, old)
		return slices.Replace(names, i, i+1, with...)
	}
	for _, x := range []struct {
		table string
		want  []string
		rows  []string
	}{
		{"customers", replace(parquetColumns(data.Customer{}), "document_hmac", "document"), parquetColumns(SourceCustomer{})},
		{"invoices", parquetColumns(data.Invoice{}), nil},
		{"payments", parquetColumns(data.Payment{}), nil},
		{"touches", parquetColumns(data.Touch{}), nil},
		{"touch_events", replace(parquetColumns(data.TouchEvent{}), "customer_id"), parquetColumns(SourceTouchEvent{})},
		{"promises", parquetColumns(data.Promise{}), nil},
		{"bureau_reports", parquetColumns(data.BureauReport{}), nil},
	} {
		i := slices.Index(Tables[:], x.table)
		if diff := cmp.Diff(x.want, sourceColumns[i]); diff != "" {
			t.Errorf("%s as CSV:\n%s", x.table, diff)
		}
		if x.rows != nil {
			if diff := cmp.Diff(x.want, x.rows); diff != "" {
				t.Errorf("%s as Parquet:\n%s", x.table, diff)
			}
		}
	}
}

// readCSV returns the data rows of a CSV file, checked against its header.
func readCSV(t *testing.T, path string, columns []string) [][]string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(bytes.NewReader(b)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(columns, rows[0]); diff != "" {
		t.Fatalf("header of %s:\n%s", path, diff)
	}
	return rows[1:]
}

// parsers read the CSV form of a column back into its Parquet type.
func parse(t *testing.T, to reflect.Type, s string) any {
	t.Helper()
	var v any
	var err error
	switch reflect.Zero(to).Interface().(type) {
	case data.Date:
		v, err = data.ParseDate(s)
	case *data.Date:
		if s == "" {
			return (*data.Date)(nil)
		}
		var d data.Date
		d, err = data.ParseDate(s)
		v = &d
	case time.Time:
		v, err = time.Parse(time.RFC3339, s)
	case *float64:
		if s == "" {
			return (*float64)(nil)
		}
		var f float64
		f, err = strconv.ParseFloat(s, 64)
		v = &f
	case float64:
		v, err = strconv.ParseFloat(s, 64)
	case bool:
		v, err = strconv.ParseBool(s)
	default:
		if to.Kind() == reflect.String {
			return reflect.ValueOf(s).Convert(to).Interface()
		}
		var n int64
		n, err = strconv.ParseInt(s, 10, 64)
		v = reflect.ValueOf(n).Convert(to).Interface()
	}
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func sameRows[T any](t *testing.T, dir, name string, columns []string) {
	t.Helper()
	want, err := data.Read[T](filepath.Join(dir, sourcesFolder, name+".parquet"))
	if err != nil {
		t.Fatal(err)
	}
	rows := readCSV(t, filepath.Join(dir, sourcesFolder, name+".csv"), columns)
	if len(rows) != len(want) || len(rows) == 0 {
		t.Fatalf("%s: %d rows as CSV, %d as Parquet", name, len(rows), len(want))
	}
	got := make([]T, len(rows))
	for i, row := range rows {
		v := reflect.ValueOf(&got[i]).Elem()
		for j, s := range row {
			v.Field(j).Set(reflect.ValueOf(parse(t, v.Field(j).Type(), s)))
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s differs between CSV and Parquet:\n%.800s", name, diff)
	}
}

func TestWrite_CSVAndParquetHoldTheSameRows(t *testing.T) {
	c, home := testConfig(100), t.TempDir()
	c.Truth = false
	for _, format := range []Format{CSV, Parquet} {
		if _, err := Write(context.Background(), c, home, format, nil); err != nil {
			t.Fatal(err)
		}
	}
	sameRows[SourceCustomer](t, home, "customers", customerColumns)
	sameRows[data.Invoice](t, home, "invoices", invoiceColumns)
	sameRows[data.Payment](t, home, "payments", paymentColumns)
	sameRows[data.Touch](t, home, "touches", touchColumns)
	sameRows[SourceTouchEvent](t, home, "touch_events", touchEventColumns)
	sameRows[data.Promise](t, home, "promises", promiseColumns)
	sameRows[data.BureauReport](t, home, "bureau_reports", bureauColumns)
}

func TestWrite_TruthIsThatOfGenerate(t *testing.T) {
	c := testConfig(100)
	home, r := write(t, c, CSV)
	p := generate(t, c)
	decisions, err := data.Read[DecisionTruth](filepath.Join(home, "truth", "decisions.parquet"))
	if err != nil {
		t.Fatal(err)
	}
	asOf, err := data.Read[AsOfTruth](filepath.Join(home, "truth", "asof.parquet"))
	if err != nil {
		t.Fatal(err)
	}
	customers, err := data.Read[CustomerTruth](filepath.Join(home, "truth", "customers.parquet"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(p.Truth, Truth{customers, decisions, asOf}); diff != "" {
		t.Errorf("truth:\n%.800s", diff)
	}
	if diff := cmp.Diff(p.Shares, r.Shares); diff != "" {
		t.Errorf("shares:\n%s", diff)
	}
}

// TestDirty_PlantsEveryFault applies the rules by hand, as extract does, to the
// rows that faults.csv names, and finds the rest as clean as without faults.
func TestDirty_PlantsEveryFault(t *testing.T) {
	want := map[string][]string{
		"customers":      {"missing_value", "duplicate_id", "unknown_kind", "negative_amount", "unknown_channel", "bad_document", "bad_date", "bad_number"},
		"invoices":       {"missing_value", "unknown_customer", "negative_amount", "due_before_issue", "duplicate_id", "bad_date", "bad_number"},
		"payments":       {"missing_value", "unknown_customer", "unknown_invoice", "negative_amount", "payment_before_issue", "duplicate_id", "bad_date", "bad_number"},
		"touches":        {"missing_value", "unknown_customer", "unknown_channel", "negative_amount", "bad_probability", "duplicate_id", "bad_date", "bad_number"},
		"touch_events":   {"missing_value", "unknown_touch", "unknown_kind", "bad_date"},
		"promises":       {"missing_value", "unknown_customer", "negative_amount", "duplicate_id", "bad_date", "bad_number"},
		"bureau_reports": {"missing_value", "unknown_customer", "negative_amount", "bad_number", "bad_date"},
	}
	c := testConfig(500)
	c.Truth = false
	clean, _ := write(t, c, CSV)
	c.DirtyShare = .05
	for _, format := range []Format{CSV, Parquet} {
		dirty, report := write(t, c, format)
		faults := readCSV(t, filepath.Join(dirty, truthFolder, "faults.csv"), faultColumns)
		planted := map[string]map[string]int{} // rules by table
		at := map[string]map[int]string{}      // ids by row
		total := 0
		for _, f := range faults {
			if planted[f[0]] == nil {
				planted[f[0]], at[f[0]] = map[string]int{}, map[int]string{}
			}
			row, err := strconv.Atoi(f[1])
			if err != nil || at[f[0]][row] != "" {
				t.Fatalf("fault %v: bad row, or two faults in one", f)
			}
			planted[f[0]][f[3]]++
			at[f[0]][row] = f[2]
			total++
			if data.Rules[f[3]] == nil {
				t.Fatalf("fault %v: no such rule", f)
			}
		}
		counted := 0
		for _, n := range report.Faults {
			counted += n
		}
		if counted != total || total == 0 {
			t.Errorf("%s: %d faults reported, %d listed", format, counted, total)
		}
		for i, table := range Tables {
			for _, rule := range want[table] {
				typed := format == Parquet && (rule == "bad_date" || rule == "bad_number" && table != "bureau_reports")
				if (planted[table][rule] == 0) != typed {
					t.Errorf("%s %s: %d rows with %s", format, table, planted[table][rule], rule)
				}
			}
			if format == CSV {
				cleanRows := readCSV(t, filepath.Join(clean, sourcesFolder, table+".csv"), sourceColumns[i])
				checkRest(t, table, cleanRows, readCSV(t, filepath.Join(dirty, sourcesFolder, table+".csv"), sourceColumns[i]), at[table])
			}
		}
	}
}

// checkRest removes the faulty rows and expects the clean table; and where the
// id is not the first column or missing, that it is the listed one.
func checkRest(t *testing.T, table string, clean, dirty [][]string, faulty map[int]string) {
	t.Helper()
	var rest [][]string
	for i, row := range dirty {
		id, bad := faulty[i+1]
		if !bad {
			rest = append(rest, row)
		} else if row[0] != id {
			t.Errorf("%s row %d: id %q, listed as %q", table, i+1, row[0], id)
		}
	}
	if diff := cmp.Diff(clean, rest); diff != "" {
		t.Errorf("%s without its %d faulty rows is not the clean table:\n%.600s", table, len(faulty), diff)
	}
}

func TestWrite_RefusesWhatItCannotDo(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct {
		name   string
		home   string
		format Format
	}{
		{"unknown format", t.TempDir(), "xlsx"},
		{"home is a file", file, CSV},
	} {
		t.Run(x.name, func(t *testing.T) {
			if _, err := Write(context.Background(), testConfig(1), x.home, x.format, nil); !errors.Is(err, data.ErrUsage) {
				t.Errorf("error %v is no wrong usage", err)
			}
		})
	}
}

func TestWrite_StoppedLeavesNothing(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	home := t.TempDir()
	_, err := Write(ctx, testConfig(5000), home, CSV, func(int) { cancel() })
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("error %v, want that of the context", err)
	}
	for _, dir := range []string{sourcesFolder, truthFolder} {
		entries, err := os.ReadDir(filepath.Join(home, dir))
		if err != nil || len(entries) > 0 {
			t.Errorf("%s holds %v (%v) after a stop", dir, entries, err)
		}
	}
}

func TestWrite_RemovesTruthOfAnEarlierPortfolio(t *testing.T) {
	c, home := testConfig(10), t.TempDir()
	c.DirtyShare = .5
	if _, err := Write(context.Background(), c, home, CSV, nil); err != nil {
		t.Fatal(err)
	}
	c.DirtyShare, c.Truth = 0, false
	if _, err := Write(context.Background(), c, home, CSV, nil); err != nil {
		t.Fatal(err)
	}
	if left, _ := filepath.Glob(filepath.Join(home, truthFolder, "*")); len(left) > 0 {
		t.Errorf("stale truth: %v", left)
	}
}

func TestRecord_QuotesWhatCSVMustQuote(t *testing.T) {
	r := record{spoil: 1, with: "x"}
	r.text(`a "b", c`)
	r.int(3)
	r.end()
	if got, want := string(r.buf), "\"a \"\"b\"\", c\",x\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
