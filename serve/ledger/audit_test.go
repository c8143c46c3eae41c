package ledger_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dunning/data"
	"dunning/serve/ledger"
)

// tampering is what somebody can do who owns the database: the triggers are
// gone. Verify has to find each.
var tampering = []struct{ name, sql, finds string }{
	{"an audit row edited", `UPDATE audit SET actor = 'eva' WHERE seq = 3`, "audit row 3: was edited"},
	{"a body edited by a space", `UPDATE audit SET body = body || ' ' WHERE seq = 3`, "audit row 3: was edited"},
	{"a time edited by a microsecond", `UPDATE audit SET at = at + 1 WHERE seq = 3`, "audit row 3: was edited"},
	{"an audit row deleted", `DELETE FROM audit WHERE seq = 4`, "audit row 5: follows row 3"},
	{"the first row deleted", `DELETE FROM audit WHERE seq = 1`, "audit row 2: follows row 0"},
	{"two rows reordered", `UPDATE audit SET seq = 99 WHERE seq = 3; UPDATE audit SET seq = 3 WHERE seq = 4; UPDATE audit SET seq = 4 WHERE seq = 99`, "audit row 3: does not continue"},
	{"the last rows cut off, the head too", `DELETE FROM audit WHERE seq > 3; UPDATE audit_head SET seq = 3, sha256 = (SELECT sha256 FROM audit WHERE seq = 3)`, "the chain was cut short|entries name it"},
	{"the head lost", `UPDATE audit_head SET seq = 3`, "should be the last one"},
	{"an entry's amount", `UPDATE entries SET amount = amount + 1 WHERE entry_id = 'topup-1'`, "do not follow"},
	{"an entry's amount and balances", `UPDATE entries SET amount = amount + 1 WHERE entry_id = 'topup-1'; UPDATE entries SET funding = funding + 1, available = available + 1`, "entries that it covers were edited"},
	{"who topped up", `UPDATE entries SET actor = 'eva' WHERE entry_id = 'topup-1'`, "entries that it covers were edited"},
	{"the last entry deleted", `DELETE FROM entries WHERE entry_id = 'post/P1-000001'`, "entries that it covers were edited"},
	{"an action's cost", `UPDATE actions SET cost_cents = 90 WHERE action_id = 'P1-000002'`, "not those that were approved"},
	{"an action's customer", `UPDATE actions SET customer_id = 'C9' WHERE action_id = 'P1-000003'`, "not those that were approved"},
	{"whom the queue calls", `UPDATE dispatches SET customer_id = 'C9' WHERE action_id = 'P1-000003'`, "is not the action that was approved"},
	{"a plan's maker", `UPDATE plans SET maker = 'carla' WHERE plan_id = 'P1'`, "its maker approved it"},
	{"an action sent for nothing", `UPDATE dispatches SET state = 'sent', ended_at = 1 WHERE action_id = 'P1-000003'`, "not those of its state"},
	{"an action out of the queue", `DELETE FROM dispatches WHERE action_id = 'P1-000003'`, "has lost actions"},
	{"what was reported", `UPDATE events SET body = replace(body, 'E2', 'E3'), event_id = 'E3' WHERE event_id = 'E2'`, "the events that it covers were edited"},
	{"an event deleted", `DELETE FROM events WHERE event_id = 'E1'`, "the events that it covers were edited"},
	{"whom an event is about", `UPDATE events SET customer_id = 'C9' WHERE event_id = 'E2'`, "its columns are not those of its body"},
	{"a plan in force by hand", `UPDATE plans SET state = 'approved' WHERE plan_id = 'P2'`, "was never approved"},
}

