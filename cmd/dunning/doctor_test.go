package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dunning/pipeline"
	"dunning/serve"
	"dunning/serve/ledger"
)

// TestDoctorLooksAtTheParts: the libraries work, and of the ledger the doctor says
// whether it is there, answers, is damaged or cannot be reached.
func TestDoctorLooksAtTheParts(t *testing.T) {
	home := filepath.Join(t.TempDir(), "home")
	must(t, "init", "--home", home)
	path := filepath.Join(home, serve.DatabaseName)
	for _, tt := range []struct {
		name   string
		change func(t *testing.T)
		health pipeline.Health
		detail string
	}{
		{"no ledger yet", func(*testing.T) {}, pipeline.Healthy, "none yet"},
		{"a ledger", func(t *testing.T) {
			l, err := ledger.Open(t.Context(), ledger.Config{Path: path, Clock: time.Now})
			if err != nil {
				t.Fatal(err)
			}
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
		}, pipeline.Healthy, "answers"},
		{"a database that nobody answers for", func(t *testing.T) {
			t.Setenv(dsnEnv, "postgres://127.0.0.1:1/none?connect_timeout=2&sslmode=disable")
		}, pipeline.Broken, "127.0.0.1"},
		{"no database but another file", func(t *testing.T) {
			if err := os.WriteFile(path, []byte(strings.Repeat("no database ", 1000)), 0o600); err != nil {
				t.Fatal(err)
			}
		}, pipeline.Broken, "not a database"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.change(t)
			code, stdout, _ := command("doctor", "--home", home, "--json")
			var answer struct{ Checks []pipeline.Check }
			oneDocument(t, stdout, &answer)
			found := map[string]pipeline.Check{}
			for _, c := range answer.Checks {
				found[c.Name] = c
			}
			if c := found["ledger"]; c.Health != tt.health || !strings.Contains(c.Detail, tt.detail) {
				t.Errorf("ledger: %+v", c)
			}
			if tt.health == pipeline.Broken && code == 0 {
				t.Error("broken, and yet the exit code is 0")
			}
			for _, library := range []string{"xgboost", "clp"} {
				if c := found[library]; c.Health != pipeline.Healthy {
					t.Errorf("%s: %+v", library, c)
				}
			}
		})
	}
}
