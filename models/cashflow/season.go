package cashflow

import "dunning/data"

// Seasons of what is issued.
const (
	// issueDays is how far back issued invoices stand for those to come.
	issueDays = 56
	// seasonDays is how far back seasons are looked at.
	seasonDays = 3 * 365
	// yearlyDays of history are needed before months differ.
	yearlyDays = 2 * 365
	// priorDays and priorMonth draw a factor to one, by so many days of it.
	priorDays, priorMonth = 4.0, 30.0
	// mostOfADay bounds a day, in mean days: one large contract must not make
	// its day of the month.
	mostOfADay = 8.0
)

// season is how much of the mean is issued on the days of the week, of the
// month, and in the months of the year.
type season struct {
	week  [weekdays]float64
	month [31]float64
	year  [12]float64
}

// of returns the factor of a day.
func (s *season) of(m *Model, day data.Date) float64 {
	t := day.Time()
	return s.week[m.cal.weekday[day-m.cal.first]] * s.month[t.Day()-1] * s.year[t.Month()-1]
}

// seasonOf fits the factors in turns to what was issued on the days before the
// origin, the last of perDay being the day before it.
func (m *Model) seasonOf(perDay []float64) *season {
	s := &season{}
	for _, f := range [][]float64{s.week[:], s.month[:], s.year[:]} {
		for i := range f {
			f[i] = 1
		}
	}
	mean := 0.0
	for _, x := range perDay {
		mean += x / float64(len(perDay))
	}
	if mean == 0 {
		return s
	}
	for range 3 {
		m.turnSeason(s, perDay, mean, s.week[:], priorDays, func(d data.Date) int { return int(m.cal.weekday[d-m.cal.first]) })
		m.turnSeason(s, perDay, mean, s.month[:], priorDays, func(d data.Date) int { return d.Time().Day() - 1 })
		if len(perDay) >= yearlyDays {
			m.turnSeason(s, perDay, mean, s.year[:], priorMonth, func(d data.Date) int { return int(d.Time().Month()) - 1 })
		}
	}
	return s
}

// turnSeason fits one kind of factor, given the others.
func (m *Model) turnSeason(s *season, perDay []float64, mean float64, factor []float64, prior float64, at func(data.Date) int) {
	cells := make([]tally, len(factor))
	for i, x := range perDay {
		day := m.origin + data.Date(i-len(perDay))
		c := &cells[at(day)]
		c.paid += min(x/mean, mostOfADay)
		c.exposure += s.of(m, day) / factor[at(day)]
	}
	for i := range factor {
		factor[i] = (cells[i].paid + prior) / (cells[i].exposure + prior)
	}
}

// issueShares returns, for each day to come, what is issued on it over what was
// issued in the last issueDays: 1/issueDays each, but for the season.
func (s *Standing) issueShares(days int) []float64 {
	m, first := s.m, 0
	for first < seasonDays-issueDays && s.perDay[first] == 0 {
		first++
	}
	season, recent := m.seasonOf(s.perDay[first:]), 0.0
	for day := m.origin - issueDays; day < m.origin; day++ {
		recent += season.of(m, day)
	}
	out := make([]float64, days)
	for day := range out {
		out[day] = season.of(m, m.origin+data.Date(day)) / recent
	}
	return out
}
