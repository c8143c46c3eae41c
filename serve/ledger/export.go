package ledger

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"io"
	"strings"
)

// exportFormat names the form of an export; it changes when the form does.
const exportFormat = "dunning-ledger-1"

// table is a table as it is exported, its rows in an order in which they can be
// written again.
type table struct {
	name    string
	columns []string
	order   string
	// blob is the column of bytes, real that of a float, if there is one.
	blob, real string
}

// tables in the order in which an import writes them.
var tables = []table{
	{name: "audit", columns: strings.Split(auditColumns, ", "), order: "seq"},
	{name: "wallets", columns: []string{"wallet_id", "currency", "name", "created_at", "audit_seq"}, order: "audit_seq"},
	{name: "plans", columns: append(strings.Split(planColumns, ", "), "audit_seq"), order: "audit_seq"},
	{name: "actions", columns: strings.Split(actionColumns(""), ", "), order: "plan_id, action_id", real: "treat_prob"},
	{name: "approvals", columns: []string{"plan_id", "sha256", "maker", "approver", "reason", "at", "request_sha256", "audit_seq", "audit_sha256"}, order: "audit_seq"},
	{name: "leases", columns: []string{"fence", "lease_id", "dispatcher", "day", "channel", "at", "request_sha256", "audit_seq", "answer"}, order: "fence"},
	{name: "dispatches", columns: []string{"number", "action_id", "plan_id", "wallet_id", "reserve_id", "amount", "customer_id", "day", "channel", "window_start", "window_end", "value_cents",
		"state", "fence", "lease_until", "attempts", "ended_at", "ended_by", "provider_id", "real_cost_cents", "detail", "request_sha256"}, order: "number"},
	{name: "entries", columns: strings.Split(entryColumns, ", "), order: "wallet_id, seq"},
	{name: "events", columns: strings.Split(eventColumns, ", "), order: "seq"},
	{name: "answers", columns: []string{"scope", "key", "request_sha256", "status", "content_type", "body", "at"}, order: "scope, key", blob: "body"},
}

// exportLine is one line of an export: a row of a table, or the end.
type exportLine struct {
	Table string            `json:"t,omitempty"`
	Row   []json.RawMessage `json:"r,omitempty"`
	// Of the last line: how many rows came before, and the SHA-256 of all the
	// lines before.
	Rows   *int64 `json:"rows,omitempty"`
	SHA256 string `json:"sha256,omitempty"`
}

// hashWriter hashes what it passes on.
type hashWriter struct {
	w io.Writer
	h hash.Hash
}

func (h *hashWriter) Write(b []byte) (int, error) {
	h.h.Write(b)
	return h.w.Write(b)
}

// Export writes the whole ledger as it is at one instant: a line of JSON for
// each row, of which [Store.Import] makes the same ledger on either database.
// The last line holds a hash of all the others.
func (s *Store) Export(ctx context.Context, w io.Writer) error {
	buffered := bufio.NewWriter(w)
	out := &hashWriter{buffered, sha256.New()}
	rows := int64(0)
	err := s.read(ctx, func(t transaction) error {
		fmt.Fprintf(out, "{\"format\":%q}\n", exportFormat)
		for _, tab := range tables {
			values := make([]any, len(tab.columns))
			dest := make([]any, len(values))
			for i := range values {
				dest[i] = &values[i]
			}
			err := t.query("SELECT "+strings.Join(tab.columns, ", ")+" FROM "+tab.name+" ORDER BY "+tab.order, nil, func(row scanner) error {
				if err := row.Scan(dest...); err != nil {
					return err
				}
				text, err := canonical(struct {
					Table string `json:"t"`
					Row   []any  `json:"r"`
				}{tab.name, values})
				if err != nil {
					return err
				}
				rows++
				_, err = io.WriteString(out, text+"\n")
				return err
			})
			if err != nil {
				return fmt.Errorf("ledger: export %s: %w", tab.name, err)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(out, "{\"rows\":%d,\"sha256\":%q}\n", rows, hex.EncodeToString(out.h.Sum(nil))); err != nil {
		return fmt.Errorf("ledger: export: %w", err)
	}
	if err := buffered.Flush(); err != nil {
		return fmt.Errorf("ledger: export: %w", err)
	}
	return nil
}
