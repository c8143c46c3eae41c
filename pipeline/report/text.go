package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// textWidth is the width of the terminal summary, in characters.
const textWidth = 100

// Text writes the report's terminal summary, about a screen and a half: the
// figures a finance manager decides by. lang is "pt" (the default, for
// anything else too) or "en". The bytes depend on d and lang alone.
func Text(w io.Writer, d Data, lang string) error {
	v := newVoice(lang, d.Currency)
	r := v.view(d)
	var b strings.Builder
	head := r.Title + " – " + r.AsOf
	if r.Company != "" {
		head = r.Company + " – " + head
	}
	if r.Badge != "" {
		head += " (" + r.Badge + ")"
	}
	b.WriteString(head + "\n")
	if r.Headline != "" {
		wrapped := trimLines(text.WrapSoft(r.Headline, textWidth))
		b.WriteString(strings.ReplaceAll(wrapped, noBreak, " ") + "\n")
	}
	for _, s := range r.Sections {
		v.textSection(&b, d, s)
	}
	if len(d.Timings) > 0 {
		writeTable(&b, v.say("t_timings"), v.timings(d))
	}
	if _, err := io.WriteString(w, plainText(b.String())); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	return nil
}

// textSection writes the part of a section that belongs on a terminal. What is
// missing is said in one line, except the truth, which only simulators have.
func (v voice) textSection(b *strings.Builder, d Data, s section) {
	if s.Missing != "" {
		if s.ID != "truth" && s.ID != "origin" {
			fmt.Fprintf(b, "\n%s: %s %s\n", s.Title, s.Missing, s.Remedy)
		}
		return
	}
	switch s.ID {
	case "summary":
		writeFacts(b, s.Facts)
	case "plan":
		if model := v.planModel(d.Plan); model != "" {
			b.WriteString("\n" + strings.ReplaceAll(trimLines(text.WrapSoft(model, textWidth)), noBreak, " ") + "\n")
		}
		writeTable(b, v.say("t_channels"), v.channels(d.Plan))
		writeTable(b, v.say("f_prices"), first(v.prices(d.Plan).Table, 3))
	case "portfolio":
		writeTable(b, v.say("f_aging"), v.aging(d.Portfolio).Table)
	case "models":
		writeTable(b, v.say("t_models"), v.scores(d.Evaluation))
	case "uplift":
		writeTable(b, s.Title, s.Blocks[0].Table)
	case "truth":
		for _, bl := range []block{s.Blocks[0], s.Blocks[2]} { // not the effects: they stand above
			if len(bl.Table.Rows) > 0 {
				writeTable(b, bl.Title, bl.Table)
			}
		}
	case "data":
		writeTable(b, v.say("t_sources"), s.Blocks[0].Table)
	}
}

// first keeps the first n rows.
func first(t *sheet, n int) *sheet {
	short := *t
	short.Rows = short.Rows[:min(n, len(short.Rows))]
	return &short
}

// newWriter returns a table in the one style of the terminal.
func newWriter() table.Writer {
	t := table.NewWriter()
	t.SetStyle(table.StyleLight)
	t.Style().Options.SeparateRows = false
	t.Style().Options.DrawBorder = false
	t.Style().Options.SeparateColumns = false
	t.Style().Format.Header = text.FormatDefault
	t.Style().Format.Footer = text.FormatDefault
	return t
}

// writeFacts writes the figures four to a row, each under its name.
func writeFacts(b *strings.Builder, facts []fact) {
	const perRow = 4
	for len(facts) > 0 {
		row := facts[:min(perRow, len(facts))]
		facts = facts[len(row):]
		t := newWriter()
		t.Style().Options.SeparateHeader = false
		var names, values, notes table.Row
		for _, f := range row {
			names, values, notes = append(names, f.Label), append(values, f.Value), append(notes, f.Note)
		}
		t.AppendRows([]table.Row{names, values, notes})
		b.WriteString("\n" + trimLines(t.Render()) + "\n")
	}
}

// writeTable writes a sheet under its title.
func writeTable(b *strings.Builder, title string, s *sheet) {
	t := newWriter()
	var configs []table.ColumnConfig
	for i := range s.Header {
		c := table.ColumnConfig{Number: i + 1}
		if s.class(i) == "num" {
			c.Align, c.AlignHeader, c.AlignFooter = text.AlignRight, text.AlignRight, text.AlignRight
		}
		configs = append(configs, c)
	}
	t.SetColumnConfigs(configs)
	t.AppendHeader(toRow(s.Header))
	for _, r := range s.Rows {
		t.AppendRow(toRow(r))
	}
	if s.Footer != nil {
		t.AppendFooter(toRow(s.Footer))
	}
	b.WriteString("\n" + title + "\n" + trimLines(t.Render()) + "\n")
}

func toRow(texts []string) table.Row {
	row := make(table.Row, len(texts))
	for i, s := range texts {
		row[i] = strings.ReplaceAll(s, "\n", " ")
	}
	return row
}

// trimLines drops trailing blanks.
func trimLines(s string) string {
	lines := strings.Split(s, "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return strings.Join(lines, "\n")
}
