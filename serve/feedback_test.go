package serve_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dunning/serve"
	"dunning/serve/ledger"
)

// TestEventsWithholdActions: what is reported after the plan was made stops an
// action when it is fetched, in whatever order it comes.
func TestEventsWithholdActions(t *testing.T) {
	r := start(t, furnished(t), nil)
	dispatcher := r.person(serve.Dispatcher, "discador")
	r.approvedPlan(t, r.person(serve.Manager, "Ana"), r.person(serve.Approver, "Bia"))
	event := func(id, kind, customer, more string) string {
		return fmt.Sprintf(`{"event_id":%q,"kind":%q,"customer_id":%q%s}`, id, kind, customer, more)
	}
	// Of SMS on the 10th: c21 pays all (2100), c36 opts out of SMS, c51 opted out
	// and in again, told in the wrong order. Of voice: c18 disputes, c33 promises,
	// c48 pays a part. Of e-mail: c15 opts out of SMS only.
	const at = `,"at":"2026-03-10T11:00:00Z"`
	events := []string{
		event("e1", "payment", "c0000021", at+`,"invoice_id":"i","amount_cents":2100,"method":"pix"`),
		event("e2", "opt_out", "c0000036", at+`,"channel":"sms"`),
		event("e3", "opt_in", "c0000051", `,"at":"2026-03-10T11:30:00Z","channel":"sms"`),
		event("e4", "opt_out", "c0000051", at),
		event("e5", "dispute", "c0000018", at),
		event("e6", "promise", "c0000033", at+`,"amount_cents":3300,"due_on":"2026-03-12"`),
		event("e7", "payment", "c0000048", at+`,"invoice_id":"i","amount_cents":100`),
		event("e8", "opt_out", "c0000015", at+`,"channel":"sms"`),
		event("e9", "payment", "c0000045", `,"at":"2026-03-08T11:00:00Z","invoice_id":"i","amount_cents":4500`), // the scores know it
	}
	body := `{"events":[` + strings.Join(events, ",") + `]}`
	for _, result := range good[serve.EventResults](t, r.write(dispatcher, "e", "/v1/events", body)).Results {
		if result.Status != ledger.Accepted {
			t.Errorf("%+v", result)
		}
	}
	for _, result := range good[serve.EventResults](t, r.write(dispatcher, "e again", "/v1/events", body)).Results {
		if result.Status != ledger.Repeated {
			t.Errorf("the second time: %+v", result)
		}
	}
	for channel, want := range map[string]map[string]string{ // customer: why not, "" for handed out
		"sms":   {"c0000006": "below_minimum", "c0000021": "paid", "c0000036": "opt_out", "c0000051": ""},
		"voice": {"c0000003": "below_minimum", "c0000018": "dispute", "c0000033": "promise_open", "c0000048": ""},
		"email": {"c0000000": "paid", "c0000015": "", "c0000030": "", "c0000045": ""},
	} {
		grant := good[ledger.Grant](t, r.write(dispatcher, channel, "/v1/dispatch/lease", fmt.Sprintf(`{"day":"2026-03-10","channel":%q,"max":100}`, channel)))
		got := map[string]string{}
		for _, a := range grant.Actions {
			got[a.CustomerID] = ""
		}
		for _, w := range grant.Withheld {
			rule, _, _ := strings.Cut(w.Reason, ":")
			got["c00"+w.ActionID[1:]] = rule // the numbers of action and customer are one
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: got %v, want %v", channel, got, want)
		}
	}
}

// TestFeedback: what was sent and reported lies in the home as tables, whole and
// the same however often it is written.
func TestFeedback(t *testing.T) {
	h := furnished(t)
	r := start(t, h, nil)
	dispatcher := r.person(serve.Dispatcher, "discador")
	r.approvedPlan(t, r.person(serve.Manager, "Ana"), r.person(serve.Approver, "Bia"))
	grant := good[ledger.Grant](t, r.write(dispatcher, "l", "/v1/dispatch/lease", `{"day":"2026-03-10","channel":"sms","max":1}`))
	id := grant.Actions[0].ActionID
	good[serve.EventResults](t, r.write(dispatcher, "e", "/v1/events", fmt.Sprintf(`{"events":[
		{"event_id":"e2","kind":"complained","action_id":%[1]q,"at":"2026-03-10T13:00:00Z"},
		{"event_id":"e1","kind":"delivered","action_id":%[1]q,"at":"2026-03-10T09:00:01.5-03:00"},
		{"event_id":"p1","kind":"payment","customer_id":"c0000051","invoice_id":"i1","amount_cents":5100,"method":"pix","at":"2026-03-10T12:30:00Z"}]}`, id)))
	good[serve.Results](t, r.write(dispatcher, "k", "/v1/dispatch/ack", fmt.Sprintf(`{"fence":%d,"outcomes":[{"action_id":%q,"state":"sent","real_cost_cents":7}]}`, grant.Fence, id)))
	want := map[string]string{
		"touches/2026-03-10.csv": "touch_id,customer_id,channel,sent_at,cost_cents,template,plan_id,treat_prob\n" +
			id + "," + grant.Actions[0].CustomerID + ",sms,2026-03-10T12:00:00.000000Z,7,,plan-1,0.9\n",
		"touch_events/2026-03-10.csv": "touch_id,at,kind\n" + id + ",2026-03-10T12:00:00.000000Z,sent\n" +
			id + ",2026-03-10T13:00:00.000000Z,complained\n" + id + ",2026-03-10T12:00:01.500000Z,delivered\n",
		"payments/2026-03-10.csv": "payment_id,invoice_id,customer_id,paid_at,amount_cents,method\np1,i1,c0000051,2026-03-10T12:30:00.000000Z,5100,pix\n",
		"opt_outs/2026-03-10.csv": "customer_id,channel,at,kind\n" + grant.Actions[0].CustomerID + ",sms,2026-03-10T13:00:00.000000Z,opt_out\n",
		"promises/none.csv":       "promise_id,customer_id,made_at,due_on,amount_cents,instalment_no\n",
	}
	folder := filepath.Join(h.dir, serve.EventsFolder)
	for round, all := range []bool{false, false, true} {
		if round == 1 { // now each row goes to the disk by itself
			serve.SetFeedbackBufferForTest(t, 1)
		}
		before, _ := os.Stat(filepath.Join(folder, "touches", "2026-03-10.csv"))
		if err := serve.WriteFeedback(t.Context(), r.ledger, h.dir, all, r.clock.now()); err != nil {
			t.Fatal(err)
		}
		for name, text := range want {
			b, err := os.ReadFile(filepath.Join(folder, name))
			if err != nil || string(b) != text {
				t.Errorf("%s: %v\n%s\nwant\n%s", name, err, b, text)
			}
		}
		if after, err := os.Stat(filepath.Join(folder, "touches", "2026-03-10.csv")); err != nil || round > 0 && !os.SameFile(before, after) {
			t.Errorf("a file that was so already was written again: %v", err)
		}
		if left, err := filepath.Glob(filepath.Join(folder, "*", ".*")); err != nil || len(left) > 0 {
			t.Errorf("left behind: %v, %v", left, err)
		}
	}
}
