package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"dunning/serve/ledger"
)

// topUpOnce is a handler as a server has it: one effect, and an answer that
// tells how it went.
func (h *home) topUpOnce(t testing.TB, key string, body string, effects *atomic.Int64) (ledger.Answer, bool, error) {
	return h.Once(t.Context(), ledger.OnceRequest{Scope: "k1", Key: key, Request: []byte(body)}, func(ctx context.Context) (ledger.Answer, error) {
		id := fmt.Sprint("T", effects.Add(1))
		e, err := h.TopUp(ctx, ledger.TopUpRequest{ID: id, WalletID: "brl", Amount: 5, Actor: "ana", Reason: body})
		if err != nil {
			return ledger.Answer{}, err
		}
		return ledger.Answer{Status: 201, ContentType: "application/json", Body: fmt.Appendf(nil, `{"seq":%d}`, e.Seq)}, nil
	})
}

func TestFiftyPostsOneEffect(t *testing.T) {
	eachDatabase(t, func(t *testing.T, h *home) {
		h.funded(t, 1000)
		const posts = 50
		var effects, first atomic.Int64
		answers := make([]string, posts)
		var wg sync.WaitGroup
		for i := range posts {
			wg.Go(func() {
				a, again, err := h.topUpOnce(t, "key", "body", &effects)
				if err != nil {
					t.Error(err)
				}
				if !again {
					first.Add(1)
				}
				answers[i] = fmt.Sprintf("%d %s %s", a.Status, a.ContentType, a.Body)
			})
		}
		wg.Wait()
		for _, a := range answers {
			if a != `201 application/json {"seq":2}` {
				t.Errorf("answer %s", a)
			}
		}
		w, _ := h.Wallet(t.Context(), "brl")
		if effects.Load() != 1 || first.Load() != 1 || w.Balances.Funding != 1005 {
			t.Errorf("%d effects, %d first answers, %+v", effects.Load(), first.Load(), w.Balances)
		}
		if _, _, err := h.topUpOnce(t, "key", "another body", &effects); !errors.Is(err, ledger.ErrConflict) {
			t.Error(err)
		}
		if _, again, err := h.topUpOnce(t, "another key", "body", &effects); err != nil || again {
			t.Errorf("again %v, %v", again, err)
		}
		h.clock.add(24 * time.Hour)
		must(t)(h.Sweep(t.Context()))
		if _, again, err := h.topUpOnce(t, "key", "body", &effects); err != nil || !again {
			t.Errorf("forgotten after a day: %v", err)
		}
		h.clock.add(24*time.Hour + time.Microsecond)
		if s, err := h.Sweep(t.Context()); err != nil || s.Answers != 2 {
			t.Errorf("%+v, %v", s, err)
		}
		h.verified(t)
	})
}

// A handler that fails leaves nothing: not its answer, not its effects. One
// that answers a refusal keeps what it did besides, and the answer.
func TestOnceIsAllOrNothing(t *testing.T) {
	eachDatabase(t, func(t *testing.T, h *home) {
		h.funded(t, 1000)
		plan := h.submitted(t, proposal("P1", 3))
		before := h.verified(t)
		boom := errors.New("boom")
		_, _, err := h.Once(t.Context(), ledger.OnceRequest{Key: "k", Request: []byte("x")}, func(ctx context.Context) (ledger.Answer, error) {
			must(t)(h.Approve(ctx, approval(plan)))
			if w, err := h.Wallet(ctx, "brl"); err != nil || w.Balances.Reserved != 27 {
				t.Errorf("its own effects are not seen: %+v, %v", w, err)
			}
			return ledger.Answer{}, boom
		})
		if !errors.Is(err, boom) {
			t.Error(err)
		}
		if after := h.verified(t); after.Head != before.Head || after.Entries != before.Entries {
			t.Errorf("it left %+v, was %+v", after, before)
		}
		handler := func(ctx context.Context) (ledger.Answer, error) {
			bad := approval(plan)
			bad.SHA256 = "no"
			if _, err := h.Approve(ctx, bad); !errors.Is(err, ledger.ErrHash) {
				t.Error(err)
			}
			over := ledger.ApproveRequest{PlanID: "P1", SHA256: plan.SHA256, Approver: "carla", Reason: "x", WalletID: "brl", Part: &ledger.Part{PlanID: "P1-part"}, Supersedes: []string{"none"}}
			if _, err := h.Approve(ctx, over); !errors.Is(err, ledger.ErrNotFound) { // after it made the part
				t.Error(err)
			}
			must(t)(h.Approve(ctx, approval(plan)))
			must(t)(h.Lease(ctx, lease("L1", 1)))
			return ledger.Answer{Status: 409, Body: nil}, nil
		}
		for _, want := range []bool{false, true} {
			a, again, err := h.Once(t.Context(), ledger.OnceRequest{Key: "k", Request: []byte("x")}, handler)
			if err != nil || again != want || a.Status != 409 || len(a.Body) != 0 {
				t.Errorf("%+v, %v, %v", a, again, err)
			}
		}
		if _, err := h.Plan(t.Context(), "P1-part"); !errors.Is(err, ledger.ErrNotFound) {
			t.Errorf("the refused approval left its part: %v", err)
		}
		if d, err := h.Dispatch(t.Context(), "P1-000001"); err != nil || d.State != ledger.Leased {
			t.Errorf("%+v, %v", d, err)
		}
		h.verified(t)
	})
}
