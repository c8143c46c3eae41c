package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// decisions is a table of 800 decisions in the order of time, the last quarter
// of which is the test; bad tells of a row's outcome there.
func decisions(bad func(row int, drawn bool) bool) string {
	rng := rand.New(rand.NewPCG(4, 0))
	var b strings.Builder
	b.WriteString("id,asked_on,x,z,paid\n")
	for i := range 800 {
		x, z := rng.Float64(), rng.Float64()
		paid := rng.Float64() < x*z+0.2
		if i >= 600 {
			paid = bad(i, paid)
		}
		day := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, i/2)
		fmt.Fprintf(&b, "r%d,%s,%.6f,%.6f,%v\n", i, day.Format(time.DateOnly), x, z, paid)
	}
	return b.String()
}

// tuneArgs is a search on the table before its test, which begins with row 600.
func tuneArgs(table, journal string, more ...string) []string {
	return append([]string{"tune", "--table", table, "--id", "id", "--time", "asked_on", "--outcome", "paid",
		"--split", "time:2024-10-27", "--seed", "5", "--journal", journal, "--json"}, more...)
}

// A search that is killed goes on with the same command and ends with the
// journal and the answer of one that nobody disturbed.
func TestTuneKilledGoesOn(t *testing.T) {
	table := writeTemp(t, "credit.csv", decisions(func(_ int, drawn bool) bool { return drawn }))
	// Both searches have the same path to their journal, which the answer names.
	journal, whole := filepath.Join(t.TempDir(), "journal"), filepath.Join(t.TempDir(), "whole")
	want := must(t, tuneArgs(table, journal, "--trials", "10")...)
	if err := os.Rename(journal, whole); err != nil {
		t.Fatal(err)
	}
	undisturbed := onlyFile(t, whole)

	kills := 0
	for lines := 3; lines <= 9; lines += 3 {
		cmd, _, stderr := program(t, nil, tuneArgs(table, journal, "--trials", "10")...)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		waitForLines(t, journal, lines)
		cmd.Process.Signal(syscall.SIGKILL) // fails where it has ended
		cmd.Wait()
		if cmd.ProcessState.Sys().(syscall.WaitStatus).Signaled() {
			kills++
		} else if code := cmd.ProcessState.ExitCode(); code != 0 {
			t.Fatalf("exit code %d: %s", code, stderr)
		}
		if got := onlyFile(t, journal); !bytes.HasPrefix(undisturbed, got[:bytes.LastIndexByte(got, '\n')+1]) {
			t.Fatalf("killed after %d lines: the journal is no beginning of the undisturbed one:\n%s", lines, got)
		}
	}
	if kills == 0 {
		t.Error("no search was killed: each had ended")
	}
	got := must(t, tuneArgs(table, journal, "--trials", "10")...)
	if got != want {
		t.Errorf("answer\n%s\nundisturbed\n%s", got, want)
	}
	if !bytes.Equal(onlyFile(t, journal), undisturbed) {
		t.Error("another journal than the undisturbed one")
	}
	// More trials go on with the same journal.
	must(t, tuneArgs(table, journal, "--trials", "11")...)
	if got := onlyFile(t, journal); !bytes.HasPrefix(got, undisturbed) || bytes.Count(got, []byte("\n")) != 12 {
		t.Errorf("one trial more:\n%s", got)
	}
}

// waitForLines waits until the journal in a folder has so many lines.
func waitForLines(t *testing.T, folder string, lines int) {
	t.Helper()
	for range 6000 {
		found, _ := filepath.Glob(filepath.Join(folder, "*.jsonl"))
		if len(found) == 1 {
			if b, err := os.ReadFile(found[0]); err == nil && bytes.Count(b, []byte("\n")) >= lines {
				return
			}
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatalf("the journal has no %d lines", lines)
}

func onlyFile(t *testing.T, folder string) []byte {
	t.Helper()
	found, _ := filepath.Glob(filepath.Join(folder, "*"))
	if len(found) != 1 {
		t.Fatalf("%s holds %v", folder, found)
	}
	b, err := os.ReadFile(found[0])
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The outcomes of the test period change neither the answer nor the journal,
// even where they would make a column look like a leak.
func TestTuneTableDoesNotTouchTheTest(t *testing.T) {
	dir := t.TempDir()
	table, journal := filepath.Join(dir, "credit.csv"), filepath.Join(dir, "journal")
	var answers, journals []string
	for _, outcome := range []func(int, bool) bool{
		func(_ int, drawn bool) bool { return drawn },
		func(_ int, drawn bool) bool { return !drawn },
		func(row int, _ bool) bool { return row%7 == 0 },
	} {
		if err := os.WriteFile(table, []byte(decisions(outcome)), 0o644); err != nil {
			t.Fatal(err)
		}
		answers = append(answers, must(t, tuneArgs(table, journal, "--trials", "3")...))
		journals = append(journals, string(onlyFile(t, journal)))
		if err := os.RemoveAll(journal); err != nil {
			t.Fatal(err)
		}
	}
	for k := 1; k < 3; k++ {
		if answers[k] != answers[0] || journals[k] != journals[0] {
			t.Errorf("outcomes %d of the test change the search:\n%s\n%s", k, answers[0], answers[k])
		}
	}
	var doc struct {
		Search struct {
			Test     string `json:"test"`
			TestRows int    `json:"test_rows"`
			Rows     int    `json:"rows"`
			Trials   []any  `json:"trials"`
		} `json:"search"`
		YAML string `json:"yaml"`
	}
	if err := json.Unmarshal([]byte(answers[0]), &doc); err != nil {
		t.Fatal(err)
	}
	if s := doc.Search; s.TestRows != 200 || s.Rows != 600 || len(s.Trials) != 3 || s.Test != "time:2024-10-27" || !strings.HasPrefix(doc.YAML, "params:\n  rounds: ") {
		t.Errorf("answer %+v", doc)
	}
}

// On a home, the search runs what it needs, keeps its journal there, and writes
// only what is better.
func TestTuneHome(t *testing.T) {
	home := aRanHome(t)
	setKeys(t, home, "rounds: 1", "eta: 0.01") // next to nothing is learned, so anything is better
	out := must(t, "tune", "--home", home, "--trials", "3", "--write")
	for _, part := range []string{"was not touched", "in force", "the winner is better", "Written into"} {
		if !strings.Contains(out, part) {
			t.Errorf("no %q in %s", part, out)
		}
	}
	config, err := os.ReadFile(filepath.Join(home, "dunning.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(config), "rounds: 1\n") || len(onlyFile(t, filepath.Join(home, "models", "tune"))) == 0 {
		t.Error("nothing was written")
	}
	// What was written is in force now, and cannot beat itself.
	code, stdout, stderr := command("tune", "--home", home, "--trials", "1", "--write", "--json")
	if code != 4 || !strings.Contains(stderr, "not written") || !strings.Contains(stdout, `"better": false`) {
		t.Errorf("exit code %d: %s", code, stderr)
	}
	if again, _ := os.ReadFile(filepath.Join(home, "dunning.yaml")); !bytes.Equal(again, config) {
		t.Error("the configuration was written")
	}
	for _, args := range [][]string{{"--trials", "-1"}, {"--table", "x.csv", "--outcome", "y", "--write"}, {"--as-of", "soon"}, {"what"}} {
		if code, _, stderr := command(append([]string{"tune", "--home", home}, args...)...); code != 2 {
			t.Errorf("%v: exit code %d: %s", args, code, stderr)
		}
	}
}
