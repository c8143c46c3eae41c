package uplift

import (
	"fmt"
	"math"
)

// Exploration says how often a plan does something else than it recommends, so
// that the log it writes stays able to answer what else would have happened.
type Exploration struct {
	// Share is the probability of drawing instead of following the plan; in
	// [0, 1), e.g. 0.05.
	Share float64
	// Floor is the least probability of every option that is allowed, drawn or
	// not; Floor × options ≤ Share.
	Floor float64
	// TieCents is up to what regret an option counts as a near-tie: what is
	// left of Share after the floors is drawn among these.
	TieCents float64
}

// Probabilities returns the probability of each option of one decision: those
// that are allowed, hold among them. regret[o] is what option o is worth less
// than the best, in cents at the plan's prices (the best reduced cost less
// o's), ≥ 0; +Inf marks an option that is not allowed, which has probability 0.
// chosen is the plan's own option. The probabilities add up to 1 and are what
// must be logged. Where the options are so many that the floors exceed Share,
// each floor is Share ÷ options. Misuse of shapes panics.
func (e Exploration) Probabilities(chosen int, regret []float64) []float64 {
	if !(e.Share >= 0 && e.Share < 1 && e.Floor >= 0) || chosen < 0 || chosen >= len(regret) || math.IsInf(regret[chosen], 1) {
		panic(fmt.Sprintf("uplift: exploration %+v of option %d of %d", e, chosen, len(regret)))
	}
	allowed, ties := 0, 0
	for o, r := range regret {
		if math.IsInf(r, 1) {
			continue
		}
		allowed++
		if r <= e.TieCents || o == chosen {
			ties++
		}
	}
	floor := min(e.Floor, e.Share/float64(allowed))
	rest := max(0, e.Share-floor*float64(allowed))
	p := make([]float64, len(regret))
	for o, r := range regret {
		if math.IsInf(r, 1) {
			continue
		}
		p[o] = floor
		if r <= e.TieCents || o == chosen {
			p[o] += rest / float64(ties)
		}
	}
	p[chosen] += 1 - e.Share
	return p
}

// Draw returns the option that u in [0, 1) falls on; never one of probability 0.
func Draw(p []float64, u float64) int {
	last := 0
	for o, q := range p {
		if q == 0 {
			continue
		}
		if last = o; u < q {
			return o
		}
		u -= q
	}
	return last // u beyond the sum by rounding
}

// RegretCents is what exploring one decision costs on average.
func RegretCents(p, regret []float64) (cents float64) {
	for o, q := range p {
		if q > 0 {
			cents += q * regret[o]
		}
	}
	return cents
}
