package response

import (
	"math"
	"slices"

	"dunning/data"
)

// recoveryDays is the time constant with which the load of earlier touches
// fades: the half-life of a week that the features use, too.
const recoveryDays = 10

// track is a customer laid out for sums: his invoices' open days, the days on
// which a touch or a promise may act, and the answers to touches.
type track struct {
	kind    int
	group   string
	limit   data.Cents
	since   data.Date
	region  string
	decided []data.Date // nil where every day counts as decided about
	invs    []inv
	pairs   []pair
	recs    []rec  // by invoice, then day
	spans   []span // by invoice, then day
	ents    []ent
	signals []signal
	scores  []scoreFact
	watch   watch
	doubts  doubts
	reached []reach // touches delivered before the end
}

// inv is one invoice: open at the start of the days first … last.
type inv struct {
	first, last, due data.Date
	product          string
	amount           data.Cents
	events           []Payment // within first … last; the customer's own
	rec0, rec1       int       // its records
	span0, span1     int       // its spans
	// closed tells that a payment on the last day ended it.
	closed bool
}

// exposed is the part of a day on which the invoice was at risk. The payment
// that closes it comes within the day: P(any) = 1 − exp(−λ) is λ·exp(−λ/2) but
// for λ²/24, so that day counts half.
func (v *inv) exposed(d data.Date) float64 {
	if v.closed && d == v.last {
		return .5
	}
	return 1
}

// pair is a touch that reached an open invoice.
type pair struct {
	channel, stage, day, near uint8
	load                      float32
	step, gap                 uint8 // see reach
}

// ent says that a pair acts on a day, some days after it.
type ent struct {
	pair int32
	lag  uint8
}

// rec is a day of an invoice on which a touch or a promise acts.
type rec struct {
	day        data.Date
	ent0, ent1 int32
	events     uint8
	promised   bool
}

// signal is what became of one touch: known on its day.
type signal struct {
	day                                     data.Date
	channel                                 uint8
	delivered, opened, promised, complained bool
}

// scoreFact is a score, known on its day.
type scoreFact struct {
	day     data.Date
	value   float64
	records int
}

// reset lays out a customer's facts before end. Whatever it derives for a day
// depends on what was known by that day only.
func (t *track) reset(c *Customer, days *calendarDays, m *Model, end data.Date) {
	deliveries := m.Deliveries
	*t = track{kind: c.Kind, group: c.Group, limit: c.LimitCents, since: c.Since, region: c.Region, invs: t.invs[:0], pairs: t.pairs[:0], recs: t.recs[:0], spans: t.spans[:0], ents: t.ents[:0],
		watch: t.watch, doubts: t.doubts, signals: t.signals[:0], scores: t.scores[:0], reached: t.reached[:0]}
	if t.kind < 0 || t.kind >= kinds {
		t.kind = 0
	}
	if m.Decisions {
		t.decided = c.Decisions
		if t.decided == nil {
			t.decided = []data.Date{}
		}
	}
	t.reached = reachedBy(t.reached, c.Touches, deliveries, end)
	t.doubts.from = t.doubts.from[:0]
	if m.Decisions && !m.Disputes {
		t.watch.attention, t.watch.days = &m.Attention, days
		t.watch.follow(c, t.decided, end, &t.doubts)
	}
	plans := plansOf(c)
	for i := range c.Invoices {
		t.addInvoice(&stateWalk{c: c, invoice: i, plans: plans, doubts: &t.doubts, decided: decisionWalk{days: t.decided}}, days, end)
	}
	for i := range c.Touches {
		if s, known := signalOf(&c.Touches[i], deliveries, end); known {
			t.signals = append(t.signals, s)
		}
	}
	for _, s := range c.Scores {
		if s.Day < end {
			t.scores = append(t.scores, scoreFact{s.Day, s.Value, s.Records})
		}
	}
}

// reach is a delivered touch on the day on which it begins to act. Its stage and
// its weekday are those of the day it was sent, as in what is to be planned.
type reach struct {
	day     data.Date
	sent    data.Date
	channel uint8
	load    float32
	// step counts the touches of the last MaxGapDays, this one included, up to
	// MaxStep; gap is the days since the one before, 0 for none within them.
	step, gap uint8
}

