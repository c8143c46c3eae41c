package ledger_test

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"dunning/serve/ledger"
)

// stormEnv tells this test binary to be a dispatcher in a process of its own.
const stormEnv = "DUNNING_LEDGER_STORM"

// stormWork is what such a dispatcher is to do.
type stormWork struct {
	Path, DSN, Clock string
	Number           int
	Stop             time.Time
}

// stormClock is a clock that processes share: microseconds in a file, which one
// of them moves and all read.
type stormClock struct {
	mu   sync.Mutex
	file *os.File
}

func (c *stormClock) now() time.Time {
	var b [8]byte
	if _, err := c.file.ReadAt(b[:], 0); err != nil {
		panic(err)
	}
	return time.UnixMicro(int64(binary.LittleEndian.Uint64(b[:]))).UTC()
}

func (c *stormClock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.set(c.now().Add(d))
}

func (c *stormClock) set(at time.Time) {
	b := binary.LittleEndian.AppendUint64(nil, uint64(at.UnixMicro()))
	if _, err := c.file.WriteAt(b, 0); err != nil {
		panic(err)
	}
}

// stormProcess is one dispatcher; it prints what it was told.
func stormProcess(text string) int {
	report, err := stormDispatcher(text)
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(report)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func stormDispatcher(text string) (stormReport, error) {
	var w stormWork
	if err := json.Unmarshal([]byte(text), &w); err != nil {
		return stormReport{}, err
	}
	file, err := os.Open(w.Clock)
	if err != nil {
		return stormReport{}, err
	}
	defer file.Close()
	clock := &stormClock{file: file}
	store, err := ledger.Open(context.Background(), ledger.Config{Path: w.Path, DSN: w.DSN, Clock: clock.now, Recheck: handOutAll})
	if err != nil {
		return stormReport{}, err
	}
	s := &storm{store: store, now: clock.now, stop: w.Stop, stormReport: stormReport{Accepted: map[string]int{}}}
	s.over = func() bool {
		tallies, err := store.Progress(context.Background(), "P1")
		if err != nil {
			s.violation("progress: %v", err)
		}
		for _, v := range tallies {
			if v.State.Open() {
				return false
			}
		}
		return true
	}
	s.dispatcher(context.Background(), w.Number)
	return s.stormReport, store.Close()
}

// The same storm with dispatchers who share nothing but the database and a clock
// that jumps.
func TestEightProcessesInAStorm(t *testing.T) {
	eachDatabase(t, func(t *testing.T, h *home) {
		self, err := os.Executable()
		if err != nil {
			t.Fatal(err)
		}
		file, err := os.Create(filepath.Join(t.TempDir(), "clock"))
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		clock := &stormClock{file: file}
		clock.set(noon)
		s := &storm{actions: countOf(t, "DUNNING_LEDGER_ACTIONS", 400), stormReport: stormReport{Accepted: map[string]int{}}}
		stormPlan(t, h, s.actions)
		var wg sync.WaitGroup
		for d := range 8 {
			work, err := json.Marshal(stormWork{Path: h.config.Path, DSN: h.config.DSN, Clock: file.Name(), Number: d, Stop: time.Now().Add(15 * time.Minute)})
			if err != nil {
				t.Fatal(err)
			}
			wg.Go(func() {
				var stderr strings.Builder
				cmd := exec.Command(self)
				cmd.Env, cmd.Stderr = append(os.Environ(), stormEnv+"="+string(work)), &stderr
				cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
				text, err := cmd.Output()
				var r stormReport
				if err == nil {
					err = json.Unmarshal(text, &r)
				}
				if err != nil {
					s.violation("dispatcher %d: %v: %s", d, err, stderr.String())
				}
				s.merge(r)
			})
		}
		jumpUntil(&wg, clock.add)
		s.judge(t, h)
	})
}

// merge adds what a process was told.
func (s *storm) merge(r stormReport) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, n := range r.Accepted {
		s.Accepted[id] += n
	}
	s.Abandoned += r.Abandoned
	s.Fenced += r.Fenced
	s.Late += r.Late
	s.Batches += r.Batches
	s.Again += r.Again
	s.Violations = append(s.Violations, r.Violations...)
}
