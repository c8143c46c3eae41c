package credit

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"dunning/data"
	"dunning/features"
	"dunning/models"
	"dunning/models/trees"
)

// Column is one column of a training table: numbers, with NaN for unknown, or
// texts, with false in Present.
type Column struct {
	Name    string
	Numbers []float64
	Texts   []string
	Present []bool
}

// Table is what a model learns from: one row per application.
type Table struct {
	Columns []Column
	Default []float64 // 1 for a default, 0 for none
	Unit    []string  // who applied; his rows stay in one fold; nil where nobody applied twice
	SHA256  string    // of the file
	// Day is when each application was made and Known when its outcome was known, as
	// days since 1970, NaN for unknown; nil where the table does not say. Without
	// Known it is Day.
	Day, Known []float64
}

// TrainConfig says how to train.
type TrainConfig struct {
	Outcome     string         // what counts as default, for people
	Learner     models.Learner // must yield a *trees.Ensemble
	Baselines   []models.Learner
	Protected   []string // held back and compared, beside those that [Protected] knows
	Drop        []string // no features
	Keep        []string // features in spite of a name like a protected one, or of a suspected leak
	Categories  []string // numbers that are codes: linear baselines see one indicator per value
	Folds       int      // at least 2; 0 means 5
	Seed        uint64
	AsOf        data.Date
	HorizonDays int
	CodeVersion string
	// ApprovePD is up to which PD the fairness table counts as approved; 0 means
	// the base rate.
	ApprovePD float64
	// HoldOut is the share of the applicants who are kept out of everything, so
	// that the stored model itself can be judged on them; in [0, 0.5], 0 for none.
	HoldOut float64
	// TestFrom keeps the applications from a day on out of everything, and those whose
	// outcome was not known before it; 0 for none. It needs Table.Day and excludes
	// HoldOut.
	TestFrom data.Date
	Progress func(string) // may be nil
}

// ColumnUse says what became of a column.
type ColumnUse struct {
	Column string `json:"column"`
	Use    string `json:"use"` // feature, protected or left out
	Why    string `json:"why,omitempty"`
}

// Trained is a model with what is known of it.
type Trained struct {
	Model    *Model
	Card     models.Card
	Fairness Fairness
	Columns  []ColumnUse
	Alarms   []string
	// PD are the predictions out of sample, row by row of those learned from.
	PD []float64
	// HeldOut are the figures of the stored model on the rows of HoldOut or from
	// TestFrom on, nil without any.
	HeldOut *models.Metrics
	// HeldOutName says for people what HeldOut is of.
	HeldOutName string
}

// Train fits a model on all rows and judges it out of sample: each row is
// predicted by trees, and calibrated by a line, that its fold had no part in.
// The same table, configuration and program give the same model.
//
// Errors are of the class [data.ErrBadInput] for a table that cannot be learned
// from.
func Train(ctx context.Context, t Table, c TrainConfig) (*Trained, error) {
	if c.Folds == 0 {
		c.Folds = 5
	}
	if c.Progress == nil {
		c.Progress = func(string) {}
	}
	t, held, err := t.split(c)
	if err != nil {
		return nil, err
	}
	p, err := prepare(t, c)
	if err != nil {
		return nil, err
	}
	folds := models.StratifiedFolds(t.Default, c.Folds, c.Seed)
	if t.Unit != nil {
		folds = models.CustomerFolds(t.Unit, c.Folds, c.Seed)
	}
	c.Progress("predicting out of fold: " + c.Learner.Name())
	raw, err := models.OutOfFold(ctx, c.Learner, p.trees, t.Default, nil, folds)
	if err != nil {
		return nil, fmt.Errorf("credit: %w", err)
	}
	c.Progress("fitting on all rows: " + c.Learner.Name())
	fitted, err := c.Learner.Fit(ctx, p.trees, t.Default, nil)
	if err != nil {
		return nil, fmt.Errorf("credit: %w", err)
	}
	ensemble, ok := fitted.(*trees.Ensemble)
	if !ok {
		return nil, fmt.Errorf("credit: %s yields no trees", c.Learner.Name())
	}
	m := &Model{
		Outcome: c.Outcome, HorizonDays: c.HorizonDays, AsOf: c.AsOf, Features: p.features, Ensemble: ensemble,
		Calibration: models.FitPlatt(t.Default, raw), BaseRate: mean(t.Default), DataHash: t.SHA256, Seed: c.Seed,
		HeldBack: p.heldBack, Kept: p.kept,
	}
	if err := m.seal(); err != nil {
		return nil, err
	}
	out := &Trained{Model: m, Columns: p.columns, Alarms: p.alarms, PD: crossCalibrated(t.Default, raw, folds)}
	approve := c.ApprovePD
	if approve == 0 {
		approve = m.BaseRate
	}
	out.Fairness = fairness(p.protected, t.Default, out.PD, approve)
	if held != nil {
		pd, err := m.PDs(*held)
		if err != nil {
			return nil, err
		}
		figures := models.Evaluate(held.Default, pd)
		out.HeldOut, out.HeldOutName = &figures, "stored model, held out"
		if c.TestFrom != 0 {
			out.HeldOutName = "stored model, from " + c.TestFrom.String() + " on"
		}
	}
	return out, out.card(ctx, t, c, p, raw, folds)
}

