package serve_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// clientConfig is what a client in a process of its own is to do.
type clientConfig struct {
	URL  string
	Keys []string // one for each dispatcher, or one for the scores
	// Customers is the number of customers whose scores are asked for.
	Customers int
	PerSecond float64 // of scores, or analyses; 0 for none
	Analyses  bool    // of credit, instead of scores
	Batch     int     // actions of a lease; 0 for none
	Seconds   float64
	// Warm is how many seconds before those pass without being counted:
	// dispatchers who all begin at one instant wait for each other as never after.
	Warm float64
	// Pause is how long a dispatcher sends before he acks.
	Pause time.Duration
	Day   string
}

// loadReport is what a client measured, in milliseconds.
type loadReport struct {
	Scores, Leases, Acks *quantiles
	Actions              int // acked
	Seconds              float64
}

type quantiles struct {
	N                  int
	P50, P90, P99, Max float64
}

func (q *quantiles) String() string {
	return fmt.Sprintf("%d, p50 %.2f ms, p90 %.2f ms, p99 %.2f ms, max %.1f ms", q.N, q.P50, q.P90, q.P99, q.Max)
}

func quantilesOf(times []time.Duration) *quantiles {
	if len(times) == 0 {
		return nil
	}
	slices.Sort(times)
	at := func(share float64) float64 {
		return times[min(len(times)-1, int(share*float64(len(times))))].Seconds() * 1000
	}
	return &quantiles{len(times), at(.5), at(.9), at(.99), at(1)}
}

// loadClient puts load on a server and prints what it measured.
func loadClient(text string) error {
	var c clientConfig
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		return err
	}
	http.DefaultTransport.(*http.Transport).MaxIdleConnsPerHost = 256
	began := time.Now()
	var r loadReport
	var err error
	if c.PerSecond > 0 {
		err = c.scores(&r)
	} else {
		err = c.dispatchers(&r)
	}
	r.Seconds = time.Since(began).Seconds() - c.Warm
	return errors.Join(err, json.NewEncoder(os.Stdout).Encode(r))
}

// scores asks for scores at fixed moments, whether the answers before have come
// or not; an answer's time counts from its moment, so that no wait is left out.
func (c clientConfig) scores(r *loadReport) error {
	n := int(c.PerSecond * c.Seconds)
	times, failed := make([]time.Duration, n), atomic.Pointer[error]{}
	began := time.Now()
	var next atomic.Int64
	var wg sync.WaitGroup
	for range 64 {
		wg.Go(func() {
			for failed.Load() == nil {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				due := began.Add(time.Duration(float64(i) / c.PerSecond * float64(time.Second)))
				time.Sleep(time.Until(due))
				if err := c.one(i); err != nil {
					failed.Store(&err)
					return
				}
				times[i] = time.Since(due)
			}
		})
	}
	wg.Wait()
	if err := failed.Load(); err != nil {
		return *err
	}
	r.Scores = quantilesOf(times)
	return nil
}

// dispatchers lease, pause and ack, each as fast as he can.
func (c clientConfig) dispatchers(r *loadReport) error {
	from := time.Now().Add(time.Duration(c.Warm * float64(time.Second)))
	until := from.Add(time.Duration(c.Seconds * float64(time.Second)))
	leases, acks := make([][]time.Duration, len(c.Keys)), make([][]time.Duration, len(c.Keys))
	errs := make([]error, len(c.Keys))
	var actions atomic.Int64
	var wg sync.WaitGroup
	for d, key := range c.Keys {
		wg.Go(func() {
			time.Sleep(c.Pause * time.Duration(d) / time.Duration(len(c.Keys)))
			for n := 0; time.Now().Before(until) && errs[d] == nil; n++ {
				var g struct {
					Fence   int64
					Actions []struct {
						ActionID string `json:"action_id"`
					}
				}
				began := time.Now()
				body, err := c.do("POST", "/v1/dispatch/lease", key, fmt.Sprintf("lease-%d-%d", began.UnixNano(), n), object{"day": c.Day, "channel": "sms", "max": c.Batch, "seconds": 600})
				if began.After(from) {
					leases[d] = append(leases[d], time.Since(began))
				}
				if err == nil {
					err = json.Unmarshal(body, &g)
				}
				if err == nil && len(g.Actions) != c.Batch {
					err = fmt.Errorf("%d actions", len(g.Actions))
				}
				if err != nil {
					errs[d] = err
					return
				}
				time.Sleep(c.Pause)
				outcomes := make([]object, len(g.Actions))
				for i, a := range g.Actions {
					outcomes[i] = object{"action_id": a.ActionID, "state": "sent", "provider_id": "m-" + a.ActionID}
				}
				began = time.Now()
				body, errs[d] = c.do("POST", "/v1/dispatch/ack", key, fmt.Sprintf("ack-%d-%d", began.UnixNano(), n), object{"fence": g.Fence, "outcomes": outcomes})
				if began.After(from) {
					acks[d] = append(acks[d], time.Since(began))
					actions.Add(int64(bytes.Count(body, []byte(`"accepted"`))))
				}
			}
		})
	}
	wg.Wait()
	r.Leases, r.Acks, r.Actions = quantilesOf(slices.Concat(leases...)), quantilesOf(slices.Concat(acks...)), int(actions.Load())
	return errors.Join(errs...)
}

func (c clientConfig) do(method, path, key, idempotency string, body any) ([]byte, error) {
	status, b, err := exchange(method, c.URL+path, key, idempotency, body)
	if err == nil && status != 200 {
		err = fmt.Errorf("%s %s: %d %s", method, path, status, b)
	}
	return b, err
}

// exchange sends a request over the network and reads the whole answer.
func exchange(method, url, key, idempotency string, body any) (status int, text []byte, err error) {
	var in io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return 0, nil, err
		}
		in = bytes.NewReader(b)
	}
	req, err := http.NewRequest(method, url, in)
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("Authorization", "Bearer "+key)
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Idempotency-Key", idempotency)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer res.Body.Close()
	text, err = io.ReadAll(res.Body)
	return res.StatusCode, text, err
}

// load runs a client in a process of its own; prefix is put before its command
// line.
func load(t testing.TB, c clientConfig, prefix ...string) loadReport {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	line := append(prefix, self)
	cmd := exec.Command(line[0], line[1:]...)
	cmd.Env = append(os.Environ(), clientEnv+"="+string(text))
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("client: %v: %s", err, stderr.String())
	}
	var r loadReport
	if err := json.Unmarshal([]byte(stdout.String()), &r); err != nil {
		t.Fatal(err)
	}
	return r
}

// onCore is the start of a command line that keeps a process on one core, and
// before other programs of the machine where that is allowed: they are not what
// is measured. Not by a real-time class: it would also go before the kernel's own
// threads, which end the writes to disk.
func onCore(t testing.TB, core int) []string {
	t.Helper()
	line := []string{"taskset", "-c", strconv.Itoa(core)}
	first := []string{"nice", "-n", "-15"}
	if out, err := exec.Command(first[0], append(first[1:], "true")...).CombinedOutput(); err != nil || len(out) > 0 {
		t.Logf("core %d is shared with other programs: nice: %v %s", core, err, out)
		return line
	}
	return append(first, line...)
}
