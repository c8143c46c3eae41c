package synth

import (
	"fmt"
	"math"
	"time"

	"dunning/data"
)

// options are the probabilities of hold (index 0) and of each channel.
type options [channels + 1]float64

// minTreatProb is the least probability of an option that the log may choose.
const minTreatProb = 0.025

// situation is what the logging policy looks at.
type situation struct {
	balance   data.Cents
	late      int // days past due of the oldest open invoice
	recent    int // touches sent in the last 14 days
	lateShare float64
}

func (l *life) situation(day int) (s situation) {
	s.late = math.MinInt
	for _, v := range l.open {
		s.balance += v.left
		s.late = max(s.late, day-v.due)
	}
	for i := len(l.sent) - 1; i >= 0 && l.sent[i] >= day-14; i-- {
		s.recent++
	}
	s.lateShare = (float64(l.late) + .5) / (float64(l.closed) + 2)
	return s
}

// decide draws and logs the decision of the day, with its truth, when an
// undisputed invoice is overdue or due within a week.
func (l *life) decide(day int) {
	due := false
	for _, v := range l.open {
		due = due || (!v.disputed && day-v.due >= -7)
	}
	if !due {
		return
	}
	for len(l.news) > 0 && l.news[0].day < day {
		l.know.report(l.news[0])
		l.news = l.news[1:]
	}
	s := l.situation(day)
	l.touches++
	t := data.Touch{
		TouchID:    fmt.Sprintf("T%s-%03d", l.p.row.CustomerID[1:], l.touches),
		CustomerID: l.p.row.CustomerID,
		Channel:    data.Hold,
		SentAt:     l.cal.date(day).Time().Add(time.Duration(12*60+l.rng.IntN(4*60)) * time.Minute),
		PlanID:     "legado",
	}
	if l.truth != nil {
		l.judgeDecision(day, s, t.TouchID)
	}
	prob, c := 1.0, -1
	switch {
	case l.p.holdout:
		t.Template = "holdout"
	case l.p.blocked:
		t.Template = "blocked"
	default:
		p := l.policy(s)
		i := pickBy(l.rng, len(p), func(i int) float64 { return p[i] })
		prob, c = p[i], i-1
	}
	t.TreatProb = &prob
	l.count.options[c+1]++
	if c >= 0 {
		t.Channel = data.Channels[c]
		t.CostCents = l.cfg.ChannelCostCents[c]
		t.Template = string(t.Channel) + "-" + templates[stageOf(s.late)]
	}
	l.out.Touches = append(l.out.Touches, t)
	if c >= 0 {
		l.touch(day, c, t)
	}
}

var templates = [nStages]string{"lembrete", "lembrete", "aviso", "cobranca", "ultimo_aviso"}

// policy is the log's confounded policy: a softmax of observed things over the
// channels that the customer has not opted out of, mixed with a floor. The
// later the debt and the worse the payer, the more he is called.
func (l *life) policy(s situation) (p options) {
	overdue, stale, early := step(s.late > 5), step(s.late > 30), step(s.late < 0)
	size := math.Log1p(float64(s.balance)/50_000) - .7
	recent := float64(s.recent)
	score := options{
		.7 + .25*recent + .6*early,
		.4 - .2*recent + .3*early,
		.1 - .2*recent,
		-.3 + .15*size - .1*recent + .3*overdue,
		-2.2 + 1.5*overdue + .9*stale + .4*size + 2.2*(s.lateShare-.3),
		-3.2 + 1.8*stale + .3*size,
	}
	if l.p.pj {
		score[1] += .3
		score[5] += .4
	}
	n, total := 0, 0.0
	for i := range p {
		if i > 0 && !*l.p.consent(i - 1) {
			continue
		}
		p[i] = math.Exp(score[i])
		n, total = n+1, total+p[i]
	}
	for i := range p {
		if p[i] > 0 {
			p[i] = minTreatProb + (1-minTreatProb*float64(n))*p[i]/total
		}
	}
	return p
}

