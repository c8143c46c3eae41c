package web

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/xuri/excelize/v2"

	"dunning/data"
	"dunning/optimizer"
	"dunning/optimizer/clp"
	"dunning/serve"
	"dunning/serve/ledger"
	"dunning/serve/whatif"
)

const scientist = "davi@empresa.example"

// drawnPlan is the problem of the demo's plan: a random one of its own.
type drawnPlan struct{ id string }

func (d drawnPlan) Version() string { return d.id }

func (d drawnPlan) Load(context.Context) (*whatif.Problem, error) {
	g, err := optimizer.NewInstance(optimizer.Instance{Customers: 800, Channels: 5, Days: 5, Segments: 3, Seed: 3})
	if err != nil {
		return nil, err
	}
	g.Rows = g.Rows[:1+len(g.Slots)]
	return &whatif.Problem{PlanID: d.id, Grid: g, Segments: segments,
		MinimumRow: func(s string) string { return "minimum " + s }, MaximumRow: func(s string) string { return "maximum " + s }}, nil
}

// demoReports are the reports of two days, made of the demo's plan.
type demoReports struct{ plan *data.PlanFigures }

func (d *demoReports) Days() ([]data.Date, error) { return []data.Date{today, today - 1}, nil }

func (d *demoReports) Report(day data.Date) (*Report, error) {
	if day != today && day != today-1 {
		return nil, fs.ErrNotExist
	}
	f := func(x float64) *float64 { return &x }
	k := &data.Indicators{AsOf: day, Months: 12, Customers: 1500, ReceivableCents: 1_000_000_00, OverdueCents: 250_000_00, OverdueShare: f(0.25), DefaultRate: f(0.021), DSO: f(36.5)}
	if day == today-1 {
		k.OverdueShare, k.DSO = f(0.27), f(37)
	}
	k.Incremental.IncrementCents, k.Incremental.IncrementLo, k.Incremental.IncrementHi = f(500_000), f(100_000), f(900_000)
	text := `{"aging":[{"from_days":0,"to_days":0,"balance_cents":75000000,"invoices":900,"provision_cents":0},{"from_days":1,"to_days":null,"balance_cents":25000000,"invoices":300,"provision_cents":100}],
		"roll":[{"from_bucket":0,"rate":0.2,"months":[{"to":"2026-03-10","rate":0.21}]}],
		"cure":[{"to":"2026-03-10","rate":0.4}], "series":[{"to":"2026-03-10","billed_cents":100,"collected_cents":90,"overdue_share":0.25}],
		"contacts":{"channels":[{"channel":"sms","sent":10,"delivered":9,"opened":4,"replied":1,"cost_cents":90}]}}`
	if err := json.Unmarshal([]byte(text), k); err != nil {
		return nil, err
	}
	return &Report{AsOf: day, Portfolio: k, Plan: d.plan}, nil
}

// demoHistories knows one customer.
type demoHistories struct{}

func (demoHistories) History(_ context.Context, id string) (*History, error) {
	if id != customerID(2) {
		return nil, nil
	}
	sent := nine.Add(-48 * time.Hour)
	return &History{Customer: data.Customer{CustomerID: id, UF: "SP", Segment: segments[2], Since: today - 900, ConsentSMS: true, ReachSMS: true},
		Invoices: []InvoiceHistory{{Invoice: data.Invoice{InvoiceID: "T-1", DueOn: today - 12, AmountCents: 50_000}, PaidCents: 10_000, Payments: []data.Payment{{PaidAt: sent, AmountCents: 10_000, Method: "pix"}}}},
		Touches:  []TouchHistory{{Touch: data.Touch{TouchID: "t1", Channel: data.SMS, SentAt: sent, CostCents: 9, Template: "lembrete"}, Events: []data.TouchEvent{{Kind: "delivered", At: sent.Add(time.Minute)}, {Kind: "opened", At: sent.Add(time.Hour)}}}}}, nil
}

func (demoHistories) Similar(_ context.Context, prefix string, most int) (out []string, err error) {
	for i := 0; i < 1500 && len(out) < most; i++ {
		if strings.HasPrefix(customerID(i), prefix) {
			out = append(out, customerID(i))
		}
	}
	return out, nil
}

// demoModels has a version in force and a challenger that the gate lets pass.
type demoModels struct {
	champion string
	shut     bool
}

