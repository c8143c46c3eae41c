package pipeline

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sync/errgroup"

	"dunning/data"
	"dunning/features"
	"dunning/models"
	"dunning/models/response"
	"dunning/models/xgb"
)

// Files of the train stage beside the artefact's own (see package registry).
const (
	evaluationFile = "evaluation.json" // an Evaluation
	heldOutFile    = "heldout.parquet" // HeldOut rows: what was predicted for the test period
)

// TrainStage fits the payment and uplift models of one AsOf, judges them on the
// latest decision points, and keeps them with their card.
func TrainStage() Stage {
	return Stage{
		Name: "train", Title: "payment propensity, uplift, baselines",
		Folder: "models/{as_of}", Inputs: []string{"extract", "features"}, Seeded: true,
		Config: func(c *Config) any { return []any{c.Train, c.Features.HorizonDays} },
		Run:    runTrain,
	}
}

// Evaluation is what the train stage found out about its models: the content
// of evaluation.json.
type Evaluation struct {
	Payment *data.Evaluation     `json:"payment"`
	Uplift  []data.UpliftFigures `json:"uplift"`
	// Refused says why no effect could be estimated; empty when there is one.
	Refused string `json:"refused,omitempty"`
	// Health holds the alarms: leaks, drift, a log that does not fit itself.
	Health *data.ModelHealth `json:"health"`
}

// HeldOut is one decision point of the test period and what was predicted for
// it by models that had not seen it.
type HeldOut struct {
	UnitID     string       `parquet:"unit_id"`
	CustomerID string       `parquet:"customer_id,dict"`
	AsOf       data.Date    `parquet:"as_of,date"`
	Option     data.Channel `parquet:"option,dict"`
	Organic    bool         `parquet:"organic"` // nobody touched within the horizon
	Paid       bool         `parquet:"paid"`
	PayProb    float64      `parquet:"pay_prob"`
	BaseProb   float64      `parquet:"base_prob"` // the trailing base rate of the day
	// UpliftEmail and its neighbours are the estimated effects on the share of
	// the balance that is paid, nil where a channel has no model.
	UpliftEmail    *float64 `parquet:"uplift_email,optional"`
	UpliftSMS      *float64 `parquet:"uplift_sms,optional"`
	UpliftWhatsApp *float64 `parquet:"uplift_whatsapp,optional"`
	UpliftVoice    *float64 `parquet:"uplift_voice,optional"`
	UpliftLetter   *float64 `parquet:"uplift_letter,optional"`
}

// uplift returns the place of a channel's effect.
func (h *HeldOut) uplift(ch data.Channel) **float64 {
	return [...]**float64{&h.UpliftEmail, &h.UpliftSMS, &h.UpliftWhatsApp, &h.UpliftVoice, &h.UpliftLetter}[ch.Index()]
}

// trainer is the state of one run of the stage.
type trainer struct {
	w     *Work
	frame *features.Frame
	X     features.Matrix // what models may read
	words *features.Vocabulary
	cut   data.Date // first day of the test period
	train []int     // rows whose outcome was known at cut
	test  []int     // rows from cut on

	evaluation Evaluation
	heldOut    []HeldOut // one per row of test, in its order
	payment    paymentModel
	// recalibrated tells that the calibration follows the last weeks, which was
	// better on the test period by rollingGain, in nats.
	recalibrated               bool
	rollingGain, rollingGainSE float64
	effects                    *effectsModel // nil when refused
	rivals                     []rival       // the learners that compete for the effects
	ranked                     map[data.Channel]rankedEffects
	response                   *responseModel     // nil where it is not used
	ensemble                   *response.Ensemble // nil where none was fitted
	// ownProb is what the response model says of payment, by row of the frame:
	// NaN where it says nothing, nil where none was fitted.
	ownProb []float64
	mixed   *paymentMix // nil where trees alone predict payment
}

