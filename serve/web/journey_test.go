package web

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"

	"dunning/serve"
	"dunning/serve/ledger"
	"dunning/serve/web/webtest"
)

// TestJourney is the morning of two people in Chromium: the manager sees what
// other budgets would bring, and what the plan would be with one of them, and
// submits it; another person sees what a part would reserve and approves the
// whole; a dispatcher takes actions over the API and reports one sent; the wallet
// and the plan's page show it. No page has a serious fault of accessibility, an
// error in the console, or a request to another host.
func TestJourney(t *testing.T) {
	chromium := webtest.NewChromium(t)
	r, _ := analysed(t)
	ana := newBrowser(t, chromium, r.url)
	ana.Open("/carteira")
	if ana.Path() != doorPath {
		t.Fatalf("a stranger came to %s", ana.Path())
	}
	ana.Accessible("entrar")
	ana.enter(manager)

	ana.Open("/carteira")
	ana.Accessible("carteira vazia")
	ana.Write("#new-id", "principal")
	ana.Write("#new-name", "Orçamento de março")
	ana.Click("main form button")
	ana.Write("#amount", "1.200,00")
	ana.Write("#reason", "NF 8841")
	ana.Click("#h-topup ~ form button")
	if got := ana.Text(".lead-fact dd"); !strings.HasPrefix(got, "R$ 1.200,00") {
		t.Errorf("the wallet shows %q", got)
	}
	ana.Accessible("carteira")

	ana.Open("/hoje")
	if got := ana.Text(".facts"); !strings.Contains(got, "Recuperação adicional esperada") {
		t.Errorf("today shows %q", got)
	}
	ana.Run(chromedp.WaitVisible(chromedp.CSS("#by-day canvas")))
	ana.Click("nav a[href='/orcamento']")
	plan := ana.budgets()
	ana.Accessible("rascunho, de quem o fez")
	ana.Click("form[action$='/enviar'] button")
	if got := ana.Text("main"); !strings.Contains(got, "quem propõe não aprova") {
		t.Errorf("after submitting: %q", got)
	}
	ana.Accessible("plano, de quem o propôs")

	bruno := newBrowser(t, chromium, r.url)
	bruno.enter(approver)
	bruno.Open("/aprovar")
	bruno.Accessible("aprovar")
	bruno.Click("main table a[href='" + planPath(plan) + "']")
	bruno.Accessible("plano, de quem decide")
	whole := bruno.Text("#reserve .sum dd")
	bruno.Run(chromedp.Click(chromedp.CSS("#approve input[value=sim]")), chromedp.Click(chromedp.CSS("#approve .inner summary")),
		chromedp.Click(chromedp.CSS("input[name=canal][value=sms]")))
	bruno.Until("the part's reservation", func() bool { got := bruno.Text("#reserve .sum dd"); return got != whole && got != "" })
	bruno.Run(chromedp.Click(chromedp.CSS("#approve input[name=parte][value='']")))
	bruno.Until("the whole's reservation", func() bool { return bruno.Text("#reserve .sum dd") == whole })
	bruno.Write("#why", "conferido")
	bruno.press("#reserve button")
	if got := bruno.Text(".banner.good"); !strings.Contains(got, "aprovado") {
		t.Errorf("after the approval: %q", got)
	}
	bruno.Accessible("plano aprovado")

	sent := r.dispatch(t)
	ana.Open("/carteira")
	if got := ana.Text("main"); !strings.Contains(got, "Reservas abertas") || !strings.Contains(got, sent) {
		t.Errorf("the wallet does not show that %s was sent: %q", sent, got)
	}
	ana.Open(planPath(plan) + "?canal=sms")
	ana.Until("the plan's page to show what was sent", func() bool {
		ana.Open(planPath(plan) + "?canal=sms")
		return strings.Contains(ana.Text("main"), "enviada")
	})
	for _, b := range []*browser{ana, bruno} {
		b.Clean()
	}
}

