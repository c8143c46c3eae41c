package main

import (
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"dunning/data"
	"dunning/pipeline"
)

// Every planted fault is found under its table, source row and rule, nothing
// else is set aside, and every row that came in is accepted or quarantined.
// 1,000 customers of a year carry over a thousand faults, so that every kind of
// fault of every table is planted several times, which the test checks.
func TestEndToEndEveryPlantedFaultIsFound(t *testing.T) {
	for _, format := range []string{"csv", "parquet"} {
		t.Run(format, func(t *testing.T) {
			home := filepath.Join(t.TempDir(), "home")
			must(t, "simulate", "--home", home, "--customers", "1000", "--months", "12", "--dirty", "0.02", "--format", format, "--seed", "5")
			var answer extractAnswer
			mustJSON(t, &answer, "extract", "--home", home)
			planted := plantedFaults(t, home)
			found, err := data.Read[pipeline.QuarantineRow](answer.Quarantine)
			if err != nil {
				t.Fatal(err)
			}
			if want := filepath.Join(home, "lake/extract/current/quarantine.parquet"); fileHash(t, want) != fileHash(t, answer.Quarantine) {
				t.Errorf("%s is not %s", answer.Quarantine, want)
			}
			var got []string
			for _, q := range found {
				got = append(got, fmt.Sprintf("%s %d %s", q.Table, q.SourceRow, q.Rule))
			}
			comparePlanted(t, planted, got)
			everyKindIsPlanted(t, planted, format)
			countsAddUp(t, answer, home, format)
			if format == "csv" {
				runReportsTheSameCounts(t, home, answer)
			}
		})
	}
}

// plantedFaults lists HOME/truth/faults.csv as "table row rule".
func plantedFaults(t *testing.T, home string) []string {
	t.Helper()
	records := readCSV(t, filepath.Join(home, "truth", "faults.csv"))
	if strings.Join(records[0], ",") != "table,source_row,id,rule" {
		t.Fatalf("faults.csv has the columns %v", records[0])
	}
	var faults []string
	for _, r := range records[1:] {
		faults = append(faults, fmt.Sprintf("%s %s %s", r[0], r[1], r[3]))
	}
	return faults
}

func readCSV(t *testing.T, path string) [][]string {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	records, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return records
}

// comparePlanted reports faults that were not found, and rows that were set
// aside although nothing was planted there.
func comparePlanted(t *testing.T, planted, found []string) {
	t.Helper()
	want, got := slices.Sorted(slices.Values(planted)), slices.Sorted(slices.Values(found))
	if len(want) < 1000 {
		t.Errorf("only %d faults planted", len(want))
	}
	for _, f := range want {
		if _, ok := slices.BinarySearch(got, f); !ok {
			t.Errorf("planted, not found: %s", f)
		}
	}
	for i, f := range got {
		if _, ok := slices.BinarySearch(want, f); !ok {
			t.Errorf("found, not planted: %s", f)
		}
		if i > 0 && got[i-1] == f {
			t.Errorf("set aside twice: %s", f)
		}
	}
}

// everyKindIsPlanted makes sure that the portfolio is large enough. What is no
// date and no number can only be planted in text.
func everyKindIsPlanted(t *testing.T, planted []string, format string) {
	t.Helper()
	kinds := map[string]string{
		"customers":      "missing_value duplicate_id unknown_kind negative_amount unknown_channel bad_document",
		"invoices":       "missing_value duplicate_id unknown_customer negative_amount due_before_issue",
		"payments":       "missing_value duplicate_id unknown_customer unknown_invoice negative_amount payment_before_issue",
		"touches":        "missing_value duplicate_id unknown_customer unknown_channel negative_amount bad_probability",
		"touch_events":   "missing_value unknown_touch unknown_kind",
		"promises":       "missing_value duplicate_id unknown_customer negative_amount",
		"bureau_reports": "missing_value unknown_customer negative_amount bad_number",
	}
	count := map[string]int{}
	for _, f := range planted {
		fields := strings.Fields(f)
		count[fields[0]+" "+fields[2]]++
	}
	for _, table := range pipeline.SourceTables {
		if table == "disputes" { // a few hundred rows; each of their rules is tried in package pipeline
			continue
		}
		rules := strings.Fields(kinds[table])
		if format == "csv" {
			rules = append(rules, "bad_date")
			if table != "touch_events" {
				rules = append(rules, "bad_number")
			}
		}
		for _, rule := range rules {
			// Promises and customers are few: once is what can be asked for.
			if count[table+" "+rule] == 0 {
				t.Errorf("no %s is planted in %s", rule, table)
			}
		}
	}
}

