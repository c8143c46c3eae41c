package pipeline

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dunning/data"
	"dunning/features"
)

func TestDecisionPoints(t *testing.T) {
	home, config := writeHome(t, sourceFiles())
	out, err := extract(home, config)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, query string
		want        []string // customer, day, option
		fault       string
		class       error
	}{
		{"touches", "SELECT customer_id, sent_at AS as_of, channel AS option, treat_prob FROM touches", []string{"C1 2025-02-01 sms", "C2 2025-02-16 hold"}, "", nil},
		{"text days, no probabilities", "SELECT customer_id, '2025-03-0' || right(customer_id, 1) AS as_of, 'hold' AS option, NULL AS treat_prob FROM customers;",
			[]string{"C1 2025-03-01 hold", "C2 2025-03-02 hold", "C3 2025-03-03 hold"}, "", nil},
		{"none", "SELECT customer_id, DATE '2025-01-01' AS as_of, 'hold' AS option, 1 AS treat_prob FROM customers WHERE false", nil, "", nil},
		{"no such column", "SELECT customer_id, issued_on AS as_of FROM invoices", nil, `no column "option"`, data.ErrBadInput},
		{"unknown customer", "SELECT 'C9' AS customer_id, DATE '2025-01-01' AS as_of, 'hold' AS option, 1 AS treat_prob", nil, "unknown customer: customer C9", data.ErrBadInput},
		{"unknown option", "SELECT 'C1' AS customer_id, DATE '2025-01-01' AS as_of, 'fax' AS option, 1 AS treat_prob", nil, "unknown option", data.ErrBadInput},
		{"bad day", "SELECT 'C1' AS customer_id, 'soon' AS as_of, 'hold' AS option, 1 AS treat_prob", nil, "as_of is no day", data.ErrBadInput},
		{"bad probability", "SELECT 'C1' AS customer_id, DATE '2025-01-01' AS as_of, 'hold' AS option, 'nan' AS treat_prob", nil, "treat_prob", data.ErrBadInput},
		{"twice", "SELECT 'C1' AS customer_id, DATE '2025-01-01' AS as_of, 'hold' AS option, 1 AS treat_prob FROM range(2)", nil, "more than once, one of them: customer C1 on 2025-01-01", data.ErrBadInput},
		{"does not parse", "SELEC 1", nil, "Parser Error", data.ErrUsage},
	} {
		t.Run(tt.name, func(t *testing.T) {
			config.Features.DecisionPoints = tt.query
			w := &Work{Config: config, Tmp: t.TempDir()}
			dir, err := decisionPoints(t.Context(), w, out)
			if tt.class != nil {
				if !errors.Is(err, tt.class) || !strings.Contains(err.Error(), tt.fault) {
					t.Errorf("error %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for part := range config.Partitions {
				rows, err := data.Read[features.PointRow](filepath.Join(dir, features.PartName(part)))
				if err != nil {
					t.Fatal(err)
				}
				for _, r := range rows {
					if data.Partition(r.CustomerID, config.Partitions) != part {
						t.Errorf("customer %s is in partition %d", r.CustomerID, part)
					}
					got = append(got, r.CustomerID+" "+r.AsOf.String()+" "+string(r.Option))
				}
			}
			if diff := cmp.Diff(toSet(tt.want), toSet(got)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func toSet(s []string) map[string]bool {
	m := map[string]bool{}
	for _, x := range s {
		m[x] = true
	}
	return m
}
