package main

import (
	"github.com/spf13/cobra"
)

// newTrainCommand trains on the lake, or with --table or --roles on a table
// that did not come from our own stages.
func newTrainCommand(a *app) *cobra.Command {
	var f tableFlags
	var stage runFlags
	cmd := &cobra.Command{
		Use:   "train",
		Short: "Fit models and report how they do on rows they did not see",
		Long: `Without --table or --roles, train the models of the lake under --home.

With --table, take any CSV or Parquet file and the roles of its columns: fit the
base rate, a logistic regression, golearn's trees and XGBoost side by side and,
when a treatment is named, the effect learners S, T, X and DR. Numbers become
features as they are, dates as days, texts as categories; the report says what
became of each column, and a column that alone tells the outcome is left out as
a suspected leak. The roles may also stand in a YAML file (--roles); flags win.`,
		Example: `  dunning train --home var/mine
  dunning train --table credit.csv --id id --outcome defaulted --split folds:5
  dunning train --table mail.parquet --outcome visit --treatment segment --control "No E-Mail" --drop spend --repeats 10
  dunning train --roles data/examples/uci_default/train.yaml --json`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := noArgs(cmd, args); err != nil {
				return err
			}
			if f.given() {
				return a.trainTable(cmd, &f)
			}
			return a.runStages(cmd, stage, "train", "train")
		},
	}
	f.add(cmd, "train")
	stage.register(cmd)
	return cmd
}
