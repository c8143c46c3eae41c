package synth

import "math"

// outlook computes what the coming days hold for one customer, exactly and
// without drawing: given the latent point, invoices are independent, each
// depends on a touch only through its cumulated hazard, and the draws that a
// touch makes (delivered, promise and its days, agreement) are few enough to
// sum over. It is scratch space, reused; one per worker.
type outlook struct {
	world *world
	day   int // the first day in view
	open  []*openInvoice
	// hazard is the observed hazard by invoice and day in view, and parts the
	// instalments that an agreement would have.
	hazard [][viewDays]float64
	parts  []int
	agreed [][windowDays]float64 // hazard by day since the start of an agreement

	// For the response type at hand, by invoice: log hazard ratio left by
	// earlier touches, by day; hazard cumulated before the window, and in it.
	effect [][viewDays]float64
	before []float64
	within []float64
	paths  []path
	// promises tells that a promise after the touch changes something.
	promises bool
}

// path is what a touch changes for one invoice: its cumulated hazard within
// the window when nothing is promised, when a promise of promiseDays[i] is
// made, and under an agreement. canAgree tells whether the last applies.
type path struct {
	plain    float64
	promised [len(promiseDays)]float64
	agreed   float64
	canAgree bool
}

// worth is P(the whole balance is paid) and the expected cents paid, by the
// end of the window.
type worth struct{ prob, cents float64 }

func (w worth) minus(o worth) worth { return worth{w.prob - o.prob, w.cents - o.cents} }

func (w *worth) add(share float64, o worth) {
	w.prob += share * o.prob
	w.cents += share * o.cents
}

// see sets the view to what is open at the start of a day.
func (o *outlook) see(l *life, day int) {
	o.day, o.open = day, l.open
	n := len(o.open)
	for len(o.hazard) < n {
		o.hazard = append(o.hazard, [viewDays]float64{})
		o.agreed = append(o.agreed, [windowDays]float64{})
		o.effect = append(o.effect, [viewDays]float64{})
		o.parts, o.paths = append(o.parts, 0), append(o.paths, path{})
		o.before, o.within = append(o.before, 0), append(o.within, 0)
	}
	factor := l.cal.hazard(l.p.pj)
	for j, v := range o.open {
		for d := range o.hazard[j] {
			o.hazard[j][d] = v.hazard(l.cal, factor, day+d)
		}
		o.parts[j] = v.instalments(l.p.capacity)
		for d := range o.agreed[j] {
			o.agreed[j][d] = instalmentFactor(d, o.parts[j])
		}
	}
}

// setType computes, for a response type, what earlier touches and promises
// leave to every day in view, and the hazard cumulated before the window that
// begins on the given day in view, and in it.
func (o *outlook) setType(k, start int) {
	for j, v := range o.open {
		o.before[j], o.within[j] = 0, 0
		x, plain := v.effect[k], !v.touched && !v.promised(o.day)
		for d := range start + windowDays {
			x += v.mailed(k, o.day+d)
			o.effect[j][d] = x
			h := o.hazard[j][d]
			if !plain {
				h *= math.Exp(x + o.promise(v, k, d))
			}
			if d < start {
				o.before[j] += h
			} else {
				o.within[j] += h
			}
			x = o.world.aged(x)
		}
	}
}

// promise is the log hazard ratio of a running promise.
func (o *outlook) promise(v *openInvoice, k, d int) float64 {
	if v.promised(o.day + d) {
		return o.world.types[k].promise
	}
	return 0
}

// follow computes the paths of all invoices when a touch on channel c is
// delivered on the given day in view to a customer of the type. It returns
// false where the touch changes nothing.
func (o *outlook) follow(l *life, k, c, start int, load float64) bool {
	gain := math.Exp(o.world.types[k].promise) - 1
	changes := false
	o.promises = promiseProb[c] > 0 && !l.cfg.NullEffects && gain > 0
	for j, v := range o.open {
		p := path{canAgree: c == voice && !l.cfg.NullEffects && v.canAgree(o.day+start)}
		x := l.strength(v, k, c, o.day+start, load)
		changes = changes || x != 0
		o.promises = o.promises || p.canAgree
		z := o.effect[j][start]
		for d := range windowDays {
			if d > 0 {
				z += v.mailed(k, o.day+start+d)
			}
			if d == channelLag[c] {
				z += x
			}
			h := o.hazard[j][start+d]
			running := o.promise(v, k, start+d)
			if z+running != 0 {
				h *= math.Exp(z + running)
			}
			p.plain += h
			if running == 0 {
				for i, n := range promiseDays {
					if d <= n {
						p.promised[i] += h * gain
					}
				}
			}
			p.agreed += h * o.agreed[j][d]
			z = o.world.aged(z)
		}
		for i := range p.promised {
			p.promised[i] += p.plain
		}
		o.paths[j] = p
	}
	return changes || o.promises
}

// total sums invoices: all are paid, and cents add up. h gives the cumulated
// hazard of an invoice since the first day in view, for a liquidity of one.
func (o *outlook) total(g float64, h func(j int) float64) worth {
	t := worth{prob: 1}
	for j, v := range o.open {
		full, cents := v.outcome(g * h(j))
		t.prob *= full
		t.cents += cents
	}
	return t
}

// untouched is the worth without a touch.
func (o *outlook) untouched(g float64) worth {
	return o.total(g, func(j int) float64 { return o.before[j] + o.within[j] })
}

