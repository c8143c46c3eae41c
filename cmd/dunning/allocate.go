package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"dunning/data"
	"dunning/optimizer"
	"dunning/optimizer/clp"
	"dunning/pipeline/allocation"
)

// allocateConfig is what one allocation is asked to do.
type allocateConfig struct {
	candidates, capacities, rows string // files; "" for none
	budgetCents                  float64
	k                            int    // touches per customer at most
	gapDays                      int    // days between touches of a customer; matters from k = 2
	discount                     string // file; "" for none
	solver                       string
	timeLimit                    time.Duration // 0: none
	prices, forced               string        // files; "" for none
	curve                        int           // budgets of the curve; 0: none
	mps, out                     string        // files to write; "" for none
}

// The solvers that --solver names.
const (
	solverAuto = "auto" // dual, and clp where that does not settle
	solverDual = "dual"
	solverCLP  = "clp"
)

func newAllocateCommand(a *app) *cobra.Command {
	var c allocateConfig
	cmd := &cobra.Command{
		Use:   "allocate",
		Short: "Choose the actions that bring most within a budget, from any table of candidates",
		Long: `Allocate reads candidates that anybody may have written and chooses a ladder for
each customer, at most --k touches that are --gap days apart, or none, so that
the expected additional recovery is largest within the budget, the capacities and
further rows. It proves how good the choice is: bound_cents is more than any
allocation can bring, and gap says how far the linear program's optimum is from
it.

  candidates  CSV or Parquet: customer_id, channel, day, value_cents, cost_cents;
              optional: allowed (false is skipped and counted), segment;
              a file, a folder of files, or a pattern in quotes
  capacities  CSV or Parquet: channel, day, capacity (touches)
  rows        YAML, CSV or Parquet: minimum coverage, maximum share, wallets
              (docs/OPTIMIZER.md)
  discount    YAML, CSV or Parquet: step, gap_days, factor: what a further touch
              of a ladder is worth over the same touch alone; none: all of it
  forced      CSV or Parquet: customer_id, channel, day: ladders of your own;
              forgone_cents says what they cost
  prices      what an earlier allocate --json printed: where the search starts`,
		Example: `  dunning allocate --candidates candidates.csv --budget 500000 --out plan.csv
  dunning allocate --candidates c.parquet --budget 500000 --capacities cap.csv --json
  dunning allocate --candidates c.csv --budget 500000 --k 3 --gap 2 --discount discount.csv --curve 20 --json
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
	f.IntVar(&c.k, "k", 1, fmt.Sprintf("touches per customer at most, 1 to %d", optimizer.MaxTouches))
	f.IntVar(&c.gapDays, "gap", 0, "days from touch to touch of a customer at least; 0 is as 1: one a day at most")
	f.StringVar(&c.discount, "discount", "", "table of what a further touch is worth over the same touch alone")
	f.StringVar(&c.solver, "solver", "auto", "auto, dual (prices and a reduced program) or clp (the whole program; --k 1)")
	f.DurationVar(&c.timeLimit, "time-limit", 0, "stop after this time with the best plan so far and status time_limit; 0: never")
	f.StringVar(&c.prices, "prices", "", "start from the prices of an earlier --json document")
	f.StringVar(&c.forced, "forced", "", "ladders to force: what they would cost against the plan")
	f.IntVar(&c.curve, "curve", 0, "say what so many budgets, up to twice this one, would bring in")
	f.StringVar(&c.mps, "mps", "", "also write the whole linear program as free MPS (objective negated; --k 1)")
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
	if c.k < 1 || c.k > optimizer.MaxTouches {
		usage("--k %d must be 1 to %d touches", c.k, optimizer.MaxTouches)
	}
	if c.gapDays < 0 {
		usage("--gap %d must be 0 or more days", c.gapDays)
	}
	if c.timeLimit < 0 {
		usage("--time-limit %s must be 0 or more", c.timeLimit)
	}
	switch c.solver {
	case solverAuto, solverDual, solverCLP:
	default:
		usage("--solver %q (have %s, %s, %s)", c.solver, solverAuto, solverDual, solverCLP)
	}
	if c.k > 1 && c.solver == solverCLP {
		usage("--solver clp: the whole program has a column for every single touch; ladders (--k %d) need --solver dual", c.k)
	}
	if c.k > 1 && c.mps != "" {
		usage("--mps: the file holds single touches only; ladders (--k %d) have no such form, use --k 1", c.k)
	}
	if c.curve < 0 || c.curve == 1 || c.curve > mostBudgets {
		usage("--curve %d must be 2 to %d budgets, or 0", c.curve, mostBudgets)
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

// mostBudgets bounds --curve.
const mostBudgets = 200

func (a *app) allocate(ctx context.Context, c allocateConfig) error {
	w, err := readAllocation(c)
	if err != nil {
		return err
	}
	if c.mps != "" {
		if err := writeMPS(c.mps, w.problem); err != nil {
			return err
		}
	}
	if c.timeLimit > 0 {
		var stop context.CancelFunc
		ctx, stop = context.WithTimeout(ctx, c.timeLimit)
		defer stop()
	}
	began := time.Now()
	if err := w.solve(ctx); err != nil {
		return err
	}
	if w.answer.Status != optimizer.Optimal && len(w.answer.Chosen) == 0 {
		return a.notAllocated(ctx, w, time.Since(began))
	}
	if err := w.finish(ctx); err != nil {
		return err
	}
	w.result.Seconds = time.Since(began).Seconds()
	if w.answer.Status == optimizer.TimeLimit {
		w.result.Reason = "the time limit ended the search; the plan is the best so far"
		fmt.Fprintf(a.stderr, "dunning: time limit of %s: the best plan so far, at most %.4g %% below the best there is\n", c.timeLimit, 100*w.shortOfBest())
	}
	if a.asJSON {
		err = a.printJSON(w.result)
	} else {
		a.printAllocation(w.result)
	}
	if f := w.result.Forced; err == nil && f != nil && f.Status != optimizer.Optimal.String() {
		return fmt.Errorf("%w: the forced ladders: %s", data.ErrRefused, f.Reason)
	}
	return err
}

// allocationWork is one run of allocate.
type allocationWork struct {
	config     allocateConfig
	candidates *allocation.Candidates
	problem    *optimizer.Problem
	grid       *optimizer.Grid
	start      []float64 // prices; nil for none
	forced     map[int32]optimizer.Rungs

	solver optimizer.Boxstep
	answer *optimizer.Allocation
	plan   *optimizer.WholePlan
	whole  *optimizer.Solution // of the whole program, where that was asked for
	result allocateResult
}

func readAllocation(c allocateConfig) (*allocationWork, error) {
	w := &allocationWork{config: c}
	var err error
	if w.candidates, err = allocation.ReadCandidates(c.candidates); err != nil {
		return nil, err
	}
	var capacities []optimizer.Capacity
	if c.capacities != "" {
		if capacities, err = allocation.ReadCapacities(c.capacities); err != nil {
			return nil, err
		}
	}
	var further *allocation.Rows
	if c.rows != "" {
		if further, err = allocation.ReadRows(c.rows); err != nil {
			return nil, err
		}
	}
	ladder := optimizer.LadderRule{Touches: c.k, GapDays: c.gapDays}
	if c.discount != "" {
		if ladder.Factor, err = allocation.ReadDiscounts(c.discount); err != nil {
			return nil, err
		}
	}
	if w.problem, err = allocation.BuildProblem(w.candidates, c.budgetCents, capacities, further); err != nil {
		return nil, err
	}
	if w.grid, err = allocation.BuildGrid(w.problem, further, ladder); err != nil {
		return nil, err
	}
	if c.prices != "" {
		if w.start, err = allocation.ReadPrices(c.prices, w.grid); err != nil {
			return nil, err
		}
	}
	if c.forced != "" {
		if w.forced, err = allocation.ReadForced(c.forced, w.candidates, w.grid); err != nil {
			return nil, err
		}
	}
	w.result = allocateResult{Customers: len(w.candidates.CustomerID), Candidates: len(w.candidates.Options),
		Blocked: w.candidates.Blocked, Solver: c.solver, Prices: []allocatePrice{}}
	return w, nil
}

// solve sets the answer. Where the whole program is asked for, or dual prices do
// not settle, CLP solves it; the whole plan is made from its prices then.
func (w *allocationWork) solve(ctx context.Context) error {
	w.solver = optimizer.Boxstep{LP: clp.New(), Start: w.start, Intervals: true}
	var err error
	if w.config.solver != solverCLP {
		w.answer, err = w.solver.Allocate(ctx, w.grid)
		if err == nil || w.config.solver == solverDual || w.config.k > 1 || ctx.Err() != nil {
			return err
		}
	}
	s, err := clp.New().Solve(ctx, w.problem)
	if err != nil {
		return err
	}
	if s.Status != optimizer.Optimal {
		w.answer = &optimizer.Allocation{Status: s.Status, Shortfalls: s.Shortfalls, Beside: s.Beside}
		return nil
	}
	if err := optimizer.Check(w.problem, s).Err(optimizer.Tolerance{}); err != nil {
		return err
	}
	w.whole, w.solver.Start = s, s.Prices
	w.answer, err = w.solver.Allocate(ctx, w.grid)
	return err
}

// finish makes the plan of the answer and all that was asked about it.
func (w *allocationWork) finish(ctx context.Context) error {
	timely := w.answer.Status == optimizer.Optimal
	if timely {
		certificate, err := optimizer.CheckGrid(ctx, w.grid, w.answer)
		if err != nil {
			return err
		}
		if err := certificate.Err(optimizer.Tolerance{}); err != nil {
			return err
		}
	} else {
		ctx = context.WithoutCancel(ctx) // what is left takes a moment
	}
	var err error
	if w.plan, err = optimizer.RoundGrid(ctx, w.solver.LP, w.grid, w.answer); err != nil {
		return err
	}
	if err := w.checkPlan(ctx); err != nil {
		return err
	}
	if err := w.writePlan(ctx); err != nil {
		return err
	}
	w.describe()
	if !timely {
		return nil
	}
	if w.forced != nil {
		if err := w.force(ctx); err != nil {
			return err
		}
	}
	if w.config.curve > 0 {
		return w.drawCurve(ctx)
	}
	return nil
}

// checkPlan has the whole plan checked by code that no solver uses: its ladders,
// and every row that it does not name as unmet.
func (w *allocationWork) checkPlan(ctx context.Context) error {
	c, err := optimizer.CheckGrid(ctx, w.grid, &optimizer.Allocation{Status: optimizer.Optimal, Chosen: w.plan.Chosen, Prices: w.answer.Prices})
	if err != nil {
		return err
	}
	const rounding = 1e-8 // over the limit
	if c.PlanFault != "" || c.RowViolation > rounding && len(w.plan.Unmet) == 0 || math.Abs(c.ObjectiveCents-w.plan.ValueCents) > 1e-9*math.Max(1, math.Abs(c.ObjectiveCents)) {
		return fmt.Errorf("%w: the plan is worth %.12g, stated %.12g; row %q is violated by %g of its limit; %s",
			optimizer.ErrCertificate, c.ObjectiveCents, w.plan.ValueCents, c.ViolatedRow, c.RowViolation, c.PlanFault)
	}
	return nil
}

// writePlan counts the touches and writes them where they are wanted.
func (w *allocationWork) writePlan(ctx context.Context) error {
	var touched []int32
	for i, r := range w.plan.Chosen {
		if r != optimizer.Hold {
			touched = append(touched, int32(i))
			w.result.Actions += r.Touches()
		}
	}
	w.result.Touched = len(touched)
	if w.config.out == "" {
		return nil
	}
	explained, err := optimizer.ExplainGrid(ctx, w.grid, w.answer.Prices, w.plan.Chosen, touched)
	if err != nil {
		return err
	}
	return allocation.WritePlan(w.config.out, allocation.Actions(w.candidates, w.grid, explained))
}

// force asks what the forced ladders forgo.
func (w *allocationWork) force(ctx context.Context) error {
	solver := w.solver
	solver.Intervals = false
	f, err := solver.Force(ctx, w.grid, w.answer, w.forced)
	if err != nil {
		return err
	}
	out := &allocateForced{Status: f.Status.String(), Customers: len(w.forced), ValueCents: f.ForcedCents}
	for _, r := range w.forced {
		out.Actions += r.Touches()
	}
	if f.Status == optimizer.Optimal {
		forgone, objective := f.ForgoneCents, f.ObjectiveCents
		out.ObjectiveCents, w.result.ForgoneCents = &objective, &forgone
	} else {
		out.Reason = oneLine(f.Err())
	}
	w.result.Forced = out
	return nil
}

// drawCurve says what budgets up to twice this one would bring in.
func (w *allocationWork) drawCurve(ctx context.Context) error {
	var limits []float64
	for k := range w.config.curve {
		limits = append(limits, 2*w.config.budgetCents*float64(k+1)/float64(w.config.curve))
	}
	solver := w.solver
	solver.Intervals, solver.Start = false, nil
	const budgetRow = 0
	curve, err := solver.Curve(ctx, w.grid, budgetRow, limits, w.answer)
	if err != nil {
		return err
	}
	for _, p := range curve.Points {
		point := allocateBudget{BudgetCents: p.Limit, Status: p.Status.String()}
		if low, high := curve.Band(p.Limit); p.Status != optimizer.Infeasible && !math.IsInf(low, 0) && !math.IsInf(high, 0) {
			point.LowCents, point.HighCents = &low, &high
		}
		if p.Status == optimizer.Optimal {
			objective, price := p.ObjectiveCents, p.Price
			point.ObjectiveCents, point.PriceCents = &objective, &price
		}
		w.result.Curve = append(w.result.Curve, point)
	}
	return nil
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
func (a *app) notAllocated(ctx context.Context, w *allocationWork, took time.Duration) error {
	why := w.answer.Err()
	w.result.Status, w.result.Seconds, w.result.Reason = w.answer.Status.String(), took.Seconds(), oneLine(why)
	w.result.Shortfalls, w.result.Beside = w.answer.Shortfalls, w.answer.Beside
	if a.asJSON {
		if err := a.printJSON(w.result); err != nil {
			return err
		}
	}
	switch {
	case w.answer.Status == optimizer.Infeasible:
		return fmt.Errorf("%w: %w", data.ErrRefused, why)
	case w.answer.Status == optimizer.Interrupted && ctx.Err() != nil:
		return ctx.Err()
	}
	return why
}
