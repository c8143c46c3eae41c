package pipeline

import (
	"math"

	"dunning/data"
	"dunning/models"
)

// mixName is the champion of payment where the response model has a part in it.
const mixName = "xgboost + history"

// paymentMix predicts payment by the boosted trees over features and by the
// response model over each customer's whole history. The trees see what the
// features tell; the response model knows his own pace, weighed day by day.
type paymentMix struct {
	models.Mix
	// Line, where there is one, recalibrates by the outcomes of the last weeks.
	Line *models.Line `json:"line,omitempty"`
}

// prob mixes a calibrated prediction of the trees, without a line of its own,
// and one of the response model, NaN where it says nothing.
func (m *paymentMix) prob(trees, own float64) float64 {
	p := m.Apply(trees, own)
	if m.Line != nil {
		p = m.Line.Apply(p)
	}
	return p
}

func (m *paymentMix) mixAll(trees, own []float64) []float64 {
	out := make([]float64, len(trees))
	for i := range out {
		out[i] = m.Apply(trees[i], own[i])
	}
	return out
}

// keepOwn takes note of what the response model, fitted before the test period,
// says of the frame's rows.
func (t *trainer) keepOwn(points []decided) {
	t.ownProb = make([]float64, t.frame.Len())
	for i := range t.ownProb {
		t.ownProb[i] = math.NaN()
	}
	for i := range points {
		if d := &points[i]; d.row >= 0 {
			t.ownProb[d.row] = d.organicProb
		}
	}
}

// mixPayment mixes the trees with the response model: fitted on the rows before
// the test period, of which the trees are cross-fitted and the response model
// knew, of each, only what came before it. It returns nil where there is no
// response model, where the trees alone were better on the test period by more
// than noise, and where they were worse than the logistic regression: they
// answer for rows of features by themselves, and a training in which they
// learned nothing must show as what it is.
//
// The trees have no part in it where they do not make it better on the test
// period by more than noise: the weight is searched for, and a part that only
// noise asked for costs more than none.
func (t *trainer) mixPayment() *judgement {
	if t.ownProb == nil {
		return nil
	}
	rows, trees, logistic := t.payment.rows, &t.payment.judged[0], &t.payment.judged[1]
	if worse, stderr := t.lossDifference(trees, logistic); worse > failedZ*stderr {
		return nil
	}
	y, own := t.paid(rows.known), models.Take(t.ownProb, rows.known)
	var yes, p, q []float64 // of the rows that both know
	for i := range own {
		if own[i] == own[i] {
			yes, p, q = append(yes, y[i]), append(p, trees.known[i]), append(q, own[i])
		}
	}
	m := &paymentMix{Mix: models.FitMix(yes, p, q)}
	j := t.judgeMix(m, own)
	if alone, fitted := fitAlone(yes, q); fitted {
		a := t.judgeMix(alone, own)
		if better, stderr := t.lossDifference(a, j); !(better > mixedZ*stderr) {
			m, j = alone, a
		}
	}
	if worse, stderr := t.lossDifference(j, trees); worse > stderr {
		return nil
	}
	t.mixed = m
	return j
}

// judgeMix is how a mix predicts the test period; own is what the response
// model says of the rows before it.
func (t *trainer) judgeMix(m *paymentMix, own []float64) *judgement {
	rows, trees := t.payment.rows, &t.payment.judged[0]
	j := &judgement{name: mixName, calibration: models.Calibration{Method: models.Platt, Slope: m.Slope, Intercept: m.Intercept}}
	j.known = m.mixAll(trees.known, own)
	j.testPeriod = m.mixAll(trees.testPeriod, models.Take(t.ownProb, t.test))
	j.calibrated = t.organicOf(j.testPeriod)
	plain := paymentMix{Mix: models.Mix{Weight: m.Weight, Slope: 1}}
	j.raw = plain.mixAll(trees.calibrated, models.Take(t.ownProb, rows.test))
	return j
}

// mixedZ is how many standard errors better than the response model alone a mix
// must be on the test period. The rows before it, of which the trees are
// cross-fitted by customer and not by day, have asked for mixes that were worse
// afterwards.
const mixedZ = 2

// fitAlone is the response model alone, as a mix; false where it has no line.
func fitAlone(y, q []float64) (*paymentMix, bool) {
	line := models.FitPlatt(y, q)
	m := &paymentMix{Mix: models.Mix{Weight: 1, Slope: line.Slope, Intercept: line.Intercept}}
	return m, line.Method == models.Platt && m.Validate() == nil
}

// failedZ is how many standard errors worse than the logistic regression trees
// must be to have failed.
const failedZ = 2

// lossDifference is by how much the log loss of a exceeds that of b on the
// organic rows of the test period, with its standard error by customer.
func (t *trainer) lossDifference(a, b *judgement) (mean, stderr float64) {
	rows := t.payment.rows.test
	return models.LossDifference(t.paid(rows), a.calibrated, b.calibrated, models.Take(t.frame.CustomerID, rows))
}

// historyModel is what response.json keeps: the response model, what it is used
// for, and how; nil where it is used for nothing.
func (t *trainer) historyModel() *responseModel {
	m := t.response
	if m == nil && t.mixed != nil {
		m = &responseModel{SchemaVersion: responseSchema, Ensemble: t.ensemble, Channels: map[data.Channel]*channelCorrection{}}
	}
	if m != nil {
		m.Payment = t.mixed
	}
	return m
}
