package web

import (
	"context"
	"html"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"dunning/serve"
	"dunning/serve/accounts"
	"dunning/serve/web/webtest"
)

// view is a page as one person opens it.
type view struct {
	name, login, path string // login "" is nobody
	kind              viewKind
}

// viewKind says what a browser gets.
type viewKind int

// Kinds of views, the whole pages first.
const (
	full   viewKind = iota // a page
	again                  // a page that another view shows as well
	part                   // what a page asks for by itself
	export                 // a file
)

// views are all pages of a server that has everything, at least one view of each
// address: see TestEveryPageIsViewed.
func (d *desk) views() []view {
	d.t.Helper()
	ana := d.as(manager)
	token, _, err := d.people.Invite(context.Background(), accounts.Invitation{Login: "gil@empresa.example", Name: "Gil", Roles: []serve.Role{serve.Auditor}}, 0)
	d.demo.must(err)
	plan, customer := planPath(d.running.store.LatestPlan().ID), customerID(known)
	tried := d.tried(ana)
	drafting := ana.post("/orcamento/simular?desligar=voice", "/orcamento/rascunho", url.Values{"desligar": {"voice"}, "plano": {d.running.store.LatestPlan().ID}}).path
	until(d.t, "the draft", func() bool { return strings.Contains(ana.get(drafting).body, "/aprovar/rascunho-1") })
	chosen := "?parte=sim&canal=sms&canal=voice&maximo=500&carteira=principal"
	out := []view{
		{"entrar", "", doorPath, full}, {"convite", "", "/convite/" + token, full},
		{"hoje", manager, "/hoje", full}, {"mudancas", manager, "/hoje/mudancas", part},
		{"aprovar", approver, "/aprovar", full}, {"plano", approver, plan, full}, {"plano-proposto", manager, plan, again},
		{"filtro", manager, plan + "?canal=sms&segmento=Novos&ordem=dia&pagina=2", again}, {"plano-cliente", manager, plan + "?cliente=" + customer, again},
		{"reserva", approver, plan + "/reserva" + chosen, part}, {"situacao", manager, plan + "/situacao?de=draft", part},
		{"reguas", manager, "/reguas", full}, {"regua", approver, "/reguas/ver/b2c-padrao", full}, {"regua-comparar", approver, "/reguas/ver/b2c-padrao/comparar", full},
		{"regua-nova", manager, "/reguas/nova", full}, {"regua-editor", manager, "/reguas/editor?modelo=b2c-padrao", full}, {"regua-ensaio", manager, tried, full},
		{"ensaio", manager, "/reguas/ensaio/" + tried[strings.LastIndex(tried, "=")+1:], full},
		{"orcamento", manager, "/orcamento", full}, {"ponto", manager, "/orcamento/ponto?b=100", part}, {"simulacao", manager, "/orcamento/simular?desligar=voice", full},
		{"rascunho", manager, drafting, full},
		{"segmento", manager, "/indicadores/segmentos?segmento=devedor", full}, {"previsao-dia", manager, "/indicadores/previsao?segmento=devedor&grao=dia", again},
		{"clientes-vazio", manager, "/clientes", again}, {"clientes", manager, "/clientes?q=C00000", full}, {"cliente", manager, "/clientes/" + customer, full},
		{"modelos", scientist, "/modelos", full}, {"modelo", scientist, "/modelos/bbbb2222bbbb2222", full},
		{"carteira", manager, "/carteira", full}, {"uma-carteira", approver, "/carteira/principal", again}, {"pessoas", admin, "/pessoas", full},
	}
	for name, files := range map[string][]string{"": {"planilha.xlsx", "planilha.csv"}, "previsao": {"planilha.xlsx", "planilha.csv"}, "segmentos": {"planilha.xlsx", "planilha.csv"},
		"credito": {"planilha.xlsx", "grupos.csv", "clientes.csv"}, "vendas": {"planilha.xlsx", "grupos.csv", "clientes.csv"}} {
		path, title := strings.TrimSuffix("/indicadores/"+name, "/"), name
		if name == "" {
			title = "indicadores"
		}
		out = append(out, view{title, manager, path, full})
		for _, file := range files {
			out = append(out, view{title + "-" + file, manager, path + "/" + file, export})
		}
	}
	return out
}

