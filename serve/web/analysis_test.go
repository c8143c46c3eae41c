package web

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"

	"dunning/credit/portfolio"
	"dunning/data"
	"dunning/optimizer"
	"dunning/optimizer/clp"
	"dunning/serve"
	"dunning/serve/ledger"
	"dunning/serve/web/webtest"
	"dunning/serve/whatif"
)

const scientist = "davi@empresa.example"

// drawnPlan is the problem of the demo's plan: a random one of its own.
type drawnPlan struct {
	id        string
	customers int
}

func (d drawnPlan) Version() string { return d.id }

func (d drawnPlan) Load(context.Context) (*whatif.Problem, error) {
	g, err := optimizer.NewInstance(optimizer.Instance{Customers: d.customers, Channels: 5, Days: 5, Segments: 3, Seed: 3})
	if err != nil {
		return nil, err
	}
	g.Rows = g.Rows[:1+len(g.Slots)]
	return &whatif.Problem{PlanID: d.id, Grid: g, Segments: segments,
		MinimumRow: func(s string) string { return "minimum " + s }, MaximumRow: func(s string) string { return "maximum " + s }}, nil
}

// analysed is a server whose pages of analysis have something to show.
func analysed(t testing.TB) (*running, *demoModels) {
	t.Helper()
	r := start(t, furnished(t), steady)
	return r, withAnalysis(r, 800)
}

// withAnalysis gives a server's pages what those of analysis show, the what-if of
// a portfolio of so many customers.
func withAnalysis(r *running, customers int) *demoModels {
	t := r.t
	t.Helper()
	names[scientist] = "Davi Melo"
	r.invite(scientist, serve.Scientist)
	var figures struct{ Plan *data.PlanFigures }
	text, err := os.ReadFile(filepath.Join(r.demo.dir, "plans", today.String(), "optimization.json"))
	r.demo.must(err)
	r.demo.must(json.Unmarshal(text, &figures))
	engine := whatif.New(drawnPlan{r.store.LatestPlan().ID, customers}, clp.New(), slog.New(slog.DiscardHandler))
	r.demo.must(engine.Prepare(t.Context()))
	models := keptModels(t)
	history := kept[History](t, "history")
	history.Customer.CustomerID = customerID(known)
	r.site.Analysis = Analysis{WhatIf: engine, Reports: keptReports(t, figures.Plan), Histories: demoHistories{history}, Models: models,
		Behaviours: &demoBehaviours{report: kept[portfolio.Report](t, "behaviour")},
		MakeDraft: func(ctx context.Context, maker string, asOf data.Date, wish whatif.Wish) (string, error) {
			p := serve.ProposalOf(r.store.LatestPlan(), r.store.Portfolio(), maker)
			p.PlanID = "rascunho-1"
			fits, left := 0, data.Cents(500)
			if wish.BudgetCents != nil {
				left = *wish.BudgetCents
			}
			for fits < len(p.Actions) && p.Actions[fits].CostCents <= left {
				left -= p.Actions[fits].CostCents
				fits++
			}
			p.Actions = p.Actions[:fits]
			for i := range p.Actions {
				p.Actions[i].PlanID, p.Actions[i].ActionID = p.PlanID, fmt.Sprintf("%s-%d", p.PlanID, i)
			}
			made, err := r.ledger.CreatePlan(ctx, p)
			return made.ID, err
		}}
	return models
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
		if time.Since(began) > webtest.Patient {
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
	now, err := r.site.Reports.Report(today)
	r.demo.must(err)
	k := now.Portfolio
	plain := func(s string) string { return strings.ReplaceAll(s, nbsp, " ") }
	a := v.get("/indicadores")
	for _, want := range []string{Portuguese.Percent(*k.OverdueShare), plain(Portuguese.Decimal(*k.DSO, 1)) + " dias", plain(Portuguese.MoneyShort(data.RoundCents(*k.Incremental.IncrementCents))),
		"Varejo", "a vencer", plain(Portuguese.Money(k.BeginningReceivableCents)), `href="#parts"`} {
		if !strings.Contains(a.body, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	rows, err := csv.NewReader(strings.NewReader(v.get("/indicadores/planilha.csv").body)).ReadAll()
	if err != nil || len(rows) < 20 || rows[1][0] != "receivable" || rows[1][4] != number(k.ReceivableCents) {
		t.Fatalf("csv: %v, %v", rows, err)
	}
	if got := r.cell(v, "/indicadores/planilha.xlsx", "Indicadores", "B2"); got != number(k.ReceivableCents) {
		t.Errorf("excel: receivables %q", got)
	}
	if a := v.get("/indicadores?dia=2020-01-01"); a.status != 404 {
		t.Errorf("a day without a report: %d", a.status)
	}
}

// cell reads one cell of a workbook that a page exports.
func (r *running) cell(v *visitor, path, sheet, cell string) string {
	r.demo.t.Helper()
	res, err := v.client.Get(v.url + path)
	r.demo.must(err)
	defer res.Body.Close()
	f, err := excelize.OpenReader(res.Body)
	r.demo.must(err)
	defer f.Close()
	value, err := f.GetCellValue(sheet, cell, excelize.Options{RawCellValue: true})
	r.demo.must(err)
	return value
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
	if a := v.get("/clientes?q=" + customerID(known)); a.path != "/clientes/"+customerID(known) {
		t.Errorf("the whole id leads to %s", a.path)
	}
	if a := v.get("/clientes?q=C000000"); !strings.Contains(a.body, customerID(0)) {
		t.Error("the beginning of an id finds nobody")
	}
	path := "/clientes/" + customerID(known)
	a := v.get(path)
	h, err := r.site.Histories.History(t.Context(), customerID(known))
	r.demo.must(err)
	balance, oldest := data.Cents(0), today
	for _, i := range h.Invoices {
		if open := i.AmountCents - i.PaidCents; open > 0 {
			balance, oldest = balance+open, min(oldest, i.DueOn)
		}
	}
	if owes, days := owed(known); balance != owes || int32(today-oldest) != days {
		t.Fatalf("the history has %s open since %d days, the scores %s since %d", balance.BRL(), today-oldest, owes.BRL(), days)
	}
	for _, want := range []string{strings.ReplaceAll(Portuguese.Money(balance), nbsp, " "), strings.ReplaceAll(Portuguese.Money(h.Invoices[0].AmountCents), nbsp, " "), "entregue", "aberto", "pago em parte", "LGPD, art. 20", r.store.LatestPlan().SHA256} {
		if !strings.Contains(a.body, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	if a := v.post(path, path+"/revisao", url.Values{"motivo": {"diz que pagou em mãos"}}); a.status != 200 || !strings.Contains(a.body, "diz que pagou em mãos") {
		t.Errorf("the request is not shown: %d", a.status)
	}
	reviews, err := r.ledger.Reviews(t.Context(), customerID(known))
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
	if a := v.get(path); !strings.Contains(a.body, "É pior do que a versão em vigor") || !strings.Contains(a.body, "Sem vazamento") || !strings.Contains(a.body, "log loss") {
		t.Error("the checks are not in Portuguese with the model's own text behind them")
	}
	models.champion = ""
	if a := v.get("/modelos"); !strings.Contains(a.body, "Nenhuma versão está em vigor") {
		t.Error("that nothing is in force is not said")
	}
	models.champion = "aaaa1111aaaa1111"
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
