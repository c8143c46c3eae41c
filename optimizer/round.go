package optimizer

import (
	"cmp"
	"slices"
)

// Plan is an allocation in whole actions: at most one candidate per customer.
type Plan struct {
	Chosen     []int32 // candidates, by customer
	ValueCents float64
	CostCents  float64
	// LossCents is the bound less the value: what whole actions cost at most
	// against the best allocation there can be, whole or not.
	LossCents  float64
	Fractional int         // customers whose share in the linear program was not whole
	Unmet      []Shortfall // rows that the repair could not meet; nil in general
}

// wholeShare is the share from which a customer counts as chosen as a whole.
const wholeShare = 1 - 1e-6

// rowSlackTolerance is how far, over max(1, |limit|), sums of uses may exceed a
// limit by rounding.
const rowSlackTolerance = 1e-9

// Round turns an optimal solution into whole actions. Customers with a whole
// share keep it, the others (at most one per binding row) start from hold;
// then rows left unmet are repaired by the moves that lose the least reduced
// cost, and what the limits still allow is filled by the moves that gain value,
// largest gain of reduced cost first. Ties go to the lower customer, then the
// earlier day, then the order of data.Channels. The error is s.Err() for a
// solution that is not optimal.
func Round(p *Problem, s *Solution) (*Plan, error) {
	if err := s.Err(); err != nil {
		return nil, err
	}
	r := newRounding(p, s)
	plan := &Plan{Fractional: r.start()}
	r.repair()
	r.fill(s.BoundCents)
	var value, cost sum
	for _, j := range r.chosen {
		if j >= 0 {
			plan.Chosen = append(plan.Chosen, j)
			value.add(p.Candidates[j].ValueCents)
			cost.add(p.Candidates[j].CostCents)
		}
	}
	plan.ValueCents, plan.CostCents = value.value(), cost.value()
	plan.LossCents = s.BoundCents - plan.ValueCents
	plan.Unmet = r.unmet()
	return plan, nil
}

// rounding is the state of Round. Rows are kept in the direction ≤: an AtLeast
// row is negated.
type rounding struct {
	p            *Problem
	s            *Solution
	cols         columns
	byCustomer   []int32 // candidates by customer
	order        []int32
	reduced      []float64
	best         []float64 // largest reduced cost of each customer, at least 0 (hold)
	chosen       []int32   // candidate of each customer, -1 for hold
	sign         []float64
	limit, slack []float64 // limit with tolerance; limit less use
	given        []bool    // rows that the repair gave up
}

func newRounding(p *Problem, s *Solution) *rounding {
	r := &rounding{p: p, s: s, cols: p.columns(), reduced: s.ReducedCosts(p)}
	r.byCustomer, r.order = p.byCustomer()
	n := len(r.byCustomer) - 1
	r.best, r.chosen = make([]float64, n), make([]int32, n)
	for i := range n {
		r.chosen[i] = -1
	}
	for j := range p.Candidates {
		i := p.Candidates[j].Customer
		r.best[i] = max(r.best[i], r.reduced[j])
	}
	r.sign, r.slack, r.limit = make([]float64, len(p.Rows)), make([]float64, len(p.Rows)), make([]float64, len(p.Rows))
	r.given = make([]bool, len(p.Rows))
	for k := range p.Rows {
		r.sign[k] = 1
		if p.Rows[k].Sense == AtLeast {
			r.sign[k] = -1
		}
		r.limit[k] = r.sign[k]*p.Rows[k].Limit + rowSlackTolerance*max(1, abs(p.Rows[k].Limit))
		r.slack[k] = r.limit[k]
	}
	return r
}

// start chooses the whole shares and counts the customers with broken ones.
func (r *rounding) start() (fractional int) {
	for i := range r.chosen {
		broken := false
		for _, j := range r.order[r.byCustomer[i]:r.byCustomer[i+1]] {
			switch x := r.s.X[j]; {
			case x >= wholeShare:
				r.move(int32(i), j)
			case x > 1-wholeShare:
				broken = true
			}
		}
		if broken && r.chosen[i] < 0 {
			fractional++
		}
	}
	return fractional
}

// move gives customer i the candidate j, or hold for -1.
func (r *rounding) move(i, j int32) {
	r.use(r.chosen[i], -1)
	r.use(j, 1)
	r.chosen[i] = j
}

func (r *rounding) use(j int32, times float64) {
	if j < 0 {
		return
	}
	for k := r.cols.start[j]; k < r.cols.start[j+1]; k++ {
		row := r.cols.row[k]
		r.slack[row] -= times * r.sign[row] * r.cols.amount[k]
	}
}

