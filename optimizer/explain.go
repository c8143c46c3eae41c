package optimizer

// Explanation says why a candidate is worth choosing, or not.
type Explanation struct {
	Candidate        int32
	ValueCents       float64
	CostCents        float64
	Paid             []Paid // rows with a price that the candidate uses, in the problem's order
	ReducedCostCents float64
	// RunnerUp is the customer's best other option at the same prices, -1 for
	// hold; RunnerUpReducedCostCents is its reduced cost (0 for hold).
	RunnerUp                 int32
	RunnerUpReducedCostCents float64
}

// Paid is what a candidate or ladder pays for its use of one row.
type Paid struct {
	Row        int     // index in the rows of the problem or grid
	Name       string  // of the row
	PriceCents float64 // DualPrice per unit
	Use        float64 // units
	Cents      float64 // price × use
}

// Explainer answers for many candidates of one solved problem. It is safe for
// concurrent use.
type Explainer struct {
	p          *Problem
	prices     []float64
	reduced    []float64
	cols       columns
	byCustomer []int32
	order      []int32
}

// NewExplainer prepares explanations at the solution's prices. It keeps p and
// s.Prices, which must not change.
func NewExplainer(p *Problem, s *Solution) *Explainer {
	e := &Explainer{p: p, prices: s.Prices, reduced: s.ReducedCosts(p), cols: p.columns()}
	e.byCustomer, e.order = p.byCustomer()
	return e
}

// ReducedCostCents returns value − Σ price × use of candidate j.
func (e *Explainer) ReducedCostCents(j int32) float64 { return e.reduced[j] }

// Explain returns what candidate j is worth, what it pays and which option
// comes next. Ties for the runner-up go to the lower candidate, and to hold
// before any candidate.
func (e *Explainer) Explain(j int32) Explanation {
	c := &e.p.Candidates[j]
	x := Explanation{Candidate: j, ValueCents: c.ValueCents, CostCents: c.CostCents, ReducedCostCents: e.reduced[j], RunnerUp: -1}
	for k := e.cols.start[j]; k < e.cols.start[j+1]; k++ {
		r := e.cols.row[k]
		if price := e.prices[r]; price != 0 {
			x.Paid = append(x.Paid, Paid{Row: int(r), Name: e.p.Rows[r].Name, PriceCents: price, Use: e.cols.amount[k], Cents: price * e.cols.amount[k]})
		}
	}
	for _, o := range e.order[e.byCustomer[c.Customer]:e.byCustomer[c.Customer+1]] {
		if o != j && e.reduced[o] > x.RunnerUpReducedCostCents {
			x.RunnerUp, x.RunnerUpReducedCostCents = o, e.reduced[o]
		}
	}
	return x
}

// Price is one row of the price table: the product of the optimizer.
type Price struct {
	Row       string  `json:"row"`
	Sense     string  `json:"sense"`
	Limit     float64 `json:"limit"`
	Used      float64 `json:"used"`        // by the linear program's optimum
	DualPrice float64 `json:"price_cents"` // objective gained per unit more of the limit
	// Every price from PriceLow to PriceHigh is optimal too; both are 0 where
	// the interval was not computed.
	PriceLow  float64 `json:"price_low_cents,omitempty"`
	PriceHigh float64 `json:"price_high_cents,omitempty"`
}

// PriceTable returns one line per row, in the problem's order.
func PriceTable(p *Problem, s *Solution) []Price {
	table := make([]Price, len(p.Rows))
	for r := range p.Rows {
		row := &p.Rows[r]
		var used sum
		for _, u := range row.Use {
			used.add(u.Amount * s.X[u.Candidate])
		}
		table[r] = Price{Row: row.Name, Sense: row.Sense.String(), Limit: row.Limit, Used: used.value(), DualPrice: s.Prices[r]}
	}
	return table
}
