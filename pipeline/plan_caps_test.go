package pipeline

import (
	"context"
	"math/rand/v2"
	"testing"

	"dunning/data"
	"dunning/optimizer"
	"dunning/policy"
)

// capsPlanner is a planner of one customer per row of past days: everything but
// past touches allows everything on the weekdays of a week.
func capsPlanner(t *testing.T, limits policy.Config, rule optimizer.LadderRule, past [][]data.Date) *planner {
	t.Helper()
	c := DefaultConfig()
	c.Policy = limits
	asOf := data.MakeDate(2026, 1, 12) // a Monday without holidays near it
	engine, err := policy.New(limits)
	if err != nil {
		t.Fatal(err)
	}
	p := &planner{w: &Work{Config: c, AsOf: asOf}, engine: engine, rule: rule, scores: map[string]*data.Score{},
		customer: map[string]data.Customer{}, recent: map[string][]data.Date{}, out: Optimization{Plan: &data.PlanFigures{}}}
	p.slots = p.planSlots()
	p.values = optimizer.NewMemoryValues(len(p.slots), len(past))
	for i, days := range past {
		id := string(rune('a' + i))
		p.ids = append(p.ids, id)
		p.scores[id] = &data.Score{CustomerID: id, BalanceCents: 100_000, DaysPastDue: 20}
		p.customer[id] = data.Customer{CustomerID: id, Kind: data.PF, UF: "SP", ConsentEmail: true, ReachEmail: true}
		p.recent[id] = days
	}
	return p
}

// brute lists the ladders of a customer on the offered days, and which of them
// the engine allows when each touch is asked about beside all others.
func (p *planner) brute(id string, offered daySet) (all, allowed []daySet) {
	customer, score := p.customer[id], p.scores[id]
	for set := daySet(1); set < 1<<p.w.Config.Features.PlanDays; set++ {
		var days []data.Date
		last, fits := -100, set&^offered == 0
		for d := range p.w.Config.Features.PlanDays {
			if set&(1<<d) != 0 {
				fits = fits && d-last >= p.rule.GapDays
				days, last = append(days, p.w.AsOf+data.Date(d)), d
			}
		}
		if !fits || len(days) > p.rule.Touches {
			continue
		}
		all = append(all, set)
		ok := true
		for k, day := range days {
			facts := policy.Facts{AsOf: p.w.AsOf, BalanceCents: score.BalanceCents, DaysPastDue: score.DaysPastDue, Touches: append([]data.Date(nil), p.recent[id]...)}
			facts.Touches = append(append(facts.Touches, days[:k]...), days[k+1:]...)
			ok = ok && p.engine.Check(customer, facts, data.Email, day).Allowed
		}
		if ok {
			allowed = append(allowed, set)
		}
	}
	return all, allowed
}

// What a customer is left is right: every ladder of it is allowed, the best
// allowed one is in it, and no day can be added. Whoever has nothing to fear is
// left everything.
func TestCapsLeaveAllowedLaddersOnly(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 9))
	capped, free := 0, 0
	for n := range 300 {
		limits := policy.DefaultConfig()
		limits.MinGapDays, limits.MaxTouches7, limits.MaxTouches30 = rng.IntN(4), rng.IntN(5), 2+rng.IntN(6)
		rule := optimizer.LadderRule{Touches: 2 + rng.IntN(2), GapDays: 1 + rng.IntN(2), Factor: [][]float64{{1}, {0, .5, .6, .7}, {0, .3, .4, .5}}}
		var past []data.Date
		for range rng.IntN(7) {
			past = append(past, data.MakeDate(2026, 1, 12)-data.Date(1+rng.IntN(32)))
		}
		p := capsPlanner(t, limits, rule, [][]data.Date{past})
		row, paid := make([]float64, len(p.slots)), make([]float64, len(p.slots))
		var offered daySet
		_, single := p.brute("a", allDays)
		for s := range row {
			row[s] = optimizer.Forbidden
			day := daySet(1) << (p.slots[s].Day - p.w.AsOf)
			for _, one := range single {
				if one == day && p.slots[s].Channel == data.Email && rng.IntN(5) > 0 { // allowed by itself, as candidates are
					row[s], paid[s] = float64(rng.IntN(1000)), float64(rng.IntN(300))
					offered |= day
				}
			}
		}
		left := p.newCapWalk().daysLeft("a", row, paid)
		all, allowed := p.brute("a", offered)
		if left == allDays {
			free++
			if len(all) != len(allowed) {
				t.Fatalf("case %d: past %v: %d of %d ladders allowed, and nothing forbidden", n, past, len(allowed), len(all))
			}
			continue
		}
		capped++
		checkLeft(t, p, n, left, offered, row, paid, allowed)
	}
	if capped < 40 || free < 40 {
		t.Fatalf("%d capped and %d free: the cases say little", capped, free)
	}
}

