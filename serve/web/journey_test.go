package web

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"dunning/serve"
)

// TestJourney is the morning of two people in Chromium: the manager sees what
// other budgets would bring, and what the plan would be with one of them, and
// submits it; another person sees what a part would reserve and approves the
// whole; a dispatcher takes actions over the API and reports one sent; the wallet
// and the plan's page show it. No page has a serious fault of accessibility, an
// error in the console, or a request to another host.
func TestJourney(t *testing.T) {
	chromium := newChromium(t)
	r, _ := analysed(t)
	ana := newBrowser(t, chromium, r.url)
	ana.open("/carteira")
	if ana.path() != doorPath {
		t.Fatalf("a stranger came to %s", ana.path())
	}
	ana.accessible("entrar")
	ana.enter(manager)

	ana.open("/carteira")
	ana.accessible("carteira vazia")
	ana.write("#new-id", "principal")
	ana.write("#new-name", "Orçamento de março")
	ana.click("main form button")
	ana.write("#amount", "1.200,00")
	ana.write("#reason", "NF 8841")
	ana.click("#h-topup ~ form button")
	if got := ana.text(".lead-fact dd"); !strings.HasPrefix(got, "R$ 1.200,00") {
		t.Errorf("the wallet shows %q", got)
	}
	ana.accessible("carteira")

	ana.open("/hoje")
	if got := ana.text(".facts"); !strings.Contains(got, "Recuperação adicional esperada") {
		t.Errorf("today shows %q", got)
	}
	ana.run(chromedp.WaitVisible(chromedp.CSS("#by-day canvas")))
	ana.click("nav a[href='/orcamento']")
	plan := ana.budgets()
	ana.accessible("rascunho, de quem o fez")
	ana.click("form[action$='/enviar'] button")
	if got := ana.text("main"); !strings.Contains(got, "quem propõe não aprova") {
		t.Errorf("after submitting: %q", got)
	}
	ana.accessible("plano, de quem o propôs")

	bruno := newBrowser(t, chromium, r.url)
	bruno.enter(approver)
	bruno.open("/aprovar")
	bruno.accessible("aprovar")
	bruno.click("main table a[href='" + planPath(plan) + "']")
	bruno.accessible("plano, de quem decide")
	whole := bruno.text("#reserve .sum dd")
	bruno.run(chromedp.Click(chromedp.CSS("#approve input[value=sim]")), chromedp.Click(chromedp.CSS("#approve .inner summary")),
		chromedp.Click(chromedp.CSS("input[name=canal][value=sms]")))
	bruno.until("the part's reservation", func() bool { got := bruno.text("#reserve .sum dd"); return got != whole && got != "" })
	bruno.run(chromedp.Click(chromedp.CSS("#approve input[name=parte][value='']")))
	bruno.until("the whole's reservation", func() bool { return bruno.text("#reserve .sum dd") == whole })
	bruno.write("#why", "conferido")
	bruno.click("#reserve button")
	if got := bruno.text(".banner.good"); !strings.Contains(got, "aprovado") {
		t.Errorf("after the approval: %q", got)
	}
	bruno.accessible("plano aprovado")

	sent := r.dispatch(t)
	ana.open("/carteira")
	if got := ana.text("main"); !strings.Contains(got, "Reservas abertas") || !strings.Contains(got, sent) {
		t.Errorf("the wallet does not show that %s was sent: %q", sent, got)
	}
	ana.open(planPath(plan) + "?canal=sms")
	ana.until("the plan's page to show what was sent", func() bool {
		ana.open(planPath(plan) + "?canal=sms")
		return strings.Contains(ana.text("main"), "enviada")
	})
	for _, b := range []*browser{ana, bruno} {
		b.clean()
	}
}

// budgets has the manager try another budget on the page where she is: the curve's
// point follows the slider, the simulation stands beside the plan, and what she
// saves is a draft with that budget. It returns the draft.
func (b *browser) budgets() (plan string) {
	b.t.Helper()
	b.run(chromedp.WaitVisible(chromedp.CSS("canvas")))
	before := b.text("#point")
	b.run(chromedp.SetValue(chromedp.CSS("#slider"), "0"), chromedp.Evaluate[chromedp.Void](`document.getElementById("slider").dispatchEvent(new Event("input", {bubbles: true})); undefined`))
	b.until("the point on the curve to follow the slider", func() bool {
		got := b.text("#point")
		return got != before && strings.Contains(got, "R$ 0,00")
	})
	b.write("#w-budget", "2")
	b.run(chromedp.Click(chromedp.CSS("form.whatif button")), chromedp.WaitVisible(chromedp.CSS("#resultado")))
	if got := b.text("#resultado"); !strings.Contains(got, "R$ 2,00") {
		b.t.Errorf("the simulation says %q", got)
	}
	b.accessible("simulação")
	b.click("#resultado form button")
	b.run(chromedp.WaitVisible(chromedp.CSS("#drafting a.button:not(.second)")))
	b.click("#drafting a.button:not(.second)")
	if got := b.text("main"); !strings.Contains(got, "R$ 1,") { // what fits into two reais
		b.t.Errorf("the draft costs %q", got)
	}
	return strings.TrimPrefix(b.path(), planPath(""))
}

// until waits for something that a page does by itself.
func (b *browser) until(what string, done func() bool) {
	b.t.Helper()
	for end := time.Now().Add(patient); !done(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			b.t.Fatalf("waited for %s", what)
		}
	}
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

// TestLostServer: a page that cannot reach its server says so, and takes
// nothing away.
func TestLostServer(t *testing.T) {
	chromium := newChromium(t)
	r := start(t, furnished(t), steady)
	r.propose(manager)
	b := newBrowser(t, chromium, r.url)
	b.enter(approver)
	b.open(planPath(r.store.LatestPlan().ID))
	b.expectFaults(func() {
		r.stop()
		b.run(chromedp.Click(chromedp.CSS("#approve input[value=sim]")), chromedp.WaitVisible(chromedp.CSS("#lost")))
	})
	if got := b.text("#lost"); !strings.Contains(got, "O servidor não respondeu") {
		t.Errorf("the banner says %q", got)
	}
	if got := b.text("#reserve"); !strings.Contains(got, "Aprovar e reservar") {
		t.Errorf("the form lost its figures: %q", got)
	}
	b.clean()
}
