package response

import (
	"math"

	"dunning/data"
)

// Reader reads customers with a fitted model: what is known of one at a day,
// and what a touch would change. It keeps scratch memory, so each goroutine
// needs its own.
type Reader struct {
	m          *Model
	haz        hazards
	t          track
	w          *scratch
	mix        Group
	who        who
	plans      []plan
	settlement *Settlement
	settles    *settleRates // of the customer at hand

	c       *Customer
	end     data.Date
	reached []reach

	// What each day added, from first on.
	first  data.Date
	quiet  []float64   // base hazard of days without touch or promise
	paid   []float64   // payments
	hazard [][]float64 // by class: of the other days, effects included
	events [][]float64 // by class: log hazard ratio at payments

	// The sums up to at, exclusive.
	at      data.Date
	signal  int
	score   int
	sums    running
	ahead   outlook
	answers []answerLogs // by class
}

// running are the sums of what was known before a day.
type running struct {
	quiet, paid    float64
	hazard, events []float64
	sent           [channels]float64
	yes            [3][channels]float64
	bounced        [channels]float64
	score          []float64
}

// NewReader returns a reader over a calendar that covers the days it is asked
// about.
func NewReader(m *Model, days *Days) *Reader {
	K, L := len(m.Classes), len(m.Levels)
	r := &Reader{m: m, haz: newHazards(m, &days.calendarDays), w: newScratch(K, L), settlement: m.Settlement, hazard: make([][]float64, K), events: make([][]float64, K)}
	r.sums = running{hazard: make([]float64, K), events: make([]float64, K), score: make([]float64, L)}
	r.answers = make([]answerLogs, K)
	for k := range r.answers {
		r.answers[k] = m.Classes[k].answerLogs()
	}
	return r
}

// Load takes a customer whose state will be asked for at days up to end. The
// customer must not change while he is loaded.
func (r *Reader) Load(c *Customer, end data.Date) {
	r.layOut(c, end)
	n := int(end - r.first)
	for _, s := range []*[]float64{&r.quiet, &r.paid} {
		*s = grown(*s, n)
		clear(*s)
	}
	for k := range r.hazard {
		r.hazard[k], r.events[k] = grown(r.hazard[k], n), grown(r.events[k], n)
		clear(r.hazard[k])
		clear(r.events[k])
	}
	for i := range r.t.invs {
		r.lay(&r.t.invs[i])
	}
}

// LoadAt is Load and At for one day, the only one that is asked about: it sums
// what was known before it without laying it out day by day.
func (r *Reader) LoadAt(c *Customer, day data.Date) {
	r.layOut(c, day)
	for i := range r.t.invs {
		r.sum(&r.t.invs[i])
	}
	r.at = day
	r.know(day)
}

// layOut takes a customer's facts before end, of which nothing is summed yet.
func (r *Reader) layOut(c *Customer, end data.Date) {
	r.c, r.end = c, end
	r.t.reset(c, r.haz.days, r.m, end)
	r.reached = r.t.reached
	r.mix, r.who = r.m.group(c.Group), r.haz.who(&r.t)
	r.plans = plansOf(c)
	r.settles = &r.settlement.First
	if u := r.settlement.Unlimited[c.Group]; u != nil && r.m.unlimited(c.LimitCents) {
		r.settles = u
	}
	r.first = end
	for i := range r.t.invs {
		r.first = min(r.first, r.t.invs[i].first)
	}
	r.m.strengths(&r.t, r.w)
	r.at, r.signal, r.score = r.first, 0, 0
	hazard, events, score := r.sums.hazard, r.sums.events, r.sums.score
	clear(hazard)
	clear(events)
	clear(score)
	r.sums = running{hazard: hazard, events: events, score: score}
}

// sum adds one invoice to the sums, as lay and [Reader.At] would day by day.
func (r *Reader) sum(v *inv) {
	static := r.haz.static(&r.who, v.product, v.amount, v.first-1)
	walk := r.t.walk(v)
	at, s := v.rec0, &r.sums
	for d := v.first; d <= v.last; d++ {
		x := r.haz.on(r.t.kind, walk.at(d), static, d) * v.exposed(d)
		if at >= v.rec1 || r.t.recs[at].day != d {
			s.quiet += x
			continue
		}
		for k := range s.hazard {
			s.hazard[k] += x * r.w.ratio[k][at]
		}
		if n := r.t.recs[at].events; n > 0 {
			for k := range s.events {
				s.events[k] += float64(n) * r.m.Classes[k].log(&r.w.z[at])
			}
		}
		at++
	}
	s.paid += float64(len(v.events))
}

