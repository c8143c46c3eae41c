package report

import (
	"math"

	"dunning/data"
	"dunning/policy/regua"
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

	Portfolio  *data.Indicators     `json:"portfolio"`
	Sources    []Source             `json:"sources"`
	Evaluation *data.Evaluation     `json:"evaluation"`
	Uplift     []data.UpliftFigures `json:"uplift"`
	Health     *data.ModelHealth    `json:"health"`
	// Comparison holds the new version against the one in force before; nil
	// where there was none.
	Comparison *Comparison       `json:"comparison"`
	Plan       *data.PlanFigures `json:"plan"`
	Blocked    []data.Blocked    `json:"blocked"`
	TopActions []TopAction       `json:"top_actions"`
	// Reguas are what the company's own réguas do in the plan; none without any.
	Reguas []regua.Outcome `json:"reguas,omitempty"`
	// Forecast is what will be paid; nil where none was made.
	Forecast  *data.Receipts `json:"forecast,omitempty"`
	Truth     *Truth         `json:"truth"`
	Manifests []Manifest     `json:"manifests"`

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
