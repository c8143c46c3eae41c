package serve_test

import (
	"strings"

	"dunning/serve"
	"dunning/serve/ledger"
)

// line is what one operation answers.
type line struct {
	roles string // admitted, "" for everybody
	cases []kase
}

// kase is one kind of call and its answer to those admitted. The first of a
// line is on an own object.
type kase struct {
	name   string
	ask    func(w *world, role serve.Role) call
	status int
	code   string // of a problem
	has    string // what the body contains
}

// call is a request but for its key.
type call struct {
	path string
	body any
}

// get is a case of a fixed path.
func get(name, path string, status int, code string) kase {
	return kase{name, func(*world, serve.Role) call { return call{path: path} }, status, code, ""}
}

// post is a case of a fixed path and body.
func post(name, path string, body any, status int, code string) kase {
	return kase{name, func(*world, serve.Role) call { return call{path, body} }, status, code, ""}
}

type object = map[string]any

// matrix has one line for each operation.
func matrix() map[string]line {
	m := map[string]line{
		"livez":   {"", []kase{get("any", "/livez", 200, "")}},
		"readyz":  {"", []kase{get("any", "/readyz", 200, "")}},
		"metrics": {"", []kase{get("any", "/metrics", 200, "")}},
		"openapi": {"", []kase{get("any", "/openapi.json", 200, "")}},
		"customer-score": {"scientist manager auditor admin", []kase{
			get("a customer", "/v1/customers/c0000007/score", 200, ""), get("nobody", "/v1/customers/c9/score", 404, "not_found")}},
		"forecast": {"scientist manager approver auditor admin", []kase{
			get("the latest", "/v1/forecast", 200, ""), get("a segment by day", "/v1/forecast?segment=novo&grain=day", 200, ""),
			get("no such segment", "/v1/forecast?segment=x", 400, "invalid"), get("no such day", "/v1/forecast?as_of=1999-01-01", 404, "not_found")}},
		"score-batch": {"scientist admin", []kase{
			post("rows", "/v1/score", object{"columns": []string{"f_a", "f_b"}, "rows": [][]float64{{1, 2}}}, 200, ""),
			post("a column lacks", "/v1/score", object{"columns": []string{"f_a"}, "rows": [][]float64{{1}}}, 400, "invalid")}},
		"plan-actions": {"manager approver dispatcher auditor admin", []kase{
			get("the latest", "/v1/plans/latest/actions", 200, ""), get("none", "/v1/plans/1999-01-01/actions", 404, "not_found"), get("neither day nor plan", "/v1/plans/x/actions", 404, "not_found"),
			{"somebody else's plan", func(w *world, _ serve.Role) call { return call{path: "/v1/plans/" + w.draft("x").ID + "/actions"} }, 200, "", `"state":"proposed"`}}},
		"plan-actions-export": {"manager approver dispatcher auditor admin", []kase{
			get("lines", "/v1/plans/latest/actions/export?format=jsonl", 200, ""), get("a table", "/v1/plans/latest/actions/export?format=csv", 200, ""),
			get("columns", "/v1/plans/latest/actions/export?format=parquet", 200, ""), get("a stream", "/v1/plans/latest/actions/export?format=arrow", 200, ""),
			get("none", "/v1/plans/1999-01-01/actions/export?format=csv", 404, "not_found"), get("of no form", "/v1/plans/latest/actions/export?format=xls", 400, "invalid")}},
		"current-model": {"scientist manager auditor admin", []kase{get("any", "/v1/models/current", 200, "")}},
		"audit":         {"auditor admin", []kase{get("all", "/v1/audit", 200, ""), get("a bad page", "/v1/audit?limit=0", 400, "invalid")}},
		"audit-head":    {"auditor admin", []kase{get("any", "/v1/audit/head", 200, "")}},
		"audit-verify": {"auditor admin", []kase{get("all", "/v1/audit/verify", 200, ""), get("a head that never was", "/v1/audit/verify?head=1:"+strings.Repeat("0", 64), 200, ""),
			get("no head", "/v1/audit/verify?head=1", 400, "invalid")}},
	}
	creditLines(m)
	walletLines(m)
	planLines(m)
	decisionLines(m)
	dispatchLines(m)
	eventLines(m)
	reguaLines(m)
	return m
}