// patternOf says where a view is, as the server chooses a page.
func (d *desk) patternOf(v view) string {
	req, err := http.NewRequest(http.MethodGet, d.url+v.path, nil)
	d.demo.must(err)
	_, pattern := d.site.mux.Handler(req)
	return pattern
}

// everything is a server all of whose pages have something to show.
func everything(t testing.TB) *desk {
	r, _ := analysed(t)
	r.propose(manager)
	d := withReguas(t, r)
	d.shelf()
	return d
}

// TestEveryPageIsViewed: what is measured and looked at is every address that a
// browser can ask for, and each page has its pictures.
func TestEveryPageIsViewed(t *testing.T) {
	d := everything(t)
	viewed := map[string]bool{
		"GET /{$}": true, // sends to the first page
	}
	for _, v := range d.views() {
		viewed[d.patternOf(v)] = true
	}
	for _, p := range d.site.pages {
		if strings.HasPrefix(p.pattern, http.MethodGet+" ") && !viewed[p.pattern] {
			t.Errorf("no view of %s", p.pattern)
		}
	}
	pictures := map[string]bool{}
	for _, v := range d.views() {
		for _, look := range looks {
			if v.kind == full {
				pictures[v.name+"-"+look.name+".png"] = true
			}
		}
	}
	kept, err := os.ReadDir(filepath.Join("..", "..", "docs", "screenshots"))
	d.demo.must(err)
	for _, f := range kept {
		if !pictures[f.Name()] {
			t.Errorf("docs/screenshots/%s is of no page", f.Name())
		}
		delete(pictures, f.Name())
	}
	for name := range pictures {
		t.Errorf("docs/screenshots lacks %s: make screenshots", name)
	}
}

// TestEveryPageSpeaksBothLanguages: all words are there, and nothing that the
// content policy forbids stands within a page.
func TestEveryPageSpeaksBothLanguages(t *testing.T) {
	d := everything(t)
	unknown := regexp.MustCompile(`\[[a-z]+\.[a-z_.]+\]|%!|%d|%s`)
	inline := regexp.MustCompile(`(?i)<[^>]+\s(style|on[a-z]+)\s*=|<style|<script(?:[^>]*type="application/json")?>[^{]|(?:src|href|action)="(?:https?:)?//`)
	person := d.onceEach()
	views := append(d.views(), view{"nada", manager, "/nada", full})
	for _, lang := range []Language{Portuguese, English} {
		for _, one := range views {
			if one.kind > again {
				continue
			}
			v := person(one.login)
			v.post(doorPath, "/preferencias", url.Values{"lang": {string(lang)}, "volta": {"/nada"}})
			a := v.get(one.path)
			if want := map[bool]int{true: 404, false: 200}[one.name == "nada"]; a.status != want || !strings.Contains(a.body, `<html lang="`+lang.Tag()+`"`) {
				t.Errorf("%s: %d, not in %s", one.name, a.status, lang)
			}
			body := strings.Replace(a.body, d.site.book.say(lang, "regua.suggestions_n"), "", 1)
			if missing := unknown.FindAllString(body, -1); missing != nil {
				t.Errorf("%s in %s lacks the words %v", one.name, lang, missing)
			}
			if bad := inline.FindAllString(a.body, -1); bad != nil {
				t.Errorf("%s has within it %q", one.name, bad)
			}
			for name, want := range map[string]string{"Content-Security-Policy": contentPolicy, "X-Frame-Options": "DENY", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"} {
				if got := a.header.Get(name); got != want {
					t.Errorf("%s: %s %q", one.name, name, got)
				}
			}
		}
	}
	if strings.Contains(contentPolicy, "unsafe") {
		t.Error("the policy lets unsafe things in")
	}
}

