package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"dunning/data"
	"dunning/optimizer"
	"dunning/pipeline/allocation"
)

// allocateConfig is what one allocation is asked to do.
type allocateConfig struct {
	candidates, capacities, rows string // files; "" for none
	budgetCents                  float64
	k                            int // touches per customer at most; 1
	gapDays                      int // days between touches of a customer; matters from k = 2
	solver                       string
	timeLimit                    time.Duration // 0: none
	mps, out                     string        // files to write; "" for none
}

// allocateResult is the JSON document of allocate.
type allocateResult struct {
	Status         string                `json:"status"`
	Reason         string                `json:"reason,omitempty"` // why it is not optimal
	ObjectiveCents float64               `json:"objective_cents"`  // of the linear program
	BoundCents     float64               `json:"bound_cents"`      // no allocation is worth more
	Gap            float64               `json:"gap"`
	PlanValueCents float64               `json:"plan_value_cents"` // of the whole actions
	LossCents      float64               `json:"loss_cents"`       // bound less plan value
	SpentCents     float64               `json:"spent_cents"`
	Actions        int                   `json:"actions"`
	Customers      int                   `json:"customers"`
	Candidates     int                   `json:"candidates"`
	Blocked        int                   `json:"blocked"` // rows left out because allowed is false
	Solver         string                `json:"solver"`
	Seconds        float64               `json:"seconds"`
	Prices         []optimizer.Price     `json:"prices"`
	Unmet          []optimizer.Shortfall `json:"unmet,omitempty"` // rows that whole actions miss
}

func newAllocateCommand(a *app) *cobra.Command {
	var c allocateConfig
	cmd := &cobra.Command{
		Use:   "allocate",
		Short: "Choose the actions that bring most within a budget, from any table of candidates",
		Long: `Allocate reads candidates that anybody may have written and chooses at most one
touch per customer, so that the expected additional recovery is largest within
the budget, the capacities and further rows. It proves how good the choice is:
bound_cents is more than any allocation can bring, and gap says how far the
linear program's optimum is from it.

  candidates  CSV or Parquet: customer_id, channel, day, value_cents, cost_cents;
              optional: allowed (false is skipped and counted), segment;
              a file, a folder of files, or a pattern in quotes
  capacities  CSV or Parquet: channel, day, capacity (touches)
  rows        YAML, CSV or Parquet: minimum coverage, maximum share, wallets
              (docs/OPTIMIZER.md)`,
		Example: `  dunning allocate --candidates candidates.csv --budget 500000 --out plan.csv
  dunning allocate --candidates c.parquet --budget 500000 --capacities cap.csv --json
  dunning allocate --candidates var/dunning/lake/score/2026-01-05/candidates --budget 500000`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c.requireBudget(cmd.Flags().Changed("budget"))
			if err := c.validate(); err != nil {
				return err
			}
			return a.allocate(cmd.Context(), c)
		},
	}
	f := cmd.Flags()
	f.StringVar(&c.candidates, "candidates", "", "table of candidates: file, folder or pattern (required)")
	f.Float64Var(&c.budgetCents, "budget", 0, "cents to spend at most (required)")
	f.StringVar(&c.capacities, "capacities", "", "table of touches per channel and day; none: not limited")
	f.StringVar(&c.rows, "rows", "", "further rows: coverage, shares, wallets")
	f.IntVar(&c.k, "k", 1, "touches per customer at most; only 1 is supported")
	f.IntVar(&c.gapDays, "gap", 0, "days between two touches of a customer; without effect while k is 1")
	f.StringVar(&c.solver, "solver", "auto", "auto, dual (prices and a reduced program) or clp (the whole program)")
	f.DurationVar(&c.timeLimit, "time-limit", 0, "stop after this time with status time_limit; 0: never")
	f.StringVar(&c.mps, "mps", "", "also write the whole linear program as free MPS (objective negated)")
	f.StringVar(&c.out, "out", "", "write the actions as .csv or .parquet")
	return cmd
}

// requireBudget marks a budget that was not given as wrong: there is no
// sensible default for money.
func (c *allocateConfig) requireBudget(given bool) {
	if !given {
		c.budgetCents = -1
	}
}

// validate reports every fault of the configuration before any file is opened.
func (c *allocateConfig) validate() error {
	var faults []error
	usage := func(format string, args ...any) {
		faults = append(faults, fmt.Errorf("%w: "+format, append([]any{data.ErrUsage}, args...)...))
	}
	if c.candidates == "" {
		usage("--candidates FILE is required")
	}
	if !(c.budgetCents >= 0 && c.budgetCents <= 1e18) {
		usage("--budget is required and must be 0 or more cents")
	}
	if c.k != 1 {
		usage("--k %d: only one touch per customer (--k 1) is supported", c.k)
	}
	if c.gapDays < 0 {
		usage("--gap %d must be 0 or more days", c.gapDays)
	}
	if c.timeLimit < 0 {
		usage("--time-limit %s must be 0 or more", c.timeLimit)
	}
	if _, err := newSolver(c.solver, 1); err != nil {
		faults = append(faults, err)
	}
	if c.out != "" {
		if err := allocation.CheckPlanPath(c.out); err != nil {
			faults = append(faults, err)
		}
	}
	for _, path := range []string{c.out, c.mps} {
		if info, err := os.Stat(filepath.Dir(path)); path != "" && (err != nil || !info.IsDir()) {
			usage("%s: its folder does not exist", path)
		}
	}
	return errors.Join(faults...)
}

