package optimizer

import (
	"math"
	"runtime"
	"slices"
	"sync"
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
// box that left them open. Worths and prices are counted from the box's centre on: sums
// of millions of cents could not tell the prices of a box that is much smaller.
type smooth struct {
	b      box       // in which the prices stay; all is counted from its centre on
	limit  []float64 // by row
	scale  []float64 // typical use of each row
	first  []int32   // options of group g: first[g] ≤ option < first[g+1]
	weight []float64 // customers of a group
	worth  []float64 // by option: what it is worth at the centre beyond the group's best
	mix    []int32   // by option: what it uses
	use    []int32   // uses of mix m: use[m] ≤ k < use[m+1]
	row    []int32
	amount []float64
	parts  []*smoothPart // of the last evaluation; the next takes their memory
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
		s.beyondBest(b.centre)
		s.first = append(s.first, int32(len(s.worth)))
		s.weight = append(s.weight, float64(len(g.members)))
	}
	return s
}

// beyondBest turns the worths of the last group's options into what they are worth at
// prices beyond its best.
func (s *smooth) beyondBest(price []float64) {
	best := math.Inf(-1)
	first := int(s.first[len(s.first)-1])
	for o := first; o < len(s.worth); o++ {
		for k := s.use[s.mix[o]]; k < s.use[s.mix[o]+1]; k++ {
			s.worth[o] -= price[s.row[k]] * s.amount[k]
		}
		best = max(best, s.worth[o])
	}
	for o := first; o < len(s.worth); o++ {
		s.worth[o] -= best
	}
}

// smoothParts is into how many parts a sum over the groups is cut, whatever the
// number of cores, so that it always rounds alike.
const smoothParts = 8

// smoothPoint is F and its derivatives at prices.
type smoothPoint struct {
	value    float64
	gradient []float64
	hessian  []float64 // rows × rows, T·Hessian: the covariance of the customers' choices, summed; nil unless asked for
	between  []float64 // rows × rows, Σ_i ā_i ā_iᵀ of the expected uses; nil unless asked for
}

// at evaluates F; second asks for the Hessian, spread for between, too.
func (s *smooth) at(price []float64, temperature float64, second, spread bool) *smoothPoint {
	cost := s.costs(price)
	if s.parts == nil {
		s.parts = make([]*smoothPart, smoothParts)
		for k := range s.parts {
			s.parts[k] = &smoothPart{s: s}
		}
	}
	var wg sync.WaitGroup
	turn := make(chan struct{}, runtime.GOMAXPROCS(0))
	groups := len(s.weight)
	for k, p := range s.parts {
		turn <- struct{}{}
		wg.Go(func() {
			defer func() { <-turn }()
			p.reset(cost, temperature, second, spread)
			for g := groups * k / smoothParts; g < groups*(k+1)/smoothParts; g++ {
				p.add(g)
			}
		})
	}
	wg.Wait()
	total := s.parts[0]
	for _, p := range s.parts[1:] {
		total.value += p.value
		addTo(total.taken, p.taken)
		if second {
			addTo(total.within, p.within)
		}
		if spread {
			addTo(total.between, p.between)
		}
	}
	return s.pointOf(total, price)
}

func addTo(a, b []float64) {
	for k := range b {
		a[k] += b[k]
	}
}

// pointOf turns the sums over the groups into derivatives.
func (s *smooth) pointOf(p *smoothPart, price []float64) *smoothPoint {
	out := &smoothPoint{value: p.value, gradient: slices.Clone(s.limit)}
	if p.second {
		out.hessian = mirrored(p.within, len(price))
	}
	if p.spread {
		out.between = mirrored(p.between, len(price))
	}
	for r, y := range price {
		out.value += (y - s.b.centre[r]) * s.limit[r]
	}
	for m, taken := range p.taken {
		if taken == 0 {
			continue
		}
		rows, amounts := s.row[s.use[m]:s.use[m+1]], s.amount[s.use[m]:s.use[m+1]]
		for i, r := range rows {
			out.gradient[r] -= taken * amounts[i]
		}
	}
	return out
}

// mirrored returns the symmetric matrix of a lower triangle.
func mirrored(lower []float64, n int) []float64 {
	m := slices.Clone(lower)
	for r := range n {
		for q := range r {
			m[q*n+r] = m[r*n+q]
		}
	}
	return m
}

// smoothPart is the sums over some groups.
type smoothPart struct {
	s           *smooth
	cost        []float64
	temperature float64
	second      bool // sum within
	spread      bool // sum between
	value       float64
	taken       []float64 // expected number of customers by mix
	within      []float64 // lower triangle of T·Hessian
	between     []float64

	share []float64
	mean  []float64 // expected uses of the group
	seen  []bool
	rows  []int32 // seen
}

// reset makes a part ready for another sum, in the memory of the one before.
func (p *smoothPart) reset(cost []float64, temperature float64, second, spread bool) {
	n := len(p.s.limit)
	p.cost, p.temperature, p.value = cost, temperature, 0
	p.second, p.spread = second, spread
	p.taken = zeros(p.taken, len(cost))
	if second {
		p.within = zeros(p.within, n*n)
	}
	if spread {
		p.between = zeros(p.between, n*n)
	}
	if p.mean == nil { // add leaves both empty
		p.mean, p.seen = make([]float64, n), make([]bool, n)
	}
}

// zeros returns n zeros, in the memory of a slice where it suffices.
func zeros(in []float64, n int) []float64 {
	if cap(in) < n {
		return make([]float64, n)
	}
	in = in[:n]
	clear(in)
	return in
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
	if decided && !p.spread || !p.second {
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
			if p.spread {
				p.between[int(r)*n+int(q)] += product
			}
		}
	}
	for _, r := range p.rows {
		p.mean[r], p.seen[r] = 0, false
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

// costs returns what each mix costs at prices more than at the centre.
func (s *smooth) costs(price []float64) []float64 {
	cost := make([]float64, len(s.use)-1)
	for m := range cost {
		for k := s.use[m]; k < s.use[m+1]; k++ {
			r := s.row[k]
			cost[m] += (price[r] - s.b.centre[r]) * s.amount[k]
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
