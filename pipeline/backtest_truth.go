package pipeline

import (
	"context"
	"errors"
	"io/fs"
	"math"
	"path/filepath"

	"gonum.org/v1/gonum/stat"

	"dunning/data"
	"dunning/data/synth"
	"dunning/pipeline/report"
)

// Names of policies in a backtest.
const (
	PolicyOurs       = "recommended"
	PolicyOracle     = "oracle"
	PolicyCeiling    = "ceiling"
	PolicyNone       = "no contact"
	PolicyRegua      = "fixed régua"
	PolicyBalance    = "biggest balance first"
	PolicyPropensity = "propensity × balance"
	PolicyGreedy     = "greedy by uplift per cost"
	PolicyS          = "S-learner"
	PolicyT          = "T-learner"
)

// bench is a portfolio on which policies are tried: what may be done with whom,
// what the estimates say of it, and what is true.
type bench struct {
	w       *Work
	p       *planner
	allowed []data.Candidate // by customer, day and channel
	truth   map[slot]float64
	ceiling map[slot]float64
	ours    map[slot]float64
	learned map[string]map[slot]float64 // by policy: of the learners to compare with
}

// tried is a plan, and what it was expected to bring.
type tried struct {
	policy   string
	ladders  map[string]ladder
	expected map[slot]float64 // nil for a policy without estimates
	value    *data.Cents
}

func backtestTruth(ctx context.Context, w *Work, o BacktestOptions, out *Backtest) error {
	config, err := synth.ReadConfig(w.Home)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	out.Preset = string(config.Preset)
	if out.Organic, err = backtestOrganic(w); err != nil {
		return err
	}
	b, err := newBench(ctx, w, o)
	if err != nil {
		return err
	}
	for i := range b.allowed {
		c := &b.allowed[i]
		if _, ok := b.truth[slot{c.CustomerID, c.Channel, c.Day}]; !ok {
			out.Refused = "the truth is of other days than the plan's; set as_of to the day on which the simulated history stops"
			return nil
		}
	}
	if config.Customers == 0 && b.p.rule.Touches > 1 {
		out.Refused = "a portfolio without truth/portfolio.json cannot be lived again, which ladders of several touches need; give --touches 1"
		return nil
	}
	out.Effects = b.effects()
	for n, budget := range o.BudgetsCents {
		plans, err := b.plans(ctx, config, budget)
		if err != nil {
			return err
		}
		out.Plans = append(out.Plans, plans...)
		w.Advance(int64(n+1), int64(len(o.BudgetsCents)))
	}
	return nil
}

// backtestOrganic scores held-out predictions by the truth.
func backtestOrganic(w *Work) (*BacktestOrganic, error) {
	rows, err := data.Read[HeldOut](w.Input("train").Path(heldOutFile))
	if err != nil {
		return nil, err
	}
	pay := make(map[decisionKey]float64, len(rows))
	for i := range rows {
		if rows[i].Organic {
			pay[decisionKey{rows[i].CustomerID, rows[i].AsOf}] = rows[i].PayProb
		}
	}
	out := &BacktestOrganic{}
	for batch, err := range data.Scan[synth.DecisionTruth](filepath.Join(w.Home, filepath.FromSlash(truthDecisions))) {
		if err != nil {
			return nil, err
		}
		for i := range batch {
			t := &batch[i]
			q, ok := pay[decisionKey{t.CustomerID, t.AsOf}]
			if !ok {
				continue
			}
			p := t.Organic(truthHorizonDays)
			out.Rows++
			out.LogLoss += expectedLoss(p, q)
			out.CeilingLogLoss += expectedLoss(p, float64(t.CeilingOrganic07))
			out.TrueLogLoss += expectedLoss(p, p)
		}
	}
	for _, sum := range []*float64{&out.LogLoss, &out.CeilingLogLoss, &out.TrueLogLoss} {
		*sum /= math.Max(1, float64(out.Rows))
	}
	return out, nil
}

// expectedLoss is the log loss of the prediction q where p is true.
func expectedLoss(p, q float64) float64 {
	const least = 1e-6
	q = min(max(q, least), 1-least)
	return -p*math.Log(q) - (1-p)*math.Log(1-q)
}

func newBench(ctx context.Context, w *Work, o BacktestOptions) (*bench, error) {
	p, err := newPlanner(ctx, w)
	if err != nil {
		return nil, err
	}
	p.rule.Touches = min(p.rule.Touches, max(o.Touches, 1))
	b := &bench{w: w, p: p, ours: map[slot]float64{}}
	for mine, err := range p.candidates() {
		if err != nil {
			return nil, err
		}
		for i := range mine {
			if c := &mine[i]; c.Allowed {
				b.allowed = append(b.allowed, *c)
				b.ours[slot{c.CustomerID, c.Channel, c.Day}] = float64(c.ValueCents)
			}
		}
	}
	if b.truth, b.ceiling, err = trueEffects(w); err != nil {
		return nil, err
	}
	b.learned, err = learnedEffects(ctx, w)
	return b, err
}