// checkLeft compares what is left with all allowed ladders.
func checkLeft(t *testing.T, p *planner, n int, left, offered daySet, row, paid []float64, allowed []daySet) {
	t.Helper()
	if all, ok := p.brute("a", left); len(all) != len(ok) {
		t.Errorf("case %d: %d of %d ladders on the days left are allowed", n, len(ok), len(all))
	}
	for d := range p.w.Config.Features.PlanDays {
		more := left | 1<<d
		if offered&(1<<d) == 0 || more == left {
			continue
		}
		if all, ok := p.brute("a", more); len(all) == len(ok) {
			t.Errorf("case %d: day %d could be left, too", n, d)
		}
	}
	worth := func(set daySet) (total float64) {
		step, last := 0, 0
		for s, v := range row {
			d := int(p.slots[s].Day - p.w.AsOf)
			if p.slots[s].Channel != data.Email || set&(1<<d) == 0 {
				continue
			}
			factor := 1.0
			if step > 0 {
				gaps := p.rule.Factor[step]
				factor = gaps[min(d-last, len(gaps)-1)]
			}
			total += factor*v - paid[s]
			step, last = step+1, d
		}
		return total
	}
	best, bestLeft := 0.0, 0.0
	for _, set := range allowed {
		best = max(best, worth(set))
		if set&^left == 0 {
			bestLeft = max(bestLeft, worth(set))
		}
	}
	if bestLeft < best-1e-9 {
		t.Errorf("case %d: the best allowed ladder is worth %g, what is left %g", n, best, bestLeft)
	}
}

// A weekly limit is shared with last week's touches: the one who had two of
// three gets one more within their week, whatever the prices.
func TestCappedPlanKeepsTheWeeklyLimit(t *testing.T) {
	limits := policy.DefaultConfig()
	asOf := data.MakeDate(2026, 1, 12)
	p := capsPlanner(t, limits, optimizer.LadderRule{Touches: 3, GapDays: 2},
		[][]data.Date{{asOf - 2, asOf - 4}, nil, {asOf - 3}, {asOf - 20}})
	for range p.ids {
		row := make([]float64, len(p.slots))
		for s := range row {
			row[s] = optimizer.Forbidden
			if d := p.slots[s].Day - asOf; d < 5 && p.slots[s].Channel == data.Email {
				row[s] = 1000
			}
		}
		if err := p.values.Add(0, row); err != nil {
			t.Fatal(err)
		}
	}
	p.book = newProfileBook(p.slots, p.w.Config)
	p.grid = &optimizer.Grid{Slots: p.slots, Profiles: p.book.profiles(), Values: p.values, Ladder: p.rule}
	p.addRows()
	if err := p.solve(context.Background()); err != nil {
		t.Fatal(err)
	}
	var got []int
	for _, r := range p.chosen {
		got = append(got, r.Touches())
	}
	// By hand, touches on days 0, 2 and 4 at most. Past −2 and −4: the week −4 … 2
	// has room for one more, −2 … 4 for two. Past −3: the week −3 … 3 has room for
	// two, −2 … 4 for three.
	want := []int{2, 3, 3, 3}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("customers get %v touches, want %v", got, want)
			break
		}
	}
	if p.out.Plan.Capped == 0 || p.out.Plan.UncappedCents == nil || *p.out.Plan.UncappedCents < p.out.Plan.BoundCents {
		t.Errorf("capped %d, bound %v without caps and %v with", p.out.Plan.Capped, p.out.Plan.UncappedCents, p.out.Plan.BoundCents)
	}
}
