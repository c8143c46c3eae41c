package policy

import (
	"errors"
	"fmt"
	"maps"
	"slices"

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
	MaxTouches1      int        `koanf:"max_touches_1" json:"max_touches_1"`           // touches in one day; default 1: one consolidated contact
	// ChannelCaps are further limits of single channels. Default: none.
	ChannelCaps map[data.Channel]ChannelCaps `koanf:"channel_caps" json:"channel_caps"`
	// PaymentHoldDays is for how many days, from the day of a payment on, nobody
	// is touched: money may still be on its way. Default 0: none.
	PaymentHoldDays int `koanf:"payment_hold_days" json:"payment_hold_days"`
	// QuietSegments are segments whose customers are never touched: the company's
	// own, or named ones (devedor, novo, …).
	QuietSegments []string `koanf:"quiet_segments" json:"quiet_segments"`
	// SoftTone spares good payers the hard channels. Default: nobody.
	SoftTone SoftToneRule `koanf:"soft_tone" json:"soft_tone"`
	// Paused are customers and invoices that somebody stopped for a while.
	Paused []Pause `koanf:"paused" json:"paused"`
	// Packs names the embedded packs in order of precedence.
	Packs []string `koanf:"packs" json:"packs"`
}

// ChannelCaps limit the touches on one channel; 0 is no limit.
type ChannelCaps struct {
	Day   int `koanf:"day" json:"day"`     // on one day
	Week  int `koanf:"week" json:"week"`   // in any 7 days
	Month int `koanf:"month" json:"month"` // in any 30 days
}

// SoftToneRule says how good payers are treated: until they are UntilDays late
// they are touched on Channels only, in the gentle wording.
type SoftToneRule struct {
	Segments  []string       `koanf:"segments" json:"segments"`
	Channels  []data.Channel `koanf:"channels" json:"channels"`
	UntilDays int            `koanf:"until_days" json:"until_days"` // days past due
}

// Pause stops contact with a customer, or the réguas of one invoice, up to and
// on a day.
type Pause struct {
	CustomerID string    `koanf:"customer_id" json:"customer_id"` // or:
	InvoiceID  string    `koanf:"invoice_id" json:"invoice_id"`
	Until      data.Date `koanf:"until" json:"until"`
	Reason     string    `koanf:"reason" json:"reason"` // for people
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
		MaxTouches1:      1,
		ChannelCaps:      map[data.Channel]ChannelCaps{},
		QuietSegments:    []string{},
		SoftTone:         SoftToneRule{Segments: []string{}, Channels: []data.Channel{}},
		Paused:           []Pause{},
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
		{"max_touches_1", int64(c.MaxTouches1)},
		{"payment_hold_days", int64(c.PaymentHoldDays)},
		{"soft_tone.until_days", int64(c.SoftTone.UntilDays)},
	} {
		if f.value < 0 {
			faults = append(faults, fmt.Errorf("policy: %w: %s is %d, must not be negative", data.ErrUsage, f.name, f.value))
		}
	}
	if c.MaxDaysPastDue < 1 || c.MaxDaysPastDue > prescriptionDays {
		faults = append(faults, fmt.Errorf("policy: %w: max_days_past_due is %d, must be 1 to %d", data.ErrUsage, c.MaxDaysPastDue, prescriptionDays))
	}
	faults = append(faults, c.listFaults()...)
	if len(c.Packs) == 0 {
		faults = append(faults, fmt.Errorf("policy: %w: packs is empty", data.ErrUsage))
	}
	return errors.Join(faults...)
}

// listFaults are the faults of the parts that are lists.
func (c Config) listFaults() (faults []error) {
	fault := func(format string, args ...any) {
		faults = append(faults, fmt.Errorf("policy: %w: %s", data.ErrUsage, fmt.Sprintf(format, args...)))
	}
	for _, ch := range slices.Sorted(maps.Keys(c.ChannelCaps)) {
		limits := c.ChannelCaps[ch]
		if ch.Index() < 0 {
			fault("channel_caps: no channel %q", ch)
		}
		if limits.Day < 0 || limits.Week < 0 || limits.Month < 0 {
			fault("channel_caps.%s: a limit is negative", ch)
		}
	}
	for _, ch := range c.SoftTone.Channels {
		if ch.Index() < 0 {
			fault("soft_tone.channels: no channel %q", ch)
		}
	}
	if len(c.SoftTone.Segments) > 0 && len(c.SoftTone.Channels) == 0 {
		fault("soft_tone.channels is empty: good payers could not be touched at all; use quiet_segments for that")
	}
	for i, p := range c.Paused {
		if (p.CustomerID == "") == (p.InvoiceID == "") {
			fault("paused[%d]: give customer_id or invoice_id", i)
		}
		if p.Until <= 0 {
			fault("paused[%d].until: give the last day of the pause", i)
		}
	}
	return faults
}
