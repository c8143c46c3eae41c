package uplift

import (
	"errors"
	"math"

	"gonum.org/v1/gonum/mat"
)

// Correction mends estimated effects where logged probabilities contradict
// them: the estimate τ becomes τ + x·Coef, with x a few columns that say in
// which ways the estimate may be wrong (its scale, its level by stage). It is
// the regression of doubly robust score − τ on x, pulled to 0 by a normal prior
// as strong as the data are thin, so that noise does not become a correction.
type Correction struct {
	Coef []float64 `json:"coef"`
	// Cov is the posterior covariance of Coef, row by row; the sampling part is
	// clustered by unit.
	Cov [][]float64 `json:"cov"`
}

// FitCorrection fits a correction. excess[i] is the doubly robust score of row
// i less its estimate; x[j][i] are the columns; spread[j] is the prior standard
// deviation of coefficient j; unit clusters the rows, nil for none. Columns
// that never vary from 0 keep the prior.
func FitCorrection(excess []float64, x [][]float64, spread []float64, unit []string) (*Correction, error) {
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
	return posterior(gram, meat, raw, spread)
}

// posterior combines the regression with the prior: its sampling precision is
// gram · meat⁻¹ · gram.
func posterior(gram, meat *mat.SymDense, raw *mat.VecDense, spread []float64) (*Correction, error) {
	J := len(spread)
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
	total := mat.NewSymDense(J, nil)
	for a := range J {
		for b := a; b < J; b++ {
			total.SetSym(a, b, (precision.At(a, b)+precision.At(b, a))/2)
		}
		total.SetSym(a, a, total.At(a, a)+1/(spread[a]*spread[a]))
	}
	var pull, post mat.VecDense
	pull.MulVec(&precision, raw)
	var last mat.Cholesky
	if !last.Factorize(total) {
		return nil, errors.New("uplift: the correction has no finite variance")
	}
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
