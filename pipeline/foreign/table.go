package foreign

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"dunning/data"
)

// Kind is what a column holds once it is read.
type Kind string

// The kinds of columns.
const (
	Number Kind = "number" // also booleans, as 0 and 1
	Time   Kind = "time"   // dates and instants, as days since 1970-01-01
	Text   Kind = "text"
)

// Column is one column of a foreign table. A missing value is NaN in Numbers
// and false in Present.
type Column struct {
	Name    string
	Kind    Kind
	Numbers []float64 // of Number and Time
	Texts   []string  // of Text
	Present []bool    // of Text
}

// Table is a foreign table in memory, with its columns in the order of the
// source. Skipped names the columns that no feature can be made of (lists,
// structs, blobs) with their type.
type Table struct {
	Source  string // file or query, for messages
	Columns []Column
	Skipped map[string]string
	rows    int
}

// Rows returns the number of rows.
func (t *Table) Rows() int { return t.rows }

// Names returns the columns' names.
func (t *Table) Names() []string {
	names := make([]string, len(t.Columns))
	for j, c := range t.Columns {
		names[j] = c.Name
	}
	return names
}

// Column returns a column by its name, exact or else regardless of case. The
// error is of the class [data.ErrBadInput] and lists the nearest names.
func (t *Table) Column(name, role string) (*Column, error) {
	found := -1
	for j, c := range t.Columns {
		if c.Name == name {
			return &t.Columns[j], nil
		}
		if strings.EqualFold(c.Name, name) {
			found = j
		}
	}
	if found >= 0 {
		return &t.Columns[found], nil
	}
	return nil, fmt.Errorf("%w: %s has no column %q, which is named as %s; %s",
		data.ErrBadInput, t.Source, name, role, nearest(name, t.Names()))
}

// nearest words a suggestion: the names most like the wrong one.
func nearest(name string, names []string) string {
	if len(names) <= 8 {
		return "its columns are " + strings.Join(names, ", ")
	}
	sorted := slices.Clone(names)
	slices.SortStableFunc(sorted, func(a, b string) int { return distance(name, a) - distance(name, b) })
	return fmt.Sprintf("nearest of its %d columns: %s", len(names), strings.Join(sorted[:4], ", "))
}

// distance is the edit distance regardless of case; a name that contains the
// other is near.
func distance(a, b string) int {
	a, b = strings.ToLower(a), strings.ToLower(b)
	d := data.EditDistance(a, b)
	if strings.Contains(b, a) || strings.Contains(a, b) {
		return d / 2
	}
	return d
}

// Missing tells whether row i has no value.
func (c *Column) Missing(i int) bool {
	if c.Kind == Text {
		return !c.Present[i]
	}
	return math.IsNaN(c.Numbers[i])
}

// String returns the value of row i as text, "" when it is missing. Whole
// numbers have no decimal point.
func (c *Column) String(i int) string {
	switch {
	case c.Missing(i):
		return ""
	case c.Kind == Text:
		return c.Texts[i]
	case c.Kind == Time && c.Numbers[i] == math.Trunc(c.Numbers[i]):
		return data.Date(c.Numbers[i]).String()
	}
	return formatNumber(c.Numbers[i])
}

// Levels returns the distinct values, as text, in sorted order: numbers and
// times by value, texts by bytes. Missing values are left out.
func (c *Column) Levels() []string {
	if c.Kind == Text {
		seen := map[string]bool{}
		for i, v := range c.Texts {
			if c.Present[i] {
				seen[v] = true
			}
		}
		out := make([]string, 0, len(seen))
		for v := range seen {
			out = append(out, v)
		}
		slices.Sort(out)
		return out
	}
	numbers := slices.Clone(c.Numbers)
	slices.Sort(numbers) // NaN first
	numbers = slices.Compact(numbers)
	out := []string{}
	for _, v := range numbers {
		if !math.IsNaN(v) {
			out = append(out, (&Column{Kind: c.Kind, Numbers: []float64{v}}).String(0))
		}
	}
	return out
}

// Strings returns the column as text, row by row.
func (c *Column) Strings() []string {
	if c.Kind == Text {
		return c.Texts
	}
	out := make([]string, len(c.Numbers))
	for i := range out {
		out[i] = c.String(i)
	}
	return out
}

// formatNumber writes a number as short as it reads back.
func formatNumber(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }
