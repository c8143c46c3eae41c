package report

import "html/template"

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
	Header  []string
	Numeric []bool // right-aligned columns
	Rows    [][]string
	Footer  []string // a total, nil when there is none
	Empty   string   // what to say instead of rows
}

// align reads a column pattern: "lrr" is one text and two numbers.
func align(pattern string) []bool {
	out := make([]bool, len(pattern))
	for i, c := range pattern {
		out[i] = c == 'r'
	}
	return out
}
