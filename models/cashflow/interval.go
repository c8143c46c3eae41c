package cashflow

import (
	"math"
	"slices"

	"dunning/data"
)

// Nominal is the share of outcomes that an interval is to hold.
const Nominal = 0.90

// Grain is a day or a week.
type Grain int

// The grains.
const (
	Daily Grain = iota
	Weekly
)

// String returns "day" or "week".
func (g Grain) String() string { return [...]string{"day", "week"}[g] }

// Amount is an expected amount with its interval, in cents.
type Amount struct{ Mean, Low, High float64 }

// Calibration corrects a forecast's level and gives its intervals, by what
// earlier forecasts missed. One of each grain for the whole, one for segments.
type Calibration struct {
	scope [2][2]scope // grain; whole, segments
}

// scope holds the errors of forecasts of one kind.
type scope struct {
	model []float64 // by week of the horizon: the weight of the model beside recent weeks
	level []float64 // by week: what came over what was expected
	extra []float64 // by week: the spread of the level, as a share of the expected
	z     []float64 // scaled errors, ascending
}

// miss is one forecast and what came.
type miss struct {
	week                    int
	mean, recent, vari, got float64
}

// Thresholds of a calibration.
const (
	// levelWeight is what a level of one is worth: as a level known to a
	// twentieth.
	levelWeight = 400.0
	// modelWeight is what trust in the model alone is worth.
	modelWeight = 5.0
	// farOff spreads an outcome counts less.
	farOff = 1.5
	// minMisses below which the bounds are those of a normal.
	minMisses = 20
	// coldSpread is the spread of the level where nothing is known of it.
	coldSpread = 0.15
	normal95   = 1.6449
)

// Calibrate learns from the outcomes that were known at the start of a day.
func Calibrate(outcomes []Outcome, known data.Date) *Calibration {
	c := &Calibration{}
	var misses [2][2][]miss
	weeks := 0
	for _, o := range outcomes {
		if o.Origin >= known {
			continue
		}
		n := int(known - o.Origin)
		weeks = max(weeks, len(o.Curves[0].Week))
		collect(&misses, 0, Total(o.Curves), total(o.Came), n)
		for s, curve := range o.Curves {
			collect(&misses, 1, curve, o.Came[s], n)
		}
	}
	for g := range misses {
		for k := range misses[g] {
			c.scope[g][k] = calibrate(misses[g][k], max(weeks, 1))
		}
	}
	return c
}

func total(came [][]float64) []float64 {
	out := make([]float64, len(came[0]))
	for _, x := range came {
		for i, v := range x {
			out[i] += v
		}
	}
	return out
}

// collect adds the misses of one curve within the first n days.
func collect(to *[2][2][]miss, k int, c *Curve, came []float64, n int) {
	n = min(n, len(came))
	for d := range n {
		to[Daily][k] = append(to[Daily][k], miss{d / 7, c.Day[d], c.recent(Daily, d), c.DayVar[d], came[d]})
	}
	for w := 0; 7*w+7 <= n && w < len(c.Week); w++ {
		sum := 0.0
		for _, x := range came[7*w : 7*w+7] {
			sum += x
		}
		to[Weekly][k] = append(to[Weekly][k], miss{w, c.Week[w], c.recent(Weekly, w), c.WeekVar[w], sum})
	}
}

func calibrate(misses []miss, weeks int) scope {
	s := scope{model: make([]float64, weeks), level: make([]float64, weeks), extra: make([]float64, weeks)}
	for w := range weeks {
		s.model[w], s.level[w], s.extra[w] = 1, 1, coldSpread
	}
	for range 3 { // each time with less weight for what was missed by far
		s.weigh(misses)
	}
	mass, squares := make([]float64, weeks), make([]float64, weeks)
	over := make([]float64, weeks)
	for _, m := range misses {
		mass[m.week]++
		e := s.level[m.week] * s.mixed(m.week, m.mean, m.recent)
		over[m.week] += (m.got-e)*(m.got-e) - m.vari
		squares[m.week] += e * e
	}
	for w := range weeks {
		if mass[w] >= minMisses/2 && squares[w] > 0 {
			s.extra[w] = math.Sqrt(max(over[w]/squares[w], 1e-4))
		}
	}
	for _, m := range misses {
		e := s.level[m.week] * s.mixed(m.week, m.mean, m.recent)
		if spread := s.spread(m.week, e, m.vari); spread > 0 {
			s.z = append(s.z, (m.got-e)/spread)
		}
	}
	slices.Sort(s.z)
	return s
}

