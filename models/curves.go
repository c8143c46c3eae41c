package models

import "math"

// ReliabilityBin is one bin of a reliability diagram: rows with similar p.
type ReliabilityBin struct {
	Rows     int     `json:"rows"`
	MeanPred float64 `json:"mean_pred"` // mean p of the bin
	Observed float64 `json:"observed"`  // share of y = 1 in the bin
	LoObs    float64 `json:"lo_obs"`    // Wilson 95 % interval of Observed
	HiObs    float64 `json:"hi_obs"`
}

// Reliability sorts the rows by p and cuts them into equal-mass bins, lowest
// first: bin b of B holds the rows of rank [⌊bn/B⌋, ⌊(b+1)n/B⌋). Empty bins are
// left out, so fewer rows than bins give fewer bins.
func Reliability(y, p []float64, bins int) []ReliabilityBin {
	checkPair(y, p)
	order := byPrediction(p)
	n := len(order)
	var out []ReliabilityBin
	for b := range bins {
		// order falls, bins rise.
		from, to := n-(b+1)*n/bins, n-b*n/bins
		if from == to {
			continue
		}
		bin := ReliabilityBin{Rows: to - from}
		for _, i := range order[from:to] {
			bin.MeanPred += p[i]
			bin.Observed += y[i]
		}
		bin.MeanPred /= float64(bin.Rows)
		bin.Observed /= float64(bin.Rows)
		bin.LoObs, bin.HiObs = wilson(bin.Observed, float64(bin.Rows))
		out = append(out, bin)
	}
	return out
}

// wilson is the 95 % score interval of a share among n rows (Wilson 1927).
func wilson(share, n float64) (lo, hi float64) {
	const z = 1.959963984540054 // 97.5 % quantile of the normal distribution
	centre := (share + z*z/(2*n)) / (1 + z*z/n)
	half := z / (1 + z*z/n) * math.Sqrt(share*(1-share)/n+z*z/(4*n*n))
	return max(0, centre-half), min(1, centre+half)
}

// ECE is the expected calibration error: the mean over equal-mass bins,
// weighted by rows, of |observed share − mean p|.
func ECE(y, p []float64, bins int) float64 {
	if len(y) == 0 {
		return math.NaN()
	}
	sum := 0.0
	for _, b := range Reliability(y, p, bins) {
		sum += float64(b.Rows) * math.Abs(b.Observed-b.MeanPred)
	}
	return sum / float64(len(y))
}

// LiftBin is one row of a lift table (tabela de decis): the rows with the
// highest p first.
type LiftBin struct {
	Bin       int     `json:"bin"`  // 1 holds the highest p
	Rows      int     `json:"rows"` // in this bin
	Positives float64 `json:"positives"`
	MeanPred  float64 `json:"mean_pred"`
	Rate      float64 `json:"rate"`     // Positives / Rows
	Lift      float64 `json:"lift"`     // Rate / base rate; 0 when there are no positives
	CumShare  float64 `json:"cum_rows"` // share of all rows in this bin and those above
	CumCatch  float64 `json:"cum_caught"`
	CumLift   float64 `json:"cum_lift"` // CumCatch / CumShare
}

// LiftTable cuts the rows, highest p first, into equal-mass bins. Equal p at a
// border go by row number, so give rows in an order that means nothing.
func LiftTable(y, p []float64, bins int) []LiftBin {
	checkPair(y, p)
	order := byPrediction(p)
	n := len(order)
	total := 0.0
	for _, v := range y {
		total += v
	}
	var out []LiftBin
	caught := 0.0
	for b := range bins {
		from, to := b*n/bins, (b+1)*n/bins
		if from == to {
			continue
		}
		bin := LiftBin{Bin: b + 1, Rows: to - from}
		for _, i := range order[from:to] {
			bin.MeanPred += p[i]
			bin.Positives += y[i]
		}
		caught += bin.Positives
		bin.MeanPred /= float64(bin.Rows)
		bin.Rate = bin.Positives / float64(bin.Rows)
		bin.CumShare = float64(to) / float64(n)
		if total > 0 {
			bin.Lift = bin.Rate / (total / float64(n))
			bin.CumCatch = caught / total
			bin.CumLift = bin.CumCatch / bin.CumShare
		}
		out = append(out, bin)
	}
	return out
}

// ROCPoint is one point of the ROC curve.
type ROCPoint struct {
	FalsePositiveRate float64 `json:"fpr"`
	TruePositiveRate  float64 `json:"tpr"`
}

// ROC returns the ROC curve from (0, 0) to (1, 1), thinned to at most
// maxPoints (at least 2) evenly spaced ones. It is nil with one class only.
func ROC(y, p []float64, maxPoints int) []ROCPoint {
	gs := groups(y, p)
	totalPos, totalNeg := totals(gs)
	if totalPos == 0 || totalNeg == 0 {
		return nil
	}
	all := []ROCPoint{{}}
	pos, neg := 0.0, 0.0
	for _, g := range gs {
		pos += g.pos
		neg += g.neg
		all = append(all, ROCPoint{neg / totalNeg, pos / totalPos})
	}
	maxPoints = max(2, maxPoints)
	if len(all) <= maxPoints {
		return all
	}
	out := make([]ROCPoint, maxPoints)
	for k := range out {
		out[k] = all[k*(len(all)-1)/(maxPoints-1)]
	}
	return out
}
