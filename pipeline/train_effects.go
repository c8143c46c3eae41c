package pipeline

import (
	"context"
	"fmt"
	"math"

	"dunning/data"
	"dunning/models"
	"dunning/models/trees"
	"dunning/models/uplift"
	"dunning/pipeline/report"
)

// balanceFeature is the open balance at AsOf, in cents.
const balanceFeature = "f_aging_balance_cents"

// minTouches is the least number of touches of a channel, in the period that is
// learned from, below which nothing is said about the channel.
const minTouches = 50

// effectsModel is the uplift model that is kept.
type effectsModel struct {
	learner    string
	treatments []string
	bags       []*trees.Ensemble
}

// Names of the learners that compete for the effects.
const (
	sLearner        = "s"
	responseLearner = "response"
)

// trainEffects estimates what a touch on each channel adds to the share of the
// balance that is paid within the horizon: an S-learner over the features, and
// the latent-response model over whole histories. The one whose policy is worth
// more on the test period, by the logged probabilities, values the plan.
func (t *trainer) trainEffects(ctx context.Context) error {
	channels, refused := t.touchedChannels()
	if refused != "" {
		t.evaluation.Refused = refused
		t.w.progress.Note("train: no effect of a touch can be estimated: %s", refused)
		return nil
	}
	base := t.boosting(t.w.Seed + 1)
	base.ColSample = 1 // a tree that does not see the indicators learns the effect away
	learner := uplift.SLearner{Base: base, Seed: t.w.Seed}
	fitted, err := learner.Fit(ctx, t.log(t.train, channels)) // one model: no bound is judged
	if err != nil {
		return err
	}
	mu, err := fitted.(*uplift.SModel).Response(t.X.Take(t.test)) // mu[k][i] under option k, rows of the test period
	if err != nil {
		return err
	}
	if err := t.judgeEffects(ctx, mu, channels); err != nil {
		return err
	}
	all := make([]int, t.frame.Len())
	for i := range all {
		all[i] = i
	}
	learner.Bags = t.w.Config.Train.Bags
	fitted, err = learner.Fit(ctx, t.log(all, channels))
	if err != nil {
		return err
	}
	t.effects = &effectsModel{learner: learner.Name(), treatments: fitted.Treatments()}
	for _, m := range fitted.(*uplift.SModel).Models() {
		t.effects.bags = append(t.effects.bags, m.(*trees.Ensemble))
	}
	return nil
}

// touchedChannels lists the channels with enough touches to learn from, and
// says why when there are none.
func (t *trainer) touchedChannels() (channels []data.Channel, refused string) {
	count := map[data.Channel]int{}
	for _, i := range t.train {
		count[t.frame.Option[i]]++
	}
	switch count[data.Hold] {
	case len(t.train):
		return nil, "every decision point is a decision to hold: nobody was contacted whom those left alone could be compared with"
	case 0:
		return nil, "every decision point is a touch: there is nobody to compare with; log the decisions to hold too"
	}
	for _, ch := range data.Channels {
		if count[ch] >= minTouches {
			channels = append(channels, ch)
		}
	}
	if len(channels) == 0 {
		return nil, fmt.Sprintf("no channel has %d touches before %s", minTouches, t.cut)
	}
	return channels, ""
}

// log returns the decisions of some rows over the given channels; rows of
// other channels are left out.
func (t *trainer) log(rows []int, channels []data.Channel) uplift.Log {
	option := map[data.Channel]int{data.Hold: 0}
	l := uplift.Log{}
	for k, ch := range channels {
		option[ch] = k + 1
		l.Treatments = append(l.Treatments, string(ch))
	}
	var kept []int
	for _, i := range rows {
		if k, ok := option[t.frame.Option[i]]; ok {
			kept = append(kept, i)
			l.Option = append(l.Option, k)
			l.Y = append(l.Y, t.share(i))
		}
	}
	l.X = t.X.Take(kept)
	l.Unit = models.Take(t.frame.CustomerID, kept)
	return l
}

// share returns the share of the balance at row i that was paid within the
// horizon, in [0, 1].
func (t *trainer) share(i int) float64 {
	balance := float64(t.frame.Column(balanceFeature)[i])
	if !(balance > 0) {
		return 0
	}
	return min(1, float64(t.frame.OutcomeCents[i])/balance)
}

