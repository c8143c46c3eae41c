package web

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"dunning/data"
	"dunning/policy/regua"
	"dunning/serve"
	"dunning/serve/web/webtest"
)

// auditor reads and changes nothing.
const auditor = "edu@empresa.example"

// trialOf is what the demo's planner says of a régua: figures of its steps.
func trialOf(r *regua.Regua) *regua.Trial {
	o := regua.Outcome{ID: r.ID, Title: r.Title, Mode: r.Mode, Priority: r.Priority, Captured: 812, HeldOut: 39, Touched: 540, ValueCents: 1_204_500,
		Refused: []regua.OutcomeRule{{Rule: "sunday", Title: "Não se contata aos domingos.", Source: "CDC art. 71; Lei SP 15.426/2014 art. 2", Wishes: 131},
			{Rule: "no_consent", Title: "O cliente recusou este canal.", Source: "LGPD art. 18 §2", Wishes: 44}},
		Dropped: []regua.OutcomeLimit{{Row: "ligação (URA) · qua 11/03", Touches: 12, CostCents: 720}}}
	for i, s := range r.Steps {
		d := regua.OutcomeDay{Day: today + data.Date(i%5), Channel: s.Channels[0], Touches: int64(40 + 30*(i%4))}
		d.CostCents = costs[d.Channel.Index()] * data.Cents(d.Touches)
		o.Days = append(o.Days, d)
		o.Touches += d.Touches
		o.CostCents += d.CostCents
	}
	o.Wished = o.Touches + 12
	return &regua.Trial{AsOf: today, Outcome: o, BudgetCents: 120_000, RecommendedCents: 4_812_300, TogetherCents: 4_689_950, ForgoneCents: 122_350}
}

// desk is a server with a store of réguas and a planner of its own. block, where it
// is not nil, holds a trial until it is closed.
type desk struct {
	*running
	store *regua.Store
	block chan struct{}
}

