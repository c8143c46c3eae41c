package models

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math"
)

// DecodeStrict decodes the JSON document b into v and refuses unknown fields and
// trailing bytes.
func DecodeStrict(b []byte, v any) error {
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		return err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("more after the end of the JSON document")
	}
	return nil
}

// nullable makes an undefined number null in JSON, which has no NaN.
func nullable(f float64) *float64 {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return nil
	}
	return &f
}

func orNaN(f *float64) float64 {
	if f == nil {
		return math.NaN()
	}
	return *f
}
