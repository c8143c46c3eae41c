package baseline

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/optimize"

	"dunning/features"
	"dunning/models"
)

// Logistic is logistic regression with an L2 penalty, fitted by L-BFGS
// (gonum): minimise ½‖β‖² + C · Σ w_i · loss_i over the coefficients of
// standardised columns; the intercept is free. Unknown values (NaN) become the
// column's mean, and a column that has some brings along an indicator of where
// they were. Infinite values are an error.
type Logistic struct {
	// C weighs the rows against the penalty; > 0, default 1.
	C float64
	// MaxRows bounds the rows that are learned from; more are sampled without
	// replacement by Seed. Default 200,000.
	MaxRows int
	Seed    uint64
}

var _ models.Learner = Logistic{}

// Name returns "logistic".
func (Logistic) Name() string { return "logistic" }

// gradientTolerance is relative to the rows: the mean gradient at which the
// fit has converged.
const gradientTolerance = 1e-7

// Fit learns as models.Learner says.
func (l Logistic) Fit(ctx context.Context, X features.Matrix, y, w []float64) (models.Model, error) {
	if err := checkTraining(X, y, w); err != nil {
		return nil, err
	}
	if l.C < 0 || math.IsNaN(l.C) || l.MaxRows < 0 {
		return nil, fmt.Errorf("baseline: logistic: C %g, MaxRows %d", l.C, l.MaxRows)
	}
	if l.C == 0 {
		l.C = 1
	}
	if l.MaxRows == 0 {
		l.MaxRows = 200_000
	}
	if X.Rows() > l.MaxRows {
		rows := rand.New(rand.NewPCG(l.Seed, logisticStream)).Perm(X.Rows())[:l.MaxRows]
		slices.Sort(rows)
		X, y, w = X.Take(rows), models.Take(y, rows), models.Take(w, rows)
		if err := checkTraining(X, y, w); err != nil { // all weights may be zero now
			return nil, err
		}
	}
	m := &logisticModel{names: slices.Clone(X.Names)}
	for j, col := range X.Cols {
		s, err := standardise(X.Names[j], col, w)
		if err != nil {
			return nil, err
		}
		m.columns = append(m.columns, s)
	}
	if err := m.fit(ctx, l.C, X, y, w); err != nil {
		return nil, err
	}
	return m, nil
}

const logisticStream = 0x6c6f67

// standard is how one column enters the sum: beta · (x − mean) / sd, missing ·
// 1 where x is unknown. sd 0 marks a constant column, which does not enter.
type standard struct {
	mean, sd      float64
	hasMissing    bool
	beta, missing float64 // coefficients
}

func standardise(name string, col []float32, w []float64) (standard, error) {
	var s standard
	sum, total := 0.0, 0.0
	for i, x := range col {
		v := float64(x)
		if math.IsNaN(v) {
			s.hasMissing = s.hasMissing || weight(w, i) > 0
			continue
		}
		if math.IsInf(v, 0) {
			return s, fmt.Errorf("baseline: column %q, row %d: %g", name, i, v)
		}
		sum += weight(w, i) * v
		total += weight(w, i)
	}
	if total == 0 {
		return standard{}, nil // nothing is known: neither value nor indicator tells rows apart
	}
	s.mean = sum / total
	square := 0.0
	for i, x := range col {
		if d := float64(x) - s.mean; d == d {
			square += weight(w, i) * d * d
		}
	}
	s.sd = math.Sqrt(square / total)
	if s.sd < 1e-9*math.Abs(s.mean) {
		s.sd = 0 // rounding, not variation
	}
	return s, nil
}

// logisticModel is a fitted regression.
type logisticModel struct {
	names     []string
	columns   []standard
	intercept float64
}

// terms is the number of coefficients: the intercept, then value and indicator
// of every column. Coefficients of terms that do not enter stay 0.
func (m *logisticModel) terms() int { return 1 + 2*len(m.columns) }

func (m *logisticModel) set(theta []float64) {
	m.intercept = theta[0]
	for j := range m.columns {
		m.columns[j].beta, m.columns[j].missing = theta[1+2*j], theta[2+2*j]
	}
}

