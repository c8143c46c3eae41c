package main

import (
	"fmt"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"dunning/pipeline"
)

// extractAnswer is the answer of extract with --json.
type extractAnswer struct {
	Home       string                 `json:"home"`
	Stage      pipeline.StageResult   `json:"stage"`
	Tables     []pipeline.TableCounts `json:"tables"`
	Quarantine string                 `json:"quarantine"` // path of the rows that were set aside
}

func newExtractCommand(a *app) *cobra.Command {
	var force bool
	cmd := &cobra.Command{
		Use:   "extract",
		Short: "Read the sources into the lake and quarantine what breaks a rule",
		Long: `Run the query of every source of dunning.yaml, check each row and write the lake.
A row that breaks a rule goes to quarantine.parquet with the rule, a message and
the row; more than quarantine.max_share of a table stops with exit code 3. When
neither the sources nor the configuration changed, nothing is done.`,
		Example: `  dunning extract
  dunning extract --force --json`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			config, err := a.loadConfig()
			if err != nil {
				return err
			}
			result, err := pipeline.Run(cmd.Context(), a.home, config, []pipeline.Stage{pipeline.ExtractStage()},
				pipeline.RunOptions{Force: force, Progress: pipeline.NewProgress(a.stderr)})
			if err != nil {
				return err
			}
			out, err := pipeline.OpenOutput(result.Stages[0].Folder)
			if err != nil {
				return err
			}
			answer := extractAnswer{a.home, result.Stages[0], pipeline.ExtractCounts(out.Manifest), out.Path(pipeline.QuarantineName)}
			if a.asJSON {
				return a.printJSON(answer)
			}
			a.printExtract(answer)
			return nil
		},
	}
	cmd.Flags().BoolVar(&force, "force", false, "read the sources again although nothing changed")
	return cmd
}

func (a *app) printExtract(answer extractAnswer) {
	t := table.NewWriter()
	t.SetOutputMirror(a.stdout)
	t.SetStyle(table.StyleLight)
	t.AppendHeader(table.Row{"table", "in", "accepted", "quarantined", "rules"})
	set := int64(0)
	for _, c := range answer.Tables {
		rules := make([]string, len(c.Rules))
		for i, r := range c.Rules {
			rules[i] = fmt.Sprintf("%s %d", r.Rule, r.Rows)
		}
		t.AppendRow(table.Row{c.Table, c.In, c.Accepted, c.Quarantined, strings.Join(rules, ", ")})
		set += c.Quarantined
	}
	t.Render()
	if set > 0 {
		fmt.Fprintf(a.stdout, "Rows that were set aside: %s\n", answer.Quarantine)
	}
}
