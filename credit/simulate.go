package credit

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"dunning/data"
	"dunning/features"
	"dunning/models"
)

// BureauTrial measures rules for buying bureau reports on simulated
// applications, where everything is known: PDs from features by a curve that is
// not linear, amounts of R$ 200 to R$ 15.000, a bureau score of a strength that
// is chosen. The model learns the PDs from outcomes, and the strength of the
// signal is estimated from reports that were bought at random: the rule knows no
// more than a company would.
type BureauTrial struct {
	Applications int            // judged; at least 100
	Train        int            // that the model learns from; at least 500
	Bought       int            // random reports that the signal is estimated from; at least 100
	Strengths    []float64      // Signal.Strength, above 0
	PricesCents  []data.Cents   // of a report
	Learner      models.Learner // of the PD
	Seed         uint64
}

// BureauTrialResult is one strength and price. Worths are the mean of one
// application in cents, expected by the true PD and the true signal; prices of
// bought reports are taken off.
type BureauTrialResult struct {
	Strength   float64    `json:"strength"`
	AUC        float64    `json:"auc"` // of the score alone
	PriceCents data.Cents `json:"price_cents"`
	Estimated  float64    `json:"estimated_strength"`
	Never      float64    `json:"never"`
	Always     float64    `json:"always"`
	Rule       float64    `json:"rule"` // buys where the estimated EVOI exceeds the price
	// Oracle buys where the true one does: it knows the true PD and the true
	// signal when it buys, and decides about credit as the others do.
	Oracle      float64 `json:"oracle"`
	RuleBuys    float64 `json:"rule_buys"` // share of the applications
	OracleBuys  float64 `json:"oracle_buys"`
	Realised    float64 `json:"realised"`    // the rule's mean with drawn scores and outcomes
	RealisedSE  float64 `json:"realised_se"` // its standard error
	GainOfBest  float64 `json:"gain_of_best"`
	WorthOfBest float64 `json:"worth_of_best"`
}

// trialPolicy decides by worth alone.
func trialPolicy() *Policy {
	return &Policy{Name: "trial", Cutoffs: Cutoffs{0.999, 0.999},
		Loss:   Loss{LGD: 0.65, EADShare: 1, Margin: 0.12, CostCents: 2000, MostLossToMargin: 1},
		Limits: Limits{MinCents: 1, MaxCents: 2_000_000, StepCents: 1, MostLossCents: mostCents}}
}

// simulated is one simulated application.
type simulated struct {
	pd, estimated float64
	subject       subject
	outcome       float64 // drawn
	noise         float64 // of the score, standard normal
	known         verdict // what is done without a report
}

// worth in cents of doing v by the true PD.
func (p *simulated) worth(a *Analyst, v verdict) float64 { return a.worthOf(v, p.pd) }

// Run draws the applications, fits the model and judges every strength and price.
// The same trial gives the same results.
func (t BureauTrial) Run(ctx context.Context) ([]BureauTrialResult, error) {
	if t.Applications < 100 || t.Train < 500 || t.Bought < 100 || len(t.Strengths) == 0 || len(t.PricesCents) == 0 {
		return nil, fmt.Errorf("credit: %w: a trial needs 100 applications, 500 to learn from, 100 reports, and strengths and prices", data.ErrUsage)
	}
	if slices.ContainsFunc(t.Strengths, func(d float64) bool { return !(d > 0 && d <= 10) }) || slices.ContainsFunc(t.PricesCents, func(p data.Cents) bool { return p <= 0 }) {
		return nil, fmt.Errorf("credit: %w: strengths must be above 0 and at most 10, prices above 0", data.ErrUsage)
	}
	rng := rand.New(rand.NewPCG(t.Seed, 0x637265646974))
	train := drawApplicants(rng, t.Train)
	fitted, calibration, err := t.fit(ctx, train)
	if err != nil {
		return nil, err
	}
	judged, bought := drawApplicants(rng, t.Applications), drawApplicants(rng, t.Bought)
	base := &Analyst{policy: trialPolicy()}
	apps, err := t.applications(rng, judged, fitted, calibration)
	if err != nil {
		return nil, err
	}
	boughtPD, err := fitted.Predict(bought.x)
	if err != nil {
		return nil, fmt.Errorf("credit: %w", err)
	}
	boughtPD = calibration.ApplyAll(boughtPD)
	for i := range apps {
		apps[i].known = base.decide(apps[i].estimated, &apps[i].subject, "")
	}
	var out []BureauTrialResult
	noise := make([]float64, t.Bought)
	for i := range noise {
		noise[i] = rng.NormFloat64()
	}
	for _, d := range t.Strengths {
		truth := Signal{MeanGood: 500 + 50*d, MeanBad: 500 - 50*d, SD: 100}
		scores := make([]float64, t.Bought)
		for i := range scores {
			scores[i] = truth.draw(bought.y[i], noise[i])
		}
		out = append(out, judge(base, apps, truth, EstimateSignal(boughtPD, bought.y, scores), t.PricesCents)...)
	}
	return out, nil
}

// applicants are drawn people with their true PDs and outcomes.
type applicants struct {
	x     features.Matrix
	pd, y []float64
}

// trialFeatures is how many features an applicant has; the last two say nothing.
const trialFeatures = 6

