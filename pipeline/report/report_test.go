package report_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"dunning/data"
	"dunning/pipeline/report"
)

var update = flag.Bool("update", false, "rewrite the golden files under testdata")

var languages = []string{"pt", "en"}

func page(t *testing.T, d report.Data, lang string) string {
	t.Helper()
	var b bytes.Buffer
	if err := report.HTML(&b, d, lang); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func terminal(t *testing.T, d report.Data, lang string) string {
	t.Helper()
	var b bytes.Buffer
	if err := report.Text(&b, d, lang); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// sections are the ids of all chapters, in reading order.
var sections = []string{"summary", "plan", "portfolio", "forecast", "models", "uplift", "truth", "data", "origin"}

func TestTextGolden(t *testing.T) {
	for _, lang := range languages {
		got := terminal(t, sample(), lang)
		golden := filepath.Join("testdata", "summary."+lang+".txt")
		if *update {
			if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), got); diff != "" {
			t.Errorf("%s (-golden +got; -update rewrites):\n%s", lang, diff)
		}
	}
}

func TestTextFitsATerminal(t *testing.T) {
	for _, lang := range languages {
		lines := strings.Split(terminal(t, sample(), lang), "\n")
		if len(lines) > 100 {
			t.Errorf("%s: %d lines", lang, len(lines))
		}
		for _, line := range lines {
			if n := utf8.RuneCountInString(line); n > 110 {
				t.Errorf("%s: line of %d characters: %q", lang, n, line)
			}
		}
	}
}

func TestPageStandsAlone(t *testing.T) {
	for _, lang := range languages {
		for name, d := range map[string]report.Data{"full": sample(), "empty": {}, "hostile": hostileData()} {
			html := page(t, d, lang)
			for _, fault := range outsideReferences(html) {
				t.Errorf("%s, %s: %s", name, lang, fault)
			}
			for _, id := range sections {
				if n := strings.Count(html, `<section id="`+id+`"`); n != 1 {
					t.Errorf("%s, %s: section %s stands %d times", name, lang, id, n)
				}
			}
			for _, bad := range []string{"NaN", "Inf", "ZgotmplZ", "%!"} {
				if strings.Contains(html, bad) {
					t.Errorf("%s, %s: the page holds %q", name, lang, bad)
				}
			}
		}
	}
}

// outsideReferences walks the page's elements and lists whatever would load
// or run something, and a page that is not well-formed.
func outsideReferences(html string) (faults []string) {
	d := xml.NewDecoder(strings.NewReader(html))
	loads := map[string]bool{"script": true, "link": true, "img": true, "image": true, "iframe": true, "object": true, "embed": true, "use": true, "base": true, "form": true}
	inStyle := false
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return faults
		}
		if err != nil {
			return append(faults, "not well-formed: "+err.Error())
		}
		switch tok := token.(type) {
		case xml.StartElement:
			inStyle = tok.Name.Local == "style"
			if loads[tok.Name.Local] {
				faults = append(faults, "element "+tok.Name.Local)
			}
			for _, a := range tok.Attr {
				n, inside := a.Name.Local, strings.HasPrefix(a.Value, "#")
				if n == "src" || n == "style" || strings.HasPrefix(n, "on") || n == "href" && !inside {
					faults = append(faults, fmt.Sprintf("attribute %s=%q", n, a.Value))
				}
			}
		case xml.EndElement:
			inStyle = false
		case xml.CharData:
			if m := regexp.MustCompile(`https?:|url\(|@import`).Find(tok); inStyle && m != nil {
				faults = append(faults, fmt.Sprintf("style with %q", m))
			}
		}
	}
}

func TestEveryPictureIsDrawn(t *testing.T) {
	// budget curve, actions by day, prices, aging, months, roll rates, timing,
	// receipts by week and day,
	// reliability, lift, importance, Qini, effects by tenth, months of the model,
	// CUSUM, shifts, true plans
	const pictures = 18
	for _, lang := range languages {
		if n := strings.Count(page(t, sample(), lang), "<svg"); n != pictures {
			t.Errorf("%s: %d pictures, want %d", lang, n, pictures)
		}
	}
}

