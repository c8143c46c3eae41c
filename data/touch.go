package data

import (
	"fmt"
	"time"
)

// Touch is one logged contact decision: a contact that was sent on a channel,
// or, with Channel Hold, a decision not to contact. Logs of decisions that
// keep their holds, with the probability of what was chosen, are what makes
// effects identifiable; logs that keep only contacts are accepted too.
type Touch struct {
	TouchID    string    `parquet:"touch_id" json:"touch_id"`
	CustomerID string    `parquet:"customer_id,dict" json:"customer_id"`
	Channel    Channel   `parquet:"channel,dict" json:"channel"`
	SentAt     time.Time `parquet:"sent_at,timestamp(microsecond)" json:"sent_at"`
	CostCents  Cents     `parquet:"cost_cents" json:"cost_cents"`
	Template   string    `parquet:"template,dict" json:"template"`
	PlanID     string    `parquet:"plan_id,dict" json:"plan_id"`
	// TreatProb is the probability with which this option was chosen, nil
	// when it was not logged.
	TreatProb *float64 `parquet:"treat_prob,optional" json:"treat_prob"`
}

// Validate reports the first fault that the row has by itself.
func (t Touch) Validate() error {
	switch {
	case t.TouchID == "":
		return fmt.Errorf("%w: touch_id", ErrMissingValue)
	case t.CustomerID == "":
		return fmt.Errorf("%w: customer_id", ErrMissingValue)
	case t.Channel != Hold && t.Channel.Index() < 0:
		return fmt.Errorf("%w %q", ErrUnknownChannel, t.Channel)
	case t.CostCents < 0:
		return fmt.Errorf("%w: cost_cents %d", ErrNegativeAmount, t.CostCents)
	case t.TreatProb != nil && !(*t.TreatProb > 0 && *t.TreatProb <= 1):
		return fmt.Errorf("%w: treat_prob %g", ErrBadProbability, *t.TreatProb)
	}
	return nil
}

// TouchEventKind says what happened to a touch.
type TouchEventKind string

// What can happen to a touch after it was decided.
const (
	EventSent       TouchEventKind = "sent"
	EventDelivered  TouchEventKind = "delivered"
	EventOpened     TouchEventKind = "opened"
	EventClicked    TouchEventKind = "clicked"
	EventReplied    TouchEventKind = "replied"
	EventBounced    TouchEventKind = "bounced"
	EventComplained TouchEventKind = "complained"
)

// TouchEventKinds lists the kinds in the order in which they usually happen.
var TouchEventKinds = [...]TouchEventKind{
	EventSent, EventDelivered, EventOpened, EventClicked, EventReplied, EventBounced, EventComplained,
}

// TouchEvent is one thing that happened to one touch.
type TouchEvent struct {
	TouchID string         `parquet:"touch_id" json:"touch_id"`
	At      time.Time      `parquet:"at,timestamp(microsecond)" json:"at"`
	Kind    TouchEventKind `parquet:"kind,dict" json:"kind"`
	// CustomerID is the touch's customer. Sources do not give it: extract
	// fills it, so that every table of the lake can be read by customer.
	CustomerID string `parquet:"customer_id,dict" json:"customer_id"`
}

// Validate reports the first fault that the row has by itself.
func (e TouchEvent) Validate() error {
	if e.TouchID == "" {
		return fmt.Errorf("%w: touch_id", ErrMissingValue)
	}
	for _, k := range TouchEventKinds {
		if e.Kind == k {
			return nil
		}
	}
	return fmt.Errorf("%w %q", ErrUnknownKind, e.Kind)
}
