package models

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"slices"
)

// The metrics compare labels y (0 or 1) with predicted probabilities p of the
// same length, row by row; they panic when the lengths differ. Rows have equal
// weight. A metric that the data leave undefined (no rows, one class only) is
// NaN.

// Metrics are the figures of one classifier on one set of rows, as reports
// show them. In JSON an undefined figure is null.
type Metrics struct {
	Rows             int     // number of rows
	Positives        int     // rows with y = 1
	BaseRate         float64 // Positives / Rows
	MeanPrediction   float64 // mean of p
	AUC              float64 // see AUC
	PRAUC            float64 // see PRAUC
	KS               float64 // see KS
	LogLoss          float64 // see LogLoss
	Brier            float64 // see Brier
	BrierSkill       float64 // see BrierSkill
	ECE              float64 // see ECE, 10 bins
	CalibSlope       float64 // see CalibrationLine; 1 is ideal
	CalibIntercept   float64 // see CalibrationLine; 0 is ideal
	CalibInTheLarge  float64 // see CalibrationInTheLarge; 0 is ideal
	LiftAtTenPercent float64 // see LiftAt, share 0.10
}

// Evaluate computes all figures.
func Evaluate(y, p []float64) Metrics {
	checkPair(y, p)
	m := Metrics{Rows: len(y), BaseRate: mean(y), MeanPrediction: mean(p)}
	for _, v := range y {
		if v == 1 {
			m.Positives++
		}
	}
	m.AUC, m.PRAUC, m.KS = AUC(y, p), PRAUC(y, p), KS(y, p)
	m.LogLoss, m.Brier, m.BrierSkill = LogLoss(y, p), Brier(y, p), BrierSkill(y, p)
	m.ECE = ECE(y, p, 10)
	m.CalibSlope, m.CalibIntercept = CalibrationLine(y, p)
	m.CalibInTheLarge = CalibrationInTheLarge(y, p)
	m.LiftAtTenPercent = LiftAt(y, p, 0.10)
	return m
}

// metricsJSON is the JSON form of Metrics.
type metricsJSON struct {
	Rows             int      `json:"rows"`
	Positives        int      `json:"positives"`
	BaseRate         *float64 `json:"base_rate"`
	MeanPrediction   *float64 `json:"mean_prediction"`
	AUC              *float64 `json:"auc"`
	PRAUC            *float64 `json:"pr_auc"`
	KS               *float64 `json:"ks"`
	LogLoss          *float64 `json:"log_loss"`
	Brier            *float64 `json:"brier"`
	BrierSkill       *float64 `json:"brier_skill"`
	ECE              *float64 `json:"ece"`
	CalibSlope       *float64 `json:"calib_slope"`
	CalibIntercept   *float64 `json:"calib_intercept"`
	CalibInTheLarge  *float64 `json:"calib_in_the_large"`
	LiftAtTenPercent *float64 `json:"lift_at_10"`
}