// margins fills out with the log-odds of every row.
func (m *logisticModel) margins(cols [][]float32, out []float64) {
	for i := range out {
		out[i] = m.intercept
	}
	for j := range m.columns {
		s := &m.columns[j]
		if s.beta == 0 && s.missing == 0 {
			continue
		}
		slope := 0.0
		if s.sd > 0 {
			slope = s.beta / s.sd
		}
		for i, x := range cols[j] {
			v := float64(x)
			if v != v {
				out[i] += s.missing
				continue
			}
			out[i] += slope * (v - s.mean)
		}
	}
}

// errStopped ends the optimiser when the context did.
var errStopped = errors.New("stopped")

// fit minimises the penalised loss, divided by C times the total weight so that
// tolerances mean the same at every size.
func (m *logisticModel) fit(ctx context.Context, c float64, X features.Matrix, y, w []float64) error {
	total := 0.0
	for i := range y {
		total += weight(w, i)
	}
	penalty := 1 / (c * total)
	margin := make([]float64, len(y))
	residual := make([]float64, len(y))
	problem := optimize.Problem{
		Func: func(theta []float64) float64 {
			m.set(theta)
			m.margins(X.Cols, margin)
			sum := 0.0
			for i, v := range y {
				e := margin[i]
				sum += weight(w, i) * (max(e, 0) - v*e + math.Log1p(math.Exp(-math.Abs(e))))
			}
			sum /= total
			for _, t := range theta[1:] {
				sum += penalty / 2 * t * t
			}
			return sum
		},
		Grad: func(grad, theta []float64) {
			m.set(theta)
			m.margins(X.Cols, margin)
			grad[0] = 0
			for i, v := range y {
				residual[i] = weight(w, i) * (1/(1+math.Exp(-margin[i])) - v) / total
				grad[0] += residual[i]
			}
			for j := range m.columns {
				value, missing := m.columns[j].gradient(X.Cols[j], residual)
				grad[1+2*j] = value + penalty*theta[1+2*j]
				grad[2+2*j] = missing + penalty*theta[2+2*j]
			}
		},
		Status: func() (optimize.Status, error) {
			if ctx.Err() != nil {
				return optimize.Failure, errStopped
			}
			return optimize.NotTerminated, nil
		},
	}
	start := make([]float64, m.terms())
	base := min(max(weightedMean(y, w), 1e-6), 1-1e-6)
	start[0] = math.Log(base / (1 - base))
	result, err := optimize.Minimize(problem, start, &optimize.Settings{
		GradientThreshold: gradientTolerance,
		MajorIterations:   1000,
		Converger:         &optimize.FunctionConverge{Absolute: 1e-12, Iterations: 20},
	}, &optimize.LBFGS{})
	if ctx.Err() != nil {
		return ctx.Err()
	}
	// A line search that can go no lower has reached the rounding of the sum.
	if err != nil && (result == nil || math.IsNaN(result.F)) {
		return fmt.Errorf("baseline: logistic: %w", err)
	}
	m.set(result.X)
	return nil
}

// gradient returns the derivatives of the loss by the value's and the
// indicator's coefficient.
func (s *standard) gradient(col []float32, residual []float64) (value, missing float64) {
	for i, x := range col {
		v := float64(x)
		if v != v {
			missing += residual[i]
			continue
		}
		value += residual[i] * (v - s.mean)
	}
	if s.sd == 0 {
		value = 0
	} else {
		value /= s.sd
	}
	if !s.hasMissing {
		missing = 0
	}
	return value, missing
}

func (m *logisticModel) Features() []string { return slices.Clone(m.names) }

func (m *logisticModel) Predict(X features.Matrix) ([]float64, error) {
	selected, err := X.Select(m.names)
	if err != nil {
		return nil, fmt.Errorf("baseline: %w", err)
	}
	out := make([]float64, selected.Rows())
	m.margins(selected.Cols, out)
	for i, e := range out {
		out[i] = 1 / (1 + math.Exp(-e))
	}
	return out, nil
}
