package main

import (
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
		Long: `Run extract, features, train, score, optimize and report, in this order. A stage
whose inputs and configuration did not change is skipped. A run that was stopped,
even by kill -9, is gone on with by running again.`,
		Example: `  dunning run
  dunning run --as-of 2026-01-05 --from train --force
  dunning run --to extract --json`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.runStages(cmd, flags, from, to)
		},
	}
	flags.register(cmd)
	cmd.Flags().StringVar(&from, "from", "", "first stage to run (default extract); earlier ones must have run before")
	cmd.Flags().StringVar(&to, "to", "", "last stage to run (default report)")
	return cmd
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
	config, err := a.loadConfig()
	if err != nil {
		return err
	}
	if flags.asOf != "" {
		day, err := data.ParseDate(flags.asOf)
		if err != nil {
			return fmt.Errorf("%w: --as-of: %w", data.ErrUsage, err)
		}
		config.AsOf = &day
	}
	result, err := pipeline.Run(cmd.Context(), a.home, config, pipeline.Stages(), pipeline.RunOptions{
		From: from, To: to, Force: flags.force, Progress: pipeline.NewProgress(a.stderr)})
	if err != nil {
		return err
	}
	if err := a.promote(result); err != nil {
		return err
	}
	answer := runAnswer{Home: a.home, RunResult: result}
	folder := ""
	if last := result.Stages[len(result.Stages)-1]; last.Stage == "report" {
		folder = last.Folder
		answer.Report = filepath.Join(folder, pipeline.ReportName)
	}
	if a.asJSON {
		return a.printJSON(answer)
	}
	if folder == "" {
		return nil
	}
	text, err := os.ReadFile(filepath.Join(folder, pipeline.ReportTextName))
	if err != nil {
		return err
	}
	if _, err := a.stdout.Write(text); err != nil {
		return err
	}
	fmt.Fprintf(a.stdout, "\nThe report with pictures: %s\n", a.shown(answer.Report))
	return nil
}

// loadConfig reads the configuration of the home, or the file of --config.
func (a *app) loadConfig() (*pipeline.Config, error) {
	if a.config != "" {
		return pipeline.LoadConfigFile(a.config)
	}
	return pipeline.LoadConfig(a.home)
}

// promote puts the models of a run into service.
func (a *app) promote(result *pipeline.RunResult) error {
	for _, s := range result.Stages {
		if s.Stage != "train" {
			continue
		}
		refused, err := pipeline.Promote(a.home, *result.AsOf)
		if err != nil {
			return err
		}
		if refused != "" {
			fmt.Fprintf(a.stderr, "the new model is not put into service: %s\n", refused)
		}
	}
	return nil
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
