package credit

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"

	"dunning/data"
)

// Decision is what is done about an application.
type Decision string

// The decisions.
const (
	Accept  Decision = "accept"
	Refer   Decision = "refer" // to a person
	Decline Decision = "decline"
)

// Analyst decides by one model and one policy. It is immutable and safe for
// concurrent use.
type Analyst struct {
	model    *Model
	policy   *Policy
	rules    []rule
	outcomes []outcome // of the bureau's signal
}

// NewAnalyst makes the policy ready for the model. Errors are of the class
// [data.ErrUsage]: a policy for another model, a field or a condition that the
// model does not know, words for what is no feature.
func NewAnalyst(m *Model, p *Policy) (*Analyst, error) {
	a := &Analyst{model: m, policy: p}
	var faults []string
	if !strings.HasPrefix(m.version, p.Model) {
		faults = append(faults, fmt.Sprintf("it is for model %s, not %s", p.Model, m.version))
	}
	for _, name := range p.MinimumData.Fields {
		if m.feature(name) < 0 {
			faults = append(faults, fmt.Sprintf("minimum_data.fields: %q is no feature of the model", name))
		}
	}
	for name := range p.Reasons.Features {
		if m.feature(name) < 0 {
			faults = append(faults, fmt.Sprintf("reasons.features: %q is no feature of the model", name))
		}
	}
	rules, wrong := compileRules(p, m)
	a.rules = rules
	if faults = append(faults, wrong...); len(faults) > 0 {
		return nil, fmt.Errorf("credit: %w: policy %s: %s", data.ErrUsage, p.Name, strings.Join(faults, "; "))
	}
	if p.Bureau != nil {
		a.outcomes = p.Bureau.outcomes()
	}
	return a, nil
}

// Model returns the analyst's model.
func (a *Analyst) Model() *Model { return a.model }

// Policy returns the analyst's policy.
func (a *Analyst) Policy() *Policy { return a.policy }

// Analysis is the answer to a request. The same model, policy and request give
// the same analysis.
type Analysis struct {
	AnalysisID    string     `json:"analysis_id" doc:"Hash of model, policy and request: the same three give the same analysis."`
	ApplicationID string     `json:"application_id"`
	AsOf          data.Date  `json:"as_of"`
	Stage         Stage      `json:"stage" enum:"before,at,after"`
	Decision      Decision   `json:"decision" enum:"accept,refer,decline"`
	LimitCents    data.Cents `json:"limit_cents" doc:"What may be granted; of a referred application, what the person may go up to."`
	LimitBoundBy  string     `json:"limit_bound_by,omitempty" enum:"requested,maximum,expected_loss,income" doc:"What kept the limit from being higher."`
	PD            float64    `json:"pd" doc:"Probability of default that decided: after the bureau report where there is one."`
	PDBefore      float64    `json:"pd_before_bureau" doc:"Probability of default by the model alone."`

	ExpectedLossCents   data.Cents `json:"expected_loss_cents"`
	ExpectedMarginCents data.Cents `json:"expected_margin_cents"`
	WorthCents          data.Cents `json:"worth_cents" doc:"Expected margin less expected loss and costs, at the limit."`

	Reasons []Reason       `json:"reasons" doc:"What decided, then the features that moved this applicant's PD most."`
	Bureau  BureauAdvice   `json:"bureau"`
	Review  *ReviewOutcome `json:"review,omitempty"`
	Rights  Words          `json:"rights" doc:"What the applicant may ask for."`

	ModelVersion  string `json:"model_version"`
	PolicyName    string `json:"policy"`
	PolicyVersion string `json:"policy_version"`
	RequestSHA256 string `json:"request_sha256"`
}

// BureauAdvice says whether a report is worth its price.
type BureauAdvice struct {
	Buy        bool       `json:"buy"`
	EVOICents  data.Cents `json:"evoi_cents" doc:"What a report is expected to bring, before its price."`
	PriceCents data.Cents `json:"price_cents"`
	Used       bool       `json:"used" doc:"A report came with the request and was fresh enough."`
	Why        string     `json:"why" enum:"no_bureau,used,decided,worth_it,not_worth_it"`
}

// subject is a request made ready.
type subject struct {
	request    *Application
	row        []float32
	knownShare float64
	missing    []string // features that the policy demands
	unusual    []string
	history    history
	term       int
	fresh      *BureauReport
}

// verdict is what a PD leads to.
type verdict struct {
	decision Decision
	code     string // what decided
	limit    data.Cents
	bound    string
}

// forced is a decision that no PD changes.
type forced struct {
	decision Decision // "" for none
	reasons  []Reason
}

