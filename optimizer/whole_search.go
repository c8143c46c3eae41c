package optimizer

import (
	"cmp"
	"math"
	"slices"
)

// Limits of the search for better plans, which keep it within a second.
const (
	searchColumns = 300  // options of the customers looked at
	helpColumns   = 100  // more of them for each row that is unmet
	searchNodes   = 1500 // linear programs
	fewNodes      = 400  // the same for a loss below fewLoss, as a share of the bound
	fewLoss       = 1e-5
	searchPivots  = 20_000 // iterations of the simplex method
)

// nearest returns the part of the pool that is nearest to a change: the options
// with the smallest gaps, none beyond the loss, and for each row that is unmet
// some that would help it; of the customers concerned what they have now and
// hold as well.
func (p *pool) nearest(columns int) *pool {
	type place struct{ group, option int }
	var all []place
	loss := p.w.loss()
	for k := range p.groups {
		g := &p.groups[k]
		for o := range g.options {
			if g.count[o] < len(g.members) && g.gap[o] <= loss {
				all = append(all, place{k, o})
			}
		}
	}
	slices.SortStableFunc(all, func(a, b place) int {
		return cmp.Compare(p.groups[a.group].gap[a.option], p.groups[b.group].gap[b.option])
	})
	helping := make([]int, len(p.w.limit))
	in := make(map[int][]bool)
	for n, at := range all {
		if n >= columns && !p.helps(at.group, at.option, helping) {
			continue
		}
		if in[at.group] == nil {
			in[at.group] = make([]bool, len(p.groups[at.group].options))
		}
		in[at.group][at.option] = true
	}
	out := &pool{w: p.w}
	for k := range p.groups {
		if in[k] != nil {
			out.groups = append(out.groups, p.groups[k].only(in[k]))
		}
	}
	return out
}

// helps reports whether an option relieves an unmet row that has not been
// helped helpColumns times.
func (p *pool) helps(group, option int, helping []int) bool {
	g := &p.groups[group]
	for from, n := range g.count {
		if n == 0 || from == option {
			continue
		}
		p.setChange(g, from, option)
		for k, r := range p.change.rows {
			if p.change.amounts[k] < 0 && p.w.slack(r) < 0 && helping[r] < helpColumns {
				helping[r]++
				return true
			}
		}
	}
	return false
}

// only returns the group with the options marked, those in use, and hold.
func (g *poolGroup) only(marked []bool) poolGroup {
	out := poolGroup{group: group{profile: g.profile, members: g.members}}
	for o, x := range g.options {
		if marked[o] || g.count[o] > 0 || x.rungs == Hold {
			out.options, out.gap, out.count = append(out.options, x), append(out.gap, g.gap[o]), append(out.count, g.count[o])
		}
	}
	return out
}

// planState is a state of the pool, to come back to.
type planState struct {
	count [][]int
	used  []sum
	worth sum
	short float64
}

func (p *pool) save() planState {
	s := planState{used: slices.Clone(p.w.used), worth: p.w.worth, short: p.w.short()}
	for k := range p.groups {
		s.count = append(s.count, slices.Clone(p.groups[k].count))
	}
	return s
}

func (p *pool) restore(s *planState) {
	copy(p.w.used, s.used)
	p.w.worth = s.worth
	for k := range p.groups {
		copy(p.groups[k].count, s.count[k])
	}
}

// beats reports whether s is a better plan: it misses less, or as much and is
// worth more.
func (s *planState) beats(t *planState) bool {
	const same = 1e-12
	if abs(s.short-t.short) > same {
		return s.short < t.short
	}
	return s.worth.value() > t.worth.value()
}

// poolProgram is the integer program over a pool. Hold has no column.
type poolProgram struct {
	p       *pool
	lp      *LP
	columns []poolColumn
	unit    float64 // of the objective, in cents
	best    planState
	empty   planState // everybody at hold
	miss    bool      // the objective is what rows miss, not what ladders are worth
}

type poolColumn struct{ group, option int }

