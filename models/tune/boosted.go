package tune

import (
	"context"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"

	"dunning/data"
	"dunning/features"
	"dunning/models"
	"dunning/models/xgb"
)

// Problem is a table with its folds, on which boosted trees are judged by log
// loss. It implements [Objective] and is not changed by a search.
type Problem struct {
	X     features.Matrix
	Y     []float64 // 0 or 1
	Unit  []string  // whose rows belong together, for intervals; nil: each its own
	Folds Folds
	// Calibrated says that the model is calibrated before it is used. Then
	// predictions are judged after the logistic calibration that suits them
	// best on the very rows they are judged on: a trial is not praised for what
	// calibration mends anyway. Two coefficients flatter every trial alike.
	Calibrated bool
	// Base holds what is not searched, among it the seed of the models.
	Base xgb.Params
}

var _ Objective = (*Problem)(nil)

// NumFolds returns the number of folds of the search.
func (p *Problem) NumFolds() int { return len(p.Folds.Search) }

// Loss trains once, to the last of the lengths: the first trees of a forest are
// the forest of so many rounds.
func (p *Problem) Loss(ctx context.Context, fold int, values Params, rounds []int) ([]float64, error) {
	f := p.Folds.Search[fold]
	learner := xgb.Learner{Params: p.params(values, rounds[len(rounds)-1])}
	forest, err := learner.Train(ctx, p.X.Take(f.Train), models.Take(p.Y, f.Train), nil)
	if err != nil {
		return nil, err
	}
	X, y := p.X.Take(f.Valid), models.Take(p.Y, f.Valid)
	loss := make([]float64, len(rounds))
	for k, n := range rounds {
		q, err := forest.First(n).Predict(X)
		if err != nil {
			return nil, err
		}
		loss[k] = models.LogLoss(y, p.asUsed(y, q))
	}
	return loss, nil
}

// asUsed calibrates predictions where the model is used calibrated.
func (p *Problem) asUsed(y, predicted []float64) []float64 {
	if !p.Calibrated {
		return predicted
	}
	return models.FitPlatt(y, predicted).ApplyAll(predicted)
}

// params returns the parameters of a training.
func (p *Problem) params(values Params, rounds int) xgb.Params {
	x := p.Base
	x.Rounds = rounds
	for name, v := range values {
		switch name {
		case Eta:
			x.Eta = v
		case Depth:
			x.MaxDepth = int(v)
		case MinChildWeight:
			x.MinChildWeight = v
		case Lambda:
			x.Lambda = v
		case Subsample:
			x.Subsample = v
		case ColSample:
			x.ColSample = v
		default:
			panic(fmt.Sprintf("tune: no parameter %q", name))
		}
	}
	return x
}

// Score is how parameters did on the confirmation's rows.
type Score struct {
	LogLoss float64 `json:"log_loss"`
	AUC     float64 `json:"auc"`
	Brier   float64 `json:"brier"`
}

// Confirmation compares the winner with what is in force on rows that no trial
// saw.
type Confirmation struct {
	TrainRows int   `json:"train_rows"`
	Rows      int   `json:"rows"`
	InForce   Score `json:"in_force"`
	Winner    Score `json:"winner"`
	// Difference is the winner's log loss less that in force, in nats per row:
	// below 0 the winner is better. Low and High bound it with 95 %, the rows
	// of one unit taken together.
	Difference float64 `json:"difference"`
	SE         float64 `json:"se"`
	Low        float64 `json:"low"`
	High       float64 `json:"high"`
}

// Better tells whether the winner is better beyond doubt: the whole interval
// lies below 0.
func (c Confirmation) Better() bool { return c.High < 0 }

// normal95 is the 97.5 % point of the normal distribution.
const normal95 = 1.959963985

// confirm fits both on the confirmation's training rows.
func (p *Problem) confirm(ctx context.Context, inForce, winner Trial) (Confirmation, error) {
	f := p.Folds.Confirm
	c := Confirmation{TrainRows: len(f.Train), Rows: len(f.Valid)}
	X, y := p.X.Take(f.Train), models.Take(p.Y, f.Train)
	valid, outcome := p.X.Take(f.Valid), models.Take(p.Y, f.Valid)
	var predicted [2][]float64
	group, ctx := errgroup.WithContext(ctx)
	for k, t := range []Trial{inForce, winner} {
		group.Go(func() error {
			learner := xgb.Learner{Params: p.params(t.Params, t.Rounds)}
			forest, err := learner.Train(ctx, X, y, nil)
			if err != nil {
				return err
			}
			q, err := forest.Predict(valid)
			if err != nil {
				return err
			}
			predicted[k] = p.asUsed(outcome, q)
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return c, err
	}
	c.InForce, c.Winner = score(outcome, predicted[0]), score(outcome, predicted[1])
	c.Difference, c.SE = models.LossDifference(outcome, predicted[1], predicted[0], models.Take(p.Unit, f.Valid))
	c.Low, c.High = c.Difference-normal95*c.SE, c.Difference+normal95*c.SE
	return c, nil
}

func score(y, p []float64) Score {
	m := models.Evaluate(y, p)
	return Score{LogLoss: m.LogLoss, AUC: m.AUC, Brier: m.Brier}
}

// check reports what keeps a problem from being searched.
func (p *Problem) check() error {
	if err := p.Base.Validate(); err != nil {
		return fmt.Errorf("%w: %w", data.ErrUsage, err)
	}
	if i := slices.IndexFunc(p.Y, func(v float64) bool { return v != 0 && v != 1 }); i >= 0 {
		panic(fmt.Sprintf("tune: label %g of row %d", p.Y[i], i))
	}
	return p.Folds.check(p.Y)
}
