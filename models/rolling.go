package models

import (
	"cmp"
	"math"
	"slices"

	"dunning/data"
)

// Rolling looks back over decisions whose outcome is known: at day d, those of
// [d − HorizonDays − WindowDays, d − HorizonDays]. What it returns for a row
// never used an outcome that was not known on the row's day.
type Rolling struct {
	HorizonDays int // days until an outcome is known
	WindowDays  int // days looked back beyond that
}

// DefaultWindowDays is eight weeks: two paydays, and short enough that a break
// in how people pay has left it within two months.
const DefaultWindowDays = 56

// priorRows is the weight of the rate before a window against the window's own
// rows.
const priorRows = 20

// Rates returns the trailing base rate at each of some days: the share of
// y = 1 among the decisions looked back on, mixed with priorRows of the rate
// of all whose outcome was known by then; where nothing is known yet, ½.
// Decisions and days may come in any order.
func (r Rolling) Rates(asOf []data.Date, y []float64, at []data.Date) []float64 {
	l := newLookback(asOf)
	sum := make([]float64, len(l.order)+1) // of y, over the first decisions
	for k, i := range l.order {
		sum[k+1] = sum[k] + y[i]
	}
	out := make([]float64, len(at))
	for k, day := range at {
		from, to := l.window(r, day)
		all := (sum[to] + 0.5) / float64(to+1)
		out[k] = (sum[to] - sum[from] + priorRows*all) / float64(to-from+priorRows)
	}
	return out
}

// Line is a recalibration logistic(Intercept + Slope · logit(p)).
type Line struct {
	Intercept float64 `json:"intercept"`
	Slope     float64 `json:"slope"` // ≥ 0
}

// Apply recalibrates p.
func (l Line) Apply(p float64) float64 { return logistic(l.Intercept + l.Slope*logit(p)) }

// Spread of the recalibration around "as it is" before any row is seen: a
// window of some hundred rows outweighs it.
const (
	lineInterceptSD = 0.5
	lineSlopeSD     = 0.25
	lineSteps       = 30
)

// FitLine fits a line by penalised likelihood: intercept 0 ± 0.5 and slope
// 1 ± 0.25 before any row. A slope below 0 is kept at 0, which predicts the
// base rate. w are row weights, nil for all ones.
func FitLine(y, p, w []float64) Line {
	checkPair(y, p)
	l := Line{Slope: 1}
	for range lineSteps {
		ga, gb := (l.Slope-1)/(lineSlopeSD*lineSlopeSD), l.Intercept/(lineInterceptSD*lineInterceptSD)
		haa, hab, hbb := 1/(lineSlopeSD*lineSlopeSD), 0.0, 1/(lineInterceptSD*lineInterceptSD)
		for i, v := range y {
			x, wi := logit(p[i]), 1.0
			if w != nil {
				wi = w[i]
			}
			q := logistic(l.Intercept + l.Slope*x)
			h := wi * q * (1 - q)
			ga, gb = ga+wi*(q-v)*x, gb+wi*(q-v)
			haa, hab, hbb = haa+h*x*x, hab+h*x, hbb+h
		}
		det := haa*hbb - hab*hab
		da, db := (hbb*ga-hab*gb)/det, (haa*gb-hab*ga)/det
		// A long step means that the quadratic is a poor picture: half of it.
		if s := math.Hypot(da, db); s > 1 {
			da, db = da/s, db/s
		}
		l.Slope, l.Intercept = max(0, l.Slope-da), l.Intercept-db
		if math.Abs(da)+math.Abs(db) < 1e-10 {
			break
		}
	}
	return l
}

// halfLifeDays is after how many days a decision counts half in a line: a break
// has the upper hand a fortnight after its first outcomes.
const halfLifeDays = 10

// Lines returns the recalibration in force at each of some days: fitted to the
// decisions looked back on, the later the heavier, anew when two days have
// passed, and "as it is" where fewer than priorRows outcomes are known. at must
// not fall.
func (r Rolling) Lines(asOf []data.Date, y, p []float64, at []data.Date) []Line {
	checkPair(y, p)
	l := newLookback(asOf)
	out := make([]Line, len(at))
	var fitted data.Date
	for k, day := range at {
		if k > 0 && day < fitted+2 {
			if day < at[k-1] {
				panic("models: days of a rolling calibration fall")
			}
			out[k] = out[k-1]
			continue
		}
		fitted = day
		from, to := l.window(r, day)
		out[k] = Line{Slope: 1}
		if to-from >= priorRows {
			rows := l.order[from:to]
			weight := make([]float64, len(rows))
			for n := range rows {
				weight[n] = math.Exp2(-float64(day-data.Date(r.HorizonDays)-l.days[from+n]) / halfLifeDays)
			}
			out[k] = FitLine(Take(y, rows), Take(p, rows), weight)
		}
	}
	return out
}

// lookback are decisions in the order of their days.
type lookback struct {
	order []int
	days  []data.Date
}

func newLookback(asOf []data.Date) lookback {
	l := lookback{order: make([]int, len(asOf)), days: slices.Clone(asOf)}
	for i := range l.order {
		l.order[i] = i
	}
	slices.SortStableFunc(l.order, func(a, b int) int { return cmp.Compare(asOf[a], asOf[b]) })
	slices.Sort(l.days)
	return l
}

// window returns the places [from, to) in order that a day looks back on; all
// before to have an outcome that is known.
func (l lookback) window(r Rolling, day data.Date) (from, to int) {
	known := day - data.Date(r.HorizonDays)
	from, _ = slices.BinarySearch(l.days, known-data.Date(r.WindowDays))
	to, _ = slices.BinarySearch(l.days, known+1)
	return from, to
}
