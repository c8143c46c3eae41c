package main

import (
	"fmt"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"dunning/data"
	"dunning/pipeline"
)

// newForecastCommand shows what will be paid.
func newForecastCommand(a *app) *cobra.Command {
	var asOf, segment string
	days := false
	cmd := &cobra.Command{
		Use:   "forecast",
		Short: "Show what will be paid, by week and day, and how past forecasts did",
		Long: `Show the forecast that the stage forecast made: receipts by week (--days: by day)
for the whole portfolio or a segment, with an interval that is to hold what comes
nine times in ten, and what earlier forecasts said against what came. "expected"
is what comes if contact goes on as it used to; "with the plan" is what comes if
the day's plan takes its place. docs/FORECAST.md says how.`,
		Example: `  dunning forecast
  dunning forecast --segment devedor --days
  dunning forecast --as-of 2026-01-05 --json`,
		Args: noArgs,
		RunE: func(*cobra.Command, []string) error {
			folder, err := a.stageFolder(pipeline.ForecastStage(), asOf)
			if err != nil {
				return err
			}
			f, err := pipeline.ReadForecast(folder)
			if err != nil {
				return err
			}
			if a.asJSON {
				return a.printJSON(f)
			}
			grain := "week"
			if days {
				grain = "day"
			}
			a.printForecast(f, grain, segment)
			return nil
		},
	}
	cmd.Flags().StringVar(&asOf, "as-of", "", "day of the run (default: the latest)")
	cmd.Flags().StringVar(&segment, "segment", data.ReceiptsAll, "one segment, as \"dunning segments list\" names them")
	cmd.Flags().BoolVar(&days, "days", false, "by day instead of by week")
	return cmd
}

func (a *app) printForecast(f *data.Receipts, grain, segment string) {
	fmt.Fprintf(a.stdout, "Receipts from %s on, %s; plan %s\n", f.AsOf, segment, f.PlanID)
	t := a.newTable("from", "expected", "low", "high", "the plan adds", "usual contact", "with the plan")
	for _, r := range f.Rows {
		if r.Grain == grain && r.Segment == segment {
			t.AppendRow(table.Row{r.From, r.ExpectedCents.BRL(), r.LowCents.BRL(), r.HighCents.BRL(), r.PlanCents.BRL(), r.UsualCents.BRL(), r.WithPlanCents.BRL()})
		}
	}
	t.Render()
	if b := f.Backcast; b != nil {
		fmt.Fprintf(a.stdout, "Forecasts of %d past days, %s to %s: intervals held %.1f %% of the days and %.1f %% of the weeks (nominal %.0f %%); off by %.1f %% and %.1f %% of the receipts\n",
			b.Origins, b.From, b.To, 100*b.HeldDays, 100*b.HeldWeeks, 100*f.Nominal, 100*b.ErrorDays, 100*b.ErrorWeeks)
	}
	for _, p := range f.Past {
		fmt.Fprintf(a.stdout, "Said on %s of %d weeks: %s; came %s; %d within their interval\n", p.AsOf, p.Weeks, p.ExpectedCents.BRL(), p.CameCents.BRL(), p.Held)
	}
}
