package main

import (
	"fmt"
	"maps"
	"os/user"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"dunning/data"
	"dunning/models/registry"
	"dunning/pipeline"
)

// newModelsCommand works on the versions of the models.
func newModelsCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "models",
		Short: "List, compare, promote and withdraw versions of the models",
		Long: `Every training is kept as a version that never changes, with the hashes of its
data, features, configuration and code, its seed and its environment. The
champion is in force: the server predicts with it. The challenger is the version
trained last that was never in force. A version is named by its id, the beginning
of it (four digits or more), or one of these two words.

The gate lets a version pass that is better than the trailing base rate and no
worse than the champion on decisions that it had not seen, calibrated, and
without an alarm. Who did what, when and why is kept in models/journal.jsonl.`,
		Example: `  dunning models list
  dunning models gate
  dunning models promote challenger --why "monthly retraining"
  dunning models rollback --why "calls rose without cause"`,
		Args: noArgs,
		RunE: func(*cobra.Command, []string) error {
			return fmt.Errorf("%w: models needs list, show, compare, gate, promote or rollback; see --help", data.ErrUsage)
		},
	}
	cmd.AddCommand(a.modelsList(), a.modelsShow(), a.modelsCompare(), a.modelsGate(), a.modelsPromote(), a.modelsRollback())
	return cmd
}

// whoami names the person at work for the journal.
func whoami() string {
	if u, err := user.Current(); err == nil && u.Username != "" {
		return u.Username
	}
	return "unknown"
}

// atMost takes up to n arguments.
func atMost(n int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) > n {
			return fmt.Errorf("%w: %s takes at most %d arguments; see --help", data.ErrUsage, cmd.CommandPath(), n)
		}
		return nil
	}
}

// argument returns argument i, or what stands for it.
func argument(args []string, i int, otherwise string) string {
	if i < len(args) {
		return args[i]
	}
	return otherwise
}

// versionRow is a version in the answer of list.
type versionRow struct {
	registry.Status
	AUC         *float64 `json:"auc"`
	LogLoss     *float64 `json:"log_loss"`
	BaseLogLoss *float64 `json:"base_log_loss"`
	Alarms      int      `json:"alarms"`
}

