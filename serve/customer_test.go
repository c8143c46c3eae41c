package serve_test

import (
	"math"
	"strings"
	"testing"

	"dunning/data"
	"dunning/serve"
)

// TestCustomerScoreExplains: the curve ends at the score's own probability, and
// the ladder is that of the plan of the same day.
func TestCustomerScoreExplains(t *testing.T) {
	h := furnished(t)
	r := start(t, h, nil)
	admin := r.roles[serve.Admin]
	score := good[serve.CustomerScore](t, r.ask("GET", "/v1/customers/c0000042/score", admin, ""))
	last := score.PaymentCurve[len(score.PaymentCurve)-1]
	if len(score.PaymentCurve) != 30 || last.Day != dayOne+29 || math.Abs(last.PaidProb-0.42) > 1e-12 {
		t.Errorf("the curve ends with %+v after %d days", last, len(score.PaymentCurve))
	}
	for i, p := range score.PaymentCurve[1:] {
		if before := score.PaymentCurve[i]; p.PaidProb <= before.PaidProb || p.Day != before.Day+1 {
			t.Errorf("%+v after %+v", p, before)
		}
	}
	if len(score.BestLadder) != 1 || score.BestLadder[0].ActionID != "a00042" || score.Why != score.BestLadder[0].Reason || len(score.PlanVersion) != 64 || len(score.ScoresVersion) != 64 {
		t.Errorf("%+v", score)
	}
	if held := good[serve.CustomerScore](t, r.ask("GET", "/v1/customers/c0000099/score", admin, "")); len(held.BestLadder) != 0 || !strings.Contains(held.Why, "2026-03-09") {
		t.Errorf("whom the plan does not contact: %+v", held)
	}
	h.scores(dayTwo, scoreRows(100, dayTwo))
	r.store.Refresh(t.Context())
	if later := good[serve.CustomerScore](t, r.ask("GET", "/v1/customers/c0000042/score", admin, "")); later.PlanVersion != "" || len(later.BestLadder) != 0 || later.AsOf != dayTwo {
		t.Errorf("scores without a plan of their day: %+v", later)
	}
}

// TestMetricsOfTheLedger: what waits and what is left is seen, no amount is.
func TestMetricsOfTheLedger(t *testing.T) {
	r := start(t, furnished(t), nil)
	r.approvedPlan(t, r.person(serve.Manager, "Ana"), r.person(serve.Approver, "Bia"))
	text := r.ask("GET", "/metrics", "", "").body
	for _, want := range []string{
		"dunning_ledger_up 1", `dunning_plans{state="approved"} 1`, `dunning_plan_actions{channel="sms",state="waiting"} 12`,
		`dunning_wallet_share{account="reserved",wallet="main"} 0.12`, `dunning_wallet_share{account="available",wallet="main"} 0.88`, "dunning_audit_rows ",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("metrics lack %s", want)
		}
	}
	r.ledger.Close()
	if text := r.ask("GET", "/metrics", "", "").body; !strings.Contains(text, "dunning_ledger_up 0") || !strings.Contains(text, "go_goroutines") {
		t.Error("a ledger that does not answer takes the other metrics with it, or is not seen")
	}
}

func TestLadderOfACustomer(t *testing.T) {
	h := furnished(t)
	rows := actionRows(6, "plan-2", dayTwo)
	for i := range rows {
		rows[i].CustomerID = "c1"
	}
	h.plan(dayTwo, rows)
	store, err := serve.OpenFiles(t.Context(), h.dir, nil, quiet(), nil)
	h.must(err)
	ladder := store.LatestPlan().Ladder("c1")
	for i, a := range ladder {
		if i > 0 && a.Day < ladder[i-1].Day {
			t.Errorf("%s comes after %s", a.Day, ladder[i-1].Day)
		}
	}
	if len(ladder) != 6 || len(store.LatestPlan().Ladder("c")) != 0 || len(store.LatestPlan().Ladder("c2")) != 0 || ladder[0].Day != dayTwo+1 || ladder[5].Day != dayTwo+data.Date(3) {
		t.Errorf("%+v", ladder)
	}
}
