package tune

import (
	"cmp"
	"math"
	"slices"
)

// surface is a Gaussian process over the unit cube with a Matérn 5/2 kernel:
// what the loss may be where no trial was (Rasmussen and Williams 2006,
// algorithm 2.1). Scores are losses as normal scores, so that one terrible
// trial does not flatten the rest. Length and noise are those of a short list
// under which the scores are most likely.
type surface struct {
	places   [][]float64
	scores   []float64
	length   float64
	noise    float64 // variance over that of the signal
	variance float64
	lower    [][]float64 // Cholesky factor of the kernel matrix over variance
	weight   []float64   // the inverse of it times the scores
	least    float64     // the least expected score of a place
}

// What length and noise are chosen from. A unit is the side of the cube.
var (
	surfaceLengths = []float64{0.2, 0.35, 0.6, 1, 1.8}
	surfaceNoises  = []float64{1e-3, 0.03, 0.2}
)

// fitSurface fits to at least one place. Scores should have mean 0.
func fitSurface(places [][]float64, scores []float64) *surface {
	var best *surface
	most := math.Inf(-1)
	for _, length := range surfaceLengths {
		for _, noise := range surfaceNoises {
			s := &surface{places: places, scores: scores, length: length, noise: noise}
			if likelihood := s.fit(); best == nil || likelihood > most {
				best, most = s, likelihood
			}
		}
	}
	best.least = math.Inf(1)
	for _, p := range places {
		mean, _ := best.at(p)
		best.least = min(best.least, mean)
	}
	return best
}

// fit factors the kernel matrix and returns the log likelihood of the scores,
// up to a constant, under the variance that suits them best.
func (s *surface) fit() float64 {
	n := len(s.places)
	s.lower = make([][]float64, n)
	logDet := 0.0
	for i := range n {
		s.lower[i] = make([]float64, i+1)
		for j := range i + 1 {
			v := s.kernel(s.places[i], s.places[j])
			if i == j {
				v += s.noise
			}
			for k := range j {
				v -= s.lower[i][k] * s.lower[j][k]
			}
			if i == j {
				s.lower[i][i] = math.Sqrt(v) // v ≥ noise
				logDet += 2 * math.Log(s.lower[i][i])
			} else {
				s.lower[i][j] = v / s.lower[j][j]
			}
		}
	}
	half := s.solveLower(s.scores)
	sum := 0.0
	for _, v := range half {
		sum += v * v
	}
	s.variance = max(sum/float64(n), 1e-12)
	s.weight = half
	for i := n - 1; i >= 0; i-- {
		for k := i + 1; k < n; k++ {
			s.weight[i] -= s.lower[k][i] * s.weight[k]
		}
		s.weight[i] /= s.lower[i][i]
	}
	return -float64(n)/2*math.Log(s.variance) - logDet/2
}

// solveLower solves lower · x = b.
func (s *surface) solveLower(b []float64) []float64 {
	x := slices.Clone(b)
	for i := range x {
		for k := range i {
			x[i] -= s.lower[i][k] * x[k]
		}
		x[i] /= s.lower[i][i]
	}
	return x
}

// kernel is 1 for the same place and falls with the distance.
func (s *surface) kernel(a, b []float64) float64 {
	sum := 0.0
	for k := range a {
		sum += (a[k] - b[k]) * (a[k] - b[k])
	}
	r := math.Sqrt(5*sum) / s.length
	return (1 + r + r*r/3) * math.Exp(-r)
}

// at returns the expected score of a place and its standard deviation, without
// the noise of a trial.
func (s *surface) at(u []float64) (mean, sd float64) {
	k := make([]float64, len(s.places))
	for i, p := range s.places {
		k[i] = s.kernel(u, p)
		mean += k[i] * s.weight[i]
	}
	v := 1.0
	for _, x := range s.solveLower(k) {
		v -= x * x
	}
	return mean, math.Sqrt(s.variance * max(v, 0))
}

// improvement is by how much a place is expected to fall below the least
// expected score of the trials.
func (s *surface) improvement(u []float64) float64 {
	mean, sd := s.at(u)
	gap := s.least - mean
	if sd == 0 {
		return max(gap, 0)
	}
	z := gap / sd
	return gap*normalBelow(z) + sd*math.Exp(-z*z/2)/math.Sqrt(2*math.Pi)
}

// best returns the places by rising score.
func (s *surface) best() []int {
	order := make([]int, len(s.scores))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(s.scores[a], s.scores[b]) })
	return order
}

func normalBelow(z float64) float64 { return math.Erfc(-z/math.Sqrt2) / 2 }

// normalScores replaces values by the quantiles of the normal distribution at
// their ranks; equal values keep their order.
func normalScores(v []float64) []float64 {
	order := make([]int, len(v))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(v[a], v[b]) })
	out := make([]float64, len(v))
	for rank, i := range order {
		out[i] = math.Sqrt2 * math.Erfinv(2*(float64(rank)+0.5)/float64(len(v))-1)
	}
	return out
}
