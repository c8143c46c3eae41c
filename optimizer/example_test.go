//go:build cgo

package optimizer_test

import (
	"context"
	"fmt"
	"os"

	"dunning/data"
	"dunning/optimizer"
	"dunning/optimizer/clp"
)

// twoCustomers is a problem that fits on a hand: SMS or voice for two
// customers, 45 cents.
func twoCustomers() *optimizer.Problem {
	day := data.MakeDate(2026, 1, 5)
	p := &optimizer.Problem{Candidates: []optimizer.Candidate{
		{Customer: 0, Channel: data.SMS, Day: day, ValueCents: 100, CostCents: 10},
		{Customer: 0, Channel: data.Voice, Day: day, ValueCents: 150, CostCents: 60},
		{Customer: 1, Channel: data.SMS, Day: day, ValueCents: 80, CostCents: 10},
		{Customer: 1, Channel: data.Voice, Day: day, ValueCents: 90, CostCents: 60},
	}}
	p.Rows = append(p.Rows, p.BudgetRow(45))
	p.Rows = append(p.Rows, p.CapacityRows([]optimizer.Capacity{{Channel: data.Voice, Day: day, Touches: 1}})...)
	return p
}

func ExampleBoxstep() {
	p := twoCustomers()
	s, err := optimizer.Boxstep{LP: clp.New()}.Solve(context.Background(), p)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s: %.0f cents, gap %.0f\n", s.Status, s.ObjectiveCents, s.Gap())
	for r, row := range p.Rows {
		fmt.Printf("%s %s %g: %.4g cents per unit more\n", row.Name, row.Sense, row.Limit, s.Prices[r])
	}
	// Output:
	// optimal: 205 cents, gap 0
	// budget <= 45: 1 cents per unit more
	// voice 2026-01-05 <= 1: 0 cents per unit more
}

func ExampleRound() {
	p := twoCustomers()
	s, err := clp.New().Solve(context.Background(), p)
	if err != nil {
		fmt.Println(err)
		return
	}
	plan, err := optimizer.Round(p, s)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, j := range plan.Chosen {
		fmt.Println("customer", p.Candidates[j].Customer, p.Candidates[j].Channel)
	}
	fmt.Printf("worth %.0f, at most %.0f below the best there can be\n", plan.ValueCents, plan.LossCents)
	// Output:
	// customer 0 sms
	// customer 1 sms
	// worth 180, at most 25 below the best there can be
}

func ExampleCheck() {
	p := twoCustomers()
	s, err := clp.New().Solve(context.Background(), p)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(optimizer.Check(p, s).Err(optimizer.Tolerance{}))
	s.X[1] = 1 // a second touch of customer 0, and more than the budget
	fmt.Println(optimizer.Check(p, s).Err(optimizer.Tolerance{Gap: 1}))
	// Output:
	// <nil>
	// optimizer: certificate refused: a customer is chosen 0.5 times too often
	// optimizer: certificate refused: row "budget" is violated by 0.666667 of its limit
}

// smallPortfolio is a grid that fits on a hand: SMS or voice for two customers,
// 45 cents.
func smallPortfolio() *optimizer.Grid {
	day := data.MakeDate(2026, 1, 5)
	g := &optimizer.Grid{Slots: []optimizer.Slot{{Channel: data.SMS, Day: day}, {Channel: data.Voice, Day: day}}, Profiles: 1}
	g.AddRow(optimizer.BudgetName, optimizer.AtMost, 45, func(_, slot int) float64 { return []float64{10, 60}[slot] })
	values := optimizer.WideMemoryValues(2, 2)
	for _, v := range [][]float64{{100, 150}, {80, 90}} {
		if err := values.Add(0, v); err != nil {
			panic(err)
		}
	}
	g.Values = values
	return g
}

func ExampleRoundGrid() {
	ctx, g := context.Background(), smallPortfolio()
	a, err := optimizer.Boxstep{LP: clp.New()}.Allocate(ctx, g)
	if err != nil {
		fmt.Println(err)
		return
	}
	plan, err := optimizer.RoundGrid(ctx, clp.New(), g, a)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("worth %.0f of at most %.0f, costs %.0f\n", plan.ValueCents, a.BoundCents, plan.CostCents)
	all, err := optimizer.ExplainGrid(ctx, g, a.Prices, plan.Chosen, []int32{0, 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, x := range all {
		for _, touch := range x.Touches {
			fmt.Printf("customer %d %s: value %g, reduced cost %.4g; then %v at %.4g\n", x.Customer, g.Slots[touch.Slot].Channel,
				x.ValueCents, x.ReducedCostCents, x.RunnerUp.Slots(nil), x.RunnerUpReducedCostCents)
		}
	}
	for _, price := range optimizer.PriceTableGrid(g, a) {
		fmt.Printf("%s %s %g, used %g: %.4g cents per unit more\n", price.Row, price.Sense, price.Limit, price.Used, price.DualPrice)
	}
	// Output:
	// worth 180 of at most 205, costs 20
	// customer 0 sms: value 100, reduced cost 90; then [1] at 90
	// customer 1 sms: value 80, reduced cost 70; then [1] at 30
	// budget <= 45, used 45: 1 cents per unit more
}

func ExampleProblem_MinTouchesRow() {
	p := twoCustomers()
	second := func(c *optimizer.Candidate) bool { return c.Customer == 1 }
	p.Rows = append(p.Rows, p.MinTouchesRow("customer 1 twice", second, 2))
	s, err := clp.New().Solve(context.Background(), p)
	fmt.Println(s.Status, err)
	fmt.Println(s.Conflict())
	// Output:
	// infeasible <nil>
	// no allocation meets all rows; putting them first, "customer 1 twice" demands >= 2 and comes to 1
}

func ExampleWriteMPS() {
	p := &optimizer.Problem{Candidates: twoCustomers().Candidates[:1]}
	p.Rows = append(p.Rows, p.BudgetRow(45))
	if err := optimizer.WriteMPS(os.Stdout, p.LP()); err != nil {
		fmt.Println(err)
	}
	// Output:
	// * objective negated: minimise; optimum = -maximum
	// NAME allocation FREE
	// ROWS
	//  N objective
	//  L r.budget
	// COLUMNS
	//  x0 objective -100
	//  x0 r.budget 10
	// RHS
	//  rhs r.budget 45
	// BOUNDS
	//  UP bnd x0 1
	// ENDATA
}
