package pipeline

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// A ranking that knows the effects has an area above zero and rising tenths; one
// that knows nothing, or says the same of everybody, has none.
func TestEffectsAreRankedAgainstScores(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 3))
	const n = 8000
	truth, score, noise, same, unit := make([]float64, n), make([]float64, n), make([]float64, n), make([]float64, n), make([]string, n)
	for i := range n {
		truth[i] = 0.1 * rng.Float64()
		score[i] = truth[i] + 0.5*rng.NormFloat64()
		noise[i], unit[i] = rng.Float64(), fmt.Sprint(i/2)
	}
	knows := rankEffects(score, truth, unit, 1)
	if *knows.lo <= 0 || len(knows.deciles) != deciles {
		t.Fatalf("area %v from %v, %d tenths", *knows.area, *knows.lo, len(knows.deciles))
	}
	// Of a uniform effect u in [0, 0.1] ranked rightly: E[(u/0.1 − ½)·u] = 0.1/12.
	if want := 0.1 / 12; *knows.lo > want || *knows.hi < want {
		t.Errorf("area %v to %v, want %v within", *knows.lo, *knows.hi, want)
	}
	if first, last := knows.deciles[0], knows.deciles[deciles-1]; first.Robust-last.Robust < 2*first.SE || first.Estimated < 0.09 || last.Estimated > 0.01 {
		t.Errorf("tenths from %+v to %+v", first, last)
	}
	if none := rankEffects(score, noise, unit, 1); *none.lo > 0 || *none.hi < 0 {
		t.Errorf("of noise the area is %v to %v", *none.lo, *none.hi)
	}
	if flat := rankEffects(score, same, unit, 1); *flat.area > 1e-9 || *flat.area < -1e-9 || flat.deciles != nil {
		t.Errorf("of one effect for all the area is %v, with %d tenths", *flat.area, len(flat.deciles))
	}
}
