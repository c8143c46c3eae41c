package uplift_test

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"dunning/data"
	"dunning/models/uplift"
)

// tied has three-fold ties and negative scores. The expected figures come from
// scikit-uplift 0.5.1's formulas, evaluated outside this program.
var tied = uplift.Ranking{
	Y:       []float64{1, 0, 1, 1, 0, 0, 1, 0, 1, 0, 1, 1, 0, 0, 0, 1, 0, 0, 1, 0},
	Treated: bools(1, 0, 1, 0, 1, 1, 0, 0, 1, 1, 0, 1, 0, 1, 0, 0, 1, 0, 1, 0),
	Score:   []float64{.9, .1, .8, .8, .5, .5, .5, -.2, .7, .3, .3, .3, -.2, .1, .6, .2, .4, 0, .1, -.1},
}

// silent has more responders among the controls than silent treated rows: the
// other branch of the perfect uplift curve.
var silent = uplift.Ranking{
	Y:       []float64{1, 0, 1, 1, 0, 0, 1, 0, 1, 0, 1, 1, 1, 1, 1, 1, 0, 1, 1, 1},
	Treated: bools(0, 1, 0, 1, 0, 0, 1, 1, 0, 0, 1, 0, 1, 0, 1, 1, 0, 1, 0, 1),
	Score:   tied.Score,
}

func bools(v ...int) []bool {
	out := make([]bool, len(v))
	for i, x := range v {
		out[i] = x == 1
	}
	return out
}

func TestMetricsAgreeWithScikitUplift(t *testing.T) {
	atK := func(k float64, s uplift.Strategy) func(uplift.Ranking) (float64, error) {
		return func(r uplift.Ranking) (float64, error) { return uplift.AtK(r, k, s) }
	}
	for _, c := range []struct {
		name    string
		metric  func(uplift.Ranking) (float64, error)
		ranking uplift.Ranking
		want    float64
	}{
		{"qini, ties", uplift.Qini, tied, -0.2879753340184995},
		{"auuc, ties", uplift.AUUC, tied, -0.3325396825396825},
		{"qini, many control responders", uplift.Qini, silent, 0.04777777777777779},
		{"auuc, many control responders", uplift.AUUC, silent, 0.21987197656840501},
		{"at 30 % overall", atK(.3, uplift.Overall), tied, 0.33333333333333337},
		{"at 30 % by group", atK(.3, uplift.ByGroup), tied, 0.33333333333333337},
		{"at 55 % overall, cutting through a tie", atK(.55, uplift.Overall), tied, -0.1785714285714286},
		{"at 55 % by group", atK(.55, uplift.ByGroup), tied, -0.20000000000000007},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := c.metric(c.ranking)
			if err != nil || math.Abs(got-c.want) > 1e-15 {
				t.Errorf("%v, %v; want %v", got, err, c.want)
			}
		})
	}
}

func TestQiniCurvePoints(t *testing.T) {
	c, err := uplift.QiniCurve(tied)
	if err != nil {
		t.Fatal(err)
	}
	wantN := []float64{0, 1, 3, 4, 5, 8, 9, 12, 13, 16, 17, 18, 20}
	wantGain := []float64{0, 1, 0, 0, 1.5, -1. / 3, -1, -2, -2.4, -5. / 3, -5. / 7, 0, 1}
	for i := range wantN {
		if c.N[i] != wantN[i] || math.Abs(c.Gain[i]-wantGain[i]) > 1e-15 {
			t.Errorf("point %d: (%v, %v), want (%v, %v)", i, c.N[i], c.Gain[i], wantN[i], wantGain[i])
		}
	}
}

// bruteQini computes the coefficient threshold by threshold, each from the
// definition, with no running sums and no sorting of rows.
func bruteQini(r uplift.Ranking) float64 {
	area := func(score []float64) (a, n, last float64) {
		thresholds := map[float64]bool{}
		for _, s := range score {
			thresholds[s] = true
		}
		prev := math.Inf(1)
		for range thresholds {
			best := math.Inf(-1)
			for s := range thresholds {
				if s < prev {
					best = max(best, s)
				}
			}
			prev = best
			var n1, n0, y1, y0 float64
			for i, s := range score {
				if s < best {
					continue
				}
				if r.Treated[i] {
					n1, y1 = n1+1, y1+r.Y[i]
				} else {
					n0, y0 = n0+1, y0+r.Y[i]
				}
			}
			gain := y1
			if n0 > 0 {
				gain -= y0 * n1 / n0
			}
			a += (n1 + n0 - n) * (gain + last) / 2
			n, last = n1+n0, gain
		}
		return a, n, last
	}
	perfect := make([]float64, len(r.Y))
	for i := range perfect {
		perfect[i] = -r.Y[i]
		if r.Treated[i] {
			perfect[i] = r.Y[i]
		}
	}
	actual, _, _ := area(r.Score)
	best, n, last := area(perfect)
	return (actual - n*last/2) / (best - n*last/2)
}

func randomRanking(rng *rand.Rand, n, levels int) uplift.Ranking {
	r := uplift.Ranking{Y: make([]float64, n), Treated: make([]bool, n), Score: make([]float64, n)}
	for i := range n {
		r.Treated[i] = rng.IntN(2) == 1
		r.Score[i] = float64(rng.IntN(levels))
		if rng.Float64() < 0.3 {
			r.Y[i] = 1
		}
	}
	return r
}

func TestQiniAgreesWithBruteForce(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 7))
	for k := range 20 {
		r := randomRanking(rng, 60, 3+k)
		got, err := uplift.Qini(r)
		if err != nil {
			t.Fatal(err)
		}
		if want := bruteQini(r); math.Abs(got-want) > 1e-12 {
			t.Errorf("ranking %d of seed 7: %v, brute force %v", k, got, want)
		}
	}
}

