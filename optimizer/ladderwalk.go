package optimizer

// ladderWalk enumerates the ladders whose touches, priced by a view of the box,
// add up to at least a given sum, from the last touch back to the first. A
// branch is left when the best that could come before cannot reach the sum.
// The winner's own touches are priced by what moving the prices costs it.
type ladderWalk struct {
	shape *ladderShape
	// visit takes a ladder; true ends the walk. It may raise least.
	visit func(Rungs) bool
	least float64
	// left is how many days before a touch may still be looked at; the walk then
	// ends as if visit had ended it.
	left int

	view   *ladderView
	values []float64
	own    []int32   // by day: the winner's slot; −1 where it has none
	factor []float64 // by day: the factor of the winner's touch
	ladderTables
}

func newLadderWalk(h *ladderShape) ladderWalk {
	w := ladderWalk{
		shape: h, own: make([]int32, h.days), factor: make([]float64, h.days),
		ladderTables: newLadderTables(h),
	}
	for d := range w.own {
		w.own[d] = -1
	}
	return w
}

// all visits the ladders of at least one touch.
func (w *ladderWalk) all() bool {
	for j := range w.shape.steps {
		if w.ending(j) {
			return true
		}
	}
	return false
}

// ending visits the ladders whose last touch is of step j.
func (w *ladderWalk) ending(j int) bool {
	n := w.shape.days
	if w.top[(j+1)*n-1] < w.least {
		return false
	}
	for d, x := range w.state[j*n : (j+1)*n] {
		if x >= w.least && w.step(j, int32(d), 0, Hold) {
			return true
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
	if w.left--; w.left < 0 {
		return true
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
	high, low := none, none
	for s := h.from[d]; s < h.from[d+1]; s++ {
		if s != own {
			x := w.values[s] - v.widePaid[s]
			high = max(high, float64(h.high*x)-v.wideFlat[s])
			low = max(low, float64(h.low*x)-v.wideFlat[s])
		}
	}
	for k, f := range h.factor {
		others := low + float64(h.part[k]*(high-low))
		w.level[k*h.days+int(d)] = max(others, w.ownTouch(own, d, f))
	}
}
