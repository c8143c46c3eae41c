package credit

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"

	"dunning/data"
	"dunning/features"
	"dunning/models"
	"dunning/models/trees"
)

// ModelSchemaVersion is the version of a model's file. A change that an older
// reader would misread raises it.
const ModelSchemaVersion = 1

// Feature is one column that a model reads.
type Feature struct {
	Name string `json:"name"`
	// Levels are the values of a category, in sorted order: the trees see the
	// place. None means a number.
	Levels []string `json:"levels,omitempty"`
	// Low and High are the smallest and the largest number in training.
	Low  float64 `json:"low"`
	High float64 `json:"high"`
}

// Model is the probability of default. It is immutable and safe for concurrent
// use.
type Model struct {
	Outcome     string             `json:"outcome"` // what counts as default
	HorizonDays int                `json:"horizon_days"`
	AsOf        data.Date          `json:"as_of"` // nothing later than this day was known
	Features    []Feature          `json:"features"`
	Ensemble    *trees.Ensemble    `json:"ensemble"`
	Calibration models.Calibration `json:"calibration"`
	BaseRate    float64            `json:"base_rate"` // share of defaults in training
	DataHash    string             `json:"data_hash"` // SHA-256 of the table
	Seed        uint64             `json:"seed"`
	// HeldBack are the protected columns, which are no features. Kept are
	// columns named like protected ones that were kept on demand.
	HeldBack []string `json:"held_back"`
	Kept     []string `json:"kept"`

	version string
	slope   float64 // of the calibration in log-odds
}

// modelDocument is a model's file. Version is the first 16 hexadecimal digits of
// the SHA-256 of Body's compact JSON.
type modelDocument struct {
	SchemaVersion int             `json:"schema_version"`
	Version       string          `json:"version"`
	Body          json.RawMessage `json:"body"`
}

// versionDigits is the length of a version's id, as in package registry.
const versionDigits = 16

// Version returns the model's id: a hash of its whole content.
func (m *Model) Version() string { return m.version }

// seal checks the model and computes its version.
func (m *Model) seal() error {
	if err := m.validate(); err != nil {
		return err
	}
	body, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("credit: model: %w", err)
	}
	m.version = digest(body)[:versionDigits]
	m.slope = 1
	if m.Calibration.Method == models.Platt {
		m.slope = m.Calibration.Slope
	}
	return nil
}

func (m *Model) validate() error {
	var faults []error
	fault := func(format string, args ...any) {
		faults = append(faults, fmt.Errorf("credit: model: "+format, args...))
	}
	if m.Ensemble == nil {
		return errors.New("credit: model: no trees")
	}
	if m.Ensemble.Link() != trees.Logit {
		fault("link %q does not give a probability", m.Ensemble.Link())
	}
	names := make([]string, len(m.Features))
	for j, f := range m.Features {
		names[j] = f.Name
		if Protected(f.Name) && !slices.Contains(m.Kept, f.Name) {
			fault("%s is protected and a feature", f.Name)
		}
		if !slices.IsSorted(f.Levels) || len(slices.Compact(slices.Clone(f.Levels))) != len(f.Levels) {
			fault("%s: its levels are not sorted or occur twice", f.Name)
		}
	}
	if !slices.Equal(names, m.Ensemble.Features()) {
		fault("the trees read %q, the features are %q", m.Ensemble.Features(), names)
	}
	if err := m.Calibration.Validate(); err != nil {
		fault("%w", err)
	} else if m.Calibration.Method == models.Isotonic {
		fault("isotonic calibration makes ties of different applicants; it must be platt or identity")
	}
	if !(m.BaseRate > 0 && m.BaseRate < 1) {
		fault("base rate %g", m.BaseRate)
	}
	return errors.Join(faults...)
}

