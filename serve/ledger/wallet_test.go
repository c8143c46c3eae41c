package ledger_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"dunning/data"
	"dunning/serve/ledger"
)

func TestSameIDSameAnswerOtherInputConflict(t *testing.T) {
	eachDatabase(t, func(t *testing.T, h *home) {
		h.funded(t, 1000)
		first := ledger.TopUpRequest{ID: "T2", WalletID: "brl", Amount: 50, Actor: "ana", Reason: "invoice 2"}
		a, err := h.TopUp(t.Context(), first)
		if err != nil {
			t.Fatal(err)
		}
		b, err := h.TopUp(t.Context(), first)
		if err != nil || a.Seq != b.Seq || a.At != b.At || a.After != b.After {
			t.Errorf("again: %+v, want %+v, %v", b, a, err)
		}
		for name, change := range map[string]func(*ledger.TopUpRequest){
			"amount": func(r *ledger.TopUpRequest) { r.Amount++ },
			"actor":  func(r *ledger.TopUpRequest) { r.Actor = "eva" },
			"reason": func(r *ledger.TopUpRequest) { r.Reason = "invoice 3" },
		} {
			other := first
			change(&other)
			if _, err := h.TopUp(t.Context(), other); !errors.Is(err, ledger.ErrConflict) || !errors.Is(err, data.ErrRefused) {
				t.Errorf("other %s: %v", name, err)
			}
		}
		for _, w := range []ledger.WalletRequest{{ID: "brl", Currency: ledger.BRL, Name: "Other", Actor: "ana"}, {ID: "brl", Currency: ledger.Credits(data.SMS), Name: "Main", Actor: "ana"}} {
			if _, err := h.CreateWallet(t.Context(), w); !errors.Is(err, ledger.ErrConflict) {
				t.Errorf("%+v: %v", w, err)
			}
		}
		p := proposal("P1", 3)
		plan := h.submitted(t, p)
		if again, err := h.CreatePlan(t.Context(), p); err != nil || again.SHA256 != plan.SHA256 || again.State != ledger.Submitted {
			t.Errorf("%+v, %v", again, err)
		}
		p.Actions[2].Reason += "!"
		if _, err := h.CreatePlan(t.Context(), p); !errors.Is(err, ledger.ErrConflict) {
			t.Errorf("a plan with one byte more: %v", err)
		}
		if w, err := h.Wallet(t.Context(), "brl"); err != nil || w.Balances.Available != 1050 {
			t.Errorf("%+v, %v", w, err)
		}
		h.verified(t)
	})
}

func TestRequestsThatMakeNoSense(t *testing.T) {
	eachDatabase(t, func(t *testing.T, h *home) {
		h.funded(t, 1000)
		topUp := ledger.TopUpRequest{ID: "T2", WalletID: "brl", Amount: 50, Actor: "ana", Reason: "x"}
		for name, tt := range map[string]struct {
			change func(*ledger.TopUpRequest)
			want   error
		}{
			"nothing":          {func(r *ledger.TopUpRequest) { r.Amount = 0 }, ledger.ErrInvalid},
			"negative":         {func(r *ledger.TopUpRequest) { r.Amount = -1 }, ledger.ErrInvalid},
			"too much":         {func(r *ledger.TopUpRequest) { r.Amount = ledger.MaxUnits + 1 }, ledger.ErrInvalid},
			"no id":            {func(r *ledger.TopUpRequest) { r.ID = "" }, ledger.ErrInvalid},
			"the ledger's id":  {func(r *ledger.TopUpRequest) { r.ID = "post/A1" }, ledger.ErrInvalid},
			"no actor":         {func(r *ledger.TopUpRequest) { r.Actor = " " }, ledger.ErrInvalid},
			"no reason":        {func(r *ledger.TopUpRequest) { r.Reason = "\n" }, ledger.ErrInvalid},
			"a zero byte":      {func(r *ledger.TopUpRequest) { r.Reason = "a\x00b" }, ledger.ErrInvalid},
			"not UTF-8":        {func(r *ledger.TopUpRequest) { r.Reason = "a\xff" }, ledger.ErrInvalid},
			"no such wallet":   {func(r *ledger.TopUpRequest) { r.WalletID = "usd" }, ledger.ErrNotFound},
			"an SQL injection": {func(r *ledger.TopUpRequest) { r.WalletID = "x' OR 1=1" }, ledger.ErrNotFound},
		} {
			r := topUp
			tt.change(&r)
			if _, err := h.TopUp(t.Context(), r); !errors.Is(err, tt.want) || data.ExitCode(err) != 2 {
				t.Errorf("%s: %v", name, err)
			}
		}
		if _, err := h.CreateWallet(t.Context(), ledger.WalletRequest{ID: "w", Currency: "credits:pigeon", Name: "x", Actor: "ana"}); !errors.Is(err, ledger.ErrInvalid) {
			t.Error(err)
		}
		if entries, err := h.Entries(t.Context(), "brl", 0, 10); err != nil || len(entries) != 1 {
			t.Errorf("%d entries, %v", len(entries), err)
		}
	})
}

func TestFundingStaysExact(t *testing.T) {
	eachDatabase(t, func(t *testing.T, h *home) {
		h.funded(t, 1)
		for i := range 10 {
			_, err := h.TopUp(t.Context(), ledger.TopUpRequest{ID: fmt.Sprint("big-", i), WalletID: "brl", Amount: ledger.MaxUnits, Actor: "ana", Reason: "x"})
			if full := i >= 8; full != errors.Is(err, ledger.ErrInsufficient) || !full && err != nil {
				t.Errorf("top-up %d: %v", i, err)
			}
		}
		h.verified(t)
	})
}

