package cashflow

import (
	"slices"

	"dunning/data"
	"dunning/features"
)

// pastDueEdges are the last days past due of each bucket but the last: fine
// where payments come, wide far from the due date.
var pastDueEdges = [...]int{-15, -8, -4, -1, 0, 1, 2, 3, 5, 8, 15, 30, 60, 90, 180, 365}

const (
	buckets = len(pastDueEdges) + 1
	stages  = 4
	paces   = 6 // the last for those of whom too little is known
	amounts = 5
	kinds   = 2
	// weekdays are seven and one for days without banking.
	weekdays = 8
	phases   = 7
)

// stageOf groups the buckets: before due, up to 5, 30 days late, later.
func stageOf(bucket int) int {
	switch {
	case bucket <= 3:
		return 0
	case bucket <= 8:
		return 1
	case bucket <= 11:
		return 2
	}
	return 3
}

var paceEdges = [...]float64{.5, .75, 1, 1.35}

// knownPace is the expected number of payments from which a pace is told.
const knownPace = .7

// paceOf classes a customer of whom so many payments came where expected ones
// were expected.
func paceOf(paid, expected float64) uint8 {
	if expected < knownPace {
		return paces - 1
	}
	return uint8(bucketOf((paid+1)/(expected+1), paceEdges[:]))
}

var amountEdges = [...]float64{.7, 1.5, 4, 12}

// amountOf classes an amount by how many of the customer's usual ones it is.
func amountOf(cents, usual float64) uint8 {
	if usual <= 0 {
		return 1
	}
	return uint8(bucketOf(cents/usual, amountEdges[:]))
}

// bucketOf returns the first place whose edge is not below x.
func bucketOf(x float64, edges []float64) int {
	i, _ := slices.BinarySearch(edges, x)
	return i
}

// calendar classes days once and for all of a book.
type calendar struct {
	first   data.Date
	weekday []uint8
	phase   [kinds][]uint8
}

// newCalendar covers the days [first, end).
func newCalendar(first, end data.Date) *calendar {
	c, n := &calendar{first: first}, int(end-first)
	traits := features.NewCalendar()
	for i := range n {
		t := traits.Day(first + data.Date(i))
		w := uint8(t.Weekday)
		if !t.Business && t.Weekday != 0 && t.Weekday != 6 {
			w = weekdays - 1
		}
		c.weekday = append(c.weekday, w)
		c.phase[0] = append(c.phase[0], personPhase(t))
		c.phase[1] = append(c.phase[1], companyPhase(t))
	}
	return c
}

// personPhase follows the fifth business day, when wages are paid.
func personPhase(t features.DayTraits) uint8 {
	switch {
	case t.SincePayday <= 1:
		return 0
	case t.SincePayday <= 4:
		return 1
	case t.SincePayday <= 7:
		return 2
	case t.UntilPayday <= 5:
		return 3
	case t.ToMonthEnd <= 3:
		return 4
	case t.Monthday >= 18 && t.Monthday <= 22:
		return 5
	}
	return 6
}

// companyPhase follows the days on which companies pay: tenth, twentieth, end
// of the month.
func companyPhase(t features.DayTraits) uint8 {
	switch {
	case t.ToMonthEnd <= 2:
		return 0
	case t.Monthday <= 2:
		return 1
	case t.Monthday <= 6:
		return 2
	case t.Monthday == 10 || t.Monthday == 11:
		return 3
	case t.Monthday == 20 || t.Monthday == 21:
		return 4
	case t.Monthday == 15 || t.Monthday == 16:
		return 5
	}
	return 6
}
