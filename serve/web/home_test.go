package web

import (
	"context"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"log/slog"
	"math"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"dunning/data"
	"dunning/policy"
	"dunning/serve"
	"dunning/serve/accounts"
	"dunning/serve/ledger"
)

// The people of the tests.
const (
	manager  = "ana@empresa.example"
	approver = "bruno@empresa.example"
	admin    = "carla@empresa.example"
	password = "uma frase comprida 7"
)

// today is the day of the newest plan; the clock of the tests is 9 o'clock in
// Brasília on that day.
var (
	today    = data.MakeDate(2026, time.March, 10)
	nine     = time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)
	segments = []string{"Varejo", "Atacado", "Novos"}
)

// demo is a home with outputs as the pipeline writes them.
type demo struct {
	t       testing.TB
	dir     string
	version int
}

func (d *demo) must(err error) {
	d.t.Helper()
	if err != nil {
		d.t.Fatal(err)
	}
}

// publish writes a folder of files and links it under a name of its day.
func (d *demo) publish(folder, name string, asOf *data.Date, write func(dir string) []data.File) {
	d.t.Helper()
	d.version++
	dir := filepath.Join(d.dir, "versions", fmt.Sprint(d.version))
	d.must(os.MkdirAll(dir, 0o755))
	d.must(data.WriteManifest(dir, data.Manifest{SchemaVersion: data.SchemaVersion, Stage: filepath.Base(folder), AsOf: asOf, Files: write(dir)}))
	d.must(os.MkdirAll(filepath.Join(d.dir, folder), 0o755))
	tmp := filepath.Join(d.dir, folder, ".new")
	d.must(os.Symlink(dir, tmp))
	d.must(os.Rename(tmp, filepath.Join(d.dir, folder, name)))
}

func (d *demo) json(dir, name string, v any) data.File {
	d.t.Helper()
	text, err := json.Marshal(v)
	d.must(err)
	d.must(data.WriteFile(filepath.Join(dir, name), text))
	f, err := data.Stat(filepath.Join(dir, name), 0)
	d.must(err)
	return f
}

// customers publishes a lake of n customers of three segments.
func (d *demo) customers(n int) {
	rows := make([]data.Customer, n)
	for i := range rows {
		rows[i] = data.Customer{CustomerID: customerID(i), Kind: data.PF, UF: "SP", Segment: segments[i%len(segments)],
			ConsentEmail: true, ConsentSMS: true, ConsentWhatsApp: true, ConsentVoice: true, ConsentLetter: true,
			ReachEmail: true, ReachSMS: true, ReachWhatsApp: true, ReachVoice: true, ReachLetter: true}
	}
	d.publish("lake/extract", "current", nil, func(dir string) []data.File {
		var files []data.File
		for _, table := range []string{"customers", "promises"} {
			d.must(os.MkdirAll(filepath.Join(dir, table), 0o755))
			name := filepath.Join(table, "part-000.parquet")
			f, err := data.Write(filepath.Join(dir, name), rows)
			if table == "promises" {
				f, err = data.Write(filepath.Join(dir, name), []data.Promise{})
			}
			d.must(err)
			f.Name = name
			files = append(files, f)
		}
		return files
	})
}

// scores publishes the scores of n customers at a day.
func (d *demo) scores(n int, asOf data.Date) {
	rows := make([]data.Score, n)
	for i := range rows {
		balance, days := owed(i)
		rows[i] = data.Score{CustomerID: customerID(i), AsOf: asOf, PayProb: 0.3, BalanceCents: balance, DaysPastDue: days, ModelVersion: "m1"}
	}
	d.publish("lake/score", asOf.String(), &asOf, func(dir string) []data.File {
		f, err := data.Write(filepath.Join(dir, "scores.parquet"), rows)
		d.must(err)
		return []data.File{f}
	})
}

func customerID(i int) string { return fmt.Sprintf("C%07d", i) }

// known is the customer who has the history of the kept home's.
const known = 100

// owed is what a customer owes, and for how many days.
func owed(i int) (balance data.Cents, days int32) {
	if i == known {
		return 214_271, 63
	}
	return data.Cents(12_000 + 137*(i*7919%900)), int32(3 + i*31%60)
}

