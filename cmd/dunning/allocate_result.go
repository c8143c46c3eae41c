package main

import (
	"fmt"
	"math"

	"github.com/jedib0t/go-pretty/v6/table"

	"dunning/data"
	"dunning/optimizer"
)

// allocateResult is the JSON document of allocate.
type allocateResult struct {
	Status         string                `json:"status"`
	Reason         string                `json:"reason,omitempty"` // why it is not optimal
	ObjectiveCents float64               `json:"objective_cents"`  // of the linear program
	BoundCents     float64               `json:"bound_cents"`      // no allocation is worth more
	Gap            float64               `json:"gap"`
	PlanValueCents float64               `json:"plan_value_cents"` // of the whole ladders
	LossCents      float64               `json:"loss_cents"`       // bound less plan value
	SpentCents     float64               `json:"spent_cents"`
	Actions        int                   `json:"actions"` // touches
	Touched        int                   `json:"touched"` // customers with a touch
	Customers      int                   `json:"customers"`
	Candidates     int                   `json:"candidates"`
	Blocked        int                   `json:"blocked"` // rows left out because allowed is false
	Solver         string                `json:"solver"`
	Seconds        float64               `json:"seconds"`
	Prices         []allocatePrice       `json:"prices"`
	Unmet          []optimizer.Shortfall `json:"unmet,omitempty"`      // rows that whole ladders miss
	Shortfalls     []optimizer.Shortfall `json:"shortfalls,omitempty"` // demands that cannot be met together
	Beside         []string              `json:"beside,omitempty"`     // the limits that stand in their way
	ForgoneCents   *float64              `json:"forgone_cents,omitempty"`
	Forced         *allocateForced       `json:"forced,omitempty"`
	Curve          []allocateBudget      `json:"curve,omitempty"`
}

// allocatePrice is one row with its price. Every price from low to high is one
// of the optimum: low is what one unit more brings in, high what one unit less
// costs. They are null where they are not known, high also where there is no
// end to it.
type allocatePrice struct {
	Row        string   `json:"row"`
	Sense      string   `json:"sense"`
	Limit      float64  `json:"limit"`
	Used       float64  `json:"used"`
	PriceCents float64  `json:"price_cents"`
	LowCents   *float64 `json:"price_low_cents"`
	HighCents  *float64 `json:"price_high_cents"`
}

// allocateForced is what the forced ladders come to.
type allocateForced struct {
	Status         string   `json:"status"` // infeasible where they leave no allocation
	Reason         string   `json:"reason,omitempty"`
	Customers      int      `json:"customers"`
	Actions        int      `json:"actions"`
	ValueCents     float64  `json:"value_cents"`     // of the forced ladders
	ObjectiveCents *float64 `json:"objective_cents"` // of all, the forced ones among them
}

// allocateBudget is what one budget would bring in: between low and high.
type allocateBudget struct {
	BudgetCents    float64  `json:"budget_cents"`
	Status         string   `json:"status"` // not_solved where the points beside it say enough
	LowCents       *float64 `json:"low_cents"`
	HighCents      *float64 `json:"high_cents"`
	ObjectiveCents *float64 `json:"objective_cents"`
	PriceCents     *float64 `json:"price_cents"`
}

// describe fills in the figures of the plan.
func (w *allocationWork) describe() {
	r := &w.result
	r.Status, r.ObjectiveCents, r.BoundCents, r.Gap = w.answer.Status.String(), w.answer.ObjectiveCents, w.answer.BoundCents, w.answer.Gap()
	r.PlanValueCents, r.LossCents, r.SpentCents, r.Unmet = w.plan.ValueCents, w.plan.LossCents, w.plan.CostCents, w.plan.Unmet
	for k, p := range optimizer.PriceTableGrid(w.grid, w.answer) {
		price := allocatePrice{Row: p.Row, Sense: p.Sense, Limit: p.Limit, Used: w.plan.Used[k], PriceCents: p.DualPrice}
		if w.answer.Status == optimizer.Optimal {
			price.Used = p.Used
		}
		if k < len(w.answer.Intervals) && !w.answer.Intervals[k].Open {
			price.LowCents, price.HighCents = finite(w.answer.Intervals[k].Low), finite(w.answer.Intervals[k].High)
		}
		r.Prices = append(r.Prices, price)
	}
	if w.whole != nil { // the whole program's own answer
		r.ObjectiveCents, r.BoundCents, r.Gap = w.whole.ObjectiveCents, w.whole.BoundCents, w.whole.Gap()
		for k, y := range w.whole.Prices {
			r.Prices[k].PriceCents = y
		}
	}
}

