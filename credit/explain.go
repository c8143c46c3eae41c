package credit

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"slices"

	"dunning/data"
)

// Explanation is a kept analysis, repeated.
type Explanation struct {
	Analysis *Analysis `json:"analysis"` // as repeated
	Same     bool      `json:"same"`     // to the last bit
	// Expected is the log-odds of default before any feature is known; with the
	// effects it adds up to the log-odds of the model's PD.
	Expected float64          `json:"expected"`
	Features []FeatureEffects `json:"features"` // the strongest first
}

// FeatureEffects is what one feature did.
type FeatureEffects struct {
	Feature  string  `json:"feature"`
	Name     Words   `json:"name"`
	Value    Words   `json:"value"`
	Effect   float64 `json:"effect"`    // added to the log-odds of default
	PDPoints float64 `json:"pd_points"` // moved of the PD
}

// Explain repeats an analysis by the versions that it names. request is the one
// that was kept.
func Explain(s *Store, request json.RawMessage, kept *Analysis) (*Explanation, error) {
	a, err := s.Analyst(kept.ModelVersion, kept.PolicyVersion)
	if err != nil {
		return nil, err
	}
	q, err := a.ParseRequest(request, kept.AsOf)
	if err != nil {
		return nil, err
	}
	return a.Explain(q, kept)
}

// Explain analyses a request, compares the answer with one that was kept, and
// shows what every feature did.
func (a *Analyst) Explain(q *Application, kept *Analysis) (*Explanation, error) {
	again, err := a.Analyse(q)
	if err != nil {
		return nil, err
	}
	one, err := json.Marshal(kept)
	if err != nil {
		return nil, fmt.Errorf("credit: %w: kept analysis: %w", data.ErrBadInput, err)
	}
	two, err := json.Marshal(again)
	if err != nil {
		return nil, fmt.Errorf("credit: %w", err)
	}
	e := &Explanation{Analysis: again, Same: bytes.Equal(one, two)}
	c := a.subject(q)
	sum := 0.0
	for j, effect := range a.model.Contributions(c.row) {
		f := a.model.Features[j]
		sum += effect
		e.Features = append(e.Features, FeatureEffects{Feature: f.Name, Name: a.name(f.Name), Value: a.value(f, c.row[j]), Effect: effect, PDPoints: again.PDBefore - shift(again.PDBefore, -effect)})
	}
	e.Expected = math.Log(again.PDBefore) - math.Log1p(-again.PDBefore) - sum
	slices.SortStableFunc(e.Features, func(x, y FeatureEffects) int { return cmp.Compare(math.Abs(y.Effect), math.Abs(x.Effect)) })
	return e, nil
}