func drawApplicants(rng *rand.Rand, n int) applicants {
	a := applicants{x: features.Matrix{Names: make([]string, trialFeatures), Cols: make([][]float32, trialFeatures)}, pd: make([]float64, n), y: make([]float64, n)}
	for j := range trialFeatures {
		a.x.Names[j], a.x.Cols[j] = fmt.Sprintf("x%d", j+1), make([]float32, n)
	}
	for i := range n {
		for j := range trialFeatures {
			a.x.Cols[j][i] = float32(rng.NormFloat64())
		}
		x := func(j int) float64 { return float64(a.x.Cols[j-1][i]) }
		a.pd[i] = 1 / (1 + math.Exp(2.2-0.7*x(1)+0.5*x(2)-0.4*math.Abs(x(3))-0.4*x(1)*x(4)))
		if rng.Float64() < a.pd[i] {
			a.y[i] = 1
		}
	}
	return a
}

// fit learns the PD from two thirds and calibrates it on the rest.
func (t BureauTrial) fit(ctx context.Context, a applicants) (models.Model, models.Calibration, error) {
	train, held := models.SplitRandom(len(a.y), 1.0/3, t.Seed)
	m, err := t.Learner.Fit(ctx, a.x.Take(train), models.Take(a.y, train), nil)
	if err != nil {
		return nil, models.Calibration{}, fmt.Errorf("credit: %w", err)
	}
	p, err := m.Predict(a.x.Take(held))
	if err != nil {
		return nil, models.Calibration{}, fmt.Errorf("credit: %w", err)
	}
	return m, models.FitPlatt(models.Take(a.y, held), p), nil
}

func (t BureauTrial) applications(rng *rand.Rand, a applicants, m models.Model, c models.Calibration) ([]simulated, error) {
	estimated, err := m.Predict(a.x)
	if err != nil {
		return nil, fmt.Errorf("credit: %w", err)
	}
	out := make([]simulated, len(a.y))
	for i := range out {
		amount := math.Exp(math.Log(150_000) + 0.9*rng.NormFloat64())
		amount = min(max(amount, 20_000), 1_500_000)
		out[i] = simulated{pd: a.pd[i], estimated: c.Apply(estimated[i]), outcome: a.y[i], noise: rng.NormFloat64(),
			subject: subject{request: &Application{RequestedCents: data.RoundCents(amount)}, term: 1}}
	}
	return out, nil
}

// draw is a score of somebody with an outcome.
func (s Signal) draw(defaulted, noise float64) float64 {
	if defaulted == 1 {
		return s.MeanBad + s.SD*noise
	}
	return s.MeanGood + s.SD*noise
}

// judge compares the rules at one strength.
func judge(base *Analyst, apps []simulated, truth, estimate Signal, prices []data.Cents) []BureauTrialResult {
	a := &Analyst{policy: base.policy, outcomes: estimate.outcomes()}
	nodes := truth.outcomes()
	n := float64(len(apps))
	out := make([]BureauTrialResult, len(prices))
	squares := make([]float64, len(prices))
	for k, price := range prices {
		out[k] = BureauTrialResult{Strength: truth.Strength(), AUC: truth.AUC(), PriceCents: price, Estimated: estimate.Strength()}
	}
	for i := range apps {
		p := &apps[i]
		never := p.worth(a, p.known)
		always := withReport(a, p, truth, estimate, nodes)
		value := a.evoi(&p.subject, p.estimated, "")
		report := a.decide(posterior(p.estimated, estimate.ratio(truth.draw(p.outcome, p.noise))), &p.subject, "")
		for k := range out {
			r, price := &out[k], float64(prices[k])
			r.Never += never / n
			r.Always += (always - price) / n
			realised := a.worthOf(p.known, p.outcome)
			if value > price {
				r.RuleBuys += 1 / n
				r.Rule += (always - price) / n
				realised = a.worthOf(report, p.outcome) - price
			} else {
				r.Rule += never / n
			}
			if always-never > price {
				r.OracleBuys += 1 / n
			}
			r.Oracle += max(never, always-price) / n
			r.Realised += realised / n
			squares[k] += realised * realised / n
		}
	}
	for k := range out {
		r := &out[k]
		r.RealisedSE = math.Sqrt((squares[k] - r.Realised*r.Realised) / n)
		r.WorthOfBest = r.Rule / r.Oracle
		r.GainOfBest = 1
		if gain := r.Oracle - max(r.Never, r.Always); gain > 0 {
			r.GainOfBest = (r.Rule - max(r.Never, r.Always)) / gain
		}
	}
	return out
}

// withReport is the true expected worth of deciding after a report, by who reads
// the score with the estimated signal.
func withReport(a *Analyst, p *simulated, truth, estimate Signal, nodes []outcome) float64 {
	low := truth.MeanBad - 6*truth.SD
	width := (truth.MeanGood + 6*truth.SD - low) / float64(len(nodes))
	sum := 0.0
	for i, o := range nodes {
		score := low + width*(float64(i)+0.5)
		v := a.decide(posterior(p.estimated, estimate.ratio(score)), &p.subject, "")
		bad := p.pd * o.bad
		if chance := bad + (1-p.pd)*o.good; chance > 0 {
			sum += chance * a.worthOf(v, bad/chance)
		}
	}
	return sum
}
