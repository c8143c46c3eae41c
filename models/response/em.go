package response

import (
	"math"
)

// effects of a class: one per channel, then that of a promise.
const nEffects = channels + 1

// sums are what one pass over the customers gathers.
type sums struct {
	logLik float64
	class  [][]float64 // by group and class
	level  [][]float64 // by group and pace
	score  [][]float64 // by pace and bin
	// paid and hazard are the payments of each pace, and what would be expected
	// of a pace of 1.
	paid, hazard []float64
	sent         [][channels]float64
	yes          [][3][channels]float64
	// Gradient and information of the effects by class, and of the pooled shape.
	grad  [][nEffects]float64
	info  [][nEffects][nEffects]float64
	shape shapeSums
}

// shapeSums are gradient and information of the log factors of a shape, and of
// the damping.
type shapeSums struct {
	stage [channels][stages][2]float64
	day   [dayKinds][2]float64
	near  [kinds][nearKinds][2]float64
	decay [effectDays][2]float64
	tired [2]float64
	// Beyond the damping: by step and gap.
	steps [MaxStep][MaxGapDays + 1][2]float64
	// Of all: gradient and information, and information times load.
	grad, info, loads float64
}

func (f *fitter) newSums() *sums {
	K, L, G := len(f.m.Classes), len(f.m.Levels), len(f.names)
	s := &sums{class: table(G, K), level: table(G, L), score: table(L, f.m.scoreCells()), paid: make([]float64, L), hazard: make([]float64, L),
		sent: make([][channels]float64, K), yes: make([][3][channels]float64, K),
		grad: make([][nEffects]float64, K), info: make([][nEffects][nEffects]float64, K)}
	return s
}

func table(n, m int) [][]float64 {
	t := make([][]float64, n)
	for i := range t {
		t[i] = make([]float64, m)
	}
	return t
}

// scratch is memory for one customer's pass.
type scratch struct {
	strength []float64           // by pair
	z        [][nEffects]float64 // by record
	ratio    [][]float64         // by class and record: e^E
	hazard   []float64           // by class: base hazard cumulated, effects included
	events   []float64           // by class: log hazard ratio at payments
	signals  []float64           // by class: log likelihood of answers
	post     [][]float64         // by class and pace
	weight   []float64           // by class
	pace     []float64           // by class: posterior mean pace
	score    []float64           // by pace
	answers  []answerLogs        // by class; of the EM step
	pull     []float64           // by pace: what does not depend on the class
}

func newScratch(K, L int) *scratch {
	return &scratch{ratio: make([][]float64, K), hazard: make([]float64, K), events: make([]float64, K), signals: make([]float64, K),
		post: table(K, L), weight: make([]float64, K), pace: make([]float64, K), score: make([]float64, L)}
}

// step is one EM step; shapes tells whether the pooled shapes move, too.
func (f *fitter) step(shapes bool) {
	s := f.newSums()
	w := newScratch(len(f.m.Classes), len(f.m.Levels))
	mixes := make([]Group, len(f.names))
	for g, name := range f.names {
		mixes[g] = f.m.Groups[name]
	}
	w.answers = w.answers[:0]
	for k := range f.m.Classes {
		w.answers = append(w.answers, f.m.Classes[k].answerLogs())
	}
	for i := range f.cust {
		c := &f.cust[i]
		f.m.strengths(&c.track, w)
		f.expect(c, mixes[c.group], w, s)
		if !f.o.NoEffects {
			f.gather(c, w, s, shapes)
		}
	}
	f.m.LogLikelihood = s.logLik / float64(len(f.cust))
	f.updateShares(s)
	if !f.o.NoEffects {
		f.updateEffects(s)
		if shapes {
			f.updateShape(&s.shape)
		}
	}
}

// strengths fills in what a track's touches amount to on each record.
func (m *Model) strengths(t *track, w *scratch) {
	w.strength = grown(w.strength, len(t.pairs))
	for i := range t.pairs {
		w.strength[i] = m.Shape.strength(&t.pairs[i], t.kind)
	}
	w.z = grown(w.z, len(t.recs))
	for i := range t.recs {
		r := &t.recs[i]
		var z [nEffects]float64
		for _, e := range t.ents[r.ent0:r.ent1] {
			z[t.pairs[e.pair].channel] += w.strength[e.pair] * m.Shape.Decay[e.lag]
		}
		if r.promised {
			z[channels] = 1
		}
		w.z[i] = z
	}
	for k := range w.ratio {
		w.ratio[k] = grown(w.ratio[k], len(t.recs))
		c := &m.Classes[k]
		for i := range t.recs {
			w.ratio[k][i] = math.Exp(c.log(&w.z[i]))
		}
	}
}

// log is the log hazard ratio of strengths z.
func (c *Class) log(z *[nEffects]float64) float64 {
	sum := c.Promise * z[channels]
	for ch := range channels {
		sum += c.Touch[ch] * z[ch]
	}
	return sum
}

func grown[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n, n+n/2)
	}
	return s[:n]
}

