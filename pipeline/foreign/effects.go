package foreign

import (
	"context"
	"fmt"
	"math"
	"slices"

	"dunning/models"
	"dunning/models/uplift"
	"dunning/models/xgb"
)

// UpliftResult is how one learner ranked the effect of one treatment against
// the control, on rows that it did not learn from; means over repeated splits.
type UpliftResult struct {
	Treatment string `json:"treatment"`
	// Learner is s, t, x or dr; "response" is the boosted trees' prediction of
	// the outcome itself, which is no uplift and is shown for comparison.
	Learner string `json:"learner"`
	// ATE is the average effect: the difference of means where treatment was
	// randomised, the doubly robust estimate where probabilities are logged or
	// estimated.
	ATE   *float64 `json:"ate"`
	ATESE *float64 `json:"ate_se"`
	// Qini is scikit-uplift's normalised coefficient, AUUC likewise; logged
	// probabilities weigh the rows, so that a confounded log is read like an
	// experiment.
	Qini       *float64 `json:"qini"`
	QiniSD     *float64 `json:"qini_sd,omitempty"` // over repeats
	AUUC       *float64 `json:"auuc"`
	At30       *float64 `json:"uplift_at_30"`          // of the first 30 % of both arms together
	At30Group  *float64 `json:"uplift_at_30_by_group"` // of the first 30 % of each arm
	MeanUplift *float64 `json:"mean_uplift,omitempty"` // mean prediction; none for the response
}

// learnerNames are the effect learners that can be asked for.
var learnerNames = []string{"s", "t", "x", "dr"}

// responseLearner is the name under which the response model is shown.
const responseLearner = "response"

// How the probabilities of the arms are known.
const (
	probLogged     = "logged"
	probRandomised = "randomised"
	probEstimated  = "estimated"
)

// randomisedAUC is up to where a model of the treatment counts as guessing.
const randomisedAUC = 0.53

// armParams are the trees for effects within one arm: shallower and smoother
// than those for outcomes, because an effect is a small difference.
func armParams(r Roles) xgb.Params {
	q := r.Params.xgb(r.Seed)
	if q.Rounds == 0 {
		q.Rounds = 100
	}
	if q.MaxDepth == 0 {
		q.MaxDepth = 3
	}
	if q.MinChildWeight == 0 {
		q.MinChildWeight = 20
	}
	return q
}

// sharedParams are those of a model over all arms: every tree may see the
// option indicators, and there are enough of them, or the effect is shrunk
// (by a quarter on an e-mail experiment with 100 trees and 60 % of the columns,
// by 3 % with these).
func sharedParams(r Roles) xgb.Params {
	q := armParams(r)
	if r.Params.Rounds == 0 {
		q.Rounds = 250
	}
	if r.Params.ColSample == 0 {
		q.ColSample = 1
	}
	return q
}

func sharedLearner(r Roles) *xgb.Learner { return &xgb.Learner{Params: sharedParams(r)} }

// effectLearners makes the learners that the roles ask for. treat is nil where
// treatment was randomised.
func effectLearners(r Roles, treat models.Learner) []uplift.Learner {
	shared, q := sharedLearner(r), armParams(r)
	arm := &xgb.Learner{Params: q}
	q.Objective = xgb.Squared
	effect := &xgb.Learner{Params: q}
	all := []uplift.Learner{
		uplift.SLearner{Base: shared, Bags: r.Bags, Seed: r.Seed},
		uplift.TLearner{Base: arm, Bags: r.Bags, Seed: r.Seed},
		uplift.XLearner{Base: arm, Effect: effect, Treat: treat, Bags: r.Bags, Seed: r.Seed},
		uplift.DRLearner{Base: shared, Effect: effect, Treat: treat, Folds: 2, Bags: r.Bags, Seed: r.Seed},
	}
	if len(r.Learners) == 0 {
		return all
	}
	return slices.DeleteFunc(all, func(l uplift.Learner) bool { return !slices.Contains(r.Learners, l.Name()) })
}

