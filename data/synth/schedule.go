package synth

import (
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"dunning/data"
)

// planned is an invoice that the customer will get if sales to him are not
// suspended on its day. Days count from the calendar's start.
type planned struct {
	issued, due int
	amount      data.Cents
	product     *product
}

// schedule appends what the customer buys over the history, in the order of
// issue. It does not depend on how he pays.
func schedule(plan []planned, k *calendar, p *person, rng *rand.Rand) []planned {
	first := max(0, int(p.row.Since-k.start))
	if p.pj {
		if rng.Float64() < .35 {
			plan = monthly(plan, k, rng, first, 0, p.usual, &contract)
		} else {
			plan = bought(plan, k, rng, first, p.usual, 1.1, &trade)
		}
	} else {
		switch u := rng.Float64(); {
		case u < .55:
			plan = monthly(plan, k, rng, first, 0, p.usual, &subscription)
		case u < .85:
			plan = financed(plan, k, rng, first, p.usual)
		default:
			plan = bought(plan, k, rng, first, p.usual, .8, &purchase)
		}
		if rng.Float64() < .15 { // bought something besides
			plan = bought(plan, k, rng, first, p.usual, .25, &purchase)
		}
	}
	slices.SortStableFunc(plan, func(a, b planned) int { return a.issued - b.issued })
	return plan
}

// monthly bills on a fixed day of the month, count times, or to the end of the
// history when count is 0.
func monthly(plan []planned, k *calendar, rng *rand.Rand, first, count int, usual float64, what *product) []planned {
	dueDay := 5 * (1 + rng.IntN(5))
	term := what.terms[rng.IntN(len(what.terms))]
	start := k.date(first).Time()
	month := data.MakeDate(start.Year(), start.Month(), 1).Time()
	for n := 0; count == 0 || n < count; {
		due := int(data.MakeDate(month.Year(), month.Month(), dueDay) - k.start)
		month = month.AddDate(0, 1, 0)
		issued := due - term
		if issued < first {
			continue
		}
		if issued >= k.days {
			break
		}
		n++
		plan = append(plan, planned{issued, k.businessOn(due), amount(rng, usual, .08), what})
	}
	return plan
}

// financed buys now and then, each time in monthly instalments.
func financed(plan []planned, k *calendar, rng *rand.Rand, first int, usual float64) []planned {
	for day := first + rng.IntN(60); day < k.days; day += 90 + int(200*rng.ExpFloat64()) {
		count := [...]int{3, 6, 6, 10, 12}[rng.IntN(5)]
		each := usual * math.Exp(.3*rng.NormFloat64())
		plan = monthly(plan, k, rng, day, count, each, &instalment)
	}
	return plan
}

// bought buys perMonth times a month, more before Christmas.
func bought(plan []planned, k *calendar, rng *rand.Rand, first int, usual, perMonth float64, what *product) []planned {
	for day := first; day < k.days; day++ {
		rate := perMonth / 30
		if k.month[day] == time.November || k.month[day] == time.December {
			rate *= 1.4
		}
		if rng.Float64() >= rate {
			continue
		}
		term := what.terms[rng.IntN(len(what.terms))]
		plan = append(plan, planned{day, k.businessOn(day + term), amount(rng, usual, .5), what})
	}
	return plan
}

// amount is lognormal about the usual one with a Pareto tail: one invoice in
// thirty is some times larger (exponent 1.6, at most fifty times).
func amount(rng *rand.Rand, usual, sigma float64) data.Cents {
	a := usual * math.Exp(sigma*rng.NormFloat64())
	if rng.Float64() < 1.0/30 {
		a *= math.Min(50, math.Pow(1-rng.Float64(), -1/1.6))
	}
	return max(500, data.RoundCents(a))
}
