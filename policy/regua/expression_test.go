package regua

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"pgregory.net/rapid"
)

// draw makes a condition of the parts that have closures, and of some that have
// none.
func draw(t *rapid.T, depth int) string {
	pick := func(label string, from ...string) string { return rapid.SampledFrom(from).Draw(t, label) }
	if depth > 0 && rapid.Bool().Draw(t, "inner") {
		switch pick("form", "and", "or", "not", "if") {
		case "and":
			return "(" + draw(t, depth-1) + " && " + draw(t, depth-1) + ")"
		case "or":
			return "(" + draw(t, depth-1) + " || " + draw(t, depth-1) + ")"
		case "not":
			return "!(" + draw(t, depth-1) + ")"
		}
		return "(" + draw(t, depth-1) + " ? " + draw(t, depth-1) + " : " + draw(t, depth-1) + ")"
	}
	op := pick("op", "==", "!=", "<", "<=", ">", ">=")
	switch pick("leaf", "int", "text", "number", "flag", "in", "search", "sum", "share") {
	case "int":
		return pick("i", "days_past_due", "balance_cents", "touches_7") + op + pick("j", "-3", "0", "7", "touches_7")
	case "text":
		return pick("s", "segment", "kind", "uf") + op + pick("u", `"gold"`, `""`, "uf", `"PF"`)
	case "number":
		return "pay_prob" + op + pick("f", "0.5", "0.0", "pay_prob")
	case "in":
		return pick("l", `segment in ["gold", "new"]`, "days_past_due in [1, 7, -3]", `kind in []`)
	case "search":
		return pick("c", `segment.startsWith("go")`, `segment.endsWith(uf)`, `uf.contains("")`)
	case "sum": // left to the interpreter
		return "days_past_due + touches_7" + op + "5"
	case "share": // fails where the divisor is 0
		return "balance_cents / touches_7" + op + "100"
	}
	return pick("b", "promise_open", "true", "false", "partly_paid == promise_open")
}

func drawRow(t *rapid.T) *Row {
	r := &Row{}
	r.int[daysPastDue] = rapid.SampledFrom([]int64{-3, 0, 1, 7, math.MaxInt64, math.MinInt64}).Draw(t, "late")
	r.int[balanceCents] = rapid.Int64().Draw(t, "balance")
	r.int[touches7] = rapid.Int64Range(0, 7).Draw(t, "touches")
	r.text[segment] = rapid.SampledFrom([]string{"gold", "new", "", "SP"}).Draw(t, "segment")
	r.text[kind] = rapid.SampledFrom([]string{"PF", "PJ"}).Draw(t, "kind")
	r.text[uf] = rapid.SampledFrom([]string{"SP", "", "RJ"}).Draw(t, "uf")
	r.number[payProb] = rapid.SampledFrom([]float64{0, 0.5, 1, math.NaN()}).Draw(t, "pay")
	r.flag[promiseOpen], r.flag[partlyPaid] = rapid.Bool().Draw(t, "promise"), rapid.Bool().Draw(t, "part")
	return r
}

// TestClosuresSayWhatTheInterpreterSays holds every closure to CEL.
func TestClosuresSayWhatTheInterpreterSays(t *testing.T) {
	l, err := newLanguages()
	if err != nil {
		t.Fatal(err)
	}
	made := 0
	rapid.Check(t, func(rt *rapid.T) {
		x := Expression{Text: draw(rt, 3)}
		if faults := x.compile(l.audience); len(faults) > 0 {
			rt.Fatalf("%s: %v", x.Text, faults)
		}
		checked, _ := l.audience.Compile(x.Text)
		if closureOf(checked) != nil {
			made++
		}
		program, err := l.audience.Program(checked, cel.CostLimit(mostCost))
		if err != nil {
			rt.Fatal(err)
		}
		row := drawRow(rt)
		v, _, want := program.Eval(activation{row})
		got, err := x.Match(row)
		if got != (want == nil && v == types.True) || (err == nil) != (want == nil) {
			rt.Fatalf("%s on %+v: got %v, %v; CEL says %v, %v", x.Text, row, got, err, v, want)
		}
	})
	if made == 0 {
		t.Error("no condition became a closure")
	}
}

// TestEveryColumnReachesBothEvaluators: a column that is set is read.
func TestEveryColumnReachesBothEvaluators(t *testing.T) {
	l, err := newLanguages()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range Columns() {
		value, text := map[ColumnType]any{Int: int64(41), Text: "x", Number: 0.25, Flag: true}[c.Type], ""
		switch c.Type {
		case Int:
			text = c.Name + " == 41"
		case Text:
			text = c.Name + ` == "x"`
		case Number:
			text = c.Name + " == 0.25"
		case Flag:
			text = c.Name
		}
		for _, form := range []string{text, fmt.Sprintf("(%s) && 1 + 1 == 2", text)} { // the second has no closure
			x, row := Expression{Text: form}, &Row{}
			if faults := x.compile(l.step); len(faults) > 0 {
				t.Fatalf("%s: %v", form, faults)
			}
			if in, err := x.Match(row); in || err != nil {
				t.Errorf("%s holds on an empty row (%v)", form, err)
			}
			if !row.Set(c.Name, value) {
				t.Fatalf("%s cannot be set to %v", c.Name, value)
			}
			if in, err := x.Match(row); !in || err != nil {
				t.Errorf("%s does not hold where it should (%v)", form, err)
			}
		}
		if (&Row{}).Set(c.Name, struct{}{}) {
			t.Errorf("%s takes any type", c.Name)
		}
	}
}

// FuzzExpression: no text makes the compiler or a run panic, hang or say nothing.
func FuzzExpression(f *testing.F) {
	for _, seed := range []string{
		`days_past_due > 5 && segment in ["gold"]`, `segment.matches("(a+)+$")`, `1/0 == 1`, `"a" + segment == "x"`,
		`[1,2,3].exists(x, x > 2)`, `timestamp("2026-01-01T00:00:00Z") < timestamp(segment)`, `!(((promise_open)))`, `-9223372036854775808 - 1 < 0`,
		`{"a": 1}.a == 1`, `size(segment + segment + segment) > 5`, `has(segment.x)`, `dyn(segment) == 1`, `int(segment) > 3`, "\xff\x00",
		strings.Repeat("!", 900) + "promise_open", strings.Repeat("(", 900),
	} {
		f.Add(seed)
	}
	l, err := newLanguages()
	if err != nil {
		f.Fatal(err)
	}
	rows := []*Row{{}, {text: [texts]string{segment: strings.Repeat("a", 200)}, int: [ints]int64{daysPastDue: math.MinInt64, touches7: -1}}}
	f.Fuzz(func(t *testing.T, text string) {
		start := time.Now()
		x := Expression{Text: text, line: 1, column: 1}
		if faults := x.compile(l.step); len(faults) > 0 {
			for _, fault := range faults {
				if fault.Line < 1 || fault.Column < 1 || fault.What == "" {
					t.Fatalf("%q: a fault without a place or a word: %+v", text, fault)
				}
			}
			return
		}
		for _, row := range rows {
			if in, err := x.Match(row); in && err != nil {
				t.Fatalf("%q holds and fails: %v", text, err)
			}
		}
		if took := time.Since(start); took > 10*time.Second { // a hang, not a busy machine
			t.Fatalf("%q took %v", text, took)
		}
	})
}
