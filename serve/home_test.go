package serve_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"dunning/data"
	"dunning/policy"
	"dunning/policy/regua"
	"dunning/serve"
	"dunning/serve/ledger"
)

// home is a home with real outputs, written as the pipeline writes them: a
// versioned folder, the manifest last, then the link.
type home struct {
	t       testing.TB
	dir     string
	version int
	dsn     string               // of PostgreSQL; "": SQLite in the home
	rules   func(*policy.Config) // changes the policy of the recheck; nil: the default one
}

var (
	dayOne = data.MakeDate(2026, time.March, 9)
	dayTwo = dayOne + 1
)

func newHome(t testing.TB) *home {
	return &home{t: t, dir: t.TempDir()}
}

// publish writes one output of a stage and returns its versioned folder.
func publish[T any](h *home, folder string, asOf data.Date, file string, rows []T) string {
	h.t.Helper()
	h.version++
	dir := filepath.Join(h.dir, "versions", fmt.Sprint(h.version))
	h.must(os.MkdirAll(dir, 0o755))
	f, err := data.Write(filepath.Join(dir, file), rows)
	h.must(err)
	h.must(data.WriteManifest(dir, data.Manifest{SchemaVersion: data.SchemaVersion, Stage: filepath.Base(folder), AsOf: &asOf, Files: []data.File{f}}))
	h.link(folder, asOf.String(), dir)
	return dir
}

func (h *home) link(folder, name, dir string) {
	h.t.Helper()
	h.must(os.MkdirAll(filepath.Join(h.dir, folder), 0o755))
	tmp := filepath.Join(h.dir, folder, ".new")
	h.must(os.Symlink(dir, tmp))
	h.must(os.Rename(tmp, filepath.Join(h.dir, folder, name)))
}

func (h *home) must(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h *home) scores(asOf data.Date, rows []data.Score) string {
	return publish(h, "lake/score", asOf, "scores.parquet", rows)
}

func (h *home) plan(asOf data.Date, rows []data.Action) string {
	return publish(h, "plans", asOf, "plan.parquet", rows)
}

// lake publishes extracted customers and promises.
func (h *home) lake(customers []data.Customer, promises []data.Promise) {
	h.t.Helper()
	h.version++
	dir := filepath.Join(h.dir, "versions", fmt.Sprint(h.version))
	var files []data.File
	for _, table := range []string{"customers", "promises"} {
		name := filepath.Join(table, "part-000.parquet")
		h.must(os.MkdirAll(filepath.Join(dir, table), 0o755))
		f, err := data.Write(filepath.Join(dir, name), customers)
		if table == "promises" {
			f, err = data.Write(filepath.Join(dir, name), promises)
		}
		h.must(err)
		f.Name = name
		files = append(files, f)
	}
	h.must(data.WriteManifest(dir, data.Manifest{SchemaVersion: data.SchemaVersion, Stage: "extract", Files: files}))
	h.link("lake/extract", "current", dir)
}

// customerRows makes n customers who may be contacted on every channel, of the
// two segments old and new.
func customerRows(n int) []data.Customer {
	rows := make([]data.Customer, n)
	for i := range rows {
		k := (i*7919 + 3) % n
		rows[i] = data.Customer{CustomerID: fmt.Sprintf("c%07d", k), Kind: data.PF, UF: "SP", Segment: []string{"old", "new"}[k%2],
			ConsentEmail: true, ConsentSMS: true, ConsentWhatsApp: true, ConsentVoice: true, ConsentLetter: true,
			ReachEmail: true, ReachSMS: true, ReachWhatsApp: true, ReachVoice: true, ReachLetter: true}
	}
	return rows
}

// model publishes a linear model as the promoted one: pay_prob is the sum of
// weight × value, kept in [0, 1].
func (h *home) model(version string, weights map[string]float64) {
	h.t.Helper()
	h.linear("current", version, weights)
}

// trained publishes a linear model as the one trained on a day.
func (h *home) trained(asOf data.Date, version string) {
	h.t.Helper()
	h.linear(asOf.String(), version, map[string]float64{"f_a": 1})
}

