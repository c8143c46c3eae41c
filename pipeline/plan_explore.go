package pipeline

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"

	"dunning/data"
	"dunning/models/uplift"
	"dunning/optimizer"
)

// Exploration in the plan. A plan that always does what it holds best teaches
// nothing of what else would have happened. So a small share is drawn at random,
// with probabilities that are known exactly:
//
//   - A planned touch is left out with at least the floor, near-ties more often.
//     That frees money and places and breaks no limit.
//   - Other touches are drawn by a lottery (uplift.Lottery): each other channel that
//     the law allows on the day of a customer's first touch, which it takes the place
//     of; where nothing is planned, each channel on the customer's best day. Touches
//     that lose little are drawn more often: in proportion to cost ÷ (cost + regret),
//     beyond the floor. The money and the places of the lottery are set aside before the program is solved, and it never
//     takes more, so that no draw breaks budget, capacity or law.
//
// Customers whom a régua has are not drawn, nor are those of segments with a share
// of the budget; where a segment has a minimum, no touch is left out.

// exploration is the state of exploring one plan.
type exploration struct {
	p      *planner
	config ExploreConfig
	room   []float64 // touches by slot that were set aside; +Inf where there is no limit
	place  []int32   // of each slot in the lottery
	paid   []float64 // price of the place in a slot, cents
	cents  float64   // price of a cent of the budget
	among  []asked
	offers []offer
	draw   *rand.Rand

	decisions []Decision
	prob      map[plannedTouch]float64 // of the touches that stay
	won       []wonTouch
	wonDay    map[int32]data.Date // of the first touch that was drawn, by customer of the grid
}

// asked is a customer about whom something is decided.
type asked struct {
	id     string
	index  int32 // in the grid, −1 for one without a candidate that is worth its cost
	ladder *optimizer.LadderExplanation
	first  int     // of his offers
	best   float64 // what the place of a drawn touch is worth now, cents at the plan's prices
}

// offer is a touch that may be drawn.
type offer struct {
	slot   int32
	cost   data.Cents
	value  float64
	regret float64 // cents, at the plan's prices
}

// plannedTouch is a touch of the answer: a customer of the grid and a slot.
type plannedTouch struct {
	index int32
	slot  int
}

// wonTouch is a touch that was drawn instead of what was planned.
type wonTouch struct {
	id    string
	offer offer
	prob  float64
}

// exploreCents is what is set aside of the budget for the lottery, of what réguas
// left.
func (p *planner) exploreCents() data.Cents {
	if !p.explores {
		return 0
	}
	share := data.Cents(p.w.Config.Explore.Share * float64(p.w.Config.BudgetCents))
	return max(0, min(share, p.w.Config.BudgetCents-p.takenCents()))
}

// exploreRoom is how many touches of a capacity are set aside.
func (p *planner) exploreRoom(capacity float64) float64 {
	if !p.explores {
		return 0
	}
	return math.Floor(p.w.Config.Explore.Share * capacity)
}

// explore draws, and makes the answer what was drawn.
func (p *planner) explore(ctx context.Context) error {
	if !p.explores {
		return nil
	}
	e := newExploration(p)
	e.ask()
	e.decide()
	p.explored = e
	var touched []int32
	for i, r := range p.chosen {
		if r != optimizer.Hold {
			touched = append(touched, int32(i))
		}
	}
	var err error
	if p.explained, err = optimizer.ExplainGrid(ctx, p.grid, p.answer.Prices, p.chosen, touched); err != nil {
		return err
	}
	e.rediscount()
	p.out.Plan.PlanValueCents = 0
	for i := range p.explained {
		for k := range p.explained[i].Touches {
			p.out.Plan.PlanValueCents += p.explained[i].Touches[k].DiscountedCents
		}
	}
	return nil
}

func newExploration(p *planner) *exploration {
	e := &exploration{p: p, config: p.w.Config.Explore, prob: map[plannedTouch]float64{}, wonDay: map[int32]data.Date{},
		draw: rand.New(rand.NewPCG(p.w.Seed, uint64(p.w.AsOf)))}
	e.readPrices()
	e.lotterySlots()
	return e
}

