package pipeline

import (
	"slices"

	"dunning/data"
	"dunning/optimizer"
	"dunning/policy"
)

// ask lists the customers and what may be drawn for each.
func (e *exploration) ask() error {
	p := e.p
	limited := map[string]bool{}
	for _, s := range p.w.Config.Segments {
		limited[s.Segment] = s.MaxShare != nil
	}
	at := make(map[optimizer.Slot]int32, len(p.slots))
	for s, slot := range p.slots {
		at[slot] = int32(s)
	}
	index, explained := 0, 0
	for mine, err := range p.candidates() {
		if err != nil {
			return err
		}
		a := asked{id: mine[0].CustomerID, index: -1, first: len(e.offers)}
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
			e.offer(&a, mine, at)
		}
		if a.ladder != nil || len(e.offers) > a.first {
			e.among = append(e.among, a)
		}
	}
	return nil
}

// offer adds what may be drawn of a customer: each channel on one day, on which the
// touch is that loses least.
func (e *exploration) offer(a *asked, mine []data.Candidate, at map[optimizer.Slot]int32) {
	first, least := len(e.offers), -1
	for k := range mine {
		c := &mine[k]
		s, planned := at[optimizer.Slot{Channel: c.Channel, Day: c.Day}]
		if !c.Allowed || !planned || e.room[s] < 1 || !e.mayReplace(a, c) {
			continue
		}
		o := offer{slot: s, cost: c.CostCents, value: float64(e.p.value(c))}
		o.regret = max(0, a.best-(o.value-e.paid[s]-e.cents*float64(o.cost)))
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
func (e *exploration) mayReplace(a *asked, c *data.Candidate) bool {
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
	ladder := []optimizer.Slot{{Channel: c.Channel, Day: c.Day}}
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
