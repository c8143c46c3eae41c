package policy

import (
	"errors"
	"fmt"

	"dunning/data"
)

// Config holds the company's own limits. A limit of 0 is no limit, except where
// its field says otherwise.
type Config struct {
	MinAmountCents   data.Cents `koanf:"min_amount_cents" json:"min_amount_cents"`     // open balance below which nobody is contacted; default 1000
	GraceDays        int        `koanf:"grace_days" json:"grace_days"`                 // no contact on days 1 … GraceDays after the due date; default 0
	PreventionDays   int        `koanf:"prevention_days" json:"prevention_days"`       // reminders start this many days before the due date; default 10; 0 for none at all before it
	MaxDaysPastDue   int        `koanf:"max_days_past_due" json:"max_days_past_due"`   // older debts are prescribed; default 1825, at most 1825
	PromiseGraceDays int        `koanf:"promise_grace_days" json:"promise_grace_days"` // no contact until this many days after a promise's date; default 2
	MinGapDays       int        `koanf:"min_gap_days" json:"min_gap_days"`             // days between two touches, 1 is at most one a day; default 2
	MaxTouches7      int        `koanf:"max_touches_7" json:"max_touches_7"`           // touches in any 7 days; default 3
	MaxTouches30     int        `koanf:"max_touches_30" json:"max_touches_30"`         // touches in any 30 days; default 8
	// Packs names the embedded packs in order of precedence.
	Packs []string `koanf:"packs" json:"packs"`
}

// prescriptionDays is five years in days, the limit of SARB 27/2023.
const prescriptionDays = 1825

// DefaultConfig returns the defaults named at the fields of [Config].
func DefaultConfig() Config {
	return Config{
		MinAmountCents:   1000,
		PreventionDays:   10,
		MaxDaysPastDue:   prescriptionDays,
		PromiseGraceDays: 2,
		MinGapDays:       2,
		MaxTouches7:      3,
		MaxTouches30:     8,
		Packs:            []string{"br-federal", "company", "br-calendar", "br-states"},
	}
}

// Validate reports every fault at once, as wrong usage.
func (c Config) Validate() error {
	var faults []error
	for _, f := range []struct {
		name  string
		value int64
	}{
		{"min_amount_cents", int64(c.MinAmountCents)},
		{"grace_days", int64(c.GraceDays)},
		{"prevention_days", int64(c.PreventionDays)},
		{"promise_grace_days", int64(c.PromiseGraceDays)},
		{"min_gap_days", int64(c.MinGapDays)},
		{"max_touches_7", int64(c.MaxTouches7)},
		{"max_touches_30", int64(c.MaxTouches30)},
	} {
		if f.value < 0 {
			faults = append(faults, fmt.Errorf("policy: %w: %s is %d, must not be negative", data.ErrUsage, f.name, f.value))
		}
	}
	if c.MaxDaysPastDue < 1 || c.MaxDaysPastDue > prescriptionDays {
		faults = append(faults, fmt.Errorf("policy: %w: max_days_past_due is %d, must be 1 to %d", data.ErrUsage, c.MaxDaysPastDue, prescriptionDays))
	}
	if len(c.Packs) == 0 {
		faults = append(faults, fmt.Errorf("policy: %w: packs is empty", data.ErrUsage))
	}
	return errors.Join(faults...)
}
