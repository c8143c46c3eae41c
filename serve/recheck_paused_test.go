package serve_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dunning/data"
	"dunning/policy"
	"dunning/serve"
	"dunning/serve/ledger"
)

// TestRecheckLeavesPausedInvoicesOut: invoices that were paused after the plan was
// approved count neither for the balance nor for the days past due; who has no other
// open one is not touched until the pause is over.
func TestRecheckLeavesPausedInvoicesOut(t *testing.T) {
	h := newHome(t)
	// Each owes R$ 500,00 for 60 days and R$ 5,00, less than is worth a contact, for 20.
	names := []string{"all", "old", "small", "over", "none", "paid"}
	pauses := []string{"all-1 2026-03-10", "all-2 2026-03-31", "old-1 2026-03-31", "small-2 2026-03-31", "over-1 2026-03-08", "over-2 2026-03-08", "paid-1 2026-03-31"}
	want := map[string]string{"all": "paused: ", "old": "below_minimum: ", "paid": "below_minimum: "}
	h.rules = func(c *policy.Config) {
		for _, p := range pauses {
			id, until, _ := strings.Cut(p, " ")
			day, err := data.ParseDate(until)
			h.must(err)
			c.Paused = append(c.Paused, policy.Pause{InvoiceID: id, Until: day})
		}
	}
	customers, scores, rows := customerRows(len(names)), scoreRows(len(names), dayOne), actionRows(len(names), "plan-1", dayOne)
	var invoices []data.Invoice
	for i, name := range names {
		customers[i].CustomerID, scores[i].CustomerID = name, name
		scores[i].BalanceCents, scores[i].DaysPastDue = 50_500, 60
		invoices = append(invoices, data.Invoice{InvoiceID: name + "-1", CustomerID: name, IssuedOn: dayOne - 90, DueOn: dayOne - 60, AmountCents: 50_000},
			data.Invoice{InvoiceID: name + "-2", CustomerID: name, IssuedOn: dayOne - 50, DueOn: dayOne - 20, AmountCents: 500})
		rows[i] = data.Action{PlanID: "plan-1", ActionID: "a-" + name, CustomerID: name, Channel: data.SMS, Day: dayTwo,
			WindowStart: dayTwo.Time().Add(11 * time.Hour), WindowEnd: dayTwo.Time().Add(23 * time.Hour), Step: 1, CostCents: 10, ValueCents: 1000, TreatProb: .9, Source: data.SourceRecommended, Reason: "vale a pena"}
	}
	later := rows[0]
	later.ActionID, later.Day, later.WindowStart, later.WindowEnd = "b-all", dayTwo+1, later.WindowStart.AddDate(0, 0, 1), later.WindowEnd.AddDate(0, 0, 1)
	// What is paid, in part or cancelled is not owed, paused or not.
	invoices = append(invoices, data.Invoice{InvoiceID: "paid-3", CustomerID: "paid", IssuedOn: dayOne - 90, DueOn: dayOne - 70, AmountCents: 90_000},
		data.Invoice{InvoiceID: "paid-4", CustomerID: "paid", IssuedOn: dayOne - 90, DueOn: dayOne - 70, AmountCents: 70_000, CancelledOn: new(dayOne - 1)})
	h.invoicedLake(customers, invoices, []data.Payment{{PaymentID: "p", InvoiceID: "paid-3", CustomerID: "paid", PaidAt: (dayOne - 9).Time(), AmountCents: 89_900}})
	h.scores(dayOne, scores)
	h.plan(dayOne, append(rows, later))
	r := start(t, h, nil)
	dispatcher := r.person(serve.Dispatcher, "discador")
	r.approvedPlan(t, r.person(serve.Manager, "Ana"), r.person(serve.Approver, "Bia"))
	r.clock.move(3 * time.Hour) // 15:00 UTC
	grant := good[ledger.Grant](t, r.write(dispatcher, "day", "/v1/dispatch/lease", `{"day":"2026-03-10","channel":"sms","max":100,"seconds":60}`))
	for _, w := range grant.Withheld {
		if name := strings.TrimPrefix(w.ActionID, "a-"); want[name] == "" || !strings.HasPrefix(w.Reason, want[name]) {
			t.Errorf("%s withheld: %s", name, w.Reason)
		}
	}
	if len(grant.Withheld) != len(want) || len(grant.Actions) != len(names)-len(want) {
		t.Errorf("%d handed out, withheld %+v", len(grant.Actions), grant.Withheld)
	}
	r.clock.move(24 * time.Hour) // the first of his invoices goes on
	next := good[ledger.Grant](t, r.write(r.person(serve.Dispatcher, "discador 2"), "next", "/v1/dispatch/lease", `{"day":"2026-03-11","channel":"sms","max":100,"seconds":60}`))
	if len(next.Actions) != 1 || len(next.Withheld) != 0 {
		t.Errorf("the day after the pause: %d handed out, withheld %+v", len(next.Actions), next.Withheld)
	}
}

// invoicedLake publishes customers with what they owe and paid.
func (h *home) invoicedLake(customers []data.Customer, invoices []data.Invoice, payments []data.Payment) {
	h.t.Helper()
	h.version++
	dir := filepath.Join(h.dir, "versions", fmt.Sprint(h.version))
	h.must(os.MkdirAll(dir, 0o755))
	files := []data.File{table(h, dir, "customers", customers), table(h, dir, "invoices", invoices), table(h, dir, "payments", payments)}
	h.must(data.WriteManifest(dir, data.Manifest{SchemaVersion: data.SchemaVersion, Stage: "extract", Files: files}))
	h.link("lake/extract", "current", dir)
}
