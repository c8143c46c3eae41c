package synth

import (
	"math"
	"time"

	"github.com/rickar/cal/v2"
	"github.com/rickar/cal/v2/br"

	"dunning/data"
)

// calendar holds what a day means to everybody: a day is its distance from the
// first day of the history. It reaches beyond the end, since truth looks
// ahead, and is read only once made.
type calendar struct {
	start data.Date
	days  int // of history: day index days is Config.End
	// Per day:
	business []bool
	weekday  []time.Weekday
	month    []time.Month
	monthDay []int
	// hazardPF and hazardPJ multiply the hazard of a payment.
	hazardPF, hazardPJ []float64
	// touch is the weekday factor of effects; near is 1 within a few days of
	// the payday of natural persons or the month end of companies.
	touch          []float64
	nearPF, nearPJ []float64
}

// lookAhead is how many days beyond the end the calendar knows: the furthest
// view of truth, and the due dates of invoices issued before the end.
const lookAhead = 120

func newCalendar(c Config) *calendar {
	end := c.End.Time()
	start := data.MakeDate(end.Year(), end.Month()-time.Month(c.Months), end.Day())
	k := &calendar{start: start, days: int(c.End - start)}
	n := k.days + lookAhead
	k.business, k.weekday = make([]bool, n), make([]time.Weekday, n)
	k.month, k.monthDay = make([]time.Month, n), make([]int, n)
	k.hazardPF, k.hazardPJ = make([]float64, n), make([]float64, n)
	k.touch = make([]float64, n)
	k.nearPF, k.nearPJ = make([]float64, n), make([]float64, n)
	bank := cal.NewBusinessCalendar()
	bank.AddHoliday(br.Holidays...)
	for d := range n {
		t := k.date(d).Time()
		k.weekday[d], k.month[d], k.monthDay[d] = t.Weekday(), t.Month(), t.Day()
		k.business[d] = bank.IsWorkday(t)
	}
	paydays := k.paydays(bank)
	switched := n
	if c.SwitchMonth > 0 {
		first := start.Time()
		switched = int(data.MakeDate(first.Year(), first.Month()+time.Month(c.SwitchMonth), first.Day()) - start)
	}
	for d := range n {
		k.fill(d, paydays[d])
		if d >= switched {
			k.hazardPF[d] *= c.SwitchPace
			k.hazardPJ[d] *= c.SwitchPace
		}
	}
	return k
}

func (k *calendar) date(day int) data.Date { return k.start + data.Date(day) }

// paydays returns, for each day, the days since the last fifth business day of
// a month, or minus the days until the next where that is within five.
func (k *calendar) paydays(bank *cal.BusinessCalendar) []int {
	n := len(k.weekday)
	since := make([]int, n)
	for d := range since {
		t := k.date(d).Time()
		pay := fifthBusinessDay(bank, t.Year(), t.Month())
		if k.date(d) < pay-5 {
			pay = fifthBusinessDay(bank, t.Year(), t.Month()-1)
		}
		since[d] = int(k.date(d) - pay)
	}
	return since
}

// fifthBusinessDay is when wages are paid at the latest (CLT art. 459 §1).
func fifthBusinessDay(bank *cal.BusinessCalendar, year int, month time.Month) data.Date {
	d := data.MakeDate(year, month, 1)
	for n := 0; ; d++ {
		if bank.IsWorkday(d.Time()) {
			if n++; n == 5 {
				return d
			}
		}
	}
}

func (k *calendar) fill(d, sincePay int) {
	week := 0.0
	switch {
	case k.weekday[d] == time.Sunday:
		week = -1.1
	case !k.business[d]: // Saturdays and holidays
		week = -.8
	case k.weekday[d] == time.Monday:
		week = .15
	}
	pf, pj := week, week
	switch {
	case sincePay >= 0 && sincePay <= 2:
		pf += .55
	case sincePay > 2 && sincePay <= 6:
		pf += .2
	case sincePay < 0:
		pf -= .25
	}
	last := data.MakeDate(k.date(d).Time().Year(), k.month[d]+1, 0)
	fromEnd := int(last - k.date(d))
	if fromEnd <= 2 {
		pj += .35
	}
	if m := k.monthDay[d]; m == 10 || m == 11 || m == 20 || m == 21 {
		pj += .2
	}
	pf += season(k.month[d], k.monthDay[d])
	if (k.month[d] == time.December && k.monthDay[d] >= 20) || (k.month[d] == time.January && k.monthDay[d] <= 7) {
		pj -= .3
	}
	k.hazardPF[d], k.hazardPJ[d] = math.Exp(pf), math.Exp(pj)
	k.touch[d] = [...]float64{.5, .9, 1.1, 1.1, 1.05, .9, .7}[k.weekday[d]]
	if sincePay >= -1 && sincePay <= 4 {
		k.nearPF[d] = 1
	}
	if fromEnd <= 3 || k.monthDay[d] == 1 {
		k.nearPJ[d] = 1
	}
}

// season is the log hazard of natural persons over the year: the two parts of
// the thirteenth salary, and the squeeze of taxes and school fees after it.
func season(month time.Month, day int) float64 {
	switch {
	case month == time.November && day >= 25, month == time.December && day <= 5:
		return .3
	case month == time.December && day >= 15 && day <= 26:
		return .35
	case month == time.January:
		return -.35
	case month == time.February && day <= 15:
		return -.15
	}
	return 0
}

// hazard and near return the day factors of a kind of customer.
func (k *calendar) hazard(pj bool) []float64 {
	if pj {
		return k.hazardPJ
	}
	return k.hazardPF
}

func (k *calendar) near(pj bool) []float64 {
	if pj {
		return k.nearPJ
	}
	return k.nearPF
}

// businessOn returns the first business day at or after day, as far as the
// calendar reaches.
func (k *calendar) businessOn(day int) int {
	for day < len(k.business)-1 && !k.business[day] {
		day++
	}
	return day
}
