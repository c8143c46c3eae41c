package main

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// ladderCase is a small table of candidates with all that a brute force needs.
type ladderCase struct {
	value, cost [][]float64 // by customer, then slot (day × channel); NaN for none
	days        int
	channels    []string
	budget      float64
	capacity    float64 // touches per channel and day
	k, gap      int
	factor      [][]float64 // by step, then gap in days
}

// newLadderCase draws one. Costs differ from customer to customer.
func newLadderCase(rng *rand.Rand) *ladderCase {
	c := &ladderCase{days: 4, channels: []string{"sms", "voice"}, k: 3, gap: 1 + rng.IntN(2), capacity: float64(1 + rng.IntN(2)),
		factor: [][]float64{{1, 1, 1, 1}, {.6, .6, .7, .8}, {.4, .4, .5, .6}}}
	total := 0.0
	for range 3 {
		var value, cost []float64
		for range c.days * len(c.channels) {
			v, x := float64(20+rng.IntN(400)), float64(5+rng.IntN(60))
			if rng.IntN(4) == 0 {
				v = math.NaN()
			}
			value, cost = append(value, v), append(cost, x)
			total += x
		}
		c.value, c.cost = append(c.value, value), append(c.cost, cost)
	}
	c.budget = math.Floor(total * (0.1 + 0.3*rng.Float64()))
	return c
}

func (c *ladderCase) day(slot int) int { return slot / len(c.channels) }

// ladders lists the slots of every ladder of a customer, hold first.
func (c *ladderCase) ladders(i int) [][]int {
	out := [][]int{nil}
	var grow func(prefix []int)
	grow = func(prefix []int) {
		for s := range c.value[i] {
			if math.IsNaN(c.value[i][s]) || len(prefix) > 0 && c.day(s)-c.day(prefix[len(prefix)-1]) < c.gap {
				continue
			}
			next := append(append([]int(nil), prefix...), s)
			out = append(out, next)
			if len(next) < c.k {
				grow(next)
			}
		}
	}
	grow(nil)
	return out
}

// worth returns the value and the cost of a ladder.
func (c *ladderCase) worth(i int, ladder []int) (value, cost float64) {
	for step, s := range ladder {
		f := 1.0
		if step > 0 {
			f = c.factor[step][c.day(s)-c.day(ladder[step-1])]
		}
		value, cost = value+f*c.value[i][s], cost+c.cost[i][s]
	}
	return value, cost
}

// best tries every plan.
func (c *ladderCase) best() float64 {
	all := [][][]int{c.ladders(0), c.ladders(1), c.ladders(2)}
	used := make([]float64, len(c.value[0]))
	var try func(i int, left, worth float64) float64
	try = func(i int, left, worth float64) float64 {
		if i == len(all) {
			return worth
		}
		best := math.Inf(-1)
		for _, ladder := range all[i] {
			v, cost := c.worth(i, ladder)
			fits := cost <= left
			for _, s := range ladder {
				used[s]++
				fits = fits && used[s] <= c.capacity
			}
			if fits {
				best = max(best, try(i+1, left-cost, worth+v))
			}
			for _, s := range ladder {
				used[s]--
			}
		}
		return best
	}
	return try(0, c.budget, 0)
}

// files writes the tables of the case and returns the arguments that name them.
func (c *ladderCase) files(t *testing.T) []string {
	t.Helper()
	var table, capacities, discount strings.Builder
	table.WriteString("customer_id,channel,day,value_cents,cost_cents\n")
	capacities.WriteString("channel,day,capacity\n")
	discount.WriteString("step,gap_days,factor\n")
	for i := range c.value {
		for s, v := range c.value[i] {
			if !math.IsNaN(v) {
				fmt.Fprintf(&table, "c%d,%s,2026-01-%02d,%g,%g\n", i, c.channels[s%len(c.channels)], 5+c.day(s), v, c.cost[i][s])
			}
		}
	}
	for s := range c.value[0] {
		fmt.Fprintf(&capacities, "%s,2026-01-%02d,%g\n", c.channels[s%len(c.channels)], 5+c.day(s), c.capacity)
	}
	for step := 1; step < len(c.factor); step++ {
		for gap := 1; gap < len(c.factor[step]); gap++ {
			fmt.Fprintf(&discount, "%d,%d,%g\n", step+1, gap, c.factor[step][gap])
		}
	}
	return []string{"allocate", "--candidates", writeTemp(t, "c.csv", table.String()), "--capacities", writeTemp(t, "cap.csv", capacities.String()),
		"--discount", writeTemp(t, "d.csv", discount.String()), "--budget", fmt.Sprint(c.budget), "--k", fmt.Sprint(c.k), "--gap", fmt.Sprint(c.gap), "--json"}
}

