package pipeline

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// The trees have a part in the mix where they know what the response model does
// not, and none where they add noise.
func TestTreesAreMixedInWhereTheyKnowMore(t *testing.T) {
	logistic := func(x float64) float64 { return 1 / (1 + math.Exp(-x)) }
	for _, c := range []struct {
		name  string
		knows float64 // how much of the second cause the trees see
		mixed bool
	}{{"they see another cause", 1, true}, {"they see noise", 0, false}} {
		t.Run(c.name, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(3, 8))
			var y, p, q []float64
			var customers []string
			for i := range 9_000 {
				first, second := rng.NormFloat64(), rng.NormFloat64()
				paid := 0.0
				if rng.Float64() < logistic(first+second) {
					paid = 1
				}
				seen := c.knows*second + (1-c.knows)*rng.NormFloat64()
				y, p, q = append(y, paid), append(p, logistic(.6*first+seen)), append(q, logistic(first))
				customers = append(customers, fmt.Sprint(i/3))
			}
			m := fitPaymentMix(y, p, q, customers)
			if mixed := m.Weight < 1; mixed != c.mixed || m.Validate() != nil {
				t.Errorf("mix %+v", m)
			}
		})
	}
	if m := fitPaymentMix(nil, nil, nil, nil); m.Validate() != nil || m.Slope != 1 {
		t.Errorf("mix of nothing %+v", m)
	}
}
