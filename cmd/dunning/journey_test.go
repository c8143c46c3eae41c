package main

import (
	"bytes"
	"context"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"dunning/data"
	"dunning/serve"
	"dunning/serve/client"
	"dunning/serve/ledger"
	"dunning/serve/web/webtest"
)

// The people of the journey.
const (
	journeyManager  = "ana@empresa.example"
	journeyApprover = "bruno@empresa.example"
	journeyPassword = "uma frase comprida 7"
)

// demoHome is a home of the demo portfolio in which everything has run, large enough
// that its plan is worth something: that of [aRanHome] contacts nobody.
func demoHome(t *testing.T) string {
	t.Helper()
	home := t.TempDir()
	simulateHome(t, home, "--customers", "1500", "--months", "12")
	setKeys(t, home, "rounds: 60", "bags: 1")
	must(t, "run", "--home", home)
	return home
}

// journeyClock is noon in Brasília on the day of the demo's plan, a Monday.
func journeyClock() time.Time { return time.Date(2026, time.January, 5, 15, 0, 0, 0, time.UTC) }

// lines is what a command says, while it runs.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

// find waits for a line and returns what stands in the group of the pattern.
func (l *lines) find(t *testing.T, pattern string) string {
	t.Helper()
	what := regexp.MustCompile(pattern)
	for end := time.Now().Add(webtest.Patient); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		l.mu.Lock()
		found := what.FindStringSubmatch(l.text.String())
		l.mu.Unlock()
		if found != nil {
			return found[1]
		}
	}
	t.Fatalf("waited for %q in %q", pattern, &l.text)
	return ""
}

// serveDemo runs the command that serves a home, on the plan's own day, and returns
// the server's address and the first administrator's link.
func serveDemo(t *testing.T, home string) (url, link string) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var out, log lines
	a := &app{stdout: &out, stderr: &log, now: journeyClock}
	ended := make(chan int, 1)
	go func() { ended <- a.run(ctx, []string{"serve", "--home", home, "--addr", "127.0.0.1:0"}) }()
	t.Cleanup(func() {
		cancel()
		if code := <-ended; code != 0 {
			t.Errorf("exit code %d after Ctrl-C: %s", code, &log.text)
		}
	})
	url = out.find(t, `listening on (\S+)`)
	return url, strings.TrimPrefix(log.find(t, `(http://\S+/convite/\S+)`), url)
}

// TestDemoJourney is the way from the first start of the server on the
// demo portfolio to the first contact, in Chromium: the first administrator comes by
// the one-time link and invites two people; the manager looks at the day, sees what
// another budget would bring, saves that as a draft and submits it, and cannot approve
// it; the approver sees what would be reserved and approves; a dispatcher leases and
// reports by the API's client; wallet, plan and first page show what was posted; the
// called customer's page has it as evidence and takes his request for a review by a
// person; the indicators come as Excel and CSV. No page has an error in the console or
// asks another host.
func TestDemoJourney(t *testing.T) {
	chromium := webtest.NewChromium(t)
	home := demoHome(t)
	url, link := serveDemo(t, home)
	j := &journey{t: t, home: home, url: url}

	carla := webtest.NewBrowser(t, chromium, url)
	carla.Open(link)
	carla.Write("#login", "carla@empresa.example")
	carla.Write("#name", "Carla Reis")
	j.choosePassword(carla)
	ana, bruno := webtest.NewBrowser(t, chromium, url), webtest.NewBrowser(t, chromium, url)
	j.invited(carla, ana, journeyManager, "Ana Souza", serve.Manager)
	j.invited(carla, bruno, journeyApprover, "Bruno Lima", serve.Approver)

	j.fund(ana)
	plan := j.draft(ana)
	j.approve(ana, bruno, plan)
	customer := j.dispatched(ana, plan)
	j.asks(ana, customer)
	j.exports(ana)
	j.looksRound(ana, plan)
	for _, b := range []*webtest.Browser{carla, ana, bruno} {
		b.Clean()
	}
}

// journey is the way of several people through one server.
type journey struct {
	t         *testing.T
	home, url string
}

// shows fails where a part of a page does not say something.
func (j *journey) shows(b *webtest.Browser, selector string, texts ...string) {
	j.t.Helper()
	got := b.Text(selector)
	for _, text := range texts {
		if !strings.Contains(got, text) {
			j.t.Errorf("%s: %s lacks %q: %.1500q", b.Path(), selector, text, got)
		}
	}
}

func (j *journey) choosePassword(b *webtest.Browser) {
	j.t.Helper()
	b.Write("#password", journeyPassword)
	b.Write("#again", journeyPassword)
	b.Click("main form button")
	if b.Path() != "/hoje" {
		j.t.Fatalf("with a password one comes to %s: %s", b.Path(), b.Text("main"))
	}
}

