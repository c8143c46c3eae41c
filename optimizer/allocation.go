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
	Intervals      []Interval // of each row's price; nil unless asked for
	ObjectiveCents float64
	BoundCents     float64 // Lagrangian dual bound at Prices, never below the true optimum
	Iterations     int     // of the simplex method, over all linear programs
	// Shortfalls lists, when Status is Infeasible, demands that cannot be met,
	// and Beside the limits that stand in their way. Together they are a
	// minimal set: without any one of them the others can be met.
	Shortfalls []Shortfall
	Beside     []string
	Work       Work

	near  []group   // customers with options that come close to the best
	short []float64 // of each row, what the linear program was short of it
	// What the decided use of each row, in the direction ≤, and are worth: all
	// customers that are in no group of near.
	used  []float64
	worth float64
	total []float64 // what the optimum uses of each row, in the direction ≤
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
		return fmt.Errorf("%w: %s: %s", ErrNotOptimal, a.Status, conflict(a.Shortfalls, a.Beside))
	}
	return fmt.Errorf("%w: %s", ErrNotOptimal, a.Status)
}
