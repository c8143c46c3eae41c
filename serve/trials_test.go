package serve_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"dunning/data"
	"dunning/policy/regua"
	"dunning/serve"
)

// TestATrialGoesOnByItself: a started trial tells its phase while it runs, is one
// with the same question, keeps another waiting, and tells in the end what it found,
// or why it failed.
func TestATrialGoesOnByItself(t *testing.T) {
	release, began := make(chan struct{}), make(chan string, 8)
	r := start(t, furnished(t), func(c *serve.Config) {
		c.TryRegua = func(ctx context.Context, r *regua.Regua, asOf data.Date) (*regua.Trial, error) {
			regua.Report(ctx, regua.TrialFollows)
			began <- r.ID
			select {
			case <-release:
			case <-ctx.Done():
				return nil, ctx.Err()
			}
			if r.ID == "broken" {
				return nil, errors.New("disk on fire")
			}
			return &regua.Trial{AsOf: dayOne, Outcome: regua.Outcome{ID: r.ID, Captured: 7}}, nil
		}
	})
	key := r.roles[serve.Manager]
	begin := func(id string) serve.TrialRun {
		t.Helper()
		return good[serve.TrialRun](t, r.ask("POST", "/v1/reguas/trials", key, jsonOf(t, map[string]string{"text": reguaOf(id)})))
	}
	now := func(run serve.TrialRun) serve.TrialRun {
		t.Helper()
		return good[serve.TrialRun](t, r.ask("GET", "/v1/reguas/trials/"+run.TrialID, key, ""))
	}
	until := func(run serve.TrialRun, state serve.TrialState) serve.TrialRun {
		t.Helper()
		for range 500 {
			if run = now(run); run.State == state {
				return run
			}
			time.Sleep(10 * time.Millisecond)
		}
		t.Fatalf("never %s: %+v", state, run)
		return run
	}
	first := begin("a")
	if id := <-began; id != "a" {
		t.Fatal(id)
	}
	if run := now(first); run.State != serve.TrialRunning || run.Phase != regua.TrialFollows {
		t.Errorf("%+v", run)
	}
	if again := begin("a"); again.TrialID != first.TrialID || !again.StartedAt.Equal(first.StartedAt) {
		t.Errorf("the same question: %+v, %+v", first, again)
	}
	second := begin("broken")
	if run := now(second); second.TrialID == first.TrialID || run.Phase != regua.TrialWaits {
		t.Errorf("another trial: %+v", run)
	}
	release <- struct{}{}
	if run := until(first, serve.TrialDone); run.Trial == nil || run.Trial.Outcome.Captured != 7 || run.EndedAt == nil {
		t.Errorf("%+v", run)
	}
	<-began
	release <- struct{}{}
	if run := until(second, serve.TrialFailed); run.Code != serve.CodeInternal || strings.Contains(run.Detail, "fire") || run.Trial != nil {
		t.Errorf("%+v", run)
	}
	if !strings.Contains(r.log.String(), "disk on fire") {
		t.Error("the log does not say why")
	}
	for i := range 11 { // the first runs, ten wait
		begin("w" + string(rune('a'+i)))
	}
	if a := r.ask("POST", "/v1/reguas/trials", key, jsonOf(t, map[string]string{"text": reguaOf("x")})); a.status != 503 {
		t.Errorf("an eleventh in the queue: %+v", a)
	}
}
