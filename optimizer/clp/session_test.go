//go:build cgo

package clp_test

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"dunning/data"
	"dunning/optimizer"
	"dunning/optimizer/clp"
)

var inf = math.Inf(1)

// solvers are all that must give the same optimum.
func solvers() map[string]optimizer.LPSolver {
	return map[string]optimizer.LPSolver{
		"dual": clp.New(), "primal": &clp.Solver{Algorithm: clp.Primal}, "barrier": &clp.Solver{Algorithm: clp.Barrier},
		"tight":     &clp.Solver{PrimalTolerance: 1e-9, DualTolerance: 1e-9},
		"reference": clp.Reference{},
	}
}

func open(t *testing.T, s *clp.Solver, lp *optimizer.LP) optimizer.LPSession {
	t.Helper()
	session, err := s.OpenLP(lp)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { session.Close() })
	return session
}

func solveSession(t *testing.T, s optimizer.LPSession) *optimizer.LPSolution {
	t.Helper()
	sol, err := s.Solve(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return sol
}

// certify proves that s is the optimum of lp, by what has nothing to do with
// CLP: x keeps all bounds, and the prices prove an upper bound as high as its
// objective. The columns must have bounds.
func certify(t *testing.T, lp *optimizer.LP, s *optimizer.LPSolution) {
	t.Helper()
	const tolerance = 1e-9
	activity, reduced := make([]float64, lp.Rows()), slices.Clone(lp.Objective)
	objective, bound, scale := 0.0, 0.0, 1.0
	for j := range lp.Cols() {
		if s.X[j] < lp.ColLower[j] || s.X[j] > lp.ColUpper[j] {
			t.Fatalf("column %d: %g outside [%g, %g]", j, s.X[j], lp.ColLower[j], lp.ColUpper[j])
		}
		for k := lp.Start[j]; k < lp.Start[j+1]; k++ {
			activity[lp.RowIndex[k]] += lp.Coef[k] * s.X[j]
			reduced[j] -= lp.Coef[k] * s.Prices[lp.RowIndex[k]]
		}
		objective += lp.Objective[j] * s.X[j]
		scale += math.Abs(lp.Objective[j] * s.X[j])
		bound += max(reduced[j]*lp.ColLower[j], reduced[j]*lp.ColUpper[j])
	}
	for r, y := range s.Prices {
		slack := tolerance * max(1, math.Abs(activity[r])) * 10
		if activity[r] < lp.RowLower[r]-slack || activity[r] > lp.RowUpper[r]+slack {
			t.Fatalf("row %d: %.12g outside [%g, %g]", r, activity[r], lp.RowLower[r], lp.RowUpper[r])
		}
		if math.Abs(y) > tolerance {
			bound += max(y*lp.RowLower[r], y*lp.RowUpper[r]) // +Inf for a price of the wrong sign
		}
	}
	if math.Abs(bound-objective) > tolerance*scale || math.Abs(objective-s.Objective) > tolerance*scale {
		t.Fatalf("objective %.12g, reported %.12g, bound %.12g", objective, s.Objective, bound)
	}
}

// ranged is max 2x + 3y + z with −1 ≤ x ≤ 4, 0 ≤ y ≤ 5, z free, 2 ≤ x + y ≤ 6
// and z = x − y: 2x + 3y + x − y = 3x + 2y, best at x = 4, y = 2.
func ranged() *optimizer.LP {
	lp := &optimizer.LP{}
	lp.AddRow(2, 6)
	lp.AddRow(0, 0)
	lp.AddCol(2, -1, 4, []int32{0, 1}, []float64{1, 1})
	lp.AddCol(3, 0, 5, []int32{0, 1}, []float64{1, -1})
	lp.AddCol(1, -inf, inf, []int32{1}, []float64{-1})
	return lp
}

func emptyInterval() *optimizer.LP {
	lp := program([]float64{1, 1}, [][]float64{{1, 1}}, []float64{3}, 5)
	lp.ColLower[0] = 6
	return lp
}

// TestKnownOptima has programs whose answers follow by hand; every algorithm
// and the reference must find them, with prices of the right sign.
func TestKnownOptima(t *testing.T) {
	cases := []struct {
		name   string
		lp     *optimizer.LP
		status optimizer.Status
		want   float64
		prices []float64
	}{
		{"two binding rows", program([]float64{3, 5}, [][]float64{{1, 0}, {0, 2}, {3, 2}}, []float64{4, 12, 18}, inf), optimizer.Optimal, 36, []float64{0, 1.5, 1}},
		{"at-least row", program([]float64{-2, -3}, [][]float64{{-1, -1}}, []float64{-4}, 10), optimizer.Optimal, -8, []float64{2}},
		{"ranges, equation, free column", ranged(), optimizer.Optimal, 16, []float64{2, -1}},
		{"degenerate", program([]float64{1, 1}, [][]float64{{1, 0}, {0, 1}, {1, 1}}, []float64{1, 1, 2}, inf), optimizer.Optimal, 2, nil},
		{"no coefficient at all", program([]float64{1, -1}, [][]float64{{0, 0}}, []float64{1}, 2), optimizer.Optimal, 2, []float64{0}},
		{"infeasible rows", program([]float64{1, 1}, [][]float64{{1, 1}, {-1, -1}}, []float64{1, -2}, inf), optimizer.Infeasible, 0, nil},
		{"infeasible by bounds", program([]float64{1, 1}, [][]float64{{-1, -1}}, []float64{-7}, 3), optimizer.Infeasible, 0, nil},
		{"empty interval", emptyInterval(), optimizer.Infeasible, 0, nil},
		{"unbounded", program([]float64{1, 1}, [][]float64{{1, -1}}, []float64{1}, inf), optimizer.Unbounded, 0, nil},
		{"unbounded, another column bounded", program([]float64{1, 1}, [][]float64{{1, 0}, {0, -1}}, []float64{1, 2}, inf), optimizer.Unbounded, 0, nil},
	}
	for _, c := range cases {
		for name, solver := range solvers() {
			t.Run(c.name+"/"+name, func(t *testing.T) {
				s, err := solver.SolveLP(context.Background(), c.lp)
				if err != nil || s.Status != c.status || math.Abs(s.Objective-c.want) > 1e-9 {
					t.Fatalf("%+v %v, want %s %g", s, err, c.status, c.want)
				}
				for r, y := range c.prices {
					if math.Abs(s.Prices[r]-y) > 1e-9 {
						t.Fatalf("prices %v, want %v", s.Prices, c.prices)
					}
				}
			})
		}
	}
}

// randomProgram draws a program with bounded columns: some rows at most, some at
// least, some ranges and equations; small whole coefficients, so that ties and
// degenerate vertices are common. About a fifth are infeasible.
func randomProgram(rng *rand.Rand) *optimizer.LP {
	lp := &optimizer.LP{}
	for range 1 + rng.IntN(12) {
		lp.AddRow(randomRow(rng))
	}
	addRandomCols(rng, lp, lp.Rows(), 2+rng.IntN(40))
	return lp
}

func randomRow(rng *rand.Rand) (lower, upper float64) {
	limit := float64(rng.IntN(30))
	switch rng.IntN(8) {
	case 0:
		return limit / 4, inf
	case 1:
		return limit / 8, limit
	case 2:
		return limit / 8, limit / 8
	}
	return -inf, limit
}

func addRandomCols(rng *rand.Rand, lp *optimizer.LP, rows, n int) {
	for range n {
		var index []int32
		var coefs []float64
		for r := range rows {
			if rng.IntN(3) == 0 {
				coef := float64(1 + rng.IntN(5))
				if rng.IntN(6) == 0 {
					coef = -coef
				}
				index, coefs = append(index, int32(r)), append(coefs, coef)
			}
		}
		lp.AddCol(randomObjective(rng), 0, float64(rng.IntN(4)), index, coefs)
	}
}

func randomObjective(rng *rand.Rand) float64 {
	if rng.IntN(2) == 0 {
		return float64(rng.IntN(20) - 4)
	}
	return 20*rng.Float64() - 4
}

// change changes lp and the session alike.
func change(rng *rand.Rand, lp *optimizer.LP, s optimizer.LPSession) {
	for range 1 + rng.IntN(3) {
		r, j := rng.IntN(lp.Rows()), rng.IntN(lp.Cols())
		switch rng.IntN(4) {
		case 0:
			lp.RowLower[r], lp.RowUpper[r] = randomRow(rng)
			s.SetRowBounds(r, lp.RowLower[r], lp.RowUpper[r])
		case 1:
			lp.ColLower[j] = float64(rng.IntN(2))
			lp.ColUpper[j] = lp.ColLower[j] + float64(rng.IntN(3))
			s.SetColBounds(j, lp.ColLower[j], lp.ColUpper[j])
		case 2:
			lp.Objective[j] = randomObjective(rng)
			s.SetObjective(j, lp.Objective[j])
		case 3:
			add := &optimizer.LP{}
			addRandomCols(rng, add, lp.Rows(), 1+rng.IntN(4))
			s.AddCols(add)
			for k := range add.Cols() {
				from, to := add.Start[k], add.Start[k+1]
				lp.AddCol(add.Objective[k], add.ColLower[k], add.ColUpper[k], add.RowIndex[from:to], add.Coef[from:to])
			}
		}
	}
}

// TestWarmEqualsCold changes hundreds of random programs again and again; after
// each change the session must answer as a new one and as the reference do.
func TestWarmEqualsCold(t *testing.T) {
	for _, tolerance := range []float64{0, 1e-9} {
		seen := map[optimizer.Status]int{}
		for seed := range uint64(300) {
			rng := rand.New(rand.NewPCG(seed, 1))
			lp := randomProgram(rng)
			solver := &clp.Solver{PrimalTolerance: tolerance, DualTolerance: tolerance, Algorithm: clp.Algorithm(seed % 3)}
			session := open(t, solver, lp)
			for step := range 12 {
				if step > 0 {
					change(rng, lp, session)
				}
				warm := solveSession(t, session)
				seen[warm.Status]++
				for name, other := range map[string]optimizer.LPSolver{"cold": clp.New(), "reference": clp.Reference{}} {
					want, err := other.SolveLP(context.Background(), lp)
					if err != nil {
						t.Fatal(err)
					}
					if warm.Status != want.Status || math.Abs(warm.Objective-want.Objective) > 1e-9*max(1, math.Abs(want.Objective)) {
						t.Fatalf("seed %d, step %d: warm %s %.12g, %s %s %.12g", seed, step, warm.Status, warm.Objective, name, want.Status, want.Objective)
					}
				}
				if warm.Status == optimizer.Optimal {
					certify(t, lp, warm)
				}
			}
		}
		if seen[optimizer.Optimal] < 1000 || seen[optimizer.Infeasible] < 100 {
			t.Fatalf("statuses %v: too few of a kind", seen)
		}
	}
}

// TestWarmEqualsColdOnAllocations does the same, with fewer changes, to
// programs of the form and numbers that allocations have.
func TestWarmEqualsColdOnAllocations(t *testing.T) {
	lp, rng := instance(t, 60, 5, 14).LP(), rand.New(rand.NewPCG(3, 3))
	session := open(t, clp.New(), lp)
	for step := range 150 {
		warm := solveSession(t, session)
		want, err := clp.Reference{}.SolveLP(context.Background(), lp)
		if err != nil || warm.Status != optimizer.Optimal || want.Status != optimizer.Optimal {
			t.Fatalf("step %d: %+v, reference %+v %v", step, warm, want, err)
		}
		if math.Abs(warm.Objective-want.Objective) > 1e-9*want.Objective {
			t.Fatalf("step %d: warm %.12g, reference %.12g", step, warm.Objective, want.Objective)
		}
		for range 1 + rng.IntN(3) {
			r, j := rng.IntN(lp.Rows()), rng.IntN(lp.Cols())
			switch rng.IntN(3) {
			case 0:
				lp.RowUpper[r] *= 0.5 + rng.Float64()
				session.SetRowBounds(r, lp.RowLower[r], lp.RowUpper[r])
			case 1:
				lp.Objective[j] *= 2 * rng.Float64()
				session.SetObjective(j, lp.Objective[j])
			case 2:
				from, to := lp.Start[j], lp.Start[j+1]
				add := &optimizer.LP{}
				add.AddCol(1.5*lp.Objective[j], 0, 1, lp.RowIndex[from:to], lp.Coef[from:to])
				session.AddCols(add)
				lp.AddCol(1.5*lp.Objective[j], 0, 1, add.RowIndex, add.Coef)
			}
		}
	}
}

// TestSessionIsDeterministic runs the same chain twice and wants the same bits.
func TestSessionIsDeterministic(t *testing.T) {
	for _, algorithm := range []clp.Algorithm{clp.Dual, clp.Primal, clp.Barrier} {
		chain := func() (out []*optimizer.LPSolution) {
			p := instance(t, 60, 3, 5)
			lp, rng := p.LP(), rand.New(rand.NewPCG(5, 5))
			session := open(t, &clp.Solver{Algorithm: algorithm}, lp)
			for range 10 {
				out = append(out, solveSession(t, session))
				change(rng, lp, session)
			}
			return out
		}
		a, b := chain(), chain()
		for k := range a {
			if a[k].Status != b[k].Status || a[k].Objective != b[k].Objective || a[k].Iterations != b[k].Iterations ||
				!slices.Equal(a[k].X, b[k].X) || !slices.Equal(a[k].Prices, b[k].Prices) {
				t.Fatalf("%s, solve %d: two answers", algorithm, k)
			}
		}
	}
}

func instance(t testing.TB, customers, channels, days int) *optimizer.Problem {
	t.Helper()
	p, err := optimizer.Instance{Customers: customers, Channels: channels, Days: days, Seed: 1}.Problem()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestIterationsAreOfOneSolve: a second solve of an unchanged program needs
// none, one after a small change few.
func TestIterationsAreOfOneSolve(t *testing.T) {
	lp := instance(t, 100, 5, 14).LP()
	session := open(t, clp.New(), lp)
	cold := solveSession(t, session)
	again := solveSession(t, session)
	dear := slices.Index(cold.Prices, slices.Max(cold.Prices))
	session.SetRowBounds(dear, -inf, 0.9*lp.RowUpper[dear])
	warm := solveSession(t, session)
	if cold.Iterations < 50 || again.Iterations != 0 || warm.Iterations < 1 || warm.Iterations > cold.Iterations/3 {
		t.Fatalf("iterations: cold %d, unchanged %d, one bound changed %d", cold.Iterations, again.Iterations, warm.Iterations)
	}
	if again.Objective != cold.Objective || warm.Objective >= cold.Objective {
		t.Fatalf("objectives %v, %v, %v", cold.Objective, again.Objective, warm.Objective)
	}
}

// TestColumnsFromNothing adds the columns of a program one by one to a session
// that starts without any.
func TestColumnsFromNothing(t *testing.T) {
	lp := ranged()
	session := open(t, clp.New(), &optimizer.LP{RowLower: lp.RowLower, RowUpper: lp.RowUpper})
	if s := solveSession(t, session); s.Status != optimizer.Infeasible {
		t.Fatalf("without columns: %+v", s)
	}
	for j := range lp.Cols() {
		col := &optimizer.LP{}
		from, to := lp.Start[j], lp.Start[j+1]
		col.AddCol(lp.Objective[j], lp.ColLower[j], lp.ColUpper[j], lp.RowIndex[from:to], lp.Coef[from:to])
		session.AddCols(col)
	}
	session.AddCols(&optimizer.LP{})
	if s := solveSession(t, session); s.Status != optimizer.Optimal || math.Abs(s.Objective-16) > 1e-9 || len(s.X) != 3 {
		t.Fatalf("%+v, want 16", s)
	}
}

func TestFaultyChangesAreReported(t *testing.T) {
	faulty := &optimizer.LP{}
	faulty.AddCol(1, 0, 1, []int32{1}, []float64{1})
	cases := []struct {
		name   string
		change func(optimizer.LPSession)
	}{
		{"row out of range", func(s optimizer.LPSession) { s.SetRowBounds(1, 0, 1) }},
		{"row bound NaN", func(s optimizer.LPSession) { s.SetRowBounds(0, 0, math.NaN()) }},
		{"column out of range", func(s optimizer.LPSession) { s.SetColBounds(-1, 0, 1) }},
		{"column bound inverted infinity", func(s optimizer.LPSession) { s.SetColBounds(0, inf, inf) }},
		{"objective infinite", func(s optimizer.LPSession) { s.SetObjective(0, inf) }},
		{"added column in no row", func(s optimizer.LPSession) { s.AddCols(faulty) }},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			session := open(t, clp.New(), program([]float64{1}, [][]float64{{1}}, []float64{1}, 1))
			c.change(session)
			for range 2 {
				if s, err := session.Solve(context.Background()); err == nil {
					t.Fatalf("no error, but %+v", s)
				}
			}
		})
	}
}

func TestClosedSessionRefuses(t *testing.T) {
	lp := program([]float64{1}, [][]float64{{1}}, []float64{1}, 1)
	session := open(t, clp.New(), lp)
	for range 2 {
		if err := session.Close(); err != nil {
			t.Fatal(err)
		}
	}
	session.SetRowBounds(0, 0, 1)
	session.SetColBounds(0, 0, 1)
	session.SetObjective(0, 1)
	session.AddCols(lp)
	if _, err := session.Solve(context.Background()); !errors.Is(err, clp.ErrClosed) {
		t.Fatalf("error %v", err)
	}
}

func TestSettingsOutOfRangeAreRefused(t *testing.T) {
	lp := program([]float64{1}, [][]float64{{1}}, []float64{1}, 1)
	for _, s := range []*clp.Solver{{Algorithm: 3}, {Algorithm: -1}, {PrimalTolerance: -1}, {DualTolerance: math.NaN()}, {DualTolerance: 1}} {
		if _, err := s.OpenLP(lp); !errors.Is(err, data.ErrUsage) {
			t.Errorf("%s, tolerances %g, %g: error %v", s.Algorithm, s.PrimalTolerance, s.DualTolerance, err)
		}
	}
}
