package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dunning/models/registry"
	"dunning/pipeline"
	"dunning/pipeline/report"
)

// modelList is the answer of models list that tests read.
type modelList struct {
	Versions []struct {
		ID    string `json:"id"`
		Alias string `json:"alias"`
	} `json:"versions"`
	Journal []registry.Entry `json:"journal"`
}

func listModels(t *testing.T, home string) (l modelList) {
	t.Helper()
	mustJSON(t, &l, "models", "list", "--home", home)
	return l
}

// A version is promoted by somebody else than who trained it where that is
// demanded, and one command brings the one before back.
func TestEndToEndModelsComeAndGo(t *testing.T) {
	home := aRanHome(t)
	before := listModels(t, home)
	if len(before.Versions) != 1 || before.Versions[0].Alias != registry.Champion {
		t.Fatalf("after one run: %+v", before)
	}
	first := before.Versions[0].ID
	setKeys(t, home, "other_person: true")
	second := respell(t, home, first, func(e map[string]any) { e["refused"] = "for the test" })
	after := listModels(t, home)
	if len(after.Versions) != 2 || after.Versions[0].ID != second || after.Versions[0].Alias != registry.Challenger {
		t.Fatalf("after another training: %+v", after.Versions)
	}
	var c report.Comparison
	mustJSON(t, &c, "models", "compare", "--home", home)
	if c.Version != second || c.Other != first || c.CommonRows < 50 || c.LossDiff == nil {
		t.Errorf("compared %+v", c)
	}
	var g pipeline.GateResult
	mustJSON(t, &g, "models", "gate", "--home", home)
	if !g.OK || len(g.Checks) < 8 || g.Champion != first {
		t.Errorf("gate: %+v", g)
	}
	if code, _, stderr := command("models", "promote", "--home", home, "--by", "trainer", "--why", "mine"); code != 4 || !strings.Contains(stderr, "another person") {
		t.Errorf("who trained it promotes it: exit %d, %s", code, stderr)
	}
	must(t, "models", "promote", second[:6], "--home", home, "--by", "reviewer", "--why", "reviewed")
	if l := listModels(t, home); l.Versions[0].Alias != registry.Champion || l.Journal[len(l.Journal)-1].By != "reviewer" {
		t.Errorf("after the promotion: %+v", l)
	}
	if link, err := os.Readlink(filepath.Join(home, "models", "current")); err != nil || filepath.Base(link) != second {
		t.Errorf("the server sees %q (%v)", link, err)
	}
	must(t, "models", "rollback", "--home", home, "--why", "calls rose")
	if l := listModels(t, home); l.Versions[1].Alias != registry.Champion || l.Versions[0].Alias != "" {
		t.Errorf("after the rollback: %+v", l.Versions)
	}
	nothingLeft(t, home)
}

// The gate refuses with the exit code of a refusal, and says which check and
// which figure: here of a version whose training raised alarms.
func TestEndToEndGateRefuses(t *testing.T) {
	home := aRanHome(t)
	version := listModels(t, home).Versions[0].ID
	spoilt := respell(t, home, version, func(e map[string]any) {
		health := e["health"].(map[string]any)
		health["alarms"] = []map[string]any{{"kind": "leak", "subject": "f_closed_code", "figure": 0.99, "limit": 0.95, "text": "alone it ranks the outcome"}}
	})
	code, stdout, stderr := command("models", "gate", spoilt, "--home", home, "--json")
	if code != 4 || !strings.Contains(stderr, "f_closed_code") {
		t.Errorf("exit %d, %s", code, stderr)
	}
	var g pipeline.GateResult
	oneDocument(t, stdout, &g)
	for _, check := range g.Checks {
		if check.OK == (check.Name == "no_leak") {
			t.Errorf("%s: passed %t, %s", check.Name, check.OK, check.Text)
		}
	}
	if code, _, _ := command("models", "promote", spoilt, "--home", home, "--why", "all the same"); code != 4 {
		t.Errorf("promoting it exits %d", code)
	}
	l := listModels(t, home)
	if last := l.Journal[len(l.Journal)-1]; last.Deed != registry.Refused || !strings.Contains(last.Why, "f_closed_code") {
		t.Errorf("the journal ends with %+v", last)
	}
	for name, args := range map[string][]string{"no reason": {"models", "promote", spoilt}, "unknown version": {"models", "show", "ffffffff"},
		"too many": {"models", "gate", "a", "b"}, "no verb": {"models"}} {
		if code, _, _ := command(append(args, "--home", home)...); code != 2 {
			t.Errorf("%s: exit %d, want 2", name, code)
		}
	}
	if code, _, stderr := command("models", "rollback", "--home", home, "--why", "x"); code != 4 {
		t.Errorf("rollback without a champion before: exit %d, %s", code, stderr)
	}
}

// respell registers a copy of a version whose evaluation was changed: another
// version, as a training with other findings would have made.
func respell(t *testing.T, home, version string, change func(evaluation map[string]any)) string {
	t.Helper()
	s := pipeline.Models(home)
	r, err := s.Open(version)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "copy")
	copyTree(t, s.Dir(version), dir)
	path := filepath.Join(dir, "evaluation.json")
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var e map[string]any
	if err := json.Unmarshal(b, &e); err != nil {
		t.Fatal(err)
	}
	change(e)
	if b, err = json.Marshal(e); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
	for i := range r.Files {
		if r.Files[i].Name == "evaluation.json" {
			r.Files[i].SHA256, r.Files[i].Bytes = fileHash(t, path), int64(len(b))
		}
	}
	if r, err = s.Add(dir, r, "trainer", "respelt"); err != nil {
		t.Fatal(err)
	}
	return r.ID
}