// rediscount makes the touches that follow one that was drawn later steps again:
// the grid does not know of it.
func (e *exploration) rediscount() {
	p := e.p
	for i := range p.explained {
		x := &p.explained[i]
		last, won := e.wonDay[x.Customer]
		if !won {
			continue
		}
		for k := range x.Touches {
			t := &x.Touches[k]
			t.GapDays = int(p.slots[t.Slot].Day - last)
			t.Factor = ladderFactor(&p.rule, k+1, t.GapDays)
			t.DiscountedCents = t.Factor * t.ValueCents
			last = p.slots[t.Slot].Day
		}
	}
}

// readPrices takes over what the rows cost and what was set aside.
func (e *exploration) readPrices() {
	p := e.p
	e.cents = p.answer.Prices[budgetRow]
	e.room, e.paid = make([]float64, len(p.slots)), make([]float64, len(p.slots))
	at := map[string]int{}
	for s, slot := range p.slots {
		e.room[s] = math.Inf(1)
		at[optimizer.CapacityName(slot.Channel, slot.Day)] = s
	}
	for _, c := range p.capacities() {
		e.room[at[optimizer.CapacityName(c.Channel, c.Day)]] = min(p.exploreRoom(c.Touches), c.Touches-float64(p.takenSlots(c)))
	}
	for r := range p.grid.Rows {
		if s, ok := at[p.grid.Rows[r].Name]; ok {
			e.paid[s] = p.answer.Prices[r]
		}
	}
}

// offersOf are the offers of customer number k.
func (e *exploration) offersOf(k int) []offer {
	end := len(e.offers)
	if k+1 < len(e.among) {
		end = e.among[k+1].first
	}
	return e.offers[e.among[k].first:end]
}

// decide holds the lottery and draws which planned touches are left out.
func (e *exploration) decide() {
	p := e.p
	var entries []uplift.Entry
	for k := range e.among {
		for _, o := range e.offersOf(k) {
			weight := float64(max(1, o.cost)) / (float64(max(1, o.cost)) + o.regret)
			entries = append(entries, uplift.Entry{Customer: int32(k), Slot: e.place[o.slot], Weight: weight})
		}
	}
	lottery := uplift.NewLottery(entries, e.expected(), e.lotteryDays(), e.config.Floor)
	winner := map[int]int{} // offer by customer
	for _, entry := range lottery.Draw(e.draw) {
		winner[int(entries[entry].Customer)] = entry // entries and offers are in step
	}
	out := &data.Explored{Share: e.config.Share, Floor: e.config.Floor, SetAsideCents: p.exploreCents()}
	for k := range e.among {
		entry, won := winner[k]
		e.customer(k, entry, won, lottery, out)
	}
	out.Touches = int64(len(e.won))
	p.out.Plan.Exploration, p.out.Plan.Explored = out.Touches, out
}

// customer notes the decisions about one customer, and makes the answer what was
// drawn for him.
func (e *exploration) customer(k, entry int, won bool, lottery *uplift.Lottery, out *data.Explored) {
	p, a := e.p, &e.among[k]
	first := Decision{CustomerID: a.id, Day: p.w.AsOf, Step: 1, Planned: data.Hold, Option: data.Hold, ProbHold: 1}
	for j, o := range e.offersOf(k) {
		prob := lottery.Probability(a.first + j)
		*first.prob(p.slots[o.slot].Channel) = prob
		first.ProbHold -= prob
		out.RegretCents += prob * o.regret
		out.Offers++
	}
	if won {
		o, slot := e.offers[entry], p.slots[e.offers[entry].slot]
		first.Option, first.Day = slot.Channel, slot.Day
		e.won = append(e.won, wonTouch{id: a.id, offer: o, prob: lottery.Probability(entry)})
	}
	if a.ladder == nil {
		e.decisions = append(e.decisions, first)
		return
	}
	if won {
		e.wonDay[a.index] = first.Day
	}
	var kept []int
	for j := range a.ladder.Touches {
		if slot, stays := e.touch(a, j, first, won && j == 0, out); stays {
			kept = append(kept, slot)
		}
	}
	p.chosen[a.index] = optimizer.RungsOf(kept...)
}

