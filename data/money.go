package data

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Cents is an amount of money in the smallest unit of its currency (centavos
// for BRL). It is exact: floats belong to features, models and the optimizer,
// and come back through [RoundCents] only.
type Cents int64

// RoundCents converts an estimate in cents to Cents, halves away from zero.
// It is the one way back from float to money. NaN becomes 0; values beyond the
// int64 range saturate.
func RoundCents(f float64) Cents {
	switch {
	case math.IsNaN(f):
		return 0
	case f >= math.MaxInt64:
		return math.MaxInt64
	case f <= math.MinInt64:
		return math.MinInt64
	}
	return Cents(math.Round(f))
}

// BRL returns the amount as Brazilians write it: "R$ 1.234,56", negative
// amounts as "-R$ 1.234,56".
func (c Cents) BRL() string {
	sign, u := "", uint64(c)
	if c < 0 {
		sign, u = "-", uint64(-(c+1))+1 // exact for MinInt64 too
	}
	whole := strconv.FormatUint(u/100, 10)
	var b strings.Builder
	for i, d := range whole {
		if i > 0 && (len(whole)-i)%3 == 0 {
			b.WriteByte('.')
		}
		b.WriteRune(d)
	}
	return fmt.Sprintf("%sR$ %s,%02d", sign, b.String(), u%100)
}

// Reais returns the amount in units of the currency, for charts and ratios.
func (c Cents) Reais() float64 { return float64(c) / 100 }
