package regua

import (
	"bytes"
	"fmt"
	"sync"

	"go.yaml.in/yaml/v3"

	"dunning/data"
)

// written is a régua as its text says it: defaults are left out.
type written struct {
	ID       string        `yaml:"regua"`
	Title    string        `yaml:"title"`
	Priority int           `yaml:"priority,omitempty"`
	Mode     Mode          `yaml:"mode"`
	Audience string        `yaml:"audience,omitempty"`
	Stop     []string      `yaml:"stop,omitempty"`
	CatchUp  *int          `yaml:"catch_up_days,omitempty"`
	MinGap   int           `yaml:"min_gap_days,omitempty"`
	Partial  string        `yaml:"after_partial_payment,omitempty"`
	Steps    []writtenStep `yaml:"steps"`
}

type writtenStep struct {
	ID           string         `yaml:"id"`
	Anchor       Anchor         `yaml:"anchor,omitempty"`
	Offset       int            `yaml:"offset"`
	BusinessDays bool           `yaml:"business_days,omitempty"`
	Channels     []data.Channel `yaml:"channels,flow"`
	Hours        string         `yaml:"hours,omitempty"`
	Template     string         `yaml:"template,omitempty"`
	When         string         `yaml:"when,omitempty"`
}

// Text returns the régua as YAML that [Parse] reads as the same régua. Comments of
// the text that it was read from are not in it.
func (r *Regua) Text() ([]byte, error) {
	w := written{ID: r.ID, Title: r.Title, Priority: r.Priority, Mode: r.Mode, Audience: r.Audience.Text, CatchUp: r.CatchUpDays, Partial: string(r.AfterPartialPayment)}
	if r.MinGapDays != 1 {
		w.MinGap = r.MinGapDays
	}
	for _, x := range r.Stop {
		w.Stop = append(w.Stop, x.Text)
	}
	for _, s := range r.Steps {
		hours, err := s.Hours.MarshalText()
		if err != nil {
			return nil, err
		}
		one := writtenStep{ID: s.ID, Anchor: s.Anchor, Offset: s.Offset, BusinessDays: s.BusinessDays, Channels: s.Channels, Hours: string(hours), Template: s.Template, When: s.When.Text}
		if one.Anchor == DueDate {
			one.Anchor = ""
		}
		w.Steps = append(w.Steps, one)
	}
	var b bytes.Buffer
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	if err := e.Encode(w); err != nil {
		return nil, fmt.Errorf("regua: %w", err)
	}
	return b.Bytes(), nil
}

// Faults fills what is left out with its default and returns the faults beside
// those of conditions, one sentence each; [Check] finds those.
func (r *Regua) Faults() []string {
	r.fillDefaults()
	return r.faults()
}

// standing are the languages of conditions that stand alone, made once.
var standing = sync.OnceValues(newLanguages)

// Check returns the faults of one condition with their places in it, none for an
// empty one. ofInvoice: it is a step's or a stop condition, which know the columns
// of invoices too; otherwise an audience.
func Check(text string, ofInvoice bool) ([]FaultPlace, error) {
	l, err := standing()
	if err != nil {
		return nil, err
	}
	env := l.audience
	if ofInvoice {
		env = l.step
	}
	x := Expression{Text: text}
	return x.compile(env), nil
}
