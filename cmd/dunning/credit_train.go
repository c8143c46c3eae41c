package main

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"dunning/credit"
	"dunning/data"
	"dunning/models"
	"dunning/models/baseline"
	"dunning/models/xgb"
	"dunning/pipeline/foreign"
)

// creditTrainFlags are the flags of "dunning credit train".
type creditTrainFlags struct {
	roles, table, policy, asOf string
	horizon                    int
	holdOut                    float64
	keep                       bool
	sign                       signature
}

func (a *app) creditTrain() *cobra.Command {
	var f creditTrainFlags
	cmd := &cobra.Command{
		Use: "train", Short: "Train the probability of default on a table and put it into force, if the gate lets it pass",
		Long: `Train boosted trees on a table of applications whose outcome is known, calibrate them
on rows that they did not learn from, compare how protected groups fare, keep the
version under HOME/credit/models and put it into force, if the gate lets it pass
(exit code 4 when it does not).

The roles file is that of "dunning train --roles": table, query, id, outcome,
positive, protected, drop, keep, categories, split (folds:K, or time:DATE to judge
the stored model on the applications from a day on too), time, matured, seed, params. Columns
that are protected by role or by name (sex, age, marriage, foreign …) are no features.`,
		Example: `  dunning credit train --roles data/examples/uci_default/train.yaml --horizon-days 30
  dunning credit train --roles data/examples/german_credit/train.yaml --register-only --json`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.trainCredit(cmd.Context(), f) },
	}
	fl := cmd.Flags()
	fl.StringVar(&f.roles, "roles", "", "YAML file with the table and the roles of its columns (required)")
	fl.StringVar(&f.table, "table", "", "CSV or Parquet file instead of that of the roles")
	fl.StringVar(&f.policy, "policy", "", "policy whose accept_pd the fairness table uses (default: the base rate of defaults)")
	fl.StringVar(&f.asOf, "as-of", "", "day until which the table knows (default: today); part of the version")
	fl.IntVar(&f.horizon, "horizon-days", 365, "days over which a default was looked for, for the card")
	fl.Float64Var(&f.holdOut, "hold-out", 0, "share of the applicants kept out of everything, for a last look at the stored model")
	fl.BoolVar(&f.keep, "register-only", false, "keep the version without putting it into force")
	fl.StringVar(&f.sign.by, "by", "", "who does it (default: the user of this session)")
	fl.StringVar(&f.sign.why, "why", "training", "why, for the journal")
	return cmd
}

func (a *app) trainCredit(ctx context.Context, f creditTrainFlags) error {
	if err := f.sign.check(); err != nil {
		return err
	}
	t, c, err := a.creditTable(ctx, f)
	if err != nil {
		return err
	}
	trained, err := credit.Train(ctx, t, c)
	if err != nil {
		return err
	}
	store := a.creditStore()
	champion, err := store.ChampionCard()
	if err != nil {
		return err
	}
	r, err := store.AddModel(trained, f.sign.by, f.sign.why)
	if err != nil {
		return err
	}
	refusal := trained.Gate(champion)
	if refusal == nil && !f.keep {
		if err := store.PromoteModel(r.ID, f.sign.by, f.sign.why); err != nil {
			return err
		}
	}
	if err := a.printCreditModel(trained, refusal, refusal == nil && !f.keep); err != nil {
		return err
	}
	if refusal != nil && !f.keep {
		return fmt.Errorf("%w: %w", data.ErrRefused, refusal)
	}
	return nil
}

