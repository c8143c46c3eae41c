package models

import (
	"cmp"
	"context"
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"slices"

	"dunning/data"
	"dunning/features"
)

// The splits return row numbers, sorted, and depend on their arguments alone.
// Shares and counts outside their range panic: they are fixed by code or
// checked with the configuration.

// SplitByTime puts a row into train when its label was known at the cut, that
// is when AsOf + embargoDays ≤ cut, and into test when AsOf ≥ cut. Rows between
// are in neither. The embargo is the label's horizon in days: without it,
// training would see outcomes from the time of the test.
func SplitByTime(asOf []data.Date, cut data.Date, embargoDays int) (train, test []int) {
	if embargoDays < 0 {
		panic(fmt.Sprintf("models: embargo of %d days", embargoDays))
	}
	for i, d := range asOf {
		switch {
		case d >= cut:
			test = append(test, i)
		case int(d)+embargoDays <= int(cut):
			train = append(train, i)
		}
	}
	return train, test
}

// SplitByCustomer puts all rows of a customer on one side: into test with
// probability share, in [0, 1], by a hash of id and seed. The side of a
// customer does not depend on the other rows.
func SplitByCustomer(ids []string, share float64, seed uint64) (train, test []int) {
	checkShare(share)
	for i, id := range ids {
		if unitHash(id, seed) < share {
			test = append(test, i)
		} else {
			train = append(train, i)
		}
	}
	return train, test
}

// SplitRandom draws ⌊share·n + ½⌋ of n rows into test.
func SplitRandom(n int, share float64, seed uint64) (train, test []int) {
	checkShare(share)
	order := rand.New(rand.NewPCG(seed, splitStream)).Perm(n)
	k := int(math.Floor(share*float64(n) + 0.5))
	test, train = order[:k], order[k:]
	slices.Sort(test)
	slices.Sort(train)
	return train, test
}

// StratifiedFolds deals the rows into k folds so that the number of rows of
// each label differs by at most one between folds. The fold's rows are its
// test part; [Without] gives the rest.
func StratifiedFolds(y []float64, k int, seed uint64) [][]int {
	if k < 2 {
		panic(fmt.Sprintf("models: %d folds", k))
	}
	order := rand.New(rand.NewPCG(seed, splitStream)).Perm(len(y))
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(y[a], y[b]) })
	folds := make([][]int, k)
	for at, i := range order {
		folds[at%k] = append(folds[at%k], i)
	}
	for _, f := range folds {
		slices.Sort(f)
	}
	return folds
}

// CustomerFolds deals the rows into k folds by a hash of customer id and seed,
// all rows of a customer into one fold.
func CustomerFolds(ids []string, k int, seed uint64) [][]int {
	if k < 2 {
		panic(fmt.Sprintf("models: %d folds", k))
	}
	folds := make([][]int, k)
	for i, id := range ids {
		f := int(unitHash(id, seed) * float64(k))
		folds[f] = append(folds[f], i)
	}
	return folds
}

// Without returns the rows of [0, n) that are not in the sorted slice.
func Without(n int, rows []int) []int {
	out := make([]int, 0, max(0, n-len(rows)))
	at := 0
	for i := range n {
		if at < len(rows) && rows[at] == i {
			at++
			continue
		}
		out = append(out, i)
	}
	return out
}

// OutOfFold predicts every row by a model that did not see its fold. w may be
// nil. Rows in no fold are NaN.
func OutOfFold(ctx context.Context, l Learner, X features.Matrix, y, w []float64, folds [][]int) ([]float64, error) {
	if err := CheckTraining(X, y, w); err != nil {
		return nil, err
	}
	out := make([]float64, len(y))
	for i := range out {
		out[i] = math.NaN()
	}
	for f, test := range folds {
		train := Without(len(y), test)
		model, err := l.Fit(ctx, X.Take(train), Take(y, train), Take(w, train))
		if err != nil {
			return nil, fmt.Errorf("models: fold %d of %d: %w", f+1, len(folds), err)
		}
		p, err := model.Predict(X.Take(test))
		if err != nil {
			return nil, fmt.Errorf("models: fold %d of %d: %w", f+1, len(folds), err)
		}
		for at, i := range test {
			out[i] = p[at]
		}
	}
	return out, nil
}

// Take returns the values of the given rows, nil for nil.
func Take[T any](v []T, rows []int) []T {
	if v == nil {
		return nil
	}
	out := make([]T, len(rows))
	for at, i := range rows {
		out[at] = v[i]
	}
	return out
}

// splitStream keeps the draws of splits apart from others with the same seed.
const splitStream = 0x73706c6974

// unitHash maps an id to [0, 1).
func unitHash(id string, seed uint64) float64 {
	h := fnv.New64a()
	h.Write([]byte(id))
	x := h.Sum64() ^ (seed * 0x9e3779b97f4a7c15)
	// The finaliser of SplitMix64 spreads FNV's weak high bits.
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	x ^= x >> 31
	return float64(x>>11) / (1 << 53)
}

func checkShare(share float64) {
	if !(share >= 0 && share <= 1) {
		panic(fmt.Sprintf("models: share %g is not in [0, 1]", share))
	}
}
