package optimizer

import (
	"math/rand/v2"
	"slices"
	"testing"
)

func TestLaddersOfOneTouchAreSingleTouches(t *testing.T) {
	open := 0
	eachLadderCase(t, 3000, func(t *testing.T, c *ladderCase, _ *rand.Rand) {
		c.t.rule.Touches = 1
		got, _ := newLadderSearch(c.g.Slots, c.t, c.b).decide(0, c.values, 1<<20, nil)
		want, _ := newChoiceSearch(c.t, c.b).decide(0, c.values, 1<<20, nil)
		if got[0] != want[0] {
			t.Errorf("winner %v, want %v", got[0], want[0])
		}
		byRungs := func(a, b option) int { return int(a.rungs) - int(b.rungs) }
		slices.SortFunc(got, byRungs)
		slices.SortFunc(want, byRungs)
		if !slices.Equal(got, want) {
			t.Errorf("kept %v, want %v", got, want)
		}
		open += int(asOne(len(got) > 1))
	})
	if open < 300 {
		t.Errorf("%d open customers prove little", open)
	}
}
