package pipeline

import (
	"math"

	"dunning/data"
	"dunning/features"
	"dunning/models/response"
)

// forecast reads customers with the response model, a day of the plan at a
// time. It keeps scratch memory, so each goroutine needs its own.
type forecast struct {
	s       *scorer
	reader  *response.EnsembleReader // nil where there is no response model
	pastDue int32

	responders responders

	looked  data.Date // day of the effects; 0 for none
	effects response.Effect
	stderr  [len(data.Channels)]float64
	stage   int
	// quantile is that of Student's t for the spread of the bags.
	quantile float64
}

// normal95 is the 95 % quantile of the normal distribution.
const normal95 = 1.6449

func (s *scorer) newForecast() *forecast {
	f := &forecast{s: s}
	if s.own != nil {
		f.reader = response.NewEnsembleReader(s.own.Ensemble, s.calendar)
		f.quantile = bagQuantile(len(s.own.Ensemble.Bags))
	}
	return f
}

// bagQuantile is the 95 % quantile of Student's t with as many degrees of
// freedom as the bags leave: 2.92 with three, close to the normal's with many.
func bagQuantile(bags int) float64 {
	table := [...]float64{2: 6.314, 3: 2.920, 4: 2.353, 5: 2.132, 6: 2.015, 7: 1.943, 8: 1.895, 9: 1.860, 10: 1.833}
	if bags < 2 {
		return 0
	}
	return table[min(bags, len(table)-1)]
}

// load takes a customer, as known at AsOf.
func (f *forecast) load(h *features.History, pastDue int32) {
	if f.reader == nil {
		return
	}
	f.pastDue = pastDue
	f.reader.LoadAt(f.responders.read(h), f.s.w.AsOf)
	f.looked = 0
}

// payProb returns the probability of payment of the customer that was loaded,
// of whom the trees say so much.
func (f *forecast) payProb(trees float64) float64 {
	if f.reader == nil || f.s.own.Payment == nil {
		return trees
	}
	f.look(f.s.w.AsOf)
	return f.s.own.Payment.prob(trees, f.effects.OrganicProb)
}

// look moves to a day of the plan.
func (f *forecast) look(day data.Date) {
	if f.reader == nil || f.looked == day {
		return
	}
	f.looked = day
	f.effects, f.stderr = f.reader.Effects(day, f.s.w.Config.Features.HorizonDays)
	f.stage = stageColumn(f.pastDue + int32(day-f.s.w.AsOf))
}

// effect is what a touch on a channel on the day adds to the share of the
// balance that is paid, seen from AsOf, and its one-sided 95 % lower bound: the
// posterior's spread of this customer's own effect, the standard error of the
// correction and, where the model is a mean of several, their spread. ok is
// false where the response model says nothing.
func (f *forecast) effect(ch data.Channel) (mean, lower float64, ok bool) {
	if f.reader == nil {
		return 0, 0, false
	}
	c := f.s.own.Channels[ch]
	if c == nil {
		return 0, 0, false
	}
	k := ch.Index()
	balance := max(1, float64(f.effects.BalanceCents))
	mean, stderr := c.effect(f.effects.Cents[k]/balance, f.effects.OrganicCents/balance, f.reader.Delivered(k), f.stage, f.effects.BalanceCents)
	spread, own := 0.0, 0.0
	if c.Usable {
		own = normal95 * f.effects.Spread[k] / balance
		if !math.IsNaN(f.stderr[k]) {
			spread = f.quantile * f.stderr[k] / balance
		}
	}
	lower = mean - math.Hypot(math.Hypot(spread, own), normal95*stderr)
	return min(max(mean, -1), 1), max(lower, -1), true
}