func step(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// strength is the log hazard ratio that a touch, delivered on the day, adds to
// an invoice for a response type, given the load of recent touches.
func (l *life) strength(v *openInvoice, k, c, day int, load float64) float64 {
	r := &l.world.types[k]
	if l.cfg.NullEffects || r.mult[c] == 0 {
		return 0
	}
	return l.world.effect[c] * r.mult[c] * stageFactor[c][stageOf(day-v.due)] *
		l.cal.touch[day] * (1 + r.payday*l.cal.near(l.p.pj)[day]) * math.Exp(-l.world.fatigue*load)
}

// loadOn is the load of recent delivered touches on a day.
func (l *life) loadOn(day int) float64 {
	return l.load * math.Exp(-float64(day-l.loadDay)/fatigueDays)
}

// reach sends a touch: it is delivered or not, and when it is, it changes the
// hazard of every invoice open at the start of the day, and a promise or an
// agreement may follow. Truth integrates over exactly these draws.
func (l *life) reach(day, c int) (delivered, promised bool, promiseUntil int) {
	if l.rng.Float64() >= l.p.deliver[c] {
		return false, false, 0
	}
	load := l.loadOn(day)
	for _, v := range l.open {
		var effect [nTypes]float64
		for k := range effect {
			effect[k] = l.strength(v, k, c, day, load)
			if channelLag[c] == 0 {
				v.effect[k] += effect[k]
			}
		}
		if channelLag[c] > 0 {
			v.mail = append(v.mail, mail{day + channelLag[c], effect})
		}
		v.touched = true
	}
	l.load, l.loadDay = load+1, day
	if promiseProb[c] == 0 {
		return true, false, 0
	}
	promised = l.rng.Float64() < l.world.promiseChance(c, l.p.kind, l.p.level)
	if !promised {
		return true, false, 0
	}
	promiseUntil = day + promiseDays[l.rng.IntN(len(promiseDays))]
	agreed := c == voice && l.rng.Float64() < agreementOffer
	if l.cfg.NullEffects {
		return true, true, promiseUntil // said, and without any effect
	}
	for _, v := range l.open {
		if agreed && v.canAgree(day) {
			v.agreedOn, v.agreedParts = day, v.instalments(l.p.capacity)
			v.parts = v.agreedParts
			continue
		}
		v.promiseUntil = max(v.promiseUntil, promiseUntil)
	}
	return true, true, promiseUntil
}

// touch sends what was decided and logs what comes of it.
func (l *life) touch(day, c int, t data.Touch) {
	l.sent = append(l.sent, day)
	l.event(t.TouchID, t.SentAt, data.EventSent)
	delivered, promised, until := l.reach(day, c)
	if !delivered {
		l.event(t.TouchID, t.SentAt.Add(time.Duration(1+l.rng.IntN(20))*time.Minute), data.EventBounced)
		return
	}
	at := t.SentAt.Add(time.Duration(5+l.rng.IntN(300)) * time.Second)
	l.event(t.TouchID, at.Add(time.Duration(24*channelLag[c])*time.Hour), data.EventDelivered)
	l.opened(day, c, t.TouchID, at)
	if channelLag[c] == 0 {
		l.complained(c, t.TouchID, at)
	}
	if promiseProb[c] == 0 {
		return
	}
	l.know.signal(promised, func(k, level int) float64 { return l.world.promiseChance(c, k, level) })
	if promised {
		at = at.Add(time.Duration(2+l.rng.IntN(20)) * time.Minute)
		l.event(t.TouchID, at, data.EventReplied)
		l.promise(day, at, until)
	}
}

// complained draws a complaint, which opts the customer out of the channel.
func (l *life) complained(c int, touchID string, at time.Time) {
	complained := l.rng.Float64() < complainProb[l.p.kind]
	l.know.signal(complained, func(k, _ int) float64 { return complainProb[k] })
	if complained {
		l.event(touchID, at.Add(time.Duration(1+l.rng.IntN(180))*time.Minute), data.EventComplained)
		*l.p.consent(c) = false
	}
}

func (l *life) event(touchID string, at time.Time, kind data.TouchEventKind) {
	if at.Before(l.cfg.End.Time()) {
		l.out.TouchEvents = append(l.out.TouchEvents, SourceTouchEvent{TouchID: touchID, At: at, Kind: kind})
	}
}

// opened draws whether and at which hour the customer opens what he got, and
// what he does then. Opening within the next day and a half, it is over before
// his next decision; what may come after the end is not taken note of.
func (l *life) opened(day, c int, touchID string, at time.Time) {
	if l.world.openChance(c, 0) == 0 {
		return
	}
	opened := l.rng.Float64() < l.world.openChance(c, l.p.kind)
	if day < l.cal.days-2 {
		l.know.signal(opened, func(k, _ int) float64 { return l.world.openChance(c, k) })
	}
	if !opened {
		return
	}
	profile := &hourProfiles[l.p.hours]
	hour := pickBy(l.rng, len(profile), func(h int) float64 { return profile[h] })
	local := at.Add(time.Duration(l.p.offsetHours) * time.Hour)
	wait := (hour - local.Hour() + 24) % 24
	when := local.Truncate(time.Hour).Add(time.Duration(wait)*time.Hour - time.Duration(l.p.offsetHours)*time.Hour)
	when = when.Add(time.Duration(l.rng.IntN(3600)) * time.Second)
	if !when.After(at) {
		when = at.Add(time.Minute)
	}
	l.event(touchID, when, data.EventOpened)
	if l.rng.Float64() < .3 {
		when = when.Add(time.Duration(5+l.rng.IntN(120)) * time.Second)
		l.event(touchID, when, data.EventClicked)
	}
}

// promise logs what was promised: the agreement's instalments for the invoices
// that it covers, and one row for the others.
func (l *life) promise(day int, at time.Time, until int) {
	var other data.Cents
	var share [5]data.Cents // per instalment number
	for _, v := range l.open {
		if v.agreedParts == 0 || v.agreedOn != day {
			other += v.left
			continue
		}
		rest := v.left
		for i := 1; i <= v.agreedParts; i++ {
			part := rest / data.Cents(v.agreedParts+1-i)
			share[i] += part
			rest -= part
		}
	}
	if other > 0 {
		l.promiseRow(at, until, other, 1)
	}
	for i, cents := range share {
		if cents > 0 {
			l.promiseRow(at, day+5+30*(i-1), cents, i)
		}
	}
}

func (l *life) promiseRow(at time.Time, due int, cents data.Cents, number int) {
	l.promises++
	l.out.Promises = append(l.out.Promises, data.Promise{
		PromiseID:    fmt.Sprintf("R%s-%03d", l.p.row.CustomerID[1:], l.promises),
		CustomerID:   l.p.row.CustomerID,
		MadeAt:       at,
		DueOn:        l.cal.date(due),
		AmountCents:  cents,
		InstalmentNo: int32(number),
	})
}
