package pipeline

import (
	"context"
	"math"
	"math/rand/v2"
	"path/filepath"

	"gonum.org/v1/gonum/stat"

	"dunning/data"
	"dunning/data/synth"
	"dunning/models"
	"dunning/pipeline/report"
)

// What the simulator leaves in a home beside its sources. Only the report looks
// at it, to say how far the models and the plan are from what can be known.
const (
	truthDecisions = "truth/decisions.parquet"
	truthAsOf      = "truth/asof.parquet"
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

// comparePlans values our plan by the true effects, beside the best plans that
// the truth, the ceiling and chance would have made of the same candidates,
// budget and capacities.
func comparePlans(ctx context.Context, w *Work, out *report.Truth) error {
	planned, err := data.Read[data.Action](w.Input("optimize").Path(planFile))
	if err != nil {
		return err
	}
	truth, ceiling := map[slot]float64{}, map[slot]float64{}
	for batch, err := range data.Scan[synth.AsOfTruth](filepath.Join(w.Home, filepath.FromSlash(truthAsOf))) {
		if err != nil {
			return err
		}
		for k := range batch {
			t := &batch[k]
			for _, ch := range data.Channels {
				s := slot{t.CustomerID, ch, t.Day}
				truth[s], ceiling[s] = t.EffectCents(ch), t.CeilingEffectCents(ch)
			}
		}
	}
	ours := 0.0
	for _, a := range planned {
		v, ok := truth[slot{a.CustomerID, a.Channel, a.Day}]
		if !ok {
			return nil // the truth is of another day: there is nothing to compare with
		}
		ours += v
	}
	known := func(cents float64) *data.Cents { c := data.RoundCents(cents); return &c }
	out.PlanTrueCents = known(ours)
	p := &planner{w: w}
	if err := p.readAllowed(); err != nil {
		return err
	}
	for _, rival := range []struct {
		values map[slot]float64
		cents  **data.Cents
	}{{truth, &out.OraclePlanCents}, {ceiling, &out.CeilingPlanCents}} {
		cents, err := p.worthOfBest(ctx, rival.values, truth)
		if err != nil {
			return err
		}
		*rival.cents = known(cents)
	}
	out.RandomPlanCents = known(p.worthOfChance(truth))
	return nil
}

// readAllowed loads every allowed candidate, whatever it was thought worth.
func (p *planner) readAllowed() error {
	p.keepAll = true
	p.out.Plan = &report.Plan{}
	return p.read()
}

// worthOfBest plans by some values and returns what the plan is truly worth.
func (p *planner) worthOfBest(ctx context.Context, values, truth map[slot]float64) (float64, error) {
	best := &planner{w: p.w, customer: p.customer, demanded: p.demanded}
	for _, c := range p.rows {
		c.ValueCents = data.RoundCents(values[slot{c.CustomerID, c.Channel, c.Day}])
		c.ValueLoCents = c.ValueCents
		if best.worthPlanning(c) {
			best.rows = append(best.rows, c)
		}
	}
	best.out.Plan = &report.Plan{}
	if err := best.build(); err != nil {
		return 0, err
	}
	_, plan, err := best.solve(ctx)
	if err != nil {
		return 0, err
	}
	total := 0.0
	for _, j := range plan.Chosen {
		c := best.rows[j]
		total += truth[slot{c.CustomerID, c.Channel, c.Day}]
	}
	return total, nil
}

// worthOfChance fills budget and capacities with contacts drawn at random, one
// per customer, and returns what they are truly worth.
func (p *planner) worthOfChance(truth map[slot]float64) float64 {
	rng := rand.New(rand.NewPCG(p.w.Seed, uint64(p.w.AsOf)))
	left := float64(p.w.Config.BudgetCents)
	type place struct {
		channel data.Channel
		day     data.Date
	}
	room := map[place]float64{}
	for _, c := range p.capacities() {
		room[place{c.Channel, c.Day}] = c.Touches
	}
	touched := map[string]bool{}
	total := 0.0
	for _, i := range rng.Perm(len(p.rows)) {
		c := p.rows[i]
		at := place{c.Channel, c.Day}
		free, limited := room[at]
		if touched[c.CustomerID] || float64(c.CostCents) > left || limited && free < 1 {
			continue
		}
		touched[c.CustomerID] = true
		left -= float64(c.CostCents)
		room[at] = free - 1
		total += truth[slot{c.CustomerID, c.Channel, c.Day}]
	}
	return total
}
