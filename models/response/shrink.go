package response

import "math"

// A margin of many cells fits noise in those that do not matter: thirty-five days
// of the month, one by one, cost more than the few that differ bring. So each is
// pulled toward 1 as far as the cells together say: a share of them is of no
// account, the logarithms of the others are normal about 0, and both share and
// spread are found from the log (empirical Bayes; Johnstone & Silverman, "Needles
// and straw in haystacks", Annals of Statistics 32, 2004).

const (
	shrinkSteps  = 12
	shrinkSpread = .1 // of the cells that matter, from which the search starts
	shrinkDoubt  = .5 // cells that this is worth
)

// shrink replaces log factors, of the given sampling variances, by their means
// given all of them.
func shrink(logs, variance []float64) {
	share, spread := .5, shrinkSpread*shrinkSpread
	matters := make([]float64, len(logs))
	for range shrinkSteps {
		var sum, squares float64
		for i, z := range logs {
			v := variance[i]
			odds := share / (1 - share) * math.Sqrt(v/(v+spread)) * math.Exp(z*z/2*spread/(v*(v+spread)))
			matters[i] = 1
			if odds < 1e9 {
				matters[i] = odds / (1 + odds)
			}
			mean := z * spread / (v + spread)
			sum += matters[i]
			squares += matters[i] * (mean*mean + spread*v/(v+spread))
		}
		share = (sum + shrinkDoubt) / (float64(len(logs)) + 2*shrinkDoubt)
		spread = (squares + shrinkDoubt*shrinkSpread*shrinkSpread) / (sum + shrinkDoubt)
	}
	for i, z := range logs {
		logs[i] = matters[i] * z * spread / (variance[i] + spread)
	}
}

// rescale moves the factors of a margin by the payments of their cells and what
// was expected of them, and shrinks them. Unsettled is how far a cell may be
// off by itself, as a variance: of what comes but once a year.
func rescale(x, paid, expected []float64, unsettled float64) {
	logs, variance := make([]float64, len(x)), make([]float64, len(x))
	for i := range x {
		at := math.Log(max(x[i], 1e-12))
		logs[i] = at + math.Log((paid[i]+marginPrior)/(expected[i]+marginPrior))
		variance[i] = 1/(expected[i]+1) + unsettled
	}
	shrink(logs, variance)
	for i := range x {
		x[i] = math.Exp(logs[i])
	}
}