// costs of one contact and the capacity of a day, by channel.
var (
	costs      = [len(data.Channels)]data.Cents{2, 9, 35, 60, 450}
	capacities = [len(data.Channels)]int64{2000, 400, 91, 60, 23}
)

// actions makes a plan of n actions over a week; shift makes another plan of
// about the same actions.
func actions(n, shift int, asOf data.Date) []data.Action {
	id := "plano-" + asOf.String()
	rows := make([]data.Action, n)
	for i := range rows {
		k := (i + shift*n/12) % (n + n/6)
		ch := data.Channels[[]int{2, 1, 2, 3, 0, 1, 2, 3, 2, 1, 4, 1}[k%12]]
		day := today + data.Date([]int{0, 1, 1, 2, 3, 3, 4}[k%7])
		value := data.Cents(300 + 90_000*math.Abs(math.Sin(float64(k)*12.9898))*math.Abs(math.Sin(float64(k))))
		customer := k * 2 / 3
		balance, late := owed(customer)
		rows[i] = data.Action{PlanID: id, ActionID: fmt.Sprintf("%s-%06d", id, i), CustomerID: customerID(customer),
			Channel: ch, Day: day, WindowStart: day.Time().Add(11 * time.Hour), WindowEnd: day.Time().Add(23 * time.Hour),
			Step: 1, CostCents: costs[ch.Index()], ValueCents: value, ReducedCostCents: value * 6 / 10, TreatProb: 0.95, Source: data.SourceRecommended,
			Reason: fmt.Sprintf("%s em %s: espera-se recuperar %s a mais por %s; saldo de %s vencido há %d dias, que sem contato seria pago em 7 dias com probabilidade de %d,%d %%; a segunda melhor opção, já descontado o que cada uma ocupa, é SMS no dia seguinte (%s).",
				ch.Portuguese(), Portuguese.Day(day), value.BRL(), costs[ch.Index()].BRL(), balance.BRL(), late, 12+k%60, k%10, (value * 4 / 5).BRL())}
	}
	return rows
}

// plan publishes the plan of a day with its figures.
func (d *demo) plan(asOf data.Date, rows []data.Action) {
	var f serve.PlanDocument
	p := &f.Plan
	p.PlanID, p.From, p.To, p.Status = rows[0].PlanID, asOf, asOf+6, "optimal"
	p.Customers, p.Touched, p.Candidates, p.Allowed, p.Holdout = 2412, 640, 64785, 39543, 121
	for i, ch := range data.Channels {
		total := data.PlanChannel{Channel: ch}
		all := capacities[i] * 5
		total.Capacity = &all
		for day := today; day < today+5; day++ {
			one := data.PlanDay{Channel: ch, Day: day, Capacity: &capacities[i]}
			for _, a := range rows {
				if a.Channel == ch && a.Day == day {
					one.Actions++
					total.Actions++
					total.CostCents += a.CostCents
					total.ValueCents += a.ValueCents
				}
			}
			if one.Actions >= capacities[i] {
				p.Prices = append(p.Prices, data.RowPrice{Kind: "capacity", Row: string(ch) + " " + day.String(), Channel: ch, Day: day, Limit: float64(capacities[i]), Used: float64(one.Actions), PriceCents: 135})
			}
			p.Days = append(p.Days, one)
		}
		p.Channels = append(p.Channels, total)
		p.SpentCents += total.CostCents
		p.ValueCents += total.ValueCents
	}
	p.BudgetCents = (p.SpentCents/10_000 + 1) * 10_000
	p.Prices = append(p.Prices, data.RowPrice{Kind: "budget", Row: "budget", Limit: float64(p.BudgetCents), Used: float64(p.SpentCents), PriceCents: 5.31})
	for k := data.Cents(0); k <= 6; k++ {
		b := p.BudgetCents * k / 2
		v := data.Cents(float64(p.ValueCents) * math.Pow(float64(k)/2, 0.01))
		p.Curve = append(p.Curve, data.BudgetPoint{BudgetCents: b, ValueCents: v, LowCents: v, HighCents: v, Chosen: k == 2})
	}
	f.Blocked = []data.Blocked{
		{Rule: "sunday", Title: "Não se contata aos domingos.", Source: "CDC art. 71; Lei SP 15.426/2014 art. 2", Candidates: 7503, Customers: 1682},
		{Rule: "too_early", Title: "Vencimento ainda distante: cedo demais para lembrar.", Source: "Política da empresa: prevention_days", Candidates: 4388, Customers: 187},
		{Rule: "no_consent", Title: "O cliente recusou este canal.", Source: "LGPD art. 18 §2", Candidates: 2569, Customers: 320},
		{Rule: "holdout", Title: "Grupo de controle permanente.", Source: "Política da empresa: holdout_share", Candidates: 2210, Customers: 121},
	}
	d.publish("plans", asOf.String(), &asOf, func(dir string) []data.File {
		file, err := data.Write(filepath.Join(dir, "plan.parquet"), rows)
		d.must(err)
		p.SHA256 = file.SHA256
		return []data.File{file, d.json(dir, "optimization.json", f)}
	})
}

