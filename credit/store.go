package credit

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"dunning/data"
	"dunning/models"
	"dunning/models/registry"
)

// The folders of a home and the files of a version. Both stores are registries
// (package registry): versions that never change, a journal of who put what into
// force when and why, a link to what is in force.
const (
	ModelsFolder   = "credit/models"
	PoliciesFolder = "credit/policies"

	modelFile    = "model.json"
	cardFile     = "card.json"
	reportFile   = "card.md"
	fairnessFile = "fairness.json"
	policyFile   = "policy.yaml"
	currentLink  = "current"
)

// Store keeps the models and policies of a home.
type Store struct {
	Home     string
	Models   *registry.Store
	Policies *registry.Store
}

// OpenStore returns the store of a home, whose folders appear with the first
// version. now dates the journal.
func OpenStore(home string, now func() time.Time) *Store {
	return &Store{home,
		&registry.Store{Root: filepath.Join(home, filepath.FromSlash(ModelsFolder)), Now: now},
		&registry.Store{Root: filepath.Join(home, filepath.FromSlash(PoliciesFolder)), Now: now}}
}

// hashName is the key of a record's DataHashes under which the content's own
// version stands: what an [Analysis] names.
const hashName = "version"

// AddModel registers a trained model and returns its record.
func (s *Store) AddModel(t *Trained, by, why string) (registry.Record, error) {
	model, err := t.Model.Encode()
	if err != nil {
		return registry.Record{}, err
	}
	card, err := t.Card.JSON()
	if err != nil {
		return registry.Record{}, err
	}
	fair, err := json.MarshalIndent(t.Fairness, "", "  ")
	if err != nil {
		return registry.Record{}, fmt.Errorf("credit: fairness: %w", err)
	}
	r := registry.Record{AsOf: t.Model.AsOf, Seed: t.Model.Seed, CodeHash: t.Card.CodeVersion, Environment: registry.ThisEnvironment(),
		DataHashes: map[string]string{"table": t.Model.DataHash, hashName: t.Model.version}}
	return add(s.Models, r, by, why, map[string][]byte{
		modelFile: model, cardFile: card, reportFile: []byte(t.Card.Markdown()), fairnessFile: append(fair, '\n')})
}

// AddPolicy registers a policy and returns its record.
func (s *Store) AddPolicy(p *Policy, by, why string) (registry.Record, error) {
	r := registry.Record{DataHashes: map[string]string{hashName: p.version}}
	return add(s.Policies, r, by, why, map[string][]byte{policyFile: p.raw})
}

// add writes files into a folder of their own and registers them.
func add(s *registry.Store, r registry.Record, by, why string, files map[string][]byte) (registry.Record, error) {
	if err := os.MkdirAll(s.Root, 0o755); err != nil {
		return r, fmt.Errorf("credit: %w", err)
	}
	dir, err := os.MkdirTemp(s.Root, ".new-")
	if err != nil {
		return r, fmt.Errorf("credit: %w", err)
	}
	defer os.RemoveAll(dir)
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := data.WriteFile(path, content); err != nil {
			return r, err
		}
		f, err := data.Stat(path, 0)
		if err != nil {
			return r, err
		}
		f.Name = name
		r.Files = append(r.Files, f)
	}
	slices.SortFunc(r.Files, func(a, b data.File) int { return cmp.Compare(a.Name, b.Name) })
	return s.Add(dir, r, by, why)
}

// PromoteModel puts a registered model into force, if the policy in force can
// work with it.
func (s *Store) PromoteModel(id, by, why string) error {
	m, err := s.model(id)
	if err != nil {
		return err
	}
	if policy, err := s.Policies.Alias(registry.Champion); err != nil {
		return err
	} else if policy != "" {
		p, err := s.policy(policy)
		if err != nil {
			return err
		}
		if _, err := NewAnalyst(m, p); err != nil {
			return fmt.Errorf("%w: the policy in force does not fit the model: %w", data.ErrRefused, err)
		}
	}
	return s.Models.Promote(registry.Promotion{Version: id, By: by, Why: why})
}

// PromotePolicy puts a registered policy into force, if it fits the model in
// force.
func (s *Store) PromotePolicy(id, by, why string) error {
	p, err := s.policy(id)
	if err != nil {
		return err
	}
	champion, err := s.Models.Alias(registry.Champion)
	if err != nil {
		return err
	}
	if champion == "" {
		return fmt.Errorf("%w: there is no model in force to try the policy on; \"dunning credit train\" makes one", data.ErrRefused)
	}
	m, err := s.model(champion)
	if err != nil {
		return err
	}
	if _, err := NewAnalyst(m, p); err != nil {
		return err
	}
	return s.Policies.Promote(registry.Promotion{Version: id, By: by, Why: why})
}

