package pipeline

import (
	"context"
	"database/sql"
	"fmt"
	"math/bits"
	"slices"
	"sync"
	"sync/atomic"

	"dunning/data"
	"dunning/optimizer"
	"dunning/policy"
)

// Caps on several touches. Whether one touch is allowed, the score stage asked
// the policy engine. Whether the touches of a ladder are allowed together, with
// those that were sent in the last month, depends on the customer: a weekly
// limit of three leaves one more touch to whoever had two last Friday. A ladder
// rule, which is the same for all, cannot say that. So every customer who has
// candidates on days that some ladder may not combine is left those days of
// which every ladder is allowed: first the days of the best allowed ladder at
// the prices of a plan without these caps, then further days, the most valuable
// first, as long as nothing becomes forbidden. What that can cost is known: the
// bound of the plan without these caps.

// recentSQL lists the days of recent touches, oldest first.
const recentSQL = `
SELECT customer_id, CAST(sent_at AS DATE) AS day, channel
FROM touches WHERE channel <> 'hold' AND sent_at >= TIMESTAMP '%s' AND sent_at < TIMESTAMP '%s'
ORDER BY ALL`

// readRecent loads the days of recent touches.
func (p *planner) readRecent(ctx context.Context) error {
	p.recent, p.recentOn = map[string][]data.Date{}, map[string][]data.Channel{}
	if p.rule.Touches <= 1 {
		return nil // single touches were checked
	}
	return overLake(ctx, p.w, p.w.Input("extract"), func(e *engine) error {
		return e.rows(fmt.Sprintf(recentSQL, p.w.AsOf-factsDays, p.w.AsOf), func(r *sql.Rows) error {
			var id, channel string
			var day sql.NullTime
			if err := r.Scan(&id, &day, &channel); err != nil {
				return err
			}
			if p.scores[id] != nil {
				p.recent[id] = append(p.recent[id], data.DateOf(day.Time))
				p.recentOn[id] = append(p.recentOn[id], data.Channel(channel))
			}
			return nil
		})
	})
}

// daySet is a set of days of the plan, the first in the lowest bit.
type daySet uint32

// allDays leaves a customer every day.
const allDays = ^daySet(0)

// capped returns the days that each customer is left, and how many customers
// are left fewer than they have, at the given prices.
func (p *planner) capped(ctx context.Context, prices []float64) (left []daySet, customers int64, err error) {
	left = make([]daySet, len(p.ids))
	paid := p.paid(prices)
	blocks := p.values.Blocks()
	workers := min(p.w.Config.cores(), max(1, blocks))
	errs := make([]error, workers)
	var turn, count atomic.Int64
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			walk := p.newCapWalk()
			for errs[w] == nil {
				k := int(turn.Add(1)) - 1
				if k >= blocks || ctx.Err() != nil {
					errs[w] = ctx.Err()
					return
				}
				errs[w] = eachOfBlock(p.values, k, func(i int, profile int32, row []float64) error {
					left[i] = walk.daysLeft(p.ids[i], row, paid[profile])
					if left[i] != allDays {
						count.Add(1)
					}
					return nil
				})
			}
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, 0, err
		}
	}
	return left, count.Load(), nil
}

// paid returns what a touch pays for the rows at prices, by profile and slot.
func (p *planner) paid(prices []float64) [][]float64 {
	out := make([][]float64, p.grid.Profiles)
	for i := range out {
		out[i] = make([]float64, len(p.slots))
	}
	for r := range p.grid.Rows {
		for _, u := range p.grid.Rows[r].Use {
			out[u.Profile][u.Slot] += prices[r] * u.Amount
		}
	}
	return out
}

// restrict forbids the days that customers are not left.
func (p *planner) restrict(left []daySet) error {
	values := optimizer.NewMemoryValues(len(p.slots), len(p.ids))
	if p.wide {
		values = optimizer.WideMemoryValues(len(p.slots), len(p.ids))
	}
	err := eachCustomer(p.values, func(i int, profile int32, row []float64) error {
		for s := range row {
			if left[i]&(1<<(p.slots[s].Day-p.w.AsOf)) == 0 {
				row[s] = optimizer.Forbidden
			}
		}
		return values.Add(profile, row)
	})
	p.values, p.grid.Values = values, values
	return err
}

