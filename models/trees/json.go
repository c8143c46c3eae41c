package trees

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// SchemaVersion is the version of the JSON format. A change that an older
// reader would misread raises it.
const SchemaVersion = 1

// document is the JSON form of an ensemble. NumFeatures and NumTrees repeat
// the lengths, so that a cut or merged file is noticed.
type document struct {
	SchemaVersion int      `json:"schema_version"`
	Link          Link     `json:"link"`
	BaseMargin    float32  `json:"base_margin"`
	NumFeatures   int      `json:"num_features"`
	Features      []string `json:"features"`
	NumTrees      int      `json:"num_trees"`
	Trees         []Tree   `json:"trees"`
}

// Encode returns the JSON form, the same bytes for the same ensemble. Numbers
// are written so that they are read back exactly.
func (e *Ensemble) Encode() []byte {
	b, err := json.Marshal(document{
		SchemaVersion: SchemaVersion, Link: e.link, BaseMargin: e.base,
		NumFeatures: len(e.features), Features: e.features,
		NumTrees: len(e.trees), Trees: e.trees,
	})
	if err != nil {
		panic("trees: encode: " + err.Error()) // every number was checked to be finite
	}
	return b
}

// MarshalJSON implements json.Marshaler by [Ensemble.Encode].
func (e *Ensemble) MarshalJSON() ([]byte, error) { return e.Encode(), nil }

// Decode reads what Encode wrote. Everything is checked: unknown fields,
// trailing bytes, another schema version and every fault that [New] refuses
// are errors that wrap [ErrInvalid] and name the place.
func Decode(b []byte) (*Ensemble, error) {
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	var d document
	if err := dec.Decode(&d); err != nil {
		return nil, fmt.Errorf("%w: byte %d: %w", ErrInvalid, dec.InputOffset(), err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%w: byte %d: more after the end", ErrInvalid, dec.InputOffset())
	}
	switch {
	case d.SchemaVersion != SchemaVersion:
		return nil, fmt.Errorf("%w: schema version %d, this program reads %d: train again", ErrInvalid, d.SchemaVersion, SchemaVersion)
	case d.NumFeatures != len(d.Features):
		return nil, fmt.Errorf("%w: num_features is %d, features has %d", ErrInvalid, d.NumFeatures, len(d.Features))
	case d.NumTrees != len(d.Trees):
		return nil, fmt.Errorf("%w: num_trees is %d, trees has %d", ErrInvalid, d.NumTrees, len(d.Trees))
	}
	return New(d.Features, d.Link, d.BaseMargin, d.Trees)
}

// UnmarshalJSON implements json.Unmarshaler by [Decode].
func (e *Ensemble) UnmarshalJSON(b []byte) error {
	d, err := Decode(b)
	if err != nil {
		return err
	}
	*e = *d
	return nil
}
