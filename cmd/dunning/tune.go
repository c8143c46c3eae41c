package main

import (
	"fmt"
	"path/filepath"
	"runtime"
	"strconv"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"dunning/data"
	"dunning/models/tune"
	"dunning/pipeline"
	"dunning/pipeline/foreign"
)

// tuneFlags are the flags of a search.
type tuneFlags struct {
	trials  int
	limit   time.Duration // --for
	journal string
	write   bool
	asOf    string
	table   tableFlags
}

func newTuneCommand(a *app) *cobra.Command {
	var f tuneFlags
	cmd := &cobra.Command{
		Use:   "tune",
		Short: "Search the parameters of the boosted trees",
		Long: `Search the parameters of the payment model of the lake under --home, or with
--table or --roles those of the boosted trees on a foreign table (columns as in
"dunning train --table"). Trials are judged on folds before the test period,
which is not touched; the winner is compared with what is in force on later
rows that no trial saw.

Every trial is written to a journal at once. A search that is stopped, even by
kill -9, is gone on with by the same command, and finds what it would have found
undisturbed. A time limit decides how many trials there are and nothing else.

--write puts the winner into dunning.yaml (or the file of --roles) when it is
better beyond doubt; else the exit code is 4.`,
		Example: `  dunning tune --for 10m
  dunning tune --trials 40 --write
  dunning tune --roles data/examples/uci_default/train.yaml --split random:0.3 --trials 60`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.tune(cmd, &f) },
	}
	fl := cmd.Flags()
	fl.IntVar(&f.trials, "trials", 0, "trials to make at most, with those of the journal (0: no bound)")
	fl.DurationVar(&f.limit, "for", 0, "begin no trial after this time, e.g. 10m (0: no limit; 10m where --trials is not given either)")
	fl.StringVar(&f.journal, "journal", "", "folder of the journal (default HOME/models/tune)")
	fl.BoolVar(&f.write, "write", false, "write the winner into dunning.yaml, or into the file of --roles")
	fl.StringVar(&f.asOf, "as-of", "", "day of the plan (default: as_of of dunning.yaml, or the day after the last event)")
	f.table.addForTuning(cmd)
	return cmd
}

// addForTuning declares the roles that a search of parameters has a use for.
func (f *tableFlags) addForTuning(cmd *cobra.Command) {
	fl, r := cmd.Flags(), &f.roles
	fl.StringVar(&f.rolesFile, "roles", "", "YAML file with the table and the roles of its columns; flags win over it")
	fl.StringVar(&r.Table, "table", "", "CSV (also .gz) or Parquet file")
	fl.StringVar(&r.ID, "id", "", "column that names the row or its customer; rows of one id stay together")
	fl.StringVar(&r.Outcome, "outcome", "", "column to predict")
	fl.StringVar(&r.Positive, "positive", "", "value of the outcome that counts as 1")
	fl.StringVar(&r.Time, "time", "", "column with the moment of the decision")
	fl.StringVar(&r.Matured, "matured", "", "column with the moment when the outcome became known")
	fl.StringVar(&f.drop, "drop", "", "columns that are no features, separated by commas")
	fl.StringVar(&f.keep, "keep", "", "columns to use in spite of a trap or a suspected leak")
	fl.StringVar(&f.protected, "protected", "", "columns never used as features")
	fl.StringVar(&f.categories, "categories", "", "columns of numbers that are codes")
	fl.StringVar(&r.Split, "split", "", "time:DATE, order:SHARE or random:SHARE: its test rows are not touched (folds and default: random:0.2)")
	fl.IntVar(&r.Limit, "limit", 0, "read the first rows only (0: all)")
	fl.Uint64Var(&r.Seed, "seed", 0, "seed of the search; of a table also that of the split and the models (default: that of dunning.yaml or the roles)")
}

