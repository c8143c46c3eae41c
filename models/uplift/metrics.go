package uplift

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"dunning/data"
)

// ErrNoContrast marks a sample in which one of the arms is missing: with
// everyone treated, or no one, no effect can be estimated. It is of the class
// [data.ErrRefused].
var ErrNoContrast = fmt.Errorf("uplift: %w: one of the arms is absent", data.ErrRefused)

// Curve is a cumulative gain curve from (0, 0): after the first N[i] rows by
// falling score, Gain[i] outcomes more than without treatment. Rows of equal
// score enter together.
type Curve struct {
	N    []float64 `json:"n"`
	Gain []float64 `json:"gain"`
}

// Area returns the area under the curve by the trapezoid rule.
func (c Curve) Area() float64 {
	var a float64
	for i := 1; i < len(c.N); i++ {
		a += (c.N[i] - c.N[i-1]) * (c.Gain[i] + c.Gain[i-1]) / 2
	}
	return a
}

// aboveChance returns the area between the curve and the straight line from
// its first point to the end of the perfect curve.
func (c Curve) aboveChance(perfect Curve) float64 {
	last := len(perfect.N) - 1
	return c.Area() - perfect.N[last]*perfect.Gain[last]/2
}

// Ranking is what a ranking metric reads: outcome, arm and score of each row.
// All slices have the same length; Weight may be nil for all ones. With
// inverse propensity weights the metrics estimate what a randomised experiment
// on the same population would show.
type Ranking struct {
	Y       []float64
	Treated []bool
	Score   []float64 // predicted uplift; only its order matters
	Weight  []float64
}

// check panics on a misuse of shapes and returns an error for data that no
// ranking metric can be computed from.
func (r Ranking) check() error {
	n := len(r.Y)
	if len(r.Treated) != n || len(r.Score) != n || (r.Weight != nil && len(r.Weight) != n) {
		panic(fmt.Sprintf("uplift: ranking of %d outcomes, %d arms, %d scores, %d weights", n, len(r.Treated), len(r.Score), len(r.Weight)))
	}
	treated := 0
	for i := range n {
		if math.IsNaN(r.Y[i]) || math.IsNaN(r.Score[i]) {
			return fmt.Errorf("uplift: row %d: outcome %v, score %v", i, r.Y[i], r.Score[i])
		}
		if r.Treated[i] {
			treated++
		}
	}
	switch treated {
	case 0:
		return fmt.Errorf("%w: none of %d rows is treated", ErrNoContrast, n)
	case n:
		return fmt.Errorf("%w: all of %d rows are treated", ErrNoContrast, n)
	}
	return nil
}

// order returns the rows by falling score; among equal scores the later row
// comes first, as in scikit-uplift (a reversed stable sort).
func (r Ranking) order() []int {
	rows := make([]int, len(r.Y))
	for i := range rows {
		rows[i] = i
	}
	slices.SortFunc(rows, func(a, b int) int {
		switch {
		case r.Score[a] > r.Score[b]:
			return -1
		case r.Score[a] < r.Score[b]:
			return 1
		}
		return b - a
	})
	return rows
}

// sums accumulates the rows from the best score down.
type sums struct{ n1, n0, y1, y0 float64 }

func (s *sums) add(r Ranking, i int) {
	w := 1.0
	if r.Weight != nil {
		w = r.Weight[i]
	}
	if r.Treated[i] {
		s.n1 += w
		s.y1 += w * r.Y[i]
	} else {
		s.n0 += w
		s.y0 += w * r.Y[i]
	}
}

func (s sums) qini() float64 {
	if s.n0 == 0 {
		return s.y1
	}
	return s.y1 - s.y0*s.n1/s.n0
}

func (s sums) uplift() float64 {
	var m1, m0 float64
	if s.n1 > 0 {
		m1 = s.y1 / s.n1
	}
	if s.n0 > 0 {
		m0 = s.y0 / s.n0
	}
	return (m1 - m0) * (s.n1 + s.n0)
}

// curve walks down the ranking and notes the gain wherever the score changes.
func (r Ranking) curve(gain func(sums) float64) Curve {
	rows := r.order()
	c := Curve{N: []float64{0}, Gain: []float64{0}}
	var s sums
	for k, i := range rows {
		s.add(r, i)
		if k+1 < len(rows) && r.Score[rows[k+1]] == r.Score[i] {
			continue
		}
		c.N = append(c.N, s.n1+s.n0)
		c.Gain = append(c.Gain, gain(s))
	}
	return c
}

// QiniCurve returns the points (n, Y₁ − Y₀·N₁/N₀): outcomes among the treated
// of the first n rows, less those of the controls scaled to the same number.
func QiniCurve(r Ranking) (Curve, error) {
	if err := r.check(); err != nil {
		return Curve{}, err
	}
	return r.curve(sums.qini), nil
}

// UpliftCurve returns the points (n, n·(Y₁/N₁ − Y₀/N₀)).
func UpliftCurve(r Ranking) (Curve, error) {
	if err := r.check(); err != nil {
		return Curve{}, err
	}
	return r.curve(sums.uplift), nil
}

