package kpi

import (
	"math"
	"testing"

	"dunning/data"
)

func TestMonthsBeforeEndsOnTheMonthsLastDay(t *testing.T) {
	for _, c := range []struct {
		name, from string
		months     int
		want       string
	}{
		{"same day", "2026-01-05", 1, "2025-12-05"},
		{"across a year", "2026-01-05", 13, "2024-12-05"},
		{"a day that February lacks", "2026-03-31", 1, "2026-02-28"},
		{"a leap year's February", "2024-03-31", 1, "2024-02-29"},
		{"counted from the start, not from the month before", "2026-03-31", 2, "2026-01-31"},
		{"no months", "2026-03-31", 0, "2026-03-31"},
	} {
		from, _ := data.ParseDate(c.from)
		if got := monthsBefore(from, c.months).String(); got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
	}
}

func TestShareOf(t *testing.T) {
	for _, c := range []struct {
		name        string
		cents       data.Cents
		basisPoints int
		want        data.Cents
	}{
		{"half a cent rounds up", 100, 50, 1}, // 0.5
		{"below half a cent", 99, 50, 0},      // 0.495
		{"all of it", 12345, 10000, 12345},
		{"nothing", 12345, 0, 0},
		{"no overflow", math.MaxInt64 / 2, 10000, math.MaxInt64 / 2},
	} {
		if got := shareOf(c.cents, c.basisPoints); got != c.want {
			t.Errorf("%s: got %d, want %d", c.name, got, c.want)
		}
	}
}

// Treated: 10, 20, 30 cents, mean 20, variance 100. Holdout: 4, 8 cents, mean
// 6, variance 8. Increment 60 − 12·3/2 = 42; its standard error is
// 3·√(100/3 + 8/2) = 18.3303. Half width 1.959964 · 18.3303 = 35.9267.
func TestIncrementalCostAndItsInterval(t *testing.T) {
	v := Incremental{SpendCents: 21}
	v.compare(arm{n: 3, sum: 60, squares: 1400}, arm{n: 2, sum: 12, squares: 80})
	for _, c := range []struct {
		name string
		got  *float64
		want float64
	}{
		{"increment", v.IncrementCents, 42},
		{"low end", v.IncrementLo, 42 - 35.9267},
		{"high end", v.IncrementHi, 42 + 35.9267},
		{"cost per real = 21 ÷ 42", v.PerReal, 0.5},
		{"its low end = 21 ÷ 77.9267", v.PerRealLo, 0.26949},
		{"its high end = 21 ÷ 6.0733", v.PerRealHi, 3.45775},
	} {
		if c.got == nil || math.Abs(*c.got-c.want) > 2e-4 {
			t.Errorf("%s: got %v, want %g", c.name, c.got, c.want)
		}
	}
	harm := Incremental{SpendCents: 21}
	harm.compare(arm{n: 3, sum: 3, squares: 3}, arm{n: 3, sum: 300, squares: 30000})
	if harm.PerReal != nil || harm.PerRealLo != nil || harm.PerRealHi != nil {
		t.Error("touches that brought in less than the holdout have a cost per real")
	}
}