// withReguas gives a server's pages réguas.
func withReguas(t testing.TB, r *running) *desk {
	t.Helper()
	d := &desk{running: r, store: regua.OpenStore(r.demo.dir)}
	config := serve.DefaultConfig()
	config.Now, config.Reguas = r.now, d.store
	config.TryRegua = func(ctx context.Context, one *regua.Regua, _ data.Date) (*regua.Trial, error) {
		regua.Report(ctx, regua.TrialRecommends)
		if d.block != nil {
			select {
			case <-d.block:
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}
		return trialOf(one), nil
	}
	server, err := serve.New(config, r.store, r.keys, r.ledger, slog.New(slog.DiscardHandler))
	r.demo.must(err)
	r.site.Reguas = server.ReguaDesk()
	names[scientist], names[auditor] = "Davi Melo", "Edu Nunes"
	if _, err := r.people.Person(context.Background(), scientist); err != nil {
		r.invite(scientist, serve.Scientist)
	}
	r.invite(auditor, serve.Auditor)
	return d
}

// shelf has one régua in force, one draft after it, and one that was retired.
func (d *desk) shelf() {
	d.t.Helper()
	for _, id := range []string{"b2c-padrao", "alto-valor", "prevencao"} {
		text, err := regua.FromLibrary(id)
		d.demo.must(err)
		_, err = d.store.Save(text, manager, nine.Add(-72*time.Hour))
		d.demo.must(err)
		_, err = d.store.Publish(id, 1, approver, nine.Add(-48*time.Hour))
		d.demo.must(err)
	}
	text, err := regua.FromLibrary("b2c-padrao")
	d.demo.must(err)
	_, err = d.store.Save([]byte(strings.NewReplacer("offset: 12", "offset: 10", "channels: [voice, sms], template: b2c-60", "channels: [voice], template: b2c-60", "priority: 10", "priority: 15").Replace(string(text))), manager, nine.Add(-time.Hour))
	d.demo.must(err)
	_, err = d.store.Retire("prevencao", 1, approver, nine.Add(-24*time.Hour))
	d.demo.must(err)
}

var (
	inputTag  = regexp.MustCompile(`<input [^>]*>`)
	attribute = regexp.MustCompile(`(name|value|type)="([^"]*)"`)
	textarea  = regexp.MustCompile(`(?s)<textarea [^>]*name="([^"]*)"[^>]*>(.*?)</textarea>`)
	selection = regexp.MustCompile(`(?s)<select [^>]*name="([^"]*)"[^>]*>(.*?)</select>`)
	chosen    = regexp.MustCompile(`<option value="([^"]*)" selected`)
)

// fieldsOf reads the editor's form as a browser would send it.
func fieldsOf(body string) url.Values {
	_, body, _ = strings.Cut(body, `<form id="regua"`)
	body, _, _ = strings.Cut(body, `</form>`)
	out := url.Values{}
	for _, tag := range inputTag.FindAllString(body, -1) {
		a := map[string]string{}
		for _, m := range attribute.FindAllStringSubmatch(tag, -1) {
			a[m[1]] = m[2]
		}
		if (a["type"] == "radio" || a["type"] == "checkbox") && !strings.Contains(tag, " checked") {
			continue
		}
		out.Add(a["name"], a["value"])
	}
	for _, m := range textarea.FindAllStringSubmatch(body, -1) {
		out.Add(m[1], m[2])
	}
	for _, m := range selection.FindAllStringSubmatch(body, -1) {
		value := ""
		if s := chosen.FindStringSubmatch(m[2]); s != nil {
			value = s[1]
		}
		out.Add(m[1], value)
	}
	return out
}

// TestTheFormKeepsARegua: what the editor shows of a régua, sent back, is the same
// régua, for all of the library.
func TestTheFormKeepsARegua(t *testing.T) {
	d := withReguas(t, start(t, &demo{t: t, dir: t.TempDir()}, steady))
	v := d.as(manager)
	for _, id := range regua.Library() {
		a := v.get("/reguas/editor?modelo=" + id)
		wants(t, a, 200, "Salvar como rascunho")
		wants(t, v.send("/reguas/salvar", fieldsOf(a.body)), 200, "Rascunho salvo")
		text, err := regua.FromLibrary(id)
		d.demo.must(err)
		want, err := regua.Parse(text)
		d.demo.must(err)
		_, got, _, err := d.store.Load(id, 1)
		d.demo.must(err)
		got.Version = 0
		for _, r := range []*regua.Regua{want, got} { // the form lists all steps by day
			slices.SortStableFunc(r.Steps, func(a, b regua.Step) int { return a.Offset - b.Offset })
		}
		before, after := fmt.Sprint(mustText(t, want)), fmt.Sprint(mustText(t, got))
		if before != after {
			t.Errorf("%s became\n%s", id, after)
		}
	}
}

func mustText(t *testing.T, r *regua.Regua) string {
	t.Helper()
	text, err := r.Text()
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestAReguaIsPublishedBySomebodyElse: one writes, another publishes, an older
// version is compared, and what is no longer so is refused.
func TestAReguaIsPublishedBySomebodyElse(t *testing.T) {
	d := withReguas(t, start(t, &demo{t: t, dir: t.TempDir()}, steady))
	ana, bruno := d.as(manager), d.as(approver)
	wants(t, ana.get("/reguas"), 200, "Ainda não há réguas", "/reguas/nova")
	wants(t, ana.get("/reguas/nova"), 200, "Régua para empresas", "Começar do zero")
	form := fieldsOf(ana.get("/reguas/editor?modelo=b2b").body)
	a := ana.send("/reguas/salvar", form)
	wants(t, a, 200, "Rascunho salvo", "Quem escreveu não publica", "versão 1")
	at := a.path
	decision := func(version int) url.Values {
		v, _, _, err := d.store.Load("b2b", version)
		d.demo.must(err)
		return url.Values{"versao": {fmt.Sprint(version)}, "sha256": {v.SHA256}}
	}
	wants(t, ana.post(at, at+"/publicar", decision(1)), 403, "não pode publicá-la")
	wants(t, bruno.post(at, at+"/publicar", url.Values{"versao": {"1"}, "sha256": {strings.Repeat("0", 64)}}), 409, "não é o que você viu")
	wants(t, bruno.post(at, at+"/publicar", decision(1)), 200, "em vigor a partir do próximo plano", approver)
	wants(t, bruno.send(at+"/publicar", url.Values{"versao": {"1"}, "sha256": decision(1)["sha256"]}), 403) // no token

	form.Set("csrf", csrfField.FindStringSubmatch(ana.get(at).body)[1])
	form.Set("p0.dias", "-6")
	wants(t, ana.send("/reguas/salvar", form), 200, "versão 2")
	wants(t, ana.get(at+"/comparar"), 200, "O que mudou: 1 de", "D−6", "D−5")
	wants(t, ana.get(at+"/comparar?a=9"), 404)
	wants(t, bruno.post(at+"?versao=2", at+"/retirar", decision(2)), 200, "Versão retirada")
	wants(t, ana.post(at+"?versao=1", at+"/publicar", decision(2)), 403)
	wants(t, bruno.post(at+"?versao=1", at+"/publicar", decision(2)), 409, "já foi publicada ou retirada")
	wants(t, ana.post(at+"?versao=1", at+"/retirar", decision(1)), 200, "retirada")
	rows, err := d.ledger.Audit(context.Background(), 0, 100)
	d.demo.must(err)
	var kinds []string
	for _, row := range rows {
		if strings.HasPrefix(row.Kind, "regua.") {
			kinds = append(kinds, row.Kind+" "+row.Actor)
		}
	}
	want := []string{"regua.save " + manager, "regua.publish " + approver, "regua.save " + manager, "regua.retire " + approver, "regua.retire " + manager}
	if !slices.Equal(kinds, want) {
		t.Errorf("audit %v, want %v", kinds, want)
	}
}

// TestWhoMayDoWhatWithReguas: the roles are those of the API.
func TestWhoMayDoWhatWithReguas(t *testing.T) {
	d := withReguas(t, start(t, &demo{t: t, dir: t.TempDir()}, steady))
	d.shelf()
	draft, _, _, err := d.store.Load("b2c-padrao", 2)
	d.demo.must(err)
	decision := url.Values{"versao": {"2"}, "sha256": {draft.SHA256}}
	for login, want := range map[string][4]int{ // editor, trial, save, retire
		manager: {200, 200, 200, 200}, approver: {200, 200, 403, 200}, scientist: {200, 200, 403, 403}, auditor: {403, 403, 403, 403}, admin: {200, 200, 200, 200},
	} {
		v := d.as(login)
		for _, path := range []string{"/reguas", "/reguas/ver/b2c-padrao", "/reguas/ver/b2c-padrao/comparar"} {
			wants(t, v.get(path), 200, "Régua")
		}
		form := with(fieldsOf(d.as(manager).get("/reguas/editor?modelo=b2b").body), "codigo", strings.SplitN(login, "@", 2)[0])
		form.Del("csrf")
		retire := url.Values{}
		for k := range decision {
			retire.Set(k, decision.Get(k))
		}
		if login == manager || login == approver || login == admin { // something of its own to retire
			text, err := regua.FromLibrary("b2b")
			d.demo.must(err)
			one, err := d.store.Save([]byte(strings.Replace(string(text), "regua: b2b", "regua: x"+strings.SplitN(login, "@", 2)[0], 1)), "outra", nine)
			d.demo.must(err)
			retire = url.Values{"versao": {"1"}, "sha256": {one.SHA256}}
			if a := v.post("/reguas", "/reguas/ver/"+one.ID+"/retirar", retire); a.status != want[3] {
				t.Errorf("%s retires: %d", login, a.status)
			}
		} else if a := v.post("/reguas", "/reguas/ver/b2c-padrao/retirar", retire); a.status != want[3] {
			t.Errorf("%s retires: %d", login, a.status)
		}
		got := [3]int{v.get("/reguas/editor").status, v.post("/reguas", "/reguas/ensaio", with(form)).status, v.post("/reguas", "/reguas/salvar", with(form)).status}
		if got != [3]int(want[:3]) {
			t.Errorf("%s: editor, trial, save are %v, want %v", login, got, want[:3])
		}
	}
}

// TestFaultsAreSaidAtTheirField: live and on saving, in words of the person.
func TestFaultsAreSaidAtTheirField(t *testing.T) {
	d := withReguas(t, start(t, &demo{t: t, dir: t.TempDir()}, steady))
	v := d.as(manager)
	good := fieldsOf(v.get("/reguas/editor?modelo=b2b").body)
	for _, c := range []struct{ field, value, at, want string }{
		{"publico", `knd == "PF"`, "publico", "Linha 1, coluna 1: não existe a coluna “knd”. Você quis dizer kind?"},
		{"publico", "kind == \"PF\" &&\n  invoice_cents > 1", "publico", "Linha 2, coluna 3: não existe a coluna “invoice_cents”. É do título"},
		{"publico", "pay_prob > 1", "publico", "“>” não se aplica a (double, int). Escreva o número com ponto"},
		{"publico", "kind > 1", "publico", "Texto vai entre aspas"},
		{"publico", "promise_open && uf", "publico", "Linha 1, coluna 17: aqui se espera bool, e não string."}, {"publico", "kind.x == 1", "publico", "não tem campos"},
		{"publico", `promise_open ? 1 : "a"`, "publico", "“?:” não se aplica a (bool, int, string)"},
		{"publico", "balance_cents", "publico", "a condição dá int, e não verdadeiro ou falso. Compare"},
		{"publico", "kind ==", "publico", "não dá para ler a condição a partir daqui. Um exemplo"},
		{"publico", strings.Repeat("x", 2001), "publico", "a condição tem 2001 caracteres. O máximo é 2000"},
		{"publico", "zzzzzzzz > 1", "publico", "A lista de colunas está abaixo"},
		{"publico", "promise_open > 1", "publico", "Os dois lados"},
		{"parar", "knd", "parar0", "Você quis dizer kind?"}, {"p1.se", "invoice_cents > 'x'", "p1.se", "Texto vai entre aspas"},
		{"codigo", "Padrão", "codigo", "letras minúsculas"}, {"titulo", " ", "titulo", "Dê um nome"}, {"prioridade", "alta", "prioridade", "número inteiro"},
		{"modo", "outro", "modo", "Escolha uma"}, {"atraso", "31", "atraso", "De 0 a 30"}, {"intervalo", "0", "intervalo", "De 1 a 365"}, {"parcial", "x", "parcial", "Escolha uma"},
		{"p1.dias", "2000", "p1.dias", "1825 dias depois"}, {"p1.dias", "", "p1.dias", "número inteiro"}, {"p1.id", "aviso", "p1.id", "repetido"},
		{"p1.modelo", "b2b-aviso", "p1.modelo", "não se saberia"}, {"p1.modelo", strings.Repeat("m", 201), "p1.modelo", "até 200"},
		{"p1.canal", "", "p1.canal", "um canal ao menos"}, {"p1.canal", "fax", "p1.canal", "Escolha uma"}, {"p1.ancora", "x", "p1.ancora", "Escolha uma"}, {"p1.de", "18:00", "p1.de", "o fim depois do início"},
		{"passo", "", "", "um passo ao menos"},
	} {
		form := with(good, c.field, c.value)
		if c.field == "passo" {
			form.Del("passo")
		}
		a := v.send("/reguas/conferir", form)
		var found struct{ Faults []reguaFault }
		if err := json.Unmarshal([]byte(strings.ReplaceAll(a.body, nbsp, " ")), &found); err != nil {
			t.Fatalf("%s=%.20s: %v in %s", c.field, c.value, err, a.body)
		}
		if !slices.ContainsFunc(found.Faults, func(f reguaFault) bool { return f.Field == c.at && strings.Contains(f.Text, c.want) }) {
			t.Errorf("%s=%.20q: %+v, want %q at %q", c.field, c.value, found.Faults, c.want, c.at)
		}
		wants(t, v.send("/reguas/salvar", form), 400, "Há o que corrigir")
	}
	payment := with(good, "p1.ancora", "payment", "p1.dias", "-1")
	wants(t, v.send("/reguas/salvar", payment), 400, "Antes de um pagamento")
	if versions, err := d.store.List(); err != nil || len(versions) > 0 {
		t.Errorf("saved %v, %v", versions, err)
	}
	a := v.send("/reguas/conferir", good)
	if !strings.Contains(a.body, `"faults":[]`) || !strings.Contains(a.body, "versão 1 de b2b") {
		t.Errorf("a good one: %s", a.body)
	}
	many := with(good)
	for i := range 61 {
		many.Add("passo", fmt.Sprint(i+100))
	}
	wants(t, v.send("/reguas/salvar", many), 400, "até 60")
}

// TestTheFormWorksWithoutScripts: steps come and go by buttons.
func TestTheFormWorksWithoutScripts(t *testing.T) {
	d := withReguas(t, start(t, &demo{t: t, dir: t.TempDir()}, steady))
	v := d.as(manager)
	form := fieldsOf(v.get("/reguas/editor").body)
	form.Set("acao", "mais")
	a := v.send("/reguas/editor", form)
	wants(t, a, 200, "D+10", `name="p1.id" value="d10"`)
	form = with(fieldsOf(a.body), "acao", "tirar.0", "titulo", "Uma só", "codigo", "uma")
	a = v.send("/reguas/editor", form)
	form = fieldsOf(a.body)
	if len(form["passo"]) != 1 || form.Get("p0.id") != "d10" {
		t.Errorf("after taking one away: %v", form)
	}
	form.Set("acao", "conferir")
	if a := v.send("/reguas/editor", form); strings.Contains(a.body, "Há o que corrigir") {
		t.Error("a good form has faults")
	}
	wants(t, v.send("/reguas/salvar", form), 200, "Rascunho salvo", "Uma só")
}

// TestTrialsMayBeLeft: a trial goes on without its page, is another's secret, can be
// stopped, and is replaced by the next of the same person.
func TestTrialsMayBeLeft(t *testing.T) {
	d := withReguas(t, start(t, &demo{t: t, dir: t.TempDir()}, steady))
	d.shelf()
	d.block = make(chan struct{})
	v := d.as(manager)
	form := fieldsOf(v.get("/reguas/editor?modelo=b2b").body)
	a := v.send("/reguas/ensaio", with(form))
	wants(t, a, 200, "Você pode sair desta página", "Régua para empresas")
	first := a.path
	until(t, "its phase", func() bool { return strings.Contains(v.get(first).body, "Fazendo o plano sem a régua") })
	wants(t, v.get("/reguas"), 200, "Meus ensaios", "em andamento")
	wants(t, d.as(approver).get(first), 404)
	wants(t, v.send("/reguas/ensaio", with(form, "csrf", form.Get("csrf")), "HX-Request", "true"), 200, "ensaio-agora")
	until(t, "the first to stop", func() bool { return strings.Contains(v.get(first).body, "foi interrompido") })
	close(d.block)
	a = v.post("/reguas", "/reguas/ensaio", url.Values{"regua": {"b2c-padrao"}, "versao": {"2"}})
	at := a.path
	until(t, "the figures", func() bool { return strings.Contains(v.get(at).body, "Clientes captados") })
	wants(t, v.get(at), 200, "812", "39 no grupo de controle", "R$ 12.045,00", "Deixa de recuperar", "R$ 1.223,50", "Não se contata aos domingos", "ligação (URA) · qua 11/03")
	wants(t, v.get("/reguas/editor?"+url.Values{"ensaio": {at[strings.LastIndex(at, "/")+1:]}}.Encode()), 200, `value="b2c-padrao"`, "Clientes captados")

	d.block = make(chan struct{})
	a = v.post("/reguas", "/reguas/ensaio", url.Values{"regua": {"b2c-padrao"}, "versao": {"2"}})
	wants(t, v.post("/reguas", a.path+"/parar", url.Values{}), 200)
	until(t, "it to stop", func() bool { return strings.Contains(v.get(a.path).body, "foi interrompido") })
	wants(t, v.send("/reguas/ensaio", with(form, "publico", "knd"), "HX-Request", "true"), 200, "1 item(ns) a corrigir")
	wants(t, v.post("/reguas", "/reguas/ensaio", url.Values{"regua": {"nada"}, "versao": {"1"}}), 404)
}

// until waits for something that the server does by itself.
func until(t testing.TB, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(webtest.Patient); !done(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited for %s", what)
		}
	}
}

func TestEveryColumnHasWords(t *testing.T) {
	book, err := newBook()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range regua.Columns() {
		if _, ok := book["regua.col_"+c.Name]; !ok {
			t.Errorf("the column %s has no words", c.Name)
		}
	}
}
