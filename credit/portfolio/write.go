package portfolio

import (
	"bytes"
	_ "embed"
	"encoding/csv"
	"fmt"
	"html/template"
	"strconv"
	"strings"

	"github.com/xuri/excelize/v2"

	"dunning/data"
)

// column is one column of a table: its title and its value of a row, a text, a
// whole number, cents or a share.
type column[T any] struct {
	title string
	value func(*T) any
}

// percentOf marks a share, for formats that write it as one.
type percentOf float64

var groupColumns = []column[Group]{
	{"dimensão", func(g *Group) any { return g.Dimension }}, {"grupo", func(g *Group) any { return g.Name }},
	{"clientes", func(g *Group) any { return g.Customers }}, {"faturas vencidas", func(g *Group) any { return g.Invoices }},
	{"faturado", func(g *Group) any { return g.BilledCents }}, {"em atraso", func(g *Group) any { return g.OverdueCents }},
	{"em dia", func(g *Group) any { return percentOf(g.OnTime) }}, {"atraso de 30 dias ou mais", func(g *Group) any { return percentOf(g.Serious) }},
	{"atraso médio (dias)", func(g *Group) any { return g.MeanDays }},
	{"30 dias ou mais, últimos meses", func(g *Group) any { return percentOf(g.SeriousNow) }}, {"30 dias ou mais, antes", func(g *Group) any { return percentOf(g.SeriousBefore) }},
	{"piora", func(g *Group) any {
		if g.Worse {
			return "sim"
		}
		return ""
	}},
}

var personColumns = []column[Person]{
	{"lista", func(p *Person) any { return p.List }}, {"cliente", func(p *Person) any { return p.CustomerID }}, {"segmento", func(p *Person) any { return p.Segment }},
	{"faturas vencidas", func(p *Person) any { return p.Invoices }}, {"compras em 12 meses", func(p *Person) any { return p.YearCents }},
	{"em aberto", func(p *Person) any { return p.OpenCents }}, {"em atraso", func(p *Person) any { return p.OverdueCents }}, {"dias de atraso", func(p *Person) any { return p.LateDays }},
	{"limite", func(p *Person) any { return p.LimitCents }}, {"uso do limite", func(p *Person) any { return percentOf(p.Use) }}, {"motivo", func(p *Person) any { return string(p.Why) }},
}

// GroupsCSV returns the groups as CSV (UTF-8, commas, points in numbers).
func (r *Report) GroupsCSV() []byte { return csvOf(groupColumns, r.Groups) }

// PeopleCSV returns the lists as CSV.
func (r *Report) PeopleCSV() []byte { return csvOf(personColumns, r.People) }

func csvOf[T any](columns []column[T], rows []T) []byte {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	record := make([]string, len(columns))
	for j, c := range columns {
		record[j] = c.title
	}
	w.Write(record) // a buffer cannot fail
	for i := range rows {
		for j, c := range columns {
			record[j] = plain(c.value(&rows[i]))
		}
		w.Write(record)
	}
	w.Flush()
	return b.Bytes()
}

// plain writes a value for programs.
func plain(v any) string {
	switch v := v.(type) {
	case string:
		return harmless(v)
	case data.Cents:
		return fmt.Sprintf("%d.%02d", v/100, v%100)
	case percentOf:
		return strconv.FormatFloat(float64(v), 'f', 4, 64)
	case float64:
		return strconv.FormatFloat(v, 'f', 1, 64)
	}
	return fmt.Sprint(v)
}

// harmless keeps a text from being taken for a formula.
func harmless(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r\n|%", rune(s[0])) {
		return "'" + s
	}
	return s
}

// Excel returns a workbook with a sheet of groups for each dimension and one for
// each list.
func (r *Report) Excel() ([]byte, error) {
	f := excelize.NewFile()
	defer f.Close()
	styles, err := newStyles(f)
	if err != nil {
		return nil, err
	}
	for _, d := range Dimensions {
		var rows []Group
		for _, g := range r.Groups {
			if g.Dimension == d {
				rows = append(rows, g)
			}
		}
		if err := sheet(f, styles, d, groupColumns, rows); err != nil {
			return nil, err
		}
	}
	for _, list := range Lists {
		if err := sheet(f, styles, list, personColumns, r.on(list)); err != nil {
			return nil, err
		}
	}
	if err := f.DeleteSheet("Sheet1"); err != nil {
		return nil, fmt.Errorf("portfolio: workbook: %w", err)
	}
	var b bytes.Buffer
	if err := f.Write(&b); err != nil {
		return nil, fmt.Errorf("portfolio: workbook: %w", err)
	}
	return b.Bytes(), nil
}