func TestQiniOfRandomScoresIsAboutZero(t *testing.T) {
	rng := rand.New(rand.NewPCG(8, 8))
	var sum float64
	const rounds = 20
	for range rounds {
		q, err := uplift.Qini(randomRanking(rng, 4000, 1<<30))
		if err != nil {
			t.Fatal(err)
		}
		sum += q
	}
	// One ranking of this size has a standard deviation of about 0.017.
	if m := sum / rounds; math.Abs(m) > 0.012 {
		t.Errorf("mean Qini of %d random rankings is %v (seed 8)", rounds, m)
	}
}

func TestPerfectRankingScoresOne(t *testing.T) {
	r := randomRanking(rand.New(rand.NewPCG(9, 9)), 500, 10)
	for i := range r.Y {
		r.Score[i] = -r.Y[i]
		if r.Treated[i] {
			r.Score[i] = r.Y[i]
		}
	}
	if q, err := uplift.Qini(r); err != nil || math.Abs(q-1) > 1e-12 {
		t.Errorf("Qini %v, %v", q, err)
	}
}

func TestShuffledRowsChangeNoMetric(t *testing.T) {
	rng := rand.New(rand.NewPCG(10, 10))
	r := randomRanking(rng, 300, 12)
	p := rng.Perm(300)
	s := uplift.Ranking{Y: make([]float64, 300), Treated: make([]bool, 300), Score: make([]float64, 300)}
	for i, j := range p {
		s.Y[i], s.Treated[i], s.Score[i] = r.Y[j], r.Treated[j], r.Score[j]
	}
	for name, metric := range map[string]func(uplift.Ranking) (float64, error){"qini": uplift.Qini, "auuc": uplift.AUUC} {
		a, _ := metric(r)
		b, _ := metric(s)
		if a != b {
			t.Errorf("%s: %v, shuffled %v", name, a, b)
		}
	}
}

// A confounded log, weighted by the inverse of its probabilities, must rank as
// the randomised experiment on the same world does.
func TestWeightsUndoConfounding(t *testing.T) {
	rank := func(confounding float64, weighted bool) float64 {
		w := makeWorld(60_000, 3, 0.3, confounding)
		var r uplift.Ranking
		for i, a := range w.log.Option {
			if a == 2 {
				continue
			}
			r.Y = append(r.Y, w.log.Y[i])
			r.Treated = append(r.Treated, a == 1)
			// A response score: it ranks by x1, which does not change the effect.
			r.Score = append(r.Score, float64(w.log.X.Cols[1][i]))
			if weighted {
				r.Weight = append(r.Weight, 1/w.log.OptionProb[a][i])
			}
		}
		q, err := uplift.Qini(r)
		if err != nil {
			t.Fatal(err)
		}
		return q
	}
	truth, naive, weighted := rank(0, false), rank(2, false), rank(2, true)
	if math.Abs(weighted-truth) > 0.01 || math.Abs(naive-truth) < 0.015 {
		t.Errorf("randomised %.4f, confounded %.4f, weighted %.4f", truth, naive, weighted)
	}
}

func TestMetricsRefuseWhatTheyCannotRead(t *testing.T) {
	one := []float64{1, 1, 1}
	for _, c := range []struct {
		name string
		r    uplift.Ranking
		want error
	}{
		{"everyone treated", uplift.Ranking{Y: one, Treated: bools(1, 1, 1), Score: one}, data.ErrRefused},
		{"no one treated", uplift.Ranking{Y: one, Treated: bools(0, 0, 0), Score: one}, uplift.ErrNoContrast},
		{"no rows", uplift.Ranking{}, uplift.ErrNoContrast},
		{"score NaN", uplift.Ranking{Y: one, Treated: bools(0, 1, 0), Score: []float64{1, math.NaN(), 0}}, nil},
		{"outcome not binary", uplift.Ranking{Y: []float64{0, 2, 1}, Treated: bools(0, 1, 0), Score: one}, nil},
		{"outcome never varies", uplift.Ranking{Y: []float64{0, 0, 0}, Treated: bools(0, 1, 0), Score: one}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			q, err := uplift.Qini(c.r)
			if err == nil || (c.want != nil && !errors.Is(err, c.want)) {
				t.Errorf("%v, %v; want an error of %v", q, err, c.want)
			}
		})
	}
}

func TestATE(t *testing.T) {
	// Means 2/3 and 1/2, sample variances 1/3 and 1/3.
	effect, se, err := uplift.ATE([]float64{1, 1, 0, 1, 0, 1, 0}, bools(1, 1, 1, 0, 0, 0, 0))
	if err != nil || math.Abs(effect-1./6) > 1e-15 || math.Abs(se-math.Sqrt(1./9+1./12)) > 1e-15 {
		t.Errorf("%v ± %v, %v", effect, se, err)
	}
}

func ExampleQini() {
	q, err := uplift.Qini(uplift.Ranking{
		Y:       []float64{1, 0, 0, 1, 1, 0},
		Treated: []bool{true, false, true, true, false, false},
		Score:   []float64{.3, .2, .1, .2, -.1, 0}, // predicted uplift
	})
	fmt.Printf("%.3f %v\n", q, err)
	// Output: 0.923 <nil>
}

func BenchmarkQini(b *testing.B) {
	r := randomRanking(rand.New(rand.NewPCG(1, 1)), 100_000, 1<<30)
	for b.Loop() {
		if _, err := uplift.Qini(r); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)*100_000/b.Elapsed().Seconds(), "rows/s")
}
