package pipeline

import (
	"fmt"
	"strings"
)

// SourcesMarkdown returns the reference of the source tables, docs/SOURCES.md,
// from the same definitions that extract runs.
func SourcesMarkdown() string {
	var b strings.Builder
	b.WriteString(strings.Replace(sourcesPreface, "{{order}}", strings.Join(rulePrecedence[:], ", "), 1))
	for _, t := range tables(1) {
		fmt.Fprintf(&b, "\n## %s\n\n", t.name)
		b.WriteString("| column | form | where there is no column | where a cell is empty | rules |\n|---|---|---|---|---|\n")
		for _, c := range t.columns {
			absent, empty := c.shownDefault(c.absent), c.shownDefault(c.empty)
			if c.required {
				absent, empty = "stops the run", "quarantined"
			}
			if r := t.replace[c.name].words; r != "" {
				absent, empty = r, r
			}
			var rules []string
			for _, f := range c.faults() {
				rules = append(rules, f.rule)
			}
			fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", c.name, c.form(), absent, empty, strings.Join(rules, ", "))
		}
		var between []string
		if t.id != "" {
			between = append(between, "duplicate_id ("+t.id+")")
		}
		for _, f := range t.between {
			if n := len(between); n == 0 || between[n-1] != f.rule {
				between = append(between, f.rule)
			}
		}
		if len(between) > 0 {
			fmt.Fprintf(&b, "\nThen, against other rows: %s.\n", strings.Join(between, ", "))
		}
	}
	return b.String()
}

const sourcesPreface = `# The source tables

Generated from the definitions that extract runs; do not edit.

Each table comes from a query in ` + "`dunning.yaml`" + `. Only the columns below are
read; others, such as names or addresses, never reach the lake. customers,
invoices and payments need a query; any other table without one is empty.

A row is quarantined under the first rule that it breaks, in this order:
{{order}};
then duplicate_id (of rows that are right by themselves, the first stays), then
references to rows that were accepted, then the order of days. Every row is
accepted or quarantined, and counted. More than quarantine.max_share of a table
stops the run.

Texts are trimmed; an empty text is no value. Where a query only filters and
projects files, the row number in the quarantine is the row of the file, without
its header; where it sorts, joins or aggregates, and for PostgreSQL, rows are
numbered in the order of all columns of the result.
`

// form says in words how values of the column are written.
func (c column) form() string {
	switch {
	case c.oneOf != nil:
		return strings.Join(c.oneOf, ", ")
	case c.upper:
		return "text, made capital"
	}
	switch c.kind {
	case kindDay:
		return "day, 2026-01-31; a time after it is cut off"
	case kindInstant:
		return "instant, 2026-01-31T10:00:00Z, with offset, or without: UTC"
	case kindCents:
		return "whole cents, 0 or more"
	case kindCount:
		return "whole number, 0 or more"
	case kindReal:
		return "number"
	case kindProb:
		return "probability, above 0, at most 1"
	case kindFlag:
		return "true, t, 1, yes, y, sim, s; false, f, 0, no, n, não"
	case kindDocument:
		return "CPF or CNPJ; kept as document_hmac only"
	}
	return "text"
}

func (c column) shownDefault(sql string) string {
	switch sql {
	case "":
		return "none"
	case "''":
		return "empty"
	}
	return strings.Trim(sql, "'")
}
