package foreign

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"dunning/data"
)

// wide is a table with one column of each sort that prepare must tell apart.
func wide(n int) *Table {
	rng := rand.New(rand.NewPCG(1, 2))
	columns := []Column{
		{Name: "row", Numbers: make([]float64, n)}, {Name: "code", Texts: make([]string, n)},
		{Name: "constant", Numbers: make([]float64, n)}, {Name: "amount", Numbers: make([]float64, n)},
		{Name: "level", Numbers: make([]float64, n)}, {Name: "city", Texts: make([]string, n)},
		{Name: "later", Numbers: make([]float64, n)}, {Name: "echo", Numbers: make([]float64, n)},
		{Name: "sex", Texts: make([]string, n)}, {Name: "y", Numbers: make([]float64, n)},
	}
	for i := range n {
		y := float64(rng.IntN(10) / 8) // 20 %
		later := 0.0
		if y == 1 && rng.IntN(3) == 0 {
			later = rng.Float64() * 50 // happens only to those with the outcome
		}
		for j, v := range []float64{float64(i), 0, 4, math.Exp(3 * rng.NormFloat64()), float64(rng.IntN(4)), 0, later, y + 0.4*rng.Float64(), 0, y} {
			if columns[j].Texts == nil {
				columns[j].Numbers[i] = v
			}
		}
		columns[1].Texts[i] = fmt.Sprint("c", i)
		columns[5].Texts[i] = []string{"Rio", "", "Belém", "Rio"}[rng.IntN(4)]
		columns[8].Texts[i] = []string{"F", "M"}[rng.IntN(2)]
	}
	return table(columns...)
}

func TestPrepareTellsColumnsApart(t *testing.T) {
	p, err := prepare(wide(2000), Roles{Outcome: "y", Protected: List{"sex"}, Categories: List{"level"}}, true)
	if err != nil {
		t.Fatal(err)
	}
	use := map[string]ColumnUse{}
	for _, c := range p.columns {
		use[c.Column] = c
	}
	for name, want := range map[string]string{
		"row": "identifier", "code": "identifier", "constant": "constant", "amount": "logarithm", "level": "code of 4",
		"city": "category of 2", "later": "later > 0", "echo": "AUC of 1.000", "sex": "", "y": "",
	} {
		if !strings.Contains(use[name].Why, want) {
			t.Errorf("%s: %+v, want %q", name, use[name], want)
		}
	}
	if !slices.Equal(p.trees.Names, []string{"amount", "level", "city"}) {
		t.Errorf("features of the trees: %v", p.trees.Names)
	}
	if !slices.Equal(p.linear.Names, []string{"amount", "level=0", "level=1", "level=2", "level=3", "city=Belém", "city=Rio"}) {
		t.Errorf("features of the linear models: %v", p.linear.Names)
	}
	if len(p.alarms) != 2 {
		t.Errorf("alarms: %q", p.alarms)
	}
	city, _ := p.table.Column("city", "")
	for i := range 50 {
		got := p.trees.Cols[2][i]
		if want := map[string]float32{"Belém": 0, "Rio": 1}[city.Texts[i]]; city.Present[i] && got != want || !city.Present[i] && got == got {
			t.Fatalf("row %d: city %q has code %v", i, city.Texts[i], got)
		}
	}
}

func TestKeepOverridesSuspicionAndTraps(t *testing.T) {
	r := Roles{Outcome: "y", Keep: List{"echo", "amount"}, Traps: map[string]string{"amount": "set afterwards", "level": "set afterwards"}}
	p, err := prepare(wide(2000), r, true)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(p.trees.Names, "echo") || !slices.Contains(p.trees.Names, "amount") || slices.Contains(p.trees.Names, "level") {
		t.Errorf("features: %v", p.trees.Names)
	}
	all := strings.Join(p.alarms, "\n")
	if !strings.Contains(all, "amount is used although it is listed as a trap") || !strings.Contains(all, "echo is used, a suspected leak") {
		t.Errorf("alarms: %s", all)
	}
}

