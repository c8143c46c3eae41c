package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"dunning/pipeline"
)

// badInput is one thing that a user can get wrong.
type badInput struct {
	name string
	// spoil makes it wrong in a home where everything has run, and may return
	// the command line; without one the home is run.
	spoil func(t *testing.T, home string) []string
	code  int      // as the root command's help has it
	says  []string // all of these are in the message: the place, the remedy
}

// check runs a case with and without --json: the exit code, exactly one line
// of error, the place in it, one JSON document with the same, and no panic.
func (b badInput) check(t *testing.T, home string) {
	t.Helper()
	args := b.spoil(t, home)
	if args == nil {
		args = []string{"run", "--home", home}
	}
	last := append(args[:len(args):len(args)], "--json")
	if b.says[0] == "needs an argument" {
		last = args // "--json" would be it
	}
	for _, args := range [][]string{args, last, append([]string{"--json"}, args...)} {
		code, stdout, stderr := command(args...)
		if code != b.code {
			t.Errorf("%v: exit code %d, want %d: %s", args, code, b.code, stderr)
		}
		var line string
		for _, l := range strings.Split(stderr, "\n") {
			if strings.HasPrefix(l, "dunning: ") {
				if line != "" {
					t.Errorf("%v: a second error line %q", args, l)
				}
				line = l
			}
		}
		if !strings.HasSuffix(stderr, line+"\n") || line == "" {
			t.Errorf("%v: standard error does not end with the error: %q", args, stderr)
		}
		t.Log(code, line)
		for _, says := range b.says {
			if !strings.Contains(line, says) {
				t.Errorf("%v: %q does not say %q", args, line, says)
			}
		}
		if strings.Contains(stderr, "panic") || strings.Contains(stderr, "goroutine ") || strings.Contains(stderr, "0x") {
			t.Errorf("%v: standard error %q", args, stderr)
		}
		if !slices.Contains(args, "--json") {
			if stdout != "" {
				t.Errorf("%v: standard output %q", args, stdout)
			}
			continue
		}
		var doc map[string]any
		oneDocument(t, stdout, &doc)
		if doc["exit_code"] != float64(b.code) || "dunning: "+doc["error"].(string) != line {
			t.Errorf("%v: answer %v for %q", args, doc, line)
		}
	}
}

// The home is the small one of all these tests: what is wrong with an input
// does not depend on how much of it there is.
func checkAll(t *testing.T, cases []badInput) {
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) { c.check(t, aRanHome(t)) })
	}
}

// source returns the path of a source table.
func source(home, table string) string { return filepath.Join(home, "sources", table+".csv") }

// rewrite changes a file.
func rewrite(t *testing.T, path string, change func(b []byte) []byte) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, change(b), 0o644); err != nil {
		t.Fatal(err)
	}
}

// header keeps a table's names alone.
func header(b []byte) []byte { return b[:bytes.IndexByte(b, '\n')+1] }

// renameColumn changes a name in the header of a CSV table.
func renameColumn(old, new string) func([]byte) []byte {
	return func(b []byte) []byte { return bytes.Replace(b, []byte(old), []byte(new), 1) }
}

// setColumn gives a column of a CSV table the same text in every row.
func setColumn(t *testing.T, name, text string) func([]byte) []byte {
	return func(b []byte) []byte {
		lines := strings.Split(strings.TrimRight(string(b), "\n"), "\n")
		at := -1
		for i, n := range strings.Split(lines[0], ",") {
			if n == name {
				at = i
			}
		}
		if at < 0 {
			t.Fatalf("no column %s in %s", name, lines[0])
		}
		for i, l := range lines[1:] {
			cells := strings.Split(l, ",")
			cells[at] = text
			lines[i+1] = strings.Join(cells, ",")
		}
		return []byte(strings.Join(lines, "\n") + "\n")
	}
}

// changed is a case that changes a source.
func changed(t *testing.T, table string, change func([]byte) []byte) func(*testing.T, string) []string {
	return func(t *testing.T, home string) []string {
		rewrite(t, source(home, table), change)
		return nil
	}
}

// configured is a case that changes keys of the configuration.
func configured(settings ...string) func(*testing.T, string) []string {
	return func(t *testing.T, home string) []string {
		setKeys(t, home, settings...)
		return nil
	}
}

// appended is a case that adds text to the configuration.
func appended(text string) func(*testing.T, string) []string {
	return func(t *testing.T, home string) []string {
		rewrite(t, filepath.Join(home, pipeline.ConfigName), func(b []byte) []byte { return append(b, text...) })
		return nil
	}
}

