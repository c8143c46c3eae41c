package uplift_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"dunning/models/uplift"
)

// noisyScores are doubly robust scores of estimates that are off in scale by
// scale and in level by level, with the noise of a log whose least probability
// is a fortieth. Two rows belong to each unit and share a part of their noise.
func noisyScores(rng *rand.Rand, rows int, scale, level float64) (excess []float64, x [][]float64, unit []string) {
	x = make([][]float64, 2)
	shared := 0.0
	for i := range rows {
		tau := .02 + .03*rng.NormFloat64()
		if i%2 == 0 {
			shared = rng.NormFloat64()
		}
		excess = append(excess, scale*tau+level+.6*rng.NormFloat64()+.6*shared)
		x[0], x[1] = append(x[0], tau), append(x[1], 1)
		unit = append(unit, fmt.Sprint(i/2))
	}
	return excess, x, unit
}

// corrected has a prior of the given spread.
func corrected(excess []float64, x [][]float64, spread []float64, unit []string) (*uplift.Correction, error) {
	e, err := uplift.NewEvidence(excess, x, spread, unit)
	if err != nil {
		return nil, err
	}
	return e.Correction(1)
}

// Nominal 90 % intervals of the corrected mean effect cover the truth in 86 to
// 94 % of 300 repetitions (plus or minus two standard errors of such a share,
// 1.7 points).
func TestCorrectionCoversTheTruth(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	const repetitions = 300
	covered := 0
	for range repetitions {
		excess, x, unit := noisyScores(rng, 4000, .25, -.01)
		c, err := corrected(excess, x, []float64{10, 10}, unit)
		if err != nil {
			t.Fatal(err)
		}
		got, stderr := c.Apply(.02, []float64{.02, 1})
		if truth := .02*1.25 - .01; math.Abs(got-truth) < 1.645*stderr {
			covered++
		}
	}
	if share := float64(covered) / repetitions; share < .86 || share > .94 {
		t.Errorf("%.3f of the nominal 90 %% intervals cover the truth", share)
	}
}

// Thin data leave an estimate as it is; plenty of data find what is wrong.
func TestCorrectionIsAsBoldAsTheDataAllow(t *testing.T) {
	rng := rand.New(rand.NewPCG(6, 6))
	for _, c := range []struct {
		name   string
		rows   int
		lo, hi float64 // of the corrected mean; uncorrected .02, truth .01
	}{
		{"thin", 100, .012, .028},
		{"plenty", 400_000, .0065, .0135},
	} {
		excess, x, unit := noisyScores(rng, c.rows, 0, -.01)
		fit, err := corrected(excess, x, []float64{.3, .005}, unit)
		if c.rows > 1000 {
			fit, err = corrected(excess, x, []float64{.3, .3}, unit)
		}
		if err != nil {
			t.Fatal(err)
		}
		got, _ := fit.Apply(.02, []float64{.02, 1})
		if got < c.lo || got > c.hi {
			t.Errorf("%s: corrected to %.4f, want within %.4f … %.4f", c.name, got, c.lo, c.hi)
		}
	}
}

// A column that is 0 throughout, such as a stage nobody was in, is harmless.
func TestCorrectionWithAnEmptyColumn(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 7))
	excess, x, unit := noisyScores(rng, 1000, 0, .02)
	x = append(x, make([]float64, len(excess)))
	c, err := corrected(excess, x, []float64{.3, .3, .3}, unit)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Validate(3); err != nil {
		t.Fatal(err)
	}
	if c.Validate(2) == nil {
		t.Error("a correction of three columns passes for one of two")
	}
	if math.Abs(c.Coef[2]) > 1e-6 || math.Abs(math.Sqrt(c.Cov[2][2])-.3) > .01 {
		t.Errorf("an empty column has %g ± %g", c.Coef[2], math.Sqrt(c.Cov[2][2]))
	}
}

// Estimates that are right are left nearly alone: of the corrections that a
// fixed prior makes of noise, pooling keeps less than half. Estimates that are
// wrong are mended as before.
func TestPoolCorrections_ChangeOnlyWhatIsWrong(t *testing.T) {
	rng := rand.New(rand.NewPCG(8, 8))
	spread := []float64{.3, .02}
	moved := func(scale, level float64) (fixed, pooled float64) {
		const channels, repetitions = 4, 20
		for range repetitions {
			var all []*uplift.Evidence
			for range channels {
				excess, x, unit := noisyScores(rng, 4000, scale, level)
				e, err := uplift.NewEvidence(excess, x, spread, unit)
				if err != nil {
					t.Fatal(err)
				}
				all = append(all, e)
				c, err := e.Correction(1)
				if err != nil {
					t.Fatal(err)
				}
				at, _ := c.Apply(0, []float64{.02, 1})
				fixed += math.Abs(at) / channels / repetitions
			}
			corrections, err := uplift.PoolCorrections(all)
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range corrections {
				at, _ := c.Apply(0, []float64{.02, 1})
				pooled += math.Abs(at) / channels / repetitions
			}
		}
		return fixed, pooled
	}
	if fixed, pooled := moved(0, 0); pooled > fixed/2 {
		t.Errorf("right estimates are moved by %.4f, with a fixed prior by %.4f", pooled, fixed)
	}
	if fixed, pooled := moved(0, -.05); pooled < .9*fixed || pooled < .02 {
		t.Errorf("estimates too high by 0.05 are moved by %.4f, with a fixed prior by %.4f", pooled, fixed)
	}
}
