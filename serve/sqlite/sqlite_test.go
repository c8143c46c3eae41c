package sqlite_test

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"dunning/data"
	"dunning/serve/sqlite"
)

// otherEnv tells this test binary to be another process; its value is what it is
// to do and with which file.
const otherEnv = "DUNNING_SQLITE_OTHER"

func TestMain(m *testing.M) {
	if what, path, ok := strings.Cut(os.Getenv(otherEnv), " "); ok {
		if err := other(what, path); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// other is what another process does.
func other(what, path string) error {
	switch what {
	case "visit": // as a tool that knows nothing of this package
		db, err := sql.Open("sqlite3", "file:"+path)
		if err != nil {
			return err
		}
		_, err = db.Exec(`SELECT count(*) FROM t`)
		return errors.Join(err, db.Close())
	case "open":
		db, err := sqlite.Open(context.Background(), path, sqlite.Settings{Conns: 1})
		if err != nil {
			return err
		}
		return db.Close()
	}
	// "fail": it has a sync fail, says so, and lives on until its input ends.
	db, err := sqlite.Open(context.Background(), path, sqlite.Settings{Conns: 1})
	if err != nil {
		return err
	}
	if _, err := db.Exec(`INSERT INTO t VALUES ('of the process that died')`); err != nil {
		return err
	}
	db.FailForTest(errors.New("by the test"))
	fmt.Println("failed")
	_, err = io.ReadAll(os.Stdin)
	return err
}

func otherProcess(t *testing.T, what, path string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), otherEnv+"="+what+" "+path)
	return cmd
}

// open opens a database that has table t.
func open(t *testing.T, path string) *sqlite.DB {
	t.Helper()
	db, err := sqlite.Open(t.Context(), path, sqlite.Settings{Conns: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	insert(t, db, "first")
	return db
}

func insert(t *testing.T, db *sqlite.DB, word string) {
	t.Helper()
	if _, err := db.Exec(`CREATE TABLE IF NOT EXISTS t (word TEXT) STRICT`); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec(`INSERT INTO t VALUES (?)`, word); err != nil {
		t.Fatal(err)
	}
}

// has says whether a copy of the files, as the death of the process leaves them,
// has a word.
func has(t *testing.T, path, word string, ends ...string) bool {
	t.Helper()
	copied := filepath.Join(t.TempDir(), "copy.db")
	for _, end := range ends {
		b, err := os.ReadFile(path + end)
		if err == nil {
			err = os.WriteFile(copied+end, b, 0o600)
		}
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
	}
	db, err := sql.Open("sqlite3", "file:"+copied)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	n := 0
	if err := db.QueryRow(`SELECT count(*) FROM t WHERE word = ?`, word).Scan(&n); err != nil && !strings.Contains(err.Error(), "no such table") {
		t.Fatal(err)
	}
	return n > 0
}

// Who opens the file twice in one process keeps its locks: another process that
// comes and goes believes itself alone otherwise, and removes the log under those
// who write.
func TestLogStaysWhenAnotherProcessLeaves(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	db := open(t, path)
	again := open(t, path)
	if err := again.Close(); err != nil {
		t.Fatal(err)
	}
	open(t, path)
	before, err := os.Stat(path + "-wal")
	if err != nil {
		t.Fatal(err)
	}
	if out, err := otherProcess(t, "visit", path).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if after, err := os.Stat(path + "-wal"); err != nil || !os.SameFile(before, after) {
		t.Errorf("the log of the writer is gone: %v", err)
	}
	insert(t, db, "after the visit")
	if !has(t, path, "after the visit", "", "-wal") {
		t.Error("a commit is in no file")
	}
}

func TestFileOfItsOwner(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	open(t, path)
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	_, err := sqlite.Open(t.Context(), filepath.Join(path, "no", "such.db"), sqlite.Settings{Conns: 1})
	if !errors.Is(err, data.ErrUsage) {
		t.Errorf("no folder: %v", err)
	}
}

// What is committed reaches the database by itself, and at the latest when all
// have closed it.
func TestCheckpoint(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	db := open(t, path)
	if err := db.Checkpoint(t.Context()); err != nil || !has(t, path, "first", "") {
		t.Errorf("asked for: not in the database, %v", err)
	}
	insert(t, db, "second")
	for deadline := time.Now().Add(20 * time.Second); !has(t, path, "second", ""); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("nobody copied the log")
		}
	}
	insert(t, db, "third")
	if err := errors.Join(db.Close(), db.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path + "-wal"); !os.IsNotExist(err) || !has(t, path, "third", "") {
		t.Errorf("closed: the log is still there (%v), or not all of it in the database", err)
	}
}