// weigh sets the weight of the model and the level of each week.
func (s *scope) weigh(misses []miss) {
	weeks := len(s.level)
	weight := make([]float64, len(misses))
	squares, cross := make([]float64, weeks), make([]float64, weeks)
	for i, m := range misses {
		weight[i] = s.weight(&misses[i])
		apart := m.mean - m.recent
		squares[m.week] += weight[i] * apart * apart
		cross[m.week] += weight[i] * apart * (m.got - m.recent)
	}
	for w := range weeks {
		s.model[w] = min(max((cross[w]+modelWeight)/(squares[w]+modelWeight), 0), 1)
	}
	got, mean := make([]float64, weeks), make([]float64, weeks)
	for i, m := range misses {
		e := s.mixed(m.week, m.mean, m.recent)
		got[m.week] += weight[i] * e * m.got
		mean[m.week] += weight[i] * e * e
	}
	for w := range weeks {
		s.level[w] = (got[w] + levelWeight) / (mean[w] + levelWeight)
	}
}

// weight is what a miss says: little where a few large invoices decide, and
// little of what is far off (Huber 1964), such as an amnesty.
func (s *scope) weight(m *miss) float64 {
	variance := m.vari + coldSpread*coldSpread*m.mean*m.mean + 1
	off := math.Abs(m.got-s.level[m.week]*s.mixed(m.week, m.mean, m.recent)) / math.Sqrt(variance)
	return min(1, farOff/max(off, farOff)) / variance
}

// mixed weighs the model against what came in recent weeks.
func (s *scope) mixed(week int, mean, recent float64) float64 {
	return s.model[week]*mean + (1-s.model[week])*recent
}

func (s *scope) spread(week int, mean, variance float64) float64 {
	return math.Sqrt(variance + s.extra[week]*s.extra[week]*mean*mean)
}

// Interval returns the expected amount of a place of a curve (the n-th day or
// week, from 0), mixed with recent weeks and its level corrected, with the
// interval that is to hold what comes with probability [Nominal]. whole tells
// the portfolio from a segment.
func (c *Calibration) Interval(g Grain, whole bool, of *Curve, place int) Amount {
	k := 1
	if whole {
		k = 0
	}
	s := &c.scope[g][k]
	week, mean, variance := place, 0.0, 0.0
	if g == Daily {
		week, mean, variance = place/7, of.Day[place], of.DayVar[place]
	} else {
		mean, variance = of.Week[place], of.WeekVar[place]
	}
	week = min(week, len(s.level)-1)
	mean = s.level[week] * s.mixed(week, mean, of.recent(g, place))
	spread := s.spread(week, mean, variance)
	low, high := -normal95, normal95
	if n := len(s.z); n >= minMisses {
		// The bounds of n errors hold the next one with the nominal share where
		// they are drawn outwards by one in n + 1.
		tail := (1 - Nominal) / 2 * float64(n+1)
		low, high = between(s.z, tail-1), between(s.z, float64(n)-tail)
	}
	return Amount{Mean: mean, Low: max(0, mean+low*spread), High: max(0, mean+high*spread)}
}

// between returns the value at a place of ascending x, in part between two.
func between(x []float64, place float64) float64 {
	place = min(max(place, 0), float64(len(x)-1))
	i := min(int(place), len(x)-2)
	f := place - float64(i)
	return (1-f)*x[i] + f*x[i+1]
}
