package optimizer

import (
	"context"
	"slices"

	"gonum.org/v1/gonum/mat"
)

// Constants of minimise.
const (
	newtonSteps     = 200
	edgeRounds      = 5     // how often a step is solved again without the rows at an edge
	shortening      = 4.0   // of a step that does not lead down
	lengthening     = 4.0   // from one step to the next
	newtonTolerance = 0.003 // of the temperature and row, in the squared distance
)

// minimise moves price, in place, to the minimum of F at a temperature, by
// Newton's method on the prices that are not held at a bound. It stops when the
// prices are off by a fraction of what the choices' own randomness would move
// them. It returns the gradient there: what is left of each row.
func (s *smooth) minimise(ctx context.Context, price []float64, temperature float64) (left []float64) {
	here := s.at(price, temperature, true, false)
	next := make([]float64, len(price))
	length := 1.0
	for range newtonSteps {
		free := s.free(price, here.gradient)
		if len(free) == 0 || ctx.Err() != nil {
			return here.gradient
		}
		step, decrement := s.newtonStep(here, price, free, temperature)
		if decrement < newtonTolerance*temperature*float64(len(free)) {
			return here.gradient
		}
		// Far from the minimum one step is as short as the one before, and most
		// trials fail: only those that are likely to be taken pay for a Hessian.
		length = min(1, length*lengthening)
		hopeful := length == 1
		found := false
		for range 30 {
			copy(next, price)
			for _, r := range free {
				next[r] = min(max(s.b.lower[r], price[r]+length*step[r]), s.b.upper[r])
			}
			there := s.at(next, temperature, hopeful, false)
			if there.value < here.value-1e-4*length*decrement || decrement < 1e-13*abs(here.value) {
				if !hopeful {
					there = s.at(next, temperature, true, false)
				}
				copy(price, next)
				here, found = there, true
				break
			}
			length /= shortening
			hopeful = false
		}
		if !found {
			return here.gradient
		}
	}
	return here.gradient
}

// free lists the rows that are not held at an edge of the box.
func (s *smooth) free(price, gradient []float64) (rows []int) {
	for r, y := range price {
		if y <= s.b.lower[r] && gradient[r] >= 0 || y >= s.b.upper[r] && gradient[r] <= 0 {
			continue
		}
		rows = append(rows, r)
	}
	return rows
}

// newtonStep returns the change of each price to the minimum of the quadratic
// model of F, and how much of F its gradient promises. Rows that would leave the
// box go to its edge, and the others are solved for again: cut off instead, they
// leave them a step that fits no more. Where that leads up, the step is the first.
func (s *smooth) newtonStep(at *smoothPoint, price []float64, free []int, temperature float64) (step []float64, decrement float64) {
	n := len(price)
	pull := make([]float64, n)
	for r, g := range at.gradient {
		pull[r] = -g * temperature
	}
	step = make([]float64, n)
	at.solve(step, free, pull, s.scale)
	decrement = at.promise(step, free)
	edged := slices.Clone(step)
	for inside, round := free, 0; round < edgeRounds; round++ {
		var kept, gone []int
		for _, r := range inside {
			edge := min(max(s.b.lower[r], price[r]+edged[r]), s.b.upper[r])
			if edge == price[r]+edged[r] {
				kept = append(kept, r)
			} else {
				gone = append(gone, r)
				edged[r] = edge - price[r]
			}
		}
		if len(gone) == 0 || len(kept) == 0 {
			break
		}
		for _, r := range kept {
			for _, q := range gone {
				pull[r] -= at.hessian[r*n+q] * edged[q]
			}
		}
		at.solve(edged, kept, pull, s.scale)
		inside = kept
	}
	if down := at.promise(edged, free); down > 0 {
		return edged, down
	}
	return step, decrement
}

// promise returns how much of F the gradient promises over a step of some rows.
func (at *smoothPoint) promise(step []float64, rows []int) (down float64) {
	for _, r := range rows {
		down -= step[r] * at.gradient[r]
	}
	return down
}

// solve sets the step of some rows to H⁻¹·pull over those.
func (at *smoothPoint) solve(step []float64, rows []int, pull, scale []float64) {
	g := mat.NewVecDense(len(rows), nil)
	for k, r := range rows {
		g.SetVec(k, pull[r])
	}
	var d mat.VecDense
	if err := at.factor(rows, scale).SolveVecTo(&d, g); err != nil && d.IsEmpty() {
		return
	}
	for k, r := range rows {
		step[r] = d.AtVec(k)
	}
}

// factor returns the Cholesky factor of the rows' part of T·Hessian. Every row
// gets the variance of a thousandth of a customer on top, so that rows that
// nobody is undecided about do not make it singular.
func (at *smoothPoint) factor(rows []int, scale []float64) *mat.Cholesky {
	n := len(at.gradient)
	for ridge := 1e-3; ; ridge *= 100 {
		m := mat.NewSymDense(len(rows), nil)
		for i, r := range rows {
			for k, q := range rows[:i+1] {
				m.SetSym(i, k, at.hessian[r*n+q])
			}
			m.SetSym(i, i, at.hessian[r*n+r]+ridge*scale[r]*scale[r])
		}
		var f mat.Cholesky
		if f.Factorize(m) {
			return &f
		}
	}
}
