package registry_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"dunning/data"
	"dunning/features"
	"dunning/models/registry"
)

// FuzzLoad: whatever stands in model.json, loading ends without a panic, and
// what is accepted predicts.
func FuzzLoad(f *testing.F) {
	dir := f.TempDir()
	if _, err := registry.Save(dir, artifact(), nil); err != nil {
		f.Fatal(err)
	}
	sound, err := os.ReadFile(filepath.Join(dir, registry.ModelName))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(sound)
	f.Add([]byte(`{"schema_version":1,"version":"","body":{}}`))
	f.Add([]byte(`{"schema_version":1,"version":"44136fa355b3678a","body":{}}` + "\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if err := os.WriteFile(filepath.Join(dir, registry.ModelName), b, 0o644); err != nil {
			t.Fatal(err)
		}
		l, err := registry.Load(dir)
		if err != nil {
			if !errors.Is(err, data.ErrDamagedFile) {
				t.Fatalf("error %v of another kind", err)
			}
			return
		}
		X := features.Matrix{Names: l.Features, Cols: make([][]float32, len(l.Features))}
		for j := range X.Cols {
			X.Cols[j] = []float32{1}
		}
		if l.PayProb != nil {
			if _, err := l.PayProb.Predict(X); err != nil {
				t.Fatal(err)
			}
		}
		if l.Uplift != nil {
			e, err := l.Uplift.Effects()
			if err != nil {
				t.Fatal(err)
			}
			if _, _, err := e.Predict(X); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// FuzzDecodeRecord: whatever stands in version.json, what is accepted names
// only files of its own folder.
func FuzzDecodeRecord(f *testing.F) {
	r := registry.Record{Seed: 1, Files: []data.File{{Name: "model.json"}}}
	for _, change := range []func(*registry.Record){func(*registry.Record) {}, func(r *registry.Record) { r.Files[0].Name = "../model.json" }} {
		change(&r)
		r, err := r.Sealed()
		if err != nil {
			f.Fatal(err)
		}
		b, err := json.MarshalIndent(r, "", " ")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(append(b, '\n'))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := registry.DecodeRecord(b)
		if err != nil {
			return
		}
		for _, file := range r.Files {
			if file.Name != filepath.Base(file.Name) || file.Name == ".." {
				t.Fatalf("accepted a file %q", file.Name)
			}
		}
	})
}
