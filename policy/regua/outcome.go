package regua

import "dunning/data"

// Outcome is what one régua does in a plan.
type Outcome struct {
	ID       string `json:"id"`
	Version  int    `json:"version"`
	Title    string `json:"title"`
	Mode     Mode   `json:"mode"`
	Priority int    `json:"priority"`

	Captured int64 `json:"captured"` // customers
	HeldOut  int64 `json:"held_out"` // of those, in the random holdout: not touched
	Wished   int64 `json:"wished"`   // touches that the law allows
	// Touched customers get Touches, which cost CostCents and are expected to bring
	// ValueCents more than none.
	Touched    int64      `json:"touched"`
	Touches    int64      `json:"touches"`
	CostCents  data.Cents `json:"cost_cents"`
	ValueCents data.Cents `json:"value_cents"`
	// CaughtUp are the touches that come later than their step's day, which was
	// missed, or forbidden, or too soon after another; Lost are the steps whose last
	// day to be made up for passed without them, in as many days before the plan as
	// it has.
	CaughtUp int64 `json:"caught_up"`
	Lost     int64 `json:"lost"`
	// ForgoneMostCents is the most that the recommendation alone would bring beyond
	// the plan with the same money, of a régua that replaces it; nil for any other, and
	// in a trial, which has the exact figure.
	ForgoneMostCents *data.Cents `json:"forgone_most_cents,omitempty"`

	Days    []OutcomeDay   `json:"days"`    // by day, then channel
	Refused []OutcomeRule  `json:"refused"` // by which rules, most wishes first
	Dropped []OutcomeLimit `json:"dropped"` // by row in the way
	// FirstDropped are the touches that go first where the money ends, in the order
	// in which they go; dropped.csv has all.
	FirstDropped []DroppedTouch `json:"first_dropped"`
}

// OutcomeDay counts a régua's touches on a day and channel.
type OutcomeDay struct {
	Day       data.Date    `json:"day"`
	Channel   data.Channel `json:"channel"`
	Touches   int64        `json:"touches"`
	CostCents data.Cents   `json:"cost_cents"`
}

// OutcomeRule counts what a rule forbade to a régua.
type OutcomeRule struct {
	Rule   string `json:"rule"`
	Title  string `json:"title"` // in Portuguese
	Source string `json:"source"`
	Wishes int64  `json:"wishes"`
}

// OutcomeLimit counts what a limit left no room for.
type OutcomeLimit struct {
	Row       string     `json:"row"`
	Touches   int64      `json:"touches"`
	CostCents data.Cents `json:"cost_cents"`
}

// DroppedTouch is one touch that a limit left no room for.
type DroppedTouch struct {
	ReguaID    string       `json:"regua_id"`
	Step       string       `json:"step"`
	CustomerID string       `json:"customer_id"`
	Day        data.Date    `json:"day"`
	Channel    data.Channel `json:"channel"`
	CostCents  data.Cents   `json:"cost_cents"`
	Row        string       `json:"row"` // in the way
}

// Trial is what a régua would do on a day, alone beside the recommendation.
type Trial struct {
	AsOf    data.Date `json:"as_of"`
	Outcome Outcome   `json:"outcome"`
	Failed  int64     `json:"failed_conditions"` // conditions that failed on a customer: an overflow, a division by zero
	// RecommendedCents is what the recommendation alone brings with the budget,
	// TogetherCents what it brings beside the régua with the same budget: optima of
	// linear programs. ForgoneCents is the first less the second; negative where the
	// régua touches those whom the recommendation leaves alone.
	BudgetCents      data.Cents `json:"budget_cents"`
	RecommendedCents float64    `json:"recommended_cents"`
	TogetherCents    float64    `json:"together_cents"`
	ForgoneCents     float64    `json:"forgone_cents"`
}