func TestVerifyFindsTampering(t *testing.T) {
	for _, tt := range tampering {
		t.Run(tt.name, func(t *testing.T) {
			eachDatabase(t, func(t *testing.T, h *home) {
				h.funded(t, 1000)
				a := h.approved(t, proposal("P1", 3))
				h.submitted(t, proposal("P2", 3))
				g := h.leased(t, lease("L1", 2))
				must(t)(h.Ack(t.Context(), ledger.AckRequest{Dispatcher: "d1", Fence: g.Fence, Outcomes: sent(g).Outcomes[:1]}))
				must(t)(h.AddEvents(t.Context(), "d1", []ledger.Event{{ID: "E1", Kind: ledger.EventDispute, At: noon, CustomerID: "C1"}, {ID: "E2", Kind: ledger.EventDispute, At: noon, CustomerID: "C1"}}))
				h.verified(t, a.Head)
				dropTriggers(t, h)
				if err := h.exec(tt.sql); err != nil {
					t.Fatal(err)
				}
				r, err := h.Verify(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				var found []string
				for _, f := range r.Faults {
					found = append(found, f.Place+": "+f.Text)
				}
				for text := range strings.SplitSeq(tt.finds, "|") {
					if !strings.Contains(strings.Join(found, "\n"), text) {
						t.Errorf("found %q, want %q", found, text)
					}
				}
				if err := r.Err(); !errors.Is(err, data.ErrDamagedFile) || data.ExitCode(err) != 3 {
					t.Errorf("error %v", err)
				}
			})
		})
	}
}

// dropTriggers takes away what protects the rows.
func dropTriggers(t testing.TB, h *home) {
	t.Helper()
	if h.config.DSN != "" {
		for _, table := range []string{"audit", "audit_head", "entries", "actions", "dispatches", "plans", "approvals", "events"} {
			if err := h.exec(`ALTER TABLE ` + table + ` DISABLE TRIGGER ALL`); err != nil {
				t.Fatal(err)
			}
		}
		return
	}
	for _, trigger := range []string{"audit_update", "audit_delete", "audit_head_update", "entries_update", "entries_delete", "actions_update", "dispatches_update", "dispatches_fixed", "dispatches_delete", "plans_update", "events_update", "events_delete"} {
		if err := h.exec(`DROP TRIGGER ` + trigger); err != nil {
			t.Fatal(err)
		}
	}
}

// Somebody who rewrites the chain with all its hashes, or brings back an old
// copy of the database, is found out by the heads that were exported.
func TestExportedHeadsFindARewrittenChain(t *testing.T) {
	dir := t.TempDir()
	h := sqliteHome(t)
	h.config.HeadsFile = filepath.Join(dir, "heads.jsonl")
	h.reopen(t)
	h.funded(t, 1000)
	early, err := h.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		if i == 2 { // a writer that died while it wrote
			appendTo(t, h.config.HeadsFile, `{"seq":9,"sha`)
		}
		a := h.approved(t, proposal(fmt.Sprint("P", i), 1))
		if i == 0 {
			must(t)(h.Approve(t.Context(), ledger.ApproveRequest{PlanID: a.PlanID, SHA256: a.SHA256, Approver: "carla", Reason: "within the budget", WalletID: "brl"}))
		}
		if i == 1 {
			if err := h.Backup(t.Context(), filepath.Join(dir, "old.db")); err != nil {
				t.Fatal(err)
			}
		}
	}
	heads, err := ledger.ReadHeads(h.config.HeadsFile)
	if err != nil || len(heads) != 3 {
		t.Fatalf("%v, %v", heads, err)
	}
	h.verified(t, heads...)

	old := h.config
	old.Path = filepath.Join(dir, "old.db")
	s, err := ledger.Open(t.Context(), old)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if r, err := s.Verify(t.Context()); err != nil || r.Err() != nil {
		t.Errorf("the old copy is whole in itself: %v, %v", err, r.Err())
	}
	if r, err := s.Verify(t.Context(), heads...); err != nil || len(r.Faults) != 1 || !strings.Contains(r.Faults[0].Text, "cut short") {
		t.Errorf("the old copy passes for the new one: %+v, %v", r.Faults, err)
	}
	// The same requests in another history: as many rows, other hashes.
	other := sqliteHome(t)
	other.clock.add(1000)
	other.funded(t, 1000)
	for i := range 3 {
		other.approved(t, proposal(fmt.Sprint("P", i), 1))
	}
	if r, err := other.Verify(t.Context(), heads...); err != nil || len(r.Faults) != 3 || !strings.Contains(r.Faults[0].Text, "rewritten") && !strings.Contains(r.Faults[0].Text, "disagrees") {
		t.Errorf("a rewritten chain passes: %+v, %v", r.Faults, err)
	}
	if r, err := other.Verify(t.Context(), early); err != nil || len(r.Faults) != 1 || !strings.Contains(r.Faults[0].Text, "rewritten") {
		t.Errorf("a head that was noted by hand: %+v, %v", r.Faults, err)
	}
	if rows, err := h.Audit(t.Context(), early.Seq-1, 2); err != nil || len(rows) != 2 || rows[0].SHA256 != early.SHA256 || rows[1].Prev != early.SHA256 {
		t.Errorf("%+v, %v", rows, err)
	}
	appendTo(t, h.config.HeadsFile, "{}\n")
	if _, err := ledger.ReadHeads(h.config.HeadsFile); !errors.Is(err, data.ErrDamagedFile) {
		t.Error(err)
	}
}

func appendTo(t *testing.T, path, text string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err == nil {
		_, err = f.WriteString(text)
	}
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
}