// Plans of ladders are the best there are where all can be tried, never beyond
// the bound, and the written plan is one of the ladders with the stated value.
func TestAllocateLaddersAgainstBruteForce(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	const cases = 60
	reached, several := 0, 0
	for n := range cases {
		c := newLadderCase(rng)
		best := c.best()
		out := filepath.Join(t.TempDir(), "plan.csv")
		code, doc, _, errs := runAllocate(t, append(c.files(t), "--out", out)...)
		if code != 0 || doc["status"] != "optimal" {
			t.Fatalf("case %d: exit %d, %v, %s", n, code, doc, errs)
		}
		value, bound := doc["plan_value_cents"].(float64), doc["bound_cents"].(float64)
		if value > best+1e-6 || bound < best-1e-6 {
			t.Errorf("case %d: plan of %g within a bound of %g; the best is %g", n, value, bound, best)
		}
		if value > best-1e-6 {
			reached++
		}
		if doc["actions"].(float64) > doc["touched"].(float64) {
			several++
		}
		c.checkWritten(t, n, out, value, doc["spent_cents"].(float64))
	}
	if reached < cases*9/10 || several < cases/2 {
		t.Errorf("%d of %d plans are the best there is, %d have ladders", reached, cases, several)
	}
}

// checkWritten values the plan that was written.
func (c *ladderCase) checkWritten(t *testing.T, n int, path string, value, spent float64) {
	t.Helper()
	ladder := make([][]int, len(c.value))
	for _, r := range readCSV(t, path)[1:] {
		i, day, channel := int(r[0][1]-'0'), int(r[2][len(r[2])-1]-'5'), 0
		if r[1] == "voice" {
			channel = 1
		}
		ladder[i] = append(ladder[i], day*len(c.channels)+channel)
		if step := fmt.Sprint(len(ladder[i])); r[6] != step {
			t.Errorf("case %d: %v is step %s", n, r, step)
		}
	}
	var worth, cost float64
	for i := range ladder {
		known := false
		for _, l := range c.ladders(i) {
			known = known || fmt.Sprint(l) == fmt.Sprint(ladder[i])
		}
		if !known {
			t.Errorf("case %d: customer %d gets %v, which is no ladder", n, i, ladder[i])
			continue
		}
		v, x := c.worth(i, ladder[i])
		worth, cost = worth+v, cost+x
	}
	if math.Abs(worth-value) > 1e-6 || math.Abs(cost-spent) > 1e-6 || cost > c.budget+1e-6 {
		t.Errorf("case %d: what was written is worth %g for %g of %g; stated %g for %g", n, worth, cost, c.budget, value, spent)
	}
}

