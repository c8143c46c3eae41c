package ledger_test

import (
	"context"
	"strings"
	"testing"

	"dunning/serve/ledger"
)

// The database itself refuses these, sent past all of the package's code, by a
// connection that has foreign keys off (SQLite). Each names the constraint
// that has to speak: an error for another reason would prove nothing.
var refused = []struct{ name, sql, says string }{
	{"an entry is changed", `UPDATE entries SET amount = 1 WHERE entry_id = 'topup-1'`, "immutable"},
	{"an entry is deleted", `DELETE FROM entries WHERE entry_id = 'topup-1'`, "immutable"},
	{"an audit row is changed", `UPDATE audit SET actor = 'eva' WHERE seq = 1`, "immutable"},
	{"an audit row is deleted", `DELETE FROM audit WHERE seq = (SELECT max(seq) FROM audit)`, "immutable"},
	{"an audit row is put between", `INSERT INTO audit SELECT 1, at, actor, kind, subject, body, prev, sha256 FROM audit WHERE seq = 2`, "out of order"},
	{"an audit row beside the chain", `INSERT INTO audit SELECT seq + 1, at, actor, kind, subject, body, prev, sha256 FROM audit WHERE seq = (SELECT max(seq) FROM audit)`, "out of order"},
	{"the head is moved", `UPDATE audit_head SET seq = 1`, "the head follows the chain"},
	{"a wallet changes its currency", `UPDATE wallets SET currency = 'credits:sms'`, "immutable"},
	{"an action is changed", `UPDATE actions SET cost_cents = 1 WHERE action_id = 'P1-000001'`, "immutable"},
	{"an action is deleted", `DELETE FROM actions WHERE plan_id = 'P1'`, "immutable"},
	{"an action is added after the submission", `INSERT INTO actions SELECT plan_id, 'extra', customer_id, channel, day, window_start, window_end, step, cost_cents, value_cents, reduced_cost_cents, treat_prob, source, reason, segment, regua_id, regua_version, regua_step, template FROM actions WHERE action_id = 'P2-000001'`, "draft only"},
	{"a plan changes its maker", `UPDATE plans SET maker = 'eva' WHERE plan_id = 'P2'`, "only the state"},
	{"a plan changes its hash", `UPDATE plans SET sha256 = '` + strings.Repeat("0", 64) + `' WHERE plan_id = 'P2'`, "only the state"},
	{"a plan is deleted", `DELETE FROM plans WHERE plan_id = 'P2'`, "deleted|immutable"},
	{"a plan is approved by a stroke of the pen", `UPDATE plans SET state = 'approved' WHERE plan_id = 'P2'`, "no approval"},
	{"a plan skips the approval", `UPDATE plans SET state = 'dispatching' WHERE plan_id = 'P2'`, "no way"},
	{"a plan comes back", `UPDATE plans SET state = 'submitted' WHERE plan_id = 'P1'`, "no way"},
	{"the maker approves", insertApproval("maria", "maria", "sha256"), "approver_is_not_maker"},
	{"the maker approves in capitals", insertApproval("maria", "MARIA ", "sha256"), "approver_is_not_maker"},
	{"the maker approves under another maker's name", insertApproval("eva", "maria", "sha256"), "its maker and its hash"},
	{"another hash is approved", insertApproval("maria", "carla", "'"+strings.Repeat("0", 64)+"'"), "its maker and its hash"},
	{"an approval is changed", `UPDATE approvals SET reason = 'x'`, "immutable"},
	{"an approval is deleted", `DELETE FROM approvals`, "immutable"},
	{"more is reserved than there is", entry(`'reserve', 'pending', 'reserved', 'available', 1000, 'x', 1000, 'P1', NULL, NULL, NULL, NULL, 1000, -27, 1018, 9`), "no_overdraft"},
	{"an overdraft with false balances", entry(`'reserve', 'pending', 'reserved', 'available', 1000, 'x', 1000, 'P1', NULL, NULL, NULL, NULL, 1000, 0, 991, 9`), "do not follow"},
	{"money from nowhere", entry(`'top_up', 'posted', 'available', 'funding', 5, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 1000, 973, 18, 9`), "do not follow"},
	{"a top-up without an amount", entry(`'top_up', 'posted', 'available', 'funding', 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 1000, 973, 18, 9`), "kind_names"},
	{"a move between accounts that no kind makes", entry(`'top_up', 'posted', 'available', 'spent', 9, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 1000, 982, 18, 0`), "kind_moves"},
	{"a number twice", strings.Replace(entry(`'top_up', 'posted', 'available', 'funding', 5, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 1005, 978, 18, 9`), `(SELECT max(seq) + 1 FROM entries)`, `1`, 1), "do not follow|the entry exists"},
	{"a second post", entry(`'post', 'posted', 'spent', 'reserved', 9, 'reserve/P1/brl', 9, 'P1', 'P1-000001', 1, NULL, NULL, 1000, 973, 9, 18`), "has ended|the entry exists"},
	{"two posts of half the amount each", `INSERT INTO entries (entry_id, wallet_id, seq, kind, status, debit, credit, amount, reserve_id, left_after, plan_id, action_id, number, funding, available, reserved, spent, actor, reason, at, request_sha256, audit_seq) VALUES
		('post/P1-000002', 'brl', 4, 'post', 'posted', 'spent', 'reserved', 4, 'reserve/P1/brl', 14, 'P1', 'P1-000002', 2, 1000, 973, 14, 13, 'eva', 'x', 1, 'x', 1),
		('post/P1-000002', 'brl', 5, 'post', 'posted', 'spent', 'reserved', 5, 'reserve/P1/brl', 9, 'P1', 'P1-000002', 2, 1000, 973, 9, 18, 'eva', 'x', 1, 'x', 1)`, "entries_once|the entry exists"},
	{"a post of more than was reserved for it", entry(`'post', 'posted', 'spent', 'reserved', 10, 'reserve/P1/brl', 8, 'P1', 'P1-000002', 2, NULL, NULL, 1000, 973, 8, 19`), "more than was reserved"},
	{"a refund of more than was posted", entry(`'refund', 'posted', 'available', 'spent', 10, NULL, NULL, NULL, NULL, NULL, 'post/P1-000001', 1, 1000, 983, 18, -1`), "more than was posted"},
	{"an action is sent without a post", `UPDATE dispatches SET state = 'sent', ended_at = 1 WHERE action_id = 'P1-000002'`, "to the last cent"},
	{"an action ends without a release", `UPDATE dispatches SET state = 'failed', ended_at = 1 WHERE action_id = 'P1-000002'`, "to the last cent"},
	{"a sent action waits again", `UPDATE dispatches SET state = 'waiting', ended_at = NULL WHERE action_id = 'P1-000001'`, "has ended"},
	{"a fence goes back", `UPDATE dispatches SET fence = 0 WHERE action_id = 'P1-000002'`, "never goes back"},
	{"a fence of no lease", `UPDATE dispatches SET fence = 7 WHERE action_id = 'P1-000002'`, "taken over once it has lapsed"},
	{"an action that may still be sent counts as unsent", `UPDATE dispatches SET unsent = 1 WHERE action_id = 'P1-000002'`, "unsent|dispatches"},
	{"a lease beyond the window", `UPDATE dispatches SET lease_until = window_end + 1 WHERE action_id = 'P1-000002'`, "lease_until|dispatches"},
	{"an action gets cheaper", `UPDATE dispatches SET amount = 1 WHERE action_id = 'P1-000002'`, "keeps what was approved"},
	{"an unapproved action is put in the queue", `INSERT INTO dispatches (action_id, plan_id, wallet_id, reserve_id, amount, customer_id, day, channel, window_start, window_end, value_cents, state)
		SELECT action_id, plan_id, 'brl', 'reserve/P1/brl', 9, customer_id, day, channel, window_start, window_end, value_cents, 'waiting' FROM actions WHERE plan_id = 'P2'`, "not approved"},
	{"an action leaves the queue", `DELETE FROM dispatches`, "deleted|immutable"},
	{"a lease changes hands", `UPDATE leases SET dispatcher = 'd2'`, "immutable"},
	{"a fence is skipped", `INSERT INTO leases SELECT 9, 'L9', dispatcher, day, channel, at, request_sha256, audit_seq, answer FROM leases`, "count up by one"},
	{"an event is changed", `UPDATE events SET body = '{}'`, "immutable"},
	{"an event is deleted", `DELETE FROM events`, "immutable"},
	{"an event is told twice", `INSERT INTO events SELECT 99, event_id, kind, customer_id, received_at, body, audit_seq FROM events`, "is known|events_event_id_key"},
	{"an answer is changed", `UPDATE answers SET status = 500`, "immutable"},
}

