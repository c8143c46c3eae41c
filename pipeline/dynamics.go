package pipeline

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"dunning/data"
	"dunning/models/response"
)

// DynamicsFile is what the train stage writes beside the models: how tired
// people are of a further touch.
const DynamicsFile = "touch_dynamics.json"

// dynamicsSchema is the version of that file.
const dynamicsSchema = 1

// TouchDynamics is the content of touch_dynamics.json.
type TouchDynamics struct {
	SchemaVersion int `json:"schema_version"`
	// Source is "log", or "default" where the log was too thin to say: then
	// the factors are the documented, cautious ones.
	Source string `json:"source"`
	// Steps covers the steps 2 to 4 and gaps of 1 to 14 days.
	Steps []response.Dynamic `json:"steps"`
}

// saveDynamics writes the table; a nil ensemble gives the default.
func saveDynamics(dir string, e *response.Ensemble) error {
	d := TouchDynamics{SchemaVersion: dynamicsSchema, Source: "log"}
	var thin bool
	if d.Steps, thin = e.Dynamics(); thin {
		d.Source = "default"
	}
	b, err := json.MarshalIndent(d, "", " ")
	if err != nil {
		return err
	}
	return data.WriteFile(filepath.Join(dir, DynamicsFile), append(b, '\n'))
}

// LoadTouchDynamics reads the table of a training from its folder as
// factor[step−1][gap]: what touch number step within a fortnight, gap days
// after the one before, is worth over a first touch. Row 0 is 1 throughout;
// gap 0 (the same day) is as gap 1. A folder without the file gives the
// default; a damaged one is an error that wraps data.ErrDamagedFile.
func LoadTouchDynamics(dir string) (factor [][]float64, err error) {
	path := filepath.Join(dir, DynamicsFile)
	d := TouchDynamics{SchemaVersion: dynamicsSchema}
	b, err := os.ReadFile(path)
	switch {
	case os.IsNotExist(err):
		var none *response.Ensemble
		d.Steps, _ = none.Dynamics()
	case err != nil:
		return nil, err
	default:
		d.SchemaVersion = 0
		if err := json.Unmarshal(b, &d); err != nil {
			return nil, fmt.Errorf("%s: %w: %w", path, data.ErrDamagedFile, err)
		}
	}
	if factor, err = d.factors(); err != nil {
		return nil, fmt.Errorf("%s: %w: %w; run the stage train again with --force", path, data.ErrDamagedFile, err)
	}
	return factor, nil
}

func (d *TouchDynamics) factors() ([][]float64, error) {
	if d.SchemaVersion != dynamicsSchema {
		return nil, fmt.Errorf("schema version %d, this program reads %d", d.SchemaVersion, dynamicsSchema)
	}
	out := make([][]float64, response.MaxStep)
	for step := range out {
		out[step] = make([]float64, response.MaxGapDays+1)
		for gap := range out[step] {
			if step == 0 {
				out[step][gap] = 1
			}
		}
	}
	seen := 0
	for _, c := range d.Steps {
		if c.Step < 2 || c.Step > response.MaxStep || c.GapDays < 1 || c.GapDays > response.MaxGapDays || !(c.Factor > 0 && c.Factor <= 1) {
			return nil, fmt.Errorf("step %d, gap %d, factor %g", c.Step, c.GapDays, c.Factor)
		}
		if out[c.Step-1][c.GapDays] == 0 {
			seen++
		}
		out[c.Step-1][c.GapDays] = c.Factor
	}
	if seen != (response.MaxStep-1)*response.MaxGapDays {
		return nil, fmt.Errorf("%d cells", seen)
	}
	for step := 1; step < len(out); step++ {
		out[step][0] = out[step][1]
		for gap := 1; gap < len(out[step]); gap++ {
			if gap > 1 && out[step][gap] < out[step][gap-1] || out[step][gap] > out[step-1][gap] {
				return nil, fmt.Errorf("step %d, gap %d: not monotone", step+1, gap)
			}
		}
	}
	return out, nil
}
