package pipeline

import (
	"math/rand/v2"
	"os"
	"regexp"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"dunning/data"
	"dunning/data/synth"
	"dunning/features"
)

// Sizes of the benchmark.
const (
	millionCustomers = 1_000_000
	// benchCustomers are simulated and trained on; their open ones are replicated.
	benchCustomers = 2_000
	// benchScales is how many times each is replicated in memory, with all amounts
	// multiplied by 1, 2, 3 …, so that the processor's caches do not hold them all.
	benchScales = 8
	// benchBlock is how many rows are predicted at a time: a partition's.
	benchBlock = 15_625
)

// BenchmarkUpliftMillion estimates the effect of a touch on each of five channels
// today for 1,000,000 open customers, on two goroutines, with the models that a
// training on a simulated portfolio put into force and the code that the score
// stage uses:
//
//   - rows: from rows of features, by the boosted trees (five effects and the
//     probability of paying);
//   - histories: from whole histories, by the response model, corrections and lower
//     bounds included. Histories are in memory; [BenchmarkUpliftFromLake] reads them.
//
// Peak memory is that of the process since the models were trained, the replicated
// customers included.
func BenchmarkUpliftMillion(b *testing.B) {
	s := benchScorer(b)
	b.Run("rows", func(b *testing.B) {
		rows := replicatedRows(b, s)
		own := s.own
		s.own = nil // where it speaks of every channel, nobody asks the trees
		defer func() { s.own = own }()
		debug.FreeOSMemory()
		measureMillion(b, func() { s.upliftOfRows(b, rows) })
	})
	b.Run("histories", func(b *testing.B) {
		if s.own == nil {
			b.Fatal("no response model was kept")
		}
		histories := replicatedHistories(b, s)
		debug.FreeOSMemory()
		measureMillion(b, func() { s.upliftOfHistories(histories) })
	})
}

// benchWork simulates a portfolio and runs stages on it.
func benchWork(b *testing.B, customers int, stages ...Stage) *Work {
	home := b.TempDir()
	c := synth.DefaultConfig()
	c.Customers, c.Months, c.Seed, c.Truth = customers, 18, 7, false
	_, err := synth.Write(b.Context(), c, home, synth.Parquet, nil)
	benchMust(b, err)
	_, err = WriteConfig(home, string(synth.Parquet), c.End.String(), false)
	benchMust(b, err)
	benchMust(b, WriteSimulatedKey(home))
	config, err := LoadConfig(home)
	benchMust(b, err)
	_, err = runTest(b.Context(), home, config, stages, RunOptions{})
	benchMust(b, err)
	w := &Work{Config: config, Home: home, AsOf: c.End, progress: Silent{}, inputs: map[string]Output{}}
	for _, stage := range stages {
		w.inputs[stage.Name], err = OpenOutput(stage.FolderOf(home, w.AsOf))
		benchMust(b, err)
	}
	return w
}

// benchScorer simulates a portfolio, trains on it, and opens what is in force.
func benchScorer(b *testing.B) *scorer {
	w := benchWork(b, benchCustomers, ExtractStage(), FeaturesStage(), TrainStage())
	_, err := trainedOf(b.Context(), w)
	benchMust(b, err)
	s := &scorer{w: w, version: w.prepared.(*modelSource), calendar: responseDays(w, w.Input("extract"))}
	s.model, err = s.version.load(w.Config)
	benchMust(b, err)
	s.own, err = loadResponse(s.version.dir)
	benchMust(b, err)
	s.planning, err = newPlanningRows(b.Context(), w, s.model)
	benchMust(b, err)
	return s
}