// What a process left in the log that died is in the database before anybody
// appends to that log, of which the disk may miss a part.
func TestLogOfTheDeadIsCopiedFirst(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	open(t, path).Close()
	cmd := otherProcess(t, "fail", path)
	die := start(t, cmd)
	die()
	os.Remove(path + "-failed") // as after a death without a failed sync
	if has(t, path, "of the process that died", "") || !has(t, path, "of the process that died", "", "-wal") {
		t.Fatal("this is no log of a process that died")
	}
	db, err := sqlite.Open(t.Context(), path, sqlite.Settings{Conns: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if info, err := os.Stat(path + "-wal"); err != nil || info.Size() != 0 || !has(t, path, "of the process that died", "") {
		t.Errorf("the log was not copied and emptied: %v", err)
	}
}

// start runs a process until it said a line, and returns what kills it.
func start(t *testing.T, cmd *exec.Cmd) (die func()) {
	t.Helper()
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	die = sync.OnceFunc(func() {
		cmd.Process.Kill()
		cmd.Wait()
		stdin.Close()
	})
	t.Cleanup(die)
	if line, err := bufio.NewReader(stdout).ReadString('\n'); err != nil || line != "failed\n" {
		t.Fatalf("%q, %v", line, err)
	}
	return die
}

// After a failed sync this process writes nothing more and removes nothing; no
// other process comes in before it is gone; the next one finds everything.
func TestFailedSyncKeepsOthersOut(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	open(t, path).Close()
	die := start(t, otherProcess(t, "fail", path))
	if _, err := sqlite.Open(t.Context(), path, sqlite.Settings{Conns: 1}); !errors.Is(err, sqlite.ErrFailed) {
		t.Errorf("while the process lives that met it: %v", err)
	}
	die()
	db, err := sqlite.Open(t.Context(), path, sqlite.Settings{Conns: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := os.Stat(path + "-failed"); !os.IsNotExist(err) || !has(t, path, "of the process that died", "") {
		t.Errorf("after its death: %v", err)
	}

	insert(t, db, "before the failure")
	db.FailForTest(errors.New("by the test"))
	<-db.Failed()
	if _, err := sqlite.Open(t.Context(), path, sqlite.Settings{Conns: 1}); !errors.Is(err, sqlite.ErrFailed) {
		t.Errorf("opened again: %v", err)
	}
	for what, err := range map[string]error{"Err": db.Err(), "Checkpoint": db.Checkpoint(t.Context()), "Close": db.Close()} {
		if !errors.Is(err, sqlite.ErrFailed) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if out, err := otherProcess(t, "open", path).CombinedOutput(); err == nil || !strings.Contains(string(out), path+"-failed") {
		t.Errorf("another process: %v: %s", err, out)
	}
	if !has(t, path, "before the failure", "", "-wal") || has(t, path, "before the failure", "") {
		t.Error("the log was removed or copied")
	}
}

// A log that somebody always appends to is emptied now and then.
func TestLogDoesNotGrowForEver(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	db := open(t, path)
	sqlite.SetLongLogForTest(t, 100)
	stop, asked := make(chan struct{}), 0
	var wg sync.WaitGroup
	again := func(f func() error) {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if err := f(); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	again(func() error { asked++; time.Sleep(2 * time.Millisecond); return db.Checkpoint(t.Context()) })
	most, commits := int64(0), 800
	for i := range commits {
		word := strings.Repeat(string(rune('a'+i%26)), 10_000)
		err := db.Write(func() error {
			_, err := db.Exec(`UPDATE t SET word = ?`, word)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(path + "-wal")
		if err != nil {
			t.Fatal(err)
		}
		most = max(most, info.Size()/4096)
	}
	close(stop)
	wg.Wait()
	t.Logf("%d commits, at most %d pages of log, %d checkpoints", commits, most, asked)
	if most > 600 { // of 2,400 and more
		t.Errorf("%d commits of three pages and more, %d pages of log", commits, most)
	}
}
