package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"dunning/data"
	"dunning/models/registry"
)

// CurrentModel is the link, within a home, to the version that the server uses.
const CurrentModel = "models/current"

// modelsFolder holds the outputs of the train stage and the store of versions.
const modelsFolder = "models"

// Models returns the store of the versions of a home.
func Models(home string) *registry.Store {
	return &registry.Store{Root: filepath.Join(home, modelsFolder), Now: time.Now}
}

// RegisterModels keeps what was trained for asOf as a version that never
// changes, and returns it. Keeping the same training twice keeps one.
func RegisterModels(home string, asOf data.Date, by, why string) (registry.Record, error) {
	out, err := OpenOutput(TrainStage().FolderOf(home, asOf))
	if err != nil {
		return registry.Record{}, err
	}
	raw, err := os.ReadFile(out.Path(registry.ModelName))
	if err != nil {
		return registry.Record{}, fmt.Errorf("pipeline: %w", err)
	}
	schema, err := featureHash(raw)
	if err != nil {
		return registry.Record{}, fmt.Errorf("%s: %w: %w", out.Path(registry.ModelName), data.ErrDamagedFile, err)
	}
	m := out.Manifest
	r := registry.Record{AsOf: asOf, Seed: m.Seed, DataHashes: m.Inputs, FeatureSchema: m.SchemaVersion, FeatureHash: schema,
		ConfigHash: m.ConfigHash, CodeHash: m.CodeVersion, Environment: registry.ThisEnvironment(), Files: slices.Clone(m.Files)}
	manifest, err := data.Stat(out.Path(data.ManifestName), 0)
	if err != nil {
		return registry.Record{}, err
	}
	manifest.Name = data.ManifestName
	r.Files = append(r.Files, manifest)
	slices.SortFunc(r.Files, func(a, b data.File) int { return strings.Compare(a.Name, b.Name) })
	return Models(home).Add(out.Dir, r, by, why)
}

// featureHash is the hash of the names, the order and the codes of the
// features that model.json reads.
func featureHash(model []byte) (string, error) {
	var m struct {
		Body struct {
			Features   []string        `json:"features"`
			Vocabulary json.RawMessage `json:"vocabulary"`
		} `json:"body"`
	}
	if err := json.Unmarshal(model, &m); err != nil {
		return "", err
	}
	return hashJSON(m.Body)
}

// Promote registers the version that was trained for asOf and puts it into
// force where the gate lets it pass; refused says why it did not. A version of
// an earlier day than the champion's stays out: running an earlier day again
// must not turn the clock back. One that was withdrawn stays out too, and so
// does every version where the configuration demands that another person
// promotes.
func Promote(ctx context.Context, home string, config *Config, asOf data.Date, by string) (refused string, err error) {
	r, err := RegisterModels(home, asOf, by, "trained by a run")
	if err != nil {
		return "", err
	}
	s := Models(home)
	was, err := s.WasChampion(r.ID)
	if err != nil || was {
		return "", err // in force, or withdrawn by somebody
	}
	switch champion, err := s.Open(registry.Champion); {
	case err == nil && champion.AsOf > asOf:
		return "", nil
	case err != nil && !errors.Is(err, data.ErrUsage):
		return "", err
	}
	g, err := Gate(ctx, home, r.ID)
	if err != nil {
		return "", err
	}
	if !g.OK {
		return g.Reason(), s.Refuse(r.ID, by, g.Reason())
	}
	if config.Models.OtherPerson {
		return fmt.Sprintf("it passed the gate; another person must promote it: dunning models promote %s", r.ID), nil
	}
	return "", s.Promote(registry.Promotion{Version: r.ID, By: by, Why: "passed the gate after a run"})
}

// PromoteBy puts a version into force for a person, where the gate lets it
// pass; otherwise the error wraps [data.ErrRefused] and the result says why.
func PromoteBy(ctx context.Context, home string, config *Config, version, by, why string) (GateResult, error) {
	g, err := Gate(ctx, home, version)
	if err != nil {
		return g, err
	}
	s := Models(home)
	if !g.OK {
		if err := s.Refuse(g.Version, by, g.Reason()); err != nil {
			return g, err
		}
		return g, fmt.Errorf("%w: version %s: %s", data.ErrRefused, g.Version, g.Reason())
	}
	return g, s.Promote(registry.Promotion{Version: g.Version, By: by, Why: why, OtherPerson: config.Models.OtherPerson})
}
