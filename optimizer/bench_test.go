//go:build cgo

package optimizer_test

import (
	"context"
	"fmt"
	"testing"

	"dunning/optimizer"
	"dunning/optimizer/clp"
)

// BenchmarkSolve reports the gap beside the time; the whole linear program is
// solved for the same instance where that takes less than some seconds.
func BenchmarkSolve(b *testing.B) {
	for _, customers := range []int{1_000, 5_000, 20_000, 100_000} {
		p, err := optimizer.Instance{Customers: customers, Channels: 5, Days: 14, Seed: 1}.Problem()
		if err != nil {
			b.Fatal(err)
		}
		run := func(name string, s optimizer.Solver) {
			b.Run(fmt.Sprintf("%s/customers=%d", name, customers), func(b *testing.B) {
				var sol *optimizer.Solution
				for b.Loop() {
					if sol, err = s.Solve(context.Background(), p); err != nil || sol.Err() != nil {
						b.Fatal(sol, err)
					}
				}
				b.ReportMetric(sol.Gap(), "gap")
				b.ReportMetric(float64(len(p.Candidates))*float64(b.N)/b.Elapsed().Seconds(), "candidates/s")
			})
		}
		run("boxstep", optimizer.Boxstep{LP: clp.New()})
		if customers <= 5_000 {
			run("clp", clp.New())
		}
	}
}

// BenchmarkCertificate measures Check alone.
func BenchmarkCertificate(b *testing.B) {
	p, err := optimizer.Instance{Customers: 20_000, Channels: 5, Days: 14, Seed: 1}.Problem()
	if err != nil {
		b.Fatal(err)
	}
	s, err := optimizer.Boxstep{LP: clp.New()}.Solve(context.Background(), p)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if err := optimizer.Check(p, s).Err(optimizer.Tolerance{}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(len(p.Candidates))*float64(b.N)/b.Elapsed().Seconds(), "candidates/s")
}
