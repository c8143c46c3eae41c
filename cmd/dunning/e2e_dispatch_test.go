package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"dunning/data"
	"dunning/serve"
	"dunning/serve/ledger"
)

// desk is a home in which somebody works with the ledger's commands at a given
// time.
type desk struct {
	t    *testing.T
	home string
	now  time.Time
	args []string // of every command
}

// do runs a command line as somebody and returns its exit code and output.
func (d *desk) do(as, stdin string, args ...string) (code int, stdout, stderr string) {
	d.t.Helper()
	var out, errs bytes.Buffer
	a := &app{stdout: &out, stderr: &errs, now: func() time.Time { return d.now }}
	if stdin != "" { // what a command reads from standard input
		file := filepath.Join(d.t.TempDir(), "stdin")
		if err := os.WriteFile(file, []byte(stdin), 0o600); err != nil {
			d.t.Fatal(err)
		}
		f, err := os.Open(file)
		if err != nil {
			d.t.Fatal(err)
		}
		defer f.Close()
		old := os.Stdin
		os.Stdin = f
		defer func() { os.Stdin = old }()
	}
	if as != "" {
		args = append(args, "--as", as)
	}
	code = a.run(d.t.Context(), append(append(args, "--home", d.home), d.args...))
	return code, out.String(), errs.String()
}

// must runs a command line with --json that has to succeed.
func (d *desk) must(into any, as string, args ...string) {
	d.t.Helper()
	code, stdout, stderr := d.do(as, "", append(args, "--json")...)
	if code != 0 {
		d.t.Fatalf("%v: exit code %d: %s", args, code, stderr)
	}
	if into != nil {
		oneDocument(d.t, stdout, into)
	}
}

// publishPlan gives a home a plan of candidates that its own rules allow on a
// day, as a program of others would write it, and returns its actions.
func publishPlan(t *testing.T, home string, asOf, day data.Date, perChannel int) []data.Action {
	t.Helper()
	parts, err := filepath.Glob(filepath.Join(home, "lake", "score", asOf.String(), "candidates", "*.parquet"))
	if err != nil || len(parts) == 0 {
		t.Fatalf("no candidates: %v", err)
	}
	id := asOf.String() + "-test"
	var actions []data.Action
	taken, used := map[data.Channel]int{}, map[string]bool{}
	for _, part := range parts {
		rows, err := data.Read[data.Candidate](part)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range rows {
			if c.Day != day || !c.Allowed || used[c.CustomerID] || taken[c.Channel] == perChannel || c.Channel != data.SMS && c.Channel != data.Email {
				continue
			}
			used[c.CustomerID] = true
			taken[c.Channel]++
			actions = append(actions, data.Action{PlanID: id, ActionID: fmt.Sprintf("%s-%06d", id, len(actions)+1), CustomerID: c.CustomerID, Channel: c.Channel, Day: day,
				WindowStart: day.Time().Add(11 * time.Hour), WindowEnd: day.Time().Add(23 * time.Hour), Step: 1, CostCents: c.CostCents, ValueCents: 100,
				TreatProb: 0.95, Source: data.SourceRecommended, Reason: "teste", Template: "lembrete"})
		}
	}
	if len(actions) != 2*perChannel {
		t.Fatalf("only %d candidates are allowed on %s", len(actions), day)
	}
	folder := filepath.Join(home, "plans", asOf.String())
	dir := filepath.Join(home, "plans", ".test")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	f, err := data.Write(filepath.Join(dir, "plan.parquet"), actions)
	if err != nil {
		t.Fatal(err)
	}
	if err := data.WriteManifest(dir, data.Manifest{SchemaVersion: data.SchemaVersion, Stage: "optimize", AsOf: &asOf, Files: []data.File{f}}); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(folder); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(".test", folder); err != nil {
		t.Fatal(err)
	}
	return actions
}

// gateway is a webhook of a provider: it refuses one number, is out of order
// for a while, and counts what it sent under each key.
type gateway struct {
	mu     sync.Mutex
	sent   map[string]int
	down   bool
	refuse string // customer
}

func (g *gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	defer g.mu.Unlock()
	var action ledger.LeasedAction
	if err := json.NewDecoder(r.Body).Decode(&action); err != nil || action.ActionID != r.Header.Get("Idempotency-Key") || action.Template != "lembrete" {
		http.Error(w, "what is this?", http.StatusBadRequest)
		return
	}
	switch {
	case g.down:
		http.Error(w, "later", http.StatusServiceUnavailable)
	case action.CustomerID == g.refuse:
		http.Error(w, "no such number", http.StatusUnprocessableEntity)
	default:
		g.sent[action.ActionID]++
		fmt.Fprintf(w, `{"provider_id":"m-%s","real_cost_cents":1}`, action.ActionID)
	}
}