func (h *home) linear(name, version string, weights map[string]float64) {
	h.t.Helper()
	h.version++
	dir := filepath.Join(h.dir, "versions", fmt.Sprint(h.version))
	h.must(os.MkdirAll(dir, 0o755))
	b, err := json.Marshal(linear{Version: version, Weights: weights})
	h.must(err)
	h.must(data.WriteFile(filepath.Join(dir, "linear.json"), b))
	f, err := data.Stat(filepath.Join(dir, "linear.json"), 0)
	h.must(err)
	h.must(data.WriteManifest(dir, data.Manifest{SchemaVersion: data.SchemaVersion, Stage: "train", Files: []data.File{f}}))
	h.link("models", name, dir)
}

// linear is the smallest model there is; registered artefacts are the matter of
// the command that wires them in.
type linear struct {
	Version string             `json:"version"`
	Weights map[string]float64 `json:"weights"`
}

func openLinear(dir string) (serve.Model, error) {
	m, err := data.ReadManifest(dir)
	if err != nil {
		return nil, err
	}
	if err := m.Verify(dir); err != nil {
		return nil, err
	}
	b, err := os.ReadFile(filepath.Join(dir, "linear.json"))
	if err != nil {
		return nil, err
	}
	var l linear
	return l, json.Unmarshal(b, &l)
}

func (l linear) names() []string {
	var names []string
	for _, n := range []string{"f_a", "f_b"} {
		if _, ok := l.Weights[n]; ok {
			names = append(names, n)
		}
	}
	return names
}

func (l linear) Info() serve.ModelInfo {
	return serve.ModelInfo{Version: l.Version, FeaturesSchemaVersion: data.SchemaVersion, HorizonDays: 30, Features: l.names(), Channels: []data.Channel{data.SMS}}
}

func (l linear) Score(names []string, cols [][]float32) (serve.Predictions, error) {
	p := serve.Predictions{PayProb: make([]float64, len(cols[0]))}
	p.Uplift[data.SMS.Index()] = make([]float64, len(cols[0]))
	for _, want := range l.names() {
		found := false
		for j, n := range names {
			if n != want {
				continue
			}
			found = true
			for i, v := range cols[j] {
				if !math.IsNaN(float64(v)) {
					p.PayProb[i] = min(1, max(0, p.PayProb[i]+l.Weights[n]*float64(v)))
				}
			}
		}
		if !found {
			return serve.Predictions{}, fmt.Errorf("%w %q", serve.ErrMissingColumn, want)
		}
	}
	return p, nil
}

// scoreRows makes n scores, in an order that is not that of the ids.
func scoreRows(n int, asOf data.Date) []data.Score {
	rows := make([]data.Score, n)
	for i := range rows {
		k := (i*7919 + 3) % n // 7919 is prime: a permutation for every n it does not divide
		rows[i] = data.Score{CustomerID: fmt.Sprintf("c%07d", k), AsOf: asOf, PayProb: float64(k) / float64(n),
			BalanceCents: data.Cents(100 * k), DaysPastDue: int32(k % 90), ModelVersion: "m1"}
		rows[i].SetUplift(data.SMS, 0.25)
		if k%2 == 0 {
			rows[i].SetUplift(data.Voice, -0.125)
		}
	}
	return rows
}

// actionRows makes n actions over three days and all channels.
func actionRows(n int, planID string, asOf data.Date) []data.Action {
	rows := make([]data.Action, n)
	for i := range rows {
		k := (i*7919 + 3) % n
		day := asOf + 1 + data.Date(k%3)
		rows[i] = data.Action{PlanID: planID, ActionID: fmt.Sprintf("a%05d", k), CustomerID: fmt.Sprintf("c%07d", k),
			Channel: data.Channels[k%5], Day: day, WindowStart: day.Time().Add(11 * time.Hour), WindowEnd: day.Time().Add(23 * time.Hour),
			Step: 1, CostCents: 10, ValueCents: 1000, TreatProb: 0.9, Source: data.SourceRecommended, Reason: "vale a pena"}
	}
	return rows
}

