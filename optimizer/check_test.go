//go:build cgo

package optimizer_test

import (
	"errors"
	"math"
	"strings"
	"testing"

	"dunning/optimizer"
	"dunning/optimizer/clp"
)

func solvedInstance(t *testing.T) (*optimizer.Problem, *optimizer.Solution) {
	t.Helper()
	p, err := optimizer.Instance{Customers: 120, Channels: 4, Days: 5, Seed: 8}.Problem()
	if err != nil {
		t.Fatal(err)
	}
	in := func(c *optimizer.Candidate) bool { return c.Customer < 30 }
	p.Rows = append(p.Rows, p.MinTouchesRow("min", in, 20))
	return p, solve(t, clp.New(), p)
}

func TestCertificateRefusesPlantedFaults(t *testing.T) {
	p, _ := solvedInstance(t)
	chosen := func(s *optimizer.Solution, from int) int { // a candidate that is chosen as a whole
		for j := from; ; j++ {
			if s.X[j] == 1 {
				return j
			}
		}
	}
	other := func(s *optimizer.Solution) int { // an unused option of a customer who has one already
		j := chosen(s, 0)
		for k := range p.Candidates {
			if k != j && p.Candidates[k].Customer == p.Candidates[j].Customer {
				return k
			}
		}
		t.Fatal("no second option")
		return 0
	}
	binding := func(s *optimizer.Solution) int {
		for r := range s.Prices {
			if s.Prices[r] > 1 {
				return r
			}
		}
		t.Fatal("no binding row")
		return 0
	}
	cases := []struct {
		name  string
		plant func(s *optimizer.Solution)
		want  string
	}{
		{"changed price", func(s *optimizer.Solution) { s.Prices[binding(s)] *= 1.01 }, "gap"},
		{"price forgotten", func(s *optimizer.Solution) { s.Prices[binding(s)] = 0 }, "gap"},
		{"price of the wrong sign", func(s *optimizer.Solution) { s.Prices[len(s.Prices)-1] = 3 }, "wrong sign"},
		{"price that is no number", func(s *optimizer.Solution) { s.Prices[0] = math.NaN() }, "price NaN"},
		{"doubled customer", func(s *optimizer.Solution) { s.X[other(s)] = 1 }, "too often"},
		{"share above one", func(s *optimizer.Solution) { s.X[chosen(s, 0)] = 1.5 }, "outside [0, 1]"},
		{"negative share", func(s *optimizer.Solution) { s.X[other(s)] = -0.5 }, "outside [0, 1]"},
		{"share that is no number", func(s *optimizer.Solution) { s.X[0] = math.Inf(1) }, "share +Inf"},
		{"violated row", func(s *optimizer.Solution) {
			for j := range s.X {
				s.X[j] = 0.2
			}
		}, "violated"},
		{"unmet minimum", func(s *optimizer.Solution) {
			for j := range s.X {
				s.X[j] = 0
			}
		}, `"min" is violated`},
		{"customer dropped", func(s *optimizer.Solution) { s.X[chosen(s, 40*8)] = 0 }, "gap"},
		{"stated objective too high", func(s *optimizer.Solution) { s.ObjectiveCents *= 1.001 }, "stated objective"},
		{"stated bound too low", func(s *optimizer.Solution) { s.BoundCents *= 0.999 }, "stated bound"},
		{"short shares", func(s *optimizer.Solution) { s.X = s.X[1:] }, "shares for"},
		{"missing prices", func(s *optimizer.Solution) { s.Prices = nil }, "prices for"},
		{"not optimal", func(s *optimizer.Solution) { s.Status = optimizer.TimeLimit }, "time_limit"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			p, s := solvedInstance(t)
			c.plant(s)
			err := optimizer.Check(p, s).Err(optimizer.Tolerance{})
			if !errors.Is(err, optimizer.ErrCertificate) || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("error %v, want %q", err, c.want)
			}
		})
	}
}

// TestSlacksAddUpToTheGap checks the identity bound − objective = Σ of the
// three complementary slacks, which holds for any x and prices.
func TestSlacksAddUpToTheGap(t *testing.T) {
	for n := range uint64(200) {
		rng := seeded(31, n)
		p := randomProblem(rng, 1+rng.IntN(20))
		s := &optimizer.Solution{Status: optimizer.Optimal, X: make([]float64, len(p.Candidates)), Prices: make([]float64, len(p.Rows))}
		for j := range s.X {
			s.X[j] = rng.Float64()
		}
		for r := range s.Prices {
			s.Prices[r] = 20 * rng.Float64()
		}
		c := optimizer.Check(p, s)
		slacks := c.RowSlackCents + c.CustomerSlackCents + c.OptionSlackCents
		if d := c.BoundCents - c.ObjectiveCents; math.Abs(slacks-d) > 1e-9*max(1, math.Abs(d), math.Abs(c.RowSlackCents)) {
			t.Fatalf("case %d: slacks %.15g, bound − objective %.15g", n, slacks, d)
		}
	}
}
