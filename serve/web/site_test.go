package web

import (
	"context"
	"fmt"
	"io/fs"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"dunning/data"
	"dunning/serve"
	"dunning/serve/ledger"
)

// clock is a clock that a test moves.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

func steady() time.Time { return nine }

// wants fails where an answer lacks a text.
func wants(t *testing.T, a answer, status int, texts ...string) {
	t.Helper()
	if a.status != status {
		t.Errorf("status %d, want %d: %.400s", a.status, status, a.body)
	}
	for _, text := range texts {
		if !strings.Contains(a.body, text) {
			t.Errorf("%q is missing at %s", text, a.path)
		}
	}
}

func TestWhoMayCome(t *testing.T) {
	c := &clock{t: nine}
	r := start(t, furnished(t), c.now)
	v := r.visitor()
	if a := v.get("/carteira"); a.path != doorPath {
		t.Errorf("a stranger came to %s", a.path)
	}
	wants(t, v.post(doorPath, doorPath, url.Values{"login": {manager}, "password": {"errada errada 1"}}), 401, "não conferem")
	wants(t, v.post(doorPath, doorPath, url.Values{"login": {"ninguem"}, "password": {"errada errada 1"}}), 401, "não conferem")
	a := v.post(doorPath, doorPath, url.Values{"login": {strings.ToUpper(manager)}, "password": {password}, "volta": {"/carteira"}})
	wants(t, a, 200, "Ana Souza", "Carteira de créditos")
	if a.path != "/carteira" {
		t.Errorf("came to %s, not where she wanted", a.path)
	}
	wants(t, v.get("/pessoas"), 403, "Seu perfil não permite")
	wants(t, v.get("/nada"), 404, "não existe")

	c.move(2 * time.Hour) // nobody used the session for an hour
	a = v.get("/carteira")
	wants(t, a, 200, "Sua sessão terminou", `value="/carteira"`)
	wants(t, v.get("/hoje/mudancas", "HX-Request", "true", "Referer", r.url+"/hoje"), 200)
	if to := v.get("/hoje/mudancas", "HX-Request", "true", "Referer", r.url+"/hoje").header.Get("HX-Redirect"); to != doorPath+"?motivo=fim&volta=%2Fhoje" {
		t.Errorf("a part of a page is sent to %q", to)
	}
	for range 10 {
		a = v.post(doorPath, doorPath, url.Values{"login": {approver}, "password": {"tentativa errada"}})
	}
	wants(t, a, 429, "Tentativas demais")
}

// TestFormsOfOthers: what other pages send, or forms without the token, changes
// nothing.
func TestFormsOfOthers(t *testing.T) {
	r := start(t, furnished(t), steady)
	v := r.as(manager)
	form := url.Values{"id": {"x"}, "name": {"x"}, "currency": {"BRL"}}
	old := v.send("/carteira", form)
	wants(t, old, 403, "formulário ficou velho")
	if strings.Contains(old.body, "Código do pedido") {
		t.Error("an old form is taken for a fault of the server")
	}
	form.Set("csrf", strings.Repeat("0", 64))
	wants(t, v.send("/carteira", form), 403)
	form.Set("csrf", csrfField.FindStringSubmatch(v.get("/carteira").body)[1])
	wants(t, v.send("/carteira", form, "Sec-Fetch-Site", "cross-site"), 403)
	wants(t, v.send("/carteira", form, "Origin", "http://outra.example"), 403)
	if list, err := r.ledger.Wallets(context.Background()); err != nil || len(list) > 0 {
		t.Errorf("wallets %v, %v", list, err)
	}
	for _, path := range []string{"//outra.example/", "/\\outra.example", "http://outra.example/", "javascript:alert(1)"} {
		if got := ourPath(path); got != home {
			t.Errorf("ourPath(%q) = %q", path, got)
		}
	}
}