func (m *demoModels) Versions(context.Context) ([]ModelVersion, error) {
	auc := 0.86
	out := []ModelVersion{{ID: "bbbb2222bbbb2222", AsOf: today, AUC: &auc, RegisteredBy: "pipeline"}, {ID: "aaaa1111aaaa1111", AsOf: today - 30, AUC: &auc, RegisteredBy: "pipeline"}}
	for i := range out {
		if out[i].Alias = "challenger"; out[i].ID == m.champion {
			out[i].Alias = "champion"
		}
	}
	return out, nil
}

func (m *demoModels) Version(ctx context.Context, id string) (*ModelDetail, error) {
	list, _ := m.Versions(ctx)
	for _, v := range list {
		if v.ID == id {
			var r Report
			err := json.Unmarshal([]byte(`{"evaluation":{"horizon_days":7,"test_rows":10,"train_rows":20,"models":[{"name":"xgboost","champion":true,"auc":0.86}],
				"reliability":[{"model":"xgboost","bins":[{"predicted":0.2,"observed":0.25,"rows":5},{"predicted":0.7,"observed":0.68,"rows":5}]}],
				"importance":[{"feature":"f_aging_open_count","description":"open invoices","mean_abs_shap":0.6}]},
				"uplift":[{"channel":"sms","learner":"response","rows":9,"ate":0.03,"curve":[{"share":0,"gain":0},{"share":1,"gain":0.02}]}],
				"health":{"shifts":[{"feature":"f_payhist_partial_share","psi":0.3}],"alarms":[]}}`), &r)
			return &ModelDetail{ModelVersion: v, Card: "# Card", Evaluation: r.Evaluation, Uplift: r.Uplift, Health: r.Health}, err
		}
	}
	return nil, nil
}

func (m *demoModels) Deeds(context.Context) ([]ModelDeed, error) {
	return []ModelDeed{{At: nine, Deed: "promote", Version: m.champion, By: "davi", Why: "primeira"}}, nil
}

func (m *demoModels) Gate(_ context.Context, id string) (*GateVerdict, error) {
	return &GateVerdict{Version: id, OK: !m.shut, Checks: []GateCheck{{Name: "calibrated", OK: !m.shut, Text: "the slope is within its limits"}}}, nil
}

func (m *demoModels) Promote(ctx context.Context, id, _, _ string) (*GateVerdict, error) {
	g, _ := m.Gate(ctx, id)
	if !g.OK {
		return g, fmt.Errorf("%w: the gate", data.ErrRefused)
	}
	m.champion = id
	return g, nil
}

func (m *demoModels) Rollback(context.Context, string, string) (string, string, error) {
	return "", "", nil
}

// analysed is a server whose pages of analysis have something to show.
func analysed(t testing.TB) (*running, *demoModels) {
	t.Helper()
	r := start(t, furnished(t), func() time.Time { return nine })
	names[scientist] = "Davi Melo"
	r.invite(scientist, serve.Scientist)
	var figures struct{ Plan *data.PlanFigures }
	text, err := os.ReadFile(filepath.Join(r.demo.dir, "plans", today.String(), "optimization.json"))
	r.demo.must(err)
	r.demo.must(json.Unmarshal(text, &figures))
	engine := whatif.New(drawnPlan{r.store.LatestPlan().ID}, clp.New(), slog.New(slog.DiscardHandler))
	r.demo.must(engine.Prepare(t.Context()))
	models := &demoModels{champion: "aaaa1111aaaa1111"}
	r.site.Analysis = Analysis{WhatIf: engine, Reports: &demoReports{figures.Plan}, Histories: demoHistories{}, Models: models,
		MakeDraft: func(ctx context.Context, maker string, asOf data.Date, wish whatif.Wish) (string, error) {
			p := serve.ProposalOf(r.store.LatestPlan(), r.store.Portfolio(), maker)
			p.PlanID = "rascunho-1"
			p.Actions = p.Actions[:10]
			for i := range p.Actions {
				p.Actions[i].PlanID, p.Actions[i].ActionID = p.PlanID, fmt.Sprintf("%s-%d", p.PlanID, i)
			}
			made, err := r.ledger.CreatePlan(ctx, p)
			return made.ID, err
		}}
	return r, models
}