// crossCalibrated calibrates the predictions of each fold by a line that was
// fitted on those of the others.
func crossCalibrated(y, raw []float64, folds [][]int) []float64 {
	out := make([]float64, len(y))
	for _, test := range folds {
		rest := models.Without(len(y), test)
		c := models.FitPlatt(models.Take(y, rest), models.Take(raw, rest))
		for _, i := range test {
			out[i] = c.Apply(raw[i])
		}
	}
	return out
}

// prepared is a table ready for learners.
type prepared struct {
	features      []Feature
	trees, linear features.Matrix
	protected     []Column
	columns       []ColumnUse
	heldBack      []string
	kept          []string
	alarms        []string
}

// mostLevels is how many values a category may have: beyond it is a name.
const mostLevels = 100

func prepare(t Table, c TrainConfig) (*prepared, error) {
	if err := checkTable(t, c); err != nil {
		return nil, err
	}
	p := &prepared{heldBack: []string{}, kept: []string{}}
	for _, col := range t.Columns {
		use := p.add(t, c, col)
		use.Column = col.Name
		p.columns = append(p.columns, use)
	}
	for _, leak := range models.Leaks(p.trees, t.Default) {
		p.alarms = append(p.alarms, fmt.Sprintf("%s is suspected to know the outcome: %s", leak.Feature, leak.Reason))
		if !slices.Contains(c.Keep, leak.Feature) {
			return nil, fmt.Errorf("%w: column %s seems to know the outcome: %s; drop it, or keep it by name", data.ErrRefused, leak.Feature, leak.Reason)
		}
	}
	if len(p.features) == 0 {
		return nil, fmt.Errorf("%w: no column is left as a feature", data.ErrBadInput)
	}
	return p, nil
}

func checkTable(t Table, c TrainConfig) error {
	var faults []string
	positive := 0.0
	for i, y := range t.Default {
		if y != 0 && y != 1 {
			return fmt.Errorf("%w: the outcome of row %d is %g, not 0 or 1", data.ErrBadInput, i+1, y)
		}
		positive += y
	}
	if negative := float64(len(t.Default)) - positive; min(positive, negative) < float64(10*c.Folds) {
		faults = append(faults, fmt.Sprintf("%g defaults among %d rows; %d folds need ten of each outcome in each", positive, len(t.Default), c.Folds))
	}
	for _, list := range [][]string{c.Protected, c.Drop, c.Keep, c.Categories} {
		for _, name := range list {
			if !slices.ContainsFunc(t.Columns, func(col Column) bool { return col.Name == name }) {
				faults = append(faults, fmt.Sprintf("there is no column %q", name))
			}
		}
	}
	if c.Folds < 2 {
		faults = append(faults, fmt.Sprintf("%d folds", c.Folds))
	}
	if len(faults) > 0 {
		return fmt.Errorf("%w: %s", data.ErrBadInput, strings.Join(faults, "; "))
	}
	return nil
}