// reachedBy appends the touches delivered before end to out, which is empty, by
// the day of delivery, with the load of those before.
func reachedBy(out []reach, touches []Touch, deliveries bool, end data.Date) []reach {
	for i := range touches {
		t := &touches[i]
		day := t.Day
		if deliveries {
			if t.Delivered == NoDay || t.Delivered > t.Day+SignalDays {
				continue
			}
			day = max(day, t.Delivered)
		}
		if day < end {
			out = append(out, reach{day: day, sent: t.Day, channel: uint8(t.Channel)})
		}
	}
	slices.SortStableFunc(out, func(a, b reach) int { return int(a.day) - int(b.day) })
	load := 0.0
	for i := range out {
		if i > 0 {
			load = (load + 1) * math.Exp(-float64(out[i].day-out[i-1].day)/recoveryDays)
		}
		out[i].load = float32(load)
		out[i].step = 1
		for k := i - 1; k >= 0 && out[i].day-out[k].day <= MaxGapDays && out[i].step < MaxStep; k-- {
			out[i].step++
		}
		if out[i].step > 1 {
			out[i].gap = uint8(max(1, out[i].day-out[i-1].day))
		}
	}
	return out
}

// loadOn is the load of the touches that acted before a day.
func loadOn(reached []reach, day data.Date) float64 {
	n := len(reached)
	for n > 0 && reached[n-1].day >= day {
		n--
	}
	if n == 0 {
		return 0
	}
	last := reached[n-1]
	return (float64(last.load) + 1) * math.Exp(-float64(day-last.day)/recoveryDays)
}

func signalOf(t *Touch, deliveries bool, end data.Date) (s signal, known bool) {
	by := t.Day + SignalDays
	if by > end {
		return s, false
	}
	in := func(d data.Date) bool { return d < by }
	s = signal{day: by, channel: uint8(t.Channel), delivered: !deliveries || in(t.Delivered),
		opened: in(t.Opened), promised: in(t.Promised), complained: in(t.Complained)}
	return s, true
}

// addInvoice lays out the open days of one invoice.
func (t *track) addInvoice(walk *stateWalk, days *calendarDays, end data.Date) {
	v, promises, reached := &walk.c.Invoices[walk.invoice], walk.c.Promises, t.reached
	last := min(v.Until, end-1)
	if v.Issued+1 > last {
		return
	}
	i := inv{first: v.Issued + 1, last: last, due: v.Due, product: v.Product, amount: v.AmountCents, rec0: len(t.recs), span0: len(t.spans)}
	i.events = within(v.Payments, i.first, last)
	i.closed = len(i.events) > 0 && v.Until == last && i.events[len(i.events)-1].Day == last
	first := int32(len(t.pairs)) // of this invoice
	touch := 0
	for touch < len(reached) && reached[touch].day < i.first {
		touch++
	}
	begin, next := touch, 0
	for d := i.first; d <= last; d++ {
		row, due := walk.state(d)
		if n := len(t.spans); n > i.span0 && t.spans[n-1].row == row && t.spans[n-1].due == due {
			t.spans[n-1].last = d
		} else {
			t.spans = append(t.spans, span{last: d, due: due, row: row})
		}
		for touch < len(reached) && reached[touch].day <= d {
			r := reached[touch]
			row := days.at(r.sent)
			t.pairs = append(t.pairs, pair{r.channel, uint8(stageOf(int(r.sent - v.Due))), row.day, row.near, r.load, r.step, r.gap})
			touch++
		}
		e0 := len(t.ents)
		for k := touch - 1; k >= begin && d-reached[k].day < effectDays; k-- {
			t.ents = append(t.ents, ent{first + int32(k-begin), uint8(d - reached[k].day)})
		}
		promised := row != rowPlan && runs(promises, i.first, d)
		if len(t.ents) == e0 && !promised {
			continue
		}
		for next < len(i.events) && i.events[next].Day < d {
			next++
		}
		n := next
		for n < len(i.events) && i.events[n].Day == d {
			n++
		}
		t.recs = append(t.recs, rec{day: d, ent0: int32(e0), ent1: int32(len(t.ents)), events: uint8(n - next), promised: promised})
	}
	i.rec1, i.span1 = len(t.recs), len(t.spans)
	t.invs = append(t.invs, i)
}

// within returns the payments of the days first … last; they are in order.
func within(payments []Payment, first, last data.Date) []Payment {
	for len(payments) > 0 && payments[0].Day < first {
		payments = payments[1:]
	}
	for n := len(payments); n > 0 && payments[n-1].Day > last; n-- {
		payments = payments[:n-1]
	}
	return payments
}

// runs reports whether a promise made while the invoice was open runs on a day.
func runs(promises []Promise, first, d data.Date) bool {
	for i := range promises {
		p := &promises[i]
		if p.MadeOn >= first && p.MadeOn <= d && d <= p.DueOn && p.DueOn-p.MadeOn <= maxPromiseDays {
			return true
		}
	}
	return false
}
