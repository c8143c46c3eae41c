package optimizer_test

import (
	"errors"
	"math"
	"strings"
	"testing"

	"dunning/data"
	"dunning/optimizer"
)

func TestValidateNamesEveryFaultWithItsPlace(t *testing.T) {
	good := func() *optimizer.Problem {
		p := &optimizer.Problem{Candidates: []optimizer.Candidate{one(0, data.SMS, 0, 5, 1), one(0, data.Email, 0, 4, 1), one(1, data.SMS, 1, 3, 1)}}
		p.Rows = []optimizer.Row{p.BudgetRow(10), p.MaxTouchesRow("total", nil, 2)}
		return p
	}
	if err := good().Validate(); err != nil {
		t.Fatal(err)
	}
	cases := []struct {
		name string
		harm func(p *optimizer.Problem)
		is   error
		want string
	}{
		{"value NaN", func(p *optimizer.Problem) { p.Candidates[1].ValueCents = math.NaN() }, data.ErrBadNumber, "candidate 1"},
		{"value infinite", func(p *optimizer.Problem) { p.Candidates[1].ValueCents = math.Inf(1) }, data.ErrBadNumber, "candidate 1"},
		{"cost NaN", func(p *optimizer.Problem) { p.Candidates[2].CostCents = math.NaN() }, data.ErrBadNumber, "candidate 2"},
		{"negative cost", func(p *optimizer.Problem) { p.Candidates[2].CostCents = -1 }, data.ErrNegativeAmount, "candidate 2"},
		{"unknown channel", func(p *optimizer.Problem) { p.Candidates[0].Channel = "fax" }, data.ErrUnknownChannel, `candidate 0: data: unknown channel "fax"`},
		{"hold as a candidate", func(p *optimizer.Problem) { p.Candidates[0].Channel = data.Hold }, data.ErrUnknownChannel, "candidate 0"},
		{"duplicate", func(p *optimizer.Problem) { p.Candidates[1].Channel = data.SMS }, data.ErrDuplicateID, "candidate 1"},
		{"negative customer", func(p *optimizer.Problem) { p.Candidates[0].Customer = -1 }, data.ErrBadNumber, "candidate 0"},
		{"row without name", func(p *optimizer.Problem) { p.Rows[1].Name = "" }, data.ErrMissingValue, "row 1"},
		{"row name twice", func(p *optimizer.Problem) { p.Rows[1].Name = "budget" }, data.ErrDuplicateID, `name "budget"`},
		{"limit NaN", func(p *optimizer.Problem) { p.Rows[0].Limit = math.NaN() }, data.ErrBadNumber, `row "budget"`},
		{"negative budget", func(p *optimizer.Problem) { p.Rows[0].Limit = -1 }, data.ErrNegativeAmount, `row "budget"`},
		{"use out of range", func(p *optimizer.Problem) { p.Rows[0].Use[2].Candidate = 3 }, data.ErrBadNumber, "candidate 3 of 3"},
		{"use twice", func(p *optimizer.Problem) { p.Rows[0].Use[2].Candidate = 1 }, data.ErrDuplicateID, "use 2"},
		{"amount NaN", func(p *optimizer.Problem) { p.Rows[1].Use[0].Amount = math.NaN() }, data.ErrBadNumber, "use 0"},
		{"sense", func(p *optimizer.Problem) { p.Rows[1].Sense = 7 }, data.ErrBadNumber, "sense 7"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			p := good()
			c.harm(p)
			err := p.Validate()
			if !errors.Is(err, c.is) || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("error %v, want %v with %q", err, c.is, c.want)
			}
		})
	}
	t.Run("many faults", func(t *testing.T) {
		p := good()
		for range 100 {
			p.Candidates = append(p.Candidates, one(9, "fax", 0, 1, 1))
		}
		err := p.Validate()
		if n := strings.Count(err.Error(), "\n") + 1; n != 21 || !strings.Contains(err.Error(), "more faults") {
			t.Fatalf("%d lines: %v", n, err)
		}
	})
}

func TestInstanceRefusesAndRepeats(t *testing.T) {
	for _, c := range []optimizer.Instance{{}, {Customers: 5}, {Customers: 5, Channels: 6, Days: 1}, {Customers: 5, Channels: 1, Days: 0}, {Customers: 5, Channels: 1, Days: 1, OptionShare: 2}} {
		if _, err := c.Problem(); !errors.Is(err, data.ErrUsage) {
			t.Errorf("%+v: error %v", c, err)
		}
	}
	in := optimizer.Instance{Customers: 50, Channels: 5, Days: 14, Seed: 3}
	a, err := in.Problem()
	if err != nil {
		t.Fatal(err)
	}
	b, _ := in.Problem()
	if len(a.Candidates) != 50*40 || len(a.Rows) != 71 || a.Validate() != nil {
		t.Fatalf("%d candidates, %d rows, %v", len(a.Candidates), len(a.Rows), a.Validate())
	}
	for j := range a.Candidates {
		if a.Candidates[j] != b.Candidates[j] {
			t.Fatalf("candidate %d differs", j)
		}
	}
}