// RollbackModel puts the model before the one in force back and returns the
// versions of both, as an [Analysis] names them. The error wraps [data.ErrRefused]
// where there is none before it, and where the policy in force cannot work with it.
func (s *Store) RollbackModel(by, why string) (from, to string, err error) {
	return rollback(s.Models, by, why, func(id string) error {
		m, err := readModel(s.Models.Dir(id))
		if err != nil {
			return err
		}
		p, err := readPolicy(filepath.Join(s.Policies.Root, currentLink))
		if errors.Is(err, fs.ErrNotExist) {
			return nil // no policy is in force
		}
		return fitting(m, p, err)
	})
}

// RollbackPolicy is as RollbackModel, of the policy.
func (s *Store) RollbackPolicy(by, why string) (from, to string, err error) {
	return rollback(s.Policies, by, why, func(id string) error {
		m, err := readModel(filepath.Join(s.Models.Root, currentLink))
		if err != nil {
			return err
		}
		p, err := readPolicy(s.Policies.Dir(id))
		return fitting(m, p, err)
	})
}

// fitting refuses a model and a policy that cannot work together; err is that of
// reading them.
func fitting(m *Model, p *Policy, err error) error {
	if err == nil {
		if _, err = NewAnalyst(m, p); err != nil {
			err = fmt.Errorf("%w: model and policy do not fit: %w", data.ErrRefused, err)
		}
	}
	return err
}

func rollback(s *registry.Store, by, why string, fits func(id string) error) (from, to string, err error) {
	if _, err := os.Stat(s.Root); errors.Is(err, fs.ErrNotExist) {
		return "", "", fmt.Errorf("%w: nothing is in force", data.ErrRefused)
	}
	if from, to, err = s.RollbackIf(by, why, fits); err != nil {
		return "", "", err
	}
	for _, id := range []*string{&from, &to} {
		r, err := s.Open(*id)
		if err != nil {
			return "", "", err
		}
		*id = r.DataHashes[hashName]
	}
	return from, to, nil
}

// Champion returns the analyst in force. The error wraps [fs.ErrNotExist] where
// no model or no policy is.
func (s *Store) Champion() (*Analyst, error) {
	m, err := readModel(filepath.Join(s.Models.Root, currentLink))
	if err != nil {
		return nil, err
	}
	p, err := readPolicy(filepath.Join(s.Policies.Root, currentLink))
	if err != nil {
		return nil, err
	}
	return NewAnalyst(m, p)
}

// Analyst returns that of two versions as an [Analysis] names them, whether they
// are in force or not.
func (s *Store) Analyst(model, policy string) (*Analyst, error) {
	id, err := find(s.Models, model)
	if err != nil {
		return nil, err
	}
	m, err := s.model(id)
	if err != nil {
		return nil, err
	}
	if id, err = find(s.Policies, policy); err != nil {
		return nil, err
	}
	p, err := s.policy(id)
	if err != nil {
		return nil, err
	}
	return NewAnalyst(m, p)
}

// ChampionCard returns the card of the model in force, nil for none.
func (s *Store) ChampionCard() (*models.Card, error) {
	raw, err := os.ReadFile(filepath.Join(s.Models.Root, currentLink, cardFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("credit: %w", err)
	}
	card, err := models.DecodeCard(raw)
	if err != nil {
		return nil, fmt.Errorf("credit: %w: %w", data.ErrDamagedFile, err)
	}
	return &card, nil
}

// find returns the id of the record whose content has a version.
func find(s *registry.Store, version string) (string, error) {
	list, err := s.List()
	if err != nil {
		return "", err
	}
	for _, v := range list {
		if len(version) >= 4 && (strings.HasPrefix(v.DataHashes[hashName], version) || strings.HasPrefix(v.ID, version)) {
			return v.ID, nil
		}
	}
	return "", fmt.Errorf("credit: %w: there is no version %q under %s", data.ErrUsage, version, filepath.Base(s.Root))
}

// model and policy read a version after all its files were verified.
func (s *Store) model(id string) (*Model, error) {
	if _, err := s.Models.Open(id); err != nil {
		return nil, err
	}
	return readModel(s.Models.Dir(id))
}

func (s *Store) policy(id string) (*Policy, error) {
	if _, err := s.Policies.Open(id); err != nil {
		return nil, err
	}
	return readPolicy(s.Policies.Dir(id))
}

func readModel(dir string) (*Model, error) {
	raw, err := os.ReadFile(filepath.Join(dir, modelFile))
	if err != nil {
		return nil, fmt.Errorf("credit: %w", err)
	}
	return DecodeModel(raw)
}

func readPolicy(dir string) (*Policy, error) {
	raw, err := os.ReadFile(filepath.Join(dir, policyFile))
	if err != nil {
		return nil, fmt.Errorf("credit: %w", err)
	}
	return ParsePolicy(raw)
}

// ModelInForce returns the champion. The error is of the class [data.ErrUsage]
// where there is none.
func (s *Store) ModelInForce() (*Model, error) {
	id, err := s.Models.Alias(registry.Champion)
	if err != nil {
		return nil, err
	}
	if id == "" {
		return nil, fmt.Errorf("credit: %w: there is no model in force; \"dunning credit train\" makes one", data.ErrUsage)
	}
	return s.model(id)
}