func walletLines(m map[string]line) {
	const readers, writers = "manager approver auditor admin", "manager admin"
	reason := func(amount int, more object) object {
		body := object{"amount": amount, "reason": "x"}
		for k, v := range more {
			body[k] = v
		}
		return body
	}
	refund := func(name, wallet string, amount, status int, code string) kase {
		return kase{name, func(w *world, _ serve.Role) call {
			return call{"/v1/wallets/" + wallet + "/refunds", reason(amount, object{"action_id": w.sentAction()})}
		}, status, code, ""}
	}
	m["wallets"] = line{readers, []kase{get("all", "/v1/wallets", 200, "")}}
	m["wallet"] = line{readers, []kase{get("one", "/v1/wallets/main", 200, ""), get("none", "/v1/wallets/nobody", 404, "not_found")}}
	m["wallet-statement"] = line{readers, []kase{get("one", "/v1/wallets/main/entries", 200, ""), get("none", "/v1/wallets/nobody/entries", 404, "not_found")}}
	m["wallet-create"] = line{writers, []kase{
		post("a new one", "/v1/wallets", object{"wallet_id": "sms", "currency": "credits:sms", "name": "SMS"}, 200, ""),
		post("somebody else's, under another name", "/v1/wallets", object{"wallet_id": "main", "currency": "BRL", "name": "Mine"}, 409, "conflict"),
		post("of no money", "/v1/wallets", object{"wallet_id": "usd", "currency": "USD", "name": "x"}, 400, "invalid")}}
	m["wallet-top-up"] = line{writers, []kase{
		post("a wallet", "/v1/wallets/main/top-ups", reason(5, nil), 200, ""),
		post("no wallet", "/v1/wallets/nobody/top-ups", reason(5, nil), 404, "not_found"),
		post("the entry of somebody else", "/v1/wallets/main/top-ups", reason(5, object{"entry_id": "invoice-1"}), 409, "conflict"),
		post("less than nothing", "/v1/wallets/main/top-ups", reason(-5, nil), 400, "invalid")}}
	m["wallet-refund"] = line{writers, []kase{refund("what was posted", "main", 9, 200, ""), refund("what another wallet paid", "other", 9, 404, "not_found"),
		refund("more than was posted", "main", 10, 409, "insufficient"),
		post("no action", "/v1/wallets/main/refunds", reason(5, object{"action_id": "none"}), 404, "not_found")}}
}

func planLines(m map[string]line) {
	const readers, makers = "manager approver dispatcher auditor admin", "manager admin"
	// on is a case about a plan that is made for it.
	on := func(name, suffix string, make func(w *world, role serve.Role) ledger.Plan, status int, code string) kase {
		return kase{name, func(w *world, role serve.Role) call { return call{path: "/v1/plans/" + make(w, role).ID + suffix} }, status, code, ""}
	}
	own := func(w *world, role serve.Role) ledger.Plan { return w.draft(name(role)) }
	other := func(w *world, _ serve.Role) ledger.Plan { return w.draft("somebody else") }
	m["plan-import"] = line{makers, []kase{
		{"a day's", func(_ *world, role serve.Role) call {
			if role == serve.Manager {
				return call{"/v1/plans", object{"as_of": dayOne.String()}}
			}
			return call{"/v1/plans", object{"as_of": "latest"}}
		}, 200, "", ""},
		post("somebody else's draft", "/v1/plans", object{"as_of": (dayOne - 1).String()}, 409, "conflict"),
		post("none", "/v1/plans", object{"as_of": "1999-01-01"}, 404, "not_found"), post("no day", "/v1/plans", object{"as_of": "x"}, 400, "invalid")}}
	m["plans"] = line{readers, []kase{get("all", "/v1/plans", 200, ""), get("some", "/v1/plans?state=draft&state=closed", 200, ""), get("no state", "/v1/plans?state=x", 400, "invalid")}}
	m["plan"] = line{readers, []kase{on("somebody else's", "", other, 200, ""), get("none", "/v1/plans/none", 404, "not_found")}}
	m["plan-diff"] = line{readers, []kase{
		{"two", func(w *world, _ serve.Role) call {
			return call{path: "/v1/plans/" + w.draft("x").ID + "/diff?against=" + w.draft("x").ID}
		}, 200, "", ""},
		on("against none", "/diff?against=none", other, 404, "not_found"), on("against nothing", "/diff", other, 400, "invalid")}}
	m["plan-submit"] = line{makers, []kase{on("an own draft", "/submit", own, 200, ""), on("somebody else's draft", "/submit", other, 409, "refused"),
		get("none", "/v1/plans/none/submit", 404, "not_found"), on("one in force", "/submit", func(w *world, _ serve.Role) ledger.Plan { return w.approved() }, 409, "refused")}}
}