// add gives a column its use.
func (p *prepared) add(t Table, c TrainConfig, col Column) ColumnUse {
	asked := slices.Contains(c.Protected, col.Name)
	switch {
	case asked, Protected(col.Name) && !slices.Contains(c.Keep, col.Name):
		p.protected = append(p.protected, col)
		p.heldBack = append(p.heldBack, col.Name)
		if asked {
			return ColumnUse{Use: "protected", Why: "as asked"}
		}
		return ColumnUse{Use: "protected", Why: "by its name; no feature unless it is kept by name"}
	case slices.Contains(c.Drop, col.Name):
		return ColumnUse{Use: "left out", Why: "as asked"}
	}
	use := p.addFeature(t, col, slices.Contains(c.Categories, col.Name))
	if use.Use == "feature" && Protected(col.Name) {
		p.kept = append(p.kept, col.Name)
		p.alarms = append(p.alarms, col.Name+" is used although its name is that of a protected attribute")
	}
	return use
}

func (p *prepared) addFeature(t Table, col Column, isCode bool) ColumnUse {
	if col.Texts != nil {
		levels := slices.Clone(col.Texts)
		levels = slices.DeleteFunc(levels, func(s string) bool { return s == "" })
		slices.Sort(levels)
		levels = slices.Clip(slices.Compact(levels))
		if len(levels) < 2 {
			return ColumnUse{Use: "left out", Why: "constant"}
		}
		if len(levels) > mostLevels {
			return ColumnUse{Use: "left out", Why: fmt.Sprintf("%d values: a name, not a category", len(levels))}
		}
		f := Feature{Name: col.Name, Levels: levels, High: float64(len(levels) - 1)}
		codes := make([]float32, len(col.Texts))
		for i, v := range col.Texts {
			codes[i] = f.code(v, col.Present[i])
		}
		p.append(f, codes)
		p.addIndicators(col.Name, codes)
		return ColumnUse{Use: "feature", Why: fmt.Sprintf("category of %d values", len(levels))}
	}
	known := slices.DeleteFunc(slices.Clone(col.Numbers), math.IsNaN)
	slices.Sort(known)
	if len(known) == 0 || known[0] == known[len(known)-1] && len(known) == len(t.Default) {
		return ColumnUse{Use: "left out", Why: "constant"}
	}
	values := make([]float32, len(col.Numbers))
	for i, v := range col.Numbers {
		values[i] = float32(v)
	}
	p.append(Feature{Name: col.Name, Low: known[0], High: known[len(known)-1]}, values)
	if isCode {
		p.addIndicators(col.Name, values)
		return ColumnUse{Use: "feature", Why: "code"}
	}
	p.linear.Names, p.linear.Cols = append(p.linear.Names, col.Name), append(p.linear.Cols, values)
	return ColumnUse{Use: "feature", Why: "as it is"}
}

func (p *prepared) append(f Feature, values []float32) {
	p.features = append(p.features, f)
	p.trees.Names, p.trees.Cols = append(p.trees.Names, f.Name), append(p.trees.Cols, values)
}

// mostIndicators is how many values of a code linear baselines see one by one.
const mostIndicators = 20

func (p *prepared) addIndicators(name string, codes []float32) {
	count := map[float32]int{}
	for _, v := range codes {
		if v == v {
			count[v]++
		}
	}
	var values []float32
	for v := range count {
		values = append(values, v)
	}
	slices.SortFunc(values, func(a, b float32) int {
		if d := count[b] - count[a]; d != 0 {
			return d
		}
		return int(a - b)
	})
	for _, v := range values[:min(len(values), mostIndicators)] {
		col := make([]float32, len(codes))
		for i, w := range codes {
			if w == v {
				col[i] = 1
			}
		}
		p.linear.Names, p.linear.Cols = append(p.linear.Names, fmt.Sprintf("%s=%g", name, v)), append(p.linear.Cols, col)
	}
}

// code is the number that the trees see for a category's value: NaN for one that
// is unknown or was never seen.
func (f Feature) code(value string, present bool) float32 {
	k, found := slices.BinarySearch(f.Levels, value)
	if !present || !found {
		return float32(math.NaN())
	}
	return float32(k)
}

func mean(v []float64) float64 {
	sum := 0.0
	for _, x := range v {
		sum += x
	}
	return sum / float64(len(v))
}
