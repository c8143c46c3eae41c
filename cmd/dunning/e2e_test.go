package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"dunning/data"
	"dunning/pipeline"
)

// asProgram, in the environment of the test binary, makes it the program
// itself: what is tested is what main does, in a process that can be killed and
// given its own number of cores.
const asProgram = "E2E_RUN_AS_DUNNING"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
	}
	code := m.Run()
	if ranHome.dir != "" {
		os.RemoveAll(ranHome.dir)
	}
	os.Exit(code)
}

// program returns the command line of the real program, not yet started.
func program(t *testing.T, env []string, args ...string) (cmd *exec.Cmd, stdout, stderr *bytes.Buffer) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	stdout, stderr = &bytes.Buffer{}, &bytes.Buffer{}
	cmd = exec.Command(self, args...)
	cmd.Env = append(append(os.Environ(), asProgram+"=1"), env...)
	cmd.Stdout, cmd.Stderr = stdout, stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return cmd, stdout, stderr
}

// mustProgram runs the real program to its end.
func mustProgram(t *testing.T, env []string, args ...string) {
	t.Helper()
	cmd, _, stderr := program(t, env, args...)
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v: %v: %s", args, err, stderr)
	}
}

// command runs a command line within the test's process.
func command(args ...string) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	code = run(context.Background(), args, &out, &errs)
	return code, out.String(), errs.String()
}

// must runs a command line that has to succeed and returns its output.
func must(t *testing.T, args ...string) string {
	t.Helper()
	code, stdout, stderr := command(args...)
	if code != 0 {
		t.Fatalf("%v: exit code %d: %s", args, code, stderr)
	}
	return stdout
}

// mustJSON runs a command line with --json and decodes its one document.
func mustJSON(t *testing.T, into any, args ...string) {
	t.Helper()
	oneDocument(t, must(t, append(args, "--json")...), into)
}

// oneDocument decodes text that must be exactly one JSON document.
func oneDocument(t *testing.T, text string, into any) {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(text))
	if err := d.Decode(into); err != nil {
		t.Fatalf("no JSON document: %v in %q", err, text)
	}
	if d.More() {
		t.Fatalf("more than one JSON document: %s", text)
	}
}

// simulateHome makes a home with a portfolio and small models in it.
func simulateHome(t *testing.T, home string, flags ...string) {
	t.Helper()
	must(t, append([]string{"simulate", "--home", home}, flags...)...)
	smallModels(t, home)
}

// smallModels makes training cheap: what is tested is not how good models are.
func smallModels(t *testing.T, home string) {
	t.Helper()
	setKeys(t, home, "rounds: 120", "bags: 2", "max_training_rows: 1500")
}

