package features

import (
	"fmt"
	"math"
)

// Feature is one entry of the dictionary: what a column means and which values
// it may take.
type Feature struct {
	Name   string // f_<family>_<what>_<unit>
	Family string
	Unit   string
	Doc    string  // one sentence or two; ends with a full stop
	Min    float64 // least possible value, -Inf when unbounded
	Max    float64 // greatest possible value, +Inf when unbounded
	// Missing says when the value is NaN, "" when it never is.
	Missing string
	// AtDay tells that elapsed time or the calendar is read at the day of the
	// action; otherwise the value is that of AsOf, whatever the day.
	AtDay bool
	// Learned tells that the value is read by the vocabulary: a code, or against the
	// baseline. Each training makes them anew, so it is another by each.
	Learned bool

	value func(*snapshot) float64
}

// Range returns the possible values as the dictionary prints them.
func (f Feature) Range() string {
	bound := func(x float64) string {
		switch {
		case math.IsInf(x, -1):
			return "−∞"
		case math.IsInf(x, 1):
			return "∞"
		}
		return fmt.Sprintf("%g", x)
	}
	left, right := "[", "]"
	if math.IsInf(f.Min, -1) {
		left = "("
	}
	if math.IsInf(f.Max, 1) {
		right = ")"
	}
	return left + bound(f.Min) + ", " + bound(f.Max) + right
}

// Dictionary returns every feature in the order of its column. The families
// follow one another; the slice is the caller's.
func Dictionary() []Feature {
	families := []struct {
		name     string
		features []Feature
	}{
		{"aging", agingFeatures()},
		{"payhist", payhistFeatures()},
		{"mix", mixFeatures()},
		{"touchhist", touchhistFeatures()},
		{"engagement", engagementFeatures()},
		{"promises", promisesFeatures()},
		{"bureau", bureauFeatures()},
		{"disputes", disputesFeatures()},
		{"calendar", calendarFeatures()},
		{"cohort", cohortFeatures()},
	}
	var all []Feature
	for _, family := range families {
		for _, f := range family.features {
			f.Family = family.name
			f.Name = "f_" + family.name + "_" + f.Name + "_" + f.Unit
			all = append(all, f)
		}
	}
	return all
}

// column, missing, atDay and learned are the words in which the family files
// describe their features: a value that is always there unless missing says when
// it is not, that is AsOf's unless it is read atDay, and the same by every
// vocabulary unless it is learned.
func column(what, unit string, lo, hi float64, value func(*snapshot) float64, doc string) Feature {
	return Feature{Name: what, Unit: unit, Min: lo, Max: hi, Doc: doc, value: value}
}

func (f Feature) missing(when string) Feature {
	f.Missing = when
	return f
}

func (f Feature) atDay() Feature {
	f.AtDay = true
	return f
}

func (f Feature) learned() Feature {
	f.Learned = true
	return f
}

// inf is the bound of a range without one.
var inf = math.Inf(1)

var nan = math.NaN()

// ratio returns a/b, NaN when b is 0.
func ratio(a, b float64) float64 {
	if b == 0 {
		return nan
	}
	return a / b
}

// flag returns 1 for true.
func flag(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
