package response

import (
	"fmt"
	"math"

	"dunning/data"
)

// settlePrior is how many payments pull a rate of settling toward those around.
const settlePrior = 20.0

// Bins of amounts by which settling is told apart: where people begin to pay in
// parts is a matter of a few per cent of the amount.
const (
	settlePerOctave = 8
	settleBins      = 8*settlePerOctave + 1
)

// settleRates are probabilities by bin.
type settleRates [settleBins]float64

// settleBin places an amount against the usual one, which is in the middle.
func settleBin(cents data.Cents, usual float64) int {
	if cents <= 0 || !(usual > 0) {
		return settleBins / 2
	}
	return int(math.Round(min(max(settlePerOctave*math.Log2(float64(cents)/usual)+settleBins/2, 0), settleBins-1)))
}

// Settlement says how much of what is open on an invoice a payment settles.
type Settlement struct {
	// First is the probability that the first payment settles all, by the
	// amount against the customer's usual one: what is much for a customer he
	// pays in parts.
	First settleRates `json:"first"`
	// Unlimited is the same by group, of customers without a credit limit where
	// others have one: their usual amount is the group's, of another scale.
	Unlimited map[string]*settleRates `json:"unlimited"`
	// Later is the same for a payment on an invoice that was paid in part.
	Later float64 `json:"later"`
	// Part is the mean share that a payment settles which does not settle all.
	Part float64 `json:"part"`
}

// settling turns the cumulated hazard H of a bill into what is settled by
// then: share and probability of all are a0 + a1 − e^−H (a0 + a1 (1 + H)), with
// a0 the part of the first payment and a1 that of the second. Third payments
// within one window are left out.
type settling struct {
	share, all [2]float64
}

// of returns the settling of a bill of which the first payment settles all with
// probability first; part tells that it was paid in part.
func (s *Settlement) of(first float64, part bool) settling {
	q := first
	if part {
		q = s.Later
	}
	return settling{
		share: [2]float64{q + (1-q)*s.Part, (1 - q) * (1 - s.Part) * (s.Later + (1-s.Later)*s.Part)},
		all:   [2]float64{q, (1 - q) * s.Later},
	}
}

// settled evaluates one of the two curves of a [settling].
func settled(a *[2]float64, hazard float64) float64 {
	return a[0] + a[1] - math.Exp(-hazard)*(a[0]+a[1]*(1+hazard))
}

func (s *Settlement) validate() error {
	rates := append(s.First[:], s.Later, s.Part)
	for name, r := range s.Unlimited {
		if r == nil {
			return fmt.Errorf("response: %w: no rates of group %q", data.ErrMissingValue, name)
		}
		rates = append(rates, r[:]...)
	}
	for _, p := range rates {
		if !(p >= 0 && p <= 1) {
			return fmt.Errorf("response: %w: %g settles an invoice", data.ErrBadProbability, p)
		}
	}
	return nil
}

// countSettlement counts what payments settled.
func (f *fitter) countSettlement() {
	var later, parts rate
	all := &settleCount{}
	unlimited := map[string]*settleCount{}
	for _, name := range f.names[1:] {
		unlimited[name] = &settleCount{}
	}
	for i := range f.cust {
		c := &f.cust[i]
		usual, first := f.m.usual(f.names[c.group], c.limit), all
		if u := unlimited[f.names[c.group]]; u != nil && f.m.unlimited(c.limit) {
			first = u
		}
		for j := range c.invs {
			v := &c.invs[j]
			left := v.amount
			for n, p := range v.events {
				if left <= 0 {
					break
				}
				settles := 0.0
				if p.Cents >= left {
					settles = 1
				} else {
					parts.add(float64(p.Cents) / float64(left))
				}
				if n == 0 {
					first[settleBin(v.amount, usual)].add(settles)
				} else {
					later.add(settles)
				}
				left -= p.Cents
			}
		}
	}
	mean := all.sum().mean(rate{1, 1})
	s := &Settlement{First: all.rates(mean), Later: later.mean(rate{settlePrior * mean, settlePrior}), Part: parts.mean(rate{.5, 1}), Unlimited: map[string]*settleRates{}}
	for name, c := range unlimited {
		if f.m.LimitShare > 0 {
			rates := c.rates(mean)
			s.Unlimited[name] = &rates
		}
	}
	f.m.Settlement = s
}

// rate counts yeses among trials.
type rate struct{ yes, trials float64 }

func (r *rate) add(yes float64) { r.yes, r.trials = r.yes+yes, r.trials+1 }

// mean is the rate with the prior's counts added.
func (r rate) mean(prior rate) float64 { return (r.yes + prior.yes) / (r.trials + prior.trials) }

// settleCount counts first payments by bin, and those that settled all.
type settleCount [settleBins]rate

func (c *settleCount) sum() (all rate) {
	for _, r := range c {
		all.yes, all.trials = all.yes+r.yes, all.trials+r.trials
	}
	return all
}

// rates pulls each bin toward that of about an octave around it, and these
// toward the mean of all.
func (c *settleCount) rates(mean float64) (out settleRates) {
	for b := range out {
		var near rate
		for k := max(0, b-settlePerOctave/2); k <= min(settleBins-1, b+settlePerOctave/2); k++ {
			near.yes, near.trials = near.yes+c[k].yes, near.trials+c[k].trials
		}
		around := near.mean(rate{settlePrior * mean, settlePrior})
		out[b] = c[b].mean(rate{settlePrior * around, settlePrior})
	}
	return out
}