// capWalk walks through the ladders of one customer after the other; it belongs
// to one goroutine.
type capWalk struct {
	p     *planner
	first data.Date
	days  int

	customer data.Customer
	facts    policy.Facts
	channels [32][]data.Channel // with a candidate, by day
	sent     int                // touches of the past in facts.Touches
	nodes    int                // ladders looked at

	value  [32][]float64 // by day, then channel with a candidate
	paid   [32][]float64
	prefix []int
	best   daySet
	most   float64
	single [32]float64 // the most that a first touch of the day is worth
}

func (p *planner) newCapWalk() *capWalk {
	return &capWalk{p: p, first: p.w.AsOf, days: p.w.Config.Features.PlanDays}
}

// turnTo makes a customer the one at hand; it returns the days with candidates.
func (c *capWalk) turnTo(id string, row, paid []float64) (offered daySet) {
	score := c.p.scores[id]
	c.customer = c.p.customer[id]
	c.facts = policy.Facts{AsOf: c.p.w.AsOf, BalanceCents: score.BalanceCents, DaysPastDue: score.DaysPastDue,
		Touches: append(c.facts.Touches[:0], c.p.recent[id]...), TouchedOn: c.p.recentOn[id]}
	c.sent = len(c.facts.Touches)
	for d := range c.days {
		c.channels[d], c.value[d], c.paid[d], c.single[d] = c.channels[d][:0], c.value[d][:0], c.paid[d][:0], 0
	}
	for s, v := range row {
		if v == optimizer.Forbidden {
			continue
		}
		d := int(c.p.slots[s].Day - c.first)
		offered |= 1 << d
		c.channels[d] = append(c.channels[d], c.p.slots[s].Channel)
		c.value[d] = append(c.value[d], v)
		c.paid[d] = append(c.paid[d], paid[s])
		c.single[d] = max(c.single[d], v-paid[s])
	}
	return offered
}

// daysLeft returns allDays, or the days that the customer is left.
func (c *capWalk) daysLeft(id string, row, paid []float64) daySet {
	offered := c.turnTo(id, row, paid)
	if c.allAllowed(offered) {
		return allDays
	}
	c.best, c.most, c.nodes, c.prefix = 0, 0, 0, c.prefix[:0]
	c.search(offered, 0, 0)
	left := c.best
	order := make([]int, 0, c.days)
	for d := range c.days {
		if offered&^left&(1<<d) != 0 {
			order = append(order, d)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case c.single[a] > c.single[b]:
			return -1
		case c.single[a] < c.single[b]:
			return 1
		}
		return 0
	})
	for _, d := range order {
		if c.allAllowed(left | 1<<d) {
			left |= 1 << d
		}
	}
	return left
}

// mostNodes bounds the ladders of one customer that are looked at: all where
// plans cover some weeks. A customer with more is left days that are fewer than
// need be.
const mostNodes = 20_000

// allAllowed reports whether the policy allows every ladder on the given days.
func (c *capWalk) allAllowed(days daySet) bool {
	c.nodes, c.prefix = 0, c.prefix[:0]
	return c.allFrom(days)
}

func (c *capWalk) allFrom(days daySet) bool {
	if len(c.prefix) == c.p.rule.Touches {
		return true
	}
	for rest := days & c.after(); rest != 0; rest &= rest - 1 {
		d := bits.TrailingZeros32(uint32(rest))
		if c.nodes++; c.nodes > mostNodes || !c.allowed(d) {
			return false
		}
		c.push(d)
		ok := c.allFrom(days)
		c.pop()
		if !ok {
			return false
		}
	}
	return true
}

