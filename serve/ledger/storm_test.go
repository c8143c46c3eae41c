package ledger_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"dunning/data"
	"dunning/serve/ledger"
)

// storm is many dispatchers at work at once, some of whom die, sleep past
// their lease, repeat themselves and claim what is not theirs, under a clock
// that jumps.
type storm struct {
	h          *home
	actions    int
	mu         sync.Mutex
	accepted   map[string]int // how often an end of an action was accepted
	abandoned  int
	fenced     int
	late       int
	batches    int
	stop       time.Time
	violations []string
}

// stormActions is 20,000 where DUNNING_LEDGER_ACTIONS says so (the nightly
// run), and less in every day's tests.
func stormActions(t testing.TB) int { return countOf(t, "DUNNING_LEDGER_ACTIONS", 1500) }

func TestEightDispatchersInAStorm(t *testing.T) {
	eachDatabase(t, func(t *testing.T, h *home) {
		s := &storm{h: h, actions: stormActions(t), accepted: map[string]int{}, stop: time.Now().Add(5 * time.Minute)}
		p := proposal("P1", s.actions)
		for i := range p.Actions {
			p.Actions[i].WindowEnd = noon.Add(1000 * time.Hour) // whatever the clock does
		}
		h.funded(t, ledger.Units(9*s.actions)) // not a cent more than the plan costs
		h.approved(t, p)
		var wg sync.WaitGroup
		for d := range 8 {
			wg.Go(func() { s.dispatcher(t.Context(), d) })
		}
		done := make(chan struct{})
		go func() { wg.Wait(); close(done) }()
		jumps := rand.New(rand.NewPCG(7, 7))
		for running := true; running; {
			select {
			case <-done:
				running = false
			case <-time.After(5 * time.Millisecond):
				// A lease of a minute lasts some dozen ticks, unless the clock
				// jumps: back by half of it, or forward by more than all.
				switch jumps.IntN(40) {
				case 0, 1:
					h.clock.add(-30 * time.Second)
				case 2:
					h.clock.add(90 * time.Second)
				default:
					h.clock.add(time.Duration(jumps.Int64N(int64(8 * time.Second))))
				}
			}
		}
		s.judge(t)
	})
}

// sleeper is a dispatcher's word that comes after its lease lapsed.
type sleeper struct {
	words ledger.AckRequest
	until time.Time
}

// dispatcher works until every action has ended.
func (s *storm) dispatcher(ctx context.Context, number int) {
	rng := rand.New(rand.NewPCG(1, uint64(number)))
	name := fmt.Sprint("d", number)
	var sleeping []sleeper
	for batch := 0; time.Now().Before(s.stop); batch++ {
		g, err := s.h.Lease(ctx, ledger.LeaseRequest{ID: fmt.Sprintf("%s-%d", name, batch), Dispatcher: name, Day: today, Channel: data.SMS, Max: 1 + rng.IntN(50), Duration: time.Minute})
		if err != nil {
			s.violation("lease: %v", err)
			return
		}
		sleeping = slices.DeleteFunc(sleeping, func(x sleeper) bool {
			awake := s.h.clock.now().After(x.until)
			if awake {
				s.ack(ctx, x.words)
				s.count(&s.late)
			}
			return awake
		})
		if len(g.Actions) == 0 {
			if s.ended() {
				return
			}
			time.Sleep(time.Millisecond)
			continue
		}
		r := sent(g)
		for i := range r.Outcomes {
			if rng.IntN(10) == 0 {
				r.Outcomes[i].State = ledger.Failed
			}
		}
		s.count(&s.batches)
		switch dice := rng.IntN(100); {
		case dice < 5 || number == 0 && batch == 0: // the dispatcher dies
			s.count(&s.abandoned)
		case dice < 10: // it sleeps past its lease
			sleeping = append(sleeping, sleeper{r, g.Actions[0].Until.Add(time.Duration(rng.IntN(60)) * time.Second)})
		case dice < 15: // it changes its mind
			if _, err := s.h.Release(ctx, ledger.HoldRequest{Dispatcher: name, Fence: g.Fence, ActionIDs: idsOf(g)}); err != nil {
				s.violation("release: %v", err)
			}
		case dice < 20: // its answer is lost, so it says it again
			s.ack(ctx, r)
			s.ack(ctx, r)
		default:
			s.ack(ctx, r)
		}
	}
	s.violation("%s was not done in time", name)
}

func (s *storm) ack(ctx context.Context, r ledger.AckRequest) {
	results, err := s.h.Ack(ctx, r)
	if err != nil {
		s.violation("ack: %v", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, res := range results {
		switch res.Status {
		case ledger.Accepted:
			s.accepted[res.ActionID]++
		case ledger.Fenced:
			s.fenced++
		case ledger.Repeated:
		default:
			s.violations = append(s.violations, fmt.Sprintf("%s: %s", res.ActionID, res.Status))
		}
	}
}

func (s *storm) count(n *int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	*n++
}

func (s *storm) violation(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.violations = append(s.violations, fmt.Sprintf(format, args...))
}

func (s *storm) ended() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.accepted) == s.actions
}

// judge compares what the dispatchers were told with what the ledger holds.
func (s *storm) judge(t *testing.T) {
	for _, v := range s.violations {
		t.Error(v)
	}
	twice := 0
	for id, n := range s.accepted {
		if n != 1 {
			twice++
			t.Errorf("action %s was accepted %d times", id, n)
		}
	}
	var ended, sent int64
	tallies, err := s.h.Progress(t.Context(), "P1")
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range tallies {
		if !v.State.Open() {
			ended += v.Actions
		}
		if v.State == ledger.Sent {
			sent += v.Actions
		}
	}
	w, err := s.h.Wallet(t.Context(), "brl")
	budget := ledger.Units(9 * s.actions)
	if want := (ledger.Balances{Funding: budget, Spent: ledger.Units(9 * sent), Available: budget - ledger.Units(9*sent)}); err != nil || w.Balances != want {
		t.Errorf("balances %+v, want %+v, %v", w.Balances, want, err)
	}
	if lost := int64(s.actions) - ended; lost != 0 {
		t.Errorf("%d actions were lost", lost)
	}
	if s.abandoned == 0 || s.fenced == 0 && s.actions >= 10_000 {
		t.Errorf("no storm: %d batches abandoned, %d words fenced off", s.abandoned, s.fenced)
	}
	s.h.verified(t)
	t.Logf("%d actions, %d batches, %d abandoned, %d acked late, %d words fenced off; acked twice %d, lost %d, spent %d of %d cents",
		s.actions, s.batches, s.abandoned, s.late, s.fenced, twice, int64(s.actions)-ended, w.Balances.Spent, budget)
}
