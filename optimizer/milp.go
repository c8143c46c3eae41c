package optimizer

import (
	"cmp"
	"container/heap"
	"context"
	"fmt"
	"math"
)

// milp is a mixed integer program for branch and bound: after each linear
// program the search goes down into the nearer branch, and from a dead end to
// the open node with the best bound. The whole points themselves are kept by
// the caller, who may round as it knows best. The search is bounded by counts,
// never by a clock, so that it always ends alike.
type milp struct {
	lp    *LP
	whole int // the first so many columns take whole numbers
	// try is offered the optima of relaxations, all that are whole and some that
	// are not, and returns the objective of
	// the best whole point that is known; −Inf for none.
	try    func(x []float64) float64
	best   float64 // objective of the best whole point known at the start
	enough float64 // an objective that ends the search
	nodes  int     // at most so many linear programs
	pivots int     // at most so many iterations of the simplex method
}

// Constants of branch and bound.
const (
	wholeTolerance = 1e-6 // how far from a whole number counts as whole
	tryEvery       = 3    // one in so many points that are not whole is tried
	milpTolerance  = 1e-9 // how much better a node must be, over the objective
)

// branch is a node: its parent's bounds and one more.
type branch struct {
	parent       *branch
	col          int
	lower, upper float64
	bound        float64 // the parent's objective
	depth, order int
}

// branches is a heap, best bound first, then the deepest, then the oldest.
type branches []*branch

func (h branches) Len() int { return len(h) }
func (h branches) Less(i, j int) bool {
	a, b := h[i], h[j]
	return cmp.Or(cmp.Compare(b.bound, a.bound), cmp.Compare(b.depth, a.depth), cmp.Compare(a.order, b.order)) < 0
}
func (h branches) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *branches) Push(x any)   { *h = append(*h, x.(*branch)) }
func (h *branches) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}

// milpRun is what a search did.
type milpRun struct {
	nodes, pivots int
	proven        bool // there is no better whole point than the best known
}

// run searches. It ends early, without an error, when ctx is done.
func (m *milp) run(ctx context.Context, solver LPSolver) (out milpRun, err error) {
	s, err := openLP(solver, m.lp)
	if err != nil {
		return out, fmt.Errorf("optimizer: branch and bound: %w", err)
	}
	defer s.Close()
	bounds := newBounds(s, m.lp)
	var open branches
	node := &branch{bound: math.Inf(1)}
	for out.nodes < m.nodes && out.pivots < m.pivots {
		if node == nil {
			if len(open) == 0 || !m.promises(open[0].bound) {
				out.proven = true
				return out, nil
			}
			node = heap.Pop(&open).(*branch)
		}
		bounds.set(node)
		res, err := s.Solve(ctx)
		if err != nil {
			return out, fmt.Errorf("optimizer: branch and bound: %w", err)
		}
		if ctx.Err() != nil {
			return out, nil
		}
		out.nodes++
		out.pivots += res.Iterations
		if res.Status != Optimal || !m.promises(res.Objective) {
			node = nil
			continue
		}
		near, far := m.divide(node, res)
		if near == nil || out.nodes%tryEvery == 1 {
			if m.best = max(m.best, m.try(res.X)); m.best >= m.enough {
				return out, nil
			}
		}
		if node = near; far != nil {
			far.order = out.nodes
			heap.Push(&open, far)
		}
	}
	return out, nil
}

// promises reports whether a node of that bound can hold a better point.
func (m *milp) promises(bound float64) bool {
	return bound > m.best+milpTolerance*max(1, abs(m.best)) || math.IsInf(m.best, -1)
}

// divide branches on the column that is farthest from whole, of those the one
// that matters most to the objective; nil if all are whole.
func (m *milp) divide(node *branch, res *LPSolution) (near, far *branch) {
	col, most := -1, wholeTolerance
	for j := range m.whole {
		off := abs(res.X[j] - math.Round(res.X[j]))
		if off > most+wholeTolerance || col >= 0 && off > most-wholeTolerance && abs(m.lp.Objective[j]) > abs(m.lp.Objective[col]) {
			col, most = j, max(off, most)
		}
	}
	if col < 0 {
		return nil, nil
	}
	floor := math.Floor(res.X[col])
	down := &branch{parent: node, col: col, lower: math.Inf(-1), upper: floor, bound: res.Objective, depth: node.depth + 1}
	up := &branch{parent: node, col: col, lower: floor + 1, upper: math.Inf(1), bound: res.Objective, depth: node.depth + 1}
	if res.X[col]-floor > 0.5 {
		return up, down
	}
	return down, up
}

// bounds moves a session's column bounds from node to node.
type bounds struct {
	s                        LPSession
	lp                       *LP
	lower, upper             []float64 // in the session
	wantedLower, wantedUpper []float64
}

func newBounds(s LPSession, lp *LP) *bounds {
	clone := func(x []float64) []float64 { return append([]float64(nil), x...) }
	return &bounds{s, lp, clone(lp.ColLower), clone(lp.ColUpper), clone(lp.ColLower), clone(lp.ColUpper)}
}

func (b *bounds) set(node *branch) {
	copy(b.wantedLower, b.lp.ColLower)
	copy(b.wantedUpper, b.lp.ColUpper)
	for ; node.parent != nil; node = node.parent {
		b.wantedLower[node.col] = max(b.wantedLower[node.col], node.lower)
		b.wantedUpper[node.col] = min(b.wantedUpper[node.col], node.upper)
	}
	for j := range b.lower {
		if b.lower[j] != b.wantedLower[j] || b.upper[j] != b.wantedUpper[j] {
			b.lower[j], b.upper[j] = b.wantedLower[j], b.wantedUpper[j]
			b.s.SetColBounds(j, b.lower[j], b.upper[j])
		}
	}
}

// openLP opens a program; with a solver that cannot hold one open each solve
// starts anew.
func openLP(solver LPSolver, lp *LP) (LPSession, error) {
	if o, ok := solver.(LPOpener); ok {
		return o.OpenLP(lp)
	}
	again := *lp
	again.ColLower, again.ColUpper = append([]float64(nil), lp.ColLower...), append([]float64(nil), lp.ColUpper...)
	return &coldSession{solver: solver, lp: &again}, nil
}

// coldSession is as much of a session as branch and bound needs.
type coldSession struct {
	LPSession
	solver LPSolver
	lp     *LP
}

func (s *coldSession) Solve(ctx context.Context) (*LPSolution, error) {
	return s.solver.SolveLP(ctx, s.lp)
}

func (s *coldSession) SetColBounds(col int, lower, upper float64) {
	s.lp.ColLower[col], s.lp.ColUpper[col] = lower, upper
}

func (s *coldSession) Close() error { return nil }
