package pipeline

import (
	"bufio"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"dunning/data"
)

// numbers is a row of the test stages.
type numbers struct {
	N int64 `parquet:"n"`
}

// testStages are a source file of numbers, their doubles and their sum, each
// with many files so that a kill falls between them.
func testStages(pause time.Duration) []Stage {
	source := func(w *Work) string { return filepath.Join(w.Home, "numbers.txt") }
	return []Stage{
		{
			Name: "extract", Folder: "lake/extract/current",
			Prepare: func(_ context.Context, w *Work) (map[string]string, error) {
				sum, err := w.hashes.hash(source(w))
				return map[string]string{"numbers": sum}, err
			},
			Run: func(_ context.Context, w *Work) error {
				f, err := os.Open(source(w))
				if err != nil {
					return err
				}
				defer f.Close()
				var rows []numbers
				for s := bufio.NewScanner(f); s.Scan(); {
					var r numbers
					if _, err := fmt.Sscan(s.Text(), &r.N); err != nil {
						return fmt.Errorf("%w: %w", data.ErrBadInput, err)
					}
					rows = append(rows, r)
				}
				w.Count(countFirstEvent, 20000)
				w.Count(countLastEvent, 20100)
				return writeParts(w, rows, pause)
			},
		},
		{
			Name: "features", Folder: "lake/features/{as_of}", Inputs: []string{"extract"}, Seeded: true,
			Config: func(c *Config) any { return c.Features },
			Run: func(ctx context.Context, w *Work) error {
				var rows []numbers
				in := w.Input("extract")
				for _, f := range in.Parts("n") {
					more, err := data.Read[numbers](in.Path(f.Name))
					if err != nil {
						return err
					}
					rows = append(rows, more...)
				}
				for i := range rows {
					rows[i].N = rows[i].N*2 + int64(w.Seed)
				}
				w.Advance(1, 1)
				if err := os.WriteFile(filepath.Join(w.Dir, "note.txt"), []byte(w.AsOf.String()), 0o644); err != nil {
					return err
				}
				return writeParts(w, rows, pause)
			},
		},
		{
			Name: "optimize", Folder: "plans/{as_of}", Inputs: []string{"extract", "features"},
			Run: func(ctx context.Context, w *Work) error {
				var sum numbers
				in := w.Input("features")
				for _, f := range in.Parts("n") {
					rows, err := data.Read[numbers](in.Path(f.Name))
					if err != nil {
						return err
					}
					for _, r := range rows {
						sum.N += r.N
					}
				}
				return writeParts(w, []numbers{sum}, pause)
			},
		},
	}
}

func writeParts(w *Work, rows []numbers, pause time.Duration) error {
	if err := makeDir(filepath.Join(w.Dir, "n")); err != nil {
		return err
	}
	for i, r := range rows {
		name := fmt.Sprintf("n/part-%03d.parquet", i)
		f, err := data.Write(filepath.Join(w.Dir, name), []numbers{r})
		if err != nil {
			return err
		}
		w.Wrote(name, f)
		time.Sleep(pause)
	}
	return nil
}