// creditTable reads the table and what its roles say.
func (a *app) creditTable(ctx context.Context, f creditTrainFlags) (t credit.Table, c credit.TrainConfig, err error) {
	if f.roles == "" {
		return t, c, fmt.Errorf("%w: name the roles of the table's columns with --roles FILE", data.ErrUsage)
	}
	r, err := foreign.LoadRoles(f.roles)
	if err != nil {
		return t, c, err
	}
	if f.table != "" {
		r.Table = f.table
	}
	c = credit.TrainConfig{Seed: r.Seed, HorizonDays: f.horizon, HoldOut: f.holdOut, AsOf: data.DateOf(a.now()), Progress: logProgress(ctx),
		Protected: r.Protected, Drop: r.Drop, Keep: r.Keep, Categories: r.Categories,
		// The line of a logistic regression is known well enough from ten thousand rows.
		Baselines: []models.Learner{baseline.BaseRate{}, baseline.Logistic{Seed: r.Seed, MaxRows: 10_000}},
		Learner: &xgb.Learner{Params: xgb.Params{Rounds: r.Params.Rounds, Eta: r.Params.Eta, MaxDepth: r.Params.MaxDepth,
			MinChildWeight: r.Params.MinChildWeight, Lambda: r.Params.Lambda, Subsample: r.Params.Subsample, ColSample: r.Params.ColSample, Seed: r.Seed}}}
	if f.asOf != "" {
		if c.AsOf, err = data.ParseDate(f.asOf); err != nil {
			return t, c, fmt.Errorf("%w: --as-of: %w", data.ErrUsage, err)
		}
	}
	if c.Folds, c.TestFrom, err = creditSplit(r.Split); err != nil {
		return t, c, err
	}
	if f.policy != "" {
		p, err := credit.LoadPolicy(f.policy)
		if err != nil {
			return t, c, err
		}
		c.ApprovePD = p.Cutoffs.AcceptPD
	}
	if c.CodeVersion, err = ownHash(); err != nil {
		return t, c, err
	}
	c.Progress("reading " + r.Table)
	table, err := foreign.Read(ctx, r.Table, r.Query, r.Limit)
	if err != nil {
		return t, c, err
	}
	file, err := data.Stat(r.Table, int64(table.Rows()))
	if err != nil {
		return t, c, err
	}
	c.Outcome = r.Outcome
	if r.Positive != "" {
		c.Outcome += " = " + r.Positive
	}
	t, err = creditColumns(table, r)
	t.SHA256 = file.SHA256
	return t, c, err
}

// creditSplit reads a split of the roles: a credit model is judged out of fold, and
// beside that, for one by time, on the applications from a day on.
func creditSplit(split string) (folds int, from data.Date, err error) {
	if split == "" {
		return 5, 0, nil
	}
	if day, ok := strings.CutPrefix(split, "time:"); ok {
		if from, err = data.ParseDate(day); err == nil {
			return 5, from, nil
		}
	}
	k, ok := strings.CutPrefix(split, "folds:")
	if folds, err := strconv.Atoi(k); ok && err == nil && folds >= 2 && folds <= 100 {
		return folds, 0, nil
	}
	return 0, 0, fmt.Errorf("%w: split %q: a credit model is judged by folds:K, 2 to 100, or time:2026-01-31", data.ErrUsage, split)
}

// ownHash is the hash of the running program.
func ownHash() (string, error) {
	path, err := os.Executable()
	if err != nil {
		return "", err
	}
	f, err := data.Stat(path, 0)
	return f.SHA256, err
}

// creditColumns turns a foreign table into what a credit model learns from.
func creditColumns(t *foreign.Table, r foreign.Roles) (credit.Table, error) {
	var out credit.Table
	outcome, err := t.Column(r.Outcome, "outcome")
	if err != nil {
		return out, err
	}
	out.Default = make([]float64, t.Rows())
	positive := r.Positive
	if positive == "" {
		positive = "1"
	}
	levels := outcome.Levels()
	if len(levels) != 2 || !slices.Contains(levels, positive) {
		return out, fmt.Errorf("%w: the outcome %s of %s must have two values, one of them %q (has %d); name the one that is a default with positive in the roles",
			data.ErrBadInput, outcome.Name, filepath.Base(t.Source), positive, len(levels))
	}
	for i, v := range outcome.Strings() {
		if outcome.Missing(i) {
			return out, fmt.Errorf("%w: row %d has no outcome %s", data.ErrBadInput, i+1, outcome.Name)
		}
		if v == positive {
			out.Default[i] = 1
		}
	}
	id := ""
	if r.ID != "" {
		c, err := t.Column(r.ID, "id")
		if err != nil {
			return out, err
		}
		if id = c.Name; len(c.Levels()) < t.Rows() {
			out.Unit = c.Strings()
		}
	}
	days := map[string]bool{}
	for _, role := range []struct {
		name, what string
		into       *[]float64
	}{{r.Time, "time", &out.Day}, {r.Matured, "matured", &out.Known}} {
		if role.name == "" {
			continue
		}
		c, err := t.Column(role.name, role.what)
		if err != nil {
			return out, err
		}
		if c.Kind != foreign.Time {
			return out, fmt.Errorf("%w: the %s column %s is a %s, not a date; cast it in a query", data.ErrBadInput, role.what, c.Name, c.Kind)
		}
		days[c.Name], *role.into = true, c.Numbers
	}
	for _, c := range t.Columns {
		if _, trap := r.Traps[c.Name]; c.Name == outcome.Name || c.Name == id || days[c.Name] || trap && !slices.Contains(r.Keep, c.Name) {
			continue
		}
		column := credit.Column{Name: c.Name, Numbers: c.Numbers, Texts: c.Texts, Present: c.Present}
		out.Columns = append(out.Columns, column)
	}
	return out, nil
}

