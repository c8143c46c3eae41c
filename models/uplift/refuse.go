package uplift

import (
	"fmt"
	"math"
)

// Bounds beyond which an estimate is refused.
const (
	// MinESS is the least effective sample size: below it one outcome moves
	// the estimate by more than its own standard error.
	MinESS = 200
	// MaxWeightBias is how far the mean weight may lie from 1, unless twice
	// its standard error is more. Right probabilities give 1 on average.
	MaxWeightBias = 0.03
	// MaxNoOverlap is the share of rows that may have an estimated probability
	// below 1 % for one of the options compared.
	MaxNoOverlap = 0.10
)

// refuseEffect names what about the options and probabilities forbids the
// effect of treatment t, or returns "".
func (l Log) refuseEffect(prob []float64, all [][]float64, t int) string {
	count := l.counts()
	switch {
	case count[0]+count[t] == 0:
		return fmt.Sprintf("neither %s nor the control was ever chosen", l.name(t))
	case count[0] == 0:
		return "there is no control arm: everyone was treated, so no effect can be estimated"
	case count[t] == 0:
		return fmt.Sprintf("no row was treated with %s, so no effect can be estimated", l.name(t))
	}
	logged := l.loggedProb() != nil
	for i, a := range l.Option {
		if (a == 0 || a == t) && logged && !(prob[i] > 0 && prob[i] < 1) {
			return l.improper(i, a, prob[i])
		}
	}
	for _, option := range []int{0, t} {
		if all == nil {
			break
		}
		if logged {
			for i, p := range all[option] {
				if !(p > 0 && p < 1) {
					return l.improper(i, option, p)
				}
			}
			continue
		}
		if n := rare(all[option]); float64(n) > MaxNoOverlap*float64(l.Rows()) {
			return fmt.Sprintf("no overlap: in %d of %d rows the features leave %s an estimated chance below 1 %%: who was treated is determined by what was known", n, l.Rows(), l.name(option))
		}
	}
	return ""
}

// refusePolicy does the same for a policy.
func (l Log) refusePolicy(prob []float64, all, policy [][]float64) string {
	if l.Rows() == 0 {
		return "the log has no rows"
	}
	logged := l.loggedProb() != nil
	for i, a := range l.Option {
		if logged && !(prob[i] > 0 && prob[i] <= 1) {
			return l.improper(i, a, prob[i])
		}
	}
	for t, n := range l.counts() {
		if wanted := countPositive(policy[t]); n == 0 && wanted > 0 {
			return fmt.Sprintf("the policy chooses %s in %d rows, the log never did", l.name(t), wanted)
		}
		if all == nil {
			continue
		}
		var none int
		for i, p := range all[t] {
			switch {
			case policy[t][i] == 0:
			case logged && !(p > 0):
				return l.improper(i, t, p)
			case p < minProb:
				none++
			}
		}
		if !logged && float64(none) > MaxNoOverlap*float64(l.Rows()) {
			return fmt.Sprintf("no overlap: in %d of %d rows the policy chooses %s, to which the features leave an estimated chance below 1 %%", none, l.Rows(), l.name(t))
		}
	}
	return ""
}

func (l Log) improper(row, option int, p float64) string {
	return fmt.Sprintf("no overlap: row %d logs the probability %v for %s; it must lie strictly between 0 and 1", row+1, p, l.name(option))
}

func rare(p []float64) (n int) {
	for _, v := range p {
		if v < minProb {
			n++
		}
	}
	return n
}

func countPositive(p []float64) (n int) {
	for _, v := range p {
		if v > 0 {
			n++
		}
	}
	return n
}

// refuseWeights compares the mean weight with 1, allowing for the weights' own
// noise, which the least effective sample size keeps below 7 % (one s.e.).
func (l Log) refuseWeights(s weights) string {
	n := float64(l.Rows())
	mean := s.w / n
	stderr := math.Sqrt(max(s.ww/n-mean*mean, 0) / n)
	if bias := math.Abs(mean - 1); bias > MaxWeightBias && bias > 2*stderr {
		return fmt.Sprintf("the probabilities do not fit the log: the mean inverse weight is %.3f, not within %.1f %% of 1", mean, 100*max(MaxWeightBias, 2*stderr))
	}
	return ""
}

func refuseESS(ess float64) string {
	if ess < MinESS {
		return fmt.Sprintf("a few rows carry all the weight: the effective sample size is %.0f, below %d", ess, MinESS)
	}
	return ""
}
