package credit

import (
	"fmt"

	"dunning/data"
)

// ReviewPolicy says when a limit that was granted changes, and what raises an
// alert. Without an alert no limit falls.
type ReviewPolicy struct {
	Raise Raise `yaml:"raise"`
	Alert Alert `yaml:"alert"`
}

// Raise says when a limit rises. The zero value never raises.
type Raise struct {
	LeastMonths int     `yaml:"least_months"`  // since the grant; 0 to 120
	MostPDRatio float64 `yaml:"most_pd_ratio"` // PD now over PD at the grant; in [0, 1]
	LeastUse    float64 `yaml:"least_use"`     // used over granted; in [0, 1]
	MostStep    float64 `yaml:"most_step"`     // by which share of itself at once; in [0, 5]
}

// Alert says when a PD has deteriorated. The zero value gives no alert.
type Alert struct {
	PDRatio      float64 `yaml:"pd_ratio"`      // PD now over PD at the grant; 0 for no such alert, else above 1
	LeastPD      float64 `yaml:"least_pd"`      // below it a ratio says nothing; in [0, 1]
	MonthsRising int     `yaml:"months_rising"` // months in sequence in which the PD rose; 0 for no such alert, to 24
	LeastRise    float64 `yaml:"least_rise"`    // of the PD over those months; in [0, 1]
}

func (r ReviewPolicy) faults() (out []string) {
	check := func(ok bool, format string, args ...any) {
		if !ok {
			out = append(out, "review."+fmt.Sprintf(format, args...))
		}
	}
	share := func(v, most float64) bool { return v >= 0 && v <= most }
	check(r.Raise.LeastMonths >= 0 && r.Raise.LeastMonths <= 120, "raise.least_months %d, must be 0 to 120", r.Raise.LeastMonths)
	check(share(r.Raise.MostPDRatio, 1), "raise.most_pd_ratio %g, must be 0 to 1", r.Raise.MostPDRatio)
	check(share(r.Raise.LeastUse, 1), "raise.least_use %g, must be 0 to 1", r.Raise.LeastUse)
	check(share(r.Raise.MostStep, 5), "raise.most_step %g, must be 0 to 5", r.Raise.MostStep)
	check(r.Alert.PDRatio == 0 || r.Alert.PDRatio > 1 && r.Alert.PDRatio < 1e6, "alert.pd_ratio %g, must be 0 or above 1", r.Alert.PDRatio)
	check(share(r.Alert.LeastPD, 1), "alert.least_pd %g, must be 0 to 1", r.Alert.LeastPD)
	check(r.Alert.MonthsRising >= 0 && r.Alert.MonthsRising <= 24, "alert.months_rising %d, must be 0 to 24", r.Alert.MonthsRising)
	check(share(r.Alert.LeastRise, 1), "alert.least_rise %g, must be 0 to 1", r.Alert.LeastRise)
	return out
}

// ReviewAction is what becomes of a limit.
type ReviewAction string

// The actions of a review.
const (
	RaiseLimit ReviewAction = "raise"
	KeepLimit  ReviewAction = "keep"
	LowerLimit ReviewAction = "lower"
	Freeze     ReviewAction = "freeze" // no new credit beyond what is in use
)

// ReviewOutcome is the answer about a limit that was granted.
type ReviewOutcome struct {
	Action        ReviewAction `json:"action" enum:"raise,keep,lower,freeze"`
	LimitCents    data.Cents   `json:"limit_cents" doc:"The new limit."`
	OldLimitCents data.Cents   `json:"old_limit_cents"`
	Why           Words        `json:"why"`
	Alerts        []DriftAlert `json:"alerts" doc:"Signs that the risk has grown."`
}

// DriftAlert is one sign of deterioration.
type DriftAlert struct {
	Code     string  `json:"code" enum:"deterioration,rising"`
	PDBefore float64 `json:"pd_before" doc:"At the grant, or before the first of the months in sequence."`
	PDNow    float64 `json:"pd_now"`
	Months   int     `json:"months,omitempty" doc:"In sequence in which the PD rose."`
	Words
}

// review judges existing credit at today's PD.
func (a *Analyst) review(c *subject, pd float64, force Decision) *ReviewOutcome {
	e := c.request.Existing
	out := &ReviewOutcome{Action: KeepLimit, LimitCents: e.LimitCents, OldLimitCents: e.LimitCents, Alerts: a.alerts(e, pd)}
	open := *c.request
	open.RequestedCents = 0 // how far the policy would go
	full := *c
	full.request = &open
	v := a.decide(pd, &full, force)
	rule := a.policy.Review.Raise
	switch {
	case v.decision == Decline:
		out.Action, out.LimitCents = Freeze, min(e.UsedCents, e.LimitCents)
	case len(out.Alerts) > 0 && v.limit < e.LimitCents:
		out.Action, out.LimitCents = LowerLimit, min(max(v.limit, e.UsedCents), e.LimitCents)
	case len(out.Alerts) == 0 && v.decision == Accept && v.limit > e.LimitCents && rule.MostStep > 0 &&
		int(c.request.AsOf-e.GrantedOn) >= 30*rule.LeastMonths && pd <= rule.MostPDRatio*e.PDAtGrant &&
		float64(e.UsedCents) >= rule.LeastUse*float64(e.LimitCents):
		step := a.policy.Limits.StepCents
		most := data.Cents(float64(e.LimitCents)*(1+rule.MostStep)) / step * step
		out.LimitCents = max(e.LimitCents, min(v.limit, most))
	}
	if out.LimitCents > e.LimitCents {
		out.Action = RaiseLimit
	}
	if out.Action == LowerLimit && out.LimitCents == e.LimitCents {
		out.Action = KeepLimit // all of it is in use
	}
	out.Why = wordsOf("review_" + string(out.Action))
	return out
}

// alerts compares the PD with that at the grant and with the months before.
func (a *Analyst) alerts(e *ExistingCredit, pd float64) []DriftAlert {
	rule, out := a.policy.Review.Alert, []DriftAlert{}
	if rule.PDRatio > 0 && pd >= rule.LeastPD && pd >= rule.PDRatio*e.PDAtGrant {
		out = append(out, DriftAlert{Code: "deterioration", PDBefore: e.PDAtGrant, PDNow: pd, Words: wordsOf("deterioration")})
	}
	if rule.MonthsRising == 0 {
		return out
	}
	months, last, first := 0, pd, pd
	for i := len(e.PastPDs) - 1; i >= 0 && e.PastPDs[i] < last; i-- {
		months++
		last, first = e.PastPDs[i], e.PastPDs[i]
	}
	if months >= rule.MonthsRising && pd-first >= rule.LeastRise {
		out = append(out, DriftAlert{Code: "rising", PDBefore: first, PDNow: pd, Months: months, Words: wordsOf("rising")})
	}
	return out
}
