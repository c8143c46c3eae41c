package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dunning/pipeline"
)

const allUnchanged = "extract unchanged, features unchanged, train unchanged, segments unchanged, score unchanged, optimize unchanged, forecast unchanged, report unchanged"

// A run does again what a change reaches, and nothing else. The home is small:
// which stages run does not depend on how much they have to do.
func TestEndToEndRunsAgainOnlyWhatAChangeReaches(t *testing.T) {
	home := aRanHome(t)
	before := outputHashes(t, home)
	source := filepath.Join(home, "sources", "payments.csv")
	for _, step := range []struct {
		name   string
		change func(t *testing.T)
		flags  []string
		want   string
	}{
		{"nothing", func(*testing.T) {}, nil, allUnchanged},
		{"the time of a source", func(t *testing.T) {
			later := time.Now().Add(time.Hour)
			if err := os.Chtimes(source, later, later); err != nil {
				t.Fatal(err)
			}
		}, nil, allUnchanged},
		{"the number of threads", func(t *testing.T) { setKeys(t, home, "threads: 1") }, nil, allUnchanged},
		{"the budget", func(t *testing.T) { setKeys(t, home, "budget_cents: 500") }, nil,
			"extract unchanged, features unchanged, train unchanged, segments unchanged, score unchanged, optimize done, forecast done, report done"},
		{"a limit of contact", func(t *testing.T) { setKeys(t, home, "max_touches_30: 4") }, nil,
			"extract unchanged, features unchanged, train unchanged, segments unchanged, score done, optimize done, forecast done, report done"},
		{"the training", func(t *testing.T) { setKeys(t, home, "rounds: 121") }, nil,
			"extract unchanged, features unchanged, train done, segments unchanged, score done, optimize done, forecast done, report done"},
		{"an amount in a source", func(t *testing.T) { changePayment(t, source) }, nil,
			"extract done, features done, train done, segments done, score done, optimize done, forecast done, report done"},
		{"nothing, after all that", func(*testing.T) {}, nil, allUnchanged},
		{"force from a stage", func(*testing.T) {}, []string{"--from", "score", "--force"},
			"score done, optimize done, forecast done, report done"},
	} {
		step.change(t)
		if got := runHome(t, home, step.flags...).String(); got != step.want {
			t.Errorf("%s: %s; want %s", step.name, got, step.want)
		}
		nothingLeft(t, home)
	}
	after := outputHashes(t, home)
	// Not plan.parquet: of so small a portfolio the plan may be empty both times.
	for _, changed := range []string{"train/model.json", "score/scores.parquet", "optimize/optimization.json", "report/report.json"} {
		if before[changed] == "" || before[changed] == after[changed] {
			t.Errorf("%s is as it was before all changes", changed)
		}
	}
}

// changePayment adds a digit to the amount of the first payment.
func changePayment(t *testing.T, path string) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitN(string(b), "\n", 3)
	names, cells := strings.Split(lines[0], ","), strings.Split(lines[1], ",")
	for i, n := range names {
		if n == "amount_cents" {
			cells[i] += "1"
		}
	}
	lines[1] = strings.Join(cells, ",")
	if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")), 0o644); err != nil {
		t.Fatal(err)
	}
}

// What is forced gives the same bytes: a stage depends on its key alone.
func TestEndToEndForcedRunGivesTheSameBytes(t *testing.T) {
	home := aRanHome(t)
	want := outputHashes(t, home)
	if got := runHome(t, home, "--force").String(); strings.Contains(got, "unchanged") || strings.Count(got, " done") != len(pipeline.Stages()) {
		t.Errorf("with --force: %s", got)
	}
	sameHashes(t, want, outputHashes(t, home))
	if l := listModels(t, home); len(l.Versions) != 1 {
		t.Errorf("training again on the same lake gave another version: %+v", l.Versions)
	}
	nothingLeft(t, home)
}
