package serve

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"dunning/data"
)

// The documents that a manager's figures are read from.
const (
	optimizationFile = "optimization.json"
	evaluationFile   = "evaluation.json"
)

// PlanDocument is what the planning says about its plan as a whole: the part of
// optimization.json that people look at.
type PlanDocument struct {
	Plan    data.PlanFigures `json:"plan"`
	Blocked []data.Blocked   `json:"blocked"`
}

// ModelEvaluation is what the evaluation of the model in force found.
type ModelEvaluation struct {
	Uplift []data.UpliftFigures `json:"uplift"`
	Health data.ModelHealth     `json:"health"`
}

// Interval returns the range of the expected recovery of a plan: each channel's
// value times the ends of its measured mean effect over that effect, as if all
// channels erred the same way. ok is false where a channel with actions has no
// measured effect above zero: then its part could be anything.
func (m *ModelEvaluation) Interval(channels []data.PlanChannel) (low, high data.Cents, ok bool) {
	sumLow, sumHigh := 0.0, 0.0
	for _, c := range channels {
		if c.Actions == 0 {
			continue
		}
		found := false
		for _, e := range m.Uplift {
			if e.Channel == c.Channel && e.ATE != nil && e.ATELo != nil && e.ATEHi != nil && *e.ATE > 0 {
				found = true
				sumLow += float64(c.ValueCents) * *e.ATELo / *e.ATE
				sumHigh += float64(c.ValueCents) * *e.ATEHi / *e.ATE
			}
		}
		if !found {
			return 0, 0, false
		}
	}
	return data.RoundCents(sumLow), data.RoundCents(sumHigh), true
}

// FigureFiles reads the documents beside the plans and models of a home. Each
// version is read once.
type FigureFiles struct {
	home string

	mu      sync.Mutex
	figures map[string]*PlanDocument // by version of the folder
	health  map[string]*ModelEvaluation
}

// OpenFigures returns the figures of a home.
func OpenFigures(home string) *FigureFiles {
	return &FigureFiles{home: home, figures: map[string]*PlanDocument{}, health: map[string]*ModelEvaluation{}}
}

// PlanDays lists the days that have a plan, newest first.
func (f *FigureFiles) PlanDays() []data.Date { return (&FileStore{home: f.home}).days(plansFolder) }

// Figures returns those of the plan of a day. The error is an *Error with
// CodeNotFound, or wraps data.ErrDamagedFile.
func (f *FigureFiles) Figures(_ context.Context, asOf data.Date) (*PlanDocument, error) {
	return document(f, f.figures, filepath.Join(f.home, plansFolder, asOf.String()), optimizationFile)
}

// Health returns what the evaluation of the promoted model found, or that there
// is none, as Figures does.
func (f *FigureFiles) Health(context.Context) (*ModelEvaluation, error) {
	return document(f, f.health, filepath.Join(f.home, modelsFolder, promotedModel), evaluationFile)
}

// keptDocuments bounds what is kept in memory of each kind.
const keptDocuments = 64

// document reads one JSON file of a published folder after checking it against
// the folder's manifest.
func document[T any](f *FigureFiles, kept map[string]*T, link, name string) (*T, error) {
	v, err := probe(link)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fail(CodeNotFound, "there is no %s yet", name)
	}
	if err != nil {
		return nil, fmt.Errorf("serve: %s: %w", link, err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if known := kept[v.id]; known != nil {
		return known, nil
	}
	if _, _, err := verified(v.dir, name); err != nil {
		return nil, err
	}
	text, err := os.ReadFile(filepath.Join(v.dir, name))
	if err != nil {
		return nil, fmt.Errorf("serve: %w", err)
	}
	out := new(T)
	if err := json.Unmarshal(text, out); err != nil {
		return nil, fmt.Errorf("serve: %s: %w: %w", filepath.Join(v.dir, name), data.ErrDamagedFile, err)
	}
	if len(kept) >= keptDocuments {
		clear(kept)
	}
	kept[v.id] = out
	return out, nil
}

// PlanChange says what a plan changes against another one, of all actions and
// of each channel. Actions are the same where customer, channel, day and step
// are.
type PlanChange struct {
	Before, After, Added, Removed, Kept Sums
	Channels                            [len(data.Channels)]struct{ Before, After Sums }
}

// ChangeFrom compares a plan that was read from a file with an earlier one.
func (p *Plan) ChangeFrom(before *Plan) PlanChange {
	var out PlanChange
	i, j := 0, 0
	for i < len(p.byCustomer) || j < len(before.byCustomer) {
		order := -1
		switch {
		case i == len(p.byCustomer):
			order = 1
		case j < len(before.byCustomer):
			order = compareTouch(&p.actions[p.byCustomer[i]], &before.actions[before.byCustomer[j]])
		}
		if order <= 0 {
			a := &p.actions[p.byCustomer[i]]
			out.After.add(a)
			out.Channels[a.Channel.Index()].After.add(a)
			if order < 0 {
				out.Added.add(a)
			} else {
				out.Kept.add(a)
			}
			i++
		}
		if order >= 0 {
			b := &before.actions[before.byCustomer[j]]
			out.Before.add(b)
			out.Channels[b.Channel.Index()].Before.add(b)
			if order > 0 {
				out.Removed.add(b)
			}
			j++
		}
	}
	return out
}

// compareTouch orders actions as byCustomer does, and by channel: rows are in
// the order of the channels within a day.
func compareTouch(a, b *data.Action) int {
	return cmp.Or(cmp.Compare(a.CustomerID, b.CustomerID), cmp.Compare(a.Day, b.Day), cmp.Compare(a.Step, b.Step), cmp.Compare(a.Channel.Index(), b.Channel.Index()))
}