// Analyse answers a request. The error is that of a knock-out's condition that
// fails on the application.
func (a *Analyst) Analyse(q *Application) (*Analysis, error) {
	c := a.subject(q)
	force, err := a.forced(c)
	if err != nil {
		return nil, err
	}
	before := a.model.PD(c.row)
	pd := before
	if c.fresh != nil {
		pd = posterior(before, a.policy.Bureau.ratio(c.fresh.Score))
	}
	v := a.decide(pd, c, force.decision)
	request, err := json.Marshal(q)
	if err != nil {
		return nil, fmt.Errorf("credit: request: %w", err)
	}
	loss, margin := a.flows(v.limit, pd)
	out := &Analysis{
		ApplicationID: q.ApplicationID, AsOf: q.AsOf, Stage: q.Stage,
		Decision: v.decision, LimitCents: v.limit, LimitBoundBy: v.bound, PD: pd, PDBefore: before,
		ExpectedLossCents: data.RoundCents(loss), ExpectedMarginCents: data.RoundCents(margin),
		Bureau: a.advise(c, before, force.decision), Rights: rights,
		ModelVersion: a.model.version, PolicyName: a.policy.Name, PolicyVersion: a.policy.version,
		RequestSHA256: digest(request),
	}
	if v.limit > 0 {
		out.WorthCents = data.RoundCents(a.worth(v.limit, pd))
	}
	out.Reasons = a.reasons(c, v, force, before, pd)
	if q.Stage == After {
		out.Review = a.review(c, pd, force.decision)
	}
	out.AnalysisID = digest([]byte(out.ModelVersion + "\n" + out.PolicyVersion + "\n" + out.RequestSHA256))[:24]
	return out, nil
}

// subject makes a request ready.
func (a *Analyst) subject(q *Application) *subject {
	c := &subject{request: q, row: make([]float32, len(a.model.Features)), term: q.TermMonths, history: readHistory(q.History, q.AsOf)}
	if c.term == 0 {
		c.term = max(1, a.policy.Income.TermMonths)
	}
	own := c.history.values()
	known := 0
	for j, f := range a.model.Features {
		c.row[j] = float32(math.NaN())
		switch v := q.Features[f.Name].(type) {
		case float64:
			c.row[j] = float32(v)
		case string:
			c.row[j] = f.code(v, true)
		default:
			if v, ok := own[f.Name]; ok && f.Levels == nil {
				c.row[j] = float32(v)
			}
		}
		if v := float64(c.row[j]); !math.IsNaN(v) {
			known++
			if span := f.High - f.Low; v < f.Low-span || v > f.High+span {
				c.unusual = append(c.unusual, f.Name)
			}
		}
	}
	c.knownShare = float64(known) / float64(len(c.row))
	for _, name := range a.policy.MinimumData.Fields {
		if v := c.row[a.model.feature(name)]; v != v {
			c.missing = append(c.missing, name)
		}
	}
	if b := a.policy.Bureau; b != nil && q.Bureau != nil && int(q.AsOf-q.Bureau.At) <= b.MaxAgeDays {
		c.fresh = q.Bureau
	}
	return c
}

// forced asks the knock-outs and the minimum of data. Declining wins.
func (a *Analyst) forced(c *subject) (forced, error) {
	var f forced
	if len(a.rules) > 0 {
		values := a.ruleValues(c)
		for i := range a.rules {
			r := &a.rules[i]
			holds, err := r.holds(values)
			if err != nil {
				return f, err
			}
			if holds {
				f.add(r.Decision, Reason{Code: "knock_out", Rule: r.ID, Words: r.Words})
			}
		}
	}
	min := a.policy.MinimumData
	for _, name := range c.missing {
		f.add(Refer, Reason{Code: "missing_data", Feature: name, Words: a.missingWords(name)})
	}
	if c.knownShare < min.KnownShare {
		f.add(Refer, Reason{Code: "little_known", Words: wordsOf("little_known")})
	}
	if a.policy.Income.MaxShare > 0 && c.request.IncomeCents == nil {
		f.add(Refer, Reason{Code: "income_unknown", Words: wordsOf("income_unknown")})
	}
	if min.ReferUnusual {
		for _, name := range c.unusual {
			f.add(Refer, Reason{Code: "unusual", Feature: name, Words: a.unusualWords(name)})
		}
	}
	return f, nil
}

func (f *forced) add(d Decision, r Reason) {
	if f.decision != Decline {
		f.decision = d
	}
	f.reasons = append(f.reasons, r)
}

