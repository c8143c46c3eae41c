package allocation_test

import (
	"compress/gzip"
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"

	"dunning/data"
	"dunning/optimizer"
	"dunning/optimizer/clp"
	"dunning/pipeline/allocation"
)

func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

const header = "customer_id,channel,day,value_cents,cost_cents\n"

func TestReadCandidatesSortsAndCounts(t *testing.T) {
	day := data.MakeDate(2026, 1, 5)
	want := &allocation.Candidates{
		CustomerID: []string{"a", "b"}, Segment: []string{"", ""}, Read: 4, Blocked: 1,
		Options: []optimizer.Candidate{
			{Customer: 0, Channel: data.SMS, Day: day, ValueCents: 80, CostCents: 10},
			{Customer: 1, Channel: data.SMS, Day: day, ValueCents: 100.5, CostCents: 10},
			{Customer: 1, Channel: data.Voice, Day: day, ValueCents: -3, CostCents: 0},
		},
	}
	rows := []string{"b,voice,2026-01-05,-3,0,true", "a,sms,2026-01-05,80,10,", "c,sms,2026-01-05,1,1,FALSE", "b,sms,2026-01-05,100.5,1e1,1"}
	text := strings.TrimSpace(header) + ",allowed\n" + strings.Join(rows, "\n") + "\n"
	var zipped strings.Builder
	z := gzip.NewWriter(&zipped)
	z.Write([]byte(text))
	z.Close()
	cases := map[string]string{
		"c.csv": text, "c.csv.gz": zipped.String(), "marked.csv": "\ufeff" + text, "crlf.csv": strings.ReplaceAll(text, "\n", "\r\n"),
		"semicolons.csv": strings.ReplaceAll(text, ",", ";"),
	}
	for name, content := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := allocation.ReadCandidates(write(t, name, content))
			if err != nil || !reflect.DeepEqual(got, want) {
				t.Fatalf("%+v %v\nwant %+v", got, err, want)
			}
		})
	}
}

// foreign is a candidate as another team's tool may write it: other integer
// and float types, numeric ids, columns in another order, nullable.
type foreign struct {
	Note       string   `parquet:"note,optional"`
	CostCents  int32    `parquet:"cost_cents"`
	ValueCents *float32 `parquet:"value_cents,optional"`
	Day        string   `parquet:"day"`
	CustomerID int64    `parquet:"customer_id"`
	Channel    string   `parquet:"channel,enum"`
	Allowed    bool     `parquet:"allowed"`
}

func TestReadCandidatesFromParquet(t *testing.T) {
	dir := t.TempDir()
	t.Run("our own table", func(t *testing.T) {
		path := filepath.Join(dir, "own.parquet")
		rows := []data.Candidate{
			{CustomerID: "x", Channel: data.Letter, Day: data.MakeDate(2026, 2, 1), ValueCents: 500, CostCents: 300, Allowed: true},
			{CustomerID: "x", Channel: data.Email, Day: data.MakeDate(2026, 2, 1), ValueCents: 50, CostCents: 3, BlockedBy: "consent"},
		}
		if _, err := data.Write(path, rows); err != nil {
			t.Fatal(err)
		}
		got, err := allocation.ReadCandidates(path)
		if err != nil || got.Blocked != 1 || len(got.Options) != 1 || got.Options[0].Day != data.MakeDate(2026, 2, 1) || got.Options[0].ValueCents != 500 {
			t.Fatalf("%+v %v", got, err)
		}
	})
	v := float32(12.5)
	good := foreign{CustomerID: 42, Channel: "sms", Day: "2026-01-05", ValueCents: &v, CostCents: 7, Allowed: true}
	t.Run("another tool's types", func(t *testing.T) {
		path := filepath.Join(dir, "foreign.parquet")
		if err := parquet.WriteFile(path, []foreign{good}); err != nil {
			t.Fatal(err)
		}
		got, err := allocation.ReadCandidates(path)
		if err != nil || got.CustomerID[0] != "42" || got.Options[0].ValueCents != 12.5 || got.Options[0].CostCents != 7 {
			t.Fatalf("%+v %v", got, err)
		}
	})
	t.Run("null value", func(t *testing.T) {
		path := filepath.Join(dir, "null.parquet")
		bad := good
		bad.ValueCents = nil
		if err := parquet.WriteFile(path, []foreign{good, bad}); err != nil {
			t.Fatal(err)
		}
		_, err := allocation.ReadCandidates(path)
		if !errors.Is(err, data.ErrMissingValue) || !strings.Contains(err.Error(), "null.parquet row 2: ") {
			t.Fatalf("error %v", err)
		}
	})
	t.Run("truncated at every eighth", func(t *testing.T) {
		whole := filepath.Join(dir, "whole.parquet")
		rows := make([]foreign, 300)
		for i := range rows {
			rows[i] = good
			rows[i].CustomerID = int64(i)
		}
		if err := parquet.WriteFile(whole, rows); err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(whole)
		if err != nil {
			t.Fatal(err)
		}
		for k := range 8 {
			path := filepath.Join(dir, "cut.parquet")
			if err := os.WriteFile(path, b[:len(b)*k/8], 0o644); err != nil {
				t.Fatal(err)
			}
			if _, err := allocation.ReadCandidates(path); data.ExitCode(err) != 3 {
				t.Errorf("%d of 8: error %v", k, err)
			}
		}
	})
}

