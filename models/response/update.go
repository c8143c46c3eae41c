package response

import (
	"math"
	"slices"
)

// updateShares sets mixes and rates to their posterior means.
func (f *fitter) updateShares(s *sums) {
	m := f.m
	K, L := len(m.Classes), len(m.Levels)
	all := Group{Class: make([]float64, K), Level: make([]float64, L)}
	mixed(all.Class, s.class, nil)
	mixed(all.Level, s.level, nil)
	for g, name := range f.names {
		group := m.Groups[name]
		if g == 0 {
			group.Class, group.Level = all.Class, all.Level
		} else {
			group.Class, group.Level = make([]float64, K), make([]float64, L)
			mixed(group.Class, s.class[g:g+1], all.Class)
			mixed(group.Level, s.level[g:g+1], all.Level)
		}
		m.Groups[name] = group
	}
	var sent [channels]float64
	var yes [3][channels]float64
	for k := range s.sent {
		for ch := range channels {
			sent[ch] += s.sent[k][ch]
			for a := range yes {
				yes[a][ch] += s.yes[k][a][ch]
			}
		}
	}
	for k := range m.Classes {
		c := &m.Classes[k]
		for ch := range channels {
			for a, rate := range [...]*float64{&c.Opened[ch], &c.Promised[ch], &c.Complained[ch]} {
				pooled := (yes[a][ch] + .5) / (sent[ch] + 2)
				p := (s.yes[k][a][ch] + ratePrior*pooled) / (s.sent[k][ch] + ratePrior)
				*rate = min(max(p, 1e-5), 1-1e-5)
			}
		}
	}
	f.updateLevels(s)
	if len(m.ScoreBounds) == 0 {
		return
	}
	for l := range m.ScoreLevel {
		mixed(m.ScoreLevel[l], s.score[l:l+1], independent(s.score[l]))
	}
}

// independent are the shares of a bureau's cells if scores and negative records
// of customers of one pace had nothing to do with each other.
func independent(cells []float64) []float64 {
	var scores, records []float64
	for i, n := range cells {
		if i%recordKinds == 0 {
			scores = append(scores, 1)
		}
		if i < recordKinds {
			records = append(records, 1)
		}
		scores[i/recordKinds] += n
		records[i%recordKinds] += n
	}
	normalise(scores)
	normalise(records)
	out := make([]float64, len(cells))
	for i := range out {
		out[i] = scores[i/recordKinds] * records[i%recordKinds]
	}
	return out
}

// updateLevels moves the paces to where those who have them pay as expected.
// What all have in common is the business of the base hazard and left out.
func (f *fitter) updateLevels(s *sums) {
	m := f.m
	var before, after float64
	moved := make([]float64, len(m.Levels))
	for l, g := range m.Levels {
		moved[l] = (s.paid[l] + levelPrior) / (s.hazard[l] + levelPrior/f.began[l])
		before += g * s.hazard[l]
		after += moved[l] * s.hazard[l]
	}
	for l := range moved {
		m.Levels[l] = moved[l] * before / after
	}
	ascending(m.Levels)
}

// mergeLevels makes one of neighbouring paces that the fit has moved together:
// they are the same people, and whoever is between two is told worse than by
// one.
func (f *fitter) mergeLevels() {
	m := f.m
	for l := len(m.Levels) - 2; l >= 0; l-- {
		if m.Levels[l+1] > mergeWithin*m.Levels[l] {
			continue
		}
		mix := m.Groups[""].Level
		part := mix[l+1] / (mix[l] + mix[l+1])
		between := func(a, b float64) float64 { return math.Exp((1-part)*math.Log(a) + part*math.Log(b)) }
		m.Levels[l], f.began[l] = between(m.Levels[l], m.Levels[l+1]), between(f.began[l], f.began[l+1])
		m.Levels, f.began = slices.Delete(m.Levels, l+1, l+2), slices.Delete(f.began, l+1, l+2)
		for _, name := range f.names {
			g := m.Groups[name]
			g.Level = slices.Clone(g.Level) // mixes may be shared
			g.Level[l] += g.Level[l+1]
			g.Level = slices.Delete(g.Level, l+1, l+2)
			m.Groups[name] = g
		}
		if len(m.ScoreLevel) > 0 {
			for i, x := range m.ScoreLevel[l+1] {
				m.ScoreLevel[l][i] += part * (x - m.ScoreLevel[l][i])
			}
			m.ScoreLevel = slices.Delete(m.ScoreLevel, l+1, l+2)
		}
	}
}

// ascending moves up what would be below the one before it.
func ascending(x []float64) {
	for i := 1; i < len(x); i++ {
		x[i] = max(x[i], 1.001*x[i-1])
	}
}

// mixed sets shares to the sums of counts, pulled toward a prior mix, or, where
// that is nil, by a little toward equal shares.
func mixed(to []float64, counts [][]float64, prior []float64) {
	total := 0.0
	for i := range to {
		to[i] = 1.0
		if prior != nil {
			to[i] = groupPrior * prior[i]
		}
		for _, row := range counts {
			to[i] += row[i]
		}
		total += to[i]
	}
	for i := range to {
		to[i] /= total
	}
}