// expect computes a customer's posterior from the whole history, leaves his
// pace and multipliers in c, and adds to the sums.
func (f *fitter) expect(c *fitCustomer, mix Group, w *scratch, s *sums) {
	m := f.m
	for k := range m.Classes {
		hazard, events := c.quiet, 0.0
		for i, ratio := range w.ratio[k] {
			hazard += float64(c.base[i]) * ratio
			if n := c.recs[i].events; n > 0 {
				events += float64(n) * m.Classes[k].log(&w.z[i])
			}
		}
		w.hazard[k], w.events[k] = hazard, events
		w.signals[k] = w.answers[k].of(&c.sent, &c.yes)
	}
	for l := range m.Levels {
		w.score[l] = 0
		for _, b := range c.bins {
			w.score[l] += math.Log(m.ScoreLevel[l][b])
		}
	}
	s.logLik += c.rate + m.posterior(mix, c.paid, w)
	c.pace = 0
	for k := range w.post {
		for l, p := range w.post[k] {
			s.level[c.group][l] += p
			s.paid[l] += p * c.paid
			s.hazard[l] += p * w.hazard[k]
			c.pace += p * m.Levels[l]
			for _, b := range c.bins {
				s.score[l][b] += p
			}
		}
		p := w.weight[k]
		s.class[c.group][k] += p
		for ch := range channels {
			s.sent[k][ch] += p * c.sent[ch]
			for a := range c.yes {
				s.yes[k][a][ch] += p * c.yes[a][ch]
			}
		}
	}
	for i := range c.mult {
		sum := 0.0
		for k, p := range w.weight {
			sum += p * w.pace[k] * w.ratio[k][i]
		}
		c.mult[i] = float32(sum)
	}
}

// answerLogs are the logarithms of a class's rates of answers: yes, and no.
type answerLogs [3][channels][2]float64

func (c *Class) answerLogs() (logs answerLogs) {
	for ch := range channels {
		for a, p := range [...]float64{c.Opened[ch], c.Promised[ch], c.Complained[ch]} {
			logs[a][ch] = [2]float64{math.Log(p), math.Log(1 - p)}
		}
	}
	return logs
}

// of is the log likelihood of what a customer did with touches.
func (logs *answerLogs) of(sent *[channels]float64, yes *[3][channels]float64) (sum float64) {
	for ch, n := range sent {
		if n == 0 {
			continue
		}
		for a := range logs {
			y := yes[a][ch]
			sum += y*logs[a][ch][0] + (n-y)*logs[a][ch][1]
		}
	}
	return sum
}

// posterior fills w.post, w.weight and w.pace from the sums in w, and returns
// the log likelihood. paid is the number of payments.
func (m *Model) posterior(mix Group, paid float64, w *scratch) float64 {
	top := math.Inf(-1)
	w.pull = grown(w.pull, len(m.Levels))
	for l, g := range m.Levels {
		w.pull[l] = math.Log(mix.Level[l]) + paid*math.Log(g) + w.score[l]
	}
	for k := range w.post {
		prior := math.Log(mix.Class[k]) + w.events[k] + w.signals[k]
		for l, g := range m.Levels {
			p := prior + w.pull[l] - g*w.hazard[k]
			w.post[k][l] = p
			top = max(top, p)
		}
	}
	total := 0.0
	for k := range w.post {
		for l, p := range w.post[k] {
			if p -= top; p < -30 {
				w.post[k][l] = 0
				continue
			}
			w.post[k][l] = math.Exp(p)
			total += w.post[k][l]
		}
	}
	for k := range w.post {
		w.weight[k], w.pace[k] = 0, 0
		for l := range w.post[k] {
			w.post[k][l] /= total
			w.weight[k] += w.post[k][l]
			w.pace[k] += w.post[k][l] * m.Levels[l]
		}
		if w.weight[k] > 0 {
			w.pace[k] /= w.weight[k]
		}
	}
	return top + math.Log(total)
}

// gather adds one customer to gradients and information.
func (f *fitter) gather(c *fitCustomer, w *scratch, s *sums, shapes bool) {
	for k, p := range w.weight {
		if p < 1e-4 {
			continue
		}
		class := &f.m.Classes[k]
		grad, info := &s.grad[k], &s.info[k]
		scale := p * w.pace[k]
		for i := range c.recs {
			r := &c.recs[i]
			expected := scale * float64(c.base[i]) * w.ratio[k][i]
			excess := p*float64(r.events) - expected
			z := &w.z[i]
			for a, za := range z {
				if za == 0 {
					continue
				}
				grad[a] += excess * za
				for b := a; b < nEffects; b++ {
					info[a][b] += expected * za * z[b]
				}
			}
			if shapes {
				for _, e := range c.ents[r.ent0:r.ent1] {
					q := &c.pairs[e.pair]
					x := class.Touch[q.channel] * w.strength[e.pair] * f.m.Shape.Decay[e.lag]
					s.shape.add(q, c.kind, int(e.lag), excess*x, expected*x*x)
				}
			}
		}
	}
}

func (s *shapeSums) add(q *pair, kind, lag int, grad, info float64) {
	for _, at := range [...]*[2]float64{&s.stage[q.channel][q.stage], &s.day[q.day], &s.near[kind][q.near], &s.decay[lag]} {
		at[0] += grad
		at[1] += info
	}
	cell := &s.steps[q.step-1][q.gap]
	cell[0] += grad
	cell[1] += info
	load := float64(q.load)
	s.grad += grad
	s.info += info
	s.loads += info * load
	s.tired[0] -= grad * load
	s.tired[1] += info * load * load
}