// budgets has the manager try another budget on the page where she is: the curve's
// point follows the slider, the simulation stands beside the plan, and what she
// saves is a draft with that budget. It returns the draft.
func (b *browser) budgets() (plan string) {
	b.t.Helper()
	b.Run(chromedp.WaitVisible(chromedp.CSS("canvas")))
	before := b.Text("#point")
	b.Run(chromedp.SetValue(chromedp.CSS("#slider"), "0"), chromedp.Evaluate[chromedp.Void](`document.getElementById("slider").dispatchEvent(new Event("input", {bubbles: true})); undefined`))
	b.Until("the point on the curve to follow the slider", func() bool {
		got := b.Text("#point")
		return got != before && strings.Contains(got, "R$ 0,00")
	})
	b.Write("#w-budget", "2")
	b.Run(chromedp.Click(chromedp.CSS("form.whatif button")), chromedp.WaitVisible(chromedp.CSS("#resultado")))
	if got := b.Text("#resultado"); !strings.Contains(got, "R$ 2,00") {
		b.t.Errorf("the simulation says %q", got)
	}
	b.Accessible("simulação")
	b.Click("#resultado form button")
	b.Run(chromedp.WaitVisible(chromedp.CSS("#drafting a.button:not(.second)")))
	b.Click("#drafting a.button:not(.second)")
	if got := b.Text("main"); !strings.Contains(got, "R$ 1,") { // what fits into two reais
		b.t.Errorf("the draft costs %q", got)
	}
	return strings.TrimPrefix(b.Path(), planPath(""))
}

// press holds a button as long as a person does, and waits for the page after it:
// what else the press sets off must not take the button away.
func (b *browser) press(selector string) {
	b.t.Helper()
	at := b.box(selector)
	mouse := func(kind input.DispatchMouseEventType) chromedp.Action[chromedp.Void] {
		return webtest.Send(input.DispatchMouseEvent, input.DispatchMouseEventParams{Type: kind, X: at.X + at.Width/2, Y: at.Y + at.Height/2, Button: input.MouseButtonLeft, ClickCount: 1})
	}
	from := b.Path()
	b.Run(mouse(input.DispatchMouseEventTypeMousePressed), chromedp.Sleep(700*time.Millisecond), mouse(input.DispatchMouseEventTypeMouseReleased))
	b.Until("the page after "+selector+" of "+from, func() bool { return b.Text(".banner.good") != "" })
}

// dispatch leases one action over the API as a dispatcher does, reports it sent,
// and returns its id.
func (r *running) dispatch(t *testing.T) string {
	t.Helper()
	key, _, err := r.keys.Create(context.Background(), serve.Dispatcher, "discador", time.Hour)
	r.demo.must(err)
	call := func(path, idempotency, body string, out any) {
		t.Helper()
		req, err := http.NewRequest(http.MethodPost, r.url+path, bytes.NewReader([]byte(body)))
		r.demo.must(err)
		req.Header.Set("Authorization", "Bearer "+key)
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Idempotency-Key", idempotency)
		res, err := http.DefaultClient.Do(req)
		r.demo.must(err)
		defer res.Body.Close()
		var text bytes.Buffer
		_, err = text.ReadFrom(res.Body)
		r.demo.must(err)
		if res.StatusCode != http.StatusOK {
			t.Fatalf("%s: %d %s", path, res.StatusCode, &text)
		}
		r.demo.must(json.Unmarshal(text.Bytes(), out))
	}
	var grant struct {
		Fence   int64 `json:"fence"`
		Actions []struct {
			ActionID string `json:"action_id"`
		} `json:"actions"`
	}
	call("/v1/dispatch/lease", "l1", `{"day":"`+today.String()+`","channel":"sms","max":1}`, &grant)
	if len(grant.Actions) != 1 {
		t.Fatalf("%d actions leased", len(grant.Actions))
	}
	id := grant.Actions[0].ActionID
	body, err := json.Marshal(map[string]any{"fence": grant.Fence, "outcomes": []any{map[string]any{"action_id": id, "state": "sent", "provider_id": "p1"}}})
	r.demo.must(err)
	var results any
	call("/v1/dispatch/ack", "a1", string(body), &results)
	return id
}

// TestModelDecisions: a data scientist in Chromium sees what the gate refuses, puts a
// version into force that it lets through, with a reason, and goes back.
func TestModelDecisions(t *testing.T) {
	chromium := webtest.NewChromium(t)
	r, models := analysed(t)
	davi := newBrowser(t, chromium, r.url)
	davi.enter(scientist)
	challenger := "/modelos/bbbb2222bbbb2222"
	models.shut = true
	davi.Open(challenger)
	if got := davi.Text("main"); !strings.Contains(got, "não pode entrar em vigor") || davi.Text("form[action$='/promover']") != "" {
		t.Errorf("behind a shut gate the page shows %q", got)
	}
	models.shut = false
	davi.Open("/modelos")
	davi.Click("main table a[href='" + challenger + "']")
	davi.Accessible("versão que pode entrar em vigor")
	davi.Write("#why", "retreino mensal")
	davi.Click("form[action$='/promover'] button")
	if davi.Path() != "/modelos" || models.champion != "bbbb2222bbbb2222" {
		t.Errorf("promoted: at %s, in force %s", davi.Path(), models.champion)
	}
	davi.Write("#back-why", "erro maior que o esperado")
	davi.Click("form[action='/modelos/voltar'] button")
	if models.champion != "aaaa1111aaaa1111" {
		t.Errorf("after going back %s is in force: %s", models.champion, davi.Text("main"))
	}
	davi.Clean()
}

