package report

import (
	"html/template"
	"strings"
)

// reportView is a report in words, before it becomes a page or a terminal
// text: both are made from the same sections, so that they cannot differ.
type reportView struct {
	Lang, Title, Company, AsOf, Badge, Headline string
	Contents, Footer                            string
	Style                                       template.CSS
	Sections                                    []section
}

// section is one chapter. A section without content says what is missing.
type section struct {
	ID, Title, Lead string
	Facts           []fact
	Blocks          []block
	Missing         string // what is missing
	Remedy          string // how to get it
}

// fact is one figure that matters, with its name and a remark.
type fact struct{ Label, Value, Note string }

// block is a picture beside a table; either may be absent.
type block struct {
	Title  string
	Figure template.HTML // SVG made by package chart, which escapes its texts
	Note   string
	Table  *sheet
}

// sheet is a table of finished texts.
type sheet struct {
	Header []string
	Align  string // a letter per column: l left, r right, w a left one of whole sentences
	Rows   [][]string
	Footer []string // a total, nil when there is none
	Empty  string   // what to say instead of rows
}

// class returns the CSS class of column i.
func (s *sheet) class(i int) string {
	switch {
	case i >= len(s.Align):
		return ""
	case s.Align[i] == 'r':
		return "num"
	case s.Align[i] == 'w':
		return "wide"
	}
	return ""
}

// Wide reports whether a column holds sentences; narrow screens then give it a
// line of its own.
func (s *sheet) Wide() bool { return strings.Contains(s.Align, "w") }

// cell is one field of a table with its CSS class and, where a narrow screen
// would leave a number without its heading, that heading.
type cell struct{ Text, Class, Label string }

// Cells pairs the texts of a row with the classes of their columns.
func (s *sheet) Cells(row []string) []cell {
	labelled := s.Wide() && strings.Count(s.Align, "r") > 1
	out := make([]cell, len(row))
	for i, t := range row {
		out[i] = cell{Text: t, Class: s.class(i)}
		if labelled && s.Align[i] == 'r' {
			out[i].Label = s.Header[i]
		}
	}
	return out
}