// TestDecision: one person proposes, another approves a part, and what both see
// follows.
func TestDecision(t *testing.T) {
	r := start(t, furnished(t), steady)
	ana, bruno := r.as(manager), r.as(approver)
	wants(t, ana.get("/aprovar"), 200, "O plano de hoje está pronto")
	wants(t, ana.get("/hoje"), 200, "Propor este plano", "Não há carteira", "Os clientes mudaram", "entre R$")
	wants(t, ana.post("/hoje", "/hoje/propor", url.Values{"version": {"of another plan"}}), 409, "Outra pessoa mudou")
	plan := r.store.LatestPlan()
	a := ana.post("/hoje", "/hoje/propor", url.Values{"version": {plan.SHA256}})
	wants(t, a, 200, "Plano proposto", "quem propõe não aprova")
	at := planPath(plan.ID)
	wants(t, bruno.get(at), 200, "Crie uma carteira")
	wants(t, ana.post("/carteira", "/carteira", url.Values{"id": {"principal"}, "name": {"Orçamento"}, "currency": {"BRL"}}), 200, "Carteira criada")
	wants(t, bruno.get(at), 200, "não tem saldo", "disabled")
	top := url.Values{"amount": {"1.000"}, "reason": {"NF 1"}, "nonce": {strings.Repeat("a", 24)}}
	wants(t, ana.post("/carteira", "/carteira/principal/recarga", url.Values{"amount": {"mil"}, "reason": {"NF 1"}}), 400, "Escreva um valor")
	wants(t, ana.post("/carteira", "/carteira/principal/recarga", top), 200, "Recarga registrada", "R$ 1.000,00")
	wants(t, ana.post("/carteira", "/carteira/principal/recarga", top), 200) // sent twice, done once
	if w, err := r.ledger.Wallet(context.Background(), "principal"); err != nil || w.Balances.Available != 100_000 {
		t.Errorf("wallet %+v, %v", w, err)
	}

	kept, err := r.ledger.Plan(context.Background(), plan.ID)
	if err != nil {
		t.Fatal(err)
	}
	part := url.Values{"parte": {"sim"}, "canal": {"sms", "whatsapp"}, "segmento": {"Varejo"}, "maximo": {"20,00"}, "carteira": {"principal"}, "sha256": {kept.SHA256}, "reason": {"só o varejo"}}
	a = bruno.get(at+"/reserva?"+part.Encode(), "HX-Request", "true")
	wants(t, a, 200, "Aprovar e reservar")
	cost, actions := regexp.MustCompile(`name="valor" value="(\d+)"`).FindStringSubmatch(a.body)[1], regexp.MustCompile(`name="acoes" value="(\d+)"`).FindStringSubmatch(a.body)[1]
	wants(t, bruno.post(at, at+"/aprovar", with(part, "valor", "1", "acoes", actions)), 409)
	wants(t, bruno.post(at, at+"/aprovar", with(part, "valor", cost, "acoes", actions, "sha256", strings.Repeat("0", 64))), 409, "não são as que você viu")
	wants(t, bruno.post(at, at+"/aprovar", with(part, "valor", cost, "acoes", actions)), 200, "Plano aprovado", "só o varejo", "na fila")
	if w, err := r.ledger.Wallet(context.Background(), "principal"); err != nil || fmt.Sprint(w.Balances.Reserved) != cost || w.Balances.Reserved > 2000 {
		t.Errorf("reserved %+v of %s, %v", w.Balances, cost, err)
	}
	wants(t, bruno.post("/aprovar", at+"/rejeitar", url.Values{"sha256": {kept.SHA256}, "reason": {"tarde"}}), 409, "mudou de situação")
	wants(t, ana.get(at+"/situacao?de=submitted", "HX-Request", "true"), 200, "mudou enquanto você olhava", "substituído")
	if a := ana.get(at+"/situacao?de=superseded", "HX-Request", "true"); a.status != 204 {
		t.Errorf("status %d for a plan that stands", a.status)
	}
	wants(t, ana.get("/carteira"), 200, "Reservas abertas", "parte", "reserva")
	wants(t, ana.get("/aprovar"), 200, "Em vigor", "Encerrados")
}

func with(v url.Values, pairs ...string) url.Values {
	out := url.Values{}
	for k, list := range v {
		out[k] = slices.Clone(list)
	}
	for i := 0; i < len(pairs); i += 2 {
		out.Set(pairs[i], pairs[i+1])
	}
	return out
}

