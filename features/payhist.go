package features

import (
	"math"

	"dunning/data"
)

// payhistStats is how the customer paid before AsOf. Lateness is the day on
// which an invoice was paid in full less its due date, in days, negative when
// early.
type payhistStats struct {
	payments, partial int
	cents, cents90    int64
	first, last       data.Date
	cosine, sine      float64 // of the payments' days of the month, on a circle
	nearPayday        int
	sameWeekday       int

	settled         int
	late, lateSq    float64
	lateMax         float64
	lateWeighted    float64 // days × cents
	settledCents    int64
	lateLast        float64 // of the invoice settled last
	lateRecent      float64 // mean of the last recentInvoices settled
	lateEarlier     float64 // mean of those before
	paidLate, alone int     // settled after due; of these without any touch

	due, onTime       int // invoices whose due date has passed
	due180, onTime180 int
	dueCents          int64
	dueCollected      int64
}

// recentInvoices is how many invoices the recent end of the trend of lateness
// averages.
const recentInvoices = 3

// nearPaydayDays: a payment counts as near payday when it comes on a payday or
// at most so many business days after it.
const nearPaydayDays = 2

func (s *snapshot) readPayhist() {
	p := &s.payhist
	p.first, p.last = never, never
	weekday := s.at.Weekday()
	for i := range s.x.payments[:s.paid] {
		f := &s.x.payments[i]
		if i == 0 {
			p.first = f.day
		}
		p.last = f.day
		p.cents += f.cents
		if f.day >= s.asOf-90 {
			p.cents90 += f.cents
		}
		if f.partial {
			p.partial++
		}
		day := s.c.calendar.day(f.day)
		p.cosine += day.cosine
		p.sine += day.sine
		if day.sincePayday <= nearPaydayDays {
			p.nearPayday++
		}
		if day.weekday == int8(weekday) {
			p.sameWeekday++
		}
	}
	p.payments = s.paid
	s.readSettled()
	s.readDue()
}

// readSettled reads the invoices paid in full before AsOf, in the order in
// which they were.
func (s *snapshot) readSettled() {
	p := &s.payhist
	p.lateMax, p.lateLast = nan, nan
	n := len(s.x.settled)
	for n > 0 && s.x.invoices[s.x.settled[n-1]].paidOn >= s.asOf {
		n--
	}
	var recent, earlier float64
	for k, i := range s.x.settled[:n] {
		v := &s.x.invoices[i]
		late := float64(v.paidOn - v.due)
		p.late += late
		p.lateSq += late * late
		p.lateWeighted += late * float64(v.amount)
		p.settledCents += v.amount
		if !(p.lateMax >= late) {
			p.lateMax = late
		}
		p.lateLast = late
		if k >= n-recentInvoices {
			recent += late
		} else {
			earlier += late
		}
		if late > 0 {
			p.paidLate++
			if v.untouched {
				p.alone++
			}
		}
	}
	p.settled = n
	p.lateRecent = ratio(recent, float64(min(n, recentInvoices)))
	p.lateEarlier = ratio(earlier, float64(max(n-recentInvoices, 0)))
}

// readDue reads the invoices whose due date has passed at AsOf, but for those
// cancelled before.
func (s *snapshot) readDue() {
	p := &s.payhist
	for i := range s.x.invoices[:s.issued] {
		v := &s.x.invoices[i]
		if v.due >= s.asOf || v.amount <= 0 || (v.cancelled < s.asOf && v.cancelled < v.paidOn) {
			continue
		}
		onTime := v.paidOn <= v.due
		p.due++
		p.dueCents += v.amount
		p.dueCollected += min(s.x.paidOnBill(i, s.asOf), v.amount)
		if onTime {
			p.onTime++
		}
		if v.due >= s.asOf-180 {
			p.due180++
			if onTime {
				p.onTime180++
			}
		}
	}
}

// gap returns the mean days between payments, NaN for fewer than two.
func (p *payhistStats) gap() float64 {
	if p.payments < 2 {
		return nan
	}
	return float64(p.last-p.first) / float64(p.payments-1)
}

// usualMonthday returns the circular mean of the payments' days of the month,
// in [0, 31), and how concentrated they are, in [0, 1].
func (p *payhistStats) usualMonthday() (day, concentration float64) {
	if p.payments == 0 {
		return nan, nan
	}
	day = math.Atan2(p.sine, p.cosine) / (2 * math.Pi) * monthCircleDays
	if day < 0 {
		day += monthCircleDays
	}
	if day >= monthCircleDays { // a rounding just below zero
		day = 0
	}
	return day, min(math.Hypot(p.sine, p.cosine)/float64(p.payments), 1)
}

// lateSD returns the sample standard deviation of lateness.
func (p *payhistStats) lateSD() float64 {
	if p.settled < 2 {
		return nan
	}
	n := float64(p.settled)
	return math.Sqrt(max(p.lateSq-p.late*p.late/n, 0) / (n - 1))
}

const (
	neverPaid    = "the customer never paid"
	nothingDue   = "no invoice was due before"
	nothingPaid  = "no invoice was paid in full before"
	fewerThanTwo = "fewer than two payments"
)