// TestLostServer: a page that cannot reach its server says so, and takes
// nothing away.
func TestLostServer(t *testing.T) {
	chromium := webtest.NewChromium(t)
	r := start(t, furnished(t), steady)
	r.propose(manager)
	b := newBrowser(t, chromium, r.url)
	b.enter(approver)
	b.Open(planPath(r.store.LatestPlan().ID))
	b.ExpectFaults(func() {
		r.stop()
		b.Run(chromedp.Click(chromedp.CSS("#approve input[value=sim]")), chromedp.WaitVisible(chromedp.CSS("#lost")))
	})
	if got := b.Text("#lost"); !strings.Contains(got, "O servidor não respondeu") {
		t.Errorf("the banner says %q", got)
	}
	if got := b.Text("#reserve"); !strings.Contains(got, "Aprovar e reservar") {
		t.Errorf("the form lost its figures: %q", got)
	}
	b.Clean()
}

// TestWhileLooking: what happens behind a page that is open is said on it, with what
// to do: another manager was faster, the plan was withdrawn, the session ended.
func TestWhileLooking(t *testing.T) {
	chromium := webtest.NewChromium(t)
	c := &clock{t: nine}
	r := start(t, furnished(t), c.now)
	_, err := r.ledger.CreateWallet(t.Context(), ledger.WalletRequest{ID: "principal", Currency: ledger.BRL, Name: "Orçamento", Actor: manager})
	r.demo.must(err)
	_, err = r.ledger.TopUp(t.Context(), ledger.TopUpRequest{ID: "nf-1", WalletID: "principal", Amount: 120_000, Actor: manager, Reason: "NF 1"})
	r.demo.must(err)
	ana, carla, bruno := newBrowser(t, chromium, r.url), newBrowser(t, chromium, r.url), newBrowser(t, chromium, r.url)
	for who, login := range map[*browser]string{ana: manager, carla: admin, bruno: approver} {
		who.enter(login)
		who.Open(home)
	}
	ana.Click("form[action='/hoje/propor'] button")
	carla.ExpectFaults(func() { carla.Click("form[action='/hoje/propor'] button") })
	if got := carla.Text("main"); !strings.Contains(got, "Outra pessoa mudou") {
		t.Errorf("two propose at once, the second is told %q", got)
	}
	carla.Click("main a.button") // to what she was looking at
	if got := carla.Text("main"); carla.Path() != home || !strings.Contains(got, "esperando decisão") || !strings.Contains(got, "Decidir sobre o plano") {
		t.Errorf("looking again, the second sees %q", got)
	}

	plan := planPath(r.store.LatestPlan().ID)
	bruno.Open(plan)
	ana.Open(plan)
	ana.Write("form[action$='/retirar'] input[name=reason]", "engano")
	ana.Click("form[action$='/retirar'] button")
	// What the page asks for each 15 seconds, at once.
	bruno.Run(chromedp.Evaluate[chromedp.Void](`(() => { const watch = document.querySelector("[hx-trigger='every 15s']"); htmx.ajax("GET", watch.getAttribute("hx-get"), {target: watch, swap: "innerHTML"}); })()`),
		chromedp.WaitVisible(chromedp.CSS("main .banner[role=alert] a")))
	if got := bruno.Text("main .banner[role=alert]:not(#lost)"); !strings.Contains(got, "mudou enquanto você olhava") || !strings.Contains(got, "substituído") {
		t.Errorf("of the plan that was withdrawn he is told %q", got)
	}
	bruno.Write("#why", "conferido")
	bruno.ExpectFaults(func() { bruno.Click("#reserve button") })
	if got := bruno.Text("main"); !strings.Contains(got, "mudou de situação") {
		t.Errorf("approving it nevertheless, he is told %q", got)
	}

	c.move(2 * time.Hour)
	carla.Click("nav a[href='/carteira']")
	if got := carla.Text("main"); carla.Path() != doorPath || !strings.Contains(got, "Sua sessão terminou") {
		t.Errorf("after the session at %s: %q", carla.Path(), got)
	}
	carla.Write("#login", admin)
	carla.Write("#password", password)
	carla.Click("main form button")
	if carla.Path() != "/carteira" {
		t.Errorf("signed in again, she comes to %s", carla.Path())
	}
	for _, b := range []*browser{ana, carla, bruno} {
		b.Clean()
	}
}
