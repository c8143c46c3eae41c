package pipeline

import (
	"fmt"
	"strings"
	"testing"

	"dunning/data"
)

// bigSources are enough rows for several row groups in one partition and for
// all threads, in an order that has nothing to do with the ids, with faults
// among them.
func bigSources(customers, payments int) map[string]string {
	files := sourceFiles()
	var c, v, p strings.Builder
	for i := range customers {
		id := i * 7919 % customers
		fmt.Fprintf(&c, "D%d,%s,SP,,,,,\n", id, []string{"PF", "PJ", "PF", "?"}[min(3, i%100)%4])
		fmt.Fprintf(&v, "J%d,D%d,2024-%02d-01,2024-%02d-20,%d,p%d,\n", id, id, 1+id%12, 1+id%12, id, id%5)
	}
	for i := range payments {
		id := i * 104729 % payments
		fmt.Fprintf(&p, "Q%d,J%d,D%d,2024-%02d-%02dT%02d:00:00Z,%d,m%d\n", id-i%1000/999, id%customers, id%customers, 1+id%12, 1+id%28, id%24, id-5, id%4)
	}
	files["customers"] += c.String()
	files["invoices"] += v.String()
	files["payments"] += p.String()
	return files
}

func TestExtractGivesTheSameBytes(t *testing.T) {
	if testing.Short() {
		t.Skip("reads 250,000 rows three times")
	}
	files := bigSources(5_000, 250_000)
	home, config := writeHome(t, files)
	config.Partitions = 1 // one file of several row groups
	var want data.Manifest
	for i, run := range []struct{ threads, memoryMB int }{{1, 1024}, {2, 1024}, {3, 256}} {
		config.Threads, config.MemoryMB = run.threads, run.memoryMB
		if _, err := runTest(t.Context(), home, config, []Stage{ExtractStage()}, RunOptions{Force: true}); err != nil {
			t.Fatal(err)
		}
		out, err := OpenOutput(ExtractStage().FolderOf(home, 0))
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			want = out.Manifest
			if n := want.Counts["payments.in"]; n < 250_000 {
				t.Fatalf("%d payments", n)
			}
			if want.Counts["payments.quarantined"] == 0 || want.Counts["customers.quarantined"] == 0 {
				t.Fatalf("no fault among the rows: %v", want.Counts)
			}
			continue
		}
		for j, f := range out.Manifest.Files {
			if f != want.Files[j] {
				t.Errorf("%+v: %s differs: %+v, want %+v", run, f.Name, f, want.Files[j])
			}
		}
	}
}

func TestRowsAreNumberedInFileOrder(t *testing.T) {
	if testing.Short() {
		t.Skip("reads 250,000 rows")
	}
	files := bigSources(5_000, 250_000)
	lines := strings.Split(files["payments"], "\n")
	home, config := writeHome(t, files)
	config.Threads = 2
	out, err := extract(home, config)
	if err != nil {
		t.Fatal(err)
	}
	checked := 0
	for _, q := range readQuarantine(t, out) {
		if q.Table == "payments" {
			id, _, _ := strings.Cut(lines[q.SourceRow], ",")
			if !strings.Contains(q.RowJSON, `"`+id+`"`) {
				t.Fatalf("row %d is %q, the quarantine has %s", q.SourceRow, lines[q.SourceRow], q.RowJSON)
			}
			checked++
		}
	}
	if checked < 1000 {
		t.Errorf("only %d rows checked", checked)
	}
}

// A query that joins or aggregates gives its rows in no order; they are
// numbered, and duplicates settled, in the order of all columns.
func TestUnorderedQueriesAreSettled(t *testing.T) {
	t.Setenv("TEST_DOCUMENT_KEY", "sixteen bytes at least")
	var want string
	for _, threads := range []int{1, 2, 2} {
		home, config := writeHome(t, bigSources(2_000, 20_000))
		config.Threads, config.Quarantine.DocumentHMACKeyEnv = threads, "TEST_DOCUMENT_KEY"
		config.Sources["payments"] = Source{Query: `SELECT 'X' || (CAST(right(payment_id, 1) AS INTEGER) % 3) AS payment_id, invoice_id, customer_id,
			max(paid_at) AS paid_at, sum(TRY_CAST(amount_cents AS BIGINT)) AS amount_cents FROM 'sources/payments.csv' GROUP BY 1, 2, 3`}
		out, err := extract(home, config)
		if err != nil {
			t.Fatal(err)
		}
		if got := out.ContentHash(); want == "" {
			want = got
		} else if got != want {
			t.Errorf("threads %d: another content", threads)
		}
	}
}
