package show

import (
	"fmt"
	"html"
	"math"
	"reflect"
	"strings"
	"time"

	"dunning/data"
)

// Cells is a table: a header and rows of as many values.
type Cells struct {
	Header []string
	Rows   [][]any
}

// Add appends a row.
func (c *Cells) Add(values ...any) { c.Rows = append(c.Rows, values) }

// Rows turns structs into a table, the columns named as in Parquet, else as the
// fields. limit bounds the rows; below 1 it means all.
func Rows[T any](rows []T, limit int) Cells {
	t := reflect.TypeFor[T]()
	if t.Kind() != reflect.Struct {
		panic(fmt.Sprintf("show: rows of %s, not of a struct", t))
	}
	var c Cells
	var fields []int
	for k := range t.NumField() {
		f := t.Field(k)
		name, _, _ := strings.Cut(f.Tag.Get("parquet"), ",")
		switch {
		case !f.IsExported() || name == "-":
			continue
		case name == "":
			name = f.Name
		}
		c.Header, fields = append(c.Header, name), append(fields, k)
	}
	for i, row := range rows {
		if limit > 0 && i == limit {
			break
		}
		v := reflect.ValueOf(row)
		var values []any
		for _, k := range fields {
			values = append(values, v.Field(k).Interface())
		}
		c.Add(values...)
	}
	return c
}

// Table shows a table. Numbers stand to the right: money in cents as reais,
// shares and other fractions with four digits.
func Table(c Cells) { HTML(c.HTML()) }

// HTML returns the table's markup. It panics where a row has not as many values
// as the header.
func (c Cells) HTML() string {
	var b strings.Builder
	b.WriteString(`<table style="border-collapse:collapse;font-size:13px"><thead><tr>`)
	for _, h := range c.Header {
		fmt.Fprintf(&b, `<th style="text-align:left;padding:2px 10px;border-bottom:1px solid #888">%s</th>`, html.EscapeString(h))
	}
	b.WriteString("</tr></thead><tbody>\n")
	for n, row := range c.Rows {
		if len(row) != len(c.Header) {
			panic(fmt.Sprintf("show: row %d has %d values for %d columns", n, len(row), len(c.Header)))
		}
		b.WriteString("<tr>")
		for _, v := range row {
			text, number := cell(v)
			align := "left"
			if number {
				align = "right"
			}
			fmt.Fprintf(&b, `<td style="text-align:%s;padding:2px 10px">%s</td>`, align, html.EscapeString(text))
		}
		b.WriteString("</tr>\n")
	}
	b.WriteString("</tbody></table>")
	return b.String()
}

// cell returns a value as text, and whether it is a number.
func cell(v any) (text string, number bool) {
	r := reflect.ValueOf(v)
	if !r.IsValid() || r.Kind() == reflect.Pointer && r.IsNil() {
		return "–", false
	}
	if r.Kind() == reflect.Pointer {
		return cell(r.Elem().Interface())
	}
	switch v := v.(type) {
	case data.Cents:
		return v.BRL(), true
	case float64:
		return fraction(v), true
	case float32:
		return fraction(float64(v)), true
	case time.Time:
		return v.UTC().Format(time.DateTime), false
	case fmt.Stringer:
		return v.String(), false
	}
	switch r.Kind() {
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64, reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return fmt.Sprint(v), true
	}
	return fmt.Sprint(v), false
}

func fraction(v float64) string {
	if math.IsNaN(v) {
		return "–"
	}
	if v == math.Trunc(v) && math.Abs(v) < 1e15 {
		return fmt.Sprintf("%.0f", v)
	}
	return fmt.Sprintf("%.4f", v)
}