// invited lets the administrator invite somebody, who comes by the link.
func (j *journey) invited(carla, who *webtest.Browser, login, name string, role serve.Role) {
	j.t.Helper()
	carla.Open("/pessoas")
	carla.Write("#new-login", login)
	carla.Write("#new-name", name)
	carla.Run(chromedp.Click(chromedp.CSS("form[action='/pessoas/convite'] input[value=" + string(role) + "]")))
	carla.Click("form[action='/pessoas/convite'] button")
	link := carla.Text("#link")
	who.Open(link[strings.Index(link, "/convite/"):])
	j.choosePassword(who)
}

// fund makes a wallet with R$ 1.000,00.
func (j *journey) fund(ana *webtest.Browser) {
	j.t.Helper()
	ana.Open("/carteira")
	j.shows(ana, "main", "Ainda não há carteira")
	ana.Write("#new-id", "principal")
	ana.Write("#new-name", "Orçamento de janeiro")
	ana.Click("main form button")
	ana.Write("#amount", "1.000,00")
	ana.Write("#reason", "NF 8841")
	ana.Click("#h-topup ~ form button")
	j.shows(ana, ".lead-fact dd", "R$ 1.000,00")
}

// draft has the manager look at the day and try R$ 300,00, and submit what she saved.
// It returns the plan.
func (j *journey) draft(ana *webtest.Browser) (plan string) {
	t := j.t
	t.Helper()
	ana.Click("nav a[href='/hoje']")
	j.shows(ana, ".facts", "Recuperação adicional esperada", "R$ 1.500,00")
	ana.Run(chromedp.WaitVisible(chromedp.CSS("#by-day canvas")))
	ana.Click("nav a[href='/orcamento']")
	ana.Run(chromedp.WaitVisible(chromedp.CSS("#curve-box canvas")))
	whole := reais(t, ana.Text("#point .bignum"))
	budget := reais(t, ana.Text("#point"))
	ana.Run(chromedp.Evaluate[chromedp.Void](`(() => { const s = document.getElementById("slider"); s.value = s.value / 10; s.dispatchEvent(new Event("input", {bubbles: true})); })()`))
	ana.Until("the point on the curve to follow the slider", func() bool { return reais(t, ana.Text("#point")) < budget/5 })
	if less := reais(t, ana.Text("#point .bignum")); less <= 0 || less >= whole {
		t.Errorf("a tenth of the plan's budget brings R$ %g, the whole R$ %g", less, whole)
	}
	ana.Write("#w-budget", "300,00")
	ana.Run(chromedp.Click(chromedp.CSS("form.whatif button")), chromedp.WaitVisible(chromedp.CSS("#resultado form button")))
	j.shows(ana, "#resultado .compare", "R$ 1.500,00", "R$ 300,00", "−R$ 1.200,00")
	ana.Click("#resultado form button")
	ana.Run(chromedp.WaitVisible(chromedp.CSS("#drafting a.button:not(.second)")))
	ana.Click("#drafting a.button:not(.second)")
	if cost := reais(t, ana.Text(".facts > div:nth-child(2) dd")); cost <= 250 || cost > 300 {
		t.Errorf("the draft costs R$ %g of R$ 300,00", cost)
	}
	ana.Click("form[action$='/enviar'] button")
	j.shows(ana, "main", "quem propõe não aprova")
	return ana.Path()
}

// approve sees that the maker cannot, and has somebody else approve.
func (j *journey) approve(ana, bruno *webtest.Browser, plan string) {
	t := j.t
	t.Helper()
	bruno.Open("/aprovar")
	bruno.Click("main table a[href='" + plan + "']")
	before, cost, left := reais(t, bruno.Text("#reserve dl div:nth-child(1) dd")), reais(t, bruno.Text("#reserve dl div:nth-child(2) dd")), reais(t, bruno.Text("#reserve .sum dd"))
	if before != 1000 || cost <= 250 || cost > 300 || left > before-cost+0.005 || left < before-cost-0.005 {
		t.Errorf("of R$ %g the approval would reserve R$ %g and leave R$ %g", before, cost, left)
	}
	if ana.Text("#approve") != "" {
		t.Error("the maker sees the form of the approval")
	}
	ana.ExpectFaults(func() { // the browser writes refusals into its console
		status := webtest.Read(ana, chromedp.Evaluate[int](`fetch(location.pathname + "/aprovar", {method: "POST", body: new URLSearchParams({csrf: document.querySelector("main [name=csrf]").value, carteira: "principal", reason: "eu mesma", sha256: document.querySelector("section[aria-labelledby=h-hash] .hash").innerText})}).then(r => r.status)`, chromedp.EvalAwaitPromise))
		if status != 403 {
			t.Errorf("the maker's approval is answered by %d", status)
		}
	})
	bruno.Write("#why", "conferido com o caixa")
	bruno.Click("#reserve button")
	j.shows(bruno, ".banner.good", "aprovado")
	j.shows(bruno, "main", "conferido com o caixa", "na fila")
}

