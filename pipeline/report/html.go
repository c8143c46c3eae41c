package report

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"strings"
)

//go:embed page.html
var pageSource string

//go:embed page.css
var pageStyle string

var pageTemplate = template.Must(template.New("page").Parse(pageSource))

// view turns Data into words.
func (v voice) view(d Data) reportView {
	r := reportView{Lang: map[string]string{"pt": "pt-BR", "en": "en"}[v.lang], Title: d.Title, Company: d.Company, AsOf: v.say("as_of", v.Date(d.AsOf)),
		Headline: v.headline(d), Contents: v.say("contents"), Style: template.CSS(pageStyle)}
	if r.Title == "" {
		r.Title = v.say("title")
	}
	if d.Simulated {
		r.Badge = v.say("simulated")
	}
	currency := d.Currency
	if currency == "" {
		currency = "BRL"
	}
	r.Footer = v.say("footer", currency)
	r.Sections = append([]section{v.summary(d), v.plan(d)}, v.reguas(d)...)
	r.Sections = append(r.Sections, v.portfolio(d), v.receipts(d), v.models(d), v.uplift(d), v.trust(d), v.truth(d), v.sources(d), v.origin(d))
	return r
}

// HTML writes the report as one HTML page that needs nothing from outside it.
// lang is "pt" (the default, for anything else too) or "en". The bytes depend
// on d and lang alone.
func HTML(w io.Writer, d Data, lang string) error {
	var b bytes.Buffer
	if err := pageTemplate.Execute(&b, newVoice(lang, d.Currency).view(d)); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	if _, err := io.WriteString(w, plainText(b.String())); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	return nil
}

// plainText drops control characters but line ends: a name from the data must
// neither break the page nor move the cursor of the reader's terminal.
func plainText(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' || r >= 0x7f && r <= 0x9f {
			return -1
		}
		return r
	}, s)
}

// JSON writes the report's figures under their stable names: report.json. The
// timings are not among them.
func JSON(w io.Writer, d Data) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	if err := enc.Encode(d); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	return nil
}
