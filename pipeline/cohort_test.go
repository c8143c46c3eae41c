package pipeline

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"dunning/data"
	"dunning/features"
)

// randomSources draws customers, invoices and payments, some of them partial,
// late, early or of cancelled invoices.
func randomSources(seed uint64) map[string]string {
	rng := rand.New(rand.NewPCG(seed, 7))
	files := sourceFiles()
	for _, table := range SourceTables {
		files[table] = files[table][:strings.Index(files[table], "\n")+1]
	}
	var customers, invoices, payments strings.Builder
	start := data.MakeDate(2024, 11, 5)
	n := 0
	for i := range 40 {
		fmt.Fprintf(&customers, "C%d,PF,%s,,,,,\n", i, []string{"SP", "RJ", ""}[rng.IntN(3)])
		for range rng.IntN(8) {
			n++
			issued := start + data.Date(rng.IntN(200))
			due := issued + data.Date(rng.IntN(40))
			amount := 100 + rng.IntN(5)*100
			cancelled := ""
			if rng.IntN(6) == 0 {
				cancelled = (issued + data.Date(rng.IntN(80))).String()
			}
			fmt.Fprintf(&invoices, "I%d,C%d,%s,%s,%d,%s,%s\n", n, i, issued, due, amount, []string{"loan", "card"}[rng.IntN(2)], cancelled)
			for p := range rng.IntN(4) {
				paid := issued.Time().Add(0).AddDate(0, 0, rng.IntN(90))
				fmt.Fprintf(&payments, "P%d-%d,I%d,C%d,%s,%d,\n", n, p, n, i, paid.Format("2006-01-02T15:04:05Z"), 100+rng.IntN(3)*100)
			}
		}
	}
	files["customers"] += customers.String()
	files["invoices"] += invoices.String()
	files["payments"] += payments.String()
	return files
}

// slowCohorts computes the same rows invoice by invoice, by the definition.
func slowCohorts(customers []data.Customer, invoices []data.Invoice, payments []data.Payment, asOf data.Date) []features.CohortRow {
	type key struct {
		kind, name string
		month      data.Date
	}
	rows := map[key]*features.CohortRow{}
	late := map[key][]float64{}
	byID := map[string]data.Customer{}
	for _, c := range customers {
		byID[c.CustomerID] = c
	}
	for month := data.MakeDate(2024, 1, 1); month <= asOf; month = monthAfter(month) {
		for _, v := range invoices {
			if v.DueOn >= month || v.DueOn < month-90 || v.AmountCents == 0 || v.CancelledOn != nil && *v.CancelledOn <= v.DueOn {
				continue
			}
			var total data.Cents
			paidOn, paid := data.Date(0), false
			mine := []data.Payment{}
			for _, p := range payments {
				if p.InvoiceID == v.InvoiceID {
					mine = append(mine, p)
				}
			}
			slices.SortFunc(mine, func(a, b data.Payment) int { return a.PaidAt.Compare(b.PaidAt) })
			for _, p := range mine {
				if total += p.AmountCents; total >= v.AmountCents && !paid {
					paid, paidOn = true, data.DateOf(p.PaidAt)
				}
			}
			paid = paid && paidOn < month && (v.CancelledOn == nil || paidOn <= *v.CancelledOn)
			c := byID[v.CustomerID]
			for _, k := range []key{{"uf", c.UF, month}, {"segment", c.Segment, month}, {"product", v.Product, month}} {
				if rows[k] == nil {
					rows[k] = &features.CohortRow{Kind: k.kind, Name: k.name, Month: k.month}
				}
				rows[k].Invoices++
				if paid {
					late[k] = append(late[k], float64(paidOn-v.DueOn))
					if paidOn <= v.DueOn {
						rows[k].OnTime++
					}
				}
			}
		}
	}
	var all []features.CohortRow
	for k, r := range rows {
		r.MeanLateDays = math.NaN()
		if n := len(late[k]); n > 0 {
			sum := 0.0
			for _, d := range late[k] {
				sum += d
			}
			r.MeanLateDays = sum / float64(n)
		}
		all = append(all, *r)
	}
	slices.SortFunc(all, func(a, b features.CohortRow) int {
		return strings.Compare(fmt.Sprint(a.Kind, "\x00", a.Name, "\x00", a.Month), fmt.Sprint(b.Kind, "\x00", b.Name, "\x00", b.Month))
	})
	return all
}

