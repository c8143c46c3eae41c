package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"dunning/serve/ledger"
	"dunning/serve/sqlite"
)

// fault is one way in which a disk fails.
type fault struct {
	Name  string
	What  byte
	Errno syscall.Errno
	On    bool // until it is mended
	Short int64
}

var faults = []fault{
	{"a write fails", 'W', syscall.EIO, false, 0},
	{"half a write fails", 'W', syscall.EIO, false, 1000},
	{"a sync fails", 'S', syscall.EIO, false, 0},
	{"writes fail", 'W', syscall.EIO, true, 0},
	{"syncs fail", 'S', syscall.EIO, true, 0},
	{"the disk is full", 'W', syscall.ENOSPC, true, 0},
	{"the disk is full in the middle of a write", 'W', syscall.ENOSPC, true, 2000},
}

// A disk that fails at any moment: the caller gets an error, nothing is half
// done, neither in this process nor for the next one, and once the disk is well
// again the same request does its work once.
func TestDiskFails(t *testing.T) {
	moments := countOf(t, "DUNNING_LEDGER_FAULTS", 6)
	folder := filepath.Join(t.TempDir(), "d")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	said := diskProcess(t, diskLibrary(t), diskWork{Folder: folder, Faults: moments})
	t.Log("\n" + said)
	for _, f := range faults {
		if !strings.Contains(said, f.Name+": "+strconv.Itoa(moments)+" times") {
			t.Errorf("%s: not so often", f.Name)
		}
	}
}

// faultVictim lets the disk fail in every way, so many times each.
func faultVictim(w diskWork) error {
	control, err := openControl(w.Control)
	if err != nil {
		return err
	}
	rng := rand.New(rand.NewPCG(9, 10))
	for _, f := range faults {
		refused, deaths := 0, 0
		for n := range w.Faults {
			run := faultRun{diskWork: w, fault: f, control: control}
			folder := filepath.Join(w.Folder, fmt.Sprintf("%c%d-%t-%d-%d", f.What, f.Errno, f.On, f.Short, n))
			run.Folder = folder
			if err := os.Mkdir(folder, 0o700); err != nil {
				return err
			}
			after := rng.Int64N(300) // writes of a run: 400 and more
			if f.What == 'S' {
				after = rng.Int64N(12)
			}
			if err := run.do(after); err != nil {
				return fmt.Errorf("%s, after %d: %w", f.Name, after, err)
			}
			refused += run.refused
			deaths += run.deaths
			os.RemoveAll(folder)
		}
		if refused < w.Faults/2 {
			return fmt.Errorf("%s: %d requests of %d runs were refused", f.Name, refused, w.Faults)
		}
		if (deaths > 0) != (f.What == 'S') {
			return fmt.Errorf("%s: %d processes could not go on", f.Name, deaths)
		}
		fmt.Printf("%s: %d times; %d requests were refused, none lost or half done; %d processes could not go on\n", f.Name, w.Faults, refused, deaths)
	}
	return nil
}

// faultRun is a ledger whose disk fails at one moment.
type faultRun struct {
	diskWork
	fault   fault
	control *diskControl
	said    []string
	refused int // requests
	deaths  int // of processes whose sync failed
}

