package main

import (
	"context"
	"fmt"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"dunning/data"
	"dunning/optimizer"
	"dunning/optimizer/clp"
)

// benchOptimizerResult is the JSON document of bench optimizer.
type benchOptimizerResult struct {
	Customers int          `json:"customers"`
	Options   int          `json:"options"` // candidates of all customers
	Rows      int          `json:"rows"`
	Solver    string       `json:"solver"`
	Seed      uint64       `json:"seed"`
	Status    string       `json:"status"`
	Objective float64      `json:"objective"`
	Bound     float64      `json:"bound"`
	Gap       float64      `json:"gap"`
	FullReads int          `json:"full_reads"`
	Programs  int          `json:"linear_programs"`
	Largest   int          `json:"largest_program"` // columns
	Binding   int          `json:"binding_rows"`    // rows with a price
	PlanValue float64      `json:"plan_value"`      // of the whole actions
	Seconds   benchSeconds `json:"seconds"`
	CPU       float64      `json:"cpu_seconds"` // of the solve, user and system, all threads
	// BandwidthRatio is the bytes per second of a full scan over those of a
	// plain read of the same values, both on all cores, measured in this run.
	BandwidthRatio float64 `json:"bandwidth_ratio"`
	PeakRSSBytes   int64   `json:"peak_rss_bytes"` // of the process so far, the making of the instance included
}

// benchSeconds is wall time; total is that of the whole solve.
type benchSeconds struct {
	Total  float64 `json:"total"`
	Scan   float64 `json:"scan"`
	LP     float64 `json:"lp"`
	Finish float64 `json:"finish"`
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
	var in optimizer.Instance
	var k int
	var solver string
	cmd := &cobra.Command{
		Use:   "optimizer",
		Short: "Solve a random allocation and certify it",
		Long: `Optimizer draws an allocation problem from a seed (its family is described in
docs/OPTIMIZER.md), solves it, certifies the answer and reports what it took.
Every figure is measured in this run.`,
		Example: `  dunning bench optimizer --customers 20000 --channels 5 --days 14 --seed 1 --json`,
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if k != 1 {
				return fmt.Errorf("%w: --k %d: only one touch per customer (--k 1) is supported", data.ErrUsage, k)
			}
			return a.benchOptimizer(cmd.Context(), in, solver)
		},
	}
	f := cmd.Flags()
	f.IntVar(&in.Customers, "customers", 20_000, "number of customers")
	f.IntVar(&in.Channels, "channels", 5, "number of channels, 1 to 5")
	f.IntVar(&in.Days, "days", 14, "number of days")
	f.IntVar(&k, "k", 1, "touches per customer at most; only 1 is supported")
	f.Uint64Var(&in.Seed, "seed", 1, "seed of the instance and of the solver's samples")
	f.StringVar(&solver, "solver", "auto", "auto, dual (prices and a reduced program) or clp (the whole program)")
	return cmd
}

// newSolver returns the solver that --solver names.
func newSolver(name string, seed uint64) (optimizer.Solver, error) {
	switch name {
	case "auto":
		return optimizer.Boxstep{LP: clp.New()}, nil
	case "dual":
		return optimizer.Boxstep{LP: clp.New()}, nil
	case "clp":
		return clp.New(), nil
	}
	return nil, fmt.Errorf("%w: --solver %q (have auto, dual, clp)", data.ErrUsage, name)
}

func (a *app) benchOptimizer(ctx context.Context, in optimizer.Instance, solverName string) error {
	solver, err := newSolver(solverName, in.Seed)
	if err != nil {
		return err
	}
	p, err := in.Problem()
	if err != nil {
		return err
	}
	began, cpu := time.Now(), processCPU()
	s, err := solver.Solve(ctx, p)
	if err != nil {
		return err
	}
	r := benchOptimizerResult{Customers: in.Customers, Options: len(p.Candidates), Rows: len(p.Rows), Solver: solverName,
		Seed: in.Seed, Status: s.Status.String(), FullReads: s.Work.FullReads, Programs: s.Work.ReducedLPs, Largest: s.Work.LargestLP,
		Seconds: benchSeconds{time.Since(began).Seconds(), s.Work.ScanSeconds, s.Work.LPSeconds, s.Work.FinishSeconds},
		CPU:     processCPU() - cpu}
	if s.Err() != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return s.Err()
	}
	certificate := optimizer.Check(p, s)
	if err := certificate.Err(optimizer.Tolerance{}); err != nil {
		return err
	}
	plan, err := optimizer.Round(p, s)
	if err != nil {
		return err
	}
	r.Objective, r.Bound, r.Gap, r.PlanValue = certificate.ObjectiveCents, certificate.BoundCents, certificate.Gap, plan.ValueCents
	for _, price := range s.Prices {
		if price != 0 {
			r.Binding++
		}
	}
	g, err := optimizer.NewInstance(in)
	if err != nil {
		return err
	}
	speed, err := optimizer.MeasureScan(ctx, g, s.Prices)
	if err != nil {
		return err
	}
	r.BandwidthRatio, r.PeakRSSBytes = speed.Ratio(), peakRSS()
	if a.asJSON {
		return a.printJSON(r)
	}
	fmt.Fprintf(a.stdout, "%d customers, %d options, %d rows (%d binding)\n", r.Customers, r.Options, r.Rows, r.Binding)
	fmt.Fprintf(a.stdout, "%s: objective %.2f, bound %.2f, gap %.1e; whole actions %.2f\n", r.Status, r.Objective, r.Bound, r.Gap, r.PlanValue)
	fmt.Fprintf(a.stdout, "%.2f s (scan %.2f, linear programs %.2f, finish %.2f), %.2f CPU s, %d full reads, %d linear programs of at most %d columns\n",
		r.Seconds.Total, r.Seconds.Scan, r.Seconds.LP, r.Seconds.Finish, r.CPU, r.FullReads, r.Programs, r.Largest)
	fmt.Fprintf(a.stdout, "a scan reads at %.0f %% of the speed of a plain read; peak memory %.0f MiB\n", 100*r.BandwidthRatio, float64(r.PeakRSSBytes)/(1<<20))
	return nil
}

// processCPU returns the seconds of CPU that the process has used.
func processCPU() float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	seconds := func(t syscall.Timeval) float64 { return float64(t.Sec) + float64(t.Usec)/1e6 }
	return seconds(u.Utime) + seconds(u.Stime)
}

// peakRSS returns the largest resident size of the process so far, in bytes.
func peakRSS() int64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return u.Maxrss * 1024 // Linux counts in KiB
}