// on returns the customers of a list.
func (r *Report) on(list string) []Person {
	var out []Person
	for _, p := range r.People {
		if p.List == list {
			out = append(out, p)
		}
	}
	return out
}

// styles are those of a workbook.
type styles struct{ head, money, percent, days int }

func newStyles(f *excelize.File) (s styles, err error) {
	money := `"R$" #,##0.00`
	for _, one := range []struct {
		style *excelize.Style
		into  *int
	}{
		{&excelize.Style{Font: &excelize.Font{Bold: true}}, &s.head}, {&excelize.Style{CustomNumFmt: &money}, &s.money},
		{&excelize.Style{NumFmt: 10}, &s.percent}, {&excelize.Style{NumFmt: 2}, &s.days},
	} {
		if *one.into, err = f.NewStyle(one.style); err != nil {
			return s, fmt.Errorf("portfolio: workbook: %w", err)
		}
	}
	return s, nil
}

// sheet writes one table. Texts are cells of type text: none is a formula.
func sheet[T any](f *excelize.File, s styles, name string, columns []column[T], rows []T) error {
	if _, err := f.NewSheet(name); err != nil {
		return fmt.Errorf("portfolio: workbook: %w", err)
	}
	w, err := f.NewStreamWriter(name)
	if err != nil {
		return fmt.Errorf("portfolio: workbook: %w", err)
	}
	cells := make([]any, len(columns))
	put := func(row int) error { return w.SetRow("A"+strconv.Itoa(row), cells) }
	err = w.SetColWidth(1, len(columns), 18)
	for j, c := range columns {
		cells[j] = excelize.Cell{StyleID: s.head, Value: c.title}
	}
	if err == nil {
		err = put(1)
	}
	for i := 0; i < len(rows) && err == nil; i++ {
		for j, c := range columns {
			switch v := c.value(&rows[i]).(type) {
			case data.Cents:
				cells[j] = excelize.Cell{StyleID: s.money, Value: v.Reais()}
			case percentOf:
				cells[j] = excelize.Cell{StyleID: s.percent, Value: float64(v)}
			case float64:
				cells[j] = excelize.Cell{StyleID: s.days, Value: v}
			default:
				cells[j] = v
			}
		}
		err = put(i + 2)
	}
	if err == nil {
		err = w.Flush()
	}
	if err != nil {
		return fmt.Errorf("portfolio: workbook: %w", err)
	}
	return nil
}

//go:embed page.html
var pageText string

var page = template.Must(template.New("page").Parse(pageText))

// table is a table of the page.
type table struct {
	Title, Note string
	Head        []string
	Rows        [][]cell
}

// cell is a value of the page; numbers stand right.
type cell struct {
	Text   string
	Number bool
}

// HTML returns the report as one page that needs nothing else.
func (r *Report) HTML() ([]byte, error) {
	view := struct {
		AsOf      string
		Customers int
		Tables    []table
	}{r.AsOf.Time().Format("02/01/2006"), r.Customers, nil}
	for _, d := range Dimensions {
		var rows []Group
		for _, g := range r.Groups {
			if g.Dimension == d {
				rows = append(rows, g)
			}
		}
		view.Tables = append(view.Tables, tableOf("Por "+d, "", groupColumns[1:], rows))
	}
	for _, n := range r.Counts {
		note := fmt.Sprintf("%d clientes; os %d primeiros.", n.All, n.Shown)
		if n.All == n.Shown {
			note = fmt.Sprintf("%d clientes.", n.All)
		}
		title := strings.ToUpper(n.List[:1]) + n.List[1:]
		view.Tables = append(view.Tables, tableOf(title, note, personColumns[1:], r.on(n.List)))
	}
	var b bytes.Buffer
	if err := page.Execute(&b, view); err != nil {
		return nil, fmt.Errorf("portfolio: page: %w", err)
	}
	return b.Bytes(), nil
}

func tableOf[T any](title, note string, columns []column[T], rows []T) table {
	t := table{Title: title, Note: note}
	for _, c := range columns {
		t.Head = append(t.Head, c.title)
	}
	for i := range rows {
		row := make([]cell, len(columns))
		for j, c := range columns {
			row[j] = shown(c.value(&rows[i]))
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// shown writes a value for people.
func shown(v any) cell {
	comma := func(format string, v float64) string { return strings.Replace(fmt.Sprintf(format, v), ".", ",", 1) }
	switch v := v.(type) {
	case string:
		return cell{v, false}
	case data.Cents:
		return cell{v.BRL(), true}
	case percentOf:
		return cell{comma("%.1f %%", 100*float64(v)), true}
	case float64:
		return cell{comma("%.1f", v), true}
	}
	return cell{fmt.Sprint(v), true}
}
