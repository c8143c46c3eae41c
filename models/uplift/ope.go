package uplift

import (
	"context"
	"math"

	"dunning/models"
)

// Evaluator judges treatments and policies from a log that another policy
// wrote. Estimates need overlap: every option must have had a chance in every
// row. Where it had none, or where a few rows carry all the weight, the result
// holds a refusal and no estimate.
type Evaluator struct {
	// Outcome models the outcome over the features and the option indicators;
	// it is cross-fitted. With logged probabilities a poor model costs
	// precision, never correctness.
	Outcome models.Learner
	// Treat estimates the options' probabilities where the log has none; nil
	// then means the options' shares, which is right where treatment was
	// randomised.
	Treat models.Learner
	Folds int // of the cross-fitting; below 2 means 5
	Seed  uint64
}

// Estimate is what a log says about one quantity. Unless Refused is empty only
// ESS and MeanWeight are set, as far as they are known; the rest is NaN.
type Estimate struct {
	// Naive is the plain mean: of an effect, the difference between the rows
	// of the two options; of a policy, the mean of all rows as they were
	// treated. It is confounded.
	Naive  float64
	IPS    float64 // Σ w·Y / n
	SNIPS  float64 // Σ w·Y / Σ w, by option
	Direct float64 // the outcome model alone
	DR     float64 // doubly robust (AIPW)
	DRSE   float64 // its standard error, from the influence values, clustered by unit
	// DRLo and DRHi are its interval of nominal coverage [Level], by a bootstrap
	// of the units.
	DRLo, DRHi float64
	// ESS is the effective sample size (Σw)²/Σw² of the weights; of an effect,
	// the smaller of its two options'.
	ESS float64
	// MeanWeight is Σw/n, about 1 when the probabilities are right; of an
	// effect, the one further from 1.
	MeanWeight float64
	// Refused says why the log cannot answer; empty when it can.
	Refused string
}

func refusedEstimate(reason string) Estimate {
	nan := math.NaN()
	return Estimate{Naive: nan, IPS: nan, SNIPS: nan, Direct: nan, DR: nan, DRSE: nan, DRLo: nan, DRHi: nan, ESS: nan, MeanWeight: nan, Refused: reason}
}

// Effects estimates the average effect of each treatment 1..T over the
// control on the whole population of the log: out[t-1].
func (e Evaluator) Effects(ctx context.Context, log Log) ([]Estimate, error) {
	prob, all, err := e.probabilities(ctx, log)
	if err != nil {
		return nil, err
	}
	out := make([]Estimate, len(log.Treatments))
	answerable := false
	for t := range out {
		out[t] = log.weighEffect(prob, all, t+1)
		answerable = answerable || out[t].Refused == ""
	}
	if !answerable {
		return out, nil // no outcome model is worth fitting
	}
	mu, err := e.outcomes(ctx, log)
	if err != nil {
		return nil, err
	}
	for t := range out {
		if out[t].Refused != "" {
			continue
		}
		var direct float64
		for i := range mu[0] {
			direct += mu[t+1][i] - mu[0][i]
		}
		out[t].Direct = direct / float64(log.Rows())
		influence := pseudoOutcome(log, mu, prob, t+1)
		out[t].DR, out[t].DRSE = MeanSE(influence, log.Unit)
		out[t].DRLo, out[t].DRHi = BootstrapInterval(influence, log.Unit, Level, e.Seed)
	}
	return out, nil
}

// Policy estimates the mean outcome per row had policy[t][i], the probability
// of option t in row i, chosen instead of the logging policy.
func (e Evaluator) Policy(ctx context.Context, log Log, policy [][]float64) (Estimate, error) {
	if len(policy) != len(log.Treatments)+1 {
		panic("uplift: policy and log have different options")
	}
	prob, all, err := e.probabilities(ctx, log)
	if err != nil {
		return Estimate{}, err
	}
	out := log.weighPolicy(prob, all, policy)
	if out.Refused != "" {
		return out, nil
	}
	mu, err := e.outcomes(ctx, log)
	if err != nil {
		return Estimate{}, err
	}
	influence := make([]float64, log.Rows())
	var direct float64
	for i, a := range log.Option {
		for t := range policy {
			influence[i] += policy[t][i] * mu[t][i]
		}
		direct += influence[i]
		influence[i] += policy[a][i] / prob[i] * (log.Y[i] - mu[a][i])
	}
	out.Direct = direct / float64(log.Rows())
	out.DR, out.DRSE = MeanSE(influence, log.Unit)
	out.DRLo, out.DRHi = BootstrapInterval(influence, log.Unit, Level, e.Seed)
	return out, nil
}

