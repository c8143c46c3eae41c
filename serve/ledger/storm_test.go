package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/mattn/go-sqlite3"

	"dunning/data"
	"dunning/serve/ledger"
)

// storm is many dispatchers at work at once, some of whom die, sleep past
// their lease, repeat themselves and claim what is not theirs, under a clock
// that jumps.
type storm struct {
	store   *ledger.Store
	now     func() time.Time
	over    func() bool // every action has ended
	actions int
	stop    time.Time // by the real clock
	mu      sync.Mutex
	stormReport
}

// stormReport is what dispatchers were told.
type stormReport struct {
	Accepted   map[string]int // how often an end of an action was accepted
	Abandoned  int
	Fenced     int
	Late       int
	Batches    int
	Again      int // requests that were refused and asked again
	Violations []string
}

// stormActions is 20,000 where DUNNING_LEDGER_ACTIONS says so (the nightly
// run), and less in every day's tests.
func stormActions(t testing.TB) int { return countOf(t, "DUNNING_LEDGER_ACTIONS", 1500) }

func TestEightDispatchersInAStorm(t *testing.T) {
	eachDatabase(t, func(t *testing.T, h *home) {
		s := &storm{store: h.Store, now: h.clock.now, actions: stormActions(t), stop: time.Now().Add(5 * time.Minute), stormReport: stormReport{Accepted: map[string]int{}}}
		s.over = func() bool {
			s.mu.Lock()
			defer s.mu.Unlock()
			return len(s.Accepted) == s.actions
		}
		stormPlan(t, h, s.actions)
		var wg sync.WaitGroup
		for d := range 8 {
			wg.Go(func() { s.dispatcher(t.Context(), d) })
		}
		jumpUntil(&wg, h.clock.add)
		s.judge(t, h)
	})
}

// stormPlan approves a plan, with not a cent more than it costs.
func stormPlan(t *testing.T, h *home, actions int) {
	t.Helper()
	p := proposal("P1", actions)
	for i := range p.Actions {
		p.Actions[i].WindowEnd = noon.Add(1000 * time.Hour) // whatever the clock does
	}
	h.funded(t, ledger.Units(9*actions))
	h.approved(t, p)
}

// jumpUntil moves the dispatchers' clock until they are done. A lease of a minute
// lasts some dozen ticks, unless the clock jumps: back by half of it, or forward
// by more than all.
func jumpUntil(dispatchers *sync.WaitGroup, add func(time.Duration)) {
	done := make(chan struct{})
	go func() { dispatchers.Wait(); close(done) }()
	jumps := rand.New(rand.NewPCG(7, 7))
	for {
		select {
		case <-done:
			return
		case <-time.After(5 * time.Millisecond):
			switch jumps.IntN(40) {
			case 0, 1:
				add(-30 * time.Second)
			case 2:
				add(90 * time.Second)
			default:
				add(time.Duration(jumps.Int64N(int64(8 * time.Second))))
			}
		}
	}
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
	died := false
	for batch := 0; time.Now().Before(s.stop); batch++ {
		request := ledger.LeaseRequest{ID: fmt.Sprintf("%s-%d", name, batch), Dispatcher: name, Day: today, Channel: data.SMS, Max: 1 + rng.IntN(50), Duration: time.Minute}
		var g ledger.Grant
		if err := s.ask(func() (err error) { g, err = s.store.Lease(ctx, request); return err }); err != nil {
			s.violation("lease: %v", err)
			return
		}
		sleeping = slices.DeleteFunc(sleeping, func(x sleeper) bool {
			awake := s.now().After(x.until)
			if awake {
				s.ack(ctx, x.words)
				s.count(&s.Late)
			}
			return awake
		})
		if len(g.Actions) == 0 {
			if s.over() {
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
		s.count(&s.Batches)
		switch dice := rng.IntN(100); {
		case dice < 5 || !died: // the dispatcher dies, with the first that it gets in any case
			died = true
			s.count(&s.Abandoned)
		case dice < 10: // it sleeps past its lease
			sleeping = append(sleeping, sleeper{r, g.Actions[0].Until.Add(time.Duration(rng.IntN(60)) * time.Second)})
		case dice < 15: // it changes its mind
			back := ledger.HoldRequest{Dispatcher: name, Fence: g.Fence, ActionIDs: idsOf(g)}
			if err := s.ask(func() error { _, err := s.store.Release(ctx, back); return err }); err != nil {
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
	var results []ledger.Result
	if err := s.ask(func() (err error) { results, err = s.store.Ack(ctx, r); return err }); err != nil {
		s.violation("ack: %v", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, res := range results {
		switch res.Status {
		case ledger.Accepted:
			s.Accepted[res.ActionID]++
		case ledger.Fenced:
			s.Fenced++
		case ledger.Repeated:
		default:
			s.Violations = append(s.Violations, fmt.Sprintf("%s: %s", res.ActionID, res.Status))
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
	s.Violations = append(s.Violations, fmt.Sprintf(format, args...))
}

// ask asks again where other processes had the database for too long.
func (s *storm) ask(f func() error) error {
	for {
		err := f()
		if e := (sqlite3.Error{}); !errors.As(err, &e) || e.Code != sqlite3.ErrBusy || time.Now().After(s.stop) {
			return err
		}
		s.count(&s.Again)
	}
}

// judge compares what the dispatchers were told with what the ledger holds.
func (s *storm) judge(t *testing.T, h *home) {
	t.Helper()
	for _, v := range s.Violations {
		t.Error(v)
	}
	twice := 0
	for id, n := range s.Accepted {
		if n != 1 {
			twice++
			t.Errorf("action %s was accepted %d times", id, n)
		}
	}
	var ended, sent int64
	tallies, err := h.Progress(t.Context(), "P1")
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
	w, err := h.Wallet(t.Context(), "brl")
	budget := ledger.Units(9 * s.actions)
	if want := (ledger.Balances{Funding: budget, Spent: ledger.Units(9 * sent), Available: budget - ledger.Units(9*sent)}); err != nil || w.Balances != want {
		t.Errorf("balances %+v, want %+v, %v", w.Balances, want, err)
	}
	if lost := int64(s.actions) - ended; lost != 0 {
		t.Errorf("%d actions were lost", lost)
	}
	if s.Abandoned == 0 || s.Fenced == 0 && s.actions >= 10_000 {
		t.Errorf("no storm: %d batches abandoned, %d words fenced off", s.Abandoned, s.Fenced)
	}
	h.verified(t)
	t.Logf("%d actions, %d batches, %d abandoned, %d acked late, %d words fenced off, %d requests asked again; acked twice %d, lost %d, spent %d of %d cents",
		s.actions, s.Batches, s.Abandoned, s.Late, s.Fenced, s.Again, twice, int64(s.actions)-ended, w.Balances.Spent, budget)
}