// model publishes the evaluation of the promoted model, with one alarm.
func (d *demo) model() {
	effect := func(v float64) *float64 { return &v }
	var h serve.ModelEvaluation
	for _, ch := range data.Channels {
		h.Uplift = append(h.Uplift, data.UpliftFigures{Channel: ch, ATE: effect(0.08), ATELo: effect(0.061), ATEHi: effect(0.098)})
	}
	h.Health.Alarms = []data.Alarm{{Kind: "drift", Subject: "f_balance", Figure: effect(0.31), Limit: effect(0.25)}}
	d.publish("models", "current", nil, func(dir string) []data.File { return []data.File{d.json(dir, "evaluation.json", h)} })
}

// running is a real server with its pages on a free port.
type running struct {
	t      testing.TB
	url    string
	site   *Site
	people *accounts.Store
	ledger *ledger.Store
	store  *serve.FileStore
	keys   *serve.Keys
	demo   *demo
	now    func() time.Time
	stop   func() // ends the server; its files stay open
}

// start serves a home until the test ends. Its people have the same password.
func start(t testing.TB, d *demo, now func() time.Time) *running {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	log := slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	r := &running{t: t, demo: d, now: now}
	var err error
	r.store, err = serve.OpenFiles(ctx, d.dir, nil, log, now)
	d.must(err)
	r.keys, err = serve.OpenKeys(ctx, d.dir, now)
	d.must(err)
	engine, err := policy.New(policy.DefaultConfig())
	d.must(err)
	r.ledger, err = serve.NewRechecker(r.store, engine).OpenLedger(ctx, ledger.Config{Path: filepath.Join(d.dir, serve.DatabaseName), Clock: now, HeadsFile: filepath.Join(d.dir, "heads.jsonl")})
	d.must(err)
	r.people, err = accounts.Open(ctx, d.dir, accounts.Config{Now: now})
	d.must(err)
	for login, role := range map[string]serve.Role{manager: serve.Manager, approver: serve.Approver, admin: serve.Admin} {
		r.invite(login, role)
	}
	config := serve.DefaultConfig()
	config.Addr, config.Now = "127.0.0.1:0", now
	server, err := serve.New(config, r.store, r.keys, r.ledger, log)
	d.must(err)
	r.site, err = New(Config{Now: now, Log: log}, Parts{People: r.people, Store: r.store, Ledger: r.ledger, Figures: serve.OpenFigures(d.dir)})
	d.must(err)
	server.Mount(r.site)
	ln, err := server.Listen()
	d.must(err)
	r.url = "http://" + ln.Addr().String()
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(ctx, ln) }()
	r.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the server ended with %v", err)
		}
	})
	t.Cleanup(func() {
		r.stop()
		r.ledger.Close()
		r.people.Close()
		r.keys.Close()
	})
	return r
}

// names of the people of the tests.
var names = map[string]string{manager: "Ana Souza", approver: "Bruno Lima", admin: "Carla Reis"}

