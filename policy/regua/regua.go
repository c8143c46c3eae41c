package regua

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"

	"dunning/data"
	"dunning/policy"
)

// Mode says how a régua stands beside the recommendation.
type Mode string

// The modes.
const (
	// Replace takes the captured customers out of the recommendation: what they
	// get is the régua's, whose budget and capacity are taken first.
	Replace Mode = "replace"
	// Compete leaves the choice between the régua's touches and the recommended
	// ones to their value.
	Compete Mode = "compete"
	// OnlyIfHold touches those whom the recommendation leaves alone, with what is
	// left of budget and capacity.
	OnlyIfHold Mode = "only_if_hold"
)

// Anchor is the date that a step is counted from.
type Anchor string

// The anchors.
const (
	DueDate     Anchor = "due"     // of the invoice
	IssueDate   Anchor = "issue"   // of the invoice
	PromiseDate Anchor = "promise" // of the customer's last promise
	LastPayment Anchor = "payment" // of the customer
)

// AfterPartialPayment says what a partial payment does to the steps counted from
// the due date.
type AfterPartialPayment string

// What a partial payment does.
const (
	// Continue counts from the due date as before: the balance is smaller, the
	// escalation goes on.
	Continue AfterPartialPayment = "continue"
	// Restart counts the steps after the due date anew from the partial payment.
	Restart AfterPartialPayment = "restart"
)

// Regua is one version of a régua de cobrança.
type Regua struct {
	ID       string     `yaml:"regua" json:"id"`
	Title    string     `yaml:"title" json:"title"`       // for the manager, in Portuguese
	Priority int        `yaml:"priority" json:"priority"` // the highest of those that capture a customer has him; ties by id
	Mode     Mode       `yaml:"mode" json:"mode"`
	Audience Expression `yaml:"audience" json:"audience"` // whom it captures, asked on AsOf; empty for everybody
	// Stop conditions end the régua for an invoice while one of them holds.
	Stop []Expression `yaml:"stop" json:"stop"`
	// CatchUpDays is for how many days after its own a step that was missed, or
	// forbidden, is made up for; 0 to 30, default 3.
	CatchUpDays *int `yaml:"catch_up_days" json:"catch_up_days"`
	// MinGapDays is the least number of days between two of its touches, such as
	// the law asks between formal notices; default 1. The policy's own gap holds
	// beside it.
	MinGapDays          int                 `yaml:"min_gap_days" json:"min_gap_days"`
	AfterPartialPayment AfterPartialPayment `yaml:"after_partial_payment" json:"after_partial_payment"` // default continue
	Steps               []Step              `yaml:"steps" json:"steps"`

	// Version is the store's, 0 for a régua that is not stored.
	Version int `yaml:"-" json:"version"`
}

// Step is one rung.
type Step struct {
	ID           string `yaml:"id" json:"id"`
	Anchor       Anchor `yaml:"anchor" json:"anchor"` // default due
	Offset       int    `yaml:"offset" json:"offset"` // days after the anchor; negative before it
	BusinessDays bool   `yaml:"business_days" json:"business_days"`
	// Channels are tried in this order; the first that is allowed is used.
	Channels []data.Channel `yaml:"channels" json:"channels"`
	// Hours narrow the hours that the law leaves: "09:00-12:00", or "best" for
	// the two hours in which the customer opened most.
	Hours    StepHours `yaml:"hours" json:"hours"`
	Template string    `yaml:"template" json:"template"` // the dispatcher's; unique within the régua
	// When the step applies, asked on its day; empty for always.
	When Expression `yaml:"when" json:"when"`
}

// StepHours is a window of hours, the best hour, or neither.
type StepHours struct {
	Best   bool
	Window *policy.Hours // nil for the whole of what the law leaves
}

// UnmarshalText reads "best" or "09:00-12:00".
func (h *StepHours) UnmarshalText(b []byte) error {
	if string(b) == "best" {
		*h = StepHours{Best: true}
		return nil
	}
	h.Window = new(policy.Hours)
	return h.Window.UnmarshalText(b)
}

// MarshalText writes what UnmarshalText reads.
func (h StepHours) MarshalText() ([]byte, error) {
	switch {
	case h.Best:
		return []byte("best"), nil
	case h.Window != nil:
		return []byte(h.Window.String()), nil
	}
	return nil, nil
}

// mostSteps bounds the steps of a régua.
const mostSteps = 60