// fits reports whether customer i can move to candidate j (-1: hold) without
// taking more of any row than is left.
func (r *rounding) fits(i, j int32) bool {
	from := r.chosen[i]
	if j >= 0 {
		for k := r.cols.start[j]; k < r.cols.start[j+1]; k++ {
			row := r.cols.row[k]
			if r.exceeds(row, r.cols.amount[k]-r.amount(from, row)) {
				return false
			}
		}
	}
	if from >= 0 {
		for k := r.cols.start[from]; k < r.cols.start[from+1]; k++ {
			row := r.cols.row[k]
			if r.exceeds(row, r.amount(j, row)-r.cols.amount[k]) {
				return false
			}
		}
	}
	return true
}

func (r *rounding) exceeds(row int32, change float64) bool {
	change *= r.sign[row]
	return change > 0 && change > r.slack[row]
}

// amount returns what candidate j uses of a row; 0 for hold.
func (r *rounding) amount(j, row int32) float64 {
	if j < 0 {
		return 0
	}
	rows := r.cols.row[r.cols.start[j]:r.cols.start[j+1]]
	if k, ok := slices.BinarySearch(rows, row); ok {
		return r.cols.amount[r.cols.start[j]+int32(k)]
	}
	return 0
}

// step is a possible move of one customer.
type step struct {
	customer, to int32
	gain         float64 // of reduced cost
}

// before orders steps: larger gain, then customer, day, channel; hold last.
func (r *rounding) before(a, b step) int {
	if c := cmp.Or(cmp.Compare(b.gain, a.gain), cmp.Compare(a.customer, b.customer)); c != 0 || a.to == b.to {
		return c
	}
	if a.to < 0 || b.to < 0 {
		return cmp.Compare(b.to, a.to)
	}
	ca, cb := &r.p.Candidates[a.to], &r.p.Candidates[b.to]
	return cmp.Or(cmp.Compare(ca.Day, cb.Day), cmp.Compare(ca.Channel.Index(), cb.Channel.Index()))
}

func (r *rounding) gain(i, j int32) float64 {
	g := 0.0
	if j >= 0 {
		g = r.reduced[j]
	}
	if c := r.chosen[i]; c >= 0 {
		g -= r.reduced[c]
	}
	return g
}

// repair moves customers, the cheapest move first, until every row is met or
// no single move helps a row that is not.
func (r *rounding) repair() {
	for {
		row := int32(-1)
		for k := range r.slack {
			if r.slack[k] < 0 && !r.given[k] {
				row = int32(k)
				break
			}
		}
		if row < 0 {
			return
		}
		best, found := step{}, false
		for i := range r.chosen {
			r.eachHelping(int32(i), row, func(s step) {
				if !found || r.before(s, best) < 0 {
					if r.fits(s.customer, s.to) {
						best, found = s, true
					}
				}
			})
		}
		if !found {
			r.given[row] = true
			continue
		}
		r.move(best.customer, best.to)
	}
}

// eachHelping yields the moves of customer i that relieve a row.
func (r *rounding) eachHelping(i, row int32, yield func(step)) {
	now := r.sign[row] * r.amount(r.chosen[i], row)
	if now > 0 {
		yield(step{i, -1, r.gain(i, -1)})
	}
	for _, j := range r.order[r.byCustomer[i]:r.byCustomer[i+1]] {
		if r.sign[row]*r.amount(j, row) < now {
			yield(step{i, j, r.gain(i, j)})
		}
	}
}

// fill makes moves that gain value while they fit. A plan that gives customer
// i a candidate whose reduced cost is δ below i's best is worth at most
// bound − δ, so only moves with δ below the current loss are looked at.
func (r *rounding) fill(bound float64) {
	for range 3 {
		var value sum
		for _, j := range r.chosen {
			if j >= 0 {
				value.add(r.p.Candidates[j].ValueCents)
			}
		}
		loss := bound - value.value()
		var steps []step
		for i := range r.chosen {
			for _, j := range r.order[r.byCustomer[i]:r.byCustomer[i+1]] {
				if r.best[i]-r.reduced[j] <= loss && r.gainsValue(int32(i), j) && r.fits(int32(i), j) {
					steps = append(steps, step{int32(i), j, r.gain(int32(i), j)})
				}
			}
		}
		slices.SortFunc(steps, r.before)
		moved := false
		for _, s := range steps {
			if r.gainsValue(s.customer, s.to) && r.fits(s.customer, s.to) {
				r.move(s.customer, s.to)
				moved = true
			}
		}
		if !moved {
			return
		}
	}
}

func (r *rounding) gainsValue(i, j int32) bool {
	now := 0.0
	if c := r.chosen[i]; c >= 0 {
		now = r.p.Candidates[c].ValueCents
	}
	return r.p.Candidates[j].ValueCents > now
}

func (r *rounding) unmet() []Shortfall {
	var out []Shortfall
	for k := range r.slack {
		if r.slack[k] >= 0 {
			continue
		}
		row := &r.p.Rows[k]
		reach := r.sign[k] * (r.limit[k] - r.slack[k])
		out = append(out, Shortfall{Row: row.Name, Sense: row.Sense, Limit: row.Limit, Reach: reach, Amount: abs(reach - row.Limit)})
	}
	return out
}
