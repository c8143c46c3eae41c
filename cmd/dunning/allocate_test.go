package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// runAllocate runs a command line and decodes its one JSON document.
func runAllocate(t *testing.T, args ...string) (code int, doc map[string]any, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(context.Background(), args, &out, &errs)
	for _, a := range args {
		if a == "--json" {
			d := json.NewDecoder(bytes.NewReader(out.Bytes()))
			if err := d.Decode(&doc); err != nil {
				t.Fatalf("%v: no JSON document: %v in %q", args, err, out.String())
			}
			if d.More() {
				t.Fatalf("%v: more than one JSON document: %s", args, out.String())
			}
		}
	}
	return code, doc, out.String(), errs.String()
}

func writeTemp(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

const allocateTable = `customer_id,channel,day,value_cents,cost_cents,allowed
b,sms,2026-01-05,100,10,true
b,voice,2026-01-05,150.5,60,true
a,sms,2026-01-05,80,10,true
a,voice,2026-01-06,90,60,true
c,sms,2026-01-05,80,10,false
`

func TestAllocateChoosesWithinBudgetAndCapacity(t *testing.T) {
	candidates := writeTemp(t, "c.csv", allocateTable)
	capacities := writeTemp(t, "cap.csv", "channel,day,capacity\nsms,2026-01-05,1\n")
	out := filepath.Join(t.TempDir(), "plan.csv")
	mps := filepath.Join(t.TempDir(), "plan.mps")
	for _, solver := range []string{"auto", "dual", "clp"} {
		code, doc, _, errs := runAllocate(t, "allocate", "--candidates", candidates, "--budget", "120", "--capacities", capacities,
			"--solver", solver, "--out", out, "--mps", mps, "--json")
		// By hand: 120 cents pay b's voice and a's voice (240.5); sms leaves money that nobody needs.
		if code != 0 || doc["status"] != "optimal" || doc["plan_value_cents"] != 240.5 || doc["spent_cents"] != 120.0 || doc["actions"] != 2.0 || doc["blocked"] != 1.0 {
			t.Fatalf("%s: exit %d, %v, %s", solver, code, doc, errs)
		}
		for _, name := range []string{"objective_cents", "bound_cents", "gap", "prices"} {
			if _, ok := doc[name]; !ok {
				t.Errorf("%s: no %s", solver, name)
			}
		}
		b, err := os.ReadFile(out)
		if err != nil || !strings.Contains(string(b), "\na,voice,2026-01-06,90,60,") || !strings.Contains(string(b), "\nb,voice,2026-01-05,150.5,60,") {
			t.Fatalf("%s: plan %q %v", solver, b, err)
		}
		if b, err := os.ReadFile(mps); err != nil || !strings.HasSuffix(string(b), "ENDATA\n") {
			t.Fatalf("%s: mps %v", solver, err)
		}
	}
	code, _, text, _ := runAllocate(t, "allocate", "--candidates", candidates, "--budget", "70", "--capacities", capacities)
	if code != 0 || !strings.Contains(text, "plan value   R$ 2,31") || !strings.Contains(text, "budget") {
		t.Fatalf("exit %d, %s", code, text)
	}
}

func TestAllocateInfeasibleIsRefusedWithItsStatus(t *testing.T) {
	candidates := writeTemp(t, "c.csv", allocateTable)
	rows := writeTemp(t, "rows.csv", "name,kind,limit\nat least both,min_touches,2\n")
	code, doc, _, errs := runAllocate(t, "allocate", "--candidates", candidates, "--budget", "15", "--rows", rows, "--json")
	if code != 4 || doc["status"] != "infeasible" || !strings.Contains(doc["reason"].(string), `"at least both" demands >= 2 and comes to 1.5`) ||
		strings.Count(errs, "\n") != 1 {
		t.Fatalf("exit %d, %v, %s", code, doc, errs)
	}
}

func TestAllocateFaultsAreOneLineWithTheirExitCode(t *testing.T) {
	good := writeTemp(t, "c.csv", allocateTable)
	bad := func(old, new string) string {
		return writeTemp(t, "bad.csv", strings.Replace(allocateTable, old, new, 1))
	}
	cases := []struct {
		name string
		args []string
		code int
		want string
	}{
		{"missing file", []string{"--candidates", "nope.csv", "--budget", "1"}, 3, "no such file"},
		{"missing column", []string{"--candidates", bad("cost_cents", "price"), "--budget", "1"}, 3, `no column "cost_cents"`},
		{"wrong type", []string{"--candidates", bad("100,10", "lots,10"), "--budget", "1"}, 3, "row 1"},
		{"empty table", []string{"--candidates", writeTemp(t, "e.csv", ""), "--budget", "1"}, 3, "empty"},
		{"NaN", []string{"--candidates", bad("100,10", "NaN,10"), "--budget", "1"}, 3, "row 1"},
		{"negative cost", []string{"--candidates", bad("100,10", "100,-10"), "--budget", "1"}, 3, "row 1"},
		{"unknown channel", []string{"--candidates", bad("b,sms", "b,pigeon"), "--budget", "1"}, 3, "unknown channel"},
		{"duplicate", []string{"--candidates", bad("b,voice", "b,sms"), "--budget", "1"}, 3, "row 2"},
		{"bad day", []string{"--candidates", bad("2026-01-06", "6/1/2026"), "--budget", "1"}, 3, "row 4"},
		{"truncated Parquet", []string{"--candidates", writeTemp(t, "t.parquet", "PAR1\x15\x04\x15"), "--budget", "1"}, 3, "damaged"},
		{"negative capacity", []string{"--candidates", good, "--budget", "1", "--capacities", writeTemp(t, "k.csv", "channel,day,capacity\nsms,2026-01-05,-1\n")}, 3, "k.csv row 1"},
		{"negative budget", []string{"--candidates", good, "--budget", "-1"}, 2, "--budget"},
		{"no budget", []string{"--candidates", good}, 2, "--budget"},
		{"NaN budget", []string{"--candidates", good, "--budget", "NaN"}, 2, "--budget"},
		{"no candidates", []string{"--budget", "1"}, 2, "--candidates"},
		{"too many touches", []string{"--candidates", good, "--budget", "1", "--k", "7"}, 2, "--k 7"},
		{"ladders as a whole program", []string{"--candidates", good, "--budget", "1", "--k", "2", "--solver", "clp"}, 2, "need --solver dual"},
		{"ladders in an exchange file", []string{"--candidates", good, "--budget", "1", "--k", "2", "--mps", "x.mps"}, 2, "single touches only"},
		{"one budget is no curve", []string{"--candidates", good, "--budget", "1", "--curve", "1"}, 2, "--curve 1"},
		{"discount above one", []string{"--candidates", good, "--budget", "1", "--k", "2", "--discount", writeTemp(t, "d.csv", "step,gap_days,factor\n2,1,1.5\n")}, 3, "factor 1.5"},
		{"discount of the first touch", []string{"--candidates", good, "--budget", "1", "--k", "2", "--discount", writeTemp(t, "d.csv", "step,gap_days,factor\n1,1,0.5\n")}, 3, "step 1 (2 to 6)"},
		{"discount that falls with the gap", []string{"--candidates", good, "--budget", "1", "--k", "2", "--discount", writeTemp(t, "d.yaml", "discount: [{step: 2, gap_days: 1, factor: 0.5}, {step: 2, gap_days: 3, factor: 0.4}]\n")}, 3, "0.5 after 2 days and 0.4 after 3"},
		{"forced without a candidate", []string{"--candidates", good, "--budget", "1", "--forced", writeTemp(t, "f.csv", "customer_id,channel,day\na,letter,2026-01-05\n")}, 3, `customer "a" has no allowed candidate for letter`},
		{"forced ladder too long", []string{"--candidates", good, "--budget", "1", "--forced", writeTemp(t, "f.csv", "customer_id,channel,day\na,sms,2026-01-05\na,voice,2026-01-06\n")}, 3, "at most 1"},
		{"forced ladder too dense", []string{"--candidates", good, "--budget", "1", "--k", "2", "--gap", "2", "--forced", writeTemp(t, "f.csv", "customer_id,channel,day\na,sms,2026-01-05\na,voice,2026-01-06\n")}, 3, "2 days apart"},
		{"prices of something else", []string{"--candidates", good, "--budget", "1", "--prices", writeTemp(t, "p.json", `{"prices":[{"row":"x","price_cents":1}]}`)}, 3, "none of the 1 rows"},
		{"prices that are none", []string{"--candidates", good, "--budget", "1", "--prices", good}, 3, "allocate --json"},
		{"unknown solver", []string{"--candidates", good, "--budget", "1", "--solver", "magic"}, 2, "--solver"},
		{"unknown extension", []string{"--candidates", good, "--budget", "1", "--out", "plan.xlsx"}, 2, ".csv or .parquet"},
		{"missing folder", []string{"--candidates", good, "--budget", "1", "--out", "no/such/plan.csv"}, 2, "folder"},
		{"argument", []string{"--candidates", good, "--budget", "1", "extra"}, 2, "extra"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			code, doc, _, errs := runAllocate(t, append([]string{"allocate", "--json"}, c.args...)...)
			if code != c.code || !strings.Contains(errs, c.want) || strings.Count(errs, "\n") != 1 || doc["exit_code"] != float64(c.code) {
				t.Fatalf("exit %d, %v, stderr %q; want %d and %q", code, doc, errs, c.code, c.want)
			}
		})
	}
}

