package main

import (
	"context"
	"fmt"
	"math"
	"time"

	"dunning/optimizer"
	"dunning/optimizer/clp"
)

// compareResult is the JSON document of bench optimizer --compare.
type compareResult struct {
	Channels int            `json:"channels"`
	Days     int            `json:"days"`
	Seed     uint64         `json:"seed"`
	Limit    float64        `json:"limit_cpu_seconds"` // at which the other solvers were stopped
	Sizes    []comparedSize `json:"sizes"`
	Gradient *comparedReads `json:"gradient,omitempty"`
}

// comparedSize is one instance, solved by all.
type comparedSize struct {
	Customers int              `json:"customers"`
	Options   int              `json:"options"`
	Rows      int              `json:"rows"`
	CPU       float64          `json:"cpu_seconds"` // of boxstep
	Objective float64          `json:"objective"`
	Gap       float64          `json:"gap"`
	FullReads int              `json:"full_reads"`
	Others    []comparedSolver `json:"others"`
}

// comparedSolver is another solver on the same instance. CPU seconds are a lower
// bound where the status is time_limit.
type comparedSolver struct {
	Solver     string  `json:"solver"`
	Status     string  `json:"status"`
	Why        string  `json:"why,omitempty"` // it did not run
	CPU        float64 `json:"cpu_seconds"`
	Times      float64 `json:"times"` // its CPU seconds over boxstep's
	Objective  float64 `json:"objective,omitempty"`
	Difference float64 `json:"difference"` // of the objectives, relative
}

// comparedReads is the accelerated gradient, at 20,000 customers, or at
// --customers where those are fewer.
type comparedReads struct {
	Customers int     `json:"customers"`
	Tolerance float64 `json:"tolerance"` // of the dual objective, relative
	Gamma     float64 `json:"gamma"`     // the best of those tried
	FullReads int     `json:"full_reads"`
	Reached   bool    `json:"reached"`
	Times     float64 `json:"times"` // its reads over boxstep's
}

// compareSizes are the customers of a comparison. CLP's other methods stop being
// worth the wait beyond compareAll, HiGHS beyond compareHiGHS.
var compareSizes = [...]int{1_000, 5_000, 20_000, 100_000}

const (
	compareAll   = 20_000
	compareHiGHS = 5_000
)

func (a *app) benchCompare(ctx context.Context, c benchConfig) error {
	r := compareResult{Channels: c.in.Channels, Days: c.in.Days, Seed: c.in.Seed, Limit: c.limit.Seconds()}
	for _, n := range c.sizes() {
		in := c.in
		in.Customers, in.Ladder = n, optimizer.LadderRule{}
		g, err := optimizer.NewInstance(in)
		if err != nil {
			return err
		}
		size, err := compareBoxstep(ctx, in, g)
		if err != nil {
			return err
		}
		if n == compareAll || c.sized && n < compareAll {
			if r.Gradient, err = compareGradient(ctx, g, &size); err != nil {
				return err
			}
		}
		if err := size.compareOthers(ctx, g, c.limit); err != nil {
			return err
		}
		fmt.Fprintf(a.stderr, "%d customers compared\n", n)
		r.Sizes = append(r.Sizes, size)
	}
	if a.asJSON {
		return a.printJSON(r)
	}
	for _, s := range r.Sizes {
		fmt.Fprintf(a.stdout, "%d customers, %d options, %d rows: %.2f CPU s, gap %.1e, %d full reads\n", s.Customers, s.Options, s.Rows, s.CPU, s.Gap, s.FullReads)
		for _, o := range s.Others {
			fmt.Fprintf(a.stdout, "  %-12s %-10s %8.2f CPU s, %.0f times, objective off by %.1e %s\n", o.Solver, o.Status, o.CPU, o.Times, o.Difference, o.Why)
		}
	}
	if d := r.Gradient; d != nil {
		fmt.Fprintf(a.stdout, "accelerated gradient at %d customers: %d full reads to %.0e, %.0f times ours\n", d.Customers, d.FullReads, d.Tolerance, d.Times)
	}
	return nil
}