// MarshalJSON writes undefined figures as null.
func (m Metrics) MarshalJSON() ([]byte, error) {
	return json.Marshal(metricsJSON{
		Rows: m.Rows, Positives: m.Positives,
		BaseRate: nullable(m.BaseRate), MeanPrediction: nullable(m.MeanPrediction),
		AUC: nullable(m.AUC), PRAUC: nullable(m.PRAUC), KS: nullable(m.KS),
		LogLoss: nullable(m.LogLoss), Brier: nullable(m.Brier), BrierSkill: nullable(m.BrierSkill),
		ECE: nullable(m.ECE), CalibSlope: nullable(m.CalibSlope), CalibIntercept: nullable(m.CalibIntercept),
		CalibInTheLarge: nullable(m.CalibInTheLarge), LiftAtTenPercent: nullable(m.LiftAtTenPercent),
	})
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (m *Metrics) UnmarshalJSON(b []byte) error {
	var j metricsJSON
	if err := DecodeStrict(b, &j); err != nil {
		return err
	}
	*m = Metrics{
		Rows: j.Rows, Positives: j.Positives,
		BaseRate: orNaN(j.BaseRate), MeanPrediction: orNaN(j.MeanPrediction),
		AUC: orNaN(j.AUC), PRAUC: orNaN(j.PRAUC), KS: orNaN(j.KS),
		LogLoss: orNaN(j.LogLoss), Brier: orNaN(j.Brier), BrierSkill: orNaN(j.BrierSkill),
		ECE: orNaN(j.ECE), CalibSlope: orNaN(j.CalibSlope), CalibIntercept: orNaN(j.CalibIntercept),
		CalibInTheLarge: orNaN(j.CalibInTheLarge), LiftAtTenPercent: orNaN(j.LiftAtTenPercent),
	}
	return nil
}

// AUC is the area under the ROC curve: the probability that a random positive
// has a higher p than a random negative, ties counting one half.
func AUC(y, p []float64) float64 {
	area, pos, neg := 0.0, 0.0, 0.0
	for _, g := range groups(y, p) {
		area += g.neg * (pos + g.pos/2)
		pos += g.pos
		neg += g.neg
	}
	return area / (pos * neg) // 0/0 with one class only
}

// PRAUC is the average precision: the sum over thresholds of precision times
// the gain in recall, without interpolation.
func PRAUC(y, p []float64) float64 {
	sum, pos, all := 0.0, 0.0, 0.0
	for _, g := range groups(y, p) {
		pos += g.pos
		all += g.pos + g.neg
		sum += g.pos * pos / all
	}
	if pos == 0 {
		return math.NaN()
	}
	return sum / pos
}

// KS is the Kolmogorov–Smirnov distance between the p of positives and of
// negatives: the largest difference of the ROC curve from the diagonal.
func KS(y, p []float64) float64 {
	gs := groups(y, p)
	totalPos, totalNeg := totals(gs)
	if totalPos == 0 || totalNeg == 0 {
		return math.NaN()
	}
	largest, pos, neg := 0.0, 0.0, 0.0
	for _, g := range gs {
		pos += g.pos
		neg += g.neg
		largest = max(largest, math.Abs(pos/totalPos-neg/totalNeg))
	}
	return largest
}

// logLossFloor keeps the logarithm of a prediction of exactly 0 or 1 finite.
const logLossFloor = 1e-15

// LogLoss is the mean of −log of the probability given to what happened, in
// nats. Probabilities are kept within [1e-15, 1 − 1e-15].
func LogLoss(y, p []float64) float64 {
	checkPair(y, p)
	sum := 0.0
	for i, v := range y {
		q := min(max(p[i], logLossFloor), 1-logLossFloor)
		sum -= v*math.Log(q) + (1-v)*math.Log1p(-q)
	}
	return sum / float64(len(y))
}

// Brier is the mean squared difference between p and y.
func Brier(y, p []float64) float64 {
	checkPair(y, p)
	sum := 0.0
	for i, v := range y {
		sum += (p[i] - v) * (p[i] - v)
	}
	return sum / float64(len(y))
}

// BrierSkill is 1 − Brier / Brier of always predicting the base rate of these
// very rows: 1 is perfect, 0 is no better than the base rate, below 0 is worse.
func BrierSkill(y, p []float64) float64 {
	base := mean(y)
	reference := base * (1 - base)
	if reference == 0 {
		return math.NaN()
	}
	return 1 - Brier(y, p)/reference
}

// LiftAt is the share of positives among the rows with the highest p, divided
// by the base rate. The share of rows is in (0, 1]; at least one row is taken.
// Among equal p at the border the positives are shared out proportionally.
func LiftAt(y, p []float64, share float64) float64 {
	gs := groups(y, p)
	totalPos, totalNeg := totals(gs)
	take := math.Max(1, math.Floor(share*(totalPos+totalNeg)))
	left, pos := take, 0.0
	for _, g := range gs {
		n := min(left, g.pos+g.neg)
		pos += g.pos * n / (g.pos + g.neg)
		if left -= n; left == 0 {
			break
		}
	}
	return pos / take / (totalPos / (totalPos + totalNeg))
}

// group is the rows with one value of p.
type group struct{ p, pos, neg float64 }

// groups returns the rows by falling p, equal ones together.
func groups(y, p []float64) []group {
	checkPair(y, p)
	var out []group
	for _, i := range byPrediction(p) {
		if len(out) == 0 || out[len(out)-1].p != p[i] {
			out = append(out, group{p: p[i]})
		}
		g := &out[len(out)-1]
		g.pos += y[i]
		g.neg += 1 - y[i]
	}
	return out
}

// byPrediction returns the row numbers by falling p, ties by row.
func byPrediction(p []float64) []int {
	order := make([]int, len(p))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(p[b], p[a]) })
	return order
}

func totals(gs []group) (pos, neg float64) {
	for _, g := range gs {
		pos += g.pos
		neg += g.neg
	}
	return pos, neg
}

func mean(v []float64) float64 {
	sum := 0.0
	for _, x := range v {
		sum += x
	}
	return sum / float64(len(v))
}

func checkPair(y, p []float64) {
	if len(y) != len(p) {
		panic(fmt.Sprintf("models: %d labels, %d predictions", len(y), len(p)))
	}
}
