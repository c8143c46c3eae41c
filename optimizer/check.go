package optimizer

import (
	"errors"
	"fmt"
	"math"
)

// ErrCertificate is wrapped by [Certificate.Err] when a solution is not what it
// claims to be.
var ErrCertificate = errors.New("optimizer: certificate refused")

// Certificate is what [Check] found out about a solution, or [CheckGrid] about
// an allocation. Everything is recomputed from the problem, the shares and the
// prices, in compensated or exact arithmetic, by code that no solver uses.
type Certificate struct {
	ObjectiveCents float64 // Σ value × x
	BoundCents     float64 // Σ price × limit + Σ_i max(0, largest reduced cost of i)
	Gap            float64 // (bound − objective) / max(1, |objective|)

	// The largest violation of each kind; zero where nothing is violated.
	ShareViolation    float64 // x below 0 or above 1
	CustomerViolation float64 // Σ_j x_ij beyond 1
	RowViolation      float64 // beyond the limit, over max(1, |limit|)
	PriceViolation    float64 // price of the wrong sign, in cents

	// Complementary slackness, in cents: their sum is bound − objective.
	RowSlackCents      float64 // Σ price × what the row leaves unused
	CustomerSlackCents float64 // Σ_i best reduced cost × the share of i that is held
	OptionSlackCents   float64 // Σ x × (best reduced cost − own reduced cost)

	ViolatedRow string // name of the row of RowViolation, "" when none
	PlanFault   string // the first customer with a ladder that is not allowed, and why; "" when none

	shape     error   // X or Prices of the wrong length or not finite
	objective float64 // as stated by the solution
	bound     float64
	status    Status
}

// Tolerance says how much a certificate forgives. The zero value of a field
// means its default.
type Tolerance struct {
	Feasibility float64 // of every violation; default 1e-6 (CLP's is 1e-7 in its own scaling)
	Gap         float64 // of Gap, both ways, and of the stated figures; default 1e-7
}

// Check recomputes everything that the solution claims. It never fails: what
// is wrong is in the certificate, and [Certificate.Err] says it.
func Check(p *Problem, s *Solution) *Certificate {
	c := &Certificate{objective: s.ObjectiveCents, bound: s.BoundCents, status: s.Status}
	if c.shape = checkShape(p, s); c.shape != nil {
		return c
	}
	reduced := make([]float64, len(p.Candidates))
	for j := range reduced {
		reduced[j] = p.Candidates[j].ValueCents
	}
	var objective, bound, rowSlack twofold
	for r := range p.Rows {
		row, price := &p.Rows[r], s.Prices[r]
		var activity twofold
		for _, u := range row.Use {
			activity.addProduct(u.Amount, s.X[u.Candidate])
			reduced[u.Candidate] = math.FMA(-price, u.Amount, reduced[u.Candidate])
		}
		used := activity.high + activity.low
		c.checkRow(row, price, used)
		bound.addProduct(price, row.Limit)
		rowSlack.addProduct(price, row.Limit-used)
	}
	c.checkCustomers(p, s, reduced, &bound)
	for j, x := range s.X {
		objective.addProduct(p.Candidates[j].ValueCents, x)
		c.ShareViolation = max(c.ShareViolation, -x, x-1)
	}
	c.ObjectiveCents = objective.high + objective.low
	c.BoundCents = bound.high + bound.low
	c.RowSlackCents = rowSlack.high + rowSlack.low
	c.Gap = (c.BoundCents - c.ObjectiveCents) / math.Max(1, math.Abs(c.ObjectiveCents))
	return c
}

func checkShape(p *Problem, s *Solution) error {
	if len(s.X) != len(p.Candidates) || len(s.Prices) != len(p.Rows) {
		return fmt.Errorf("%d shares for %d candidates, %d prices for %d rows",
			len(s.X), len(p.Candidates), len(s.Prices), len(p.Rows))
	}
	for j, x := range s.X {
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return fmt.Errorf("share %g of candidate %d", x, j)
		}
	}
	for r, y := range s.Prices {
		if math.IsNaN(y) || math.IsInf(y, 0) {
			return fmt.Errorf("price %g of row %q", y, p.Rows[r].Name)
		}
	}
	return nil
}

