package optimizer

import (
	"math"
	"slices"
)

// ladderShape is what all customers' ladders have in common: the days, which
// day may follow which, and the discounts that the rule tells apart. A state of
// the dynamic program is (step, day of the touch of that step).
type ladderShape struct {
	slots, days, steps int
	from               []int32 // slots of day d: from[d] ≤ slot < from[d+1]
	dayOf              []int32 // by slot
	// The discounts, each once: factor[0] is 1, that of the first touch. The
	// value of a slot is a line in the factor; low and high are its ends.
	factor    []float64
	low, high float64
	part      []float64 // by level: where between low and high the factor lies, 0 to 1
	// The day before day d may be up to last[d]. Up to far[step·days+d] the
	// discount is that of any long gap, farLevel[step]; the nearer days
	// far < i ≤ last have the levels near[nearAt[step·days+d]:], i ascending.
	last     []int32
	far      []int32
	farLevel []int32
	nearAt   []int32
	near     []int32
}

func newLadderShape(t *useTable) *ladderShape {
	h := &ladderShape{slots: t.slots, dayOf: make([]int32, t.slots)}
	var day []int
	for s, d := range t.day {
		if s == 0 || d != t.day[s-1] {
			day, h.from = append(day, d), append(h.from, int32(s))
		}
		h.dayOf[s] = int32(len(day) - 1)
	}
	h.days, h.from = len(day), append(h.from, int32(t.slots))
	h.steps = min(t.rule.touches(), max(1, h.days))
	h.last = make([]int32, h.days)
	for d := range h.days {
		h.last[d] = -1
		for i := 0; i < d && day[d]-day[i] >= t.rule.gapDays(); i++ {
			h.last[d] = int32(i)
		}
	}
	h.factor = []float64{1}
	h.far = make([]int32, h.steps*h.days)
	h.nearAt = make([]int32, h.steps*h.days)
	h.farLevel = make([]int32, h.steps)
	for j := 1; j < h.steps; j++ {
		h.addStep(&t.rule, j, day)
	}
	h.low, h.high = slices.Min(h.factor), slices.Max(h.factor)
	if h.low == 0 {
		h.low = -1 / none // which keeps forbidden slots at −Inf
	}
	for _, f := range h.factor {
		h.part = append(h.part, max(0, f-h.low)/max(math.SmallestNonzeroFloat64, h.high-h.low))
	}
	return h
}

// addStep adds the predecessors of the touches of step j.
func (h *ladderShape) addStep(rule *LadderRule, j int, day []int) {
	// From the gap tail on, all factors are the same.
	tail := rule.gapDays()
	if j < len(rule.Factor) {
		for g := len(rule.Factor[j]) - 1; g > tail; g-- {
			if rule.factor(j, g-1) != rule.factor(j, g) {
				tail = g
				break
			}
		}
	}
	longest := day[len(day)-1]
	if tail <= longest {
		h.farLevel[j] = h.level(rule.factor(j, tail))
	}
	for d := range h.days {
		k := j*h.days + d
		h.far[k], h.nearAt[k] = -1, int32(len(h.near))
		for i := int32(0); i <= h.last[d]; i++ {
			gap := day[d] - day[i]
			if gap >= tail {
				h.far[k] = i
				continue
			}
			h.near = append(h.near, h.level(rule.factor(j, gap)))
		}
	}
}

// level returns the index of a factor, which it adds when it is new.
func (h *ladderShape) level(factor float64) int32 {
	k := slices.Index(h.factor, factor)
	if k < 0 {
		k = len(h.factor)
		h.factor = append(h.factor, factor)
	}
	return int32(k)
}

// levelAfter returns the level of a touch of step j ≥ 1 on day d that follows
// one on day i.
func (h *ladderShape) levelAfter(j int, d, i int32) int32 {
	k := j*h.days + int(d)
	if i <= h.far[k] {
		return h.farLevel[j]
	}
	return h.near[h.nearAt[k]+i-h.far[k]-1]
}

// ladderTables is the dynamic program of one customer.
type ladderTables struct {
	level []float64 // by level, then day: the most that a touch is worth
	state []float64 // by step, then day: the most that a ladder is worth up to its touch there
	top   []float64 // by step, then day: the largest of state up to the day
}

func newLadderTables(h *ladderShape) ladderTables {
	cells, states := len(h.factor)*h.days, h.steps*h.days
	return ladderTables{make([]float64, cells), make([]float64, states), make([]float64, states)}
}

// none is the worth of a touch or a ladder that there is not.
const none = -1e300

// dayEnds is scratch: the most that a touch of a day is worth at the ends of
// the factors.
type dayEnds struct{ high, low []float64 }

func newDayEnds(h *ladderShape) dayEnds {
	return dayEnds{make([]float64, h.days), make([]float64, h.days)}
}

// bound sets level to bounds of what a touch is worth, at most
//
//	factor·(value − paid) − flat
//
// over the slots of the day. That is convex in the factor: between the ends of
// the factors it is at most what lies on the straight line between them. It is
// no more than that where one slot is the best of the day at both ends, which
// is so on most days.
func (t *ladderTables) bound(h *ladderShape, paid, flat, values []float64, ends *dayEnds) {
	highs, lows := ends.high[:h.days], ends.low[:h.days]
	to := h.from[0]
	for d := range highs {
		from := to
		to = h.from[d+1]
		v := values[from:to]
		p, q := paid[from:to][:len(v)], flat[from:to][:len(v)]
		high, low := none, none
		for s, x := range v {
			x -= p[s]
			high = max(high, float64(h.high*x)-q[s])
			low = max(low, float64(h.low*x)-q[s])
		}
		highs[d], lows[d] = high, low
	}
	for k, f := range h.factor {
		row := t.level[k*h.days:][:len(highs)]
		if f == h.high {
			copy(row, highs)
			continue
		}
		part := h.part[k]
		for d, low := range lows[:len(row)] {
			row[d] = low + float64(part*(highs[d]-low))
		}
	}
}

// exact sets the levels of a day to what its best touch is worth.
func (t *ladderTables) exact(h *ladderShape, d int32, paid, flat, values []float64) {
	for k, f := range h.factor {
		most := none
		for s := h.from[d]; s < h.from[d+1]; s++ {
			if y := float64(f*(values[s]-paid[s])) - flat[s]; y > most {
				most = y
			}
		}
		t.level[k*h.days+int(d)] = most
	}
}

// run sets state and top from level.
func (t *ladderTables) run(h *ladderShape) {
	n, level, state, top := h.days, t.level, t.state, t.top
	highest := none
	for d, x := range level[:n] {
		state[d] = x
		highest = max(highest, x)
		top[d] = highest
	}
	for j := 1; j < h.steps; j++ {
		before, beforeTop := state[(j-1)*n:j*n], top[(j-1)*n:j*n]
		now, nowTop := state[j*n:][:n], top[j*n:][:n]
		far, last := h.far[j*n:][:n], h.last[:n]
		farLevel := level[int(h.farLevel[j])*n:][:n]
		near := h.near[h.nearAt[j*n]:]
		highest = none
		for d := range now {
			most, i := none, int(far[d])
			if i >= 0 {
				most = beforeTop[i] + farLevel[d]
			}
			for i++; i <= int(last[d]); i++ {
				most = max(most, before[i]+level[int(near[0])*n+d])
				near = near[1:]
			}
			now[d] = most
			highest = max(highest, most)
			nowTop[d] = highest
		}
	}
}
