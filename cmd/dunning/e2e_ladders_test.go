package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"dunning/data"
	"dunning/pipeline"
	"dunning/policy"
)

// revalue gives every candidate of a home that has run a value of its own, as
// another team's models might: what is tested is the plan, whatever the small
// models of a test find. Values are a hash of the candidate, about one in eight
// negative, a few large.
func revalue(t *testing.T, home string) {
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
			c := &rows[i]
			h := fnv.New64a()
			fmt.Fprintf(h, "%s %s %s", c.CustomerID, c.Channel, c.Day)
			u := float64(h.Sum64()*0x9e3779b97f4a7c15>>11) / (1 << 53)
			c.ValueCents = data.RoundCents((math.Exp(4*u) - 1.7) * 300 * float64(1+c.Channel.Index()))
			c.ValueLoCents = c.ValueCents / 2
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

// planned is a plan as the optimize stage wrote it.
func planned(t *testing.T, home string) (ladders map[string][]data.Action, doc plannedDocument) {
	t.Helper()
	folder := stageFolders(t, home, "optimize")["optimize"]
	actions, err := data.Read[data.Action](filepath.Join(folder, "plan.parquet"))
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(folder, "optimization.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &doc); err != nil {
		t.Fatal(err)
	}
	ladders = map[string][]data.Action{}
	for _, a := range actions {
		ladders[a.CustomerID] = append(ladders[a.CustomerID], a)
	}
	return ladders, doc
}

type plannedDocument struct {
	Plan struct {
		Touched        int64      `json:"touched"`
		Ladders        []int64    `json:"ladders"`
		BudgetCents    data.Cents `json:"budget_cents"`
		SpentCents     data.Cents `json:"spent_cents"`
		ValueCents     data.Cents `json:"value_cents"`
		PlanValueCents float64    `json:"plan_value_cents"`
		BoundCents     float64    `json:"bound_cents"`
		UncappedCents  *float64   `json:"uncapped_bound_cents"`
		Capped         int64      `json:"capped"`
		Gap            float64    `json:"gap"`
		Prices         []struct {
			PriceCents float64  `json:"price_cents"`
			LowCents   *float64 `json:"low_cents"`
			HighCents  *float64 `json:"high_cents"`
		} `json:"prices"`
		Curve []struct {
			BudgetCents data.Cents `json:"budget_cents"`
			LowCents    data.Cents `json:"low_cents"`
			HighCents   data.Cents `json:"high_cents"`
			Chosen      bool       `json:"chosen"`
		} `json:"curve"`
	} `json:"plan"`
}

// Plans hold whole ladders by default: they keep the gap, the company's limits
// with what was sent in the last month, the law, the budget and the capacities,
// and their rows add up to the plan's value.
func TestEndToEndLaddersKeepGapLimitsAndLaw(t *testing.T) {
	home := aRanHome(t)
	const perDay, most30 = 12, 4
	setKeys(t, home, fmt.Sprintf("max_touches_30: %d", most30), "budget_cents: 9000")
	path := filepath.Join(home, pipeline.ConfigName)
	rewrite(t, path, func(b []byte) []byte {
		return []byte(strings.NewReplacer("capacity_per_day: 150}", fmt.Sprintf("capacity_per_day: %d}", perDay)).Replace(string(b)))
	})
	runHome(t, home)
	revalue(t, home)
	runHome(t, home)
	ladders, doc := planned(t, home)
	p := doc.Plan

	checkLadders(t, home, ladders)
	used := map[string]int{}
	var spent, value data.Cents
	counts := make([]int64, 3)
	for _, l := range ladders {
		counts[len(l)-1]++
		for _, a := range l {
			spent, value = spent+a.CostCents, value+a.ValueCents
			used[fmt.Sprintf("%s %s", a.Channel, a.Day)]++
		}
	}
	for slot, n := range used {
		if strings.HasPrefix(slot, string(data.Voice)) && n > perDay {
			t.Errorf("%d touches on %s, %d fit", n, slot, perDay)
		}
	}
	if spent != p.SpentCents || spent > p.BudgetCents || value != p.ValueCents || value != data.RoundCents(p.PlanValueCents) {
		t.Errorf("the rows spend %d and are worth %d; stated %d of %d and %d (%g)", spent, value, p.SpentCents, p.BudgetCents, p.ValueCents, p.PlanValueCents)
	}
	if !slices.Equal(counts, p.Ladders) || counts[1] == 0 || counts[2] == 0 || p.Touched != counts[0]+counts[1]+counts[2] {
		t.Errorf("customers by touches %v, stated %v of %d", counts, p.Ladders, p.Touched)
	}
	if p.Capped == 0 || p.UncappedCents == nil || *p.UncappedCents < p.BoundCents || math.Abs(p.Gap) > 1e-7 || p.PlanValueCents > p.BoundCents+1e-6 {
		t.Errorf("capped %d, bound %g (without limits %v), gap %g, value %g", p.Capped, p.BoundCents, p.UncappedCents, p.Gap, p.PlanValueCents)
	}
	checkFigures(t, doc)
	t.Logf("%v customers by touches, %d capped, worth %d of %.0f cents", counts, p.Capped, value, p.BoundCents)
}

// checkFigures looks at prices and curve.
func checkFigures(t *testing.T, doc plannedDocument) {
	t.Helper()
	priced := 0
	for _, x := range doc.Plan.Prices {
		if x.LowCents != nil && x.PriceCents < *x.LowCents-1e-6 || x.HighCents != nil && x.PriceCents > *x.HighCents+1e-6 {
			t.Errorf("price outside its interval: %+v", x)
		}
		if x.LowCents != nil && x.PriceCents > 0 {
			priced++
		}
	}
	if priced == 0 {
		t.Error("no price with an interval")
	}
	last := data.Cents(0)
	for _, c := range doc.Plan.Curve {
		if wide := float64(c.HighCents) / 100; c.LowCents > c.HighCents || c.HighCents < last || float64(c.HighCents-c.LowCents) > wide+2 {
			t.Errorf("curve: %+v after %d", c, last)
		}
		if last = c.LowCents; c.Chosen && math.Abs(float64(c.LowCents)-doc.Plan.BoundCents) > 2 {
			t.Errorf("curve at the plan's budget: %+v, the bound is %g", c, doc.Plan.BoundCents)
		}
	}
	if len(doc.Plan.Curve) < 20 {
		t.Errorf("%d points of the curve", len(doc.Plan.Curve))
	}
}

// checkLadders asks the policy engine about every touch beside all others.
func checkLadders(t *testing.T, home string, ladders map[string][]data.Action) {
	t.Helper()
	c, err := pipeline.LoadConfig(home)
	if err != nil {
		t.Fatal(err)
	}
	engine, err := policy.New(c.Policy)
	if err != nil {
		t.Fatal(err)
	}
	folders := stageFolders(t, home)
	allowed := map[string]bool{}
	for _, x := range readTables[data.Candidate](t, filepath.Join(folders["score"], "candidates")) {
		allowed[fmt.Sprint(x.CustomerID, x.Channel, x.Day)] = x.Allowed
	}
	scores, err := data.Read[data.Score](filepath.Join(folders["score"], "scores.parquet"))
	if err != nil {
		t.Fatal(err)
	}
	facts := map[string]policy.Facts{}
	for _, s := range scores {
		facts[s.CustomerID] = policy.Facts{AsOf: s.AsOf, BalanceCents: s.BalanceCents, DaysPastDue: s.DaysPastDue}
	}
	for _, x := range readTables[data.Touch](t, filepath.Join(folders["extract"], "touches")) {
		if f, ok := facts[x.CustomerID]; ok && x.Channel != data.Hold {
			f.Touches = append(f.Touches, data.DateOf(x.SentAt))
			facts[x.CustomerID] = f
		}
	}
	customers := map[string]data.Customer{}
	for _, x := range readTables[data.Customer](t, filepath.Join(folders["extract"], "customers")) {
		customers[x.CustomerID] = x
	}
	for id, l := range ladders {
		slices.SortFunc(l, func(a, b data.Action) int { return cmp.Compare(a.Day, b.Day) })
		if len(l) > 3 {
			t.Errorf("%s: %d touches", id, len(l))
		}
		for k, a := range l {
			f := facts[id]
			f.Touches = slices.Clone(f.Touches)
			for j := range l {
				if j != k {
					f.Touches = append(f.Touches, l[j].Day)
				}
			}
			if v := engine.Check(customers[id], f, a.Channel, a.Day); !v.Allowed || a.WindowStart.Before(v.WindowStart) || !a.WindowEnd.Equal(v.WindowEnd) {
				t.Errorf("%s: %s on %s breaks %q beside %d others", id, a.Channel, a.Day, v.RuleID, len(l)-1)
			}
			if k > 0 && a.Day-l[k-1].Day < 2 || a.Step != int32(k+1) || !allowed[fmt.Sprint(id, a.Channel, a.Day)] {
				t.Errorf("%s: touch %d of the ladder is step %d on %s, after %v", id, k+1, a.Step, a.Day, l[max(0, k-1)].Day)
			}
			if place := fmt.Sprintf("(%dº contato da régua, %d dias depois do anterior", k+1, a.Day-l[max(0, k-1)].Day); k > 0 && !strings.Contains(a.Reason, place) {
				t.Errorf("%s: no %q in %q", id, place, a.Reason)
			}
		}
	}
}

// readTables reads all files of a partitioned table.
func readTables[T any](t *testing.T, folder string) (all []T) {
	t.Helper()
	parts, err := filepath.Glob(filepath.Join(folder, "*.parquet"))
	if err != nil || len(parts) == 0 {
		t.Fatalf("%s: %v %v", folder, parts, err)
	}
	for _, p := range parts {
		rows, err := data.Read[T](p)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, rows...)
	}
	return all
}

