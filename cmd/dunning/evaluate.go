package main

import (
	"fmt"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"dunning/data"
	"dunning/pipeline/foreign"
)

// newEvaluateCommand judges treatments and policies from a log.
func newEvaluateCommand(a *app) *cobra.Command {
	var f tableFlags
	cmd := &cobra.Command{
		Use:   "evaluate",
		Short: "Estimate from a log what treatments did and what a policy would bring",
		Long: `Estimate the average effect of each treatment over the control from a table of
decisions that some policy took, and the value of another policy (--policy):
naive, by inverse propensity scores (ips, snips), and doubly robust (dr, with
its standard error and the effective sample size).

Logged probabilities are given with --treat-prob; without them, who was treated
is modelled. Where the log cannot answer (no control arm, a treatment that the
features determine, probabilities of 0 or 1 or that do not fit, a few rows that
carry all the weight) the answer is the reason, and the exit code is 4 when
nothing could be answered. Columns known only after the treatment must be left
out with --drop.`,
		Example: `  dunning evaluate --table log.csv --outcome paid --treatment channel --control hold --treat-prob treat_prob
  dunning evaluate --table log.csv --outcome visit --treatment segment --control "No E-Mail" --treat-prob p_none,p_mens,p_womens --drop spend
  dunning evaluate --table log.csv --outcome paid --treatment channel --control hold --treat-prob treat_prob --policy proposed`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := noArgs(cmd, args); err != nil {
				return err
			}
			return a.evaluateTable(cmd, &f)
		},
	}
	f.add(cmd, "evaluate")
	return cmd
}

func (a *app) evaluateTable(cmd *cobra.Command, f *tableFlags) error {
	if !f.given() {
		return fmt.Errorf("%w: name the table (--table FILE or --roles FILE); see --help", data.ErrUsage)
	}
	r, err := f.resolve(cmd)
	if err != nil {
		return err
	}
	e, err := foreign.Evaluate(cmd.Context(), r, logProgress(cmd.Context()))
	if err != nil {
		return err
	}
	if a.asJSON {
		if err := a.printJSON(e); err != nil {
			return err
		}
	} else {
		a.printEvaluated(e)
	}
	if e.Refused != "" {
		return fmt.Errorf("%w: %s: %s", data.ErrRefused, e.Table, e.Refused)
	}
	return nil
}

// printEvaluated writes the evaluation for a person.
func (a *app) printEvaluated(e *foreign.Evaluation) {
	fmt.Fprintf(a.stdout, "%s: %d rows; effect of %s on %s over %q (probabilities %s)\n", e.Table, e.Rows, e.Treatment, e.Outcome, e.Control, e.TreatProb)
	t := a.newTable("treatment", "naive", "IPS", "SNIPS", "model", "doubly robust", "s.e.", "effective rows", "mean weight", "refused")
	for _, f := range e.Effects {
		t.AppendRow(table.Row{f.Treatment, figure(f.Naive), figure(f.IPS), figure(f.SNIPS), figure(f.Direct), figure(f.DR), figure(f.DRSE), whole(f.ESS), figure(f.MeanWeight), f.Refused})
	}
	t.Render()
	if p := e.Policy; p != nil {
		fmt.Fprintf(a.stdout, "\nMean %s per row under the policy %s\n", e.Outcome, p.Policy)
		t := a.newTable("as logged", "IPS", "SNIPS", "model", "doubly robust", "s.e.", "effective rows", "mean weight", "refused")
		t.AppendRow(table.Row{figure(p.OnLog), figure(p.IPS), figure(p.SNIPS), figure(p.Direct), figure(p.DR), figure(p.DRSE), whole(p.ESS), figure(p.MeanWeight), p.Refused})
		t.Render()
	}
	a.printColumns(e.Columns, e.Alarms)
}

// whole writes a count that need not be whole.
func whole(v *float64) string {
	if v == nil {
		return "–"
	}
	return fmt.Sprintf("%.0f", *v)
}