func (c *Certificate) checkRow(row *Row, price, used float64) {
	excess, wrong := used-row.Limit, -price
	if row.Sense == AtLeast {
		excess, wrong = -excess, price
	}
	c.PriceViolation = max(c.PriceViolation, wrong)
	if v := excess / math.Max(1, math.Abs(row.Limit)); !(v <= c.RowViolation) {
		c.RowViolation, c.ViolatedRow = v, row.Name
	}
}

// checkCustomers adds each customer's part to the bound and to the slacks.
func (c *Certificate) checkCustomers(p *Problem, s *Solution, reduced []float64, bound *twofold) {
	best := make([]float64, p.Customers())
	total := make([]float64, len(best))
	for j := range p.Candidates {
		i := p.Candidates[j].Customer
		best[i] = math.Max(best[i], reduced[j])
		total[i] += s.X[j]
	}
	var customerSlack, optionSlack twofold
	for i, b := range best {
		c.CustomerViolation = math.Max(c.CustomerViolation, total[i]-1)
		bound.addProduct(b, 1)
		customerSlack.addProduct(b, 1-total[i])
	}
	for j := range p.Candidates {
		optionSlack.addProduct(s.X[j], best[p.Candidates[j].Customer]-reduced[j])
	}
	c.CustomerSlackCents = customerSlack.high + customerSlack.low
	c.OptionSlackCents = optionSlack.high + optionSlack.low
}

// Err returns nil when the solution is optimal as it says: statuses agree, no
// violation and no gap beyond t, and the stated objective and bound are the
// recomputed ones. Otherwise the error wraps [ErrCertificate] and names every
// fault.
func (c *Certificate) Err(t Tolerance) error {
	if t.Feasibility == 0 {
		t.Feasibility = 1e-6
	}
	if t.Gap == 0 {
		t.Gap = 1e-7
	}
	if c.status != Optimal {
		return fmt.Errorf("%w: status is %s", ErrCertificate, c.status)
	}
	if c.shape != nil {
		return fmt.Errorf("%w: %w", ErrCertificate, c.shape)
	}
	var faults []error
	refuse := func(wrong bool, format string, args ...any) {
		if wrong {
			faults = append(faults, fmt.Errorf("%w: "+format, append([]any{ErrCertificate}, args...)...))
		}
	}
	scale := math.Max(1, math.Abs(c.ObjectiveCents))
	// A figure that is no number is a fault, too: hence "not at most".
	refuse(c.PlanFault != "", "%s", c.PlanFault)
	refuse(!(c.ShareViolation <= t.Feasibility), "a share is %.6g outside [0, 1]", c.ShareViolation)
	refuse(!(c.CustomerViolation <= t.Feasibility), "a customer is chosen %.6g times too often", c.CustomerViolation)
	refuse(!(c.RowViolation <= t.Feasibility), "row %q is violated by %.6g of its limit", c.ViolatedRow, c.RowViolation)
	refuse(!(c.PriceViolation <= 0), "a price has the wrong sign by %.6g", c.PriceViolation)
	refuse(!(math.Abs(c.Gap) <= t.Gap), "gap %.3g between objective %.10g and bound %.10g", c.Gap, c.ObjectiveCents, c.BoundCents)
	refuse(!(math.Abs(c.objective-c.ObjectiveCents) <= t.Gap*scale), "stated objective %.12g, recomputed %.12g", c.objective, c.ObjectiveCents)
	refuse(!(math.Abs(c.bound-c.BoundCents) <= t.Gap*scale), "stated bound %.12g, recomputed %.12g", c.bound, c.BoundCents)
	return errors.Join(faults...)
}

// twofold is a sum of products held in two floats, about 106 bits: each product
// and each addition passes its rounding error on (Ogita, Rump, Oishi 2005,
// "Accurate sum and dot product").
type twofold struct{ high, low float64 }

func (t *twofold) addProduct(a, b float64) {
	product := a * b
	lost := math.FMA(a, b, -product)
	total := t.high + product
	part := total - t.high
	lost += (t.high - (total - part)) + (product - part)
	t.high, t.low = total, t.low+lost
}
