package synth

import (
	"context"
	"fmt"
	"testing"
)

// BenchmarkGenerate measures the process itself, with and without truth.
func BenchmarkGenerate(b *testing.B) {
	for _, truth := range []bool{true, false} {
		b.Run(fmt.Sprintf("truth=%t", truth), func(b *testing.B) {
			c := testConfig(1000)
			c.Truth = truth
			for b.Loop() {
				if _, err := Generate(context.Background(), c); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(c.Customers*b.N)/b.Elapsed().Seconds(), "customers/s")
		})
	}
}

// BenchmarkWrite measures it with the files, as the command does.
func BenchmarkWrite(b *testing.B) {
	for _, format := range []Format{CSV, Parquet} {
		b.Run(string(format), func(b *testing.B) {
			c, home := testConfig(1000), b.TempDir()
			for b.Loop() {
				if _, err := Write(context.Background(), c, home, format, nil); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(c.Customers*b.N)/b.Elapsed().Seconds(), "customers/s")
		})
	}
}