func TestRefundNoMoreThanPosted(t *testing.T) {
	eachDatabase(t, func(t *testing.T, h *home) {
		h.funded(t, 100)
		h.approved(t, proposal("P1", 1))
		g, err := h.Lease(t.Context(), lease("L1", 1))
		if err != nil {
			t.Fatal(err)
		}
		must(t)(h.Ack(t.Context(), sent(g)))
		refund := func(id string, amount ledger.Units) error {
			_, err := h.Refund(t.Context(), ledger.RefundRequest{ID: id, PostID: "post/" + g.Actions[0].ActionID, Amount: amount, Actor: "ana", Reason: "not delivered"})
			return err
		}
		for _, step := range []struct {
			id     string
			amount ledger.Units
			want   error
		}{{"R1", 10, ledger.ErrInsufficient}, {"R2", 5, nil}, {"R2", 5, nil}, {"R2", 4, ledger.ErrConflict}, {"R3", 5, ledger.ErrInsufficient}, {"R4", 4, nil}, {"R5", 1, ledger.ErrInsufficient}} {
			if err := refund(step.id, step.amount); !errors.Is(err, step.want) || (err == nil) != (step.want == nil) {
				t.Errorf("%+v: %v", step, err)
			}
		}
		if _, err := h.Refund(t.Context(), ledger.RefundRequest{ID: "R6", PostID: "topup-1", Amount: 1, Actor: "ana", Reason: "x"}); !errors.Is(err, ledger.ErrInvalid) {
			t.Errorf("refund of a top-up: %v", err)
		}
		w, err := h.Wallet(t.Context(), "brl")
		if want := (ledger.Balances{Funding: 100, Available: 100}); err != nil || w.Balances != want {
			t.Errorf("%+v, want %+v", w.Balances, want)
		}
		h.verified(t)
	})
}

// Twelve plans of 90 cents want to be approved at once, and there is money for
// five.
func TestApprovalsAtOnceDoNotOverdraw(t *testing.T) {
	eachDatabase(t, func(t *testing.T, h *home) {
		h.funded(t, 5*90+89)
		const plans = 12
		errs := make([]error, plans)
		var wg sync.WaitGroup
		for i := range plans {
			plan := h.submitted(t, proposal(fmt.Sprint("P", i), 10))
			wg.Go(func() { _, errs[i] = h.Approve(t.Context(), approval(plan)) })
		}
		wg.Wait()
		passed := 0
		for _, err := range errs {
			if err == nil {
				passed++
			} else if !errors.Is(err, ledger.ErrInsufficient) {
				t.Error(err)
			}
		}
		w, err := h.Wallet(t.Context(), "brl")
		if want := (ledger.Balances{Funding: 539, Available: 89, Reserved: 450}); passed != 5 || err != nil || w.Balances != want {
			t.Errorf("%d passed, %+v, %v", passed, w.Balances, err)
		}
		h.verified(t)
	})
}

// A wallet of credits pays one for each touch of its channel, money pays for
// the rest.
func TestCreditsPayForTheirChannelOnly(t *testing.T) {
	eachDatabase(t, func(t *testing.T, h *home) {
		h.funded(t, 100)
		must(t)(h.CreateWallet(t.Context(), ledger.WalletRequest{ID: "zap", Currency: ledger.Credits(data.WhatsApp), Name: "WhatsApp", Actor: "ana"}))
		must(t)(h.TopUp(t.Context(), ledger.TopUpRequest{ID: "T2", WalletID: "zap", Amount: 3, Actor: "ana", Reason: "package"}))
		p := proposal("P1", 6)
		for i := range 3 {
			p.Actions[i].Channel, p.Actions[i].CostCents = data.WhatsApp, 35
		}
		plan := h.submitted(t, p)
		r := approval(plan)
		r.WalletID, r.Wallets = "", map[data.Channel]string{data.SMS: "zap", data.WhatsApp: "zap"}
		if _, err := h.Approve(t.Context(), r); !errors.Is(err, ledger.ErrInvalid) {
			t.Errorf("credits of WhatsApp paid for SMS: %v", err)
		}
		r.Wallets = map[data.Channel]string{data.WhatsApp: "zap"}
		if _, err := h.Approve(t.Context(), r); !errors.Is(err, ledger.ErrNotFound) {
			t.Errorf("nobody pays for SMS: %v", err)
		}
		r.WalletID = "brl"
		must(t)(h.Approve(t.Context(), r))
		l := lease("L1", 2)
		l.Channel = data.WhatsApp
		g, err := h.Lease(t.Context(), l)
		if err != nil {
			t.Fatal(err)
		}
		ack, cost := sent(g), data.Cents(40)
		ack.Outcomes[0].RealCostCents = &cost
		must(t)(h.Ack(t.Context(), ack))
		wallets, err := h.Wallets(t.Context())
		if err != nil || len(wallets) != 2 {
			t.Fatalf("%+v, %v", wallets, err)
		}
		for i, want := range []ledger.Balances{{Funding: 100, Available: 73, Reserved: 27}, {Funding: 3, Reserved: 1, Spent: 2}} {
			if wallets[i].Balances != want {
				t.Errorf("%s: %+v, want %+v", wallets[i].ID, wallets[i].Balances, want)
			}
		}
		h.verified(t)
	})
}
