package serve_test

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/parquet-go/parquet-go"

	"dunning/serve"
	"dunning/serve/ledger"
)

// TestActionsSayWhereTheyStand reads one plan in every form: the same actions,
// each with its state, before and after its approval.
func TestActionsSayWhereTheyStand(t *testing.T) {
	r := start(t, furnished(t), nil)
	manager, dispatcher := r.person(serve.Manager, "Ana"), r.person(serve.Dispatcher, "discador")
	before := good[serve.PlanActions](t, r.ask("GET", "/v1/plans/latest/actions", manager, ""))
	if before.PlanState != serve.Proposed || before.Actions[0].State != serve.Proposed {
		t.Errorf("before the import: %s, %s", before.PlanState, before.Actions[0].State)
	}
	approval := r.approvedPlan(t, manager, r.person(serve.Approver, "Bia"))
	grant := good[ledger.Grant](t, r.write(dispatcher, "l", "/v1/dispatch/lease", `{"day":"2026-03-10","channel":"sms","max":1}`))
	id := grant.Actions[0].ActionID
	good[serve.Results](t, r.write(dispatcher, "k", "/v1/dispatch/ack", fmt.Sprintf(`{"fence":%d,"outcomes":[{"action_id":%q,"state":"sent"}]}`, grant.Fence, id)))

	states := map[string]string{} // by action
	for _, path := range []string{"latest", "2026-03-09", "plan-1"} {
		page := good[serve.PlanActions](t, r.ask("GET", "/v1/plans/"+path+"/actions?limit=1000", manager, ""))
		if page.PlanState != string(ledger.Dispatching) || page.PlanID != "plan-1" || len(page.Actions) != 60 {
			t.Errorf("%s: %s %s, %d actions", path, page.PlanID, page.PlanState, len(page.Actions))
		}
		if path == "plan-1" && page.SHA256 != approval.SHA256 {
			t.Errorf("by its id it has the hash %s, approved was %s", page.SHA256, approval.SHA256)
		}
		for _, a := range page.Actions {
			want := "waiting"
			switch a.ActionID {
			case id:
				want = "sent"
			case grant.Withheld[0].ActionID:
				want = "withheld"
			}
			if states[a.ActionID] = a.State; a.State != want {
				t.Errorf("%s: action %s is %s, want %s", path, a.ActionID, a.State, want)
			}
		}
	}
	for format, read := range map[string]func([]byte) (map[string]string, error){"csv": csvStates, "parquet": parquetStates, "arrow": arrowStates} {
		a := r.ask("GET", "/v1/plans/latest/actions/export?format="+format, manager, "")
		got, err := read([]byte(a.body))
		if err != nil || fmt.Sprint(got) != fmt.Sprint(states) || a.header.Get("X-Plan-State") != "dispatching" {
			t.Errorf("%s: %v: %v, want %v", format, err, got, states)
		}
	}
	lines := r.ask("GET", "/v1/plans/latest/actions/export?format=jsonl&day=2026-03-10&channel=sms", manager, "").body
	if strings.Count(lines, "\n") != 4 || !strings.Contains(lines, `"state":"sent"`) {
		t.Errorf("lines of a day and channel: %s", lines)
	}
}

func csvStates(b []byte) (map[string]string, error) {
	rows, err := csv.NewReader(bytes.NewReader(b)).ReadAll()
	out := map[string]string{}
	for i, row := range rows {
		if i > 0 {
			out[row[1]] = row[len(row)-1]
		}
	}
	return out, err
}

func parquetStates(b []byte) (map[string]string, error) {
	rows, err := parquet.Read[serve.PlannedAction](bytes.NewReader(b), int64(len(b)))
	out := map[string]string{}
	for _, a := range rows {
		out[a.ActionID] = a.State
	}
	return out, err
}

func arrowStates(b []byte) (map[string]string, error) {
	r, err := ipc.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	defer r.Release()
	out := map[string]string{}
	for r.Next() {
		batch := r.RecordBatch()
		for i := range int(batch.NumRows()) {
			out[batch.Column(1).(*array.String).Value(i)] = batch.Column(18).(*array.String).Value(i)
		}
	}
	return out, r.Err()
}
