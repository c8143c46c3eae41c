package response

import (
	"math"

	"dunning/data"
)

// negligible is the posterior weight below which a class or pace is left out of
// an outlook.
const negligible = 2e-3

// Effect is what one touch would change, and what comes without it.
type Effect struct {
	// BalanceCents is what is open at the reader's day.
	BalanceCents data.Cents
	// OrganicCents is expected to be paid within the window without the touch.
	OrganicCents float64
	// OrganicProb is the probability that the whole balance is paid by the end
	// of the window without the touch.
	OrganicProb float64
	// Cents[c] is what a touch on channel c adds to OrganicCents, by intention
	// to treat: it may bounce. Negative where touches put people off.
	Cents [channels]float64
	// Spread[c] is the standard deviation of that over the posterior of the
	// customer's class and pace: how little his history says of him.
	Spread [channels]float64
}

// outlook is what is open at the reader's day, and the days to come.
type outlook struct {
	day    data.Date
	bill   []bill
	days   []dayAhead                    // memory of the bills
	past   []past                        // memory of the bills
	hazard []float64                     // scratch, by bill
	ratio  [channels][effectDays]float64 // scratch
	points [][channels]float64           // by class and pace: what a delivered touch adds
}

// bill is an open invoice.
type bill struct {
	due      data.Date
	left     float64 // cents
	static   float64
	settling settling
	state    span   // of the days to come
	plan     *plan  // the agreement that runs, nil for none
	past     []past // touches that still act
	promised data.Date
	seen     []dayAhead
	known    int // how many days of seen are laid out
}

// past is a touch that reached the open invoice.
type past struct {
	day      data.Date
	channel  uint8
	strength float64
}

// dayAhead is a day to come: base hazard, and what acts already.
type dayAhead struct {
	base     float64
	z        [nEffects]float64
	promised bool
}

// horizonMax bounds how far ahead a window may end.
const horizonMax = 128

// open gathers what the customer owes at the day.
func (o *outlook) open(r *Reader) {
	o.bill, o.past = o.bill[:0], o.past[:0]
	n := len(r.reached)
	for n > 0 && r.reached[n-1].day >= o.day {
		n--
	}
	plans := r.plans
	for len(plans) > 0 && plans[len(plans)-1].made >= o.day {
		plans = plans[:len(plans)-1]
	}
	for i := range r.c.Invoices {
		v := &r.c.Invoices[i]
		if v.Issued >= o.day || v.Until < o.day {
			continue
		}
		b := bill{due: v.Due, left: float64(v.AmountCents), static: r.haz.static(&r.who, v.Product, v.AmountCents, v.Issued)}
		part := false
		for _, p := range v.Payments {
			if p.Day < o.day {
				b.left -= float64(p.Cents)
				part = true
			}
		}
		b.settling = r.settlement.of(r.settles[settleBin(v.AmountCents, r.who.usual)], part)
		walk := stateWalk{c: r.c, invoice: i, plans: plans, doubts: &r.t.doubts}
		b.state, b.plan = walk.ahead(o.day)
		if b.plan != nil {
			b.settling = instalments(v, b.plan, o.day)
		}
		first := len(o.past)
		for k := n - 1; k >= 0 && o.day-r.reached[k].day < effectDays && r.reached[k].day > v.Issued; k-- {
			q := &r.reached[k]
			row := r.haz.days.at(q.sent)
			p := pair{q.channel, uint8(stageOf(int(q.sent - v.Due))), row.day, row.near, q.load, q.step, q.gap}
			o.past = append(o.past, past{q.day, q.channel, r.m.Shape.strength(&p, r.t.kind)})
		}
		b.past = o.past[first:len(o.past):len(o.past)] // stays whole when o.past moves
		for _, p := range r.c.Promises {
			if p.MadeOn < o.day && p.MadeOn > v.Issued && p.DueOn >= o.day && p.DueOn-p.MadeOn <= maxPromiseDays {
				b.promised = max(b.promised, p.DueOn)
			}
		}
		if b.left > 0 {
			o.bill = append(o.bill, b)
		}
	}
	o.days = grown(o.days, len(o.bill)*horizonMax)
	for i := range o.bill {
		o.bill[i].seen = o.days[i*horizonMax : (i+1)*horizonMax]
	}
}

// ahead lays out the first n days of a bill.
func (o *outlook) layOut(r *Reader, b *bill, n int) {
	for ; b.known < n; b.known++ {
		d := o.day + data.Date(b.known)
		s := b.state
		if b.plan != nil {
			s.due = b.plan.nearest(d)
		}
		a := dayAhead{base: r.haz.on(r.t.kind, &s, b.static, d), promised: b.promised >= d && b.promised > 0 && b.plan == nil}
		for _, p := range b.past {
			if lag := d - p.day; lag < effectDays {
				a.z[p.channel] += p.strength * r.m.Shape.Decay[lag]
			}
		}
		if a.promised {
			a.z[channels] = 1
		}
		b.seen[b.known] = a
	}
}