func runTrain(ctx context.Context, w *Work) error {
	t, err := newTrainer(w)
	if err != nil {
		return err
	}
	// The two share nothing that either writes. XGBoost trains faster in one
	// thread each than in two together, which wait for each other.
	group, both := errgroup.WithContext(ctx)
	group.Go(func() error { return t.trainPayment(both) })
	group.Go(func() error { return t.trainEffects(both) })
	if err := group.Wait(); err != nil {
		return err
	}
	if err := t.concludePayment(ctx); err != nil {
		return err
	}
	return t.save()
}

func newTrainer(w *Work) (*trainer, error) {
	in := w.Input("features")
	frame, err := features.ReadTraining(in.Path(trainingFile))
	if err != nil {
		return nil, err
	}
	t := &trainer{w: w, frame: frame, X: without(frame.Matrix, w.Config.Train.Exclude)}
	b, err := os.ReadFile(in.Path(vocabularyFile))
	if err != nil {
		return nil, err
	}
	if t.words, err = features.ParseVocabulary(b); err != nil {
		return nil, err
	}
	for _, name := range w.Config.Train.Exclude {
		if frame.Column(name) == nil {
			return nil, fmt.Errorf("%w: train.exclude: no feature %q; docs/FEATURES.md lists them", data.ErrUsage, name)
		}
	}
	return t, t.split()
}

// without returns a view of m without some columns.
func without(m features.Matrix, names []string) features.Matrix {
	var out features.Matrix
	for j, n := range m.Names {
		if !slices.Contains(names, n) {
			out.Names, out.Cols = append(out.Names, n), append(out.Cols, m.Cols[j])
		}
	}
	return out
}

// split cuts the decision points in time. Between the two periods lies an
// embargo: what is learned from must have been known when the test begins.
func (t *trainer) split() error {
	cut, err := testFrom(t.w.Config, t.w.AsOf, t.w.Input("extract").Manifest)
	if err != nil {
		return err
	}
	t.cut = cut
	t.train, t.test = models.SplitByTime(t.frame.AsOf, cut, t.w.Config.Features.HorizonDays)
	if len(t.train) == 0 || len(t.test) == 0 {
		first, last := slices.Min(t.frame.AsOf), slices.Max(t.frame.AsOf)
		return fmt.Errorf("%w: the split at %s leaves %d decision points to learn from and %d to test on (they lie from %s to %s); set train.split or give a longer history",
			data.ErrBadInput, cut, len(t.train), len(t.test), first, last)
	}
	t.heldOut = make([]HeldOut, len(t.test))
	for k, i := range t.test {
		t.heldOut[k] = HeldOut{
			UnitID: t.frame.UnitID[i], CustomerID: t.frame.CustomerID[i], AsOf: t.frame.AsOf[i],
			Option: t.frame.Option[i], Organic: t.organic(i), Paid: t.frame.OutcomePaid[i],
		}
	}
	return nil
}

// organic reports whether nobody touched the customer of row i within the
// horizon, so that what he paid he paid by himself.
func (t *trainer) organic(i int) bool {
	return t.frame.Option[i] == data.Hold && !t.frame.TouchedAfter[i]
}

// boosting returns the learner that the configuration describes.
func (t *trainer) boosting(seed uint64) *xgb.Learner {
	c := t.w.Config.Train
	return &xgb.Learner{Params: xgb.Params{Rounds: c.Rounds, MaxDepth: c.Depth, Eta: c.Eta, Seed: seed}}
}

// save writes artefact, card, evaluation and held-out predictions.
func (t *trainer) save() error {
	file, err := data.Write(filepath.Join(t.w.Dir, heldOutFile), t.heldOut)
	if err != nil {
		return err
	}
	t.w.Wrote(heldOutFile, file)
	t.addRanks()
	b, err := json.MarshalIndent(t.evaluation, "", " ")
	if err != nil {
		return err
	}
	if err := data.WriteFile(filepath.Join(t.w.Dir, evaluationFile), append(b, '\n')); err != nil {
		return err
	}
	if err := t.saveResponse(); err != nil {
		return err
	}
	return t.saveArtifact()
}
