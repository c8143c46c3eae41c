package serve_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"dunning/data"
	"dunning/serve"
	"dunning/serve/ledger"
)

// world is a server with something of everything, and makes more.
type world struct {
	*running
	doc *document
	ops []*operation
	n   int // of what was made
}

// tuesday is the day on which the test servers' clocks stand.
var tuesday = data.MakeDate(2026, time.March, 10)

func newWorld(t testing.TB) *world {
	h := newHome(t)
	const customers = 4000
	h.scores(dayOne, scoreRows(customers, dayOne))
	h.plan(dayOne-1, actionRows(60, "plan-0", dayOne-1))
	h.plan(dayOne, actionRows(60, "plan-1", dayOne))
	h.plan(dayTwo, actionRows(60, "plan-2", dayTwo))
	h.model("m1", map[string]float64{"f_a": 0.5, "f_b": 0.25})
	publishLake(h, customers)
	publishCredit(h)
	publishForecast(h, dayOne)
	w := &world{running: start(t, h, nil)}
	w.doc, w.ops = readDocument(t, w.running.doc)
	ctx := t.Context()
	for _, wallet := range []ledger.WalletRequest{{ID: "main", Currency: ledger.BRL, Name: "Main", Actor: "x"}, {ID: "other", Currency: ledger.BRL, Name: "Other", Actor: "x"}} {
		_, err := w.ledger.CreateWallet(ctx, wallet)
		h.must(err)
	}
	_, err := w.ledger.TopUp(ctx, ledger.TopUpRequest{ID: "invoice-1", WalletID: "main", Amount: 1_000_000, Actor: "x", Reason: "x"})
	h.must(err)
	a := w.ask("POST", "/v1/plans", w.key("x", serve.Manager), `{"as_of": "`+(dayOne-1).String()+`"}`, "Idempotency-Key", "1")
	if a.status != 200 {
		t.Fatal(a)
	}
	return w
}

// key makes a key for somebody.
func (w *world) key(name string, role serve.Role) string {
	w.t.Helper()
	secret, _, err := w.keys.Create(w.t.Context(), role, name, 0)
	if err != nil {
		w.t.Fatal(err)
	}
	return secret
}

// publishLake publishes customers who may be contacted, as the extract does.
func publishLake(h *home, customers int) {
	h.t.Helper()
	rows := make([]data.Customer, customers)
	for i := range rows {
		rows[i] = data.Customer{CustomerID: fmt.Sprintf("c%07d", i), Kind: data.PF, UF: "SP", Timezone: "America/Sao_Paulo", Segment: "b",
			ConsentEmail: true, ConsentSMS: true, ConsentWhatsApp: true, ConsentVoice: true, ConsentLetter: true,
			ReachEmail: true, ReachSMS: true, ReachWhatsApp: true, ReachVoice: true, ReachLetter: true}
	}
	dir := filepath.Join(h.dir, "versions", "lake")
	h.must(os.MkdirAll(filepath.Join(dir, "customers"), 0o755))
	f, err := data.Write(filepath.Join(dir, "customers", "part-0.parquet"), rows)
	h.must(err)
	f.Name = "customers/part-0.parquet"
	h.must(data.WriteManifest(dir, data.Manifest{SchemaVersion: data.SchemaVersion, Stage: "extract", Files: []data.File{f}}))
	h.link("lake/extract", "current", dir)
}

// name is who holds the key of a role.
func name(role serve.Role) string { return "test " + string(role) }

// draft makes a plan of two SMS to customers of its own.
func (w *world) draft(maker string) ledger.Plan {
	w.t.Helper()
	w.n++
	p := ledger.Proposal{PlanID: fmt.Sprintf("p%d", w.n), Maker: maker, AsOf: dayOne}
	for i := range 2 {
		p.Actions = append(p.Actions, ledger.Action{Segment: "b", Action: data.Action{ActionID: fmt.Sprintf("p%d-%d", w.n, i), CustomerID: fmt.Sprintf("c%07d", 100+2*w.n+i),
			Channel: data.SMS, Day: tuesday, WindowStart: w.clock.now().Add(-time.Hour), WindowEnd: w.clock.now().Add(8 * time.Hour),
			Step: 1, CostCents: 9, ValueCents: data.Cents(1000 + w.n), TreatProb: 0.9, Source: data.SourceRecommended, Reason: "vale a pena"}})
	}
	made, err := w.ledger.CreatePlan(w.t.Context(), p)
	if err != nil {
		w.t.Fatal(err)
	}
	return made
}

func (w *world) submitted(maker string) ledger.Plan {
	w.t.Helper()
	p := w.draft(maker)
	p, err := w.ledger.Submit(w.t.Context(), p.ID, maker)
	if err != nil {
		w.t.Fatal(err)
	}
	return p
}

func (w *world) approved() ledger.Plan {
	w.t.Helper()
	p := w.submitted("maria")
	_, err := w.ledger.Approve(w.t.Context(), ledger.ApproveRequest{PlanID: p.ID, SHA256: p.SHA256, Approver: "carla", Reason: "x", WalletID: "main"})
	if err != nil {
		w.t.Fatal(err)
	}
	return p
}

// leased makes a plan whose two actions a dispatcher holds: the newest plan is
// the most valuable.
func (w *world) leased(dispatcher string) ledger.Grant {
	w.t.Helper()
	p := w.approved()
	g, err := w.ledger.Lease(w.t.Context(), ledger.LeaseRequest{ID: "lease-" + p.ID, Dispatcher: dispatcher, Day: tuesday, Channel: data.SMS, Max: 2, Duration: time.Hour})
	if err != nil || len(g.Actions) != 2 || g.Actions[0].PlanID != p.ID {
		w.t.Fatalf("%+v, %v", g, err)
	}
	return g
}

