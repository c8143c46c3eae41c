package main

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"dunning/data"
	"dunning/features"
	"dunning/models/registry"
	"dunning/models/uplift"
	"dunning/serve"
)

// servedModel lets the server predict with a registered artefact; the server
// itself does not know how models are kept.
type servedModel struct {
	info    serve.ModelInfo
	payProb *registry.PayProb // nil when the artefact has none
	effects *uplift.SModel    // nil when the artefact has none
}

// openModel loads and verifies the artefact in a folder.
func openModel(dir string) (serve.Model, error) {
	loaded, err := registry.Load(dir)
	if err != nil {
		return nil, err
	}
	version := loaded.Version
	if r, err := registry.ReadRecord(dir); err == nil {
		version = r.ID // the name by which versions are listed and scores tell theirs
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	m := &servedModel{payProb: loaded.PayProb, info: serve.ModelInfo{
		Version: version, FeaturesSchemaVersion: data.SchemaVersion, TrainedAsOf: &loaded.AsOf, HorizonDays: loaded.HorizonDays, Channels: []data.Channel{},
	}}
	read := map[string]bool{}
	if loaded.PayProb != nil {
		for _, name := range loaded.PayProb.Ensemble.Features() {
			read[name] = true
		}
	}
	if loaded.Uplift != nil {
		if m.effects, err = loaded.Uplift.Effects(); err != nil {
			return nil, err
		}
		for _, bag := range loaded.Uplift.Bags {
			for _, name := range bag.Features() {
				read[name] = true
			}
		}
		for _, name := range loaded.Uplift.Treatments {
			ch, err := data.ParseChannel(name)
			if err != nil {
				return nil, fmt.Errorf("serve: the artefact in %s was not trained on channels: %w", dir, err)
			}
			m.info.Channels = append(m.info.Channels, ch)
		}
	}
	for _, name := range loaded.Features { // the indicators of treatments are none
		if read[name] {
			m.info.Features = append(m.info.Features, name)
		}
	}
	if len(loaded.Vocabulary) > 0 {
		words, err := features.ParseVocabulary(loaded.Vocabulary)
		if err != nil {
			return nil, err
		}
		m.info.Categories = map[string][]string{"uf": words.UF, "segment": words.Segment, "product": words.Product}
	}
	return m, nil
}

// Info describes the model.
func (m *servedModel) Info() serve.ModelInfo { return m.info }

// Score predicts rows that are given as columns.
func (m *servedModel) Score(names []string, cols [][]float32) (serve.Predictions, error) {
	for _, name := range m.info.Features {
		if !slices.Contains(names, name) {
			return serve.Predictions{}, fmt.Errorf("%w %q", serve.ErrMissingColumn, name)
		}
	}
	x := features.Matrix{Names: names, Cols: cols}
	var (
		p   serve.Predictions
		err error
	)
	if m.payProb != nil {
		if p.PayProb, err = m.payProb.Predict(x); err != nil {
			return serve.Predictions{}, err
		}
	}
	if m.effects == nil {
		return p, nil
	}
	effects, _, err := m.effects.Predict(x)
	if err != nil {
		return serve.Predictions{}, err
	}
	if len(effects) != len(m.info.Channels) {
		return serve.Predictions{}, errors.New("serve: the uplift model has other treatments than its artefact")
	}
	for t, ch := range m.info.Channels {
		p.Uplift[ch.Index()] = effects[t]
	}
	return p, nil
}
