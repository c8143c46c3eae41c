package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"dunning/data"
	"dunning/features"
	"dunning/pipeline"
)

// TestTheLakeKnowsEveryCustomer: what a page shows of a customer is what the
// features are made of.
func TestTheLakeKnowsEveryCustomer(t *testing.T) {
	home := aRanHome(t)
	lake := &lakeHistories{home}
	in, err := lake.open()
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for part := range in.Parts("customers") {
		for want, err := range features.Histories(in.Dir, part) {
			if err != nil {
				t.Fatal(err)
			}
			ids = append(ids, want.Customer.CustomerID)
			if len(ids)%9 != 0 {
				continue
			}
			got, err := lake.History(t.Context(), want.Customer.CustomerID)
			if err != nil || got == nil {
				t.Fatalf("%s: %v", want.Customer.CustomerID, err)
			}
			if all := historyOf(want); !reflect.DeepEqual(got, all) {
				t.Fatalf("%s: %+v, want %+v", want.Customer.CustomerID, got, all)
			}
		}
	}
	if got, err := lake.History(t.Context(), ids[0]+"x"); got != nil || err != nil {
		t.Errorf("nobody: %+v, %v", got, err)
	}
	slices.Sort(ids)
	for _, prefix := range []string{"", ids[0][:3], ids[200][:len(ids[200])-1], ids[len(ids)-1], "~"} {
		var want []string
		for _, id := range ids {
			if strings.HasPrefix(id, prefix) && len(want) < 20 {
				want = append(want, id)
			}
		}
		if got, err := lake.Similar(t.Context(), prefix, 20); err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: %v, %v; want %v", prefix, got, err, want)
		}
	}
}

// largeLake are sources of a million customers in 8 partitions, of which the first
// has 18 invoices, as many payments, 24 contacts and 48 events for each.
const largeLake = `as_of: 2026-01-05
partitions: 8
sources:
  customers:
    query: SELECT format('C{:08d}', i) AS customer_id, 'PF' AS kind, 'SP' AS uf, '2020-01-01' AS since FROM range(1000000) t(i)
  invoices:
    query: SELECT format('I{:08d}-{:02d}', i, k) AS invoice_id, format('C{:08d}', i) AS customer_id, CAST(DATE '2024-07-01' + 30 * CAST(k AS INT) AS VARCHAR) AS issued_on, CAST(DATE '2024-07-16' + 30 * CAST(k AS INT) AS VARCHAR) AS due_on, '12345' AS amount_cents FROM read_csv('ids.csv', header = true) t(i), range(18) s(k)
  payments:
    query: SELECT format('P{:08d}-{:02d}', i, k) AS payment_id, format('I{:08d}-{:02d}', i, k) AS invoice_id, format('C{:08d}', i) AS customer_id, strftime(DATE '2024-07-20' + 30 * CAST(k AS INT), '%Y-%m-%dT12:00:00Z') AS paid_at, '12345' AS amount_cents FROM read_csv('ids.csv', header = true) t(i), range(17) s(k)
  touches:
    query: SELECT format('T{:08d}-{:02d}', i, k) AS touch_id, format('C{:08d}', i) AS customer_id, 'sms' AS channel, strftime(DATE '2024-07-20' + 20 * CAST(k AS INT), '%Y-%m-%dT13:00:00Z') AS sent_at, '9' AS cost_cents FROM read_csv('ids.csv', header = true) t(i), range(24) s(k)
  touch_events:
    query: SELECT format('T{:08d}-{:02d}', i, k // 2) AS touch_id, strftime(DATE '2024-07-20' + 20 * CAST(k // 2 AS INT), CASE WHEN k % 2 = 0 THEN '%Y-%m-%dT13:00:00Z' ELSE '%Y-%m-%dT13:05:00Z' END) AS at, CASE WHEN k % 2 = 0 THEN 'sent' ELSE 'delivered' END AS kind FROM read_csv('ids.csv', header = true) t(i), range(48) s(k)
`

// BenchmarkCustomer measures what the page of a customer and the search read of a
// lake of a million customers, whose partition that is read is whole: the 95th
// percentile in ms.
func BenchmarkCustomer(b *testing.B) {
	if os.Getenv("DUNNING_MILLION") == "" {
		b.Skip("asked for by DUNNING_MILLION=1: a million customers are extracted first")
	}
	home := b.TempDir()
	var ids []string
	var text strings.Builder
	text.WriteString("i\n")
	for i := range 1_000_000 {
		if id := fmt.Sprintf("C%08d", i); data.Partition(id, 8) == 0 {
			ids = append(ids, id)
			fmt.Fprintln(&text, i)
		}
	}
	for name, body := range map[string]string{pipeline.ConfigName: largeLake, "ids.csv": text.String()} {
		if err := os.WriteFile(filepath.Join(home, name), []byte(body), 0o644); err != nil {
			b.Fatal(err)
		}
	}
	if code, _, stderr := command("extract", "--home", home); code != 0 {
		b.Fatal(stderr)
	}
	lake := &lakeHistories{home}
	for name, ask := range map[string]func(id string) (bool, error){
		"page": func(id string) (bool, error) {
			h, err := lake.History(context.Background(), id)
			return h != nil && len(h.Invoices) == 18 && len(h.Touches) == 24 && len(h.Touches[0].Events) == 2, err
		},
		"search": func(id string) (bool, error) {
			found, err := lake.Similar(context.Background(), id[:6], 20)
			return len(found) == 20, err
		},
	} {
		b.Run(name, func(b *testing.B) {
			var took []time.Duration
			for n := 1; b.Loop(); n++ {
				id := ids[(n*7919)%len(ids)]
				began := time.Now()
				if ok, err := ask(id); err != nil || !ok {
					b.Fatalf("%s: %t, %v", id, ok, err)
				}
				took = append(took, time.Since(began))
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)*95/100].Microseconds())/1000, "p95-ms")
		})
	}
}
