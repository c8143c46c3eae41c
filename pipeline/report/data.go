package report

import (
	"math"

	"dunning/data"
	"dunning/pipeline/kpi"
)

// Data is everything a report shows. Its JSON form is report.json, with stable
// names. Amounts are cents of Currency. A nil figure is one that could not be
// measured; NaN and infinities do not belong here ([Known] turns them into
// nil).
type Data struct {
	Title     string    `json:"title"`   // "" means the standing title
	Company   string    `json:"company"` // "" when unnamed
	AsOf      data.Date `json:"as_of"`
	Currency  string    `json:"currency"`  // ISO 4217, "" means BRL
	Simulated bool      `json:"simulated"` // the portfolio came from the simulator

	Portfolio  *kpi.Indicators `json:"portfolio"`
	Sources    []Source        `json:"sources"`
	Evaluation *Evaluation     `json:"evaluation"`
	Uplift     []Uplift        `json:"uplift"`
	Health     *Health         `json:"health"`
	// Comparison holds the new version against the one in force before; nil
	// where there was none.
	Comparison *Comparison `json:"comparison"`
	Plan       *Plan       `json:"plan"`
	Blocked    []Blocked   `json:"blocked"`
	TopActions []TopAction `json:"top_actions"`
	// Forecast is what will be paid; nil where none was made.
	Forecast  *Receipts  `json:"forecast,omitempty"`
	Truth     *Truth     `json:"truth"`
	Manifests []Manifest `json:"manifests"`

	// Timings are shown when given. They differ from run to run, so a report
	// whose bytes must not is made without them; they never enter report.json.
	Timings []Timing `json:"-"`
}

// Source is what became of one source table: in = accepted + quarantined.
type Source struct {
	Table       string      `json:"table"`
	Rows        int64       `json:"rows"`
	Accepted    int64       `json:"accepted"`
	Quarantined int64       `json:"quarantined"`
	Rules       []RuleCount `json:"rules"`
}

// RuleCount counts rows by the rule of data.Rules that they broke.
type RuleCount struct {
	Rule string `json:"rule"`
	Rows int64  `json:"rows"`
}

// Evaluation is how well payment is predicted on data held out in time.
type Evaluation struct {
	HorizonDays int       `json:"horizon_days"`
	TestFrom    data.Date `json:"test_from"`
	TestTo      data.Date `json:"test_to"`
	TrainRows   int64     `json:"train_rows"`
	TestRows    int64     `json:"test_rows"`
	PaidShare   *float64  `json:"paid_share"` // base rate in the test rows
	// Models starts with the champion; the baselines follow.
	Models      []ModelScore  `json:"models"`
	Reliability []Reliability `json:"reliability"`
	Lift        []LiftDecile  `json:"lift"`       // of the champion, best tenth first
	Importance  []Importance  `json:"importance"` // of the champion, largest first
}

// ModelScore is one line of the table of models.
type ModelScore struct {
	Name     string   `json:"name"`
	Champion bool     `json:"champion"`
	AUC      *float64 `json:"auc"`
	Gini     *float64 `json:"gini"` // 2·AUC − 1
	KS       *float64 `json:"ks"`
	PRAUC    *float64 `json:"pr_auc"`
	LogLoss  *float64 `json:"log_loss"`
	Brier    *float64 `json:"brier"`
	// BrierSkill is 1 − Brier ÷ that of the test rows' own base rate.
	BrierSkill *float64 `json:"brier_skill"`
	ECE        *float64 `json:"ece"` // expected calibration error
	// Slope and Intercept are Cox's recalibration, 1 and 0 where calibrated;
	// Large is the intercept with the slope at 1.
	Slope     *float64 `json:"calib_slope"`
	Intercept *float64 `json:"calib_intercept"`
	Large     *float64 `json:"calib_in_the_large"`
}

// Reliability is the calibration curve of one model.
type Reliability struct {
	Model string           `json:"model"`
	Bins  []ReliabilityBin `json:"bins"`
}

// ReliabilityBin compares mean prediction with observed share.
type ReliabilityBin struct {
	Predicted float64 `json:"predicted"`
	Observed  float64 `json:"observed"`
	Rows      int64   `json:"rows"`
}

// LiftDecile is one tenth of the test rows by predicted probability.
type LiftDecile struct {
	Decile   int     `json:"decile"` // 1 is the highest predicted tenth
	Rows     int64   `json:"rows"`
	Observed float64 `json:"observed"` // share that paid
	Lift     float64 `json:"lift"`     // observed ÷ base rate
}

