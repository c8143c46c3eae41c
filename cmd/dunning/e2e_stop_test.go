package main

import (
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"dunning/pipeline"
)

// kills is how often the run is killed.
const kills = 20

// A run that is killed at any moment goes on when it is run again, and ends
// with the bytes of a run that nobody disturbed. Half of the kills meet a run
// that goes on where the one before was killed, half one that replaces outputs
// that are there. The portfolio is small, so that most of a run is what a kill
// can spoil: writing, renaming, starting and ending stages.
func TestEndToEndKilledRunsGoOn(t *testing.T) {
	if testing.Short() {
		t.Skip("starts the program more than 20 times")
	}
	whole, home := filepath.Join(t.TempDir(), "whole"), filepath.Join(t.TempDir(), "home")
	simulateHome(t, whole, "--customers", "250", "--months", "6")
	setKeys(t, whole, "max_training_rows: 600") // learning is what a kill spoils least
	copyTree(t, whole, home)
	began := time.Now()
	mustProgram(t, nil, "run", "--home", whole)
	took := time.Since(began)
	want := outputHashes(t, whole)

	const seed = 20
	rng := rand.New(rand.NewPCG(seed, 0))
	t.Logf("seed %d; an undisturbed run takes %v", seed, took)
	for n := 0; n < kills; {
		args, longest := []string{"run", "--home", home}, took/2
		if n >= kills/2 {
			args, longest = append(args, "--force"), took
		}
		delay := time.Duration(rng.Int64N(int64(longest)))
		cmd, _, stderr := program(t, nil, args...)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(delay)
		if err := cmd.Process.Signal(syscall.SIGKILL); err != nil && !errors.Is(err, os.ErrProcessDone) {
			t.Fatal(err)
		}
		err := cmd.Wait()
		if status := cmd.ProcessState.Sys().(syscall.WaitStatus); status.Signaled() {
			n++
			t.Logf("kill %d after %v, having ended: %q", n, delay, strings.Fields(stderr.String()))
			readersSeeWhole(t, home)
			continue
		}
		if err != nil {
			t.Fatalf("after %d kills: %v: %s", n, err, stderr)
		}
		// It ended before it was killed: begin again, so that kills meet work.
		for _, name := range []string{"lake", "models", "plans", "reports"} {
			if err := os.RemoveAll(filepath.Join(home, name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	mustProgram(t, nil, "run", "--home", home)
	sameHashes(t, want, outputHashes(t, home))
	nothingLeft(t, home)
	if got := runHome(t, home).String(); got != allUnchanged {
		t.Errorf("after all: %s", got)
	}
}

// readersSeeWhole checks that what a reader would open now is whole.
func readersSeeWhole(t *testing.T, home string) {
	t.Helper()
	for _, s := range pipeline.Stages() {
		pattern := filepath.Join(home, filepath.FromSlash(strings.ReplaceAll(s.Folder, "{as_of}", "????-??-??")))
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, folder := range found {
			out, err := pipeline.OpenOutput(folder)
			if err == nil {
				err = out.Manifest.Verify(out.Dir)
			}
			if err != nil {
				t.Errorf("a reader of %s sees: %v", s.Name, err)
			}
		}
	}
	if _, err := os.Stat(filepath.Join(home, "models", "current")); err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	} else if _, lerr := os.Lstat(filepath.Join(home, "models", "current")); err != nil && lerr == nil {
		t.Error("models/current points to nothing")
	}
}

// What a death at an unlucky moment leaves is cleared by the next run: one file
// of each kind, since kills at random seldom meet them.
func TestEndToEndRemainsAreCleared(t *testing.T) {
	home := aRanHome(t)
	for _, path := range []string{
		".probe-1234", ".document.key.tmp-1234", "lake/..hashes.json.tmp-1234", "tmp/train/spill", "models/current.next",
		"lake/features/.2026-01-05.tmp-1234/training.parquet", "plans/.2026-01-05.0123456789ab/plan.parquet",
		"reports/.2026-01-05.tmp-link", "models/.2026-01-05.0123456789ab.1/model.json",
	} {
		path = filepath.Join(home, filepath.FromSlash(path))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("half"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got := runHome(t, home).String(); got != allUnchanged {
		t.Error(got)
	}
	nothingLeft(t, home)
}

// Ctrl-C ends a run cleanly, and running again goes on with the stage at which
// it was stopped.
func TestEndToEndStoppedRunGoesOn(t *testing.T) {
	for _, stop := range []struct{ stage, folder, again string }{
		{"extract", "lake/extract", "extract done, features done, train done, segments done, score done, optimize done, forecast done, report done"},
		{"train", "models", "extract unchanged, features unchanged, train done, segments done, score done, optimize done, forecast done, report done"},
	} {
		t.Run(stop.stage, func(t *testing.T) {
			home := aSourcesHome(t)
			cmd, stdout, stderr := program(t, nil, "run", "--home", home, "--json")
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			waitFor(t, filepath.Join(home, filepath.FromSlash(stop.folder), ".*.tmp-*"))
			if err := cmd.Process.Signal(os.Interrupt); err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			cmd.Wait()
			t.Logf("ended %v after the signal", time.Since(began))
			if code := cmd.ProcessState.ExitCode(); code != 1 {
				t.Errorf("exit code %d: %s", code, stderr)
			}
			const says = "stopped; run the same command again to go on"
			if !strings.HasSuffix(stderr.String(), "\ndunning: "+says+"\n") || strings.Count(stderr.String(), "dunning:") != 1 {
				t.Errorf("standard error %q", stderr)
			}
			var answer struct {
				Error    string `json:"error"`
				ExitCode int    `json:"exit_code"`
			}
			oneDocument(t, stdout.String(), &answer)
			if answer.Error != says || answer.ExitCode != 1 {
				t.Errorf("answer %+v", answer)
			}
			if left, _ := filepath.Glob(filepath.Join(home, "tmp", "*")); len(left) > 0 {
				t.Errorf("tmp holds %v", left)
			}
			if left, _ := filepath.Glob(filepath.Join(home, filepath.FromSlash(stop.folder), ".*")); len(left) > 0 {
				t.Errorf("left over: %v", left)
			}
			if got := runHome(t, home).String(); got != stop.again {
				t.Errorf("then: %s; want %s", got, stop.again)
			}
			sameHashes(t, outputHashes(t, aRanHome(t)), outputHashes(t, home))
			nothingLeft(t, home)
		})
	}
}

// waitFor waits until a file of the pattern exists.
func waitFor(t *testing.T, pattern string) {
	t.Helper()
	for range 6000 {
		if found, _ := filepath.Glob(pattern); len(found) > 0 {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("no %s", pattern)
}
