package pipeline

import (
	"context"

	"dunning/data"
	"dunning/features"
	"dunning/models/registry"
	"dunning/models/uplift"
)

// learnedEffects returns what learners over features alone say of every
// candidate, in cents: the S-learner as it is registered, and a T-learner
// fitted to the same decisions. It is empty where no effects were estimated.
func learnedEffects(ctx context.Context, w *Work) (map[string]map[slot]float64, error) {
	out := map[string]map[slot]float64{}
	model, err := registry.Load(w.Input("train").Dir)
	if err != nil || model.Uplift == nil {
		return out, err
	}
	s, err := model.Uplift.Effects()
	if err != nil {
		return nil, err
	}
	t, err := newTrainer(w)
	if err != nil {
		return nil, err
	}
	channels, refused := t.touchedChannels()
	if refused != "" {
		return out, nil
	}
	all := make([]int, t.frame.Len())
	for i := range all {
		all[i] = i
	}
	arms, err := uplift.TLearner{Base: t.boosting(w.Seed + 1), Seed: w.Seed}.Fit(ctx, t.log(all, channels))
	if err != nil {
		return nil, err
	}
	for name, effects := range map[string]uplift.Effects{PolicyS: s, PolicyT: arms} {
		out[name] = map[slot]float64{}
		for part := range w.Input("extract").Parts("customers") {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			if err := planEffects(w, model, effects, part, out[name]); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// planEffects adds the values of one partition's candidates.
func planEffects(w *Work, model *registry.Loaded, effects uplift.Effects, part int, to map[slot]float64) error {
	frame, err := features.ReadScoring(w.Input("features").Path(planningTable + "/" + features.PartName(part)))
	if err != nil || frame.Len() == 0 {
		return err
	}
	pay, err := model.PayProb.Predict(frame.Matrix)
	if err != nil {
		return err
	}
	mean, _, err := effects.Predict(frame.Matrix)
	if err != nil {
		return err
	}
	days := planDays(w)
	for row := 0; row < frame.Len(); row += len(days) { // one row per customer and day
		for d, day := range days {
			open := stillOpen(pay[row], d, w.Config.Features.HorizonDays)
			for k, name := range effects.Treatments() {
				to[slot{frame.CustomerID[row], data.Channel(name), day}] = mean[k][row+d] * open * float64(frame.BalanceCents[row])
			}
		}
	}
	return nil
}
