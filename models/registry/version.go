package registry

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"regexp"
	"runtime"

	"dunning/data"
	"dunning/models"
)

// RecordSchemaVersion is the version of version.json.
const RecordSchemaVersion = 1

// RecordName is the file of a version's record within its folder.
const RecordName = "version.json"

// Record says what a version is and where it came from: all that somebody
// needs to train it again and to see that he got the same.
type Record struct {
	SchemaVersion int `json:"schema_version"`
	// ID is the first 16 hexadecimal digits of the SHA-256 of the record's JSON
	// with an empty ID. The same training gives the same ID.
	ID   string    `json:"id"`
	AsOf data.Date `json:"as_of"` // nothing later than this day was known
	Seed uint64    `json:"seed"`

	DataHashes map[string]string `json:"data_hashes"` // content of the inputs, by stage
	// FeatureSchema is the version of the feature tables, FeatureHash the hash
	// of names, order and codes of what the models read.
	FeatureSchema int         `json:"feature_schema"`
	FeatureHash   string      `json:"feature_hash"`
	ConfigHash    string      `json:"config_hash"`
	CodeHash      string      `json:"code_hash"`
	Environment   Environment `json:"environment"`

	Files []data.File `json:"files"` // all of the folder but version.json, by name
}

// Environment is what beside code and data can change the last bit of a float.
type Environment struct {
	Go   string `json:"go"`
	OS   string `json:"os"`
	Arch string `json:"arch"`
}

// ThisEnvironment returns that of the running program.
func ThisEnvironment() Environment {
	return Environment{Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH}
}

// idForm is what an ID looks like: nothing else may become a path.
var idForm = regexp.MustCompile(`^[0-9a-f]{16}$`)

// Sealed returns r with its ID.
func (r Record) Sealed() (Record, error) {
	r.SchemaVersion, r.ID = RecordSchemaVersion, ""
	b, err := json.Marshal(r)
	if err != nil {
		return r, fmt.Errorf("registry: record: %w", err)
	}
	r.ID = digest(b)[:versionDigits]
	return r, nil
}

// encode returns the bytes of version.json.
func (r Record) encode() ([]byte, error) {
	b, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		return nil, fmt.Errorf("registry: record: %w", err)
	}
	return append(b, '\n'), nil
}

// DecodeRecord reads version.json and verifies that it is what its ID is the
// hash of, to the byte, and that its files stay within their folder.
func DecodeRecord(raw []byte) (Record, error) {
	var r Record
	if err := models.DecodeStrict(raw, &r); err != nil {
		return Record{}, err
	}
	if r.SchemaVersion != RecordSchemaVersion {
		return Record{}, fmt.Errorf("schema version %d, this program reads %d", r.SchemaVersion, RecordSchemaVersion)
	}
	sealed, err := r.Sealed()
	if err != nil {
		return Record{}, err
	}
	if sealed.ID != r.ID {
		return Record{}, fmt.Errorf("its content has hash %s, its id is %q", sealed.ID, r.ID)
	}
	if canonical, err := r.encode(); err != nil || !bytes.Equal(canonical, raw) {
		return Record{}, errors.New("it was written by another hand")
	}
	seen := map[string]bool{}
	for _, f := range r.Files {
		if !filepath.IsLocal(f.Name) || f.Name == RecordName || filepath.Base(f.Name) != f.Name || seen[f.Name] {
			return Record{}, fmt.Errorf("it lists the file %q", f.Name)
		}
		seen[f.Name] = true
	}
	return r, nil
}

// verify checks every file of the record in dir against its hash.
func (r Record) verify(dir string) error {
	for _, f := range r.Files {
		path := filepath.Join(dir, f.Name)
		got, err := data.Stat(path, f.Rows)
		if errors.Is(err, fs.ErrNotExist) {
			return damaged(path, errors.New("it is missing"))
		}
		if err != nil {
			return err
		}
		if got.SHA256 != f.SHA256 {
			return damaged(path, fmt.Errorf("its sha256 is %.12s…, %s says %.12s…", got.SHA256, RecordName, f.SHA256))
		}
	}
	return nil
}