func (a *app) modelsList() *cobra.Command {
	var journal bool
	cmd := &cobra.Command{
		Use: "list", Short: "List the versions, the one trained last first",
		Example: "  dunning models list\n  dunning models list --journal --json",
		Args:    noArgs,
		RunE: func(*cobra.Command, []string) error {
			s := pipeline.Models(a.home)
			list, err := s.List()
			if err != nil {
				return err
			}
			rows := make([]versionRow, len(list))
			for i, v := range list {
				t, err := pipeline.OpenTrained(s, v.ID)
				if err != nil {
					return err
				}
				m := t.Evaluation.Payment.Models
				rows[i] = versionRow{v, m[0].AUC, m[0].LogLoss, m[len(m)-1].LogLoss, len(t.Evaluation.Health.Alarms)}
			}
			entries, err := s.Journal()
			if err != nil {
				return err
			}
			if a.asJSON {
				return a.printJSON(map[string]any{"versions": rows, "journal": append([]registry.Entry{}, entries...)})
			}
			t := a.newTable("version", "", "as of", "registered", "by", "AUC", "log loss", "base rate's", "alarms")
			for _, r := range rows {
				t.AppendRow(table.Row{r.ID, r.Alias, r.AsOf, when(&r.RegisteredAt), r.RegisteredBy, figure(r.AUC), figure(r.LogLoss), figure(r.BaseLogLoss), r.Alarms})
			}
			t.Render()
			if journal {
				t := a.newTable("when", "who", "did", "version", "before", "why")
				for _, e := range entries {
					t.AppendRow(table.Row{when(&e.At), e.By, e.Deed, e.Version, e.Previous, e.Why})
				}
				t.Render()
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&journal, "journal", false, "also show who did what, when and why")
	return cmd
}

func (a *app) modelsShow() *cobra.Command {
	return &cobra.Command{
		Use: "show [VERSION]", Short: "Show where a version comes from and how good it is (default: the champion)",
		Example: "  dunning models show\n  dunning models show challenger --json",
		Args:    atMost(1),
		RunE: func(_ *cobra.Command, args []string) error {
			s := pipeline.Models(a.home)
			v, err := pipeline.OpenTrained(s, argument(args, 0, registry.Champion))
			if err != nil {
				return err
			}
			if a.asJSON {
				return a.printJSON(map[string]any{"version": v.Record, "evaluation": v.Evaluation})
			}
			t := a.newTable("version", v.ID)
			t.AppendRows([]table.Row{{"as of", v.AsOf}, {"seed", v.Seed}, {"configuration", v.ConfigHash}, {"code", v.CodeHash},
				{"features", fmt.Sprintf("schema %d, %s", v.FeatureSchema, v.FeatureHash)},
				{"environment", fmt.Sprintf("%s, %s/%s", v.Environment.Go, v.Environment.OS, v.Environment.Arch)}})
			for _, name := range slices.Sorted(maps.Keys(v.DataHashes)) {
				t.AppendRow(table.Row{"data: " + name, v.DataHashes[name]})
			}
			t.AppendRow(table.Row{"folder", a.shown(s.Dir(v.ID))})
			t.Render()
			a.printScores(v.Evaluation.Payment.Models)
			for _, alarm := range v.Evaluation.Health.Alarms {
				fmt.Fprintf(a.stdout, "ALARM (%s) %s: %s\n", alarm.Kind, alarm.Subject, alarm.Text)
			}
			return nil
		},
	}
}

// printScores shows the models of one training side by side.
func (a *app) printScores(scores []data.ModelScore) {
	t := a.newTable("model", "AUC", "Gini", "KS", "PR-AUC", "log loss", "Brier skill", "slope", "in the large")
	for _, m := range scores {
		t.AppendRow(table.Row{m.Name, figure(m.AUC), figure(m.Gini), figure(m.KS), figure(m.PRAUC), figure(m.LogLoss), figure(m.BrierSkill), figure(m.Slope), figure(m.Large)})
	}
	t.Render()
}

func (a *app) modelsCompare() *cobra.Command {
	return &cobra.Command{
		Use: "compare [VERSION [OTHER]]", Short: "Compare two versions (default: the challenger with the champion)",
		Example: "  dunning models compare\n  dunning models compare 3f9c2a7b 81d0aa52 --json",
		Args:    atMost(2),
		RunE: func(_ *cobra.Command, args []string) error {
			c, err := pipeline.CompareModels(a.home, argument(args, 0, registry.Challenger), argument(args, 1, registry.Champion))
			if err != nil {
				return err
			}
			if a.asJSON {
				return a.printJSON(c)
			}
			t := a.newTable("", c.Version, c.Other)
			for _, f := range c.Figures {
				t.AppendRow(table.Row{f.Name, figure(f.Version), figure(f.Other)})
			}
			t.Render()
			if c.CommonRows > 0 {
				fmt.Fprintf(a.stdout, "On %d decisions that neither had seen the log loss of %s differs by %s ± %s.\n", c.CommonRows, c.Version, figure(c.LossDiff), figure(c.LossDiffSE))
			} else {
				fmt.Fprintln(a.stdout, "No decision was predicted by both without having been seen: the figures are of different periods.")
			}
			return nil
		},
	}
}

func (a *app) modelsGate() *cobra.Command {
	return &cobra.Command{
		Use: "gate [VERSION]", Short: "Say whether a version may be put into force, check by check (default: the challenger)",
		Long:    "Say whether a version may be put into force, check by check. The exit code is 4 when it may not.",
		Example: "  dunning models gate\n  dunning models gate 3f9c2a7b --json",
		Args:    atMost(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			g, err := pipeline.Gate(cmd.Context(), a.home, argument(args, 0, registry.Challenger))
			if err != nil {
				return err
			}
			if err := a.printGate(g); err != nil || g.OK {
				return err
			}
			return fmt.Errorf("%w: version %s: %s", data.ErrRefused, g.Version, g.Reason())
		},
	}
}

func (a *app) printGate(g pipeline.GateResult) error {
	if a.asJSON {
		return a.printJSON(g)
	}
	t := a.newTable("check", "", "figure", "limit", "")
	for _, c := range g.Checks {
		verdict := "refused"
		if c.OK {
			verdict = "passed"
		}
		t.AppendRow(table.Row{c.Name, verdict, figure(c.Figure), figure(c.Limit), c.Text})
	}
	t.Render()
	return nil
}

// signature is who does something, and why.
type signature struct{ by, why string }

func (s *signature) register(cmd *cobra.Command) {
	cmd.Flags().StringVar(&s.by, "by", "", "who does it (default: the user of this session)")
	cmd.Flags().StringVar(&s.why, "why", "", "why, for the journal (required)")
}

func (s *signature) check() error {
	if strings.TrimSpace(s.why) == "" {
		return fmt.Errorf("%w: --why is empty; the journal wants a reason", data.ErrUsage)
	}
	if s.by == "" {
		s.by = whoami()
	}
	return nil
}

func (a *app) modelsPromote() *cobra.Command {
	var sign signature
	cmd := &cobra.Command{
		Use: "promote [VERSION]", Short: "Put a version into force, if the gate lets it pass (default: the challenger)",
		Long: `Put a version into force, if the gate lets it pass; the exit code is 4 when it does
not. With models.other_person in dunning.yaml, who trained a version may not
promote it.`,
		Example: `  dunning models promote --why "monthly retraining"
  dunning models promote 3f9c2a7b --by ana --why "reviewed with risk"`,
		Args: atMost(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := sign.check(); err != nil {
				return err
			}
			config, err := a.loadConfig()
			if err != nil {
				return err
			}
			g, err := pipeline.PromoteBy(cmd.Context(), a.home, config, argument(args, 0, registry.Challenger), sign.by, sign.why)
			if g.Checks != nil {
				if perr := a.printGate(g); perr != nil {
					return perr
				}
			}
			if err == nil {
				fmt.Fprintf(a.stderr, "%s is in force\n", g.Version)
			}
			return err
		},
	}
	sign.register(cmd)
	return cmd
}

func (a *app) modelsRollback() *cobra.Command {
	var sign signature
	cmd := &cobra.Command{
		Use: "rollback", Short: "Withdraw the champion and put the one before it back into force",
		Long:    "Withdraw the champion and put the one before it back into force. No run promotes a version again that was withdrawn; a person may.",
		Example: `  dunning models rollback --why "calibration broke after the holiday"`,
		Args:    noArgs,
		RunE: func(*cobra.Command, []string) error {
			if err := sign.check(); err != nil {
				return err
			}
			from, to, err := pipeline.Models(a.home).Rollback(sign.by, sign.why)
			if err != nil {
				return err
			}
			if a.asJSON {
				return a.printJSON(map[string]string{"withdrawn": from, "champion": to})
			}
			fmt.Fprintf(a.stdout, "%s is withdrawn, %s is in force again\n", from, to)
			return nil
		},
	}
	sign.register(cmd)
	return cmd
}
