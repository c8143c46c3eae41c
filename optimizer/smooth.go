package optimizer

import (
	"context"
	"math"
	"runtime"
	"slices"
	"sync"

	"gonum.org/v1/gonum/mat"
)

// smooth is the dual of some customers' allocation, smoothed by the entropy of
// each customer's choice:
//
//	F(λ) = λ·limit + Σ_i T·log Σ_j exp((v_ij − λ·a_ij)/T)
//
// Its minimum tends to the optimal prices as the temperature T, in cents, falls.
// It is twice differentiable, so Newton's method finds it in some ten steps,
// where a linear program over the same customers takes many thousand pivots.
// (Nesterov 2005, "Smooth minimization of non-smooth functions".)
//
// Only the listed options of the groups count, which is exact for prices in the
// box that left them open.
type smooth struct {
	b      box       // in which the prices stay
	limit  []float64 // by row
	scale  []float64 // typical use of each row
	first  []int32   // options of group g: first[g] ≤ option < first[g+1]
	weight []float64 // customers of a group
	worth  []float64 // by option
	mix    []int32   // by option: what it uses
	use    []int32   // uses of mix m: use[m] ≤ k < use[m+1]
	row    []int32
	amount []float64
}

// newSmooth lays out in flat slices the options that a box left open. limit is
// what the groups may use. Many options use the rows alike: each such mix is
// kept once.
func (m *market) newSmooth(groups []group, limit []float64, b box) *smooth {
	s := &smooth{b: b, limit: limit, scale: m.t.scale, first: []int32{0}, use: []int32{0}}
	type key struct {
		profile int32
		rungs   Rungs
	}
	mixes := map[key]int32{}
	single := make([]int32, m.profiles*m.t.slots) // mix + 1 of single touches
	var rows []int32
	var amounts []float64
	add := func(profile int32, r Rungs) int32 {
		rows, amounts = m.t.of(profile, r, rows, amounts)
		s.row, s.amount = append(s.row, rows...), append(s.amount, amounts...)
		s.use = append(s.use, int32(len(s.row)))
		return int32(len(s.use) - 2)
	}
	add(0, Hold)
	for _, g := range groups {
		for _, o := range g.options {
			mix := int32(0)
			switch {
			case o.rungs == Hold:
			case o.rungs.Rest() == Hold:
				at := &single[int(g.profile)*m.t.slots+o.rungs.First()]
				if *at == 0 {
					*at = add(g.profile, o.rungs) + 1
				}
				mix = *at - 1
			default:
				var known bool
				if mix, known = mixes[key{g.profile, o.rungs}]; !known {
					mix = add(g.profile, o.rungs)
					mixes[key{g.profile, o.rungs}] = mix
				}
			}
			s.worth, s.mix = append(s.worth, o.worth), append(s.mix, mix)
		}
		s.first = append(s.first, int32(len(s.worth)))
		s.weight = append(s.weight, float64(len(g.members)))
	}
	return s
}

// smoothParts is into how many parts a sum over the groups is cut, whatever the
// number of cores, so that it always rounds alike.
const smoothParts = 8

// smoothPoint is F and its derivatives at prices.
type smoothPoint struct {
	value    float64
	gradient []float64
	hessian  []float64 // rows × rows, T·Hessian: the covariance of the customers' choices, summed
	between  []float64 // rows × rows, Σ_i ā_i ā_iᵀ of the expected uses; nil unless asked for
}

// at evaluates F; second asks for the Hessian, spread for between, too.
func (s *smooth) at(price []float64, temperature float64, second, spread bool) *smoothPoint {
	n := len(s.limit)
	cost := s.costs(price)
	parts := make([]*smoothPart, smoothParts)
	var wg sync.WaitGroup
	turn := make(chan struct{}, runtime.GOMAXPROCS(0))
	groups := len(s.weight)
	for k := range parts {
		turn <- struct{}{}
		wg.Go(func() {
			defer func() { <-turn }()
			p := &smoothPart{s: s, cost: cost, temperature: temperature, taken: make([]float64, len(cost)),
				mean: make([]float64, n), seen: make([]bool, n)}
			if second {
				p.within = make([]float64, n*n)
			}
			if spread {
				p.between = make([]float64, n*n)
			}
			for g := groups * k / smoothParts; g < groups*(k+1)/smoothParts; g++ {
				p.add(g)
			}
			parts[k] = p
		})
	}
	wg.Wait()
	for _, p := range parts[1:] {
		parts[0].value += p.value
		addTo(parts[0].taken, p.taken)
		addTo(parts[0].within, p.within)
		addTo(parts[0].between, p.between)
	}
	return s.pointOf(parts[0], price)
}

