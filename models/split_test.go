package models_test

import (
	"context"
	"fmt"
	"math"
	"slices"
	"testing"

	"dunning/data"
	"dunning/models"
	"dunning/models/baseline"
)

func TestSplitByTime(t *testing.T) {
	asOf := []data.Date{10, 11, 12, 13, 14, 15, 16, 5}
	for _, c := range []struct {
		name        string
		cut         data.Date
		embargo     int
		train, test []int
	}{
		{"no embargo", 13, 0, []int{0, 1, 2, 7}, []int{3, 4, 5, 6}},
		{"embargo of the horizon", 13, 2, []int{0, 1, 7}, []int{3, 4, 5, 6}},
		{"cut before all", 1, 0, nil, []int{0, 1, 2, 3, 4, 5, 6, 7}},
		{"cut after all", 99, 2, []int{0, 1, 2, 3, 4, 5, 6, 7}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			train, test := models.SplitByTime(asOf, c.cut, c.embargo)
			if !slices.Equal(train, c.train) || !slices.Equal(test, c.test) {
				t.Errorf("train %v, test %v", train, test)
			}
		})
	}
}

func ids(n, customers int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf("c%05d", i*7919%customers)
	}
	return out
}

func TestSplitByCustomerKeepsCustomersWhole(t *testing.T) {
	who := ids(20_000, 5_000)
	train, test := models.SplitByCustomer(who, 0.3, 9)
	side := map[string]bool{}
	for _, i := range test {
		side[who[i]] = true
	}
	for _, i := range train {
		if side[who[i]] {
			t.Fatalf("%s is on both sides", who[i])
		}
	}
	if got := float64(len(test)) / float64(len(who)); math.Abs(got-0.3) > 0.03 { // 5 s.e. of 5,000 draws
		t.Errorf("share %.3f", got)
	}
	// The side does not depend on who else is there.
	_, few := models.SplitByCustomer(who[:100], 0.3, 9)
	for _, i := range few {
		if !slices.Contains(test, i) {
			t.Errorf("%s changed sides", who[i])
		}
	}
	if _, other := models.SplitByCustomer(who, 0.3, 10); slices.Equal(other, test) {
		t.Error("another seed gave the same split")
	}
}

func TestSplitRandomIsAPartition(t *testing.T) {
	train, test := models.SplitRandom(1001, 0.25, 3)
	if len(test) != 250 || !slices.IsSorted(test) || !slices.Equal(train, models.Without(1001, test)) {
		t.Errorf("%d train, %d test", len(train), len(test))
	}
	_, again := models.SplitRandom(1001, 0.25, 3)
	if !slices.Equal(test, again) {
		t.Error("the same seed gave another split")
	}
}

func TestStratifiedFoldsBalanceTheLabels(t *testing.T) {
	y := make([]float64, 1003)
	for i := range y {
		if i%9 == 0 {
			y[i] = 1
		}
	}
	folds := models.StratifiedFolds(y, 5, 42)
	seen := make([]int, len(y))
	var positives, rows []int
	for _, f := range folds {
		pos := 0
		for _, i := range f {
			seen[i]++
			pos += int(y[i])
		}
		positives, rows = append(positives, pos), append(rows, len(f))
	}
	if slices.Min(seen) != 1 || slices.Max(seen) != 1 {
		t.Error("a row is not in exactly one fold")
	}
	if slices.Max(positives)-slices.Min(positives) > 1 || slices.Max(rows)-slices.Min(rows) > 1 {
		t.Errorf("positives %v, rows %v", positives, rows)
	}
	if slices.Equal(folds[0], models.StratifiedFolds(y, 5, 43)[0]) {
		t.Error("another seed gave the same folds")
	}
}

func TestCustomerFoldsKeepCustomersWhole(t *testing.T) {
	who := ids(3000, 700)
	home := map[string]int{}
	total := 0
	for f, rows := range models.CustomerFolds(who, 4, 1) {
		total += len(rows)
		if len(rows) < 500 {
			t.Errorf("fold %d has %d rows", f, len(rows))
		}
		for _, i := range rows {
			if g, ok := home[who[i]]; ok && g != f {
				t.Fatalf("%s is in folds %d and %d", who[i], g, f)
			}
			home[who[i]] = f
		}
	}
	if total != len(who) {
		t.Errorf("%d rows in folds", total)
	}
}

func TestOutOfFoldDoesNotSeeTheFold(t *testing.T) {
	X, _ := sample(1, 6)
	y := []float64{0, 0, 0, 1, 1, 1}
	// The base rate of the other fold is 1 for the first rows, 0 for the last.
	got, err := models.OutOfFold(context.Background(), baseline.BaseRate{}, X, y, nil, [][]int{{0, 1, 2}, {3, 4}})
	if err != nil {
		t.Fatal(err)
	}
	want := []float64{1, 1, 1, 0.25, 0.25, math.NaN()}
	for i := range want {
		near(t, fmt.Sprintf("row %d", i), got[i], want[i], 1e-12)
	}
}

func ExampleSplitByTime() {
	asOf := []data.Date{100, 110, 120, 130, 140}
	train, test := models.SplitByTime(asOf, 130, 15) // outcomes take 15 days to be known
	fmt.Println(train, test)
	// Output: [0 1] [3 4]
}
