package serve_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"dunning/data"
	"dunning/serve"
	"dunning/serve/ledger"
	"dunning/serve/ledger/pgtest"
)

// keys of persons who share no name.
func (r *running) person(role serve.Role, name string) string {
	r.t.Helper()
	secret, _, err := r.keys.Create(r.t.Context(), role, name, 24*time.Hour)
	if err != nil {
		r.t.Fatal(err)
	}
	return secret
}

// write asks for a write under an idempotency key.
func (r *running) write(key, idempotency, path, body string) answer {
	r.t.Helper()
	return r.ask("POST", path, key, body, "Idempotency-Key", idempotency)
}

// good returns the decoded answer of a request that has to succeed.
func good[T any](t *testing.T, a answer) T {
	t.Helper()
	if a.status != 200 {
		t.Fatalf("%d: %s", a.status, a.body)
	}
	return decode[T](t, a)
}

// refused reports an answer that is not the problem that is meant.
func refused(t *testing.T, a answer, status int, code serve.Code) {
	t.Helper()
	if p := decode[serve.Problem](t, a); a.status != status || p.Code != code {
		t.Errorf("got %d %s (%s), want %d %s", a.status, p.Code, p.Detail, status, code)
	}
	checkAnswer(t, a)
}

// approvedPlan brings the home's plan into force, paid by the wallet main.
func (r *running) approvedPlan(t *testing.T, manager, approver string) ledger.Approval {
	t.Helper()
	good[ledger.Wallet](t, r.write(manager, "w", "/v1/wallets", `{"wallet_id":"main","currency":"BRL","name":"Carteira"}`))
	good[ledger.Entry](t, r.write(manager, "t", "/v1/wallets/main/top-ups", `{"amount":5000,"reason":"NF 1"}`))
	plan := good[ledger.Plan](t, r.write(manager, "i", "/v1/plans", `{"as_of":"latest"}`))
	good[ledger.Plan](t, r.write(manager, "s", "/v1/plans/"+plan.ID+"/submit", ""))
	return good[ledger.Approval](t, r.write(approver, "a", "/v1/plans/"+plan.ID+"/approve", fmt.Sprintf(`{"sha256":%q,"reason":"ok","wallet_id":"main"}`, plan.SHA256)))
}

// eachDatabase runs a test on a home whose ledger and keys are in SQLite, and on one
// where they are in PostgreSQL.
func eachDatabase(t *testing.T, test func(t *testing.T, h *home)) {
	t.Run("sqlite", func(t *testing.T) { test(t, furnished(t)) })
	t.Run("postgres", func(t *testing.T) {
		h := furnished(t)
		h.dsn = pgtest.Schema(t)
		test(t, h)
	})
}

// TestFromDraftToStatement goes the whole way over HTTP: a draft, an approval by
// another person, leases, acks, and a statement that adds up.
func TestFromDraftToStatement(t *testing.T) { eachDatabase(t, fromDraftToStatement) }

func fromDraftToStatement(t *testing.T, h *home) {
	r := start(t, h, nil)
	manager, approver, dispatcher := r.person(serve.Manager, "Ana"), r.person(serve.Approver, "Bia"), r.person(serve.Dispatcher, "discador")
	ana := r.person(serve.Admin, "ana") // the maker's other key

	refused(t, r.write(manager, "0", "/v1/wallets/main/top-ups", `{"amount":1,"reason":"x"}`), 404, serve.CodeNotFound)
	approval := r.approvedPlan(t, manager, approver)
	if approval.Maker != "Ana" || approval.Approver != "Bia" || len(approval.Reserves) != 1 || approval.Reserves[0].Amount != 600 {
		t.Fatalf("%+v", approval)
	}
	refused(t, r.write(ana, "a2", "/v1/plans/plan-1/reject", fmt.Sprintf(`{"sha256":%q,"reason":"no"}`, approval.SHA256)), 409, serve.CodeState)

	grant := good[ledger.Grant](t, r.write(dispatcher, "l", "/v1/dispatch/lease", `{"day":"2026-03-10","channel":"sms","max":100}`))
	again := r.write(dispatcher, "l", "/v1/dispatch/lease", `{"day":"2026-03-10","channel":"sms","max":100}`)
	if g := good[ledger.Grant](t, again); g.Fence != grant.Fence || len(g.Actions) != len(grant.Actions) {
		t.Errorf("a lease asked for again is another: %s", again.body)
	}
	refused(t, r.write(dispatcher, "l", "/v1/dispatch/lease", `{"day":"2026-03-10","channel":"sms","max":99}`), 409, serve.CodeConflict)
	// Of the four actions of the day and channel, that of c0000006 is of a
	// balance below the least that is collected.
	if len(grant.Actions) != 3 || len(grant.Withheld) != 1 || !strings.HasPrefix(grant.Withheld[0].Reason, "below_minimum: ") {
		t.Fatalf("%+v", grant)
	}
	outcomes := make([]map[string]any, len(grant.Actions))
	for i, a := range grant.Actions {
		outcomes[i] = map[string]any{"action_id": a.ActionID, "state": "sent", "provider_id": "p" + a.ActionID}
	}
	outcomes[0]["real_cost_cents"] = 4
	outcomes[1] = map[string]any{"action_id": grant.Actions[1].ActionID, "state": "failed", "detail": "no such number"}
	body, err := json.Marshal(map[string]any{"fence": grant.Fence, "outcomes": outcomes})
	if err != nil {
		t.Fatal(err)
	}
	acked := r.write(dispatcher, "k", "/v1/dispatch/ack", string(body))
	for i, result := range good[serve.Results](t, acked).Results {
		if result.Status != ledger.Accepted {
			t.Errorf("outcome %d: %+v", i, result)
		}
	}
	replay := r.write(dispatcher, "k", "/v1/dispatch/ack", string(body))
	if replay.body != acked.body || replay.header.Get("Idempotency-Replayed") != "true" || acked.header.Get("Idempotency-Replayed") != "" {
		t.Errorf("the first answer was not given again: %s, %v", replay.body, replay.header)
	}
	other := r.person(serve.Dispatcher, "outro")
	for _, result := range good[serve.Results](t, r.write(other, "k", "/v1/dispatch/ack", string(body))).Results {
		if result.Status == ledger.Accepted || result.Status == ledger.Repeated {
			t.Errorf("another dispatcher's word counts: %+v", result)
		}
	}
	sent := grant.Actions[2].ActionID
	good[ledger.Entry](t, r.write(manager, "r", "/v1/wallets/main/refunds", fmt.Sprintf(`{"action_id":%q,"amount":10,"reason":"not delivered"}`, sent)))
	good[ledger.Plan](t, r.write(approver, "c", "/v1/plans/plan-1/close", `{"reason":"enough"}`))
	statement := good[serve.Statement](t, r.ask("GET", "/v1/wallets/main/entries?limit=1000", manager, ""))
	b := statement.Wallet.Balances
	if b.Funding != 5000 || b.Available != 4996 || b.Reserved != 0 || b.Spent != 4 {
		t.Errorf("balances are %+v", b)
	}
	if last := statement.Entries[len(statement.Entries)-1]; last.After != b || statement.Next != nil {
		t.Errorf("the last entry leaves %+v, the wallet has %+v", last.After, b)
	}
	auditor := r.roles[serve.Auditor]
	report := good[ledger.Report](t, r.ask("GET", fmt.Sprintf("/v1/audit/verify?head=%d:%s", approval.Head.Seq, approval.Head.SHA256), auditor, ""))
	if len(report.Faults) != 0 || report.Actions != 60 {
		t.Errorf("%+v", report)
	}
	wrong := fmt.Sprintf("/v1/audit/verify?head=%d:%s", approval.Head.Seq, strings.Repeat("0", 64))
	if report := good[ledger.Report](t, r.ask("GET", wrong, auditor, "")); len(report.Faults) != 1 {
		t.Errorf("a head that is not the chain's: %+v", report)
	}
}

