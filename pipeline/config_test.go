package pipeline

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"dunning/data"
)

func TestTemplateSaysTheDefaults(t *testing.T) {
	for _, format := range []string{"csv", "parquet"} {
		got, err := ParseConfig([]byte(defaultYAML(format, "")), nil)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(defaultConfig(format), got, cmpopts.IgnoreUnexported(Config{})); diff != "" {
			t.Errorf("%s: the template differs from the defaults (-want +got):\n%s", format, diff)
		}
	}
}

func TestEmptyFileGivesTheDefaults(t *testing.T) {
	got, err := ParseConfig(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(DefaultConfig(), got, cmpopts.IgnoreUnexported(Config{})); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestParseConfigReads(t *testing.T) {
	c, err := ParseConfig([]byte(`
as_of: 2026-01-05
threads: 2.0
channels:
  sms: {cost_cents: 9}
  voice: {cost_cents: 70, capacity_per_day: 0}
segments:
  - {segment: gold, min_coverage: 0.3}
train: {split: "time:2025-07-01"}
`), []string{"DUNNING_BUDGET_CENTS=250000", "DUNNING_TRAIN__EXCLUDE=[f_uf, f_kind]", "DUNNING_CHANNELS__SMS__COST_CENTS=11",
		"DUNNING_PORT=tcp://10.0.0.1:80", "PATH=/bin"})
	if err != nil {
		t.Fatal(err)
	}
	if c.AsOf == nil || c.AsOf.String() != "2026-01-05" || c.Threads != 2 || c.BudgetCents != 250_000 || c.Seed != 1 {
		t.Errorf("as_of %v, threads %d, budget %d, seed %d", c.AsOf, c.Threads, c.BudgetCents, c.Seed)
	}
	if diff := cmp.Diff([]string{"f_uf", "f_kind"}, c.Train.Exclude); diff != "" {
		t.Error(diff)
	}
	if len(c.Channels) != 2 || c.Channels[data.SMS].CostCents != 11 {
		t.Errorf("a file's channels replace the default: %v", c.Channels)
	}
	for _, tt := range []struct {
		channel data.Channel
		n       int64
		limited bool
	}{{data.SMS, 0, false}, {data.Voice, 0, true}, {data.Letter, 0, true}} {
		if n, limited := c.Capacity(tt.channel); n != tt.n || limited != tt.limited {
			t.Errorf("capacity of %s: %d, %v", tt.channel, n, limited)
		}
	}
	if day, auto, err := c.Train.SplitDate(); err != nil || auto || day.String() != "2025-07-01" {
		t.Errorf("split: %v %v %v", day, auto, err)
	}
}

func TestParseConfigRefuses(t *testing.T) {
	for _, tt := range []struct {
		name, yaml string
		environ    []string
		want       []string
	}{
		{"unknown key", "budget_cent: 5", nil, []string{`budget_cent: unknown key; did you mean "budget_cents"?`}},
		{"unknown nested key", "train: {round: 5}", nil, []string{`train.round: unknown key; did you mean "rounds"?`}},
		{"unknown key in a list", "segments: [{segment: a, max_shar: 1}]", nil, []string{`segments[0].max_shar: unknown key`}},
		{"unknown key of a source", "sources: {customers: {sql: x}}", nil, []string{"sources.customers.sql: unknown key"}},
		{"unknown channel", "channels: {fax: {cost_cents: 1}}", nil, []string{"channels.fax", "unknown channel", "whatsapp"}},
		{"unknown table", "sources: {customers: {query: x}, invoices: {query: x}, payments: {query: x}, touch: {query: x}}", nil,
			[]string{`sources.touch: no such table; did you mean "touches"?`}},
		{"missing table", "sources: {customers: {query: x}}", nil, []string{"sources.invoices: missing", "sources.payments: missing"}},
		{"every fault at once", "budget_cents: -1\nholdout_share: 2\nvalue: max\ntrain: {eta: 0, split: random}", nil,
			[]string{"budget_cents: -1 is below 0", "holdout_share: 2", `value: "max"`, "train.eta", "train.split"}},
		{"not a number", "holdout_share: .nan", nil, []string{"holdout_share: NaN"}},
		{"fraction", "partitions: 2.5", nil, []string{"2.5 is not a whole number"}},
		{"text for a number", "partitions: many", nil, []string{"partitions"}},
		{"flag for a number", "policy: {grace_days: yes}", nil, []string{"grace_days"}},
		{"bad date", "as_of: 2026-13-05", nil, []string{"2026-13-05"}},
		{"negative seed", "seed: -1", nil, []string{"seed"}},
		{"key twice", "seed: 1\nseed: 2", nil, []string{"already defined"}},
		{"not YAML", "seed: [", nil, []string{"yaml"}},
		{"slip in the environment", "", []string{"DUNNING_BUDGT_CENTS=5"}, []string{"DUNNING_BUDGT_CENTS", "did you mean DUNNING_BUDGET_CENTS"}},
		{"bad value in the environment", "", []string{"DUNNING_SEED=one"}, []string{"seed"}},
		{"secret in the file", "sources: {customers: {query: x}, invoices: {query: x}, payments: {query: x, postgres: {dsn_env: 'postgres://u:hunter2@h/db'}}}", nil,
			[]string{"sources.payments.postgres.dsn_env", "not the name of an environment variable"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := ParseConfig([]byte(tt.yaml), tt.environ)
			if !errors.Is(err, data.ErrUsage) {
				t.Fatalf("error %v is not one of usage", err)
			}
			for _, w := range tt.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("%q is not in the error: %v", w, err)
				}
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the error tells a secret: %v", err)
			}
		})
	}
}

func TestWriteConfigKeepsWhatIsThere(t *testing.T) {
	home := filepath.Join(t.TempDir(), "deep", "home")
	path, err := WriteConfig(home, "parquet", "2026-01-05", false)
	if err != nil {
		t.Fatal(err)
	}
	c, err := LoadConfig(home)
	if err != nil {
		t.Fatal(err)
	}
	if c.AsOf.String() != "2026-01-05" || !strings.Contains(c.Sources["touches"].Query, "sources/touches.parquet") || c.Dir() != home {
		t.Errorf("as_of %v, query %q, dir %q", c.AsOf, c.Sources["touches"].Query, c.Dir())
	}
	if err := os.WriteFile(path, []byte("seed: 7\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := WriteConfig(home, "csv", "", false); !errors.Is(err, data.ErrUsage) {
		t.Errorf("a second time: %v", err)
	}
	if c, err := LoadConfig(home); err != nil || c.Seed != 7 {
		t.Errorf("the file was not kept: %v %v", c, err)
	}
	if _, err := WriteConfig(home, "csv", "", true); err != nil {
		t.Error(err)
	}
}

func TestLoadConfigWithoutFile(t *testing.T) {
	_, err := LoadConfig(t.TempDir())
	if !errors.Is(err, data.ErrUsage) || !strings.Contains(fmt.Sprint(err), "dunning init") {
		t.Errorf("error %v names no remedy", err)
	}
}
