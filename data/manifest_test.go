package data_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dunning/data"
)

func TestManifestRoundTrip(t *testing.T) {
	dir := t.TempDir()
	want := data.Manifest{
		SchemaVersion: data.SchemaVersion, Stage: "features", AsOf: ptr(data.MakeDate(2026, 1, 5)), Seed: 42,
		Inputs: map[string]string{"extract": "abc"}, Key: "k", Files: []data.File{{Name: "a", Rows: 1}}, Counts: map[string]int64{"rows": 1},
	}
	if err := data.WriteManifest(dir, want); err != nil {
		t.Fatal(err)
	}
	got, err := data.ReadManifest(dir)
	if err != nil || !cmp.Equal(got, want) {
		t.Errorf("%v\n%s", err, cmp.Diff(want, got))
	}
}

func TestReadManifestRefuses(t *testing.T) {
	for _, tc := range []struct {
		name, text, want string
		is               error
	}{
		{"cut short", `{"schema_version": 1`, "damaged", data.ErrDamagedFile},
		{"unknown field", `{"schema_version": 1, "surprise": 2}`, "surprise", data.ErrDamagedFile},
		{"another schema", `{"schema_version": 999}`, "--force", nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, data.ManifestName), []byte(tc.text), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := data.ReadManifest(dir)
			if err == nil || !strings.Contains(err.Error(), tc.want) || tc.is != nil && !errors.Is(err, tc.is) {
				t.Errorf("ReadManifest = %v, want it to say %q", err, tc.want)
			}
		})
	}
	if _, err := data.ReadManifest(t.TempDir()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no manifest: %v, want os.ErrNotExist", err)
	}
}
