package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/mattn/go-sqlite3"

	"dunning/data"
)

// every is how often what was written is copied into the database.
const every = 250 * time.Millisecond

// longLog is at how many pages of log (64 MiB) writers wait until it is copied
// whole: one that others always append to would grow for ever. They wait for some
// tens of milliseconds, which at full load is once in two seconds.
var longLog = 16384

// patience is how many milliseconds writers may be kept waiting for readers of an
// old log; where that was not enough, they are left alone for restEvery.
const (
	patience  = "100"
	restEvery = 5 * time.Second
)

// failedMark is the end of the name of the file that says that a sync failed. It
// need not be on disk: after the machine stopped, the disk has what it has.
const failedMark = "-failed"

// files are the databases that this process has open, by path.
var files = struct {
	sync.Mutex
	open map[string]*file
}{open: map[string]*file{}}

// file is one database of this process.
type file struct {
	path string
	uses int // by open DBs; of files.Mutex
	// own is opened before any connection and closed after all of them. It has a
	// shared lock by flock, which has nothing to do with those of SQLite.
	own    *os.File
	keeper *sql.DB // one connection, which checkpoints
	stop   context.CancelFunc
	ended  chan struct{} // by the goroutine that checkpoints

	writers sync.RWMutex // shared by those who write, see DB.Write

	mu     sync.Mutex // held by who checkpoints
	copied stamp      // of the log when all of it was in the database
	again  time.Time  // when writers may be kept waiting again

	failing sync.Once
	cause   error // of the failure; set before failed is closed
	failed  chan struct{}
}

// stamp tells whether somebody wrote to a log.
type stamp struct {
	size    int64
	changed time.Time
}

// acquire returns the file of a path, opened by its first user.
func acquire(ctx context.Context, path string) (*file, error) {
	files.Lock()
	defer files.Unlock()
	f := files.open[path]
	if f == nil {
		f = &file{path: path, failed: make(chan struct{}), ended: make(chan struct{})}
		if err := f.open(ctx); err != nil {
			return nil, err
		}
		files.open[path] = f
	}
	if err := f.err(); err != nil {
		return nil, err
	}
	f.uses++
	return f, nil
}

// release closes the file after its last user, unless a sync failed.
func (f *file) release() error {
	files.Lock()
	defer files.Unlock()
	if f.uses--; f.uses > 0 {
		return nil
	}
	f.stop()
	<-f.ended
	if f.err() != nil {
		return nil // it stays open until the process ends; said by who closes
	}
	delete(files.open, f.path)
	return errors.Join(f.keeper.Close(), f.own.Close())
}

func (f *file) open(ctx context.Context) (err error) {
	if f.own, err = os.OpenFile(f.path, os.O_CREATE|os.O_RDWR, 0o600); err != nil {
		return fmt.Errorf("%w: the database cannot be opened: %w", data.ErrUsage, err)
	}
	defer func() {
		switch {
		case err == nil:
		case f.keeper == nil:
			f.own.Close()
		case !errors.Is(err, ErrFailed): // then it stays open, as in release
			f.keeper.Close()
			f.own.Close()
		}
	}()
	if err := f.enter(); err != nil {
		return err
	}
	if f.keeper, err = connect(f.path, Settings{Conns: 1}); err != nil {
		return err
	}
	// Who has the file open hears of a failed sync himself. One that failed since
	// enter, and before, is told by the mark.
	if err := f.keeper.PingContext(ctx); err != nil {
		return err
	}
	if f.marked() {
		return f.refused()
	}
	// What a process left that died: into the database, before anybody appends. Who
	// is not alone has not written it again.
	if _, _, err := f.run(ctx, "TRUNCATE"); err != nil {
		return err
	}
	f.copied = f.stamp()
	if _, err := f.keeper.ExecContext(ctx, `PRAGMA busy_timeout = `+patience); err != nil {
		return err
	}
	var keeping context.Context
	keeping, f.stop = context.WithCancel(context.Background())
	go f.keep(keeping)
	return nil
}

// enter refuses a file of which a process that met a failed sync may still have
// connections. Who is alone with the file writes the log again that others left.
func (f *file) enter() error {
	alone := syscall.Flock(int(f.own.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil
	if f.marked() && !alone {
		return f.refused()
	}
	if alone {
		if err := rewriteLog(f.path); err != nil {
			return err
		}
		if err := os.Remove(f.path + failedMark); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return syscall.Flock(int(f.own.Fd()), syscall.LOCK_SH)
}

// marked says whether a process met a failed sync of the file.
func (f *file) marked() bool {
	_, err := os.Lstat(f.path + failedMark)
	return err == nil
}

func (f *file) refused() error {
	return fmt.Errorf("%w: a process met a failed sync (%s%s): end all that have the database open, then start again", ErrFailed, f.path, failedMark)
}

// keep checkpoints until it is told to stop or a sync fails.
func (f *file) keep(ctx context.Context) {
	defer close(f.ended)
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-f.failed:
			return
		case <-tick.C:
			// An error that is no failed sync, such as a full disk, changed
			// nothing: the log keeps all, and the next round tries again.
			_ = f.checkpoint(ctx)
		}
	}
}

// checkpoint copies the log into the database as far as readers let it.
func (f *file) checkpoint(ctx context.Context) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.err(); err != nil {
		return err
	}
	before := f.stamp()
	if before == f.copied {
		return nil
	}
	log, copied, err := f.run(ctx, "PASSIVE")
	if err == nil && log > longLog && before.changed.After(f.again) {
		// What was written meanwhile too, so that little is left while they wait.
		if _, _, err = f.run(ctx, "PASSIVE"); err != nil {
			return err
		}
		f.writers.Lock()
		log, copied, err = f.run(ctx, "RESTART")
		f.writers.Unlock()
		if copied < log { // for somebody who reads for long
			f.again = before.changed.Add(restEvery)
		}
	}
	if err == nil && copied == log {
		f.copied = before
	}
	return err
}

// run checkpoints in one of SQLite's modes and returns the pages of the log and
// how many of them are in the database.
func (f *file) run(ctx context.Context, mode string) (log, copied int, err error) {
	var busy int
	// Not interrupted: half a checkpoint is no use to anybody.
	err = f.keeper.QueryRowContext(context.WithoutCancel(ctx), `PRAGMA wal_checkpoint(`+mode+`)`).Scan(&busy, &log, &copied)
	return log, copied, f.check(err)
}

// check takes note of a failed sync.
func (f *file) check(err error) error {
	if e := (sqlite3.Error{}); errors.As(err, &e) && e.ExtendedCode == sqlite3.ErrIoErrFsync {
		f.fail(err)
		return f.err()
	}
	return err
}

// fail keeps this process, and all others, from another checkpoint and another
// write: pages that count as copied may be gone.
func (f *file) fail(err error) {
	f.failing.Do(func() {
		f.cause = fmt.Errorf("%w: %w", ErrFailed, err)
		close(f.failed)
		if mark, err := os.Create(f.path + failedMark); err == nil {
			mark.Close()
		}
	})
}

// err returns why nothing can be written any more.
func (f *file) err() error {
	select {
	case <-f.failed:
		return f.cause
	default:
		return nil
	}
}

// stamp looks at the log without opening it.
func (f *file) stamp() stamp {
	info, err := os.Stat(f.path + "-wal")
	if err != nil {
		return stamp{}
	}
	return stamp{info.Size(), info.ModTime()}
}
