package pipeline

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"

	"dunning/data"
	"dunning/features"
	"dunning/models"
	"dunning/models/registry"
)

// saveArtifact keeps the fitted models and their card.
func (t *trainer) saveArtifact() error {
	words, err := json.Marshal(t.words)
	if err != nil {
		return err
	}
	hashes := map[string]string{}
	for _, f := range t.w.Input("features").Manifest.Files {
		if f.Name == trainingFile || f.Name == vocabularyFile {
			hashes[f.Name] = f.SHA256
		}
	}
	a := registry.Artifact{
		Features: t.X.Names, Vocabulary: words, HorizonDays: t.w.Config.Features.HorizonDays, AsOf: t.w.AsOf, Seed: t.w.Seed,
		CodeVersion: t.w.CodeVersion, DataHashes: hashes,
		PayProb: &registry.PayProb{Ensemble: t.payment.trees, Calibration: t.payment.calibration},
		Card:    t.card(hashes),
	}
	if t.effects != nil {
		a.Uplift = &registry.Uplift{Learner: t.effects.learner, Treatments: t.effects.treatments, Bags: t.effects.bags}
	}
	_, err = registry.Save(t.w.Dir, a, nil)
	return err
}

// card says what the version is, how good it is, and where not to use it.
func (t *trainer) card(hashes map[string]string) models.Card {
	c := t.w.Config
	card := models.Card{
		Title:       "Payment propensity and uplift",
		Target:      fmt.Sprintf("PayProb: the balance open at AsOf is paid in full within %d days if nobody touches the customer. Uplift: what one touch on a channel adds to the share of that balance which is paid within the same days.", c.Features.HorizonDays),
		AsOf:        t.w.AsOf,
		HorizonDays: c.Features.HorizonDays,
		Seed:        t.w.Seed,
		CodeVersion: t.w.CodeVersion,
		DataHashes:  hashes,
		Train:       t.part(t.train),
		Test:        t.part(t.test),
		Calibration: t.payment.card,
		Lift:        t.payment.lift,
		Importance:  t.payment.importance,
		Curves:      t.payment.curves,
		Parameters: []models.CardParameter{
			{Name: "rounds", Value: strconv.Itoa(c.Train.Rounds)},
			{Name: "depth", Value: strconv.Itoa(c.Train.Depth)},
			{Name: "eta", Value: strconv.FormatFloat(c.Train.Eta, 'g', -1, 64)},
			{Name: "bags", Value: strconv.Itoa(c.Train.Bags)},
			{Name: "calibrate", Value: c.Train.Calibrate},
			{Name: "history_weight", Value: strconv.FormatFloat(t.historyWeight(), 'f', 2, 64)},
		},
		Limitations: t.limitations(),
		Segments:    t.segmentMetrics(),
	}
	dictionary := map[string]features.Feature{}
	for _, f := range features.Dictionary() {
		dictionary[f.Name] = f
	}
	for _, name := range t.X.Names {
		card.Features = append(card.Features, models.CardFeature{Name: name, Family: dictionary[name].Family, Meaning: dictionary[name].Doc})
	}
	for i, m := range t.payment.metrics {
		card.Models = append(card.Models, models.CardModel{Name: m.Name, Champion: i == 0, Metrics: m.Metrics})
	}
	for _, u := range t.evaluation.Uplift {
		card.Uplift = append(card.Uplift, models.CardUplift{Treatment: string(u.Channel), Learner: u.Learner, Rows: int(u.Rows),
			ATE: orNaN(u.ATE), Qini: orNaN(u.Qini), UpliftAt30: orNaN(u.UpliftAt30), MeanEstimate: meanEffect(t.heldOut, u.Channel)})
	}
	return card
}

// historyWeight is the part that the response model has in the prediction of payment,
// on the scale of log-odds: 0 where trees stand alone.
func (t *trainer) historyWeight() float64 {
	if t.mixed == nil {
		return 0
	}
	return t.mixed.Weight
}

func (t *trainer) part(rows []int) models.CardPart {
	days := models.Take(t.frame.AsOf, rows)
	return models.CardPart{Rows: len(rows), From: slices.Min(days), To: slices.Max(days)}
}

