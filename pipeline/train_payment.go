package pipeline

import (
	"context"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"

	"dunning/data"
	"dunning/features"
	"dunning/models"
	"dunning/models/baseline"
	"dunning/models/trees"
	"dunning/models/xgb"
	"dunning/pipeline/report"
)

// paymentModel is the champion that is kept: P(the open balance is paid in full
// within the horizon), if nobody touches the customer.
type paymentModel struct {
	trees       *trees.Ensemble
	calibration models.Calibration
	metrics     []namedMetrics // champion first
	importance  []models.Importance
	lift        []models.LiftBin
	curves      []models.CardROC
	card        models.CardCalibration

	// What the learners came to, until the champion among them is known.
	rows     organicRows
	boosting *xgb.Learner
	judged   []judgement // the boosted trees, the logistic regression, the others
}

// namedMetrics are the figures of one model on the test period.
type namedMetrics struct {
	Name    string         `json:"name"`
	Metrics models.Metrics `json:"metrics"`
}

// calibrationFolds is how many parts of the customers take turns at being
// predicted by a model of the others, for the calibration.
const calibrationFolds = 3

// importanceRows bounds the sample on which SHAP values are averaged.
const importanceRows = 300

// rocPoints bounds the points of a ROC curve that the card keeps.
const rocPoints = 100

// logisticRows bounds the sample that the logistic regression learns from: its
// few coefficients are settled by then, and it would take longer than the rest.
const logisticRows = 10_000

// organicRows are the organic decision points: those that a learner knows, and
// those on which it is judged.
type organicRows struct {
	known, test []int
}

// golearn's forest, a baseline, is slow: with its defaults it would take longer
// than all else that is trained together.
const (
	forestTrees = 12
	forestRows  = 400
)

// trainPayment fits the learners over features on organic outcomes, and the
// boosted trees once more on all of them.
func (t *trainer) trainPayment(ctx context.Context) error {
	rows, err := t.organicRows()
	if err != nil {
		return err
	}
	boosting := t.boosting(t.w.Seed)
	learners := []models.Learner{ // in the order of paymentModel.judged
		boosting,
		baseline.Logistic{MaxRows: logisticRows, Seed: t.w.Seed},
		baseline.GolearnForest{Trees: forestTrees, SampleRows: forestRows, Seed: t.w.Seed},
	}
	judged := make([]judgement, len(learners))
	group, learning := errgroup.WithContext(ctx) // done as soon as all have learned
	group.SetLimit(t.w.Config.cores())
	for k, l := range learners {
		group.Go(func() (err error) {
			if judged[k], err = t.judgePayment(learning, l, rows); err != nil {
				return fmt.Errorf("%s: %w", l.Name(), err)
			}
			judged[k].name = l.Name()
			return nil
		})
	}
	group.Go(func() error { return t.keepPayment(learning, boosting, rows) })
	if err := group.Wait(); err != nil {
		return err
	}
	t.payment.calibration = judged[0].calibration
	t.payment.rows, t.payment.boosting, t.payment.judged = rows, boosting, judged
	return nil
}

// concludePayment chooses the champion, once the response model is there, and
// judges it.
func (t *trainer) concludePayment(ctx context.Context) (err error) {
	rows, judged := t.payment.rows, t.payment.judged
	if mixed := t.mixPayment(); mixed != nil {
		judged = slices.Concat([]judgement{*mixed}, judged)
	}
	if err := t.rollPayment(ctx, judged); err != nil {
		return err
	}
	base := t.trailingRate(rows)
	for k, q := range judged[0].testPeriod {
		t.heldOut[k].PayProb, t.heldOut[k].BaseProb = q, base.testPeriod[k]
	}
	judged = append(judged, base) // the last of them: what every model must beat
	t.describePayment(judged, rows)
	t.evaluation.Health = t.health(&judged[0], rows)
	return nil
}

// keepPayment fits the model that is kept, on all organic rows.
func (t *trainer) keepPayment(ctx context.Context, boosting *xgb.Learner, rows organicRows) (err error) {
	all := slices.Concat(rows.known, rows.test)
	slices.Sort(all)
	if t.payment.trees, err = boosting.Train(ctx, t.X.Take(all), t.paid(all), nil); err != nil {
		return err
	}
	t.payment.importance, err = t.payment.trees.Importances(t.X.Take(rows.test), importanceRows)
	return err
}

// describePayment puts what was found out about the learners into the
// evaluation and the card.
func (t *trainer) describePayment(judged []judgement, rows organicRows) {
	y := t.paid(rows.test)
	eval := &data.Evaluation{HorizonDays: t.w.Config.Features.HorizonDays, TestFrom: t.cut, TestTo: slices.Max(t.frame.AsOf),
		TrainRows: int64(len(rows.known)), TestRows: int64(len(rows.test)), Importance: importanceOf(t.payment.importance)}
	for k, j := range judged {
		p := j.calibrated
		m := models.Evaluate(y, p)
		t.payment.curves = append(t.payment.curves, models.CardROC{Name: j.name, Points: models.ROC(y, p, rocPoints)})
		t.payment.metrics = append(t.payment.metrics, namedMetrics{j.name, m})
		eval.Models = append(eval.Models, scoreOf(j.name, k == 0, m))
		eval.Reliability = append(eval.Reliability, data.Reliability{Model: j.name, Bins: reliabilityOf(y, p)})
	}
	champion := judged[0]
	t.payment.lift = models.LiftTable(y, champion.calibrated, 10)
	t.payment.card = models.CardCalibration{Method: champion.calibration.Method,
		Before: models.Evaluate(y, champion.raw), Reliability: models.Reliability(y, champion.calibrated, 10)}
	eval.PaidShare = report.Known(t.payment.metrics[0].Metrics.BaseRate)
	eval.Lift = liftOf(t.payment.lift)
	t.evaluation.Payment = eval
}

