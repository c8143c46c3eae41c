package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"dunning/data"
	"dunning/pipeline"
	"dunning/policy"
	"dunning/policy/regua"
)

// house is a régua that captures about half of a small portfolio.
const house = `regua: casa
title: Régua da casa
mode: replace
priority: 5
audience: kind == "PF"
catch_up_days: 7
steps:
  - {id: antes, offset: -4, channels: [email, sms, whatsapp], template: casa-antes}
  - {id: logo, offset: 2, channels: [sms, email], hours: 09:00-12:00, template: casa-logo}
  - {id: depois, offset: 8, channels: [whatsapp, sms, email], template: casa-depois}
  - {id: tarde, offset: 20, channels: [voice, sms, email], template: casa-tarde}
`

// reguaHome is a home that was scored, with values of its own and a tight budget.
// Its first plan is the recommendation alone.
func reguaHome(t *testing.T) (home string) {
	t.Helper()
	home = aRanHome(t)
	setKeys(t, home, "budget_cents: 4000", "explore: {share: 0, floor: 0}") // a trial draws nothing
	revalue(t, home)
	runHome(t, home, "--to", "optimize")
	return home
}

// worthless makes the candidates of every other customer worth less than they
// cost, so that the recommendation leaves him alone.
func worthless(t *testing.T, home string) {
	t.Helper()
	folder := stageFolders(t, home, "score")["score"]
	out, err := pipeline.OpenOutput(folder)
	if err != nil {
		t.Fatal(err)
	}
	m := out.Manifest
	for k, f := range m.Files {
		if !strings.HasPrefix(f.Name, "candidates/") {
			continue
		}
		rows, err := data.Read[data.Candidate](out.Path(f.Name))
		if err != nil {
			t.Fatal(err)
		}
		for i := range rows {
			if id := rows[i].CustomerID; id[len(id)-1]%2 == 0 {
				rows[i].ValueCents = 1
			}
		}
		written, err := data.Write(out.Path(f.Name), rows)
		if err != nil {
			t.Fatal(err)
		}
		written.Name = f.Name
		m.Files[k] = written
	}
	if err := data.WriteManifest(folder, m); err != nil {
		t.Fatal(err)
	}
}

// write puts a text into a file of its own.
func write(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// publish saves a régua by one person and publishes it by another.
func publish(t *testing.T, home, text string) (id string) {
	t.Helper()
	var saved struct {
		ID string `json:"id"`
	}
	mustJSON(t, &saved, "reguas", "save", write(t, "r.yaml", text), "--by", "ana", "--home", home)
	must(t, "reguas", "publish", saved.ID, "--by", "bia", "--home", home)
	return saved.ID
}

// reguaDocument is what optimization.json says of réguas.
type reguaDocument struct {
	Reguas []regua.Outcome `json:"reguas"`
}

func reguaOutcomes(t *testing.T, home string) []regua.Outcome {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(stageFolders(t, home, "optimize")["optimize"], "optimization.json"))
	if err != nil {
		t.Fatal(err)
	}
	var doc reguaDocument
	if err := json.Unmarshal(b, &doc); err != nil {
		t.Fatal(err)
	}
	return doc.Reguas
}

