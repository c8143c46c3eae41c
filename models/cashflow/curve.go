package cashflow

import (
	"cmp"
	"maps"
	"slices"

	"dunning/data"
)

// recentDays is how far back receipts are averaged by weekday.
const recentDays = 28

// Curve is what is expected of the days and weeks from an origin on, and the
// variance that the tosses of the invoices give.
type Curve struct {
	Day, DayVar   []float64
	Week, WeekVar []float64
	// Recent is what came on the mean on the first to the seventh day of the
	// four weeks before.
	Recent [7]float64
}

// recent is what came in an ordinary week of late, or on the day of it.
func (c *Curve) recent(g Grain, place int) (sum float64) {
	if g == Daily {
		return c.Recent[place%7]
	}
	for _, x := range c.Recent {
		sum += x
	}
	return sum
}

func newCurve(days int) *Curve {
	weeks := days / 7
	return &Curve{Day: make([]float64, days), DayVar: make([]float64, days), Week: make([]float64, weeks), WeekVar: make([]float64, weeks)}
}

// mostOfAWeek bounds a week, in middle weeks of the last four.
const mostOfAWeek = 1.5

// ordinaryWeek is the mean of the last weeks, each held to what is not out of
// the way.
func ordinaryWeek(days *[recentDays]float64) (week [7]float64) {
	const weeks = recentDays / 7
	var sum [weeks]float64
	for d, x := range days {
		sum[d/7] += x
	}
	order := sum
	slices.Sort(order[:])
	most := mostOfAWeek * (order[weeks/2-1] + order[weeks/2]) / 2
	for d, x := range days {
		if sum[d/7] > most {
			x *= most / sum[d/7]
		}
		week[d%7] += x / weeks
	}
	return week
}

// cell is a class of invoices that are open, or that were issued of late.
type cell struct {
	segment, kind, class int
	due                  data.Date // of open ones; days from issue to due of issued ones
	pace, amount         uint8
}

func (c cell) compare(o cell) int {
	return cmp.Or(cmp.Compare(c.segment, o.segment), cmp.Compare(c.kind, o.kind), cmp.Compare(c.class, o.class), cmp.Compare(c.due, o.due),
		cmp.Compare(c.pace, o.pace), cmp.Compare(c.amount, o.amount))
}

// mass is the sum of amounts and of their squares.
type mass struct{ cents, squares float64 }

func (s mass) scaled(by float64) mass { return mass{s.cents * by, s.squares * by} }

// Standing is what a portfolio holds at an origin: what is open, and what was
// issued of late. Those of parts of a portfolio add up.
type Standing struct {
	m            *Model
	open, issued map[cell]mass
	// perDay is what was issued on each of the last seasonDays, oldest first.
	perDay []float64
	// recent is what came, by segment, in the recentDays before the origin.
	recent [][recentDays]float64
}

// NewStanding returns one without customers, at the model's origin.
func (m *Model) NewStanding(segments int) *Standing {
	return &Standing{m, map[cell]mass{}, map[cell]mass{}, make([]float64, seasonDays), make([][recentDays]float64, max(segments, 1))}
}

// Add takes one customer, as known at the origin. His invoices are by day of
// issue, and of the classes of the book that the model was fitted to.
func (s *Standing) Add(c *Customer) {
	m, segment := s.m, c.segmentOn(s.m.origin)
	for _, p := range m.classed(c) {
		v := p.v
		if day := int(v.Issued - m.origin + seasonDays); day >= 0 {
			s.perDay[day] += float64(v.Cents)
		}
		for _, x := range v.Payments {
			if day := int(x.Day - m.origin + recentDays); day >= 0 && day < recentDays {
				s.recent[segment][day] += float64(x.Cents)
			}
		}
		if v.Issued >= m.origin-issueDays {
			put(s.issued, cell{segment, c.Kind, v.Class, v.Due - v.Issued, p.pace, p.amount}, float64(v.Cents))
		}
		if left := v.left(m.origin); left > 0 && v.Until >= m.origin {
			put(s.open, cell{segment, c.Kind, v.Class, v.Due, p.pace, p.amount}, left)
		}
	}
}

func put(to map[cell]mass, c cell, cents float64) {
	x := to[c]
	to[c] = mass{x.cents + cents, x.squares + cents*cents}
}

// Merge adds another part of the portfolio.
func (s *Standing) Merge(o *Standing) {
	for _, pair := range []struct{ to, from map[cell]mass }{{s.open, o.open}, {s.issued, o.issued}} {
		for c, x := range pair.from {
			y := pair.to[c]
			pair.to[c] = mass{x.cents + y.cents, x.squares + y.squares}
		}
	}
	for i, x := range o.perDay {
		s.perDay[i] += x
	}
	for i := range o.recent {
		for d, x := range o.recent[i] {
			s.recent[i][d] += x
		}
	}
}

// Curves forecasts so many days by segment.
func (s *Standing) Curves(days int) []*Curve {
	m, out := s.m, make([]*Curve, len(s.recent))
	for i := range out {
		out[i] = newCurve(days)
		out[i].Recent = ordinaryWeek(&s.recent[i])
	}
	for _, c := range slices.SortedFunc(maps.Keys(s.open), cell.compare) {
		out[c.segment].add(m, c, c.due, s.open[c], 0, true)
	}
	share := s.issueShares(days)
	cells := slices.SortedFunc(maps.Keys(s.issued), cell.compare)
	for day := range days {
		for _, c := range cells {
			out[c.segment].add(m, c, m.origin+data.Date(day)+c.due, s.issued[c].scaled(share[day]), day, false)
		}
	}
	return out
}

// add lets the days from a day on go by for a class of invoices. Invoices that
// are open toss once each; those to come are themselves uncertain, and come as
// a Poisson process does.
func (c *Curve) add(m *Model, of cell, due data.Date, x mass, from int, open bool) {
	stay, inWeek := 1.0, 0.0
	variance := func(p float64) float64 {
		if open {
			return x.squares * p * (1 - p)
		}
		return x.squares * p
	}
	for day := from; day < len(c.Day); day++ {
		d := m.origin + data.Date(day)
		b := bucketAt(int(d - due))
		p := m.daily(b, &of, m.factor(of.kind, d))
		paid := stay * p
		c.Day[day] += x.cents * paid
		c.DayVar[day] += variance(paid)
		inWeek += paid
		stay *= max(0, 1-p-m.cancelled[b])
		if day%7 == 6 && day/7 < len(c.Week) {
			c.Week[day/7] += x.cents * inWeek
			c.WeekVar[day/7] += variance(inWeek)
			inWeek = 0
		}
	}
}