// TestNobodyApprovesHisOwn holds for one who has both roles, and for an
// administrator.
func TestNobodyApprovesHisOwn(t *testing.T) {
	r := start(t, furnished(t), steady)
	r.propose(admin)
	carla := r.as(admin)
	plan, err := r.ledger.Plan(context.Background(), r.store.LatestPlan().ID)
	if err != nil {
		t.Fatal(err)
	}
	at := planPath(plan.ID)
	whole := url.Values{"carteira": {"principal"}, "sha256": {plan.SHA256}, "reason": {"meu"}, "valor": {fmt.Sprint(int64(plan.CostCents))}, "acoes": {fmt.Sprint(plan.Actions)}}
	wants(t, carla.post(at, at+"/aprovar", whole), 403, "não pode aprová-lo")
	wants(t, carla.post(at, at+"/rejeitar", url.Values{"sha256": {plan.SHA256}, "reason": {"meu"}}), 403)
	wants(t, carla.post(at, at+"/retirar", url.Values{"reason": {"engano"}}), 200, "Plano retirado", "substituído")
}

// TestFilters: the pages of the actions add up to the plan, however they are
// chosen.
func TestFilters(t *testing.T) {
	r := start(t, furnished(t), steady)
	r.propose(manager)
	ana := r.as(manager)
	at := planPath(r.store.LatestPlan().ID)
	until(t, "the plan to be read", func() bool { return strings.Contains(ana.get(at).body, `class="customer"`) })
	customer := regexp.MustCompile(`class="customer" href="[^"]*">(C\d+)<`)
	seen := map[string]int{}
	for number := 1; ; number++ {
		a := ana.get(fmt.Sprintf("%s?canal=voice&ordem=dia&pagina=%d", at, number))
		for _, m := range customer.FindAllStringSubmatch(a.body, -1) {
			seen[m[1]]++
		}
		if !strings.Contains(a.body, `rel="next"`) {
			break
		}
	}
	n := 0
	for _, k := range seen {
		n += k
	}
	if n != 160 { // every sixth of 960
		t.Errorf("%d voice calls on all pages, want 160", n)
	}
	a := ana.get(at + "?cliente=C0000100")
	wants(t, a, 200, "C0000100")
	if list := customer.FindAllStringSubmatch(a.body, -1); len(list) == 0 || slices.ContainsFunc(list, func(m []string) bool { return m[1] != "C0000100" }) {
		t.Errorf("customers %v", list)
	}
	wants(t, ana.get(at+"?segmento=nenhum"), 200, "Nenhuma ação com estes filtros")
}

// TestPartIsWhatTheLedgerTakes: the reservation that is shown before the click
// is the one that is made, for parts by channel, segment and amount.
func TestPartIsWhatTheLedgerTakes(t *testing.T) {
	ctx := context.Background()
	most := func(c data.Cents) *data.Cents { return &c }
	for name, p := range map[string]ledger.Part{
		"channels": {Channels: []data.Channel{data.Voice, data.Email}},
		"segment":  {Segments: []string{"Novos"}},
		"amount":   {MaxCents: most(7_777)},
		"all":      {Channels: []data.Channel{data.Letter, data.SMS}, Segments: []string{"Varejo", "Atacado"}, MaxCents: most(10_001)},
	} {
		r := start(t, furnished(t), steady)
		r.propose(manager)
		plan, err := r.ledger.Plan(ctx, r.store.LatestPlan().ID)
		r.demo.must(err)
		o, err := newOutline(ctx, r.ledger, plan)
		r.demo.must(err)
		_, shown := o.part(&p)
		p.PlanID = "parte"
		made, err := r.ledger.Approve(ctx, ledger.ApproveRequest{PlanID: plan.ID, SHA256: plan.SHA256, Approver: approver, Reason: "x", WalletID: "principal", Part: &p})
		r.demo.must(err)
		kept, err := r.ledger.Plan(ctx, "parte")
		r.demo.must(err)
		if ledger.Units(shown.Cost) != made.Reserves[0].Amount || shown.Actions != kept.Actions || shown.Value != kept.ValueCents {
			t.Errorf("%s: shown %+v, made %+v", name, shown, kept)
		}
	}
}

