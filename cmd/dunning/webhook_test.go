package main

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"dunning/data"
	"dunning/serve"
	"dunning/serve/ledger"
)

// What a webhook answers says what became of the action, or that nobody knows.
func TestWebhookAnswers(t *testing.T) {
	for name, tt := range map[string]struct {
		status int
		body   string
		state  ledger.DispatchState // "" for not known
	}{
		"sent":                  {200, `{"provider_id":"m1","real_cost_cents":7}`, ledger.Sent},
		"sent, in words":        {202, "obrigado", ledger.Sent},
		"no such number":        {422, "no such number", ledger.Failed},
		"gone":                  {410, "\xff\x00", ledger.Failed},
		"later":                 {429, "", ""},
		"a conflict of two":     {409, "", ""},
		"too slow":              {408, "", ""},
		"broken":                {500, "", ""},
		"elsewhere":             {307, "", ""},
		"a gateway in between":  {502, "", ""},
		"nothing but a heading": {204, "", ledger.Sent},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(tt.status)
			w.Write([]byte(tt.body))
		}))
		out, err := newWebhook(server.URL, time.Second).send(t.Context(), ledger.LeasedAction{Action: ledger.Action{Action: data.Action{ActionID: "a1"}}})
		server.Close()
		if (err != nil) != (tt.state == "") || err == nil && out.State != tt.state || out.ActionID != "a1" {
			t.Errorf("%s: %+v, %v", name, out, err)
		}
		if name == "sent" && (out.ProviderID != "m1" || out.RealCostCents == nil || *out.RealCostCents != 7) {
			t.Errorf("%s: %+v", name, out)
		}
	}
}

// A journal outlives its process, except for a line that was not finished, and
// is held by one process.
func TestJournal(t *testing.T) {
	path := filepath.Join(t.TempDir(), "dispatch", "d.jsonl")
	j, err := openJournal(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := openJournal(path); data.ExitCode(err) != 4 {
		t.Errorf("a second holder: %v", err)
	}
	for i := range 3 {
		if err := j.add(int64(2-i%2), serve.NewOutcome{ActionID: fmt.Sprint("a", i), State: ledger.Sent}); err != nil {
			t.Fatal(err)
		}
	}
	j.close()
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(f, `{"fence":9,"action_id":"half`)
	f.Close()
	if j, err = openJournal(path); err != nil {
		t.Fatal(err)
	}
	acks := j.acks()
	if len(acks) != 2 || acks[0].Fence != 1 || len(acks[0].Outcomes) != 1 || acks[1].Fence != 2 || acks[1].Outcomes[1].ActionID != "a2" {
		t.Errorf("%+v", acks)
	}
	if err := j.clear(); err != nil {
		t.Fatal(err)
	}
	if err := j.add(5, serve.NewOutcome{ActionID: "b", State: ledger.Failed}); err != nil {
		t.Fatal(err)
	}
	j.close()
	b, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(b, []byte(`{"fence":5,"action_id":"b","state":"failed"}`+"\n")) {
		t.Errorf("%q, %v", b, err)
	}
	if err := os.WriteFile(path, []byte("what?\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := openJournal(path); data.ExitCode(err) != 3 {
		t.Errorf("a damaged journal: %v", err)
	}
}
