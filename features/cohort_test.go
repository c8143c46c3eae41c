package features_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"testing"

	"dunning/data"
	"dunning/features"
)

func cohortRow(month string, onTime int64) features.CohortRow {
	return features.CohortRow{Kind: features.CohortUF, Name: "SP", Month: day(month), Invoices: 10, OnTime: onTime, MeanLateDays: 1}
}

func TestCohortsAnswerAsOf(t *testing.T) {
	c, err := features.NewCohorts([]features.CohortRow{cohortRow("2024-03-01", 3), cohortRow("2024-01-01", 1), cohortRow("2024-02-01", 2)})
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name, kind, cohort, asOf string
		want                     int64
		ok                       bool
	}{
		{"the month's first day", features.CohortUF, "SP", "2024-02-01", 2, true},
		{"the day before", features.CohortUF, "SP", "2024-01-31", 1, true},
		{"later months are not known", features.CohortUF, "SP", "2024-02-29", 2, true},
		{"long after", features.CohortUF, "SP", "2026-01-01", 3, true},
		{"before all", features.CohortUF, "SP", "2023-12-31", 0, false},
		{"unknown name", features.CohortUF, "RJ", "2024-02-01", 0, false},
		{"unknown kind", "city", "SP", "2024-02-01", 0, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			row, ok := c.At(tc.kind, tc.cohort, day(tc.asOf))
			if ok != tc.ok || row.OnTime != tc.want {
				t.Errorf("%d on time, %v", row.OnTime, ok)
			}
		})
	}
	if _, ok := (*features.Cohorts)(nil).At(features.CohortUF, "SP", day("2024-02-01")); ok {
		t.Error("no table knows something")
	}
}

func TestCohortRowsAtFaultAreRefused(t *testing.T) {
	good := cohortRow("2024-01-01", 1)
	change := func(f func(*features.CohortRow)) []features.CohortRow {
		bad := good
		f(&bad)
		return []features.CohortRow{good, bad}
	}
	for _, tc := range []struct {
		name string
		rows []features.CohortRow
		want error
	}{
		{"twice", []features.CohortRow{good, good}, data.ErrDuplicateID},
		{"unknown kind", change(func(r *features.CohortRow) { r.Kind = "city" }), data.ErrUnknownKind},
		{"more on time than there are", change(func(r *features.CohortRow) { r.OnTime = 11 }), data.ErrBadNumber},
		{"negative", change(func(r *features.CohortRow) { r.Invoices, r.OnTime = -1, -2 }), data.ErrBadNumber},
		{"infinite", change(func(r *features.CohortRow) { r.MeanLateDays = math.Inf(1) }), data.ErrBadNumber},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if _, err := features.NewCohorts(tc.rows); !errors.Is(err, tc.want) {
				t.Errorf("error %v, want %v", err, tc.want)
			}
		})
	}
}

// The table is kept in Parquet by whoever computes it.
func TestCohortRowsComeBackFromParquet(t *testing.T) {
	rows := []features.CohortRow{cohortRow("2024-01-01", 1), cohortRow("2024-02-01", 2)}
	path := filepath.Join(t.TempDir(), "cohorts.parquet")
	if _, err := data.Write(path, rows); err != nil {
		t.Fatal(err)
	}
	got, err := data.Read[features.CohortRow](path)
	if err != nil || !slices.Equal(got, rows) {
		t.Errorf("%v, %v", got, err)
	}
}

func TestVocabularyIsLearnedAlikeWhateverTheParts(t *testing.T) {
	var whole, first, second features.VocabularyBuilder
	for seed := range uint64(30) {
		h := features.NewHistory(generated(seed, 10, 0))
		whole.Add(h, start+100)
		if seed%3 == 0 {
			first.Add(h, start+100)
		} else {
			second.Add(h, start+100)
		}
	}
	var merged features.VocabularyBuilder
	merged.Merge(&features.VocabularyBuilder{})
	merged.Merge(&second)
	merged.Merge(&first)
	a, b := whole.Vocabulary(), merged.Vocabulary()
	if fmt.Sprint(a) != fmt.Sprint(b) {
		t.Errorf("whole %v, merged %v", a, b)
	}
	want := testVocabulary()
	if !slices.Equal(a.UF, want.UF) || !slices.Equal(a.Segment, want.Segment) || !slices.Equal(a.Product, want.Product) { // the empty UF is no category
		t.Errorf("learned %v, want %v", a, want)
	}
}

