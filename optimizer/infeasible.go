package optimizer

import (
	"context"
	"fmt"
	"math"
)

// diagnose finds, for an infeasible problem, an allocation with the least total
// shortfall over the rows that holding everybody does not meet, each measured
// relative to its limit, and returns the rows it leaves short. All other rows
// are met. It returns none when the linear program says that all can be met
// (the problem is then infeasible within rounding only) or ctx is done.
func diagnose(ctx context.Context, solver LPSolver, p *Problem) ([]Shortfall, error) {
	lp := p.LP()
	for j := range lp.Objective {
		lp.Objective[j] = 0
	}
	var elastic []int
	for r := range p.Rows {
		row := &p.Rows[r]
		switch {
		case row.Sense == AtLeast && row.Limit > 0:
			lp.AddCol(-1/max(1, row.Limit), 0, math.Inf(1), []int32{int32(r)}, []float64{1})
		case row.Sense == AtMost && row.Limit < 0:
			lp.AddCol(-1/max(1, -row.Limit), 0, math.Inf(1), []int32{int32(r)}, []float64{-1})
		default:
			continue
		}
		elastic = append(elastic, r)
	}
	res, err := solver.SolveLP(ctx, lp)
	if err != nil {
		return nil, fmt.Errorf("optimizer: least shortfall: %w", err)
	}
	if res.Status != Optimal {
		return nil, nil
	}
	var out []Shortfall
	for k, r := range elastic {
		row := &p.Rows[r]
		short := res.X[len(p.Candidates)+k]
		if short <= 1e-9*max(1, abs(row.Limit)) {
			continue
		}
		f := Shortfall{Row: row.Name, Sense: row.Sense, Limit: row.Limit, Reach: row.Limit - short, Amount: short}
		if row.Sense == AtMost {
			f.Reach = row.Limit + short
		}
		out = append(out, f)
	}
	return out, nil
}