func testHome(t *testing.T) string {
	t.Helper()
	home := t.TempDir()
	if err := os.WriteFile(filepath.Join(home, "numbers.txt"), []byte("1\n2\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	return home
}

func mustRun(t *testing.T, home string, c *Config, opts RunOptions) *RunResult {
	t.Helper()
	res, err := runTest(t.Context(), home, c, testStages(0), opts)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// runTest is Run for a program whose version is known.
func runTest(ctx context.Context, home string, c *Config, stages []Stage, opts RunOptions) (*RunResult, error) {
	r := &runner{config: c, options: opts, stages: stages, code: "test"}
	return r.run(ctx, home)
}

func statuses(r *RunResult) string {
	var s []string
	for _, x := range r.Stages {
		s = append(s, x.Stage+" "+string(x.Status))
	}
	return strings.Join(s, ", ")
}

// snapshot hashes everything that a reader sees: every file under the visible
// names, and how many hidden folders there are.
func snapshot(t *testing.T, home string) map[string]string {
	t.Helper()
	seen := map[string]string{}
	hidden := 0
	for _, folder := range []string{"lake/extract", "lake/features", "plans"} {
		entries, err := os.ReadDir(filepath.Join(home, folder))
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if strings.HasPrefix(e.Name(), ".") {
				hidden++
				continue
			}
			out, err := OpenOutput(filepath.Join(home, folder, e.Name()))
			if err != nil {
				t.Fatal(err)
			}
			if err := out.Manifest.Verify(out.Dir); err != nil {
				t.Error(err)
			}
			err = filepath.WalkDir(out.Dir, func(p string, d fs.DirEntry, err error) error {
				if err != nil || d.IsDir() {
					return err
				}
				b, err := os.ReadFile(p)
				seen[folder+"/"+e.Name()+strings.TrimPrefix(p, out.Dir)] = fmt.Sprintf("%x", sha256.Sum256(b))
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	seen["hidden folders"] = fmt.Sprint(hidden)
	return seen
}

func same(t *testing.T, want, got map[string]string) {
	t.Helper()
	for _, name := range sortedKeys(want) {
		if got[name] != want[name] {
			t.Errorf("%s: %q, want %q", name, got[name], want[name])
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d files, want %d: %v", len(got), len(want), sortedKeys(got))
	}
}

func TestRunSkipsWhatDidNotChange(t *testing.T) {
	home, c := testHome(t), DefaultConfig()
	all := "extract done, features done, optimize done"
	for _, step := range []struct {
		name   string
		change func()
		opts   RunOptions
		want   string
	}{
		{"first", func() {}, RunOptions{}, all},
		{"again", func() {}, RunOptions{}, "extract unchanged, features unchanged, optimize unchanged"},
		{"forced", func() {}, RunOptions{Force: true}, all},
		{"after force", func() {}, RunOptions{}, "extract unchanged, features unchanged, optimize unchanged"},
		{"a part of the configuration that one stage reads", func() { c.Features.HorizonDays = 9 }, RunOptions{},
			"extract unchanged, features done, optimize unchanged"}, // its output is the same, so the last has nothing to do
		{"a part that no stage reads", func() { c.BudgetCents = 7 }, RunOptions{}, "extract unchanged, features unchanged, optimize unchanged"},
		{"the seed", func() { c.Seed = 5 }, RunOptions{}, "extract unchanged, features done, optimize done"},
		{"the source", func() { writeNumbers(t, home, "1\n2\n3\n5\n") }, RunOptions{}, all},
		{"the source rewritten with the same content", func() { writeNumbers(t, home, "1\n2\n3\n5\n") }, RunOptions{},
			"extract unchanged, features unchanged, optimize unchanged"},
		{"a part of the run", func() { writeNumbers(t, home, "9\n") }, RunOptions{To: "extract"}, "extract done"},
		{"the rest of it", func() {}, RunOptions{From: "features"}, "features done, optimize done"},
		{"another day", func() { d := data.Date(20050); c.AsOf = &d }, RunOptions{}, "extract unchanged, features done, optimize done"},
		{"the last day again", func() { c.AsOf = nil }, RunOptions{}, "extract unchanged, features unchanged, optimize unchanged"},
		{"a file is gone", func() { removeOne(t, home, "lake/features") }, RunOptions{}, "extract unchanged, features done, optimize unchanged"},
	} {
		step.change()
		res := mustRun(t, home, c, step.opts)
		if got := statuses(res); got != step.want {
			t.Errorf("%s: %s, want %s", step.name, got, step.want)
		}
	}
	if got := snapshot(t, home)["hidden folders"]; got != "5" { // two days of features and plans, one extract
		t.Errorf("%s hidden folders: replaced outputs are not removed", got)
	}
	b, err := os.ReadFile(filepath.Join(home, "lake", "runs.jsonl"))
	if err != nil || strings.Count(string(b), "\n") < 30 || !strings.Contains(string(b), `"status":"unchanged"`) {
		t.Errorf("the log of runs: %v\n%s", err, b)
	}
}

func writeNumbers(t *testing.T, home, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(home, "numbers.txt"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// removeOne removes a Parquet file of an output of the folder.
func removeOne(t *testing.T, home, folder string) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(home, folder, "2025-01-13", "n", "part-000.parquet"))
	if err != nil || len(paths) == 0 {
		t.Fatal(paths, err)
	}
	for _, p := range paths {
		if err := os.Remove(p); err != nil {
			t.Fatal(err)
		}
	}
}

func TestRunResolvesAsOf(t *testing.T) {
	home, c := testHome(t), DefaultConfig()
	res := mustRun(t, home, c, RunOptions{})
	if res.AsOf == nil || *res.AsOf != 20101 {
		t.Errorf("as_of %v is not the day after the last event", res.AsOf)
	}
	first := data.Date(20000)
	c.AsOf = &first
	_, err := runTest(t.Context(), home, c, testStages(0), RunOptions{})
	if !errors.Is(err, data.ErrUsage) || !strings.Contains(err.Error(), "not after the first event") {
		t.Errorf("as_of before all data: %v", err)
	}
}

func TestRunRefusesDamagedFiles(t *testing.T) {
	for _, tt := range []struct {
		name   string
		damage func(b []byte) []byte
	}{
		{"one bit", func(b []byte) []byte { b[len(b)/2] ^= 1; return b }},
		{"cut off", func(b []byte) []byte { return b[:len(b)-10] }},
		{"empty", func([]byte) []byte { return nil }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			home, c := testHome(t), DefaultConfig()
			mustRun(t, home, c, RunOptions{})
			path := filepath.Join(home, "lake/extract/current/n/part-001.parquet")
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, tt.damage(b), 0o644); err != nil {
				t.Fatal(err)
			}
			for _, opts := range []RunOptions{{}, {From: "features", Force: true}} {
				_, err = runTest(t.Context(), home, c, testStages(0), opts)
				if !errors.Is(err, data.ErrDamagedFile) || !strings.Contains(err.Error(), "part-001.parquet") || !strings.Contains(err.Error(), "--force") {
					t.Errorf("%+v: %v", opts, err)
				}
			}
			mustRun(t, home, c, RunOptions{Force: true})
			mustRun(t, home, c, RunOptions{})
		})
	}
}

func TestRunStopsAndGoesOn(t *testing.T) {
	home := testHome(t)
	ctx, cancel := context.WithCancel(t.Context())
	stages := testStages(0)
	run := stages[1].Run
	stages[1].Run = func(ctx context.Context, w *Work) error {
		cancel()
		return run(ctx, w)
	}
	res, err := runTest(ctx, home, DefaultConfig(), stages, RunOptions{})
	if !errors.Is(err, context.Canceled) || statuses(res) != "extract done, features failed" {
		t.Errorf("%s: %v", statuses(res), err)
	}
	entries, err := os.ReadDir(filepath.Join(home, "lake", "features"))
	if err != nil || len(entries) != 0 {
		t.Errorf("a stopped stage left %v, %v", entries, err)
	}
	if got := statuses(mustRun(t, home, DefaultConfig(), RunOptions{})); got != "extract unchanged, features done, optimize done" {
		t.Error(got)
	}
}

func TestRunNeedsTheHomeForItself(t *testing.T) {
	home := testHome(t)
	unlock, err := lockHome(home)
	if err != nil {
		t.Fatal(err)
	}
	_, err = runTest(t.Context(), home, DefaultConfig(), testStages(0), RunOptions{})
	if !errors.Is(err, data.ErrRefused) || !strings.Contains(err.Error(), fmt.Sprint(os.Getpid())) {
		t.Errorf("beside another run: %v", err)
	}
	unlock()
	mustRun(t, home, DefaultConfig(), RunOptions{})
}

func TestRunRefusesWrongUsage(t *testing.T) {
	for _, tt := range []struct {
		name string
		home func(t *testing.T) string
		opts RunOptions
		want string
	}{
		{"a file for a home", func(t *testing.T) string { return filepath.Join(testHome(t), "numbers.txt") }, RunOptions{}, "cannot be written"},
		{"a home below a file", func(t *testing.T) string { return filepath.Join(testHome(t), "numbers.txt", "home") }, RunOptions{}, "cannot be written"},
		{"a home that is a device", func(t *testing.T) string { return "/dev/null/home" }, RunOptions{}, "--home"},
		{"a home on a read-only file system", func(t *testing.T) string { return "/proc/self/home" }, RunOptions{}, "--home"},
		{"no such first stage", testHome, RunOptions{From: "feature"}, `--from: no stage "feature" (have extract, features, optimize)`},
		{"no such last stage", testHome, RunOptions{To: "plan"}, "--to"},
		{"first after last", testHome, RunOptions{From: "optimize", To: "features"}, "comes after"},
		{"without what comes before", testHome, RunOptions{From: "features"}, "extract"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := runTest(t.Context(), tt.home(t), DefaultConfig(), testStages(0), tt.opts)
			if !errors.Is(err, data.ErrUsage) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestDiskFullIsSaid(t *testing.T) {
	err := diskError("/home/x", fmt.Errorf("write part: %w", syscall.ENOSPC))
	if data.ExitCode(err) != 1 || !strings.Contains(err.Error(), "/home/x: the disk is full") {
		t.Error(err)
	}
}

func TestCodeVersionIsTheProgramsHash(t *testing.T) {
	home := testHome(t)
	if _, err := Run(t.Context(), home, DefaultConfig(), testStages(0), RunOptions{To: "extract"}); err != nil {
		t.Fatal(err)
	}
	out, err := OpenOutput(filepath.Join(home, "lake/extract/current"))
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if f, err := data.Stat(self, 0); err != nil || out.Manifest.CodeVersion != f.SHA256 {
		t.Errorf("code version %s, want %s (%v)", out.Manifest.CodeVersion, f.SHA256, err)
	}
}

func TestStageFilesMustExist(t *testing.T) {
	stage := Stage{Name: "extract", Folder: "lake/x", Run: func(_ context.Context, w *Work) error {
		w.Wrote("nothing.parquet", data.File{})
		return nil
	}}
	if _, err := runTest(t.Context(), testHome(t), DefaultConfig(), []Stage{stage}, RunOptions{}); err == nil {
		t.Error("a file that was registered but not written passed")
	}
}

func TestHashCacheSeesEveryChange(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "f")
	write := func(s string) {
		if err := os.WriteFile(path, []byte(s), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("one")
	old := time.Now().Add(-time.Hour)
	if err := os.Chtimes(path, old, old); err != nil {
		t.Fatal(err)
	}
	c := openHashCache(filepath.Join(dir, "cache"))
	first, err := c.hash(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.save(); err != nil {
		t.Fatal(err)
	}
	c = openHashCache(filepath.Join(dir, "cache"))
	if _, ok := c.entries[path]; !ok {
		t.Fatal("an old file is not remembered")
	}
	// Same size and modification time; only the kernel's change time differs.
	time.Sleep(20 * time.Millisecond)
	write("two")
	if err := os.Chtimes(path, old, old); err != nil {
		t.Fatal(err)
	}
	if second, err := c.hash(path); err != nil || second == first {
		t.Errorf("a change under the same size and time goes unseen: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "cache"), []byte("{"), 0o644); err != nil {
		t.Fatal(err)
	}
	if c := openHashCache(filepath.Join(dir, "cache")); len(c.entries) != 0 {
		t.Error("a damaged cache is used")
	}
}

func TestProgressLines(t *testing.T) {
	var b strings.Builder
	p := NewProgress(&b)
	p.Begin("extract", "reads")
	p.Advance(1, 2)
	p.End(StageResult{Stage: "extract", Status: StatusDone, Seconds: 12.34, Rows: 1234567})
	p.End(StageResult{Stage: "features", Status: StatusUnchanged})
	want := "extract   done         12.3 s  1,234,567 rows\nfeatures  unchanged\n"
	if b.String() != want {
		t.Errorf("got\n%swant\n%s", b.String(), want)
	}
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", -1000: "-1,000", -100: "-100", 12345678: "12,345,678"} {
		if got := thousands(n); got != want {
			t.Errorf("thousands(%d) = %s", n, got)
		}
	}
}
