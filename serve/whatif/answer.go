package whatif

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"dunning/data"
	"dunning/optimizer"
)

// Answer is what the plan would be.
type Answer struct {
	PlanID string `json:"plan_id"` // of the plan that the wish changes
	// Status is optimal, infeasible or time_limit.
	Status string `json:"status"`
	// Demands are those that cannot be met together, Beside the limits that stand
	// in their way: without any one of them the others can be met. Of an
	// infeasible wish; everything below is zero then.
	Demands []Demand `json:"demands,omitempty"`
	Beside  []Row    `json:"beside,omitempty"`

	BudgetCents data.Cents `json:"budget_cents"`
	SpentCents  data.Cents `json:"spent_cents"`
	// ValueCents is the additional recovery of the optimum, BoundCents what no
	// allocation is worth more than.
	ValueCents data.Cents `json:"value_cents"`
	BoundCents data.Cents `json:"bound_cents"`
	Touches    float64    `json:"touches"`
	Touched    int64      `json:"touched"` // customers
	// MarginalCents is what one more cent of budget brings; Low and High are its
	// interval, nil where unknown.
	MarginalCents float64  `json:"marginal_cents"`
	MarginalLow   *float64 `json:"marginal_low,omitempty"`
	MarginalHigh  *float64 `json:"marginal_high,omitempty"`

	Channels []Channel          `json:"channels"` // in the order of data.Channels
	Cells    []Cell             `json:"cells"`    // by channel, then day
	Coverage map[string]float64 `json:"coverage"` // share of each segment's customers who are contacted
	// Sample is how many customers the answer was computed from; 0 for all. An
	// amount of a sample is the plan's times the ratio of the sample's two optima,
	// and ErrorCents is its error (two standard errors).
	Sample     int        `json:"sample,omitempty"`
	ErrorCents data.Cents `json:"error_cents,omitempty"`
	// Base is the unchanged plan, computed in the same way.
	Base *Answer `json:"-"`
	// Short are the wished coverages that ladders of several touches miss.
	Short   []Demand `json:"short,omitempty"`
	Seconds float64  `json:"seconds"` // what the answer took
}

// Demand is a minimum that is not reached.
type Demand struct {
	Row
	Demanded float64 `json:"demanded"`
	Reached  float64 `json:"reached"`
}

// Channel adds up a channel.
type Channel struct {
	Channel   data.Channel `json:"channel"`
	Touches   float64      `json:"touches"`
	CostCents data.Cents   `json:"cost_cents"`
}

// Cell is a channel on a day.
type Cell struct {
	Channel  data.Channel `json:"channel"`
	Day      data.Date    `json:"day"`
	Touches  float64      `json:"touches"`
	Capacity *int64       `json:"capacity,omitempty"` // nil where unlimited
	// PriceCents is what one more touch would bring; Low and High are its
	// interval, nil where unknown. High is nil, too, where a closed channel has no
	// end to it.
	PriceCents float64  `json:"price_cents"`
	Low        *float64 `json:"low,omitempty"`
	High       *float64 `json:"high,omitempty"`
}

// key tells one wish from another.
func (w Wish) key() string {
	b, err := json.Marshal(w)
	if err != nil { // of a wish that was checked there is none
		return fmt.Sprint(w)
	}
	return string(b)
}

// coverageRounds is how often a coverage is raised because several touches of
// its customers met it with fewer of them.
const coverageRounds = 8

// solve answers a wish; it returns the allocation, too.
func (e *Engine) solve(ctx context.Context, p *prepared, w Wish) (*Answer, *optimizer.Allocation, error) {
	began := time.Now()
	c := p.with(w)
	if c.tooMuch {
		return c.overspent(began), nil, nil
	}
	// Prices of a sample say nothing of how far those of everybody reach.
	solver := optimizer.Boxstep{LP: e.lp, Intervals: p.scale == 1, Log: e.log}
	var a *optimizer.Allocation
	for round := 0; ; round++ {
		var err error
		if a, err = solver.Allocate(ctx, c.grid); err != nil {
			return nil, nil, err
		}
		if a.Status != optimizer.Optimal || round == coverageRounds || !c.demandMore(a) {
			break
		}
	}
	out := c.answer(a)
	out.Seconds = time.Since(began).Seconds()
	return out, a, nil
}

// overspent answers for a budget that does not pay for what réguas take.
func (c *changed) overspent(began time.Time) *Answer {
	return &Answer{PlanID: c.PlanID, Status: optimizer.Infeasible.String(), Seconds: time.Since(began).Seconds(),
		Demands: []Demand{{Row: Row{Kind: BudgetRow, Name: optimizer.BudgetName}, Demanded: float64(c.TakenCents)}}}
}

// demandMore raises the coverages that are met by fewer customers than wished,
// and says whether any was.
func (c *changed) demandMore(a *optimizer.Allocation) bool {
	if len(c.wanted) == 0 || c.grid.Ladder.Touches <= 1 {
		return false
	}
	touched := c.count(a).touched
	more := false
	for r := range c.rows {
		want, ok := c.wanted[c.rows[r].Segment]
		if c.rows[r].Kind != CoverageRow || !ok {
			continue
		}
		// A share that is no whole number of customers is met by the next
		// smaller one, as in a plan.
		if got := touched[c.rows[r].Segment]; got <= want-1 {
			c.grid.Rows[r].Limit += want - got
			more = true
		}
	}
	return more
}

