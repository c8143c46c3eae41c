//go:build unix

package whatif_test

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"dunning/data"
	"dunning/optimizer"
	"dunning/optimizer/clp"
	"dunning/serve/whatif"
)

// filed is a source with a random portfolio in a values file, as the command
// hands over a plan's.
type filed struct {
	in   optimizer.Instance
	path string
}

func (f filed) Version() string { return "plan" }

func (f filed) Load(ctx context.Context) (*whatif.Problem, error) {
	g, err := f.in.Grid()
	if err != nil {
		return nil, err
	}
	if err := f.in.WriteFile(ctx, f.path); err != nil {
		return nil, err
	}
	v, err := optimizer.OpenValues(f.path)
	if err != nil {
		return nil, err
	}
	g.Values = v
	g.Rows = g.Rows[:1+len(g.Slots)]
	segments := make([]string, g.Profiles)
	for i := range segments {
		segments[i] = fmt.Sprint("segment ", i)
	}
	return &whatif.Problem{PlanID: "plan", Grid: g, Segments: segments, MinimumRow: func(s string) string { return "minimum " + s },
		MaximumRow: func(s string) string { return "maximum " + s }, Release: func() { v.Close() }}, nil
}

// cpuSeconds is what this process has used.
func cpuSeconds(b *testing.B) float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()).Seconds()
}

// BenchmarkAnswer is what a manager waits for: another budget, a channel switched
// off, a segment covered. Portfolios are those of optimizer.Instance with 5
// channels, 6 segments and 7 or 14 days.
func BenchmarkAnswer(b *testing.B) {
	for _, size := range []struct{ customers, touches, days int }{{100_000, 1, 14}, {100_000, 3, 7}, {1_000_000, 1, 14}, {1_000_000, 3, 7}} {
		if testing.Short() && size.customers > 100_000 {
			continue
		}
		in := optimizer.Instance{Customers: size.customers, Channels: 5, Days: size.days, Segments: 6, Seed: seed,
			Ladder: optimizer.LadderRule{Touches: size.touches, GapDays: 2, Factor: [][]float64{{1}, {0.6, 0.6, 0.6, 0.7, 0.8}, {0.4, 0.4, 0.4, 0.5, 0.6}}}}
		e := whatif.New(filed{in, filepath.Join(b.TempDir(), "values")}, clp.New(), slog.New(slog.DiscardHandler))
		if err := e.Prepare(context.Background()); err != nil {
			b.Fatal(err)
		}
		budget := e.Status().Base.BudgetCents
		share := min(1, e.Status().Segments[0].Coverage+0.05)
		for _, asks := range []struct {
			name string
			wish func(n int64) whatif.Wish // never the same twice: answers are remembered
		}{
			{"budget", func(n int64) whatif.Wish { return whatif.Wish{BudgetCents: cents(budget*8/10 + data.Cents(n))} }},
			{"channel", func(n int64) whatif.Wish {
				return whatif.Wish{BudgetCents: cents(budget + data.Cents(n)), Off: []data.Channel{data.Voice}}
			}},
			{"coverage", func(n int64) whatif.Wish {
				return whatif.Wish{BudgetCents: cents(budget + data.Cents(n)), Coverage: []whatif.CoverageWish{{Segment: "segment 0", Share: share}}}
			}},
		} {
			b.Run(fmt.Sprintf("customers=%d/touches=%d/days=%d/%s", size.customers, size.touches, size.days, asks.name), func(b *testing.B) {
				n, began := int64(0), cpuSeconds(b)
				var a *whatif.Answer
				for b.Loop() {
					n++
					var err error
					if a, err = e.Answer(context.Background(), "ana", asks.wish(n)); err != nil {
						b.Fatal(err)
					}
					if a.Status != "optimal" {
						b.Fatalf("status %s", a.Status)
					}
				}
				b.ReportMetric((cpuSeconds(b)-began)/float64(n), "cpu-s/op") // other programs change the time, not this
				b.ReportMetric(float64(a.Sample), "sampled")
				b.ReportMetric(float64(a.ErrorCents)/float64(max(1, a.ValueCents))*100, "error_%")
				b.ReportMetric(float64(a.BoundCents-a.ValueCents)/float64(max(1, a.ValueCents)), "gap")
			})
		}
	}
}
