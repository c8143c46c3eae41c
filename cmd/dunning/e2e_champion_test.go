package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dunning/data"
	"dunning/models/registry"
	"dunning/pipeline"
)

// planOf returns the plan's figures, its rows, and the hashes of plan and scores.
func planOf(t *testing.T, home string) (o pipeline.Optimization, actions []data.Action, sums string) {
	t.Helper()
	folder := stageFolders(t, home, "optimize")["optimize"]
	b, err := os.ReadFile(filepath.Join(folder, "optimization.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &o); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(folder, "plan.parquet")
	if actions, err = data.Read[data.Action](path); err != nil {
		t.Fatal(err)
	}
	return o, actions, fileHash(t, path) + fileHash(t, filepath.Join(stageFolders(t, home, "score")["score"], "scores.parquet"))
}

// usesVersion demands that scores, plan and report name one version.
func usesVersion(t *testing.T, home, version string) {
	t.Helper()
	folders := stageFolders(t, home)
	scores, err := data.Read[data.Score](filepath.Join(folders["score"], "scores.parquet"))
	if err != nil || len(scores) == 0 {
		t.Fatalf("%d scores, %v", len(scores), err)
	}
	for _, s := range scores {
		if s.ModelVersion != version {
			t.Fatalf("the score of %s is of version %q, want %q", s.CustomerID, s.ModelVersion, version)
		}
	}
	plan, actions, _ := planOf(t, home)
	if plan.Plan.ModelVersion != version {
		t.Errorf("the plan is of version %q, want %q", plan.Plan.ModelVersion, version)
	}
	for _, a := range actions {
		if a.ModelVersion != version {
			t.Fatalf("action %s is of version %q, want %q", a.ActionID, a.ModelVersion, version)
		}
	}
	page, err := os.ReadFile(filepath.Join(folders["report"], pipeline.ReportName))
	if err != nil {
		t.Fatal(err)
	}
	if version != pipeline.NoModel && !strings.Contains(string(page), version) {
		t.Errorf("the report does not name version %s", version)
	}
}

// A challenger that the gate refuses changes nothing of the plan; one that it
// lets pass does; and after a rollback the plan is again that of the version
// before, to the byte.
func TestEndToEndPlanFollowsTheChampion(t *testing.T) {
	home := aRanHome(t)
	first := listModels(t, home).Versions[0].ID
	usesVersion(t, home, first)
	_, _, before := planOf(t, home)

	setKeys(t, home, "rounds: 1", "eta: 0.01")
	code, _, stderr := command("run", "--home", home, "--json")
	if code != 0 || !strings.Contains(stderr, "NOT PUT INTO FORCE") {
		t.Fatalf("a model that knows nothing: exit %d, %s", code, stderr)
	}
	if l := listModels(t, home); len(l.Versions) != 2 || l.Journal[len(l.Journal)-1].Deed != registry.Refused {
		t.Fatalf("after the refusal: %+v", l)
	}
	usesVersion(t, home, first)
	if _, _, now := planOf(t, home); now != before {
		t.Error("a refused challenger changed the plan or the scores")
	}
	page, err := os.ReadFile(filepath.Join(stageFolders(t, home, "report")["report"], pipeline.ReportTextName))
	if err != nil || !strings.Contains(string(page), "was refused") {
		t.Errorf("the report does not say that the training was refused: %v", err)
	}

	setKeys(t, home, "rounds: 121", "eta: 0.1")
	if got, want := runHome(t, home).String(), "extract unchanged, features unchanged, train done, segments unchanged, score done, optimize done, forecast done, report done"; got != want {
		t.Errorf("another training: %s; want %s", got, want)
	}
	second := listModels(t, home).Versions[0].ID
	usesVersion(t, home, second)

	must(t, "models", "rollback", "--home", home, "--why", "for the test")
	if got, want := runHome(t, home).String(), "extract unchanged, features unchanged, train unchanged, segments unchanged, score done, optimize done, forecast done, report done"; got != want {
		t.Errorf("after the rollback: %s; want %s", got, want)
	}
	usesVersion(t, home, first)
	if _, _, now := planOf(t, home); now != before {
		t.Error("after the rollback plan and scores are not those of the version before")
	}
	if got := runHome(t, home).String(); got != allUnchanged {
		t.Errorf("once more: %s", got)
	}
}

// Where nobody put a version into force yet, everybody is scored with the base
// rate, nothing is recommended, and it is said aloud; the promotion changes that.
func TestEndToEndNoPlanWithoutAChampion(t *testing.T) {
	home := aSourcesHome(t)
	setKeys(t, home, "other_person: true")
	code, _, stderr := command("run", "--home", home, "--json")
	if code != 0 || !strings.Contains(stderr, "NO MODEL IS IN FORCE") {
		t.Fatalf("exit %d, %s", code, stderr)
	}
	usesVersion(t, home, pipeline.NoModel)
	plan, actions, _ := planOf(t, home)
	if len(actions) > 0 || plan.Plan.Allowed == 0 {
		t.Errorf("%d actions without a model, of %d candidates that are allowed", len(actions), plan.Plan.Allowed)
	}
	must(t, "models", "promote", "--home", home, "--by", "reviewer", "--why", "reviewed")
	if got, want := runHome(t, home).String(), "extract unchanged, features unchanged, train unchanged, segments unchanged, score done, optimize done, forecast done, report done"; got != want {
		t.Errorf("after the promotion: %s; want %s", got, want)
	}
	usesVersion(t, home, listModels(t, home).Versions[0].ID)
	if scored := readTables[data.Score](t, stageFolders(t, home, "score")["score"]); scored[0].PayProb == scored[1].PayProb && scored[1].PayProb == scored[2].PayProb {
		t.Error("the version is in force, and everybody has the base rate")
	}
}