// Deterministic returns the policy that chooses option[i] in row i, in the
// form that [Evaluator.Policy] takes.
func Deterministic(option []int, treatments int) [][]float64 {
	policy := make([][]float64, treatments+1)
	for t := range policy {
		policy[t] = make([]float64, len(option))
	}
	for i, t := range option {
		policy[t][i] = 1
	}
	return policy
}

// Uniform returns the policy that chooses every option with the same
// probability.
func Uniform(rows, treatments int) [][]float64 {
	policy := make([][]float64, treatments+1)
	for t := range policy {
		policy[t] = make([]float64, rows)
		for i := range policy[t] {
			policy[t][i] = 1 / float64(treatments+1)
		}
	}
	return policy
}

func (e Evaluator) folds(log Log) [][]int {
	return folds(log.Rows(), log.Unit, crossFolds(e.Folds), e.Seed)
}

// probabilities returns the probability of each row's own option, and all
// options' where they are logged or estimated.
func (e Evaluator) probabilities(ctx context.Context, log Log) (prob []float64, all [][]float64, err error) {
	if err := log.check(); err != nil {
		return nil, nil, err
	}
	if prob = log.loggedProb(); prob != nil {
		return prob, log.OptionProb, nil
	}
	if all, err = estimateProb(ctx, log, e.Treat, e.folds(log)); err != nil {
		return nil, nil, err
	}
	prob = make([]float64, log.Rows())
	for i, t := range log.Option {
		prob[i] = max(all[t][i], minProb)
	}
	return prob, all, nil
}

func (e Evaluator) outcomes(ctx context.Context, log Log) ([][]float64, error) {
	return crossResponses(ctx, e.Outcome, log, e.folds(log))
}

// weights sums what IPS and SNIPS need.
type weights struct{ w, ww, wy float64 }

func (s *weights) add(w, y float64) {
	s.w += w
	s.ww += w * w
	s.wy += w * y
}

func (s weights) ess() float64 {
	if s.ww == 0 {
		return 0
	}
	return s.w * s.w / s.ww
}

// weighEffect computes everything of an effect that needs no outcome model,
// and refuses where the weights forbid an answer.
func (l Log) weighEffect(prob []float64, all [][]float64, t int) Estimate {
	if reason := l.refuseEffect(prob, all, t); reason != "" {
		return refusedEstimate(reason)
	}
	var arm [2]weights
	var sum, count [2]float64
	for i, a := range l.Option {
		k := 1
		switch a {
		case 0:
			k = 0
		case t:
		default:
			continue
		}
		arm[k].add(1/prob[i], l.Y[i])
		sum[k] += l.Y[i]
		count[k]++
	}
	n := float64(l.Rows())
	worst := arm[0]
	if math.Abs(arm[1].w/n-1) > math.Abs(arm[0].w/n-1) {
		worst = arm[1]
	}
	ess := min(arm[0].ess(), arm[1].ess())
	reason := refuseESS(ess)
	if reason == "" {
		reason = l.refuseWeights(worst)
	}
	out := refusedEstimate(reason)
	out.ESS, out.MeanWeight = ess, worst.w/n
	if reason == "" {
		out.Naive = sum[1]/count[1] - sum[0]/count[0]
		out.IPS = (arm[1].wy - arm[0].wy) / n
		out.SNIPS = arm[1].wy/arm[1].w - arm[0].wy/arm[0].w
	}
	return out
}

// weighPolicy does the same for a policy.
func (l Log) weighPolicy(prob []float64, all, policy [][]float64) Estimate {
	if reason := l.refusePolicy(prob, all, policy); reason != "" {
		return refusedEstimate(reason)
	}
	var s weights
	var sum float64
	for i, a := range l.Option {
		sum += l.Y[i]
		s.add(policy[a][i]/prob[i], l.Y[i])
	}
	n := float64(l.Rows())
	reason := refuseESS(s.ess())
	if reason == "" {
		reason = l.refuseWeights(s)
	}
	out := refusedEstimate(reason)
	out.ESS, out.MeanWeight = s.ess(), s.w/n
	if reason == "" {
		out.Naive, out.IPS, out.SNIPS = sum/n, s.wy/n, s.wy/s.w
	}
	return out
}

// MeanSE returns the mean of influence values and its standard error, with the
// rows of one unit summed first: they are not independent.
func MeanSE(v []float64, unit []string) (mean, stderr float64) {
	mean, variance := meanVar(v)
	n := float64(len(v))
	if unit == nil {
		return mean, math.Sqrt(variance / n)
	}
	place := make(map[string]int, len(unit))
	var sums []float64 // in order of first appearance, so that the result does not depend on the map
	for i, u := range unit {
		k, ok := place[u]
		if !ok {
			k = len(sums)
			place[u] = k
			sums = append(sums, 0)
		}
		sums[k] += v[i] - mean
	}
	var ss float64
	for _, s := range sums {
		ss += s * s
	}
	return mean, math.Sqrt(ss) / n
}
