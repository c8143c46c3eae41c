package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"dunning/data"
	"dunning/serve"
	"dunning/serve/client"
)

// script answers requests one by one and keeps what was asked.
type script struct {
	answers []func(http.ResponseWriter)
	keys    []string
}

func (s *script) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.keys = append(s.keys, r.Header.Get("Idempotency-Key"))
	s.answers[min(len(s.keys), len(s.answers))-1](w)
}

func problem(status int, code serve.Code) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(status)
		json.NewEncoder(w).Encode(serve.Problem{Status: status, Code: code, Detail: "no", Faults: []string{"body.x: wrong"}})
	}
}

func fine(w http.ResponseWriter) { w.Write([]byte(`{"plan_id":"p1"}`)) }

// cut ends the connection without an answer.
func cut(http.ResponseWriter) { panic(http.ErrAbortHandler) }

func serverOf(t *testing.T, answers ...func(http.ResponseWriter)) (*client.Client, *script) {
	t.Helper()
	s := &script{answers: answers}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	c, err := client.New(client.Config{URL: server.URL, Pause: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	return c, s
}

// A write whose answer was lost is sent again under the same key.
func TestWritesAreSentAgainUnderOneKey(t *testing.T) {
	c, s := serverOf(t, cut, problem(429, serve.CodeRateLimited), problem(503, serve.CodeUnavailable), problem(500, serve.CodeInternal), fine)
	plan, err := c.SubmitPlan(t.Context(), "", "p1")
	if err != nil || plan.ID != "p1" || len(s.keys) != 5 || s.keys[0] == "" {
		t.Fatalf("%+v, %v, keys %q", plan, err, s.keys)
	}
	for _, key := range s.keys {
		if key != s.keys[0] {
			t.Errorf("another key: %q", s.keys)
		}
	}
	if _, err := c.SubmitPlan(t.Context(), "mine", "p1"); err != nil || s.keys[5] != "mine" {
		t.Errorf("%v, keys %q", err, s.keys)
	}
}

// A refusal is not tried again and says what class it is of.
func TestRefusalsHaveAClass(t *testing.T) {
	for code, want := range map[serve.Code]int{serve.CodeInvalid: 2, serve.CodeNotFound: 2, serve.CodeUnauthorized: 2, serve.CodeBadInput: 3, serve.CodeForbidden: 4,
		serve.CodeApprover: 4, serve.CodeConflict: 4, serve.CodeState: 4, serve.CodeHash: 4, serve.CodeInsufficient: 4, serve.CodeRefused: 4} {
		c, s := serverOf(t, problem(409, code))
		_, err := c.SubmitPlan(t.Context(), "", "p1")
		if data.ExitCode(err) != want || client.CodeOf(err) != code || len(s.keys) != 1 {
			t.Errorf("%s: %v is exit code %d after %d attempts, want %d", code, err, data.ExitCode(err), len(s.keys), want)
		}
	}
	c, s := serverOf(t, problem(500, serve.CodeInternal))
	if _, err := c.Wallets(t.Context()); data.ExitCode(err) != 1 || len(s.keys) != 5 {
		t.Errorf("%v after %d attempts", err, len(s.keys))
	}
	c, _ = serverOf(t, func(w http.ResponseWriter) { w.WriteHeader(404) })
	if _, err := c.Wallets(t.Context()); err == nil || client.CodeOf(err) != "" {
		t.Errorf("an answer of somebody else: %v", err)
	}
}

func TestClientGivesUpWithItsContext(t *testing.T) {
	c, _ := serverOf(t, problem(503, serve.CodeUnavailable))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Wallets(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	for _, url := range []string{"", "localhost:8080", "ftp://x", "http://"} {
		if _, err := client.New(client.Config{URL: url}); data.ExitCode(err) != 2 {
			t.Errorf("%q: %v", url, err)
		}
	}
}
