package response

import (
	"dunning/data"
	"dunning/features"
)

// Kinds of days that the margins tell apart.
const (
	dayKinds      = 8  // the weekdays from Sunday on, then business holidays
	paydayKinds   = 13 // business days since payday 0 … 6, until it 5 … 1, others
	monthdayKinds = 35 // 1 … 31, then the last four days of the month
	nearKinds     = 5  // payday 0–2 days ago, 3–5 days ago, in 1–2 days, month's end, others
)

// dayRow is a day as the margins see it.
type dayRow struct {
	day, payday, monthday, month, near uint8
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
	for i := range d.rows {
		d.rows[i] = rowOf(c.Day(from + data.Date(i)))
	}
	return d
}

func (c *calendarDays) at(d data.Date) dayRow {
	return c.rows[c.index(d)]
}

func (c *calendarDays) index(d data.Date) int {
	return min(max(int(d-c.first), 0), len(c.rows)-1)
}

func rowOf(t features.DayTraits) dayRow {
	if !t.Known {
		return dayRow{payday: paydayKinds - 1, near: nearKinds - 1}
	}
	r := dayRow{day: uint8(t.Weekday), payday: paydayKinds - 1, monthday: uint8(t.Monthday - 1), month: uint8(t.Month - 1), near: nearKinds - 1}
	if !t.Business && t.Weekday >= 1 && t.Weekday <= 5 {
		r.day = dayKinds - 1
	}
	switch {
	case t.SincePayday <= 6:
		r.payday = uint8(t.SincePayday)
	case t.UntilPayday <= 5 && t.UntilPayday >= 1:
		r.payday = uint8(12 - t.UntilPayday)
	}
	if t.ToMonthEnd <= 3 {
		r.monthday = uint8(31 + t.ToMonthEnd)
	}
	switch {
	case t.SincePayday <= 2:
		r.near = 0
	case t.SincePayday <= 5:
		r.near = 1
	case t.UntilPayday <= 2:
		r.near = 2
	case t.ToMonthEnd <= 3:
		r.near = 3
	}
	return r
}
