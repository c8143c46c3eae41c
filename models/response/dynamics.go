package response

import (
	"math"
)

// Bounds of the table of touch dynamics.
const (
	MaxStep    = 4  // the fourth touch and later ones are alike
	MaxGapDays = 14 // a touch longer ago counts as none
)

// StepInfo is the score test of one cell: how far, on the log scale, touches of
// that step and gap were off the damping, and the information behind it.
type StepInfo struct {
	Excess float64 `json:"excess"`
	Info   float64 `json:"info"`
}

// keepSteps takes note of what the last pass saw by step and gap.
func (sh *Shape) keepSteps(s *shapeSums) {
	for step := range s.steps {
		for gap, x := range s.steps[step] {
			cell := StepInfo{Info: x[1]}
			if x[1] > 0 {
				cell.Excess = x[0] / x[1]
			}
			sh.Steps[step][gap] = cell
		}
	}
}

// Damping that is supposed where the log is too thin to say: a second touch on
// the next day is worth exp(−0.5) of the first, about 0.6.
const (
	DefaultFatigue   = 0.5
	DefaultFatigueSE = 0.25
	// thinSE is the standard error of the damping from which on a log is thin.
	thinSE = 0.1
	// cellSpread is how far, on the log scale, a cell may lie from the damping
	// curve: the prior that pulls cells with few touches to it.
	cellSpread = 0.15
)

// Dynamic is one cell of the table: the value of a touch that is number Step
// within a fortnight, GapDays after the one before it, over its value as a
// first touch.
type Dynamic struct {
	Step    int     `json:"step"`
	GapDays int     `json:"gap_days"`
	Factor  float64 `json:"factor"`
	SE      float64 `json:"se"`
}

// Dynamics tabulates tiredness and recovery for steps 2 to MaxStep and gaps of
// 1 to MaxGapDays days: the damping curve exp(−φ·load) of equally spaced
// touches, moved in each cell by what its own touches say as far as they are
// many, then made monotone: a longer gap never lowers, a further step never
// raises the factor, and none exceeds 1. A log whose decisions are a week apart
// says little of shorter gaps; there the curve alone speaks. thin tells that
// the log was too thin and the documented default is given; a nil ensemble is.
func (e *Ensemble) Dynamics() (table []Dynamic, thin bool) {
	phi, variance := e.fatigue()
	if thin = e == nil || !(math.Sqrt(variance) <= thinSE); thin {
		phi, variance = DefaultFatigue, DefaultFatigueSE*DefaultFatigueSE
	}
	var value, spread [MaxStep + 1][MaxGapDays + 1]float64
	for step := 2; step <= MaxStep; step++ {
		for gap := 1; gap <= MaxGapDays; gap++ {
			load := 0.0
			for k := 1; k < step; k++ {
				load += math.Exp(-float64(k*gap) / recoveryDays)
			}
			v, s := -phi*load, variance*load*load
			if !thin {
				v, s = e.cell(step, gap, v, s)
			}
			value[step][gap], spread[step][gap] = v, s
		}
	}
	monotone(&value, &spread)
	for step := 2; step <= MaxStep; step++ {
		for gap := 1; gap <= MaxGapDays; gap++ {
			f := math.Exp(min(value[step][gap], 0))
			table = append(table, Dynamic{step, gap, f, f * math.Sqrt(spread[step][gap])})
		}
	}
	return table, thin
}

// fatigue is the mean damping and the variance of that mean: the models' own,
// and their spread.
func (e *Ensemble) fatigue() (mean, variance float64) {
	if e == nil || len(e.Bags) == 0 {
		return 0, math.Inf(1)
	}
	B := float64(len(e.Bags))
	for _, m := range e.Bags {
		mean += m.Shape.Fatigue / B
	}
	for _, m := range e.Bags {
		d := m.Shape.Fatigue - mean
		own := m.Shape.FatigueSE
		if e.Disjoint {
			variance += own*own/(B*B) + d*d/(B*B)
		} else {
			variance += own*own/B + d*d
		}
	}
	return mean, variance
}

// cell moves a log factor of the curve toward what the log says of the cell,
// against first touches.
func (e *Ensemble) cell(step, gap int, curve, variance float64) (value, spread float64) {
	var at, first StepInfo
	for _, m := range e.Bags {
		at = pooled(at, m.Shape.Steps[step-1][gap])
		first = pooled(first, m.Shape.Steps[0][0])
	}
	if !e.Disjoint { // every customer is in all bags but one
		at.Info /= max(1, float64(len(e.Bags)-1))
		first.Info /= max(1, float64(len(e.Bags)-1))
	}
	variance += cellSpread * cellSpread
	if at.Info < 1 || first.Info < 1 {
		return curve, variance
	}
	noise := 1/at.Info + 1/first.Info
	own := curve + at.Excess - first.Excess
	w := variance / (variance + noise)
	return curve + w*(own-curve), variance * (1 - w)
}

func pooled(a, b StepInfo) StepInfo {
	info := a.Info + b.Info
	if info == 0 {
		return a
	}
	return StepInfo{Excess: (a.Excess*a.Info + b.Excess*b.Info) / info, Info: info}
}

// monotone makes values rise with the gap and fall with the step, by pooling
// violators in turn along the two ways until neither changes anything much.
func monotone(value, spread *[MaxStep + 1][MaxGapDays + 1]float64) {
	for range 50 {
		for step := 2; step <= MaxStep; step++ {
			var x, w [MaxGapDays]float64
			for gap := range x {
				x[gap], w[gap] = -value[step][gap+1], 1/(spread[step][gap+1]+1e-9)
			}
			falling(x[:], w[:])
			for gap := range x {
				value[step][gap+1] = -x[gap]
			}
		}
		for gap := 1; gap <= MaxGapDays; gap++ {
			var x, w [MaxStep - 1]float64
			for k := range x {
				x[k], w[k] = value[k+2][gap], 1/(spread[k+2][gap]+1e-9)
			}
			falling(x[:], w[:])
			for k := range x {
				value[k+2][gap] = x[k]
			}
		}
	}
	// What the alternation left within rounding is cleared exactly.
	for step := 2; step <= MaxStep; step++ {
		for gap := 1; gap <= MaxGapDays; gap++ {
			if gap > 1 {
				value[step][gap] = max(value[step][gap], value[step][gap-1])
			}
		}
	}
	for gap := 1; gap <= MaxGapDays; gap++ {
		for step := 3; step <= MaxStep; step++ {
			value[step][gap] = min(value[step][gap], value[step-1][gap])
		}
	}
}