// search looks for a better plan by branch and bound: with miss one that misses
// less of the rows, otherwise one that is worth more and misses no more.
func (p *pool) search(miss bool) error {
	m := &poolProgram{p: p, best: p.save(), miss: miss}
	few := p.w.loss() <= fewLoss*p.w.size()
	limit, bound, enough := p.w.limit, p.w.bound, p.w.bound-smallLoss*p.w.size()
	defer func() { p.w.limit, p.w.bound = limit, bound }()
	if !miss && m.best.short > 0 {
		// What is unmet may stay so, and the bound is none for such plans.
		p.w.limit = slices.Clone(limit)
		for r := range limit {
			p.w.limit[r] = max(limit[r], p.w.used[r].value())
		}
		m.best.short, p.w.bound, enough = 0, math.Inf(1), math.Inf(1)
	}
	m.build()
	defer p.restore(&m.best)
	b := milp{lp: m.lp, whole: len(m.columns), try: m.try, best: m.objective(&m.best), nodes: searchNodes, pivots: searchPivots}
	if !miss {
		b.enough = (enough - m.fixedWorth()) / m.unit
	}
	if few {
		b.nodes = fewNodes
	}
	run, err := b.run(p.w.ctx, p.w.lp)
	p.w.nodes += run.nodes
	return err
}

// objective returns a plan's objective in the program's units.
func (m *poolProgram) objective(s *planState) float64 {
	if m.miss {
		return -s.short
	}
	return (s.worth.value() - m.fixedWorth()) / m.unit
}

// fixedWorth is what the customers outside the pool are worth.
func (m *poolProgram) fixedWorth() float64 { return m.empty.worth.value() }

// build sets the program up. It leaves everybody at hold.
func (m *poolProgram) build() {
	p := m.p
	m.lp = &LP{Name: "whole"}
	p.clear()
	m.empty = p.save()
	row := make([]int32, len(p.w.limit)) // row of the program + 1
	most := 0.0
	for k := range p.groups {
		g := &p.groups[k]
		convexity := int32(-1)
		if len(g.options) > 2 {
			convexity = m.lp.AddRow(math.Inf(-1), float64(len(g.members)))
		}
		for o, x := range g.options {
			if x.rungs == Hold {
				continue
			}
			p.to.rows, p.to.amounts = p.w.t.of(g.profile, x.rungs, p.to.rows, p.to.amounts)
			for i, r := range p.to.rows {
				if row[r] == 0 {
					row[r] = m.lp.AddRow(math.Inf(-1), p.w.slack(r)) + 1
				}
				p.to.rows[i] = row[r] - 1
			}
			if convexity >= 0 {
				p.to.rows, p.to.amounts = append(p.to.rows, convexity), append(p.to.amounts, 1)
			}
			worth := x.worth
			if m.miss {
				worth = 0
			}
			m.lp.AddCol(worth, 0, float64(len(g.members)), p.to.rows, p.to.amounts)
			m.columns = append(m.columns, poolColumn{k, o})
			most = max(most, abs(worth))
		}
	}
	_, e := math.Frexp(most)
	m.unit = math.Ldexp(1, e-13)
	for j := range m.lp.Objective {
		m.lp.Objective[j] /= m.unit
	}
	if m.miss {
		for r, over := range m.best.used {
			if over := over.value() - p.w.limit[r]; over > 0 && row[r] > 0 {
				m.lp.AddCol(-p.w.weight(r), 0, over, []int32{row[r] - 1}, []float64{-1})
			}
		}
	}
}

// clear gives everybody hold.
func (p *pool) clear() {
	for k := range p.groups {
		g := &p.groups[k]
		hold := g.at(Hold)
		for o, n := range g.count {
			p.use(g, o, -float64(n))
			g.count[o] = 0
		}
		g.count[hold] = len(g.members)
	}
}

// try rounds a point of the relaxation down, repairs and fills, and keeps the
// plan if it is the best so far.
func (m *poolProgram) try(x []float64) float64 {
	p := m.p
	p.restore(&m.empty)
	for j, c := range m.columns {
		g := &p.groups[c.group]
		if n := int(math.Floor(x[j] + wholeTolerance)); n > 0 {
			hold := g.at(Hold)
			n = min(n, g.count[hold])
			g.count[hold] -= n
			g.count[c.option] += n
			p.use(g, c.option, float64(n))
		}
	}
	p.repair()
	p.fill()
	if s := p.save(); s.beats(&m.best) {
		m.best = s
	}
	return m.objective(&m.best)
}
