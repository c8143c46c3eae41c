package optimizer

import (
	"cmp"
	"math"
	"slices"
)

// pool is the customers whose ladders may change, with the ladders they may
// change to. Customers who are alike count together.
type pool struct {
	w      *whole
	groups []poolGroup // sorted by content
	change difference  // scratch
	from   difference
	to     difference
	steps  []swap
}

// poolGroup is customers who are alike.
type poolGroup struct {
	group
	gap   []float64 // by option: by how much its reduced cost is below the customer's best
	count []int     // by option: customers who have it now
}

// nearPool returns the customers that the solver left open and counts those
// with broken shares, who are given hold.
func (w *whole) nearPool(a *Allocation) (p *pool, fractional int) {
	for _, s := range a.Split {
		w.chosen[s.Customer] = Hold
	}
	groups := make([]group, len(a.near))
	for k, g := range a.near {
		g.options = withHold(g.options)
		groups[k] = g
	}
	p = w.newPool(groups)
	// What they have now is not in the sums yet.
	for k := range p.groups {
		g := &p.groups[k]
		for o, n := range g.count {
			p.use(g, o, float64(n))
		}
	}
	split := make(map[int32]bool, len(a.Split))
	for _, s := range a.Split {
		split[s.Customer] = true
	}
	return p, len(split)
}

// withHold returns options with hold, which is last if it was not among them.
func withHold(options []option) []option {
	for _, o := range options {
		if o.rungs == Hold {
			return options
		}
	}
	return append(slices.Clip(options), option{})
}

// newPool takes groups whose options hold what each member has now.
func (w *whole) newPool(groups []group) *pool {
	p := &pool{w: w, groups: make([]poolGroup, len(groups))}
	for k, g := range groups {
		p.groups[k] = poolGroup{group: g, gap: make([]float64, len(g.options)), count: make([]int, len(g.options))}
		p.groups[k].measure(w, &p.to)
	}
	slices.SortFunc(p.groups, func(a, b poolGroup) int { return compareContent(a.group, b.group) })
	return p
}

// measure sets gaps and counts.
func (g *poolGroup) measure(w *whole, scratch *difference) {
	best := math.Inf(-1)
	for o, x := range g.options {
		s := x.worth
		scratch.rows, scratch.amounts = w.t.of(g.profile, x.rungs, scratch.rows, scratch.amounts)
		for k, r := range scratch.rows {
			s -= w.prices[r] * scratch.amounts[k]
		}
		g.gap[o] = s
		best = max(best, s)
	}
	for o := range g.gap {
		g.gap[o] = best - g.gap[o]
	}
	for _, i := range g.members {
		g.count[g.at(w.chosen[i])]++
	}
}

// at returns the index of a ladder among the options.
func (g *poolGroup) at(r Rungs) int {
	return slices.IndexFunc(g.options, func(o option) bool { return o.rungs == r })
}

// columns counts the options but for hold.
func (p *pool) columns() (n int) {
	for k := range p.groups {
		n += len(p.groups[k].options) - 1
	}
	return n
}

// use adds an option, so many times, to what the plan uses and is worth.
func (p *pool) use(g *poolGroup, o int, times float64) {
	if times == 0 {
		return
	}
	p.to.rows, p.to.amounts = p.w.t.of(g.profile, g.options[o].rungs, p.to.rows, p.to.amounts)
	for k, r := range p.to.rows {
		p.w.used[r].add(times * p.to.amounts[k])
	}
	p.w.worth.add(times * g.options[o].worth)
}

// setChange sets change to what a move adds to the uses.
func (p *pool) setChange(g *poolGroup, from, to int) {
	p.from.rows, p.from.amounts = p.w.t.of(g.profile, g.options[from].rungs, p.from.rows, p.from.amounts)
	p.to.rows, p.to.amounts = p.w.t.of(g.profile, g.options[to].rungs, p.to.rows, p.to.amounts)
	p.change.set(p.to.rows, p.to.amounts, p.from.rows, p.from.amounts)
}