func planBytes(t *testing.T, home string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(stageFolders(t, home, "optimize")["optimize"], "plan.parquet"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// A replacing régua: its customers get its touches and no others; wallet,
// capacities and law hold for both; and once it is retired the plan is what it
// was, byte for byte.
func TestEndToEndAReplacingReguaTakesItsCustomers(t *testing.T) {
	home := reguaHome(t)
	before := planBytes(t, home)
	file := write(t, "casa.yaml", house)
	var trial regua.Trial
	mustJSON(t, &trial, "reguas", "try", file, "--home", home)
	if code, _, _ := command("reguas", "publish", "casa", "--by", "ana", "--home", home); code != 2 {
		t.Errorf("publishing what was never saved: exit code %d", code)
	}
	must(t, "reguas", "save", file, "--by", "ana", "--home", home)
	if code, _, stderr := command("reguas", "publish", "casa", "--by", "Ana", "--home", home); code != 4 {
		t.Errorf("the author publishes: exit code %d, %s", code, stderr)
	}
	runHome(t, home, "--to", "optimize")
	if !bytes.Equal(planBytes(t, home), before) {
		t.Error("a draft changed the plan")
	}
	must(t, "reguas", "publish", "casa", "--by", "bia", "--home", home)
	runHome(t, home, "--to", "optimize")
	ladders, doc := planned(t, home)
	outcome := reguaOutcomes(t, home)[0]
	checkReguaRows(t, home, ladders, outcome)
	if doc.Plan.SpentCents > doc.Plan.BudgetCents {
		t.Errorf("%d spent of %d", doc.Plan.SpentCents, doc.Plan.BudgetCents)
	}
	if o := trial.Outcome; o.Captured != outcome.Captured || o.Touches != outcome.Touches || o.CostCents != outcome.CostCents || o.ValueCents != outcome.ValueCents {
		t.Errorf("the trial said %+v,\nthe plan says %+v", o, outcome)
	}
	if o := trial.Outcome; outcome.ForgoneMostCents == nil || *outcome.ForgoneMostCents <= 0 || o.ForgoneMostCents != nil || o.CaughtUp != outcome.CaughtUp || o.Lost != outcome.Lost {
		t.Errorf("the trial said %+v,\nthe plan says %+v", o, outcome)
	}
	if trial.ForgoneCents <= 0 || trial.TogetherCents > doc.Plan.BoundCents*(1+1e-9) {
		t.Errorf("forgone %g; %g together, of at most %g", trial.ForgoneCents, trial.TogetherCents, doc.Plan.BoundCents)
	}
	own := planBytes(t, home)
	must(t, "optimize", "--force", "--home", home)
	if !bytes.Equal(planBytes(t, home), own) {
		t.Error("the same réguas give another plan")
	}
	must(t, "reguas", "retire", "casa", "--by", "ana", "--home", home)
	runHome(t, home, "--to", "optimize")
	if !bytes.Equal(planBytes(t, home), before) {
		t.Error("the plan without the régua is not what it was before it")
	}
}

// checkReguaRows holds the rows of a plan with one replacing régua to law, source
// and the customers it captured.
func checkReguaRows(t *testing.T, home string, ladders map[string][]data.Action, o regua.Outcome) {
	t.Helper()
	config, err := pipeline.LoadConfig(home)
	if err != nil {
		t.Fatal(err)
	}
	engine, err := policy.New(config.Policy)
	if err != nil {
		t.Fatal(err)
	}
	customers := map[string]data.Customer{}
	for _, c := range readTables[data.Customer](t, filepath.Join(stageFolders(t, home)["extract"], "customers")) {
		customers[c.CustomerID] = c
	}
	asOf := *config.AsOf
	rows, cost, recommended := int64(0), data.Cents(0), 0
	for id, l := range ladders {
		c := customers[id]
		for _, a := range l {
			if replaced := c.Kind == data.PF; replaced != (a.Source == data.SourceRegua) {
				t.Errorf("%s, a %s, has a touch of source %s", id, c.Kind, a.Source)
			}
			if a.Source != data.SourceRegua {
				recommended++
				if a.ReguaID != "" || a.ReguaVersion != 0 || a.ReguaStep != "" || a.Template != "" {
					t.Errorf("a recommended row names a régua: %+v", a)
				}
				continue
			}
			rows++
			cost += a.CostCents
			if a.ReguaID != "casa" || a.ReguaVersion != 1 || a.Template != "casa-"+a.ReguaStep || !strings.Contains(a.Reason, "degrau "+a.ReguaStep) {
				t.Errorf("row without its régua: %+v", a)
			}
			subject, err := pipeline.FindPolicySubject(home, id, asOf, engine)
			if err != nil {
				t.Fatal(err)
			}
			for _, other := range l {
				if other.ActionID != a.ActionID {
					subject.Facts.Touches = append(subject.Facts.Touches, other.Day)
				}
			}
			for _, at := range []int64{a.WindowStart.Unix(), a.WindowEnd.Unix() - 1} {
				if v := engine.CheckAt(subject.Customer, subject.Facts, a.Channel, time.Unix(at, 0)); !v.Allowed {
					t.Errorf("%s by %s at %s: %s", id, a.Channel, time.Unix(at, 0), v.RuleID)
				}
			}
			if local := a.WindowEnd.In(engine.Zone(&subject.Customer)); a.ReguaStep == "logo" && local.Hour()*60+local.Minute() > 12*60 {
				t.Errorf("%s: the step's hours end at 12, the row's at %s", id, local)
			}
		}
	}
	if rows != o.Touches || cost != o.CostCents || rows == 0 || recommended == 0 {
		t.Errorf("%d rows of the régua for %d cents, %d recommended; the outcome says %+v", rows, cost, recommended, o)
	}
}

// Beyond the budget: what is dropped is named, in the order in which it goes, and
// what is kept comes before it in that order.
func TestEndToEndReguasBeyondTheBudgetDropInOrder(t *testing.T) {
	home := reguaHome(t)
	setKeys(t, home, "budget_cents: 150")
	publish(t, home, house)
	publish(t, home, strings.NewReplacer("regua: casa", "regua: baixa", "casa-", "baixa-", "priority: 5", "priority: 1", `kind == "PF"`, `kind == "PJ"`).Replace(house))
	runHome(t, home, "--to", "optimize")
	ladders, doc := planned(t, home)
	if doc.Plan.SpentCents > 150 {
		t.Errorf("%d spent of 150", doc.Plan.SpentCents)
	}
	outcomes := reguaOutcomes(t, home)
	if len(outcomes) != 2 || outcomes[0].ID != "casa" || outcomes[1].ID != "baixa" {
		t.Fatalf("outcomes %+v", outcomes)
	}
	b, err := os.ReadFile(filepath.Join(stageFolders(t, home, "optimize")["optimize"], "dropped.csv"))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(b)), "\n")[1:]
	var first, second int64
	for _, o := range outcomes {
		for _, d := range o.Dropped {
			if o.ID == "casa" {
				first += d.Touches
			} else {
				second += d.Touches
			}
		}
	}
	if int64(len(lines)) != first+second || second == 0 || first == 0 {
		t.Fatalf("%d lines dropped; the outcomes say %d and %d", len(lines), first, second)
	}
	last := slices.IndexFunc(lines, func(l string) bool { return strings.HasPrefix(l, "casa,") })
	if int64(last) != second {
		t.Errorf("the régua of the lower priority goes first: its %d lines end at %d", second, last)
	}
	for _, l := range ladders {
		for _, a := range l {
			if a.ReguaID == "baixa" && a.CostCents > 2 { // what the higher one left over
				t.Errorf("the lower régua got %+v while the higher one was short", a)
			}
		}
	}
}

