package optimizer

import "dunning/data"

// Problem is one allocation. Candidates of a customer need not be adjacent.
// The solver reads it and keeps nothing of it.
type Problem struct {
	Candidates []Candidate
	Rows       []Row
}

// Candidate is one (customer, option) column: value and resource use. Hold is
// implicit: every customer may be left alone, at value 0 and no use.
type Candidate struct {
	Customer   int32 // index of the customer, 0 ≤ Customer < number of customers
	Channel    data.Channel
	Day        data.Date
	ValueCents float64 // expected additional recovery; may be negative
	CostCents  float64 // ≥ 0
}

// Sense is the direction of a row.
type Sense int8

// The senses. AtMost rows limit (budgets, capacities, maximum shares);
// AtLeast rows demand (minimum coverage, minimum value).
const (
	AtMost Sense = iota
	AtLeast
)

// Row is one coupling constraint over all customers.
type Row struct {
	Name  string // unique; shown to the manager, e.g. "budget" or "sms 2026-01-05"
	Sense Sense
	Limit float64 // cents for a budget, touches for a capacity
	// Use holds the coefficients, sorted by candidate index, each candidate at
	// most once.
	Use []Use
}

// Use is the amount of a row's resource that one candidate takes at x = 1.
type Use struct {
	Candidate int32
	Amount    float64
}
