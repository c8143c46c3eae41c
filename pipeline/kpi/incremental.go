package kpi

import (
	"context"
	"math"
	"strconv"

	"dunning/data"
)

// arm is one side of the comparison with the holdout, in sums over its
// customers of what each owed and paid, in cents and cents².
type arm struct {
	n                                 int64
	paid, owed                        data.Cents
	paidSquared, product, owedSquared float64
}

// residualVariance is the sample variance, over customers, of what was paid
// beyond the share rate of what was owed.
func (a arm) residualVariance(rate float64) float64 {
	n, sum := float64(a.n), float64(a.paid)-rate*float64(a.owed)
	squares := a.paidSquared - 2*rate*a.product + rate*rate*a.owedSquared
	return max(0, (squares-sum*sum/n)/(n-1))
}

func (r *reading) readIncremental(ctx context.Context, l *lake, _ Config) error {
	var treated, holdout arm
	v := &r.Incremental
	err := l.each(ctx, "incremental", func(scan func(...any) error) error {
		var held bool
		var a arm
		var cost data.Cents
		var squares [3]string // wider than 64 bits
		if err := scan(&held, &a.n, &cost, &a.paid, &a.owed, &squares[0], &squares[1], &squares[2]); err != nil {
			return err
		}
		for i, to := range []*float64{&a.paidSquared, &a.product, &a.owedSquared} {
			var err error
			if *to, err = strconv.ParseFloat(squares[i], 64); err != nil {
				return err
			}
		}
		if held {
			holdout = a
		} else {
			treated, v.SpendCents = a, cost
		}
		return nil
	})
	if err != nil {
		return err
	}
	v.TreatedCustomers, v.TreatedCents, v.TreatedOwedCents = treated.n, treated.paid, treated.owed
	v.HoldoutCustomers, v.HoldoutCents, v.HoldoutOwedCents = holdout.n, holdout.paid, holdout.owed
	if treated.n >= 2 && holdout.n >= 2 && holdout.owed > 0 {
		compare(v, treated, holdout)
	}
	return nil
}

// normal95 is the 0.975 quantile of the standard normal distribution.
const normal95 = 1.959963984540054

// compare scales the holdout's recovery to what the treated owed, and divides
// the spend by the difference. Its interval is that of the ratio estimator, by
// the delta method (Cochran, Sampling Techniques, 1977, ch. 6): what customers
// pay varies mostly because what they owe does, and that part cancels.
func compare(v *data.IncrementalFigures, treated, holdout arm) {
	nt, nh := float64(treated.n), float64(holdout.n)
	scale := float64(treated.owed) / float64(holdout.owed)
	rate := float64(holdout.paid) / float64(holdout.owed)
	increment := float64(treated.paid) - scale*float64(holdout.paid)
	half := normal95 * math.Sqrt(nt*treated.residualVariance(rate)+scale*scale*nh*holdout.residualVariance(rate))
	lo, hi := increment-half, increment+half
	v.IncrementCents, v.IncrementLo, v.IncrementHi = &increment, &lo, &hi
	spend := float64(v.SpendCents)
	if increment > 0 {
		v.PerReal = quotient(spend, increment)
	}
	if hi > 0 {
		v.PerRealLo = quotient(spend, hi)
	}
	if lo > 0 {
		v.PerRealHi = quotient(spend, lo)
	}
}