func TestReadCandidatesNamesFileRowAndRemedy(t *testing.T) {
	row := "a,sms,2026-01-05,10,1\n"
	cases := []struct {
		name, text string
		is         error
		want       string
	}{
		{"empty file", "", data.ErrBadInput, "the table is empty"},
		{"header only", header, data.ErrBadInput, "the table is empty"},
		{"missing column", "customer_id,channel,day,value_cents\na,sms,2026-01-05,1\n", data.ErrBadInput, `no column "cost_cents"`},
		{"wrong type", header + row + "b,sms,2026-01-05,ten,1\n", data.ErrBadNumber, `row 2 (line 3): data: bad number: value_cents "ten"`},
		{"NaN", header + "b,sms,2026-01-05,NaN,1\n", data.ErrBadNumber, "row 1 (line 2)"},
		{"infinite", header + "b,sms,2026-01-05,1,+Inf\n", data.ErrBadNumber, "row 1 (line 2)"},
		{"negative cost", header + row + "b,sms,2026-01-05,1,-1\n", data.ErrNegativeAmount, "row 2 (line 3)"},
		{"unknown channel", header + "b,fax,2026-01-05,1,1\n", data.ErrUnknownChannel, "have email, sms"},
		{"bad day", header + "b,sms,2026-02-30,1,1\n", data.ErrBadDate, "is not a day like"},
		{"missing id", header + ",sms,2026-01-05,1,1\n", data.ErrMissingValue, "customer_id"},
		{"missing value", header + "b,sms,2026-01-05,,1\n", data.ErrMissingValue, "value_cents"},
		{"duplicate", header + row + "b,sms,2026-01-05,1,1\n" + row, data.ErrDuplicateID, "row 3: data: duplicate id: sms on 2026-01-05 for customer \"a\" is already in row 1"},
		{"fields missing", header + "b,sms\n", data.ErrDamagedFile, "line 2"},
		{"open quote", header + "\"b,sms,2026-01-05,1,1\n", data.ErrDamagedFile, "line"},
		{"two segments", "segment," + header + "PF," + row + "PJ,a,email,2026-01-05,10,1\n", data.ErrDuplicateID, `segment "PJ" here and in "PF"`},
		{"Parquet by name only", "", data.ErrDamagedFile, "does not begin as a Parquet file"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			name := "c.csv"
			if c.name == "Parquet by name only" {
				name = "c.parquet"
			}
			path := write(t, name, c.text)
			_, err := allocation.ReadCandidates(path)
			if !errors.Is(err, c.is) || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), path) || data.ExitCode(err) != 3 {
				t.Fatalf("error %v (exit %d), want %v with %q", err, data.ExitCode(err), c.is, c.want)
			}
		})
	}
	_, err := allocation.ReadCandidates(filepath.Join(t.TempDir(), "nope.csv"))
	if data.ExitCode(err) != 3 || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("missing file: %v", err)
	}
}

