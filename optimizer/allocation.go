package optimizer

import "fmt"

// Allocation is the answer to a Grid.
type Allocation struct {
	Status Status
	// Chosen is the ladder of each customer in the linear program's optimum;
	// Hold for those in Split, too.
	Chosen []Rungs
	// Split lists the customers whose share is not whole, by reduced program;
	// they are at most as many as there are binding rows.
	Split []Share
	// Prices is the DualPrice of each row: what one more unit of its limit
	// would bring in, in cents.
	Prices         []float64
	ObjectiveCents float64
	BoundCents     float64 // Lagrangian dual bound at Prices, never below the true optimum
	Iterations     int     // of the simplex method, over all linear programs
	// Shortfalls says which rows stand in the way when Status is Infeasible.
	Shortfalls []Shortfall
	Work       Work

	near []group // customers with options that come close to the best
	// What the decided use of each row, in the direction ≤, and are worth: all
	// customers that are in no group of near.
	used  []float64
	worth float64
}

// Gap returns (dual bound − objective) / max(1, |objective|).
func (a *Allocation) Gap() float64 {
	return (a.BoundCents - a.ObjectiveCents) / max(1, abs(a.ObjectiveCents))
}

// Err returns nil only when the allocation is optimal; otherwise an error that
// wraps [ErrNotOptimal] and says why.
func (a *Allocation) Err() error {
	switch a.Status {
	case Optimal:
		return nil
	case Infeasible:
		return fmt.Errorf("%w: %s: %s", ErrNotOptimal, a.Status, conflict(a.Shortfalls))
	}
	return fmt.Errorf("%w: %s", ErrNotOptimal, a.Status)
}
