package cashflow_test

import (
	"math"

	"dunning/data"
)

// naive says of each day what came on the latest known day of the same
// weekday, the mean of the last n such days.
func (b *book) naive(origin data.Date, days, n int) []float64 {
	past := b.total(origin-data.Date(7*n), 7*n)
	out := make([]float64, days)
	for d := range out {
		for k := range n {
			out[d] += past[7*k+d%7] / float64(n)
		}
	}
	return out
}

func (b *book) total(from data.Date, days int) []float64 {
	out := make([]float64, days)
	for _, s := range b.Receipts(from, from, days) {
		for i, x := range s {
			out[i] += x
		}
	}
	return out
}

// agingEdges are the last days past due of the buckets of a roll-rate forecast:
// not due, 1 to 30, 31 to 60, 61 to 90, more; and one for what is not issued.
var agingEdges = [...]int{0, 30, 60, 90, math.MaxInt32}

const agingBuckets = len(agingEdges) + 1

// rollRate is the aging-bucket forecast of collection departments: the balance
// of each bucket times the share of it that came in each week from its day on,
// as it was, on the mean, at the twelve last origins whose outcome is known;
// what is not issued yet, as it was then. Days share the week as days of the
// week did.
func (b *book) rollRate(origin data.Date, days int) []float64 {
	const past = 12
	weeks := days / 7
	var balance [agingBuckets]float64
	rate := make([][agingBuckets]float64, weeks)
	for k := range past {
		for w := range weeks {
			o := origin - data.Date(7*(k+w+1))
			was, came := b.aging(o, o+data.Date(7*w), 7)
			for i := range rate[w] {
				balance[i] += was[i]
				rate[w][i] += came[i] / max(was[i], 1) / past
			}
		}
	}
	week := b.naive(origin, 7, past)
	sum := 0.0
	for _, x := range week {
		sum += x
	}
	now, _ := b.aging(origin, origin, 0)
	out := make([]float64, days)
	for d := range out {
		for i := range now {
			out[d] += now[i] * rate[d/7][i] * week[d%7] / max(sum, 1)
		}
	}
	return out
}

// aging returns the balance of each bucket at an origin and what came of each
// in n days from a day on. The last is of what was issued from the origin on;
// its balance is one.
func (b *book) aging(origin, from data.Date, n int) (balance, came [agingBuckets]float64) {
	balance[agingBuckets-1] = 1
	for i := range b.Customers {
		for j := range b.Customers[i].Invoices {
			v := &b.Customers[i].Invoices[j]
			bucket := agingBuckets - 1
			if v.Issued < origin {
				if v.Until < origin {
					continue
				}
				for bucket = 0; int(origin-v.Due) > agingEdges[bucket]; bucket++ {
				}
				left := v.Cents
				for _, p := range v.Payments {
					if p.Day < origin {
						left -= p.Cents
					}
				}
				balance[bucket] += float64(left)
			}
			for _, p := range v.Payments {
				if p.Day >= from && p.Day < from+data.Date(n) {
					came[bucket] += float64(p.Cents)
				}
			}
		}
	}
	return balance, came
}

// errors adds up absolute errors by day and by week.
type errors struct{ day, week, receipts float64 }

func (e *errors) add(day, week, came []float64) {
	for i, x := range came {
		e.day += math.Abs(day[i] - x)
		e.receipts += x
	}
	for i, x := range weekly(came) {
		e.week += math.Abs(week[i] - x)
	}
}
