package data

import (
	"fmt"
	"time"
)

// Candidate is one (customer, channel, day) option and what it would bring.
// Holding needs no row: it is always possible, costs nothing and brings
// nothing. A team with its own models writes this table and everything after
// it works.
type Candidate struct {
	CustomerID string  `parquet:"customer_id,dict" json:"customer_id"`
	Channel    Channel `parquet:"channel,dict" json:"channel"`
	Day        Date    `parquet:"day,date" json:"day"`
	// ValueCents is the expected additional recovery of the touch against
	// holding, before its cost; negative where the touch does harm.
	ValueCents   Cents  `parquet:"value_cents" json:"value_cents"`
	ValueLoCents Cents  `parquet:"value_lo_cents" json:"value_lo_cents"` // lower confidence bound of the same
	CostCents    Cents  `parquet:"cost_cents" json:"cost_cents"`
	Allowed      bool   `parquet:"allowed" json:"allowed"`
	BlockedBy    string `parquet:"blocked_by,dict" json:"blocked_by"` // rule id, "" when allowed
}

// Validate reports the first fault that the row has by itself.
func (c Candidate) Validate() error {
	switch {
	case c.CustomerID == "":
		return fmt.Errorf("%w: customer_id", ErrMissingValue)
	case c.Channel.Index() < 0:
		return fmt.Errorf("%w %q", ErrUnknownChannel, c.Channel)
	case c.CostCents < 0:
		return fmt.Errorf("%w: cost_cents %d", ErrNegativeAmount, c.CostCents)
	}
	return nil
}

// ActionSource says where an action of a plan comes from.
type ActionSource string

// The sources of an action.
const (
	SourceRecommended ActionSource = "recommended"
	SourceRegua       ActionSource = "regua"
	SourceExploration ActionSource = "exploration"
)

// Action is one touch that a plan proposes: customer, channel, day, window.
type Action struct {
	PlanID      string    `parquet:"plan_id,dict" json:"plan_id"`
	ActionID    string    `parquet:"action_id" json:"action_id"`
	CustomerID  string    `parquet:"customer_id" json:"customer_id"`
	Channel     Channel   `parquet:"channel,dict" json:"channel"`
	Day         Date      `parquet:"day,date" json:"day"`
	WindowStart time.Time `parquet:"window_start,timestamp(microsecond)" json:"window_start"`
	WindowEnd   time.Time `parquet:"window_end,timestamp(microsecond)" json:"window_end"`
	Step        int32     `parquet:"step" json:"step"` // 1 for the first touch of the ladder
	CostCents   Cents     `parquet:"cost_cents" json:"cost_cents"`
	ValueCents  Cents     `parquet:"value_cents" json:"value_cents"`
	// ReducedCostCents is the value less the prices of the cost, the slot and
	// every segment row the action uses: what it earns beyond the marginal use
	// of the same means.
	ReducedCostCents Cents        `parquet:"reduced_cost_cents" json:"reduced_cost_cents"`
	TreatProb        float64      `parquet:"treat_prob" json:"treat_prob"`
	Source           ActionSource `parquet:"source,dict" json:"source"`
	Reason           string       `parquet:"reason" json:"reason"` // one sentence in Portuguese
	// ReguaID, ReguaVersion and ReguaStep name the régua's step that the action is,
	// and Template the text that it asks for; "", 0, "" and "" of other sources.
	ReguaID      string `parquet:"regua_id,dict" json:"regua_id"`
	ReguaVersion int32  `parquet:"regua_version" json:"regua_version"`
	ReguaStep    string `parquet:"regua_step,dict" json:"regua_step"`
	Template     string `parquet:"template,dict" json:"template"`
	// ModelVersion is the version of the models that the plan was made with, ""
	// where it is not known.
	ModelVersion string `parquet:"model_version,dict" json:"model_version,omitempty"`
}
