package serve_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"dunning/data"
	"dunning/serve"
	"dunning/serve/ledger"
)

// siege is a server that is killed again and again while clients work, and what
// it has told them.
type siege struct {
	t    *testing.T
	home *home
	url  atomic.Pointer[string]
	done atomic.Bool
	// answered counts the requests that the servers of all lives answered.
	answered atomic.Int64

	mu       sync.Mutex
	topUps   map[string]bool // acknowledged entries
	approved map[string]bool // plans
	leased   map[string]int  // how often an action was handed out
	sent     map[string]int  // how often an action's end was accepted
	repeated int             // requests sent again because no answer came
	faults   []string
}

const (
	siegeTopUp   = 7
	siegeActions = 40 // of each plan
)

// killsOf is how often the server dies: DUNNING_SERVE_KILLS, or few in every
// day's tests.
func killsOf(t *testing.T) int {
	n, err := strconv.Atoi(os.Getenv("DUNNING_SERVE_KILLS"))
	switch {
	case err == nil && n > 0:
		return n
	case testing.Short():
		return 8
	}
	return 30
}

// The server process is killed at random moments while clients write over HTTP.
// A client that gets no answer asks again with the same idempotency key. In the
// end nothing that was answered is lost, nothing has happened twice, and the
// chain and the sums are whole.
func TestKilledServerLosesNothingAcknowledged(t *testing.T) {
	t.Parallel()
	kills := killsOf(t)
	s := newSiege(t, 2*kills)
	log := logFile(t)
	began := time.Now()
	var clients sync.WaitGroup
	s.clients(t, &clients, 2*kills)
	rng := rand.New(rand.NewPCG(11, 12))
	// On a machine that is busy with other things most of a life may pass without
	// load: then there are more of them.
	died := 0
	for ; died < kills || died < 3*kills && !s.loaded(kills); died++ {
		p := startProcess(t, processConfig{Home: s.home.dir, Began: began}, log)
		s.url.Store(&p.url)
		s.live(t, rng)
		s.url.Store(nil)
		p.cmd.Process.Kill()
		p.cmd.Wait()
		if died%10 == 9 { // the rest of the time the server itself finds the log that was left behind
			s.check(t)
		}
	}
	s.done.Store(true)
	p := startProcess(t, processConfig{Home: s.home.dir, Began: began}, log) // for those who wait for an answer
	s.url.Store(&p.url)
	clients.Wait()
	p.cmd.Process.Kill()
	p.cmd.Wait()
	report := s.check(t)
	text, err := os.ReadFile(log.Name())
	if err != nil || strings.Contains(string(text), "level=ERROR") || strings.Contains(string(text), "panic") {
		t.Errorf("the log has errors: %v", err)
	}
	t.Logf("%d kills; acknowledged: %d top-ups, %d approvals, %d actions sent; %d requests asked again; verified: %d audit rows, %d entries",
		died, len(s.topUps), len(s.approved), len(s.sent), s.repeated, report.Rows, report.Entries)
	if !s.loaded(kills) {
		t.Error("hardly any load")
	}
}

// loaded says whether enough was going on for so many kills.
func (s *siege) loaded(kills int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.topUps) >= kills && len(s.sent) >= kills && s.repeated >= kills/2 && len(s.approved) > 0
}

// live waits until a new server has answered some requests, and a moment more, in
// which others are under way. It counts answers, since time says nothing of what
// a server did on a busy machine.
func (s *siege) live(t *testing.T, rng *rand.Rand) {
	enough, deadline := s.answered.Load()+1+rng.Int64N(40), time.Now().Add(2*time.Minute)
	for s.answered.Load() < enough {
		if time.Sleep(time.Millisecond); time.Now().After(deadline) {
			t.Fatalf("%d answers short for two minutes", enough-s.answered.Load())
		}
	}
	time.Sleep(time.Duration(rng.IntN(8_000)) * time.Microsecond)
}

// newSiege makes a home with a plan for each of so many days, all of whose
// actions are of Tuesday.
func newSiege(t *testing.T, plans int) *siege {
	h := newHome(t)
	customers := plans*siegeActions + 200
	h.scores(dayOne, scoreRows(customers, dayOne))
	publishLake(h, customers)
	for k := range plans {
		id := fmt.Sprintf("plan-%d", k)
		rows := make([]data.Action, siegeActions)
		for i := range rows {
			rows[i] = data.Action{PlanID: id, ActionID: fmt.Sprintf("%s-%d", id, i), CustomerID: fmt.Sprintf("c%07d", 100+k*siegeActions+i), Channel: data.SMS, Day: tuesday,
				WindowStart: tuesdayNoon.Add(-time.Hour), WindowEnd: tuesdayNoon.Add(7 * time.Hour), Step: 1, CostCents: 9, ValueCents: 1000, TreatProb: 0.9, Source: data.SourceRecommended, Reason: "vale a pena"}
		}
		h.plan(dayOne-data.Date(k), rows)
	}
	return &siege{t: t, home: h, topUps: map[string]bool{}, approved: map[string]bool{}, leased: map[string]int{}, sent: map[string]int{}}
}

