package registry

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"dunning/data"
	"dunning/models"
)

// The files of a version's folder.
const (
	ModelName  = "model.json"
	CardName   = "card.json"
	ReportName = "card.md"
	TimingName = "timing.json"
)

// Timing is what differs between two trainings on the same data.
type Timing struct {
	TrainingSeconds float64 `json:"training_seconds"`
}

// Loaded is a version that was read and verified.
type Loaded struct {
	Version string
	Artifact
	// Timing is nil where the folder has none.
	Timing *Timing
}

// Save validates the artefact and writes its folder, which it makes if need
// be; model.json comes last, so that a reader never sees a version in part. A
// nil timing is left out. It returns the version's id.
func Save(dir string, a Artifact, timing *Timing) (version string, err error) {
	version, model, card, err := a.encode()
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("registry: %w", err)
	}
	c := a.Card
	c.SchemaVersion, c.Version = models.CardSchemaVersion, version
	files := []struct {
		name    string
		content []byte
	}{{CardName, card}, {ReportName, []byte(c.Markdown())}}
	if timing != nil {
		b, err := json.Marshal(timing)
		if err != nil {
			return "", fmt.Errorf("registry: timing: %w", err)
		}
		files = append(files, struct {
			name    string
			content []byte
		}{TimingName, append(b, '\n')})
	}
	files = append(files, struct {
		name    string
		content []byte
	}{ModelName, model})
	for _, f := range files {
		if err := data.WriteFile(filepath.Join(dir, f.name), f.content); err != nil {
			return "", err
		}
	}
	return version, nil
}

// Load reads and verifies the version in a folder. A missing file is an error
// that wraps os.ErrNotExist; anything that is not what Save wrote wraps
// data.ErrDamagedFile and says what is wrong.
func Load(dir string) (*Loaded, error) {
	path := filepath.Join(dir, ModelName)
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("registry: %w", err)
	}
	version, b, err := decodeModel(raw)
	if err != nil {
		return nil, damaged(path, err)
	}
	l := &Loaded{Version: version, Artifact: b.Artifact}
	path = filepath.Join(dir, CardName)
	if raw, err = os.ReadFile(path); err != nil {
		return nil, fmt.Errorf("registry: %w", err)
	}
	if l.Card, err = models.DecodeCard(raw); err != nil {
		return nil, damaged(path, err)
	}
	if l.Card.Version != version {
		return nil, damaged(path, fmt.Errorf("it is the card of version %q, the model is %q", l.Card.Version, version))
	}
	if canonical, err := l.Card.JSON(); err != nil || !bytes.Equal(canonical, raw) {
		return nil, damaged(path, errors.New("it was written by another hand"))
	}
	blank := l.Card
	blank.Version = ""
	if canonical, err := blank.JSON(); err != nil || digest(canonical) != b.CardSHA256 {
		return nil, damaged(path, fmt.Errorf("its content does not match %s", ModelName))
	}
	path = filepath.Join(dir, TimingName)
	if raw, err = os.ReadFile(path); err == nil {
		l.Timing = new(Timing)
		if err := models.DecodeStrict(raw, l.Timing); err != nil {
			return nil, damaged(path, err)
		}
	} else if !os.IsNotExist(err) {
		return nil, fmt.Errorf("registry: %w", err)
	}
	return l, nil
}

func damaged(path string, reason error) error {
	return fmt.Errorf("%s: %w: %w: restore the file or train again", path, data.ErrDamagedFile, reason)
}