// log returns the table as a record of decisions.
func (p *prepared) log() uplift.Log {
	return uplift.Log{
		X: p.trees, Treatments: p.arms.treatments(), Option: p.arms.option, Y: p.y,
		TreatProb: p.treatProb, OptionProb: p.optionProb, Unit: p.unit,
	}
}

// evaluator returns the off-policy estimators for this table.
func (p *prepared) evaluator(r Roles, treat models.Learner) uplift.Evaluator {
	q := sharedParams(r)
	if !p.binary {
		q.Objective = xgb.Squared
	}
	return uplift.Evaluator{Outcome: &xgb.Learner{Params: q}, Treat: treat, Seed: r.Seed}
}

// trainEffects adds the effects to a report.
func (p *prepared) trainEffects(ctx context.Context, r Roles, rounds []round, rep *Report, progress func(string)) error {
	treat, how, alarms, err := p.treatmentModel(ctx, r)
	if err != nil {
		return err
	}
	rep.TreatProb = how
	rep.Alarms = append(rep.Alarms, alarms...)
	progress("estimating average effects")
	ate, err := p.averageEffects(ctx, r, treat, how)
	if err != nil {
		return err
	}
	if rep.Refused = p.noControl(); rep.Refused == "" {
		rep.Refused = refusedEffects(p.arms.treatments(), ate)
	}
	if rep.Refused != "" {
		return nil
	}
	for _, l := range effectLearners(r, treat) {
		progress("fitting effects, learner " + l.Name())
		scores, lower, err := p.predictEffects(ctx, l, rounds)
		if err != nil {
			return fmt.Errorf("foreign: learner %s on %s: %w", l.Name(), p.table.Source, err)
		}
		for t, name := range p.arms.treatments() {
			res, alarm := p.rank(t+1, rounds, scores)
			if alarm != nil {
				rep.Alarms = append(rep.Alarms, alarm.Error())
			}
			res.Treatment, res.Learner = name, l.Name()
			res.ATE, res.ATESE = finite(ate[t].DR), finite(ate[t].DRSE)
			rep.Uplift = append(rep.Uplift, res)
			rep.Predictions = append(rep.Predictions, p.predictions("uplift_"+l.Name(), name, scores[0][t], lower[t])...)
		}
	}
	progress("ranking by the response")
	return p.rankResponse(ctx, r, rounds, ate, rep)
}

// averageEffects returns the estimates that stand beside every ranking.
func (p *prepared) averageEffects(ctx context.Context, r Roles, treat models.Learner, how string) ([]uplift.Estimate, error) {
	if how != probRandomised {
		return p.evaluator(r, treat).Effects(ctx, p.log())
	}
	out := make([]uplift.Estimate, len(p.arms.treatments()))
	for t := range out {
		rows := p.armRows(nil, t+1)
		y, treated := models.Take(p.y, rows), make([]bool, len(rows))
		for k, i := range rows {
			treated[k] = p.arms.option[i] != 0
		}
		effect, se, err := uplift.ATE(y, treated)
		if err != nil {
			out[t].Refused = err.Error()
		}
		out[t].DR, out[t].DRSE = effect, se
	}
	return out, nil
}

// armRows returns those of the rows (nil for all) whose arm is t or the
// control.
func (p *prepared) armRows(rows []int, t int) []int {
	var out []int
	if rows == nil {
		rows = models.Without(len(p.y), nil)
	}
	for _, i := range rows {
		if a := p.arms.option[i]; a == 0 || a == t {
			out = append(out, i)
		}
	}
	return out
}

