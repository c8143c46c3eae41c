package serve_test

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"dunning/data"
	"dunning/serve"
	"dunning/serve/ledger"
)

// loadSeconds is how long load is put on: DUNNING_LOAD, in seconds; without it
// nothing is measured, since other tests run beside this one.
func loadSeconds(t *testing.T) float64 {
	t.Helper()
	s, err := strconv.ParseFloat(os.Getenv("DUNNING_LOAD"), 64)
	if err != nil || s <= 0 {
		t.Skip("set DUNNING_LOAD to so many seconds")
	}
	return s
}

// loadCustomers is how many customers are scored and in the lake.
const loadCustomers = 100_000

func loadHome(t *testing.T) *home {
	h := newHome(t)
	h.scores(dayOne, scoreRows(loadCustomers, dayOne))
	publishLake(h, loadCustomers)
	return h
}

// approvedActions puts approved SMS of Tuesday into the home's ledger, one for
// each of so many customers.
func approvedActions(t *testing.T, h *home, n int) {
	t.Helper()
	l, err := ledger.Open(t.Context(), ledger.Config{Path: filepath.Join(h.dir, serve.DatabaseName), Clock: func() time.Time { return tuesdayNoon }})
	h.must(err)
	defer l.Close()
	ctx := context.Background()
	_, err = l.CreateWallet(ctx, ledger.WalletRequest{ID: "main", Currency: ledger.BRL, Name: "Main", Actor: "x"})
	h.must(err)
	_, err = l.TopUp(ctx, ledger.TopUpRequest{ID: "t1", WalletID: "main", Amount: ledger.Units(9 * n), Actor: "x", Reason: "x"})
	h.must(err)
	const planSize = 20_000
	for first := 0; first < n; first += planSize {
		p := ledger.Proposal{PlanID: fmt.Sprintf("p%d", first), Maker: "maria", AsOf: dayOne}
		for i := first; i < min(n, first+planSize); i++ {
			p.Actions = append(p.Actions, ledger.Action{Action: data.Action{ActionID: fmt.Sprintf("a%07d", i), CustomerID: fmt.Sprintf("c%07d", 20+i),
				Channel: data.SMS, Day: tuesday, WindowStart: tuesdayNoon.Add(-time.Hour), WindowEnd: tuesdayNoon.Add(7 * time.Hour),
				Step: 1, CostCents: 9, ValueCents: data.Cents(i * 7919 % 10_007), TreatProb: 0.9, Source: data.SourceRecommended, Reason: "vale a pena"}})
		}
		plan, err := l.CreatePlan(ctx, p)
		h.must(err)
		_, err = l.Submit(ctx, plan.ID, "maria")
		h.must(err)
		_, err = l.Approve(ctx, ledger.ApproveRequest{PlanID: plan.ID, SHA256: plan.SHA256, Approver: "carla", Reason: "x", WalletID: "main"})
		h.must(err)
	}
}

// loadedServer starts a server that ends with the test. DUNNING_LOAD_PROFILE, if
// given, is the file of its CPU profile.
func loadedServer(t *testing.T, h *home, prefix ...string) *process {
	t.Helper()
	log := logFile(t)
	p := startProcess(t, processConfig{Home: h.dir, Began: time.Now(), Profile: os.Getenv("DUNNING_LOAD_PROFILE")}, log, prefix...)
	t.Cleanup(func() {
		p.cmd.Process.Signal(syscall.SIGTERM)
		if err := p.cmd.Wait(); err != nil {
			t.Error(err)
		}
		if text, err := os.ReadFile(log.Name()); err != nil || strings.Contains(string(text), "level=ERROR") {
			t.Errorf("the log has errors: %v", err)
		}
	})
	return p
}

// Scores of single customers at 2,000 requests a second, server and client on a
// core each.
func TestLoadOfScores(t *testing.T) {
	seconds := loadSeconds(t)
	h := loadHome(t)
	key := makeKey(t, h, serve.Manager, "reader")
	p := loadedServer(t, h, onCore(t, 0)...)
	c := clientConfig{URL: p.url, Keys: []string{key}, Customers: loadCustomers, PerSecond: 2000, Seconds: 2}
	load(t, c, onCore(t, 1)...) // warm
	c.Seconds = seconds
	r := load(t, c, onCore(t, 1)...)
	t.Logf("scores at 2,000 a second for %.0f s: %s", seconds, r.Scores)
	if r.Scores.P99 > 10 {
		t.Errorf("p99 %.2f ms, want 10", r.Scores.P99)
	}
}

