package optimizer

import (
	"math"
	"slices"
)

// reduced is the linear program over the undecided customers, group by
// group. Its columns are differences to each group's base option (the winner),
// so a group of two options is one bounded column and needs no row. The box enters as two
// columns per coupling row: overflow, bought at the upper price, and refund,
// what is left over and sold at the lower price. Its dual is to minimise the
// Lagrangian over the box; when no artificial column is used its optimum is the
// optimum of the whole problem.
type reduced struct {
	lp       *LP
	groups   []group
	overflow []int // column of each coupling row, -1 for none
	refund   []int
	limit    []float64 // what the bases leave of each row
}

// newReduced builds the program for customers whose rows have the given limits
// left (after the decided ones); the box bounds the prices.
func (c *choices) newReduced(groups []group, limit []float64, b box) *reduced {
	p := &reduced{lp: &LP{Name: "reduced"}, groups: groups, limit: slices.Clone(limit),
		overflow: make([]int, c.rows()), refund: make([]int, c.rows())}
	for r := range c.rows() {
		lower := math.Inf(-1)
		if b.lower[r] > 0 {
			lower = 0 // an equation: what is left over is the refund column
		}
		p.lp.AddRow(lower, 0)
	}
	var rows []int32
	var amounts []float64
	for _, u := range groups {
		base, weight := u.options[0], u.weight
		baseRows, baseAmounts := c.uses(base)
		for k, r := range baseRows {
			p.limit[r] -= weight * baseAmounts[k]
		}
		convexity := int32(-1)
		if len(u.options) > 2 {
			convexity = p.lp.AddRow(math.Inf(-1), weight)
		}
		for _, o := range u.options[1:] {
			rows, amounts = c.difference(o, base, rows[:0], amounts[:0])
			if convexity >= 0 {
				rows, amounts = append(rows, convexity), append(amounts, 1)
			}
			p.lp.AddCol(c.worth(o)-c.worth(base), 0, weight, rows, amounts)
		}
	}
	for r := range c.rows() {
		row := []int32{int32(r)}
		p.lp.RowUpper[r] = p.limit[r]
		p.refund[r] = -1
		if b.lower[r] > 0 {
			p.lp.RowLower[r] = p.limit[r]
			p.refund[r] = p.lp.Cols()
			p.lp.AddCol(b.lower[r], 0, math.Inf(1), row, []float64{1})
		}
		p.overflow[r] = p.lp.Cols()
		p.lp.AddCol(-b.upper[r], 0, math.Inf(1), row, []float64{-1})
	}
	return p
}

// difference appends the non-zero uses of option o less those of base.
func (c *choices) difference(o, base int32, rows []int32, amounts []float64) ([]int32, []float64) {
	ar, aa := c.uses(o)
	br, ba := c.uses(base)
	for len(ar) > 0 || len(br) > 0 {
		switch {
		case len(br) == 0 || len(ar) > 0 && ar[0] < br[0]:
			rows, amounts = append(rows, ar[0]), append(amounts, aa[0])
			ar, aa = ar[1:], aa[1:]
		case len(ar) == 0 || br[0] < ar[0]:
			rows, amounts = append(rows, br[0]), append(amounts, -ba[0])
			br, ba = br[1:], ba[1:]
		default:
			if d := aa[0] - ba[0]; d != 0 {
				rows, amounts = append(rows, ar[0]), append(amounts, d)
			}
			ar, aa, br, ba = ar[1:], aa[1:], br[1:], ba[1:]
		}
	}
	return rows, amounts
}

// touch says at which edge of the box a row's price was stopped.
type touch int8

const (
	touchNone touch = iota
	touchUpper
	touchLower
)

// touches reads the artificial columns of a solution: a row that bought
// overflow wants a higher price, one that sold a refund a lower one.
func (p *reduced) touches(s *LPSolution) (edges []touch, any bool) {
	edges = make([]touch, len(p.overflow))
	for r := range edges {
		zero := rowSlackTolerance * max(1, abs(p.limit[r]))
		switch {
		case s.X[p.overflow[r]] > zero:
			edges[r], any = touchUpper, true
		case p.refund[r] >= 0 && s.X[p.refund[r]] > zero:
			edges[r], any = touchLower, true
		}
	}
	return edges, any
}

// shares writes the shares of the undecided customers' options into x, by
// candidate. A group's customers take its options one after the other, so all
// but one per fractional total get a whole option. The program must hold whole
// classes.
func (p *reduced) shares(c *choices, s *LPSolution, x []float64) {
	col := 0
	for _, g := range p.groups {
		totals := make([]float64, len(g.options))
		totals[0] = g.weight
		for k := range g.options[1:] {
			totals[k+1] = max(0, s.X[col])
			totals[0] -= totals[k+1]
			col++
		}
		c.hand(g, totals, x)
	}
}
