package web

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/xuri/excelize/v2"

	"dunning/data"
	"dunning/serve"
)

// plainCell keeps a spreadsheet from reading a text as a formula.
func plainCell(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r\n", rune(s[0])) {
		return "'" + s
	}
	return s
}

// exported gathers what is exported; an error where there is nothing.
func (v *visit) exported() (now *Report, then *Report, all []indicator, err error) {
	_, now, then, err = v.chosenReport()
	if err == nil && (now == nil || now.Portfolio == nil) {
		err = fail(serve.CodeUnavailable)
	}
	if err != nil {
		return nil, nil, nil, err
	}
	return now, then, v.indicators(now, then), nil
}

// machine is a figure for a program: reais for money.
func (i *indicator) machine(f *float64) (value float64, ok bool) {
	if f == nil {
		return 0, false
	}
	if i.Unit == asMoney {
		return data.RoundCents(*f).Reais(), true
	}
	return *f, true
}

// attach sends a file to be kept.
func (v *visit) attach(kind, name string, body []byte) error {
	v.w.Header().Set("Content-Type", kind)
	v.w.Header().Set("Content-Disposition", fmt.Sprintf("attachment; filename=%q", name))
	v.w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	v.w.WriteHeader(http.StatusOK)
	_, err := v.w.Write(body)
	if err != nil {
		v.site.config.Log.Debug("a download was broken off", "error", err)
	}
	return nil
}

// indicatorsCSV exports the indicators as CSV for programs: UTF-8, commas,
// numbers with a point.
func indicatorsCSV(v *visit) error {
	now, then, all, err := v.exported()
	if err != nil {
		return err
	}
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	head := []string{"indicator", "name", "unit", "as_of", "value"}
	if then != nil {
		head = append(head, "against", "value_against")
	}
	w.Write(head) // Error reports it
	number := func(i *indicator, f *float64) string {
		if x, ok := i.machine(f); ok {
			return strconv.FormatFloat(x, 'f', -1, 64)
		}
		return ""
	}
	for i := range all {
		one := &all[i]
		row := []string{strings.TrimPrefix(one.Key, "kpi."), plainCell(v.say(one.Key)), unitNames[one.Unit], now.AsOf.String(), number(one, one.Now)}
		if then != nil {
			row = append(row, then.AsOf.String(), number(one, one.Then))
		}
		w.Write(row)
	}
	w.Flush()
	if err := w.Error(); err != nil {
		return fmt.Errorf("web: csv: %w", err)
	}
	return v.attach(csvKind, "indicadores-"+now.AsOf.String()+".csv", b.Bytes())
}

// unitNames are the units in exports.
var unitNames = [...]string{asShare: "share", asDays: "days", asMoney: "BRL", asCount: "count", asPoints: "points", asPerReal: "BRL per BRL"}

// Number formats of Excel.
const (
	sheetMoney = `"R$" #,##0.00`
	sheetShare = `0.0%`
	sheetPlain = `#,##0.0`
	sheetCount = `#,##0`
	sheetFine  = `"R$" 0.0000`
)

// indicatorsSheet exports everything the page shows as an Excel workbook.
func indicatorsSheet(v *visit) error {
	now, then, all, err := v.exported()
	if err != nil {
		return err
	}
	f := excelize.NewFile()
	defer f.Close()
	sheet := &workbook{f: f}
	sheet.indicators(v, now, then, all)
	for _, t := range []namedTable{{v.say("kpi.aging"), v.agingChart(now.Portfolio).Table}, {v.say("kpi.series"), v.seriesChart(now.Portfolio).Table},
		{v.say("kpi.roll"), v.rollTable(now.Portfolio)}, {v.say("kpi.contacts"), v.channelTable(now.Portfolio)}, {v.say("kpi.segments"), v.segmentTable()}, {v.say("kpi.parts"), v.partsTable(now.Portfolio)}} {
		sheet.table(v.lang, t.name, t.table)
	}
	return v.attachWorkbook(sheet, "indicadores-"+now.AsOf.String()+".xlsx")
}

// namedTable is a table that becomes a sheet of its own.
type namedTable struct {
	name  string
	table Table
}

// sheets exports tables as a workbook.
func (v *visit) sheets(name string, tables []namedTable) error {
	f := excelize.NewFile()
	defer f.Close()
	w := &workbook{f: f}
	for _, t := range tables {
		w.table(v.lang, t.name, t.table)
	}
	return v.attachWorkbook(w, name)
}

// attachWorkbook sends a workbook to be kept.
func (v *visit) attachWorkbook(w *workbook, name string) error {
	var b bytes.Buffer
	if w.err == nil {
		w.err = w.f.Write(&b)
	}
	if w.err != nil {
		return fmt.Errorf("web: excel: %w", w.err)
	}
	return v.attach(excelKind, name, b.Bytes())
}