// segmentMetrics judges the champion within each kind of customer and range of
// lateness, so that a model which is good on the whole and bad for some shows.
func (t *trainer) segmentMetrics() []models.CardSegment {
	type group struct{ column, value string }
	pastDue := t.frame.Column("f_aging_oldest_past_due_days")
	kind := t.frame.Column("f_mix_kind_code")
	in := map[group][2][]float64{}
	var order []group
	add := func(g group, y, p float64) {
		s, seen := in[g]
		if !seen {
			order = append(order, g)
		}
		in[g] = [2][]float64{append(s[0], y), append(s[1], p)}
	}
	for k, i := range t.test {
		if !t.heldOut[k].Organic {
			continue
		}
		y, p := indicator(t.heldOut[k].Paid), t.heldOut[k].PayProb
		if pastDue != nil {
			add(group{"days past due", pastDueRange(pastDue[i])}, y, p)
		}
		if kind != nil {
			add(group{"kind", kindName(kind[i])}, y, p)
		}
	}
	slices.SortFunc(order, func(a, b group) int {
		if a.column != b.column {
			return len(a.column) - len(b.column)
		}
		if a.value < b.value {
			return -1
		}
		return 1
	})
	var out []models.CardSegment
	for _, g := range order {
		out = append(out, models.CardSegment{Column: g.column, Value: g.value, Metrics: models.Evaluate(in[g][0], in[g][1])})
	}
	return out
}

func pastDueRange(days float32) string {
	switch {
	case days <= 0:
		return "not due"
	case days <= 30:
		return "01–30"
	case days <= 90:
		return "31–90"
	}
	return "over 90"
}

func kindName(code float32) string {
	if code == 1 {
		return string(data.PJ)
	}
	return string(data.PF)
}

// limitations says what a reader must know before he trusts the version.
func (t *trainer) limitations() []string {
	out := []string{
		"PayProb is learned from decisions to hold that no other touch followed; it says nothing about customers who are always touched.",
		"Uplift is the effect of one touch under the contact policy of the log; more touches than the log made tire customers more than it knows.",
	}
	if t.evaluation.Refused != "" {
		out = append(out, "No uplift was estimated: "+t.evaluation.Refused+".")
	}
	champion, base := t.payment.metrics[0].Metrics, t.payment.metrics[len(t.payment.metrics)-1].Metrics
	if !(champion.LogLoss < base.LogLoss) {
		out = append(out, "The champion does not beat the base rate on the test period: do not use it.")
	}
	out = append(out, t.effectLimitations()...)
	for _, u := range t.evaluation.Uplift {
		if u.ATE == nil {
			out = append(out, fmt.Sprintf("The effect of %s was not judged: the log gives no probabilities.", u.Channel))
		}
	}
	return out
}

// effectLimitations says which learner's effects the plan uses, and where the
// log shows nothing to tell people apart by.
func (t *trainer) effectLimitations() (out []string) {
	for _, r := range t.rivals {
		out = append(out, fmt.Sprintf("Effects by learner %q: touching the best %.0f %% of the test period's decisions adds %.2f ± %.2f points of the balance (doubly robust, one standard error).",
			r.learner, 100*touchedShare, 100*r.value, 100*r.stderr))
	}
	if t.response == nil {
		return out
	}
	out = append(out, "The plan uses the effects of the response model (response.json), from each customer's own history; those in model.json are the S-learner's, for scoring rows of features without a history.")
	for _, ch := range data.Channels {
		c := t.response.Channels[ch]
		switch {
		case c == nil:
		case !c.Usable && c.Average == 0:
			out = append(out, fmt.Sprintf("%s: no usable heterogeneity, and no average effect to be told from zero (%+.2f ± %.2f points): it counts as nothing.", ch, 100*c.Mean, 100*c.MeanSE))
		case !c.Usable:
			out = append(out, fmt.Sprintf("%s: no usable heterogeneity: everybody has the average effect of %+.2f ± %.2f points.", ch, 100*c.Mean, 100*c.MeanSE))
		}
	}
	return out
}

func orNaN(f *float64) float64 {
	if f == nil {
		return math.NaN()
	}
	return *f
}
