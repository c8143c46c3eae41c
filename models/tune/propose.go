package tune

import (
	"math"
	"math/rand/v2"
)

// primes are the bases of the Halton sequence, one per dimension.
var primes = []int{2, 3, 5, 7, 11, 13}

// halton returns point n ≥ 1 of the sequence, shifted by the seed.
func halton(n, dims int, seed uint64) []float64 {
	shift := rand.New(rand.NewPCG(seed, haltonStream))
	u := make([]float64, dims)
	for k := range u {
		u[k] = math.Mod(radicalInverse(n, primes[k])+shift.Float64(), 1)
	}
	return u
}

// radicalInverse mirrors the digits of n in a base at the point.
func radicalInverse(n, base int) float64 {
	v, f := 0.0, 1.0
	for ; n > 0; n /= base {
		f /= float64(base)
		v += f * float64(n%base)
	}
	return v
}

// Streams keep draws for one purpose apart from others with the same seed.
const (
	haltonStream = 0x68616c746f6e
	searchStream = 0x736561726368
)

// startTrials is how many trials are spread evenly before any is proposed from
// what others found.
func startTrials(s Space) int { return 3*len(s) + 1 }

// Points among which the next trial is chosen.
const (
	evenCandidates = 300  // anywhere
	nearCandidates = 150  // around the best trials
	nearBest       = 3    // how many of those
	nearSpread     = 0.12 // standard deviation of the distance, per dimension
)

// propose returns the parameters of trial n ≥ 1, and where they come from, out
// of the trials before its batch.
//
// The others of the batch are not known yet; each is taken to turn out as the
// surface expects (Ginsbourger et al. 2010), so that the next looks elsewhere.
func (s Search) propose(n int, known []Trial) (Params, string) {
	if n <= startTrials(s.Space) || len(known) == 0 {
		return s.Space.decode(halton(n, len(s.Space), s.Seed)), fromHalton
	}
	places, losses := s.Space.places(known)
	var next []float64
	for m := n / batchSize * batchSize; m <= n; m++ {
		if m <= startTrials(s.Space) {
			next = s.Space.encode(s.Space.decode(halton(m, len(s.Space), s.Seed)))
		} else {
			next = s.mostPromising(m, places, losses)
		}
		if m < n {
			expected, _ := fitSurface(places, losses).at(next)
			places, losses = append(places, next), append(losses, expected)
		}
	}
	return s.Space.decode(next), fromSurface
}

// places returns where trials are and their scores for the surface.
func (s Space) places(trials []Trial) (places [][]float64, scores []float64) {
	loss := make([]float64, len(trials))
	shift, whole := 0.0, 0 // from the first fold to all, over the trials that saw all
	for _, t := range trials {
		if !t.Dropped {
			shift += t.Loss - t.First
			whole++
		}
	}
	for i, t := range trials {
		places = append(places, s.encode(t.Params))
		loss[i] = t.Loss
		if t.Dropped {
			loss[i] = t.First + shift/float64(whole)
		}
	}
	return places, normalScores(loss)
}

// mostPromising returns the candidate of trial m with the largest expected
// improvement. Candidates that decode to parameters that were tried are left
// out, unless all do.
func (s Search) mostPromising(m int, places [][]float64, scores []float64) []float64 {
	rng := rand.New(rand.NewPCG(s.Seed, searchStream+uint64(m)))
	surface := fitSurface(places, scores)
	best := surface.best()
	var next []float64
	most := math.Inf(-1)
	for c := range evenCandidates + nearCandidates {
		u := make([]float64, len(s.Space))
		near := places[best[rng.IntN(min(nearBest, len(best)))]]
		for k := range u {
			u[k] = rng.Float64()
			if c >= evenCandidates {
				u[k] = min(max(near[k]+nearSpread*rng.NormFloat64(), 0), math.Nextafter(1, 0))
			}
		}
		u = s.Space.encode(s.Space.decode(u))
		gain := surface.improvement(u)
		if contains(places, u) {
			gain = -1 // below any expected improvement
		}
		if gain > most {
			next, most = u, gain
		}
	}
	return next
}

func contains(places [][]float64, u []float64) bool {
	for _, p := range places {
		same := true
		for k := range p {
			same = same && math.Abs(p[k]-u[k]) < 1e-9
		}
		if same {
			return true
		}
	}
	return false
}