// What the pipeline plans is what allocate finds best for the same candidates,
// ladders and discounts, where no limit on several touches stands between.
func TestEndToEndLaddersEqualAllocate(t *testing.T) {
	home := aRanHome(t)
	setKeys(t, home, "max_touches_30: 0", "max_touches_7: 0", "budget_cents: 6000", "explore: {share: 0, floor: 0}")
	r := runHome(t, home)
	revalue(t, home)
	runHome(t, home)
	_, doc := planned(t, home)
	folders := stageFolders(t, home)
	kept := filepath.Join(t.TempDir(), "kept")
	worthTheirCost(t, filepath.Join(folders["score"], "candidates"), kept)
	factor, err := pipeline.LoadTouchDynamics(folders["train"])
	if err != nil {
		t.Fatal(err)
	}
	var discount strings.Builder
	discount.WriteString("step,gap_days,factor\n")
	for step := 1; step < len(factor); step++ {
		for gap := 1; gap < len(factor[step]); gap++ {
			fmt.Fprintf(&discount, "%d,%d,%s\n", step+1, gap, strconv.FormatFloat(factor[step][gap], 'g', -1, 64))
		}
	}
	c, err := pipeline.LoadConfig(home)
	if err != nil {
		t.Fatal(err)
	}
	var capacities strings.Builder
	capacities.WriteString("channel,day,capacity\n")
	for _, ch := range data.Channels {
		for d := range data.Date(7) {
			fmt.Fprintf(&capacities, "%s,%s,%d\n", ch, r.AsOf+d, *c.Channels[ch].CapacityPerDay)
		}
	}
	var got allocateResult
	mustJSON(t, &got, "allocate", "--candidates", kept, "--capacities", writeTemp(t, "cap.csv", capacities.String()),
		"--discount", writeTemp(t, "d.csv", discount.String()), "--budget", "6000", "--k", "3", "--gap", "2")
	if math.Abs(got.BoundCents-doc.Plan.BoundCents) > 1e-6*got.BoundCents || doc.Plan.Capped != 0 || doc.Plan.Ladders[2] == 0 {
		t.Errorf("allocate: bound %.6f; the plan: %.6f, %d capped, %v customers by touches", got.BoundCents, doc.Plan.BoundCents, doc.Plan.Capped, doc.Plan.Ladders)
	}
}
