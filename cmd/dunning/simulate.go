package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"dunning/data"
	"dunning/data/synth"
	"dunning/pipeline"
)

func newSimulateCommand(a *app) *cobra.Command {
	c := synth.DefaultConfig()
	end, format, preset := c.End.String(), string(synth.CSV), string(c.Preset)
	noTruth := false
	cmd := &cobra.Command{
		Use:   "simulate",
		Short: "Generate a seeded portfolio and the truth that nobody has in life",
		Long: `Write HOME/sources: customers, invoices, payments, touches, touch_events,
promises, bureau_reports and disputes as CSV or Parquet, and HOME/truth: the true
organic payment probabilities, the true effect of every channel and the ceiling of what
can be known, for each logged decision (decisions.parquet), for the week after
the end (asof.parquet), and the latent draws (customers.parquet). With --dirty,
faulty rows are planted among the sources and listed in HOME/truth/faults.csv.

A home without a key for pseudonyms gets the one that all simulated homes have:
remove HOME/document.key before real customers come in.

The same flags give the same bytes. docs/SIMULATOR.md has the equations.`,
		Example: `  dunning simulate --customers 20000 --months 24 --seed 42
  dunning simulate --customers 2000 --dirty 0.02 --format parquet --json
  dunning simulate --customers 5000 --preset letters --home var/letters
  dunning simulate --customers 5000 --null-effects --end 2025-06-30
  dunning simulate --customers 5000 --switch-month 18 --switch-pace 0.5`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var err error
			if c.End, err = data.ParseDate(end); err != nil {
				return fmt.Errorf("%w: --end: %w", data.ErrUsage, err)
			}
			c.Truth, c.Preset = !noTruth, synth.Preset(preset)
			start := time.Now()
			progress := pipeline.NewProgress(a.stderr)
			progress.Begin("simulate", "customers")
			report, err := synth.Write(cmd.Context(), c, a.home, synth.Format(format), func(done int) {
				progress.Advance(int64(done), int64(c.Customers))
			})
			seconds := time.Since(start).Seconds()
			progress.End(simulateResult(report, seconds, err))
			if err != nil {
				return err
			}
			if err := errors.Join(a.configureDemo(format, c.End), pipeline.WriteSimulatedKey(a.home)); err != nil {
				return err
			}
			if a.asJSON {
				return a.printJSON(simulated{Home: a.home, Config: shownConfig(c), Seconds: seconds, Report: report})
			}
			printSimulated(a.stdout, a.home, report)
			return nil
		},
	}
	f := cmd.Flags()
	f.IntVar(&c.Customers, "customers", c.Customers, "customers in the portfolio")
	f.IntVar(&c.Months, "months", c.Months, "months of history before the end")
	f.Uint64Var(&c.Seed, "seed", c.Seed, "seed of all draws")
	f.StringVar(&end, "end", end, "day on which the history stops, the AsOf of a plan")
	f.Float64Var(&c.DirtyShare, "dirty", c.DirtyShare, "faulty rows to plant for each good one, 0 to 0.5")
	f.BoolVar(&c.NullEffects, "null-effects", c.NullEffects, "make every true effect zero")
	f.StringVar(&preset, "preset", preset, "how customers answer to touches: "+presetNames())
	f.Float64Var(&c.HoldoutShare, "holdout", c.HoldoutShare, "share of customers who are never touched")
	f.IntVar(&c.SwitchMonth, "switch-month", c.SwitchMonth, "month of history from which on everybody pays at another pace, 0 for never")
	f.Float64Var(&c.SwitchPace, "switch-pace", 0.5, "that pace, in times the one before")
	f.StringVar(&format, "format", format, "format of the sources: csv or parquet")
	f.BoolVar(&noTruth, "no-truth", false, "write the sources only")
	return cmd
}

func presetNames() string {
	names := make([]string, len(synth.Presets))
	for i, p := range synth.Presets {
		names[i] = string(p)
	}
	return strings.Join(names, ", ")
}

// simulated is the answer of simulate with --json.
type simulated struct {
	Home    string         `json:"home"`
	Config  map[string]any `json:"config"`
	Seconds float64        `json:"seconds"`
	synth.Report
}

func shownConfig(c synth.Config) map[string]any {
	shown := map[string]any{"customers": c.Customers, "months": c.Months, "seed": c.Seed, "end": c.End,
		"dirty": c.DirtyShare, "null_effects": c.NullEffects, "holdout": c.HoldoutShare, "preset": c.Preset}
	if c.SwitchMonth > 0 {
		shown["switch_month"], shown["switch_pace"] = c.SwitchMonth, c.SwitchPace
	}
	return shown
}

func printSimulated(w io.Writer, home string, r synth.Report) {
	t := table.NewWriter()
	t.SetOutputMirror(w)
	t.SetStyle(table.StyleLight)
	t.AppendHeader(table.Row{"file", "rows", "bytes"})
	for _, f := range slices.Concat(r.Sources, r.Truth) {
		t.AppendRow(table.Row{filepath.Join(home, filepath.FromSlash(f.Name)), f.Rows, f.Bytes})
	}
	t.Render()
	s := r.Shares
	fmt.Fprintf(w, "\npaid by the due date %.1f %%, within ten days after it %.1f %%; overdue over 30 days %.1f %% of the open balance\n",
		100*s.PaidByDue, 100*s.PaidSoon, 100*s.Overdue30)
	if s.Effects == nil {
		return
	}
	fmt.Fprintf(w, "decisions: balance paid within 7 days without a touch %.1f %%; true mean effect of a touch, in percentage points:", 100*s.OrganicAvg)
	for _, ch := range data.Channels {
		fmt.Fprintf(w, " %s %+.2f", ch, 100*s.Effects[ch])
	}
	fmt.Fprintln(w)
}

// simulateResult is what the progress shows at the end.
func simulateResult(r synth.Report, seconds float64, err error) pipeline.StageResult {
	res := pipeline.StageResult{Stage: "simulate", Status: pipeline.StatusDone, Seconds: seconds}
	if err != nil {
		res.Status = pipeline.StatusFailed
	}
	for _, f := range slices.Concat(r.Sources, r.Truth) {
		res.Rows += f.Rows
	}
	return res
}

// configureDemo makes the home ready to run: a configuration that reads the
// simulated sources. One that is there already is the user's, and stays.
func (a *app) configureDemo(format string, asOf data.Date) error {
	path := filepath.Join(a.home, pipeline.ConfigName)
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	_, err := pipeline.WriteConfig(a.home, format, asOf.String(), false)
	return err
}
