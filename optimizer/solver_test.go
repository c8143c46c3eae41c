//go:build cgo

package optimizer_test

import (
	"context"
	"errors"
	"math"
	"slices"
	"testing"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/optimize/convex/lp"

	"dunning/data"
	"dunning/optimizer"
	"dunning/optimizer/clp"
)

// solvers are the implementations that must all behave alike.
func solvers() map[string]optimizer.Solver {
	return map[string]optimizer.Solver{
		"clp":     clp.New(),
		"boxstep": optimizer.Boxstep{LP: clp.New()},
		// So few columns that even small problems are sampled, narrowed and moved.
		"boxstep of few columns": optimizer.Boxstep{LP: clp.New(), MaxColumns: 6},
	}
}

func eachSolver(t *testing.T, test func(t *testing.T, s optimizer.Solver)) {
	all := solvers()
	for _, name := range slices.Sorted(keys(all)) {
		t.Run(name, func(t *testing.T) { test(t, all[name]) })
	}
}

func keys(m map[string]optimizer.Solver) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

func solve(t *testing.T, s optimizer.Solver, p *optimizer.Problem) *optimizer.Solution {
	t.Helper()
	sol, err := s.Solve(context.Background(), p)
	if err != nil {
		t.Fatal(err)
	}
	if sol.Status == optimizer.Optimal {
		if err := optimizer.Check(p, sol).Err(optimizer.Tolerance{}); err != nil {
			t.Fatal(err)
		}
	}
	return sol
}

// TestSolversKnownOptima solves instances whose optimum follows by hand.
func TestSolversKnownOptima(t *testing.T) {
	two := []optimizer.Candidate{one(0, data.SMS, 0, 100, 10), one(0, data.Voice, 0, 150, 60), one(1, data.SMS, 0, 80, 10), one(1, data.Voice, 0, 90, 60)}
	budget := func(limit float64) func(*optimizer.Problem) {
		return func(p *optimizer.Problem) { p.Rows = append(p.Rows, p.BudgetRow(limit)) }
	}
	capacity := func(ch data.Channel, touches float64) func(*optimizer.Problem) {
		return func(p *optimizer.Problem) {
			p.Rows = append(p.Rows, p.CapacityRows([]optimizer.Capacity{{Channel: ch, Day: day0, Touches: touches}})...)
		}
	}
	cases := []struct {
		name       string
		candidates []optimizer.Candidate
		rows       []func(*optimizer.Problem)
		want       float64
		prices     []float64 // nil where the dual is degenerate
	}{
		{"no candidates", nil, []func(*optimizer.Problem){budget(10)}, 0, []float64{0}},
		{"no rows", two, nil, 240, []float64{}},
		{"one customer, one option", two[:1], []func(*optimizer.Problem){budget(5)}, 50, []float64{10}},
		// Upgrading customer 0 from SMS to voice brings 50 for 50 cents.
		{"budget between the options", two, []func(*optimizer.Problem){budget(45)}, 100 + 80 + 25, []float64{1}},
		{"ample budget", two, []func(*optimizer.Problem){budget(1000)}, 240, []float64{0}},
		{"zero budget", two, []func(*optimizer.Problem){budget(0)}, 0, nil},
		{"capacity zero", two, []func(*optimizer.Problem){capacity(data.Voice, 0)}, 180, nil},
		{"capacity one", two, []func(*optimizer.Problem){capacity(data.Voice, 1)}, 150 + 80, nil},
		{"all values negative", []optimizer.Candidate{one(0, data.SMS, 0, -5, 1), one(1, data.Voice, 0, -1, 1)}, []func(*optimizer.Problem){budget(10)}, 0, []float64{0}},
		{"tied values", []optimizer.Candidate{one(0, data.SMS, 0, 7, 1), one(1, data.SMS, 0, 7, 1), one(2, data.SMS, 0, 7, 1)}, []func(*optimizer.Problem){budget(2)}, 14, []float64{7}},
		{"harm demanded by a minimum", []optimizer.Candidate{one(0, data.SMS, 0, -5, 1), one(1, data.SMS, 0, 3, 1)}, []func(*optimizer.Problem){
			func(p *optimizer.Problem) { p.Rows = append(p.Rows, p.MinTouchesRow("min", nil, 2)) }}, -2, nil},
		{"at most half of the touches", []optimizer.Candidate{one(0, data.SMS, 0, 9, 1), one(1, data.SMS, 0, 5, 1), one(2, data.SMS, 0, 1, 1)}, []func(*optimizer.Problem){
			func(p *optimizer.Problem) {
				p.Rows = append(p.Rows, p.MaxShareRow("share", func(c *optimizer.Candidate) bool { return c.Customer < 2 }, 0.5))
			}}, 10, nil}, // customer 2 whole, and one touch of customer 0
	}
	eachSolver(t, func(t *testing.T, s optimizer.Solver) {
		for _, c := range cases {
			t.Run(c.name, func(t *testing.T) {
				p := &optimizer.Problem{Candidates: c.candidates}
				for _, add := range c.rows {
					add(p)
				}
				sol := solve(t, s, p)
				if sol.Err() != nil || math.Abs(sol.ObjectiveCents-c.want) > 1e-9 {
					t.Fatalf("%s, objective %g, want optimal %g", sol.Status, sol.ObjectiveCents, c.want)
				}
				for r, want := range c.prices {
					if math.Abs(sol.Prices[r]-want) > 1e-9 {
						t.Errorf("price of %q is %g, want %g", p.Rows[r].Name, sol.Prices[r], want)
					}
				}
			})
		}
	})
}

