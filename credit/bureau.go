package credit

import (
	"fmt"
	"math"

	"dunning/data"
)

// BureauPolicy is a paid bureau report and what its score says. The densities
// are those given what the model knows already: estimate them on applications
// of one PD, or as in [EstimateSignal].
type BureauPolicy struct {
	Provider   string     `yaml:"provider"`
	PriceCents data.Cents `yaml:"price_cents"`  // of one report; > 0
	MaxAgeDays int        `yaml:"max_age_days"` // an older report is not used; 1 to 3650
	// Signal is a score that is normal among good and bad payers; Bands, instead,
	// is a table of shares.
	Signal *Signal `yaml:"signal"`
	Bands  []Band  `yaml:"bands"`
}

// Signal is a score that is normally distributed with one standard deviation
// around a mean of those who will pay and another of those who will not.
type Signal struct {
	MeanGood float64 `yaml:"mean_good"` // > MeanBad
	MeanBad  float64 `yaml:"mean_bad"`
	SD       float64 `yaml:"sd"` // > 0
}

// Band is a range of scores: above that of the band before it, up to To.
type Band struct {
	To   float64 `yaml:"to"`
	Good float64 `yaml:"good"` // share of those who will pay whose score lies in it; the shares add up to 1
	Bad  float64 `yaml:"bad"`  // share of those who will not
}

// Strength is the distance of the means in standard deviations, d. A score of
// this signal alone ranks with an AUC of Φ(d/√2).
func (s Signal) Strength() float64 { return (s.MeanGood - s.MeanBad) / s.SD }

// AUC is how well the score alone ranks.
func (s Signal) AUC() float64 { return 0.5 * math.Erfc(-s.Strength()/2) }

// ratio is f(score | bad) / f(score | good).
func (s Signal) ratio(score float64) float64 {
	g, b := (score-s.MeanGood)/s.SD, (score-s.MeanBad)/s.SD
	return math.Exp((g*g - b*b) / 2)
}

func (b *BureauPolicy) faults() (out []string) {
	check := func(ok bool, format string, args ...any) {
		if !ok {
			out = append(out, "bureau: "+fmt.Sprintf(format, args...))
		}
	}
	check(b.Provider != "", "provider is missing")
	check(b.PriceCents > 0 && b.PriceCents <= mostCents, "price_cents %d must be above 0", b.PriceCents)
	check(b.MaxAgeDays >= 1 && b.MaxAgeDays <= 3650, "max_age_days %d, must be 1 to 3650", b.MaxAgeDays)
	check((b.Signal == nil) != (b.Bands == nil), "give either signal or bands")
	if s := b.Signal; s != nil {
		check(s.SD > 0 && s.SD < 1e9, "signal.sd %g must be above 0", s.SD)
		check(s.MeanGood > s.MeanBad && math.Abs(s.MeanGood) < 1e9 && math.Abs(s.MeanBad) < 1e9, "signal.mean_good %g must be above mean_bad %g", s.MeanGood, s.MeanBad)
		check(!(s.Strength() > 10), "the means are %.0f standard deviations apart: no report knows that much", s.Strength())
	}
	good, bad := 0.0, 0.0
	for i, v := range b.Bands {
		check(v.Good > 0 && v.Bad > 0, "bands[%d]: shares must be above 0: no score proves anything", i)
		check(i == 0 || v.To > b.Bands[i-1].To, "bands[%d]: to does not rise", i)
		good, bad = good+v.Good, bad+v.Bad
	}
	if b.Bands != nil {
		check(math.Abs(good-1) < 1e-6 && math.Abs(bad-1) < 1e-6, "bands: shares add up to %g and %g, not 1", good, bad)
	}
	return out
}

// scale is what a score may be: within six standard deviations of a mean, or up
// to the last band.
func (b *BureauPolicy) scale() (low, high float64) {
	if b.Signal != nil {
		return b.Signal.MeanBad - 6*b.Signal.SD, b.Signal.MeanGood + 6*b.Signal.SD
	}
	return math.Inf(-1), b.Bands[len(b.Bands)-1].To
}

// ratio is f(score | bad) / f(score | good).
func (b *BureauPolicy) ratio(score float64) float64 {
	if b.Signal != nil {
		return b.Signal.ratio(score)
	}
	for _, v := range b.Bands {
		if score <= v.To {
			return v.Bad / v.Good
		}
	}
	last := b.Bands[len(b.Bands)-1]
	return last.Bad / last.Good
}

// outcome is one of finitely many outcomes of a signal: its chance given good
// and given bad.
type outcome struct{ good, bad float64 }

