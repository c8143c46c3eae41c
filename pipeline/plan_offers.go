package pipeline

import (
	"slices"

	"dunning/data"
	"dunning/optimizer"
	"dunning/policy"
)

// allowed are the candidates of the customers that the law and consent allow, as
// [planner.build] read them: the lottery asks about them once the program is solved.
type allowed struct {
	of      []allowedOf
	options []option
}

// allowedOf is a customer with an allowed candidate.
type allowedOf struct {
	id    string
	first int // of his options
}

// option is an allowed candidate.
type option struct {
	slot        int32
	cost, value data.Cents
}

// note adds a candidate; those of one customer come in a row.
func (a *allowed) note(id string, o option) {
	if n := len(a.of); n == 0 || a.of[n-1].id != id {
		a.of = append(a.of, allowedOf{id, len(a.options)})
	}
	a.options = append(a.options, o)
}

// optionsOf are the options of customer number k.
func (a *allowed) optionsOf(k int) []option {
	if k+1 < len(a.of) {
		return a.options[a.of[k].first:a.of[k+1].first]
	}
	return a.options[a.of[k].first:]
}

// ask lists the customers and what may be drawn for each.
func (e *exploration) ask() {
	p := e.p
	limited := map[string]bool{}
	for _, s := range p.w.Config.Segments {
		limited[s.Segment] = s.MaxShare != nil
	}
	index, explained := 0, 0
	for k := range p.allowed.of {
		a := asked{id: p.allowed.of[k].id, index: -1, first: len(e.offers)}
		if index < len(p.ids) && p.ids[index] == a.id {
			a.index = int32(index)
			index++
		}
		if explained < len(p.explained) && p.explained[explained].Customer == a.index {
			a.ladder = &p.explained[explained]
			explained++
			a.best = a.ladder.Touches[0].DiscountedCents - a.ladder.Touches[0].PaidCents
		}
		if p.captured(a.id) != nil {
			continue
		}
		if !limited[p.segmentOf(a.id)] {
			e.offer(&a, p.allowed.optionsOf(k))
		}
		if a.ladder != nil || len(e.offers) > a.first {
			e.among = append(e.among, a)
		}
	}
}

// offer adds what may be drawn of a customer: each channel on one day, on which the
// touch is that loses least.
func (e *exploration) offer(a *asked, options []option) {
	first, least := len(e.offers), -1
	for _, c := range options {
		if e.room[c.slot] < 1 || !e.mayReplace(a, e.p.slots[c.slot]) {
			continue
		}
		o := offer{slot: c.slot, cost: c.cost, value: float64(c.value)}
		o.regret = max(0, a.best-(o.value-e.paid[c.slot]-e.cents*float64(o.cost)))
		if e.offers = append(e.offers, o); least < 0 || o.regret < e.offers[least].regret {
			least = len(e.offers) - 1
		}
	}
	if least < 0 {
		return
	}
	day, kept := e.p.slots[e.offers[least].slot].Day, first
	for _, o := range e.offers[first:] {
		if e.p.slots[o.slot].Day == day {
			e.offers[kept] = o
			kept++
		}
	}
	e.offers = e.offers[:kept]
}

// mayReplace reports whether a candidate may take the place of the first touch of
// its customer's ladder, beside the others.
func (e *exploration) mayReplace(a *asked, c optimizer.Slot) bool {
	if a.ladder == nil {
		return true
	}
	p, first := e.p, e.p.slots[a.ladder.Touches[0].Slot]
	if first.Day != c.Day || first.Channel == c.Channel {
		return false
	}
	if len(a.ladder.Touches) == 1 {
		return true // alone it is allowed
	}
	ladder := []optimizer.Slot{c}
	for _, t := range a.ladder.Touches[1:] {
		ladder = append(ladder, p.slots[t.Slot])
	}
	return p.ladderAllowed(a.id, ladder)
}

// ladderAllowed asks the policy engine about each touch of a ladder with all others
// planned.
func (p *planner) ladderAllowed(id string, ladder []optimizer.Slot) bool {
	score := p.scores[id]
	for k, t := range ladder {
		facts := policy.Facts{AsOf: p.w.AsOf, BalanceCents: score.BalanceCents, DaysPastDue: score.DaysPastDue,
			Touches: p.recent[id], TouchedOn: p.recentOn[id]}
		others := slices.Delete(slices.Clone(ladder), k, k+1)
		facts = besides(facts, len(others), func(j int) (data.Date, data.Channel) { return others[j].Day, others[j].Channel })
		if !p.engine.Check(p.customer[id], facts, t.Channel, t.Day).Allowed {
			return false
		}
	}
	return true
}