// invite lets a person in who has the password of all.
func (r *running) invite(login string, roles ...serve.Role) {
	r.t.Helper()
	token, _, err := r.people.Invite(context.Background(), accounts.Invitation{Login: login, Name: names[login], Roles: roles}, 0)
	r.demo.must(err)
	_, err = r.people.Accept(context.Background(), token, "", "", password)
	r.demo.must(err)
}

// furnished is a home with two plans, a lake and a model in force.
func furnished(t testing.TB) *demo {
	d := &demo{t: t, dir: t.TempDir()}
	d.customers(1500)
	d.scores(1500, today)
	d.model()
	d.plan(today-1, actions(900, 0, today-1))
	d.plan(today, actions(960, 1, today))
	return d
}

// visitor is a browser without a screen.
type visitor struct {
	*running
	client *http.Client
}

func (r *running) visitor() *visitor {
	jar, err := cookiejar.New(nil)
	r.demo.must(err)
	return &visitor{r, &http.Client{Jar: jar}}
}

// propose makes the plan of the day a submitted plan of a person, funds a
// wallet, and leaves an older plan in force.
func (r *running) propose(maker string) {
	r.t.Helper()
	ctx := context.Background()
	_, err := r.ledger.CreateWallet(ctx, ledger.WalletRequest{ID: "principal", Currency: ledger.BRL, Name: "Orçamento de março", Actor: maker})
	r.demo.must(err)
	_, err = r.ledger.TopUp(ctx, ledger.TopUpRequest{ID: "nf-1", WalletID: "principal", Amount: 120_000, Actor: maker, Reason: "NF 8841, fornecedor de mensagens"})
	r.demo.must(err)
	_, err = r.ledger.CreatePlan(ctx, serve.ProposalOf(r.store.LatestPlan(), r.store.Portfolio(), maker))
	r.demo.must(err)
	_, err = r.ledger.Submit(ctx, r.store.LatestPlan().ID, maker)
	r.demo.must(err)
}

// answer is what came back for one request.
type answer struct {
	status int
	path   string // after redirects
	header http.Header
	body   string
}

func (v *visitor) do(req *http.Request) answer {
	v.t.Helper()
	res, err := v.client.Do(req)
	v.demo.must(err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	v.demo.must(err)
	return answer{res.StatusCode, res.Request.URL.Path, res.Header, strings.ReplaceAll(html.UnescapeString(string(body)), nbsp, " ")}
}

// get asks for a page; header is pairs of names and values.
func (v *visitor) get(path string, header ...string) answer {
	v.t.Helper()
	req, err := http.NewRequest(http.MethodGet, v.url+path, nil)
	v.demo.must(err)
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	return v.do(req)
}

var csrfField = regexp.MustCompile(`name="csrf" value="([0-9a-f]{64})"`)

// post sends a form with the token of the page it stands on.
func (v *visitor) post(from, path string, fields url.Values) answer {
	v.t.Helper()
	token := csrfField.FindStringSubmatch(v.get(from).body)
	if token == nil {
		v.t.Fatalf("%s has no form", from)
	}
	fields.Set("csrf", token[1])
	return v.send(path, fields)
}

// send sends a form as it is.
func (v *visitor) send(path string, fields url.Values, header ...string) answer {
	v.t.Helper()
	req, err := http.NewRequest(http.MethodPost, v.url+path, strings.NewReader(fields.Encode()))
	v.demo.must(err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	return v.do(req)
}

// as returns a visitor who signed in.
func (r *running) as(login string) *visitor {
	r.t.Helper()
	v := r.visitor()
	if a := v.post(doorPath, doorPath, url.Values{"login": {login}, "password": {password}, "volta": {home}}); a.status != 200 || a.path != home {
		r.t.Fatalf("%s cannot sign in: %d at %s", login, a.status, a.path)
	}
	return v
}

// onceEach returns who looks at pages: each person signs in once, "" does not.
func (r *running) onceEach() func(login string) *visitor {
	known := map[string]*visitor{"": r.visitor()}
	return func(login string) *visitor {
		if known[login] == nil {
			known[login] = r.as(login)
		}
		return known[login]
	}
}