// Parse reads a régua and reports every fault at once, each with its line and,
// in expressions, its column and a hint. The error wraps [data.ErrBadInput].
func Parse(b []byte) (*Regua, error) {
	dec := yaml.NewDecoder(bytes.NewReader(b))
	dec.KnownFields(true)
	r := &Regua{}
	if err := dec.Decode(r); err != nil {
		return nil, fmt.Errorf("regua: %w: %w", data.ErrBadInput, err)
	}
	r.fillDefaults()
	faults := r.faults()
	l, err := newLanguages()
	if err != nil {
		return nil, err
	}
	for _, f := range r.compile(l) {
		faults = append(faults, f.String())
	}
	if len(faults) == 0 {
		return r, nil
	}
	wrapped := make([]error, len(faults))
	for i, f := range faults {
		wrapped[i] = fmt.Errorf("%s", f)
	}
	return nil, fmt.Errorf("regua %s: %w: %w", r.ID, data.ErrBadInput, errors.Join(wrapped...))
}

func (r *Regua) fillDefaults() {
	if r.Mode == "" {
		r.Mode = Compete
	}
	if r.CatchUpDays == nil {
		days := 3
		r.CatchUpDays = &days
	}
	if r.MinGapDays == 0 {
		r.MinGapDays = 1
	}
	if r.AfterPartialPayment == "" {
		r.AfterPartialPayment = Continue
	}
	for i := range r.Steps {
		s := &r.Steps[i]
		if s.Anchor == "" {
			s.Anchor = DueDate
		}
		if s.Template == "" {
			s.Template = r.ID + "/" + s.ID
		}
	}
}

// compile makes all expressions ready, or lists their faults.
func (r *Regua) compile(l languages) (out []FaultPlace) {
	out = append(out, r.Audience.compile(l.audience)...)
	for i := range r.Stop {
		out = append(out, r.Stop[i].compile(l.step)...)
	}
	for i := range r.Steps {
		out = append(out, r.Steps[i].When.compile(l.step)...)
	}
	return out
}

// name is what ids may look like: they become folders and parts of templates.
var name = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,63}$`)

// faults are those beside the expressions.
func (r *Regua) faults() (out []string) {
	check := func(ok bool, format string, args ...any) {
		if !ok {
			out = append(out, fmt.Sprintf(format, args...))
		}
	}
	check(name.MatchString(r.ID), "regua: id %q is not made of a-z, 0-9, - and _", r.ID)
	check(r.Title != "", "title: empty")
	check(r.Mode == Replace || r.Mode == Compete || r.Mode == OnlyIfHold, "mode: %q is none of replace, compete, only_if_hold", r.Mode)
	check(*r.CatchUpDays >= 0 && *r.CatchUpDays <= 30, "catch_up_days: %d is not within 0 to 30", *r.CatchUpDays)
	check(r.MinGapDays >= 1 && r.MinGapDays <= 365, "min_gap_days: %d is not within 1 to 365", r.MinGapDays)
	check(r.AfterPartialPayment == Continue || r.AfterPartialPayment == Restart, "after_partial_payment: %q is neither continue nor restart", r.AfterPartialPayment)
	check(len(r.Steps) > 0, "steps: none")
	check(len(r.Steps) <= mostSteps, "steps: %d, at most %d", len(r.Steps), mostSteps)
	ids, templates, last := map[string]bool{}, map[string]bool{}, map[Anchor]int{}
	for i, s := range r.Steps {
		at := fmt.Sprintf("steps[%d] (%s)", i, s.ID)
		check(name.MatchString(s.ID) && !ids[s.ID], "%s: its id is taken, or not made of a-z, 0-9, - and _", at)
		check(!templates[s.Template], "%s: template %q is another step's: what was sent could not be told apart", at, s.Template)
		check(len(s.Template) <= 200 && !strings.ContainsAny(s.Template, "\n\r\t"), "%s: a template's name is one line of at most 200 bytes", at)
		ids[s.ID], templates[s.Template] = true, true
		known := s.Anchor == DueDate || s.Anchor == IssueDate || s.Anchor == PromiseDate || s.Anchor == LastPayment
		check(known, "%s: anchor %q is none of due, issue, promise, payment", at, s.Anchor)
		check(s.Offset >= -365 && s.Offset <= 1825, "%s: offset %d is not within -365 to 1825", at, s.Offset)
		check(s.Anchor != LastPayment || s.Offset >= 0, "%s: nothing is known before a payment; give an offset of 0 or more", at)
		before, later := last[s.Anchor]
		check(!later || s.Offset >= before, "%s: offset %d after %d; list the steps of an anchor in the order of their days", at, s.Offset, before)
		last[s.Anchor] = s.Offset
		check(len(s.Channels) > 0, "%s: channels: none", at)
		for _, ch := range s.Channels {
			check(ch.Index() >= 0, "%s: unknown channel %q (have %v)", at, ch, data.Channels)
		}
	}
	return out
}