// setKeys changes keys of HOME/dunning.yaml, each given as "key: value"; a key
// must be there exactly once.
func setKeys(t *testing.T, home string, settings ...string) {
	t.Helper()
	path := filepath.Join(home, pipeline.ConfigName)
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text := string(b)
	for _, s := range settings {
		key, value, _ := strings.Cut(s, ":")
		line := regexp.MustCompile(`(?m)^( *` + regexp.QuoteMeta(key) + `):.*$`)
		if n := len(line.FindAllString(text, -1)); n != 1 {
			t.Fatalf("%s is %d times in %s", key, n, path)
		}
		text = line.ReplaceAllString(text, "${1}:"+strings.ReplaceAll(value, "$", "$$"))
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// ranHome is a home with 500 customers of eight months in which everything has
// run once; tests copy it, so that it is made only once. That is enough for
// every stage to have real work: 1,500 decision points with 50 touches or more on
// most channels, and about 300 open customers.
var ranHome = struct {
	sync.Once
	dir string
}{}

// aRanHome returns a copy of the home in which everything has run.
func aRanHome(t *testing.T) string {
	t.Helper()
	ranHome.Do(func() {
		dir, err := os.MkdirTemp("", "dunning-e2e-")
		if err != nil {
			t.Fatal(err)
		}
		home := filepath.Join(dir, "home")
		simulateHome(t, home, "--customers", "500", "--months", "8")
		must(t, "run", "--home", home)
		ranHome.dir = dir
	})
	if ranHome.dir == "" {
		t.Fatal("the home could not be made; see the first test that wanted it")
	}
	home := filepath.Join(t.TempDir(), "home")
	copyTree(t, filepath.Join(ranHome.dir, "home"), home)
	return home
}

// aSourcesHome returns a home with sources and configuration in which nothing
// has run.
func aSourcesHome(t *testing.T) string {
	t.Helper()
	home := aRanHome(t)
	for _, name := range []string{"lake", "models", "plans", "forecasts", "reports", "tmp"} {
		if err := os.RemoveAll(filepath.Join(home, name)); err != nil {
			t.Fatal(err)
		}
	}
	return home
}

func copyTree(t *testing.T, from, to string) {
	t.Helper()
	err := filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		target := filepath.Join(to, strings.TrimPrefix(path, from))
		switch {
		case d.IsDir():
			return os.MkdirAll(target, 0o755)
		case d.Type()&fs.ModeSymlink != 0:
			link, err := os.Readlink(path)
			if err != nil {
				return err
			}
			return os.Symlink(link, target)
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(target, b, info.Mode())
	})
	if err != nil {
		t.Fatal(err)
	}
}

// stageFolders are where readers find the outputs, by stage: of the named
// stages, or of all.
func stageFolders(t *testing.T, home string, stages ...string) map[string]string {
	t.Helper()
	folders := map[string]string{}
	for _, s := range pipeline.Stages() {
		if len(stages) > 0 && !slices.Contains(stages, s.Name) {
			continue
		}
		pattern := filepath.Join(home, filepath.FromSlash(strings.ReplaceAll(s.Folder, "{as_of}", "????-??-??")))
		found, err := filepath.Glob(pattern)
		if err != nil || len(found) != 1 {
			t.Fatalf("%s: %d outputs at %s (%v), want 1", s.Name, len(found), pattern, err)
		}
		folders[s.Name] = found[0]
	}
	return folders
}

// outputHashes returns the hash of every file of every stage's output, as the
// manifests have them and as the files are, and the hash of each manifest.
func outputHashes(t *testing.T, home string) map[string]string {
	t.Helper()
	hashes := map[string]string{}
	for stage, folder := range stageFolders(t, home) {
		out, err := pipeline.OpenOutput(folder)
		if err != nil {
			t.Fatal(err)
		}
		if err := out.Manifest.Verify(out.Dir); err != nil {
			t.Error(err)
		}
		for _, f := range out.Manifest.Files {
			hashes[stage+"/"+f.Name] = f.SHA256
		}
		m, err := data.Stat(out.Path(data.ManifestName), 0)
		if err != nil {
			t.Fatal(err)
		}
		hashes[stage+"/"+data.ManifestName] = m.SHA256
	}
	return hashes
}

// sameHashes reports every file that differs.
func sameHashes(t *testing.T, want, got map[string]string) {
	t.Helper()
	if len(want) < 50 {
		t.Fatalf("only %d files to compare", len(want))
	}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if got[name] == "" {
			t.Errorf("%s is missing", name)
		} else if got[name] != want[name] {
			t.Errorf("%s differs", name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(got)) {
		if want[name] == "" {
			t.Errorf("%s is too many", name)
		}
	}
}

// nothingLeft reports every remain of work in a home: scratch files, temporary
// names, and outputs that no visible name points to.
func nothingLeft(t *testing.T, home string) {
	t.Helper()
	if entries, err := os.ReadDir(filepath.Join(home, "tmp")); err == nil && len(entries) > 0 {
		t.Errorf("tmp holds %v", entries)
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	visible := map[string]bool{}
	for _, folder := range stageFolders(t, home) {
		dir, err := filepath.EvalSymlinks(folder)
		if err != nil {
			t.Fatal(err)
		}
		visible[dir] = true
	}
	root, err := filepath.EvalSymlinks(home)
	if err != nil {
		t.Fatal(err)
	}
	kept := map[string]bool{".lock": true, "lake/.hashes.json": true}
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(root, path)
		hidden := strings.HasPrefix(d.Name(), ".") && path != root
		if hidden && !visible[path] && !kept[filepath.ToSlash(rel)] || strings.HasSuffix(d.Name(), ".next") || strings.Contains(d.Name(), ".tmp") {
			t.Errorf("%s is left over", rel)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// ranStages is the part of a run's answer that tests read.
type ranStages struct {
	AsOf   data.Date              `json:"as_of"`
	Stages []pipeline.StageResult `json:"stages"`
}

// String lists the stages and what became of each.
func (r ranStages) String() string {
	var b strings.Builder
	for i, s := range r.Stages {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%s %s", s.Stage, s.Status)
	}
	return b.String()
}

// runHome runs a home with --json.
func runHome(t *testing.T, home string, flags ...string) ranStages {
	t.Helper()
	var r ranStages
	mustJSON(t, &r, append([]string{"run", "--home", home}, flags...)...)
	return r
}
