//go:build cgo

package clp_test

import (
	"context"
	"fmt"
	"math"

	"dunning/optimizer"
	"dunning/optimizer/clp"
)

// A program is opened once; each change of it is solved from where the last
// solve ended.
func ExampleSolver_OpenLP() {
	lp := &optimizer.LP{}
	hours := lp.AddRow(math.Inf(-1), 18)
	lp.AddCol(3, 0, 4, []int32{hours}, []float64{3})
	lp.AddCol(5, 0, 6, []int32{hours}, []float64{2})
	session, err := clp.New().OpenLP(lp)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer session.Close()
	show := func(what string) {
		s, err := session.Solve(context.Background())
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("%s: %s %.1f at %.1f, price of an hour %.2f\n", what, s.Status, s.Objective, s.X, s.Prices[hours])
	}
	show("18 hours")
	session.SetRowBounds(int(hours), math.Inf(-1), 9)
	show("9 hours")
	more := &optimizer.LP{}
	more.AddCol(4, 0, 2, []int32{hours}, []float64{1})
	session.AddCols(more)
	show("another column")
	// Output:
	// 18 hours: optimal 36.0 at [2.0 6.0], price of an hour 1.00
	// 9 hours: optimal 22.5 at [0.0 4.5], price of an hour 2.50
	// another column: optimal 25.5 at [0.0 3.5 2.0], price of an hour 2.50
}
