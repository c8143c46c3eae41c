package optimizer

import (
	"math"
	"slices"
)

// reduced is the linear program over the undecided customers, group by group.
// Its columns are differences to each group's base option (the winner at the
// centre), so a group of two options is one bounded column and needs no row.
// The box enters as two columns per coupling row: overflow, bought at the upper
// price, and refund, what is left over and sold at the lower price. Its dual is
// to minimise the Lagrangian over the box; when no artificial column is used
// its optimum is the optimum of the whole problem.
//
// Everything is counted beyond what it pays at the centre, so that the numbers are
// as large as the box is wide: a solver's tolerances are absolute, and the boxes of
// customers who are nearly alike are smaller than those.
type reduced struct {
	lp       *LP
	groups   []group
	overflow []int     // column of each coupling row, -1 for none
	refund   []int     // -1 where the box ends at 0, and what is left over is no wish
	limit    []float64 // what the bases leave of each row
	worth    float64   // of the bases
	unit     float64   // of the objective, in cents
	origin   []float64 // prices that are counted as none: the box's centre
	capped   []bool    // rows whose box ends at the cap
}

// newReduced builds the program for customers whose rows have the given limits
// left (after the decided ones); the box bounds the prices.
func (m *market) newReduced(groups []group, limit []float64, b box) *reduced {
	groups = slices.Clone(groups)
	// In the order of their options, which scaling all values does not change.
	slices.SortFunc(groups, compareContent)
	p := &reduced{lp: &LP{Name: "reduced"}, groups: groups, limit: slices.Clone(limit),
		origin: b.centre, overflow: make([]int, m.rows()), refund: make([]int, m.rows())}
	for range m.rows() {
		p.lp.AddRow(math.Inf(-1), 0)
	}
	p.addGroups(m)
	for r := range m.rows() {
		row := []int32{int32(r)}
		p.lp.RowLower[r], p.lp.RowUpper[r] = p.limit[r], p.limit[r]
		p.refund[r] = -1
		if b.lower[r] > 0 {
			p.refund[r] = p.lp.Cols()
		}
		p.lp.AddCol(b.lower[r]-b.centre[r], 0, math.Inf(1), row, []float64{1})
		p.capped = append(p.capped, b.upper[r] >= m.cap[r])
		p.overflow[r] = p.lp.Cols()
		p.lp.AddCol(b.centre[r]-b.upper[r], 0, math.Inf(1), row, []float64{-1})
	}
	p.normalise(b, m.t.scale)
	return p
}

// normalise counts the objective in a unit, a power of two of cents, that makes
// the largest difference some thousands, of gains or between the prices of a touch:
// scaled values should make the same program.
func (p *reduced) normalise(b box, scale []float64) {
	largest := 0.0
	for _, gain := range p.lp.Objective[:columnsOf(p.groups)] {
		largest = max(largest, abs(gain))
	}
	for r, capped := range p.capped {
		if !capped {
			largest = max(largest, (b.upper[r]-b.lower[r])*scale[r])
		}
	}
	_, e := math.Frexp(largest)
	p.unit = math.Ldexp(1, e-13)
	for j := range p.lp.Objective {
		p.lp.Objective[j] /= p.unit
	}
}

// cents turns a solution's objective and prices back into cents.
func (p *reduced) cents(s *LPSolution) {
	var objective sum
	objective.add(s.Objective * p.unit)
	for r, y := range p.origin {
		objective.add(y * p.limit[r])
		s.Prices[r] = p.price(s, r)
	}
	s.Objective = objective.value()
}

// price returns the price of a coupling row, in cents, of a solution as the solver
// left it.
func (p *reduced) price(s *LPSolution, r int) float64 { return p.origin[r] + s.Prices[r]*p.unit }

func (p *reduced) addGroups(m *market) {
	var rows, baseRows []int32
	var amounts, baseAmounts []float64
	var d difference
	var worth, used sum
	left := make([]sum, m.rows())
	for _, g := range p.groups {
		base, weight := g.options[0], float64(len(g.members))
		worth.add(weight * base.worth)
		baseRows, baseAmounts = m.t.of(g.profile, base.rungs, baseRows, baseAmounts)
		for k, r := range baseRows {
			left[r].add(weight * baseAmounts[k])
		}
		convexity := int32(-1)
		if len(g.options) > 2 {
			convexity = p.lp.AddRow(math.Inf(-1), weight)
		}
		for _, o := range g.options[1:] {
			rows, amounts = m.t.of(g.profile, o.rungs, rows, amounts)
			d.set(rows, amounts, baseRows, baseAmounts)
			gain := o.worth - base.worth
			for k, r := range d.rows {
				gain -= p.origin[r] * d.amounts[k]
			}
			if convexity >= 0 {
				d.rows, d.amounts = append(d.rows, convexity), append(d.amounts, 1)
			}
			p.lp.AddCol(gain, 0, weight, d.rows, d.amounts)
		}
	}
	for r := range left {
		used = sum{}
		used.add(p.limit[r])
		used.add(-left[r].value())
		p.limit[r] = used.value()
	}
	p.worth = worth.value()
}

