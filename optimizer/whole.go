package optimizer

import (
	"context"
	"math"
	"slices"
)

// WholePlan is an allocation in whole ladders: one for each customer.
type WholePlan struct {
	Chosen     []Rungs // by customer
	ValueCents float64
	CostCents  float64   // what the row named [BudgetName] counts; 0 without one
	Used       []float64 // by row
	// LossCents is the bound less the value, never below 0: what whole ladders
	// cost at most against the best allocation there can be, whole or not.
	LossCents  float64
	Fractional int         // customers whose share in the linear program was not whole
	Unmet      []Shortfall // rows that could not be met; nil in general
	Nodes      int         // linear programs of the search for better plans
	WideReads  int         // passes over all customers: 0 where the near-tied were enough
}

// What a plan may lose, as a share of the bound, before more is done about it.
const (
	smallLoss = 1e-7 // the search among the near-tied
	goodLoss  = 1e-6 // the read of all customers for more of them
)

// RoundGrid turns an allocation into whole ladders. Customers with a whole
// ladder keep it, the others (at most one per binding row) start from hold.
// Then rows left unmet are repaired by the moves that lose least reduced cost
// per unit of relief, and what the limits still allow is filled by the moves
// that gain value, the largest gain of reduced cost first. Ties go to the
// smaller content (profile, then ladders and their worth), then to the smaller
// Rungs, among customers who are alike to the smaller index: that depends
// neither on cores and blocks nor on the order of the customers.
//
// Where that leaves a row unmet, or loses more than a ten-millionth, a branch
// and bound looks for a better plan among the customers and ladders that come
// closest to the best at the prices: first those that the solver left open,
// then, if the loss is still more than a millionth or a row is unmet, those that
// a read of all customers finds. No better plan has others than those within
// the loss. The work is bounded by counts, so plans are deterministic; lp is
// used by one goroutine.
//
// Limits hold within a relative tolerance of 1e-9. Rows that ask for something
// (AtLeast, and AtMost with negative uses) can be out of reach of whole ladders:
// Unmet names them. When ctx ends, the best plan so far is returned. The error
// is a.Err() for an allocation without a plan; a plan that a time limit cut
// short is whole already and returned as it is.
func RoundGrid(ctx context.Context, lp LPSolver, g *Grid, a *Allocation) (*WholePlan, error) {
	w := newWhole(g, a)
	w.ctx, w.lp = ctx, lp
	if a.Status == TimeLimit && len(a.Chosen) > 0 {
		if err := w.readUse(); err != nil {
			return nil, err
		}
		return w.finish(0), nil
	}
	if err := a.Err(); err != nil {
		return nil, err
	}
	near, fractional := w.nearPool(a)
	enough, err := w.improve(near)
	if err != nil {
		return nil, err
	}
	if loss := w.loss(); ctx.Err() == nil && (loss > goodLoss*w.size() && !enough || math.IsInf(loss, 1)) {
		wide, err := w.widePool()
		if err == nil {
			_, err = w.improve(wide)
		}
		if err != nil && ctx.Err() == nil {
			return nil, err
		}
	}
	return w.finish(fractional), nil
}

// whole is the state of RoundGrid: a plan and what it takes. Rows are kept in
// the direction ≤.
type whole struct {
	ctx    context.Context
	g      *Grid
	t      *useTable
	lp     LPSolver
	prices []float64
	bound  float64
	chosen []Rungs
	used   []sum
	worth  sum
	limit  []float64 // with the tolerance
	hard   []bool    // rows that hold of everybody meets: they only limit
	nodes  int
	reads  int
}

func newWhole(g *Grid, a *Allocation) *whole {
	t := newUseTable(g)
	n := t.rows()
	w := &whole{g: g, t: t, bound: a.BoundCents, chosen: slices.Clone(a.Chosen), prices: t.pricesOf(a.Prices),
		used: make([]sum, n), limit: make([]float64, n), hard: make([]bool, n)}
	for r := range n {
		w.limit[r] = t.limit[r] + rowSlackTolerance*max(1, abs(t.limit[r]))
		w.hard[r] = t.limit[r] >= 0
	}
	for k, r := range t.row {
		w.hard[r] = w.hard[r] && t.amount[k] >= 0
	}
	for r, x := range a.used {
		w.used[r].add(x)
	}
	w.worth.add(a.worth)
	return w
}

// pricesOf turns DualPrices into prices of the rows in the direction ≤.
func (t *useTable) pricesOf(dual []float64) []float64 {
	out := make([]float64, t.rows())
	for r := range dual {
		out[r] = t.sign[r] * dual[r]
	}
	return out
}

// slack returns what is left of a row.
func (w *whole) slack(r int32) float64 { return w.limit[r] - w.used[r].value() }

// short returns by how much the plan misses its rows, in shares of their
// limits; limits that hold always count a thousand times.
func (w *whole) short() (total float64) {
	for r := range w.limit {
		if over := -w.slack(int32(r)); over > 0 {
			total += over * w.weight(r)
		}
	}
	return total
}

func (w *whole) weight(r int) float64 {
	weight := 1 / max(1, abs(w.t.limit[r]))
	if w.hard[r] {
		weight *= 1000
	}
	return weight
}

// loss returns the most that the plan can lose; +Inf for one that misses a row.
func (w *whole) loss() float64 {
	if w.short() > 0 {
		return math.Inf(1)
	}
	return w.bound - w.worth.value()
}

// size returns that against which losses are measured, in cents.
func (w *whole) size() float64 { return max(1e-3, abs(w.bound)) }

func (w *whole) finish(fractional int) *WholePlan {
	plan := &WholePlan{Chosen: w.chosen, ValueCents: w.worth.value(), Fractional: fractional, Nodes: w.nodes, WideReads: w.reads}
	plan.LossCents = max(0, w.bound-plan.ValueCents)
	for r := range w.used {
		row, reach := &w.g.Rows[r], 0+w.t.sign[r]*w.used[r].value() // 0 + −0 is +0
		plan.Used = append(plan.Used, reach)
		if row.Name == BudgetName {
			plan.CostCents = reach
		}
		if w.slack(int32(r)) < 0 {
			plan.Unmet = append(plan.Unmet, Shortfall{Row: row.Name, Sense: row.Sense, Limit: row.Limit, Reach: reach, Amount: abs(reach - row.Limit)})
		}
	}
	return plan
}

// improve makes the plan better by moves within a pool of customers. It reports
// whether the pool held all that the search had room for.
func (w *whole) improve(p *pool) (enough bool, err error) {
	p.repair()
	p.fill()
	p.hand()
	if w.loss() <= smallLoss*w.size() {
		return true, nil
	}
	near := p.nearest(exchangeColumns)
	if w.short() == 0 {
		near.exchange()
		near.hand()
	}
	near = near.nearest(searchColumns)
	if w.loss() <= smallLoss*w.size() || near.columns() == 0 {
		return false, nil
	}
	defer near.hand()
	if w.short() > 0 {
		if err := near.search(true); err != nil {
			return false, err
		}
	}
	if err := near.search(false); err != nil {
		return false, err
	}
	if w.short() == 0 {
		near.exchange()
	}
	return near.columns() >= searchColumns, nil
}
