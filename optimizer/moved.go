package optimizer

import (
	"runtime"
	"slices"
	"sync"
)

// unsureShare is the share of the sampled customers who may have more options
// than are listed.
const unsureShare = 0.01

// known is prices and what everybody uses of each row at them.
type known struct {
	price, used []float64 // in the direction ≤
	// noise is the variance of used over that of what the customers use, where a part
	// of them was asked; 0 where all were.
	noise float64
}

// moved returns the prices, within a box, that meet the limits, and how far off
// they may be, given what everybody uses at other prices. The first customers of
// the sample need only tell how that changes on the way: few change their minds,
// so the change is known far better than the total (a control variate). temper is
// the last temperature over the mean best value, errors the half-widths in standard
// errors. The box grows, at most so many times, where a price wants out of it.
// Ladders are listed for as much of it as can be, and again where a price leaves that.
// There is no answer, ok is false, where more than a few customers have more of them
// than can be listed all the same.
func (s *boxstepRun) moved(b box, from known, size int, temper, errors float64, growths int) (price, half []float64, ok bool) {
	m := s.m
	share := float64(size) / float64(m.values.Customers())
	before := m.sampleChoices(size, from.price)
	target := m.usesOf(before)
	for r := range target {
		target[r] += share * (m.t.limit[r] - from.used[r])
	}
	price = slices.Clone(b.centre)
	var f *smooth
	ok = m.follow(&b, price, growths, func(within box) []float64 {
		found := m.scanSampled(size, within)
		if float64(found.incomplete) > unsureShare*float64(size) {
			return nil
		}
		left := slices.Clone(target)
		for r, used := range found.used {
			left[r] -= used
		}
		f = m.newSmooth(found.open, make([]float64, m.rows()), within)
		for s.temperature = max(temper, coolTemper/coolingFactor) * m.typical; ; s.temperature /= coolingFactor {
			f.sharpen(left, price, s.temperature)
			touchesLeft := f.minimise(s.ctx, price, s.temperature)
			if s.temperature <= temper*m.typical || s.ctx.Err() != nil {
				return touchesLeft
			}
		}
	})
	if !ok {
		return nil, nil, false
	}
	at := f.at(price, s.temperature, true, false)
	spread := m.changePoint(at, before, m.sampleChoices(size, price), share)
	m.addNoise(spread, before, share*from.noise)
	half = m.errorsOf(f, at, spread, price, s.temperature, 1-share, errors)
	s.Log.Debug("boxstep: moved", "customers", size, "options", len(f.worth), "mean_price", m.meanCents(price), "mean_half", m.meanCents(half))
	return price, half, true
}

// follow has move set price, in place, to its best within boxes: that part of b for
// which options are listed, again where a price leaves that, and anew in a grown b, at
// most so many times, where a price wants out of it. move returns what is left of each
// row, or nil where too many customers have more options than can be listed: then the
// part becomes half as wide. It reports whether move could.
func (m *market) follow(b *box, price []float64, growths int, move func(within box) []float64) bool {
	reach := m.firstReach(price)
	for grown, rounds := 0, 0; ; {
		within := m.listable(*b, price, reach)
		left := move(within)
		if left == nil {
			if rounds == listingRounds || m.t.rule.touches() == 1 {
				return false
			}
			rounds++
			reach = halfOf(within)
			for r := range reach {
				reach[r] /= 2
			}
			continue
		}
		if rounds < listingRounds && m.stoppedWithin(within, *b, price, reach, left) {
			rounds++
			continue
		}
		if grown == growths || !m.grow(b, price) {
			return true
		}
		grown++
	}
}

// Constants of listable.
const (
	listedSample  = 128 // sampled customers who tell
	listedRounds  = 8
	listedShare   = 0.1 // of a price, or of the mean price: how far ladders are listed at first
	listedGrowth  = 2.0 // and this many times as far for a row whose price has left that
	listingRounds = 12  // how often ladders are listed again
	leftTouches   = 3.0 // of a row at an edge of what is listed: fewer are chance
)

// firstReach returns how far from prices ladders are listed at first.
func (m *market) firstReach(price []float64) []float64 {
	reach, mean := make([]float64, m.rows()), m.meanCents(price)
	for r := range reach {
		reach[r] = listedShare * max(price[r], mean/m.t.scale[r])
	}
	return reach
}

// listable returns the part of a box for which ladders are listed: so far around
// prices, of single touches all of it. Listing takes much longer in a wide box than
// several times in narrow ones. Hardly anybody has more ladders left open in it than
// can be listed.
func (m *market) listable(b box, price, reach []float64) box {
	if m.t.rule.touches() == 1 {
		return b
	}
	half := halfOf(b)
	for r := range half {
		half[r] = min(half[r], reach[r])
	}
	size := min(listedSample, m.sample.Customers)
	within := b.cut(m.boxAround(price, half))
	for range listedRounds {
		if float64(m.scanSampled(size, within).incomplete) <= unsureShare*float64(size) {
			break
		}
		for r := range half {
			half[r] /= 2
		}
		within = b.cut(m.boxAround(price, half))
	}
	return within
}

// readableColumns is how many columns a full read of ladders may leave open for
// each customer, as the sample tells.
const readableColumns = 4.0

