package optimizer

import "math"

// useTable is what touches use of the rows, by profile and slot, in the
// direction ≤: uses, limits and prices of AtLeast rows are negated, so that
// every price is ≥ 0. Amounts of discounted rows are those of an undiscounted
// touch.
type useTable struct {
	slots      int
	start      []int32 // uses of (profile p, slot s): start[p·slots+s] ≤ k < start[p·slots+s+1]
	row        []int32 // ascending within a pair
	amount     []float64
	limit      []float64 // by row
	sign       []float64 // by row; −1 for AtLeast
	discounted []bool    // by row
	rule       LadderRule
	day        []int // of each slot, days after the first slot's

	scale    []float64 // typical |amount| of the row, > 0; prices × scale are cents
	largest  []float64 // largest |amount| of the row
	smallest []float64 // smallest |amount| > 0 of the row
	closed   []bool    // rows of limit 0 that no use can enter
	takes    []bool    // by profile and slot: the touch gives nothing back to any row
}

func newUseTable(g *Grid) *useTable {
	t := &useTable{slots: len(g.Slots), rule: g.Ladder}
	pairs := g.Profiles * t.slots
	t.start = make([]int32, pairs+1)
	n := len(g.Rows)
	t.limit, t.sign, t.discounted = make([]float64, n), make([]float64, n), make([]bool, n)
	for r := range g.Rows {
		row := &g.Rows[r]
		t.sign[r], t.discounted[r] = 1, row.Discounted
		if row.Sense == AtLeast {
			t.sign[r] = -1
		}
		t.limit[r] = t.sign[r] * row.Limit
		for _, u := range row.Use {
			t.start[int(u.Profile)*t.slots+int(u.Slot)+1]++
		}
	}
	for k := range pairs {
		t.start[k+1] += t.start[k]
	}
	t.row, t.amount = make([]int32, t.start[pairs]), make([]float64, t.start[pairs])
	next := append([]int32(nil), t.start[:pairs]...)
	for r := range g.Rows {
		for _, u := range g.Rows[r].Use {
			k := int(u.Profile)*t.slots + int(u.Slot)
			t.row[next[k]], t.amount[next[k]] = int32(r), t.sign[r]*u.Amount
			next[k]++
		}
	}
	for _, s := range g.Slots {
		t.day = append(t.day, int(s.Day-g.Slots[0].Day))
	}
	t.measure()
	return t
}

// measure finds the size of the amounts of each row, and the closed rows: those
// with limit 0 and no negative use, such as a budget of nothing or a holiday's
// capacity.
func (t *useTable) measure() {
	n := t.rows()
	t.scale, t.largest, t.smallest = make([]float64, n), make([]float64, n), make([]float64, n)
	t.closed = make([]bool, n)
	count, negative := make([]float64, n), make([]bool, n)
	t.takes = make([]bool, len(t.start)-1)
	for k := range t.takes {
		t.takes[k] = true
		for u := t.start[k]; u < t.start[k+1]; u++ {
			t.takes[k] = t.takes[k] && t.amount[u] >= 0
		}
	}
	for k, r := range t.row {
		a := math.Abs(t.amount[k])
		if a == 0 {
			continue
		}
		t.scale[r] += a
		count[r]++
		t.largest[r] = max(t.largest[r], a)
		if t.smallest[r] == 0 || a < t.smallest[r] {
			t.smallest[r] = a
		}
		negative[r] = negative[r] || t.amount[k] < 0
	}
	for r := range n {
		if t.closed[r] = t.limit[r] == 0 && count[r] > 0 && !negative[r]; count[r] == 0 {
			t.scale[r], t.smallest[r] = 1, 1
			continue
		}
		t.scale[r] /= count[r]
	}
}

func (t *useTable) rows() int { return len(t.limit) }

// worthless reports whether hold is at least as good as a ladder whatever the
// prices: it is worth nothing and gives nothing back to any row.
func (t *useTable) worthless(profile int32, o option) bool {
	if o.worth > 0 || o.rungs == Hold {
		return false
	}
	for r := o.rungs; r != Hold; r = r.Rest() {
		if !t.takes[int(profile)*t.slots+r.First()] {
			return false
		}
	}
	return true
}

// touch returns the rows and amounts of one undiscounted touch, aliased.
func (t *useTable) touch(profile int32, slot int) ([]int32, []float64) {
	k := int(profile)*t.slots + slot
	return t.row[t.start[k]:t.start[k+1]], t.amount[t.start[k]:t.start[k+1]]
}

// of returns what a ladder uses, rows ascending and each once, appended to
// rows[:0] and amounts[:0].
func (t *useTable) of(profile int32, r Rungs, rows []int32, amounts []float64) ([]int32, []float64) {
	rows, amounts = rows[:0], amounts[:0]
	last := 0
	for step := 0; r != Hold; step, r = step+1, r.Rest() {
		slot := r.First()
		factor := t.rule.factor(step, t.day[slot]-last)
		last = t.day[slot]
		touchRows, touchAmounts := t.touch(profile, slot)
		for k, row := range touchRows {
			a := touchAmounts[k]
			if t.discounted[row] {
				a *= factor
			}
			rows, amounts = addUse(rows, amounts, row, a)
		}
	}
	return rows, amounts
}

// addUse adds an amount to a row in lists whose rows ascend.
func addUse(rows []int32, amounts []float64, row int32, a float64) ([]int32, []float64) {
	k := len(rows)
	for k > 0 && rows[k-1] > row {
		k--
	}
	if k > 0 && rows[k-1] == row {
		amounts[k-1] += a
		return rows, amounts
	}
	rows, amounts = append(rows, 0), append(amounts, 0)
	copy(rows[k+1:], rows[k:])
	copy(amounts[k+1:], amounts[k:])
	rows[k], amounts[k] = row, a
	return rows, amounts
}
