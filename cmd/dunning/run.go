package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"dunning/data"
	"dunning/pipeline"
)

// runFlags are the flags of every command that runs stages.
type runFlags struct {
	asOf  string
	force bool
}

func (f *runFlags) register(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.asOf, "as-of", "", "day for which to plan, e.g. 2026-01-05 (default: as_of of dunning.yaml, or the day after the last event)")
	cmd.Flags().BoolVar(&f.force, "force", false, "run the stages again although nothing changed")
}

func newRunCommand(a *app) *cobra.Command {
	var flags runFlags
	var from, to string
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Run the whole pipeline, from the sources to the plan and its report",
		Long: `Run extract, features, train, segments, score, optimize, forecast and report, in
this order. A stage whose inputs and configuration did not change is skipped. A run that was
stopped, even by kill -9, is gone on with by running again.

--from and --to name stages, and bound the run; or they are days, and everything
is run for each day from the first to the last.`,
		Example: `  dunning run
  dunning run --as-of 2026-01-05 --from train --force
  dunning run --to extract --json
  dunning run --from 2025-12-29 --to 2026-01-05`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			days, err := dayRange(from, to, flags.asOf)
			switch {
			case err != nil:
				return err
			case days != nil:
				return a.runDays(cmd, flags, days)
			}
			return a.runStages(cmd, flags, from, to)
		},
	}
	flags.register(cmd)
	cmd.Flags().StringVar(&from, "from", "", "first stage to run (default extract; earlier ones must have run before), or first day")
	cmd.Flags().StringVar(&to, "to", "", "last stage to run (default report), or last day")
	return cmd
}

// dayRange reads --from and --to as days; nil when they are none.
func dayRange(from, to, asOf string) ([]data.Date, error) {
	first, err1 := data.ParseDate(from)
	last, err2 := data.ParseDate(to)
	switch {
	case err1 != nil && err2 != nil:
		return nil, nil // stages, or nothing
	case err1 != nil || err2 != nil:
		return nil, fmt.Errorf("%w: --from %q and --to %q: give two days or two stages", data.ErrUsage, from, to)
	case asOf != "":
		return nil, fmt.Errorf("%w: --as-of beside a range of days; give one of them", data.ErrUsage)
	case last < first:
		return nil, fmt.Errorf("%w: --from %s is after --to %s", data.ErrUsage, from, to)
	}
	var days []data.Date
	for d := first; d <= last; d++ {
		days = append(days, d)
	}
	return days, nil
}

// stageCommand makes the command that brings one stage, and what it needs, up
// to date.
func stageCommand(name, short, example string) func(*app) *cobra.Command {
	return func(a *app) *cobra.Command {
		var flags runFlags
		cmd := &cobra.Command{
			Use: name, Short: short, Args: noArgs,
			Long:    short + ".\nEarlier stages must have run; \"dunning run --to " + name + "\" runs them as needed.",
			Example: example,
			RunE: func(cmd *cobra.Command, _ []string) error {
				return a.runStages(cmd, flags, name, name)
			},
		}
		flags.register(cmd)
		return cmd
	}
}

var (
	newFeaturesCommand = stageCommand("features", "Compute point-in-time features and labels", "  dunning features --as-of 2026-01-05")
	newScoreCommand    = stageCommand("score", "Value every contact that could be made in the planning window", "  dunning score")
	newOptimizeCommand = stageCommand("optimize", "Choose the actions: the plan, its prices, its certificate", "  dunning optimize --force")
	newReportCommand   = stageCommand("report", "Write the indicators and pictures of the last run", "  dunning report --json")
)

// runAnswer is the answer of a run with --json.
type runAnswer struct {
	Home string `json:"home"`
	*pipeline.RunResult
	Report string `json:"report,omitempty"` // path of the HTML page
}

// runStages runs the stages from … to and shows the report when it is among
// them.
func (a *app) runStages(cmd *cobra.Command, flags runFlags, from, to string) error {
	answer, err := a.runOnce(cmd, flags, from, to)
	if err != nil {
		return err
	}
	if a.asJSON {
		return a.printJSON(answer)
	}
	return a.showReport(answer)
}

// runDays runs everything for each day and shows the last day's report.
func (a *app) runDays(cmd *cobra.Command, flags runFlags, days []data.Date) error {
	var answers []runAnswer
	for _, day := range days {
		flags.asOf = day.String()
		fmt.Fprintf(a.stderr, "as of %s\n", day)
		answer, err := a.runOnce(cmd, flags, "", "")
		if err != nil {
			return fmt.Errorf("as of %s: %w", day, err)
		}
		answers = append(answers, answer)
	}
	if a.asJSON {
		return a.printJSON(map[string]any{"home": a.home, "runs": answers})
	}
	return a.showReport(answers[len(answers)-1])
}

// runOnce runs the stages from … to for one day.
func (a *app) runOnce(cmd *cobra.Command, flags runFlags, from, to string) (runAnswer, error) {
	config, err := a.loadConfig()
	if err != nil {
		return runAnswer{}, err
	}
	if flags.asOf != "" {
		day, err := data.ParseDate(flags.asOf)
		if err != nil {
			return runAnswer{}, fmt.Errorf("%w: --as-of: %w", data.ErrUsage, err)
		}
		config.AsOf = &day
	}
	result, err := pipeline.Run(cmd.Context(), a.home, config, pipeline.Stages(), pipeline.RunOptions{
		From: from, To: to, Force: flags.force, Progress: pipeline.NewProgress(a.stderr),
		After: func(ctx context.Context, stage string, asOf data.Date) error {
			if stage != "train" {
				return nil
			}
			return a.promote(ctx, config, asOf)
		}})
	if err != nil {
		return runAnswer{}, err
	}
	answer := runAnswer{Home: a.home, RunResult: result}
	if last := result.Stages[len(result.Stages)-1]; last.Stage == "report" {
		answer.Report = filepath.Join(last.Folder, pipeline.ReportName)
	}
	return answer, nil
}

// showReport prints the summary of a run that ended with a report.
func (a *app) showReport(answer runAnswer) error {
	if answer.Report == "" {
		return nil
	}
	text, err := os.ReadFile(filepath.Join(filepath.Dir(answer.Report), pipeline.ReportTextName))
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(a.stdout, "%s\nThe report with pictures: %s\n", text, a.shown(answer.Report))
	return err
}

// loadConfig reads the configuration of the home, or the file of --config.
func (a *app) loadConfig() (*pipeline.Config, error) {
	if a.config != "" {
		return pipeline.LoadConfigFile(a.config)
	}
	return pipeline.LoadConfig(a.home)
}

// promote puts the models that were trained for a day into force, where the gate
// lets them pass: before anything is scored with them.
func (a *app) promote(ctx context.Context, config *pipeline.Config, asOf data.Date) error {
	refused, err := pipeline.Promote(ctx, a.home, config, asOf, whoami())
	if err == nil && refused != "" {
		fmt.Fprintf(a.stderr, "THE NEW MODEL IS NOT PUT INTO FORCE: %s\n", refused)
	}
	return err
}

// shown shortens a path within the working folder.
func (a *app) shown(path string) string {
	dir, err := os.Getwd()
	if err != nil {
		return path
	}
	if rel, err := filepath.Rel(dir, path); err == nil && len(rel) < len(path) {
		return rel
	}
	return path
}
