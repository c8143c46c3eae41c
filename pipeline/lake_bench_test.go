package pipeline

import (
	"sync"
	"testing"
	"time"

	"dunning/data"
	"dunning/features"
)

// benchLakeCustomers are those of the lake that is read.
const benchLakeCustomers = 20_000

// BenchmarkUpliftFromLake reads the histories of 20,000 customers from a lake that the
// stage extract has written, and estimates the effect of a touch on each of five
// channels today for those who owe something, by the response model with corrections
// and lower bounds, on two goroutines as the score stage does: from files to effects.
// It reports microseconds of the processors: by customer for a pass that reads only,
// by customer who owes for what the effects add to it; the share of those who owe; and
// seconds of the processors and of the clock for a million such customers of a lake.
func BenchmarkUpliftFromLake(b *testing.B) {
	s := benchScorer(b)
	if s.own == nil {
		b.Fatal("no response model was kept")
	}
	lake := benchWork(b, benchLakeCustomers, ExtractStage())
	s.calendar = responseDays(lake, lake.Input("extract"))
	var read, both, clock time.Duration
	open := 0
	for b.Loop() {
		start := benchProcessors(b)
		s.upliftOfLake(b, lake, false)
		middle, wall := benchProcessors(b), time.Now()
		open += s.upliftOfLake(b, lake, true)
		read, both, clock = read+middle-start, both+benchProcessors(b)-middle, clock+time.Since(wall)
	}
	customers := benchLakeCustomers * b.N
	b.ReportMetric(float64(read.Nanoseconds())/1e3/float64(customers), "read-µs/customer")
	b.ReportMetric(float64((both-read).Nanoseconds())/1e3/float64(open), "effects-µs/open")
	b.ReportMetric(float64(open)/float64(customers), "open-share")
	b.ReportMetric(both.Seconds()/float64(customers)*millionCustomers, "cpu-s/million")
	b.ReportMetric(clock.Seconds()/float64(customers)*millionCustomers, "s/million")
	b.ReportMetric(0, "ns/op")
}

// upliftOfLake reads every history of a lake and, where it is asked to, estimates the
// effects for those who owe something. It returns how many owe.
func (s *scorer) upliftOfLake(b *testing.B, lake *Work, effects bool) (open int) {
	in := lake.Input("extract")
	parts := len(in.Parts("customers"))
	counts, sums := make([]int, parts), make([]float64, parts)
	var group sync.WaitGroup
	for worker := range 2 {
		group.Go(func() {
			f := s.newForecast()
			for part := worker; part < parts; part += 2 {
				for h, err := range features.Histories(in.Dir, part) {
					if err != nil {
						b.Error(err)
						return
					}
					if h.Balance(s.w.AsOf) <= 0 {
						continue
					}
					if counts[part]++; !effects {
						continue
					}
					f.load(h, h.DaysPastDue(s.w.AsOf))
					f.look(s.w.AsOf)
					for _, ch := range data.Channels {
						if mean, lower, ok := f.effect(ch); ok {
							sums[part] += mean - lower
						}
					}
				}
			}
		})
	}
	group.Wait()
	for part := range counts {
		open += counts[part]
		if effects && counts[part] > 0 && sums[part] <= 0 {
			b.Fatalf("partition %d has no effects", part)
		}
	}
	return open
}