// Effects returns what a touch on the given day, not before the reader's,
// changes of the payments within horizonDays from that day on, seen from the
// reader's day with nobody touching him in between.
func (r *Reader) Effects(day data.Date, horizonDays int) (e Effect) {
	start := int(day - r.ahead.day)
	end := start + horizonDays
	if start < 0 || horizonDays < 1 || end > horizonMax {
		panic("response: a window that begins in the past or ends too far ahead")
	}
	row := r.haz.days.at(day)
	r.ahead.points = grown(r.ahead.points, len(r.m.Classes)*len(r.m.Levels))
	clear(r.ahead.points)
	load := float32(loadOn(r.reached, min(day, r.ahead.day)))
	if load > 0 && start > 0 {
		load = float32(float64(load) * math.Exp(-float64(start)/recoveryDays))
	}
	for i := range r.ahead.bill {
		b := &r.ahead.bill[i]
		r.ahead.layOut(r, b, end)
		e.BalanceCents += data.Cents(b.left)
		var strength [channels]float64
		for c := range strength {
			p := pair{uint8(c), uint8(stageOf(int(day - b.due))), row.day, row.near, load, 1, 0}
			strength[c] = r.m.Shape.strength(&p, r.t.kind)
		}
		for k, weight := range r.w.weight {
			if weight < negligible {
				continue
			}
			r.billEffects(&e, b, k, start, end, &strength)
		}
	}
	r.average(&e)
	e.OrganicProb = r.organicProb(end)
	return e
}

// billEffects adds one bill's share under one class.
func (r *Reader) billEffects(e *Effect, b *bill, k, start, end int, strength *[channels]float64) {
	m, class := r.m, &r.m.Classes[k]
	var before, within float64
	var touched, promised [channels]float64
	gain := math.Exp(class.Promise)
	var acts [channels][]float64 // the hazard ratio of the touch by day since it
	for c := range channels {
		acts[c] = r.ahead.ratio[c][:]
		for lag := range effectDays {
			if lag < end-start {
				acts[c][lag] = math.Exp(class.Touch[c] * strength[c] * m.Shape.Decay[lag])
			}
		}
	}
	for i := range end {
		a := &b.seen[i]
		x := a.base
		if len(b.past) > 0 || a.promised {
			x *= math.Exp(class.log(&a.z))
		}
		if i < start {
			before += x
			continue
		}
		within += x
		for c := range channels {
			lag := i - start - m.Delivery[c].DelayDays
			y := x
			if lag >= 0 && lag < effectDays {
				y *= acts[c][lag]
			}
			touched[c] += y
			if !a.promised && i-start <= m.PromiseDays {
				y *= gain
			}
			promised[c] += y
		}
	}
	points := r.ahead.points[k*len(m.Levels):]
	for l, p := range r.w.post[k] {
		if p < negligible/10 {
			continue
		}
		g := m.Levels[l]
		worth := b.left
		if start > 0 {
			worth *= math.Exp(-g * before)
		}
		share := &b.settling.share
		alone := settled(share, g*within)
		e.OrganicCents += p * worth * alone
		for c := range channels {
			after := settled(share, g*touched[c])
			if q := class.Promised[c]; q > 5e-3 {
				after = (1-q)*after + q*settled(share, g*promised[c])
			}
			points[l][c] += worth * (after - alone)
		}
	}
}

// average takes mean and spread over the posterior, and the chance that a touch
// is not delivered.
func (r *Reader) average(e *Effect) {
	var mass float64
	var squares [channels]float64
	for k := range r.w.post {
		for l, p := range r.w.post[k] {
			if r.w.weight[k] < negligible || p < negligible/10 {
				continue
			}
			mass += p
			for c, v := range r.ahead.points[k*len(r.m.Levels)+l] {
				e.Cents[c] += p * v
				squares[c] += p * v * v
			}
		}
	}
	for c := range e.Cents {
		reached := r.Delivered(c)
		mean := e.Cents[c] / mass
		e.Spread[c] = reached * math.Sqrt(max(squares[c]/mass-mean*mean, 0))
		e.Cents[c] *= reached
	}
}

// organicProb is P(everything open is paid within the first n days).
func (r *Reader) organicProb(n int) float64 {
	bills := r.ahead.bill
	var sum, mass float64
	r.ahead.hazard = grown(r.ahead.hazard, len(bills))
	for k, weight := range r.w.weight {
		if weight < negligible {
			continue
		}
		for i := range bills {
			h := 0.0
			for j := range n {
				a := &bills[i].seen[j]
				x := a.base
				if len(bills[i].past) > 0 || a.promised {
					x *= math.Exp(r.m.Classes[k].log(&a.z))
				}
				h += x
			}
			r.ahead.hazard[i] = h
		}
		for l, p := range r.w.post[k] {
			if p < negligible/10 {
				continue
			}
			mass += p
			for i, h := range r.ahead.hazard {
				p *= settled(&bills[i].settling.all, r.m.Levels[l]*h)
			}
			sum += p
		}
	}
	return sum / mass
}
