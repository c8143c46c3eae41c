package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"dunning/pipeline"
)

// A byte that is flipped in what a stage wrote is found by the next stage that
// reads it, which names the file and the way out; the way out works. One small
// home does: every file is checked in the same way.
func TestEndToEndDamagedLakeIsRefused(t *testing.T) {
	for _, c := range []struct {
		stage, file string
		change      string // makes the next stage read the file
	}{
		{"extract", "payments/part-003.parquet", "plan_days: 6"},
		{"features", "training.parquet", "rounds: 121"},
		{"features", "planning/part-001.parquet", "max_touches_7: 2"},
		{"train", "model.json", "max_touches_7: 2"},
		{"score", "candidates/part-002.parquet", "budget_cents: 700"},
		{"optimize", "plan.parquet", "budget_cents: 700"},
		{"report", "report.json", "budget_cents: 700"},
	} {
		t.Run(c.stage+" "+c.file, func(t *testing.T) {
			home := aRanHome(t)
			out, err := pipeline.OpenOutput(stageFolders(t, home)[c.stage])
			if err != nil {
				t.Fatal(err)
			}
			flip := func(t *testing.T) {
				rewrite(t, out.Path(c.file), func(b []byte) []byte { b[len(b)/3] ^= 0x20; return b })
			}
			flip(t)
			wrong := []string{filepath.Base(out.Dir), filepath.FromSlash(c.file), "damaged", `run stage "` + c.stage + `" again with --force`}
			badInput{"", commandLine("run", "--home", "HOME"), 3, wrong}.check(t, home)
			flip(t)
			must(t, "run", "--home", home)
			flip(t)
			setKeys(t, home, c.change)
			if c.stage == "optimize" || c.stage == "report" {
				// The stage itself runs again and replaces what was damaged.
				must(t, "run", "--home", home)
				return
			}
			badInput{"", commandLine("run", "--home", "HOME"), 3, wrong}.check(t, home)
			must(t, "run", "--home", home, "--from", c.stage, "--to", c.stage, "--force")
			must(t, "run", "--home", home)
			nothingLeft(t, home)
		})
	}
}

// What is missing or no manifest at all is made anew: it is the program's own
// work, and nothing is lost.
func TestEndToEndMissingOutputsAreMadeAnew(t *testing.T) {
	home := aRanHome(t)
	want := outputHashes(t, home)
	folders := stageFolders(t, home)
	if err := os.Remove(filepath.Join(folders["features"], "training.parquet")); err != nil {
		t.Fatal(err)
	}
	rewrite(t, filepath.Join(folders["score"], "manifest.json"), func([]byte) []byte { return []byte("{") })
	if err := os.RemoveAll(folders["report"]); err != nil {
		t.Fatal(err)
	}
	if got, want := runHome(t, home).String(), "extract unchanged, features done, train unchanged, segments unchanged, score done, optimize unchanged, forecast unchanged, report done"; got != want {
		t.Errorf("%s; want %s", got, want)
	}
	sameHashes(t, want, outputHashes(t, home))
	nothingLeft(t, home)
}

// A damaged Parquet source ends a run or does not, but never as a crash, which
// would take the whole process: the real program reads 12 damaged files.
func TestEndToEndDamagedSourcesDoNotCrash(t *testing.T) {
	home := filepath.Join(t.TempDir(), "home")
	must(t, "simulate", "--home", home, "--customers", "30", "--months", "3", "--format", "parquet", "--no-truth")
	path := filepath.Join(home, "sources", "payments.parquet")
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 12 {
		damaged := bytes.Clone(whole)
		// Spread over the pages and, more densely, over the footer.
		at := (2*i + 1) * len(damaged) / 24
		if i >= 6 {
			at = len(damaged) - 10 - (i-6)*150
		}
		damaged[at] ^= 0xff
		if err := os.WriteFile(path, damaged, 0o644); err != nil {
			t.Fatal(err)
		}
		cmd, _, stderr := program(t, nil, "extract", "--home", home)
		cmd.Run()
		code := cmd.ProcessState.ExitCode()
		if code != 0 && code != 3 || strings.Contains(stderr.String(), "goroutine ") {
			t.Errorf("byte %d of %d: exit code %d (%v): %s", at, len(damaged), code, cmd.ProcessState, stderr)
		}
		if code == 3 && (!strings.Contains(stderr.String(), "payments.parquet") || strings.Count(stderr.String(), "dunning: ") != 1) {
			t.Errorf("byte %d: %s", at, stderr)
		}
		t.Logf("byte %d of %d: exit code %d %.300s", at, len(damaged), code, stderr)
	}
}