// scoreOf puts the figures of a model into the words of the report.
func scoreOf(name string, champion bool, m models.Metrics) data.ModelScore {
	return data.ModelScore{Name: name, Champion: champion, AUC: report.Known(m.AUC), Gini: report.Known(2*m.AUC - 1), KS: report.Known(m.KS),
		PRAUC: report.Known(m.PRAUC), LogLoss: report.Known(m.LogLoss), Brier: report.Known(m.Brier), BrierSkill: report.Known(m.BrierSkill),
		ECE: report.Known(m.ECE), Slope: report.Known(m.CalibSlope), Intercept: report.Known(m.CalibIntercept), Large: report.Known(m.CalibInTheLarge)}
}

// organicRows splits the organic decision points in time.
func (t *trainer) organicRows() (organicRows, error) {
	var r organicRows
	for _, i := range t.train {
		if t.organic(i) {
			r.known = append(r.known, i)
		}
	}
	for _, i := range t.test {
		if t.organic(i) {
			r.test = append(r.test, i)
		}
	}
	if len(r.known) == 0 || len(r.test) == 0 {
		return r, fmt.Errorf("%w: %d decision points without any touch before %s and %d from it on; some holds are needed in both periods to learn who pays by himself",
			data.ErrBadInput, len(r.known), t.cut, len(r.test))
	}
	return r, nil
}

// judgement is how one learner, fitted on the training rows, predicts the test
// period.
type judgement struct {
	name        string
	calibration models.Calibration
	known       []float64 // of the known rows, by models of other customers, calibrated
	raw         []float64 // of the organic test rows
	calibrated  []float64 // the same, calibrated
	testPeriod  []float64 // calibrated, of all rows of the test period
}

// judgePayment fits a learner on the training rows and predicts the test
// period.
//
// The calibration is learned from cross-fitted predictions of the same rows, so
// that it mends the learner's confidence and leaves the level alone: learned on
// the latest part by a model of the part before, it would hold the drift
// between the two, and add it to a model that has seen both.
func (t *trainer) judgePayment(ctx context.Context, l models.Learner, rows organicRows) (j judgement, err error) {
	X, y := t.X.Take(rows.known), t.paid(rows.known)
	folds := models.CustomerFolds(models.Take(t.frame.CustomerID, rows.known), calibrationFolds, t.w.Seed)
	crossFitted, err := models.OutOfFold(ctx, l, X, y, nil, folds)
	if err != nil {
		return j, err
	}
	j.calibration = t.calibrate(y, crossFitted)
	m, err := l.Fit(ctx, X, y, nil)
	if err != nil {
		return j, err
	}
	all, err := m.Predict(t.X.Take(t.test))
	if err != nil {
		return j, err
	}
	j.known = j.calibration.ApplyAll(crossFitted)
	j.testPeriod = j.calibration.ApplyAll(all)
	j.raw, j.calibrated = t.organicOf(all), t.organicOf(j.testPeriod)
	return j, nil
}

// organicOf picks the organic ones of values of the test period.
func (t *trainer) organicOf(v []float64) (out []float64) {
	for k, i := range t.test {
		if t.organic(i) {
			out = append(out, v[k])
		}
	}
	return out
}

// calibrate fits the calibration that the configuration asks for.
func (t *trainer) calibrate(y, p []float64) models.Calibration {
	switch t.w.Config.Train.Calibrate {
	case "isotonic":
		return models.FitIsotonic(y, p)
	case "platt":
		return models.FitPlatt(y, p)
	case "none":
		return models.Calibration{Method: models.NoCalibration}
	}
	return models.FitCalibration(y, p)
}

// paid returns the labels of rows, 1 for paid in full.
func (t *trainer) paid(rows []int) []float64 {
	y := make([]float64, len(rows))
	for k, i := range rows {
		if t.frame.OutcomePaid[i] {
			y[k] = 1
		}
	}
	return y
}

func liftOf(bins []models.LiftBin) []data.LiftDecile {
	var out []data.LiftDecile
	for _, b := range bins {
		out = append(out, data.LiftDecile{Decile: b.Bin, Rows: int64(b.Rows), Observed: b.Rate, Lift: b.Lift})
	}
	return out
}

func reliabilityOf(y, p []float64) []data.ReliabilityBin {
	var out []data.ReliabilityBin
	for _, b := range models.Reliability(y, p, 10) {
		out = append(out, data.ReliabilityBin{Predicted: b.MeanPred, Observed: b.Observed, Rows: int64(b.Rows)})
	}
	return out
}

// importanceOf describes the twenty strongest features.
func importanceOf(all []models.Importance) []data.Importance {
	words := map[string]string{}
	for _, f := range features.Dictionary() {
		words[f.Name] = f.Doc
	}
	var out []data.Importance
	for _, i := range all[:min(20, len(all))] {
		out = append(out, data.Importance{Feature: i.Feature, Description: words[i.Feature], MeanAbsSHAP: i.MeanAbsSHAP})
	}
	return out
}
