package features

import (
	"math"
	"time"

	"github.com/rickar/cal/v2/br"

	"dunning/data"
)

// paydayBusinessDay is the business day of the month by which salaries are
// paid in Brazil (CLT art. 459 §1).
const paydayBusinessDay = 5

// monthCircleDays is the length of the circle on which days of the month are
// averaged.
const monthCircleDays = 31

// The calendar covers these years; beyond them calendar features are NaN.
const (
	calendarFirstYear = 1980
	calendarLastYear  = 2099
)

// calendarDay is one day of the calendar. Business days are Monday to Friday
// but for national holidays and Carnival Monday and Tuesday, when banks are
// closed; state and municipal holidays are not looked at.
type calendarDay struct {
	known       bool
	business    bool
	weekday     int8 // 0 Sunday
	monthday    int8
	month       int8
	toMonthEnd  int8
	sincePayday int8 // business days after the last payday; 0 on it
	untilPayday int8 // business days until the next payday; 0 on it
	class       int8 // of the baseline's calendar
	// The day of the month on the circle.
	cosine, sine float64
}

type calendar struct {
	first data.Date
	days  []calendarDay
}

// day returns the given day; known is false beyond the calendar.
func (c *calendar) day(d data.Date) calendarDay {
	i := int(d) - int(c.first)
	if i < 0 || i >= len(c.days) {
		return calendarDay{sincePayday: math.MaxInt8}
	}
	return c.days[i]
}

func newCalendar() *calendar {
	first := data.MakeDate(calendarFirstYear, time.January, 1)
	c := &calendar{first: first, days: make([]calendarDay, data.MakeDate(calendarLastYear+1, time.January, 1)-first)}
	for i := range c.days {
		t := (first + data.Date(i)).Time()
		c.days[i] = calendarDay{known: true, weekday: int8(t.Weekday()), monthday: int8(t.Day()), month: int8(t.Month()),
			business: t.Weekday() != time.Saturday && t.Weekday() != time.Sunday}
		c.days[i].sine, c.days[i].cosine = math.Sincos(2 * math.Pi * float64(t.Day()) / monthCircleDays)
	}
	for year := calendarFirstYear; year <= calendarLastYear; year++ {
		for _, day := range nationalHolidays(year) {
			c.days[day-first].business = false
		}
	}
	c.countPaydays()
	for i := range c.days {
		c.days[i].class = c.days[i].classOf(i > 0 && !c.days[i-1].business)
	}
	return c
}

// nationalHolidays returns the days without banking in a year.
func nationalHolidays(year int) []data.Date {
	var days []data.Date
	for _, h := range br.Holidays {
		if h == br.ConscienciaNegra && year < 2024 {
			continue // a national holiday since Lei 14.759/2023
		}
		actual, _ := h.Calc(year)
		days = append(days, data.DateOf(actual))
		if h == br.Carnaval {
			days = append(days, data.DateOf(actual)-1)
		}
	}
	return days
}

// countPaydays fills what each day's neighbours decide.
func (c *calendar) countPaydays() {
	business, since := 0, int8(math.MaxInt8)
	payday := make([]bool, len(c.days))
	for i := range c.days {
		d := &c.days[i]
		if d.monthday == 1 {
			business = 0
		}
		if d.business {
			business++
			if business == paydayBusinessDay {
				since, payday[i] = 0, true
			} else if since < math.MaxInt8 {
				since++
			}
		}
		d.sincePayday = since
	}
	// The last days of the calendar have no next payday and keep the length of
	// a month in business days.
	until, toEnd := int8(22), int8(0)
	for i := len(c.days) - 1; i >= 0; i-- {
		d := &c.days[i]
		if i+1 < len(c.days) && c.days[i+1].monthday == 1 {
			toEnd = 0
		}
		d.toMonthEnd = toEnd
		toEnd++
		if payday[i] {
			until = 0
		} else if i+1 < len(c.days) && c.days[i+1].business {
			until++
		}
		d.untilPayday = until
	}
}

func calendarFeatures() []Feature {
	day := func(what, unit string, lo, hi float64, value func(*calendarDay) float64, doc string) Feature {
		return column(what, unit, lo, hi, func(s *snapshot) float64 {
			if !s.calendar.known {
				return nan
			}
			return value(&s.calendar)
		}, doc).missing("before 1980 or after 2099").atDay()
	}
	return []Feature{
		day("weekday", "code", 0, 6, func(d *calendarDay) float64 { return float64(d.weekday) },
			"Day of the week: Sunday 0 to Saturday 6."),
		day("monthday", "days", 1, 31, func(d *calendarDay) float64 { return float64(d.monthday) },
			"Day of the month."),
		day("month", "code", 1, 12, func(d *calendarDay) float64 { return float64(d.month) },
			"Month of the year."),
		day("to_month_end", "days", 0, 30, func(d *calendarDay) float64 { return float64(d.toMonthEnd) },
			"Days until the last day of the month."),
		day("since_payday", "bdays", 0, 127, func(d *calendarDay) float64 { return float64(d.sincePayday) },
			"Business days since the last payday, the 5th business day of a month (national holidays and Carnival Monday are none); 0 on it and until the next business day."),
		day("until_payday", "bdays", 0, 127, func(d *calendarDay) float64 { return float64(d.untilPayday) },
			"Business days until the next payday; 0 on it."),
		day("business_day", "flag", 0, 1, func(d *calendarDay) float64 { return flag(d.business) },
			"Whether it is a business day."),
	}
}
