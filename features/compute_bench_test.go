package features_test

import (
	"path/filepath"
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
			for n := 0; b.Loop(); n++ {
				h := histories[n%len(histories)]
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

// Rows per second of a training frame's file, all features, both ways.
func BenchmarkFrameFile(b *testing.B) {
	var seeds []uint64
	for seed := range uint64(300) {
		seeds = append(seeds, seed)
	}
	f := trainingFrame(seeds...)
	path := filepath.Join(b.TempDir(), "frame.parquet")
	b.Run("write", func(b *testing.B) {
		n := 0
		for b.Loop() {
			file, err := features.WriteTraining(path, f)
			if err != nil {
				b.Fatal(err)
			}
			n += f.Len()
			b.ReportMetric(float64(file.Bytes)/float64(f.Len()), "bytes/row")
		}
		b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "rows/s")
	})
	b.Run("read", func(b *testing.B) {
		n := 0
		for b.Loop() {
			g, err := features.ReadTraining(path)
			if err != nil {
				b.Fatal(err)
			}
			n += g.Len()
		}
		b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "rows/s")
	})
}