// Importance is the mean absolute SHAP value of one feature.
type Importance struct {
	Feature     string  `json:"feature"`
	Description string  `json:"description"` // a phrase for people, "" when none
	MeanAbsSHAP float64 `json:"mean_abs_shap"`
}

// Uplift is how well the effect of one channel is known, on held-out data.
type Uplift struct {
	Channel data.Channel `json:"channel"`
	Learner string       `json:"learner"`
	Rows    int64        `json:"rows"`
	Treated int64        `json:"treated"`
	// ATE is the mean effect of a touch on the probability of payment, with
	// its 95 % interval.
	ATE        *float64    `json:"ate"`
	ATELo      *float64    `json:"ate_lo"`
	ATEHi      *float64    `json:"ate_hi"`
	Qini       *float64    `json:"qini"`
	UpliftAt30 *float64    `json:"uplift_at_30"`
	Curve      []QiniPoint `json:"curve"` // from (0, 0) to (1, total)
	// QiniArea lies between the curve of doubly robust scores, by falling
	// estimate, and the straight line to its end, in share of the balance per
	// decision; with its 90 % interval. Deciles compare tenth by tenth.
	QiniArea   *float64       `json:"qini_area"`
	QiniAreaLo *float64       `json:"qini_area_lo"`
	QiniAreaHi *float64       `json:"qini_area_hi"`
	Deciles    []EffectDecile `json:"deciles"`
}

// EffectDecile is one tenth of the decisions by estimated effect, in shares of
// the balance.
type EffectDecile struct {
	Decile    int     `json:"decile"` // 1 has the largest estimates
	Rows      int64   `json:"rows"`
	Estimated float64 `json:"estimated"`
	Robust    float64 `json:"robust"` // mean doubly robust score: what the log says
	SE        float64 `json:"se"`
}

// QiniPoint is the gain of touching the best Share first: additional payments
// per customer of the whole.
type QiniPoint struct {
	Share float64 `json:"share"`
	Gain  float64 `json:"gain"`
}