func benchMust(b *testing.B, err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

// replicatedRows are the open customers' rows of the plan's first day, over and over,
// every figure that is no code moved by some per cent.
func replicatedRows(b *testing.B, s *scorer) features.Matrix {
	base := features.Matrix{}
	for part := range s.w.Input("extract").Parts("customers") {
		frame, err := s.planning.part(part)
		benchMust(b, err)
		var rows []int
		for i := 0; i < frame.Len(); i += s.w.Config.Features.PlanDays {
			rows = append(rows, i)
		}
		of := frame.Take(rows)
		if base.Names == nil {
			base = features.Matrix{Names: of.Names, Cols: make([][]float32, len(of.Names))}
		}
		for c := range of.Cols {
			base.Cols[c] = append(base.Cols[c], of.Cols[c]...)
		}
	}
	rng := rand.New(rand.NewPCG(20, 26))
	out := features.Matrix{Names: base.Names, Cols: make([][]float32, len(base.Cols))}
	for c, name := range out.Names {
		out.Cols[c] = make([]float32, millionCustomers)
		for i := range out.Cols[c] {
			x := base.Cols[c][i%base.Rows()]
			if !strings.HasSuffix(name, "_code") {
				x *= 1 + .05*float32(rng.NormFloat64())
			}
			out.Cols[c][i] = x
		}
	}
	return out
}

// replicatedHistories are those of the open customers, each with all amounts
// multiplied in several ways.
func replicatedHistories(b *testing.B, s *scorer) (out []*features.History) {
	for part := range s.w.Input("extract").Parts("customers") {
		for h, err := range features.Histories(s.w.Input("extract").Dir, part) {
			benchMust(b, err)
			if h.Balance(s.w.AsOf) <= 0 {
				continue
			}
			for k := range data.Cents(benchScales) {
				scaled := features.History{Customer: h.Customer, Invoices: slices.Clone(h.Invoices), Payments: slices.Clone(h.Payments),
					Touches: slices.Clone(h.Touches), Events: slices.Clone(h.Events), Promises: slices.Clone(h.Promises), Bureau: slices.Clone(h.Bureau), Disputes: slices.Clone(h.Disputes)}
				scaled.Customer.CreditLimitCents *= k + 1
				for i := range scaled.Invoices {
					scaled.Invoices[i].AmountCents *= k + 1
				}
				for i := range scaled.Payments {
					scaled.Payments[i].AmountCents *= k + 1
				}
				out = append(out, features.NewHistory(scaled))
			}
		}
	}
	rand.New(rand.NewPCG(20, 26)).Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}

// upliftOfRows predicts the rows block by block, as the partitions of a lake.
func (s *scorer) upliftOfRows(b *testing.B, rows features.Matrix) {
	var group sync.WaitGroup
	for worker := range 2 {
		group.Go(func() {
			for from := worker * benchBlock; from < millionCustomers; from += 2 * benchBlock {
				to := min(from+benchBlock, millionCustomers)
				// One row a customer, which is all that predicting looks at.
				block := &features.Frame{CustomerID: make([]string, to-from), Matrix: features.Matrix{Names: rows.Names}}
				for _, col := range rows.Cols {
					block.Matrix.Cols = append(block.Matrix.Cols, col[from:to])
				}
				p, err := s.predictRows(block)
				if err != nil {
					b.Error(err)
					return
				}
				if len(p.mean) != len(data.Channels) || len(p.mean[0]) != to-from || len(p.pay) != to-from {
					b.Errorf("%d effects of %d rows", len(p.mean), to-from)
				}
			}
		})
	}
	group.Wait()
}

// upliftOfHistories keeps mean and lower bound of each customer and channel.
func (s *scorer) upliftOfHistories(histories []*features.History) [][len(data.Channels)][2]float32 {
	out := make([][len(data.Channels)][2]float32, millionCustomers)
	var group sync.WaitGroup
	for worker := range 2 {
		group.Go(func() {
			f := s.newForecast()
			for i := worker; i < millionCustomers; i += 2 {
				h := histories[i%len(histories)]
				f.load(h, h.DaysPastDue(s.w.AsOf))
				f.look(s.w.AsOf)
				for k, ch := range data.Channels {
					if mean, lower, ok := f.effect(ch); ok {
						out[i][k] = [2]float32{float32(mean), float32(lower)}
					}
				}
			}
		})
	}
	group.Wait()
	return out
}

// measureMillion reports seconds of the clock and of the processors for a million
// customers, and the peak of the resident memory.
func measureMillion(b *testing.B, work func()) {
	// The kernel begins to look for a new peak; where it does not, the old one counts.
	_ = os.WriteFile("/proc/self/clear_refs", []byte("5"), 0)
	used := benchProcessors(b)
	for b.Loop() {
		work()
	}
	b.ReportMetric(b.Elapsed().Seconds()/float64(b.N), "s/million")
	b.ReportMetric((benchProcessors(b)-used).Seconds()/float64(b.N), "cpu-s/million")
	status, err := os.ReadFile("/proc/self/status")
	benchMust(b, err)
	kB, err := strconv.ParseFloat(string(regexp.MustCompile(`VmHWM:\s*(\d+)`).FindSubmatch(status)[1]), 64)
	benchMust(b, err)
	b.ReportMetric(kB/(1<<20), "peak-GiB")
}

func benchProcessors(b *testing.B) time.Duration {
	var r syscall.Rusage
	benchMust(b, syscall.Getrusage(syscall.RUSAGE_SELF, &r))
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}