func TestLanguages(t *testing.T) {
	pt, en := page(t, sample(), "pt"), page(t, sample(), "en")
	for _, c := range []struct{ name, page, text string }{
		{"Portuguese language tag", pt, `lang="pt-BR"`},
		{"Portuguese money", pt, "R$ 7.495.766,10"},
		{"Portuguese date", pt, "05/01/2026"},
		{"Portuguese name", pt, "Taxa de inadimplência"},
		{"English language tag", en, `lang="en"`},
		{"English money", en, "R$ 7,495,766.10"},
		{"English date", en, "2026-01-05"},
		{"English name", en, "Default rate"},
		{"segment's name", pt, "Atrasado de alto valor"},
		{"segment of the forecast", en, "Late, high value"},
		{"forecast", pt, "R$ 273.000,00"}, // the week's upper bound
		{"what came", pt, "R$ 412.345,67"},
		{"past trial", en, "87.7%"},
	} {
		if !strings.Contains(c.page, c.text) {
			t.Errorf("%s: no %q", c.name, c.text)
		}
	}
	if page(t, sample(), "") != pt {
		t.Error("without a language the page is not the Portuguese one")
	}
}

func TestEmptySectionsSayWhatToRun(t *testing.T) {
	html := page(t, report.Data{}, "en")
	for _, id := range sections {
		body := html[strings.Index(html, `<section id="`+id+`"`):]
		body = body[:strings.Index(body, "</section>")]
		if !strings.Contains(body, `class="missing"`) || !strings.Contains(body, "dunning ") {
			t.Errorf("section %s does not say which command fills it:\n%s", id, body)
		}
	}
	text := terminal(t, report.Data{}, "en")
	for _, command := range []string{"dunning extract", "dunning train", "dunning optimize"} {
		if !strings.Contains(text, command) {
			t.Errorf("the terminal summary of nothing does not name %q:\n%s", command, text)
		}
	}
}

// hostileData puts a text that would break out into every place that a source
// can fill.
func hostileData() report.Data {
	const bad = `</svg></style><script src="http://evil/x.js">alert('x')</script>"><img src=x onerror=alert(1)>` + "\x1b[2J\x00"
	d := sample()
	d.Title, d.Company = bad, bad
	d.Evaluation.Models[0].Name = bad
	d.Evaluation.Reliability[0].Model = bad
	d.Evaluation.Importance[0] = data.Importance{Feature: bad, Description: bad, MeanAbsSHAP: 1}
	d.Uplift[0].Channel, d.Uplift[0].Learner = bad, bad
	d.Plan.PlanID, d.Plan.Solver, d.Plan.Status, d.Plan.SHA256 = bad, bad, bad, bad
	d.Plan.Channels[0].Channel = bad
	d.Plan.Prices = append(d.Plan.Prices, data.RowPrice{Kind: data.PriceSegment, Row: bad, PriceCents: 2})
	d.Blocked[0] = data.Blocked{Rule: bad, Title: bad, Source: bad}
	d.TopActions[0] = report.TopAction{CustomerID: bad, Channel: bad, Reason: bad}
	d.Sources[0].Table, d.Sources[0].Rules[0].Rule = bad, bad
	d.Manifests[0].Stage, d.Manifests[0].Key, d.Manifests[0].CodeVersion = bad, bad, bad
	return d
}

func TestHostileNamesStayText(t *testing.T) {
	for _, lang := range languages {
		// TestPageStandsAlone looks for what must not be there; here the text is
		// still readable, as text.
		if !strings.Contains(page(t, hostileData(), lang), "&lt;script") {
			t.Errorf("%s: the hostile name is not shown", lang)
		}
		if text := terminal(t, hostileData(), lang); strings.ContainsAny(text, "\x1b\x00") {
			t.Errorf("%s: the terminal summary lets control characters through", lang)
		}
	}
}