// updateEffects makes one damped Newton step of every class.
func (f *fitter) updateEffects(s *sums) {
	m := f.m
	mix := m.Groups[""].Class
	var mean [nEffects]float64
	for a := range mean {
		sum := 0.0
		for k := range m.Classes {
			sum += mix[k] * touchPrior * *m.Classes[k].effect(a)
		}
		mean[a] = sum / (touchPrior + meanPrior)
	}
	for k := range m.Classes {
		c := &m.Classes[k]
		A, g := s.info[k], s.grad[k]
		for a := range A {
			for b := range a {
				A[a][b] = A[b][a]
			}
			A[a][a] += touchPrior
			g[a] -= touchPrior * (*c.effect(a) - mean[a])
		}
		solve(&A, &g)
		for a := range g {
			e := c.effect(a)
			*e = min(max(*e+min(max(g[a], -maxStep), maxStep), -maxEffect), maxEffect)
		}
	}
}

func (c *Class) effect(a int) *float64 {
	if a == channels {
		return &c.Promise
	}
	return &c.Touch[a]
}

// solve solves A·x = b in place for a positive definite A.
func solve(A *[nEffects][nEffects]float64, b *[nEffects]float64) {
	for i := range A {
		for j := range i {
			q := A[i][j] / A[j][j]
			for k := j; k < nEffects; k++ {
				A[i][k] -= q * A[j][k]
			}
			b[i] -= q * b[j]
		}
	}
	for i := nEffects - 1; i >= 0; i-- {
		for k := i + 1; k < nEffects; k++ {
			b[i] -= A[i][k] * b[k]
		}
		b[i] /= A[i][i]
	}
}

// updateShape moves the pooled shape by a damped Newton step on the log scale.
// The scale of each table is the business of the effects, so the part of a step
// that all entries share is left out; what the damping takes away at the mean
// load is given back to the effects.
func (f *fitter) updateShape(s *shapeSums) {
	sh := &f.m.Shape
	for c := range sh.Stage {
		moveFactors(sh.Stage[c][:], s.stage[c][:], nil, stagePrior)
	}
	moveFactors(sh.Day[:], s.day[:], nil, dayPrior)
	untried(sh.Day[:], s.day[:])
	for k := range sh.Near {
		moveFactors(sh.Near[k][:], s.near[k][:], nil, dayPrior)
	}
	var start, weight [effectDays]float64
	for t := range start {
		start[t] = math.Exp(-float64(t) / startFade)
		weight[t] = s.decay[t][1] + shapePrior
	}
	moveFactors(sh.Decay[:], s.decay[:], start[:], shapePrior)
	falling(sh.Decay[:], weight[:])
	scale := sh.Decay[0]
	for t := range sh.Decay {
		sh.Decay[t] /= scale
	}
	sh.keepSteps(s)
	load := s.loads / max(s.info, 1e-9)
	info := s.tired[1] - s.loads*load + fatiguePrior
	step := (s.tired[0] + load*s.grad - fatiguePrior*(sh.Fatigue-fatigueMean)) / info
	before := sh.Fatigue
	sh.Fatigue = min(max(before+min(max(.7*step, -.1), .1), 0), 2)
	sh.FatigueSE = 1 / math.Sqrt(info)
	scale *= math.Exp((sh.Fatigue - before) * load)
	for k := range f.m.Classes {
		for c := range channels {
			f.m.Classes[k].Touch[c] *= scale
		}
	}
}

// moveFactors moves a table of factors; start is what they are pulled to, nil
// for 1, with the weight of prior.
func moveFactors(x []float64, at [][2]float64, start []float64, prior float64) {
	step := make([]float64, len(x))
	var sum, info float64
	for i := range x {
		from := 1.0
		if start != nil {
			from = start[i]
		}
		step[i] = (at[i][0] - prior*math.Log(x[i]/from)) / (at[i][1] + prior)
		sum += step[i] * at[i][1]
		info += at[i][1]
	}
	mean := sum / max(info, 1e-9)
	for i := range x {
		d := min(max(.7*(step[i]-mean), -maxStep), maxStep)
		x[i] = min(max(x[i]*math.Exp(d), .02), 5)
	}
}

// untried sets the factors of days on which hardly anybody is touched, such as
// Sundays, to the mean between nothing and the least of the others: a plan
// would go to a day of which the log says nothing if it were taken for an
// ordinary one.
func untried(x []float64, at [][2]float64) {
	mean := 0.0
	for i := range at {
		mean += at[i][1] / float64(len(at))
	}
	least := math.Inf(1)
	for i := range x {
		if at[i][1] >= mean*triedShare {
			least = min(least, x[i])
		}
	}
	for i := range x {
		if at[i][1] < mean*triedShare {
			x[i] = least / 2
		}
	}
}

// falling replaces x by the weighted least-squares sequence that never rises
// (pool adjacent violators).
func falling(x, weight []float64) {
	type block struct {
		mean, weight float64
		n            int
	}
	var blocks []block
	for i := range x {
		blocks = append(blocks, block{x[i], weight[i], 1})
		for len(blocks) > 1 {
			a, b := &blocks[len(blocks)-2], blocks[len(blocks)-1]
			if a.mean >= b.mean {
				break
			}
			a.mean = (a.mean*a.weight + b.mean*b.weight) / (a.weight + b.weight)
			a.weight, a.n = a.weight+b.weight, a.n+b.n
			blocks = blocks[:len(blocks)-1]
		}
	}
	i := 0
	for _, b := range blocks {
		for range b.n {
			x[i] = b.mean
			i++
		}
	}
}
