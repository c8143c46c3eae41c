package ledger_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dunning/data"
	"dunning/serve/ledger"
)

// busy fills a ledger with something of every kind.
func busy(t *testing.T, h *home) {
	t.Helper()
	ctx := t.Context()
	h.funded(t, 1000)
	must(t)(h.CreatePlan(ctx, proposal("draft", 2)))
	h.submitted(t, proposal("submitted", 2))
	rejected := h.submitted(t, proposal("rejected", 2))
	must(t)(h.Reject(ctx, ledger.RejectRequest{PlanID: "rejected", SHA256: rejected.SHA256, Actor: "carla", Reason: "too dear"}))
	h.approved(t, proposal("approved", 2))
	h.approved(t, proposal("old", 4))
	whole := approval(h.submitted(t, proposal("whole", 12)))
	whole.Part, whole.Supersedes = &ledger.Part{PlanID: "part", Segments: []string{"new"}}, []string{"old"}
	must(t)(h.Approve(ctx, whole))
	ack := sent(h.leased(t, lease("L1", 5)))
	ack.Outcomes = ack.Outcomes[:4]
	cost := data.Cents(4)
	ack.Outcomes[0].RealCostCents, ack.Outcomes[1].State, ack.Outcomes[1].Detail = &cost, ledger.Failed, "no such number"
	must(t)(h.Ack(ctx, ack))
	must(t)(h.Refund(ctx, ledger.RefundRequest{ID: "R1", PostID: "post/" + ack.Outcomes[2].ActionID, Amount: 5, Actor: "ana", Reason: "not delivered"}))
	g := h.leased(t, lease("L2", 1))
	must(t)(h.Release(ctx, ledger.HoldRequest{Dispatcher: "d1", Fence: g.Fence, ActionIDs: idsOf(g)}))
	_, _, err := h.Once(ctx, ledger.OnceRequest{Scope: "k", Key: "1", Request: []byte("x")}, func(context.Context) (ledger.Answer, error) {
		return ledger.Answer{Status: 201, Body: []byte{0, 255, '"'}}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	must(t)(h.AddEvents(ctx, "d1", []ledger.Event{{ID: "E1", Kind: ledger.EventDelivered, At: noon, ActionID: ack.Outcomes[2].ActionID},
		{ID: "E2", Kind: ledger.EventOptOut, At: noon, CustomerID: "c9"}}))
	must(t)(h.ClosePlan(ctx, "approved", "ana", "enough"))
}

func TestExportGoesIntoEitherDatabase(t *testing.T) {
	eachDatabase(t, func(t *testing.T, h *home) {
		busy(t, h)
		var out bytes.Buffer
		if err := h.Export(t.Context(), &out); err != nil {
			t.Fatal(err)
		}
		for name, open := range map[string]func(testing.TB) *home{"sqlite": sqliteHome, "postgres": postgresHome} {
			t.Run("into "+name, func(t *testing.T) {
				to := open(t)
				if err := to.Import(t.Context(), bytes.NewReader(out.Bytes())); err != nil {
					t.Fatal(err)
				}
				var again bytes.Buffer
				if err := to.Export(t.Context(), &again); err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(out.String(), again.String()); diff != "" {
					t.Errorf("the copy differs: %s", diff)
				}
				if diff := cmp.Diff(h.verified(t), to.verified(t)); diff != "" {
					t.Error(diff)
				}
				// The copy goes on where the original was.
				to.clock.add(time.Hour)
				g := to.leased(t, lease("L3", 100))
				if len(g.Actions) == 0 || g.Fence != 3 {
					t.Errorf("%+v", g)
				}
				must(t)(to.Ack(t.Context(), sent(g)))
				to.verified(t)
				if err := to.Import(t.Context(), bytes.NewReader(out.Bytes())); !errors.Is(err, ledger.ErrState) {
					t.Errorf("into a ledger that is not empty: %v", err)
				}
			})
		}
	})
}

func TestImportRefusesWhatIsNotRight(t *testing.T) {
	h := sqliteHome(t)
	busy(t, h)
	var out bytes.Buffer
	if err := h.Export(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	whole := out.String()
	lines := strings.SplitAfter(whole, "\n")
	for name, text := range map[string]string{
		"nothing":        "",
		"another format": strings.Replace(whole, "ledger-1", "ledger-2", 1),
		"cut short":      whole[:len(whole)/2],
		"a line less":    strings.Join(append(append([]string{}, lines[:5]...), lines[6:]...), ""),
		"a byte changed": strings.Replace(whole, "not delivered", "not deliverED", 1),
		"an amount":      strings.Replace(whole, `"topup-1","brl",1,"top_up","posted","available","funding",1000`, `"topup-1","brl",1,"top_up","posted","available","funding",1001`, 1),
		"no table":       strings.Replace(whole, `"t":"wallets"`, `"t":"wallet"`, 1),
		"no number":      strings.Replace(whole, `"brl",1,"top_up"`, `"brl",1.5,"top_up"`, 1),
		"no JSON":        strings.Replace(whole, `{"t":"wallets"`, `"t":"wallets"`, 1),
	} {
		if text == whole {
			t.Fatalf("%s: nothing was changed", name)
		}
		to := sqliteHome(t)
		if err := to.Import(t.Context(), strings.NewReader(text)); !errors.Is(err, data.ErrDamagedFile) {
			t.Errorf("%s: %v", name, err)
		}
		if r := to.verified(t); r.Rows != 0 || r.Entries != 0 {
			t.Errorf("%s: it left %+v", name, r)
		}
	}
}