// queried is a case that changes the first of some text in the configuration.
func queried(old, new string) func(*testing.T, string) []string {
	return func(t *testing.T, home string) []string {
		rewrite(t, filepath.Join(home, pipeline.ConfigName), func(b []byte) []byte {
			if !bytes.Contains(b, []byte(old)) {
				t.Fatalf("no %s in the configuration", old)
			}
			return bytes.Replace(b, []byte(old), []byte(new), 1)
		})
		return nil
	}
}

// commandLine is a case of the command line; HOME in it stands for the home.
func commandLine(args ...string) func(*testing.T, string) []string {
	return func(t *testing.T, home string) []string {
		out := make([]string, len(args))
		for i, a := range args {
			out[i] = strings.ReplaceAll(a, "HOME", home)
		}
		return out
	}
}

func TestEndToEndBadSources(t *testing.T) {
	checkAll(t, []badInput{
		{"missing file", func(t *testing.T, home string) []string {
			if err := os.Remove(source(home, "payments")); err != nil {
				t.Fatal(err)
			}
			return nil
		}, 3, []string{"extract: sources.payments: ", "no file ", "sources/payments.csv"}},
		{"wrong column", changed(t, "invoices", renameColumn("amount_cents", "value")), 3,
			[]string{"extract: invoices: ", `no column "amount_cents"`, "value"}},
		{"wrong type in every row", changed(t, "invoices", setColumn(t, "amount_cents", "caro")), 3,
			[]string{"extract: invoices: ", "bad_number", "row 1", "amount_cents", "caro", "quarantine.max_share"}},
		{"unknown channel in every row", changed(t, "touches", setColumn(t, "channel", "pombo")), 3,
			[]string{"extract: touches: ", "unknown_channel", "row 1", "pombo"}},
		{"no customers", changed(t, "customers", header), 3, []string{"extract: customers: ", "no rows"}},
		{"no invoices", changed(t, "invoices", header), 3, []string{"extract: invoices: ", "no rows"}},
		{"no touches", changed(t, "touches", header), 3, []string{"touch"}},
		{"an empty file", changed(t, "customers", func([]byte) []byte { return nil }), 3, []string{"extract: customers: "}},
		{"a file of another kind", changed(t, "customers", func([]byte) []byte { return []byte("\x00\x01\x02PK\x03\x04") }), 3, []string{"extract: customers: "}},
		{"truncated Parquet", truncatedParquet, 3, []string{"extract: payments: ", "payments.parquet", "whole"}},
		{"Parquet that is text", func(t *testing.T, home string) []string {
			args := truncatedParquet(t, home)
			rewrite(t, filepath.Join(home, "sources", "payments.parquet"), func([]byte) []byte { return []byte("payment_id,invoice_id\n") })
			return args
		}, 3, []string{"extract: payments: ", "payments.parquet"}},
	})
}

// truncatedParquet turns the sources into Parquet and cuts one in half.
func truncatedParquet(t *testing.T, home string) []string {
	if err := os.Remove(filepath.Join(home, pipeline.ConfigName)); err != nil {
		t.Fatal(err)
	}
	must(t, "simulate", "--home", home, "--customers", "50", "--months", "4", "--format", "parquet")
	rewrite(t, filepath.Join(home, "sources", "payments.parquet"), func(b []byte) []byte { return b[:len(b)/2] })
	return nil
}

// A portfolio in which nobody ever paid is no error; a plan for a day long after
// the sources end says so.
func TestEndToEndPortfoliosAtTheEdge(t *testing.T) {
	home := aRanHome(t)
	rewrite(t, source(home, "payments"), header)
	code, _, stderr := command("run", "--home", home)
	if code != 0 {
		t.Fatalf("without a payment: exit code %d: %s", code, stderr)
	}
	// Nobody pays, touched or not: no contact is worth its cost.
	if plan := readCSV(t, filepath.Join(stageFolders(t, home)["optimize"], "plan.csv")); len(plan) != 1 {
		t.Errorf("without a payment: %d actions", len(plan)-1)
	}
	home = aRanHome(t)
	code, _, stderr = command("run", "--home", home, "--as-of", "2026-02-05", "--to", "features")
	if says := "the sources end on 2026-01-04, 31 days before 2026-02-05"; code != 0 || !strings.Contains(stderr, says) {
		t.Errorf("long after: exit code %d: %s", code, stderr)
	}
	if code, _, stderr = command("run", "--home", home, "--to", "extract"); strings.Contains(stderr, "the sources end") {
		t.Errorf("in time: exit code %d: %s", code, stderr)
	}
}