// fits reports whether change takes no more of any row than is left; with hard
// only of those rows that hold always.
func (p *pool) fits(hard bool) bool {
	for k, r := range p.change.rows {
		if a := p.change.amounts[k]; a > 0 && (p.w.hard[r] || !hard) && a > p.w.slack(r) {
			return false
		}
	}
	return true
}

// move lets one customer change.
func (p *pool) move(g *poolGroup, from, to int) {
	p.use(g, from, -1)
	p.use(g, to, 1)
	g.count[from]--
	g.count[to]++
}

// hand gives the customers of the pool what its counts say.
func (p *pool) hand() {
	for k := range p.groups {
		g, o, left := &p.groups[k], -1, 0
		for _, i := range g.members {
			for left == 0 {
				o++
				left = g.count[o]
			}
			p.w.chosen[i] = g.options[o].rungs
			left--
		}
	}
}

// swap is a possible move of a customer of a group.
type swap struct {
	group, from, to int
	gain            float64 // of reduced cost; in repairs per unit of relief
}

// before orders steps as RoundGrid says.
func (p *pool) before(a, b swap) int {
	if c := cmp.Or(cmp.Compare(b.gain, a.gain), cmp.Compare(a.group, b.group)); c != 0 {
		return c
	}
	options := p.groups[a.group].options
	return cmp.Or(cmp.Compare(options[a.to].rungs, options[b.to].rungs), cmp.Compare(options[a.from].rungs, options[b.from].rungs))
}

// each yields the moves that are possible now.
func (p *pool) each(yield func(g *poolGroup, s swap)) {
	for k := range p.groups {
		g := &p.groups[k]
		for from, n := range g.count {
			if n == 0 {
				continue
			}
			for to := range g.options {
				if to != from {
					yield(g, swap{k, from, to, g.gap[from] - g.gap[to]})
				}
			}
		}
	}
}

// repair moves customers until every row is met or no single move helps a row
// that is not: limits first, whatever that means for demands.
func (p *pool) repair() {
	for _, hard := range []bool{true, false} {
		for r := range p.w.limit {
			for p.w.hard[r] == hard && p.w.slack(int32(r)) < 0 && p.relieve(int32(r), hard) {
			}
		}
	}
}

// relieve makes the move that loses least per unit of relief of a row; false
// if there is none.
func (p *pool) relieve(row int32, hard bool) bool {
	var best swap
	found, need := false, -p.w.slack(row)
	p.each(func(g *poolGroup, s swap) {
		p.setChange(g, s.from, s.to)
		relief := 0.0
		if k, ok := slices.BinarySearch(p.change.rows, row); ok {
			relief = -p.change.amounts[k]
		}
		if relief <= 0 {
			return
		}
		s.gain /= min(relief, need)
		if (!found || p.before(s, best) < 0) && p.fits(hard) {
			best, found = s, true
		}
	})
	if found {
		p.move(&p.groups[best.group], best.from, best.to)
	}
	return found
}

// fillRounds bounds the passes of fill.
const fillRounds = 3

// fill makes moves that gain value while they fit. A plan that gives a customer
// an option whose reduced cost is δ below the best is worth at most bound − δ,
// so only moves with δ below the loss are looked at.
func (p *pool) fill() {
	for range fillRounds {
		loss := p.w.loss()
		p.steps = p.steps[:0]
		p.each(func(g *poolGroup, s swap) {
			if g.options[s.to].worth <= g.options[s.from].worth || g.gap[s.to] > loss {
				return
			}
			if p.setChange(g, s.from, s.to); p.fits(false) {
				p.steps = append(p.steps, s)
			}
		})
		slices.SortFunc(p.steps, p.before)
		moved := false
		for _, s := range p.steps {
			g := &p.groups[s.group]
			for g.count[s.from] > 0 {
				if p.setChange(g, s.from, s.to); !p.fits(false) {
					break
				}
				p.move(g, s.from, s.to)
				moved = true
			}
		}
		if !moved {
			return
		}
	}
}
