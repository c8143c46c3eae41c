package credit

import (
	"context"
	"errors"
	"fmt"
	"math"

	"dunning/models"
)

// importanceRows is how many rows are explained for a card.
const importanceRows = 1000

// card fills the model card with figures out of sample.
func (t *Trained) card(ctx context.Context, table Table, c TrainConfig, p *prepared, raw []float64, folds [][]int) error {
	y := table.Default
	part := models.CardPart{Rows: len(y), From: c.AsOf, To: c.AsOf}
	card := models.Card{
		SchemaVersion: models.CardSchemaVersion, Version: t.Model.version,
		Title: "Probability of default", Target: fmt.Sprintf("P(%s), for credit analysis.", c.Outcome),
		AsOf: c.AsOf, HorizonDays: c.HorizonDays, Seed: c.Seed, CodeVersion: c.CodeVersion,
		DataHashes: map[string]string{"table": table.SHA256}, Train: part, Test: part,
		Calibration: models.CardCalibration{Method: t.Model.Calibration.Method, Before: models.Evaluate(y, raw), Reliability: models.Reliability(y, t.PD, 10)},
		Lift:        models.LiftTable(y, t.PD, 10),
		Curves:      []models.CardROC{{Name: c.Learner.Name(), Points: models.ROC(y, t.PD, 100)}},
		Parameters:  []models.CardParameter{{Name: "folds", Value: fmt.Sprint(len(folds))}, {Name: "learner", Value: c.Learner.Name()}, {Name: "trees", Value: fmt.Sprint(t.Model.Ensemble.NumTrees())}},
		Limitations: []string{
			"Learned from applications whose outcome is known: those who were declined are not among them.",
			"Figures are out of fold; they do not show how the model ages.",
		},
	}
	card.Limitations = append(card.Limitations, t.Alarms...)
	if h := t.HeldOut; h != nil {
		card.Parameters = append(card.Parameters, models.CardParameter{Name: "held out",
			Value: fmt.Sprintf("%d rows: AUC %.4f, log loss %.4f, Brier %.4f, slope %.4f", h.Rows, h.AUC, h.LogLoss, h.Brier, h.CalibSlope)})
	}
	for _, f := range t.Model.Features {
		family := "number"
		if f.Levels != nil {
			family = "category"
		}
		card.Features = append(card.Features, models.CardFeature{Name: f.Name, Family: family})
	}
	for _, l := range c.Baselines {
		c.Progress("predicting out of fold: " + l.Name())
		pd, err := models.OutOfFold(ctx, l, p.linear, y, nil, folds)
		if err != nil {
			return fmt.Errorf("credit: %s: %w", l.Name(), err)
		}
		card.Models = append(card.Models, models.CardModel{Name: l.Name(), Metrics: models.Evaluate(y, pd)})
	}
	card.Models = append(card.Models, models.CardModel{Name: c.Learner.Name(), Champion: true, Metrics: models.Evaluate(y, t.PD)})
	for _, g := range t.Fairness.Groups {
		card.Segments = append(card.Segments, models.CardSegment{Column: g.Column, Value: g.Group, Metrics: g.metrics})
	}
	var err error
	if card.Importance, err = t.Model.Ensemble.Importances(p.trees, importanceRows); err != nil {
		return fmt.Errorf("credit: %w", err)
	}
	t.Card = card
	return nil
}

// Metrics returns the figures of the model out of sample.
func (t *Trained) Metrics() models.Metrics { return t.Card.Models[len(t.Card.Models)-1].Metrics }

// Bounds of the gate.
const (
	leastSlope, mostSlope = 0.9, 1.1 // of the calibration line out of sample
	mostLarge             = 0.1      // calibration in the large, in log-odds
	gateSlack             = 0.002    // log loss by which a model may be worse than another
)

// ErrGate lists why a model may not be put into force.
var ErrGate = errors.New("credit: the gate refuses the model")

// Gate returns the checks that a model must pass before it is put into force.
// champion is the card of the model in force on the same table, nil for none.
func (t *Trained) Gate(champion *models.Card) error {
	m := t.Metrics()
	var faults []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			faults = append(faults, fmt.Errorf("%w: %s", ErrGate, fmt.Sprintf(format, args...)))
		}
	}
	check(m.CalibSlope >= leastSlope && m.CalibSlope <= mostSlope, "slope of the calibration %.3f, not in [%g, %g]", m.CalibSlope, leastSlope, mostSlope)
	check(math.Abs(m.CalibInTheLarge) <= mostLarge, "calibration in the large %.3f, beyond ±%g", m.CalibInTheLarge, mostLarge)
	check(m.BrierSkill > 0, "Brier skill %.3f: it knows no more than the base rate", m.BrierSkill)
	if h := t.HeldOut; h != nil {
		check(h.CalibSlope >= leastSlope && h.CalibSlope <= mostSlope, "held out: slope of the calibration %.3f, not in [%g, %g]", h.CalibSlope, leastSlope, mostSlope)
	}
	check(len(t.Model.Kept) == 0, "protected attributes are features: %q", t.Model.Kept)
	check(len(t.Alarms) == len(t.Model.Kept), "alarms: %q", t.Alarms)
	for _, b := range t.Card.Models[:len(t.Card.Models)-1] {
		check(m.LogLoss <= b.Metrics.LogLoss+gateSlack, "log loss %.4f, that of %s is %.4f", m.LogLoss, b.Name, b.Metrics.LogLoss)
	}
	if champion != nil && champion.DataHashes["table"] == t.Card.DataHashes["table"] {
		theirs := champion.Models[len(champion.Models)-1].Metrics.LogLoss
		check(m.LogLoss <= theirs+gateSlack, "log loss %.4f, that of the model in force %.4f", m.LogLoss, theirs)
	}
	return errors.Join(faults...)
}