// logBook is a log that a test can read while the server writes it.
type logBook struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// running is a real server on a free port.
type running struct {
	t     testing.TB
	url   string
	log   *logBook
	keys  *serve.Keys
	store *serve.FileStore
	clock *clock

	ledger *ledger.Store
	roles  map[serve.Role]string // one key per role
	doc    []byte
	reguas *regua.Store
}

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

// start serves a home until the test ends.
func start(t testing.TB, h *home, change func(*serve.Config)) *running {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	r := &running{t: t, log: &logBook{}, clock: &clock{t: time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)}, roles: map[serve.Role]string{}}
	log := slog.New(slog.NewTextHandler(r.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	var err error
	r.store, err = serve.OpenFiles(ctx, h.dir, openLinear, log, r.clock.now)
	h.must(err)
	where := ledger.Config{Path: filepath.Join(h.dir, serve.DatabaseName), DSN: h.dsn, Clock: r.clock.now, HeadsFile: filepath.Join(h.dir, "heads.jsonl")}
	if h.dsn == "" {
		r.keys, err = serve.OpenKeys(ctx, h.dir, r.clock.now)
	} else {
		where.Path = ""
		r.keys, err = serve.OpenKeysIn(ctx, h.dsn, r.clock.now)
	}
	h.must(err)
	for _, role := range serve.Roles {
		r.roles[role], _, err = r.keys.Create(ctx, role, "test "+string(role), time.Hour)
		h.must(err)
	}
	config := serve.DefaultConfig()
	config.Addr, config.Now = "127.0.0.1:0", r.clock.now
	config.RatePerSecond, config.Burst = 1e6, 1e6
	r.reguas = regua.OpenStore(h.dir)
	config.Reguas, config.TryRegua = r.reguas, tryNothing
	if change != nil {
		change(&config)
	}
	rules := policy.DefaultConfig()
	if h.rules != nil {
		h.rules(&rules)
	}
	engine, err := policy.New(rules)
	h.must(err)
	r.ledger, err = serve.NewRechecker(r.store, engine).OpenLedger(ctx, where)
	h.must(err)
	server, err := serve.New(config, r.store, r.keys, r.ledger, log)
	h.must(err)
	r.doc = server.OpenAPI()
	ln, err := server.Listen()
	h.must(err)
	r.url = "http://" + ln.Addr().String()
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(ctx, ln) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the server ended with %v", err)
		}
		r.ledger.Close()
		r.keys.Close()
	})
	return r
}

// tryNothing is a trial of a portfolio of nobody.
func tryNothing(_ context.Context, r *regua.Regua, asOf data.Date) (*regua.Trial, error) {
	if asOf == 0 {
		asOf = dayOne
	}
	if asOf != dayOne {
		return nil, fmt.Errorf("%w: not scored", data.ErrUsage)
	}
	return &regua.Trial{AsOf: asOf, Outcome: regua.Outcome{ID: r.ID, Mode: r.Mode, Days: []regua.OutcomeDay{{Day: asOf, Channel: data.SMS, Touches: 2, CostCents: 18}}}}, nil
}

// answer is what came back for one request.
type answer struct {
	status int
	header http.Header
	body   string
}

// ask sends one request; key "" sends none.
func (r *running) ask(method, path, key, body string, header ...string) answer {
	r.t.Helper()
	req, err := http.NewRequest(method, r.url+path, strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	if key != "" {
		req.Header.Set("Authorization", "Bearer "+key)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return answer{res.StatusCode, res.Header, string(b)}
}

// decode reads the JSON of an answer.
func decode[T any](t testing.TB, a answer) T {
	t.Helper()
	var v T
	if err := json.Unmarshal([]byte(a.body), &v); err != nil {
		t.Fatalf("%v in %s", err, a.body)
	}
	return v
}

// furnished is a home with everything in it.
func furnished(t testing.TB) *home {
	h := newHome(t)
	h.lake(customerRows(100), nil)
	h.scores(dayOne, scoreRows(100, dayOne))
	h.plan(dayOne, actionRows(60, "plan-1", dayOne))
	h.model("m1", map[string]float64{"f_a": 0.5, "f_b": 0.25})
	return h
}
