package optimizer

import "math"

// choices is the problem as the scan reads it: customers one after the other,
// each with its options, each option with its value and its use of the rows,
// all in flat slices. Rows are kept in the direction ≤, so that every price is
// ≥ 0: an AtLeast row is negated (sign −1), with its limit, uses and price.
//
// Hold is option −1 of every customer: value 0, no use.
type choices struct {
	first  []int32   // options of customer i: first[i] ≤ option < first[i+1]
	value  []float64 // by option
	source []int32   // candidate index, by option
	use    []int32   // uses of option o: use[o] ≤ k < use[o+1]
	row    []int32   // ascending within an option
	amount []float64
	limit  []float64 // by row
	sign   []float64
	scale  []float64 // typical |amount| of the row, ≥ tiny; prices × scale are cents
	cap    []float64 // a price that no useful row exceeds
}

// hold is the option of no touch.
const hold = int32(-1)

func newChoices(p *Problem) *choices {
	cols := p.columns()
	first, order := p.byCustomer()
	c := &choices{first: first, source: order,
		value: make([]float64, len(order)), use: make([]int32, len(order)+1),
		row: make([]int32, 0, len(cols.row)), amount: make([]float64, 0, len(cols.row)),
		limit: make([]float64, len(p.Rows)), sign: make([]float64, len(p.Rows))}
	for r := range p.Rows {
		c.sign[r] = 1
		if p.Rows[r].Sense == AtLeast {
			c.sign[r] = -1
		}
		c.limit[r] = c.sign[r] * p.Rows[r].Limit
	}
	for o, j := range order {
		c.value[o] = p.Candidates[j].ValueCents
		for k := cols.start[j]; k < cols.start[j+1]; k++ {
			c.row = append(c.row, cols.row[k])
			c.amount = append(c.amount, c.sign[cols.row[k]]*cols.amount[k])
		}
		c.use[o+1] = int32(len(c.row))
	}
	c.measureRows()
	return c
}

// measureRows sets scale and cap. The cap of a row is a hundred times the most
// that any option is worth per unit of it: prices beyond that can only serve
// demands that cannot be met, and the full linear program judges those.
func (c *choices) measureRows() {
	n := len(c.limit)
	c.scale, c.cap = make([]float64, n), make([]float64, n)
	count, largest := make([]float64, n), 0.0
	smallest := make([]float64, n)
	for _, v := range c.value {
		largest = max(largest, abs(v))
	}
	for k, r := range c.row {
		a := abs(c.amount[k])
		c.scale[r] += a
		count[r]++
		if smallest[r] == 0 || a < smallest[r] && a > 0 {
			smallest[r] = a
		}
	}
	for r := range n {
		if count[r] == 0 || smallest[r] == 0 {
			c.scale[r], c.cap[r] = 1, 1
			continue
		}
		c.scale[r] /= count[r]
		c.cap[r] = 100 * max(1, largest) / max(smallest[r], 1e-3*c.scale[r])
	}
}

func (c *choices) customers() int { return len(c.first) - 1 }
func (c *choices) rows() int      { return len(c.limit) }

// uses returns the rows and amounts of an option; none for hold.
func (c *choices) uses(o int32) ([]int32, []float64) {
	if o == hold {
		return nil, nil
	}
	return c.row[c.use[o]:c.use[o+1]], c.amount[c.use[o]:c.use[o+1]]
}

func (c *choices) worth(o int32) float64 {
	if o == hold {
		return 0
	}
	return c.value[o]
}

// box is a box of prices around a centre: lower ≤ price ≤ upper, lower ≥ 0.
type box struct {
	centre, lower, upper []float64
}

// boxAround returns the box of half-widths half, cut off at 0 and at the caps.
func (c *choices) boxAround(centre, half []float64) box {
	n := len(centre)
	b := box{centre: make([]float64, n), lower: make([]float64, n), upper: make([]float64, n)}
	for r := range centre {
		b.centre[r] = min(max(0, centre[r]), c.cap[r])
		b.lower[r] = max(0, b.centre[r]-half[r])
		b.upper[r] = min(c.cap[r], b.centre[r]+half[r])
	}
	return b
}

// contains reports whether every point of inner lies in b.
func (b box) contains(inner box) bool {
	for r := range b.lower {
		if inner.lower[r] < b.lower[r] || inner.upper[r] > b.upper[r] {
			return false
		}
	}
	return true
}

// tester decides single customers; it holds scratch and belongs to one
// goroutine.
type tester struct {
	c       *choices
	b       box
	up      []float64 // upper − centre
	down    []float64 // centre − lower
	winner  []float64 // uses of the current winner, by row
	reduced []float64 // scratch, by option of the customer
}

func newTester(c *choices, b box) *tester {
	t := &tester{c: c, b: b, up: make([]float64, c.rows()), down: make([]float64, c.rows()), winner: make([]float64, c.rows())}
	for r := range t.up {
		t.up[r], t.down[r] = b.upper[r]-b.centre[r], b.centre[r]-b.lower[r]
	}
	return t
}

// tieTolerance keeps an option that loses by rounding only, over the size of
// its value.
const tieTolerance = 1e-12

// decide returns the customer's best option at the centre of the box and, in
// keep (reused, hold included), every option that is best somewhere in the box
// against it, the winner first. The test is exact over the whole box: an option
// that is left out is worse than the winner at every price in it, so a customer
// with one option kept is decided.
func (t *tester) decide(i int32, keep []int32) (winner int32, kept []int32) {
	c := t.c
	from, to := c.first[i], c.first[i+1]
	t.reduced = t.reduced[:0]
	winner, best := hold, 0.0
	for o := from; o < to; o++ {
		s := c.value[o]
		for k := c.use[o]; k < c.use[o+1]; k++ {
			s -= t.b.centre[c.row[k]] * c.amount[k]
		}
		t.reduced = append(t.reduced, s)
		if s > best {
			winner, best = o, s
		}
	}
	kept = append(keep[:0], winner)
	rows, amounts := c.uses(winner)
	alone := 0.0 // the most that the winner's own uses can cost it within the box
	for k, r := range rows {
		t.winner[r] = amounts[k]
		alone += t.rise(r, amounts[k])
	}
	tie := tieTolerance * (1 + math.Abs(best) + math.Abs(c.worth(winner)))
	if winner != hold && alone >= best-tie {
		kept = append(kept, hold)
	}
	for o := from; o < to; o++ {
		if o == winner {
			continue
		}
		most := t.reduced[o-from] + alone
		for k := c.use[o]; k < c.use[o+1]; k++ {
			r := c.row[k]
			most += t.rise(r, t.winner[r]-c.amount[k]) - t.rise(r, t.winner[r])
		}
		if most >= best-tie {
			kept = append(kept, o)
		}
	}
	for _, r := range rows {
		t.winner[r] = 0
	}
	return winner, kept
}

// rise returns the most that d·(price − centre) can be within the box.
func (t *tester) rise(r int32, d float64) float64 {
	if d >= 0 {
		return d * t.up[r]
	}
	return -d * t.down[r]
}
