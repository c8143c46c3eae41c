package pipeline

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func BenchmarkExtract(b *testing.B) {
	for _, rows := range []int{1e3, 1e5, 1e6} {
		b.Run(fmt.Sprint(rows), func(b *testing.B) {
			home := b.TempDir()
			if err := os.Mkdir(filepath.Join(home, "sources"), 0o755); err != nil {
				b.Fatal(err)
			}
			for name, text := range bigSources(rows/10, rows*8/10) {
				if err := os.WriteFile(filepath.Join(home, "sources", name+".csv"), []byte(text), 0o644); err != nil {
					b.Fatal(err)
				}
			}
			config := DefaultConfig()
			config.Quarantine.MaxShare = 1
			for b.Loop() {
				if _, err := runTest(b.Context(), home, config, []Stage{ExtractStage()}, RunOptions{Force: true}); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(rows)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}

// An interrupt reaches into a query that would run for hours.
func TestExtractStopsSoon(t *testing.T) {
	home, config := writeHome(t, sourceFiles())
	config.Sources["payments"] = Source{Query: `SELECT 'P' || a.range AS payment_id, 'I1' AS invoice_id, 'C1' AS customer_id, '2025-02-03' AS paid_at,
		sum(b.range) AS amount_cents FROM range(1000000000) a, range(1000000) b GROUP BY ALL`}
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	began := time.Now()
	_, err := runTest(ctx, home, config, []Stage{ExtractStage()}, RunOptions{})
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v", err)
	}
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("stopped only after %v", took)
	}
	if left, err := os.ReadDir(filepath.Join(home, "lake", "extract")); err != nil || len(left) > 0 {
		t.Errorf("left %v, %v", left, err)
	}
}