// sizes returns the customers of the instances to compare on.
func (c *benchConfig) sizes() []int {
	if c.sized {
		return []int{c.in.Customers}
	}
	return compareSizes[:]
}

func compareBoxstep(ctx context.Context, in optimizer.Instance, g *optimizer.Grid) (comparedSize, error) {
	size := comparedSize{Customers: in.Customers, Options: in.Customers * in.Options(), Rows: len(g.Rows)}
	cpu := processCPU()
	s, err := optimizer.Boxstep{LP: clp.New()}.Allocate(ctx, g)
	size.CPU = processCPU() - cpu
	if err != nil {
		return size, err
	}
	if err := solved(ctx, s.Err()); err != nil {
		return size, err
	}
	certificate, err := optimizer.CheckGrid(ctx, g, s)
	if err != nil {
		return size, err
	}
	size.Objective, size.Gap, size.FullReads = certificate.ObjectiveCents, certificate.Gap, s.Work.FullReads+1
	return size, certificate.Err(optimizer.Tolerance{})
}

// compareOthers solves g by other solvers: each CLP method after the first is
// stopped when it cannot be the best any more.
func (s *comparedSize) compareOthers(ctx context.Context, g *optimizer.Grid, limit time.Duration) error {
	p, err := g.Problem(ctx)
	if err != nil {
		return err
	}
	if s.Customers <= compareHiGHS {
		other, err := solveHiGHS(ctx, p.LP(), limit)
		if err != nil {
			return err
		}
		s.add(other)
	}
	algorithms := []clp.Algorithm{clp.Dual, clp.Primal, clp.Barrier}
	if s.Customers > compareAll {
		algorithms = algorithms[:1]
	}
	for _, algorithm := range algorithms {
		within, stop := withCPULimit(ctx, limit)
		cpu := processCPU()
		res, err := (&clp.Solver{Algorithm: algorithm}).Solve(within, p)
		took := processCPU() - cpu
		stopped := within.Err() != nil
		stop()
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil && !stopped {
			return err
		}
		if err != nil {
			res = &optimizer.Solution{Status: optimizer.Interrupted}
		}
		other := comparedSolver{Solver: "clp " + algorithm.String(), Status: res.Status.String(), CPU: took, Objective: res.ObjectiveCents}
		switch res.Status {
		case optimizer.Optimal:
			limit = min(limit, time.Duration(took*float64(time.Second)))
		case optimizer.Interrupted:
			other.Status = optimizer.TimeLimit.String()
		}
		s.add(other)
	}
	return nil
}

// withCPULimit returns a context that ends when the process has used so much
// CPU time more: other work on the machine does not count.
func withCPULimit(ctx context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	within, stop := context.WithCancel(ctx)
	until := processCPU() + limit.Seconds()
	go func() {
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-within.Done():
				return
			case <-tick.C:
				if processCPU() >= until {
					stop()
				}
			}
		}
	}()
	return within, stop
}

func (s *comparedSize) add(other comparedSolver) {
	other.Times = other.CPU / s.CPU
	if other.Status == optimizer.Optimal.String() {
		other.Difference = math.Abs(other.Objective-s.Objective) / max(1, math.Abs(s.Objective))
	}
	s.Others = append(s.Others, other)
}

// compareGradient counts the reads of the accelerated gradient, for the best of
// several ridges.
func compareGradient(ctx context.Context, g *optimizer.Grid, s *comparedSize) (*comparedReads, error) {
	const most = 1000
	r := &comparedReads{Customers: s.Customers, Tolerance: 1e-4, FullReads: most}
	d, err := newGradientDual(ctx, g)
	if err != nil {
		return r, err
	}
	for _, gamma := range []float64{10, 3, 1, 30, 0.3, 100} { // cents; those that do best come first
		n, err := d.reads(ctx, gamma, s.Objective, r.Tolerance, r.FullReads)
		if err != nil {
			return r, err
		}
		if n < r.FullReads {
			r.Gamma, r.FullReads, r.Reached = gamma, n, true
		}
	}
	r.Times = float64(r.FullReads) / float64(s.FullReads)
	return r, nil
}
