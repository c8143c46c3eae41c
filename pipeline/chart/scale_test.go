package chart

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestTicks(t *testing.T) {
	for _, c := range []struct {
		name   string
		lo, hi float64
		n      int
		want   []float64
	}{
		{"unit interval", 0, 1, 4, []float64{0, 0.25, 0.5, 0.75, 1}},
		{"data beyond a round number", 0, 130, 3, []float64{0, 50, 100, 150}},
		{"negative values", -3, 7, 5, []float64{-4, -2, 0, 2, 4, 6, 8}},
		{"a single value", 0, 0, 2, []float64{0, 0.5, 1}},
	} {
		if got := ticks(c.lo, c.hi, c.n); !slices.Equal(got, c.want) {
			t.Errorf("%s: got %v, want %v", c.name, got, c.want)
		}
	}
}

func TestTicksCoverTheValues(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lo := rapid.Float64Range(-1e12, 1e12).Draw(t, "lo")
		hi := lo + rapid.Float64Range(1e-3, 1).Draw(t, "span")*max(1, math.Abs(lo))
		n := rapid.IntRange(2, 8).Draw(t, "n")
		at := ticks(lo, hi, n)
		tolerance := 1e-6 * (hi - lo)
		if at[0] > lo+tolerance || at[len(at)-1] < hi-tolerance {
			t.Fatalf("%v does not cover [%g, %g]", at, lo, hi)
		}
		if len(at) < 2 || len(at) > n+3 {
			t.Fatalf("%d ticks, asked for about %d", len(at), n)
		}
	})
}

// Labels keep their order and their distance as long as they fit.
func TestSpreadKeepsLabelsApart(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pos := rapid.SliceOfN(rapid.Float64Range(0, 100), 1, 6).Draw(t, "pos")
		slices.Sort(pos)
		order := make([]int, len(pos))
		for i := range order {
			order[i] = i
		}
		spread(pos, order, 10, 0, 100)
		for i, p := range pos {
			if p < 0 || p > 100+1e-9 || i > 0 && p < pos[i-1]+10-1e-9 {
				t.Fatalf("label %d at %g in %v", i, p, pos)
			}
		}
	})
}