// predictEffects fits a learner on every part: scores[round][t-1][row], NaN
// where no part tests the row; and the lower bounds of the first round.
func (p *prepared) predictEffects(ctx context.Context, l uplift.Learner, rounds []round) (scores [][][]float64, lower [][]float64, err error) {
	log := p.log()
	blank := func() [][]float64 {
		out := make([][]float64, len(log.Treatments))
		for t := range out {
			out[t] = make([]float64, len(p.y))
			for i := range out[t] {
				out[t][i] = math.NaN()
			}
		}
		return out
	}
	lower = blank()
	for k, rd := range rounds {
		score := blank()
		for _, pt := range rd {
			e, err := l.Fit(ctx, log.Take(pt.train))
			if err != nil {
				return nil, nil, err
			}
			m, lo, err := e.Predict(log.X.Take(pt.test))
			if err != nil {
				return nil, nil, err
			}
			for t := range score {
				for at, i := range pt.test {
					score[t][i] = m[t][at]
					if k == 0 {
						lower[t][i] = lo[t][at]
					}
				}
			}
		}
		scores = append(scores, score)
	}
	return scores, lower, nil
}

// refusedEffects returns the first reason why a treatment's effect cannot be
// estimated, or "".
func refusedEffects(treatments []string, ate []uplift.Estimate) string {
	for t, e := range ate {
		if e.Refused != "" {
			return fmt.Sprintf("%s: %s", treatments[t], e.Refused)
		}
	}
	if len(ate) == 0 {
		return "without a treated row no effect can be estimated"
	}
	return ""
}

// rank computes the ranking metrics of treatment t; their mean over rounds. A
// figure that some round's rows leave undefined is null, and the alarm says
// why.
func (p *prepared) rank(t int, rounds []round, scores [][][]float64) (res UpliftResult, alarm error) {
	var qini, auuc, at30, at30g, means []float64
	for k, rd := range rounds {
		var tested []int
		for _, pt := range rd {
			tested = append(tested, pt.test...)
		}
		means = append(means, mean(models.Take(scores[k][t-1], tested)))
		rows := p.armRows(tested, t)
		rk := uplift.Ranking{Y: models.Take(p.y, rows), Score: models.Take(scores[k][t-1], rows), Treated: make([]bool, len(rows))}
		for at, i := range rows {
			rk.Treated[at] = p.arms.option[i] != 0
		}
		rk.Weight = p.inverseProb(rows)
		for _, m := range []struct {
			into *[]float64
			get  func() (float64, error)
		}{
			{&qini, func() (float64, error) { return uplift.Qini(rk) }},
			{&auuc, func() (float64, error) { return uplift.AUUC(rk) }},
			{&at30, func() (float64, error) { return uplift.AtK(rk, 0.3, uplift.Overall) }},
			{&at30g, func() (float64, error) { return uplift.AtK(rk, 0.3, uplift.ByGroup) }},
		} {
			v, err := m.get()
			if err != nil {
				v = math.NaN()
				alarm = fmt.Errorf("the ranking by the effect of %q is undefined: %w", p.arms.names[t], err)
			}
			*m.into = append(*m.into, v)
		}
	}
	return UpliftResult{
		Qini: finite(mean(qini)), QiniSD: finite(spread(qini)), AUUC: finite(mean(auuc)),
		At30: finite(mean(at30)), At30Group: finite(mean(at30g)), MeanUplift: finite(mean(means)),
	}, alarm
}

// inverseProb returns the weights of rows from the logged probabilities, nil
// without them.
func (p *prepared) inverseProb(rows []int) []float64 {
	if p.treatProb == nil && p.optionProb == nil {
		return nil
	}
	w := make([]float64, len(rows))
	for k, i := range rows {
		if p.treatProb != nil {
			w[k] = 1 / p.treatProb[i]
		} else {
			w[k] = 1 / p.optionProb[p.arms.option[i]][i]
		}
	}
	return w
}

