package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"fmt"
	"log/slog"
	"math"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"dunning/data"
	"dunning/pipeline/foreign"
)

// tableFlags are the flags that give the columns of a foreign table their
// roles. A flag that is given wins over the YAML file.
type tableFlags struct {
	rolesFile string
	out       string
	roles     foreign.Roles
	// Lists and numbers as the flags read them.
	treatProb, drop, keep, protected, categories, learners string
}

// given tells whether a foreign table is meant at all.
func (f *tableFlags) given() bool { return f.rolesFile != "" || f.roles.Table != "" }

// add declares the flags of one command, train or evaluate.
func (f *tableFlags) add(cmd *cobra.Command, command string) {
	fl, r := cmd.Flags(), &f.roles
	fl.StringVar(&f.rolesFile, "roles", "", "YAML file with the table and the roles of its columns; flags win over it")
	fl.StringVar(&r.Table, "table", "", "CSV (also .gz) or Parquet file")
	fl.StringVar(&r.ID, "id", "", "column that names the row or its customer; rows of one id stay together")
	fl.StringVar(&r.Outcome, "outcome", "", "column to predict: 0/1, a yes/no text, or see --positive")
	fl.StringVar(&r.Positive, "positive", "", "value of the outcome that counts as 1")
	fl.StringVar(&r.Treatment, "treatment", "", "column with the arm of each row")
	fl.StringVar(&r.Control, "control", "", "value of the treatment that is the control arm")
	fl.StringVar(&f.treatProb, "treat-prob", "", "logged probabilities: one column for each row's own arm; or one per arm, the control's first, then the others' by the arms' names; or VALUE=COLUMN,...")
	fl.StringVar(&f.drop, "drop", "", "columns that are no features, separated by commas")
	fl.StringVar(&f.keep, "keep", "", "columns to use in spite of a trap or a suspected leak")
	fl.IntVar(&r.Limit, "limit", 0, "read the first rows only (0: all)")
	fl.Uint64Var(&r.Seed, "seed", 0, "seed of splits, folds and models")
	fl.StringVar(&r.Time, "time", "", "column with the moment of the decision")
	if command == "evaluate" {
		fl.StringVar(&r.Policy, "policy", "", `column with the arm that another policy would choose, or "uniform"`)
		return
	}
	fl.StringVar(&r.Matured, "matured", "", "column with the moment when the outcome became known; rows train only if it lies before the split's date")
	fl.StringVar(&f.protected, "protected", "", "columns never used as features; predictions are compared between their groups")
	fl.StringVar(&f.categories, "categories", "", "columns of numbers that are codes")
	fl.StringVar(&r.Split, "split", "", "folds:K, random:SHARE of the rows for the test, time:DATE where the test starts, or order:SHARE for the last rows (default folds:5; with a treatment random:0.5)")
	fl.IntVar(&r.Repeats, "repeats", 0, "repeat the split this often and report means (0: as in the roles, else once)")
	fl.StringVar(&f.learners, "learners", "", "effect learners to fit: s,t,x,dr (default all)")
	fl.IntVar(&r.Bags, "bags", 0, "models per effect learner, whose spread gives lower bounds (0: as in the roles, else one)")
	fl.StringVar(&f.out, "out", "", "write the predictions on the test rows to this .parquet or .csv file")
}

// resolve returns the roles of the YAML file with the given flags over them.
func (f *tableFlags) resolve(cmd *cobra.Command) (foreign.Roles, error) {
	var r foreign.Roles
	if f.rolesFile != "" {
		var err error
		if r, err = foreign.LoadRoles(f.rolesFile); err != nil {
			return r, err
		}
	}
	g := &f.roles
	for name, set := range map[string]func(){
		"table": func() { r.Table = g.Table }, "id": func() { r.ID = g.ID },
		"outcome": func() { r.Outcome = g.Outcome }, "positive": func() { r.Positive = g.Positive },
		"time": func() { r.Time = g.Time }, "matured": func() { r.Matured = g.Matured },
		"treatment": func() { r.Treatment = g.Treatment }, "control": func() { r.Control = g.Control },
		"treat-prob": func() { r.TreatProb = foreign.SplitList(f.treatProb) },
		"drop":       func() { r.Drop = foreign.SplitList(f.drop) },
		"keep":       func() { r.Keep = foreign.SplitList(f.keep) },
		"protected":  func() { r.Protected = foreign.SplitList(f.protected) },
		"categories": func() { r.Categories = foreign.SplitList(f.categories) },
		"learners":   func() { r.Learners = foreign.SplitList(f.learners) },
		"policy":     func() { r.Policy = g.Policy }, "split": func() { r.Split = g.Split },
		"repeats": func() { r.Repeats = g.Repeats }, "bags": func() { r.Bags = g.Bags },
		"seed": func() { r.Seed = g.Seed }, "limit": func() { r.Limit = g.Limit },
	} {
		if cmd.Flags().Changed(name) {
			set()
		}
	}
	return r, nil
}

