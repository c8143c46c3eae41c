package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dunning/data"
	"dunning/data/synth"
)

func TestSimulate_AnswersWithWhatItWrote(t *testing.T) {
	home := t.TempDir()
	var stdout, stderr bytes.Buffer
	args := []string{"simulate", "--home", home, "--json", "--customers", "40", "--months", "6", "--dirty", "0.1", "--end", "2025-06-30"}
	if code := run(context.Background(), args, &stdout, &stderr); code != 0 {
		t.Fatalf("exit code %d: %s", code, &stderr)
	}
	var answer simulated
	if err := json.Unmarshal(stdout.Bytes(), &answer); err != nil {
		t.Fatalf("not one JSON document: %v", err)
	}
	if len(answer.Sources) != len(synth.Tables) || len(answer.Truth) != 4 || len(answer.Faults) == 0 || answer.Shares.OrganicAvg == 0 {
		t.Errorf("answer %+v", answer)
	}
	for _, want := range append(answer.Sources, answer.Truth...) {
		got, err := data.Stat(filepath.Join(home, want.Name), want.Rows)
		if err != nil || got.SHA256 != want.SHA256 {
			t.Errorf("file %s: %v, hash %s, answered %s", want.Name, err, got.SHA256, want.SHA256)
		}
	}
	if !strings.HasPrefix(stderr.String(), "simulate") {
		t.Errorf("no progress on standard error: %q", &stderr)
	}
}

func TestSimulate_RefusesWrongUsage(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct {
		name, says string
		args       []string
	}{
		{"no customers", "customers 0", []string{"--customers", "0"}},
		{"end is no day", "--end", []string{"--end", "31/12/2025"}},
		{"unknown format", `format "xlsx"`, []string{"--format", "xlsx"}},
		{"home is a file", "choose another with --home", []string{"--home", file}},
		{"an argument", "takes no argument", []string{"twice"}},
	} {
		t.Run(x.name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			args := append([]string{"simulate", "--home", t.TempDir(), "--customers", "5"}, x.args...)
			if code := run(context.Background(), args, &stdout, &stderr); code != 2 {
				t.Errorf("exit code %d, want 2", code)
			}
			if !strings.Contains(stderr.String(), x.says) {
				t.Errorf("standard error %q does not say %q", &stderr, x.says)
			}
		})
	}
}