func decisionLines(m map[string]line) {
	// decide is a case of a decision about a plan that is made for it.
	decide := func(name, verb string, make func(w *world, role serve.Role) ledger.Plan, change object, status int, code string) kase {
		return kase{name, func(w *world, role serve.Role) call {
			p := make(w, role)
			body := object{"sha256": p.SHA256, "reason": "within the budget", "wallet_id": "main"}
			if verb != "approve" {
				delete(body, "wallet_id")
			}
			if verb == "close" {
				delete(body, "sha256")
			}
			for k, v := range change {
				body[k] = v
			}
			return call{"/v1/plans/" + p.ID + "/" + verb, body}
		}, status, code, ""}
	}
	own := func(w *world, role serve.Role) ledger.Plan { return w.submitted(name(role)) }
	other := func(w *world, _ serve.Role) ledger.Plan { return w.submitted("maria") }
	draft := func(w *world, _ serve.Role) ledger.Plan { return w.draft("maria") }
	inForce := func(w *world, _ serve.Role) ledger.Plan { return w.approved() }
	none := func(*world, serve.Role) ledger.Plan { return ledger.Plan{ID: "none", SHA256: strings.Repeat("0", 64)} }
	wrong := object{"sha256": strings.Repeat("0", 64)}
	m["plan-approve"] = line{"approver admin", []kase{
		decide("somebody else's", "approve", other, nil, 200, ""), decide("an own plan", "approve", own, nil, 403, "approver_is_maker"),
		decide("another plan than was seen", "approve", other, wrong, 409, "hash_mismatch"), decide("a draft", "approve", draft, nil, 409, "wrong_state"),
		decide("without money", "approve", other, object{"wallet_id": "other"}, 409, "insufficient"), decide("paid by nobody", "approve", other, object{"wallet_id": "none"}, 404, "not_found"),
		decide("none", "approve", none, nil, 404, "not_found"), decide("without a reason", "approve", other, object{"reason": ""}, 400, "invalid")}}
	m["plan-reject"] = line{"approver admin", []kase{
		decide("somebody else's", "reject", other, nil, 200, ""), decide("another plan than was seen", "reject", other, wrong, 409, "hash_mismatch"),
		decide("one in force", "reject", inForce, nil, 409, "wrong_state"), decide("none", "reject", none, nil, 404, "not_found")}}
	m["plan-close"] = line{"manager approver admin", []kase{
		decide("one in force", "close", inForce, nil, 200, ""), decide("a draft", "close", draft, nil, 409, "wrong_state"), decide("none", "close", none, nil, 404, "not_found")}}
}

