package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"dunning/data"
	"dunning/models"
	"dunning/models/registry"
	"dunning/models/trees"
	"dunning/serve"
)

// stump is a forest of one split: below, or not known, is a, from it on b.
func stump(t *testing.T, names []string, feature int32, threshold, a, b float32) *trees.Ensemble {
	t.Helper()
	e, err := trees.New(names, trees.Logit, 0, []trees.Tree{{
		Feature: []int32{feature, -1, -1}, Threshold: []float32{threshold, 0, 0}, DefaultLeft: []bool{true, false, false},
		Left: []int32{1, -1, -1}, Right: []int32{2, -1, -1}, Value: []float32{0, a, b}, Cover: []float32{2, 1, 1},
	}})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// artefact saves a model of two features, with uplift of SMS, in a home and
// returns its version.
func artefact(t *testing.T, home string) string {
	t.Helper()
	a := registry.Artifact{
		Features: []string{"f_unused", "f_late", "f_balance"}, HorizonDays: 30, AsOf: data.MakeDate(2026, time.January, 5),
		Vocabulary: json.RawMessage(`{"uf":["SP","RJ"],"segment":[],"product":["card"]}`),
		PayProb:    &registry.PayProb{Ensemble: stump(t, []string{"f_late", "f_balance"}, 0, 10, 2, -2), Calibration: models.Calibration{Method: models.NoCalibration}},
		Uplift: &registry.Uplift{Learner: "s", Treatments: []string{"sms"},
			Bags: []*trees.Ensemble{stump(t, []string{"f_late", "option_sms"}, 1, 0.5, 0, 1)}},
		Card: models.Card{Title: "test", Target: "payment within 30 days", HorizonDays: 30},
	}
	version, err := registry.Save(filepath.Join(home, "models", "2026-01-05"), a, nil)
	if err != nil {
		t.Fatal(err)
	}
	return version
}

// firstLine waits for the first write to a pipe.
type firstLine struct {
	once sync.Once
	line chan string
}

func (f *firstLine) Write(b []byte) (int, error) {
	f.once.Do(func() { f.line <- string(b) })
	return len(b), nil
}

// TestServeCommand makes a key, serves a home on a free port, asks for scores
// by a registered model, and stops as Ctrl-C does.
func TestServeCommand(t *testing.T) {
	home := t.TempDir()
	version := artefact(t, home)
	key := makeKey(t, home, "scientist")

	ctx, cancel := context.WithCancel(context.Background())
	out, log := &firstLine{line: make(chan string, 1)}, &bytes.Buffer{}
	ended := make(chan int, 1)
	go func() { ended <- run(ctx, []string{"serve", "--home", home, "--addr", "127.0.0.1:0"}, out, log) }()
	var line string
	select {
	case line = <-out.line:
	case code := <-ended:
		t.Fatalf("ended with %d: %s", code, log)
	}
	url, ok := strings.CutPrefix(strings.TrimSpace(line), "listening on ")
	if !ok {
		t.Fatalf("no address in %q", line)
	}
	if status, body := ask(t, "GET", url+"/readyz", "", ""); status != 200 || !strings.Contains(body, version) {
		t.Errorf("readyz: %d %s", status, body)
	}
	status, body := ask(t, "GET", url+"/v1/models/current", key, "")
	var info serve.ModelInfo
	if err := json.Unmarshal([]byte(body), &info); err != nil || status != 200 {
		t.Fatalf("%d %s: %v", status, body, err)
	}
	if strings.Join(info.Features, " ") != "f_late f_balance" || info.HorizonDays != 30 || strings.Join(info.Categories["uf"], " ") != "SP RJ" || len(info.Channels) != 1 {
		t.Errorf("got %+v", info)
	}
	status, body = ask(t, "POST", url+"/v1/score", key, `{"columns":["f_balance","f_late"],"rows":[[1,5],[1,20],[null,null]]}`)
	var scores serve.BatchScores
	if err := json.Unmarshal([]byte(body), &scores); err != nil || status != 200 || scores.ModelVersion != version {
		t.Fatalf("%d %s: %v", status, body, err)
	}
	logistic := func(x float64) float64 { return 1 / (1 + math.Exp(-x)) }
	for i, want := range []float64{logistic(2), logistic(-2), logistic(2)} {
		s := scores.Scores[i]
		if math.Abs(*s.PayProb-want) > 1e-6 || math.Abs(*s.UpliftSMS-(logistic(1)-0.5)) > 1e-6 || s.UpliftVoice != nil {
			t.Errorf("row %d: got %v and %v, want %v and %v", i, *s.PayProb, *s.UpliftSMS, want, logistic(1)-0.5)
		}
	}
	if status, body = ask(t, "POST", url+"/v1/score", key, `{"columns":["f_late"],"rows":[[1]]}`); status != 400 || !strings.Contains(body, `f_balance`) {
		t.Errorf("a missing column: %d %s", status, body)
	}
	cancel()
	if code := <-ended; code != 0 {
		t.Errorf("exit code %d after Ctrl-C: %s", code, log)
	}
	if strings.Contains(log.String(), key[17:]) {
		t.Error("the log holds the key")
	}
}

func ask(t *testing.T, method, url, key, body string) (int, string) {
	t.Helper()
	req, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+key)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(b)
}

