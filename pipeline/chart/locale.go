package chart

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"dunning/data"
)

// Locale writes numbers, money and dates as the readers of a language do. Its
// zero value is Portuguese with reais.
type Locale struct {
	english  bool
	currency string
}

// NewLocale returns the locale of a language ("pt" or "en", anything else is
// Portuguese) for amounts in a currency (ISO 4217; "" is BRL).
func NewLocale(lang, currency string) Locale {
	return Locale{english: lang == "en", currency: currency}
}

// Symbol is how readers of reports write the currency.
func (l Locale) Symbol() string {
	switch l.currency {
	case "", "BRL":
		return "R$"
	case "EUR":
		return "€"
	case "USD":
		return "US$"
	}
	return l.currency
}

func (l Locale) separators() (thousands, decimal string) {
	if l.english {
		return ",", "."
	}
	return ".", ","
}

// Int writes a whole number with thousands separators.
func (l Locale) Int(n int64) string { return l.Decimal(float64(n), 0) }

// Decimal writes f with the given number of digits after the decimal mark. An
// f that is not finite is written as a dash.
func (l Locale) Decimal(f float64, digits int) string {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return "–"
	}
	s := strconv.FormatFloat(math.Abs(f), 'f', digits, 64)
	whole, fraction, _ := strings.Cut(s, ".")
	_, decimal := l.separators()
	var b strings.Builder
	if f < 0 && strings.Trim(s, "0.") != "" {
		b.WriteByte('-')
	}
	b.WriteString(l.group(whole))
	if fraction != "" {
		b.WriteString(decimal + fraction)
	}
	return b.String()
}

// group puts separators between the thousands of a string of digits.
func (l Locale) group(digits string) string {
	thousands, _ := l.separators()
	var b strings.Builder
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteString(thousands)
		}
		b.WriteRune(d)
	}
	return b.String()
}

// Percent writes a share (0.123 as "12,3%").
func (l Locale) Percent(f float64, digits int) string { return l.Decimal(f*100, digits) + "%" }

// Money writes an amount in full, exactly: "R$ 1.234,56".
func (l Locale) Money(c data.Cents) string {
	sign, u := "", uint64(c)
	if c < 0 {
		sign, u = "-", uint64(-(c+1))+1 // exact for the least amount too
	}
	_, decimal := l.separators()
	return sign + l.Symbol() + " " + l.group(strconv.FormatUint(u/100, 10)) + decimal + fmt.Sprintf("%02d", u%100)
}

// MoneyShort writes an amount of cents with about three digits: "R$ 1,2 mi".
func (l Locale) MoneyShort(cents float64) string {
	units := [...]struct {
		size   float64
		pt, en string
	}{{1e9, " bi", "bn"}, {1e6, " mi", "M"}, {1e3, " mil", "k"}, {1, "", ""}}
	value, sign := math.Abs(cents)/100, ""
	if cents < 0 {
		sign = "-"
	}
	for _, u := range units {
		// 999,950 rounds up to the next unit.
		if value < u.size*0.99995 && u.size > 1 {
			continue
		}
		digits := 0
		switch v := value / u.size; {
		case v == 0:
		case v < 10 && u.size == 1:
			digits = 2
		case v < 99.95 && (u.size > 1 || v != math.Trunc(v)):
			digits = 1
		}
		suffix := u.pt
		if l.english {
			suffix = u.en
		}
		return sign + l.Symbol() + " " + trimZeros(l.Decimal(value/u.size, digits), digits, u.size > 1) + suffix
	}
	return l.Symbol() + " " + l.Decimal(value, 2)
}

// trimZeros drops a fraction of zeros where it says nothing ("2,0 mi").
func trimZeros(s string, digits int, drop bool) string {
	if drop && digits > 0 && strings.HasSuffix(s, "0") {
		return s[:len(s)-digits-1]
	}
	return s
}

var (
	monthsPT = [...]string{"jan", "fev", "mar", "abr", "mai", "jun", "jul", "ago", "set", "out", "nov", "dez"}
	monthsEN = [...]string{"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"}
	daysPT   = [...]string{"dom", "seg", "ter", "qua", "qui", "sex", "sáb"}
	daysEN   = [...]string{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"}
)

// Date writes a day in full: 31/01/2026, in English 2026-01-31.
func (l Locale) Date(d data.Date) string {
	if l.english {
		return d.String()
	}
	return d.Time().Format("02/01/2006")
}

// Day writes a day without its year: 31/01, in English Jan 31.
func (l Locale) Day(d data.Date) string {
	if l.english {
		return d.Time().Format("Jan 2")
	}
	return d.Time().Format("02/01")
}

// Month writes the month of a day: jan/26, in English Jan 26.
func (l Locale) Month(d data.Date) string {
	t := d.Time()
	if l.english {
		return monthsEN[t.Month()-1] + t.Format(" 06")
	}
	return monthsPT[t.Month()-1] + t.Format("/06")
}

// Weekday writes the day of the week in three letters.
func (l Locale) Weekday(d data.Date) string {
	if l.english {
		return daysEN[d.Weekday()]
	}
	return daysPT[d.Weekday()]
}

// Rate writes an amount of reais per something with the digits that a small
// one needs: "R$ 0,0123", "R$ 12,35".
func (l Locale) Rate(f float64) string {
	digits := 2
	if a := math.Abs(f); a < 0.1 && a > 0 {
		digits = 4
	}
	s := l.Decimal(f, digits)
	if abs, negative := strings.CutPrefix(s, "-"); negative {
		return "-" + l.Symbol() + " " + abs
	}
	return l.Symbol() + " " + s
}
