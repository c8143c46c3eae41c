package pipeline

import (
	"context"
	"path/filepath"

	"dunning/data"
	"dunning/models"
	"dunning/models/tune"
)

// TuneFolder is where the journals of searches are kept, relative to the home.
const TuneFolder = "models/tune"

// TuneOptions steer a search of parameters.
type TuneOptions struct {
	Seed    uint64
	Journal string           // folder; "" for TuneFolder of the home
	More    func(n int) bool // asked before trial n whether to make it
	Told    func(tune.Trial) // given every trial that is done; nil: nobody
	Stages  Progress         // of the stages that must run before; nil: silent
}

// TuneReport is what a search on the lake found.
type TuneReport struct {
	Home        string    `json:"home"`
	AsOf        data.Date `json:"as_of"`
	TestFrom    data.Date `json:"test_from"` // first day of the test period, which was not touched
	HorizonDays int       `json:"horizon_days"`
	Rows        int       `json:"rows"` // organic decisions whose outcome was known before the test period
	Features    int       `json:"features"`
	*tune.Report
}

// Tune searches the parameters of the payment model: on the organic decisions
// that [TrainStage] learns from before its test period, over rolling origins.
// The stages up to features run as needed. Shrinkage, depth and rounds are
// searched, which is what the configuration holds.
func Tune(ctx context.Context, home string, config *Config, o TuneOptions) (*TuneReport, error) {
	result, err := Run(ctx, home, config, Stages(), RunOptions{To: "features", Progress: o.Stages})
	if err != nil {
		return nil, err
	}
	w := &Work{Config: config, Home: home, AsOf: *result.AsOf, Seed: config.Seed, inputs: map[string]Output{}}
	for _, s := range result.Stages {
		out, err := OpenOutput(s.Folder)
		if err != nil {
			return nil, err
		}
		w.inputs[s.Stage] = out
	}
	t, err := newTrainer(w)
	if err != nil {
		return nil, err
	}
	p, err := t.tuneProblem()
	if err != nil {
		return nil, err
	}
	if o.Journal == "" {
		o.Journal = filepath.Join(home, filepath.FromSlash(TuneFolder))
	}
	found, err := tune.Run(ctx, tuneSearch(config, o.Seed), p, tune.Options{
		Folder: o.Journal, More: o.More, Told: o.Told,
		Day: func(v float64) string { return data.Date(v).String() },
	})
	if err != nil {
		return nil, err
	}
	return &TuneReport{Home: home, AsOf: w.AsOf, TestFrom: t.cut, HorizonDays: config.Features.HorizonDays,
		Rows: p.X.Rows(), Features: len(p.X.Names), Report: found}, nil
}

// tuneSearch begins with what the configuration says.
func tuneSearch(config *Config, seed uint64) tune.Search {
	c := config.Train
	return tune.Search{Space: tune.ShortSpace(), Seed: seed, Rounds: c.Rounds, Workers: config.cores(),
		InForce: tune.Params{tune.Eta: c.Eta, tune.Depth: float64(c.Depth)}}
}

// tuneProblem takes the rows that the payment model learns from before the test
// period, and no others: what is not in the problem cannot be looked at.
func (t *trainer) tuneProblem() (*tune.Problem, error) {
	rows, err := t.organicRows()
	if err != nil {
		return nil, err
	}
	p := &tune.Problem{X: t.X.Take(rows.known), Y: t.paid(rows.known), Unit: models.Take(t.frame.CustomerID, rows.known),
		Base: t.boosting(t.w.Seed).Params, Calibrated: t.w.Config.Train.Calibrate != "none"}
	decided := make([]float64, len(rows.known))
	known := make([]float64, len(rows.known))
	for k, i := range rows.known {
		decided[k] = float64(t.frame.AsOf[i])
		// The last day on which a payment counts for the outcome.
		known[k] = decided[k] + float64(t.w.Config.Features.HorizonDays-1)
	}
	p.Folds, err = tune.Rolling(models.Without(len(rows.known), nil), decided, known)
	return p, err
}
