package data

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// SchemaVersion is the version of the tables of this package and of package
// features. A change that an older reader would misread raises it.
const SchemaVersion = 1

// ManifestName is the file name of a manifest, written last in its folder.
const ManifestName = "manifest.json"

// File is one output of a stage: what a reader checks before it trusts it.
type File struct {
	Name   string `json:"name"` // relative to the manifest's folder
	Rows   int64  `json:"rows"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// Manifest says what a stage wrote, from what, and with which code. It holds
// no clock time: the same inputs give the same manifest.
type Manifest struct {
	SchemaVersion int               `json:"schema_version"`
	Stage         string            `json:"stage"`
	AsOf          *Date             `json:"as_of,omitempty"`
	Seed          uint64            `json:"seed"`
	CodeVersion   string            `json:"code_version"`
	ConfigHash    string            `json:"config_hash"`
	Inputs        map[string]string `json:"inputs"` // name → content hash
	// Key is the hash of all the above: a stage whose key did not change is
	// not run again.
	Key    string           `json:"key"`
	Files  []File           `json:"files"`
	Counts map[string]int64 `json:"counts,omitempty"` // what the stage counted, e.g. quarantined rows by rule
}

// WriteManifest makes m durable as dir/manifest.json.
func WriteManifest(dir string, m Manifest) error {
	b, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return fmt.Errorf("data: manifest: %w", err)
	}
	return WriteFile(filepath.Join(dir, ManifestName), append(b, '\n'))
}

// WriteFile writes b to path so that a reader sees the old content or the new,
// never a part: temporary name, fsync, rename, fsync of the folder.
func WriteFile(path string, b []byte) error {
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, "."+filepath.Base(path)+".tmp-*")
	if err != nil {
		return fmt.Errorf("data: write %s: %w", path, err)
	}
	defer os.Remove(f.Name()) // fails once renamed, as it should
	if _, err = f.Write(b); err == nil {
		err = f.Chmod(0o644)
	}
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err == nil {
		err = SyncDir(dir)
	}
	if err != nil {
		return fmt.Errorf("data: write %s: %w", path, err)
	}
	return nil
}

// SyncDir makes renames within dir durable.
func SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// ReadManifest reads dir/manifest.json; unknown fields and other schema
// versions are errors. A missing file is an error that wraps os.ErrNotExist.
func ReadManifest(dir string) (Manifest, error) {
	path := filepath.Join(dir, ManifestName)
	b, err := os.ReadFile(path)
	if err != nil {
		return Manifest{}, fmt.Errorf("data: %w", err)
	}
	var m Manifest
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&m); err != nil {
		return Manifest{}, fmt.Errorf("%s: %w: %w", path, ErrDamagedFile, err)
	}
	if m.SchemaVersion != SchemaVersion {
		return Manifest{}, fmt.Errorf("%s: schema version %d, this program reads %d: run the stage again with --force", path, m.SchemaVersion, SchemaVersion)
	}
	return m, nil
}

// Verify re-hashes every file that m names in dir and returns an error that
// wraps [ErrDamagedFile], with the place and the remedy, for the first that
// differs.
func (m Manifest) Verify(dir string) error {
	for _, f := range m.Files {
		got, err := Stat(filepath.Join(dir, f.Name), f.Rows)
		if err != nil {
			return err
		}
		if got.SHA256 != f.SHA256 {
			return fmt.Errorf("%s: %w: its content does not match %s (sha256 %.12s…, expected %.12s…); run stage %q again with --force",
				filepath.Join(dir, f.Name), ErrDamagedFile, ManifestName, got.SHA256, f.SHA256, m.Stage)
		}
	}
	return nil
}