// TestEmptyHome: with nothing there, each page says what to do.
func TestEmptyHome(t *testing.T) {
	r := start(t, &demo{t: t, dir: t.TempDir()}, steady)
	ana := r.as(manager)
	wants(t, ana.get("/hoje"), 200, "Ainda não há plano", "dunning run")
	wants(t, ana.get("/aprovar"), 200, "Nenhum plano proposto", "dunning run")
	wants(t, ana.get("/carteira"), 200, "Ainda não há carteira", "Criar carteira")
	wants(t, ana.get("/aprovar/nenhum"), 404, "não existe")
	wants(t, ana.get("/reguas"), 200, "Nenhuma régua é guardada aqui")
	wants(t, ana.get("/reguas/nova"), 503)
	for _, path := range []string{"/orcamento", "/indicadores", "/indicadores/previsao", "/indicadores/segmentos", "/indicadores/credito", "/indicadores/vendas", "/clientes", "/modelos"} {
		wants(t, ana.get(path), 200, "dunning run")
	}
}

// TestAdministration: links are shown once and good once, and the last
// administrator stays.
func TestAdministration(t *testing.T) {
	r := start(t, furnished(t), steady)
	carla := r.as(admin)
	a := carla.post("/pessoas", "/pessoas/convite", url.Values{"login": {"davi"}, "name": {"Davi"}, "role": {"manager", "approver"}})
	link := regexp.MustCompile(`/convite/[A-Za-z0-9_-]{43}`).FindString(a.body)
	wants(t, a, 200, "copie agora")
	davi := r.visitor()
	wants(t, davi.get(link), 200, "Criar acesso", "Davi")
	wants(t, davi.post(link, link, url.Values{"password": {"curta"}, "again": {"curta"}}), 400, "doze caracteres")
	wants(t, davi.post(link, link, url.Values{"password": {"uma frase longa 9"}, "again": {"outra frase longa"}}), 400, "não são iguais")
	wants(t, davi.post(link, link, url.Values{"password": {"uma frase longa 9"}, "again": {"uma frase longa 9"}}), 200, "Hoje", "Davi")
	wants(t, r.visitor().get(link), 404, "não vale mais")
	wants(t, carla.post("/pessoas", "/pessoas/davi/acesso", url.Values{"do": {"disable"}}), 200, "bloqueado")
	if a := davi.get("/hoje"); a.path != doorPath {
		t.Errorf("a disabled person sees %s", a.path)
	}
	wants(t, carla.post("/pessoas", "/pessoas/"+admin+"/perfis", url.Values{"role": {"manager"}}), 400, "último administrador")
	wants(t, carla.post("/pessoas", "/pessoas/"+admin+"/perfis", url.Values{}), 400, "ao menos um perfil")
}

// TestAssets: addresses hold hashes, answers may be kept for ever.
func TestAssets(t *testing.T) {
	r := start(t, &demo{t: t, dir: t.TempDir()}, steady)
	v := r.visitor()
	for name, one := range r.site.assets.byName {
		a := v.get(one.url)
		if a.status != 200 || !strings.Contains(a.header.Get("Cache-Control"), "immutable") || a.header.Get("Content-Type") != one.kind {
			t.Errorf("%s: %d %v", name, a.status, a.header)
		}
	}
	wants(t, v.get("/static/nada.js"), 404)
	if css := v.get(r.site.assets.url("app.css")).body; !strings.Contains(css, r.site.assets.url("inter.woff2")) {
		t.Error("the stylesheet names no font")
	}
}

// TestTemplatesUseKnownWords reads the templates themselves: a branch that no
// test takes has words too.
func TestTemplatesUseKnownWords(t *testing.T) {
	b, err := newBook()
	if err != nil {
		t.Fatal(err)
	}
	used := regexp.MustCompile(`\bt "([a-z_.]+)"`)
	err = fs.WalkDir(templateFiles, "templates", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := templateFiles.ReadFile(name)
		for _, m := range used.FindAllStringSubmatch(string(text), -1) {
			if _, ok := b[m[1]]; !ok {
				t.Errorf("%s: no words %q", name, m[1])
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for key, texts := range b {
		if texts[0] == "" || texts[1] == "" || strings.Count(texts[0], "%") != strings.Count(texts[1], "%") {
			t.Errorf("%s: %q", key, texts)
		}
	}
	for _, role := range serve.Roles {
		if _, ok := b["role."+string(role)]; !ok {
			t.Errorf("no words for the role %s", role)
		}
	}
}
