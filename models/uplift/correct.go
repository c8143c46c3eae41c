package uplift

import (
	"errors"
	"math"

	"gonum.org/v1/gonum/mat"
)

// Correction mends estimated effects where logged probabilities contradict
// them: the estimate τ becomes τ + x·Coef, with x a few columns that say in
// which ways the estimate may be wrong (its scale, its level by stage). It is
// the regression of doubly robust score − τ on x, pulled to 0 by a normal prior,
// so that noise does not become a correction. How strong the prior is, the data
// say themselves: see [PoolCorrections].
type Correction struct {
	Coef []float64 `json:"coef"`
	// Cov is the posterior covariance of Coef, row by row; the sampling part is
	// clustered by unit.
	Cov [][]float64 `json:"cov"`
}

// Evidence is what a log says against some estimates: the coefficients of a
// correction without a prior, and how well they are known.
type Evidence struct {
	raw       *mat.VecDense
	precision *mat.SymDense
	spread    []float64
}

// NewEvidence weighs a log. excess[i] is the doubly robust score of row
// i less its estimate; x[j][i] are the columns; spread[j] is the prior standard
// deviation of coefficient j; unit clusters the rows, nil for none. Columns
// that never vary from 0 keep the prior.
func NewEvidence(excess []float64, x [][]float64, spread []float64, unit []string) (*Evidence, error) {
	J := len(x)
	if J == 0 || len(spread) != J {
		panic("uplift: a correction needs columns, and a spread for each")
	}
	gram, meat := mat.NewSymDense(J, nil), mat.NewSymDense(J, nil)
	right := mat.NewVecDense(J, nil)
	for a := range J {
		for b := a; b < J; b++ {
			gram.SetSym(a, b, dot(x[a], x[b]))
		}
		gram.SetSym(a, a, gram.At(a, a)+1e-9)
		right.SetVec(a, dot(x[a], excess))
	}
	raw := mat.NewVecDense(J, nil)
	var chol mat.Cholesky
	if !chol.Factorize(gram) {
		return nil, errors.New("uplift: the columns of the correction depend on one another")
	}
	if err := chol.SolveVecTo(raw, right); err != nil {
		return nil, err
	}
	for _, s := range clusterScores(excess, x, raw, unit) {
		for a := range J {
			for b := a; b < J; b++ {
				meat.SetSym(a, b, meat.At(a, b)+s[a]*s[b])
			}
		}
	}
	precision, err := sandwich(gram, meat)
	if err != nil {
		return nil, err
	}
	return &Evidence{raw: raw, precision: precision, spread: spread}, nil
}

// sandwich is the sampling precision of a regression with clustered rows:
// gram · meat⁻¹ · gram.
func sandwich(gram, meat *mat.SymDense) (*mat.SymDense, error) {
	J, _ := gram.Dims()
	for a := range J {
		meat.SetSym(a, a, meat.At(a, a)*(1+1e-9)+1e-12)
	}
	var inner mat.Cholesky
	if !inner.Factorize(meat) {
		return nil, errors.New("uplift: too few units for a correction")
	}
	var half, precision mat.Dense
	if err := inner.SolveTo(&half, gram); err != nil {
		return nil, err
	}
	precision.Mul(gram, &half)
	out := mat.NewSymDense(J, nil)
	for a := range J {
		for b := a; b < J; b++ {
			out.SetSym(a, b, (precision.At(a, b)+precision.At(b, a))/2)
		}
	}
	return out, nil
}

// with factorizes the posterior precision under a prior whose standard
// deviations are the spread times scale.
func (e *Evidence) with(scale float64) (last mat.Cholesky, err error) {
	J := len(e.spread)
	total := mat.NewSymDense(J, nil)
	total.CopySym(e.precision)
	for a, s := range e.spread {
		total.SetSym(a, a, total.At(a, a)+1/(s*s*scale*scale))
	}
	if !last.Factorize(total) {
		return last, errors.New("uplift: the correction has no finite variance")
	}
	return last, nil
}

// logEvidence is the log likelihood of the raw coefficients under a prior of
// some scale, but for a constant: their variance is precision⁻¹ plus the
// prior's. 0 stands for no correction at all.
func (e *Evidence) logEvidence(scale float64) (float64, error) {
	var pull mat.VecDense
	pull.MulVec(e.precision, e.raw)
	fit := mat.Dot(e.raw, &pull)
	if scale == 0 {
		return -fit / 2, nil
	}
	last, err := e.with(scale)
	if err != nil {
		return 0, err
	}
	var post mat.VecDense
	if err := last.SolveVecTo(&post, &pull); err != nil {
		return 0, err
	}
	logDet := last.LogDet()
	for _, s := range e.spread {
		logDet += 2 * math.Log(s*scale)
	}
	return -(logDet + fit - mat.Dot(&pull, &post)) / 2, nil
}

