package serve_test

import (
	"strings"
	"testing"
	"time"

	"dunning/data"
	"dunning/policy"
	"dunning/serve"
	"dunning/serve/ledger"
)

// TestRecheckKeepsTheHours: an hour that is too early puts an action off, one
// that does not come again within the window withholds it, and two plans do not
// touch a customer twice a day. Who is a good payer is to be spoken to gently.
func TestRecheckKeepsTheHours(t *testing.T) {
	h := newHome(t)
	h.rules = func(c *policy.Config) {
		c.SoftTone = policy.SoftToneRule{Segments: []string{"new"}, Channels: []data.Channel{data.SMS}, UntilDays: 30}
	}
	customers := customerRows(20)
	for i := range customers {
		customers[i].UF = "AC" // Acre is five hours behind UTC
	}
	h.lake(customers, nil)
	h.scores(dayOne, scoreRows(20, dayOne))
	rows := actionRows(20, "plan-1", dayOne)
	for i := range rows { // all on the 10th, from 6 to 15 hours in Acre, by SMS
		rows[i].Day, rows[i].Channel = dayTwo, data.SMS
		rows[i].WindowStart, rows[i].WindowEnd = dayTwo.Time().Add(11*time.Hour), dayTwo.Time().Add(20*time.Hour)
		switch rows[i].CustomerID {
		case "c0000015": // until 7 hours there
			rows[i].WindowEnd = dayTwo.Time().Add(12*time.Hour + time.Minute)
		case "c0000017": // the same customer as c0000016
			rows[i].CustomerID = "c0000016"
		}
	}
	h.plan(dayOne, rows)
	r := start(t, h, nil)
	dispatcher := r.person(serve.Dispatcher, "discador")
	r.approvedPlan(t, r.person(serve.Manager, "Ana"), r.person(serve.Approver, "Bia"))
	const body = `{"day":"2026-03-10","channel":"sms","max":100,"seconds":60}`
	early := good[ledger.Grant](t, r.write(dispatcher, "early", "/v1/dispatch/lease", body)) // 12:00 UTC is 7:00 there
	for _, w := range early.Withheld {
		if !strings.HasPrefix(w.Reason, "paid: ") && !strings.HasPrefix(w.Reason, "below_minimum: ") && !(w.ActionID == "a00015" && strings.HasPrefix(w.Reason, "hours_")) {
			t.Errorf("%+v", w)
		}
	}
	if len(early.Actions) != 0 || len(early.Withheld) != 11 { // customers 0 to 9, and 15
		t.Errorf("at seven: %d handed out, withheld %+v", len(early.Actions), early.Withheld)
	}
	r.clock.move(3 * time.Hour)
	late := good[ledger.Grant](t, r.write(dispatcher, "late", "/v1/dispatch/lease", body))
	if len(late.Actions) != 9 || len(late.Withheld) != 0 {
		t.Errorf("at ten: %d handed out, withheld %+v", len(late.Actions), late.Withheld)
	}
	for _, a := range late.Actions {
		if odd := (a.CustomerID[7]-'0')%2 == 1; a.SoftTone != odd { // the segment "new"
			t.Errorf("%s: soft tone %t", a.CustomerID, a.SoftTone)
		}
	}
	outcome := `{"fence":` + jsonOf(t, late.Fence) + `,"outcomes":[{"action_id":"a00016","state":"sent"}]}`
	good[serve.Results](t, r.write(dispatcher, "ack", "/v1/dispatch/ack", outcome))
	r.clock.move(2 * time.Minute)
	again := good[ledger.Grant](t, r.write(dispatcher, "again", "/v1/dispatch/lease", body))
	if len(again.Withheld) != 1 || again.Withheld[0].ActionID != "a00017" || !strings.HasPrefix(again.Withheld[0].Reason, "min_gap: ") {
		t.Errorf("a second touch on one day: %+v", again.Withheld)
	}
}
