package foreign

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"dunning/data"
)

func write(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

const mixed = `id,on,amount,flag,name,empty
7,2024-01-02,1.5,true,b,
3,2024-01-01,,false,a,
9,,-2,true,,
`

func TestReadKeepsKindsOrderAndMissingValues(t *testing.T) {
	gz := filepath.Join(t.TempDir(), "it's a table.csv.gz")
	f, err := os.Create(gz)
	if err != nil {
		t.Fatal(err)
	}
	w := gzip.NewWriter(f)
	w.Write([]byte(mixed))
	w.Close()
	f.Close()
	for _, file := range []string{write(t, "t.csv", mixed), gz} {
		tb, err := Read(context.Background(), file, "", 0)
		if err != nil {
			t.Fatal(err)
		}
		if tb.Rows() != 3 || !slices.Equal(tb.Names(), []string{"id", "on", "amount", "flag", "name", "empty"}) {
			t.Fatalf("%d rows of %v", tb.Rows(), tb.Names())
		}
		for _, c := range []struct {
			name string
			kind Kind
			want []string
		}{
			{"id", Number, []string{"7", "3", "9"}},
			{"on", Time, []string{"2024-01-02", "2024-01-01", ""}},
			{"amount", Number, []string{"1.5", "", "-2"}},
			{"flag", Number, []string{"1", "0", "1"}},
			{"name", Text, []string{"b", "a", ""}},
		} {
			col, err := tb.Column(c.name, "test")
			if err != nil || col.Kind != c.kind || !slices.Equal(col.Strings(), c.want) {
				t.Errorf("%s: %v %q, %v; want %v %q", c.name, col.Kind, col.Strings(), err, c.kind, c.want)
			}
		}
	}
}

func TestReadQueryParquetAndLimit(t *testing.T) {
	type row struct {
		ID   string   `parquet:"id"`
		V    float64  `parquet:"v"`
		Tags []string `parquet:"tags,list"`
	}
	path := filepath.Join(t.TempDir(), "t.parquet")
	if _, err := data.Write(path, []row{{"a", 1, []string{"x"}}, {"b", 2, nil}, {"c", math.NaN(), nil}}); err != nil {
		t.Fatal(err)
	}
	tb, err := Read(context.Background(), path, "", 2)
	if err != nil || tb.Rows() != 2 {
		t.Fatalf("%v, %v", tb, err)
	}
	if _, ok := tb.Skipped["tags"]; !ok {
		t.Errorf("the list column is not named as skipped: %v", tb.Skipped)
	}
	tb, err = Read(context.Background(), path, "SELECT id, v * 10 AS w FROM read_parquet({{table}}) ORDER BY id DESC;", 0)
	if err != nil {
		t.Fatal(err)
	}
	w, _ := tb.Column("W", "test") // regardless of case
	if w == nil || !math.IsNaN(w.Numbers[0]) || w.Numbers[1] != 20 {
		t.Errorf("%+v", w)
	}
}

func TestReadErrorsHaveAPlaceAndAClass(t *testing.T) {
	dir := t.TempDir()
	parquet := filepath.Join(dir, "good.parquet")
	type row struct {
		V float64 `parquet:"v"`
	}
	if _, err := data.Write(parquet, make([]row, 1000)); err != nil {
		t.Fatal(err)
	}
	whole, _ := os.ReadFile(parquet)
	for _, c := range []struct {
		name, file, query, want string
		code                    int
	}{
		{"missing file", filepath.Join(dir, "no.csv"), "", "no.csv", 3},
		{"folder", dir, "", "is a folder", 3},
		{"header only", write(t, "empty.csv", "a,b\n"), "", "no rows", 3},
		{"truncated Parquet", write(t, "cut.parquet", string(whole[:len(whole)-30])), "", "cut.parquet", 3},
		{"not Parquet", write(t, "text.parquet", "hello"), "", "damaged", 3},
		{"query of an unknown column", parquet, "SELECT nothing FROM read_parquet({{table}})", "nothing", 3},
		{"query that is no SQL", parquet, "SELEC 1", "no SQL", 2},
		{"two statements", parquet, "SELECT 1 AS a; SELECT 2 AS b", "no SQL", 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Read(context.Background(), c.file, c.query, 0)
			if err == nil || data.ExitCode(err) != c.code || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("exit code %d: %v", data.ExitCode(err), err)
			}
		})
	}
}

func TestReadStopsWhenAsked(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Read(ctx, write(t, "t.csv", mixed), "", 0); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

func TestUnknownColumnNamesTheNearest(t *testing.T) {
	tb := &Table{Source: "t.csv"}
	for _, n := range []string{"alpha", "beta", "gamma", "delta", "paid_flag", "amount_cents", "kind", "uf", "since"} {
		tb.Columns = append(tb.Columns, Column{Name: n})
	}
	for wrong, want := range map[string]string{"paid": "paid_flag", "amuont_cents": "amount_cents", "GAMA": "gamma"} {
		_, err := tb.Column(wrong, "outcome")
		if err == nil || data.ExitCode(err) != 3 || !strings.Contains(err.Error(), "columns: "+want) {
			t.Errorf("%s: %v", wrong, err)
		}
	}
}

func ExampleRead() {
	dir, _ := os.MkdirTemp("", "example")
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "log.csv")
	os.WriteFile(file, []byte("id,channel,paid\n1,sms,yes\n2,hold,no\n"), 0o600)
	t, err := Read(context.Background(), file, "SELECT channel, paid FROM read_csv({{table}}) ORDER BY id", 0)
	fmt.Println(t.Rows(), t.Names(), err)
	// Output: 2 [channel paid] <nil>
}

// FuzzRead: whatever the bytes, an error or a table, never a panic.
func FuzzRead(f *testing.F) {
	f.Add([]byte(mixed))
	f.Add([]byte("a;b\n1;\"x\n"))
	f.Add([]byte{0xff, 0xfe, 0, '\n'})
	f.Fuzz(func(t *testing.T, content []byte) {
		file := filepath.Join(t.TempDir(), "f.csv")
		if err := os.WriteFile(file, content, 0o600); err != nil {
			t.Fatal(err)
		}
		tb, err := Read(context.Background(), file, "", 100)
		if err == nil && (tb.Rows() == 0 || len(tb.Columns) == 0) {
			t.Errorf("an empty table is no error: %d rows, %d columns", tb.Rows(), len(tb.Columns))
		}
		if err != nil && data.ExitCode(err) != 3 {
			t.Errorf("exit code %d: %v", data.ExitCode(err), err)
		}
	})
}