// counted is what an allocation does, in touches.
type counted struct {
	bySlot  []float64
	cost    []float64          // cents, by slot
	touched map[string]float64 // customers, by segment
	all     int64              // customers
}

// count goes through the ladders of an allocation.
func (c *changed) count(a *optimizer.Allocation) *counted {
	n := len(c.grid.Slots)
	out := &counted{bySlot: make([]float64, n), cost: make([]float64, n), touched: map[string]float64{}}
	touched := make([]float64, c.grid.Profiles)
	add := func(i int32, rungs optimizer.Rungs, share float64) {
		profile := int32(0)
		if c.profile != nil {
			profile = c.profile[i]
		}
		if rungs != optimizer.Hold {
			touched[profile] += share
		}
		for ; rungs != optimizer.Hold; rungs = rungs.Rest() {
			s := rungs.First()
			out.bySlot[s] += share
			out.cost[s] += share * c.cost[profile][s]
		}
	}
	for i, rungs := range a.Chosen {
		if rungs != optimizer.Hold {
			add(int32(i), rungs, 1)
		}
	}
	for _, s := range a.Split {
		add(s.Customer, s.Rungs, s.Share)
	}
	total := 0.0
	for profile, x := range touched {
		out.touched[c.Segments[profile]] += x
		total += x
	}
	out.all = int64(math.Round(total / c.scale))
	return out
}

// answer turns an allocation into what a person reads.
func (c *changed) answer(a *optimizer.Allocation) *Answer {
	out := &Answer{PlanID: c.PlanID, Status: a.Status.String(), Coverage: map[string]float64{}}
	if a.Status == optimizer.Infeasible {
		c.conflict(a, out)
		return out
	}
	if len(a.Chosen) == 0 {
		return out // cut short before there was anything
	}
	out.BudgetCents = data.RoundCents(c.grid.Rows[0].Limit/c.scale) + c.TakenCents
	out.ValueCents = data.RoundCents(a.ObjectiveCents/c.scale + c.FixedCents)
	out.BoundCents = max(out.ValueCents, data.RoundCents(a.BoundCents/c.scale+c.FixedCents))
	n := c.count(a)
	out.Touched = n.all
	for name, size := range c.size {
		if size > 0 {
			out.Coverage[name] = n.touched[name] / float64(size)
		}
	}
	c.cells(a, n, out)
	c.unreached(n, out)
	return out
}

// cells fills in channels, days and prices, with what réguas take beside the
// program.
func (c *changed) cells(a *optimizer.Allocation, n *counted, out *Answer) {
	rowOf := map[optimizer.Slot]int{}
	for r := range c.rows {
		if c.rows[r].Kind == CapacityRow {
			rowOf[optimizer.Slot{Channel: c.rows[r].Channel, Day: c.rows[r].Day}] = r
		}
	}
	cost := 0.0
	for _, ch := range c.channels {
		sum, spent := Channel{Channel: ch}, 0.0
		for s, slot := range c.grid.Slots {
			if slot.Channel != ch {
				continue
			}
			cell := Cell{Channel: ch, Day: slot.Day, Touches: n.bySlot[s]/c.scale + float64(c.TakenSlots[slot])}
			if r, limited := rowOf[slot]; limited {
				capacity := int64(math.Round(c.grid.Rows[r].Limit/c.scale)) + c.TakenSlots[slot]
				cell.Capacity = &capacity
				cell.PriceCents, cell.Low, cell.High = price(a, r)
			}
			out.Cells = append(out.Cells, cell)
			sum.Touches += cell.Touches
			spent += n.cost[s] / c.scale
		}
		sum.CostCents = data.RoundCents(spent)
		out.Channels = append(out.Channels, sum)
		out.Touches += sum.Touches
		cost += spent
	}
	out.SpentCents = data.RoundCents(cost) + c.TakenCents
	out.MarginalCents, out.MarginalLow, out.MarginalHigh = price(a, 0)
}

// price returns a row's price and its interval.
func price(a *optimizer.Allocation, r int) (at float64, low, high *float64) {
	if len(a.Prices) == 0 {
		return 0, nil, nil
	}
	if r < len(a.Intervals) && !a.Intervals[r].Open {
		low, high = known(a.Intervals[r].Low), known(a.Intervals[r].High)
	}
	return a.Prices[r], low, high
}

func known(f float64) *float64 {
	if math.IsInf(f, 0) || math.IsNaN(f) {
		return nil
	}
	return &f
}

// unreached lists the wished coverages that are missed by a customer or more.
func (c *changed) unreached(n *counted, out *Answer) {
	for _, segment := range slices.Sorted(maps.Keys(c.wanted)) {
		if got := n.touched[segment]; got <= c.wanted[segment]-1 {
			out.Short = append(out.Short, Demand{Row{Kind: CoverageRow, Name: c.MinimumRow(segment), Segment: segment}, c.wanted[segment], got})
		}
	}
}

// conflict names the rows that contradict each other.
func (c *changed) conflict(a *optimizer.Allocation, out *Answer) {
	named := func(name string) Row {
		for _, r := range c.rows {
			if r.Name == name {
				return r
			}
		}
		return Row{Kind: OtherRow, Name: name}
	}
	for _, s := range a.Shortfalls {
		out.Demands = append(out.Demands, Demand{named(s.Row), s.Limit, s.Reach})
	}
	for _, name := range a.Beside {
		out.Beside = append(out.Beside, named(name))
	}
}
