package pipeline

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"

	"gonum.org/v1/gonum/stat"

	"dunning/data"
	"dunning/data/synth"
	"dunning/models"
	"dunning/optimizer"
	"dunning/pipeline/report"
	"dunning/policy"
)

// What the simulator leaves in a home beside its sources. Only the report looks
// at it, to say how far the models and the plan are from what can be known.
const (
	truthDecisions = "truth/decisions.parquet"
	truthAsOf      = "truth/asof.parquet"
	truthConfig    = "truth/portfolio.json" // missing in homes of earlier versions
)

// truthHorizonDays is the window of the simulator's true effects.
const truthHorizonDays = 7

// compareWithTruth compares predictions and plan with the simulator's truth. It
// returns nil for a real portfolio, and for another horizon or AsOf than the
// truth's.
func compareWithTruth(ctx context.Context, w *Work) (*report.Truth, error) {
	hashes, err := truthHashes(w)
	if err != nil || hashes == nil || w.Config.Features.HorizonDays != truthHorizonDays {
		return nil, err
	}
	out := &report.Truth{}
	if err := compareModels(w, out); err != nil {
		return nil, err
	}
	return out, comparePlans(ctx, w, out)
}

// decisionKey identifies a decision point.
type decisionKey struct {
	customer string
	asOf     data.Date
}

// compareModels scores the held-out predictions beside the true probabilities
// and beside the ceiling: someone who knows the simulator's equations, but not
// its latent draws.
func compareModels(w *Work, out *report.Truth) error {
	in := w.Input("train")
	rows, err := data.Read[HeldOut](in.Path(heldOutFile))
	if err != nil {
		return err
	}
	wanted := make(map[decisionKey]int, len(rows))
	for i := range rows {
		wanted[decisionKey{rows[i].CustomerID, rows[i].AsOf}] = i
	}
	var y, ours, ceiling, oracle []float64
	ourEffects, trueEffects := make([][]float64, len(data.Channels)), make([][]float64, len(data.Channels))
	for batch, err := range data.Scan[synth.DecisionTruth](filepath.Join(w.Home, filepath.FromSlash(truthDecisions))) {
		if err != nil {
			return err
		}
		for k := range batch {
			t := &batch[k]
			i, ok := wanted[decisionKey{t.CustomerID, t.AsOf}]
			if !ok {
				continue
			}
			if rows[i].Organic {
				y = append(y, indicator(rows[i].Paid))
				ours = append(ours, rows[i].PayProb)
				ceiling = append(ceiling, float64(t.CeilingOrganic07))
				oracle = append(oracle, t.Organic(truthHorizonDays))
			}
			for c, ch := range data.Channels {
				if u := *rows[i].uplift(ch); u != nil {
					ourEffects[c] = append(ourEffects[c], *u)
					// The model speaks of the share of the balance that is paid.
					trueEffects[c] = append(trueEffects[c], t.EffectCents(ch)/float64(max(1, t.BalanceCents)))
				}
			}
		}
	}
	out.Ours, out.Ceiling, out.Oracle = truthScore(y, ours, oracle), truthScore(y, ceiling, oracle), truthScore(y, oracle, oracle)
	for c, ch := range data.Channels {
		if len(ourEffects[c]) > 1 {
			out.Effects = append(out.Effects, report.TruthEffect{Channel: ch,
				TrueATE: report.Known(stat.Mean(trueEffects[c], nil)), OurATE: report.Known(stat.Mean(ourEffects[c], nil)),
				Correlation: report.Known(stat.Correlation(ourEffects[c], trueEffects[c], nil))})
		}
	}
	return nil
}