// clients starts those who write: one who tops up, one who makes plans and one
// who approves them, and three dispatchers.
func (s *siege) clients(t *testing.T, wg *sync.WaitGroup, plans int) {
	manager, approver := makeKey(t, s.home, serve.Manager, "maria"), makeKey(t, s.home, serve.Approver, "carla")
	submitted := make(chan ledger.Plan, plans)
	wg.Go(func() {
		s.ask(manager, "wallet", "/v1/wallets", object{"wallet_id": "main", "currency": "BRL", "name": "Main"}, nil)
		for n := 0; !s.done.Load(); n++ {
			var e ledger.Entry
			s.ask(manager, fmt.Sprint("top-up-", n), "/v1/wallets/main/top-ups", object{"amount": siegeTopUp, "reason": "x", "entry_id": fmt.Sprint("t", n)}, &e)
			s.note(func() { s.topUps[e.ID] = true })
			time.Sleep(3 * time.Millisecond)
		}
	})
	wg.Go(func() {
		defer close(submitted)
		for k := 0; k < plans && !s.done.Load(); k++ {
			var p ledger.Plan
			s.ask(manager, fmt.Sprint("import-", k), "/v1/plans", object{"as_of": (dayOne - data.Date(k)).String()}, &p)
			s.ask(manager, fmt.Sprint("submit-", k), "/v1/plans/"+p.ID+"/submit", nil, &p)
			submitted <- p
		}
	})
	wg.Go(func() {
		for p := range submitted {
			var a ledger.Approval
			s.ask(manager, "money-"+p.ID, "/v1/wallets/main/top-ups", object{"amount": 9 * siegeActions, "reason": "x", "entry_id": "for-" + p.ID}, nil)
			s.ask(approver, "approve-"+p.ID, "/v1/plans/"+p.ID+"/approve", object{"sha256": p.SHA256, "reason": "x", "wallet_id": "main"}, &a)
			s.note(func() { s.approved[a.PlanID] = true })
		}
	})
	for d := range 3 {
		key := makeKey(t, s.home, serve.Dispatcher, fmt.Sprint("d", d))
		wg.Go(func() { s.dispatcher(key) })
	}
}

// dispatcher leases and acks.
func (s *siege) dispatcher(key string) {
	for n := 0; !s.done.Load(); n++ {
		var g ledger.Grant
		s.ask(key, fmt.Sprint("lease-", n), "/v1/dispatch/lease", object{"day": tuesday.String(), "channel": "sms", "max": 4, "seconds": 3600}, &g)
		if len(g.Actions) == 0 {
			time.Sleep(10 * time.Millisecond)
			continue
		}
		outcomes := make([]object, len(g.Actions))
		for i, a := range g.Actions {
			s.note(func() { s.leased[a.ActionID]++ })
			outcomes[i] = object{"action_id": a.ActionID, "state": "sent"}
		}
		var r serve.Results
		s.ask(key, fmt.Sprint("ack-", n), "/v1/dispatch/ack", object{"fence": g.Fence, "outcomes": outcomes}, &r)
		for _, r := range r.Results {
			s.note(func() {
				if s.sent[r.ActionID]++; r.Status != ledger.Accepted {
					s.faults = append(s.faults, fmt.Sprintf("%+v", r))
				}
			})
		}
	}
}

func (s *siege) note(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
}

// ask sends a write until it is answered, each time with the same key.
func (s *siege) ask(key, idempotency, path string, body, into any) {
	for {
		url := s.url.Load()
		if url == nil {
			time.Sleep(2 * time.Millisecond)
			continue
		}
		text, err := s.once(*url, key, idempotency, path, body)
		if err != nil { // the server died
			s.note(func() { s.repeated++ })
			time.Sleep(2 * time.Millisecond)
			continue
		}
		s.answered.Add(1)
		if into != nil && json.Unmarshal(text, into) != nil {
			s.note(func() { s.faults = append(s.faults, fmt.Sprintf("%s: %.300s", path, text)) })
		}
		return
	}
}

// once sends a request. An error is no answer; a refusal is a fault.
func (s *siege) once(url, key, idempotency, path string, body any) ([]byte, error) {
	status, text, err := exchange(http.MethodPost, url+path, key, idempotency, body)
	if err == nil && status != 200 {
		s.note(func() { s.faults = append(s.faults, fmt.Sprintf("%s: %d %.300s", path, status, text)) })
	}
	return text, err
}

// check compares what was acknowledged with what there is, while no server
// runs.
func (s *siege) check(t *testing.T) ledger.Report {
	t.Helper()
	ctx := context.Background()
	l, err := ledger.Open(ctx, ledger.Config{Path: filepath.Join(s.home.dir, serve.DatabaseName), Clock: func() time.Time { return tuesdayNoon }})
	s.home.must(err)
	defer l.Close()
	heads, err := ledger.ReadHeads(filepath.Join(s.home.dir, "heads.jsonl"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	report, err := l.Verify(ctx, heads...)
	s.home.must(errors.Join(err, report.Err()))
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, fault := range s.faults {
		t.Error(fault)
	}
	for id := range s.topUps {
		if e, err := l.Entry(ctx, id); err != nil || e.Amount != siegeTopUp {
			t.Errorf("the top-up %s was acknowledged and is lost: %+v, %v", id, e, err)
		}
	}
	for id := range s.approved {
		if p, err := l.Plan(ctx, id); err != nil || !p.State.InForce() && p.State != ledger.Closed {
			t.Errorf("the approval of %s was acknowledged and is lost: %+v, %v", id, p, err)
		}
	}
	found, err := l.DispatchesOf(ctx, slices.Collect(maps.Keys(s.leased)))
	s.home.must(err)
	for id, n := range s.leased {
		d := found[id]
		if n != 1 || s.sent[id] > 1 || d.Attempts != 1 || s.sent[id] == 1 && d.State != ledger.Sent {
			t.Errorf("the action %s was handed out %d times and sent %d times: %+v", id, n, s.sent[id], d)
		}
	}
	return report
}