// Competing and waiting réguas cost the recommendation nothing.
func TestEndToEndCompetingAndWaitingReguas(t *testing.T) {
	home := reguaHome(t)
	for _, mode := range []string{"compete", "only_if_hold"} {
		file := write(t, mode+".yaml", strings.Replace(house, "mode: replace", "mode: "+mode, 1))
		var trial regua.Trial
		mustJSON(t, &trial, "reguas", "try", file, "--home", home)
		if trial.ForgoneCents > 1e-6*trial.RecommendedCents || trial.Outcome.Captured == 0 {
			t.Errorf("%s: %g of %g forgone, %d captured", mode, trial.ForgoneCents, trial.RecommendedCents, trial.Outcome.Captured)
		}
	}
	worthless(t, home)
	publish(t, home, strings.Replace(house, "mode: replace", "mode: only_if_hold", 1))
	setKeys(t, home, "budget_cents: 20000000") // enough for everybody
	runHome(t, home, "--to", "optimize")
	ladders, _ := planned(t, home)
	own := 0
	for id, l := range ladders {
		for _, a := range l {
			if a.Source != l[0].Source {
				t.Errorf("%s has touches of both sources", id)
			}
			if a.Source == data.SourceRegua {
				own++
			}
		}
	}
	if own == 0 {
		t.Errorf("no touch of a waiting régua in a plan for %d customers", len(ladders))
	}
}