// readable returns the largest of some boxes, halved from a wide one down to a
// narrow one, of which a full read does not leave so much open that the next would
// cost less: of single touches the wide one.
func (m *market) readable(wide, narrow box) box {
	if m.t.rule.touches() == 1 || m.sample.Narrow == nil && m.sample.Wide == nil {
		return wide
	}
	size := min(listedSample, m.sample.Customers)
	half, least := halfOf(wide), halfOf(narrow)
	for range listedRounds {
		found := m.scanSampled(size, wide)
		if found.incomplete == 0 && float64(columnsOf(found.open)) <= readableColumns*float64(size) {
			break
		}
		for r := range half {
			half[r] = max(half[r]/2, least[r])
		}
		wide = m.boxAround(wide.centre, half)
	}
	return wide
}

// stoppedWithin reports whether prices stopped at an edge of a part of a box that is
// none of the box's own, with more than chance left of their rows, and lets those rows
// reach further.
func (m *market) stoppedWithin(part, b box, price, reach, left []float64) (any bool) {
	for r, y := range price {
		if abs(left[r]) < leftTouches*m.t.scale[r] {
			continue
		}
		if y >= part.upper[r] && part.upper[r] < b.upper[r] || y <= part.lower[r] && part.lower[r] > b.lower[r] {
			reach[r] *= listedGrowth
			any = true
		}
	}
	return any
}

// sampleChoices returns the best ladders of the first customers of the sample at
// prices.
func (m *market) sampleChoices(size int, price []float64) []Rungs {
	chosen := make([]Rungs, size)
	m.eachSampled(size, request{box: m.boxOf(price), limit: 1, totals: true, chosen: chosen})
	return chosen
}

// scanSampled decides the first customers of the sample at a box.
func (m *market) scanSampled(size int, b box) *scanned {
	return m.merge(m.eachSampled(size, request{box: b, limit: sampleKeep}))
}

// eachSampled scans the first customers of the sample in as many parts as a sum over
// them has.
func (m *market) eachSampled(size int, r request) []*partial {
	s := m.newScanner(r)
	defer s.close()
	parts := make([]*partial, smoothParts)
	var wg sync.WaitGroup
	turn := make(chan struct{}, runtime.GOMAXPROCS(0))
	for k := range parts {
		turn <- struct{}{}
		wg.Go(func() {
			defer func() { <-turn }()
			parts[k] = s.newPartial()
			parts[k].scan(m.sample.part(size*k/smoothParts, size*(k+1)/smoothParts, m.t.slots))
		})
	}
	wg.Wait()
	return parts
}

// part returns the customers first ≤ i < last of a block that begins with
// customer 0.
func (b *Block) part(first, last, slots int) Block {
	out := Block{First: first, Customers: last - first}
	if b.Wide != nil {
		out.Wide = b.Wide[first*slots : last*slots]
	} else {
		out.Narrow = b.Narrow[first*slots : last*slots]
	}
	if b.Profile != nil {
		out.Profile = b.Profile[first:last]
	}
	return out
}

// usesOf returns what ladders of the sample's first customers use of each row.
func (m *market) usesOf(chosen []Rungs) []float64 {
	used := make([]float64, m.rows())
	var rows []int32
	var amounts []float64
	for i, r := range chosen {
		rows, amounts = m.t.of(m.sample.profile(i), r, rows, amounts)
		for k, row := range rows {
			used[row] += amounts[k]
		}
	}
	return used
}

// changePoint returns a point like at whose variance is that of the change of
// the sampled customers' uses from some ladders to others: between sums the squares
// of each one's own, and hessian is the randomness that the share of the choices
// stands for.
func (m *market) changePoint(at *smoothPoint, before, after []Rungs, share float64) *smoothPoint {
	n := m.rows()
	out := &smoothPoint{value: at.value, gradient: at.gradient, hessian: slices.Clone(at.hessian), between: make([]float64, n*n)}
	for k := range out.hessian {
		out.hessian[k] *= share
	}
	for r, scale := range m.t.scale {
		out.between[r*n+r] = scale * scale // a change too rare to be among the sampled
	}
	var d difference
	var rows, oldRows []int32
	var amounts, oldAmounts []float64
	for i, r := range after {
		if r == before[i] {
			continue
		}
		profile := m.sample.profile(i)
		rows, amounts = m.t.of(profile, r, rows, amounts)
		oldRows, oldAmounts = m.t.of(profile, before[i], oldRows, oldAmounts)
		d.set(rows, amounts, oldRows, oldAmounts)
		for k, q := range d.rows {
			for l, p := range d.rows {
				out.between[int(q)*n+int(p)] += d.amounts[k] * d.amounts[l]
			}
		}
	}
	return out
}

// addNoise adds so many times the covariance of what the sample's customers use.
func (m *market) addNoise(to *smoothPoint, chosen []Rungs, times float64) {
	if times == 0 {
		return
	}
	n := m.rows()
	mean := m.usesOf(chosen)
	for r := range n {
		for q := range n {
			to.between[r*n+q] -= times * mean[r] * mean[q] / float64(len(chosen))
		}
	}
	var rows []int32
	var amounts []float64
	for i, r := range chosen {
		rows, amounts = m.t.of(m.sample.profile(i), r, rows, amounts)
		for k, q := range rows {
			for l, p := range rows {
				to.between[int(q)*n+int(p)] += times * amounts[k] * amounts[l]
			}
		}
	}
}