func TestUnreachableMinimumIsInfeasibleAndNamed(t *testing.T) {
	p := &optimizer.Problem{Candidates: []optimizer.Candidate{one(0, data.SMS, 0, 5, 10), one(1, data.SMS, 0, 4, 10), one(2, data.SMS, 0, 3, 10)}}
	p.Rows = []optimizer.Row{p.BudgetRow(15), p.MinTouchesRow("min PF", nil, 2), p.MinTouchesRow("min all", nil, 1)}
	eachSolver(t, func(t *testing.T, s optimizer.Solver) {
		sol := solve(t, s, p)
		if sol.Status != optimizer.Infeasible || !errors.Is(sol.Err(), optimizer.ErrNotOptimal) {
			t.Fatalf("status %s, want infeasible", sol.Status)
		}
		if len(sol.Shortfalls) != 1 || sol.Shortfalls[0].Row != "min PF" || math.Abs(sol.Shortfalls[0].Reach-1.5) > 1e-9 {
			t.Fatalf("shortfalls %+v, want min PF reaching 1.5", sol.Shortfalls)
		}
	})
}

// TestSolversAgreeWithGonum compares random small problems with gonum's dense
// simplex; feasible answers also carry their own certificate.
func TestSolversAgreeWithGonum(t *testing.T) {
	cases := uint64(1500)
	if testing.Short() {
		cases = 300
	}
	eachSolver(t, func(t *testing.T, s optimizer.Solver) {
		optimal, infeasible, compared := 0, 0, 0
		for n := range cases {
			rng := seeded(11, n)
			p := randomProblem(rng, 1+rng.IntN(9))
			sol := solve(t, s, p)
			want, err := gonumOptimum(p)
			switch sol.Status {
			case optimizer.Optimal:
				optimal++
				if err == nil {
					compared++
					if math.Abs(want-sol.ObjectiveCents) > 1e-7*max(1, math.Abs(want)) {
						t.Fatalf("case %d (%s): objective %.12g, gonum %.12g", n, describe(p), sol.ObjectiveCents, want)
					}
				} else if errors.Is(err, lp.ErrInfeasible) {
					t.Logf("case %d (%s): certified optimal, but gonum says %v", n, describe(p), err)
				}
			case optimizer.Infeasible:
				infeasible++
				if err == nil {
					t.Fatalf("case %d (%s): infeasible, gonum %.12g", n, describe(p), want)
				}
				if len(sol.Shortfalls) == 0 {
					t.Fatalf("case %d (%s): infeasible without a shortfall", n, describe(p))
				}
			default:
				t.Fatalf("case %d: status %s", n, sol.Status)
			}
		}
		t.Logf("%d optimal (%d compared with gonum), %d infeasible", optimal, compared, infeasible)
		if compared < optimal/2 || infeasible == 0 {
			t.Fatalf("%d of %d compared, %d infeasible: the cases do not test", compared, optimal, infeasible)
		}
	})
}

// gonumOptimum solves min −vᵀx, Ax + s = b, x, s ≥ 0.
func gonumOptimum(p *optimizer.Problem) (float64, error) {
	n, r, k := len(p.Candidates), len(p.Rows), p.Customers()
	if n == 0 {
		for _, row := range p.Rows {
			if row.Sense == optimizer.AtLeast && row.Limit > 0 {
				return 0, lp.ErrInfeasible
			}
		}
		return 0, nil
	}
	a, b, c := mat.NewDense(r+k, n+r+k, nil), make([]float64, r+k), make([]float64, n+r+k)
	for row := range p.Rows {
		b[row] = p.Rows[row].Limit
		for _, u := range p.Rows[row].Use {
			a.Set(row, int(u.Candidate), u.Amount)
		}
		slack := 1.0
		if p.Rows[row].Sense == optimizer.AtLeast {
			slack = -1
		}
		a.Set(row, n+row, slack)
	}
	for i := range k {
		b[r+i] = 1
		a.Set(r+i, n+r+i, 1)
	}
	for j, cand := range p.Candidates {
		a.Set(r+int(cand.Customer), j, 1)
		c[j] = -cand.ValueCents
	}
	for row := range r + k {
		if b[row] < 0 {
			b[row] = -b[row]
			for j := range n + r + k {
				a.Set(row, j, -a.At(row, j))
			}
		}
	}
	f, _, err := lp.Simplex(c, a, b, 1e-10, nil)
	return -f, err
}