// lay adds the days of one invoice.
func (r *Reader) lay(v *inv) {
	static := r.haz.static(&r.who, v.product, v.amount, v.first-1)
	at := v.rec0
	walk := r.t.walk(v)
	for d := v.first; d <= v.last; d++ {
		x, i := r.haz.on(r.t.kind, walk.at(d), static, d)*v.exposed(d), d-r.first
		if at >= v.rec1 || r.t.recs[at].day != d {
			r.quiet[i] += x
			continue
		}
		for k := range r.hazard {
			ratio := r.w.ratio[k][at]
			r.hazard[k][i] += x * ratio
			if n := r.t.recs[at].events; n > 0 {
				r.events[k][i] += float64(n) * math.Log(ratio)
			}
		}
		at++
	}
	for _, p := range v.events {
		r.paid[p.Day-r.first]++
	}
}

// At moves to a day: what was known before it becomes the reader's knowledge.
// Days must not go back, nor beyond the end that was given to Load.
func (r *Reader) At(day data.Date) {
	if day < r.at && r.at > r.first || day > r.end {
		panic("response: the reader goes forward, up to its end")
	}
	s := &r.sums
	for ; r.at < day; r.at++ {
		i := r.at - r.first
		s.quiet += r.quiet[i]
		s.paid += r.paid[i]
		for k := range s.hazard {
			s.hazard[k] += r.hazard[k][i]
			s.events[k] += r.events[k][i]
		}
	}
	r.know(day)
}

// know takes the answers and scores known at a day into the sums, which hold the
// days before it already, and draws the conclusions.
func (r *Reader) know(day data.Date) {
	s := &r.sums
	for ; r.signal < len(r.t.signals) && r.t.signals[r.signal].day <= day; r.signal++ {
		s.note(&r.t.signals[r.signal])
	}
	for ; r.score < len(r.t.scores) && r.t.scores[r.score].day < day; r.score++ {
		if len(r.m.ScoreBounds) > 0 {
			b := r.m.scoreCell(&r.t.scores[r.score])
			for l := range s.score {
				s.score[l] += math.Log(r.m.ScoreLevel[l][b])
			}
		}
	}
	for k := range s.hazard {
		r.w.hazard[k], r.w.events[k] = s.quiet+s.hazard[k], s.events[k]
		r.w.signals[k] = r.answers[k].of(&s.sent, &s.yes)
	}
	copy(r.w.score, s.score)
	r.m.posterior(r.mix, s.paid, r.w)
	r.ahead.day = day
	r.ahead.open(r)
}

func (s *running) note(a *signal) {
	if !a.delivered {
		s.bounced[a.channel]++
		return
	}
	s.sent[a.channel]++
	for i, yes := range []bool{a.opened, a.promised, a.complained} {
		if yes {
			s.yes[i][a.channel]++
		}
	}
}

// Classes returns the posterior weight of each class at the reader's day. The
// slice is the reader's and changes with it.
func (r *Reader) Classes() []float64 { return r.w.weight }

// Pace returns the posterior mean pace: 1 is the portfolio's.
func (r *Reader) Pace() (mean float64) {
	for k, p := range r.w.weight {
		mean += p * r.w.pace[k]
	}
	return mean
}

// Delivered returns the probability that a touch on a channel reaches him.
func (r *Reader) Delivered(channel int) float64 {
	if !r.m.Deliveries {
		return 1
	}
	d := &r.m.Delivery[channel]
	p := d.valid(r.sums.sent[channel], r.sums.bounced[channel])
	return p*d.Valid + (1-p)*d.Invalid
}

// MeanTouch returns the posterior mean of a channel's log hazard ratio.
func (r *Reader) MeanTouch(channel int) (mean float64) {
	for k, p := range r.w.weight {
		mean += p * r.m.Classes[k].Touch[channel]
	}
	return mean
}
