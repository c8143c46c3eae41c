package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"runtime/debug"
	"time"

	"github.com/spf13/cobra"

	"dunning/data"
	"dunning/optimizer"
	"dunning/optimizer/clp"
)

// benchConfig is what bench optimizer is asked to do.
type benchConfig struct {
	in         optimizer.Instance
	k, gap     int
	solver     string
	file       string // scratch file to solve from; "" for memory
	candidates string // where to write the instance as a table; "" for nowhere
	compare    bool
	sized      bool          // --customers was given
	limit      time.Duration // of each other solver of a comparison
	steps      bool          // log the steps of the search
}

func newBenchCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Measure on this machine",
		Args:  noArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newBenchOptimizerCommand(a))
	return cmd
}

func newBenchOptimizerCommand(a *app) *cobra.Command {
	var c benchConfig
	cmd := &cobra.Command{
		Use:   "optimizer",
		Short: "Solve a random allocation and certify it",
		Long: `Optimizer draws an allocation problem from a seed (its family is described in
docs/OPTIMIZER.md), solves it, certifies the answer, makes whole actions of it
and reports what that took. Every figure is measured in this run.

With --k above 1 customers get ladders of at most so many touches, --gap days
apart at least; touch j (from 0) that follows the one before after g days has
its value times 0.85^j · (1 − 0.5^(1 + g/2)).

--file solves from a scratch file that is as large as the values and deleted at
the end; the system's cache is emptied of it before. --compare solves the same
family at several sizes by other methods, too, and reports all of them.`,
		Example: `  dunning bench optimizer --customers 1000000 --channels 5 --days 14 --seed 1 --json
  dunning bench optimizer --customers 10000000 --file /tmp/values
  dunning bench optimizer --compare --compare-limit 5m --json`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := c.validate(); err != nil {
				return err
			}
			c.sized = cmd.Flags().Changed("customers")
			c.in.Ladder = benchLadder(c.k, c.gap, c.in.Days)
			if c.compare {
				return a.benchCompare(cmd.Context(), c)
			}
			return a.benchOptimizer(cmd.Context(), c)
		},
	}
	f := cmd.Flags()
	f.IntVar(&c.in.Customers, "customers", 20_000, "number of customers")
	f.IntVar(&c.in.Channels, "channels", 5, "number of channels, 1 to 5")
	f.IntVar(&c.in.Days, "days", 14, "number of days")
	f.IntVar(&c.in.Segments, "segments", 0, "number of segments with rows of their own, 0 to 1000")
	f.Float64Var(&c.in.OptionShare, "option-share", 0, "share of the channels and days that a customer may have; 0: four sevenths")
	f.IntVar(&c.k, "k", 1, "touches per customer at most, 1 to 6")
	f.IntVar(&c.gap, "gap", 1, "days between two touches of a customer at least")
	f.Uint64Var(&c.in.Seed, "seed", 1, "seed of the instance")
	f.StringVar(&c.solver, "solver", "dual", "dual (prices and a reduced program) or clp (the whole program; --k 1)")
	f.StringVar(&c.file, "file", "", "solve from this scratch file, which must not exist, instead of from memory")
	f.StringVar(&c.candidates, "candidates", "", "also write the instance as a Parquet table of candidates, and its capacities beside it (.capacities.csv)")
	f.BoolVar(&c.compare, "compare", false, "compare with other solvers at 1,000 to 100,000 customers, or at --customers alone")
	f.BoolVar(&c.steps, "steps", false, "log each step of the search")
	f.DurationVar(&c.limit, "compare-limit", 10*time.Minute, "stop each other solver of a comparison after so much CPU time (HiGHS: wall time)")
	return cmd
}