// countsAddUp compares the counts of every table with the source, the lake and
// each other.
func countsAddUp(t *testing.T, answer extractAnswer, home, format string) {
	t.Helper()
	out, err := pipeline.OpenOutput(answer.Stage.Folder)
	if err != nil {
		t.Fatal(err)
	}
	if len(answer.Tables) != len(pipeline.SourceTables) {
		t.Fatalf("%d tables", len(answer.Tables))
	}
	for _, c := range answer.Tables {
		var accepted, byRule int64
		for _, part := range out.Parts(c.Table) {
			accepted += part.Rows
		}
		for _, r := range c.Rules {
			byRule += r.Rows
		}
		switch {
		case c.In == 0 || c.Quarantined == 0:
			t.Errorf("%s: %d rows came in, %d of them faulty", c.Table, c.In, c.Quarantined)
		case c.In != c.Accepted+c.Quarantined:
			t.Errorf("%s: %d in, %d accepted, %d quarantined", c.Table, c.In, c.Accepted, c.Quarantined)
		case c.Accepted != accepted || c.Quarantined != byRule:
			t.Errorf("%s: %d accepted, %d in the lake; %d quarantined, %d by rule", c.Table, c.Accepted, accepted, c.Quarantined, byRule)
		case out.Manifest.Counts[c.Table+".in"] != c.In:
			t.Errorf("%s: the manifest counts %d", c.Table, out.Manifest.Counts[c.Table+".in"])
		}
		if format == "csv" {
			if rows := len(readCSV(t, filepath.Join(home, "sources", c.Table+".csv"))) - 1; int64(rows) != c.In {
				t.Errorf("%s: %d rows in the source, %d came in", c.Table, rows, c.In)
			}
		}
	}
}

// runReportsTheSameCounts runs everything on the dirty portfolio and compares
// what run and report say with what extract said.
func runReportsTheSameCounts(t *testing.T, home string, answer extractAnswer) {
	t.Helper()
	smallModels(t, home)
	got := runHome(t, home)
	if got.Stages[0].Status != pipeline.StatusUnchanged || got.Stages[0].Counts["payments.quarantined"] == 0 {
		t.Errorf("extract %s, counts %v", got.Stages[0].Status, got.Stages[0].Counts)
	}
	report := must(t, "report", "--home", home)
	for _, c := range answer.Tables {
		i := strings.Index(report, fmt.Sprintf("\n %s ", c.Table))
		if i < 0 {
			t.Errorf("the report does not speak of %s", c.Table)
			continue
		}
		row, _, _ := strings.Cut(report[i+1:], "\n")
		fields := strings.Fields(strings.ReplaceAll(row, ",", ""))
		if want := []string{c.Table, fmt.Sprint(c.In), fmt.Sprint(c.Accepted), fmt.Sprint(c.Quarantined)}; !slices.Equal(fields[:4], want) {
			t.Errorf("the report says %v, extract %v", fields, want)
		}
	}
}

// More faults than quarantine.max_share allows stop the run before anything is
// learned from the rest. 200 customers suffice: the share is of the rows.
func TestEndToEndTooManyFaultsStopTheRun(t *testing.T) {
	home := filepath.Join(t.TempDir(), "home")
	must(t, "simulate", "--home", home, "--customers", "200", "--months", "6", "--dirty", "0.2")
	code, doc, _, stderr := runAllocate(t, "run", "--home", home, "--json")
	says := "quarantine.max_share"
	if code != 3 || doc["exit_code"] != 3.0 || !strings.Contains(stderr, says) || !strings.Contains(stderr, "extract: customers: ") {
		t.Errorf("exit code %d, %v, %s", code, doc, stderr)
	}
	if found, _ := filepath.Glob(filepath.Join(home, "lake", "*", "*")); len(found) > 0 {
		t.Errorf("it left %v", found)
	}
	setKeys(t, home, "max_share: 0.5")
	must(t, "extract", "--home", home)
}
