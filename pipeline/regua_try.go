package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"dunning/data"
	"dunning/features"
	"dunning/policy"
	"dunning/policy/regua"
)

// TryRegua says what a régua would do with the scores of a day, without writing
// anything. A day of 0 means the latest that was scored. The error wraps
// [data.ErrUsage] where the day was not scored.
func TryRegua(ctx context.Context, home string, config *Config, r *regua.Regua, asOf data.Date) (*regua.Trial, error) {
	w, done, err := openScored(home, config, asOf)
	if err != nil {
		return nil, err
	}
	defer done()
	free, err := newPlanner(ctx, w)
	if err != nil {
		return nil, err
	}
	// Before the régua: the planner's maps are shared, what it plans is not.
	with := free.again()
	without, err := free.recommended(ctx)
	if err != nil {
		return nil, err
	}
	with.brief = true
	if err := with.follow(ctx, regua.NewSet([]*regua.Regua{r})); err != nil {
		return nil, err
	}
	if err := with.build(with.value, nil); err != nil {
		return nil, err
	}
	if err := with.solve(ctx); err != nil {
		return nil, err
	}
	with.takeHeld()
	if err := with.checkReguas(); err != nil {
		return nil, err
	}
	t := &regua.Trial{AsOf: w.AsOf, Outcome: with.outcomes()[0], Failed: with.reguas.failed, BudgetCents: config.BudgetCents,
		RecommendedCents: without, TogetherCents: with.answer.ObjectiveCents + with.fixedCents()}
	t.ForgoneCents = t.RecommendedCents - t.TogetherCents
	return t, nil
}

// recommended returns what the recommendation brings without any régua. The limits
// on several touches of single customers hold, as they do in a plan.
func (p *planner) recommended(ctx context.Context) (float64, error) {
	p.brief = true
	if err := p.build(p.value, nil); err != nil {
		return 0, err
	}
	if err := p.solve(ctx); err != nil {
		return 0, err
	}
	return p.answer.ObjectiveCents, nil
}

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
