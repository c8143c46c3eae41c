package report_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"dunning/data"
	"dunning/pipeline/report"
	"dunning/policy/regua"
)

// withReguas is the sample with two réguas in its plan.
func withReguas() report.Data {
	d := sample()
	d.Reguas = []regua.Outcome{
		{ID: "b2c", Version: 2, Title: "Régua <b>padrão</b>", Mode: regua.Replace, Captured: 1203, HeldOut: 31, Wished: 1900, Touched: 1002, Touches: 1707, CostCents: 34_567, ValueCents: 912_345,
			CaughtUp: 87, Lost: 13, ForgoneMostCents: ptr(data.Cents(76_543)), Refused: []regua.OutcomeRule{{Rule: "min_gap", Title: "Contato recente demais.", Source: "CDC art. 71", Wishes: 219}},
			Dropped: []regua.OutcomeLimit{{Row: "budget", Touches: 193, CostCents: 3_900}}},
		{ID: "reserva", Version: 1, Title: "Reserva", Mode: regua.OnlyIfHold, Captured: 40},
	}
	return d
}

// TestReguasHaveTheirChapter: what réguas do stands in every form of the report, and
// nothing of them where there are none.
func TestReguasHaveTheirChapter(t *testing.T) {
	d := withReguas()
	pt, en := page(t, d, "pt"), page(t, d, "en")
	for _, want := range []string{`id="reguas"`, "Régua &lt;b&gt;padrão&lt;/b&gt;", "1.203", "1.707", "R$ 345,67", "R$ 9.123,45", "R$ 765,43", "Contato recente demais.", "219", "193", "87", "13", "substitui"} {
		if !strings.Contains(strings.ReplaceAll(pt, "\u00a0", " "), want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	for _, want := range []string{`id="reguas"`, "min_gap", "replaces", "1,203"} {
		if !strings.Contains(en, want) {
			t.Errorf("the English page lacks %q", want)
		}
	}
	var b bytes.Buffer
	if err := report.JSON(&b, d); err != nil {
		t.Fatal(err)
	}
	var back report.Data
	if err := json.Unmarshal(b.Bytes(), &back); err != nil {
		t.Fatal(err)
	}
	if got := back.Reguas[0]; got.CaughtUp != 87 || got.Lost != 13 || *got.ForgoneMostCents != 76_543 || len(got.Refused) != 1 {
		t.Errorf("report.json has %+v", got)
	}
	if none := page(t, sample(), "pt"); strings.Contains(none, `id="reguas"`) {
		t.Error("a chapter about no réguas")
	}
}
