package optimizer

import (
	"context"
	"errors"
)

// conflict decides whether the rows contradict each other: it returns an
// infeasible allocation with a minimal set of rows that cannot be met together,
// or nil when all rows can be met.
//
// It solves the problem of the least total shortfall, in shares of the demands:
// nobody is worth anything, and a demand may overflow at a price that makes
// missing all of any cost the same. That is the same search over the same customers.
// Rows whose price there is not zero contradict each other (Farkas); leaving
// out one after the other shows which of them are needed for that.
func (s *boxstepRun) conflict() (*Allocation, error) {
	in := make([]bool, s.m.rows())
	for r := range in {
		in[r] = true
	}
	a, used, err := s.shortfall(in)
	if err != nil || a == nil {
		return nil, err
	}
	in = used
	all := a.short // with every row in force
	for r := range in {
		if !in[r] || s.ctx.Err() != nil {
			continue
		}
		in[r] = false
		less, usedLess, err := s.shortfall(in)
		if err != nil && !errors.Is(err, errUnsettled) {
			return nil, err
		}
		if less == nil {
			in[r] = true
			continue
		}
		a = less
		for q := range in {
			in[q] = in[q] && usedLess[q]
		}
	}
	out := &Allocation{Status: Infeasible, Iterations: s.iterations, Work: s.work}
	for r, short := range a.short {
		row := &s.m.g.Rows[r]
		switch {
		case !in[r]:
		case s.m.t.limit[r] < 0:
			if all[r] > -metShare*s.m.t.limit[r] {
				short = all[r]
			}
			out.Shortfalls = append(out.Shortfalls, Shortfall{Row: row.Name, Sense: row.Sense, Limit: row.Limit,
				Reach: row.Limit + s.m.t.sign[r]*short, Amount: short})
		default:
			out.Beside = append(out.Beside, row.Name)
		}
	}
	return out, nil
}

// Constants of the search for a conflict.
const (
	needCents = 1e6  // what the touch that relieves the least of a demand is worth
	needShare = 1e-3 // of that, by which touches differ to break ties
	metShare  = 1e-7 // share of a demand up to which a shortfall is rounding
)

// shortfall solves the problem of the least total shortfall of the given rows.
// It returns nil when they can be met, and otherwise the rows among them with a
// price.
func (s *boxstepRun) shortfall(in []bool) (*Allocation, []bool, error) {
	m := *s.m
	n := m.rows()
	m.cap, m.soft = make([]float64, n), make([]bool, n)
	least, most := 0.0, 0.0 // that a touch can relieve, as a share of a demand
	for r := range n {
		if in[r] && m.t.limit[r] < 0 {
			m.cap[r], m.soft[r] = -1/m.t.limit[r], true
			if relief := m.t.smallest[r] * m.cap[r]; least == 0 || relief < least {
				least = relief
			}
		}
	}
	if least == 0 {
		return nil, nil, nil
	}
	for r := range n {
		m.cap[r] *= needCents / least
		most += m.t.largest[r] * m.cap[r] * float64(m.t.rule.touches())
	}
	for r := range n {
		switch {
		case !in[r]:
			m.cap[r], m.soft[r] = 0, true
		case !m.soft[r]:
			m.cap[r] = 100 * most / max(m.t.smallest[r], 1e-3*m.t.scale[r])
		}
	}
	need := &needValues{s.m.values, needShare * needCents}
	m.values = need
	var err error
	if m.sample, err = need.Sample(s.ctx); err != nil {
		return nil, nil, err
	}
	m.narrow, m.typical = false, need.size
	search := Boxstep{LP: s.LP, MaxColumns: s.MaxColumns, Log: s.Log}.newRun(s.ctx, &m)
	a, err := search.settle()
	s.work.add(search.work)
	s.iterations += search.iterations
	if err != nil {
		return nil, nil, err
	}
	missed := false
	used := make([]bool, n)
	for r := range n {
		if in[r] && m.t.limit[r] < 0 && a.short[r] > -metShare*m.t.limit[r] {
			missed = true
		}
		used[r] = in[r] && abs(a.Prices[r])*m.t.scale[r] > 0.1*needCents
	}
	if !missed {
		return nil, nil, nil
	}
	return a, used, nil
}

// needValues are the values of the problem of the least shortfall: nothing, but
// for a little that tells the options of a customer, and customers, apart.
type needValues struct {
	Values
	size float64
}

func (n *needValues) Largest() float64 { return n.size }

func (n *needValues) Read(ctx context.Context, k int, use func(Block) error) error {
	return n.Values.Read(ctx, k, func(b Block) error { return use(n.replace(b)) })
}

func (n *needValues) Sample(ctx context.Context) (Block, error) {
	b, err := n.Values.Sample(ctx)
	return n.replace(b), err
}

// replace returns the block with the customers' values replaced.
func (n *needValues) replace(b Block) Block {
	slots := n.Slots()
	out := Block{First: b.First, Customers: b.Customers, Profile: b.Profile, Wide: make([]float64, b.Customers*slots)}
	scratch := make([]float64, slots)
	for i := range b.Customers {
		values := b.values(i, scratch)
		seed := SampleHash(b.profile(i), values)
		for j, v := range values {
			h := hash{seed}
			h.word(uint64(j))
			if v != Forbidden {
				v = -n.size * float64(h.mixed()>>11) / (1 << 53)
			}
			out.Wide[i*slots+j] = v
		}
	}
	return out
}

// add adds the work of a search within this one.
func (w *Work) add(more Work) {
	w.FullReads += more.FullReads
	w.PartReads += more.PartReads
	w.ReducedLPs += more.ReducedLPs
	w.LargestLP = max(w.LargestLP, more.LargestLP)
	w.ScanSeconds += more.ScanSeconds
	w.LPSeconds += more.LPSeconds
	w.FinishSeconds += more.FinishSeconds
}