func (g *gateway) fail(down bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.down = down
}

// TestFromDraftToAudit goes the whole way by commands on a home: a draft, its
// approval by a second person, dispatch to a webhook that fails for a while,
// events, the statement, the audit, a backup, and the tables that the next
// extract reads.
func TestFromDraftToAudit(t *testing.T) {
	home := aRanHome(t)
	asOf := data.MakeDate(2026, time.January, 5)
	day := asOf + 1 // a Tuesday
	actions := publishPlan(t, home, asOf, day, 6)
	d := &desk{t: t, home: home, now: day.Time().Add(15 * time.Hour)}
	var plan ledger.Plan
	d.must(nil, "ana", "wallet", "create", "main", "--name", "Orçamento")
	d.must(nil, "ana", "wallet", "top-up", "main", "--amount", "1000", "--reason", "NF 1", "--entry-id", "NF-1")
	d.must(&plan, "ana", "plans", "import")
	if plan.State != ledger.Draft || plan.Actions != 12 || plan.Maker != "ana" {
		t.Fatalf("%+v", plan)
	}
	approve := []string{"plans", "approve", plan.ID, "--sha256", plan.SHA256, "--wallet", "main", "--reason", "ok"}
	d.exits(4, "bia", approve...)
	d.must(nil, "ana", "plans", "submit", plan.ID)
	d.exits(4, "ana", approve...)
	d.exits(4, "bia", "plans", "approve", plan.ID, "--sha256", strings.Repeat("0", 64), "--wallet", "main", "--reason", "ok")
	var approval ledger.Approval
	d.must(&approval, "bia", approve...)

	hook := &gateway{sent: map[string]int{}, refuse: actions[0].CustomerID}
	server := httptest.NewServer(hook)
	defer server.Close()
	dispatch := []string{"dispatch", "--day", day.String(), "--webhook", server.URL, "--batch", "4", "--lease", "1m"}
	hook.fail(true)
	d.exits(0, "discador", append(dispatch, "--limit", "4")...) // four actions without an answer
	hook.fail(false)
	if len(hook.sent) != 0 {
		t.Fatalf("sent %v", hook.sent)
	}
	d.report(&approval, actions[1]) // paid before it is tried again
	d.now = d.now.Add(2 * time.Minute)
	var done dispatched
	d.must(&done, "discador", dispatch...)
	if done.Sent != 10 || done.Failed != 1 || done.Withheld != 1 || done.Refused+done.Unknown != 0 {
		t.Errorf("%+v", done)
	}
	for id, n := range hook.sent {
		if n != 1 {
			t.Errorf("action %s was sent %d times", id, n)
		}
	}
	d.must(&done, "discador", dispatch...)
	if done.Leased != 0 || len(hook.sent) != 10 {
		t.Errorf("after the end: %+v, %d sent", done, len(hook.sent))
	}
	d.afterwards(hook)
}

// exits runs a command line that has to end with the code.
func (d *desk) exits(want int, as string, args ...string) {
	d.t.Helper()
	if code, _, stderr := d.do(as, "", args...); code != want {
		d.t.Errorf("%v: exit code %d, want %d: %s", args, code, want, stderr)
	}
}

// report says that the customer of an action has paid all.
func (d *desk) report(approval *ledger.Approval, action data.Action) {
	d.t.Helper()
	event := fmt.Sprintf(`{"event_id":"pay-1","kind":"payment","customer_id":%q,"invoice_id":"I1","amount_cents":999999999,"at":%q}`, action.CustomerID, d.now.Format(time.RFC3339))
	for _, want := range []string{`"accepted": 1`, `"repeated": 1`} {
		code, stdout, stderr := d.do("erp", event, "events", "add", "--json")
		if code != 0 || !strings.Contains(stdout, want) {
			d.t.Errorf("exit code %d: %s%s", code, stdout, stderr)
		}
	}
	code, _, _ := d.do("erp", `{"event_id":"x","kind":"opened","action_id":"nobody's","at":"2026-01-06T15:00:00Z"}`, "events", "add")
	if code != 3 || approval.Maker != "ana" {
		d.t.Errorf("an event of no action: exit code %d", code)
	}
}

