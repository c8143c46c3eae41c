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

// String returns the sign that tables show.
func (s Sense) String() string {
	if s == AtLeast {
		return ">="
	}
	return "<="
}

// MarshalText writes the sign into JSON.
func (s Sense) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

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

// Customers returns the number of customers: one more than the largest index.
func (p *Problem) Customers() int {
	n := int32(0)
	for i := range p.Candidates {
		n = max(n, p.Candidates[i].Customer+1)
	}
	return int(n)
}

// byCustomer lists the candidates of each customer: those of customer i are
// order[start[i]:start[i+1]], in ascending order of their index.
func (p *Problem) byCustomer() (start, order []int32) {
	n := p.Customers()
	start = make([]int32, n+1)
	for i := range p.Candidates {
		start[p.Candidates[i].Customer+1]++
	}
	for i := range n {
		start[i+1] += start[i]
	}
	order = make([]int32, len(p.Candidates))
	next := append([]int32(nil), start[:n]...)
	for j := range p.Candidates {
		i := p.Candidates[j].Customer
		order[next[i]] = int32(j)
		next[i]++
	}
	return start, order
}

// columns is the matrix of the rows by candidate: candidate j uses amount[k] of
// row row[k] for start[j] ≤ k < start[j+1], in ascending order of the row.
type columns struct {
	start  []int32
	row    []int32
	amount []float64
}

func (p *Problem) columns() columns {
	start := make([]int32, len(p.Candidates)+1)
	for r := range p.Rows {
		for _, u := range p.Rows[r].Use {
			start[u.Candidate+1]++
		}
	}
	for j := range p.Candidates {
		start[j+1] += start[j]
	}
	nnz := start[len(p.Candidates)]
	c := columns{start: start, row: make([]int32, nnz), amount: make([]float64, nnz)}
	next := append([]int32(nil), start[:len(p.Candidates)]...)
	for r := range p.Rows {
		for _, u := range p.Rows[r].Use {
			k := next[u.Candidate]
			c.row[k], c.amount[k] = int32(r), u.Amount
			next[u.Candidate] = k + 1
		}
	}
	return c
}