// Correction is the posterior under a prior of some scale, in units of the
// spread; 0 gives the correction that changes nothing.
func (e *Evidence) Correction(scale float64) (*Correction, error) {
	J := len(e.spread)
	if scale == 0 {
		out := &Correction{Coef: make([]float64, J)}
		for range J {
			out.Cov = append(out.Cov, make([]float64, J))
		}
		return out, nil
	}
	last, err := e.with(scale)
	if err != nil {
		return nil, err
	}
	var pull, post mat.VecDense
	pull.MulVec(e.precision, e.raw)
	if err := last.SolveVecTo(&post, &pull); err != nil {
		return nil, err
	}
	var cov mat.SymDense
	if err := last.InverseTo(&cov); err != nil {
		return nil, err
	}
	out := &Correction{}
	for a := range J {
		out.Coef = append(out.Coef, post.AtVec(a))
		row := make([]float64, J)
		for b := range J {
			row[b] = cov.At(a, b)
		}
		out.Cov = append(out.Cov, row)
	}
	return out, nil
}

// priorScales are the strengths of the prior among which the data choose.
var priorScales = [...]float64{0, .125, .25, .5, 1}

// PoolCorrections returns one correction for each evidence. The scale of their
// prior is common, since the estimates come from one model that is right or
// wrong as a whole; it is unknown, and what is returned is the mean over
// priorScales, each weighed by how likely it makes the evidence. Estimates that
// the log does not contradict are left alone, so that the noise of doubly robust
// scores does not make the largest of them larger.
func PoolCorrections(all []*Evidence) ([]*Correction, error) {
	weight := make([]float64, len(priorScales))
	top := math.Inf(-1)
	for k, scale := range priorScales {
		for _, e := range all {
			l, err := e.logEvidence(scale)
			if err != nil {
				return nil, err
			}
			weight[k] += l
		}
		top = max(top, weight[k])
	}
	total := 0.0
	for k := range weight {
		weight[k] = math.Exp(weight[k] - top)
		total += weight[k]
	}
	for k := range weight {
		weight[k] /= total
	}
	out := make([]*Correction, len(all))
	for i, e := range all {
		parts := make([]*Correction, len(priorScales))
		for k, scale := range priorScales {
			var err error
			if parts[k], err = e.Correction(scale); err != nil {
				return nil, err
			}
		}
		out[i] = mixture(parts, weight)
	}
	return out, nil
}

// mixture has the mean and the covariance of a weighted mixture.
func mixture(parts []*Correction, weight []float64) *Correction {
	J := len(parts[0].Coef)
	out := &Correction{Coef: make([]float64, J)}
	for k, p := range parts {
		for a, v := range p.Coef {
			out.Coef[a] += weight[k] * v
		}
	}
	for a := range J {
		row := make([]float64, J)
		for b := range J {
			for k, p := range parts {
				row[b] += weight[k] * (p.Cov[a][b] + (p.Coef[a]-out.Coef[a])*(p.Coef[b]-out.Coef[b]))
			}
		}
		out.Cov = append(out.Cov, row)
	}
	return out
}

// clusterScores sums x·residual within each unit.
func clusterScores(excess []float64, x [][]float64, coef *mat.VecDense, unit []string) [][]float64 {
	place := map[string]int{}
	var sums [][]float64
	for i, e := range excess {
		for j := range x {
			e -= x[j][i] * coef.AtVec(j)
		}
		k := len(sums)
		if unit != nil {
			var seen bool
			if k, seen = place[unit[i]]; !seen {
				k = len(sums)
				place[unit[i]] = k
			}
		}
		if k == len(sums) {
			sums = append(sums, make([]float64, len(x)))
		}
		for j := range x {
			sums[k][j] += x[j][i] * e
		}
	}
	return sums
}

// Apply returns the corrected estimate and the standard error that the
// correction adds to it; x holds one value per column.
func (c *Correction) Apply(tau float64, x []float64) (corrected, stderr float64) {
	variance := 0.0
	for a, v := range x {
		tau += c.Coef[a] * v
		for b, w := range x {
			variance += v * w * c.Cov[a][b]
		}
	}
	return tau, math.Sqrt(max(variance, 0))
}

// Validate reports a correction of another number of columns than given.
func (c *Correction) Validate(columns int) error {
	if len(c.Coef) != columns || len(c.Cov) != columns {
		return errors.New("uplift: a correction of another shape")
	}
	for _, row := range c.Cov {
		if len(row) != columns {
			return errors.New("uplift: a correction of another shape")
		}
	}
	return nil
}

func dot(a, b []float64) (sum float64) {
	for i := range a {
		sum += a[i] * b[i]
	}
	return sum
}