// decide is the policy at a PD. It is quick: the worth of information asks it
// once for each outcome of the signal.
func (a *Analyst) decide(pd float64, c *subject, force Decision) verdict {
	limit, bound := a.limit(pd, c)
	loss, margin := a.policy.Loss.LGD*pd, a.policy.Loss.Margin*(1-pd)
	switch {
	case force == Decline:
		return verdict{decision: Decline}
	case pd > a.policy.Cutoffs.DeclinePD:
		return verdict{decision: Decline, code: "pd_too_high"}
	case loss > a.policy.Loss.MostLossToMargin*margin:
		return verdict{decision: Decline, code: "loss_above_margin"}
	case limit == 0:
		return verdict{decision: Decline, code: "no_room_" + bound}
	case a.worth(limit, pd) <= 0:
		return verdict{decision: Decline, code: "not_worth_its_cost"}
	case force == Refer:
		return verdict{decision: Refer, limit: limit, bound: bound}
	case pd > a.policy.Cutoffs.AcceptPD:
		return verdict{Refer, "pd_between", limit, bound}
	}
	return verdict{Accept, "pd_low", limit, bound}
}

// limit is the highest limit that every bound allows, 0 where that is below the
// smallest, and the bound that is tightest.
func (a *Analyst) limit(pd float64, c *subject) (data.Cents, string) {
	p := a.policy
	limit, bound := float64(p.Limits.MaxCents), "maximum"
	tighten := func(v float64, name string) {
		if v < limit {
			limit, bound = max(v, 0), name
		}
	}
	tighten(float64(p.Limits.MostLossCents)/(pd*p.Loss.LGD*p.Loss.EADShare), "expected_loss")
	if income := c.request.IncomeCents; p.Income.MaxShare > 0 && income != nil {
		free := p.Income.MaxShare*float64(*income) - float64(c.request.CommittedCents)
		tighten(free*annuity(p.Income.MonthlyRate, c.term), "income")
	}
	if asked := float64(c.request.RequestedCents); asked > 0 && asked <= limit {
		return a.least(c.request.RequestedCents, "requested")
	}
	return a.least(data.Cents(limit)/p.Limits.StepCents*p.Limits.StepCents, bound)
}

func (a *Analyst) least(limit data.Cents, bound string) (data.Cents, string) {
	if limit < a.policy.Limits.MinCents {
		return 0, bound
	}
	return limit, bound
}

// annuity is the credit that an instalment of 1 a month pays back.
func annuity(rate float64, months int) float64 {
	if rate == 0 {
		return float64(months)
	}
	return (1 - math.Pow(1+rate, -float64(months))) / rate
}

// flows are the expected loss and the expected margin of a limit, in cents.
func (a *Analyst) flows(limit data.Cents, pd float64) (loss, margin float64) {
	ead := a.policy.Loss.EADShare * float64(limit)
	return pd * a.policy.Loss.LGD * ead, (1 - pd) * a.policy.Loss.Margin * ead
}

// worth of granting a limit, in cents.
func (a *Analyst) worth(limit data.Cents, pd float64) float64 {
	loss, margin := a.flows(limit, pd)
	return margin - loss - float64(a.policy.Loss.CostCents)
}

// worthOf is the worth of what the policy does at a PD when the true one is
// another (the same, for who knows no better): a person who looks at a referred
// application costs his time and grants what is proposed.
func (a *Analyst) worthOf(v verdict, pd float64) float64 {
	switch v.decision {
	case Accept:
		return a.worth(v.limit, pd)
	case Refer:
		return a.worth(v.limit, pd) - float64(a.policy.Loss.ReferCents)
	}
	return 0
}

// advise says whether a report is worth its price. It is no use where a knock-out
// has decided already.
func (a *Analyst) advise(c *subject, pd float64, force Decision) BureauAdvice {
	b := a.policy.Bureau
	switch {
	case b == nil:
		return BureauAdvice{Why: "no_bureau"}
	case c.fresh != nil:
		return BureauAdvice{PriceCents: b.PriceCents, Used: true, Why: "used"}
	case force == Decline:
		return BureauAdvice{PriceCents: b.PriceCents, Why: "decided"}
	}
	value := a.evoi(c, pd, force)
	out := BureauAdvice{Buy: value > float64(b.PriceCents), EVOICents: data.RoundCents(value), PriceCents: b.PriceCents, Why: "not_worth_it"}
	if out.Buy {
		out.Why = "worth_it"
	}
	return out
}

// evoi is what a report is expected to bring, in cents.
func (a *Analyst) evoi(c *subject, pd float64, force Decision) float64 {
	return evoi(a.outcomes, pd, func(pd float64) float64 { return a.worthOf(a.decide(pd, c, force), pd) })
}