// refusedBySQLite are ways around triggers that only SQLite has.
var refusedBySQLite = []struct{ name, sql, says string }{
	{"an entry is replaced", `INSERT OR REPLACE INTO entries SELECT entry_id, wallet_id, seq, kind, status, debit, credit, 1, reserve_id, left_after, plan_id, action_id, number, refund_of, refund_number, 1, 1, 0, 0, actor, reason, at, request_sha256, audit_seq FROM entries WHERE entry_id = 'topup-1'`, "the entry exists"},
	{"an audit row is replaced", `INSERT OR REPLACE INTO audit SELECT seq, at, 'eva', kind, subject, body, prev, sha256 FROM audit WHERE seq = 2`, "out of order"},
	{"an approval is replaced", `INSERT OR REPLACE INTO approvals SELECT plan_id, sha256, maker, 'eva', reason, at, request_sha256, audit_seq, audit_sha256 FROM approvals`, "approved already"},
	{"an action is replaced", `INSERT OR REPLACE INTO actions SELECT plan_id, action_id, 'C9', channel, day, window_start, window_end, step, cost_cents, value_cents, reduced_cost_cents, treat_prob, source, reason, segment, regua_id, regua_version, regua_step, template FROM actions`, "the action exists"},
	{"an action's way is replaced", `INSERT OR REPLACE INTO dispatches SELECT * FROM dispatches`, "approved already"},
	{"a plan is replaced", `INSERT OR REPLACE INTO plans SELECT * FROM plans`, "the plan exists"},
	{"an amount is a text", entry(`'top_up', 'posted', 'available', 'funding', 'much', NULL, NULL, NULL, NULL, NULL, NULL, NULL, 1000, 973, 18, 9`), "do not follow|TEXT"},
}

