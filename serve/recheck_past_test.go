package serve_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"dunning/data"
	"dunning/policy"
	"dunning/serve"
	"dunning/serve/ledger"
)

// table writes one table of a lake's version.
func table[T any](h *home, dir, name string, rows []T) data.File {
	h.t.Helper()
	h.must(os.MkdirAll(filepath.Join(dir, name), 0o755))
	name += "/part-000.parquet"
	f, err := data.Write(filepath.Join(dir, name), rows)
	h.must(err)
	f.Name = name
	return f
}

// fullLake publishes customers with what happened before.
func (h *home) fullLake(customers []data.Customer, payments []data.Payment, touches []data.Touch, events []data.TouchEvent) {
	h.t.Helper()
	h.version++
	dir := filepath.Join(h.dir, "versions", fmt.Sprint(h.version))
	files := []data.File{table(h, dir, "customers", customers), table(h, dir, "payments", payments), table(h, dir, "touches", touches), table(h, dir, "touch_events", events)}
	h.must(data.WriteManifest(dir, data.Manifest{SchemaVersion: data.SchemaVersion, Stage: "extract", Files: files}))
	h.link("lake/extract", "current", dir)
}

// TestRecheckKnowsWhatThePlannerKnew: payments, other systems' touches and
// conversations of the lake count at the moment of sending as they do in a plan; a
// touch that the ledger sent, and that came back in the lake, counts once.
func TestRecheckKnowsWhatThePlannerKnew(t *testing.T) {
	h := newHome(t)
	h.rules = func(c *policy.Config) {
		c.PaymentHoldDays, c.MaxTouches7 = 3, 2
		c.Packs = append(c.Packs, "us-reg-f")
		c.QuietSegments = []string{"sempre_em_dia"}
	}
	noon := func(day data.Date) time.Time { return day.Time().Add(15 * time.Hour) }
	names := []string{"paid1", "paid2", "touch1", "touch2", "spoke", "wrote", "twice", "quiet"}
	want := map[string]string{"paid1": "payment_in_flight: ", "touch1": "min_gap: ", "spoke": "reg_f_after_conversation: ", "quiet": "quiet_segment: "}
	customers, scores, rows := customerRows(len(names)), scoreRows(len(names), dayOne), actionRows(len(names), "plan-1", dayOne)
	for i, name := range names {
		customers[i].CustomerID, scores[i].CustomerID = name, name
		scores[i].BalanceCents, scores[i].DaysPastDue = 50_000, 20
		rows[i] = data.Action{PlanID: "plan-1", ActionID: "a-" + name, CustomerID: name, Channel: data.Voice, Day: dayTwo,
			WindowStart: dayTwo.Time().Add(11 * time.Hour), WindowEnd: dayTwo.Time().Add(23 * time.Hour), Step: 1, CostCents: 10, ValueCents: 1000, TreatProb: .9, Source: data.SourceRecommended, Reason: "vale a pena"}
	}
	later := rows[slices.Index(names, "twice")]
	later.ActionID, later.Day, later.Step = "b-twice", dayTwo+3, 2
	later.WindowStart, later.WindowEnd = later.WindowStart.AddDate(0, 0, 3), later.WindowEnd.AddDate(0, 0, 3)
	payments := []data.Payment{{PaymentID: "p1", InvoiceID: "i1", CustomerID: "paid1", PaidAt: noon(dayTwo - 2), AmountCents: 1}, {PaymentID: "p2", InvoiceID: "i2", CustomerID: "paid2", PaidAt: noon(dayTwo - 3), AmountCents: 1},
		{PaymentID: "p0", InvoiceID: "i1", CustomerID: "paid1", PaidAt: noon(dayTwo - 90), AmountCents: 1}}
	touches := []data.Touch{{TouchID: "crm-1", CustomerID: "touch1", Channel: data.SMS, SentAt: noon(dayTwo - 1)}, {TouchID: "crm-2", CustomerID: "touch2", Channel: data.SMS, SentAt: noon(dayTwo - 2)},
		{TouchID: "h-1", CustomerID: "touch2", Channel: data.Hold, SentAt: noon(dayTwo - 1)},
		{TouchID: "crm-3", CustomerID: "spoke", Channel: data.Voice, SentAt: noon(dayTwo - 6)}, {TouchID: "crm-4", CustomerID: "wrote", Channel: data.SMS, SentAt: noon(dayTwo - 6)},
		{TouchID: "old", CustomerID: "touch1", Channel: data.SMS, SentAt: noon(dayTwo - 60)}}
	events := []data.TouchEvent{{TouchID: "crm-3", CustomerID: "spoke", Kind: data.EventReplied, At: noon(dayTwo - 6)}, {TouchID: "crm-4", CustomerID: "wrote", Kind: data.EventReplied, At: noon(dayTwo - 6)}}
	h.fullLake(customers, payments, touches, events)
	type member struct {
		CustomerID string `parquet:"customer_id"`
		Segment    string `parquet:"segment,dict"`
	}
	publish(h, "lake/segments", dayOne, "members.parquet", []member{{"not scored", "outro"}, {"paid2", "outro"}, {"quiet", "sempre_em_dia"}})
	h.scores(dayOne, scores)
	h.plan(dayOne, append(slices.Clone(rows), later))
	r := start(t, h, nil)
	dispatcher := r.person(serve.Dispatcher, "discador")
	r.approvedPlan(t, r.person(serve.Manager, "Ana"), r.person(serve.Approver, "Bia"))
	r.clock.move(3 * time.Hour) // 15:00 UTC
	grant := good[ledger.Grant](t, r.write(dispatcher, "day", "/v1/dispatch/lease", `{"day":"2026-03-10","channel":"voice","max":100,"seconds":600}`))
	for _, w := range grant.Withheld {
		name := strings.TrimPrefix(w.ActionID, "a-")
		if want[name] == "" || !strings.HasPrefix(w.Reason, want[name]) {
			t.Errorf("%s withheld: %s", name, w.Reason)
		}
	}
	if len(grant.Withheld) != len(want) || len(grant.Actions) != len(names)-len(want) {
		t.Errorf("%d handed out, withheld %+v", len(grant.Actions), grant.Withheld)
	}
	good[serve.Results](t, r.write(dispatcher, "ack", "/v1/dispatch/ack", `{"fence":`+jsonOf(t, grant.Fence)+`,"outcomes":[{"action_id":"a-twice","state":"sent"}]}`))
	h.fullLake(customers, nil, []data.Touch{{TouchID: "a-twice", CustomerID: "twice", Channel: data.Voice, SentAt: noon(dayTwo)}}, nil)
	r.store.Refresh(t.Context())
	r.clock.move(3 * 24 * time.Hour)
	grant = good[ledger.Grant](t, r.write(r.person(serve.Dispatcher, "discador 2"), "three days on", "/v1/dispatch/lease", `{"day":"2026-03-13","channel":"voice","max":100,"seconds":60}`))
	if len(grant.Actions) != 1 || len(grant.Withheld) != 0 {
		t.Errorf("the second of two a week: %d handed out, withheld %+v", len(grant.Actions), grant.Withheld)
	}
}
