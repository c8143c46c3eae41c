package pipeline

import (
	"context"
	"sync"
	"time"

	"dunning/data"
	"dunning/features"
	"dunning/optimizer"
	"dunning/policy"
	"dunning/policy/regua"
)

// Réguas in the plan. A régua's touches are worth what the models say of them and
// obey the law like any other. In the mode replace they are taken off budget and
// capacities before the linear program sees its customers' rivals; in the mode
// compete they are options of the program like the recommended ones; in the mode
// only_if_hold they come after it, for those whom it leaves alone, out of what is
// left.

// Rules of réguas that are no policy's: why a wish of theirs is not met.
const (
	ruleChannelClosed = "channel_closed" // the plan does not use the channel
	ruleReguaHours    = "regua_hours"    // the step's hours lie outside the law's
)

// reguaPlan is what réguas do in one plan.
type reguaPlan struct {
	set *regua.Set
	// byID holds the captured customers; order has them by id.
	byID   map[string]*reguaCustomer
	order  []*reguaCustomer
	failed int64 // conditions that failed on a customer

	wallet wallet
	aside  aside
	prices *reguaPrices // nil until asked for
	fixed  float64      // worth of the touches that the linear program did not choose
}

// reguaCustomer is a customer whom a régua has.
type reguaCustomer struct {
	id      string
	regua   *regua.Regua
	state   *regua.State
	facts   policy.Facts
	touches []*reguaTouch
	refused []regua.Refused
	lost    int // steps of the last days that nothing makes up for
	heldOut bool
}

// reguaTouch is a touch that a régua sends if there is money for it.
type reguaTouch struct {
	regua.Touch
	of         *reguaCustomer
	start, end time.Time
	alone      float64 // cents that it is worth as the only touch
	worth      float64 // the same, discounted for the touches before it
	costCents  data.Cents
	kept       bool
	chosen     bool   // by the linear program
	inTheWay   string // row that it was dropped for
}

func (t *reguaTouch) slot() optimizer.Slot { return optimizer.Slot{Channel: t.Channel, Day: t.Day} }

func (t *reguaTouch) step() *regua.Step { return &t.of.regua.Steps[t.Step] }

// captured returns the customer as a régua has him, nil when none does.
func (p *planner) captured(id string) *reguaCustomer {
	if p.reguas == nil {
		return nil
	}
	return p.reguas.byID[id]
}

// follow asks the réguas of a set about every customer with an open balance.
func (p *planner) follow(ctx context.Context, set *regua.Set) error {
	if len(set.Reguas) == 0 {
		return nil
	}
	in := p.w.Input("extract")
	parts := len(in.Parts("customers"))
	found := make([][]*reguaCustomer, parts)
	p.reguas = &reguaPlan{set: set, byID: map[string]*reguaCustomer{}}
	var mu sync.Mutex
	err := p.w.eachPart(ctx, parts, 0, 1, func(ctx context.Context, part int) error {
		failed := 0
		for h, err := range features.Histories(in.Dir, part) {
			if err == nil {
				err = ctx.Err()
			}
			if err != nil {
				return err
			}
			score := p.scores[h.Customer.CustomerID]
			if score == nil {
				continue
			}
			c, n := p.capture(set, h, score)
			if failed += n; c != nil {
				found[part] = append(found[part], c)
			}
		}
		mu.Lock()
		defer mu.Unlock()
		p.reguas.failed += int64(failed)
		return nil
	})
	if err != nil {
		return err
	}
	for _, list := range found {
		for _, c := range list {
			p.reguas.byID[c.id] = c
		}
	}
	for _, id := range sortedKeys(p.reguas.byID) {
		p.reguas.order = append(p.reguas.order, p.reguas.byID[id])
	}
	p.reguas.wallet = p.newWallet()
	return nil
}

// capture follows one customer; nil when no régua has him.
func (p *planner) capture(set *regua.Set, h *features.History, score *data.Score) (c *reguaCustomer, failed int) {
	customer := p.customer[h.Customer.CustomerID]
	records := regua.Records{Customer: customer, Invoices: unpaused(h.Invoices, p.engine.PausedInvoices(), p.w.AsOf), Payments: h.Payments, Touches: h.Touches,
		Events: h.Events, Promises: h.Promises, PayProb: score.PayProb}
	state := regua.NewState(&records, p.w.AsOf, p.engine.Zone(&h.Customer))
	k, failed := set.Capture(&state.Row)
	if k < 0 {
		return nil, failed
	}
	c = &reguaCustomer{id: h.Customer.CustomerID, regua: set.Reguas[k], state: state,
		facts: policyFacts(h, p.w.AsOf, score.BalanceCents, score.DaysPastDue, p.engine), heldOut: isHeldOut(h.Customer.CustomerID, p.w.Config.HoldoutShare)}
	if c.heldOut {
		return c, failed
	}
	law := &customerLaw{p: p, of: c}
	touches, refused, n := c.regua.Follow(state, p.w.Config.Features.PlanDays, law)
	c.refused, c.lost = refused, c.regua.Lost(state, p.w.Config.Features.PlanDays, law)
	for _, t := range touches {
		own := &reguaTouch{Touch: t, of: c, costCents: p.w.Config.Channels[t.Channel].CostCents}
		own.start, own.end, _ = law.window(t.Day, own.step())
		c.touches = append(c.touches, own)
	}
	return c, failed + n
}

