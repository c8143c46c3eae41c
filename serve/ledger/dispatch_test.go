package ledger_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dunning/data"
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

// leased leases n actions, or fails the test.
func (h *home) leased(t testing.TB, r ledger.LeaseRequest) ledger.Grant {
	t.Helper()
	g, err := h.Lease(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// acked acks and returns what became of the first action.
func (h *home) acked(t testing.TB, r ledger.AckRequest) ledger.ResultStatus {
	t.Helper()
	results, err := h.Ack(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	return results[0].Status
}

func TestNoActionIsHeldByTwo(t *testing.T) {
	eachDatabase(t, func(t *testing.T, h *home) {
		h.funded(t, 1000)
		h.approved(t, proposal("P1", 10))
		seen := map[string]bool{}
		for _, id := range []string{"L1", "L2", "L3"} {
			for _, a := range idsOf(h.leased(t, lease(id, 4))) {
				if seen[a] {
					t.Errorf("%s was handed out twice", a)
				}
				seen[a] = true
			}
		}
		if len(seen) != 10 {
			t.Errorf("%d of 10 were handed out", len(seen))
		}
		if g := h.leased(t, lease("L4", 4)); len(g.Actions) != 0 || g.Fence != 0 {
			t.Errorf("%+v", g)
		}
		h.verified(t)
	})
}

func TestLeaseRepeatedGivesTheSameGrant(t *testing.T) {
	eachDatabase(t, func(t *testing.T, h *home) {
		h.config.Recheck = func(ctx context.Context, at time.Time, actions []ledger.Action) ([]ledger.Verdict, error) {
			out, err := handOutAll(ctx, at, actions)
			for i, a := range actions {
				out[i].SoftTone = a.ActionID == "P1-000001"
			}
			return out, err
		}
		h.reopen(t)
		h.funded(t, 1000)
		h.approved(t, proposal("P1", 10))
		a := h.leased(t, lease("L1", 4))
		must(t)(h.Ack(t.Context(), ledger.AckRequest{Dispatcher: "d1", Fence: a.Fence, Outcomes: sent(a).Outcomes[:2]}))
		h.clock.add(time.Hour)
		b := h.leased(t, lease("L1", 4))
		if diff := cmp.Diff(a, b); diff != "" {
			t.Error(diff)
		}
		for _, v := range b.Actions {
			if v.SoftTone != (v.ActionID == "P1-000001") {
				t.Errorf("%s: soft tone %t", v.ActionID, v.SoftTone)
			}
		}
		for _, other := range []ledger.LeaseRequest{lease("L1", 5), func() ledger.LeaseRequest { r := lease("L1", 4); r.Dispatcher = "d2"; return r }()} {
			if _, err := h.Lease(t.Context(), other); !errors.Is(err, ledger.ErrConflict) {
				t.Errorf("%+v: %v", other, err)
			}
		}
	})
}

func TestMostValuableFirst(t *testing.T) {
	eachDatabase(t, func(t *testing.T, h *home) {
		h.funded(t, 1000)
		p := proposal("P1", 5)
		for i, v := range []data.Cents{10, 50, -3, 50, 20} {
			p.Actions[i].ValueCents = v
		}
		h.approved(t, p)
		if got, want := idsOf(h.leased(t, lease("L1", 4))), []string{"P1-000002", "P1-000004", "P1-000005", "P1-000001"}; !slices.Equal(got, want) {
			t.Errorf("%v, want %v", got, want)
		}
	})
}

func TestOnlyInsideTheWindow(t *testing.T) {
	eachDatabase(t, func(t *testing.T, h *home) {
		h.funded(t, 1000)
		p := proposal("P1", 4)
		p.Actions[0].WindowEnd = noon                              // just closed
		p.Actions[1].WindowStart = noon.Add(time.Microsecond)      // about to open
		p.Actions[2].WindowStart = noon                            // just open
		p.Actions[3].Day, p.Actions[3].Channel = today+1, data.SMS // another day's
		p.Actions[2].WindowEnd = noon.Add(time.Minute)             // shorter than the lease
		p.Actions[3].WindowEnd = p.Actions[3].WindowEnd.Add(time.Hour * 24)
		h.approved(t, p)
		g := h.leased(t, lease("L1", 10))
		if got := idsOf(g); !slices.Equal(got, []string{"P1-000003"}) || !g.Actions[0].Until.Equal(noon.Add(time.Minute)) {
			t.Errorf("%v until %s", got, g.Actions[0].Until)
		}
		swept, err := h.Sweep(t.Context())
		if err != nil || swept.Actions != 1 {
			t.Errorf("%+v, %v", swept, err)
		}
		if d, err := h.Dispatch(t.Context(), "P1-000001"); err != nil || d.State != ledger.Lapsed || d.EndedBy != ledger.System {
			t.Errorf("%+v, %v", d, err)
		}
		h.verified(t)
	})
}

// What an old holder says after his lease lapsed counts unless somebody else
// has leased or ended the action since.
func TestLateWords(t *testing.T) {
	eachDatabase(t, func(t *testing.T, h *home) {
		h.funded(t, 1000)
		h.approved(t, proposal("P1", 1))
		old := h.leased(t, lease("L1", 1))
		second := lease("L2", 1)
		second.Dispatcher = "d2"
		h.clock.add(10*time.Minute - time.Microsecond)
		if g := h.leased(t, second); len(g.Actions) != 0 {
			t.Fatal("handed out before the lease lapsed")
		}
		h.clock.add(time.Microsecond)
		g := h.leased(t, second)
		if len(g.Actions) != 1 || g.Fence <= old.Fence {
			t.Fatalf("%+v", g)
		}
		if got := h.acked(t, sent(old)); got != ledger.Fenced {
			t.Errorf("the old holder: %s", got)
		}
		stolen := sent(g)
		stolen.Dispatcher = "d1"
		if got := h.acked(t, stolen); got != ledger.Fenced {
			t.Errorf("another dispatcher with the right token: %s", got)
		}
		guessed := sent(g)
		guessed.Fence = 99
		if got := h.acked(t, guessed); got != ledger.Fenced {
			t.Errorf("a token that nobody has: %s", got)
		}
		hold := ledger.HoldRequest{Dispatcher: "d1", Fence: old.Fence, ActionIDs: idsOf(g), Duration: time.Minute}
		for name, f := range map[string]func(context.Context, ledger.HoldRequest) ([]ledger.Result, error){"extend": h.Extend, "release": h.Release} {
			if res, err := f(t.Context(), hold); err != nil || res[0].Status != ledger.Fenced || !errors.Is(res[0].Err(), ledger.ErrFenced) {
				t.Errorf("%s by the old holder: %+v, %v", name, res, err)
			}
		}
		h.clock.add(time.Hour) // lapsed, but nobody else has leased it
		if got := h.acked(t, sent(g)); got != ledger.Accepted {
			t.Errorf("late, and nobody else: %s", got)
		}
		if got := h.acked(t, sent(g)); got != ledger.Repeated {
			t.Errorf("again: %s", got)
		}
		other := sent(g)
		other.Outcomes[0].State = ledger.Failed
		if got := h.acked(t, other); got != ledger.Conflict {
			t.Errorf("the opposite: %s", got)
		}
		if got := h.acked(t, ledger.AckRequest{Dispatcher: "d2", Fence: g.Fence, Outcomes: []ledger.Outcome{{ActionID: "P9-1", State: ledger.Sent}}}); got != ledger.Unknown {
			t.Errorf("an unknown action: %s", got)
		}
		if w, _ := h.Wallet(t.Context(), "brl"); w.Balances.Spent != 9 {
			t.Errorf("%+v", w.Balances)
		}
		h.verified(t)
	})
}

func TestExtendAndRelease(t *testing.T) {
	eachDatabase(t, func(t *testing.T, h *home) {
		h.funded(t, 1000)
		h.approved(t, proposal("P1", 2))
		g := h.leased(t, lease("L1", 2))
		hold := ledger.HoldRequest{Dispatcher: "d1", Fence: g.Fence, ActionIDs: idsOf(g)[:1], Duration: time.Hour}
		res, err := h.Extend(t.Context(), hold)
		if err != nil || res[0].Status != ledger.Accepted || !res[0].Until.Equal(noon.Add(time.Hour)) {
			t.Fatalf("%+v, %v", res, err)
		}
		hold.Duration = time.Second // never shorter
		if res, err = h.Extend(t.Context(), hold); err != nil || !res[0].Until.Equal(noon.Add(time.Hour)) {
			t.Errorf("%+v, %v", res, err)
		}
		h.clock.add(20 * time.Minute)
		second := lease("L2", 2)
		second.Dispatcher = "d2"
		if got := idsOf(h.leased(t, second)); !slices.Equal(got, idsOf(g)[1:]) {
			t.Errorf("only the second had lapsed, handed out %v", got)
		}
		for _, want := range []ledger.ResultStatus{ledger.Accepted, ledger.Repeated} {
			if res, err = h.Release(t.Context(), hold); err != nil || res[0].Status != want || res[0].State != ledger.Waiting {
				t.Errorf("%+v, %v", res, err)
			}
		}
		third := lease("L3", 2)
		if got := idsOf(h.leased(t, third)); !slices.Equal(got, idsOf(g)[:1]) {
			t.Errorf("what was released is %v", got)
		}
		hold.Duration = 24 * time.Hour
		hold.Fence = 3
		if res, err = h.Extend(t.Context(), hold); err != nil || !res[0].Until.Equal(noon.Add(8*time.Hour)) {
			t.Errorf("not beyond the window: %+v, %v", res, err)
		}
		must(t)(h.Supersede(t.Context(), "P1", "ana", "stop"))
		if res, err = h.Extend(t.Context(), hold); err != nil || res[0].Status != ledger.Fenced {
			t.Errorf("extended though the plan ended: %+v, %v", res, err)
		}
		if res, err = h.Release(t.Context(), hold); err != nil || res[0].State != ledger.Lapsed {
			t.Errorf("released after the plan ended: %+v, %v", res, err)
		}
		h.verified(t)
	})
}

func TestRealCost(t *testing.T) {
	eachDatabase(t, func(t *testing.T, h *home) {
		h.funded(t, 1000)
		h.approved(t, proposal("P1", 6))
		ack := sent(h.leased(t, lease("L1", 6)))
		cents := func(c data.Cents) *data.Cents { return &c }
		for i, cost := range []*data.Cents{nil, cents(9), cents(4), cents(0), cents(30)} {
			ack.Outcomes[i].RealCostCents = cost // posted 9, 9, 4, 0 and 9: more was not approved
		}
		ack.Outcomes[5].State = ledger.Failed
		must(t)(h.Ack(t.Context(), ack))
		w, _ := h.Wallet(t.Context(), "brl")
		if want := (ledger.Balances{Funding: 1000, Available: 969, Spent: 31}); w.Balances != want {
			t.Errorf("%+v, want %+v", w.Balances, want)
		}
		if d, err := h.Dispatch(t.Context(), ack.Outcomes[4].ActionID); err != nil || d.RealCostCents == nil || *d.RealCostCents != 30 || d.Amount != 9 {
			t.Errorf("%+v, %v", d, err)
		}
		tallies, err := h.Progress(t.Context(), "P1")
		want := []ledger.Tally{{State: ledger.Failed, Channel: data.SMS, Actions: 1, Amount: 9}, {State: ledger.Sent, Channel: data.SMS, Actions: 5, Amount: 45, RealCostCents: 43}}
		if diff := cmp.Diff(want, tallies); diff != "" || err != nil {
			t.Error(diff, err)
		}
		ack.Outcomes = ack.Outcomes[5:]
		ack.Outcomes[0].RealCostCents = cents(9)
		if _, err := h.Ack(t.Context(), ack); !errors.Is(err, ledger.ErrInvalid) {
			t.Errorf("a cost of what failed: %v", err)
		}
		h.verified(t)
	})
}

func TestRecheck(t *testing.T) {
	eachDatabase(t, func(t *testing.T, h *home) {
		asked := map[string]int{}
		h.config.Recheck = func(_ context.Context, at time.Time, actions []ledger.Action) ([]ledger.Verdict, error) {
			out := make([]ledger.Verdict, len(actions))
			for i, a := range actions {
				asked[a.ActionID]++
				switch a.ActionID {
				case "P1-000001", "P1-000002":
					out[i] = ledger.Verdict{Decision: ledger.Withhold, Reason: "paid"}
				case "P1-000003":
					out[i] = ledger.Verdict{Decision: ledger.Later, Reason: "hour"}
				default:
					out[i] = ledger.Verdict{Decision: ledger.HandOut}
				}
			}
			return out, nil
		}
		h.reopen(t)
		h.funded(t, 1000)
		h.approved(t, proposal("P1", 8))
		g := h.leased(t, lease("L1", 4)) // the first four, and others in the place of three
		if got, want := idsOf(g), []string{"P1-000004", "P1-000005", "P1-000006", "P1-000007"}; !slices.Equal(got, want) {
			t.Errorf("%v, want %v", got, want)
		}
		if want := []ledger.WithheldAction{{ActionID: "P1-000001", Reason: "paid"}, {ActionID: "P1-000002", Reason: "paid"}}; !slices.Equal(g.Withheld, want) {
			t.Errorf("%+v", g.Withheld)
		}
		if again := h.leased(t, lease("L1", 4)); cmp.Diff(g, again) != "" || asked["P1-000004"] != 1 {
			t.Errorf("the repeated lease asked again")
		}
		if d, _ := h.Dispatch(t.Context(), "P1-000001"); d.State != ledger.Withheld || d.Detail != "paid" {
			t.Errorf("%+v", d)
		}
		if d, _ := h.Dispatch(t.Context(), "P1-000003"); d.State != ledger.Waiting {
			t.Errorf("%+v", d)
		}
		h.verified(t)

		for name, recheck := range map[string]ledger.Recheck{
			"fails": func(context.Context, time.Time, []ledger.Action) ([]ledger.Verdict, error) {
				return nil, errors.New("no facts")
			},
			"too few": func(context.Context, time.Time, []ledger.Action) ([]ledger.Verdict, error) { return nil, nil },
			"zero verdict": func(_ context.Context, _ time.Time, a []ledger.Action) ([]ledger.Verdict, error) {
				return make([]ledger.Verdict, len(a)), nil
			},
			"none": nil,
		} {
			h.config.Recheck = recheck
			h.reopen(t)
			g, err := h.Lease(t.Context(), lease("L2", 4))
			if len(g.Actions) != 0 || (err == nil) != (name == "zero verdict") {
				t.Errorf("recheck %s: %+v, %v", name, g, err)
			}
		}
		h.config.Recheck = handOutAll
		h.reopen(t)
		if g := h.leased(t, lease("L2", 4)); len(g.Actions) != 2 {
			t.Errorf("what was put off or not decided is lost: %v", idsOf(g))
		}
	})
}

func TestSweep(t *testing.T) {
	eachDatabase(t, func(t *testing.T, h *home) {
		h.funded(t, 1000)
		ctx := t.Context()
		h.submitted(t, proposal("late", 1))
		h.approved(t, proposal("A", 2))
		h.approved(t, proposal("B", 2))
		ack := sent(h.leased(t, lease("L1", 3))) // A1, B1, A2
		must(t)(h.Ack(ctx, ledger.AckRequest{Dispatcher: "d1", Fence: ack.Fence, Outcomes: ack.Outcomes[:2]}))
		if s, err := h.Sweep(ctx); err != nil || s.Actions != 0 {
			t.Errorf("%+v, %v", s, err)
		}
		h.clock.add(8 * time.Hour) // every window has closed
		if s, err := h.Sweep(ctx); err != nil || s.Actions != 1 || s.Plans != 2 {
			t.Errorf("one that waited, with it its plan, and the plan nobody decided on: %+v, %v", s, err)
		}
		w, _ := h.Wallet(ctx, "brl")
		if want := (ledger.Balances{Funding: 1000, Available: 973, Reserved: 9, Spent: 18}); w.Balances != want {
			t.Errorf("the leased one stays reserved: %+v, want %+v", w.Balances, want)
		}
		h.clock.add(17 * time.Hour)
		if s, err := h.Sweep(ctx); err != nil || s.Actions != 1 || s.Plans != 1 {
			t.Errorf("a day after its lease: %+v, %v", s, err)
		}
		if got := h.acked(t, ledger.AckRequest{Dispatcher: "d1", Fence: ack.Fence, Outcomes: ack.Outcomes[2:]}); got != ledger.Fenced {
			t.Errorf("too late: %s", got)
		}
		if plans, err := h.Plans(ctx, ledger.Submitted, ledger.Approved, ledger.Dispatching); err != nil || len(plans) != 0 {
			t.Errorf("%+v, %v", plans, err)
		}
		h.verified(t)
	})
}
