package main

import (
	"testing"
	"time"
)

// Who acts must be told apart from others by eye, and from the ledger itself.
func TestWhoActs(t *testing.T) {
	d := &desk{t: t, home: t.TempDir(), now: time.Now()}
	for name, want := range map[string]int{"ana": 0, "system": 2, "System": 2, "a\x07na": 2, " ana": 2, "Ana, financeiro": 0} {
		d.exits(want, name, "wallet", "create", "main", "--name", "x")
	}
	t.Setenv("USER", "")
	d.exits(2, "", "wallet", "list")
	for _, args := range [][]string{{"plans"}, {"wallet", "none"}, {"dispatch", "--batch", "0"}, {"dispatch", "--webhook", "gateway"}, {"dispatch", "--channel", "fax"},
		{"dispatch", "--day", "today"}, {"dispatch", "--ack", "failed"}, {"ledger", "backup"}, {"events", "sources", "--format", "xml"},
		{"plans", "approve", "p", "--sha256", "x", "--channel", "sms"}, {"wallet", "list", "--server", "localhost"}} {
		d.exits(2, "ana", args...)
	}
	d.exits(2, "", "ledger", "restore", t.TempDir()+"/none")
}