func TestReadCapacities(t *testing.T) {
	head := "channel,day,capacity\n"
	got, err := allocation.ReadCapacities(write(t, "c.csv", head+"voice,2026-01-06,0\nsms,2026-01-06,5\nsms,2026-01-05,2.5\n"))
	if err != nil || len(got) != 3 || got[0].Touches != 2.5 || got[1].Channel != data.SMS || got[2].Channel != data.Voice {
		t.Fatalf("%+v %v", got, err)
	}
	for text, want := range map[string]string{
		"sms,2026-01-05,-1\n":                  "must be 0 or more",
		"sms,2026-01-05,many\n":                "not a finite number",
		"hold,2026-01-05,1\n":                  "unknown channel",
		"sms,2026-01-05,1\nsms,2026-01-05,2\n": "already in row 1",
		"sms,,1\n":                             "missing value: day",
	} {
		if _, err := allocation.ReadCapacities(write(t, "c.csv", head+text)); data.ExitCode(err) != 3 || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want %q", text, err, want)
		}
	}
}

func TestFurtherRowsBindTheirSegment(t *testing.T) {
	candidates, err := allocation.ReadCandidates(write(t, "c.csv", "segment,"+header+
		"PF,a,sms,2026-01-05,10,1\nPF,b,sms,2026-01-05,20,1\nPJ,c,sms,2026-01-05,30,1\nPJ,d,voice,2026-01-06,40,1\n"))
	if err != nil {
		t.Fatal(err)
	}
	solve := func(t *testing.T, rows *allocation.Rows, budget float64) *optimizer.Solution {
		p, err := allocation.BuildProblem(candidates, budget, nil, rows)
		if err != nil {
			t.Fatal(err)
		}
		s, err := clp.New().Solve(context.Background(), p)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	segments := write(t, "segments.csv", "customer_id,segment\na,old\nd,old\n")
	cases := []struct {
		name, file, text string
		want             float64 // optimum with a budget of two touches; free it is 70
	}{
		{"min touches", "r.csv", "name,kind,limit,segment\nPF,min_touches,1,PF\n", 60},
		{"min coverage is of the segment's customers", "r.csv", "name,kind,limit,segment\nPF,min_coverage,1,PF\n", 30},
		{"max touches of a channel", "r.csv", "name,kind,limit,segment,channel\nsms,max_touches,0,,sms\n", 40},
		{"max share", "r.csv", "name,kind,limit,segment\nPJ,max_share,0.5,PJ\n", 60},
		{"min value", "r.csv", "name,kind,limit,segment\nPF,min_value,20,PF\n", 60},
		{"wallet of a day", "r.csv", "name,kind,limit,day\nd,max_cost,0,2026-01-06\n", 50},
		{"yaml with customers", "r.yaml", "rows:\n  - {name: a and b, kind: min_touches, limit: 2, customers: [a, b]}\n", 30},
		{"yaml with a segments file", "r.yaml", "segments: " + segments + "\nrows:\n  - {name: old, kind: min_touches, limit: 2, segment: old}\n", 50},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			path := write(t, c.file, c.text)
			if strings.Contains(c.text, "segments:") { // relative to the rows file
				path = filepath.Join(filepath.Dir(segments), c.file)
				if err := os.WriteFile(path, []byte(strings.Replace(c.text, segments, "segments.csv", 1)), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			rows, err := allocation.ReadRows(path)
			if err != nil {
				t.Fatal(err)
			}
			if s := solve(t, rows, 2); s.Err() != nil || s.ObjectiveCents < c.want-1e-9 || s.ObjectiveCents > c.want+1e-9 {
				t.Fatalf("%s %g, want %g", s.Status, s.ObjectiveCents, c.want)
			}
		})
	}
	t.Run("nobody in it", func(t *testing.T) {
		rows, err := allocation.ReadRows(write(t, "r.csv", "name,kind,limit,segment\nX,min_touches,1,gone\n"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := allocation.BuildProblem(candidates, 2, nil, rows); data.ExitCode(err) != 3 || !strings.Contains(err.Error(), `row "X"`) {
			t.Fatalf("error %v", err)
		}
	})
}

func TestReadRowsNamesFaults(t *testing.T) {
	for text, want := range map[string]string{
		"rows: []\n": "no rows",
		"rows:\n  - {name: a, kind: most, limit: 1}\n":                                              `unknown kind "most"`,
		"rows:\n  - {name: a, kind: max_share, limit: 2}\n":                                         "must be a share",
		"rows:\n  - {name: a, kind: max_cost, limit: -2}\n":                                         "must be 0 or more",
		"rows:\n  - {kind: max_cost, limit: 2}\n":                                                   "missing value: name",
		"rows:\n  - {name: a, kind: max_cost, limit: 2, channel: fax}\n":                            "unknown channel",
		"rows:\n  - {name: a, kind: max_cost, limit: 2, day: soon}\n":                               "bad date",
		"rows:\n  - {name: a, kind: max_cost, limit: 2}\n  - {name: a, kind: max_cost, limit: 2}\n": `row 2: data: duplicate id: name "a"`,
		"rows:\n  - {name: budget, kind: max_cost, limit: 2}\n":                                     `name "budget" is taken`,
		"rows:\n  - {name: a, kind: max_cost, limits: 2}\n":                                         "limits",
		"segments: gone.csv\nrows:\n  - {name: a, kind: max_cost, limit: 2}\n":                      "gone.csv: no such file",
	} {
		_, err := allocation.ReadRows(write(t, "r.yaml", text))
		if data.ExitCode(err) != 3 || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want %q", text, err, want)
		}
	}
}

func TestWritePlanReadsBack(t *testing.T) {
	day := data.MakeDate(2026, 1, 5)
	actions := []allocation.PlannedAction{{CustomerID: "a,\"b", Channel: data.SMS, Day: day, ValueCents: 10.25, CostCents: 1, ReducedCostCents: 0.1, Step: 2}}
	dir := t.TempDir()
	csv := filepath.Join(dir, "p.csv")
	if err := allocation.WritePlan(csv, actions); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(csv)
	want := "customer_id,channel,day,value_cents,cost_cents,reduced_cost_cents,step\n\"a,\"\"b\",sms,2026-01-05,10.25,1,0.1,2\n"
	if err != nil || string(b) != want {
		t.Fatalf("%q %v", b, err)
	}
	file := filepath.Join(dir, "p.parquet")
	if err := allocation.WritePlan(file, actions); err != nil {
		t.Fatal(err)
	}
	back, err := data.Read[allocation.PlannedAction](file)
	if err != nil || !reflect.DeepEqual(back, actions) {
		t.Fatalf("%+v %v", back, err)
	}
	if err := allocation.WritePlan(filepath.Join(dir, "p.xlsx"), actions); !errors.Is(err, data.ErrUsage) {
		t.Fatalf("error %v", err)
	}
}

// FuzzReadCandidates looks for bytes on which the reader panics, or fails
// without naming the input as the cause.
func FuzzReadCandidates(f *testing.F) {
	f.Add([]byte(header + "a,sms,2026-01-05,10,1\n"))
	f.Add([]byte("\ufeff" + strings.ReplaceAll(header, ",", ";")))
	f.Add([]byte{0x1f, 0x8b, 8, 0})
	f.Add([]byte("PAR1PAR1"))
	path := filepath.Join(f.TempDir(), "x.parquet")
	if err := parquet.WriteFile(path, []foreign{{CustomerID: 1, Channel: "sms", Day: "2026-01-05", Allowed: true}}); err != nil {
		f.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		path := filepath.Join(t.TempDir(), "x")
		if err := os.WriteFile(path, b, 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := allocation.ReadCandidates(path); err != nil && data.ExitCode(err) != 3 {
			t.Fatalf("exit %d: %v", data.ExitCode(err), err)
		}
	})
}