func payhistFeatures() []Feature {
	share := func(a, b func(*payhistStats) int) func(*snapshot) float64 {
		return func(s *snapshot) float64 { return ratio(float64(a(&s.payhist)), float64(b(&s.payhist))) }
	}
	payments := func(p *payhistStats) int { return p.payments }
	usual := func(s *snapshot) float64 { return ratio(float64(s.payhist.cents), float64(s.payhist.payments)) }
	lateMean := func(s *snapshot) float64 { return ratio(s.payhist.lateWeighted, float64(s.payhist.settledCents)) }
	return append([]Feature{
		column("payments", "count", 0, inf, func(s *snapshot) float64 { return float64(s.payhist.payments) },
			"Payments ever received."),
		column("paid_90", "cents", 0, inf, func(s *snapshot) float64 { return float64(s.payhist.cents90) },
			"Money received in the 90 days before AsOf."),
		column("since_payment", "days", 0, inf, func(s *snapshot) float64 { return s.since(s.payhist.last) },
			"Days since the last payment.").missing(neverPaid).atDay(),
		column("gap", "ratio", 0, inf, func(s *snapshot) float64 { return ratio(s.since(s.payhist.last), s.payhist.gap()) },
			"Days since the last payment ÷ the customer's mean days between payments: above 1, the next one is late by his own rhythm.").
			missing(fewerThanTwo + ", or all on one day").atDay(),
		column("usual_payment", "cents", 0, inf, usual, "Mean amount of a payment.").missing(neverPaid),
		column("balance_vs_usual", "ratio", 0, inf, func(s *snapshot) float64 { return ratio(float64(s.aging.balance), usual(s)) },
			"Open balance ÷ mean amount of a payment: how many usual payments it would take.").missing(neverPaid),
		column("partial", "share", 0, 1, share(func(p *payhistStats) int { return p.partial }, payments),
			"Share of the payments that left a part of their invoice open.").missing(neverPaid),
		column("on_time", "share", 0, 1,
			share(func(p *payhistStats) int { return p.onTime }, func(p *payhistStats) int { return p.due }),
			"Share of the invoices due before AsOf that were paid in full by their due date.").missing(nothingDue),
		column("on_time_180", "share", 0, 1,
			share(func(p *payhistStats) int { return p.onTime180 }, func(p *payhistStats) int { return p.due180 }),
			"The same for the invoices due in the last 180 days.").missing("no invoice was due in the last 180 days"),
		column("collected", "share", 0, 1,
			func(s *snapshot) float64 { return ratio(float64(s.payhist.dueCollected), float64(s.payhist.dueCents)) },
			"Share of the amount due before AsOf that was paid before it.").missing(nothingDue),
		column("late_mean", "days", -inf, inf, lateMean,
			"Mean days from due date to full payment, weighted by amount; negative when early.").missing(nothingPaid),
		column("late_max", "days", -inf, inf, func(s *snapshot) float64 { return s.payhist.lateMax },
			"Most days from due date to full payment.").missing(nothingPaid),
		column("late_sd", "days", 0, inf, func(s *snapshot) float64 { return s.payhist.lateSD() },
			"Standard deviation of the days from due date to full payment.").missing("fewer than two invoices were paid in full"),
		column("late_last", "days", -inf, inf, func(s *snapshot) float64 { return s.payhist.lateLast },
			"Days from due date to full payment of the invoice settled last.").missing(nothingPaid),
		column("late_trend", "days", -inf, inf, func(s *snapshot) float64 { return s.payhist.lateRecent - s.payhist.lateEarlier },
			"Mean lateness of the last three invoices settled less that of all before: positive when it gets worse.").
			missing("fewer than four invoices were paid in full"),
		column("late_vs_usual", "days", -inf, inf, func(s *snapshot) float64 {
			if s.oldest < 0 {
				return nan
			}
			return s.since(s.aging.oldestDue) - lateMean(s)
		}, "Days past due of the oldest open invoice less the customer's mean lateness: how far beyond his own habit.").
			missing(nothingOpen + " or " + nothingPaid).atDay(),
		column("untouched", "share", 0, 1,
			share(func(p *payhistStats) int { return p.alone }, func(p *payhistStats) int { return p.paidLate }),
			"Share of the invoices paid late that were paid without any touch since their issue: self-cure.").
			missing("no invoice was paid late"),
		column("usual_monthday", "days", 0, monthCircleDays, func(s *snapshot) float64 { d, _ := s.payhist.usualMonthday(); return d },
			"Typical day of the month of a payment (circular mean over 31 days).").missing(neverPaid),
		column("usual_monthday_strength", "share", 0, 1, func(s *snapshot) float64 { _, r := s.payhist.usualMonthday(); return r },
			"How concentrated the payments are around that day: 1 all on it, 0 spread evenly.").missing(neverPaid),
		column("to_usual_monthday", "days", 0, monthCircleDays, func(s *snapshot) float64 {
			usual, _ := s.payhist.usualMonthday()
			d := usual - float64(s.calendar.monthday)
			if d < 0 {
				d += monthCircleDays
			}
			return d
		}, "Days from the day of the action forward to the typical day of the month.").missing(neverPaid).atDay(),
		column("near_payday", "share", 0, 1, share(func(p *payhistStats) int { return p.nearPayday }, payments),
			"Share of the payments on a payday (5th business day) or at most two business days after it.").missing(neverPaid),
		column("same_weekday", "share", 0, 1, share(func(p *payhistStats) int { return p.sameWeekday }, payments),
			"Share of the payments that came on the weekday of the action.").missing(neverPaid).atDay(),
	}, paceFeatures()...)
}
