//go:build cgo

package clp_test

import (
	"context"
	"testing"

	"dunning/optimizer"
	"dunning/optimizer/clp"
)

// BenchmarkCold solves 71 coupling rows × 20,000 columns (571 rows in all) from
// nothing, loading included.
func BenchmarkCold(b *testing.B) {
	lp := instance(b, 500, 5, 14).LP()
	for _, c := range []struct {
		name   string
		solver optimizer.LPSolver
	}{
		{"dual", clp.New()}, {"primal", &clp.Solver{Algorithm: clp.Primal}}, {"barrier", &clp.Solver{Algorithm: clp.Barrier}},
		{"reference", clp.Reference{}},
	} {
		b.Run(c.name, func(b *testing.B) {
			iterations := 0
			for b.Loop() {
				iterations += mustSolve(b, c.solver.SolveLP, lp).Iterations
			}
			b.ReportMetric(float64(iterations)/float64(b.N), "iterations/op")
		})
	}
}

// BenchmarkOpen loads the program of BenchmarkCold and frees it.
func BenchmarkOpen(b *testing.B) {
	lp := instance(b, 500, 5, 14).LP()
	for b.Loop() {
		s, err := clp.New().OpenLP(lp)
		if err != nil {
			b.Fatal(err)
		}
		s.Close()
	}
}

// BenchmarkWarm solves the program of BenchmarkCold again after a change: a
// tenth off or on the limit of one row that binds; 1 % of the objective; ten
// columns more that pay.
func BenchmarkWarm(b *testing.B) {
	lp := instance(b, 500, 5, 14).LP()
	cold := mustSolve(b, clp.New().SolveLP, lp)
	var binding []int
	for r := range 71 {
		if cold.Prices[r] > 0 {
			binding = append(binding, r)
		}
	}
	changes := []struct {
		name   string
		change func(s optimizer.LPSession, k int)
	}{
		{"none", func(optimizer.LPSession, int) {}},
		{"bound", func(s optimizer.LPSession, k int) {
			r := binding[k/2%len(binding)]
			s.SetRowBounds(r, lp.RowLower[r], lp.RowUpper[r]*(1-0.1*float64((k+1)%2)))
		}},
		{"objective", func(s optimizer.LPSession, k int) {
			for j := k % 100; j < lp.Cols(); j += 100 {
				s.SetObjective(j, lp.Objective[j]*(1+0.1*float64(k/100%2)))
			}
		}},
		{"columns", func(s optimizer.LPSession, k int) {
			add := &optimizer.LP{}
			for n := range 10 {
				j := (k*7919 + n*104729) % lp.Cols()
				from, to := lp.Start[j], lp.Start[j+1]
				add.AddCol(lp.Objective[j]*1.2, 0, 1, lp.RowIndex[from:to], lp.Coef[from:to])
			}
			s.AddCols(add)
		}},
	}
	for _, c := range changes {
		b.Run(c.name, func(b *testing.B) {
			s, err := clp.New().OpenLP(lp)
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			solve := func(ctx context.Context, _ *optimizer.LP) (*optimizer.LPSolution, error) { return s.Solve(ctx) }
			mustSolve(b, solve, nil)
			iterations, k := 0, 0
			for b.Loop() {
				c.change(s, k)
				iterations += mustSolve(b, solve, nil).Iterations
				k++
			}
			b.ReportMetric(float64(iterations)/float64(b.N), "iterations/op")
		})
	}
}

func mustSolve(b *testing.B, solve func(context.Context, *optimizer.LP) (*optimizer.LPSolution, error), lp *optimizer.LP) *optimizer.LPSolution {
	b.Helper()
	s, err := solve(context.Background(), lp)
	if err != nil || s.Status != optimizer.Optimal {
		b.Fatal(s, err)
	}
	return s
}
