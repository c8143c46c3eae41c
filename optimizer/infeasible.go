package optimizer

import "context"

// diagnose solves, for a problem that seems infeasible, the problem of the least
// total shortfall and returns the rows it leaves short; none means that all rows
// can be met. Only the rows that holding everybody does not meet may fall
// short, each by a share of its limit: for each there is one more customer
// whose single option supplies the whole limit at the value −1. Everybody else
// is worth nothing, so the objective is minus the total of those shares. That
// is an allocation problem like any other, feasible by making.
func diagnose(ctx context.Context, solver Solver, p *Problem) ([]Shortfall, error) {
	easy := &Problem{Candidates: make([]Candidate, len(p.Candidates)), Rows: make([]Row, len(p.Rows))}
	copy(easy.Candidates, p.Candidates)
	for j := range easy.Candidates {
		easy.Candidates[j].ValueCents = 0
	}
	next := int32(p.Customers())
	supplier := make([]int32, len(p.Rows)) // candidate that may supply the row, -1 for none
	for r := range p.Rows {
		easy.Rows[r], supplier[r] = p.Rows[r], -1
		if limit := p.Rows[r].Limit; p.Rows[r].Sense == AtLeast && limit > 0 || p.Rows[r].Sense == AtMost && limit < 0 {
			j := int32(len(easy.Candidates))
			easy.Candidates = append(easy.Candidates, Candidate{Customer: next, Channel: channelOfSuppliers, ValueCents: -1})
			easy.Rows[r].Use = append(append([]Use(nil), p.Rows[r].Use...), Use{Candidate: j, Amount: limit})
			supplier[r] = j
			next++
		}
	}
	sol, err := solver.Solve(ctx, easy)
	if err != nil || sol.Status != Optimal {
		return nil, err
	}
	var out []Shortfall
	for r, j := range supplier {
		if j < 0 || sol.X[j] <= shortTolerance {
			continue
		}
		row := &p.Rows[r]
		short := sol.X[j] * row.Limit
		out = append(out, Shortfall{Row: row.Name, Sense: row.Sense, Limit: row.Limit, Reach: row.Limit - short, Amount: abs(short)})
	}
	return out, nil
}

// shortTolerance is the share of a limit up to which a shortfall is rounding.
const shortTolerance = 1e-7

// channelOfSuppliers is any valid channel: no row looks at it again.
const channelOfSuppliers = "email"
