package ledger_test

import (
	"testing"

	"dunning/serve/ledger"
)

func TestWholeWay(t *testing.T) {
	eachDatabase(t, func(t *testing.T, h *home) {
		h.funded(t, 1000)
		a := h.approved(t, proposal("P1", 10))
		if len(a.Reserves) != 1 || a.Reserves[0].Amount != 90 || a.Reserves[0].Status != ledger.Pending {
			t.Errorf("reserved %+v", a.Reserves)
		}
		g, err := h.Lease(t.Context(), lease("L1", 6))
		if err != nil || len(g.Actions) != 6 || g.Fence != 1 {
			t.Fatalf("%+v, %v", g, err)
		}
		results, err := h.Ack(t.Context(), sent(g))
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range results {
			if r.Status != ledger.Accepted || r.State != ledger.Sent {
				t.Errorf("%+v", r)
			}
		}
		must(t)(h.ClosePlan(t.Context(), "P1", "ana", "enough"))
		w, err := h.Wallet(t.Context(), "brl")
		if want := (ledger.Balances{Funding: 1000, Available: 946, Spent: 54}); err != nil || w.Balances != want {
			t.Errorf("balances %+v, want %+v, %v", w.Balances, want, err)
		}
		if r := h.verified(t, a.Head); r.Rows == 0 || r.Entries != 12 || r.Plans != 1 || r.Actions != 10 {
			t.Errorf("looked at %+v", r)
		}
	})
}