// Qini returns the normalised Qini coefficient of scikit-uplift's
// qini_auc_score: the area between the Qini curve and chance, over the same
// area of the perfect ranking, in which treated responders come first and
// control responders last. 1 is perfect, 0 is chance. The outcome must be 0/1.
func Qini(r Ranking) (float64, error) {
	if err := r.checkBinary(); err != nil {
		return 0, err
	}
	perfect := r
	perfect.Score = make([]float64, len(r.Y))
	for i, y := range r.Y {
		perfect.Score[i] = -y
		if r.Treated[i] {
			perfect.Score[i] = y
		}
	}
	return ratio(r.curve(sums.qini), perfect.curve(sums.qini))
}

// AUUC returns the normalised area under the uplift curve of scikit-uplift's
// uplift_auc_score. 1 is perfect, 0 is chance. The outcome must be 0/1.
func AUUC(r Ranking) (float64, error) {
	if err := r.checkBinary(); err != nil {
		return 0, err
	}
	var controlResponders, treatedSilent int
	for i, y := range r.Y {
		switch {
		case !r.Treated[i] && y == 1:
			controlResponders++
		case r.Treated[i] && y == 0:
			treatedSilent++
		}
	}
	perfect := r
	perfect.Score = make([]float64, len(r.Y))
	for i, y := range r.Y {
		t := 0.0
		if r.Treated[i] {
			t = 1
		}
		if y == t {
			perfect.Score[i] = 2
		}
		if controlResponders > treatedSilent {
			perfect.Score[i] += y
		} else {
			perfect.Score[i] += t
		}
	}
	return ratio(r.curve(sums.uplift), perfect.curve(sums.uplift))
}

func (r Ranking) checkBinary() error {
	if err := r.check(); err != nil {
		return err
	}
	for i, y := range r.Y {
		if y != 0 && y != 1 {
			return fmt.Errorf("uplift: row %d: outcome %v is not 0 or 1, which the perfect ranking needs", i, y)
		}
	}
	return nil
}

func ratio(actual, perfect Curve) (float64, error) {
	best := perfect.aboveChance(perfect)
	if best == 0 {
		return 0, errors.New("uplift: every ranking is perfect: the outcome does not vary")
	}
	return actual.aboveChance(perfect) / best, nil
}

// Strategy says which rows are the first k of a ranking.
type Strategy int

const (
	// Overall takes the first k rows of both arms together.
	Overall Strategy = iota
	// ByGroup takes the first k rows of each arm.
	ByGroup
)

// AtK returns the difference of mean outcomes between the arms among the first
// share k of the rows by falling score, 0 < k < 1: scikit-uplift's
// uplift_at_k. Counts are rounded down; weights apply to the means only. It
// errs when one arm has no row among them.
func AtK(r Ranking, k float64, strategy Strategy) (float64, error) {
	if k <= 0 || k >= 1 || math.IsNaN(k) {
		panic(fmt.Sprintf("uplift: share %v outside (0, 1)", k))
	}
	if err := r.check(); err != nil {
		return 0, err
	}
	room := map[bool]int{} // rows still to take, by arm
	if strategy == ByGroup {
		var treated int
		for _, t := range r.Treated {
			if t {
				treated++
			}
		}
		room[true] = int(float64(treated) * k)
		room[false] = int(float64(len(r.Y)-treated) * k)
	}
	var s sums
	left := int(float64(len(r.Y)) * k)
	for _, i := range r.order() {
		t := r.Treated[i]
		if strategy == ByGroup {
			if room[t] == 0 {
				continue
			}
			room[t]--
		} else {
			if left == 0 {
				break
			}
			left--
		}
		s.add(r, i)
	}
	if s.n1 == 0 || s.n0 == 0 {
		return 0, fmt.Errorf("%w among the first %v of the ranking", ErrNoContrast, k)
	}
	return s.y1/s.n1 - s.y0/s.n0, nil
}

// ATE returns the difference of mean outcomes between the treated and the
// controls and its standard error sqrt(s₁²/n₁ + s₀²/n₀). It is the average
// effect of the treatment only where treatment was randomised.
func ATE(y []float64, treated []bool) (effect, stderr float64, err error) {
	r := Ranking{Y: y, Treated: treated, Score: make([]float64, len(y))}
	if err := r.check(); err != nil {
		return 0, 0, err
	}
	var arm [2][]float64
	for i, v := range y {
		if treated[i] {
			arm[1] = append(arm[1], v)
		} else {
			arm[0] = append(arm[0], v)
		}
	}
	m1, v1 := meanVar(arm[1])
	m0, v0 := meanVar(arm[0])
	return m1 - m0, math.Sqrt(v1/float64(len(arm[1])) + v0/float64(len(arm[0]))), nil
}

// meanVar returns the mean and the sample variance, 0 for a single value.
func meanVar(v []float64) (mean, variance float64) {
	for _, x := range v {
		mean += x
	}
	mean /= float64(len(v))
	if len(v) < 2 {
		return mean, 0
	}
	for _, x := range v {
		variance += (x - mean) * (x - mean)
	}
	return mean, variance / float64(len(v)-1)
}