func TestSimulationsAnswerByLinkAndForm(t *testing.T) {
	r, _ := analysed(t)
	v := r.as(manager)
	a := v.get("/orcamento")
	for _, want := range []string{"Orçamento", "O próximo R$ 1 traz", "R$ 5,31", "E se…", "Varejo", "agora "} {
		if !strings.Contains(a.body, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	base := r.site.WhatIf.Status().Base
	half := Portuguese.Money(base.BudgetCents / 2)
	a = v.get("/orcamento/simular?orcamento="+url.QueryEscape(half)+"&desligar=voice", "HX-Request", "true")
	if a.status != 200 || !strings.Contains(a.body, "Resultado da simulação") || !strings.Contains(a.body, "Salvar como novo rascunho") || strings.Contains(a.body, "<html") {
		t.Fatalf("simulation: %d %s", a.status, a.body)
	}
	if want, _ := r.site.WhatIf.Answer(t.Context(), "x", whatif.Wish{BudgetCents: cents(base.BudgetCents / 2), Off: []data.Channel{data.Voice}}); !strings.Contains(a.body, strings.ReplaceAll(Portuguese.Money(want.ValueCents), nbsp, " ")) {
		t.Errorf("the answer does not show %s", Portuguese.Money(want.ValueCents))
	}
	a = v.get("/orcamento/simular?orcamento=0,01&segmento=Varejo&cobertura=90")
	if !strings.Contains(a.body, "Não há plano que atenda") || !strings.Contains(a.body, "a cobertura mínima de Varejo") || !strings.Contains(a.body, "No caminho está o orçamento") {
		t.Errorf("a contradiction is not explained: %s", a.body)
	}
	if a := v.get("/orcamento/simular?orcamento=muito"); a.status != 422 && a.status != 400 {
		t.Errorf("nonsense: status %d", a.status)
	}
}

func cents(c data.Cents) *data.Cents { return &c }

func TestASimulationBecomesADraftOfItsMaker(t *testing.T) {
	r, _ := analysed(t)
	v := r.as(manager)
	a := v.post("/orcamento/simular?desligar=voice", "/orcamento/rascunho", url.Values{"desligar": {"voice"}, "plano": {r.store.LatestPlan().ID}})
	if a.status != 200 || !strings.HasPrefix(a.path, "/orcamento/rascunho/") {
		t.Fatalf("%d at %s", a.status, a.path)
	}
	for began := time.Now(); !strings.Contains(a.body, "O rascunho está pronto"); a = v.get(a.path) {
		if time.Since(began) > patient {
			t.Fatalf("not made: %s", a.body)
		}
		time.Sleep(20 * time.Millisecond)
	}
	plan, err := r.ledger.Plan(t.Context(), "rascunho-1")
	if err != nil || plan.Maker != manager || plan.State != ledger.Draft {
		t.Errorf("the draft: %+v, %v", plan, err)
	}
	if a := r.as(approver).get(a.path); a.status != 404 && a.status != 403 {
		t.Errorf("somebody else sees it: %d", a.status)
	}
	if a := v.post("/orcamento/simular?desligar=voice", "/orcamento/rascunho", url.Values{"desligar": {"voice"}, "plano": {"um-outro"}}); a.status != 409 {
		t.Errorf("of a plan that was replaced: %d", a.status)
	}
}

func TestIndicatorsAreExported(t *testing.T) {
	r, _ := analysed(t)
	v := r.as(manager)
	a := v.get("/indicadores")
	for _, want := range []string{"25,0%", "−2,0 p.p.", "36,5 dias", "R$ 5,0 mil", "Varejo", "a vencer"} {
		if !strings.Contains(a.body, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	rows, err := csv.NewReader(strings.NewReader(v.get("/indicadores/planilha.csv").body)).ReadAll()
	if err != nil || len(rows) < 20 || rows[1][0] != "receivable" || rows[1][4] != "1000000" {
		t.Fatalf("csv: %v, %v", rows, err)
	}
	res, err := v.client.Get(v.url + "/indicadores/planilha.xlsx")
	r.demo.must(err)
	defer res.Body.Close()
	f, err := excelize.OpenReader(res.Body)
	r.demo.must(err)
	defer f.Close()
	if value, err := f.GetCellValue("Indicadores", "B2", excelize.Options{RawCellValue: true}); err != nil || value != "1000000" {
		t.Errorf("excel: receivables %q, %v", value, err)
	}
	if len(f.GetSheetList()) != 7 {
		t.Errorf("sheets %v", f.GetSheetList())
	}
	if a := v.get("/indicadores?dia=2020-01-01"); a.status != 404 {
		t.Errorf("a day without a report: %d", a.status)
	}
}

func TestTextsAreNoFormulas(t *testing.T) {
	for _, text := range []string{"=HYPERLINK(1)", "+1", "-1", "@x", "\t=1"} {
		if got := plainCell(text); got[0] != '\'' {
			t.Errorf("%q stays %q", text, got)
		}
	}
	if got := plainCell("Varejo"); got != "Varejo" {
		t.Errorf("Varejo becomes %q", got)
	}
	f := excelize.NewFile()
	defer f.Close()
	w := &workbook{f: f}
	w.table(Portuguese, "x", Table{Head: []string{"nome", "valor"}, Align: "lr", Rows: [][]string{{"=1+1", Portuguese.Money(123456)}}})
	var b bytes.Buffer
	if w.err != nil || f.Write(&b) != nil {
		t.Fatal(w.err)
	}
	if formula, _ := f.GetCellFormula("x", "A2"); formula != "" {
		t.Errorf("a formula: %s", formula)
	}
	if value, _ := f.GetCellValue("x", "B2", excelize.Options{RawCellValue: true}); value != "1234.56" {
		t.Errorf("value %s", value)
	}
}

func TestNumbersAreReadAsPeopleWriteThem(t *testing.T) {
	for text, want := range map[string]data.Cents{"1.234,56": 123456, "R$ 1.500": 150000, "2000": 200000, "12,5": 1250, "1234.5": 123450} {
		if got, ok := Portuguese.parseMoney(text); !ok || got != want {
			t.Errorf("%q is %d, %t; want %d", text, got, ok, want)
		}
	}
	for _, text := range []string{"", "x", "-5", "1e99", "NaN"} {
		if got, ok := Portuguese.parseMoney(text); ok {
			t.Errorf("%q is read as %d", text, got)
		}
	}
}

func TestACustomersRecordAndItsReview(t *testing.T) {
	r, _ := analysed(t)
	v := r.as(manager)
	if a := v.get("/clientes?q=" + customerID(2)); a.path != "/clientes/"+customerID(2) {
		t.Errorf("the whole id leads to %s", a.path)
	}
	if a := v.get("/clientes?q=C000000"); !strings.Contains(a.body, customerID(0)) {
		t.Error("the beginning of an id finds nobody")
	}
	path := "/clientes/" + customerID(2)
	a := v.get(path)
	for _, want := range []string{"R$ 500,00", "entregue", "aberto", "pago em parte", "LGPD, art. 20", r.store.LatestPlan().SHA256} {
		if !strings.Contains(a.body, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	if a := v.post(path, path+"/revisao", url.Values{"motivo": {"diz que pagou em mãos"}}); a.status != 200 || !strings.Contains(a.body, "diz que pagou em mãos") {
		t.Errorf("the request is not shown: %d", a.status)
	}
	reviews, err := r.ledger.Reviews(t.Context(), customerID(2))
	if err != nil || len(reviews) != 1 || reviews[0].Actor != manager || !strings.Contains(reviews[0].Decision, r.store.LatestPlan().ID) {
		t.Errorf("%+v, %v", reviews, err)
	}
	if a := v.get("/clientes/ninguem"); a.status != 404 {
		t.Errorf("nobody: %d", a.status)
	}
}

func TestModelsGoBehindTheGate(t *testing.T) {
	r, models := analysed(t)
	v := r.as(scientist)
	path := "/modelos/bbbb2222bbbb2222"
	models.shut = true
	if a := v.get(path); !strings.Contains(a.body, "não pode entrar em vigor") || strings.Contains(a.body, path+"/promover") {
		t.Error("the page offers what the gate refuses")
	}
	models.shut = false
	page := v.get(path)
	if !strings.Contains(page.body, path+"/promover") {
		t.Fatal("the page does not offer to promote")
	}
	models.shut = true // meanwhile
	if a := v.post("/orcamento", path+"/promover", url.Values{"motivo": {"mensal"}}); !strings.Contains(a.body, "A porta recusou") || models.champion != "aaaa1111aaaa1111" {
		t.Errorf("refused: %d, champion %s", a.status, models.champion)
	}
	models.shut = false
	if a := v.post(path, path+"/promover", url.Values{"motivo": {"mensal"}}); a.path != "/modelos" || models.champion != "bbbb2222bbbb2222" {
		t.Errorf("promoted: at %s, champion %s", a.path, models.champion)
	}
	if a := r.as(manager).send(path+"/promover", url.Values{"motivo": {"x"}}); a.status != 403 {
		t.Errorf("a manager promotes: %d", a.status)
	}
}

// analysisPages are those of this file's rooms.
func analysisPages() map[string]string {
	return map[string]string{"orcamento": "/orcamento", "simulacao": "/orcamento/simular?desligar=voice", "indicadores": "/indicadores", "clientes": "/clientes?q=C00000",
		"cliente": "/clientes/" + customerID(2), "modelos": "/modelos", "modelo": "/modelos/bbbb2222bbbb2222"}
}

func TestAnalysisSpeaksBothLanguages(t *testing.T) {
	r, _ := analysed(t)
	v := r.as(manager)
	unknown := regexp.MustCompile(`\[[a-z]+\.[a-z_.]+\]|%!`)
	inline := regexp.MustCompile(`(?i)<[^>]+\s(style|on[a-z]+)\s*=|<style|(?:src|href|action)="(?:https?:)?//`)
	for _, lang := range []Language{Portuguese, English} {
		v.post(home, "/preferencias", url.Values{"lang": {string(lang)}, "volta": {"/nada"}})
		for name, path := range analysisPages() {
			a := v.get(path)
			if a.status != 200 || !strings.Contains(a.body, `<html lang="`+lang.Tag()+`"`) {
				t.Errorf("%s: %d, not in %s", name, a.status, lang)
			}
			if missing := unknown.FindAllString(a.body, -1); missing != nil {
				t.Errorf("%s in %s lacks the words %v", name, lang, missing)
			}
			if bad := inline.FindAllString(a.body, -1); bad != nil {
				t.Errorf("%s has within it %q", name, bad)
			}
		}
	}
	empty := start(t, &demo{t: t, dir: t.TempDir()}, func() time.Time { return nine })
	for _, path := range []string{"/orcamento", "/indicadores", "/clientes", "/modelos"} {
		if a := empty.as(manager).get(path); a.status != 200 || !strings.Contains(a.body, "dunning run") {
			t.Errorf("%s of an empty home: %d", path, a.status)
		}
	}
}

func TestAnalysisInChromium(t *testing.T) {
	chromium := newChromium(t)
	r, _ := analysed(t)
	b := newBrowser(t, chromium, r.url)
	b.enter(manager)
	for name, path := range analysisPages() {
		for _, look := range []struct {
			scheme        string
			width, height int64
		}{{"light", 1280, 900}, {"dark", 390, 844}} {
			b.run(size(look.width, look.height), scheme(look.scheme))
			b.open(path)
			b.accessible(name + " " + look.scheme)
			if wide := read(b, chromedp.Evaluate[int](`document.documentElement.scrollWidth - innerWidth`)); wide > 0 {
				t.Errorf("%s is %d pixels wider than a screen of %d", name, wide, look.width)
			}
		}
	}
	b.run(size(1280, 900))
	b.open("/orcamento")
	b.write("#w-budget", "150")
	b.run(chromedp.Click(chromedp.CSS("form.whatif button")), chromedp.WaitVisible(chromedp.CSS("#resultado")))
	if text := b.text("#resultado"); !strings.Contains(text, "R$ 150,00") {
		t.Errorf("the simulation says %s", text)
	}
	b.run(chromedp.SetValue(chromedp.CSS("#slider"), "0"), chromedp.Evaluate[chromedp.Void](`document.getElementById("slider").dispatchEvent(new Event("input", {bubbles: true})); undefined`))
	b.run(chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := chromedp.Poll[bool](`document.getElementById("point").innerText.includes("R$ 0,00") || document.getElementById("point").innerText.includes("R$\u00a00,00")`)(ctx, target)
		return err
	}))
	b.click("#resultado form button")
	b.run(chromedp.WaitVisible(chromedp.CSS(`a[href="/aprovar/rascunho-1"]`)))
	b.clean()
}