// A home that may be read but not written is refused before any work. Root may
// write everywhere, so it becomes another user for this.
func TestEndToEndHomeWithoutPermission(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can become a user without permissions")
	}
	home := aRanHome(t)
	for dir := home; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		if info, err := os.Stat(dir); err != nil || info.Mode().Perm()&0o005 != 0o005 && os.Chmod(dir, 0o755) != nil {
			t.Skipf("%s is closed to others", dir)
		}
	}
	for _, args := range [][]string{{"run", "--home", home}, {"run", "--home", home, "--force"}, {"extract", "--home", home}, {"init", "--home", home, "--force"},
		{"simulate", "--home", home, "--customers", "5"}} {
		cmd, _, stderr := program(t, nil, args...)
		cmd.Path = "/proc/self/exe" // the user may not walk to the test's own path
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: 65534, Gid: 65534}
		var exit *exec.ExitError
		err := cmd.Run()
		if !asExit(err, &exit) || exit.ExitCode() != 2 || !strings.Contains(stderr.String(), home+" cannot be written") ||
			!strings.Contains(stderr.String(), "--home") || strings.Count(stderr.String(), "dunning: ") != 1 {
			t.Errorf("%v: %v: %s", args, err, stderr)
		}
	}
	nothingLeft(t, home)
}

func asExit(err error, to **exec.ExitError) bool {
	e, ok := err.(*exec.ExitError)
	*to = e
	return ok
}

// Candidates from elsewhere are checked like everything else.
func TestEndToEndBadCandidates(t *testing.T) {
	const head = "customer_id,channel,day,value_cents,cost_cents\n"
	const row = "a,sms,2026-01-05,80,10\n"
	allocate := func(text string) func(*testing.T, string) []string {
		return func(t *testing.T, _ string) []string {
			return []string{"allocate", "--budget", "100", "--candidates", writeTemp(t, "candidates.csv", text)}
		}
	}
	for _, c := range []badInput{
		{"NaN", allocate(head + row + "b,sms,2026-01-05,NaN,10\n"), 3, []string{"candidates.csv row 2", "value_cents"}},
		{"infinite", allocate(head + row + "b,sms,2026-01-05,+Inf,10\n"), 3, []string{"candidates.csv row 2", "value_cents"}},
		{"NaN as a cost", allocate(head + "b,sms,2026-01-05,1,nan\n"), 3, []string{"candidates.csv row 1", "cost_cents"}},
		{"duplicate", allocate(head + row + row), 3, []string{"candidates.csv row 2", "already in row 1"}},
		{"unknown channel", allocate(head + "a,pigeon,2026-01-05,80,10\n"), 3, []string{"candidates.csv row 1", "unknown channel"}},
		{"hold as a channel", allocate(head + "a,hold,2026-01-05,80,10\n"), 3, []string{"candidates.csv row 1", "channel"}},
		{"header alone", allocate(head), 3, []string{"candidates.csv", "empty"}},
		{"negative budget", commandLine("allocate", "--budget", "-1", "--candidates", "x.csv"), 2, []string{"--budget"}},
		{"a budget that is no number", commandLine("allocate", "--budget", "lots", "--candidates", "x.csv"), 2, []string{"--budget", "lots"}},
		{"missing file", commandLine("allocate", "--budget", "1", "--candidates", "none.csv"), 3, []string{"none.csv", "no such file"}},
		{"a pattern that matches nothing", commandLine("allocate", "--budget", "1", "--candidates", "none-*.parquet"), 3, []string{"none-*.parquet", "no Parquet or CSV file"}},
		{"a folder without candidates", func(t *testing.T, _ string) []string {
			return []string{"allocate", "--budget", "1", "--candidates", t.TempDir()}
		}, 3, []string{"no Parquet or CSV file"}},
		{"the same candidate in two files", func(t *testing.T, _ string) []string {
			dir := t.TempDir()
			for _, name := range []string{"a.csv", "b.csv"} {
				if err := os.WriteFile(filepath.Join(dir, name), []byte(head+row), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			return []string{"allocate", "--budget", "1", "--candidates", dir}
		}, 3, []string{"2 files", "row 2", "already in row 1"}},
		{"a file among good ones that is none", func(t *testing.T, _ string) []string {
			dir := t.TempDir()
			for name, text := range map[string]string{"a.csv": head + row, "b.csv": head, "c.parquet": "PAR1PAR1"} {
				if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			return []string{"allocate", "--budget", "1", "--candidates", dir}
		}, 3, []string{"c.parquet", "damaged"}},
	} {
		t.Run(c.name, func(t *testing.T) { c.check(t, "") })
	}
}
