package allocation

import (
	"fmt"

	"dunning/data"
	"dunning/optimizer"
)

// BuildProblem returns the optimizer's problem: one budget row, one row per
// capacity, then the further rows (nil for none). Customer indices are those
// of the candidates. The error names a row whose segment, customers, channel
// and day leave no candidate although it demands something, and any fault that
// [optimizer.Problem.Validate] finds.
func BuildProblem(c *Candidates, budgetCents float64, capacities []optimizer.Capacity, further *Rows) (*optimizer.Problem, error) {
	p := &optimizer.Problem{Candidates: c.Options}
	p.Rows = append(p.Rows, p.BudgetRow(budgetCents))
	p.Rows = append(p.Rows, p.CapacityRows(capacities)...)
	if further != nil {
		for _, spec := range further.Rows {
			row, err := further.row(c, p, spec)
			if err != nil {
				return nil, err
			}
			p.Rows = append(p.Rows, row)
		}
	}
	return p, p.Validate()
}

func (r *Rows) row(c *Candidates, p *optimizer.Problem, s RowSpec) (optimizer.Row, error) {
	member := r.members(c, s)
	customers := 0
	for _, m := range member {
		if m {
			customers++
		}
	}
	if customers == 0 {
		return optimizer.Row{}, fmt.Errorf("%w: row %q: no customer with an allowed candidate is in it; check its segment and customers", data.ErrBadInput, s.Name)
	}
	day, err := data.Date(0), error(nil)
	if s.Day != "" {
		if day, err = data.ParseDate(s.Day); err != nil {
			return optimizer.Row{}, fmt.Errorf("row %q: %w", s.Name, err)
		}
	}
	in := func(o *optimizer.Candidate) bool {
		return member[o.Customer] && (s.Channel == "" || o.Channel == s.Channel) && (s.Day == "" || o.Day == day)
	}
	switch s.Kind {
	case MinTouches:
		return p.MinTouchesRow(s.Name, in, s.Limit), nil
	case MaxTouches:
		return p.MaxTouchesRow(s.Name, in, s.Limit), nil
	case MinCoverage:
		return p.MinTouchesRow(s.Name, in, s.Limit*float64(customers)), nil
	case MaxShare:
		return p.MaxShareRow(s.Name, in, s.Limit), nil
	case MinValue:
		return p.MinValueRow(s.Name, in, s.Limit), nil
	case MaxCost:
		return p.NewRow(s.Name, optimizer.AtMost, s.Limit, func(o *optimizer.Candidate) float64 {
			if in(o) {
				return o.CostCents
			}
			return 0
		}), nil
	}
	return optimizer.Row{}, fmt.Errorf("%w %q", data.ErrUnknownKind, s.Kind)
}

// members tells which customers are of the row's segment and list.
func (r *Rows) members(c *Candidates, s RowSpec) []bool {
	listed := make(map[string]bool, len(s.Customers))
	for _, id := range s.Customers {
		listed[id] = true
	}
	member := make([]bool, len(c.CustomerID))
	for i, id := range c.CustomerID {
		segment := c.Segment[i]
		if r.segment != nil {
			segment = r.segment[id]
		}
		member[i] = (s.Segment == "" || segment == s.Segment) && (len(listed) == 0 || listed[id])
	}
	return member
}