func addTo(a, b []float64) {
	for k := range b {
		a[k] += b[k]
	}
}

// pointOf turns the sums over the groups into derivatives.
func (s *smooth) pointOf(p *smoothPart, price []float64) *smoothPoint {
	out := &smoothPoint{value: p.value, gradient: slices.Clone(s.limit), hessian: p.within, between: p.between}
	for r, y := range price {
		out.value += y * s.limit[r]
	}
	n := len(price)
	for m, taken := range p.taken {
		if taken == 0 {
			continue
		}
		rows, amounts := s.row[s.use[m]:s.use[m+1]], s.amount[s.use[m]:s.use[m+1]]
		for i, r := range rows {
			out.gradient[r] -= taken * amounts[i]
		}
	}
	mirror(out.hessian, n)
	mirror(out.between, n)
	return out
}

// mirror fills the upper triangle from the lower.
func mirror(m []float64, n int) {
	for k := range m {
		if r, q := k/n, k%n; r < q {
			m[k] = m[q*n+r]
		}
	}
}

// smoothPart is the sums over some groups.
type smoothPart struct {
	s           *smooth
	cost        []float64
	temperature float64
	value       float64
	taken       []float64 // expected number of customers by mix
	within      []float64 // lower triangle of T·Hessian; nil unless asked for
	between     []float64

	share []float64
	mean  []float64 // expected uses of the group
	seen  []bool
	rows  []int32 // seen
}

// coldShare is how many temperatures below the best an option is left out: its
// share would be 1e-7.
const coldShare = 16

// leastOfBest is the share, over the best option's, from which an option counts
// in the second derivatives. They steer Newton's steps and the boxes and need
// not be exact; the value and the gradient are.
const leastOfBest = 0.02

func (p *smoothPart) add(g int) {
	s := p.s
	first, last := s.first[g], s.first[g+1]
	p.share = p.share[:0]
	best := math.Inf(-1)
	for o := first; o < last; o++ {
		r := s.worth[o] - p.cost[s.mix[o]]
		p.share = append(p.share, r)
		if r > best {
			best = r
		}
	}
	total := 0.0
	least := best - coldShare*p.temperature
	for k, r := range p.share {
		if r < least {
			p.share[k] = 0
			continue
		}
		p.share[k] = math.Exp((r - best) / p.temperature)
		total += p.share[k]
	}
	weight := s.weight[g]
	p.value += weight * best
	decided := total == 1
	if !decided {
		p.value += weight * p.temperature * math.Log(total)
	}
	if decided && p.between == nil || p.within == nil {
		for k, x := range p.share {
			if x > 0 {
				p.taken[s.mix[first+int32(k)]] += weight * x / total
			}
		}
		return
	}
	p.rows = p.rows[:0]
	for k, x := range p.share {
		p.taken[s.mix[first+int32(k)]] += weight * x / total
		if x > leastOfBest {
			p.addOption(s.mix[first+int32(k)], weight, x/total, !decided)
		}
	}
	p.addMean(weight, !decided)
}

// addOption adds an option with its share of the group.
func (p *smoothPart) addOption(mix int32, weight, share float64, undecided bool) {
	s, n := p.s, len(p.mean)
	rows, amounts := s.row[s.use[mix]:s.use[mix+1]], s.amount[s.use[mix]:s.use[mix+1]]
	for i, r := range rows {
		if !p.seen[r] {
			p.seen[r] = true
			p.rows = append(p.rows, r)
		}
		p.mean[r] += share * amounts[i]
		if undecided {
			for k, q := range rows[:i+1] {
				p.within[int(r)*n+int(q)] += weight * share * amounts[i] * amounts[k]
			}
		}
	}
}

// addMean adds the products of the group's expected uses and forgets them.
func (p *smoothPart) addMean(weight float64, undecided bool) {
	n := len(p.mean)
	for _, r := range p.rows {
		for _, q := range p.rows {
			if q > r {
				continue
			}
			product := weight * p.mean[r] * p.mean[q]
			if undecided {
				p.within[int(r)*n+int(q)] -= product
			}
			if p.between != nil {
				p.between[int(r)*n+int(q)] += product
			}
		}
	}
	for _, r := range p.rows {
		p.mean[r], p.seen[r] = 0, false
	}
}

