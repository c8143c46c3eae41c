package data_test

import (
	"fmt"
	"math"
	"testing"

	"dunning/data"
)

func TestRoundCents(t *testing.T) {
	for _, tc := range []struct {
		name string
		in   float64
		want data.Cents
	}{
		{"half up", 0.5, 1},
		{"half away from zero below it", -0.5, -1},
		{"just under half", 0.4999, 0},
		{"large", 1e15 + 0.25, 1_000_000_000_000_000},
		{"unknown becomes nothing", math.NaN(), 0},
		{"saturates above", math.Inf(1), math.MaxInt64},
		{"saturates below", math.Inf(-1), math.MinInt64},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := data.RoundCents(tc.in); got != tc.want {
				t.Errorf("RoundCents(%g) = %d, want %d", tc.in, got, tc.want)
			}
		})
	}
}

func ExampleCents_BRL() {
	for _, c := range []data.Cents{0, 5, -123456, 123456789012, math.MinInt64} {
		fmt.Println(c.BRL())
	}
	// Output:
	// R$ 0,00
	// R$ 0,05
	// -R$ 1.234,56
	// R$ 1.234.567.890,12
	// -R$ 92.233.720.368.547.758,08
}