// Plan is the proposal that waits for approval.
type Plan struct {
	PlanID string    `json:"plan_id"`
	From   data.Date `json:"from"`
	To     data.Date `json:"to"` // last day, included
	SHA256 string    `json:"sha256"`
	// ModelVersion is the version of the models behind the plan, "none" where
	// none was in force; TrainedAsOf is the day of its training.
	ModelVersion string     `json:"model_version"`
	TrainedAsOf  *data.Date `json:"trained_as_of"`
	// RefusedTraining says why the training of the plan's own day is not in force;
	// "" where the gate did not refuse it.
	RefusedTraining string `json:"refused_training,omitempty"`

	BudgetCents  data.Cents  `json:"budget_cents"`
	SpentCents   data.Cents  `json:"spent_cents"`
	ValueCents   data.Cents  `json:"value_cents"`    // expected additional recovery of the actions
	ValueLoCents *data.Cents `json:"value_lo_cents"` // sum of the lower confidence bounds

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

	Channels []PlanChannel `json:"channels"` // in the order of data.Channels
	Days     []PlanDay     `json:"days"`     // by channel, then day
	Prices   []Price       `json:"prices"`   // dearest first
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

// Explored is the part of a plan that is drawn at random, to learn from.
type Explored struct {
	Share         float64    `json:"share"`    // of the touches, of the money and of the places
	Floor         float64    `json:"floor"`    // least probability of an option, as far as the share allows
	Touches       int64      `json:"touches"`  // drawn instead of what was planned
	LeftOut       int64      `json:"left_out"` // planned touches that were drawn to be left out
	Offers        int64      `json:"offers"`   // touches that could have been drawn
	SetAsideCents data.Cents `json:"set_aside_cents"`
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
	Channel    data.Channel `json:"channel"`
	Actions    int64        `json:"actions"`
	CostCents  data.Cents   `json:"cost_cents"`
	ValueCents data.Cents   `json:"value_cents"`
	Capacity   *int64       `json:"capacity"` // of all days; nil when unlimited
}

// PlanDay counts the actions of one channel on one day.
type PlanDay struct {
	Channel  data.Channel `json:"channel"`
	Day      data.Date    `json:"day"`
	Actions  int64        `json:"actions"`
	Capacity *int64       `json:"capacity"` // nil when unlimited
}

// PriceKind says what a price is the price of.
type PriceKind string

// The kinds of rows that have prices.
const (
	PriceBudget   PriceKind = "budget"   // per unit of money
	PriceCapacity PriceKind = "capacity" // per touch of a channel on a day
	PriceSegment  PriceKind = "segment"  // per unit of a row over a segment
)

// Price is the shadow price of one row: what one more unit of its limit would
// bring in.
type Price struct {
	Kind    PriceKind    `json:"kind"`
	Row     string       `json:"row"` // the row's own name
	Channel data.Channel `json:"channel,omitempty"`
	Day     data.Date    `json:"day,omitempty"`
	Limit   float64      `json:"limit"` // cents for a budget, touches for a capacity
	Used    float64      `json:"used"`
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
	BudgetCents data.Cents `json:"budget_cents"`
	ValueCents  data.Cents `json:"value_cents"`
	Chosen      bool       `json:"chosen"` // the plan's own budget
	// What it brings in is certain to lie from LowCents to HighCents; ValueCents
	// is the lower end. Solved says that this very budget was solved for; then
	// PriceCents is what one more cent would bring.
	LowCents   data.Cents `json:"low_cents"`
	HighCents  data.Cents `json:"high_cents"`
	Solved     bool       `json:"solved"`
	PriceCents *float64   `json:"price_cents,omitempty"`
}

// Blocked counts what a rule of law, consent or policy forbade.
type Blocked struct {
	Rule       string `json:"rule"`        // rule id, as in the candidates
	Title      string `json:"title"`       // in words, "" when unknown
	Source     string `json:"legal_basis"` // the article it comes from, "" when none
	Candidates int64  `json:"candidates"`
	Customers  int64  `json:"customers"`
}

// TopAction is one of the actions with the highest value.
type TopAction struct {
	CustomerID string       `json:"customer_id"`
	Channel    data.Channel `json:"channel"`
	Day        data.Date    `json:"day"`
	CostCents  data.Cents   `json:"cost_cents"`
	ValueCents data.Cents   `json:"value_cents"`
	Reason     string       `json:"reason"`
}

// Truth compares with what only a simulator knows.
type Truth struct {
	// Ours is the champion; Ceiling is someone who knows the equations but not
	// the latent draws; Oracle knows the true probabilities. All are scored on
	// the same rows.
	Ours    *TruthScore `json:"ours"`
	Ceiling *TruthScore `json:"ceiling"`
	Oracle  *TruthScore `json:"oracle"`

	Effects []TruthEffect `json:"effects"`

	// The true incremental value of plans of the same budget and capacities.
	PlanTrueCents    *data.Cents `json:"plan_true_cents"`    // our plan, by the true effects
	CeilingPlanCents *data.Cents `json:"ceiling_plan_cents"` // the best plan by the ceiling's effects
	OraclePlanCents  *data.Cents `json:"oracle_plan_cents"`  // the best plan by the true effects
	RandomPlanCents  *data.Cents `json:"random_plan_cents"`  // a plan drawn at random
	// The same by all payments from AsOf to the end of the last touch's window:
	// what a touch only brings forward beyond its own window counts nothing.
	PlanTotalCents   *data.Cents `json:"plan_total_cents"`
	OracleTotalCents *data.Cents `json:"oracle_total_cents"`
}

// TruthScore is how well some probabilities predict organic payment.
type TruthScore struct {
	Rows    int64    `json:"rows"`
	AUC     *float64 `json:"auc"`
	LogLoss *float64 `json:"log_loss"`
	Brier   *float64 `json:"brier"`
	// RMSE is the root mean square distance from the true probabilities.
	RMSE *float64 `json:"rmse"`
}

// TruthEffect compares estimated with true effects of one channel.
type TruthEffect struct {
	Channel     data.Channel `json:"channel"`
	TrueATE     *float64     `json:"true_ate"`
	OurATE      *float64     `json:"our_ate"`
	Correlation *float64     `json:"correlation"` // of estimated and true effect, over customers
}

// Manifest identifies the output of one stage, so that a report can be tied
// to the very bytes it was made of.
type Manifest struct {
	Stage       string `json:"stage"`
	Key         string `json:"key"`
	Rows        int64  `json:"rows"`
	Files       int    `json:"files"`
	Seed        uint64 `json:"seed"`
	CodeVersion string `json:"code_version"`
}

// Timing is how long one stage took and whether it had to run.
type Timing struct {
	Stage   string
	Status  string // "done", "unchanged", …
	Seconds float64
	Rows    int64
}

// Known returns a pointer to f, or nil when f is NaN or infinite.
func Known(f float64) *float64 {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return nil
	}
	return &f
}
