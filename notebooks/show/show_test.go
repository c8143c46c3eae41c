package show

import (
	"encoding/xml"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gonum.org/v1/plot"

	"dunning/data"
)

type row struct {
	ID     string     `parquet:"id,dict"`
	Cents  data.Cents `parquet:"cents"`
	On     *data.Date `parquet:"on,optional"`
	At     time.Time  `parquet:"at"`
	Hidden string     `parquet:"-"`
	Share  float64
	inner  int
}

func TestRowsBecomeATable(t *testing.T) {
	day := data.MakeDate(2026, 1, 5)
	rows := []row{
		{ID: "<a&b>", Cents: 123456, On: &day, At: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Share: 0.25, inner: 1},
		{ID: "c", Share: math.NaN()},
		{ID: "left out"},
	}
	c := Rows(rows, 2)
	if got := strings.Join(c.Header, " "); got != "id cents on at Share" {
		t.Errorf("header %q", got)
	}
	text := c.HTML()
	for _, part := range []string{"&lt;a&amp;b&gt;", "R$ 1.234,56", "2026-01-05", "2026-01-02 03:04:05", "0.2500", `text-align:left;padding:2px 10px">–`, `text-align:right;padding:2px 10px">–`} {
		if !strings.Contains(text, part) {
			t.Errorf("no %q in %s", part, text)
		}
	}
	if strings.Contains(text, "left out") || strings.Count(text, "<tr>") != 3 {
		t.Errorf("not two rows and a header: %s", text)
	}
	if n := len(Rows(rows, 0).Rows); n != 3 {
		t.Errorf("%d of 3 rows without a limit", n)
	}
}

func TestNumbersAreRoundedToBeRead(t *testing.T) {
	for _, c := range []struct {
		value  any
		text   string
		number bool
	}{
		{3, "3", true}, {uint8(4), "4", true}, {2.0, "2", true}, {0.12345, "0.1235", true}, {float32(0.5), "0.5000", true},
		{data.SMS, "sms", false}, {nil, "–", false}, {(*float64)(nil), "–", false}, {true, "true", false}, {math.Inf(1), "+Inf", true},
	} {
		if text, number := cell(c.value); text != c.text || number != c.number {
			t.Errorf("%v is shown as %q, number %v", c.value, text, number)
		}
	}
}

func TestPicturesAreWellFormed(t *testing.T) {
	x, y := []float64{0, 1, 2, 3}, []float64{5, math.NaN(), 30_000, 7}
	s := []Series{{Name: "a < b", X: x, Y: y}, {Name: "c", X: x, Y: x}}
	for name, p := range map[string]*plot.Plot{
		"lines": Lines("t & u", "x", "y", s...), "points": Points("t", "x", "y", s...),
		"bars": Bars("t", "y", []string{"a", "b", "c", "d"}, s...), "histogram": Histogram("t", "x", y, 3),
	} {
		text := SVG(p)
		if !strings.HasPrefix(text, "<svg") || SVG(p) != text {
			t.Errorf("%s begins with %.40q, or is not the same twice", name, text)
		}
		labels, dec := "", xml.NewDecoder(strings.NewReader(text))
		for {
			token, err := dec.Token()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if chars, ok := token.(xml.CharData); ok {
				labels += string(chars) + "|"
			}
		}
		if name == "lines" && (!strings.Contains(labels, "t & u|") || !strings.Contains(labels, "a < b|") || !strings.Contains(labels, "30\u2009000|")) {
			t.Errorf("%s has the labels %s", name, labels)
		}
		if strings.Contains(text, "NaN") {
			t.Errorf("%s draws a NaN", name)
		}
	}
}

// What goes wrong ends the cell, with a reason.
func TestFaultsPanic(t *testing.T) {
	t.Setenv("DUNNING_HOME", t.TempDir())
	for name, f := range map[string]func(){
		"show: nothing matches":             func() { Files("plans", "*") },
		"show: rows of int, not of a":       func() { Rows([]int{1}, 0) },
		"show: row 0 has 1 values for 2":    func() { Table(Cells{Header: []string{"a", "b"}, Rows: [][]any{{1}}}) },
		"show: s has 1 x for 2 y":           func() { Lines("", "", "", Series{Name: "s", X: []float64{1}, Y: []float64{1, 2}}) },
		"show: s has 2 bars for 1 labels":   func() { Bars("", "", []string{"a"}, Series{Name: "s", Y: []float64{1, 2}}) },
		"open nothing: no such file or dir": func() { Must(os.Open("nothing")) },
	} {
		func() {
			defer func() {
				if got := fmt.Sprint(recover()); !strings.HasPrefix(got, name) {
					t.Errorf("panics with %q, not %q", got, name)
				}
			}()
			f()
		}()
	}
}

func TestReadFindsTheNewestAndAllParts(t *testing.T) {
	home := t.TempDir()
	t.Setenv("DUNNING_HOME", home)
	type number struct {
		N int64 `parquet:"n"`
	}
	for _, day := range []string{"2026-01-05", "2026-01-12"} {
		for part := range 2 {
			folder := filepath.Join(home, "plans", day)
			if err := os.MkdirAll(folder, 0o755); err != nil {
				t.Fatal(err)
			}
			if _, err := data.Write(filepath.Join(folder, fmt.Sprintf("part-%d.parquet", part)), []number{{int64(part)}, {7}}); err != nil {
				t.Fatal(err)
			}
		}
	}
	if got := Latest("plans", "part-0.parquet"); got != filepath.Join(home, "plans", "2026-01-12", "part-0.parquet") {
		t.Errorf("latest %s", got)
	}
	if got := fmt.Sprint(Read[number]("plans", "2026-01-05", "part-*.parquet")); got != "[{0} {7} {1} {7}]" {
		t.Errorf("read %s", got)
	}
}