// customerLaw is the calendar and the law for one customer.
type customerLaw struct {
	p  *planner
	of *reguaCustomer
}

// Business reports whether a day is one of business where the customer lives.
func (l *customerLaw) Business(day data.Date) bool {
	return l.p.engine.BusinessDay(l.of.state.Customer.UF, day)
}

// Allowed asks the engine of the plan, with the touches placed so far.
func (l *customerLaw) Allowed(ch data.Channel, day data.Date, placed []regua.Touch, step *regua.Step) string {
	if _, used := l.p.w.Config.Channels[ch]; !used {
		return ruleChannelClosed
	}
	facts := l.of.facts
	if len(placed) > 0 {
		facts = besides(facts, len(placed), func(k int) (data.Date, data.Channel) { return placed[k].Day, placed[k].Channel })
	}
	subject := l.p.engine.Prepare(&l.of.state.Customer, &facts)
	if ruling := l.p.engine.Decide(&subject, ch, day); ruling != policy.Allowed {
		return l.p.engine.RuleID(ruling)
	}
	if _, _, ok := l.window(day, step); !ok {
		return ruleReguaHours
	}
	return ""
}

// besides returns facts with n touches more.
func besides(f policy.Facts, n int, touch func(k int) (data.Date, data.Channel)) policy.Facts {
	days := append(make([]data.Date, 0, len(f.Touches)+n), f.Touches...)
	on := append(make([]data.Channel, 0, len(f.Touches)+n), f.TouchedOn...)
	for k := range n {
		day, ch := touch(k)
		days, on = append(days, day), append(on, ch)
	}
	f.Touches, f.TouchedOn = days, on
	return f
}

// bestHourMinutes is how long the best hour lasts.
const bestHourMinutes = 120

// window returns the hours of a step on a day: those of the law, narrowed to the
// step's own. A best hour that the law does not leave open narrows nothing.
func (l *customerLaw) window(day data.Date, step *regua.Step) (start, end time.Time, ok bool) {
	e, c := l.p.engine, &l.of.state.Customer
	switch hour := l.of.state.BestHour; {
	case step.Hours.Window != nil:
		return e.WindowWithin(c, day, *step.Hours.Window)
	case step.Hours.Best && hour >= 0:
		best := policy.Hours{Start: hour * 60, End: min(hour*60+bestHourMinutes, 24*60)}
		if start, end, ok = e.WindowWithin(c, day, best); ok {
			return start, end, true
		}
	}
	return e.Window(c, day)
}

// price gives the customer's touches what the candidates say of them.
func (c *reguaCustomer) price(mine []data.Candidate, value func(*data.Candidate) data.Cents, rule *optimizer.LadderRule) {
	for i := range mine {
		for _, t := range c.touches {
			if mine[i].Channel == t.Channel && mine[i].Day == t.Day {
				t.alone, t.costCents = float64(value(&mine[i])), mine[i].CostCents
			}
		}
	}
	c.discount(rule)
}

// discount makes later touches worth less, as in a recommended ladder; those that
// were dropped do not count.
func (c *reguaCustomer) discount(rule *optimizer.LadderRule) {
	step, last := 0, data.Date(0)
	for _, t := range c.touches {
		if t.worth = 0; t.inTheWay != "" {
			continue
		}
		t.worth = t.alone * ladderFactor(rule, step, int(t.Day-last))
		step, last = step+1, t.Day
	}
}

// ladderFactor is what a touch of a step (0 is the first) is worth so many days
// after the one before, over the same touch alone; the last step that is known
// serves all later ones.
func ladderFactor(rule *optimizer.LadderRule, step, gap int) float64 {
	step = min(step, len(rule.Factor)-1)
	if step <= 0 || len(rule.Factor[step]) == 0 {
		return 1
	}
	return rule.Factor[step][min(gap, len(rule.Factor[step])-1)]
}
