package uplift_test

import (
	"context"
	"math"
	"math/rand/v2"
	"testing"

	"dunning/models/uplift"
)

func TestExplorationKeepsItsFloors(t *testing.T) {
	inf := math.Inf(1)
	for _, c := range []struct {
		name   string
		e      uplift.Exploration
		chosen int
		regret []float64
		want   []float64
	}{
		{"near-ties share what the floors leave", uplift.Exploration{Share: 0.05, Floor: 0.005, TieCents: 10}, 1, []float64{4, 0, 300, inf},
			[]float64{0.005 + 0.0175, 0.95 + 0.005 + 0.0175, 0.005, 0}},
		{"floors that do not fit are cut", uplift.Exploration{Share: 0.04, Floor: 0.03, TieCents: 0}, 0, []float64{0, 5}, []float64{0.98, 0.02}},
		{"only one option", uplift.Exploration{Share: 0.05, Floor: 0.01}, 0, []float64{0, inf}, []float64{1, 0}},
		{"no exploration", uplift.Exploration{}, 1, []float64{0, 0}, []float64{0, 1}},
		{"the plan's option is no tie by itself", uplift.Exploration{Share: 0.1, TieCents: 1}, 1, []float64{0, 50}, []float64{0.05, 0.95}},
	} {
		got := c.e.Probabilities(c.chosen, c.regret)
		sum := 0.0
		for o := range got {
			sum += got[o]
			if math.Abs(got[o]-c.want[o]) > 1e-12 {
				t.Errorf("%s: %v, want %v", c.name, got, c.want)
				break
			}
		}
		if math.Abs(sum-1) > 1e-12 {
			t.Errorf("%s: the probabilities add up to %v", c.name, sum)
		}
	}
	if got := uplift.RegretCents([]float64{0.9, 0.1, 0}, []float64{0, 30, inf}); math.Abs(got-3) > 1e-12 {
		t.Errorf("regret %v, want 3", got)
	}
}

func TestDrawsFollowTheProbabilities(t *testing.T) {
	p := []float64{0, 0.2, 0, 0.8}
	var n [4]int
	rng := rand.New(rand.NewPCG(8, 8))
	for range 20_000 {
		n[uplift.Draw(p, rng.Float64())]++
	}
	if n[0]+n[2] > 0 || math.Abs(float64(n[1])/20_000-0.2) > 0.01 {
		t.Errorf("drawn %v", n)
	}
	if got := uplift.Draw([]float64{0.5, 0.4999999, 0}, 0.99999999999); got != 1 {
		t.Errorf("beyond the sum: option %d", got)
	}
}

// The log of a plan that always wants the same option, and explores a twentieth
// among near-ties, can tell what the other option would have brought; the log
// of the plan without exploration cannot, and is refused.
func TestAnExploredLogAnswers(t *testing.T) {
	const rows = 30_000
	for _, e := range []uplift.Exploration{{Share: 0.05, Floor: 0.005, TieCents: 10}, {}} {
		rng := rand.New(rand.NewPCG(9, 9))
		w := makeWorld(rows, 31, 0.3, 0)
		l := w.log
		l.Treatments, l.OptionProb = l.Treatments[:1], [][]float64{make([]float64, rows), make([]float64, rows)}
		for i := range rows {
			p := e.Probabilities(1, []float64{3, 0})
			l.Option[i] = uplift.Draw(p, rng.Float64())
			l.OptionProb[0][i], l.OptionProb[1][i] = p[0], p[1]
			mean := 0.4 + 0.25*float64(l.X.Cols[1][i])
			if l.Option[i] == 1 {
				mean += w.effect[0][i]
			}
			l.Y[i] = 0
			if rng.Float64() < mean {
				l.Y[i] = 1
			}
		}
		got, err := evaluator.Effects(context.Background(), l)
		if err != nil {
			t.Fatal(err)
		}
		truth := mean(w.effect[0])
		switch answer := got[0]; {
		case e.Share == 0 && answer.Refused == "":
			t.Error("a log without a draw is answered")
		case e.Share > 0 && (answer.Refused != "" || answer.DRLo > truth || answer.DRHi < truth):
			t.Errorf("refused %q, effect %.3f to %.3f, truth %.3f", answer.Refused, answer.DRLo, answer.DRHi, truth)
		}
	}
}