// creditModelReport is what "dunning credit train --json" prints.
type creditModelReport struct {
	Version  string             `json:"version"`
	InForce  bool               `json:"in_force"`
	Refused  string             `json:"refused,omitempty"`
	Rows     int                `json:"rows"`
	Models   []models.CardModel `json:"models"`
	HeldOut  *models.Metrics    `json:"held_out,omitempty"`
	Fairness credit.Fairness    `json:"fairness"`
	Columns  []credit.ColumnUse `json:"columns"`
	Alarms   []string           `json:"alarms"`
}

func (a *app) printCreditModel(t *credit.Trained, refusal error, inForce bool) error {
	if a.asJSON {
		r := creditModelReport{Version: t.Model.Version(), InForce: inForce, Rows: len(t.PD), Models: t.Card.Models, HeldOut: t.HeldOut, Fairness: t.Fairness, Columns: t.Columns, Alarms: append([]string{}, t.Alarms...)}
		if refusal != nil {
			r.Refused = oneLine(refusal)
		}
		return a.printJSON(r)
	}
	fmt.Fprintf(a.stdout, "model %s: %d rows, %d features, %.2f %% %s; out of fold, seed %d\n", t.Model.Version(), len(t.PD), len(t.Model.Features), 100*t.Model.BaseRate, t.Model.Outcome, t.Model.Seed)
	figures := a.newTable("model", "rows", "AUC", "KS", "log loss", "Brier", "skill", "calibration error", "slope", "in the large")
	row := func(name string, x models.Metrics) {
		figures.AppendRow(table.Row{name, x.Rows, figure(&x.AUC), figure(&x.KS), figure(&x.LogLoss), figure(&x.Brier), figure(&x.BrierSkill), figure(&x.ECE), figure(slopeOf(x)), figure(&x.CalibInTheLarge)})
	}
	for _, m := range t.Card.Models {
		row(m.Name, m.Metrics)
	}
	if t.HeldOut != nil {
		row(t.HeldOutName, *t.HeldOut)
	}
	figures.Render()
	fmt.Fprintf(a.stdout, "\nProtected groups (never features); approved means a PD up to %.4f; differences to the group marked *\n", t.Fairness.ApprovePD)
	groups := a.newTable("column", "group", "rows", "default", "mean PD", "observed/predicted", "approved", "±", "default among approved", "good approved (TPR)", "±")
	for _, g := range t.Fairness.Groups {
		name := g.Group
		if g.Reference {
			name += " *"
		}
		groups.AppendRow(table.Row{g.Column, name, g.Rows, proportion(g.DefaultRate), proportion(g.MeanPD), fmt.Sprintf("%.3f", g.Calibration), proportion(g.ApprovalRate), fmt.Sprintf("%+.3f", g.ApprovalDiff),
			proportion(g.ApprovedDefaultRate), proportion(g.TPR), fmt.Sprintf("%+.3f", g.TPRDiff)})
	}
	groups.Render()
	for _, g := range t.Model.HeldBack {
		if ratio, ok := t.Fairness.ImpactRatio[g]; ok {
			fmt.Fprintf(a.stdout, "lowest over highest approval rate by %s: %.3f\n", g, ratio)
		}
	}
	for _, alarm := range t.Alarms {
		fmt.Fprintf(a.stdout, "ALARM: %s\n", alarm)
	}
	if inForce {
		fmt.Fprintf(a.stdout, "%s is in force\n", t.Model.Version())
	}
	return nil
}

// slopeOf is nil for a model that knows no more than the base rate: its slope says
// nothing.
func slopeOf(m models.Metrics) *float64 {
	if math.IsNaN(m.CalibSlope) || m.BrierSkill <= 0 {
		return nil
	}
	return &m.CalibSlope
}

func proportion(p float64) string { return strconv.FormatFloat(p, 'f', 3, 64) }