// touch notes the decision about a planned touch and returns whether it stays. first
// has the probabilities of what may take the place of the first touch.
func (e *exploration) touch(a *asked, j int, first Decision, won bool, out *data.Explored) (slot int, stays bool) {
	t := &a.ladder.Touches[j]
	planned := e.p.slots[t.Slot]
	d := Decision{CustomerID: a.id, Step: int32(j + 1), Option: planned.Channel, ProbHold: 1}
	if j == 0 {
		d = first
	}
	left, remains := e.leftOut(a, t), d.ProbHold // nothing takes its place
	d.Planned, d.ProbHold, *d.prob(planned.Channel) = planned.Channel, remains*left, remains*(1-left)
	out.RegretCents += remains * left * max(0, t.DiscountedCents-t.PaidCents)
	if !won {
		d.Day, d.Option = planned.Day, planned.Channel
		if stays = e.draw.Float64() >= left; !stays {
			d.Option = data.Hold
			out.LeftOut++
		}
	}
	if prob := d.Prob(planned.Channel); stays && prob < 1 {
		e.prob[plannedTouch{a.index, t.Slot}] = prob
	}
	e.decisions = append(e.decisions, d)
	return t.Slot, stays
}

// leftOut is the probability with which a planned touch is left out.
func (e *exploration) leftOut(a *asked, t *optimizer.TouchExplanation) float64 {
	if e.p.demanded[e.p.segmentOf(a.id)] {
		return 0
	}
	x := uplift.Exploration{Share: e.config.Share, Floor: e.config.Floor, TieCents: t.CostCents}
	return x.Probabilities(1, []float64{max(0, t.DiscountedCents-t.PaidCents), 0})[0]
}

// chargeExplored takes the touches that were drawn off what réguas may still have.
func (p *planner) chargeExplored() {
	if p.explored == nil || p.reguas == nil {
		return
	}
	for _, t := range p.explored.won {
		p.reguas.wallet.charge(p.slots[t.offer.slot], p.segmentOf(t.id), t.offer.cost)
	}
}

// treatProb is the probability with which a touch of the answer was chosen.
func (p *planner) treatProb(customer int32, slot int) float64 {
	if p.explored != nil {
		if prob, ok := p.explored.prob[plannedTouch{customer, slot}]; ok {
			return prob
		}
	}
	// Whoever is not in the random holdout gets the best option for sure.
	return 1 - p.w.Config.HoldoutShare
}

// drawnCents is what the touches bring that were drawn.
func (p *planner) drawnCents() (cents float64) {
	if p.explored == nil {
		return 0
	}
	for _, t := range p.explored.won {
		cents += t.offer.value
	}
	return cents
}

// drawnBefore is 1 for a customer of the grid whose first touch was drawn, so that
// the others follow it, and 0 for any other.
func (p *planner) drawnBefore(customer int32) int {
	if p.explored != nil {
		if _, won := p.explored.wonDay[customer]; won {
			return 1
		}
	}
	return 0
}

// exploredRows are the plan's rows of the touches that were drawn.
func (p *planner) exploredRows() (rows []planRow) {
	if p.explored == nil {
		return nil
	}
	for _, t := range p.explored.won {
		slot := p.slots[t.offer.slot]
		rows = append(rows, planRow{t.id, slot, t.offer.value, func(value data.Cents) data.Action {
			customer := p.customer[t.id]
			start, end, hour := p.window(&customer, slot.Channel, slot.Day)
			return data.Action{CustomerID: t.id, Channel: slot.Channel, Day: slot.Day, WindowStart: start, WindowEnd: end, Step: 1,
				CostCents: t.offer.cost, ValueCents: value, TreatProb: t.prob, Source: data.SourceExploration,
				ReducedCostCents: data.RoundCents(t.offer.value - p.explored.paid[t.offer.slot] - p.explored.cents*float64(t.offer.cost)),
				Reason: fmt.Sprintf("%s na %s, %s: contato sorteado, com probabilidade de %s, para medir o que ele traz; espera-se recuperar %s a mais por %s, e perder no máximo %s sobre o melhor plano para este cliente.",
					capital(slot.Channel.Portuguese()), weekdays[slot.Day.Weekday()], dayMonth(slot.Day), smallPercent(t.prob), value.BRL(), t.offer.cost.BRL(), data.RoundCents(t.offer.regret).BRL()) + hourWords(hour),
			}
		}})
	}
	return rows
}

// smallPercent shows a probability that may be far below one in a thousand.
func smallPercent(p float64) string {
	if p >= 0.001 {
		return percent(p)
	}
	return "menos de 0,1 %"
}
