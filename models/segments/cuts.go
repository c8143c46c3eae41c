package segments

import (
	"math"
	"slices"
	"time"

	"dunning/data"
)

// Quantiles that cut points are made of, and what they may be.
const (
	valueQuantile    = 0.75 // of the median amount: a quarter buys at a high value
	frequentQuantile = 0.60 // of invoices in the window
	onTimeQuantile   = 0.40 // of the share paid on time
	minOnTime        = 0.50
	maxOnTime        = 0.90
	// minCustomers of a kind are needed for cut points of its own.
	minCustomers = 30
	// keptWithin is how far off the new figure a cut point may be and stay.
	keptWithin = 0.10
)

// Cuts are the cut points of one kind of customer.
type Cuts struct {
	// HighCents: a median purchase from here on is of high value.
	HighCents data.Cents `json:"high_cents"`
	// Frequent: so many invoices in the window are frequent.
	Frequent int `json:"frequent_invoices"`
	// OnTime: who pays this share on time is punctual.
	OnTime float64 `json:"on_time_share"`
	// Customers is how many the cut points were made of.
	Customers int `json:"customers"`
}

// CutPoints are those of both kinds from a day on.
type CutPoints struct {
	From     data.Date `json:"from"`
	Person   Cuts      `json:"person"`
	Business Cuts      `json:"business"`
}

// Of returns the cut points of a kind.
func (c *CutPoints) Of(business bool) *Cuts {
	if business {
		return &c.Business
	}
	return &c.Person
}

// CutDays returns the days at which cut points are made for a lake whose first
// event is given and that is read up to asOf: when it has a year of history, or
// at the month of asOf where it has less, and on each first of January from then.
func CutDays(first, asOf data.Date) []data.Date {
	months := Months(first, asOf)
	if len(months) == 0 {
		return nil
	}
	var out []data.Date
	for i, m := range months {
		full := m-first >= WindowDays
		if full && (len(out) == 0 || m.Time().Month() == time.January) || i == len(months)-1 && len(out) == 0 {
			out = append(out, m)
		}
	}
	return out
}

// FitCuts makes the cut points of each day from the facts of customers on it
// (in any order, by day), each starting from those before.
func FitCuts(days []data.Date, facts [][]Facts) []CutPoints {
	out := make([]CutPoints, len(days))
	for i, day := range days {
		out[i].From = day
		all := fitKind(facts[i], func(Facts) bool { return true })
		for _, business := range []bool{false, true} {
			c := fitKind(facts[i], func(f Facts) bool { return f.Business == business })
			if c.Customers < minCustomers {
				c = all
			}
			if i > 0 {
				c.keep(out[i-1].Of(business))
			}
			*out[i].Of(business) = c
		}
	}
	return out
}

func fitKind(facts []Facts, of func(Facts) bool) Cuts {
	var amounts, counts, onTime []float64
	for _, f := range facts {
		if !of(f) || f.Invoices == 0 {
			continue
		}
		amounts = append(amounts, float64(f.MedianCents))
		counts = append(counts, float64(f.Invoices))
		if f.Due >= SettledDue {
			onTime = append(onTime, f.OnTimeShare())
		}
	}
	c := Cuts{Customers: len(amounts), OnTime: maxOnTime}
	c.HighCents = max(1, data.RoundCents(twoDigits(quantile(amounts, valueQuantile))))
	c.Frequent = max(1, int(math.Round(quantile(counts, frequentQuantile))))
	if len(onTime) > 0 {
		c.OnTime = min(max(math.Round(20*quantile(onTime, onTimeQuantile))/20, minOnTime), maxOnTime)
	}
	return c
}

// keep takes over the earlier cut points that still fit.
func (c *Cuts) keep(before *Cuts) {
	near := func(x, y float64) bool { return math.Abs(x-y) <= keptWithin*y }
	if near(float64(c.HighCents), float64(before.HighCents)) {
		c.HighCents = before.HighCents
	}
	if near(float64(c.Frequent), float64(before.Frequent)) {
		c.Frequent = before.Frequent
	}
	// What is punctual stays what it was: a portfolio that pays worse must show
	// as customers who move, not as a bound that gives way.
	c.OnTime = before.OnTime
}

// quantile sorts x and returns its q-quantile, 0 of nothing.
func quantile(x []float64, q float64) float64 {
	if len(x) == 0 {
		return 0
	}
	slices.Sort(x)
	return x[min(int(q*float64(len(x))), len(x)-1)]
}

// twoDigits rounds to two digits that count: 734.12 is 730.
func twoDigits(x float64) float64 {
	if x < 1 {
		return x
	}
	unit := math.Pow(10, math.Floor(math.Log10(x))-1)
	return math.Round(x/unit) * unit
}

// Months returns the first days of the months after the month of first, up to
// asOf.
func Months(first, asOf data.Date) []data.Date {
	var out []data.Date
	t := first.Time()
	for i := 1; ; i++ {
		m := data.MakeDate(t.Year(), t.Month()+time.Month(i), 1)
		if m > asOf {
			return out
		}
		out = append(out, m)
	}
}