func TestBenchOptimizerReportsItsFigures(t *testing.T) {
	code, doc, _, errs := runAllocate(t, "bench", "optimizer", "--customers", "1500", "--channels", "3", "--days", "4", "--k", "1", "--seed", "5", "--json")
	if code != 0 || doc["status"] != "optimal" || doc["customers"] != 1500.0 || doc["rows"] != 13.0 {
		t.Fatalf("exit %d, %v, %s", code, doc, errs)
	}
	for _, name := range []string{"options", "objective", "bound", "full_reads", "cpu_seconds", "bandwidth_ratio", "peak_rss_bytes"} {
		if v, ok := doc[name].(float64); !ok || v <= 0 {
			t.Errorf("%s is %v", name, doc[name])
		}
	}
	if gap := doc["gap"].(float64); gap > 1e-9 || gap < -1e-9 {
		t.Errorf("gap %g", gap)
	}
	seconds := doc["seconds"].(map[string]any)
	for _, name := range []string{"total", "scan", "lp", "finish"} {
		if v, ok := seconds[name].(float64); !ok || v <= 0 {
			t.Errorf("seconds.%s is %v", name, seconds[name])
		}
	}
	code, doc, _, errs = runAllocate(t, "bench", "optimizer", "--customers", "1500", "--channels", "3", "--days", "6", "--k", "3", "--seed", "5", "--json")
	if code != 0 || doc["status"] != "optimal" || doc["gap"].(float64) > 1e-6 {
		t.Errorf("--k 3: exit %d, %v, %s", code, doc, errs)
	}
	if code, _, _, _ := runAllocate(t, "bench", "optimizer", "--k", "7", "--json"); code != 2 {
		t.Errorf("--k 7: exit %d", code)
	}
	if code, _, _, _ := runAllocate(t, "bench", "optimizer", "--channels", "9", "--json"); code != 2 {
		t.Errorf("--channels 9: exit %d", code)
	}
}