func monthAfter(d data.Date) data.Date {
	t := d.Time()
	return data.MakeDate(t.Year(), t.Month()+1, 1)
}

// cohortsOf runs writeCohorts over the given sources.
func cohortsOf(t *testing.T, files map[string]string, asOf data.Date) (Output, []features.CohortRow) {
	t.Helper()
	home, config := writeHome(t, files)
	out, err := extract(home, config)
	if err != nil {
		t.Fatal(err)
	}
	w := &Work{Config: config, Dir: t.TempDir(), Tmp: t.TempDir(), files: map[string]data.File{}}
	rows, err := writeCohorts(t.Context(), w, out, asOf)
	if err != nil {
		t.Fatal(err)
	}
	kept, err := data.Read[features.CohortRow](w.Dir + "/" + CohortsName)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(rows, kept, cmpopts.EquateNaNs()); diff != "" {
		t.Errorf("the file differs from the rows (-rows +file):\n%s", diff)
	}
	if _, err := features.NewCohorts(rows); err != nil {
		t.Error(err)
	}
	return out, rows
}

func TestCohortsFollowTheirDefinition(t *testing.T) {
	asOf := data.MakeDate(2025, 7, 14)
	out, got := cohortsOf(t, randomSources(1), asOf)
	want := slowCohorts(readTable[data.Customer](t, out, "customers"), readTable[data.Invoice](t, out, "invoices"),
		readTable[data.Payment](t, out, "payments"), asOf)
	if len(want) < 40 {
		t.Fatalf("only %d rows to compare", len(want))
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateNaNs(), cmpopts.EquateApprox(1e-12, 0)); diff != "" {
		t.Errorf("-definition +SQL:\n%s", diff)
	}
}

func TestCohortsDoNotLookAhead(t *testing.T) {
	files := randomSources(2)
	cut := data.MakeDate(2025, 3, 1)
	_, whole := cohortsOf(t, files, data.MakeDate(2025, 7, 14))
	// Payments from the cut on are moved far away; cancellations too.
	var kept []string
	for i, line := range strings.Split(files["payments"], "\n") {
		if f := strings.Split(line, ","); i > 0 && len(f) > 3 && f[3] >= cut.String() {
			f[3] = "2031-01-01"
			line = strings.Join(f, ",")
		}
		kept = append(kept, line)
	}
	files["payments"] = strings.Join(kept, "\n")
	kept = nil
	for i, line := range strings.Split(files["invoices"], "\n") {
		if f := strings.Split(line, ","); i > 0 && len(f) > 6 && f[6] >= cut.String() {
			f[6] = ""
			line = strings.Join(f, ",")
		}
		kept = append(kept, line)
	}
	files["invoices"] = strings.Join(kept, "\n")
	_, changed := cohortsOf(t, files, data.MakeDate(2025, 7, 14))
	until := func(rows []features.CohortRow) []features.CohortRow {
		return slices.DeleteFunc(slices.Clone(rows), func(r features.CohortRow) bool { return r.Month > cut })
	}
	if diff := cmp.Diff(until(whole), until(changed), cmpopts.EquateNaNs()); diff != "" {
		t.Errorf("events from the month's start on change it:\n%s", diff)
	}
	if cmp.Equal(whole, changed, cmpopts.EquateNaNs()) {
		t.Error("nothing changed after it either: the test compares nothing")
	}
}