// validate reports every fault of the configuration.
func (c *benchConfig) validate() error {
	var faults []error
	usage := func(format string, args ...any) {
		faults = append(faults, fmt.Errorf("%w: "+format, append([]any{data.ErrUsage}, args...)...))
	}
	if _, err := c.in.Grid(); err != nil {
		faults = append(faults, err)
	}
	if c.k < 1 || c.k > optimizer.MaxTouches {
		usage("--k %d (have 1 to %d)", c.k, optimizer.MaxTouches)
	}
	if c.gap < 1 {
		usage("--gap %d must be 1 or more days", c.gap)
	}
	if c.solver != "dual" && c.solver != "clp" {
		usage("--solver %q (have dual, clp)", c.solver)
	}
	if c.k > 1 && c.solver == "clp" {
		usage("--solver clp takes single touches (--k 1)")
	}
	if c.limit <= 0 {
		usage("--compare-limit %s must be more than 0", c.limit)
	}
	if c.file != "" {
		if c.solver == "clp" {
			usage("--solver clp solves in memory; leave out --file")
		}
		if _, err := os.Lstat(c.file); !errors.Is(err, os.ErrNotExist) {
			usage("--file %s: there is something already; name a new file", c.file)
		}
	}
	for _, path := range []string{c.file, c.candidates} {
		if info, err := os.Stat(filepath.Dir(path)); path != "" && (err != nil || !info.IsDir()) {
			usage("%s: its folder does not exist", path)
		}
	}
	return errors.Join(faults...)
}

// benchLadder is the rule of ladders of k touches: fatigue takes 15 % of each
// further touch, and half of what a touch loses to the one before is recovered
// every two days.
func benchLadder(k, gap, days int) optimizer.LadderRule {
	if k == 1 {
		return optimizer.LadderRule{}
	}
	rule := optimizer.LadderRule{Touches: k, GapDays: gap, Factor: make([][]float64, k)}
	for step := 1; step < k; step++ {
		for g := range days {
			rule.Factor[step] = append(rule.Factor[step], math.Pow(0.85, float64(step))*(1-math.Pow(0.5, 1+float64(g)/2)))
		}
	}
	return rule
}

func (a *app) benchOptimizer(ctx context.Context, c benchConfig) error {
	values := 4 * int64(c.in.Customers) * int64(c.in.Channels*c.in.Days)
	leanMemory(values)
	if err := writeBenchCandidates(ctx, c); err != nil {
		return err
	}
	r := benchResult{Customers: c.in.Customers, Options: c.in.Customers * c.in.Options(), Touches: c.k, Solver: c.solver, Seed: c.in.Seed, ValuesBytes: values}
	g, closeGrid, err := r.open(ctx, c)
	if err != nil {
		return err
	}
	defer closeGrid()
	r.Rows = len(g.Rows)
	if c.solver == "clp" {
		err = r.solveWhole(ctx, g)
	} else {
		err = r.solve(ctx, g, a.stepLog(c.steps))
	}
	if err != nil {
		return err
	}
	if c.file == "" { // whose pages are the values
		r.ProgramRSSBytes = programRSS()
	}
	if a.asJSON {
		return a.printJSON(r)
	}
	r.print(a.stdout)
	return nil
}

// open makes the grid, in memory or from a scratch file.
func (r *benchResult) open(ctx context.Context, c benchConfig) (*optimizer.Grid, func(), error) {
	if c.file == "" {
		g, err := optimizer.NewInstance(c.in)
		leanMemory(r.ValuesBytes)
		return g, func() {}, err
	}
	g, err := c.in.Grid()
	if err != nil {
		return nil, nil, err
	}
	values, err := r.openScratch(ctx, c)
	if err != nil {
		return nil, nil, err
	}
	g.Values = values
	leanMemory(8 * int64(c.in.Customers)) // the ladders chosen; the values are outside the heap
	return g, func() { values.Close() }, nil
}

// leanGarbage is how many bytes of garbage may lie about beside small values.
const leanGarbage = 4 << 20

