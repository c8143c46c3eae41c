package features_test

import (
	"testing"

	"dunning/data"
	"dunning/features"
)

// Rows per second on one thread, over all decision points of histories of 30
// invoices and 60 touches (typical) and ten times as many.
func BenchmarkRow(b *testing.B) {
	for _, size := range []struct {
		name              string
		invoices, touches int
	}{{"invoices=30,touches=60", 30, 60}, {"invoices=300,touches=600", 300, 600}} {
		b.Run(size.name, func(b *testing.B) {
			c := newTestComputer()
			var histories []*features.History
			for seed := range uint64(50) {
				histories = append(histories, features.NewHistory(generated(seed, size.invoices, size.touches)))
			}
			out := make([]float32, len(c.Names()))
			days := data.Date(26 * size.invoices)
			rows := 0
			for b.Loop() {
				h := histories[rows%len(histories)]
				for k := range data.Date(20) {
					day := start + days*(k+1)/20
					c.Row(h, day, day, out)
					rows++
				}
			}
			b.ReportMetric(float64(rows)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}

// Histories per second: sorting, joining and indexing.
func BenchmarkNewHistory(b *testing.B) {
	var histories []features.History
	for seed := range uint64(50) {
		histories = append(histories, generated(seed, 30, 60))
	}
	n := 0
	for b.Loop() {
		features.NewHistory(histories[n%len(histories)])
		n++
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "histories/s")
}