func TestSameDataSameBytes(t *testing.T) {
	for _, lang := range languages {
		first, second := page(t, sample(), lang), page(t, sample(), lang)
		if first != second {
			t.Errorf("%s: two pages of the same data differ", lang)
		}
	}
}

func TestJSONKeepsEverythingButTimings(t *testing.T) {
	d := sample()
	d.Timings = []report.Timing{{Stage: "extract", Status: "done", Seconds: 1.5, Rows: 10}}
	var b bytes.Buffer
	if err := report.JSON(&b, d); err != nil {
		t.Fatal(err)
	}
	var back report.Data
	if err := json.Unmarshal(b.Bytes(), &back); err != nil {
		t.Fatal(err)
	}
	d.Timings = nil
	if diff := cmp.Diff(d, back); diff != "" {
		t.Errorf("what came back differs (-want +got):\n%s", diff)
	}
	if strings.Contains(b.String(), "Seconds") {
		t.Error("timings entered report.json")
	}
}

func TestTimingsAreShownWhenGiven(t *testing.T) {
	d := sample()
	without := page(t, d, "pt")
	d.Timings = []report.Timing{{Stage: "extract", Status: "done", Seconds: 1.5, Rows: 10}, {Stage: "train", Status: "unchanged", Seconds: 0.25}}
	if with := page(t, d, "pt"); with == without || !strings.Contains(with, "Tempos") {
		t.Error("the page does not show the timings")
	}
	if text := terminal(t, d, "en"); !strings.Contains(text, "unchanged") {
		t.Errorf("the summary does not show the timings:\n%s", text)
	}
}

func TestKnown(t *testing.T) {
	for _, f := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		if report.Known(f) != nil {
			t.Errorf("%g is taken for known", f)
		}
	}
	if p := report.Known(0); p == nil || *p != 0 {
		t.Error("zero is not taken for known")
	}
}

func ExampleText() {
	var b bytes.Buffer
	err := report.Text(&b, report.Data{
		AsOf: data.MakeDate(2026, 1, 5),
		Plan: &data.PlanFigures{BudgetCents: 500_000, SpentCents: 499_912, ValueCents: 9_876_543,
			Touched: 4812, From: data.MakeDate(2026, 1, 5), To: data.MakeDate(2026, 1, 18)},
	}, "en")
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, line := range strings.Split(b.String(), "\n")[:3] {
		fmt.Println(line)
	}
	// Output:
	// Collections report – As of 2026-01-05
	// With R$ 5,000.00, the plan contacts 4,812 customers from 2026-01-05 to 2026-01-18 and is expected to
	// recover R$ 98,765.43 more than if nobody were contacted.
}

func ExampleHTML() {
	var b bytes.Buffer
	if err := report.HTML(&b, report.Data{AsOf: data.MakeDate(2026, 1, 5)}, "pt"); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(strings.Contains(b.String(), "Posição em 05/01/2026"))
	// Output: true
}

func TestEmptyPlanSaysWhy(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(d *report.Data)
		pt, en string
	}{
		{"no effect was estimated", func(d *report.Data) { d.Uplift = nil }, "não permite saber", "cannot tell what a contact adds"},
		{"nothing is owed", func(d *report.Data) { d.Plan.Customers = 0 }, "nenhum cliente tem saldo", "no customer has an open balance"},
		{"all is forbidden", func(d *report.Data) { d.Plan.Allowed = 0 }, "não permitem nenhum contato", "allow no contact"},
		{"nothing pays", func(*report.Data) {}, "paga o seu custo", "earns its cost"},
	} {
		d := sample()
		d.Plan.Touched = 0
		tc.change(&d)
		for lang, want := range map[string]string{"pt": tc.pt, "en": tc.en} {
			if got := strings.Join(strings.Fields(terminal(t, d, lang)), " "); !strings.Contains(got, want) {
				t.Errorf("%s, %s: the text does not say %q", tc.name, lang, want)
			}
			if !strings.Contains(page(t, d, lang), want) {
				t.Errorf("%s, %s: the page does not say %q", tc.name, lang, want)
			}
		}
	}
}
