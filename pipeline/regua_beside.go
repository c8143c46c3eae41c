package pipeline

import (
	"context"

	"dunning/data"
	"dunning/optimizer"
	"dunning/policy/regua"
)

// What réguas are worth against the recommendation, at the plan's prices. A touch
// pays for the money and the places it takes what they bring where the program has
// them. Whom a régua replaces the recommendation for is set aside with his values:
// at the same prices his best ladder says what the recommendation would have made of
// him. By weak duality the régua forgoes at most what those ladders bring beyond
// their prices, less what its own touches bring beyond theirs; a trial says exactly.

// aside are the customers whom réguas replace the recommendation for.
type aside struct {
	values *optimizer.MemoryValues
	of     []*reguaCustomer
}

// setAside keeps the values of a captured customer.
func (p *planner) setAside(c *reguaCustomer, profile int32, row []float64) error {
	a := &p.reguas.aside
	if a.values == nil {
		a.values = optimizer.WideMemoryValues(len(p.slots), len(p.reguas.order))
	}
	a.of = append(a.of, c)
	return a.values.Add(profile, row)
}

// beyondPrices says what the recommendation's best ladders for those whom réguas
// replace it for bring beyond the plan's prices: by régua, in cents.
func (p *planner) beyondPrices(ctx context.Context) (map[*regua.Regua]float64, error) {
	beyond := map[*regua.Regua]float64{}
	if p.reguas.aside.values == nil {
		return beyond, nil
	}
	of := p.reguas.aside.of
	grid := *p.grid
	grid.Values, grid.Profiles = p.reguas.aside.values, p.book.profiles()
	everybody := make([]int32, len(of))
	for i := range everybody {
		everybody[i] = int32(i)
	}
	explained, err := optimizer.ExplainGrid(ctx, &grid, p.answer.Prices, make([]optimizer.Rungs, len(of)), everybody)
	if err != nil {
		return nil, err
	}
	for i := range explained { // beside hold, which brings nothing
		beyond[of[i].regua] += max(0, explained[i].RunnerUpReducedCostCents)
	}
	return beyond, nil
}

// compareReguas fills in what each régua that replaces the recommendation forgoes at
// most.
func (p *planner) compareReguas(ctx context.Context, outcomes []regua.Outcome) error {
	beyond, err := p.beyondPrices(ctx)
	if err != nil {
		return err
	}
	paid := map[*regua.Regua]float64{}
	for _, t := range p.reguas.kept() {
		paid[t.of.regua] += p.paidBy(t)
	}
	for i := range outcomes {
		o, r := &outcomes[i], p.reguas.set.Reguas[i]
		if r.Mode != regua.Replace {
			continue
		}
		forgone := data.RoundCents(beyond[r] + paid[r] - float64(o.ValueCents))
		o.ForgoneMostCents = &forgone
	}
	return nil
}

// reguaPrices are what a régua's touch pays for at the plan's prices.
type reguaPrices struct {
	perCent     float64 // of the budget
	slot        map[optimizer.Slot]float64
	share, each map[string]float64 // by segment: per cent, per touch
}

// readReguaPrices takes the prices from the answer.
func (p *planner) readReguaPrices() *reguaPrices {
	byName := make(map[string]float64, len(p.grid.Rows))
	for r := range p.grid.Rows {
		byName[p.grid.Rows[r].Name] = p.answer.Prices[r]
	}
	t := &reguaPrices{perCent: byName[optimizer.BudgetName], slot: map[optimizer.Slot]float64{}, share: map[string]float64{}, each: map[string]float64{}}
	for _, slot := range p.slots {
		t.slot[slot] = byName[optimizer.CapacityName(slot.Channel, slot.Day)]
	}
	for _, s := range p.w.Config.Segments {
		t.share[s.Segment], t.each[s.Segment] = byName[maximumName(s.Segment)], byName[minimumName(s.Segment)]
	}
	return t
}

// paidBy returns what a régua's touch takes at the plan's prices.
func (p *planner) paidBy(t *reguaTouch) float64 {
	if p.reguas.prices == nil {
		p.reguas.prices = p.readReguaPrices()
	}
	prices, segment := p.reguas.prices, p.segmentOf(t.of.id)
	return (prices.perCent+prices.share[segment])*float64(t.costCents) + prices.slot[t.slot()] + prices.each[segment]
}