// workbook writes sheets; the first error stays.
type workbook struct {
	f      *excelize.File
	sheets int
	err    error
}

func (w *workbook) do(err error) {
	if w.err == nil {
		w.err = err
	}
}

// sheet opens a sheet of a name that Excel takes.
func (w *workbook) sheet(name string) string {
	name = strings.NewReplacer(":", "", "/", "-", "\\", "-", "?", "", "*", "", "[", "", "]", "").Replace(name)
	if short := []rune(name); len(short) > 31 {
		name = string(short[:31])
	}
	if w.sheets == 0 {
		w.do(w.f.SetSheetName("Sheet1", name))
	} else {
		_, err := w.f.NewSheet(name)
		w.do(err)
	}
	w.sheets++
	return name
}

func (w *workbook) text(sheet string, column, row int, s string) {
	cell, err := excelize.CoordinatesToCellName(column, row)
	w.do(err)
	w.do(w.f.SetCellStr(sheet, cell, plainCell(s)))
}

func (w *workbook) number(sheet string, column, row int, x float64, format string) {
	cell, err := excelize.CoordinatesToCellName(column, row)
	w.do(err)
	w.do(w.f.SetCellFloat(sheet, cell, x, -1, 64))
	style, err := w.f.NewStyle(&excelize.Style{CustomNumFmt: &format})
	w.do(err)
	w.do(w.f.SetCellStyle(sheet, cell, cell, style))
}

func (w *workbook) head(sheet string, columns int) {
	last, err := excelize.CoordinatesToCellName(columns, 1)
	w.do(err)
	style, err := w.f.NewStyle(&excelize.Style{Font: &excelize.Font{Bold: true}})
	w.do(err)
	w.do(w.f.SetCellStyle(sheet, "A1", last, style))
	w.do(w.f.SetColWidth(sheet, "A", "A", 44))
	w.do(w.f.SetPanes(sheet, &excelize.Panes{Freeze: true, YSplit: 1, TopLeftCell: "A2", ActivePane: "bottomLeft"}))
}

// indicators writes the figures as numbers.
func (w *workbook) indicators(v *visit, now, then *Report, all []indicator) {
	sheet := w.sheet(v.say("kpi.title"))
	w.text(sheet, 1, 1, v.say("kpi.title"))
	w.text(sheet, 2, 1, now.AsOf.String())
	columns := 2
	if then != nil {
		w.text(sheet, 3, 1, then.AsOf.String())
		columns = 3
	}
	w.head(sheet, columns)
	w.do(w.f.SetColWidth(sheet, "B", "C", 20))
	formats := map[unit]string{asShare: sheetShare, asDays: sheetPlain, asMoney: sheetMoney, asCount: sheetCount, asPoints: sheetPlain, asPerReal: sheetFine}
	for i := range all {
		w.text(sheet, 1, i+2, v.say(all[i].Key))
		if x, ok := all[i].machine(all[i].Now); ok {
			w.number(sheet, 2, i+2, x, formats[all[i].Unit])
		}
		if x, ok := all[i].machine(all[i].Then); ok && then != nil {
			w.number(sheet, 3, i+2, x, formats[all[i].Unit])
		}
	}
}

// readCell reads a number as the page writes it, with its format.
func readCell(l Language, s string) (x float64, format string, ok bool) {
	s = strings.ReplaceAll(strings.ReplaceAll(s, nbsp, " "), "−", "-")
	switch {
	case strings.Contains(s, "R$"):
		x, ok = l.parseDecimal(strings.Replace(s, "R$ ", "", 1))
		return x, sheetMoney, ok
	case strings.HasSuffix(s, "%"):
		x, ok = l.parseDecimal(s)
		return x / 100, sheetShare, ok
	}
	x, ok = l.parseDecimal(s)
	return x, sheetCount, ok
}

// table writes a table as the page has it; columns of numbers as numbers.
func (w *workbook) table(l Language, name string, t Table) {
	if len(t.Head) == 0 {
		return
	}
	sheet := w.sheet(name)
	for c, s := range t.Head {
		w.text(sheet, c+1, 1, s)
	}
	w.head(sheet, len(t.Head))
	rows := t.Rows
	if t.Foot != nil {
		rows = append(rows[:len(rows):len(rows)], t.Foot)
	}
	for r, row := range rows {
		for c, s := range row {
			if x, format, ok := readCell(l, s); ok && t.Right(c) {
				w.number(sheet, c+1, r+2, x, format)
			} else {
				w.text(sheet, c+1, r+2, s)
			}
		}
	}
}