// tuned is what a search found, of the lake or of a table, and where its winner
// belongs.
type tuned struct {
	title    string // what was searched, for a person
	report   *tune.Report
	answer   any    // what --json prints before the fragment
	file     string // of --write; "" where there is none
	section  string // of the file
	depthKey string // the depth's name there
}

func (a *app) tune(cmd *cobra.Command, f *tuneFlags) error {
	if f.trials < 0 || f.limit < 0 {
		return fmt.Errorf("%w: --trials and --for must not be negative", data.ErrUsage)
	}
	if f.trials == 0 && f.limit == 0 {
		f.limit = 10 * time.Minute
	}
	search := a.tuneHome
	if f.table.given() {
		search = a.tuneTable
	}
	t, err := search(cmd, f)
	if err != nil {
		return err
	}
	settings := t.settings()
	written := ""
	if f.write && t.report.Better {
		if err := pipeline.WriteSettings(t.file, t.section, settings); err != nil {
			return err
		}
		written = t.file
	}
	fragment := pipeline.Fragment(t.section, settings)
	if a.asJSON {
		err = a.printJSON(map[string]any{"search": t.answer, "yaml": fragment, "written": written})
	} else {
		a.printTuned(t, fragment, written)
	}
	if err == nil && f.write && !t.report.Better {
		err = fmt.Errorf("%w: not written: the winner is not better than what is in force beyond doubt (difference of log loss %+.5f, 95 %% from %+.5f to %+.5f)",
			data.ErrRefused, t.report.Confirm.Difference, t.report.Confirm.Low, t.report.Confirm.High)
	}
	return err
}

// tuneHome searches on the lake.
func (a *app) tuneHome(cmd *cobra.Command, f *tuneFlags) (*tuned, error) {
	config, err := a.loadConfig()
	if err != nil {
		return nil, err
	}
	if f.asOf != "" {
		day, err := data.ParseDate(f.asOf)
		if err != nil {
			return nil, fmt.Errorf("%w: --as-of: %w", data.ErrUsage, err)
		}
		config.AsOf = &day
	}
	seed := config.Seed
	if cmd.Flags().Changed("seed") {
		seed = f.table.roles.Seed
	}
	r, err := pipeline.Tune(cmd.Context(), a.home, config, pipeline.TuneOptions{
		Seed: seed, Journal: f.journal, Stages: pipeline.NewProgress(a.stderr), More: a.moreTrials(f), Told: a.tellTrial()})
	if err != nil {
		return nil, err
	}
	t := &tuned{report: r.Report, answer: r, file: a.config, section: "train", depthKey: "depth"}
	if t.file == "" {
		t.file = filepath.Join(a.home, pipeline.ConfigName)
	}
	t.title = fmt.Sprintf("Payment within %d days, nobody touching: %d decisions before the test period, which begins on %s and was not touched", r.HorizonDays, r.Rows, r.TestFrom)
	return t, nil
}

// tuneTable searches on a foreign table.
func (a *app) tuneTable(cmd *cobra.Command, f *tuneFlags) (*tuned, error) {
	if f.write && f.table.rolesFile == "" {
		return nil, fmt.Errorf("%w: --write puts the winner into the file of --roles; name one", data.ErrUsage)
	}
	roles, err := f.table.resolve(cmd)
	if err != nil {
		return nil, err
	}
	if f.journal == "" {
		f.journal = filepath.Join(a.home, filepath.FromSlash(pipeline.TuneFolder))
	}
	r, err := foreign.Tune(cmd.Context(), roles, runtime.GOMAXPROCS(0), tune.Options{Folder: f.journal, More: a.moreTrials(f), Told: a.tellTrial()}, logProgress(cmd.Context()))
	if err != nil {
		return nil, err
	}
	t := &tuned{report: r.Report, answer: r, file: f.table.rolesFile, section: "params", depthKey: "max_depth"}
	t.title = fmt.Sprintf("%s in %s: %d rows; the %d test rows of %s were not touched", r.Outcome, r.Table, r.Rows, r.TestRows, r.Test)
	return t, nil
}