func (a *app) allocate(ctx context.Context, c allocateConfig) error {
	candidates, p, err := readProblem(c)
	if err != nil {
		return err
	}
	if c.mps != "" {
		if err := writeMPS(c.mps, p); err != nil {
			return err
		}
	}
	solver, err := newSolver(c.solver, 1)
	if err != nil {
		return err
	}
	if c.timeLimit > 0 {
		var stop context.CancelFunc
		ctx, stop = context.WithTimeout(ctx, c.timeLimit)
		defer stop()
	}
	began := time.Now()
	solution, err := solver.Solve(ctx, p)
	if err != nil {
		return err
	}
	result := allocateResult{Status: solution.Status.String(), Customers: len(candidates.CustomerID),
		Candidates: len(candidates.Options), Blocked: candidates.Blocked, Solver: c.solver, Prices: []optimizer.Price{}}
	if solution.Status != optimizer.Optimal {
		return a.notAllocated(ctx, result, solution, time.Since(began))
	}
	if err := optimizer.Check(p, solution).Err(optimizer.Tolerance{}); err != nil {
		return err
	}
	plan, err := optimizer.Round(p, solution)
	if err != nil {
		return err
	}
	if c.out != "" {
		if err := allocation.WritePlan(c.out, allocation.Actions(candidates, p, solution, plan)); err != nil {
			return err
		}
	}
	result.ObjectiveCents, result.BoundCents, result.Gap = solution.ObjectiveCents, solution.BoundCents, solution.Gap()
	result.PlanValueCents, result.LossCents, result.SpentCents = plan.ValueCents, plan.LossCents, plan.CostCents
	result.Actions, result.Unmet = len(plan.Chosen), plan.Unmet
	result.Prices = optimizer.PriceTable(p, solution)
	result.Seconds = time.Since(began).Seconds()
	if a.asJSON {
		return a.printJSON(result)
	}
	a.printAllocation(result)
	return nil
}

func readProblem(c allocateConfig) (*allocation.Candidates, *optimizer.Problem, error) {
	candidates, err := allocation.ReadCandidates(c.candidates)
	if err != nil {
		return nil, nil, err
	}
	var capacities []optimizer.Capacity
	if c.capacities != "" {
		if capacities, err = allocation.ReadCapacities(c.capacities); err != nil {
			return nil, nil, err
		}
	}
	var further *allocation.Rows
	if c.rows != "" {
		if further, err = allocation.ReadRows(c.rows); err != nil {
			return nil, nil, err
		}
	}
	p, err := allocation.BuildProblem(candidates, c.budgetCents, capacities, further)
	return candidates, p, err
}

func writeMPS(path string, p *optimizer.Problem) error {
	f, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("write mps: %w", err)
	}
	if err := optimizer.WriteMPS(f, p.LP()); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}

// notAllocated answers with the status alone. An infeasible problem is refused
// by its own rows (exit code 4).
func (a *app) notAllocated(ctx context.Context, result allocateResult, s *optimizer.Solution, took time.Duration) error {
	result.Seconds = took.Seconds()
	result.Reason = oneLine(s.Err())
	if a.asJSON {
		if err := a.printJSON(result); err != nil {
			return err
		}
	}
	switch {
	case s.Status == optimizer.Infeasible:
		return fmt.Errorf("%w: %w", data.ErrRefused, s.Err())
	case s.Status == optimizer.Interrupted && ctx.Err() != nil:
		return ctx.Err()
	}
	return s.Err()
}

func (a *app) printAllocation(r allocateResult) {
	fmt.Fprintf(a.stdout, "status       %s\n", r.Status)
	fmt.Fprintf(a.stdout, "candidates   %d for %d customers (%d more rows are blocked)\n", r.Candidates, r.Customers, r.Blocked)
	fmt.Fprintf(a.stdout, "actions      %d, spending %s\n", r.Actions, data.RoundCents(r.SpentCents).BRL())
	fmt.Fprintf(a.stdout, "plan value   %s expected additional recovery\n", data.RoundCents(r.PlanValueCents).BRL())
	fmt.Fprintf(a.stdout, "bound        %s; no allocation brings more (linear program's gap %.1e)\n", data.RoundCents(r.BoundCents).BRL(), r.Gap)
	t := table.NewWriter()
	t.SetOutputMirror(a.stdout)
	t.AppendHeader(table.Row{"row", "", "limit", "used", "price (cents per unit more)"})
	for _, p := range r.Prices {
		if p.DualPrice != 0 {
			t.AppendRow(table.Row{p.Row, p.Sense, fmt.Sprintf("%.10g", p.Limit), fmt.Sprintf("%.10g", p.Used), fmt.Sprintf("%.4g", p.DualPrice)})
		}
	}
	if t.Length() > 0 {
		t.Render()
	}
	for _, u := range r.Unmet {
		fmt.Fprintf(a.stdout, "unmet        %q demands %s %.10g; whole actions come to %.10g\n", u.Row, u.Sense, u.Limit, u.Reach)
	}
}