// Faults of a file are named with line, column and hint, and exit code 3.
func TestReguasRefuseFaultyFiles(t *testing.T) {
	home := t.TempDir()
	file := write(t, "r.yaml", strings.Replace(house, `kind == "PF"`, `knd == "PF"`, 1))
	code, _, stderr := command("reguas", "save", file, "--by", "ana", "--home", home)
	if code != 3 || !strings.Contains(stderr, "line 5, column 11: undeclared reference to 'knd'; did you mean kind?") {
		t.Errorf("exit code %d: %s", code, stderr)
	}
	for _, args := range [][]string{{"reguas"}, {"reguas", "show"}, {"reguas", "show", "x@y"}, {"policy"}, {"policy", "explain"},
		{"reguas", "save", "/no/such/file"}, {"reguas", "library", "--save", "b3b"}, {"reguas", "try", file}} {
		want := 2
		if args[len(args)-1] == file {
			want = 3
		}
		if code, _, stderr := command(append(args, "--home", home)...); code != want {
			t.Errorf("%v: exit code %d, want %d: %s", args, code, want, stderr)
		}
	}
}

// The commands of policy answer from the engine of the configuration.
func TestPolicyCommands(t *testing.T) {
	home := aRanHome(t)
	config, err := pipeline.LoadConfig(home)
	if err != nil {
		t.Fatal(err)
	}
	scores, err := data.Read[data.Score](filepath.Join(stageFolders(t, home, "score")["score"], "scores.parquet"))
	if err != nil {
		t.Fatal(err)
	}
	id, sunday := scores[0].CustomerID, *config.AsOf
	for sunday.Weekday() != 0 {
		sunday++
	}
	var check struct {
		Allowed     bool   `json:"allowed"`
		RuleID      string `json:"rule_id"`
		Source      string `json:"source"`
		Portuguese  string `json:"portuguese"`
		NextAllowed string `json:"next_allowed"`
	}
	mustJSON(t, &check, "policy", "check", "--customer", id, "--channel", "email", "--at", sunday.String()+"T15:00:00-03:00", "--home", home)
	if check.Allowed || check.RuleID == "" || check.Source == "" || check.Portuguese == "" {
		t.Errorf("a Sunday: %+v", check)
	}
	if text := must(t, "policy", "check", "--customer", id, "--channel", "email", "--at", sunday.String()+"T15:00:00-03:00", "--home", home); !strings.Contains(text, "forbidden") {
		t.Errorf("for people: %s", text)
	}
	if text := must(t, "policy", "explain", "hours_rj", "--home", home); !strings.Contains(text, "Lei RJ") || !strings.Contains(text, "09:00-19:00") {
		t.Errorf("explain: %s", text)
	}
	var packs struct {
		Packs []policy.PackInfo `json:"packs"`
	}
	mustJSON(t, &packs, "policy", "packs", "--as-of", "2015-06-01", "--home", home)
	states := slices.IndexFunc(packs.Packs, func(p policy.PackInfo) bool { return p.Name == "br-states" })
	if states < 0 || slices.ContainsFunc(packs.Packs[states].Rules, func(r policy.RuleInfo) bool { return r.ID == "hours_rj" }) {
		t.Errorf("Rio's law of 2018 is in force in 2015: %+v", packs.Packs)
	}
	for _, args := range [][]string{{"--customer", "nobody"}, {"--customer", id, "--channel", "fax"}, {"--customer", id, "--at", "noon"}} {
		full := append([]string{"policy", "check", "--channel", "sms", "--at", "2026-01-05T12:00:00Z", "--home", home}, args...)
		if code, _, stderr := command(full...); code != 2 {
			t.Errorf("%v: exit code %d: %s", args, code, stderr)
		}
	}
}
