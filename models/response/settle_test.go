package response

import (
	"math"
	"math/rand/v2"
	"testing"
)

// What is settled within a window is what drawing the payments one by one gives.
func TestSettledIsTheMeanOfDrawnPayments(t *testing.T) {
	s := Settlement{Later: .9, Part: .4}
	fill(s.First[:], .95)
	s.First[amountBins-1] = .7
	rng := rand.New(rand.NewPCG(1, 1))
	for _, c := range []struct {
		name   string
		bin    int
		part   bool
		hazard float64
	}{
		{"usual amount", amountBins / 2, false, .3},
		{"large amount", amountBins - 1, false, .3},
		{"large amount, paid in part", amountBins - 1, true, .3},
		{"no hazard", amountBins - 1, false, 0},
	} {
		const draws = 200_000
		var share, all float64
		for range draws {
			left, at, first := 1.0, rng.ExpFloat64(), !c.part
			for n := 0; n < 2 && at < c.hazard && left > 0; n++ { // third payments are left out
				q := s.Later
				if first {
					q = s.First[c.bin]
				}
				if first = false; rng.Float64() < q {
					left = 0
				} else {
					left *= 1 - s.Part
				}
				at += rng.ExpFloat64()
			}
			share += (1 - left) / draws
			if left == 0 {
				all += 1.0 / draws
			}
		}
		curve := s.of(c.bin, c.part)
		for _, x := range []struct {
			what      string
			got, want float64
		}{{"share", settled(&curve.share, c.hazard), share}, {"probability", settled(&curve.all, c.hazard), all}} {
			if math.Abs(x.got-x.want) > .004 {
				t.Errorf("%s: %s %.4f, drawn %.4f", c.name, x.what, x.got, x.want)
			}
		}
	}
}