// trainTable is the train command on a foreign table.
func (a *app) trainTable(cmd *cobra.Command, f *tableFlags) error {
	r, err := f.resolve(cmd)
	if err != nil {
		return err
	}
	if ext := filepath.Ext(f.out); f.out != "" && ext != ".csv" && ext != ".parquet" {
		return fmt.Errorf("%w: --out %s: end the name in .parquet or .csv", data.ErrUsage, f.out)
	}
	rep, err := foreign.Train(cmd.Context(), r, logProgress(cmd.Context()))
	if err != nil {
		return err
	}
	if f.out != "" {
		if err := writePredictions(f.out, rep.Predictions); err != nil {
			return err
		}
	}
	if a.asJSON {
		if err := a.printJSON(rep); err != nil {
			return err
		}
	} else {
		a.printTrained(rep)
	}
	if rep.Refused != "" {
		return fmt.Errorf("%w: effect on %s in %s: %s", data.ErrRefused, rep.Outcome, rep.Table, rep.Refused)
	}
	return nil
}

// logProgress tells what runs on standard error.
func logProgress(ctx context.Context) func(string) {
	return func(what string) { slog.InfoContext(ctx, what) }
}

// writePredictions writes the predictions as Parquet or CSV, by the ending.
func writePredictions(path string, rows []foreign.Prediction) error {
	if filepath.Ext(path) == ".parquet" {
		_, err := data.Write(path, rows)
		return err
	}
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	number := func(v float64) string {
		if math.IsNaN(v) {
			return ""
		}
		return strconv.FormatFloat(v, 'g', -1, 64)
	}
	w.Write([]string{"id", "model", "treatment", "value", "lower", "outcome"})
	for _, p := range rows {
		w.Write([]string{p.ID, p.Model, p.Treatment, number(p.Value), number(p.Lower), number(p.Outcome)})
	}
	w.Flush()
	return data.WriteFile(path, b.Bytes()) // a buffer cannot fail
}

// printTrained writes the report for a person.
func (a *app) printTrained(rep *foreign.Report) {
	fmt.Fprintf(a.stdout, "%s: %d rows, %d features, %.2f %% have %s = 1; split %s (%d to learn, %d to test), seed %d\n",
		rep.Table, rep.Rows, rep.Features, 100*rep.BaseRate, rep.Outcome, rep.Split, rep.TrainRows, rep.TestRows, rep.Seed)
	t := a.newTable("model", "AUC", "±", "log loss", "Brier", "skill", "KS", "calibration error", "slope")
	for _, m := range rep.Models {
		t.AppendRow(table.Row{m.Name, figure(m.AUC), figure(m.AUCSD), figure(m.LogLoss), figure(m.Brier), figure(m.BrierSkill), figure(m.KS), figure(m.ECE), figure(m.CalibSlope)})
	}
	t.Render()
	if len(rep.Uplift) > 0 {
		fmt.Fprintf(a.stdout, "\nEffects over the control (probabilities %s)\n", rep.TreatProb)
		t := a.newTable("treatment", "learner", "ATE", "s.e.", "Qini", "±", "AUUC", "uplift at 30 %", "mean predicted")
		for _, u := range rep.Uplift {
			t.AppendRow(table.Row{u.Treatment, u.Learner, figure(u.ATE), figure(u.ATESE), figure(u.Qini), figure(u.QiniSD), figure(u.AUUC), figure(u.At30), figure(u.MeanUplift)})
		}
		t.Render()
	}
	if len(rep.Fairness) > 0 {
		fmt.Fprintln(a.stdout, "\nProtected groups (never features)")
		t := a.newTable("column", "group", "rows", "observed", "predicted", "AUC")
		for _, g := range rep.Fairness {
			t.AppendRow(table.Row{g.Column, g.Group, g.Rows, fmt.Sprintf("%.4f", g.Observed), fmt.Sprintf("%.4f", g.Predicted), figure(g.AUC)})
		}
		t.Render()
	}
	a.printColumns(rep.Columns, rep.Alarms)
}

// printColumns tells what became of the columns that are no plain features,
// and the alarms.
func (a *app) printColumns(columns []foreign.ColumnUse, alarms []string) {
	var features, others []string
	for _, c := range columns {
		if c.Use == "feature" {
			features = append(features, c.Column)
			continue
		}
		line := c.Column + " (" + c.Use
		if c.Why != "" {
			line += ", " + c.Why
		}
		others = append(others, line+")")
	}
	fmt.Fprintf(a.stdout, "\nFeatures: %s\n", strings.Join(features, ", "))
	if len(others) > 0 {
		fmt.Fprintf(a.stdout, "Not features: %s\n", strings.Join(others, "; "))
	}
	for _, alarm := range alarms {
		fmt.Fprintf(a.stdout, "ALARM: %s\n", alarm)
	}
}

// newTable starts a table on standard output.
func (a *app) newTable(header ...any) table.Writer {
	t := table.NewWriter()
	t.SetOutputMirror(a.stdout)
	t.SetStyle(table.StyleLight)
	t.Style().Format.Header = 0
	t.AppendHeader(header)
	return t
}

// figure writes a figure with four decimals, a dash where there is none.
func figure(v *float64) string {
	if v == nil {
		return "–"
	}
	return strconv.FormatFloat(*v, 'f', 4, 64)
}
