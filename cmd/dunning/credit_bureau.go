package main

import (
	"fmt"
	"strconv"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"dunning/credit"
	"dunning/data"
	"dunning/models/xgb"
)

func (a *app) creditBureau() *cobra.Command {
	var applications, train, bought int
	var seed uint64
	var strengths []float64
	var prices []int64
	cmd := &cobra.Command{
		Use: "bureau", Short: "Measure when a paid bureau report is worth its price, on simulated applications",
		Long: `Measure rules for buying bureau reports on simulated applications, whose true PDs and
true signal are known: never, always, where the expected value of information exceeds
the price (what "analyse" advises, with a model that was learned and a signal that was
estimated), and where an oracle buys that knows the true PD and signal. Worths are the
mean of one application after the price of its report.`,
		Example: "  dunning credit bureau\n  dunning credit bureau --strengths 1.5 --prices 1200 --applications 50000 --json",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			trial := credit.BureauTrial{Applications: applications, Train: train, Bought: bought, Strengths: strengths, Seed: seed,
				Learner: &xgb.Learner{Params: xgb.Params{Rounds: 200, MaxDepth: 3, Seed: seed}}}
			for _, p := range prices {
				trial.PricesCents = append(trial.PricesCents, data.Cents(p))
			}
			results, err := trial.Run(cmd.Context())
			if err != nil {
				return err
			}
			if a.asJSON {
				return a.printJSON(map[string]any{"applications": applications, "train": train, "bought": bought, "seed": seed, "results": results})
			}
			a.printBureauTrial(results)
			return nil
		},
	}
	f := cmd.Flags()
	f.IntVar(&applications, "applications", 20_000, "applications that the rules are judged on")
	f.IntVar(&train, "train", 20_000, "applications that the model learns from")
	f.IntVar(&bought, "bought", 5_000, "random reports that the signal is estimated from")
	f.Float64SliceVar(&strengths, "strengths", []float64{0.5, 1, 1.5, 2}, "distances of the mean scores of good and bad payers, in standard deviations")
	f.Int64SliceVar(&prices, "prices", []int64{300, 1200, 4000}, "prices of a report, in cents")
	f.Uint64Var(&seed, "seed", 7, "seed of all that is drawn")
	return cmd
}

func (a *app) printBureauTrial(results []credit.BureauTrialResult) {
	t := a.newTable("strength", "AUC", "price", "never", "always", "rule", "oracle", "rule/oracle", "of the gain", "rule buys", "oracle buys", "realised", "± s.e.")
	reais := func(cents float64) string { return strconv.FormatFloat(cents/100, 'f', 2, 64) }
	for _, r := range results {
		t.AppendRow(table.Row{r.Strength, fmt.Sprintf("%.2f", r.AUC), r.PriceCents.BRL(), reais(r.Never), reais(r.Always), reais(r.Rule), reais(r.Oracle),
			fmt.Sprintf("%.3f", r.WorthOfBest), fmt.Sprintf("%.2f", r.GainOfBest), fmt.Sprintf("%.1f %%", 100*r.RuleBuys), fmt.Sprintf("%.1f %%", 100*r.OracleBuys), reais(r.Realised), reais(r.RealisedSE)})
	}
	t.Render()
}
