package foreign

import (
	"context"
	"fmt"
	"math"

	"dunning/data"
	"dunning/features"
	"dunning/models"
	"dunning/models/baseline"
	"dunning/models/xgb"
)

// ModelResult is how one model did on rows that it did not learn from: pooled
// over folds, or the mean over repeated splits. A figure that is not defined
// is null.
type ModelResult struct {
	Name       string   `json:"name"`
	AUC        *float64 `json:"auc"`
	AUCSD      *float64 `json:"auc_sd,omitempty"` // over folds or repeats
	LogLoss    *float64 `json:"log_loss"`
	Brier      *float64 `json:"brier"`
	BrierSkill *float64 `json:"brier_skill"`
	PRAUC      *float64 `json:"pr_auc"`
	KS         *float64 `json:"ks"`
	ECE        *float64 `json:"ece"`
	CalibSlope *float64 `json:"calib_slope"`
}

// Report is the answer of [Train].
type Report struct {
	Table     string         `json:"table"`
	Rows      int            `json:"rows"`
	Features  int            `json:"features"`
	Outcome   string         `json:"outcome"`
	BaseRate  float64        `json:"base_rate"`
	Split     string         `json:"split"`
	TrainRows int            `json:"train_rows"` // of the first split
	TestRows  int            `json:"test_rows"`
	Repeats   int            `json:"repeats"`
	Seed      uint64         `json:"seed"`
	Models    []ModelResult  `json:"models"`
	Uplift    []UpliftResult `json:"uplift,omitempty"`
	TreatProb string         `json:"treat_prob,omitempty"` // logged, estimated or randomised
	// Refused says why no effect is reported although a treatment is named.
	Refused  string          `json:"refused,omitempty"`
	Fairness []GroupFairness `json:"fairness,omitempty"`
	Alarms   []string        `json:"alarms"`
	Columns  []ColumnUse     `json:"columns"`

	// Predictions are those on the test rows of the first repeat.
	Predictions []Prediction `json:"-"`
}

// Prediction is one prediction for a row that its model did not learn from.
type Prediction struct {
	ID        string  `parquet:"id" json:"id"`               // the id column, else the row number from 1
	Model     string  `parquet:"model" json:"model"`         // a model's name, or "uplift_" and a learner's
	Treatment string  `parquet:"treatment" json:"treatment"` // of an effect; else empty
	Value     float64 `parquet:"value" json:"value"`         // probability, or effect
	Lower     float64 `parquet:"lower" json:"lower"`         // lower bound of an effect; NaN where unknown
	Outcome   float64 `parquet:"outcome" json:"outcome"`
}

// round is one division of the rows: the tests of its parts are pooled.
type round []part

type part struct{ train, test []int }

// contender is a model that the report shows, with the features it reads.
type contender struct {
	learner models.Learner
	X       features.Matrix
}

// contenders lists the models in the order of the report. golearn's votes are
// shares of few trees and are calibrated on a held-out fifth of the training
// rows; the others minimise the log loss themselves.
func (p *prepared) contenders(r Roles) []contender {
	return []contender{
		{baseline.BaseRate{}, p.trees},
		{baseline.Logistic{Seed: r.Seed}, p.linear},
		{calibrated{baseline.GolearnForest{Seed: r.Seed}, r.Seed}, p.trees},
		{&xgb.Learner{Params: r.Params.xgb(r.Seed)}, p.trees},
	}
}

