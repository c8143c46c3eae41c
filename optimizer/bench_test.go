//go:build cgo

package optimizer_test

import (
	"context"
	"fmt"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"dunning/optimizer"
	"dunning/optimizer/clp"
)

// benchGrid draws the instance of the size.
func benchGrid(b *testing.B, customers int, ladder optimizer.LadderRule) *optimizer.Grid {
	b.Helper()
	g, err := optimizer.NewInstance(optimizer.Instance{Customers: customers, Channels: 5, Days: 14, Seed: 1, Ladder: ladder})
	if err != nil {
		b.Fatal(err)
	}
	return g
}

// BenchmarkAllocate reports the gap and the reads beside the time; the whole
// linear program is solved for the same instance where that takes less than
// some seconds.
func BenchmarkAllocate(b *testing.B) {
	ladder := optimizer.LadderRule{Touches: 3, GapDays: 2, Factor: [][]float64{nil, {0, 0, 0.5, 0.6, 0.7}, {0, 0, 0.3, 0.4, 0.5}}}
	for _, c := range []struct {
		name      string
		customers int
		ladder    optimizer.LadderRule
	}{
		{"touches=1", 1_000, optimizer.LadderRule{}},
		{"touches=1", 100_000, optimizer.LadderRule{}},
		{"touches=1", 1_000_000, optimizer.LadderRule{}},
		{"touches=3", 10_000, ladder},
		{"touches=3", 100_000, ladder},
	} {
		b.Run(fmt.Sprintf("%s/customers=%d", c.name, c.customers), func(b *testing.B) {
			g := benchGrid(b, c.customers, c.ladder)
			var a *optimizer.Allocation
			for b.Loop() {
				var err error
				if a, err = (optimizer.Boxstep{LP: clp.New()}).Allocate(context.Background(), g); err != nil || a.Err() != nil {
					b.Fatal(a, err)
				}
			}
			b.ReportMetric(a.Gap(), "gap")
			b.ReportMetric(float64(a.Work.FullReads), "reads")
			b.ReportMetric(float64(c.customers)*float64(b.N)/b.Elapsed().Seconds(), "customers/s")
		})
	}
	for _, customers := range []int{1_000, 5_000} {
		b.Run(fmt.Sprintf("clp/customers=%d", customers), func(b *testing.B) {
			p, err := benchGrid(b, customers, optimizer.LadderRule{}).Problem(context.Background())
			if err != nil {
				b.Fatal(err)
			}
			var s *optimizer.Solution
			for b.Loop() {
				if s, err = clp.New().Solve(context.Background(), p); err != nil || s.Err() != nil {
					b.Fatal(s, err)
				}
			}
			b.ReportMetric(s.Gap(), "gap")
			b.ReportMetric(float64(customers)*float64(b.N)/b.Elapsed().Seconds(), "customers/s")
		})
	}
}

// BenchmarkScan reports the speed of a full scan over that of a plain read.
func BenchmarkScan(b *testing.B) {
	g := benchGrid(b, 300_000, optimizer.LadderRule{})
	a, err := optimizer.Boxstep{LP: clp.New()}.Allocate(context.Background(), g)
	if err != nil || a.Err() != nil {
		b.Fatal(a, err)
	}
	var speed optimizer.ScanSpeed
	for b.Loop() {
		if speed, err = optimizer.MeasureScan(context.Background(), g, a.Prices); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(speed.Ratio(), "ratio")
	b.ReportMetric(float64(speed.Bytes)/speed.ScanSeconds/1e9, "GB/s")
}

// BenchmarkWriteFile measures the drawing of an instance into a values file.
func BenchmarkWriteFile(b *testing.B) {
	path := filepath.Join(b.TempDir(), "values")
	in := optimizer.Instance{Customers: 100_000, Channels: 5, Days: 14, Seed: 1}
	for b.Loop() {
		if err := in.WriteFile(context.Background(), path); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(100_000*float64(b.N)/b.Elapsed().Seconds(), "customers/s")
}

// processCPU returns the seconds of CPU that the process has used: other work on
// the machine does not count.
func processCPU() float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()).Seconds()
}

// BenchmarkCurve draws the budget curve of 20 points up to twice a budget that
// binds, and reports how many times the CPU time of the solve before it that takes.
func BenchmarkCurve(b *testing.B) {
	ladder := optimizer.LadderRule{Touches: 3, GapDays: 2, Factor: [][]float64{nil, {0, 0, 0.5, 0.6, 0.7}, {0, 0, 0.3, 0.4, 0.5}}}
	for _, c := range []struct {
		touches, customers int
	}{{1, 20_000}, {1, 100_000}, {1, 1_000_000}, {3, 10_000}} {
		b.Run(fmt.Sprintf("touches=%d/customers=%d", c.touches, c.customers), func(b *testing.B) {
			in := optimizer.Instance{Customers: c.customers, Channels: 5, Days: 14, Seed: 1}
			if c.touches > 1 {
				in.Ladder = ladder
			}
			g, limits := curveGrid(b, in, 20)
			solver := optimizer.Boxstep{LP: clp.New()}
			var solves, curves float64
			points := 0
			for b.Loop() {
				began := processCPU()
				a, err := solver.Allocate(context.Background(), g)
				if err != nil || a.Err() != nil {
					b.Fatal(a, err)
				}
				solves += processCPU() - began
				began = processCPU()
				curve, err := solver.Curve(context.Background(), g, 0, limits, a)
				if err != nil {
					b.Fatal(err)
				}
				curves += processCPU() - began
				points = 0
				for _, p := range curve.Points {
					if p.Status == optimizer.Optimal {
						points++
					}
				}
			}
			b.ReportMetric(curves/solves, "solves/curve")
			b.ReportMetric(curves/float64(b.N), "cpu-s/curve")
			b.ReportMetric(float64(points), "points-solved")
		})
	}
}