// rankResponse shows what a model of the outcome itself would rank: the same
// trees, fitted without the treatment.
func (p *prepared) rankResponse(ctx context.Context, r Roles, rounds []round, ate []uplift.Estimate, rep *Report) error {
	learner := &xgb.Learner{Params: armParams(r)}
	scores := make([][][]float64, len(rounds))
	for k := range rounds {
		_, predicted, err := p.judge(ctx, contender{learner, p.trees}, rounds[k:k+1])
		if err != nil {
			return err
		}
		for range p.arms.treatments() {
			scores[k] = append(scores[k], predicted)
		}
	}
	for t, name := range p.arms.treatments() {
		res, _ := p.rank(t+1, rounds, scores) // the learners' ranking gave the alarm
		res.Treatment, res.Learner, res.MeanUplift = name, responseLearner, nil
		res.ATE, res.ATESE = finite(ate[t].DR), finite(ate[t].DRSE)
		rep.Uplift = append(rep.Uplift, res)
	}
	return nil
}

// treatmentModel decides how the arms' probabilities are known: as logged; by
// shares where a model cannot tell who was treated; else by that model. treat
// is nil unless they must be estimated.
func (p *prepared) treatmentModel(ctx context.Context, r Roles) (treat models.Learner, how string, alarms []string, err error) {
	if p.treatProb != nil || p.optionProb != nil {
		return nil, probLogged, p.imbalances(), nil
	}
	if p.noControl() != "" {
		return nil, "", nil, nil // to be refused: nothing is worth fitting
	}
	treated := make([]float64, len(p.y))
	for t := range p.arms.names {
		n := 0.0
		for i, a := range p.arms.option {
			treated[i] = 0
			if a == t {
				treated[i] = 1
				n++
			}
		}
		if n < 3 || n > float64(len(p.y))-3 {
			continue // nothing to learn from in some fold; the estimators refuse such an arm by name
		}
		chance, err := models.OutOfFold(ctx, treatLearner(r), p.trees, treated, nil, models.StratifiedFolds(treated, 3, r.Seed))
		if err != nil {
			return nil, "", nil, err
		}
		if auc := models.AUC(treated, chance); auc > randomisedAUC {
			return treatLearner(r), probEstimated, []string{fmt.Sprintf("who got %s = %q can be told from the features (AUC %.3f): treatment was not random, and without logged probabilities (--treat-prob) effects rest on estimated ones",
				p.arms.column, p.arms.names[t], auc)}, nil
		}
	}
	return nil, probRandomised, nil, nil
}

// treatLearner models the choice of an arm.
func treatLearner(r Roles) models.Learner {
	return &xgb.Learner{Params: xgb.Params{Rounds: 100, MaxDepth: 3, Seed: r.Seed + 1}}
}

// imbalanceZ is beyond how many standard errors a feature counts as different
// between the arms.
const imbalanceZ = 5

// imbalances compares each feature between the arms after weighting by the
// inverse logged probabilities. What was known before the choice is then equal
// but for noise; what differs is a consequence of the treatment, or the
// probabilities are wrong.
func (p *prepared) imbalances() []string {
	var out []string
	w := p.inverseProb(models.Without(len(p.y), nil))
	for j, name := range p.trees.Names {
		col := p.trees.Cols[j]
		for t := 1; t < len(p.arms.names); t++ {
			m1, v1 := p.weightedMean(col, w, t)
			m0, v0 := p.weightedMean(col, w, 0)
			if z := (m1 - m0) / math.Sqrt(v1+v0); math.Abs(z) > imbalanceZ {
				out = append(out, fmt.Sprintf("%s differs between %q and the control even after weighting (%.1f standard errors): known only after the treatment? --drop %s leaves it out",
					name, p.arms.names[t], z, name))
				break
			}
		}
	}
	return out
}

// weightedMean returns the self-normalised mean of a feature in one arm and
// the variance of that mean.
func (p *prepared) weightedMean(col []float32, w []float64, t int) (m, variance float64) {
	var sum float64
	for i, a := range p.arms.option {
		if v := float64(col[i]); a == t && !math.IsNaN(v) {
			m += w[i] * v
			sum += w[i]
		}
	}
	m /= sum
	for i, a := range p.arms.option {
		if v := float64(col[i]); a == t && !math.IsNaN(v) {
			d := w[i] * (v - m)
			variance += d * d
		}
	}
	return m, variance / (sum * sum)
}
