package main

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"dunning/data"
	"dunning/pipeline"
)

// newBacktestCommand says what policies would have been worth.
func newBacktestCommand(a *app) *cobra.Command {
	var flags runFlags
	var o pipeline.BacktestOptions
	var budgets []int64
	cmd := &cobra.Command{
		Use:   "backtest",
		Short: "Say what the plan and simpler policies are truly worth",
		Long: `Compare the plan with simpler policies under the same budget and capacities, and
what it expected with what it is worth.

On a simulated portfolio all is judged by the truth: the predictions of payment,
the estimated effects, and plans of one touch per customer (--touches for more)
by the truth itself (oracle), by someone who knows the simulator's equations and
not its latent draws (ceiling), by our estimates, by an S- and a T-learner over
features, and by rules of thumb.

On any other portfolio policies are judged on the logged decisions of the test
period, doubly robust, by the probabilities with which they were taken. Where
the log has none, or a few rows would carry all the weight, the answer is the
reason, and the exit code is 4.

Stages up to score are run as needed.`,
		Example: `  dunning simulate --preset letters --customers 5000 && dunning backtest
  dunning backtest --budgets 75000,150000,300000 --json
  dunning backtest --touches 3`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			for _, b := range budgets {
				if b <= 0 {
					return fmt.Errorf("%w: --budgets: %d is no budget, in cents", data.ErrUsage, b)
				}
				o.BudgetsCents = append(o.BudgetsCents, data.Cents(b))
			}
			return a.backtest(cmd, flags, o)
		},
	}
	flags.register(cmd)
	cmd.Flags().Int64SliceVar(&budgets, "budgets", nil, "budgets in cents (default half, once and twice budget_cents)")
	cmd.Flags().IntVar(&o.Touches, "touches", 1, "touches per customer at most, of those that the configuration allows")
	return cmd
}

func (a *app) backtest(cmd *cobra.Command, flags runFlags, o pipeline.BacktestOptions) error {
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
	result, err := pipeline.Run(cmd.Context(), a.home, config, pipeline.BacktestStages(o), pipeline.RunOptions{
		Force: flags.force, Progress: pipeline.NewProgress(a.stderr)})
	if err != nil {
		return err
	}
	folder := result.Stages[len(result.Stages)-1].Folder
	b, err := pipeline.ReadBacktest(folder)
	if err != nil {
		return err
	}
	if a.asJSON {
		if err := a.printJSON(b); err != nil {
			return err
		}
	} else {
		a.printBacktest(b, filepath.Join(folder, pipeline.BacktestFile))
	}
	if b.Refused != "" {
		return fmt.Errorf("%w: %s", data.ErrRefused, b.Refused)
	}
	return nil
}

// printBacktest writes a backtest for a person.
func (a *app) printBacktest(b *pipeline.Backtest, file string) {
	if o := b.Organic; o != nil {
		fmt.Fprintf(a.stdout, "Payment without a touch, %d decisions of the test period: log loss %.4f, ceiling %.4f, true probabilities %.4f (ours %+.1f %%)\n",
			o.Rows, o.LogLoss, o.CeilingLogLoss, o.TrueLogLoss, 100*(o.LogLoss/o.TrueLogLoss-1))
	}
	if len(b.NoHeterogeneity) > 0 {
		names := make([]string, len(b.NoHeterogeneity))
		for i, ch := range b.NoHeterogeneity {
			names[i] = string(ch)
		}
		fmt.Fprintf(a.stdout, "No usable heterogeneity, everybody has the mean: %s\n", strings.Join(names, ", "))
	}
	if len(b.Effects) > 0 {
		fmt.Fprintln(a.stdout, "\nEffects of a touch on the share of the balance that is paid, over the plan's candidates")
		t := a.newTable("channel", "candidates", "mean, points", "true", "correlation", "ceiling's", "at or above lower bound")
		for _, e := range b.Effects {
			t.AppendRow(table.Row{e.Channel, e.Candidates, points(e.Mean), points(e.TrueMean), figure(e.Correlation), figure(e.CeilingCorrelation), share(&e.AboveLower)})
		}
		t.Render()
	}
	if len(b.Plans) > 0 {
		fmt.Fprintln(a.stdout, "\nWhat plans are worth: additional recovery by the truth")
		t := a.newTable("budget", "policy", "touches", "spent", "expected", "true", "expected over true", "of oracle", "of ceiling", "of ceiling, less luck")
		for i, p := range b.Plans {
			if i > 0 && p.BudgetCents != b.Plans[i-1].BudgetCents {
				t.AppendSeparator()
			}
			t.AppendRow(table.Row{p.BudgetCents.BRL(), p.Policy, p.Actions, p.SpentCents.BRL(), brl(p.ExpectedCents), p.TrueCents.BRL(), over(p.ExpectedCents, p.TrueCents),
				share(p.OfOracle), share(p.OfCeiling), share(p.OfKnowable)})
		}
		t.Render()
	}
	if len(b.Logged) > 0 {
		fmt.Fprintln(a.stdout, "\nWhat policies would have brought, cents per logged decision of the test period")
		t := a.newTable("budget", "policy", "decisions", "touched", "expected", "doubly robust", "s.e.", "effective rows", "refused")
		for _, p := range b.Logged {
			t.AppendRow(table.Row{fmt.Sprintf("%.2f", p.BudgetCents), p.Policy, p.Decisions, p.Touched, figure(p.ExpectedCents), figure(p.ValueCents), figure(p.StderrCents), whole(p.ESS), p.Refused})
		}
		t.Render()
	}
	fmt.Fprintf(a.stdout, "\nAll figures: %s\n", a.shown(file))
}

func points(x float64) string { return fmt.Sprintf("%+.2f", 100*x) }

func share(x *float64) string {
	if x == nil {
		return "–"
	}
	return fmt.Sprintf("%.1f %%", 100**x)
}

func brl(c *data.Cents) string {
	if c == nil {
		return "–"
	}
	return c.BRL()
}

// over is a ratio of two amounts, where the second is positive.
func over(x *data.Cents, y data.Cents) string {
	if x == nil || y <= 0 {
		return "–"
	}
	return fmt.Sprintf("%.2f", float64(*x)/float64(y))
}