// sentAction is the id of an action that was sent, for 9 cents of "main".
func (w *world) sentAction() string {
	w.t.Helper()
	g := w.leased("d0")
	id := g.Actions[0].ActionID
	_, err := w.ledger.Ack(w.t.Context(), ledger.AckRequest{Dispatcher: "d0", Fence: g.Fence, Outcomes: []ledger.Outcome{{ActionID: id, State: ledger.Sent}}})
	if err != nil {
		w.t.Fatal(err)
	}
	return id
}

// Every operation of the document, with every role and without one, on an own
// object and on those of others: each answer is the one that its line says, and
// is of a form that the document describes.
func TestEveryOperationEveryRole(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	lines := matrix()
	var ids []string
	for _, op := range w.ops {
		ids = append(ids, op.OperationID)
		l, ok := lines[op.OperationID]
		if !ok {
			t.Errorf("%s %s (%s) has no line in the matrix", op.Method, op.Path, op.OperationID)
			continue
		}
		t.Run(op.OperationID, func(t *testing.T) {
			w.t = t
			w.line(t, op, l)
		})
		w.t = t
	}
	for id := range lines {
		if !slices.Contains(ids, id) {
			t.Errorf("the matrix has a line for %s, which is no operation", id)
		}
	}
	report, err := w.ledger.Verify(t.Context())
	if err != nil || len(report.Faults) > 0 {
		t.Errorf("the ledger after all that: %+v, %v", report.Faults, err)
	}
	if strings.Contains(w.log.String(), "request failed") || strings.Contains(w.log.String(), "panic") {
		t.Error("the log has internal errors")
	}
}

// line checks one operation.
func (w *world) line(t *testing.T, op *operation, l line) {
	if got := strings.Join(op.roles(), " "); got != l.roles {
		t.Errorf("the document admits %q, the matrix %q", got, l.roles)
	}
	admitted := strings.Fields(l.roles)
	for _, role := range serve.Roles {
		if len(admitted) > 0 && !slices.Contains(admitted, string(role)) {
			for _, c := range l.cases { // nobody learns here what there is and what not
				w.want(t, op, w.send(op, c.ask(w, role), w.roles[role], ""), role, c.name, 403, "forbidden", "")
			}
			continue
		}
		for _, c := range l.cases {
			r := c.ask(w, role)
			w.n++
			key := fmt.Sprintf("key %d", w.n)
			a := w.send(op, r, w.roles[role], key)
			w.want(t, op, a, role, c.name, c.status, c.code, c.has)
			if op.takesKey() {
				w.again(t, op, r, role, key, a)
			}
		}
	}
	if len(admitted) == 0 {
		return
	}
	r := l.cases[0].ask(w, serve.Roles[0])
	for what, key := range w.badKeys(t) {
		w.want(t, op, w.send(op, r, key, ""), serve.Role(what), "any", 401, "unauthorized", "")
	}
}

// takesKey says whether the operation takes an idempotency key.
func (op *operation) takesKey() bool {
	return slices.ContainsFunc(op.Parameters, func(p parameter) bool { return p.Name == "Idempotency-Key" && p.In == "header" && p.Required })
}

// again sends a write a second time, and with the key something else.
func (w *world) again(t *testing.T, op *operation, r call, role serve.Role, key string, first answer) {
	t.Helper()
	second := w.send(op, r, w.roles[role], key)
	if second.status != first.status || withoutRequestID(second.body) != withoutRequestID(first.body) {
		t.Errorf("%s: the second answer differs: %d %s, then %d %s", role, first.status, first.body, second.status, second.body)
	}
	if a := w.send(op, r, w.roles[role], ""); a.status != 400 {
		t.Errorf("%s: without an idempotency key: %d %s", role, a.status, a.body)
	}
}

func withoutRequestID(body string) string {
	var v map[string]any
	if json.Unmarshal([]byte(body), &v) != nil {
		return body
	}
	delete(v, "request_id")
	b, _ := json.Marshal(v)
	return string(b)
}

// want compares an answer with the one expected, and with the document.
func (w *world) want(t *testing.T, op *operation, a answer, role serve.Role, what string, status int, code, has string) {
	t.Helper()
	if a.status != status || code != "" && !strings.Contains(a.body, `"code":"`+code+`"`) || !strings.Contains(a.body, has) {
		t.Errorf("%s, %s: %d %s, want %d %s %s", role, what, a.status, a.body, status, code, has)
	}
	if fault := w.doc.fault(op, a); fault != "" {
		t.Errorf("%s, %s: %s: %s", role, what, fault, a.body)
	}
}

// send makes the call. An empty idempotency key is not sent.
func (w *world) send(op *operation, r call, key, idempotency string) answer {
	w.t.Helper()
	body := ""
	if r.body != nil {
		b, err := json.Marshal(r.body)
		if err != nil {
			w.t.Fatal(err)
		}
		body = string(b)
	}
	var header []string
	if idempotency != "" {
		header = []string{"Idempotency-Key", idempotency}
	}
	return w.ask(op.Method, r.path, key, body, header...)
}

// badKeys are keys that open nothing.
func (w *world) badKeys(t *testing.T) map[string]string {
	t.Helper()
	expired, _, err := w.keys.Create(t.Context(), serve.Admin, "expired", time.Nanosecond)
	if err != nil {
		t.Fatal(err)
	}
	revoked, key, err := w.keys.Create(t.Context(), serve.Admin, "revoked", 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.keys.Revoke(t.Context(), key.Prefix); err != nil {
		t.Fatal(err)
	}
	admin := w.roles[serve.Admin]
	return map[string]string{"no key": "", "no such key": admin[:len(admin)-1] + "!", "expired": expired, "revoked": revoked, "hostile": "dun_' OR 1=1 --"}
}
