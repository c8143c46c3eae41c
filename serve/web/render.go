package web

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"net/http"
	"strconv"
	"strings"

	"dunning/data"
	"dunning/serve"
	"dunning/serve/accounts"
)

//go:embed templates
var templateFiles embed.FS

// templates are all of one language.
type templates struct{ all *template.Template }

// parse reads all templates with the words and formats of a language.
func (s *Site) parse(l Language) (*templates, error) {
	t, err := template.New("").Funcs(template.FuncMap{
		"t":          func(key string, args ...any) string { return s.book.say(l, key, args...) },
		"lang":       func() string { return l.Tag() },
		"asset":      s.assets.url,
		"int":        func(n any) (string, error) { i, err := whole(n); return l.Int(i), err },
		"dec":        func(f float64, digits int) string { return l.Decimal(f, digits) },
		"pct":        l.Percent,
		"money":      l.Money,
		"brief":      l.MoneyShort,
		"date":       l.Date,
		"day":        l.Day,
		"instant":    l.Instant,
		"channel":    l.Channel,
		"reais":      func(f float64) string { return "R$" + nbsp + l.Decimal(f, 2) },
		"percent":    func(f float64) string { return strconv.FormatFloat(min(100, max(0, 100*f)), 'f', 1, 64) },
		"deref":      func(n *int64) int64 { return *n },
		"moneydiff":  func(a, b data.Cents) string { return plus(l.Money(b-a), b > a) },
		"intdiff":    func(a, b int64) string { return plus(l.Int(b-a), b > a) },
		"stateclass": stateClass,
		"units":      l.Units,
		"entryclass": entryClass,
		"role":       func(r serve.Role) string { return s.book.say(l, "role."+string(r)) },
		"list":       func(items ...any) []any { return items },
		"channels":   func() []data.Channel { return data.Channels[:] },
		"plus1":      func(n int) int { return n + 1 },
		"join":       strings.Join,
		"rowname":    func(row string) string { return s.rowName(l, row) },
	}).ParseFS(templateFiles, "templates/*.html")
	if err != nil {
		return nil, fmt.Errorf("web: templates: %w", err)
	}
	return &templates{t}, nil
}

// rowName says which limit a row of the plan is: the pipeline names those of a channel
// and a day by both.
func (s *Site) rowName(l Language, row string) string {
	name, day, _ := strings.Cut(row, " ")
	ch, err := data.ParseChannel(name)
	if err != nil {
		return row
	}
	if date, err := data.ParseDate(day); err == nil {
		return l.Channel(ch) + " · " + l.Day(date)
	}
	return row
}

// plus marks a growth.
func plus(s string, grew bool) string {
	if grew {
		return "+" + s
	}
	return s
}

// whole reads a whole number of any of the types that pages have.
func whole(n any) (int64, error) {
	switch n := n.(type) {
	case int:
		return int64(n), nil
	case int32:
		return int64(n), nil
	case int64:
		return n, nil
	}
	return 0, fmt.Errorf("web: %T is no whole number", n)
}

// frame is what every template is given.
type frame struct {
	Title   string
	Lang    Language
	Theme   string
	Themes  []string
	Path    string // of the page, with its query
	CSRF    string
	Person  *accounts.Person // nil for who is not signed in
	Menu    []menuGroup
	Notice  string // what was just done, "" for nothing
	Partial bool   // htmx asked for a part
	Content template.HTML
	Data    any // of the page
}

// May says whether the person has one of the roles, for templates.
func (f *frame) May(roles ...string) bool {
	if f.Person == nil {
		return false
	}
	for _, r := range roles {
		if f.Person.Has(serve.Role(r)) {
			return true
		}
	}
	return false
}

// show writes a whole page: the template of this name within the frame.
func (v *visit) show(name string, content any) error {
	return v.write(http.StatusOK, name, content, v.page.title)
}

// part writes the template of this name alone, for htmx to put in its place.
func (v *visit) part(name string, content any) error {
	f := v.frame(v.page.title, content)
	var b bytes.Buffer
	if err := v.site.layouts[v.lang].all.ExecuteTemplate(&b, name, f); err != nil {
		return fmt.Errorf("web: %s: %w", name, err)
	}
	v.w.Header().Set("Content-Type", "text/html; charset=utf-8")
	v.w.WriteHeader(http.StatusOK)
	v.w.Write(b.Bytes())
	return nil
}

func (v *visit) frame(title string, content any) *frame {
	f := &frame{Title: v.say(title), Lang: v.lang, Theme: v.theme, Themes: themes, Path: v.r.URL.RequestURI(), CSRF: v.csrf(),
		Menu: v.site.menuOf(v), Partial: v.partial(), Data: content}
	if v.signedIn() {
		f.Person = &v.session.Person
	}
	if done := v.r.URL.Query().Get("feito"); done != "" {
		// Only words that were written for this are shown: the address is not ours.
		if _, ok := v.site.book["done."+done]; ok {
			f.Notice = v.say("done." + done)
		}
	}
	return f
}

// write renders into memory first, so that a fault never leaves half a page.
func (v *visit) write(status int, name string, content any, title string) error {
	f := v.frame(title, content)
	all := v.site.layouts[v.lang].all
	var b bytes.Buffer
	if err := all.ExecuteTemplate(&b, name, f); err != nil {
		return fmt.Errorf("web: %s: %w", name, err)
	}
	if !f.Partial {
		f.Content = template.HTML(b.String())
		b.Reset()
		if err := all.ExecuteTemplate(&b, "frame", f); err != nil {
			return fmt.Errorf("web: frame of %s: %w", name, err)
		}
	}
	v.w.Header().Set("Content-Type", "text/html; charset=utf-8")
	v.w.Header().Set("Vary", "Cookie, HX-Request")
	v.w.WriteHeader(status)
	v.w.Write(b.Bytes())
	return nil
}

// Chart is a picture by ECharts with what stands for it: a sentence for who
// cannot see it, and a table of all its figures.
type Chart struct {
	ID    string // of the element; once on a page
	Title string // "" where the card has one
	Alt   string // what the picture shows, in one or two sentences
	Size  string // s, m or l: its height
	Note  string // below the picture
	// Option is ECharts' option as maps and slices. Strings "$name" are colours
	// of the stylesheet's tokens (--name), and a "formatter" of "money", "int",
	// "pct" or "dec" writes numbers in the page's language.
	Option any
	Table  Table
}

// Table is a table of words.
type Table struct {
	Caption string
	Head    []string
	Align   string // a letter for each column: l, r (numbers)
	Rows    [][]string
	Foot    []string
	// Links are addresses of what each row is made of, for its first cell; nil or
	// "" for none.
	Links []string
}

// Link is the address of a row; "" for none.
func (t Table) Link(row int) string {
	if row < len(t.Links) {
		return t.Links[row]
	}
	return ""
}

// Right says whether a column holds numbers.
func (t Table) Right(column int) bool { return column < len(t.Align) && t.Align[column] == 'r' }
