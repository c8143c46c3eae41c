package serve_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dunning/data"
	"dunning/serve"
)

// damage changes one byte in the middle of a file.
func damage(t *testing.T, path string) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)/2] ^= 1
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestNewVersionsAreServed follows a home through new days, new versions of a
// day, and a new model, as the server sees them.
func TestNewVersionsAreServed(t *testing.T) {
	h := newHome(t)
	r := start(t, h, nil)
	admin := r.roles[serve.Admin]
	refresh := func() { r.store.Refresh(context.Background()) }

	h.scores(dayOne, scoreRows(10, dayOne))
	h.plan(dayOne, actionRows(6, "plan-1", dayOne))
	h.model("m1", map[string]float64{"f_a": 1})
	refresh()
	if got := decode[serve.CustomerScore](t, r.ask("GET", "/v1/customers/c0000005/score", admin, "")); got.AsOf != dayOne || got.PayProb != 0.5 {
		t.Errorf("the first scores: %+v", got)
	}

	again := scoreRows(10, dayOne)
	for i := range again {
		again[i].PayProb = 0.875
	}
	h.scores(dayOne, again)
	refresh()
	if got := decode[serve.CustomerScore](t, r.ask("GET", "/v1/customers/c0000005/score", admin, "")); got.PayProb != 0.875 {
		t.Errorf("the same day scored again: %+v", got)
	}

	page := decode[serve.PlanActions](t, r.ask("GET", "/v1/plans/latest/actions?limit=2", admin, ""))
	h.scores(dayTwo, scoreRows(10, dayTwo))
	h.plan(dayTwo, actionRows(9, "plan-2", dayTwo))
	h.model("m2", map[string]float64{"f_b": 1})
	refresh()
	if got := decode[serve.CustomerScore](t, r.ask("GET", "/v1/customers/c0000005/score", admin, "")); got.AsOf != dayTwo {
		t.Errorf("the second day: %+v", got)
	}
	if got := decode[serve.PlanActions](t, r.ask("GET", "/v1/plans/latest/actions", admin, "")); got.PlanID != "plan-2" || len(got.Actions) != 9 {
		t.Errorf("the second plan: %s with %d actions", got.PlanID, len(got.Actions))
	}
	if a := r.ask("GET", "/v1/plans/latest/actions?cursor="+*page.NextCursor, admin, ""); a.status != 409 {
		t.Errorf("a cursor of the plan before: %d, want 409", a.status)
	}
	if got := decode[serve.PlanActions](t, r.ask("GET", "/v1/plans/2026-03-09/actions?cursor="+*page.NextCursor, admin, "")); len(got.Actions) != 4 {
		t.Errorf("the plan before goes on under its own day: %d actions, want 4", len(got.Actions))
	}
	if got := decode[serve.ModelInfo](t, r.ask("GET", "/v1/models/current", admin, "")); got.Version != "m2" {
		t.Errorf("the second model: %+v", got)
	}

	h.plan(dayOne, actionRows(3, "plan-1b", dayOne))
	r.clock.move(2 * time.Second)
	if got := decode[serve.PlanActions](t, r.ask("GET", "/v1/plans/2026-03-09/actions", admin, "")); got.PlanID != "plan-1b" {
		t.Errorf("an earlier day planned again: %s", got.PlanID)
	}
	h.must(os.Remove(filepath.Join(h.dir, "plans", dayOne.String())))
	refresh()
	if a := r.ask("GET", "/v1/plans/2026-03-09/actions", admin, ""); a.status != 404 {
		t.Errorf("a plan that is gone: %d, want 404", a.status)
	}
}

// TestDamagedVersionIsRefused: whatever is wrong with a new version, the old
// one is served, /readyz says so, and the next good one heals it.
func TestDamagedVersionIsRefused(t *testing.T) {
	duplicate := append(scoreRows(10, dayTwo), scoreRows(10, dayTwo)[0])
	bad := scoreRows(10, dayTwo)
	bad[3].PayProb = 1.5
	cases := []struct {
		name  string
		spoil func(*home)
	}{
		{"one byte changed", func(h *home) { damage(t, filepath.Join(h.scores(dayTwo, scoreRows(10, dayTwo)), "scores.parquet")) }},
		{"cut off", func(h *home) {
			h.must(os.Truncate(filepath.Join(h.scores(dayTwo, scoreRows(10, dayTwo)), "scores.parquet"), 100))
		}},
		{"the file is gone", func(h *home) {
			h.must(os.Remove(filepath.Join(h.scores(dayTwo, scoreRows(10, dayTwo)), "scores.parquet")))
		}},
		{"the manifest is no JSON", func(h *home) {
			h.must(os.WriteFile(filepath.Join(h.scores(dayTwo, scoreRows(10, dayTwo)), data.ManifestName), []byte("{"), 0o644))
		}},
		{"the manifest names other files", func(h *home) { publish(h, "lake/score", dayTwo, "other.parquet", scoreRows(10, dayTwo)) }},
		{"the manifest names another day", func(h *home) { h.scores(dayTwo, scoreRows(10, dayOne)) }},
		{"a customer occurs twice", func(h *home) { h.scores(dayTwo, duplicate) }},
		{"a probability above one", func(h *home) { h.scores(dayTwo, bad) }},
		{"other columns", func(h *home) { publish(h, "lake/score", dayTwo, "scores.parquet", actionRows(3, "p", dayTwo)) }},
		{"the same day, written over", func(h *home) {
			damage(t, filepath.Join(h.dir, "lake/score", dayOne.String(), "scores.parquet"))
		}},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			h := newHome(t)
			h.scores(dayOne, scoreRows(10, dayOne))
			r := start(t, h, nil)
			tc.spoil(h)
			for range 2 { // a missing file may be one that is being replaced: it is looked at twice
				r.store.Refresh(context.Background())
			}
			if a := r.ask("GET", "/v1/customers/c0000005/score", r.roles[serve.Manager], ""); a.status != 200 || decode[serve.CustomerScore](t, a).AsOf != dayOne {
				t.Errorf("the old version is not served: %d %s", a.status, a.body)
			}
			a := r.ask("GET", "/readyz", "", "")
			if ready := decode[serve.Ready](t, a); a.status != 200 || ready.Status != "degraded" || ready.Scores.State != serve.Damaged || *ready.Scores.AsOf != dayOne {
				t.Errorf("readyz says %d %s", a.status, a.body)
			}
			if !strings.Contains(r.log.String(), "refused a damaged version") {
				t.Errorf("the log does not say so:\n%s", r.log.String())
			}
			if n := strings.Count(r.log.String(), "refused"); n != 1 {
				t.Errorf("the log says so %d times", n)
			}
			if !strings.Contains(r.ask("GET", "/metrics", "", "").body, `dunning_damaged{part="scores"} 1`) {
				t.Error("the metrics do not say so")
			}
			if strings.Contains(a.body, h.dir) {
				t.Error("readyz names a path of this machine")
			}
			h.scores(dayTwo, scoreRows(20, dayTwo))
			r.store.Refresh(context.Background())
			if ready := decode[serve.Ready](t, r.ask("GET", "/readyz", "", "")); ready.Status != "ready" || ready.Scores.Rows != 20 || *ready.Scores.AsOf != dayTwo {
				t.Errorf("a good version does not heal it: %+v", ready)
			}
		})
	}
}

