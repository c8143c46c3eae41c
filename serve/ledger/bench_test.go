package ledger_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"dunning/data"
	"dunning/serve/ledger"
)

// BenchmarkLease measures leases of 100 actions by dispatchers who do nothing
// else than lease and ack, without a pause: the worst there is. One operation
// is a lease and its ack.
func BenchmarkLease(b *testing.B) {
	for name, open := range map[string]func(testing.TB) *home{"sqlite": sqliteHome, "postgres": postgresHome} {
		for _, dispatchers := range []int{1, 8} {
			b.Run(fmt.Sprintf("%s/dispatchers=%d", name, dispatchers), func(b *testing.B) { benchLease(b, open(b), dispatchers) })
		}
	}
}

func benchLease(b *testing.B, h *home, dispatchers int) {
	const batch = 100
	h.funded(b, ledger.MaxUnits)
	for left, plan := b.N*batch, 0; left > 0; plan++ { // plans of a usual size
		n := min(left, 20_000)
		h.approved(b, proposal(fmt.Sprint("P", plan), n))
		left -= n
	}
	var next atomic.Int64
	leases, acks := make([][]time.Duration, dispatchers), make([][]time.Duration, dispatchers)
	b.ResetTimer()
	var wg sync.WaitGroup
	for d := range dispatchers {
		wg.Go(func() {
			for next.Add(1) <= int64(b.N) {
				began := time.Now()
				g, err := h.Lease(context.Background(), ledger.LeaseRequest{ID: fmt.Sprintf("d%d-%d", d, len(leases[d])), Dispatcher: fmt.Sprint("d", d), Day: today, Channel: data.SMS, Max: batch, Duration: time.Hour})
				if err != nil || len(g.Actions) != batch {
					b.Errorf("%d actions, %v", len(g.Actions), err)
					return
				}
				leases[d] = append(leases[d], time.Since(began))
				began = time.Now()
				if _, err := h.Ack(context.Background(), sent(g)); err != nil {
					b.Error(err)
					return
				}
				acks[d] = append(acks[d], time.Since(began))
			}
		})
	}
	wg.Wait()
	b.StopTimer()
	b.ReportMetric(float64(b.N*batch)/b.Elapsed().Seconds(), "actions/s")
	for what, times := range map[string][][]time.Duration{"lease": leases, "ack": acks} {
		all := slices.Concat(times...)
		slices.Sort(all)
		b.ReportMetric(all[len(all)/2].Seconds()*1000, what+"-p50-ms")
		b.ReportMetric(all[min(len(all)-1, len(all)*99/100)].Seconds()*1000, what+"-p99-ms")
	}
}

// BenchmarkApprove measures what holds up other writers longest: the approval
// of a plan of 20,000 actions.
func BenchmarkApprove(b *testing.B) {
	for name, open := range map[string]func(testing.TB) *home{"sqlite": sqliteHome, "postgres": postgresHome} {
		b.Run(name, func(b *testing.B) {
			h := open(b)
			h.funded(b, ledger.MaxUnits)
			var plans []ledger.Plan
			for i := range b.N {
				plans = append(plans, h.submitted(b, proposal(fmt.Sprint("P", i), 20_000)))
			}
			b.ResetTimer()
			for _, p := range plans {
				if _, err := h.Approve(b.Context(), approval(p)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