// makeKey makes a key on the command line.
func makeKey(t *testing.T, home, role string) string {
	t.Helper()
	var out, log bytes.Buffer
	if code := run(context.Background(), []string{"keys", "create", "--home", home, "--role", role, "--name", "test"}, &out, &log); code != 0 {
		t.Fatalf("exit code %d: %s", code, &log)
	}
	return strings.TrimSpace(out.String())
}

func TestKeysCommand(t *testing.T) {
	home := filepath.Join(t.TempDir(), "new", "home")
	key := makeKey(t, home, "auditor")
	if !regexp.MustCompile(`^dun_[0-9a-f]{12}_[A-Za-z0-9_-]{43}$`).MatchString(key) {
		t.Fatalf("a key like %q", key)
	}
	prefix := key[4:16]
	command := func(args ...string) (int, string) {
		var out, log bytes.Buffer
		code := run(context.Background(), append(args, "--home", home, "--json"), &out, &log)
		return code, out.String()
	}
	var list struct{ Keys []serve.Key }
	code, out := command("keys", "list")
	if err := json.Unmarshal([]byte(out), &list); err != nil || code != 0 || len(list.Keys) != 1 || list.Keys[0].Prefix != prefix || list.Keys[0].Role != serve.Auditor || list.Keys[0].RevokedAt != nil {
		t.Fatalf("%d %s %v", code, out, err)
	}
	if until := time.Until(*list.Keys[0].ExpiresAt); until < keyLifetime-time.Hour || until > keyLifetime {
		t.Errorf("it lives for %s, want %s", until, keyLifetime)
	}
	if strings.Contains(out, key[17:]) {
		t.Error("the list shows the secret")
	}
	if code, out := command("keys", "revoke", prefix); code != 0 || !strings.Contains(out, `"revoked_at": "2`) {
		t.Errorf("revoke: %d %s", code, out)
	}
	if code, out := command("keys", "create", "--role", "admin", "--name", "for ever", "--expires", "0"); code != 0 || !strings.Contains(out, `"expires_at": null`) || !strings.Contains(out, `"key": "dun_`) {
		t.Errorf("create: %d %s", code, out)
	}
	for name, args := range map[string][]string{
		"unknown prefix": {"keys", "revoke", "000000000000"}, "no prefix": {"keys", "revoke"}, "unknown role": {"keys", "create", "--role", "king", "--name", "x"},
		"no name": {"keys", "create", "--role", "admin"}, "negative life": {"keys", "create", "--role", "admin", "--name", "x", "--expires", "-1h"}, "no verb": {"keys"},
	} {
		if code, out := command(args...); code != 2 {
			t.Errorf("%s: exit code %d: %s", name, code, out)
		}
	}
}

func TestServeRefusesWrongUse(t *testing.T) {
	home := t.TempDir()
	file := filepath.Join(home, "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for name, args := range map[string][]string{
		"no such home":               {"--home", filepath.Join(home, "none")},
		"the home is a file":         {"--home", file},
		"an address without port":    {"--home", home, "--addr", "localhost"},
		"a certificate, no key":      {"--home", home, "--tls-cert", file},
		"a certificate that is none": {"--home", home, "--tls-cert", file, "--tls-key", file},
		"no rows":                    {"--home", home, "--max-rows", "0"},
	} {
		var out, log bytes.Buffer
		if code := run(context.Background(), append([]string{"serve"}, args...), &out, &log); code != 2 || out.Len() > 0 {
			t.Errorf("%s: exit code %d, output %q, log %q", name, code, &out, &log)
		}
	}
}

// TestOpenModel: clients are told the words behind coded columns, and a damaged
// artefact is bad input.
func TestOpenModel(t *testing.T) {
	home := t.TempDir()
	artefact(t, home)
	m, err := openModel(filepath.Join(home, "models", "2026-01-05"))
	if err != nil {
		t.Fatal(err)
	}
	if got := m.Info().Categories["product"]; len(got) != 1 || got[0] != "card" {
		t.Errorf("got %v", got)
	}
	if err := os.WriteFile(filepath.Join(home, "models", "2026-01-05", registry.ModelName), []byte("{}"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := openModel(filepath.Join(home, "models", "2026-01-05")); data.ExitCode(err) != 3 {
		t.Errorf("a damaged artefact: %v", err)
	}
}
