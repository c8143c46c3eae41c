package main

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"dunning/data"
	"dunning/pipeline"
)

// clpObjective is what the clp command says at the end. It prints ten digits.
var clpObjective = regexp.MustCompile(`Optimal objective (\S+) `)

// solveByCommand solves a file with the clp command and returns the optimum in
// our sense: exchange files hold the objective negated.
func solveByCommand(t *testing.T, path string) float64 {
	t.Helper()
	command, err := exec.LookPath("clp")
	if err != nil {
		t.Skip("the clp command (Debian package coinor-clp) is not installed")
	}
	out, err := exec.Command(command, path, "-primalsimplex").CombinedOutput()
	m := clpObjective.FindSubmatch(out)
	if err != nil || m == nil {
		t.Fatalf("clp: %v\n%s", err, out)
	}
	v, err := strconv.ParseFloat(string(m[1]), 64)
	if err != nil {
		t.Fatal(err)
	}
	return -v
}

// near reports values that differ by more than the relative 1e-7.
func near(t *testing.T, what string, got, want float64) {
	t.Helper()
	if !(math.Abs(got-want) <= 1e-7*math.Abs(want)) {
		t.Errorf("%s: %.12g, want %.12g", what, got, want)
	}
}

// What the pipeline plans is what the clp command finds best: the candidates
// that the score stage wrote, given to allocate with the pipeline's capacities
// and exported as MPS, have one optimum for all of them. Capacities and budget
// are so tight that both bind. Three hundred customers with five channels on
// seven days are enough for that; larger problems are compared in package
// optimizer.
func TestEndToEndOptimumEqualsTheClpCommand(t *testing.T) {
	home := aRanHome(t)
	const perDay = 3
	path := filepath.Join(home, pipeline.ConfigName)
	rewrite(t, path, func(b []byte) []byte {
		return regexp.MustCompile(`capacity_per_day: \d+`).ReplaceAll(b, fmt.Appendf(nil, "capacity_per_day: %d", perDay))
	})
	setKeys(t, home, "max_touches: 1", "explore: {share: 0, floor: 0}") // what exchange files and the whole program know
	r := runHome(t, home)
	revalue(t, home)
	runHome(t, home)
	folders := stageFolders(t, home)
	budget := int(plannedFigures(t, folders["optimize"]).SpentCents) * 3 / 4
	setKeys(t, home, fmt.Sprintf("budget_cents: %d", budget))
	runHome(t, home)
	planned := plannedFigures(t, folders["optimize"])

	kept := filepath.Join(t.TempDir(), "kept")
	worthTheirCost(t, filepath.Join(folders["score"], "candidates"), kept)
	capacities := writeTemp(t, "capacities.csv", capacityTable(r.AsOf, perDay))
	for _, table := range []struct {
		name, candidates string
		objective        float64 // 0: not known from the pipeline
	}{
		{"what the plan chose from", kept, planned.ObjectiveCents},
		{"all candidates, by folder", filepath.Join(folders["score"], "candidates"), 0},
		{"all candidates, by pattern", filepath.Join(folders["score"], "candidates", "part-*.parquet"), 0},
	} {
		for _, solver := range []string{"auto", "dual", "clp"} {
			what := table.name + ", " + solver
			mps := filepath.Join(t.TempDir(), "problem.mps")
			var got allocateResult
			mustJSON(t, &got, "allocate", "--candidates", table.candidates, "--capacities", capacities,
				"--budget", strconv.Itoa(budget), "--solver", solver, "--mps", mps)
			near(t, what+" against the command", got.ObjectiveCents, solveByCommand(t, mps))
			near(t, what+", bound", got.BoundCents, got.ObjectiveCents)
			binding := map[string]bool{}
			for _, p := range got.Prices {
				if p.Used >= p.Limit-1e-6 {
					binding[strings.Fields(p.Row)[0]] = true
				}
			}
			if len(binding) < 2 || !binding["budget"] || got.Actions < 5 || got.SpentCents > float64(budget) {
				t.Errorf("%s: rows of %v bind, %d actions spend %v", what, binding, got.Actions, got.SpentCents)
			}
			if table.objective == 0 {
				continue
			}
			// The pipeline rounds to whole cents; so does its candidates' value.
			if math.Abs(got.ObjectiveCents-table.objective) > 1 {
				t.Errorf("%s: objective %.12g, the plan has %.12g", what, got.ObjectiveCents, table.objective)
			}
			if math.Abs(got.PlanValueCents-planned.ValueCents) > planned.LossCents+got.LossCents+1 {
				t.Errorf("%s: plan value %.12g, the plan has %.12g", what, got.PlanValueCents, planned.ValueCents)
			}
		}
	}
	t.Logf("%d actions of %d candidates for %.0f of %d cents, objective %.2f cents", planned.Touched, planned.Candidates,
		planned.SpentCents, budget, planned.ObjectiveCents)
}

// figures are the part of optimization.json that is compared.
type figures struct {
	Touched        int64   `json:"touched"`
	Candidates     int64   `json:"candidates"`
	SpentCents     float64 `json:"spent_cents"`
	ObjectiveCents float64 `json:"objective_cents"`
	BoundCents     float64 `json:"bound_cents"`
	ValueCents     float64 `json:"value_cents"`
	LossCents      float64 `json:"integrality_loss_cents"`
	Gap            float64 `json:"gap"`
	MaxViolation   float64 `json:"max_violation"`
}

// plannedFigures reads what the optimize stage found, and checks that its
// certificate is good.
func plannedFigures(t *testing.T, folder string) figures {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(folder, "optimization.json"))
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Plan figures `json:"plan"`
	}
	if err := json.Unmarshal(b, &doc); err != nil {
		t.Fatal(err)
	}
	p := doc.Plan
	if p.ObjectiveCents <= 0 || p.Touched == 0 {
		t.Fatalf("nothing to plan: %+v", p)
	}
	if math.Abs(p.Gap) > 1e-7 || p.MaxViolation > 1e-7 || p.ValueCents > p.BoundCents+1 {
		t.Errorf("the certificate is bad: %+v", p)
	}
	return p
}

// worthTheirCost copies the candidates that a plan may hold: allowed, and worth
// more than they cost. It keeps the partitions, of which some may be empty.
func worthTheirCost(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Mkdir(to, 0o755); err != nil {
		t.Fatal(err)
	}
	parts, err := filepath.Glob(filepath.Join(from, "*.parquet"))
	if err != nil || len(parts) < 2 {
		t.Fatalf("%v %v", parts, err)
	}
	for _, part := range parts {
		rows, err := data.Read[data.Candidate](part)
		if err != nil {
			t.Fatal(err)
		}
		var kept []data.Candidate
		for _, c := range rows {
			if c.Allowed && c.ValueCents > c.CostCents {
				kept = append(kept, c)
			}
		}
		if _, err := data.Write(filepath.Join(to, filepath.Base(part)), kept); err != nil {
			t.Fatal(err)
		}
	}
}

// capacityTable limits every channel on every day of the plan.
func capacityTable(asOf data.Date, perDay int) string {
	var b strings.Builder
	b.WriteString("channel,day,capacity\n")
	for _, ch := range data.Channels {
		for d := range data.Date(7) {
			fmt.Fprintf(&b, "%s,%s,%d\n", ch, asOf+d, perDay)
		}
	}
	return b.String()
}
