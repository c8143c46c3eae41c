package pipeline

import (
	"cmp"
	"context"
	"math"
	"slices"

	"dunning/data"
	"dunning/features"
	"dunning/models/baseline"
	"dunning/models/uplift"
	"dunning/pipeline/report"
)

// pastDueFeature is the days past due of the oldest open invoice.
const pastDueFeature = "f_aging_oldest_past_due"

// loggedPoint is one decision of the test period, what models that had not seen
// it said of it, and what came of it.
type loggedPoint struct {
	*HeldOut
	prob    float64
	balance float64
	pastDue int32
	paid    float64 // share of the balance paid within the horizon
	able    []bool  // by channel: the customer can be reached
}

// loggedBench is a log on which policies are tried.
type loggedBench struct {
	w      *Work
	points []loggedPoint
	log    uplift.Log // of the same rows, outcomes in shares of the balance
}

// backtestLog judges policies on the logged decisions of the test period, by
// the probabilities with which they were taken. A budget is the mean that may
// be spent on a decision, as the plan's is on an open customer.
func backtestLog(ctx context.Context, w *Work, o BacktestOptions, out *Backtest) error {
	b, refused, err := newLoggedBench(w)
	if err != nil {
		return err
	}
	if out.Refused = refused; refused != "" {
		return nil
	}
	scores, err := data.Read[data.Score](w.Input("score").Path(scoresFile))
	if err != nil {
		return err
	}
	for _, budget := range o.BudgetsCents {
		perDecision := float64(budget) / math.Max(1, float64(len(scores)))
		for _, policy := range []string{PolicyOurs, PolicyPropensity, PolicyBalance, PolicyRegua, PolicyNone} {
			judged, err := b.judge(ctx, policy, b.choose(policy, perDecision*float64(len(b.points))))
			if err != nil {
				return err
			}
			judged.BudgetCents = perDecision
			out.Logged = append(out.Logged, judged)
		}
	}
	return nil
}

func newLoggedBench(w *Work) (b *loggedBench, refused string, err error) {
	rows, err := data.Read[HeldOut](w.Input("train").Path(heldOutFile))
	if err != nil {
		return nil, "", err
	}
	frame, err := features.ReadTraining(w.Input("features").Path(trainingFile))
	if err != nil {
		return nil, "", err
	}
	t := &trainer{w: w, frame: frame}
	reachable, err := t.reachable()
	if err != nil {
		return nil, "", err
	}
	place := make(map[string]int, len(rows))
	for i := range rows {
		place[rows[i].UnitID] = i
	}
	b = emptyLoggedBench(w)
	balance, pastDue := frame.Column(balanceFeature), frame.Column(pastDueFeature)
	logged := false
	for i, id := range frame.UnitID {
		k, ok := place[id]
		p := frame.TreatProb[i]
		logged = logged || ok && p > 0
		if !ok || !(p > 0 && p < 1) || !(balance[i] > 0) {
			continue
		}
		point := loggedPoint{HeldOut: &rows[k], prob: p, balance: float64(balance[i]), paid: t.share(i), able: reachable[frame.CustomerID[i]]}
		if pastDue != nil {
			point.pastDue = int32(pastDue[i])
		}
		b.add(point)
	}
	switch {
	case !logged:
		return nil, "the log has no probabilities (treat_prob) of its decisions: what another policy would have brought cannot be told from it", nil
	case len(b.points) == 0:
		return nil, "no decision of the test period left a choice: every logged probability is 1", nil
	}
	return b, "", nil
}

func emptyLoggedBench(w *Work) *loggedBench {
	b := &loggedBench{w: w, log: uplift.Log{X: features.Matrix{Names: []string{balanceFeature}, Cols: make([][]float32, 1)}, Treatments: make([]string, len(data.Channels))}}
	for k, ch := range data.Channels {
		b.log.Treatments[k] = string(ch)
	}
	return b
}

func (b *loggedBench) add(p loggedPoint) {
	b.points = append(b.points, p)
	b.log.X.Cols[0] = append(b.log.X.Cols[0], float32(p.balance))
	b.log.Option = append(b.log.Option, p.Option.Index()+1)
	b.log.Y = append(b.log.Y, p.paid)
	b.log.TreatProb = append(b.log.TreatProb, p.prob)
	b.log.Unit = append(b.log.Unit, p.CustomerID)
}

// may reports whether a policy may touch on a channel.
func (b *loggedBench) may(p *loggedPoint, k int) bool {
	_, used := b.w.Config.Channels[data.Channels[k]]
	return used && p.able != nil && p.able[k]
}

func (b *loggedBench) cost(k int) float64 {
	return float64(b.w.Config.Channels[data.Channels[k]].CostCents)
}

