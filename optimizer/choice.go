package optimizer

import "math"

// choices is the problem as the scan reads it: classes one after the other,
// each with its options, each option with its value and its use of the rows,
// all in flat slices. Rows are kept in the direction ≤, so that every price is
// ≥ 0: an AtLeast row is negated (sign −1), with its limit, uses and price.
//
// A class is all customers whose options are worth the same and use the same:
// whatever the prices, they are decided alike. Where values come from segments
// there are few classes; where they are all different a class is a customer.
//
// Hold is option −1 of every class: value 0, no use.
type choices struct {
	classes
	first  []int32   // options of class i: first[i] ≤ option < first[i+1]
	value  []float64 // by option
	use    []int32   // uses of option o: use[o] ≤ k < use[o+1]
	row    []int32   // ascending within an option
	amount []float64
	limit  []float64 // by row
	sign   []float64
	scale  []float64 // typical |amount| of the row, > 0; prices × scale are cents
	cap    []float64 // a price that no useful row exceeds
	closed []bool    // rows that no candidate with a use can enter
	banned []int32   // candidates with a use of a closed row, ascending
}

// hold is the option of no touch.
const hold = int32(-1)

func newChoices(p *Problem) *choices {
	cols := p.columns()
	c := &choices{limit: make([]float64, len(p.Rows)), sign: make([]float64, len(p.Rows)), use: []int32{0}}
	for r := range p.Rows {
		c.sign[r] = 1
		if p.Rows[r].Sense == AtLeast {
			c.sign[r] = -1
		}
		c.limit[r] = c.sign[r] * p.Rows[r].Limit
	}
	c.closeRows(p, cols)
	c.classes = newClasses(p, cols, c.banned)
	c.first = make([]int32, c.count()+1)
	for i := range c.count() {
		for _, j := range c.candidates(c.member[c.members[i]]) {
			c.value = append(c.value, p.Candidates[j].ValueCents)
			for k := cols.start[j]; k < cols.start[j+1]; k++ {
				c.row = append(c.row, cols.row[k])
				c.amount = append(c.amount, c.sign[cols.row[k]]*cols.amount[k])
			}
			c.use = append(c.use, int32(len(c.row)))
		}
		c.first[i+1] = int32(len(c.value))
	}
	c.measureRows()
	return c
}

// closeRows finds the rows with limit 0 and no negative use, such as a budget
// of nothing or a holiday's capacity: their users are banned outright, because
// their prices have no upper end that a search could find. closedPrices gives
// such rows a price afterwards.
func (c *choices) closeRows(p *Problem, cols columns) {
	c.closed = make([]bool, len(p.Rows))
	for r := range p.Rows {
		c.closed[r] = c.limit[r] == 0
		for _, u := range p.Rows[r].Use {
			if c.sign[r]*u.Amount < 0 {
				c.closed[r] = false
				break
			}
		}
	}
	for j := range p.Candidates {
		for k := cols.start[j]; k < cols.start[j+1]; k++ {
			if c.closed[cols.row[k]] && cols.amount[k] != 0 {
				c.banned = append(c.banned, int32(j))
				break
			}
		}
	}
}

// closedPrices raises the prices of the closed rows, in place, until no banned
// candidate is worth more than its customer's best allowed option. Prices have
// the problem's signs.
func (c *choices) closedPrices(p *Problem, prices []float64) {
	if len(c.banned) == 0 {
		return
	}
	reduced := (&Solution{Prices: prices}).ReducedCosts(p)
	best := make([]float64, p.Customers())
	isBanned := make([]bool, len(p.Candidates))
	for _, j := range c.banned {
		isBanned[j] = true
	}
	for j := range p.Candidates {
		if i := p.Candidates[j].Customer; !isBanned[j] {
			best[i] = max(best[i], reduced[j])
		}
	}
	raised := make([]bool, len(p.Candidates)) // a banned candidate pays in one closed row
	for r := range p.Rows {
		if !c.closed[r] {
			continue
		}
		price := 0.0
		for _, u := range p.Rows[r].Use {
			if u.Amount != 0 && !raised[u.Candidate] {
				raised[u.Candidate] = true
				price = max(price, (reduced[u.Candidate]-best[p.Candidates[u.Candidate].Customer])/abs(u.Amount))
			}
		}
		prices[r] = c.sign[r] * price
	}
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

func (c *choices) rows() int { return len(c.limit) }

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

// tester decides single classes; it holds scratch and belongs to one
// goroutine.
type tester struct {
	c       *choices
	b       box
	up      []float64 // upper − centre
	down    []float64 // centre − lower
	winner  []float64 // uses of the current winner, by row
	reduced []float64 // scratch, by option of the class
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

// decide returns a class's best option at the centre of the box and, in
// keep (reused, hold included), every option that is best somewhere in the box
// against it, the winner first. The test is exact over the whole box: an option
// that is left out is worse than the winner at every price in it, so a class
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
