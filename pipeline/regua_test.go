package pipeline

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"

	"dunning/data"
	"dunning/features"
	"dunning/optimizer"
	"dunning/optimizer/clp"
	"dunning/policy"
	"dunning/policy/regua"
)

const ownRegua = `regua: casa
title: Régua da casa
mode: replace
steps:
  - {id: um, offset: 1, channels: [email]}
  - {id: dois, offset: 3, channels: [sms]}
  - {id: tres, offset: 5, channels: [email]}
`

// reguaPlanner is a planner of some customers with candidates of random values
// on e-mail and SMS, e-mails limited a day.
func reguaPlanner(t *testing.T, customers int, seed uint64) *planner {
	t.Helper()
	rng := rand.New(rand.NewPCG(seed, 1))
	c := DefaultConfig()
	perDay := int64(customers / 8)
	c.Channels = map[data.Channel]ChannelConfig{data.Email: {CostCents: 2, CapacityPerDay: &perDay}, data.SMS: {CostCents: 9}}
	c.BudgetCents, c.HoldoutShare = data.Cents(customers*6), 0
	share := 0.5
	c.Segments = []SegmentRow{{Segment: "gold", MaxShare: &share}}
	engine, err := policy.New(c.Policy)
	if err != nil {
		t.Fatal(err)
	}
	asOf := data.MakeDate(2026, 1, 12) // a Monday without holidays near it
	p := &planner{engine: engine, scores: map[string]*data.Score{}, customer: map[string]data.Customer{}, recent: map[string][]data.Date{}, brief: true,
		rule: optimizer.LadderRule{Touches: 3, GapDays: 2, Factor: [][]float64{{1}, {0, .5, .6, .7}, {0, .3, .4, .5}}},
		out:  Optimization{Plan: &data.PlanFigures{}}}
	dir := t.TempDir()
	p.w = &Work{Config: c, AsOf: asOf, Tmp: t.TempDir(), progress: Silent{}}
	var rows []data.Candidate
	for i := range customers {
		id := fmt.Sprintf("c%05d", i)
		p.scores[id] = &data.Score{CustomerID: id, BalanceCents: 100_000, DaysPastDue: 20}
		p.customer[id] = data.Customer{CustomerID: id, Kind: data.PF, UF: "SP", Segment: []string{"gold", "new"}[i%2], ConsentEmail: true, ReachEmail: true, ConsentSMS: true, ReachSMS: true}
		for d := range data.Date(6) { // the seventh is a Sunday
			for _, ch := range []data.Channel{data.Email, data.SMS} {
				rows = append(rows, data.Candidate{CustomerID: id, Channel: ch, Day: asOf + d, ValueCents: data.Cents(rng.IntN(4000) - 300), CostCents: c.Channels[ch].CostCents, Allowed: true})
			}
		}
	}
	if err := makeDir(filepath.Join(dir, candidatesTable)); err != nil {
		t.Fatal(err)
	}
	const part = candidatesTable + "/part-000.parquet"
	if _, err := data.Write(filepath.Join(dir, part), rows); err != nil {
		t.Fatal(err)
	}
	p.w.inputs = map[string]Output{"score": {Dir: dir, Manifest: data.Manifest{Files: []data.File{{Name: part}}}}}
	return p
}