// leanMemory gives back what the making of the instance took and keeps garbage
// down to some megabytes, a hundredth of large values: those are never looked
// through for pointers, so collecting costs little.
func leanMemory(valuesBytes int64) {
	debug.SetGCPercent(int(min(max(1, 100*leanGarbage/max(1, valuesBytes)), 100)))
	debug.FreeOSMemory()
}

// stepLog returns where the steps of a search go; nil for nowhere.
func (a *app) stepLog(wanted bool) *slog.Logger {
	if !wanted {
		return nil
	}
	return slog.New(slog.NewTextHandler(a.stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// solve runs boxstep, the certificate and the rounding, and times a scan.
func (r *benchResult) solve(ctx context.Context, g *optimizer.Grid, log *slog.Logger) error {
	lp := clp.New()
	began, cpu := time.Now(), processCPU()
	s, err := optimizer.Boxstep{LP: lp, Log: log}.Allocate(ctx, g)
	if err != nil {
		return err
	}
	r.Seconds = benchSeconds{Total: time.Since(began).Seconds(), Scan: s.Work.ScanSeconds, LP: s.Work.LPSeconds, Finish: s.Work.FinishSeconds}
	r.CPU = processCPU() - cpu
	r.Status, r.Programs, r.Largest = s.Status.String(), s.Work.ReducedLPs, s.Work.LargestLP
	if err := solved(ctx, s.Err()); err != nil {
		return err
	}
	began, cpu = time.Now(), processCPU()
	certificate, err := optimizer.CheckGrid(ctx, g, s)
	if err != nil {
		return err
	}
	r.Seconds.Certificate, r.CertificateCPU = time.Since(began).Seconds(), processCPU()-cpu
	r.FullReads, r.PartReads = s.Work.FullReads+1, s.Work.PartReads // one is the certificate's
	if err := r.certified(certificate, s.Prices); err != nil {
		return err
	}
	began = time.Now()
	plan, err := optimizer.RoundGrid(ctx, lp, g, s)
	if err != nil {
		return err
	}
	r.Seconds.Whole = time.Since(began).Seconds()
	r.PlanValue, r.PlanLoss = plan.ValueCents, plan.LossCents
	// Before the scan is measured, which is no part of a solve.
	r.PeakRSSBytes = peakRSS()
	if r.File != nil { // a scan of a file is bound by the disk
		r.File.TimesReading = r.Seconds.Total * r.File.DiskBytesPerSecond / float64(r.ValuesBytes)
		return nil
	}
	speed, err := optimizer.MeasureScan(ctx, g, s.Prices)
	if err != nil {
		return err
	}
	ratio := speed.Ratio()
	r.BandwidthRatio = &ratio
	return nil
}

// solveWhole gives the whole linear program to CLP.
func (r *benchResult) solveWhole(ctx context.Context, g *optimizer.Grid) error {
	p, err := g.Problem(ctx)
	if err != nil {
		return err
	}
	began, cpu := time.Now(), processCPU()
	s, err := clp.New().Solve(ctx, p)
	if err != nil {
		return err
	}
	r.Seconds = benchSeconds{Total: time.Since(began).Seconds(), LP: s.Work.LPSeconds, Finish: s.Work.FinishSeconds}
	r.CPU, r.Status, r.Programs, r.Largest = processCPU()-cpu, s.Status.String(), s.Work.ReducedLPs, s.Work.LargestLP
	if err := solved(ctx, s.Err()); err != nil {
		return err
	}
	r.FullReads = s.Work.FullReads + 1
	if err := r.certified(optimizer.Check(p, s), s.Prices); err != nil {
		return err
	}
	plan, err := optimizer.Round(p, s)
	if err != nil {
		return err
	}
	r.PlanValue, r.PlanLoss = plan.ValueCents, plan.LossCents
	r.PeakRSSBytes = peakRSS()
	return nil
}

// solved turns an answer that is none into an error.
func solved(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}