func TestNoFeatureLeftSaysWhy(t *testing.T) {
	tb := table(Column{Name: "y", Numbers: []float64{0, 1, 0}}, Column{Name: "c", Numbers: []float64{5, 5, 5}})
	_, err := prepare(tb, Roles{Outcome: "y"}, true)
	if data.ExitCode(err) != 3 || !strings.Contains(err.Error(), "c: left out (constant)") {
		t.Errorf("%v", err)
	}
}

func TestWrongColumnsAreNamed(t *testing.T) {
	for role, r := range map[string]Roles{
		"outcome": {Outcome: "z"}, "id": {Outcome: "y", ID: "z"}, "time": {Outcome: "y", Time: "z"}, "treatment": {Outcome: "y", Treatment: "z", Control: "0"},
		"protected": {Outcome: "y", Protected: List{"z"}}, "column to drop": {Outcome: "y", Drop: List{"z"}}, "trap": {Outcome: "y", Traps: map[string]string{"z": "?"}},
		"category": {Outcome: "y", Categories: List{"z"}}, "column to keep": {Outcome: "y", Keep: List{"z"}}, "policy": {Outcome: "y", Policy: "z"},
	} {
		if _, err := prepare(wide(100), r, true); data.ExitCode(err) != 3 || !strings.Contains(err.Error(), `no column "z", which is named as `+role) {
			t.Errorf("%s: %v", role, err)
		}
	}
	if _, err := prepare(wide(100), Roles{Outcome: "y", Time: "amount"}, true); data.ExitCode(err) != 3 || !strings.Contains(err.Error(), "not a date") {
		t.Errorf("time that is a number: %v", err)
	}
}

func TestRoundsKeepIDsTogetherAndTimeApart(t *testing.T) {
	n := 400
	tb := wide(n)
	tb.Columns = append(tb.Columns, table(Column{Name: "who", Numbers: make([]float64, n)}).Columns[0])
	who := &tb.Columns[len(tb.Columns)-1]
	for i := range n {
		who.Numbers[i] = float64(i % 90)
	}
	p, err := prepare(tb, Roles{Outcome: "y", ID: "who"}, true)
	if err != nil {
		t.Fatal(err)
	}
	for _, split := range []string{"folds:3", "random:0.4"} {
		rounds, err := p.rounds(Roles{Split: split, Repeats: 2})
		if err != nil || len(rounds) != 2 {
			t.Fatal(err, len(rounds))
		}
		for _, rd := range rounds {
			for _, pt := range rd {
				side := map[string]bool{}
				for _, i := range pt.train {
					side[p.id[i]] = true
				}
				for _, i := range pt.test {
					if side[p.id[i]] {
						t.Fatalf("%s: id %s stands on both sides", split, p.id[i])
					}
				}
			}
		}
		if slices.Equal(rounds[0][0].test, rounds[1][0].test) {
			t.Errorf("%s: a repeat draws the same rows", split)
		}
	}
	p.time, p.matured = make([]float64, n), make([]float64, n)
	for i := range n {
		p.time[i], p.matured[i] = float64(i), float64(i+30)
	}
	p.time[5] = math.NaN()                                   // on neither side
	rounds, err := p.rounds(Roles{Split: "time:1970-07-20"}) // day 200
	if err != nil || len(rounds[0][0].train) != 169 || len(rounds[0][0].test) != 200 {
		t.Errorf("%v: %d to learn, %d to test; want 169, 200", err, len(rounds[0][0].train), len(rounds[0][0].test))
	}
	if _, err := p.rounds(Roles{Split: "time:2030-01-01"}); data.ExitCode(err) != 3 {
		t.Errorf("a date after all rows: %v", err)
	}
	p.time = nil
	if _, err := p.rounds(Roles{Split: "time:1970-07-20"}); data.ExitCode(err) != 2 {
		t.Errorf("no time column: %v", err)
	}
}
