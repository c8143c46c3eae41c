package synth

import (
	"math"
	"slices"

	"dunning/data"
)

// openInvoice is an invoice while it is owed. Given the latent point and the
// touches, invoices are paid independently of each other: each is a Poisson
// process whose first events are its payments.
type openInvoice struct {
	row         *data.Invoice // written when it closes or the history ends
	issued, due int
	left        data.Cents
	// coef is the hazard's constant: traits, product, amount over capacity.
	coef float64
	// fullProb is P(the next event pays all | parts = 0). With parts = 0 an
	// event pays all or a part, and the next one the rest; with parts = n the
	// next n events pay equal shares.
	fullProb float64
	parts    int
	disputed bool
	// agreedOn is the day of a running agreement and agreedParts its
	// instalments; 0 parts when there is none.
	agreedOn, agreedParts int
	promiseUntil          int // the last day of a running promise, -1 when none

	// effect is the log hazard ratio left by touches, for each response type;
	// letters on their way are added when they arrive.
	effect  [nTypes]float64
	mail    []mail
	touched bool

	clock float64 // what is left of a unit exponential until the next event
}

// hazard is the hazard of a day for a liquidity of one and without touch or
// promise: what observed things say.
func (v *openInvoice) hazard(k *calendar, dayFactor []float64, day int) float64 {
	h := v.coef * baseHazard(day-v.due) * dayFactor[day]
	if v.disputed {
		h *= disputeFactor
	}
	if v.agreedParts > 0 {
		h *= instalmentFactor(day-v.agreedOn, v.agreedParts)
	}
	return h
}

// instalmentFactor shapes the hazard of an agreement: high about the
// instalment days (5, 35, 65 … days after it), low between.
func instalmentFactor(days, parts int) float64 {
	for i := range parts {
		if due := 5 + 30*i; days >= due-3 && days <= due+1 {
			return agreementPeak
		}
	}
	return agreementFactor
}

// canAgree tells whether a caller may turn the invoice into instalments.
func (v *openInvoice) canAgree(day int) bool {
	return day-v.due >= agreementStage && !v.disputed && v.agreedParts == 0
}

// instalments is how many an agreement on the invoice would have.
func (v *openInvoice) instalments(capacity float64) int {
	switch a := float64(v.row.AmountCents); {
	case a < capacity/2:
		return 2
	case a < capacity:
		return 3
	}
	return 4
}

// decay ages the effects by one day.
func (v *openInvoice) decay(w *world) {
	if !v.touched {
		return
	}
	alive := len(v.mail) > 0
	for k := range v.effect {
		v.effect[k] = w.aged(v.effect[k])
		alive = alive || v.effect[k] != 0
	}
	v.touched = alive
}

// mail is a letter on its way, and what it adds to the effects on its day.
type mail struct {
	day    int
	effect [nTypes]float64
}

// arrive adds the letters that come on the day.
func (v *openInvoice) arrive(day int) {
	if len(v.mail) == 0 {
		return
	}
	for k := range v.effect {
		v.effect[k] += v.mailed(k, day)
	}
	v.mail = slices.DeleteFunc(v.mail, func(m mail) bool { return m.day == day })
}

// mailed is what the letters that arrive on the day add to an effect.
func (v *openInvoice) mailed(k, day int) (x float64) {
	for i := range v.mail {
		if v.mail[i].day == day {
			x += v.mail[i].effect[k]
		}
	}
	return x
}

// promised tells whether a promise runs on the day.
func (v *openInvoice) promised(day int) bool { return day <= v.promiseUntil }

// outcome returns, for a cumulated hazard h from now, P(the invoice is paid in
// full) and the expected cents paid.
func (v *openInvoice) outcome(h float64) (full, cents float64) {
	e := math.Exp(-h)
	once, left := 1-e, float64(v.left)
	switch v.parts {
	case 0:
		twice := once - e*h
		full = v.fullProb*once + (1-v.fullProb)*twice
		cents = v.fullProb*once + (1-v.fullProb)*(partialMean*once+(1-partialMean)*twice)
		return full, left * cents
	case 1:
		return once, left * once
	}
	full, cents = shares(h, v.parts)
	return full, left * cents
}

// shares returns P(N >= parts) and E[min(N, parts)]/parts, N Poisson of mean h.
func shares(h float64, parts int) (full, share float64) {
	term := math.Exp(-h)
	full = 1 - term
	share = full
	for i := 1; i < parts; i++ {
		term *= h / float64(i)
		full -= term
		share += full
	}
	return full, share / float64(parts)
}

// agreedOutcome is outcome when an agreement in instalments begins after a
// cumulated hazard before and meets the hazard after.
func (v *openInvoice) agreedOutcome(before, after float64, parts int) (full, cents float64) {
	fullAfter, share := shares(after, parts)
	e, left := math.Exp(-before), float64(v.left)
	if v.parts == 1 {
		return 1 - e + e*fullAfter, left * (1 - e + e*share)
	}
	begun := (1 - v.fullProb) * e * before // a part was paid before
	paid := 1 - e - begun
	full = paid + (e+begun)*fullAfter
	cents = paid + begun*partialMean + (e+begun*(1-partialMean))*share
	return full, left * cents
}

// dayLogLik is the log likelihood of what an invoice did on one day whose
// cumulated hazard is h: events of the process, and whether they closed it.
// parts is its state at the start of the day. Factors that do not depend on h
// are left out.
func dayLogLik(h float64, parts, events int, closed bool) float64 {
	need := parts // events that close it for certain
	if parts == 0 {
		need = events // the first closed it, or a part and then the rest
	}
	if closed {
		return logTail(h, need)
	}
	return float64(events)*math.Log(h) - h
}

// logTail is log P(N >= n), N Poisson of mean h, accurate for small h too.
func logTail(h float64, n int) float64 {
	term, series := 1.0, 1.0
	for i := n + 1; term > 1e-17*series; i++ {
		term *= h / float64(i)
		series += term
	}
	factorial := 1.0
	for i := 2; i <= n; i++ {
		factorial *= float64(i)
	}
	return float64(n)*math.Log(h) - h - math.Log(factorial) + math.Log(series)
}