// dispatched leases calls of the day as a program does, reports two as made and one
// as failed, and looks at what the pages say then. It returns who was called first.
func (j *journey) dispatched(ana *webtest.Browser, plan string) (customer string) {
	t, ctx := j.t, j.t.Context()
	t.Helper()
	c, err := client.New(client.Config{URL: j.url, Key: makeKey(t, j.home, string(serve.Dispatcher))})
	if err != nil {
		t.Fatal(err)
	}
	grant, err := c.Lease(ctx, "", serve.NewLease{Day: data.DateOf(journeyClock()), Channel: data.Voice, Max: 3})
	if err != nil || len(grant.Actions) != 3 {
		t.Fatalf("leased %+v: %v", grant, err)
	}
	outcomes := make([]serve.NewOutcome, 3)
	for i, a := range grant.Actions {
		outcomes[i] = serve.NewOutcome{ActionID: a.ActionID, State: ledger.Sent, ProviderID: "p" + a.ActionID}
	}
	outcomes[2] = serve.NewOutcome{ActionID: grant.Actions[2].ActionID, State: ledger.Failed, Detail: "número inexistente"}
	if _, err := c.Ack(ctx, "", serve.NewAck{Fence: grant.Fence, Outcomes: outcomes}); err != nil {
		t.Fatal(err)
	}
	ana.Open("/carteira")
	j.shows(ana, ".facts", "R$ 1,20") // two calls of 60 cents
	j.shows(ana, "main", grant.Actions[0].ActionID, grant.Actions[1].ActionID, "Reservas abertas")
	ana.Until("the plan's page to show what was done", func() bool {
		ana.Open(plan + "?cliente=" + grant.Actions[0].CustomerID)
		return strings.Contains(ana.Text("main"), "enviada")
	})
	ana.Open("/hoje")
	j.shows(ana, "#em-vigor", strings.TrimPrefix(plan, "/aprovar/"), "Orçamento de janeiro", "R$ 1,20")
	return grant.Actions[0].CustomerID
}

// asks finds a customer, looks at what there is of him, and writes down that he wants
// a person to look at the decision.
func (j *journey) asks(ana *webtest.Browser, customer string) {
	j.t.Helper()
	ana.Open("/clientes")
	ana.Write("main form input[name=q]", customer)
	ana.Click("main form button")
	if ana.Path() != "/clientes/"+customer {
		j.t.Fatalf("the search leads to %s", ana.Path())
	}
	j.shows(ana, "main", "LGPD, art. 20", "Títulos e pagamentos")
	ana.Run(chromedp.WaitVisible(chromedp.CSS("#curva canvas")))
	ana.Write("#motivo", "diz que pagou em mãos")
	ana.Click("#revisao form button")
	j.shows(ana, "#revisao .reviews", "diz que pagou em mãos", journeyManager)
}

// exports takes the indicators as files, by the links that the page has.
func (j *journey) exports(ana *webtest.Browser) {
	j.t.Helper()
	ana.Open("/indicadores")
	for kind, begins := range map[string]string{"xlsx": "PK", "csv": "indicator,name,unit"} {
		got := webtest.Read(ana, chromedp.Evaluate[string](`fetch(document.querySelector("main a[href*='planilha.`+kind+`']").href).then(r => r.text()).then(t => t.slice(0, 200))`, chromedp.EvalAwaitPromise))
		if !strings.HasPrefix(got, begins) {
			j.t.Errorf("the %s begins with %q", kind, got)
		}
	}
}

// looksRound opens what else there is of the demo portfolio: each page has its
// figures, no serious fault of accessibility, and what it says of the journey.
func (j *journey) looksRound(ana *webtest.Browser, plan string) {
	j.t.Helper()
	for _, page := range []struct {
		path  string
		shows []string
	}{
		{"/hoje", []string{"em envio"}},
		{plan, []string{"enviada", "conferido com o caixa", "O plano do dia é outro"}},
		{"/orcamento", []string{"Orçamento de janeiro"}},
		{"/indicadores", []string{"CEI", "DSO"}},
		{"/indicadores/previsao", []string{"90,0%"}},
		{"/indicadores/segmentos", []string{"DSO"}},
		{"/clientes?q=C", []string{"Clientes"}},
		{"/modelos", []string{"em vigor"}},
		{"/reguas", []string{"Réguas"}},
	} {
		ana.Open(page.path)
		j.shows(ana, "main", page.shows...)
		ana.Accessible(page.path)
	}
}

// reais reads an amount in reais as a page writes it: "− R$ 1.234,56", "R$ 1,2 mil".
func reais(t *testing.T, text string) float64 {
	t.Helper()
	m := regexp.MustCompile(`R\$ ([\d.]+)(?:,(\d+))?( mil| mi)?`).FindStringSubmatch(text)
	if m == nil {
		t.Fatalf("no amount in %q", text)
	}
	value, err := strconv.ParseFloat(strings.ReplaceAll(m[1], ".", "")+"."+m[2]+"0", 64)
	if err != nil {
		t.Fatal(err)
	}
	return value * map[string]float64{"": 1, " mil": 1e3, " mi": 1e6}[m[3]]
}