// Prices come with their interval, budgets with their band, a second run starts
// from the first one's prices and finds the same, and forced ladders cost what
// the plan is short of them.
func TestAllocateAnswersWhatManagersAsk(t *testing.T) {
	c := newLadderCase(rand.New(rand.NewPCG(8, 1)))
	args := c.files(t)
	code, doc, text, errs := runAllocate(t, append(args, "--curve", "10")...)
	if code != 0 {
		t.Fatalf("exit %d, %s", code, errs)
	}
	priced := 0
	for _, row := range doc["prices"].([]any) {
		p := row.(map[string]any)
		low, known := p["price_low_cents"].(float64)
		high, ends := p["price_high_cents"].(float64)
		price := p["price_cents"].(float64)
		if known && price < low-1e-6 || ends && price > high+1e-6 {
			t.Errorf("price outside its interval: %v", p)
		}
		if known && price > 0 {
			priced++
		}
	}
	if priced == 0 {
		t.Error("no price")
	}
	objective, last, curve := doc["objective_cents"].(float64), 0.0, doc["curve"].([]any)
	for k, x := range curve {
		b := x.(map[string]any)
		low, high := b["low_cents"].(float64), b["high_cents"].(float64)
		if low > high+1e-6 || high < last-1e-6 || b["budget_cents"].(float64) != 2*c.budget*float64(k+1)/10 {
			t.Errorf("%v after %g", b, last)
		}
		if last = low; k == 4 && (objective < low-1e-6 || objective > high+1e-6) {
			t.Errorf("the plan's budget is worth %g, the curve says %v", objective, b)
		}
	}
	if len(curve) != 10 {
		t.Errorf("%d budgets", len(curve))
	}
	earlier := writeTemp(t, "earlier.json", text)
	code, again, _, errs := runAllocate(t, append(args, "--prices", earlier)...)
	if code != 0 || math.Abs(again["objective_cents"].(float64)-objective) > 1e-6*objective {
		t.Errorf("from earlier prices: exit %d, %v against %v, %s", code, again["objective_cents"], objective, errs)
	}
	// The worst single touch there is, forced on customer 0: the plan with it is
	// the best of the others within what it leaves, so forgone is not negative.
	s := 0
	for math.IsNaN(c.value[0][s]) {
		s++
	}
	forced := writeTemp(t, "f.csv", fmt.Sprintf("customer_id,channel,day\nc0,%s,2026-01-%02d\n", c.channels[s%2], 5+c.day(s)))
	code, doc, _, errs = runAllocate(t, append(args, "--forced", forced)...)
	f, _ := doc["forced"].(map[string]any)
	if code != 0 || f["status"] != "optimal" || f["value_cents"] != c.value[0][s] {
		t.Fatalf("forced: exit %d, %v, %s", code, f, errs)
	}
	forgone, with := doc["forgone_cents"].(float64), f["objective_cents"].(float64)
	if forgone < -1e-6 || math.Abs(objective-with-forgone) > 1e-6 {
		t.Errorf("forgone %g: %g with the forced touch, %g without", forgone, with, objective)
	}
	poor := append([]string(nil), args...)
	for k := range poor {
		if poor[k] == "--budget" {
			poor[k+1] = "1"
		}
	}
	code, doc, _, errs = runAllocate(t, append(poor, "--forced", forced)...)
	if f, _ = doc["forced"].(map[string]any); code != 4 || f["status"] != "infeasible" || doc["forgone_cents"] != nil || !strings.Contains(errs, `"budget"`) {
		t.Errorf("forced beyond the budget: exit %d, %v, %s", code, f, errs)
	}
}

// A time limit ends with the best plan so far, a warning and the exit code 0.
func TestAllocateAtATimeLimit(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	var b strings.Builder
	b.WriteString("customer_id,channel,day,value_cents,cost_cents\n")
	for i := range 3000 {
		for d := range 5 {
			fmt.Fprintf(&b, "c%04d,sms,2026-01-%02d,%d,9\nc%04d,voice,2026-01-%02d,%d,60\n", i, 5+d, 20+rng.IntN(500), i, 5+d, 20+rng.IntN(900))
		}
	}
	candidates := writeTemp(t, "c.csv", b.String())
	out := filepath.Join(t.TempDir(), "plan.csv")
	code, doc, _, errs := runAllocate(t, "allocate", "--candidates", candidates, "--budget", "40000", "--k", "3", "--gap", "1",
		"--time-limit", "1us", "--out", out, "--json")
	if code != 0 || doc["status"] != "time_limit" || strings.Count(errs, "\n") != 1 || !strings.Contains(errs, "time limit") {
		t.Fatalf("exit %d, %v, %q", code, doc["status"], errs)
	}
	value, bound, spent := doc["plan_value_cents"].(float64), doc["bound_cents"].(float64), doc["spent_cents"].(float64)
	if value <= 0 || value > bound || spent > 40000 || doc["gap"].(float64) < 0 {
		t.Errorf("plan of %g within %g, spending %g, gap %v", value, bound, spent, doc["gap"])
	}
	info, err := os.Stat(out)
	if err != nil || info.Size() < 100 {
		t.Errorf("no plan was written: %v", err)
	}
	if _, err := json.Marshal(doc); err != nil {
		t.Error(err)
	}
}
