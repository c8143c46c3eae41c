//go:build cgo

package clp_test

import (
	"context"
	"errors"
	"math"
	"runtime"
	"sync"
	"testing"
	"time"

	"dunning/optimizer"
	"dunning/optimizer/clp"
)

// program builds max cᵀx, Ax ≤ b, 0 ≤ x ≤ upper from dense rows.
func program(c []float64, a [][]float64, b []float64, upper float64) *optimizer.LP {
	lp := &optimizer.LP{}
	for _, limit := range b {
		lp.AddRow(math.Inf(-1), limit)
	}
	for j := range c {
		var rows []int32
		var coefs []float64
		for r := range a {
			if a[r][j] != 0 {
				rows, coefs = append(rows, int32(r)), append(coefs, a[r][j])
			}
		}
		lp.AddCol(c[j], 0, upper, rows, coefs)
	}
	return lp
}

func TestSolveLPStatuses(t *testing.T) {
	twice := &optimizer.LP{}
	twice.AddCol(1, 0, 1, []int32{twice.AddRow(-inf, 1), 0}, []float64{1, 1})
	cases := []struct {
		name   string
		lp     *optimizer.LP
		status optimizer.Status
		want   float64
	}{
		{"optimal", program([]float64{3, 5}, [][]float64{{1, 0}, {0, 2}, {3, 2}}, []float64{4, 12, 18}, inf), optimizer.Optimal, 36},
		{"infeasible", program([]float64{1}, [][]float64{{1}, {-1}}, []float64{1, -2}, inf), optimizer.Infeasible, 0},
		{"unbounded", program([]float64{1}, [][]float64{{-1}}, []float64{1}, inf), optimizer.Unbounded, 0},
		{"no columns", program(nil, [][]float64{{}}, []float64{1}, inf), optimizer.Optimal, 0},
		{"no columns, infeasible", program(nil, [][]float64{{}}, []float64{-1}, inf), optimizer.Infeasible, 0},
		{"no rows", program([]float64{2, -1}, nil, nil, 3), optimizer.Optimal, 6},
		{"no rows, unbounded", program([]float64{2}, nil, nil, inf), optimizer.Unbounded, 0},
		{"empty column", program([]float64{2, 1}, [][]float64{{0, 1}}, []float64{1}, 5), optimizer.Optimal, 11},
		{"row twice in a column adds up", twice, optimizer.Optimal, 0.5},
		{"empty last row", program([]float64{2}, [][]float64{{1}, {0}}, []float64{1, 7}, 5), optimizer.Optimal, 2},
	}
	for _, c := range cases {
		for name, solver := range solvers() {
			t.Run(c.name+"/"+name, func(t *testing.T) {
				s, err := solver.SolveLP(context.Background(), c.lp)
				if err != nil || s.Status != c.status || math.Abs(s.Objective-c.want) > 1e-9 {
					t.Fatalf("%+v %v, want %s %g", s, err, c.status, c.want)
				}
				if s.Status == optimizer.Optimal && (len(s.X) != c.lp.Cols() || len(s.Prices) != c.lp.Rows()) {
					t.Fatalf("%d shares of %d columns, %d prices of %d rows", len(s.X), c.lp.Cols(), len(s.Prices), c.lp.Rows())
				}
			})
		}
	}
}

func TestSolveLPRefusesWhatIsNoProgram(t *testing.T) {
	good := func() *optimizer.LP { return program([]float64{1}, [][]float64{{1}}, []float64{1}, 1) }
	cases := []struct {
		name string
		harm func(lp *optimizer.LP)
	}{
		{"objective NaN", func(lp *optimizer.LP) { lp.Objective[0] = math.NaN() }},
		{"bound NaN", func(lp *optimizer.LP) { lp.ColUpper[0] = math.NaN() }},
		{"row bound NaN", func(lp *optimizer.LP) { lp.RowUpper[0] = math.NaN() }},
		{"coefficient infinite", func(lp *optimizer.LP) { lp.Coef[0] = math.Inf(1) }},
		{"row out of range", func(lp *optimizer.LP) { lp.RowIndex[0] = 1 }},
		{"short bounds", func(lp *optimizer.LP) { lp.ColLower = nil }},
		{"lower bound +Inf", func(lp *optimizer.LP) { lp.ColLower[0], lp.ColUpper[0] = inf, inf }},
		{"starts beyond the coefficients", func(lp *optimizer.LP) { lp.Start[1] = 2 }},
		{"starts after the first coefficient", func(lp *optimizer.LP) { lp.Start[0] = 1 }},
		{"falling starts", func(lp *optimizer.LP) {
			lp.AddCol(1, 0, 1, nil, nil)
			lp.Start[1] = 3
		}},
	}
	for _, c := range cases {
		for name, solver := range solvers() {
			t.Run(c.name+"/"+name, func(t *testing.T) {
				lp := good()
				c.harm(lp)
				if s, err := solver.SolveLP(context.Background(), lp); err == nil {
					t.Fatalf("no error, but %+v", s)
				}
			})
		}
	}
}

func TestClosedSolverRefuses(t *testing.T) {
	s := clp.New()
	for range 2 {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.SolveLP(context.Background(), program([]float64{1}, [][]float64{{1}}, []float64{1}, 1)); !errors.Is(err, clp.ErrClosed) {
		t.Fatalf("error %v", err)
	}
}

// TestConcurrentSolvesUnderCollection solves many programs at once while the
// collector runs all the time: an object that is freed while CLP reads it shows
// here.
func TestConcurrentSolvesUnderCollection(t *testing.T) {
	stop := make(chan struct{})
	var collector, workers sync.WaitGroup
	collector.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				runtime.GC()
			}
		}
	})
	for w := range 4 {
		s := []optimizer.Solver{clp.New(), clp.Reference{}}[w%2]
		workers.Go(func() {
			p, err := optimizer.Instance{Customers: 40, Channels: 3, Days: 4, Seed: uint64(w)}.Problem()
			if err != nil {
				t.Error(err)
				return
			}
			want := 0.0
			for k := range 15 {
				sol, err := s.Solve(context.Background(), p)
				if err != nil || sol.Err() != nil {
					t.Error(sol, err)
					return
				}
				if k == 0 {
					want = sol.ObjectiveCents
				} else if sol.ObjectiveCents != want {
					t.Errorf("objective %v, then %v", want, sol.ObjectiveCents)
				}
			}
		})
	}
	workers.Wait()
	close(stop)
	collector.Wait()
}

func TestDeadlineEndsALongSolve(t *testing.T) {
	p, err := optimizer.Instance{Customers: 8000, Channels: 5, Days: 14, Seed: 1}.Problem()
	if err != nil {
		t.Fatal(err)
	}
	lp := p.LP()
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	began := time.Now()
	s, err := clp.New().SolveLP(ctx, lp)
	if err != nil || s.Status != optimizer.TimeLimit || s.X != nil {
		t.Fatalf("%v %v after %s, want time_limit", s.Status, err, time.Since(began))
	}
}
