package uplift_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"dunning/models/uplift"
)

// aLottery has 90 customers with one to four entries, of which every third is a
// near-tie, in slots of two days that expect few, many and no touches.
func aLottery(floor float64) (*uplift.Lottery, []uplift.Entry, []float64) {
	expected := []float64{2.3, 1.2, 0.4, 0, 0, 2.5, 5, 3.5}
	group := []int32{0, 1, 0, 1, 0, 1, 0, 1}
	var entries []uplift.Entry
	for c := range int32(90) {
		for s := range 1 + c%4 {
			weight := 0.0
			if (c+s)%3 == 0 {
				weight = 1
			}
			entries = append(entries, uplift.Entry{Customer: c, Slot: 2*(3-s) + c/10%2, Weight: weight})
		}
	}
	return uplift.NewLottery(entries, expected, group, floor), entries, expected
}

// Over 30,000 draws each entry is drawn as often as its probability says (five
// standard deviations of 200 binomials), no customer twice in one draw, and no
// slot beyond its expected number rounded up. Weighting what was drawn by the
// inverse probabilities counts every entry that can be drawn once.
func TestLotteryDrawsAsItsProbabilitiesSay(t *testing.T) {
	const draws = 30_000
	for _, floor := range []float64{0, 0.01, 1} {
		l, entries, expected := aLottery(floor)
		times, weight := make([]float64, len(entries)), 0.0
		for seed := range uint64(draws) {
			customers, slots := map[int32]bool{}, make([]float64, len(expected))
			for _, k := range l.Draw(rand.New(rand.NewPCG(seed, 1))) {
				times[k]++
				weight += 1 / l.Probability(k)
				e := entries[k]
				if customers[e.Customer] {
					t.Fatalf("floor %v, seed %d: customer %d is drawn twice", floor, seed, e.Customer)
				}
				customers[e.Customer] = true
				if slots[e.Slot]++; slots[e.Slot] > math.Ceil(expected[e.Slot]) {
					t.Fatalf("floor %v, seed %d: slot %d has %v touches, expected %v", floor, seed, e.Slot, slots[e.Slot], expected[e.Slot])
				}
			}
		}
		possible := 0.0
		for k := range entries {
			p := l.Probability(k)
			if p > 0 {
				possible++
			}
			if off := math.Abs(times[k] - draws*p); off > 5*math.Sqrt(draws*p*(1-p)) {
				t.Errorf("floor %v: entry %+v is drawn %v times of %d, its probability is %.5f", floor, entries[k], times[k], draws, p)
			}
		}
		if mean := weight / draws / possible; math.Abs(mean-1) > 0.03 {
			t.Errorf("floor %v: the mean weight is %.4f", floor, mean)
		}
	}
}

// Entries have the floor where there are touches enough for it; near-ties have
// the rest; and all together they have no more than the expected touches.
func TestLotteryKeepsItsFloors(t *testing.T) {
	const floor = 0.01
	l, entries, expected := aLottery(floor)
	sum := make([]float64, len(expected))
	above := 0
	for k, e := range entries {
		p := l.Probability(k)
		if sum[e.Slot] += p; expected[e.Slot] == 5 && p < floor-1e-12 {
			t.Errorf("%+v has %v", e, p)
		}
		if e.Weight > 0 && p > 2*floor {
			above++
		}
		if expected[e.Slot] == 0 && p != 0 {
			t.Errorf("%+v has %v in a slot without touches", e, p)
		}
	}
	if above == 0 {
		t.Error("no near-tie is preferred")
	}
	for s := range expected {
		if sum[s] > expected[s]+1e-9 {
			t.Errorf("slot %d: %v touches, expected %v", s, sum[s], expected[s])
		}
	}
	if drawn := uplift.NewLottery(nil, expected, make([]int32, len(expected)), floor).Draw(rand.New(rand.NewPCG(1, 1))); len(drawn) > 0 {
		t.Errorf("without entries %v are drawn", drawn)
	}
}
