package chart_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"dunning/data"
	"dunning/pipeline/chart"
)

func ExampleLocale() {
	pt, en := chart.NewLocale("pt", "BRL"), chart.NewLocale("en", "BRL")
	day := data.MakeDate(2026, time.January, 5)
	fmt.Println(pt.Money(123456789), "|", pt.MoneyShort(123456789), "|", pt.Percent(0.1234, 1), "|", pt.Date(day), pt.Weekday(day), pt.Month(day))
	fmt.Println(en.Money(123456789), "|", en.MoneyShort(123456789), "|", en.Percent(0.1234, 1), "|", en.Date(day), en.Weekday(day), en.Month(day))
	// Output:
	// R$ 1.234.567,89 | R$ 1,2 mi | 12,3% | 05/01/2026 seg jan/26
	// R$ 1,234,567.89 | R$ 1.2M | 12.3% | 2026-01-05 Mon Jan 26
}

func TestLocaleNumbers(t *testing.T) {
	pt := chart.NewLocale("pt", "")
	for _, c := range []struct{ name, got, want string }{
		{"no sign on a zero", pt.Decimal(-0.001, 2), "0,00"},
		{"negative", pt.Decimal(-1234.5, 1), "-1.234,5"},
		{"rounding carries into a new group", pt.Decimal(999.96, 1), "1.000,0"},
		{"not a number", pt.Decimal(math.NaN(), 1), "–"},
		{"infinite", pt.Decimal(math.Inf(-1), 1), "–"},
		{"negative money", pt.Money(-123456), "-R$ 1.234,56"},
		{"largest money", pt.Money(math.MaxInt64), "R$ 92.233.720.368.547.758,07"},
		{"short: zero", pt.MoneyShort(0), "R$ 0"},
		{"short: cents", pt.MoneyShort(731), "R$ 7,31"},
		{"short: whole reais", pt.MoneyShort(5000), "R$ 50"},
		{"short: thousands", pt.MoneyShort(250_000), "R$ 2,5 mil"},
		{"short: round thousands", pt.MoneyShort(200_000), "R$ 2 mil"},
		{"short: hundreds of thousands", pt.MoneyShort(98_765_432), "R$ 988 mil"},
		{"short: rounds up to the next unit", pt.MoneyShort(99_999_900), "R$ 1 mi"},
		{"short: thousands of millions", pt.MoneyShort(1_230_000_000_00), "R$ 1,2 bi"},
		{"short: negative", pt.MoneyShort(-250_000), "-R$ 2,5 mil"},
		{"small rate", pt.Rate(0.0123), "R$ 0,0123"},
		{"rate", pt.Rate(12.345), "R$ 12,35"},
		{"other currency", chart.NewLocale("pt", "EUR").Money(100), "€ 1,00"},
		{"currency without a symbol of its own", chart.NewLocale("en", "CHF").Money(100), "CHF 1.00"},
	} {
		if c.got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, c.got, c.want)
		}
	}
}

// The amounts of the report and those of the rest of the program look alike.
func TestMoneyAgreesWithCents(t *testing.T) {
	pt := chart.NewLocale("pt", "BRL")
	for _, c := range []data.Cents{0, 1, -1, 99, 100, 123456, -987654321, 100_000_000_000} {
		if got := pt.Money(c); got != c.BRL() {
			t.Errorf("%d: got %q, want %q", c, got, c.BRL())
		}
	}
}