func TestMoreBudgetNeverLowersTheObjective(t *testing.T) {
	eachSolver(t, func(t *testing.T, s optimizer.Solver) {
		p, err := optimizer.Instance{Customers: 60, Channels: 3, Days: 4, Seed: 5}.Problem()
		if err != nil {
			t.Fatal(err)
		}
		last, lastPrice := -1.0, math.Inf(1)
		for limit := 0.0; limit <= 3000; limit += 150 {
			p.Rows[0].Limit = limit
			sol := solve(t, s, p)
			if sol.ObjectiveCents < last-1e-6 {
				t.Fatalf("budget %g: objective fell from %g to %g", limit, last, sol.ObjectiveCents)
			}
			if limit > 0 && sol.Prices[0] > lastPrice+1e-6 {
				t.Fatalf("budget %g: the budget's price rose from %g to %g", limit, lastPrice, sol.Prices[0])
			}
			last, lastPrice = sol.ObjectiveCents, sol.Prices[0]
		}
	})
}

func TestScalingValuesScalesObjectiveAndPrices(t *testing.T) {
	eachSolver(t, func(t *testing.T, s optimizer.Solver) {
		p, err := optimizer.Instance{Customers: 80, Channels: 3, Days: 5, Seed: 9}.Problem()
		if err != nil {
			t.Fatal(err)
		}
		base := solve(t, s, p)
		for j := range p.Candidates {
			p.Candidates[j].ValueCents *= 64
		}
		scaled := solve(t, s, p)
		if r := scaled.ObjectiveCents / base.ObjectiveCents; math.Abs(r-64) > 1e-9 {
			t.Errorf("objective scaled by %.12g, want 64", r)
		}
		// Where the optimum is degenerate other prices may come out, as good.
		for r := range p.Rows {
			base.Prices[r] = scaled.Prices[r] / 64
		}
		for j := range p.Candidates {
			p.Candidates[j].ValueCents /= 64
		}
		if err := optimizer.Check(p, base).Err(optimizer.Tolerance{}); err != nil {
			t.Errorf("scaled prices: %v", err)
		}
	})
}

func TestPermutedCandidatesGiveTheSamePlan(t *testing.T) {
	eachSolver(t, func(t *testing.T, s optimizer.Solver) {
		const customers = 50
		build := func(order func(n int) []int) *optimizer.Problem {
			base, err := optimizer.Instance{Customers: customers, Channels: 3, Days: 4, Seed: 3}.Problem()
			if err != nil {
				t.Fatal(err)
			}
			p := &optimizer.Problem{}
			for _, j := range order(len(base.Candidates)) {
				p.Candidates = append(p.Candidates, base.Candidates[j])
			}
			p.Rows = append(p.Rows, p.BudgetRow(base.Rows[0].Limit), p.MaxTouchesRow("total", nil, 40))
			return p
		}
		plan := func(p *optimizer.Problem) map[int32]optimizer.Candidate {
			out, err := optimizer.Round(p, solve(t, s, p))
			if err != nil {
				t.Fatal(err)
			}
			m := map[int32]optimizer.Candidate{}
			for _, j := range out.Chosen {
				m[p.Candidates[j].Customer] = p.Candidates[j]
			}
			return m
		}
		want := plan(build(func(n int) []int { return seeded(0, 0).Perm(n) }))
		if len(want) == 0 {
			t.Fatal("empty plan")
		}
		for n := range uint64(5) {
			got := plan(build(seeded(77, n).Perm))
			for i := range int32(customers) {
				if got[i] != want[i] {
					t.Fatalf("permutation %d: customer %d gets %+v, want %+v", n, i, got[i], want[i])
				}
			}
		}
	})
}

func TestSolveRefusesBadProblem(t *testing.T) {
	p := &optimizer.Problem{Candidates: []optimizer.Candidate{one(0, data.SMS, 0, math.NaN(), 1)}}
	eachSolver(t, func(t *testing.T, s optimizer.Solver) {
		if _, err := s.Solve(context.Background(), p); !errors.Is(err, data.ErrBadNumber) {
			t.Fatalf("error %v, want %v", err, data.ErrBadNumber)
		}
	})
}

func TestSolveStopsWhenCancelled(t *testing.T) {
	p, err := optimizer.Instance{Customers: 300, Channels: 3, Days: 5, Seed: 2}.Problem()
	if err != nil {
		t.Fatal(err)
	}
	eachSolver(t, func(t *testing.T, s optimizer.Solver) {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		sol, err := s.Solve(ctx, p)
		if err != nil || sol.Status != optimizer.Interrupted || sol.Err() == nil {
			t.Fatalf("%v %v, want interrupted", sol, err)
		}
		late, stop := context.WithTimeout(context.Background(), 1)
		defer stop()
		sol, err = s.Solve(late, p)
		if err != nil || sol.Status != optimizer.TimeLimit {
			t.Fatalf("%v %v, want time limit", sol, err)
		}
	})
}
