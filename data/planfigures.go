package data

// PlanFigures is the proposal that waits for approval.
type PlanFigures struct {
	PlanID string `json:"plan_id"`
	From   Date   `json:"from"`
	To     Date   `json:"to"` // last day, included
	SHA256 string `json:"sha256"`
	// ModelVersion is the version of the models behind the plan, "none" where
	// none was in force; TrainedAsOf is the day of its training.
	ModelVersion string `json:"model_version"`
	TrainedAsOf  *Date  `json:"trained_as_of"`
	// RefusedTraining says why the training of the plan's own day is not in force;
	// "" where the gate did not refuse it.
	RefusedTraining string `json:"refused_training,omitempty"`

	BudgetCents  Cents  `json:"budget_cents"`
	SpentCents   Cents  `json:"spent_cents"`
	ValueCents   Cents  `json:"value_cents"`    // expected additional recovery of the actions
	ValueLoCents *Cents `json:"value_lo_cents"` // sum of the lower confidence bounds

	Customers int64 `json:"customers"` // with an open balance at AsOf
	Touched   int64 `json:"touched"`   // with an action
	// Ladders counts the customers with 1, 2, … touches, up to MaxTouches, the
	// most that one of them may get, GapDays apart at least.
	Ladders     []int64 `json:"ladders"`
	MaxTouches  int     `json:"max_touches"`
	GapDays     int     `json:"gap_days"`
	Candidates  int64   `json:"candidates"`  // options looked at
	Allowed     int64   `json:"allowed"`     // of those, allowed by law, consent and policy
	Exploration int64   `json:"exploration"` // actions drawn at random, to learn
	Holdout     int64   `json:"holdout"`     // customers left alone at random, to measure
	// Explored says what was drawn at random; nil where nothing is.
	Explored *Explored `json:"explored,omitempty"`

	Channels []PlanChannel `json:"channels"` // in the order of Channels
	Days     []PlanDay     `json:"days"`     // by channel, then day
	Prices   []RowPrice    `json:"prices"`   // dearest first
	Curve    []BudgetPoint `json:"curve"`    // by budget
	// Capped counts the customers whom limits on several touches, with those of
	// the last month, leave fewer days. UncappedCents is the bound without
	// these limits: BoundCents is at most so much less. Nil where nobody is
	// capped.
	Capped        int64    `json:"capped"`
	UncappedCents *float64 `json:"uncapped_bound_cents"`
	// Trimmed counts the touches taken out of ladders because, discounted, they
	// did not earn their cost.
	Trimmed int64   `json:"trimmed"`
	Unmet   []Unmet `json:"unmet,omitempty"` // minimums that whole ladders miss

	Solver         string   `json:"solver"`
	Status         string   `json:"status"`
	ObjectiveCents float64  `json:"objective_cents"` // of the linear program
	BoundCents     float64  `json:"bound_cents"`     // no plan can be worth more
	Gap            float64  `json:"gap"`
	MaxViolation   *float64 `json:"max_violation"`    // as the certificate measured it
	PlanValueCents float64  `json:"plan_value_cents"` // of the whole ladders, of which ValueCents is the rounded sum
	// IntegralityLossCents is the linear optimum less the plan of whole ladders.
	IntegralityLossCents float64 `json:"integrality_loss_cents"`
}

// UnusedCents is what the plan leaves of its budget.
func (p *PlanFigures) UnusedCents() Cents { return p.BudgetCents - p.SpentCents }

// Explored is the part of a plan that is drawn at random, to learn from.
type Explored struct {
	Share         float64 `json:"share"`    // of the touches, of the money and of the places
	Floor         float64 `json:"floor"`    // least probability of an option, as far as the share allows
	Touches       int64   `json:"touches"`  // drawn instead of what was planned
	LeftOut       int64   `json:"left_out"` // planned touches that were drawn to be left out
	Offers        int64   `json:"offers"`   // touches that could have been drawn
	SetAsideCents Cents   `json:"set_aside_cents"`
	// RegretCents is what the draw costs on average, at the plan's prices: what
	// is lost in value, less what the freed money and places are worth.
	RegretCents float64 `json:"regret_cents"`
}

// Unmet is a minimum that the plan misses.
type Unmet struct {
	Row      string  `json:"row"`
	Demanded float64 `json:"demanded"`
	Reached  float64 `json:"reached"`
}

// PlanChannel adds up the actions of one channel.
type PlanChannel struct {
	Channel    Channel `json:"channel"`
	Actions    int64   `json:"actions"`
	CostCents  Cents   `json:"cost_cents"`
	ValueCents Cents   `json:"value_cents"`
	Capacity   *int64  `json:"capacity"` // of all days; nil when unlimited
}

// PlanDay counts the actions of one channel on one day.
type PlanDay struct {
	Channel  Channel `json:"channel"`
	Day      Date    `json:"day"`
	Actions  int64   `json:"actions"`
	Capacity *int64  `json:"capacity"` // nil when unlimited
}

// PriceKind says what a price is the price of.
type PriceKind string

// The kinds of rows that have prices.
const (
	PriceBudget   PriceKind = "budget"   // per unit of money
	PriceCapacity PriceKind = "capacity" // per touch of a channel on a day
	PriceSegment  PriceKind = "segment"  // per unit of a row over a segment
)

// RowPrice is the shadow price of one row: what one more unit of its limit would
// bring in.
type RowPrice struct {
	Kind    PriceKind `json:"kind"`
	Row     string    `json:"row"` // the row's own name
	Channel Channel   `json:"channel,omitempty"`
	Day     Date      `json:"day,omitempty"`
	Limit   float64   `json:"limit"` // cents for a budget, touches for a capacity
	Used    float64   `json:"used"`
	// PriceCents is cents of recovery per cent for a budget, cents per touch
	// for a capacity.
	PriceCents float64 `json:"price_cents"`
	// LowCents is what one more unit brings in, HighCents what one unit less
	// costs: they differ where limits are whole touches. HighCents is nil where
	// there is no end, as for a closed channel. Both are nil when unknown.
	LowCents  *float64 `json:"low_cents"`
	HighCents *float64 `json:"high_cents"`
}

// BudgetPoint is what the best plan of one budget would bring in.
type BudgetPoint struct {
	BudgetCents Cents `json:"budget_cents"`
	ValueCents  Cents `json:"value_cents"`
	Chosen      bool  `json:"chosen"` // the plan's own budget
	// What it brings in is certain to lie from LowCents to HighCents; ValueCents
	// is the lower end. Solved says that this very budget was solved for; then
	// PriceCents is what one more cent would bring.
	LowCents   Cents    `json:"low_cents"`
	HighCents  Cents    `json:"high_cents"`
	Solved     bool     `json:"solved"`
	PriceCents *float64 `json:"price_cents,omitempty"`
}

// Blocked counts what a rule of law, consent or policy forbade.
type Blocked struct {
	Rule       string `json:"rule"`        // rule id, as in the candidates
	Title      string `json:"title"`       // in words, "" when unknown
	Source     string `json:"legal_basis"` // the article it comes from, "" when none
	Candidates int64  `json:"candidates"`
	Customers  int64  `json:"customers"`
}