// moreTrials says when a search ends.
func (a *app) moreTrials(f *tuneFlags) func(int) bool {
	end := a.now().Add(f.limit)
	return func(n int) bool {
		return (f.trials == 0 || n < f.trials) && (f.limit == 0 || a.now().Before(end))
	}
}

// tellTrial writes a line for every trial that is done.
func (a *app) tellTrial() func(tune.Trial) {
	best := -1.0
	return func(t tune.Trial) {
		what := "dropped after one fold"
		if !t.Dropped {
			if best < 0 || t.Loss < best {
				best = t.Loss
			}
			what = fmt.Sprintf("best so far %.5f", best)
		}
		fmt.Fprintf(a.stderr, "trial %3d  %-8s  log loss %.5f  %s\n", t.N, t.From, t.Loss, what)
	}
}

// settings are the winner's parameters as the file has them.
func (t *tuned) settings() []pipeline.Setting {
	out := []pipeline.Setting{{Key: "rounds", Value: strconv.Itoa(t.report.Winner.Rounds)}}
	for _, d := range t.report.Space {
		key := d.Name
		if key == tune.Depth {
			key = t.depthKey
		}
		out = append(out, pipeline.Setting{Key: key, Value: plainNumber(t.report.Winner.Params[d.Name])})
	}
	return out
}

func plainNumber(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }

// shownTrials bounds the table of trials that a person sees.
const shownTrials = 15

// printTuned writes what was found for a person.
func (a *app) printTuned(t *tuned, fragment, written string) {
	r := t.report
	fmt.Fprintf(a.stdout, "%s.\n%d trials, seed %d; journal %s\n", t.title, len(r.Trials), r.Seed, a.shown(r.Journal))
	header := []any{"rank", "trial", "from", "rounds"}
	for _, d := range r.Space {
		header = append(header, d.Name)
	}
	w := a.newTable(append(header, "log loss", "folds")...)
	for rank, trial := range r.Ranked() {
		if rank >= shownTrials && trial.N != 0 {
			continue
		}
		row := table.Row{rank + 1, trial.N, trial.From, trial.Rounds}
		for _, d := range r.Space {
			row = append(row, plainNumber(trial.Params[d.Name]))
		}
		w.AppendRow(append(row, fmt.Sprintf("%.5f", trial.Loss), len(trial.Losses)))
	}
	w.Render()
	c := r.Confirm
	fmt.Fprintf(a.stdout, "\nOn %d rows that no trial saw%s:\n", c.Rows, since(r.ConfirmFrom))
	w = a.newTable("", "log loss", "AUC", "Brier")
	w.AppendRow(table.Row{"in force", fmt.Sprintf("%.5f", c.InForce.LogLoss), fmt.Sprintf("%.4f", c.InForce.AUC), fmt.Sprintf("%.5f", c.InForce.Brier)})
	w.AppendRow(table.Row{"winner", fmt.Sprintf("%.5f", c.Winner.LogLoss), fmt.Sprintf("%.4f", c.Winner.AUC), fmt.Sprintf("%.5f", c.Winner.Brier)})
	w.Render()
	fmt.Fprintf(a.stdout, "Difference of log loss %+.5f, 95 %% from %+.5f to %+.5f: %s\n\n%s", c.Difference, c.Low, c.High, verdict(r), fragment)
	if written != "" {
		fmt.Fprintf(a.stdout, "\nWritten into %s\n", a.shown(written))
	}
}

func since(day string) string {
	if day == "" {
		return ""
	}
	return ", from " + day + " on"
}

func verdict(r *tune.Report) string {
	switch {
	case r.Winner.N == 0:
		return "nothing better was found than what is in force"
	case r.Better:
		return "the winner is better"
	case r.Confirm.Low > 0:
		return "the winner is worse; keep what is in force"
	}
	return "no gain is proven; keep what is in force"
}