// captureSome makes a régua have every fourth customer, with up to three touches
// each, two days apart, where he has a candidate that is worth its cost.
func (p *planner) captureSome(t *testing.T, r *regua.Regua, grid *optimizer.Grid, values *optimizer.MemoryValues, rng *rand.Rand) {
	t.Helper()
	p.reguas = &reguaPlan{set: regua.NewSet([]*regua.Regua{r}), byID: map[string]*reguaCustomer{}, wallet: p.newWallet()}
	ids := sortedKeys(p.scores)
	err := eachCustomer(values, func(i int, _ int32, row []float64) error {
		if i%4 != 0 {
			return nil
		}
		c := &reguaCustomer{id: ids[i], regua: r, state: &regua.State{Customer: p.customer[ids[i]]}, facts: policy.Facts{AsOf: p.w.AsOf, BalanceCents: 100_000, DaysPastDue: 20}}
		last := data.Date(-10)
		for s, v := range row {
			slot := grid.Slots[s]
			if v != optimizer.Forbidden && slot.Day-last >= 2 && len(c.touches) < 3 && rng.IntN(3) == 0 {
				c.touches = append(c.touches, &reguaTouch{of: c, Touch: regua.Touch{Wish: regua.Wish{Step: len(c.touches)}, Day: slot.Day, Channel: slot.Channel}})
				last = slot.Day
			}
		}
		p.reguas.byID[c.id] = c
		p.reguas.order = append(p.reguas.order, c)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestReplacingForgoesWhatForceSays: a plan whose customers a régua has in part is
// the optimum that the optimizer finds when the same ladders are forced.
func TestReplacingForgoesWhatForceSays(t *testing.T) {
	ctx := context.Background()
	r, err := regua.Parse([]byte(ownRegua))
	if err != nil {
		t.Fatal(err)
	}
	for seed := range uint64(6) {
		free := reguaPlanner(t, 120, seed)
		if err := free.build(free.value, nil); err != nil {
			t.Fatal(err)
		}
		solver := optimizer.Boxstep{LP: clp.New()}
		alone, err := free.allocate(ctx, solver)
		if err != nil {
			t.Fatal(err)
		}
		with := reguaPlanner(t, 120, seed)
		with.captureSome(t, r, free.grid, free.values, rand.New(rand.NewPCG(seed, 2)))
		if err := with.build(with.value, nil); err != nil {
			t.Fatal(err)
		}
		rest, err := with.allocate(ctx, solver)
		if err != nil {
			t.Fatal(err)
		}
		ladders, kept := map[int32]optimizer.Rungs{}, 0
		for i, id := range free.ids {
			if c := with.reguas.byID[id]; c != nil {
				var slots []int
				for _, touch := range c.touches {
					for s, slot := range free.slots {
						if touch.kept && slot == touch.slot() {
							slots = append(slots, s)
							kept++
						}
					}
				}
				ladders[int32(i)] = optimizer.RungsOf(slots...)
			}
		}
		forced, err := solver.Force(ctx, free.grid, alone, ladders)
		if err != nil {
			t.Fatal(err)
		}
		got := rest.ObjectiveCents + with.fixedCents()
		if err := forced.Err(); err != nil || math.Abs(got-forced.ObjectiveCents) > 1e-6*forced.ObjectiveCents || math.Abs(with.fixedCents()-forced.ForcedCents) > 1e-3 {
			t.Errorf("seed %d: %v; the plan says %.3f, of it %.3f the régua's; forcing says %.3f and %.3f", seed, err, got, with.fixedCents(), forced.ObjectiveCents, forced.ForcedCents)
		}
		if kept < 20 || forced.ForgoneCents <= 0 {
			t.Errorf("seed %d: %d touches forced, %g forgone: the test sees little", seed, kept, forced.ForgoneCents)
		}
	}
}

// TestWalletKeepsEveryLimit: whatever réguas wish for, what they are given fits the
// budget, the capacities and the segments' shares, and goes in order.
func TestWalletKeepsEveryLimit(t *testing.T) {
	r, err := regua.Parse([]byte(ownRegua))
	if err != nil {
		t.Fatal(err)
	}
	for seed := range uint64(20) {
		free := reguaPlanner(t, 60, seed)
		if err := free.build(free.value, nil); err != nil {
			t.Fatal(err)
		}
		p := reguaPlanner(t, 60, seed)
		limit := int64(seed % 3)
		p.w.Config.Channels[data.Email] = ChannelConfig{CostCents: 2, CapacityPerDay: &limit}
		p.w.Config.BudgetCents = data.Cents(20 + 15*seed)
		p.captureSome(t, r, free.grid, free.values, rand.New(rand.NewPCG(seed, 3)))
		if err := p.build(p.value, nil); err != nil {
			t.Fatal(err)
		}
		spent, gold, perDay := data.Cents(0), data.Cents(0), map[data.Date]int64{}
		for _, touch := range p.reguas.kept() {
			spent += touch.costCents
			if touch.of.state.Customer.Segment == "gold" {
				gold += touch.costCents
			}
			if touch.Channel == data.Email {
				perDay[touch.Day]++
			}
		}
		if spent > p.w.Config.BudgetCents || gold > p.w.Config.BudgetCents/2 {
			t.Errorf("seed %d: %d spent, %d of it gold, of %d", seed, spent, gold, p.w.Config.BudgetCents)
		}
		for day, n := range perDay {
			if n > limit {
				t.Errorf("seed %d: %d e-mails on %s, at most %d", seed, n, day, limit)
			}
		}
		dropped := p.dropped()
		for k := 1; k < len(dropped); k++ {
			if inOrder(dropped[k-1], dropped[k]) < 0 {
				t.Errorf("seed %d: drops are out of order", seed)
			}
		}
		if left := float64(p.w.Config.BudgetCents - spent); p.grid.Rows[budgetRow].Limit != left {
			t.Errorf("seed %d: the program may spend %g, %g are left", seed, p.grid.Rows[budgetRow].Limit, left)
		}
	}
}

// pausing is the default policy with some pauses.
func pausing(t *testing.T, pauses ...policy.Pause) *policy.Engine {
	t.Helper()
	config := policy.DefaultConfig()
	config.Paused = pauses
	e, err := policy.New(config)
	must(t, err)
	return e
}

// TestPausedInvoicesHaveNoSteps: up to and on the last day of the pause.
func TestPausedInvoicesHaveNoSteps(t *testing.T) {
	day := data.MakeDate(2026, 3, 10)
	invoices := []data.Invoice{{InvoiceID: "a"}, {InvoiceID: "b"}, {InvoiceID: "c"}}
	if got := unpaused(invoices, pausing(t).PausedInvoices(), day); len(got) != 3 {
		t.Fatalf("no pause, yet %d invoices", len(got))
	}
	e := pausing(t, policy.Pause{InvoiceID: "a", Until: day}, policy.Pause{InvoiceID: "b", Until: day - 1}, policy.Pause{CustomerID: "c", Until: day})
	if got := unpaused(invoices, e.PausedInvoices(), day); len(got) != 2 || got[0].InvoiceID != "b" || got[1].InvoiceID != "c" || invoices[0].InvoiceID != "a" {
		t.Errorf("left %v of %v", got, invoices)
	}
}

// TestPausedInvoicesAreNotOwed: what is paused counts neither for the balance nor
// for the days past due; who has nothing else is paused himself, until the first of
// his invoices goes on.
func TestPausedInvoicesAreNotOwed(t *testing.T) {
	day := data.MakeDate(2026, 3, 10)
	h := features.NewHistory(features.History{Customer: data.Customer{CustomerID: "c1", UF: "SP"},
		Invoices: []data.Invoice{{InvoiceID: "old", IssuedOn: day - 90, DueOn: day - 60, AmountCents: 50_000}, {InvoiceID: "new", IssuedOn: day - 30, DueOn: day - 5, AmountCents: 20_000},
			{InvoiceID: "paid", IssuedOn: day - 90, DueOn: day - 70, AmountCents: 100}},
		Payments: []data.Payment{{PaymentID: "p", InvoiceID: "paid", PaidAt: (day - 65).Time(), AmountCents: 100}, {PaymentID: "q", InvoiceID: "new", PaidAt: (day - 2).Time(), AmountCents: 5_000}}})
	facts := func(pauses ...policy.Pause) policy.Facts {
		return policyFacts(h, day, h.Balance(day), h.DaysPastDue(day), pausing(t, pauses...))
	}
	for _, tt := range []struct {
		name    string
		pauses  []policy.Pause
		balance data.Cents
		late    int32
		until   data.Date
	}{
		{"none", nil, 65_000, 60, 0},
		{"another's", []policy.Pause{{InvoiceID: "x", Until: day}}, 65_000, 60, 0},
		{"one that is over", []policy.Pause{{InvoiceID: "old", Until: day - 1}}, 65_000, 60, 0},
		{"the old one", []policy.Pause{{InvoiceID: "old", Until: day}}, 15_000, 5, 0},
		{"both", []policy.Pause{{InvoiceID: "old", Until: day + 9}, {InvoiceID: "new", Until: day + 2}, {InvoiceID: "paid", Until: day}}, 65_000, 60, day + 2},
	} {
		if f := facts(tt.pauses...); f.BalanceCents != tt.balance || f.DaysPastDue != tt.late || f.PausedUntil != tt.until {
			t.Errorf("%s: %d cents, %d days, paused until %s", tt.name, f.BalanceCents, f.DaysPastDue, f.PausedUntil)
		}
	}
	e := pausing(t, policy.Pause{InvoiceID: "old", Until: day + 2}, policy.Pause{InvoiceID: "new", Until: day + 2})
	h.Customer.ConsentSMS, h.Customer.ReachSMS = true, true
	f := policyFacts(h, day, h.Balance(day), h.DaysPastDue(day), e)
	subject := e.Prepare(&h.Customer, &f)
	if last, next := e.RuleID(e.Decide(&subject, data.SMS, day+2)), e.RuleID(e.Decide(&subject, data.SMS, day+3)); last != "paused" || next != "" {
		t.Errorf("on the last day of the pause %q, on the next %q", last, next)
	}
}

// TestWhatIsLeftOfPausesIsTheBalance: the balance and the days past due that the rules
// are asked about are those of the same customer without his paused invoices, for any
// invoices, payments, cancellations and pauses.
func TestWhatIsLeftOfPausesIsTheBalance(t *testing.T) {
	const asOf = data.Date(20_000)
	rng := rand.New(rand.NewPCG(6, 1))
	some, all := 0, 0
	for range 3_000 {
		var h features.History
		var pauses []policy.Pause
		for k := range 1 + rng.IntN(4) {
			v := data.Invoice{InvoiceID: fmt.Sprint(k), IssuedOn: asOf + data.Date(rng.IntN(60)-55), AmountCents: data.Cents(rng.IntN(100))}
			v.DueOn = v.IssuedOn + data.Date(rng.IntN(40))
			if rng.IntN(5) == 0 {
				v.CancelledOn = new(asOf + data.Date(rng.IntN(6)-3))
			}
			for p := range rng.IntN(3) {
				h.Payments = append(h.Payments, data.Payment{PaymentID: fmt.Sprint(k, p), InvoiceID: v.InvoiceID, AmountCents: data.Cents(rng.IntN(60)), PaidAt: (asOf + data.Date(rng.IntN(20)-17)).Time()})
			}
			if rng.IntN(2) == 0 {
				pauses = append(pauses, policy.Pause{InvoiceID: v.InvoiceID, Until: asOf + data.Date(rng.IntN(4)-1)})
			}
			h.Invoices = append(h.Invoices, v)
		}
		e := pausing(t, pauses...)
		rest := features.NewHistory(features.History{Invoices: unpaused(h.Invoices, e.PausedInvoices(), asOf), Payments: slices.Clone(h.Payments)})
		whole := features.NewHistory(h)
		f := policyFacts(whole, asOf, whole.Balance(asOf), whole.DaysPastDue(asOf), e)
		want := rest
		if rest.Balance(asOf) == 0 {
			want = whole
		}
		if f.BalanceCents != want.Balance(asOf) || f.DaysPastDue != want.DaysPastDue(asOf) || (f.PausedUntil != 0) != (rest.Balance(asOf) == 0 && whole.Balance(asOf) > 0) {
			t.Fatalf("%+v of %+v, paused %+v", f, whole.Invoices, pauses)
		}
		if f.PausedUntil != 0 {
			all++
		} else if f.BalanceCents < whole.Balance(asOf) {
			some++
		}
	}
	if some < 300 || all < 300 {
		t.Errorf("%d with some invoices paused, %d with all: the test would see little", some, all)
	}
}