// TestEveryLinkLeadsSomewhere: where a page says that a figure is made of something,
// and wherever else it leads, there is something, for whoever sees the link.
func TestEveryLinkLeadsSomewhere(t *testing.T) {
	d := everything(t)
	link := regexp.MustCompile(`href="([^"]*)"`)
	person, asked := d.onceEach(), map[[2]string]bool{}
	within, beyond := 0, 0
	for _, one := range d.views() {
		if one.kind > again {
			continue
		}
		v := person(one.login)
		body := v.get(one.path).body
		for _, found := range link.FindAllStringSubmatch(body, -1) {
			to := html.UnescapeString(found[1])
			if anchor, ok := strings.CutPrefix(to, "#"); ok {
				within++
				if !strings.Contains(body, ` id="`+anchor+`"`) {
					t.Errorf("%s leads to %s, which it does not have", one.name, to)
				}
				continue
			}
			if to[0] == '?' {
				to = strings.SplitN(one.path, "?", 2)[0] + to
			}
			pattern := d.patternOf(view{path: to})
			if asked[[2]string{one.login, pattern}] {
				continue
			}
			asked[[2]string{one.login, pattern}] = true
			beyond++
			if a := v.get(to); a.status != http.StatusOK {
				t.Errorf("%s leads %s to %s: %d", one.name, one.login, to, a.status)
			}
		}
	}
	if within < 20 || beyond < 30 {
		t.Errorf("only %d links within a page and %d beyond", within, beyond)
	}
}

// unexplained finds the figures of a page that nobody can go behind. A figure is a
// headline (dl.facts, dl.figures, dl.pay, .bignum) or a number in a table (td.n). What
// it is made of is: behind a link, or in a <details>, beside the headline or in the
// table's row; or this very table, where a link of the page leads to it, a chart
// shows it, or its rows are themselves what happened (data-rows="own"); or behind a
// link or in a <details> that stands for the whole table. A total is made of the rows
// above it.
const unexplained = `(() => {
	const bad = [], main = document.querySelector("main"), number = e => /\d/.test(e.textContent);
	const targets = new Set([...main.querySelectorAll("a[href*='#']")].map(a => a.getAttribute("href").split("#")[1]));
	const reached = e => { for (; e && e !== main; e = e.parentElement) if (e.id && targets.has(e.id)) return true; return false; };
	const behind = e => e && e.querySelector("a[href], details");
	for (const e of main.querySelectorAll("dl.facts dd, dl.figures dd, dl.pay > div:not(.sum) dd, .bignum"))
		if (number(e) && !behind(e.closest("dl > div") || e.parentElement)) bad.push(e.textContent);
	for (const e of main.querySelectorAll("tbody td.n")) {
		const table = e.closest("table"), card = e.closest("section, figure, #resultado");
		if (!number(e) || behind(e.closest("tr")) || e.closest("figure") || reached(e) || table.dataset.rows === "own") continue;
		if (card && [...card.querySelectorAll("header a[href], details.made")].length) continue;
		bad.push("the table " + (table.caption || table).textContent);
	}
	return [...new Set(bad)];
})()`

// TestEveryPageInChromium: no serious fault of accessibility, wide and light as
// narrow and dark, no page wider than its screen, no figure that leads to nothing, no
// error in the console, no request to elsewhere.
func TestEveryPageInChromium(t *testing.T) {
	chromium := webtest.NewChromium(t)
	d := everything(t)
	people := map[string]*browser{}
	for _, one := range d.views() {
		if one.kind > again {
			continue
		}
		b := people[one.login]
		if b == nil {
			b = newBrowser(t, chromium, d.url)
			if one.login != "" {
				b.enter(one.login)
			}
			people[one.login] = b
		}
		for _, look := range []struct {
			scheme        string
			width, height int64
		}{{"light", 1280, 900}, {"dark", 390, 844}} {
			b.Run(webtest.Size(look.width, look.height), webtest.Scheme(look.scheme))
			b.Open(one.path)
			b.Accessible(one.name + " " + look.scheme)
			for _, figure := range webtest.Read(b.Browser, chromedp.Evaluate[[]string](unexplained)) {
				t.Errorf("%s: nothing tells what this is made of: %s", one.name, figure)
			}
			if wide := webtest.Read(b.Browser, chromedp.Evaluate[int](`document.documentElement.scrollWidth - innerWidth`)); wide > 0 {
				t.Errorf("%s is %d pixels wider than a screen of %d", one.name, wide, look.width)
			}
		}
		b.Clean()
	}
}
