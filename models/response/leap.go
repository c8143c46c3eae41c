package response

import (
	"math"
	"slices"
)

// The EM map is slow where touches and days are hard to tell apart: most late
// invoices are touched most of the time. Squared extrapolation (Varadhan &
// Roland, "Simple and globally convergent methods for accelerating the
// convergence of any EM algorithm", Scandinavian J. Statistics 35, 2008) leaps
// along the path of two maps, and falls back where the likelihood would drop.

// maxLeap bounds the length of a leap, in steps.
const maxLeap = 12

// leap makes one cycle of three maps.
func (f *fitter) leap(shapes bool) {
	p0 := f.pack(nil)
	f.em(shapes)
	p1 := f.pack(nil)
	f.em(shapes)
	p2 := f.pack(nil)
	before := f.m.LogLikelihood // at p1
	var rr, vv float64
	for i := range p0 {
		r := p1[i] - p0[i]
		v := p2[i] - p1[i] - r
		rr += r * r
		vv += v * v
	}
	if vv == 0 {
		return
	}
	alpha := -math.Sqrt(rr / vv)
	alpha = max(min(alpha, -1), -f.reach)
	to := make([]float64, len(p0))
	for i := range p0 {
		r := p1[i] - p0[i]
		v := p2[i] - p1[i] - r
		to[i] = p0[i] - 2*alpha*r + alpha*alpha*v
	}
	f.unpack(to)
	f.refresh()
	f.em(shapes)
	if !(f.m.LogLikelihood >= before-1e-3) {
		f.unpack(p2)
		f.refresh()
		f.reach = max(1.5, f.reach/2)
		return
	}
	if alpha == -f.reach {
		f.reach = min(2*f.reach, maxLeap)
	}
}

// em is one map: classes and effects, then the base hazard.
func (f *fitter) em(shapes bool) {
	f.step(shapes)
	f.fitBase(2)
}

// parameters calls see for every free parameter, as a pointer and whether it is
// a factor, a probability or neither.
func (f *fitter) parameters(see func(x *float64, kind byte)) {
	m := f.m
	for k := range m.Classes {
		c := &m.Classes[k]
		for a := range nEffects {
			see(c.effect(a), 'e')
		}
		for ch := range channels {
			see(&c.Opened[ch], 'p')
			see(&c.Promised[ch], 'p')
			see(&c.Complained[ch], 'p')
		}
	}
	for _, name := range f.names {
		g := m.Groups[name]
		for k := range g.Class {
			see(&g.Class[k], 'f')
		}
		for l := range g.Level {
			see(&g.Level[l], 'f')
		}
	}
	s := &m.Shape
	all := [][]float64{s.Day[:], s.Near[0][:], s.Near[1][:], s.Decay[:]}
	for c := range s.Stage {
		all = append(all, s.Stage[c][:])
	}
	b := &m.Base
	all = append(all, b.Day[0][:], b.Day[1][:], b.Payday[0][:], b.Payday[1][:], b.Monthday[0][:], b.Monthday[1][:], b.Month[0][:], b.Month[1][:], b.Week[0][:], b.Week[1][:], b.Thirteenth[0][:], b.Thirteenth[1][:], b.Amount[:], b.Tenure[:], b.Cohort[:], m.Levels)
	for row := range b.PastDue {
		all = append(all, b.PastDue[row][:])
	}
	all = append(all, m.ScoreLevel...)
	for _, list := range all {
		for i := range list {
			see(&list[i], 'f')
		}
	}
	see(&s.Fatigue, 'e')
	for _, name := range f.products {
		x := b.Product[name]
		see(&x, 'f')
		b.Product[name] = x
	}
	for _, name := range f.regions {
		x := b.Region[name]
		see(&x, 'f')
		b.Region[name] = x
	}
	for _, name := range f.names {
		if x, has := b.Unlimited[name]; has {
			see(&x, 'f')
			b.Unlimited[name] = x
		}
	}
}

// pack returns the parameters on scales without bounds.
func (f *fitter) pack(to []float64) []float64 {
	f.parameters(func(x *float64, kind byte) {
		switch kind {
		case 'f':
			to = append(to, math.Log(max(*x, 1e-12)))
		case 'p':
			to = append(to, math.Log(*x/(1-*x)))
		default:
			to = append(to, *x)
		}
	})
	return to
}

// unpack sets the parameters, within their bounds.
func (f *fitter) unpack(from []float64) {
	i := 0
	// Mixes are shared where a group has none of its own: take care to set
	// each group's own.
	for _, name := range f.names {
		g := f.m.Groups[name]
		g.Class, g.Level = slices.Clone(g.Class), slices.Clone(g.Level)
		f.m.Groups[name] = g
	}
	f.parameters(func(x *float64, kind byte) {
		v := from[i]
		i++
		switch kind {
		case 'f':
			*x = math.Exp(min(max(v, -27), 7))
		case 'p':
			*x = min(max(1/(1+math.Exp(-v)), 1e-5), 1-1e-5)
		default:
			*x = min(max(v, -maxEffect), maxEffect)
		}
	})
	s := &f.m.Shape
	s.Fatigue = min(max(s.Fatigue, 0), 2)
	for t := 1; t < effectDays; t++ {
		s.Decay[t] = min(s.Decay[t], s.Decay[t-1])
	}
	ascending(f.m.Levels)
	for _, name := range f.names {
		normalise(f.m.Groups[name].Class)
		normalise(f.m.Groups[name].Level)
	}
	for _, bins := range f.m.ScoreLevel {
		normalise(bins)
	}
}

func normalise(x []float64) {
	sum := 0.0
	for _, v := range x {
		sum += v
	}
	for i := range x {
		x[i] /= sum
	}
}