// gain is what the estimates say a touch adds, in cents; 0 without an estimate.
func (p *loggedPoint) gain(k int) float64 {
	if u := *p.uplift(data.Channels[k]); u != nil {
		return *u * p.balance
	}
	return 0
}

// choose returns the channel of every decision, −1 for none, that a policy takes
// within a budget over all decisions.
func (b *loggedBench) choose(policy string, budget float64) []int {
	out := make([]int, len(b.points))
	for i := range out {
		out[i] = -1
	}
	switch policy {
	case PolicyOurs:
		b.chooseByPrice(out, budget)
	case PolicyPropensity:
		b.fill(out, budget, []data.Channel{data.WhatsApp, data.SMS, data.Email}, func(p *loggedPoint) float64 { return p.PayProb * p.balance })
	case PolicyBalance:
		b.fill(out, budget, []data.Channel{data.Voice, data.WhatsApp, data.SMS, data.Email}, func(p *loggedPoint) float64 { return p.balance })
	case PolicyRegua:
		b.chooseByStep(out, budget)
	}
	return out
}

// chooseByPrice gives each decision the touch that is worth most over its cost
// at a price of money at which the budget is just spent.
func (b *loggedBench) chooseByPrice(out []int, budget float64) {
	at := func(price float64) (spent float64) {
		for i := range b.points {
			best := 0.0
			out[i] = -1
			for k := range data.Channels {
				v := b.points[i].gain(k)
				if w := v - price*b.cost(k); v > b.cost(k) && w > best && b.may(&b.points[i], k) {
					best, out[i] = w, k
				}
			}
			if out[i] >= 0 {
				spent += b.cost(out[i])
			}
		}
		return spent
	}
	low, high := 0.0, 1.0
	if at(low) <= budget {
		return
	}
	for at(high) > budget && high < 1e9 {
		high *= 2
	}
	for range 40 {
		if mid := (low + high) / 2; at(mid) > budget {
			low = mid
		} else {
			high = mid
		}
	}
	at(high)
}

// fill gives the decisions in the order of a rank the first channel that the
// customer can be reached on.
func (b *loggedBench) fill(out []int, budget float64, channels []data.Channel, rank func(*loggedPoint) float64) {
	order := make([]int, len(b.points))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(x, y int) int { return cmp.Compare(rank(&b.points[y]), rank(&b.points[x])) })
	for _, i := range order {
		for _, ch := range channels {
			if k := ch.Index(); b.may(&b.points[i], k) && b.cost(k) <= budget {
				out[i] = k
				budget -= b.cost(k)
				break
			}
		}
	}
}

// chooseByStep sends the steps of the standard régua that fell due in the week
// before each decision, in the order of the log, until the budget is spent.
func (b *loggedBench) chooseByStep(out []int, budget float64) {
	for i := range b.points {
		p := &b.points[i]
		for _, step := range standardRegua {
			if k := step.channel.Index(); p.pastDue >= step.pastDue && p.pastDue < step.pastDue+7 && b.may(p, k) && b.cost(k) <= budget {
				out[i] = k
				budget -= b.cost(k)
				break
			}
		}
	}
}

// judge values a policy against leaving everybody alone: the doubly robust score
// of its touches, with the held-out predictions as the model of the outcome. It
// refuses where package uplift refuses the same policy.
func (b *loggedBench) judge(ctx context.Context, policy string, choice []int) (BacktestLogged, error) {
	out := BacktestLogged{Policy: policy, Decisions: int64(len(choice))}
	options, value := make([]int, len(choice)), make([]float64, len(choice))
	expected := 0.0
	for i, k := range choice {
		options[i] = k + 1
		if k < 0 {
			continue
		}
		p := &b.points[i]
		out.Touched++
		expected += p.gain(k)
		value[i] = p.gain(k)
		switch p.Option.Index() {
		case k:
			value[i] += (p.paid*p.balance - p.PayProb*p.balance - p.gain(k)) / p.prob
		case -1:
			value[i] -= (p.paid - p.PayProb) * p.balance / p.prob
		}
	}
	if out.Touched == 0 {
		zero := 0.0
		out.ExpectedCents, out.ValueCents, out.StderrCents = &zero, &zero, &zero
		return out, nil
	}
	e, err := uplift.Evaluator{Outcome: baseline.BaseRate{}, Seed: b.w.Seed}.Policy(ctx, b.log, uplift.Deterministic(options, len(data.Channels)))
	if err != nil {
		return out, err
	}
	out.Refused, out.ESS = e.Refused, report.Known(e.ESS)
	if out.Refused == "" {
		mean, stderr := uplift.MeanSE(value, b.log.Unit)
		out.ExpectedCents, out.ValueCents, out.StderrCents = report.Known(expected/float64(len(choice))), report.Known(mean), report.Known(stderr)
	}
	return out, nil
}