func TestEndToEndBadDays(t *testing.T) {
	checkAll(t, []badInput{
		{"as_of before all data", configured("as_of: 2001-01-01"), 2, []string{"as_of 2001-01-01", "first event", "later day"}},
		{"--as-of before all data", commandLine("run", "--home", "HOME", "--as-of", "2001-01-01"), 2, []string{"as_of 2001-01-01", "first event", "later day"}},
		{"as_of with too short a history", configured("as_of: 2025-05-10"), 3, []string{"history"}},
		{"as_of long after all data", configured("as_of: 2099-01-01"), 3, []string{"before 2099-01-01", "history"}},
		{"as_of that is no day", configured("as_of: 2025-02-30"), 2, []string{`as_of: data: bad date: "2025-02-30"`}},
		{"--as-of that is no day", commandLine("run", "--home", "HOME", "--as-of", "soon"), 2, []string{"--as-of", "soon"}},
		{"a split outside the history", configured("split: time:2030-01-01"), 3, []string{"train: ", "2030-01-01", "train.split"}},
	})
}

func TestEndToEndBadConfiguration(t *testing.T) {
	checkAll(t, []badInput{
		{"no dunning.yaml", func(t *testing.T, home string) []string {
			if err := os.Remove(filepath.Join(home, pipeline.ConfigName)); err != nil {
				t.Fatal(err)
			}
			return nil
		}, 2, []string{"dunning.yaml", "no configuration", "dunning init"}},
		{"unknown key", appended("budget_cent: 3\n"), 2, []string{"dunning.yaml", "budget_cent: unknown key", `did you mean "budget_cents"?`}},
		{"unknown channel", configured("letter: {cost_cents: 300}\n  pigeon: {cost_cents: 1}"), 2, []string{"dunning.yaml", "channels.pigeon", "unknown channel"}},
		{"negative budget", configured("budget_cents: -1"), 2, []string{"dunning.yaml", "budget_cents: -1 is below 0"}},
		{"a budget of text", configured("budget_cents: much"), 2, []string{"dunning.yaml", `budget_cents: "much" is not a whole number`}},
		{"a fraction of a round", configured("rounds: 2.5"), 2, []string{"train.rounds: 2.5 is not a whole number"}},
		{"a group of keys that is a number", configured("email: 3"), 2, []string{"channels", "email"}},
		{"a budget of NaN", configured("budget_cents: .nan"), 2, []string{"dunning.yaml", "budget_cents: NaN is not a whole number"}},
		{"NaN as a share", configured("holdout_share: .nan"), 2, []string{"dunning.yaml", "holdout_share"}},
		{"too few rows", configured("max_training_rows: 10"), 2, []string{"features.max_training_rows"}},
		{"two faults at once", configured("rounds: 0", "partitions: 0"), 2, []string{"train.rounds", "partitions"}},
		{"no YAML", appended("\n\t- [\n"), 2, []string{"dunning.yaml"}},
		{"a list instead of keys", func(t *testing.T, home string) []string {
			rewrite(t, filepath.Join(home, pipeline.ConfigName), func([]byte) []byte { return []byte("- 1\n- 2\n") })
			return nil
		}, 2, []string{"dunning.yaml"}},
		{"a feature that does not exist", configured("exclude: [f_none]"), 2, []string{"train.exclude", "f_none"}},
		{"an unknown rule pack", configured("packs: [br-federal, mars]"), 2, []string{"mars"}},
		{"a query that does not parse", queried("SELECT * FROM read_csv('sources/customers", "SELEC * FROM read_csv('sources/customers"), 2, []string{"extract: customers: ", "Parser Error"}},
		{"a query of a table that is not there", queried("SELECT * FROM read_csv('sources/customers.csv'", "SELECT * FROM debtors -- '"), 3, []string{"extract: customers: ", "debtors"}},
		{"a secret in the file", queried("query: |-", "postgres: {dsn_env: 'postgres://me:secret@db/erp'}\n    query: |-"), 2, []string{"sources.customers.postgres.dsn_env", "keep the connection string itself out of the file"}},
		{"a database that is not there", func(t *testing.T, home string) []string {
			t.Setenv("E2E_DSN", "postgres://nobody@127.0.0.1:1/none?connect_timeout=2")
			return queried("query: |-", "postgres: {dsn_env: E2E_DSN}\n    query: |-")(t, home)
		}, 1, []string{"extract: sources.customers: ", "E2E_DSN", "127.0.0.1"}},
		{"a minimum that no plan meets", configured("budget_cents: 0", "segments: [{segment: varejo, min_coverage: 1}]"), 4, []string{"optimize: ", "varejo", "lower a minimum"}},
	})
}

