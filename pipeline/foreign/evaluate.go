package foreign

import (
	"context"
	"fmt"
	"slices"

	"dunning/data"
	"dunning/models/uplift"
)

// uniformPolicy is the policy that gives every arm the same chance.
const uniformPolicy = "uniform"

// Estimates are what a log says about one quantity, corrected for who was
// treated. Where it cannot say, Refused gives the reason and they are null.
type Estimates struct {
	IPS    *float64 `json:"ips"`
	SNIPS  *float64 `json:"snips"`
	Direct *float64 `json:"direct"`
	DR     *float64 `json:"dr"`
	DRSE   *float64 `json:"dr_se"`
	// ESS is the effective sample size, MeanWeight the mean inverse weight; of
	// an effect, the smaller of its two arms' and the one further from 1.
	ESS        *float64 `json:"ess"`
	MeanWeight *float64 `json:"mean_weight"`
	Refused    string   `json:"refused,omitempty"`
}

// EffectResult is what the log says about one treatment against the control:
// the average difference of outcomes over all rows of the log.
type EffectResult struct {
	Treatment string   `json:"treatment"`
	Naive     *float64 `json:"naive"` // difference of means, confounded
	Estimates
}

// PolicyResult is the mean outcome per row had another policy chosen.
type PolicyResult struct {
	Policy string   `json:"policy"`
	OnLog  *float64 `json:"on_log"` // mean outcome as the log's own policy chose
	Estimates
}

// Evaluation is the answer of [Evaluate].
type Evaluation struct {
	Table     string         `json:"table"`
	Rows      int            `json:"rows"`
	Outcome   string         `json:"outcome"`
	Treatment string         `json:"treatment"`
	Control   string         `json:"control"`
	TreatProb string         `json:"treat_prob,omitempty"` // logged, estimated or randomised
	Effects   []EffectResult `json:"effects"`
	Policy    *PolicyResult  `json:"policy,omitempty"`
	// Refused is set when nothing could be answered: the reason, or the first
	// of several.
	Refused string      `json:"refused,omitempty"`
	Alarms  []string    `json:"alarms"`
	Columns []ColumnUse `json:"columns"`
}

// Evaluate estimates from a log what its treatments do and, where the roles
// name a policy, what that policy would have brought. A log that cannot answer
// is no error: see Evaluation.Refused. Errors are as in [Train].
func Evaluate(ctx context.Context, r Roles, progress func(string)) (*Evaluation, error) {
	if err := r.check(true); err != nil {
		return nil, err
	}
	progress = orSilent(progress)
	p, err := readPrepared(ctx, r, false, progress)
	if err != nil {
		return nil, err
	}
	t := p.table
	progress("modelling who was treated")
	treat, how, alarms, err := p.treatmentModel(ctx, r)
	if err != nil {
		return nil, err
	}
	e := p.evaluator(r, treat)
	progress("estimating effects")
	effects, err := e.Effects(ctx, p.log())
	if err != nil {
		return nil, fmt.Errorf("foreign: effects in %s: %w", t.Source, err)
	}
	out := &Evaluation{
		Table: t.Source, Rows: t.rows, Outcome: r.Outcome, Treatment: p.arms.column, Control: p.arms.names[0],
		TreatProb: how, Columns: p.columns, Alarms: append(append([]string{}, p.alarms...), alarms...),
		Effects: []EffectResult{},
	}
	for k, name := range p.arms.treatments() {
		out.Effects = append(out.Effects, EffectResult{Treatment: name, Naive: finite(effects[k].Naive), Estimates: estimates(effects[k])})
	}
	if r.Policy != "" {
		progress("estimating the policy")
		if out.Policy, err = p.evaluatePolicy(ctx, r, e); err != nil {
			return nil, err
		}
	}
	out.Refused = p.refused(out)
	return out, nil
}

func estimates(e uplift.Estimate) Estimates {
	return Estimates{IPS: finite(e.IPS), SNIPS: finite(e.SNIPS), Direct: finite(e.Direct), DR: finite(e.DR), DRSE: finite(e.DRSE),
		ESS: finite(e.ESS), MeanWeight: finite(e.MeanWeight), Refused: e.Refused}
}

func (p *prepared) evaluatePolicy(ctx context.Context, r Roles, e uplift.Evaluator) (*PolicyResult, error) {
	n, T := p.table.rows, len(p.arms.treatments())
	policy := uplift.Uniform(n, T)
	if p.policy != nil {
		option := make([]int, n)
		values := p.policy.Strings()
		known := map[string]int{} // few distinct values, many rows
		for i, v := range values {
			k, ok := known[v]
			if !ok {
				if k = p.arms.indexOf(v); k < 0 {
					return nil, fmt.Errorf("%w: %s row %d: the policy %s chooses %q, which is no arm of %s (%s)",
						data.ErrBadInput, p.table.Source, i+1, p.policy.Name, v, p.arms.column, p.arms.describe())
				}
				known[v] = k
			}
			option[i] = k
		}
		policy = uplift.Deterministic(option, T)
	}
	v, err := e.Policy(ctx, p.log(), policy)
	if err != nil {
		return nil, fmt.Errorf("foreign: policy in %s: %w", p.table.Source, err)
	}
	return &PolicyResult{Policy: r.Policy, OnLog: finite(v.Naive), Estimates: estimates(v)}, nil
}

// refused returns the reason when no effect, and no policy asked for, could be
// estimated; else "".
func (p *prepared) refused(e *Evaluation) string {
	reasons := []string{}
	for _, f := range e.Effects {
		if f.Refused == "" {
			return ""
		}
		reasons = append(reasons, fmt.Sprintf("%s: %s", f.Treatment, f.Refused))
	}
	if e.Policy != nil {
		if e.Policy.Refused == "" {
			return ""
		}
		reasons = append(reasons, "the policy: "+e.Policy.Refused)
	}
	if reason := p.noControl(); reason != "" {
		return reason
	}
	switch len(reasons) {
	case 0:
		return fmt.Sprintf("every row has %s = %q: without a treated row no effect can be estimated", e.Treatment, e.Control)
	case 1:
		return reasons[0]
	}
	return fmt.Sprintf("none of %d questions can be answered; the first, %s", len(reasons), reasons[0])
}

// noControl returns the reason when no row has the control arm, else "".
func (p *prepared) noControl() string {
	if slices.Contains(p.arms.option, 0) {
		return ""
	}
	return fmt.Sprintf("no row has %s = %q (%s): there is no control arm, so no effect can be estimated", p.arms.column, p.arms.names[0], p.arms.describe())
}
