package ledger_test

import (
	"errors"
	"math"
	"slices"
	"testing"
	"time"

	"dunning/data"
	"dunning/serve/ledger"
)

func TestApprovalBindsToTheHash(t *testing.T) {
	eachDatabase(t, func(t *testing.T, h *home) {
		h.funded(t, 1000)
		p := proposal("P1", 5)
		plan := h.submitted(t, p)
		for name, change := range map[string]func(*ledger.ApproveRequest){
			"another hash": func(r *ledger.ApproveRequest) { r.SHA256 = plan.SHA256[1:] + "0" },
			"upper case":   func(r *ledger.ApproveRequest) { r.SHA256 = "A" + plan.SHA256[1:] },
			"no hash":      func(r *ledger.ApproveRequest) { r.SHA256 = "" },
		} {
			r := approval(plan)
			change(&r)
			if _, err := h.Approve(t.Context(), r); !errors.Is(err, ledger.ErrHash) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if sum, err := p.SHA256(); err != nil || sum != plan.SHA256 {
			t.Errorf("the maker computes %s, stored is %s, %v", sum, plan.SHA256, err)
		}
	})
}

// The hash must see every field: one that it forgot could be changed after the
// approval.
func TestHashCoversEveryField(t *testing.T) {
	base := proposal("P1", 3)
	sum, err := base.SHA256()
	if err != nil {
		t.Fatal(err)
	}
	shuffled := base
	shuffled.Actions = slices.Clone(base.Actions)
	slices.Reverse(shuffled.Actions)
	if got, _ := shuffled.SHA256(); got != sum {
		t.Error("the order of the actions changes the hash")
	}
	changes := map[string]func(*ledger.Proposal){
		"plan_id":            func(p *ledger.Proposal) { p.PlanID = "P2" },
		"as_of":              func(p *ledger.Proposal) { p.AsOf++ },
		"file_sha256":        func(p *ledger.Proposal) { p.FileSHA256 = sum },
		"an action less":     func(p *ledger.Proposal) { p.Actions = p.Actions[1:] },
		"action_id":          func(p *ledger.Proposal) { p.Actions[0].ActionID += "x" },
		"customer_id":        func(p *ledger.Proposal) { p.Actions[0].CustomerID += "x" },
		"channel":            func(p *ledger.Proposal) { p.Actions[0].Channel = data.Email },
		"day":                func(p *ledger.Proposal) { p.Actions[0].Day++ },
		"window_start":       func(p *ledger.Proposal) { p.Actions[0].WindowStart = p.Actions[0].WindowStart.Add(time.Microsecond) },
		"window_end":         func(p *ledger.Proposal) { p.Actions[0].WindowEnd = p.Actions[0].WindowEnd.Add(time.Microsecond) },
		"step":               func(p *ledger.Proposal) { p.Actions[0].Step++ },
		"cost_cents":         func(p *ledger.Proposal) { p.Actions[0].CostCents++ },
		"value_cents":        func(p *ledger.Proposal) { p.Actions[0].ValueCents++ },
		"reduced_cost_cents": func(p *ledger.Proposal) { p.Actions[0].ReducedCostCents++ },
		"treat_prob":         func(p *ledger.Proposal) { p.Actions[0].TreatProb = math.Nextafter(p.Actions[0].TreatProb, 0) },
		"source":             func(p *ledger.Proposal) { p.Actions[0].Source = data.SourceRegua },
		"reason":             func(p *ledger.Proposal) { p.Actions[0].Reason += " " },
		"segment":            func(p *ledger.Proposal) { p.Actions[0].Segment = "gold" },
		"régua":              func(p *ledger.Proposal) { p.Actions[0].ReguaID = "amigavel" },
		"régua's version":    func(p *ledger.Proposal) { p.Actions[0].ReguaVersion++ },
		"régua's step":       func(p *ledger.Proposal) { p.Actions[0].ReguaStep = "D+1" },
		"template":           func(p *ledger.Proposal) { p.Actions[0].Template = "lembrete" },
	}
	for name, change := range changes {
		p := base
		p.Actions = slices.Clone(base.Actions)
		change(&p)
		if got, err := p.SHA256(); err != nil || got == sum {
			t.Errorf("%s: another plan, the same hash (%v)", name, err)
		}
	}
}

func TestApproverIsNotTheMaker(t *testing.T) {
	eachDatabase(t, func(t *testing.T, h *home) {
		h.funded(t, 1000)
		plan := h.submitted(t, proposal("P1", 5))
		for _, name := range []string{"maria", "MARIA", "Maria"} {
			r := approval(plan)
			r.Approver = name
			if _, err := h.Approve(t.Context(), r); !errors.Is(err, ledger.ErrApprover) {
				t.Errorf("%s approved her own plan: %v", name, err)
			}
			if _, err := h.Reject(t.Context(), ledger.RejectRequest{PlanID: "P1", SHA256: plan.SHA256, Actor: name, Reason: "x"}); !errors.Is(err, ledger.ErrApprover) {
				t.Errorf("%s decided on her own plan: %v", name, err)
			}
		}
		if _, err := h.Submit(t.Context(), "P1", "carla"); !errors.Is(err, data.ErrRefused) {
			t.Errorf("another than the maker submitted: %v", err)
		}
		h.verified(t)
	})
}

func TestApproveTwiceIsOneApproval(t *testing.T) {
	eachDatabase(t, func(t *testing.T, h *home) {
		h.funded(t, 1000)
		r := approval(h.submitted(t, proposal("P1", 5)))
		a, err := h.Approve(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		b, err := h.Approve(t.Context(), r)
		if err != nil || a.Head != b.Head || a.At != b.At || len(b.Reserves) != 1 || a.Reserves[0].After != b.Reserves[0].After {
			t.Errorf("again %+v, want %+v, %v", b, a, err)
		}
		r.Reason = "another reason"
		if _, err := h.Approve(t.Context(), r); !errors.Is(err, ledger.ErrConflict) {
			t.Error(err)
		}
		// The same actions under another plan's name would be sent twice.
		p := proposal("P2", 5)
		for i := range p.Actions {
			p.Actions[i].ActionID = proposal("P1", 5).Actions[i].ActionID
		}
		if _, err := h.Approve(t.Context(), approval(h.submitted(t, p))); !errors.Is(err, ledger.ErrConstraint) {
			t.Errorf("actions were approved twice: %v", err)
		}
		h.verified(t)
	})
}

func TestPlanStates(t *testing.T) {
	eachDatabase(t, func(t *testing.T, h *home) {
		h.funded(t, 1000)
		ctx := t.Context()
		must(t)(h.CreatePlan(ctx, proposal("draft", 2)))
		rejected := h.submitted(t, proposal("rejected", 2))
		must(t)(h.Reject(ctx, ledger.RejectRequest{PlanID: "rejected", SHA256: rejected.SHA256, Actor: "carla", Reason: "too dear"}))
		must(t)(h.Reject(ctx, ledger.RejectRequest{PlanID: "rejected", SHA256: rejected.SHA256, Actor: "carla", Reason: "too dear"}))
		h.submitted(t, proposal("withdrawn", 2))
		must(t)(h.Supersede(ctx, "withdrawn", "maria", "a mistake"))
		h.approved(t, proposal("closed", 2))
		must(t)(h.ClosePlan(ctx, "closed", "ana", "enough"))
		must(t)(h.ClosePlan(ctx, "closed", "ana", "enough"))
		for _, id := range []string{"draft", "rejected", "withdrawn", "closed"} {
			p, err := h.Plan(ctx, id)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := h.Approve(ctx, approval(p)); id != "closed" && !errors.Is(err, ledger.ErrState) || id == "closed" && err != nil {
				t.Errorf("%s: approve: %v", id, err)
			}
			if _, err := h.ClosePlan(ctx, id, "ana", "again"); !errors.Is(err, ledger.ErrState) {
				t.Errorf("%s: close: %v", id, err)
			}
			if _, err := h.Submit(ctx, id, "maria"); id != "draft" && !errors.Is(err, ledger.ErrState) {
				t.Errorf("%s: submit: %v", id, err)
			}
		}
		if g, err := h.Lease(ctx, lease("L1", 10)); err != nil || len(g.Actions) != 0 {
			t.Errorf("handed out %v of plans that are not in force, %v", idsOf(g), err)
		}
		if plans, err := h.Plans(ctx, ledger.Rejected, ledger.Closed); err != nil || len(plans) != 2 {
			t.Errorf("%+v, %v", plans, err)
		}
		h.verified(t)
	})
}

func TestPartialApproval(t *testing.T) {
	cents := func(c data.Cents) *data.Cents { return &c }
	for name, tt := range map[string]struct {
		part ledger.Part
		want []string // by the last digit of the action
	}{
		"channel":           {ledger.Part{Channels: []data.Channel{data.Email}}, []string{"1", "2"}},
		"segment":           {ledger.Part{Segments: []string{"new"}}, []string{"1", "3", "5"}},
		"channel, segment":  {ledger.Part{Channels: []data.Channel{data.Email}, Segments: []string{"new"}}, []string{"1"}},
		"amount":            {ledger.Part{MaxCents: cents(11)}, []string{"1", "2", "4"}}, // e-mails at 1, then the best SMS
		"an amount of zero": {ledger.Part{MaxCents: cents(0)}, nil},
		"nothing":           {ledger.Part{Segments: []string{"gold"}}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			h := sqliteHome(t)
			h.funded(t, 1000)
			p := proposal("P1", 6)
			for i := range p.Actions {
				if p.Actions[i].ValueCents = 500; i == 3 {
					p.Actions[i].ValueCents = 501
				}
				if i < 2 {
					p.Actions[i].Channel, p.Actions[i].CostCents = data.Email, 1
				}
			}
			r := approval(h.submitted(t, p))
			r.Part = &tt.part
			r.Part.PlanID = "P1-part"
			a, err := h.Approve(t.Context(), r)
			if len(tt.want) == 0 {
				if !errors.Is(err, ledger.ErrInvalid) {
					t.Errorf("an empty part: %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			actions, err := h.PlanActions(t.Context(), "P1-part", "", 100)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			var cost data.Cents
			for _, x := range actions {
				got, cost = append(got, x.ActionID[len(x.ActionID)-1:]), cost+x.CostCents
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("took %v, want %v", got, tt.want)
			}
			whole, _ := h.Plan(t.Context(), "P1")
			part, _ := h.Plan(t.Context(), "P1-part")
			if whole.State != ledger.Superseded || part.State != ledger.Approved || part.Parent != "P1" || part.Maker != "maria" || part.SHA256 == whole.SHA256 || a.SHA256 != part.SHA256 {
				t.Errorf("whole %+v, part %+v", whole, part)
			}
			if w, _ := h.Wallet(t.Context(), "brl"); w.Balances.Reserved != ledger.Units(cost) || part.CostCents != cost {
				t.Errorf("reserved %d, cost %d", w.Balances.Reserved, cost)
			}
			if b, err := h.Approve(t.Context(), r); err != nil || b.Head != a.Head {
				t.Errorf("again: %v", err)
			}
			h.verified(t)
		})
	}
}

// A new plan takes the place of the old one with the same money.
func TestApprovalSupersedes(t *testing.T) {
	eachDatabase(t, func(t *testing.T, h *home) {
		h.funded(t, 100)
		h.approved(t, proposal("P1", 10)) // 90 of 100
		g, err := h.Lease(t.Context(), lease("L1", 1))
		if err != nil {
			t.Fatal(err)
		}
		r := approval(h.submitted(t, proposal("P2", 10)))
		if _, err := h.Approve(t.Context(), r); !errors.Is(err, ledger.ErrInsufficient) {
			t.Fatal(err)
		}
		r.Supersedes = []string{"P1"}
		if _, err := h.Approve(t.Context(), r); err != nil { // 9 remain with the dispatcher, 91 are free
			t.Fatal(err)
		}
		if res, err := h.Ack(t.Context(), sent(g)); err != nil || res[0].Status != ledger.Accepted {
			t.Errorf("what was handed out before: %+v, %v", res, err)
		}
		w, _ := h.Wallet(t.Context(), "brl")
		if want := (ledger.Balances{Funding: 100, Available: 1, Reserved: 90, Spent: 9}); w.Balances != want {
			t.Errorf("%+v, want %+v", w.Balances, want)
		}
		h.verified(t)
	})
}

func TestPlansThatAreWrong(t *testing.T) {
	h := sqliteHome(t)
	for name, tt := range map[string]struct {
		change func(*ledger.Proposal)
		code   int
	}{
		"no actions":      {func(p *ledger.Proposal) { p.Actions = nil }, 2},
		"no maker":        {func(p *ledger.Proposal) { p.Maker = "" }, 2},
		"no id":           {func(p *ledger.Proposal) { p.PlanID = "" }, 2},
		"no file hash":    {func(p *ledger.Proposal) { p.FileSHA256 = "abc" }, 2},
		"twice":           {func(p *ledger.Proposal) { p.Actions[1].ActionID = p.Actions[0].ActionID }, 3},
		"another plan's":  {func(p *ledger.Proposal) { p.Actions[1].PlanID = "P9" }, 3},
		"no customer":     {func(p *ledger.Proposal) { p.Actions[1].CustomerID = "" }, 3},
		"hold":            {func(p *ledger.Proposal) { p.Actions[1].Channel = data.Hold }, 3},
		"an empty window": {func(p *ledger.Proposal) { p.Actions[1].WindowEnd = p.Actions[1].WindowStart }, 3},
		"negative cost":   {func(p *ledger.Proposal) { p.Actions[1].CostCents = -1 }, 3},
		"too dear":        {func(p *ledger.Proposal) { p.Actions[0].CostCents, p.Actions[1].CostCents = 6e14, 6e14 }, 3},
		"overflow":        {func(p *ledger.Proposal) { p.Actions[0].CostCents, p.Actions[1].CostCents = math.MaxInt64, 1 }, 3},
		"no probability":  {func(p *ledger.Proposal) { p.Actions[1].TreatProb = 0 }, 3},
		"not a number":    {func(p *ledger.Proposal) { p.Actions[1].TreatProb = math.NaN() }, 3},
		"not UTF-8":       {func(p *ledger.Proposal) { p.Actions[1].Reason = "\xff" }, 3},
	} {
		p := proposal("P1", 3)
		tt.change(&p)
		if _, err := h.CreatePlan(t.Context(), p); data.ExitCode(err) != tt.code {
			t.Errorf("%s: exit code %d, want %d: %v", name, data.ExitCode(err), tt.code, err)
		}
	}
	if plans, err := h.Plans(t.Context()); err != nil || len(plans) != 0 {
		t.Errorf("%+v, %v", plans, err)
	}
}

// Somebody with the database's password changes an action between submission
// and approval: the hash is computed anew from what is stored.
func TestApprovalRefusesChangedActions(t *testing.T) {
	eachDatabase(t, func(t *testing.T, h *home) {
		h.funded(t, 1000)
		plan := h.submitted(t, proposal("P1", 3))
		dropTriggers(t, h)
		if err := h.exec(`UPDATE actions SET customer_id = 'C9' WHERE action_id = 'P1-000002'`); err != nil {
			t.Fatal(err)
		}
		if _, err := h.Approve(t.Context(), approval(plan)); !errors.Is(err, ledger.ErrHash) {
			t.Errorf("a plan was approved that nobody has seen: %v", err)
		}
	})
}