// Leases of 100 actions by eight dispatchers on SQLite, who send for a while
// before they ack (DUNNING_LOAD_PAUSE, 0 for the most there can be).
func TestLoadOfLeases(t *testing.T) {
	seconds := loadSeconds(t)
	h := loadHome(t)
	keys := make([]string, 8)
	for i := range keys {
		keys[i] = makeKey(t, h, serve.Dispatcher, fmt.Sprint("d", i))
	}
	approvedActions(t, h, 90_000)
	pause, err := time.ParseDuration(cmp.Or(os.Getenv("DUNNING_LOAD_PAUSE"), "250ms"))
	h.must(err)
	p := loadedServer(t, h, onCore(t, 0)...)
	c := clientConfig{URL: p.url, Keys: keys, Batch: 100, Day: tuesday.String(), Pause: pause, Warm: 2, Seconds: seconds}
	r := load(t, c, onCore(t, 1)...)
	t.Logf("8 dispatchers, pause %s: leases %s; acks %s; %.0f actions/s", pause, r.Leases, r.Acks, float64(r.Actions)/r.Seconds)
	if r.Leases.P99 > 50 {
		t.Errorf("p99 %.2f ms, want 50", r.Leases.P99)
	}
}

// Half the load for a long time: scores at 1,000 a second and eight dispatchers,
// for DUNNING_SOAK seconds; DUNNING_SOAK_PAUSE is what a dispatcher waits between a
// lease and its ack. The server's heap is flat, and what is beside it stays within
// the caches of the database.
func TestMemoryIsFlat(t *testing.T) {
	seconds, err := strconv.ParseFloat(os.Getenv("DUNNING_SOAK"), 64)
	if err != nil || seconds < 20 {
		t.Skip("set DUNNING_SOAK to so many seconds, 20 or more")
	}
	h := loadHome(t)
	reader, keys := makeKey(t, h, serve.Manager, "reader"), make([]string, 8)
	for i := range keys {
		keys[i] = makeKey(t, h, serve.Dispatcher, fmt.Sprint("d", i))
	}
	// As many actions as there are customers, over the whole time; up to 250 a second.
	pause, err := time.ParseDuration(cmp.Or(os.Getenv("DUNNING_SOAK_PAUSE"), "1500ms"))
	h.must(err)
	rounds := int(seconds/pause.Seconds()+1) * len(keys)
	batch := min(50, (loadCustomers-20)/rounds)
	if batch == 0 {
		t.Fatalf("DUNNING_SOAK=%.0f: there are actions for five hours", seconds)
	}
	approvedActions(t, h, batch*rounds)
	p := loadedServer(t, h, onCore(t, 0)...)
	var scores, leases loadReport
	var clients sync.WaitGroup
	clients.Go(func() {
		scores = load(t, clientConfig{URL: p.url, Keys: []string{reader}, Customers: loadCustomers, PerSecond: 1000, Seconds: seconds}, onCore(t, 1)...)
	})
	clients.Go(func() {
		leases = load(t, clientConfig{URL: p.url, Keys: keys, Batch: batch, Day: tuesday.String(), Pause: pause, Seconds: seconds}, onCore(t, 1)...)
	})
	ended := make(chan struct{})
	go func() { clients.Wait(); close(ended) }()
	var resident, heap series
	for tick := time.NewTicker(time.Second); ; {
		select {
		case <-tick.C:
			resident, heap = append(resident, residentMiB(t, p.cmd.Process.Pid)), append(heap, heapMiB(t, p.url))
			continue
		case <-ended:
		}
		tick.Stop()
		break
	}
	t.Logf("%.0f s: %d scores, %d actions sent; MiB by quarter: resident %s, heap %s", seconds, scores.Scores.N, leases.Actions, resident, heap)
	if heap.quarter(3) > 1.1*heap.quarter(1)+8 {
		t.Error("the heap grows")
	}
	// Beside the heap there are the page caches of the connections, which fill up
	// to their limits: the ledger's writer's 32 MiB, and 2 for each of its four
	// readers and of four connections for the keys.
	if resident.quarter(3) > resident.quarter(0)+48+8 || resident.quarter(3) > resident.quarter(2)+8 {
		t.Error("the resident memory grows")
	}
}

// series are values over time.
type series []float64

// quarter is the mean of a quarter of the time, 0 to 3.
func (s series) quarter(i int) float64 {
	part := s[i*len(s)/4 : (i+1)*len(s)/4]
	sum := 0.0
	for _, v := range part {
		sum += v
	}
	return sum / float64(len(part))
}

func (s series) String() string {
	return fmt.Sprintf("%.0f, %.0f, %.0f, %.0f", s.quarter(0), s.quarter(1), s.quarter(2), s.quarter(3))
}

// heapMiB is what Go's heap of the server holds.
func heapMiB(t *testing.T, url string) float64 {
	t.Helper()
	res, err := http.Get(url + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`(?m)^go_memstats_heap_inuse_bytes (.+)$`).FindSubmatch(text)
	if m == nil {
		t.Fatalf("no heap in %s", text)
	}
	bytes, err := strconv.ParseFloat(string(m[1]), 64)
	if err != nil {
		t.Fatal(err)
	}
	return bytes / (1 << 20)
}

// residentMiB is the resident memory of a process.
func residentMiB(t *testing.T, pid int) float64 {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		t.Fatal(err)
	}
	pages, err := strconv.ParseFloat(strings.Fields(string(b))[1], 64)
	if err != nil {
		t.Fatal(err)
	}
	return pages * float64(os.Getpagesize()) / (1 << 20)
}
