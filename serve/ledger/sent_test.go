package ledger_test

import (
	"errors"
	"testing"
	"time"

	"dunning/data"
	"dunning/serve/ledger"
)

// What was sent is found by its time, its customer and its id.
func TestSent(t *testing.T) {
	eachDatabase(t, func(t *testing.T, h *home) {
		ctx := t.Context()
		h.funded(t, 1000)
		p := proposal("P1", 3)
		p.Actions[0].Template, p.Actions[0].ReguaID, p.Actions[0].ReguaVersion, p.Actions[0].ReguaStep = "lembrete", "b2c", 2, "D+1"
		h.approved(t, p)
		g := h.leased(t, lease("L1", 3))
		ack := sent(g)
		cost := data.Cents(4)
		ack.Outcomes[0].RealCostCents = &cost
		ack.Outcomes = ack.Outcomes[:2]
		must(t)(h.Ack(ctx, ack))
		var between []ledger.SentAction
		keep := func(a ledger.SentAction) error { between = append(between, a); return nil }
		err := h.SentBetween(ctx, noon, noon.Add(time.Hour), keep)
		if err != nil || len(between) != 2 || !between[0].SentAt.Equal(noon) {
			t.Fatalf("%+v, %v", between, err)
		}
		for _, a := range between {
			if a.ActionID == ack.Outcomes[0].ActionID && (a.RealCostCents == nil || *a.RealCostCents != 4) {
				t.Errorf("%+v", a)
			}
			if want := p.Actions[0]; a.ActionID == want.ActionID && (a.Template != "lembrete" || a.ReguaID != "b2c" || a.ReguaVersion != 2 || a.ReguaStep != "D+1") {
				t.Errorf("the régua's step is lost: %+v", a)
			}
		}
		if err := h.SentBetween(ctx, noon.Add(time.Second), noon.Add(time.Hour), keep); err != nil || len(between) != 2 {
			t.Errorf("%+v, %v", between, err)
		}
		// Who reads for longer than a commit may take still gets all.
		h.CommitWithinForTest(2 * time.Second)
		if err := h.SentBetween(ctx, noon, noon.Add(time.Hour), func(ledger.SentAction) error { time.Sleep(1100 * time.Millisecond); return nil }); err != nil {
			t.Errorf("a slow reader: %v", err)
		}
		h.CommitWithinForTest(time.Minute)
		stop := errors.New("stop")
		if err := h.SentBetween(ctx, noon, noon.Add(time.Hour), func(ledger.SentAction) error { return stop }); !errors.Is(err, stop) {
			t.Errorf("an error of the caller: %v", err)
		}
		customers := []string{g.Actions[0].CustomerID, g.Actions[2].CustomerID, "nobody"}
		if to, err := h.SentTo(ctx, customers, today); err != nil || len(to) != 1 || to[0].ActionID != g.Actions[0].ActionID {
			t.Errorf("%+v, %v", to, err)
		}
		if to, err := h.SentTo(ctx, customers, today+1); err != nil || len(to) != 0 {
			t.Errorf("of later days: %+v, %v", to, err)
		}
		of, err := h.DispatchesOf(ctx, []string{g.Actions[0].ActionID, g.Actions[2].ActionID, "nothing"})
		if err != nil || len(of) != 2 || of[g.Actions[0].ActionID].State != "sent" || of[g.Actions[2].ActionID].State != "leased" {
			t.Errorf("%+v, %v", of, err)
		}
	})
}