// touched is the worth when the touch that follow looked at is delivered.
func (o *outlook) touched(g float64, c int, promise float64) worth {
	plain := o.total(g, func(j int) float64 { return o.before[j] + o.paths[j].plain })
	if !o.promises {
		return plain
	}
	var all worth
	all.add(1-promise, plain)
	offer := 0.0
	if c == voice {
		offer = agreementOffer
	}
	each := promise / float64(len(promiseDays))
	for i := range promiseDays {
		kept := o.total(g, func(j int) float64 { return o.before[j] + o.paths[j].promised[i] })
		all.add(each*(1-offer), kept)
		if offer > 0 {
			all.add(each*offer, o.underAgreement(g, i, kept))
		}
	}
	return all
}

// underAgreement is the worth when the caller offered instalments with a
// promise: kept is the worth of the promise alone.
func (o *outlook) underAgreement(g float64, i int, kept worth) worth {
	t, agreed := worth{prob: 1}, false
	for j, v := range o.open {
		p := &o.paths[j]
		full, cents := 0.0, 0.0
		if p.canAgree {
			full, cents = v.agreedOutcome(g*o.before[j], g*p.agreed, o.parts[j])
			agreed = true
		} else {
			full, cents = v.outcome(g * (o.before[j] + p.promised[i]))
		}
		t.prob *= full
		t.cents += cents
	}
	if !agreed {
		return kept
	}
	return t
}

// negligible is the posterior mass that a latent point must have to count: the
// ceiling is short of at most thirty times as much.
const negligible = 1e-6

// expect fills e for a touch on the given day in view: truth at the latent
// point, the ceiling averaged over the posterior.
func (o *outlook) expect(l *life, post *grid, start int, e *Expectation) {
	var ceiling worth
	var truths, ceilings [channels]worth
	load := l.loadOn(o.day + start)
	for k := range nTypes {
		if sum(post[k][:]) < negligible && k != l.p.kind {
			continue
		}
		o.setType(k, start)
		var base [nLevels]worth
		for level, g := range levelHazard {
			mine := k == l.p.kind && level == l.p.level
			if post[k][level] < negligible && !mine {
				continue
			}
			base[level] = o.untouched(g)
			paid := base[level].cents
			if start > 0 {
				paid -= o.total(g, func(j int) float64 { return o.before[j] }).cents
			}
			ceiling.add(post[k][level], worth{base[level].prob, paid})
			if mine {
				e.OrganicCents07 = float32(paid)
			}
		}
		if k == l.p.kind {
			o.curve(levelHazard[l.p.level], k, start, e)
		}
		for c := range channels {
			if !o.follow(l, k, c, start, load) {
				continue
			}
			for level, g := range levelHazard {
				mine := k == l.p.kind && level == l.p.level
				if post[k][level] < negligible && !mine {
					continue
				}
				effect := o.touched(g, c, o.world.promiseChance(c, k, level)).minus(base[level])
				if mine {
					truths[c].add(l.p.deliver[c], effect)
				}
				ceilings[c].add(post[k][level]*l.p.deliver[c], effect)
			}
		}
	}
	e.CeilingOrganic07, e.CeilingOrganicCents07 = float32(ceiling.prob), float32(ceiling.cents)
	e.effects().set(&truths)
	e.ceilings().set(&ceilings)
}

func (f effectFields) set(w *[channels]worth) {
	for c := range w {
		*f.prob[c], *f.cents[c] = float32(w[c].prob), float32(w[c].cents)
	}
}

// curve fills the organic curve: the days from the first in view to start + d.
func (o *outlook) curve(g float64, k, start int, e *Expectation) {
	fields := e.organic()
	var whole [organicDays]float64
	for d := range whole {
		whole[d] = 1
	}
	for j, v := range o.open {
		x, h := v.effect[k], 0.0
		for d := range start + organicDays {
			x += v.mailed(k, o.day+d)
			h += o.hazard[j][d] * math.Exp(x+o.promise(v, k, d))
			x = o.world.aged(x)
			if d >= start {
				full, _ := v.outcome(g * h)
				whole[d-start] *= full
			}
		}
	}
	for d := range whole {
		*fields[d] = float32(whole[d])
	}
}

// judgeDecision appends the truth of the decision of the day.
func (l *life) judgeDecision(day int, s situation, touchID string) {
	post := l.know.posterior()
	t := DecisionTruth{
		TouchID:      touchID,
		CustomerID:   l.p.row.CustomerID,
		AsOf:         l.cal.date(day),
		BalanceCents: s.balance,
		DaysPastDue:  int32(s.late),
	}
	l.view.see(l, day)
	l.view.expect(l, &post, 0, &t.Expectation)
	l.truth.Decisions = append(l.truth.Decisions, t)
	l.count.decision(&t.Expectation)
}

// judgeEnd appends the truth of the customer as of the end, for a touch on
// each of the coming days.
func (l *life) judgeEnd() {
	day := l.cal.days
	for _, r := range l.news {
		l.know.report(r)
	}
	for _, v := range l.open {
		v.arrive(day)
	}
	post := l.know.posterior()
	s := l.situation(day)
	l.view.see(l, day)
	for d := range planDays {
		t := AsOfTruth{
			CustomerID:   l.p.row.CustomerID,
			Day:          l.cal.date(day + d),
			BalanceCents: s.balance,
			DaysPastDue:  int32(s.late + d),
		}
		l.view.expect(l, &post, d, &t.Expectation)
		l.truth.AsOf = append(l.truth.AsOf, t)
	}
}