// effects compares the estimates with the truth, channel by channel.
func (b *bench) effects() (out []BacktestEffect) {
	for _, ch := range data.Channels {
		var ours, truth, ceiling []float64
		above := 0.0
		for i := range b.allowed {
			c := &b.allowed[i]
			score := b.p.scores[c.CustomerID]
			if c.Channel != ch || score == nil || score.BalanceCents <= 0 {
				continue
			}
			s, balance := slot{c.CustomerID, c.Channel, c.Day}, float64(score.BalanceCents)
			ours = append(ours, float64(c.ValueCents)/balance)
			truth = append(truth, b.truth[s]/balance)
			ceiling = append(ceiling, b.ceiling[s]/balance)
			above += indicator(b.truth[s] >= float64(c.ValueLoCents))
		}
		if n := len(ours); n > 1 {
			out = append(out, BacktestEffect{Channel: ch, Candidates: int64(n), Mean: stat.Mean(ours, nil), TrueMean: stat.Mean(truth, nil),
				Correlation:        report.Known(stat.Correlation(ours, truth, nil)),
				CeilingCorrelation: report.Known(stat.Correlation(ceiling, truth, nil)),
				AboveLower:         above / float64(n)})
		}
	}
	return out
}

// plans lets every policy plan under one budget, and judges them by the truth.
func (b *bench) plans(ctx context.Context, config synth.Config, budget data.Cents) ([]BacktestPlan, error) {
	p := b.p.again()
	p.w = withBudget(b.w, budget)
	p.rule = b.p.rule
	all := []tried{{policy: PolicyOracle, expected: b.truth}, {policy: PolicyCeiling, expected: b.ceiling}, {policy: PolicyOurs, expected: b.ours}}
	for _, name := range []string{PolicyS, PolicyT} {
		if b.learned[name] != nil {
			all = append(all, tried{policy: name, expected: b.learned[name]})
		}
	}
	for i := range all {
		mine := p.again()
		if i < 2 {
			mine.knowFatigue(config)
		}
		var err error
		if all[i].ladders, err = mine.bestLadders(ctx, all[i].expected); err != nil {
			return nil, err
		}
	}
	all = append(all, tried{policy: PolicyGreedy, ladders: b.greedy(p), expected: b.ours}, tried{policy: PolicyPropensity, ladders: b.propensity(p)},
		tried{policy: PolicyBalance, ladders: b.biggest(p)}, tried{policy: PolicyRegua, ladders: b.regua(p)}, tried{policy: PolicyNone})
	rivals := make([]rivalPlan, len(all))
	for i := range all {
		rivals[i] = rivalPlan{ladders: all[i].ladders, to: &all[i].value}
	}
	if p.rule.Touches == 1 {
		judgeSingle(rivals, b.truth)
	} else if err := judge(ctx, config, rivals); err != nil {
		return nil, err
	}
	return b.describe(all, p, budget), nil
}

// describe counts, and sets the plans beside the best.
func (b *bench) describe(all []tried, p *planner, budget data.Cents) (out []BacktestPlan) {
	share := func(x, of *data.Cents) *float64 {
		if *of <= 0 {
			return nil
		}
		return report.Known(float64(*x) / float64(*of))
	}
	for i := range all {
		t := &all[i]
		plan := BacktestPlan{BudgetCents: budget, Policy: t.policy, TrueCents: *t.value,
			OfOracle: share(t.value, all[0].value), OfCeiling: share(t.value, all[1].value)}
		expected, knowable := 0.0, 0.0
		for _, id := range sortedKeys(t.ladders) {
			for n, touch := range t.ladders[id] {
				plan.Actions++
				plan.SpentCents += b.w.Config.Channels[touch.Channel].CostCents
				s, factor := slot{id, touch.Channel, touch.Day}, p.factor(t.ladders[id], n)
				expected += t.expected[s] * factor
				knowable += b.ceiling[s] * factor
			}
		}
		if t.expected != nil {
			plan.ExpectedCents = knownCents(expected)
		}
		plan.KnowableCents = data.RoundCents(knowable)
		out = append(out, plan)
	}
	for i := range out {
		out[i].OfKnowable = share(&out[i].KnowableCents, &out[1].KnowableCents) // all[1] is the ceiling's
	}
	return out
}

// factor is what the rule makes of the n-th touch of a ladder.
func (p *planner) factor(l ladder, n int) float64 {
	if n == 0 || n >= len(p.rule.Factor) {
		return 1
	}
	gaps := p.rule.Factor[n]
	return gaps[min(int(l[n].Day-l[n-1].Day), len(gaps)-1)]
}

// withBudget returns the work of a stage with another budget.
func withBudget(w *Work, budget data.Cents) *Work {
	c := *w.Config
	c.BudgetCents = budget
	return &Work{Config: &c, Home: w.Home, AsOf: w.AsOf, Seed: w.Seed, CodeVersion: w.CodeVersion, Dir: w.Dir, Tmp: w.Tmp,
		progress: w.progress, hashes: w.hashes, inputs: w.inputs, files: map[string]data.File{}, counts: map[string]int64{}}
}