// minimise moves price, in place, to the minimum of F at a temperature, by
// Newton's method on the prices that are not held at a bound. It stops when the
// prices are off by a fraction of what the choices' own randomness would move
// them.
func (s *smooth) minimise(ctx context.Context, price []float64, temperature float64) {
	here := s.at(price, temperature, true, false)
	next := make([]float64, len(price))
	for range newtonSteps {
		free := s.free(price, here.gradient)
		if len(free) == 0 || ctx.Err() != nil {
			return
		}
		step, decrement := newtonStep(here, free, s.scale, temperature)
		if decrement < newtonTolerance*temperature*float64(len(free)) {
			return
		}
		length, found := 1.0, false
		for range 30 {
			copy(next, price)
			for k, r := range free {
				next[r] = min(max(s.b.lower[r], price[r]+length*step[k]), s.b.upper[r])
			}
			there := s.at(next, temperature, true, false)
			if there.value < here.value-1e-4*length*decrement || decrement < 1e-13*abs(here.value) {
				copy(price, next)
				here, found = there, true
				break
			}
			length /= 4
		}
		if !found {
			return
		}
	}
}

// undecided returns how many customers a temperature leaves undecided, on the
// average over the rows with a price.
func (s *smooth) undecided(price []float64, at *smoothPoint) float64 {
	total, rows := 0.0, 0.0
	for r, y := range price {
		if y > 0 && s.b.upper[r] > s.b.lower[r] {
			total += at.hessian[r*len(price)+r] / (s.scale[r] * s.scale[r])
			rows++
		}
	}
	if rows == 0 {
		return math.Inf(1)
	}
	return total / rows
}

// sharpen corrects the limits by how far the smoothed use at a price is from the
// true one: what the temperature has moved the minimum by is then only the
// difference that it makes between that price and the minimum.
func (s *smooth) sharpen(limit, price []float64, temperature float64) {
	for r, used := range s.used(price, temperature) {
		s.limit[r] = limit[r] + used
	}
	cost := s.costs(price)
	for g, weight := range s.weight {
		m := s.best(g, cost)
		for k := s.use[m]; k < s.use[m+1]; k++ {
			s.limit[s.row[k]] -= weight * s.amount[k]
		}
	}
}

// used returns what the groups use of each row at prices, smoothed.
func (s *smooth) used(price []float64, temperature float64) []float64 {
	at := s.at(price, temperature, false, false)
	used := make([]float64, len(s.limit))
	for r, left := range at.gradient {
		used[r] = s.limit[r] - left
	}
	return used
}

// costs returns what each mix costs at prices.
func (s *smooth) costs(price []float64) []float64 {
	cost := make([]float64, len(s.use)-1)
	for m := range cost {
		for k := s.use[m]; k < s.use[m+1]; k++ {
			cost[m] += price[s.row[k]] * s.amount[k]
		}
	}
	return cost
}

// best returns the mix of a group's best option.
func (s *smooth) best(g int, cost []float64) int32 {
	best, most := int32(0), math.Inf(-1)
	for o := s.first[g]; o < s.first[g+1]; o++ {
		if r := s.worth[o] - cost[s.mix[o]]; r > most {
			best, most = s.mix[o], r
		}
	}
	return best
}

// Constants of minimise.
const (
	newtonSteps     = 200
	newtonTolerance = 0.003 // of the temperature and row, in the squared distance
)

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

// newtonStep returns the step of the free rows and the squared length of the
// gradient in the metric of the Hessian.
func newtonStep(at *smoothPoint, free []int, scale []float64, temperature float64) (step []float64, decrement float64) {
	f := at.factor(free, scale)
	g := mat.NewVecDense(len(free), nil)
	for k, r := range free {
		g.SetVec(k, -at.gradient[r]*temperature)
	}
	var d mat.VecDense
	if err := f.SolveVecTo(&d, g); err != nil && d.IsEmpty() {
		return make([]float64, len(free)), 0
	}
	step = make([]float64, len(free))
	for k, r := range free {
		step[k] = d.AtVec(k)
		decrement -= step[k] * at.gradient[r]
	}
	return step, decrement
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
