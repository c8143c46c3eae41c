package optimizer

import "math"

// ladderWalk enumerates the ladders whose touches, priced by a view of the box,
// add up to at least a given sum, from the last touch back to the first. A
// branch is left when the best that could come before cannot reach the sum.
// The winner's own touches are priced by what moving the prices costs it.
type ladderWalk struct {
	shape *ladderShape
	// visit takes a ladder; true ends the walk. It may raise least.
	visit func(Rungs) bool
	least float64

	view   *ladderView
	values []float64
	own    []int32   // by day: the winner's slot; −1 where it has none
	factor []float64 // by day: the factor of the winner's touch
	level  []float64 // by level, then day: a bound of a touch
	state  []float64 // as [ladderShape.run] sets them
	top    []float64
}

func newLadderWalk(h *ladderShape) ladderWalk {
	w := ladderWalk{
		shape: h, own: make([]int32, h.days), factor: make([]float64, h.days),
		level: make([]float64, len(h.factor)*h.days),
		state: make([]float64, h.steps*h.days), top: make([]float64, h.steps*h.days),
	}
	for d := range w.own {
		w.own[d] = -1
	}
	return w
}

// all visits the ladders of at least one touch.
func (w *ladderWalk) all() bool {
	n := w.shape.days
	for j := range w.shape.steps {
		if w.top[(j+1)*n-1] < w.least {
			continue
		}
		for d := range n {
			if w.state[j*n+d] >= w.least && w.step(j, int32(d), 0, Hold) {
				return true
			}
		}
	}
	return false
}

// step visits the ladders whose touch of step j is on day d and whose later
// touches are given, with their sum.
func (w *ladderWalk) step(j int, d int32, sum float64, later Rungs) bool {
	h := w.shape
	if j == 0 {
		for s := h.from[d]; s < h.from[d+1]; s++ {
			if sum+w.touch(s, d, 1) >= w.least && w.visit(later<<rungBits|Rungs(s+1)) {
				return true
			}
		}
		return false
	}
	k := j*h.days + int(d)
	far := h.far[k]
	near := h.near[h.nearAt[k]:]
	for i := far + 1; i <= h.last[d]; i++ {
		if w.after(j, d, i, near[i-far-1], sum, later) {
			return true
		}
	}
	level := h.farLevel[j]
	if far < 0 || sum+w.level[int(level)*h.days+int(d)]+w.top[(j-1)*h.days+int(far)] < w.least {
		return false
	}
	for i := int32(0); i <= far; i++ {
		if w.after(j, d, i, level, sum, later) {
			return true
		}
	}
	return false
}

// after is the part of step in which the touch before is on day i.
func (w *ladderWalk) after(j int, d, i, level int32, sum float64, later Rungs) bool {
	h := w.shape
	earlier := w.state[(j-1)*h.days+int(i)]
	if sum+w.level[int(level)*h.days+int(d)]+earlier < w.least {
		return false
	}
	f := h.factor[level]
	for s := h.from[d]; s < h.from[d+1]; s++ {
		x := sum + w.touch(s, d, f)
		if x+earlier >= w.least && w.step(j-1, i, x, later<<rungBits|Rungs(s+1)) {
			return true
		}
	}
	return false
}

// touch bounds a touch. That of a forbidden slot is −Inf or NaN, which no sum
// reaches.
func (w *ladderWalk) touch(s, d int32, f float64) float64 {
	if s == w.own[d] {
		return w.ownTouch(s, d, f)
	}
	return float64(f*(w.values[s]-w.view.widePaid[s])) - w.view.wideFlat[s]
}

// ownTouch bounds a touch in a slot that the winner has too, for which it may
// have another factor.
func (w *ladderWalk) ownTouch(s, d int32, f float64) float64 {
	v, own := w.view, w.factor[d]
	x := float64(f*(w.values[s]-v.paid[s])) - v.flat[s] - v.flatLoss[s]
	if f <= own {
		return x - float64(f*v.paidLoss[s])
	}
	return x + float64((f-own)*v.paidGain[s]) - float64(own*v.paidLoss[s])
}

// ownDay sets the levels of a day on which the winner has a touch.
func (w *ladderWalk) ownDay(d int32) {
	h, v, own := w.shape, w.view, w.own[d]
	a, b, most, least := 0.0, math.Inf(1), math.Inf(-1), math.Inf(-1)
	mostAt, leastAt := int32(-1), int32(-1)
	for s := h.from[d]; s < h.from[d+1]; s++ {
		if s == own {
			continue
		}
		x, flat := w.values[s]-v.widePaid[s], v.wideFlat[s]
		if y := float64(h.high*x) - flat; y > most {
			most, mostAt, a, b = y, s, x, flat
		}
		if y := float64(h.low*x) - flat; y > least {
			least, leastAt = y, s
		}
	}
	for k, f := range h.factor {
		x := float64(f*a) - b
		if mostAt != leastAt {
			x = math.Inf(-1)
			for s := h.from[d]; s < h.from[d+1]; s++ {
				if y := float64(f*(w.values[s]-v.widePaid[s])) - v.wideFlat[s]; s != own && y > x {
					x = y
				}
			}
		}
		if y := w.ownTouch(own, d, f); y > x {
			x = y
		}
		w.level[k*h.days+int(d)] = x
	}
}
