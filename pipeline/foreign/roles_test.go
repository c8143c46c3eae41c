package foreign

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"dunning/data"
)

func TestLoadRoles(t *testing.T) {
	path := write(t, "r.yaml", "table: sub/x.csv\noutcome: y\ndrop: a, b\nkeep: [c]\ntraps: {d: later}\nparams: {rounds: 7}\n")
	r, err := LoadRoles(path)
	if err != nil {
		t.Fatal(err)
	}
	if r.Table != filepath.Join(filepath.Dir(path), "sub/x.csv") || !slices.Equal(r.Drop, List{"a", "b"}) ||
		!slices.Equal(r.Keep, List{"c"}) || r.Traps["d"] != "later" || r.Params.Rounds != 7 {
		t.Errorf("%+v", r)
	}
	for name, text := range map[string]string{"unknown key": "tabel: x\n", "wrong type": "repeats: many\n", "no YAML": "{"} {
		if _, err := LoadRoles(write(t, "bad.yaml", text)); err == nil || data.ExitCode(err) != 2 {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := LoadRoles(filepath.Join(t.TempDir(), "none.yaml")); data.ExitCode(err) != 2 {
		t.Errorf("missing file: %v", err)
	}
}

func TestRolesReportEveryFaultAtOnce(t *testing.T) {
	err := Roles{Treatment: "t", Split: "folds:1", Learners: List{"z"}, Repeats: -1, Params: Params{Eta: 3}}.check(false)
	if data.ExitCode(err) != 2 {
		t.Fatal(err)
	}
	for _, want := range []string{"--table", "--outcome", "--control", "folds:1", `"z"`, "repeats", "Eta"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is missing: %v", want, err)
		}
	}
}

func TestParseSplit(t *testing.T) {
	for text, ok := range map[string]bool{
		"folds:5": true, "random:0.5": true, "order:0.3": true, "time:2013-05-01": true,
		"folds:1": false, "folds:x": false, "random:0": false, "random:1": false, "random:NaN": false, "time:2013-13-01": false, "": false, "weekly:3": false,
	} {
		if _, err := parseSplit(text); (err == nil) != ok {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// arm makes a table of a treatment and, beside it, further columns.
func table(columns ...Column) *Table {
	t := &Table{Source: "t.csv", Columns: columns}
	for i := range t.Columns {
		c := &t.Columns[i]
		c.Kind = Number
		if c.Texts != nil {
			c.Kind = Text
			c.Present = make([]bool, len(c.Texts))
			for i, v := range c.Texts {
				c.Present[i] = v != ""
			}
		}
		t.rows = max(len(c.Texts), len(c.Numbers))
	}
	return t
}

func TestArms(t *testing.T) {
	texts := table(Column{Name: "arm", Texts: []string{"W", "none", "M", "none"}})
	numbers := table(Column{Name: "arm", Numbers: []float64{1, 0, 2, 0}})
	for _, c := range []struct {
		name    string
		table   *Table
		control string
		want    []string
		option  []int
	}{
		{"texts", texts, "none", []string{"none", "M", "W"}, []int{2, 0, 1, 0}},
		{"regardless of case", texts, "NONE", []string{"none", "M", "W"}, []int{2, 0, 1, 0}},
		{"numbers", numbers, "0", []string{"0", "1", "2"}, []int{1, 0, 2, 0}},
		{"a number written otherwise", numbers, "0.0", []string{"0", "1", "2"}, []int{1, 0, 2, 0}},
		{"a boolean", numbers, "false", []string{"0", "1", "2"}, []int{1, 0, 2, 0}},
		{"a control without rows", texts, "hold", []string{"hold", "M", "W", "none"}, []int{2, 3, 1, 3}},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, err := readArms(c.table, Roles{Treatment: "arm", Control: c.control})
			if err != nil || !slices.Equal(a.names, c.want) || !slices.Equal(a.option, c.option) {
				t.Errorf("%+v, %v", a, err)
			}
		})
	}
	if _, err := readArms(table(Column{Name: "arm", Texts: []string{"a", "", "b"}}), Roles{Treatment: "arm", Control: "a"}); data.ExitCode(err) != 3 || !strings.Contains(err.Error(), "row 2") {
		t.Errorf("missing arm: %v", err)
	}
}

func TestTreatProb(t *testing.T) {
	tb := table(
		Column{Name: "arm", Texts: []string{"W", "none", "M"}},
		Column{Name: "pn", Numbers: []float64{.2, .3, .4}},
		Column{Name: "pm", Numbers: []float64{.3, .3, .3}},
		Column{Name: "pw", Numbers: []float64{.5, .4, .3}},
		Column{Name: "text", Texts: []string{"a", "b", "c"}},
	)
	a, err := readArms(tb, Roles{Treatment: "arm", Control: "none"})
	if err != nil {
		t.Fatal(err)
	}
	read := func(list string) ([]float64, [][]float64, error) {
		chosen, all, _, err := readTreatProb(tb, Roles{TreatProb: SplitList(list)}, a)
		return chosen, all, err
	}
	if chosen, all, err := read("pn"); err != nil || all != nil || chosen[1] != .3 {
		t.Errorf("one column: %v %v %v", chosen, all, err)
	}
	for _, list := range []string{"pn,pm,pw", "W=pw,none=pn,M=pm", "W=pw,m=pm"} {
		_, all, err := read(list)
		if err != nil || len(all) != 3 {
			t.Fatalf("%s: %v %v", list, all, err)
		}
		for i := range 3 {
			want := []float64{[]float64{.2, .3, .4}[i], .3, []float64{.5, .4, .3}[i]} // control, M, W
			for k := range want {
				if d := all[k][i] - want[k]; d > 1e-12 || d < -1e-12 {
					t.Errorf("%s: arm %d row %d: %v, want %v", list, k, i, all[k][i], want[k])
				}
			}
		}
	}
	for list, code := range map[string]int{"pn,pm": 2, "W=pw": 2, "W=pw,W=pm,M=pm": 2, "Z=pw,M=pm": 2, "W=pw,pm": 2, "text": 3, "none_such": 3} {
		if _, _, err := read(list); data.ExitCode(err) != code {
			t.Errorf("%s: %v", list, err)
		}
	}
}

func TestOutcome(t *testing.T) {
	for _, c := range []struct {
		name     string
		column   Column
		positive string
		binary   bool
		want     []float64
		message  string
	}{
		{"0 and 1", Column{Numbers: []float64{1, 0}}, "", true, []float64{1, 0}, ""},
		{"yes and no", Column{Texts: []string{"no", "Yes"}}, "", true, []float64{0, 1}, ""},
		{"named value", Column{Numbers: []float64{2, 1}}, "1", true, []float64{0, 1}, ""},
		{"amounts, where any number will do", Column{Numbers: []float64{2.5, 0}}, "", false, []float64{2.5, 0}, ""},
		{"amounts, where 0/1 is needed", Column{Numbers: []float64{2.5, 0}}, "", true, nil, "--positive"},
		{"three texts", Column{Texts: []string{"a", "b", "c"}}, "", true, nil, "--positive"},
		{"a value that no row has", Column{Texts: []string{"a", "b"}}, "z", true, nil, "no row"},
		{"missing", Column{Texts: []string{"yes", ""}}, "", true, nil, "row 2"},
		{"constant 0/1 has one value", Column{Numbers: []float64{1, 1}}, "", true, nil, "not 0 and 1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.column.Name = "y"
			tb := table(c.column)
			y, err := readOutcome(tb, &tb.Columns[0], c.positive, c.binary)
			if c.message != "" {
				if data.ExitCode(err) != 3 || !strings.Contains(err.Error(), c.message) {
					t.Errorf("%v; want %q", err, c.message)
				}
				return
			}
			if err != nil || !slices.Equal(y, c.want) {
				t.Errorf("%v, %v", y, err)
			}
		})
	}
}

func TestNaNOutcomeIsRefusedWithItsRow(t *testing.T) {
	path := write(t, "nan.csv", "x,y\n1,0\n2,1\n3,nan\n")
	_, err := Train(context.Background(), Roles{Table: path, Query: "SELECT x, y::DOUBLE AS y FROM read_csv({{table}})", Outcome: "y"}, nil)
	if data.ExitCode(err) != 3 || !strings.Contains(err.Error(), "row 3") {
		t.Errorf("%v", err)
	}
}