// signalNodes is how finely a normal signal is cut: the worth of what follows
// jumps where a decision changes.
const signalNodes = 401

// outcomes cuts the signal into finitely many outcomes. Their chances add up to
// 1, so that Bayes' rule over them is exact.
func (b *BureauPolicy) outcomes() []outcome {
	if b.Signal == nil {
		out := make([]outcome, len(b.Bands))
		for i, v := range b.Bands {
			out[i] = outcome{v.Good, v.Bad}
		}
		return out
	}
	return b.Signal.outcomes()
}

func (s Signal) outcomes() []outcome {
	low, high := s.MeanBad-6*s.SD, s.MeanGood+6*s.SD
	below := func(score, mean float64) float64 { return 0.5 * math.Erfc(-(score-mean)/(s.SD*math.Sqrt2)) }
	out := make([]outcome, signalNodes)
	g, d := 0.0, 0.0
	for i := range out {
		edge := low + (high-low)*float64(i+1)/signalNodes
		ng, nd := below(edge, s.MeanGood), below(edge, s.MeanBad)
		if i == signalNodes-1 {
			ng, nd = 1, 1
		}
		out[i] = outcome{ng - g, nd - d}
		g, d = ng, nd
	}
	return out
}

// posterior is the PD after a signal with this likelihood ratio.
func posterior(pd, ratio float64) float64 {
	bad := pd * ratio
	return bad / (bad + 1 - pd)
}

// EVOI is the expected value of a signal before it is known: the expected worth
// of what is done after it less the worth of what is done without it. worth is
// the worth of what is done at a PD, in any unit.
func (b *BureauPolicy) EVOI(pd float64, worth func(pd float64) float64) float64 {
	return evoi(b.outcomes(), pd, worth)
}

func evoi(outcomes []outcome, pd float64, worth func(pd float64) float64) float64 {
	sum := 0.0
	for _, o := range outcomes {
		bad := pd * o.bad
		if chance := bad + (1-pd)*o.good; chance > 0 {
			sum += chance * worth(bad/chance)
		}
	}
	return sum - worth(pd)
}

// EstimateSignal estimates a normal signal from reports that were bought, with
// the model's PD and the outcome of each. The means stand as far apart as the
// log-odds that the score adds to those of the PD demand, so that what the model
// knows already is not counted twice.
func EstimateSignal(pd, defaulted, score []float64) Signal {
	m := mean(score)
	var ss float64
	for _, s := range score {
		ss += (s - m) * (s - m)
	}
	sd := math.Sqrt(ss / float64(max(1, len(score)-1)))
	if !(sd > 0) {
		sd = 1
	}
	a, b := offsetLine(pd, defaulted, score, m, sd)
	// score' = (score − m)/sd adds a + b·score' to the log-odds of default. A
	// normal signal with a standard deviation w in units of sd adds
	// −δ/w² · (score' − c), with c the middle of the means.
	pooled := within(defaulted, score, m, sd)
	delta := max(-b*pooled*pooled, 1e-3*pooled)
	middle := -a / min(b, -1e-3/pooled)
	return Signal{MeanGood: m + sd*(middle+delta/2), MeanBad: m + sd*(middle-delta/2), SD: sd * pooled}
}

// within is the standard deviation of the standardised score among those with
// one outcome.
func within(defaulted, score []float64, m, sd float64) float64 {
	var n, sum [2]float64
	for i, y := range defaulted {
		n[int(y)]++
		sum[int(y)] += (score[i] - m) / sd
	}
	ss := 0.0
	for i, y := range defaulted {
		d := (score[i]-m)/sd - sum[int(y)]/n[int(y)]
		ss += d * d
	}
	return math.Sqrt(ss / float64(max(1, len(score)-2)))
}

// offsetLine fits P(default) = logistic(logit(pd) + a + b · (score − m)/sd) by
// Newton's method.
func offsetLine(pd, y, score []float64, m, sd float64) (a, b float64) {
	for range 50 {
		var ga, gb, haa, hab, hbb float64
		for i, v := range y {
			x := (score[i] - m) / sd
			q := shift(pd[i], a+b*x)
			d, h := q-v, q*(1-q)
			ga, gb = ga+d, gb+d*x
			haa, hab, hbb = haa+h, hab+h*x, hbb+h*x*x
		}
		det := haa*hbb - hab*hab
		if !(det > 1e-12) {
			return a, b
		}
		da, db := (hbb*ga-hab*gb)/det, (haa*gb-hab*ga)/det
		a, b = a-max(-2, min(2, da)), b-max(-2, min(2, db))
		if math.Abs(da)+math.Abs(db) < 1e-10 {
			break
		}
	}
	return a, b
}
