package synth

import "math"

// knowledge is the exact posterior of the latent point, given the equations
// and all that was observed: prior × likelihood on the grid of response types
// and liquidity levels.
//
// On a day without payment the log likelihood is minus the hazard, which is
// level × (observed hazard × type's multiplier), so the days without payment
// of all invoices come down to one sum per type.
type knowledge struct {
	prior  *grid
	common float64         // hazard of days without touch or promise
	byType [nTypes]float64 // and of those with
	seen   grid            // log likelihood of everything else
}

func (w *knowledge) reset(prior *grid) { *w = knowledge{prior: prior} }

// day takes note of one day of one invoice; see [dayLogLik].
func (w *knowledge) day(h float64, mult *[nTypes]float64, plain bool, parts, events int, closed bool) {
	if events == 0 {
		if plain {
			w.common += h
			return
		}
		for k := range mult {
			w.byType[k] += h * mult[k]
		}
		return
	}
	for k := range mult {
		for l := range levelHazard {
			w.seen[k][l] += dayLogLik(levelHazard[l]*h*mult[k], parts, events, closed)
		}
	}
}

// signal takes note of a binary observation with probability prob(type, level).
func (w *knowledge) signal(happened bool, prob func(k, l int) float64) {
	for k := range nTypes {
		for l := range nLevels {
			p := prob(k, l)
			if !happened {
				p = 1 - p
			}
			w.seen[k][l] += math.Log(p)
		}
	}
}

// report takes note of a bureau report: a normal score and a Poisson count.
func (w *knowledge) report(r report) {
	for l := range nLevels {
		z := (r.score - levelScore[l]) / scoreNoise
		ll := -z*z/2 + float64(r.marks)*math.Log(levelMarks[l]) - levelMarks[l]
		for k := range nTypes {
			w.seen[k][l] += ll
		}
	}
}

// posterior returns P(type, level | observed).
func (w *knowledge) posterior() (post grid) {
	top := math.Inf(-1)
	for k := range post {
		for l := range post[k] {
			post[k][l] = w.prior[k][l] + w.seen[k][l] - levelHazard[l]*(w.common+w.byType[k])
			top = max(top, post[k][l])
		}
	}
	total := 0.0
	for k := range post {
		for l := range post[k] {
			post[k][l] = math.Exp(post[k][l] - top)
			total += post[k][l]
		}
	}
	for k := range post {
		for l := range post[k] {
			post[k][l] /= total
		}
	}
	return post
}