// difference is the non-zero uses of one option less those of another.
type difference struct {
	rows    []int32
	amounts []float64
}

func (d *difference) set(ar []int32, aa []float64, br []int32, ba []float64) {
	d.rows, d.amounts = d.rows[:0], d.amounts[:0]
	add := func(r int32, a float64) {
		if a != 0 {
			d.rows, d.amounts = append(d.rows, r), append(d.amounts, a)
		}
	}
	for len(ar) > 0 || len(br) > 0 {
		switch {
		case len(br) == 0 || len(ar) > 0 && ar[0] < br[0]:
			add(ar[0], aa[0])
			ar, aa = ar[1:], aa[1:]
		case len(ar) == 0 || br[0] < ar[0]:
			add(br[0], -ba[0])
			br, ba = br[1:], ba[1:]
		default:
			add(ar[0], aa[0]-ba[0])
			ar, aa, br, ba = ar[1:], aa[1:], br[1:], ba[1:]
		}
	}
}

// touch says at which edge of the box a row's price was stopped.
type touch int8

const (
	touchNone touch = iota
	touchUpper
	touchLower
)

// touches reads the artificial columns of a solution: a row that bought
// overflow wants a higher price, one that sold a refund a lower one. Overflow of
// soft rows is an answer, not a wish.
func (p *reduced) touches(s *LPSolution, soft []bool) (edges []touch, any bool) {
	edges = make([]touch, len(p.overflow))
	for r := range edges {
		zero := rowSlackTolerance * max(1, abs(p.limit[r]))
		switch {
		case s.X[p.overflow[r]] > zero && !(soft != nil && soft[r] && p.capped[r]):
			edges[r], any = touchUpper, true
		case p.refund[r] >= 0 && s.X[p.refund[r]] > zero:
			edges[r], any = touchLower, true
		}
	}
	return edges, any
}

// overflows returns how much of each row a solution bought beyond its limit.
func (p *reduced) overflows(s *LPSolution) []float64 {
	out := make([]float64, len(p.overflow))
	for r, c := range p.overflow {
		out[r] = s.X[c]
	}
	return out
}

// total returns what a solution and the decided use of each row: of limits, the
// program's own are what the decided and the bases leave.
func (p *reduced) total(s *LPSolution, limits []float64) []float64 {
	out := make([]float64, len(limits))
	for r := range out {
		out[r] = limits[r] - p.limit[r]
	}
	for j := range columnsOf(p.groups) {
		for k := p.lp.Start[j]; k < p.lp.Start[j+1]; k++ {
			if r := p.lp.RowIndex[k]; int(r) < len(out) { // not a group's own
				out[r] += p.lp.Coef[k] * s.X[j]
			}
		}
	}
	return out
}

// Share is a part of a customer's ladder in the linear program's optimum.
type Share struct {
	Customer int32
	Rungs    Rungs
	Share    float64 // in (0, 1)
}

// shareTolerance is how far from a whole number a total of customers is
// rounding.
const shareTolerance = 1e-9

// shares writes the ladders of the program's customers into chosen and returns
// those whose share is not whole. A group's customers take its options one
// after the other, by index, so all but one per fractional total get a whole
// one.
func (p *reduced) shares(s *LPSolution, chosen []Rungs) (split []Share) {
	col := 0
	for _, g := range p.groups {
		totals := make([]float64, len(g.options))
		totals[0] = float64(len(g.members))
		for k := range g.options[1:] {
			x := max(0, s.X[col])
			if whole := math.Round(x); abs(x-whole) <= shareTolerance*max(1, whole) {
				x = whole
			}
			totals[k+1] = x
			totals[0] -= x
			col++
		}
		split = g.hand(totals, chosen, split)
	}
	return split
}

// hand gives the group's options to its customers, totals[k] of option k.
func (g *group) hand(totals []float64, chosen []Rungs, split []Share) []Share {
	k := 0
	for _, customer := range g.members {
		chosen[customer] = Hold
		for room := 1.0; room > shareTolerance && k < len(totals); {
			take := min(room, totals[k])
			switch {
			case take >= 1-shareTolerance:
				chosen[customer] = g.options[k].rungs
			case take > shareTolerance:
				split = append(split, Share{customer, g.options[k].rungs, take})
			}
			room -= take
			if totals[k] -= take; totals[k] <= shareTolerance {
				k++
			}
		}
	}
	return split
}
