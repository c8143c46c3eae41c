package synth

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sync/errgroup"

	"dunning/data"
)

// PlannedTouch is one touch of a ladder that a plan proposes.
type PlannedTouch struct {
	Channel data.Channel
	Day     data.Date // Config.End to Config.End + 6
}

// LadderWorth is what a ladder truly brings, in expected cents, before its cost.
type LadderWorth struct {
	// WindowCents adds up what each touch changes within [day, day+7) of its
	// own, given that the touches before it were sent: for one touch it is
	// EffectCents of [AsOfTruth].
	WindowCents float64
	// TotalCents is the change of all payments within [End, End+13): what a
	// touch only brought forward over the end of its own window is not counted.
	TotalCents float64
}

// FatigueFactor is what a touch works, on the scale of the log hazard, over the
// same touch alone, when delivered touches were sent the given days before.
func (c Config) FatigueFactor(daysBefore ...int) float64 {
	load := 0.0
	for _, d := range daysBefore {
		load += math.Exp(-float64(d) / fatigueDays)
	}
	w, ok := newWorld(c.Preset)
	if !ok {
		panic("synth: unknown preset " + string(c.Preset))
	}
	return math.Exp(-w.fatigue * load)
}

// Ladders returns the worth of ladders, some for each customer, of the portfolio
// that c describes, as of its End. Their touches are in the order of the days, at most
// one a day. The customers' histories are lived again up to the end; from there
// on nothing is drawn: the worth is summed over all that touches can lead to
// (delivered or not, promise and its days, agreement, opt-out of the channel),
// with the fatigue that each delivered touch leaves to the next. A touch is
// sent whatever the one before brought, unless its channel was opted out of.
//
// Errors are the faults of c.Validate, ctx's, or wrap [data.ErrBadInput] for a
// customer or a day that c does not have.
func Ladders(ctx context.Context, c Config, ladders map[string][][]PlannedTouch) (map[string][]LadderWorth, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	ids := make([]string, 0, len(ladders))
	for id := range ladders {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	worth, k := make([][]LadderWorth, len(ids)), newCalendar(c)
	g, ctx := errgroup.WithContext(ctx)
	workers := runtime.GOMAXPROCS(0)
	for w := range workers {
		g.Go(func() error {
			l := newLife(&c, k)
			for i := w; i < len(ids); i += workers {
				if err := ctx.Err(); err != nil {
					return err
				}
				var err error
				if worth[i], err = l.ladders(ids[i], ladders[ids[i]]); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	out := make(map[string][]LadderWorth, len(ids))
	for i, id := range ids {
		out[id] = worth[i]
	}
	return out, nil
}

// rung is a touch of a ladder: its channel, and its day in view.
type rung struct{ channel, day int }

// ladders lives a customer's history again and returns what ladders are worth.
func (l *life) ladders(id string, of [][]PlannedTouch) ([]LadderWorth, error) {
	number, err := strconv.Atoi(strings.TrimPrefix(id, "C"))
	if err != nil || number < 1 || number > l.cfg.Customers {
		return nil, fmt.Errorf("%w: synth: customer %q is not of this portfolio", data.ErrBadInput, id)
	}
	rungs := make([][]rung, len(of))
	for k, touches := range of {
		for i, t := range touches {
			r := rung{t.Channel.Index(), int(t.Day - l.cfg.End)}
			if r.channel < 0 || r.day < 0 || r.day >= planDays || i > 0 && r.day <= rungs[k][i-1].day {
				return nil, fmt.Errorf("%w: synth: customer %q: touch %s on %s", data.ErrBadInput, id, t.Channel, t.Day)
			}
			rungs[k] = append(rungs[k], r)
		}
	}
	worth := make([]LadderWorth, len(of))
	if l.cfg.NullEffects {
		return worth, nil
	}
	l.out, l.truth, l.count = new(Sources), nil, new(tally)
	l.history(number - 1)
	for _, v := range l.open {
		v.arrive(l.cal.days)
	}
	l.view.see(l, l.cal.days)
	for k := range of {
		worth[k] = l.ladder(rungs[k])
	}
	return worth, nil
}

// ladder returns what a ladder is worth on the day in view.
func (l *life) ladder(rungs []rung) (w LadderWorth) {
	const end = planDays + windowDays - 1
	for n := range len(rungs) + 1 { // the first n touches
		p := &paths{l: l, rungs: rungs[:n]}
		if n > 0 {
			w.WindowCents += p.cents(rungs[n-1].day + windowDays)
		}
		if n < len(rungs) {
			w.WindowCents -= p.cents(rungs[n].day + windowDays)
		}
		switch {
		case len(rungs) == 0:
		case n == len(rungs):
			w.TotalCents += p.cents(end)
		case n == 0:
			w.TotalCents -= p.cents(end)
		}
	}
	return w
}

// paths sums over all that some touches can lead to.
type paths struct {
	l     *life
	rungs []rung
	until int // the first day in view that does not count
}

// standing is where one path has led one invoice.
type standing struct {
	effect       float64           // log hazard ratio left by touches
	letters      [planDays]float64 // effect of a letter of the ladder, by the day it was sent
	promiseUntil int               // day in view
	hazard       float64           // cumulated, for a liquidity of one: before an agreement
	agreedOn     int               // day in view, −1 for no agreement of the ladder
	agreed       float64           // cumulated under it
}

// cents returns the expected payments before a day in view.
func (p *paths) cents(until int) float64 {
	p.until = until
	at := make([]standing, len(p.l.open))
	for j, v := range p.l.open {
		at[j] = standing{effect: v.effect[p.l.p.kind], promiseUntil: v.promiseUntil - p.l.view.day, agreedOn: -1}
	}
	var stays [channels]float64
	for c := range stays {
		stays[c] = 1
	}
	return p.from(0, 0, at, nil, stays)
}

// from follows the path from a day on, before the given touch. delivered lists
// the days of touches that arrived, and stays is the probability that a channel
// was not opted out of.
func (p *paths) from(day, touch int, at []standing, delivered []int, stays [channels]float64) float64 {
	if touch == len(p.rungs) {
		at = p.pass(at, day, p.until)
		total := 0.0
		for j, v := range p.l.open {
			total += v.standingCents(&at[j], levelHazard[p.l.p.level], p.l.view.parts[j])
		}
		return total
	}
	r := p.rungs[touch]
	at = p.pass(at, day, r.day)
	reached := p.l.p.deliver[r.channel] * stays[r.channel]
	missed := (1 - reached) * p.from(r.day, touch+1, slices.Clone(at), delivered, stays)
	if reached == 0 {
		return missed
	}
	load := p.l.loadOn(p.l.view.day + r.day)
	for _, d := range delivered {
		load += math.Exp(-float64(r.day-d) / fatigueDays)
	}
	for j, v := range p.l.open {
		x := p.l.strength(v, p.l.p.kind, r.channel, p.l.view.day+r.day, load)
		if channelLag[r.channel] == 0 {
			at[j].effect += x
		} else {
			at[j].letters[r.day] += x
		}
	}
	if channelLag[r.channel] == 0 {
		stays[r.channel] *= 1 - complainProb[p.l.p.kind]
	}
	return missed + reached*p.answered(touch, at, append(slices.Clone(delivered), r.day), stays)
}

// answered sums over what a delivered touch is answered: nothing, a promise, an
// agreement.
func (p *paths) answered(touch int, at []standing, delivered []int, stays [channels]float64) float64 {
	r := p.rungs[touch]
	promise := p.l.world.promiseChance(r.channel, p.l.p.kind, p.l.p.level)
	total := (1 - promise) * p.from(r.day, touch+1, slices.Clone(at), delivered, stays)
	if promise == 0 {
		return total
	}
	offers := []float64{1} // probability of no offer of instalments, of one
	if r.channel == voice {
		offers = []float64{1 - agreementOffer, agreementOffer}
	}
	for offered, share := range offers {
		for _, days := range promiseDays {
			then := slices.Clone(at)
			for j, v := range p.l.open {
				if offered == 1 && then[j].agreedOn < 0 && v.canAgree(p.l.view.day+r.day) {
					then[j].agreedOn = r.day
					continue
				}
				then[j].promiseUntil = max(then[j].promiseUntil, r.day+days)
			}
			total += promise * share / float64(len(promiseDays)) * p.from(r.day, touch+1, then, delivered, stays)
		}
	}
	return total
}

// pass lets the days from … to−1 go by, in place.
func (p *paths) pass(at []standing, from, to int) []standing {
	kind, o := p.l.p.kind, p.l.view
	for j, v := range p.l.open {
		s := &at[j]
		for d := from; d < to; d++ {
			s.effect += v.mailed(kind, o.day+d)
			if sent := d - channelLag[letter]; sent >= 0 && sent < planDays {
				s.effect += s.letters[sent]
			}
			running := 0.0
			if d <= s.promiseUntil {
				running = p.l.world.types[kind].promise
			}
			h := o.hazard[j][d] * math.Exp(s.effect+running)
			if s.agreedOn >= 0 {
				s.agreed += h * instalmentFactor(d-s.agreedOn, o.parts[j])
			} else {
				s.hazard += h
			}
			s.effect = p.l.world.aged(s.effect)
		}
	}
	return at
}

// standingCents returns what is expected to be paid of an invoice.
func (v *openInvoice) standingCents(s *standing, g float64, parts int) float64 {
	if s.agreedOn >= 0 {
		_, cents := v.agreedOutcome(g*s.hazard, g*s.agreed, parts)
		return cents
	}
	_, cents := v.outcome(g * s.hazard)
	return cents
}
