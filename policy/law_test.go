package policy_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"dunning/data"
	"dunning/policy"
	"dunning/policy/lawtable"
)

var lawDraws = flag.Int("draws", 1_000_000, "random questions that the planner, the dispatcher and the law answer")

// TestPlannerAndDispatcherAgreeWithinTheLaw draws customers, channels and
// instants of ten years.
func TestPlannerAndDispatcherAgreeWithinTheLaw(t *testing.T) {
	draws := *lawDraws
	e := newEngine(t, nil)
	const workers = 4
	var wg sync.WaitGroup
	allowed := make([]int, workers)
	for w := range workers {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(7, uint64(w)))
			for range draws / workers {
				ok, err := agree(e, r)
				if err != nil {
					t.Errorf("seed 7, worker %d: %v", w, err)
					return
				}
				if ok {
					allowed[w]++
				}
			}
		})
	}
	wg.Wait()
	for w, n := range allowed { // a third of the hours of the week are open
		if n < draws/workers/20 {
			t.Errorf("worker %d: %d of %d allowed: the test would see little", w, n, draws/workers)
		}
	}
}

var ufNames = []string{"AC", "AL", "AM", "AP", "BA", "CE", "DF", "ES", "GO", "MA", "MG", "MS", "MT", "PA",
	"PB", "PE", "PI", "PR", "RJ", "RN", "RO", "RR", "RS", "SC", "SE", "SP", "TO"}

// agree draws one question and compares the three answers.
func agree(e *policy.Engine, r *rand.Rand) (allowed bool, err error) {
	at := time.Date(2017, 1, 1, 0, 0, r.IntN(10*365*86400), 0, time.UTC)
	uf := ufNames[r.IntN(len(ufNames))]
	local := at.Add(time.Duration(lawtable.Offset(uf, at)) * time.Hour)
	day := data.DateOf(local)
	c, f := friendly(uf, day)
	f.DaysPastDue = int32(r.IntN(60) - 15)
	if r.IntN(10) == 0 {
		f.DaysPastDue = int32(1800 + r.IntN(60))
	}
	if r.IntN(4) == 0 {
		f.Touches = []data.Date{day - data.Date(r.IntN(5))}
	}
	c.ConsentSMS, c.ReachVoice, c.Dispute = r.IntN(8) > 0, r.IntN(8) > 0, r.IntN(20) == 0
	ch := data.Channels[r.IntN(len(data.Channels))]

	s := e.Prepare(&c, &f)
	ruling := e.Decide(&s, ch, day)
	start, end, open := e.Window(&c, day)
	planner := ruling == policy.Allowed && open && !at.Before(start) && at.Before(end)
	dispatcher := e.CheckAt(c, f, ch, at)
	switch {
	case planner != dispatcher.Allowed:
		return false, fmt.Errorf("%s %s %s: the planner says %v, the dispatcher %q", uf, ch, at, planner, dispatcher.RuleID)
	case ruling != policy.Allowed && dispatcher.RuleID != e.RuleID(ruling):
		return false, fmt.Errorf("%s %s %s: the planner names %q, the dispatcher %q", uf, ch, at, e.RuleID(ruling), dispatcher.RuleID)
	case planner && (lawtable.Forbids(uf, at, int(f.DaysPastDue)) || c.Dispute || !c.Consent(ch) || !c.Reach(ch)):
		return false, fmt.Errorf("%s %s %s, %d days late: allowed against the law", uf, ch, at, f.DaysPastDue)
	case dispatcher.Allowed != dispatcher.NextAllowed.IsZero() && dispatcher.Allowed:
		return false, fmt.Errorf("%s %s: allowed now, and again at %s", uf, at, dispatcher.NextAllowed)
	}
	if next := dispatcher.NextAllowed; !next.IsZero() && r.IntN(16) == 0 {
		if v := e.CheckAt(c, f, ch, next); !v.Allowed || !next.After(at) {
			return false, fmt.Errorf("%s %s %s: the next instant %s is forbidden by %q", uf, ch, at, next, v.RuleID)
		}
		if v := e.CheckAt(c, f, ch, next.Add(-time.Nanosecond)); v.Allowed {
			return false, fmt.Errorf("%s %s %s: %s is not the first allowed instant", uf, ch, at, next)
		}
	}
	return planner, nil
}
