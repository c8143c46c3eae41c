package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"dunning/data"
	"dunning/models/registry"
)

// InForceFile, in the output of the score stage, says which version of the
// models all later stages use.
const InForceFile = "in_force.json"

// NoModel stands for a version where none is in force.
const NoModel = "none"

// InForce is the content of in_force.json.
type InForce struct {
	// Version is the registry's id; [NoModel] where no version is in force: then
	// everybody pays with the trailing base rate, no contact is worth anything,
	// and the plan recommends nothing.
	Version string `json:"version"`
	// TrainedAsOf is the day of the version's training, nil for none.
	TrainedAsOf *data.Date `json:"trained_as_of"`
}

// LoadInForce reads which version made the scores in a folder. Scores that
// another program wrote may lack the file: then the version is "".
func LoadInForce(dir string) (InForce, error) {
	var f InForce
	err := readJSON(filepath.Join(dir, InForceFile), &f)
	if errors.Is(err, fs.ErrNotExist) {
		return InForce{}, nil
	}
	return f, err
}

// modelSource is what the score stage predicts with.
type modelSource struct {
	InForce
	dir      string  // of the version's files; "" for none
	baseRate float64 // where there is none
}

// championOf returns the version that is in force for the day of the work: the
// champion or, where a later day is planned already, the last one in force of
// this day or before. Without one it is the trailing base rate.
func championOf(_ context.Context, w *Work) (map[string]string, error) {
	s := Models(w.Home)
	id, err := s.InForce(w.AsOf)
	if err != nil {
		return nil, err
	}
	if id == "" {
		return noChampion(w)
	}
	r, err := s.Open(id)
	if err != nil {
		return nil, err
	}
	w.prepared = &modelSource{InForce: InForce{Version: r.ID, TrainedAsOf: &r.AsOf}, dir: s.Dir(r.ID)}
	if r.AsOf < w.AsOf {
		w.Note("score: version %s of %s is in force: the plan of %s uses it", r.ID, r.AsOf, w.AsOf)
	}
	return map[string]string{"models": r.ID}, nil
}

// noChampion falls back on the trailing base rate of the day's training.
func noChampion(w *Work) (map[string]string, error) {
	out, err := OpenOutput(TrainStage().FolderOf(w.Home, w.AsOf))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: no version of the models is in force for %s, and none was trained; run the stage train", data.ErrUsage, w.AsOf)
	}
	if err != nil {
		return nil, err
	}
	rows, err := data.Read[HeldOut](out.Path(heldOutFile))
	if err != nil {
		return nil, err
	}
	m := &modelSource{InForce: InForce{Version: NoModel}}
	last := data.Date(0)
	for i := range rows {
		if rows[i].AsOf >= last {
			last, m.baseRate = rows[i].AsOf, rows[i].BaseProb
		}
	}
	w.prepared = m
	w.Note("NO MODEL IS IN FORCE for %s: everybody is scored with the trailing base rate of %.1f %%, and the plan recommends no contact. "+
		"\"dunning models gate\" says why the gate refused the training; \"dunning models promote\" puts a version into force that passes it.", w.AsOf, 100*m.baseRate)
	return map[string]string{"base rate": fmt.Sprint(m.baseRate)}, nil
}

// trainedOf returns the day's own training, in force or not.
func trainedOf(_ context.Context, w *Work) (map[string]string, error) {
	in := w.Input("train")
	w.prepared = &modelSource{InForce: InForce{Version: "trained " + w.AsOf.String(), TrainedAsOf: &w.AsOf}, dir: in.Dir}
	return nil, nil
}

// load returns the artefact; nil where no version is in force.
func (m *modelSource) load(c *Config) (*registry.Loaded, error) {
	if m.dir == "" {
		return nil, nil
	}
	l, err := registry.Load(m.dir)
	if err != nil {
		return nil, err
	}
	if l.HorizonDays != c.Features.HorizonDays {
		return nil, fmt.Errorf("%w: version %s predicts what is paid within %d days, features.horizon_days is %d: promote a version that was trained for it, or set it back",
			data.ErrRefused, m.Version, l.HorizonDays, c.Features.HorizonDays)
	}
	return l, nil
}

// keep writes into the stage's output what later stages read of the version.
func (m *modelSource) keep(dir string) error {
	b, err := json.MarshalIndent(m.InForce, "", " ")
	if err != nil {
		return err
	}
	if err := data.WriteFile(filepath.Join(dir, InForceFile), append(b, '\n')); err != nil {
		return err
	}
	if m.dir == "" {
		return saveDynamics(dir, nil)
	}
	b, err = os.ReadFile(filepath.Join(m.dir, DynamicsFile))
	if err != nil {
		return fmt.Errorf("pipeline: %w", err)
	}
	return data.WriteFile(filepath.Join(dir, DynamicsFile), b)
}
