package pipeline

import (
	"cmp"
	"slices"

	"dunning/data"
	"dunning/optimizer"
	"dunning/policy/regua"
)

// wallet is what is left of budget, capacities and the shares of segments.
type wallet struct {
	cents    data.Cents
	slots    map[optimizer.Slot]int64 // limited ones only
	segments map[string]data.Cents    // those with a share only
	// What was taken.
	takenCents    data.Cents
	takenSlots    map[optimizer.Slot]int64
	takenSegments map[string]data.Cents
}

func (p *planner) newWallet() wallet {
	w := wallet{cents: p.w.Config.BudgetCents, slots: map[optimizer.Slot]int64{}, segments: map[string]data.Cents{},
		takenSlots: map[optimizer.Slot]int64{}, takenSegments: map[string]data.Cents{}}
	for _, c := range p.capacities() {
		w.slots[optimizer.Slot{Channel: c.Channel, Day: c.Day}] = int64(c.Touches)
	}
	for _, s := range p.w.Config.Segments {
		if s.MaxShare != nil {
			w.segments[s.Segment] = data.Cents(*s.MaxShare * float64(p.w.Config.BudgetCents))
		}
	}
	return w
}

// take takes a touch of a segment; it returns the row that is in the way, ""
// when there is none.
func (w *wallet) take(slot optimizer.Slot, segment string, cost data.Cents) string {
	if n, limited := w.slots[slot]; limited && n < 1 {
		return optimizer.CapacityName(slot.Channel, slot.Day)
	}
	if n, limited := w.segments[segment]; limited && n < cost {
		return maximumName(segment)
	}
	if w.cents < cost {
		return optimizer.BudgetName
	}
	w.charge(slot, segment, cost)
	return ""
}

// charge takes a touch that is known to fit.
func (w *wallet) charge(slot optimizer.Slot, segment string, cost data.Cents) {
	if _, limited := w.slots[slot]; limited {
		w.slots[slot]--
	}
	if _, limited := w.segments[segment]; limited {
		w.segments[segment] -= cost
	}
	w.cents -= cost
	w.takenCents += cost
	w.takenSlots[slot]++
	w.takenSegments[segment] += cost
}

// takenCents is what réguas took of the budget before the linear program.
func (p *planner) takenCents() data.Cents {
	if p.reguas == nil {
		return 0
	}
	return p.reguas.wallet.takenCents
}

// takenSlots is how many touches réguas took of a capacity.
func (p *planner) takenSlots(c optimizer.Capacity) int64 {
	if p.reguas == nil {
		return 0
	}
	return p.reguas.wallet.takenSlots[optimizer.Slot{Channel: c.Channel, Day: c.Day}]
}

// takenOf is what réguas spent on a segment.
func (p *planner) takenOf(segment string) data.Cents {
	if p.reguas == nil {
		return 0
	}
	return p.reguas.wallet.takenSegments[segment]
}

// takeReplaced gives the réguas of the mode replace their touches, as far as the
// money goes: what comes first in [inOrder] is kept longest.
func (p *planner) takeReplaced() {
	if p.reguas == nil {
		return
	}
	var touches []*reguaTouch
	for _, c := range p.reguas.order {
		if c.regua.Mode == regua.Replace {
			touches = append(touches, c.touches...)
		}
	}
	p.keep(touches)
}

// takeHeld gives the réguas of the mode only_if_hold their touches, out of what
// the plan leaves, where it leaves the customer alone; and marks the touches of
// competing réguas that the plan chose.
func (p *planner) takeHeld() {
	if p.reguas == nil {
		return
	}
	touched := map[string]bool{}
	for i := range p.explained {
		x := &p.explained[i]
		id := p.ids[x.Customer]
		touched[id] = true
		c := p.reguas.byID[id]
		for k := range x.Touches {
			t := &x.Touches[k]
			p.reguas.wallet.charge(p.slots[t.Slot], p.segmentOf(id), data.RoundCents(t.CostCents))
			if c != nil && c.regua.Mode == regua.Compete {
				c.choose(p.slots[t.Slot], t.DiscountedCents)
			}
		}
	}
	var touches []*reguaTouch
	for _, c := range p.reguas.order {
		if c.regua.Mode == regua.OnlyIfHold && !touched[c.id] {
			touches = append(touches, c.touches...)
		}
	}
	p.keep(touches)
}

// choose marks the touch of a slot as chosen by the linear program, in a ladder in
// which it is worth so much.
func (c *reguaCustomer) choose(slot optimizer.Slot, worth float64) {
	for _, t := range c.touches {
		if t.slot() == slot {
			t.chosen, t.worth = true, worth
		}
	}
}

// keep takes every touch that fits, in order; what is dropped keeps the name of
// the row in the way.
func (p *planner) keep(touches []*reguaTouch) {
	slices.SortStableFunc(touches, inOrder)
	for _, t := range touches {
		t.inTheWay = p.reguas.wallet.take(t.slot(), p.segmentOf(t.of.id), t.costCents)
		t.kept = t.inTheWay == ""
	}
	for _, t := range touches {
		t.of.discount(&p.rule)
	}
	for _, t := range touches {
		if t.kept {
			p.reguas.fixed += t.worth
		}
	}
}

// fixedCents is what the touches bring that réguas send, or that were drawn, beside
// the program.
func (p *planner) fixedCents() float64 {
	if p.reguas == nil {
		return p.drawnCents()
	}
	return p.reguas.fixed + p.drawnCents()
}

// addFixed makes the plan's figures those of everybody: what is fixed is part of
// the objective and of its bound alike.
func (p *planner) addFixed() {
	if fixed := p.fixedCents(); fixed != 0 {
		p.out.Plan.ObjectiveCents += fixed
		p.out.Plan.BoundCents += fixed
		p.out.Plan.PlanValueCents += fixed
		if free := p.out.Plan.UncappedCents; free != nil {
			*free += fixed
		}
	}
}

// inOrder says which touch is kept longer where the money ends: of the régua with
// the higher priority (ties by its id), then the earlier day, then the one worth
// more, then by customer.
func inOrder(a, b *reguaTouch) int {
	return cmp.Or(cmp.Compare(b.of.regua.Priority, a.of.regua.Priority), cmp.Compare(a.of.regua.ID, b.of.regua.ID),
		cmp.Compare(a.Day, b.Day), cmp.Compare(b.alone, a.alone), cmp.Compare(a.of.id, b.of.id))
}

// kept lists the touches that the réguas send beside the linear program.
func (r *reguaPlan) kept() (out []*reguaTouch) {
	if r == nil {
		return nil
	}
	for _, c := range r.order {
		for _, t := range c.touches {
			if t.kept {
				out = append(out, t)
			}
		}
	}
	return out
}

// at returns the customer's touch in a slot that the linear program chose of a
// competing régua, nil when there is none.
func (c *reguaCustomer) at(slot optimizer.Slot) *reguaTouch {
	if c == nil {
		return nil
	}
	for _, t := range c.touches {
		if t.chosen && t.slot() == slot {
			return t
		}
	}
	return nil
}