func dispatchLines(m map[string]line) {
	const roles = "dispatcher admin"
	// hold is a case about the two actions of a lease that is made for it.
	hold := func(name, verb, mine, result string, body func(g ledger.Grant) object) kase {
		return kase{name, func(w *world, role serve.Role) call {
			who := mine
			if who == "" {
				who = "test " + string(role)
			}
			g := w.leased(who)
			b := body(g)
			b["fence"] = g.Fence
			return call{"/v1/dispatch/" + verb, b}
		}, 200, "", result}
	}
	ids := func(g ledger.Grant) object {
		return object{"action_ids": []string{g.Actions[0].ActionID, g.Actions[1].ActionID}}
	}
	long := func(g ledger.Grant) object {
		b := ids(g)
		b["seconds"] = 7200
		return b
	}
	outcome := func(g ledger.Grant) object {
		return object{"outcomes": []object{{"action_id": g.Actions[0].ActionID, "state": "sent", "provider_id": "m1"}, {"action_id": g.Actions[1].ActionID, "state": "failed", "detail": "no route"}}}
	}
	const accepted, fenced = `"status":"accepted"`, `"status":"fenced"`
	day := tuesday.String()
	m["dispatch-lease"] = line{roles, []kase{
		{"what is there", func(w *world, _ serve.Role) call {
			w.approved()
			return call{"/v1/dispatch/lease", object{"day": day, "channel": "sms", "max": 2, "seconds": 60}}
		}, 200, "", `"until"`},
		{"nothing", func(*world, serve.Role) call {
			return call{"/v1/dispatch/lease", object{"day": day, "channel": "letter", "max": 2}}
		}, 200, "", `"actions":[]`},
		post("no channel", "/v1/dispatch/lease", object{"day": day, "channel": "fax", "max": 2}, 400, "invalid")}}
	m["dispatch-ack"] = line{roles, []kase{hold("an own lease", "ack", "", accepted, outcome), hold("somebody else's lease", "ack", "d9", fenced, outcome),
		post("no action", "/v1/dispatch/ack", object{"fence": 1, "outcomes": []object{{"action_id": "none", "state": "sent"}}}, 200, ""),
		post("nothing", "/v1/dispatch/ack", object{"fence": 1, "outcomes": []object{}}, 400, "invalid")}}
	m["dispatch-extend"] = line{roles, []kase{hold("an own lease", "extend", "", accepted, long), hold("somebody else's lease", "extend", "d9", fenced, long),
		post("for ever", "/v1/dispatch/extend", object{"fence": 1, "action_ids": []string{"a"}, "seconds": 1e9}, 400, "invalid")}}
	m["dispatch-release"] = line{roles, []kase{hold("an own lease", "release", "", accepted, ids), hold("somebody else's lease", "release", "d9", fenced, ids),
		post("nothing", "/v1/dispatch/release", object{"fence": 1, "action_ids": []string{}}, 400, "invalid")}}
}

func eventLines(m map[string]line) {
	at := tuesday.Time().Format("2006-01-02T15:04:05Z")
	paid := func(cents int) object {
		return object{"events": []object{{"event_id": "pay-1", "kind": "payment", "at": at, "customer_id": "c0000007", "invoice_id": "i1", "amount_cents": cents}}}
	}
	// about is an event of a touch.
	about := func(name string, action func(w *world) string, result string) kase {
		return kase{name, func(w *world, role serve.Role) call {
			id := action(w)
			return call{"/v1/events", object{"events": []object{{"event_id": "opened-" + id + "-" + string(role), "kind": "opened", "at": at, "action_id": id}}}}
		}, 200, "", result}
	}
	m["events"] = line{"scientist manager auditor admin", []kase{get("all", "/v1/events", 200, ""), get("a bad page", "/v1/events?after=-1", 400, "invalid")}}
	m["events-add"] = line{"dispatcher manager admin", []kase{
		about("a touch that anybody sent", func(w *world) string { return w.sentAction() }, `"status":"accepted"`),
		about("no touch", func(*world) string { return "none" }, `"status":"unknown"`),
		post("a payment, once and again", "/v1/events", paid(500), 200, ""),
		{"the same payment in other words", func(*world, serve.Role) call { return call{"/v1/events", paid(501)} }, 200, "", `"status":"conflict"`},
		post("a payment of nothing", "/v1/events", paid(0), 400, "invalid"), post("nothing", "/v1/events", object{"events": []object{}}, 400, "invalid")}}
}
