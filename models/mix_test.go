package models_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"dunning/models"
)

// Of two models that each know one cause, the mix knows both; a model that says
// nothing gets next to no weight, and one that is wrong about the order none.
func TestMixTakesWhatEachModelKnows(t *testing.T) {
	const rows = 6_000
	rng := rand.New(rand.NewPCG(3, 3))
	var y, p, q, noise, turned []float64
	for range rows {
		a, b := rng.NormFloat64(), rng.NormFloat64()
		y = append(y, toss(rng, sigmoid(a+b)))
		p, q = append(p, sigmoid(.85*a)), append(q, sigmoid(.85*b))
		noise, turned = append(noise, sigmoid(rng.NormFloat64())), append(turned, sigmoid(-a+rng.NormFloat64()))
	}
	m := models.FitMix(y, p, q)
	if math.Abs(m.Weight-.5) > .101 {
		t.Errorf("two models that know as much each: the second has weight %.2f", m.Weight)
	}
	both := make([]float64, rows)
	for i := range both {
		both[i] = m.Apply(p[i], q[i])
	}
	if ours, alone := models.LogLoss(y, both), models.LogLoss(y, p); ours > alone-.05 {
		t.Errorf("log loss %.4f, of one model alone %.4f", ours, alone)
	}
	if slope, intercept := models.CalibrationLine(y, both); math.Abs(slope-1) > 1e-6 || math.Abs(intercept) > 1e-6 {
		t.Errorf("the mix is calibrated by slope %.4f, intercept %.4f; want 1, 0 on its own rows", slope, intercept)
	}
	if m := models.FitMix(y, p, noise); m.Weight > .1 {
		t.Errorf("noise has weight %.2f", m.Weight)
	}
	if m := models.FitMix(y, p, turned); m.Weight > 0 {
		t.Errorf("a model that ranks the wrong way round has weight %.2f", m.Weight)
	}
	if got := m.Apply(.3, math.NaN()); got != .3 {
		t.Errorf("without the second model the first says .3, the mix %g", got)
	}
	if m := models.FitMix([]float64{1, 1}, []float64{.2, .3}, []float64{.4, .5}); math.Abs(m.Apply(.2, .4)-.2) > 1e-9 {
		t.Errorf("with one class only the mix is %+v", m)
	}
}

func TestMixRefusesWhatCannotHaveBeenFitted(t *testing.T) {
	for _, m := range []models.Mix{{Weight: -.1, Slope: 1}, {Weight: 1.1, Slope: 1}, {Slope: -1}, {Slope: math.NaN()}, {Slope: 1, Intercept: math.Inf(1)}} {
		if m.Validate() == nil {
			t.Errorf("%+v passes", m)
		}
	}
	if err := (models.Mix{Weight: .5, Slope: 1}).Validate(); err != nil {
		t.Error(err)
	}
}
