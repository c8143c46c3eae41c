package ledger_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"dunning/serve/ledger"
	"dunning/serve/sqlite"
)

// diskWork is what a process on the disk of testdata/disk.c is to do.
type diskWork struct {
	Folder, Trace, Control string
	Pragma                 string // a setting that is changed
	FailSyncs              bool
	Life                   int // of the process: it is the n-th one on this disk
	Faults                 int // not 0: faultVictim, with so many of each fault
}

// database is where the work's ledger is.
func (w diskWork) database() string { return filepath.Join(w.Folder, "dunning.db") }

// open opens the ledger of the work.
func (w diskWork) open() (*ledger.Store, error) {
	s, err := ledger.Open(context.Background(), ledger.Config{Path: w.database(), Clock: func() time.Time { return noon }, Recheck: handOutAll})
	if err != nil {
		return nil, err
	}
	return s, s.PragmaForTest(w.Pragma)
}

// diskVictim is the process on the disk.
func diskVictim(text string) int {
	var w diskWork
	err := json.Unmarshal([]byte(text), &w)
	if err == nil && w.Faults > 0 {
		err = faultVictim(w)
	} else if err == nil {
		err = powerVictim(w)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// died is how a process ends that may not go on: a sync of the database failed.
const died = "died"

// powerVictim works in two sessions, the second of which opens what the first
// one closed. It prints how many syncs failed, and whether it died of one.
func powerVictim(w diskWork) error {
	control, err := openControl(w.Control)
	if err != nil {
		return err
	}
	trace, err := os.OpenFile(w.Trace, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	say := func(what, id string) {
		if _, err := trace.Write(traceLine(what + " " + id)); err != nil {
			panic(err)
		}
	}
	rng := rand.New(rand.NewPCG(7, uint64(w.Life)))
	for session := range 2 {
		s, err := w.open()
		if err != nil {
			return err
		}
		if _, err := s.CreateWallet(context.Background(), ledger.WalletRequest{ID: "brl", Currency: ledger.BRL, Name: "Main", Actor: "ana"}); err != nil {
			return err
		}
		var failed [2]error
		var wg sync.WaitGroup
		for g := range failed {
			wg.Go(func() {
				for n := 0; n < 20 && failed[g] == nil; n++ {
					if w.FailSyncs && g == 0 && rng.IntN(4) == 0 {
						control.After, control.Errno, control.What = rng.Int64N(10), int64(syscall.EIO), 'S'
					}
					// A write that fails is done again with the same ids.
					for range 10 {
						failed[g] = victimStep(s, fmt.Sprintf("p%d-s%d-g%d-%d", w.Life, session, g, n), say)
						if failed[g] == nil || errors.Is(failed[g], sqlite.ErrFailed) {
							break
						}
					}
				}
			})
		}
		// The log is copied into the database often, while others append to it.
		stop := make(chan struct{})
		var copying sync.WaitGroup
		copying.Go(func() {
			for {
				select {
				case <-stop:
					return
				case <-time.After(20 * time.Millisecond):
					s.CheckpointForTest() // what fails here is refused above
				}
			}
		})
		wg.Wait()
		close(stop)
		copying.Wait()
		control.What = 0
		if err := errors.Join(failed[0], failed[1], s.Close()); errors.Is(err, sqlite.ErrFailed) {
			fmt.Println(control.Failed, died)
			return nil
		} else if err != nil {
			return err
		}
	}
	fmt.Println(control.Failed)
	return nil
}

// cutsEnv is at how many moments the power goes.
const cutsEnv = "DUNNING_LEDGER_CUTS"

// A process writes; the power goes; the disk forgets what was not synced, all
// of it or any part. What was acknowledged before that moment is there.
func TestPowerCutLosesNothingAcknowledged(t *testing.T) {
	for name, work := range map[string]diskWork{"all goes well": {}, "some syncs fail": {FailSyncs: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			trace := traceOf(t, work)
			moments := countOf(t, cutsEnv, 12)
			r := cutPower(t, trace, anyMoments(trace, moments), noWrites, firstWrites, tornWrites)
			if work.FailSyncs {
				// While the log of a process that met a failed sync is copied by the next:
				// nothing is forgotten but what that sync lost.
				r.add(cutPower(t, trace, copyMoments(trace, 2*moments), wholeWrites))
			}
			t.Logf("%d records; %d power cuts, up to %d acknowledged writes each: %d lost, %d not whole", len(trace), r.cuts, r.acknowledged, r.lost, r.broken)
			if r.lost != 0 || r.broken != 0 {
				t.Error(r.first)
			}
			if r.acknowledged < 400 || r.cuts < 36 {
				t.Errorf("hardly any load: %+v", r)
			}
		})
	}
}

// The test above would see a missing sync: with the next weaker setting of
// SQLite, which does not sync at a commit, writes are lost. The death of the
// process alone does not show that.
func TestPowerCutShowsAMissingSync(t *testing.T) {
	trace := traceOf(t, diskWork{Pragma: `PRAGMA synchronous = NORMAL`})
	if r := cutPower(t, trace, anyMoments(trace, 10), noWrites); r.lost == 0 {
		t.Errorf("without syncs nothing was lost: %+v", r)
	}
	if r := cutPower(t, trace, anyMoments(trace, 10), wholeWrites); r.lost != 0 || r.broken != 0 {
		t.Errorf("nothing was forgotten, and yet: %+v", r)
	}
}

// traceOf lets a process do some work and returns what it did to its disk.
func traceOf(t *testing.T, work diskWork) []diskRecord {
	t.Helper()
	work.Folder, work.Trace = filepath.Join(t.TempDir(), "d"), filepath.Join(t.TempDir(), "trace")
	if err := os.Mkdir(work.Folder, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(work.Trace, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	// Who meets a failed sync dies of it; another one goes on. The last lives well.
	library, fail, lives := diskLibrary(t), work.FailSyncs, 1
	if fail {
		lives = 25
	}
	failed, deaths := 0, 0
	for ; work.Life < lives; work.Life++ {
		work.FailSyncs = fail && work.Life+1 < lives
		said, dead := strings.CutSuffix(strings.TrimSpace(diskProcess(t, library, work)), " "+died)
		n, err := strconv.Atoi(said)
		if err != nil {
			t.Fatal(err)
		}
		if failed += n; dead {
			deaths++
		}
	}
	if (failed >= 10) != fail || (deaths >= 10) != fail {
		t.Fatalf("%d syncs failed, %d processes died of it", failed, deaths)
	}
	trace := readTrace(t, work.Trace, work.Folder)
	count := map[byte]int{}
	for _, r := range trace {
		count[r.kind]++
	}
	if count['W'] < 1000 || count['S'] < 10 || count['A'] < 400 || count['C'] == 0 || count['U'] == 0 {
		t.Fatalf("this is no trace of the work: %v", count)
	}
	return trace
}

// cutReport is what power cuts did.
type cutReport struct {
	cuts, acknowledged int // acknowledged: before the last cut
	lost, broken       int // acknowledged writes; databases
	first              string
}

// add counts the cuts of another report, too.
func (r *cutReport) add(o cutReport) {
	r.cuts, r.lost, r.broken = r.cuts+o.cuts, r.lost+o.lost, r.broken+o.broken
	r.acknowledged, r.first = max(r.acknowledged, o.acknowledged), cmp.Or(r.first, o.first)
}

// anyMoments are random moments of a trace. Half of them are just after a word,
// where most can be lost.
func anyMoments(trace []diskRecord, n int) map[int]bool {
	rng := rand.New(rand.NewPCG(5, 6))
	at := map[int]bool{}
	for len(at) < n {
		i := rng.IntN(len(trace))
		if len(at)%2 == 0 {
			for trace[i].kind != 'A' {
				i = (i + 1) % len(trace)
			}
		}
		at[i] = true
	}
	return at
}

// copyMoments are moments of a trace at which the database has been written, for the
// first time after a sync of its log failed, and not yet synced.
func copyMoments(trace []diskRecord, n int) map[int]bool {
	var all []int
	failed := false
	for i, r := range trace {
		switch {
		case r.kind == 'F' && strings.HasSuffix(r.name, "-wal"):
			failed = true
		case strings.HasSuffix(r.name, ".db") && r.kind == 'W' && failed:
			all = append(all, i)
		case strings.HasSuffix(r.name, ".db") && r.kind == 'S':
			failed = false
		}
	}
	at := map[int]bool{}
	for k := range min(n, len(all)) {
		at[all[k*len(all)/min(n, len(all))]] = true
	}
	return at
}

// cutPower lets the power go at moments of a trace, in each of the ways, and looks
// at what is left.
func cutPower(t *testing.T, trace []diskRecord, at map[int]bool, ways ...cut) cutReport {
	t.Helper()
	var r cutReport
	var said []string
	d := newDisk(rand.New(rand.NewPCG(6, 7)))
	for i, rec := range trace {
		if rec.kind == 'A' {
			said = append(said, rec.name)
		} else {
			d.apply(rec)
		}
		if !at[i] {
			continue
		}
		r.acknowledged = len(said)
		for _, how := range ways {
			folder, err := os.MkdirTemp(t.TempDir(), "cut")
			if err != nil {
				t.Fatal(err)
			}
			d.write(t, folder, how)
			r.look(t, folder, said, fmt.Sprintf("record %d, %s", i, how))
			os.RemoveAll(folder)
		}
	}
	return r
}

// look opens what a power cut left and counts what is missing.
func (r *cutReport) look(t *testing.T, folder string, said []string, place string) {
	t.Helper()
	r.cuts++
	note := func(format string, args ...any) {
		if r.first == "" {
			r.first = place + ": " + fmt.Sprintf(format, args...)
		}
	}
	h := &home{}
	var err error
	if h.Store, err = (diskWork{Folder: folder}).open(); err != nil {
		r.broken++
		note("it cannot be opened: %v", err)
		return
	}
	defer h.Close()
	report, err := h.Verify(t.Context())
	if err == nil {
		err = report.Err()
	}
	if err != nil {
		r.broken++
		note("%v %+v", err, report.Faults)
	}
	for _, line := range said {
		what, id, _ := strings.Cut(line, " ")
		if lost := h.lost(t.Context(), what, id); lost != "" {
			r.lost++
			note("%s was acknowledged and is lost: %s", line, lost)
		}
	}
	_, err = h.CreateWallet(t.Context(), ledger.WalletRequest{ID: "next", Currency: ledger.BRL, Name: "After the cut", Actor: "ana"})
	if err != nil {
		r.broken++
		note("the next write: %v", err)
	}
}