// shortOfBest returns by which share of the bound the plan may fall short.
func (w *allocationWork) shortOfBest() float64 {
	return w.result.LossCents / math.Max(1, math.Abs(w.result.BoundCents))
}

// finite returns nil for what JSON has no word for.
func finite(x float64) *float64 {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return nil
	}
	return &x
}

func (a *app) printAllocation(r allocateResult) {
	fmt.Fprintf(a.stdout, "status       %s\n", r.Status)
	fmt.Fprintf(a.stdout, "candidates   %d for %d customers (%d more rows are blocked)\n", r.Candidates, r.Customers, r.Blocked)
	fmt.Fprintf(a.stdout, "actions      %d for %d customers, spending %s\n", r.Actions, r.Touched, data.RoundCents(r.SpentCents).BRL())
	fmt.Fprintf(a.stdout, "plan value   %s expected additional recovery\n", data.RoundCents(r.PlanValueCents).BRL())
	fmt.Fprintf(a.stdout, "bound        %s; no allocation brings more (linear program's gap %.1e)\n", data.RoundCents(r.BoundCents).BRL(), r.Gap)
	if f := r.Forced; f != nil {
		fmt.Fprintf(a.stdout, "forced       %d touches for %d customers, worth %s\n", f.Actions, f.Customers, data.RoundCents(f.ValueCents).BRL())
	}
	if r.ForgoneCents != nil {
		fmt.Fprintf(a.stdout, "forgone      %s against the plan without them\n", data.RoundCents(*r.ForgoneCents).BRL())
	}
	a.printPrices(r.Prices)
	a.printBudgets(r.Curve)
	for _, u := range r.Unmet {
		fmt.Fprintf(a.stdout, "unmet        %q demands %s %.10g; whole ladders come to %.10g\n", u.Row, u.Sense, u.Limit, u.Reach)
	}
}

// printPrices lists the rows with a price.
func (a *app) printPrices(prices []allocatePrice) {
	t := table.NewWriter()
	t.SetOutputMirror(a.stdout)
	t.AppendHeader(table.Row{"row", "", "limit", "used", "price (cents per unit more)", "from", "to"})
	for _, p := range prices {
		if p.PriceCents != 0 {
			t.AppendRow(table.Row{p.Row, p.Sense, fmt.Sprintf("%.10g", p.Limit), fmt.Sprintf("%.10g", p.Used), fmt.Sprintf("%.4g", p.PriceCents), priceEnd(p.LowCents), priceEnd(p.HighCents)})
		}
	}
	if t.Length() > 0 {
		t.Render()
	}
}

// printBudgets lists the curve.
func (a *app) printBudgets(curve []allocateBudget) {
	if len(curve) == 0 {
		return
	}
	t := table.NewWriter()
	t.SetOutputMirror(a.stdout)
	t.AppendHeader(table.Row{"budget (cents)", "brings in at least", "and at most"})
	for _, b := range curve {
		low, high := b.Status, ""
		if b.LowCents != nil && b.HighCents != nil {
			low, high = fmt.Sprintf("%.0f", *b.LowCents), fmt.Sprintf("%.0f", *b.HighCents)
		}
		t.AppendRow(table.Row{fmt.Sprintf("%.10g", b.BudgetCents), low, high})
	}
	t.Render()
}

// priceEnd writes an end of an interval, which may be missing.
func priceEnd(x *float64) string {
	if x == nil {
		return "–"
	}
	return fmt.Sprintf("%.4g", *x)
}