// What is issued at AsOf or later does not teach a category.
func TestVocabularyDoesNotSeeTheFuture(t *testing.T) {
	late := invoice("N", goldenAsOf, "2024-04-11", 1)
	late.Product = "novo"
	var b features.VocabularyBuilder
	b.Add(features.NewHistory(features.History{Invoices: []data.Invoice{invoice("A", "2024-03-10", "2024-04-01", 1), late}}), day(goldenAsOf))
	if got := b.Vocabulary().Product; !slices.Equal(got, []string{"carne"}) {
		t.Errorf("products %v", got)
	}
}

func TestVocabularyKeepsTheMostFrequent(t *testing.T) {
	var b features.VocabularyBuilder
	for i := range 300 {
		var h features.History
		for k := range 1 + i/100 { // the last 200 products are sold more often than the first 100
			v := invoice(fmt.Sprint(i, k), "2024-01-01", "2024-02-01", 1)
			v.Product = fmt.Sprintf("p%03d", i)
			h.Invoices = append(h.Invoices, v)
		}
		b.Add(features.NewHistory(h), day(goldenAsOf))
	}
	got := b.Vocabulary().Product
	// 256 of 300: all from p100 on, then 56 of the rare ones in their order.
	if len(got) != 256 || got[0] != "p000" || got[55] != "p055" || got[56] != "p100" || got[255] != "p299" {
		t.Errorf("%d products: %v", len(got), got)
	}
}

func TestVocabularyIsKeptAsJSON(t *testing.T) {
	b, err := json.Marshal(testVocabulary())
	if err != nil {
		t.Fatal(err)
	}
	got, err := features.ParseVocabulary(b)
	if err != nil || fmt.Sprint(got) != fmt.Sprint(testVocabulary()) {
		t.Errorf("%v, %v", got, err)
	}
	for _, tc := range []struct {
		name, text string
		want       error
	}{
		{"twice", `{"uf":["SP","RJ","SP"]}`, data.ErrDuplicateID},
		{"not JSON", `{"uf":`, data.ErrDamagedFile},
		{"wrong type", `{"uf":[1]}`, data.ErrDamagedFile},
		{"baseline of another shape", `{"baseline":{"hazard":[0.1]}}`, data.ErrBadNumber},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if _, err := features.ParseVocabulary([]byte(tc.text)); !errors.Is(err, tc.want) {
				t.Errorf("error %v, want %v", err, tc.want)
			}
		})
	}
}

// A feature is said to be learned where another vocabulary reads another value, and
// nowhere else.
func TestLearnedFeaturesAreThoseOfTheVocabulary(t *testing.T) {
	v := testVocabulary()
	slices.Reverse(v.UF)
	slices.Reverse(v.Segment)
	slices.Reverse(v.Product)
	for i := range v.Baseline.Hazard {
		v.Baseline.Hazard[i] = .12
	}
	for i := range v.Baseline.Opened {
		v.Baseline.Opened[i] = .4
	}
	mine, other := newTestComputer(), features.NewComputer(v, testCohorts(), testPrices())
	differs := map[string]bool{}
	a, b := make([]float32, len(mine.Names())), make([]float32, len(mine.Names()))
	for seed := range uint64(40) {
		h := features.NewHistory(generated(seed, 12, 20))
		mine.Row(h, start+300, start+301, a)
		other.Row(h, start+300, start+301, b)
		for j, name := range mine.Names() {
			if a[j] != b[j] && a[j] == a[j] {
				differs[name] = true
			}
		}
	}
	for _, f := range features.Dictionary() {
		if f.Learned != differs[f.Name] {
			t.Errorf("%s: learned %t, differs %t", f.Name, f.Learned, differs[f.Name])
		}
	}
}
