package uplift_test

import (
	"context"
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/mat"

	"dunning/features"
	"dunning/models"
	"dunning/models/uplift"
)

// linear is a small honest learner for these tests: least squares, or logistic
// regression by Newton steps, with a little ridge.
type linear struct{ logit bool }

func (l linear) Name() string { return "linear" }

func (l linear) Fit(_ context.Context, X features.Matrix, y, _ []float64) (models.Model, error) {
	if err := models.CheckTraining(X, y, nil); err != nil {
		return nil, err
	}
	m := &linearModel{linear: l, names: append([]string(nil), X.Names...), beta: make([]float64, len(X.Cols)+1)}
	k := len(m.beta)
	steps := 1
	if l.logit {
		steps = 6
	}
	for range steps {
		h, g := mat.NewSymDense(k, nil), mat.NewVecDense(k, nil)
		for i := range y {
			x := m.row(X.Cols, i)
			p, w := m.predict(x), 1.0
			if l.logit {
				w = max(p*(1-p), 1e-6)
			}
			for a := range x {
				g.SetVec(a, g.AtVec(a)+x[a]*(y[i]-p))
				for b := a; b < k; b++ {
					h.SetSym(a, b, h.At(a, b)+w*x[a]*x[b])
				}
			}
		}
		for a := range k {
			h.SetSym(a, a, h.At(a, a)+1e-3)
		}
		var chol mat.Cholesky
		chol.Factorize(h)
		var step mat.VecDense
		if err := chol.SolveVecTo(&step, g); err != nil {
			return nil, err
		}
		for a := range k {
			m.beta[a] += step.AtVec(a)
		}
	}
	return m, nil
}

type linearModel struct {
	linear
	names []string
	beta  []float64
}

func (m *linearModel) row(cols [][]float32, i int) []float64 {
	x := make([]float64, len(m.beta))
	x[0] = 1
	for j := range m.names {
		x[j+1] = float64(cols[j][i])
	}
	return x
}

func (m *linearModel) predict(x []float64) (p float64) {
	for a, v := range x {
		p += v * m.beta[a]
	}
	if m.logit {
		return 1 / (1 + math.Exp(-p))
	}
	return p
}

func (m *linearModel) Features() []string { return m.names }

func (m *linearModel) Predict(X features.Matrix) ([]float64, error) {
	X, err := X.Select(m.names)
	if err != nil {
		return nil, err
	}
	out := make([]float64, X.Rows())
	for i := range out {
		out[i] = m.predict(m.row(X.Cols, i))
	}
	return out, nil
}

// world is a synthetic log with known effects. Two treatments: the first adds
// effect·(1+x0)/2 to the outcome, the second −effect/2. x0 is in [−1, 1]; the
// logging policy prefers treatments where x1, which raises the outcome, is
// high: naive comparisons are too high.
type world struct {
	log    uplift.Log
	effect [][]float64 // true effect of treatment t on row i
}

func makeWorld(n int, seed uint64, effect, confounding float64) world {
	rng := rand.New(rand.NewPCG(seed, 1))
	w := world{effect: [][]float64{make([]float64, n), make([]float64, n)}}
	cols := [][]float32{make([]float32, n), make([]float32, n)}
	w.log = uplift.Log{
		X:          features.Matrix{Names: []string{"x0", "x1"}, Cols: cols},
		Treatments: []string{"call", "letter"},
		Option:     make([]int, n), Y: make([]float64, n),
		OptionProb: [][]float64{make([]float64, n), make([]float64, n), make([]float64, n)},
	}
	for i := range n {
		x0, x1 := 2*rng.Float64()-1, 2*rng.Float64()-1
		cols[0][i], cols[1][i] = float32(x0), float32(x1)
		w.effect[0][i], w.effect[1][i] = effect*(1+x0)/2, -effect/2
		e1, e2 := math.Exp(confounding*x1), math.Exp(confounding*x1/2)
		p := [3]float64{1 / (1 + e1 + e2), e1 / (1 + e1 + e2), e2 / (1 + e1 + e2)}
		u, a := rng.Float64(), 0
		for ; a < 2 && u >= p[a]; a++ {
			u -= p[a]
		}
		mean := 0.4 + 0.25*x1
		if a > 0 {
			mean += w.effect[a-1][i]
		}
		for t := range p {
			w.log.OptionProb[t][i] = p[t]
		}
		w.log.Option[i] = a
		if rng.Float64() < mean {
			w.log.Y[i] = 1
		}
	}
	return w
}

func mean(v []float64) (m float64) {
	for _, x := range v {
		m += x
	}
	return m / float64(len(v))
}