// Train reads the table, turns its columns into features, fits the models on
// part of the rows and reports how they do on the others; with a treatment,
// also the effect learners. progress, which may be nil, is told what runs.
//
// Errors are of the class [data.ErrUsage] for roles that are incomplete,
// [data.ErrBadInput] for a table that does not fit them. A treatment whose
// effect cannot be estimated is no error: see Report.Refused.
func Train(ctx context.Context, r Roles, progress func(string)) (*Report, error) {
	if err := r.check(false); err != nil {
		return nil, err
	}
	progress = orSilent(progress)
	p, err := readPrepared(ctx, r, true, progress)
	if err != nil {
		return nil, err
	}
	t := p.table
	if r.Split == "" {
		r.Split = "folds:5"
		if p.arms != nil {
			r.Split = "random:0.5"
		}
	}
	rounds, err := p.rounds(r)
	if err != nil {
		return nil, err
	}
	rep := &Report{
		Table: t.Source, Rows: t.rows, Features: len(p.trees.Names), Outcome: r.Outcome, BaseRate: mean(p.y),
		Split: r.Split, TrainRows: len(rounds[0][0].train), TestRows: len(rounds[0][0].test),
		Repeats: len(rounds), Seed: r.Seed, Columns: p.columns, Alarms: append([]string{}, p.alarms...),
	}
	var last []float64 // out-of-sample predictions of the last contender, by row; NaN elsewhere
	for _, c := range p.contenders(r) {
		progress("fitting " + c.learner.Name())
		res, predicted, err := p.judge(ctx, c, rounds)
		if err != nil {
			return nil, fmt.Errorf("foreign: %s on %s: %w", c.learner.Name(), t.Source, err)
		}
		rep.Models = append(rep.Models, res)
		rep.Predictions = append(rep.Predictions, p.predictions(c.learner.Name(), "", predicted, nil)...)
		last = predicted
	}
	rep.Fairness = p.fairness(last)
	if p.arms != nil {
		if err := p.trainEffects(ctx, r, rounds, rep, progress); err != nil {
			return nil, err
		}
	}
	return rep, nil
}

// judge fits one contender on every part and returns its figures and the
// predictions of the first round.
func (p *prepared) judge(ctx context.Context, c contender, rounds []round) (ModelResult, []float64, error) {
	var all []models.Metrics
	var aucs []float64
	var first []float64
	for _, rd := range rounds {
		predicted := make([]float64, len(p.y))
		for i := range predicted {
			predicted[i] = math.NaN()
		}
		var tested []int
		for _, pt := range rd {
			m, err := c.learner.Fit(ctx, c.X.Take(pt.train), models.Take(p.y, pt.train), nil)
			if err != nil {
				return ModelResult{}, nil, err
			}
			out, err := m.Predict(c.X.Take(pt.test))
			if err != nil {
				return ModelResult{}, nil, err
			}
			for k, i := range pt.test {
				predicted[i] = out[k]
			}
			tested = append(tested, pt.test...)
			aucs = append(aucs, models.AUC(models.Take(p.y, pt.test), out))
		}
		all = append(all, models.Evaluate(models.Take(p.y, tested), models.Take(predicted, tested)))
		if first == nil {
			first = predicted
		}
	}
	over := func(get func(models.Metrics) float64) *float64 {
		v := make([]float64, len(all))
		for k, m := range all {
			v[k] = get(m)
		}
		return finite(mean(v))
	}
	return ModelResult{
		Name:    c.learner.Name(),
		AUC:     over(func(m models.Metrics) float64 { return m.AUC }),
		AUCSD:   finite(spread(aucs)),
		LogLoss: over(func(m models.Metrics) float64 { return m.LogLoss }),
		Brier:   over(func(m models.Metrics) float64 { return m.Brier }), BrierSkill: over(func(m models.Metrics) float64 { return m.BrierSkill }),
		PRAUC: over(func(m models.Metrics) float64 { return m.PRAUC }), KS: over(func(m models.Metrics) float64 { return m.KS }),
		ECE: over(func(m models.Metrics) float64 { return m.ECE }), CalibSlope: over(func(m models.Metrics) float64 { return m.CalibSlope }),
	}, first, nil
}