// judgeEffects lets the learners compete on the test period, keeps the winner's
// held-out estimates, and compares them, channel by channel, with what the
// logged probabilities say happened. mu[k][i] is the S-learner's outcome of test
// row i under option k: the nuisance of every doubly robust score.
func (t *trainer) judgeEffects(ctx context.Context, mu [][]float64, channels []data.Channel) error {
	reachable, err := t.reachable()
	if err != nil {
		return err
	}
	t.rivals = []rival{{learner: sLearner, effect: make([][]float64, len(channels))}}
	for k := range channels {
		t.rivals[0].effect[k] = make([]float64, len(t.test))
		for i := range t.test {
			t.rivals[0].effect[k][i] = mu[k+1][i] - mu[0][i]
		}
	}
	if err := t.challenge(ctx, channels); err != nil {
		return err
	}
	champion := t.choose(mu, channels, reachable)
	for k, ch := range channels {
		for i := range t.heldOut {
			effect := champion.effect[k][i]
			*t.heldOut[i].uplift(ch) = &effect
		}
		t.evaluation.Uplift = append(t.evaluation.Uplift, t.judge(ch, champion, k+1, mu, reachable))
	}
	return nil
}

// judge estimates the effect of one channel on the test period, doubly robust
// (the model was fitted on earlier decisions, so no cross-fitting is needed),
// and how well the model ranks customers by it. Rows on which no choice was
// made, or whose customer could not be reached on the channel, say nothing
// about it and are left out.
func (t *trainer) judge(ch data.Channel, r *rival, k int, mu [][]float64, reachable map[string][]bool) data.UpliftFigures {
	out := data.UpliftFigures{Channel: ch, Learner: r.learner}
	var influence []float64
	var ranking uplift.Ranking
	var unit []string
	for i, row := range t.test {
		p := t.frame.TreatProb[row]
		customer := t.frame.CustomerID[row]
		if !(p > 0 && p < 1) || !reachable[customer][ch.Index()] {
			continue
		}
		option := t.frame.Option[row]
		if option == ch {
			out.Treated++
		}
		influence = append(influence, t.robust(i, k, ch, mu))
		unit = append(unit, customer)
		if option == ch || option == data.Hold {
			ranking.Y = append(ranking.Y, t.paid([]int{row})[0])
			ranking.Treated = append(ranking.Treated, option == ch)
			ranking.Score = append(ranking.Score, r.effect[k-1][i])
			ranking.Weight = append(ranking.Weight, 1/p)
		}
	}
	out.Rows = int64(len(influence))
	if len(influence) == 0 {
		return out // no logged probabilities: the model stands unjudged
	}
	mean, stderr := uplift.MeanSE(influence, unit)
	out.ATE, out.ATELo, out.ATEHi = report.Known(mean), report.Known(mean-1.96*stderr), report.Known(mean+1.96*stderr)
	t.rank(&out, ranking)
	return out
}

// rank fills in the metrics of the ranking, where both arms are present.
func (t *trainer) rank(out *data.UpliftFigures, r uplift.Ranking) {
	q, err := uplift.Qini(r)
	if err != nil {
		return
	}
	out.Qini = report.Known(q)
	if at, err := uplift.AtK(r, 0.3, uplift.Overall); err == nil {
		out.UpliftAt30 = report.Known(at)
	}
	if c, err := uplift.QiniCurve(r); err == nil {
		out.Curve = thin(c, 100)
	}
}

// thin keeps about n points of a curve, scaled to shares of the population.
func thin(c uplift.Curve, n int) []data.QiniPoint {
	last := len(c.N) - 1
	total := c.N[last]
	if !(total > 0) {
		return nil
	}
	var out []data.QiniPoint
	next := 0.0
	for i := range c.N {
		if c.N[i] >= next || i == last {
			out = append(out, data.QiniPoint{Share: c.N[i] / total, Gain: c.Gain[i] / total})
			next = c.N[i] + total/float64(n)
		}
	}
	return out
}

// reachable tells for each customer which channels consent and addresses allow,
// by the channel's index. They are today's: a customer who has opted out since
// is left out of the judgement for the whole period.
func (t *trainer) reachable() (map[string][]bool, error) {
	in := t.w.Input("extract")
	out := map[string][]bool{}
	for _, part := range in.Parts("customers") {
		for batch, err := range data.Scan[data.Customer](in.Path(part.Name)) {
			if err != nil {
				return nil, err
			}
			for _, c := range batch {
				can := make([]bool, len(data.Channels))
				for k, ch := range data.Channels {
					can[k] = c.Consent(ch) && c.Reach(ch)
				}
				out[c.CustomerID] = can
			}
		}
	}
	return out, nil
}

// meanEffect returns the mean estimated effect of a channel on the test period.
func meanEffect(rows []HeldOut, ch data.Channel) float64 {
	sum, n := 0.0, 0
	for i := range rows {
		if u := *rows[i].uplift(ch); u != nil {
			sum += *u
			n++
		}
	}
	if n == 0 {
		return math.NaN()
	}
	return sum / float64(n)
}