func TestEndToEndBadEnvironment(t *testing.T) {
	home := aRanHome(t) // before the environment is spoiled
	t.Setenv("DUNNING_BUDGET_CENT", "3")
	badInput{"", commandLine("run", "--home", "HOME"), 2, []string{"DUNNING_BUDGET_CENT", "DUNNING_BUDGET_CENTS"}}.check(t, home)
	os.Unsetenv("DUNNING_BUDGET_CENT")
	t.Setenv("DUNNING_TRAIN__ROUNDS", "none")
	badInput{"", commandLine("run", "--home", "HOME"), 2, []string{`train.rounds: "none" is not a whole number`}}.check(t, home)
}

func TestEndToEndBadCommandLines(t *testing.T) {
	file := writeTemp(t, "file", "")
	checkAll(t, []badInput{
		{"unknown command", commandLine("collect"), 2, []string{"collect"}},
		{"unknown command, near to one", commandLine("optimise", "--home", "HOME"), 2, []string{"optimise", "optimize"}},
		{"unknown flag", commandLine("run", "--home", "HOME", "--fast"), 2, []string{"--fast", "--help"}},
		{"unknown flag of the root", commandLine("--fast"), 2, []string{"--fast"}},
		{"unknown short flag", commandLine("run", "-x"), 2, []string{"-x"}},
		{"a flag without its value", commandLine("run", "--as-of"), 2, []string{"needs an argument", "--as-of"}},
		{"a flag of another type", commandLine("run", "--force=perhaps"), 2, []string{"--force", "perhaps"}},
		{"a number that is none", commandLine("simulate", "--home", "HOME", "--customers", "many"), 2, []string{"--customers", "many"}},
		{"positional argument", commandLine("run", "HOME"), 2, []string{"takes no argument"}},
		{"positional argument of a stage", commandLine("extract", "now"), 2, []string{"takes no argument", "now"}},
		{"unknown topic of help", commandLine("help", "collect"), 2, []string{"collect"}},
		{"a parent without its verb", commandLine("keys"), 2, []string{"keys"}},
		{"unknown verb", commandLine("bench", "kitchen"), 2, []string{"kitchen"}},
		{"unknown stage", commandLine("run", "--home", "HOME", "--to", "pray"), 2, []string{"--to", "pray", "extract, features"}},
		{"stages backwards", commandLine("run", "--home", "HOME", "--from", "report", "--to", "extract"), 2, []string{"--from report", "--to extract"}},
		{"a stage before its inputs", func(t *testing.T, home string) []string {
			if err := os.RemoveAll(filepath.Join(home, "lake")); err != nil {
				t.Fatal(err)
			}
			return []string{"score", "--home", home}
		}, 2, []string{"extract", "no output", "run from it"}},
		{"no home", commandLine("run", "--home", "HOME/none"), 2, []string{"/home/none/dunning.yaml", "no configuration"}},
		{"an empty home", commandLine("run", "--home", ""), 2, []string{"--home"}},
		{"a home that is a file", commandLine("run", "--home", file), 2, []string{"not a directory", "--home"}},
		{"a home under a file, simulate", commandLine("simulate", "--customers", "5", "--home", file+"/home"), 2, []string{"cannot be written", "--home"}},
		{"a home under a file, init", commandLine("init", "--home", file+"/home"), 2, []string{"cannot be written", "--home"}},
		{"a home in /proc, simulate", commandLine("simulate", "--customers", "5", "--home", "/proc/dunning"), 2, []string{"/proc/dunning", "cannot be written", "--home"}},
		{"a home in /proc, init", commandLine("init", "--home", "/proc/dunning"), 2, []string{"/proc/dunning", "cannot be written", "--home"}},
		{"a home in /proc, run", commandLine("run", "--home", "/proc/dunning"), 2, []string{"/proc/dunning", "no configuration"}},
		{"the disk in the lake's place", func(t *testing.T, home string) []string {
			if err := os.RemoveAll(filepath.Join(home, "lake")); err != nil {
				t.Fatal(err)
			}
			rewriteNew(t, filepath.Join(home, "lake"))
			return nil
		}, 2, []string{"lake", "--home"}},
	})
}

func rewriteNew(t *testing.T, path string) {
	t.Helper()
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		t.Fatal(err)
	}
}