// rounds divides the rows as the roles ask. Rows of one id stay together.
func (p *prepared) rounds(r Roles) ([]round, error) {
	plan, err := parseSplit(r.Split)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", data.ErrUsage, err)
	}
	n := len(p.y)
	var out []round
	repeats := max(r.Repeats, 1)
	if plan.kind == "time" || plan.kind == "order" {
		repeats = 1 // nothing is drawn
	}
	for k := range uint64(repeats) {
		var rd round
		seed := r.Seed*1_000_003 + k // neighbouring seeds share no splits
		switch plan.kind {
		case "folds":
			var folds [][]int
			if p.unit != nil {
				folds = models.CustomerFolds(p.unit, plan.folds, seed)
			} else {
				folds = models.StratifiedFolds(p.y, plan.folds, seed)
			}
			for _, test := range folds {
				rd = append(rd, part{train: models.Without(n, test), test: test})
			}
		case "random":
			var pt part
			if p.unit != nil {
				pt.train, pt.test = models.SplitByCustomer(p.unit, plan.share, seed)
			} else {
				pt.train, pt.test = models.SplitRandom(n, plan.share, seed)
			}
			rd = round{pt}
		case "order":
			rows := models.Without(n, nil)
			cut := n - int(math.Round(plan.share*float64(n)))
			rd = round{part{train: rows[:cut], test: rows[cut:]}}
		case "time":
			pt, err := p.splitTime(plan.date)
			if err != nil {
				return nil, err
			}
			rd = round{pt}
		}
		for _, pt := range rd {
			if len(pt.train) == 0 || len(pt.test) == 0 {
				return nil, fmt.Errorf("%w: split %s of %s leaves %d rows to learn from and %d to test on", data.ErrBadInput, r.Split, p.table.Source, len(pt.train), len(pt.test))
			}
		}
		out = append(out, rd)
	}
	return out, nil
}

func (p *prepared) splitTime(cut data.Date) (part, error) {
	if p.time == nil {
		return part{}, fmt.Errorf("%w: a split by time needs the time column (--time COL)", data.ErrUsage)
	}
	var pt part
	known := p.matured
	if known == nil {
		known = p.time
	}
	for i, day := range p.time {
		switch { // a row without a date is on neither side
		case day >= float64(cut):
			pt.test = append(pt.test, i)
		case day < float64(cut) && known[i] < float64(cut):
			pt.train = append(pt.train, i)
		}
	}
	return pt, nil
}

// predictions lists the values that are not NaN in the form of the output.
func (p *prepared) predictions(model, treatment string, value, lower []float64) []Prediction {
	var out []Prediction
	for i, v := range value {
		if math.IsNaN(v) {
			continue
		}
		row := Prediction{ID: fmt.Sprint(i + 1), Model: model, Treatment: treatment, Value: v, Lower: math.NaN(), Outcome: p.y[i]}
		if p.id != nil {
			row.ID = p.id[i]
		}
		if lower != nil {
			row.Lower = lower[i]
		}
		out = append(out, row)
	}
	return out
}

// calibrated fits a learner on four fifths of the rows and a calibration on
// the rest.
type calibrated struct {
	models.Learner
	seed uint64
}

func (c calibrated) Fit(ctx context.Context, X features.Matrix, y, w []float64) (models.Model, error) {
	train, held := models.SplitRandom(len(y), 0.2, c.seed)
	if len(train) == 0 || len(held) == 0 {
		return c.Learner.Fit(ctx, X, y, w)
	}
	m, err := c.Learner.Fit(ctx, X.Take(train), models.Take(y, train), models.Take(w, train))
	if err != nil {
		return nil, err
	}
	p, err := m.Predict(X.Take(held))
	if err != nil {
		return nil, err
	}
	return calibratedModel{m, models.FitCalibration(models.Take(y, held), p)}, nil
}

type calibratedModel struct {
	models.Model
	calibration models.Calibration
}

func (m calibratedModel) Predict(X features.Matrix) ([]float64, error) {
	p, err := m.Model.Predict(X)
	if err != nil {
		return nil, err
	}
	return m.calibration.ApplyAll(p), nil
}

func mean(v []float64) float64 {
	var sum float64
	for _, x := range v {
		sum += x
	}
	return sum / float64(len(v))
}

// spread is the sample standard deviation, NaN for fewer than two values.
func spread(v []float64) float64 {
	m := mean(v)
	var ss float64
	for _, x := range v {
		ss += (x - m) * (x - m)
	}
	return math.Sqrt(ss / float64(len(v)-1))
}

// finite returns a pointer for JSON, nil for what is not a number.
func finite(v float64) *float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return nil
	}
	return &v
}