// TestMakerDoesNotApprove: whatever the keys, nobody approves what he made, and
// an approval names the hash that was seen.
func TestMakerDoesNotApprove(t *testing.T) { eachDatabase(t, makerDoesNotApprove) }

func makerDoesNotApprove(t *testing.T, h *home) {
	r := start(t, h, nil)
	admin, approver := r.person(serve.Admin, "Ana"), r.person(serve.Approver, " ANA ")
	good[ledger.Wallet](t, r.write(admin, "w", "/v1/wallets", `{"wallet_id":"main","currency":"BRL","name":"x"}`))
	plan := good[ledger.Plan](t, r.write(admin, "i", "/v1/plans", `{"as_of":"2026-03-09"}`))
	path := "/v1/plans/" + plan.ID
	body := func(sum string) string { return fmt.Sprintf(`{"sha256":%q,"reason":"ok","wallet_id":"main"}`, sum) }
	refused(t, r.write(r.person(serve.Manager, "Zoe"), "s", path+"/submit", ""), 409, serve.CodeRefused)
	good[ledger.Plan](t, r.write(admin, "s", path+"/submit", ""))
	refused(t, r.write(admin, "1", path+"/approve", body(plan.SHA256)), 403, serve.CodeApprover)
	refused(t, r.write(approver, "1", path+"/approve", body(plan.SHA256)), 403, serve.CodeApprover)
	bia := r.person(serve.Approver, "Bia")
	refused(t, r.write(bia, "1", path+"/approve", body(strings.Repeat("0", 64))), 409, serve.CodeHash)
	refused(t, r.write(bia, "2", path+"/approve", body(plan.SHA256)), 409, serve.CodeInsufficient)
	good[ledger.Entry](t, r.write(admin, "t", "/v1/wallets/main/top-ups", `{"amount":600,"reason":"NF 1"}`))
	again := r.write(bia, "2", path+"/approve", body(plan.SHA256))
	refused(t, again, 409, serve.CodeInsufficient)
	if again.header.Get("Idempotency-Replayed") != "true" {
		t.Error("a refusal that was given again does not say so")
	}
	part := fmt.Sprintf(`{"sha256":%q,"reason":"só SMS","wallet_id":"main","part":{"plan_id":"plan-1-sms","channels":["sms"],"segments":["new"]}}`, plan.SHA256)
	approval := good[ledger.Approval](t, r.write(bia, "3", path+"/approve", part))
	shown := good[serve.ShownPlan](t, r.ask("GET", "/v1/plans/"+approval.PlanID, bia, ""))
	if shown.Parent != plan.ID || shown.State != ledger.Approved || shown.Approval == nil || shown.Actions != 6 {
		t.Errorf("%+v", shown)
	}
	for _, total := range shown.Totals {
		if total.Channel != data.SMS || total.Segment != "new" {
			t.Errorf("%+v is in the part", total)
		}
	}
	diff := good[serve.PlanDiff](t, r.ask("GET", "/v1/plans/plan-1-sms/diff?against="+plan.ID+"&limit=2", bia, ""))
	if diff.Added.Actions != 0 || diff.Kept.Actions != 6 || diff.Removed.Actions != 54 || len(diff.Changed) != 2 || diff.Changed[0].Change != "removed" {
		t.Errorf("%+v", diff)
	}
}

func jsonOf(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
