package response

import (
	"fmt"
	"math"

	"dunning/data"
)

// settlePrior is how many payments pull a rate of settling toward that of all.
const settlePrior = 20.0

// Settlement says how much of what is open on an invoice a payment settles.
type Settlement struct {
	// First is the probability that the first payment settles all, by the
	// amount against the customer's usual one: what is much for a customer he
	// pays in parts.
	First [amountBins]float64 `json:"first"`
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

// of returns the settling of a bill; part tells that it was paid in part.
func (s *Settlement) of(bin int, part bool) settling {
	q := s.First[bin]
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
	for _, p := range append(s.First[:], s.Later, s.Part) {
		if !(p >= 0 && p <= 1) {
			return fmt.Errorf("response: %w: %g settles an invoice", data.ErrBadProbability, p)
		}
	}
	return nil
}

// countSettlement counts what payments settled.
func (f *fitter) countSettlement() {
	var settles, payments [amountBins]float64
	var later, laterAll, parts, share, first, firstAll float64
	for i := range f.cust {
		c := &f.cust[i]
		usual := f.m.usual(f.names[c.group], c.limit)
		for j := range c.invs {
			v := &c.invs[j]
			left := v.amount
			for n, p := range v.events {
				if left <= 0 {
					break
				}
				all := 0.0
				if p.Cents >= left {
					all = 1
				} else {
					parts++
					share += float64(p.Cents) / float64(left)
				}
				if bin := amountBin(v.amount, usual); n == 0 {
					settles[bin] += all
					payments[bin]++
					first, firstAll = first+1, firstAll+all
				} else {
					later, laterAll = later+1, laterAll+all
				}
				left -= p.Cents
			}
		}
	}
	s := &Settlement{}
	mean := (firstAll + 1) / (first + 1)
	for b := range s.First {
		s.First[b] = (settles[b] + settlePrior*mean) / (payments[b] + settlePrior)
	}
	s.Later = (laterAll + settlePrior*mean) / (later + settlePrior)
	s.Part = (share + .5) / (parts + 1)
	f.m.Settlement = s
}