// after returns the days that may follow the ladder at hand.
func (c *capWalk) after() daySet {
	if len(c.prefix) == 0 {
		return allDays
	}
	return allDays << (c.prefix[len(c.prefix)-1] + max(1, c.p.rule.GapDays))
}

func (c *capWalk) push(d int) {
	c.prefix = append(c.prefix, d)
	c.facts.Touches = append(c.facts.Touches, c.first+data.Date(d))
}

func (c *capWalk) pop() {
	c.prefix, c.facts.Touches = c.prefix[:len(c.prefix)-1], c.facts.Touches[:len(c.facts.Touches)-1]
}

// allowed reports whether the policy allows one touch more on a day, on every
// channel that the customer has there. The channels of the ladder at hand are
// left open, so that each counts on all: the days hold for any of them. Too close or too many is so whichever of
// the touches is asked about, so the later one is enough.
func (c *capWalk) allowed(d int) bool {
	subject := c.p.engine.Prepare(&c.customer, &c.facts)
	for _, ch := range c.channels[d] {
		if c.p.engine.Decide(&subject, ch, c.first+data.Date(d)) != policy.Allowed {
			return false
		}
	}
	return true
}

// search finds the days of the best allowed ladder that begins with the one at
// hand: so far worth so much beyond what it pays.
func (c *capWalk) search(offered, chosen daySet, worth float64) {
	if worth > c.most {
		c.best, c.most = chosen, worth
	}
	step := len(c.prefix)
	if step == c.p.rule.Touches {
		return
	}
	next := offered & c.after()
	highest := 0.0 // no further touch is worth more
	for rest := next; rest != 0; rest &= rest - 1 {
		highest = max(highest, c.single[bits.TrailingZeros32(uint32(rest))])
	}
	if worth+highest*float64(c.p.rule.Touches-step) <= c.most {
		return
	}
	for rest := next; rest != 0; rest &= rest - 1 {
		d := bits.TrailingZeros32(uint32(rest))
		if c.nodes++; c.nodes > mostNodes {
			return
		}
		if !c.allowed(d) {
			continue
		}
		factor := c.factor(step, d)
		most := -1.0
		for k, v := range c.value[d] {
			if x := factor*v - c.paid[d][k]; k == 0 || x > most {
				most = x
			}
		}
		c.push(d)
		c.search(offered, chosen|1<<d, worth+most)
		c.pop()
	}
}

// factor is the discount of a touch on day d that is the next of the ladder.
func (c *capWalk) factor(step, d int) float64 {
	if step == 0 || step >= len(c.p.rule.Factor) {
		return 1
	}
	row := c.p.rule.Factor[step]
	return row[min(d-c.prefix[step-1], len(row)-1)]
}

// checkLadders asks the policy engine about every ladder of the answer, touch by
// touch with all others planned. What it forbids is a fault of this program.
func (p *planner) checkLadders() error {
	if p.rule.Touches <= 1 {
		return nil
	}
	var slots []int
	for i, r := range p.chosen {
		if r.Touches() < 2 {
			continue
		}
		score, customer := p.scores[p.ids[i]], p.customer[p.ids[i]]
		slots = r.Slots(slots[:0])
		for k, s := range slots {
			facts := policy.Facts{AsOf: p.w.AsOf, BalanceCents: score.BalanceCents, DaysPastDue: score.DaysPastDue,
				Touches: slices.Clone(p.recent[p.ids[i]]), TouchedOn: slices.Clone(p.recentOn[p.ids[i]])}
			for j, other := range slots {
				if j != k {
					facts.Touches = append(facts.Touches, p.slots[other].Day)
					facts.TouchedOn = append(facts.TouchedOn, p.slots[other].Channel)
				}
			}
			if v := p.engine.Check(customer, facts, p.slots[s].Channel, p.slots[s].Day); !v.Allowed {
				return fmt.Errorf("pipeline: the ladder of customer %q breaks rule %s on %s", p.ids[i], v.RuleID, p.slots[s].Day)
			}
		}
	}
	return nil
}
