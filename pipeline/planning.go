package pipeline

import (
	"context"
	"reflect"

	"dunning/data"
	"dunning/features"
	"dunning/models/registry"
)

// planningRows are the rows of the open customers on each day of the plan, as the
// version in force reads them. What a version reads depends on its own categories
// and baseline: where the day's training learned others than the version, the
// planning table of the features stage does not serve, and the rows are computed
// again.
type planningRows struct {
	w       *Work
	words   *features.Vocabulary // of the version; nil where the table serves
	cohorts *features.Cohorts
	prices  *features.Prices
}

func newPlanningRows(ctx context.Context, w *Work, model *registry.Loaded) (*planningRows, error) {
	p := &planningRows{w: w}
	if model == nil {
		return p, nil
	}
	words, err := features.ParseVocabulary(model.Vocabulary)
	if err != nil {
		return nil, err
	}
	in := w.Input("features")
	var own features.Vocabulary
	if err := readJSON(in.Path(vocabularyFile), &own); err != nil || reflect.DeepEqual(own, *words) {
		return p, err
	}
	p.words = words
	rows, err := data.Read[features.CohortRow](in.Path(CohortsName))
	if err != nil {
		return nil, err
	}
	if p.cohorts, err = features.NewCohorts(rows); err != nil {
		return nil, err
	}
	p.prices, err = touchPrices(ctx, w, w.Input("extract"), w.AsOf)
	return p, err
}

// part returns the rows of one partition, by customer and day.
func (p *planningRows) part(part int) (*features.Frame, error) {
	if p.words == nil {
		return features.ReadScoring(p.w.Input("features").Path(planningTable + "/" + features.PartName(part)))
	}
	c := features.NewComputer(p.words, p.cohorts, p.prices)
	frame, days := &features.Frame{}, planDays(p.w)
	for h, err := range features.Histories(p.w.Input("extract").Dir, part) {
		if err != nil {
			return nil, err
		}
		c.AppendScoring(frame, h, p.w.AsOf, days...)
	}
	return frame, nil
}