// entry is SQL for the next entry of the wallet, from its kind to its balances.
func entry(values string) string {
	return `INSERT INTO entries (entry_id, wallet_id, seq, kind, status, debit, credit, amount, reserve_id, left_after, plan_id, action_id, number, refund_of, refund_number, funding, available, reserved, spent, actor, reason, at, request_sha256, audit_seq)
		VALUES ('x', 'brl', (SELECT max(seq) + 1 FROM entries), ` + values + `, 'eva', 'x', 1, 'x', 1)`
}

// insertApproval is SQL for an approval of the submitted plan P2.
func insertApproval(maker, approver, sum string) string {
	return `INSERT INTO approvals (plan_id, sha256, maker, approver, reason, at, request_sha256, audit_seq, audit_sha256)
		SELECT 'P2', ` + sum + `, '` + maker + `', '` + approver + `', 'x', 1, 'x', (SELECT max(seq) FROM audit), (SELECT sha256 FROM audit ORDER BY seq DESC LIMIT 1) FROM plans WHERE plan_id = 'P2'`
}

func TestDatabaseRefuses(t *testing.T) {
	eachDatabase(t, func(t *testing.T, h *home) {
		h.funded(t, 1000)
		h.approved(t, proposal("P1", 3)) // 27 reserved
		h.submitted(t, proposal("P2", 3))
		g := h.leased(t, lease("L1", 2))
		must(t)(h.Ack(t.Context(), ledger.AckRequest{Dispatcher: "d1", Fence: g.Fence, Outcomes: sent(g).Outcomes[:1]})) // 18 reserved, 9 spent
		must(t)(h.AddEvents(t.Context(), "d1", []ledger.Event{{ID: "E1", Kind: ledger.EventDispute, At: noon, CustomerID: "C1"}}))
		_, _, err := h.Once(t.Context(), ledger.OnceRequest{Key: "k"}, func(context.Context) (ledger.Answer, error) { return ledger.Answer{Status: 200}, nil })
		if err != nil {
			t.Fatal(err)
		}
		cases := refused
		if h.config.Path != "" {
			cases = append(cases[:len(cases):len(cases)], refusedBySQLite...)
		}
		before := h.verified(t)
		for _, tt := range cases {
			err := h.exec(tt.sql)
			said := false
			for word := range strings.SplitSeq(tt.says, "|") {
				said = said || err != nil && strings.Contains(err.Error(), word)
			}
			if !said {
				t.Errorf("%s: %v, want an error with %q", tt.name, err, tt.says)
			}
		}
		if h.config.DSN != "" {
			for _, table := range []string{"audit", "audit_head", "wallets", "plans", "actions", "approvals", "entries", "leases", "dispatches", "events"} {
				if err := h.exec(`TRUNCATE ` + table + ` CASCADE`); err == nil || !strings.Contains(err.Error(), "immutable") {
					t.Errorf("truncate %s: %v", table, err)
				}
			}
		}
		if after := h.verified(t); after.Head != before.Head || after.Entries != before.Entries {
			t.Errorf("something got through: %+v, before %+v", after, before)
		}
	})
}
