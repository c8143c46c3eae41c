package uplift

import (
	"context"
	"fmt"
	"math"

	"dunning/features"
	"dunning/models"
)

// Effects predicts the effect of each treatment over the control. It is
// immutable and safe for concurrent use.
type Effects interface {
	// Treatments names the options 1..T in the order of the predictions.
	Treatments() []string
	// Features names the columns that Predict reads.
	Features() []string
	// Predict returns mean[t-1][i], the effect of treatment t on row i of X,
	// and lo[t-1][i], its one-sided 95 % lower confidence bound. lo is NaN
	// where the learner had fewer than two bags: one model knows nothing of
	// its own spread. The error names a column that is missing.
	Predict(X features.Matrix) (mean, lo [][]float64, err error)
}

// Learner fits effects. Fitting twice gives two independent results; the same
// log and seed give the same.
type Learner interface {
	// Name is the short name that reports show: "s", "t", "x" or "dr".
	Name() string
	// Fit learns from a log. It errs with [ErrNoContrast] when an option has
	// no row.
	Fit(ctx context.Context, log Log) (Effects, error)
}

// point predicts effects without a bound: out[t-1][i].
type point func(X features.Matrix) ([][]float64, error)

// bagged combines the point predictions of B bags. Bag b was fitted without
// the customers of group b of B, so the bags' spread is that of a
// delete-a-group jackknife: s.e.² = (B−1)/B · Σ_b (τ_b − τ̄)² (Kott, "The
// delete-a-group jackknife", J. Official Statistics 17, 2001). The bound is
// τ̄ − t·s.e. with Student's t for B−1 degrees of freedom.
type bagged struct {
	treatments []string
	features   []string
	bags       []point
}

func (b *bagged) Treatments() []string { return b.treatments }

func (b *bagged) Features() []string { return b.features }

func (b *bagged) Predict(X features.Matrix) (mean, lo [][]float64, err error) {
	X, err = X.Select(b.features)
	if err != nil {
		return nil, nil, fmt.Errorf("uplift: %w", err)
	}
	preds := make([][][]float64, len(b.bags))
	for k, bag := range b.bags {
		if preds[k], err = bag(X); err != nil {
			return nil, nil, fmt.Errorf("uplift: bag %d: %w", k, err)
		}
	}
	B := float64(len(b.bags))
	quantile := tQuantile95(len(b.bags) - 1)
	for t := range b.treatments {
		m := make([]float64, len(preds[0][t]))
		l := make([]float64, len(m))
		for i := range m {
			for k := range preds {
				m[i] += preds[k][t][i]
			}
			m[i] /= B
			var ss float64
			for k := range preds {
				d := preds[k][t][i] - m[i]
				ss += d * d
			}
			l[i] = m[i] - quantile*math.Sqrt(ss*(B-1)/B)
		}
		mean, lo = append(mean, m), append(lo, l)
	}
	return mean, lo, nil
}

// tQuantile95 returns the 95 % quantile of Student's t with df degrees of
// freedom (tables; above 30 the normal's with its first correction), NaN for
// df < 1.
func tQuantile95(df int) float64 {
	table := [...]float64{math.NaN(), 6.314, 2.920, 2.353, 2.132, 2.015, 1.943, 1.895, 1.860, 1.833, 1.812,
		1.796, 1.782, 1.771, 1.761, 1.753, 1.746, 1.740, 1.734, 1.729, 1.725,
		1.721, 1.717, 1.714, 1.711, 1.708, 1.706, 1.703, 1.701, 1.699, 1.697}
	if df < 1 {
		return math.NaN()
	}
	if df < len(table) {
		return table[df]
	}
	return 1.6449 + 1.52/float64(df)
}

// Bags returns the rows on which each of B bags is fitted: for B ≥ 2, all rows
// but those of the customers in group b; for B < 2, all rows once.
func Bags(rows int, unit []string, bags int, seed uint64) [][]int {
	if bags < 2 {
		return [][]int{models.Without(rows, nil)}
	}
	out := folds(rows, unit, bags, seed)
	for b, left := range out {
		out[b] = models.Without(rows, left)
	}
	return out
}

// fitBags fits one point predictor per bag.
func fitBags(ctx context.Context, log Log, bags int, seed uint64, fit func(context.Context, Log) (point, error)) (Effects, error) {
	if err := log.check(); err != nil {
		return nil, err
	}
	if err := log.contrast(); err != nil {
		return nil, err
	}
	out := &bagged{treatments: log.Treatments, features: append([]string(nil), log.X.Names...)}
	for b, rows := range Bags(log.Rows(), log.Unit, bags, seed) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		sub := log
		if bags >= 2 {
			sub = log.Take(rows)
			if err := sub.contrast(); err != nil {
				return nil, fmt.Errorf("bag %d of %d: %w", b, bags, err)
			}
		}
		p, err := fit(ctx, sub)
		if err != nil {
			return nil, fmt.Errorf("uplift: bag %d: %w", b, err)
		}
		out.bags = append(out.bags, p)
	}
	return out, nil
}

// fitOn fits a learner on some rows of X with the targets of those rows.
func fitOn(ctx context.Context, l models.Learner, X features.Matrix, y []float64, rows []int) (models.Model, error) {
	return l.Fit(ctx, X.Take(rows), models.Take(y, rows), nil)
}
