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

// dayLines is scratch: the one slot that is best on a day at every discount,
// where there is one, as slope·factor − intercept, and the other days.
type dayLines struct {
	slope, intercept []float64
	mixed            []int32
}

// levels sets level[k·days+d] to the value of the best slot of day d with
// factor k: the largest factor·(value − paid) − flat. A line that is highest at
// both ends of the factors is highest between them, so that most days need two
// factors only.
func (h *ladderShape) levels(paid, flat, values []float64, lines *dayLines, level []float64) {
	slope, intercept := lines.slope[:h.days], lines.intercept[:h.days]
	lines.mixed = lines.mixed[:0]
	high, low := h.high, h.low
	to := h.from[0]
	for d := range slope {
		from := to
		to = h.from[d+1]
		v := values[from:to]
		p, q := paid[from:to][:len(v)], flat[from:to][:len(v)]
		a, b := 0.0, math.Inf(1) // a day without a slot
		most, least := math.Inf(-1), math.Inf(-1)
		mostAt, leastAt := -1, -1
		for s, x := range v {
			x -= p[s]
			if y := float64(high*x) - q[s]; y > most {
				most, mostAt, a, b = y, s, x, q[s]
			}
			if y := float64(low*x) - q[s]; y > least {
				least, leastAt = y, s
			}
		}
		slope[d], intercept[d] = a, b
		if mostAt != leastAt {
			lines.mixed = append(lines.mixed, int32(d))
		}
	}
	for k, f := range h.factor {
		row := level[k*h.days:][:len(slope)]
		for d := range row {
			row[d] = float64(f*slope[d]) - intercept[d]
		}
	}
	for _, d := range lines.mixed {
		h.mixedDay(d, paid, flat, values, level)
	}
}

// mixedDay sets the levels of a day slot by slot.
func (h *ladderShape) mixedDay(d int32, paid, flat, values, level []float64) {
	for k, f := range h.factor {
		most := math.Inf(-1)
		for s := h.from[d]; s < h.from[d+1]; s++ {
			if y := float64(f*(values[s]-paid[s])) - flat[s]; y > most {
				most = y
			}
		}
		level[k*h.days+int(d)] = most
	}
}

// run is the dynamic program: state[j·days+d] is the most that the touches of a
// ladder whose touch of step j is on day d are worth up to it, and top the
// largest of state of the step up to the day.
func (h *ladderShape) run(level, state, top []float64) {
	n := h.days
	highest := math.Inf(-1)
	for d, x := range level[:n] {
		state[d] = x
		if x > highest {
			highest = x
		}
		top[d] = highest
	}
	for j := 1; j < h.steps; j++ {
		before, beforeTop := state[(j-1)*n:j*n], top[(j-1)*n:j*n]
		now, nowTop := state[j*n:][:n], top[j*n:][:n]
		far, last := h.far[j*n:][:n], h.last[:n]
		farLevel := level[int(h.farLevel[j])*n:][:n]
		near := h.near[h.nearAt[j*n]:]
		highest = math.Inf(-1)
		for d := range now {
			most := math.Inf(-1)
			i := int(far[d])
			if i >= 0 {
				most = beforeTop[i] + farLevel[d]
			}
			for i++; i <= int(last[d]); i++ {
				if x := before[i] + level[int(near[0])*n+d]; x > most {
					most = x
				}
				near = near[1:]
			}
			now[d] = most
			if most > highest {
				highest = most
			}
			nowTop[d] = highest
		}
	}
}
