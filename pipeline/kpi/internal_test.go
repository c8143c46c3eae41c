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

// Treated: paid 14, 22, 24 of 20, 40, 40 owed; holdout: paid 5, 7 of 16, 16.
// The holdout pays 12 ÷ 32 = 0.375 of what it owes, which scales to 37.5 of
// the treated's 100: the increment is 60 − 37.5 = 22.5. Beyond that rate the
// treated paid 6.5, 7, 9 (variance 1.75), the holdout −1, 1 (variance 2). The
// increment's variance is 3 · 1.75 + (100 ÷ 32)² · 2 · 2 = 44.3125, and half
// the interval 1.959964 · √44.3125 = 13.0470.
func TestIncrementalCostAndItsInterval(t *testing.T) {
	v := data.IncrementalFigures{SpendCents: 9}
	compare(&v, arm{n: 3, paid: 60, owed: 100, paidSquared: 1256, product: 2120, owedSquared: 3600},
		arm{n: 2, paid: 12, owed: 32, paidSquared: 74, product: 192, owedSquared: 512})
	for _, c := range []struct {
		name string
		got  *float64
		want float64
	}{
		{"increment", v.IncrementCents, 22.5},
		{"low end", v.IncrementLo, 22.5 - 13.0470},
		{"high end", v.IncrementHi, 22.5 + 13.0470},
		{"cost per real = 9 ÷ 22.5", v.PerReal, 0.4},
		{"its low end = 9 ÷ 35.5470", v.PerRealLo, 0.253186},
		{"its high end = 9 ÷ 9.4530", v.PerRealHi, 0.952079},
	} {
		if c.got == nil || math.Abs(*c.got-c.want) > 1e-4 {
			t.Errorf("%s: got %v, want %g", c.name, c.got, c.want)
		}
	}
	harm := data.IncrementalFigures{SpendCents: 9}
	compare(&harm, arm{n: 2, paid: 2, owed: 100, paidSquared: 2, product: 100, owedSquared: 5000},
		arm{n: 2, paid: 100, owed: 100, paidSquared: 5000, product: 5000, owedSquared: 5000})
	if harm.PerReal != nil || harm.PerRealLo != nil || harm.PerRealHi != nil {
		t.Error("touches that brought in less than the holdout have a cost per real")
	}
}
