package foreign

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"dunning/data"
	"dunning/models/xgb"
)

// Roles says what the columns of a foreign table mean and what to do with
// them. Its YAML form has the same names in lower case with underscores.
type Roles struct {
	// Table is the file; Query, when given, is DuckDB SQL over it. In a YAML
	// file a relative path counts from the YAML's folder.
	Table string `yaml:"table"`
	Query string `yaml:"query"`

	// ID names the row or its customer. Where ids repeat, the rows of one id
	// stay on one side of every split.
	ID string `yaml:"id"`
	// Outcome is what is predicted: 0/1, a yes/no text, or any two values with
	// Positive, the one that counts as 1. [Evaluate] takes any number.
	Outcome  string `yaml:"outcome"`
	Positive string `yaml:"positive"`
	// Time is the moment of the decision, for splits by time. Matured, when
	// given, is the moment when the outcome became known: a row may train only
	// if that lies before the split's date.
	Time    string `yaml:"time"`
	Matured string `yaml:"matured"`
	// Treatment names the arm of each row, Control the arm that is no
	// treatment. The arms are the control, then the others sorted by name.
	Treatment string `yaml:"treatment"`
	Control   string `yaml:"control"`
	// TreatProb holds the logged probabilities: one column for that of each
	// row's own arm; or one column per arm in the arms' order; or VALUE=COLUMN
	// pairs for all arms or all but one.
	TreatProb List `yaml:"treat_prob"`
	// Policy is a column with the arm that another policy would choose, or
	// "uniform" for the same chance to every arm.
	Policy string `yaml:"policy"`

	// Drop names columns that are no features; Traps names further ones with
	// the reason, usually that they are known only afterwards. Keep uses a
	// column in spite of Traps or of a suspected leak.
	Drop  List              `yaml:"drop"`
	Traps map[string]string `yaml:"traps"`
	Keep  List              `yaml:"keep"`
	// Protected columns are never features; the predictions are compared
	// between their groups.
	Protected List `yaml:"protected"`
	// Categories names columns of numbers that are codes: linear models see
	// one indicator per value.
	Categories List `yaml:"categories"`

	// Split is folds:K, random:SHARE (of the rows, for the test), time:DATE
	// (the test starts there) or order:SHARE (the last rows of the table, for
	// one that is in the order of time but has no dates).
	Split   string `yaml:"split"`
	Repeats int    `yaml:"repeats"` // of a random split; 0 means 1
	Seed    uint64 `yaml:"seed"`
	Limit   int    `yaml:"limit"` // keep the first rows only; 0 keeps all
	// Learners of the effects: s, t, x, dr; empty means all.
	Learners List `yaml:"learners"`
	// Bags of the effect learners (see uplift.SLearner); 0 means 1.
	Bags   int    `yaml:"bags"`
	Params Params `yaml:"params"`
}

// Params are the parameters of the boosted trees; 0 means the default of
// package xgb, for effects smoother trees (see armParams and sharedParams).
type Params struct {
	Rounds         int     `yaml:"rounds"`
	Eta            float64 `yaml:"eta"`
	MaxDepth       int     `yaml:"max_depth"`
	MinChildWeight float64 `yaml:"min_child_weight"`
	Lambda         float64 `yaml:"lambda"`
	Subsample      float64 `yaml:"subsample"`
	ColSample      float64 `yaml:"col_sample"`
}

func (p Params) xgb(seed uint64) xgb.Params {
	return xgb.Params{
		Rounds: p.Rounds, Eta: p.Eta, MaxDepth: p.MaxDepth, MinChildWeight: p.MinChildWeight,
		Lambda: p.Lambda, Subsample: p.Subsample, ColSample: p.ColSample, Seed: seed,
	}
}

// List is a list of names; YAML may also write it as one text with commas.
type List []string

// UnmarshalYAML implements yaml.Unmarshaler.
func (l *List) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode {
		*l = SplitList(n.Value)
		return nil
	}
	return n.Decode((*[]string)(l))
}

// SplitList splits a text at commas and trims the parts; empty parts are left
// out.
func SplitList(s string) List {
	var out List
	for _, part := range strings.Split(s, ",") {
		if part = strings.TrimSpace(part); part != "" {
			out = append(out, part)
		}
	}
	return out
}

// LoadRoles reads a YAML file. Unknown keys are errors of the class
// [data.ErrUsage].
func LoadRoles(path string) (Roles, error) {
	var r Roles
	f, err := os.Open(path)
	if err != nil {
		return r, fmt.Errorf("%w: roles %s cannot be read: %w", data.ErrUsage, path, errors.Unwrap(err))
	}
	defer f.Close()
	dec := yaml.NewDecoder(f)
	dec.KnownFields(true)
	if err := dec.Decode(&r); err != nil {
		return r, fmt.Errorf("%w: roles %s: %w", data.ErrUsage, path, err)
	}
	if r.Table != "" && !filepath.IsAbs(r.Table) {
		r.Table = filepath.Join(filepath.Dir(path), r.Table)
	}
	return r, nil
}

// check reports every fault of the roles at once, before any file opens.
func (r Roles) check(forEffects bool) error {
	var faults []string
	need := func(ok bool, text string) {
		if !ok {
			faults = append(faults, text)
		}
	}
	need(r.Table != "" || r.Query != "", "name the table (--table FILE, or table or query in the roles)")
	need(r.Outcome != "", "name the outcome (--outcome COL)")
	need((r.Treatment == "") == (r.Control == ""), "a treatment needs the value of its control arm and the other way round (--treatment COL --control VALUE)")
	need(!forEffects || r.Treatment != "", "name the treatment (--treatment COL --control VALUE)")
	need(r.Repeats >= 0, "repeats must not be negative")
	need(r.Bags >= 0, "bags must not be negative")
	need(r.Limit >= 0, "limit must not be negative")
	if _, err := parseSplit(r.Split); r.Split != "" && err != nil {
		faults = append(faults, err.Error())
	}
	for _, l := range r.Learners {
		need(slices.Contains(learnerNames, l), fmt.Sprintf("unknown learner %q (have %s)", l, strings.Join(learnerNames, ", ")))
	}
	if err := r.Params.xgb(0).Validate(); err != nil {
		faults = append(faults, strings.Join(strings.Fields(err.Error()), " "))
	}
	if len(faults) > 0 {
		return fmt.Errorf("%w: %s", data.ErrUsage, strings.Join(faults, "; "))
	}
	return nil
}

// splitPlan is a parsed Split.
type splitPlan struct {
	folds int     // ≥ 2 for folds:K
	share float64 // of the test, for random:SHARE and order:SHARE
	date  data.Date
	kind  string // folds, random, order, time
}

func parseSplit(s string) (splitPlan, error) {
	kind, arg, _ := strings.Cut(s, ":")
	p := splitPlan{kind: kind}
	var err error
	switch kind {
	case "folds":
		if p.folds, err = strconv.Atoi(arg); err == nil && p.folds >= 2 && p.folds <= 100 {
			return p, nil
		}
	case "random", "order":
		if p.share, err = strconv.ParseFloat(arg, 64); err == nil && p.share > 0 && p.share < 1 {
			return p, nil
		}
	case "time":
		if p.date, err = data.ParseDate(arg); err == nil {
			return p, nil
		}
	}
	return p, fmt.Errorf("split %q is not folds:K (2 to 100), random:SHARE or order:SHARE (between 0 and 1) or time:2026-01-31", s)
}
