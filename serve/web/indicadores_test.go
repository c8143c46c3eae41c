package web

import (
	"encoding/csv"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"dunning/credit/portfolio"
	"dunning/data"
)

// spaced is a number as the body of an answer has it.
func spaced(s string) string { return strings.ReplaceAll(s, nbsp, " ") }

// number is an amount as programs read it.
func number(c data.Cents) string { return strconv.FormatFloat(c.Reais(), 'f', -1, 64) }

func TestReceiptsToComeAreShownBySegmentAndExported(t *testing.T) {
	r, _ := analysed(t)
	v := r.as(manager)
	now, err := r.site.Reports.Report(today)
	r.demo.must(err)
	f := now.Forecast
	for segment, grain := range map[string]string{data.ReceiptsAll: "semana", "devedor": "dia"} {
		a := v.get("/indicadores/previsao?segmento=" + segment + "&grao=" + grain)
		rows := receiptRows(f, segment, forecastGrains[grain])
		if len(rows) < 6 {
			t.Fatalf("%s: %d rows", segment, len(rows))
		}
		for _, row := range []data.ReceiptsRow{rows[0], rows[len(rows)-1]} {
			for _, c := range []data.Cents{row.ExpectedCents, row.LowCents, row.HighCents, row.WithPlanCents} {
				if want := spaced(Portuguese.Money(c)); !strings.Contains(a.body, want) {
					t.Errorf("%s from %s: no %s", segment, row.From, want)
				}
			}
		}
	}
	page := v.get("/indicadores/previsao")
	for _, p := range f.Past {
		if want := spaced(Portuguese.Money(p.CameCents)); !strings.Contains(page.body, want) {
			t.Errorf("what came of the forecast of %s, %s, is not shown", p.AsOf, want)
		}
	}
	if len(f.Past) == 0 || !strings.Contains(page.body, Portuguese.Percent(f.Backcast.HeldWeeks)) {
		t.Errorf("%d past forecasts, backcast %+v", len(f.Past), f.Backcast)
	}
	rows, err := csv.NewReader(strings.NewReader(v.get("/indicadores/previsao/planilha.csv").body)).ReadAll()
	if err != nil || len(rows) != len(f.Rows)+1 || rows[1][5] != fmt.Sprintf("%.2f", f.Rows[0].ExpectedCents.Reais()) {
		t.Errorf("csv of %d rows, %v", len(rows), err)
	}
	if got := r.cell(v, "/indicadores/previsao/planilha.xlsx", "Por semana", "C2"); got != number(f.Rows[0].ExpectedCents) {
		t.Errorf("excel: %s", got)
	}
	if a := v.get("/indicadores/previsao?segmento=nenhum"); a.status != 404 {
		t.Errorf("an unknown segment: %d", a.status)
	}
}

func TestASegmentIsDrilledInto(t *testing.T) {
	r, _ := analysed(t)
	v := r.as(manager)
	now, err := r.site.Reports.Report(today)
	r.demo.must(err)
	all := v.get("/indicadores/segmentos").body
	for _, s := range now.Portfolio.Segments {
		one := v.get("/indicadores/segmentos?" + url.Values{"segmento": {s.Segment}}.Encode()).body
		for _, want := range []string{s.Name, spaced(Portuguese.Money(s.ReceivableCents))} {
			if !strings.Contains(all, want) {
				t.Errorf("the table lacks %q", want)
			}
		}
		for _, want := range []string{s.Name, s.Description, spaced(Portuguese.Money(s.Aging[0].BalanceCents)), "/indicadores/previsao?", "CEI"} {
			if !strings.Contains(one, want) {
				t.Errorf("%s lacks %q", s.Segment, want)
			}
		}
	}
	rows, err := csv.NewReader(strings.NewReader(v.get("/indicadores/segmentos/planilha.csv").body)).ReadAll()
	if err != nil || len(rows) != 1+len(now.Portfolio.Segments)*len(segmentFigures(&now.Portfolio.Segments[0])) {
		t.Errorf("csv of %d rows, %v", len(rows), err)
	}
	if got := r.cell(v, "/indicadores/segmentos/planilha.xlsx", "Segmentos", "C2"); got != number(now.Portfolio.Segments[0].ReceivableCents) {
		t.Errorf("excel: %s", got)
	}
	if a := v.get("/indicadores/segmentos?segmento=nenhum"); a.status != 404 {
		t.Errorf("an unknown segment: %d", a.status)
	}
}

func TestAreasSeeTheirLists(t *testing.T) {
	r, _ := analysed(t)
	v := r.as(manager)
	behaviour := r.site.Behaviours.(*demoBehaviours)
	behaviour.report.Groups[0].Name = "=HYPERLINK(1)"
	first := map[string]string{}
	for _, p := range behaviour.report.People {
		if first[p.List] == "" {
			first[p.List] = p.CustomerID
		}
	}
	credit, sales := v.get("/indicadores/credito").body, v.get("/indicadores/vendas").body
	for list, in := range map[string]string{portfolio.ListAlerts: credit, portfolio.ListLimits: credit, portfolio.ListGood: sales} {
		if first[list] == "" || !strings.Contains(in, `href="/clientes/`+first[list]+`"`) {
			t.Errorf("%s: %s is not shown", list, first[list])
		}
	}
	if strings.Contains(sales, "Alertas de piora") || strings.Contains(credit, "Bons pagadores") {
		t.Error("an area sees the other's lists")
	}
	groups := v.get("/indicadores/credito/grupos.csv").body
	rows, err := csv.NewReader(strings.NewReader(groups)).ReadAll()
	if err != nil || len(rows) != len(behaviour.report.Groups)+1 || rows[1][1] != "'=HYPERLINK(1)" {
		t.Errorf("groups: %v, %v", rows, err)
	}
	if got := r.cell(v, "/indicadores/vendas/planilha.xlsx", "bons pagadores", "B2"); got != first[portfolio.ListGood] {
		t.Errorf("excel: %s", got)
	}
	behaviour.making = true
	if a := v.get("/indicadores/credito"); !strings.Contains(a.body, "Há dados mais novos") {
		t.Error("that a newer report is being made is not said")
	}
	behaviour.report = nil
	if a := v.get("/indicadores/credito"); !strings.Contains(a.body, "está sendo feito") {
		t.Error("that the report is being made is not said")
	}
	if a := v.get("/indicadores/credito/planilha.xlsx"); a.status != 503 || !strings.Contains(a.body, "ainda está sendo feito") || !strings.Contains(a.body, `href="/indicadores/credito"`) {
		t.Errorf("an export of what is not there yet: %d %s", a.status, a.body)
	}
	behaviour.making = false
	wants(t, v.get("/indicadores/credito/planilha.xlsx"), 503, "Rode o pipeline")
}

func TestEveryCheckAndReasonHasWords(t *testing.T) {
	b, err := newBook()
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"base_rate", "champion", "calibration_slope", "calibration_intercept", "no_leak", "no_restatement", "no_drift", "log_fits", "fair"} {
		for _, key := range []string{"gate." + id, "gate." + id + ".ok", "gate." + id + ".no"} {
			if !b.has(key) {
				t.Errorf("no words for %s", key)
			}
		}
	}
	for _, kind := range []data.AlarmKind{data.AlarmLeak, data.AlarmDrift, data.AlarmLog, data.AlarmFairness} {
		if !b.has("model.alarm." + string(kind)) {
			t.Errorf("no words for alarms of %s", kind)
		}
	}
	for _, why := range reasons {
		if !b.has((areaPage{}).WhyKey(why)) {
			t.Errorf("no words for %q", why)
		}
	}
}
