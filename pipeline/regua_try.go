package pipeline

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"dunning/data"
	"dunning/features"
	"dunning/policy"
)

// openScored opens what the optimize stage reads of a day; done removes the
// scratch folder.
func openScored(home string, config *Config, asOf data.Date) (w *Work, done func(), err error) {
	if home, err = filepath.Abs(home); err != nil {
		return nil, nil, fmt.Errorf("%w: %w", data.ErrUsage, err)
	}
	if asOf == 0 {
		if asOf, err = latestScored(home, config); err != nil {
			return nil, nil, err
		}
	}
	w = &Work{Config: config, Home: home, AsOf: asOf, Seed: config.Seed, progress: Silent{}, inputs: map[string]Output{}}
	for _, s := range Stages() {
		switch s.Name {
		case "extract", "segments", "score":
			out, err := OpenOutput(s.FolderOf(home, asOf))
			if errors.Is(err, fs.ErrNotExist) {
				return nil, nil, fmt.Errorf("%w: %s has no output of the stage %s for %s; run dunning run --as-of %s", data.ErrUsage, home, s.Name, asOf, asOf)
			}
			if err != nil {
				return nil, nil, err
			}
			w.inputs[s.Name] = out
		}
	}
	if w.Tmp, err = os.MkdirTemp("", "dunning-try-"); err != nil {
		return nil, nil, fmt.Errorf("pipeline: %w", err)
	}
	return w, func() { os.RemoveAll(w.Tmp) }, nil
}

// latestScored returns the configured day, or the last one with scores.
func latestScored(home string, config *Config) (data.Date, error) {
	if config.AsOf != nil {
		return *config.AsOf, nil
	}
	entries, err := os.ReadDir(filepath.Join(home, "lake", "score"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return 0, fmt.Errorf("pipeline: %w", err)
	}
	for i := len(entries) - 1; i >= 0; i-- { // by name, which is by day
		if day, err := data.ParseDate(entries[i].Name()); err == nil {
			return day, nil
		}
	}
	return 0, fmt.Errorf("%w: nothing is scored in %s yet; run dunning run", data.ErrUsage, home)
}

// PolicySubject is a customer as the rules see him on a day.
type PolicySubject struct {
	Customer data.Customer
	Facts    policy.Facts
}

// FindPolicySubject reads one customer, and his facts as known before a day for the
// rules of an engine, from the lake of a home. The error wraps [data.ErrUsage] where he is not in it.
func FindPolicySubject(home, customerID string, asOf data.Date, engine *policy.Engine) (*PolicySubject, error) {
	in, err := OpenOutput(ExtractStage().FolderOf(home, asOf))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %s has no lake yet; run dunning extract", data.ErrUsage, home)
	}
	if err != nil {
		return nil, err
	}
	part := data.Partition(customerID, len(in.Parts("customers")))
	for h, err := range features.Histories(in.Dir, part) {
		if err != nil {
			return nil, err
		}
		if h.Customer.CustomerID == customerID {
			return &PolicySubject{h.Customer, policyFacts(h, asOf, h.Balance(asOf), h.DaysPastDue(asOf), engine)}, nil
		}
	}
	return nil, fmt.Errorf("%w: no customer %q in the lake of %s", data.ErrUsage, customerID, home)
}
