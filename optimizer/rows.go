package optimizer

import (
	"fmt"

	"dunning/data"
)

// BudgetName is the name of the row that [Problem.BudgetRow] builds.
const BudgetName = "budget"

// Capacity is how many touches a channel can send on a day.
type Capacity struct {
	Channel data.Channel
	Day     data.Date
	Touches float64 // ≥ 0
}

// BudgetRow limits the cost of all touches to limitCents.
func (p *Problem) BudgetRow(limitCents float64) Row {
	return p.NewRow(BudgetName, AtMost, limitCents, func(c *Candidate) float64 { return c.CostCents })
}

// CapacityRows limits the touches of each channel and day, one row per
// capacity in the given order. A capacity that no candidate uses gives a row
// without coefficients, so that its price (zero) can still be shown. Listing a
// channel and day twice is a fault that [Problem.Validate] finds, because the
// two rows have the same name.
func (p *Problem) CapacityRows(capacities []Capacity) []Row {
	type slot struct {
		channel data.Channel
		day     data.Date
	}
	rows := make([]Row, len(capacities))
	at := make(map[slot][]int, len(capacities))
	for r, c := range capacities {
		rows[r] = Row{Name: CapacityName(c.Channel, c.Day), Limit: c.Touches}
		s := slot{c.Channel, c.Day}
		at[s] = append(at[s], r)
	}
	for j := range p.Candidates {
		c := &p.Candidates[j]
		for _, r := range at[slot{c.Channel, c.Day}] {
			rows[r].Use = append(rows[r].Use, Use{Candidate: int32(j), Amount: 1})
		}
	}
	return rows
}

// CapacityName returns the name of a capacity's row, e.g. "sms 2026-01-05".
func CapacityName(channel data.Channel, day data.Date) string {
	return fmt.Sprintf("%s %s", channel, day)
}

// MaxTouchesRow limits the number of touches among the candidates for which in
// is true (nil: all): the credits of a channel, or the total.
func (p *Problem) MaxTouchesRow(name string, in func(*Candidate) bool, touches float64) Row {
	return p.NewRow(name, AtMost, touches, indicator(in))
}

// MinTouchesRow demands a number of touches among the candidates for which in
// is true: minimum coverage of a segment, whose share × size is touches.
func (p *Problem) MinTouchesRow(name string, in func(*Candidate) bool, touches float64) Row {
	return p.NewRow(name, AtLeast, touches, indicator(in))
}

// MaxShareRow lets at most share, in [0, 1], of all touches fall on the
// candidates for which in is true: Σ_in x − share·Σ x ≤ 0.
func (p *Problem) MaxShareRow(name string, in func(*Candidate) bool, share float64) Row {
	is := indicator(in)
	return p.NewRow(name, AtMost, 0, func(c *Candidate) float64 { return is(c) - share })
}

// MinValueRow demands an expected recovery of at least valueCents from the
// candidates for which in is true.
func (p *Problem) MinValueRow(name string, in func(*Candidate) bool, valueCents float64) Row {
	is := indicator(in)
	return p.NewRow(name, AtLeast, valueCents, func(c *Candidate) float64 { return is(c) * c.ValueCents })
}

// NewRow builds a row from the amount that each candidate uses; amounts of
// zero are left out.
func (p *Problem) NewRow(name string, sense Sense, limit float64, amount func(*Candidate) float64) Row {
	row := Row{Name: name, Sense: sense, Limit: limit}
	for j := range p.Candidates {
		if a := amount(&p.Candidates[j]); a != 0 {
			row.Use = append(row.Use, Use{Candidate: int32(j), Amount: a})
		}
	}
	return row
}

func indicator(in func(*Candidate) bool) func(*Candidate) float64 {
	return func(c *Candidate) float64 {
		if in == nil || in(c) {
			return 1
		}
		return 0
	}
}