// Encode returns the model's file, the same bytes for the same model.
func (m *Model) Encode() ([]byte, error) {
	body, err := json.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("credit: model: %w", err)
	}
	b, err := json.Marshal(modelDocument{ModelSchemaVersion, m.version, body})
	if err != nil {
		return nil, fmt.Errorf("credit: model: %w", err)
	}
	return append(b, '\n'), nil
}

// DecodeModel reads what Encode wrote and verifies its hash and every part of
// it. The error wraps [data.ErrDamagedFile].
func DecodeModel(raw []byte) (*Model, error) {
	m, err := decodeModel(raw)
	if err != nil {
		return nil, fmt.Errorf("credit: model: %w: %w", data.ErrDamagedFile, err)
	}
	return m, nil
}

func decodeModel(raw []byte) (*Model, error) {
	var d modelDocument
	if err := models.DecodeStrict(raw, &d); err != nil {
		return nil, err
	}
	if d.SchemaVersion != ModelSchemaVersion {
		return nil, fmt.Errorf("schema version %d, this program reads %d", d.SchemaVersion, ModelSchemaVersion)
	}
	if got := digest(d.Body)[:versionDigits]; got != d.Version {
		return nil, fmt.Errorf("its content has hash %s, its version is %s", got, d.Version)
	}
	var m Model
	if err := models.DecodeStrict(d.Body, &m); err != nil {
		return nil, err
	}
	if err := m.seal(); err != nil {
		return nil, err
	}
	if again, err := m.Encode(); err != nil || !bytes.Equal(again, raw) {
		return nil, errors.New("it was written by another hand")
	}
	return &m, nil
}

// PD returns the calibrated probability of default of a row, whose values stand
// in the order of Features, NaN for what is unknown. It panics when the row has
// another length.
func (m *Model) PD(row []float32) float64 {
	return m.Calibration.Apply(m.Ensemble.PredictRow(row))
}

// Contributions returns what each feature adds to the calibrated log-odds of
// default of a row (SHAP values, times the slope of the calibration).
func (m *Model) Contributions(row []float32) []float64 {
	phi := m.Ensemble.SHAP(row)[:len(m.Features)]
	for j := range phi {
		phi[j] *= m.slope
	}
	return phi
}

// feature returns the place of a feature, −1 for none.
func (m *Model) feature(name string) int {
	return slices.IndexFunc(m.Features, func(f Feature) bool { return f.Name == name })
}

// shift returns p with something added to its log-odds.
func shift(p, logOdds float64) float64 {
	p = min(max(p, 1e-9), 1-1e-9)
	return 1 / (1 + math.Exp(-(math.Log(p) - math.Log1p(-p) + logOdds)))
}

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// PDs returns the probability of default of every row of a table, which must
// have the model's features as columns of the same kinds; a category that
// training never saw counts as unknown. The error names a column that is missing
// or of another kind.
func (m *Model) PDs(t Table) ([]float64, error) {
	X := features.Matrix{Names: make([]string, len(m.Features)), Cols: make([][]float32, len(m.Features))}
	for j, f := range m.Features {
		at := slices.IndexFunc(t.Columns, func(c Column) bool { return c.Name == f.Name })
		if at < 0 {
			return nil, fmt.Errorf("credit: %w: the table has no column %q", data.ErrBadInput, f.Name)
		}
		c := t.Columns[at]
		if (c.Texts != nil) != (f.Levels != nil) {
			return nil, fmt.Errorf("credit: %w: column %q is a text in one of table and model and a number in the other", data.ErrBadInput, f.Name)
		}
		col := make([]float32, len(t.Default))
		for i := range col {
			if f.Levels != nil {
				col[i] = f.code(c.Texts[i], c.Present[i])
			} else {
				col[i] = float32(c.Numbers[i])
			}
		}
		X.Names[j], X.Cols[j] = f.Name, col
	}
	p, err := m.Ensemble.Predict(X)
	if err != nil {
		return nil, fmt.Errorf("credit: %w", err)
	}
	return m.Calibration.ApplyAll(p), nil
}
