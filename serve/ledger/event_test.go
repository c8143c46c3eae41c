package ledger_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"dunning/data"
	"dunning/serve/ledger"
)

// Events are kept once, in whatever order they come, and say of whom they are.
func TestEvents(t *testing.T) {
	eachDatabase(t, func(t *testing.T, h *home) {
		ctx := t.Context()
		h.funded(t, 1000)
		h.approved(t, proposal("P1", 3))
		g := h.leased(t, lease("L1", 2))
		due := today + 5
		events := []ledger.Event{
			{ID: "E1", Kind: ledger.EventOpened, At: noon.Add(time.Hour), ActionID: g.Actions[0].ActionID},
			{ID: "E2", Kind: ledger.EventDelivered, At: noon, ActionID: g.Actions[0].ActionID}, // before the ack, after E1
			{ID: "E3", Kind: ledger.EventPromise, At: noon, CustomerID: "c7", AmountCents: 5, DueOn: &due},
			{ID: "E4", Kind: ledger.EventBounced, At: noon, ActionID: "never approved"},
			{ID: "E1", Kind: ledger.EventOpened, At: noon.Add(time.Hour), ActionID: g.Actions[0].ActionID},
			{ID: "E1", Kind: ledger.EventClicked, At: noon, ActionID: g.Actions[0].ActionID},
			{ID: "E5", Kind: ledger.EventReplied, At: noon, ActionID: g.Actions[0].ActionID, CustomerID: "another"},
		}
		statuses := func() (out []ledger.ResultStatus) {
			t.Helper()
			results, err := h.AddEvents(ctx, "d1", events)
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range results {
				out = append(out, r.Status)
			}
			return out
		}
		first := []ledger.ResultStatus{ledger.Accepted, ledger.Accepted, ledger.Accepted, ledger.Unknown, ledger.Repeated, ledger.Conflict, ledger.Unknown}
		if got := statuses(); !slices.Equal(got, first) {
			t.Errorf("got %v", got)
		}
		again := []ledger.ResultStatus{ledger.Repeated, ledger.Repeated, ledger.Repeated, ledger.Unknown, ledger.Repeated, ledger.Conflict, ledger.Unknown}
		if got := statuses(); !slices.Equal(got, again) {
			t.Errorf("the second time: %v", got)
		}
		kept, err := h.Events(ctx, 1, 10)
		if err != nil || len(kept) != 2 || kept[0].ID != "E2" || kept[0].CustomerID != g.Actions[0].CustomerID || kept[0].Channel != g.Actions[0].Channel || !kept[0].At.Equal(noon) || *kept[1].DueOn != due {
			t.Errorf("%+v, %v", kept, err)
		}
		of, err := h.EventsOf(ctx, []string{"c7", g.Actions[0].CustomerID}, ledger.EventPromise, ledger.EventOpened)
		if err != nil || len(of) != 2 || of[0].ID != "E1" || of[1].ID != "E3" {
			t.Errorf("%+v, %v", of, err)
		}
		in := 0
		if err := h.EventsReceived(ctx, noon, noon.Add(time.Hour), func(ledger.ReceivedEvent) error { in++; return nil }); err != nil || in != 3 {
			t.Errorf("%d, %v", in, err)
		}
		h.verified(t)
	})
}

func TestEventsThatSayTooLittle(t *testing.T) {
	h := sqliteHome(t)
	due := data.Date(0)
	for name, e := range map[string]ledger.Event{
		"no id":                 {Kind: ledger.EventDispute, At: noon, CustomerID: "c"},
		"no kind":               {ID: "x", At: noon, CustomerID: "c"},
		"no time":               {ID: "x", Kind: ledger.EventDispute, CustomerID: "c"},
		"nobody":                {ID: "x", Kind: ledger.EventDispute, At: noon},
		"a touch of no action":  {ID: "x", Kind: ledger.EventOpened, At: noon, CustomerID: "c"},
		"a channel of no kind":  {ID: "x", Kind: ledger.EventOptOut, At: noon, CustomerID: "c", Channel: "fax"},
		"a payment of nothing":  {ID: "x", Kind: ledger.EventPayment, At: noon, CustomerID: "c", AmountCents: 1},
		"a payment of no cents": {ID: "x", Kind: ledger.EventPayment, At: noon, CustomerID: "c", InvoiceID: "i"},
		"a promise of no day":   {ID: "x", Kind: ledger.EventPromise, At: noon, CustomerID: "c", AmountCents: 1},
		"a promise of no cents": {ID: "x", Kind: ledger.EventPromise, At: noon, CustomerID: "c", DueOn: &due},
		"no text":               {ID: "x", Kind: ledger.EventDispute, At: noon, CustomerID: "\xff"},
	} {
		if _, err := h.AddEvents(t.Context(), "d1", []ledger.Event{e}); !errors.Is(err, ledger.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := h.AddEvents(t.Context(), "d1", nil); !errors.Is(err, ledger.ErrInvalid) {
		t.Errorf("no event: %v", err)
	}
}
