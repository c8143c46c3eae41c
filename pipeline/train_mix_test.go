package pipeline

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"dunning/data"
	"dunning/features"
)

// The trees have a part in the mix where they know what the response model does
// not, and none where they add noise, whatever they knew of the rows before the
// test period.
func TestTreesAreMixedInWhereTheyKnowMore(t *testing.T) {
	for _, c := range []struct {
		name          string
		before, after float64 // how much of the second cause the trees see
		mixed         bool
	}{
		{"they see another cause", 1, 1, true},
		{"they saw one that is no more", .6, -.3, false},
		{"they see noise", 0, 0, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			tr := mixTrainer(rand.New(rand.NewPCG(3, 8)), c.before, c.after)
			j := tr.mixPayment()
			if j == nil || tr.mixed.Validate() != nil {
				t.Fatalf("mix %+v", tr.mixed)
			}
			if mixed := tr.mixed.Weight < 1; mixed != c.mixed {
				t.Errorf("mix %+v", tr.mixed)
			}
		})
	}
}

// mixTrainer is a trainer whose customers pay for two causes: the response model
// sees the first one, the trees a part of the second before and after the cut.
func mixTrainer(rng *rand.Rand, before, after float64) *trainer {
	const known, test = 6_000, 3_000
	logistic := func(x float64) float64 { return 1 / (1 + math.Exp(-x)) }
	tr := &trainer{frame: &features.Frame{}}
	trees, logit := judgement{}, judgement{}
	for i := range known + test {
		first, second := rng.NormFloat64(), rng.NormFloat64()
		sees := before
		if i >= known {
			sees = after
		}
		q, p := logistic(first), logistic(.8*first+sees*second+.3*rng.NormFloat64())
		f := tr.frame
		f.CustomerID, f.Option = append(f.CustomerID, fmt.Sprint(i/3)), append(f.Option, data.Hold)
		f.TouchedAfter, f.OutcomePaid = append(f.TouchedAfter, false), append(f.OutcomePaid, rng.Float64() < logistic(first+second))
		tr.ownProb = append(tr.ownProb, q)
		if i < known {
			tr.payment.rows.known = append(tr.payment.rows.known, i)
			trees.known = append(trees.known, p)
			continue
		}
		tr.payment.rows.test, tr.test = append(tr.payment.rows.test, i), append(tr.test, i)
		trees.testPeriod, trees.calibrated = append(trees.testPeriod, p), append(trees.calibrated, p)
		logit.calibrated = append(logit.calibrated, .5)
	}
	tr.payment.judged = []judgement{trees, logit}
	return tr
}
