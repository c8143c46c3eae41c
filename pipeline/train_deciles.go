package pipeline

import (
	"cmp"
	"math"
	"slices"

	"dunning/data"
	"dunning/models/uplift"
	"dunning/pipeline/report"
)

// deciles is how many equal parts by estimated effect are compared with what
// the log says.
const deciles = 10

// compareDeciles holds the estimated effects of a rival against the doubly
// robust scores of the test period: by tenth of the estimate, and on the whole
// as a Qini area with its interval. A ranking that knows nothing has an area of
// zero and the same mean score in every tenth.
func (t *trainer) compareDeciles(r *rival, mu [][]float64, channels []data.Channel, reachable map[string][]bool) {
	t.ranked = map[data.Channel]rankedEffects{}
	for k, ch := range channels {
		var score, estimate []float64
		var unit []string
		for i, row := range t.test {
			customer := t.frame.CustomerID[row]
			if p := t.frame.TreatProb[row]; !(p > 0 && p < 1) || !reachable[customer][ch.Index()] {
				continue
			}
			score = append(score, t.robust(i, k+1, ch, mu))
			estimate, unit = append(estimate, r.effect[k][i]), append(unit, customer)
		}
		t.ranked[ch] = rankEffects(score, estimate, unit, t.w.Seed)
	}
}

// rankedEffects is what the doubly robust scores say of one channel's ranking.
type rankedEffects struct {
	area, lo, hi *float64
	deciles      []data.EffectDecile
}

// rankEffects compares estimates with scores, highest estimate first. The Qini
// area is that between the curve of cumulated scores and the straight line to
// its end, in additional share per decision: Σ (½ − rank)·score / n, a mean, so
// that its interval is that of a mean. Equal estimates share their mean rank.
func rankEffects(score, estimate []float64, unit []string, seed uint64) (out rankedEffects) {
	n := len(score)
	if n < 2*deciles {
		return out
	}
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(estimate[b], estimate[a]) })
	area := make([]float64, n)
	for from := 0; from < n; {
		to := from + 1
		for to < n && estimate[order[to]] == estimate[order[from]] {
			to++
		}
		for _, i := range order[from:to] {
			area[i] = (0.5 - float64(from+to)/2/float64(n)) * score[i]
		}
		from = to
	}
	mean, _ := uplift.MeanSE(area, unit)
	lo, hi := uplift.BootstrapInterval(area, unit, uplift.Level, seed)
	out.area, out.lo, out.hi = report.Known(mean), report.Known(lo), report.Known(hi)
	if estimate[order[0]] == estimate[order[n-1]] {
		return out // one effect for all: there are no tenths
	}
	for d := range deciles {
		rows := order[d*n/deciles : (d+1)*n/deciles]
		var e data.EffectDecile
		var s []float64
		var u []string
		for _, i := range rows {
			e.Estimated += estimate[i] / float64(len(rows))
			s, u = append(s, score[i]), append(u, unit[i])
		}
		e.Decile, e.Rows = d+1, int64(len(rows))
		e.Robust, e.SE = uplift.MeanSE(s, u)
		if math.IsNaN(e.Robust) {
			continue
		}
		out.deciles = append(out.deciles, e)
	}
	return out
}

// addRanks puts what the deciles say beside the other figures of each channel.
func (t *trainer) addRanks() {
	for i := range t.evaluation.Uplift {
		u := &t.evaluation.Uplift[i]
		r := t.ranked[u.Channel]
		u.QiniArea, u.QiniAreaLo, u.QiniAreaHi, u.Deciles = r.area, r.lo, r.hi, r.deciles
	}
}
