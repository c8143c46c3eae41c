package web

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"dunning/data"
)

// Language is one of the two that the pages speak.
type Language string

// The languages. Portuguese is the default.
const (
	Portuguese Language = "pt"
	English    Language = "en"
)

// parseLanguage reads a language; anything unknown is Portuguese.
func parseLanguage(s string) Language {
	if s == string(English) {
		return English
	}
	return Portuguese
}

// Tag is the language as HTML and Intl know it.
func (l Language) Tag() string {
	if l == English {
		return "en"
	}
	return "pt-BR"
}

func (l Language) separators() (thousands, decimal string) {
	if l == English {
		return ",", "."
	}
	return ".", ","
}

// group puts separators between the thousands of a string of digits.
func (l Language) group(digits string) string {
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

// Int writes a whole number: "1.234".
func (l Language) Int(n int64) string {
	if n < 0 {
		return "−" + l.group(strconv.FormatUint(uint64(-(n+1))+1, 10))
	}
	return l.group(strconv.FormatInt(n, 10))
}

// Decimal writes f with the given number of digits after the decimal mark; what
// is not finite is a dash.
func (l Language) Decimal(f float64, digits int) string {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return "–"
	}
	s := strconv.FormatFloat(math.Abs(f), 'f', digits, 64)
	whole, fraction, _ := strings.Cut(s, ".")
	out := l.group(whole)
	if fraction != "" {
		_, decimal := l.separators()
		out += decimal + fraction
	}
	if f < 0 && strings.Trim(s, "0.") != "" {
		out = "−" + out
	}
	return out
}

// Percent writes a share with one digit: 0.123 is "12,3%".
func (l Language) Percent(f float64) string { return l.Decimal(100*f, 1) + "%" }

// nbsp keeps "R$" and its number on one line.
const nbsp = "\u00a0"

// Money writes an amount in full, exactly: "R$ 1.234,56".
func (l Language) Money(c data.Cents) string {
	sign, u := "", uint64(c)
	if c < 0 {
		sign, u = "−", uint64(-(c+1))+1 // exact for the least amount too
	}
	_, decimal := l.separators()
	return sign + "R$" + nbsp + l.group(strconv.FormatUint(u/100, 10)) + decimal + fmt.Sprintf("%02d", u%100)
}

// MoneyShort writes an amount with about three digits: "R$ 1,2 mi".
func (l Language) MoneyShort(c data.Cents) string {
	v, sign := math.Abs(c.Reais()), ""
	if c < 0 {
		sign = "−"
	}
	for _, u := range []struct {
		size   float64
		pt, en string
	}{{1e9, "bi", "bn"}, {1e6, "mi", "M"}, {1e3, "mil", "k"}} {
		if v < u.size*0.99995 {
			continue
		}
		digits, word := 1, u.pt
		if v/u.size >= 99.95 {
			digits = 0
		}
		if l == English {
			word = u.en
		}
		return sign + "R$" + nbsp + l.Decimal(v/u.size, digits) + nbsp + word
	}
	return l.Money(c)
}

// Date writes a day: "31/01/2026".
func (l Language) Date(d data.Date) string {
	if l == English {
		return d.Time().Format("2 Jan 2006")
	}
	return d.Time().Format("02/01/2006")
}

var weekdays = map[Language][7]string{
	Portuguese: {"dom", "seg", "ter", "qua", "qui", "sex", "sáb"},
	English:    {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"},
}

// Day writes a day of the near future: "seg 05/01".
func (l Language) Day(d data.Date) string {
	layout := "02/01"
	if l == English {
		layout = "2 Jan"
	}
	return weekdays[l][d.Weekday()] + nbsp + d.Time().Format(layout)
}

// brasilia is the zone in which instants are shown: a company has one clock,
// wherever a customer lives. Its zone has had no summer time since 2019.
var brasilia = time.FixedZone("BRT", -3*60*60)

// Instant writes a moment on Brasília's clock: "05/01/2026 14:03".
func (l Language) Instant(t time.Time) string {
	if t.IsZero() {
		return "–"
	}
	if l == English {
		return t.In(brasilia).Format("2 Jan 2006 15:04")
	}
	return t.In(brasilia).Format("02/01/2006 15:04")
}

// Today is the day on Brasília's clock.
func Today(now time.Time) data.Date { return data.DateOf(now.In(brasilia)) }

// errAmount: the text is no amount of money.
var errAmount = fmt.Errorf("%w: not an amount", data.ErrUsage)

// ParseMoney reads an amount as people of the language write it: "1.234,56",
// "R$ 1234,56" or "1234"; with at most two digits of cents.
func (l Language) ParseMoney(s string) (data.Cents, error) {
	thousands, decimal := l.separators()
	s = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(strings.ReplaceAll(s, nbsp, " ")), "R$"))
	whole, cents, hasCents := strings.Cut(s, decimal)
	if strings.Contains(whole, thousands) {
		groups := strings.Split(whole, thousands)
		for i, g := range groups {
			if i > 0 && len(g) != 3 || i == 0 && (g == "" || len(g) > 3) {
				return 0, errAmount
			}
		}
		whole = strings.Join(groups, "")
	}
	if hasCents && (cents == "" || len(cents) > 2) || whole == "" || len(whole) > 13 || strings.Trim(whole+cents, "0123456789") != "" {
		return 0, errAmount
	}
	n, err := strconv.ParseInt(whole+(cents + "00")[:2], 10, 64)
	if err != nil {
		return 0, errAmount
	}
	return data.Cents(n), nil
}
