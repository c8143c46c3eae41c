package response

import (
	"dunning/data"
	"dunning/features"
)

// Kinds of days that the margins tell apart.
const (
	dayKinds        = 8  // the weekdays from Sunday on, then business holidays
	paydayKinds     = 18 // days since payday 0 … 9, until it 7 … 1, others
	monthdayKinds   = 35 // 1 … 31, then the last four days of the month
	weekKinds       = 48 // quarters of the months: from the 1st, 8th, 16th and 24th on
	thirteenthKinds = 9  // others, then from ten days before each half on, by fives
	nearKinds       = 5  // payday 0–2 days ago, 3–5 days ago, in 1–2 days, month's end, others
)

// holidayKind is a business holiday from Monday to Friday.
const holidayKind = dayKinds - 1

// dayRow is a day as the margins see it.
type dayRow struct {
	day, payday, monthday, month, week, thirteenth, near uint8
}

// calendarDays reads days; it is shared and read only.
type calendarDays struct {
	first data.Date
	rows  []dayRow
}

// Days is the calendar of a range of days, which readers and fits share.
type Days struct{ calendarDays }

// NewDays covers the days [from, to); a day outside of it counts as its
// nearest end.
func NewDays(c *features.Calendar, from, to data.Date) *Days {
	d := &Days{calendarDays{first: from, rows: make([]dayRow, max(1, int(to-from)))}}
	since, until := paydays(c, from, from+data.Date(len(d.rows)))
	for i := range d.rows {
		d.rows[i] = rowOf(c.Day(from+data.Date(i)), since[i], until[i])
	}
	return d
}

// paydayFar is beyond all that is told apart.
const paydayFar = 40

// paydays returns how many days ago the last payday of each day was, and how far
// the next one is: wages come on the fifth business day, and are spent whether
// or not banks are open.
func paydays(c *features.Calendar, from, to data.Date) (since, until []int) {
	is := func(d data.Date) bool {
		t := c.Day(d)
		return t.Known && t.SincePayday == 0 && c.Day(d-1).SincePayday != 0
	}
	last := paydayFar
	for d := from - paydayFar; d < to; d++ {
		if last++; is(d) {
			last = 0
		}
		if d >= from {
			since = append(since, last)
		}
	}
	until = make([]int, len(since))
	next := paydayFar
	for d := to + paydayFar; d >= from; d-- {
		if next++; is(d) {
			next = 0
		}
		if d < to {
			until[d-from] = next
		}
	}
	return since, until
}

func (c *calendarDays) at(d data.Date) dayRow {
	return c.rows[c.index(d)]
}

func (c *calendarDays) index(d data.Date) int {
	return min(max(int(d-c.first), 0), len(c.rows)-1)
}

func rowOf(t features.DayTraits, since, until int) dayRow {
	if !t.Known {
		return dayRow{payday: paydayKinds - 1, near: nearKinds - 1}
	}
	r := dayRow{day: uint8(t.Weekday), payday: paydayKinds - 1, monthday: uint8(t.Monthday - 1), month: uint8(t.Month - 1), week: uint8(4*(t.Month-1) + t.Monthday/8), thirteenth: thirteenthOf(int(t.Month), int(t.Monthday)), near: nearKinds - 1}
	if !t.Business && t.Weekday >= 1 && t.Weekday <= 5 {
		r.day = holidayKind
	}
	switch {
	case since <= 9:
		r.payday = uint8(since)
	case until <= 7:
		r.payday = uint8(paydayKinds - 1 - until)
	}
	if t.ToMonthEnd <= 3 {
		r.monthday = uint8(31 + t.ToMonthEnd)
	}
	switch {
	case since <= 2:
		r.near = 0
	case since <= 5:
		r.near = 1
	case until <= 2:
		r.near = 2
	case t.ToMonthEnd <= 3:
		r.near = 3
	}
	return r
}

// thirteenthOf places a day about the two on which the halves of the thirteenth
// salary are due at the latest, 30 November and 20 December (Lei 4.749/1965,
// arts. 1 and 2): 10 to 6 days before, 5 to 1 before, up to 5 after, 6 to 10
// after.
func thirteenthOf(month, day int) uint8 {
	if month < 11 {
		return 0
	}
	since := day - 30 // first half
	if month == 12 {
		since = day
	}
	half := 0
	if month == 12 && day >= 10 {
		half, since = 1, day-20
	}
	switch {
	case since < -10 || since > 10:
		return 0
	case since < -5:
		return uint8(1 + 4*half)
	case since < 0:
		return uint8(2 + 4*half)
	case since <= 5:
		return uint8(3 + 4*half)
	}
	return uint8(4 + 4*half)
}