// TestStartBesideDamage: a server that starts while the newest day is damaged
// serves the day before and says so.
func TestStartBesideDamage(t *testing.T) {
	h := newHome(t)
	h.scores(dayOne, scoreRows(10, dayOne))
	h.plan(dayOne, actionRows(6, "plan-1", dayOne))
	damage(t, filepath.Join(h.scores(dayTwo, scoreRows(10, dayTwo)), "scores.parquet"))
	damage(t, filepath.Join(h.plan(dayTwo, actionRows(6, "plan-2", dayTwo)), "plan.parquet"))
	r := start(t, h, nil)
	for range 3 {
		ready := decode[serve.Ready](t, r.ask("GET", "/readyz", "", ""))
		if ready.Status != "degraded" || *ready.Scores.AsOf != dayOne || *ready.Plan.AsOf != dayOne {
			t.Fatalf("got %+v", ready)
		}
		r.store.Refresh(context.Background())
		r.clock.move(2 * time.Minute) // it is tried again and refused again
	}
	if a := r.ask("GET", "/v1/plans/2026-03-10/actions", r.roles[serve.Admin], ""); a.status != 503 {
		t.Errorf("the damaged plan by its day: %d, want 503", a.status)
	}
	if strings.Contains(r.ask("GET", "/v1/plans/2026-03-10/actions", r.roles[serve.Admin], "").body, h.dir) {
		t.Error("the answer names a path of this machine")
	}
}

// TestModelInForce: the promoted model where there is one, else the last
// trained.
func TestModelInForce(t *testing.T) {
	h := newHome(t)
	r := start(t, h, nil)
	served := func() string {
		r.store.Refresh(context.Background())
		return decode[serve.Ready](t, r.ask("GET", "/readyz", "", "")).Model.Version
	}
	h.trained(dayOne, "m1")
	if got := served(); got != "m1" {
		t.Errorf("the first trained: %q", got)
	}
	h.trained(dayTwo, "m2")
	if got := served(); got != "m2" {
		t.Errorf("the last trained: %q", got)
	}
	h.model("champion", map[string]float64{"f_a": 1})
	if got := served(); got != "champion" {
		t.Errorf("the promoted: %q", got)
	}
	h.trained(dayTwo+1, "m3")
	if got := served(); got != "champion" {
		t.Errorf("the promoted stays beside a newer one: %q", got)
	}
}

// TestReadersSeeOneVersion: readers during replacements see the one or the
// other, never a mixture. Run it with -race.
func TestReadersSeeOneVersion(t *testing.T) {
	h := newHome(t)
	write := func(v int) {
		rows := scoreRows(50, dayOne)
		for i := range rows {
			rows[i].ModelVersion, rows[i].DaysPastDue = fmt.Sprint("m", v), int32(v)
		}
		h.scores(dayOne, rows)
	}
	write(0)
	r := start(t, h, nil)
	stop := make(chan struct{})
	done := make(chan error, 2)
	for range 2 {
		go func() {
			last := int32(0)
			for {
				select {
				case <-stop:
					done <- nil
					return
				default:
				}
				row, ok := r.store.Scores().Find("c0000042")
				if !ok || row.ModelVersion != fmt.Sprint("m", row.DaysPastDue) || row.DaysPastDue < last {
					done <- fmt.Errorf("after version %d: %+v", last, row)
					return
				}
				last = row.DaysPastDue
			}
		}()
	}
	for v := 1; v <= 10; v++ {
		write(v)
		r.store.Refresh(context.Background())
	}
	close(stop)
	for range 2 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if row, _ := r.store.Scores().Find("c0000042"); row.DaysPastDue != 10 {
		t.Errorf("the last version is not served: %+v", row)
	}
}
