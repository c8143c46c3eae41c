package pipeline

import (
	"math"
	"testing"
)

// Whatever is drawn, the touches cost no more than was set aside: those of a
// channel are the expected ones, rounded up at most.
func TestLotteryIsPaidFor(t *testing.T) {
	for _, c := range []struct {
		name  string
		cents float64
		on    []channelTouches
		want  []float64 // expected touches
	}{
		{"enough money", 10_000, []channelTouches{{touches: 3.2, dearest: 2}, {touches: 3.2, dearest: 450}}, []float64{3.2, 3.2}},
		{"half the money", 904, []channelTouches{{touches: 4, dearest: 2}, {touches: 4, dearest: 450}}, []float64{2, 2}},
		{"a fraction of a letter is none", 300, []channelTouches{{touches: 4.5, dearest: 2}, {touches: 0.5, dearest: 450}}, []float64{4.5, 0}},
		{"whole letters only", 950, []channelTouches{{touches: 2.5, dearest: 2}, {touches: 2.1, dearest: 450}}, []float64{2.5 * 950 / 950, 2}},
		{"no money", 0, []channelTouches{{touches: 3, dearest: 2}, {touches: 3, dearest: 0}}, []float64{0, 0}},
	} {
		afford(c.on, c.cents)
		most := 0.0
		for k, x := range c.on {
			most += math.Ceil(x.touches*x.part-1e-9) * x.dearest
			if got := x.touches * x.part; math.Abs(got-c.want[k]) > 1e-9 {
				t.Errorf("%s: channel %d has %v touches, want %v", c.name, k, got, c.want[k])
			}
		}
		if most > c.cents {
			t.Errorf("%s: up to %v cents of %v", c.name, most, c.cents)
		}
	}
}