func indicator(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

func truthScore(y, p, oracle []float64) *report.TruthScore {
	var squares float64
	for i := range p {
		squares += (p[i] - oracle[i]) * (p[i] - oracle[i])
	}
	return &report.TruthScore{Rows: int64(len(y)), AUC: report.Known(models.AUC(y, p)), LogLoss: report.Known(models.LogLoss(y, p)),
		Brier: report.Known(models.Brier(y, p)), RMSE: report.Known(math.Sqrt(squares / float64(len(p))))}
}

// slot is one possible contact.
type slot struct {
	customer string
	channel  data.Channel
	day      data.Date
}

// ladder is what one customer is planned to get, by day.
type ladder = []synth.PlannedTouch

// rivalPlan is a plan that is judged by the truth.
type rivalPlan struct {
	ladders map[string]ladder // by customer
	to      **data.Cents      // where its true value goes
	total   **data.Cents      // and that by all payments; nil for nowhere
}

// comparePlans values our plan by the true effects, beside the best plans that
// the truth, the ceiling and chance would have made of the same candidates,
// budget, capacities and ladders.
func comparePlans(ctx context.Context, w *Work, out *report.Truth) error {
	truth, ceiling, err := trueEffects(w)
	if err != nil {
		return err
	}
	ours, err := plannedLadders(w)
	if err != nil {
		return err
	}
	several := false
	for id, l := range ours {
		several = several || len(l) > 1
		for _, t := range l {
			if _, ok := truth[slot{id, t.Channel, t.Day}]; !ok {
				return nil // the truth is of other days: there is nothing to compare with
			}
		}
	}
	config, err := synth.ReadConfig(w.Home)
	switch {
	case errors.Is(err, fs.ErrNotExist) && several:
		return nil // a portfolio whose customers cannot be lived again
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return err
	case err == nil && w.AsOf != config.End:
		return nil // customers are lived up to the end: an empty plan of another day has no days that tell
	}
	rivals := []rivalPlan{{ours, &out.PlanTrueCents, &out.PlanTotalCents}, {nil, &out.OraclePlanCents, &out.OracleTotalCents},
		{nil, &out.CeilingPlanCents, nil}, {nil, &out.RandomPlanCents, nil}}
	p, err := newPlanner(ctx, w)
	if err != nil {
		return err
	}
	if rivals[3].ladders, err = p.laddersByChance(); err != nil {
		return err
	}
	p.knowFatigue(config)
	for k, values := range []map[slot]float64{truth, ceiling} {
		if rivals[k+1].ladders, err = p.again().bestLadders(ctx, values); err != nil {
			return err
		}
	}
	if config.Customers == 0 { // a portfolio without its configuration
		judgeSingle(rivals, truth)
		return nil
	}
	return judge(ctx, config, rivals)
}

// trueEffects reads the truth of every possible contact, and its ceiling.
func trueEffects(w *Work) (truth, ceiling map[slot]float64, err error) {
	truth, ceiling = map[slot]float64{}, map[slot]float64{}
	for batch, err := range data.Scan[synth.AsOfTruth](filepath.Join(w.Home, filepath.FromSlash(truthAsOf))) {
		if err != nil {
			return nil, nil, err
		}
		for k := range batch {
			t := &batch[k]
			for _, ch := range data.Channels {
				s := slot{t.CustomerID, ch, t.Day}
				truth[s], ceiling[s] = t.EffectCents(ch), t.CeilingEffectCents(ch)
			}
		}
	}
	return truth, ceiling, nil
}

// plannedLadders reads our plan.
func plannedLadders(w *Work) (map[string]ladder, error) {
	planned, err := data.Read[data.Action](w.Input("optimize").Path(planFile))
	if err != nil {
		return nil, err
	}
	out := map[string]ladder{}
	for _, a := range planned { // by day
		out[a.CustomerID] = append(out[a.CustomerID], synth.PlannedTouch{Channel: a.Channel, Day: a.Day})
	}
	return out, nil
}

// knowFatigue makes further touches worth what the simulator makes them.
func (p *planner) knowFatigue(c synth.Config) {
	for step := range p.rule.Factor {
		for gap := range p.rule.Factor[step] {
			var before []int
			for k := range step {
				before = append(before, (k+1)*max(1, gap))
			}
			p.rule.Factor[step][gap] = c.FatigueFactor(before...)
		}
	}
}

// bestLadders plans by some values, as the stage does by the estimates.
func (p *planner) bestLadders(ctx context.Context, values map[slot]float64) (map[string]ladder, error) {
	p.brief = true
	err := p.build(func(c *data.Candidate) data.Cents {
		return data.RoundCents(values[slot{c.CustomerID, c.Channel, c.Day}])
	}, nil)
	if err != nil {
		return nil, err
	}
	if err := p.solve(ctx); err != nil {
		return nil, err
	}
	out := map[string]ladder{}
	for i := range p.explained {
		x := &p.explained[i]
		for _, t := range x.Touches {
			s := p.slots[t.Slot]
			out[p.ids[x.Customer]] = append(out[p.ids[x.Customer]], synth.PlannedTouch{Channel: s.Channel, Day: s.Day})
		}
	}
	return out, nil
}

// laddersByChance fills budget and capacities with contacts drawn at random, as
// many per customer and as far apart as ladders may have them.
func (p *planner) laddersByChance() (map[string]ladder, error) {
	var all []data.Candidate
	for mine, err := range p.candidates() {
		if err != nil {
			return nil, err
		}
		for _, c := range mine {
			if c.Allowed {
				all = append(all, c)
			}
		}
	}
	rng := rand.New(rand.NewPCG(p.w.Seed, uint64(p.w.AsOf)))
	left := p.w.Config.BudgetCents
	room := map[optimizer.Slot]float64{}
	for _, c := range p.capacities() {
		room[optimizer.Slot{Channel: c.Channel, Day: c.Day}] = c.Touches
	}
	out := map[string]ladder{}
	for _, i := range rng.Perm(len(all)) {
		c := &all[i]
		at := optimizer.Slot{Channel: c.Channel, Day: c.Day}
		free, limited := room[at]
		if c.CostCents > left || limited && free < 1 || !p.mayFollow(c, out[c.CustomerID]) {
			continue
		}
		out[c.CustomerID] = append(out[c.CustomerID], synth.PlannedTouch{Channel: c.Channel, Day: c.Day})
		left -= c.CostCents
		room[at] = free - 1
	}
	for _, l := range out {
		slices.SortFunc(l, func(a, b synth.PlannedTouch) int { return cmp.Compare(a.Day, b.Day) })
	}
	return out, nil
}

// mayFollow reports whether a candidate may stand beside what its customer is
// already planned to get.
func (p *planner) mayFollow(c *data.Candidate, beside ladder) bool {
	if len(beside) == 0 {
		return true
	}
	if len(beside) >= p.rule.Touches {
		return false
	}
	customer, score := p.customer[c.CustomerID], p.scores[c.CustomerID]
	facts := policy.Facts{AsOf: p.w.AsOf, BalanceCents: score.BalanceCents, DaysPastDue: score.DaysPastDue, Touches: slices.Clone(p.recent[c.CustomerID])}
	for _, t := range beside {
		if gap := max(t.Day-c.Day, c.Day-t.Day); int(gap) < max(1, p.rule.GapDays) {
			return false
		}
		facts.Touches = append(facts.Touches, t.Day)
	}
	subject := p.engine.Prepare(&customer, &facts)
	return p.engine.Decide(&subject, c.Channel, c.Day) == policy.Allowed
}

// judgeSingle values plans of single touches by the truth as of the end.
func judgeSingle(plans []rivalPlan, truth map[slot]float64) {
	for _, plan := range plans {
		total := 0.0
		for _, id := range sortedKeys(plan.ladders) {
			for _, t := range plan.ladders[id] {
				total += truth[slot{id, t.Channel, t.Day}]
			}
		}
		*plan.to = knownCents(total)
	}
}

// judge values plans by the simulator's own dynamics.
func judge(ctx context.Context, c synth.Config, plans []rivalPlan) error {
	all := map[string][][]synth.PlannedTouch{}
	place := make([]map[string]int, len(plans))
	for k, plan := range plans {
		place[k] = map[string]int{}
		for id, l := range plan.ladders {
			place[k][id] = len(all[id])
			all[id] = append(all[id], l)
		}
	}
	worth, err := synth.Ladders(ctx, c, all)
	if err != nil {
		return err
	}
	for k, plan := range plans {
		var window, total float64
		for _, id := range sortedKeys(place[k]) {
			x := worth[id][place[k][id]]
			window, total = window+x.WindowCents, total+x.TotalCents
		}
		*plan.to = knownCents(window)
		if plan.total != nil {
			*plan.total = knownCents(total)
		}
	}
	return nil
}

func knownCents(cents float64) *data.Cents {
	c := data.RoundCents(cents)
	return &c
}
