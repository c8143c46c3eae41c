package chart

import "math"

// scale maps values to coordinates, linearly.
type scale struct {
	min, max   float64 // values
	start, end float64 // coordinates
}

func (s scale) at(v float64) float64 {
	if s.max == s.min {
		return s.start
	}
	return s.start + (v-s.min)/(s.max-s.min)*(s.end-s.start)
}

// ticks returns about n round values that cover [lo, hi], and so the ends of
// the axis. They are multiples of 1, 2, 2.5 or 5 times a power of ten.
func ticks(lo, hi float64, n int) []float64 {
	if !(hi > lo) {
		hi = lo + 1
	}
	raw := (hi - lo) / float64(max(1, n))
	power := math.Pow(10, math.Floor(math.Log10(raw)))
	step := 10 * power
	for _, m := range [...]float64{1, 2, 2.5, 5} {
		if m*power >= raw*(1-1e-9) {
			step = m * power
			break
		}
	}
	var out []float64
	for i := math.Floor(lo/step + 1e-9); ; i++ {
		out = append(out, i*step)
		if i*step >= hi-step*1e-9 {
			return out
		}
	}
}

// bounds returns the least and the greatest finite value, and whether there is
// one.
func bounds(values ...[]float64) (lo, hi float64, ok bool) {
	lo, hi = math.Inf(1), math.Inf(-1)
	for _, list := range values {
		for _, v := range list {
			if !math.IsNaN(v) && !math.IsInf(v, 0) {
				lo, hi, ok = min(lo, v), max(hi, v), true
			}
		}
	}
	return lo, hi, ok
}

// spread moves the label positions apart so that neighbours keep the gap,
// within [lo, hi] as far as they fit. order holds indexes sorted by position.
func spread(pos []float64, order []int, gap, lo, hi float64) {
	for i := 1; i < len(order); i++ {
		if prev := pos[order[i-1]]; pos[order[i]] < prev+gap {
			pos[order[i]] = prev + gap
		}
	}
	limit := hi
	for i := len(order) - 1; i >= 0; i-- {
		pos[order[i]] = max(lo, min(pos[order[i]], limit))
		limit = pos[order[i]] - gap
	}
}