// afterwards checks what remains when all is sent: money, audit, copies, and the
// sources of the next run.
func (d *desk) afterwards(hook *gateway) {
	t := d.t
	t.Helper()
	var paper statement
	d.must(&paper, "ana", "wallet", "statement", "main")
	b := paper.Wallet.Balances
	if b.Funding != 1000 || b.Spent != 10 || b.Reserved != 0 || b.Available != 990 {
		t.Errorf("ten were sent for a cent each: %+v", b)
	}
	sum := ledger.Units(0)
	for _, e := range paper.Entries {
		if e.Kind == ledger.KindPost {
			sum += e.Amount
		}
	}
	if last := paper.Entries[len(paper.Entries)-1]; sum != b.Spent || last.After != b {
		t.Errorf("posted %d, the last entry leaves %+v", sum, last.After)
	}
	d.must(nil, "ana", "wallet", "refund", "main", "--action", slices.Min(slices.Collect(maps.Keys(hook.sent))), "--amount", "1", "--reason", "não entregue")
	var report ledger.Report
	d.must(&report, "ivo", "audit", "verify")
	if report.Plans != 1 || report.Actions != 12 || report.Rows == 0 {
		t.Errorf("%+v", report)
	}
	backup := filepath.Join(t.TempDir(), "backup.db")
	d.must(nil, "", "ledger", "backup", backup)
	there := &desk{t: t, home: t.TempDir(), now: d.now}
	there.must(nil, "", "ledger", "restore", backup)
	var copied ledger.Report
	there.must(&copied, "ivo", "audit", "verify")
	if copied.Head != report.Head {
		t.Errorf("the copy ends at %+v, the ledger at %+v", copied.Head, report.Head)
	}
	d.learns(len(hook.sent))
}

// learns writes what was sent into the home and lets extract read it.
func (d *desk) learns(sent int) {
	t := d.t
	t.Helper()
	d.must(nil, "", "events", "write")
	must(t, "extract", "--home", d.home)
	touches, paid := 0, 0
	for _, part := range glob(t, d.home, "touches") {
		rows, err := data.Read[data.Touch](part)
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range rows {
			if row.PlanID == "2026-01-05-test" {
				touches++
				if row.TreatProb == nil || *row.TreatProb != 0.95 || row.CostCents != 1 || row.Template != "lembrete" {
					t.Errorf("%+v", row)
				}
			}
		}
	}
	m, err := data.ReadManifest(filepath.Join(d.home, "lake", "extract", "current"))
	if err != nil {
		t.Fatal(err)
	}
	paid = int(m.Counts["quarantine.payments.unknown_invoice"]) // I1 is nobody's invoice
	if touches != sent || paid != 1 {
		t.Errorf("extract read %d of %d touches, and put %d payments aside", touches, sent, paid)
	}
}

func glob(t *testing.T, home, table string) []string {
	t.Helper()
	parts, err := filepath.Glob(filepath.Join(home, "lake", "extract", "current", table, "*.parquet"))
	if err != nil || len(parts) == 0 {
		t.Fatalf("no %s: %v", table, err)
	}
	return parts
}

// TestCommandsOverTheAPI: the same commands with a server's URL and a key.
func TestCommandsOverTheAPI(t *testing.T) {
	home := t.TempDir()
	d := &desk{t: t, home: home, now: time.Now()}
	server, done, err := (&app{home: home, stderr: &bytes.Buffer{}, now: time.Now}).keyedServer(t)
	if err != nil {
		t.Fatal(err)
	}
	defer done()
	web := httptest.NewServer(server.Handler())
	defer web.Close()
	keyFile := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(keyFile, []byte(makeKey(t, home, "manager")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv(keyEnv, "")
	d.exits(2, "", "wallet", "list", "--server", web.URL)
	d.args = []string{"--server", web.URL, "--key-file", keyFile}
	var w ledger.Wallet
	d.must(&w, "", "wallet", "create", "main", "--name", "x")
	var list serve.Wallets
	d.must(&list, "", "wallet", "list")
	if len(list.Wallets) != 1 || list.Wallets[0].ID != "main" {
		t.Errorf("%+v", list)
	}
	d.exits(2, "", "wallet", "statement", "none")
	d.exits(4, "", "plans", "approve", "p", "--sha256", strings.Repeat("0", 64), "--wallet", "main", "--reason", "x")
	d.exits(2, "", "audit")
	d.exits(2, "", "plans", "import", "--as-of", "tomorrow")
}

// keyedServer is the server of a home with its keys.
func (a *app) keyedServer(t *testing.T) (*serve.Server, func(), error) {
	t.Helper()
	keys, err := serve.OpenKeys(t.Context(), a.home, a.now)
	if err != nil {
		return nil, nil, err
	}
	config, err := a.ledgerConfig("", serverHeads)
	if err != nil {
		return nil, nil, err
	}
	l, err := ledger.Open(t.Context(), config)
	if err != nil {
		return nil, nil, err
	}
	server, err := serve.New(serve.DefaultConfig(), serve.Nothing{}, keys, l, slog.New(slog.DiscardHandler))
	return server, func() { l.Close(); keys.Close() }, err
}