// do opens a new ledger and works on it while the disk fails after so many
// calls, and mends the disk.
func (r *faultRun) do(after int64) error {
	failed := r.control.Failed
	*r.control = diskControl{After: after, Errno: int64(r.fault.Errno), Short: r.fault.Short, Failed: failed, What: int64(r.fault.What)}
	if r.fault.On {
		r.control.On = 1
	}
	defer func() { r.control.What = 0 }()
	s, err := r.open()
	if err != nil {
		if err := r.excused(failed, err); err != nil {
			return err
		}
		if errors.Is(err, sqlite.ErrFailed) {
			s, err = r.reborn()
		} else {
			s, err = r.open()
		}
		if err != nil {
			return fmt.Errorf("opened again: %w", err)
		}
	}
	defer func() { s.Close() }()
	say := func(what, id string) { r.said = append(r.said, what+" "+id) }
	for n := range 4 {
		step := func() error {
			_, err := s.CreateWallet(context.Background(), ledger.WalletRequest{ID: "brl", Currency: ledger.BRL, Name: "Main", Actor: "ana"})
			if err != nil {
				return err
			}
			err = victimStep(s, fmt.Sprint("n", n), say)
			// A checkpoint may fail: what is not in the database stays in its log.
			// Only a failed sync is of any weight.
			if failed := s.CheckpointForTest(); errors.Is(failed, sqlite.ErrFailed) {
				err = errors.Join(err, failed)
			}
			return err
		}
		err := step()
		if err == nil {
			continue
		}
		if r.fault.On && !errors.Is(err, sqlite.ErrFailed) { // as long as it lasts, nothing is written, and all can be read
			if err := r.whole(s, "while the disk fails"); err != nil {
				return err
			}
			for range 2 {
				if err = step(); err == nil {
					return errors.New("a write passed while the disk fails")
				}
			}
		}
		if errors.Is(err, sqlite.ErrFailed) { // this process may not go on
			if s, err = r.next(failed, s, err); err != nil {
				return err
			}
			if err := step(); err != nil {
				return fmt.Errorf("asked again, of the next process: %w", err)
			}
			continue
		}
		if err := errors.Join(r.excused(failed, err), r.whole(s, "in this process")); err != nil {
			return err
		}
		if err := step(); err != nil {
			return fmt.Errorf("asked again: %w", err)
		}
	}
	if r.control.Failed == failed {
		return errors.New("the disk did not fail")
	}
	return r.whole(s, "at the end")
}

// next is the next process after one whose sync failed: it works on a copy, since
// that one still has the files open here.
func (r *faultRun) next(failed int64, dead *ledger.Store, err error) (*ledger.Store, error) {
	if err := r.excused(failed, err); err != nil {
		return nil, err
	}
	if _, err := dead.Wallet(context.Background(), "brl"); !errors.Is(err, sqlite.ErrFailed) {
		return nil, fmt.Errorf("a process whose sync failed reads on: %v", err)
	}
	s, err := r.reborn()
	if err != nil {
		return nil, fmt.Errorf("the next process: %w", err)
	}
	return s, r.whole(s, "in the next process")
}

// reborn opens what the death of this process would leave.
func (r *faultRun) reborn() (*ledger.Store, error) {
	r.deaths++
	folder := filepath.Join(r.Folder, fmt.Sprint("next", r.deaths))
	if err := copyDatabase(r.database(), folder); err != nil {
		return nil, err
	}
	r.Folder = folder
	return r.open()
}

// copyDatabase copies the files as the death of a process leaves them.
func copyDatabase(path, folder string) error {
	if err := os.Mkdir(folder, 0o700); err != nil {
		return err
	}
	for _, end := range []string{"", "-wal", "-journal"} {
		b, err := os.ReadFile(path + end)
		if err == nil {
			err = os.WriteFile(filepath.Join(folder, filepath.Base(path)+end), b, 0o600)
		}
		if err != nil && !os.IsNotExist(err) {
			return err
		}
	}
	return nil
}

// excused says whether an error is the disk's, mends the disk, and looks at
// what another process would find now.
func (r *faultRun) excused(failed int64, err error) error {
	if r.control.Failed == failed {
		return fmt.Errorf("the disk did not fail, and yet: %w", err)
	}
	r.refused++
	r.control.What = 0
	copied := filepath.Join(r.Folder, "copy")
	if err := copyDatabase(r.database(), copied); err != nil {
		return err
	}
	defer os.RemoveAll(copied)
	s, err := (diskWork{Folder: copied}).open()
	if err != nil {
		return fmt.Errorf("the next process: %w", err)
	}
	return errors.Join(r.whole(s, "in the next process"), s.Close())
}

// whole looks for what is lost or half done.
func (r *faultRun) whole(s *ledger.Store, where string) error {
	report, err := s.Verify(context.Background())
	if err = errors.Join(err, report.Err()); err != nil {
		return fmt.Errorf("%s: %w: %+v", where, err, report.Faults)
	}
	h := &home{Store: s}
	for _, line := range r.said {
		what, id, _ := strings.Cut(line, " ")
		if lost := h.lost(context.Background(), what, id); lost != "" {
			return fmt.Errorf("%s: %s was acknowledged and is lost: %s", where, line, lost)
		}
	}
	return nil
}
