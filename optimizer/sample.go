package optimizer

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"
)

// Constants of the samples; docs/OPTIMIZER.md says how they were chosen.
const (
	firstSample    = 2_000           // customers of the sample whose prices are wholly free,
	firstPerRow    = 8               // and at least so many for each row
	sampleKeep     = 40              // options kept of a sampled customer: prices need not be exact
	firstErrors    = 1.5             // half-width of a box for a larger sample, in standard errors of the prices
	sampleErrors   = 3.3             // the same for everybody
	changeErrors   = 5.0             // the same when everybody's total at the sample's prices is known
	partErrors     = 4.0             // the same when only a part's total is
	totalsFrom     = 2               // from so many samples' customers a read of totals pays
	sharpenings    = 2               // how often a smoothed dual is corrected by the true one
	sampleGrowths  = 1               // of a box for the sample
	narrowErrors   = 4.0             // the same when all undecided customers are known
	hotTemper      = 0.3             // first temperature, over the mean best value
	coolTemper     = 0.01            // last temperature of the sample
	changeTemper   = coolTemper / 16 // temperature of what totals correct
	coolingFactor  = 4.0
	leastUndecided = 8.0 // customers per row from whom a Hessian can be told
)

// coldStart returns a first centre and half-widths: all prices, when the whole
// problem is small enough for one linear program, and otherwise those that the
// sample suggests, first from some of it with all prices free, then from all of
// it.
func (s *boxstepRun) coldStart() (centre, half []float64, err error) {
	m := s.m
	centre, half = make([]float64, m.rows()), slices.Clone(m.cap)
	if m.inOneProgram(s.MaxColumns) {
		return centre, half, nil
	}
	if err := m.recallSample(s.ctx); err != nil {
		return nil, nil, err
	}
	size := min(max(firstSample, firstPerRow*m.rows()), m.sample.Customers)
	switch {
	case s.Start != nil:
		centre, half = m.startBox(s.Start)
	case m.t.rule.touches() > 1:
		centre, half = s.ladderStart(size)
	default:
		s.temperature = hotTemper * m.typical
		centre, half = s.sampleStep(size, centre, half, firstErrors, 0)
	}
	if s.temperature == 0 {
		s.temperature = 0.1 * m.typical
	}
	if size < m.sample.Customers || s.Start != nil {
		centre, half = s.sampleStep(m.sample.Customers, centre, half, sampleErrors, sampleGrowths)
	}
	if m.values.Customers() >= totalsFrom*m.sample.Customers {
		s.sampleHalf = half
		return s.corrected(centre)
	}
	return centre, half, s.ctx.Err()
}

// inOneProgram reports whether the program of everybody has at most so many
// columns.
func (m *market) inOneProgram(columns int) bool {
	return m.t.rule.touches() == 1 && float64(m.values.Customers())*m.options <= float64(columns)
}

// corrected returns better prices than the sample's, from one read of what
// everybody takes at those. The sample's memory then serves what the next read
// leaves open.
func (s *boxstepRun) corrected(centre []float64) (price, half []float64, err error) {
	m := s.m
	if err := m.recallSample(s.ctx); err != nil {
		return nil, nil, err
	}
	if m.t.rule.touches() == 1 {
		defer m.forgetSample()
	}
	s.read, s.freshBox = false, true
	price, half, ok, err := s.fromTotals(m.boxAround(centre, s.sampleHalf), m.sample.Customers, changeTemper, changeErrors)
	if err != nil {
		return nil, nil, err
	}
	s.lastColumns = 0
	if !ok {
		return centre, s.sampleHalf, s.ctx.Err()
	}
	return price, half, s.ctx.Err()
}

// fromTotals returns where prices move within a box from its centre, as the first
// customers of the sample tell from one read of what everybody takes there; moved
// says what temper, errors and ok are.
func (s *boxstepRun) fromTotals(b box, size int, temper, errors float64) (price, half []float64, ok bool, err error) {
	from, err := s.totals(b.centre)
	if err != nil {
		return nil, nil, false, err
	}
	if from.noise > 0 {
		errors = min(errors, partErrors)
	}
	price, half, ok = s.moved(b, from, size, temper, errors, sampleGrowths)
	return price, half, ok, nil
}

// totals returns what everybody takes at prices, in one read. The first time a part of
// them speaks for all, where the values have one.
func (s *boxstepRun) totals(price []float64) (known, error) {
	out, from := known{price: price}, BlockSource(s.m.values)
	if parted, ok := s.m.values.(Parted); ok && !s.partRead {
		if part := parted.Part(); part != nil {
			from, s.partRead = part, true
		}
	}
	read, err := s.m.scanOf(s.ctx, from, []request{{box: s.m.boxOf(price), totals: true}})
	if err != nil {
		return known{}, err
	}
	out.used = read[0].used
	if all, asked := s.m.values.Customers(), from.Customers(); asked < all {
		s.work.PartReads++
		for r := range out.used {
			out.used[r] *= float64(all) / float64(asked)
		}
		out.noise = float64(all-asked) / float64(asked)
	} else {
		s.work.FullReads++
	}
	return out, nil
}

// startBox returns a box around given prices, in the problem's signs: half as
// much up and down, and something where the price was nothing.
func (m *market) startBox(start []float64) (centre, half []float64) {
	centre, half = make([]float64, m.rows()), make([]float64, m.rows())
	mean := 0.0 // price of a typical use, in cents
	for r := range centre {
		centre[r] = max(0, m.t.sign[r]*start[r])
		mean += centre[r] * m.t.scale[r] / float64(m.rows())
	}
	for r := range half {
		half[r] = 0.5*centre[r] + 0.2*mean/m.t.scale[r]
	}
	return centre, half
}

// sampleStep returns the prices of the first customers of the sample, within a
// box, and how far the prices of everybody may be from them. The box grows, at
// most so many times, where a price wants out of it. Ladders are listed for as much
// of it as can be, and again where a price leaves that.
func (s *boxstepRun) sampleStep(size int, centre, half []float64, errors float64, growths int) ([]float64, []float64) {
	m := s.m
	b := m.boxAround(centre, half)
	share := float64(size) / float64(m.values.Customers())
	limit := make([]float64, m.rows())
	for r := range limit {
		limit[r] = share * m.t.limit[r]
	}
	price := slices.Clone(b.centre)
	var f *smooth
	m.follow(&b, price, growths, func(within box) []float64 {
		f = m.newSmooth(m.scanSample(size, within, sampleKeep), limit, within)
		return s.cool(f, price)
	})
	at := f.at(price, s.temperature, true, true)
	newHalf := m.errorsOf(f, at, at, price, s.temperature, 1-share, errors)
	s.Log.Debug("boxstep: sample", "customers", size, "options", len(f.worth), "temperature", s.temperature, "mean_price", m.meanCents(price), "mean_half", m.meanCents(newHalf))
	return price, newHalf
}

// cool moves price to the minimum of f at ever lower temperatures, and returns what is
// left of each row there.
func (s *boxstepRun) cool(f *smooth, price []float64) []float64 {
	last := coolTemper * s.m.typical
	for {
		left := f.minimise(s.ctx, price, s.temperature)
		if s.temperature <= last || s.ctx.Err() != nil {
			return left
		}
		s.temperature = max(last, s.temperature/coolingFactor)
	}
}

// grow moves the edges of a box at which prices stopped to three times the
// width, and reports whether there are any.
func (m *market) grow(b *box, price []float64) (any bool) {
	for r, y := range price {
		width := b.upper[r] - b.lower[r]
		switch {
		case m.t.closed[r]:
		case y >= b.upper[r] && b.upper[r] < m.cap[r]:
			b.upper[r], any = min(m.cap[r], b.upper[r]+2*width), true
		case y <= b.lower[r] && b.lower[r] > 0:
			b.lower[r], any = max(0, b.lower[r]-2*width), true
		}
	}
	return any
}

// errorsOf returns the half-widths of a box around prices that minimise f: some
// standard errors of the prices, by the sandwich formula H⁻¹ V H⁻¹ of Huber
// (1967), and what one touch more or less moves them. The variance V of the
// rows' use has two parts: which customers were sampled, and how their choices
// fall, whose covariance is T·H. H, the density of customers about to change
// their minds, is told at a temperature that shows enough of them.
//
// at is the point of f at price and temperature, p the one whose variance counts:
// the same, or that of a change. others is the share of the customers that f does
// not hold. A row that no sampled customer may use gets all the room there is; one
// that nobody is about to change his mind over no more than touches are worth.
func (m *market) errorsOf(f *smooth, at, p *smoothPoint, price []float64, temperature, others, errors float64) []float64 {
	density, warm := at, temperature
	for warm < 64*temperature && f.undecided(price, density) < leastUndecided {
		warm *= 2
		density = f.at(price, warm, true, false)
	}
	half := make([]float64, m.rows())
	var rows []int
	for r := range half {
		switch {
		case m.t.closed[r]:
		case !m.sampled[r]:
			half[r] = m.cap[r]
		case price[r] > 0:
			rows = append(rows, r)
		}
	}
	rows = append(rows, m.nearlyBinding(p, density, rows, price, others)...)
	mean := m.meanCents(price)
	for r := range half { // of a row that does not bind: so that it shows if it does
		if half[r] == 0 && !m.t.closed[r] {
			half[r] = min(1e-3*mean, 4*temperature) / m.t.scale[r]
		}
	}
	if len(rows) == 0 {
		return half
	}
	factor := density.factor(rows, m.t.scale)
	var left, both mat.Dense
	// Ill-conditioned is no fault here: the box only grows.
	_ = factor.SolveTo(&left, p.variance(rows, rows, others))
	_ = factor.SolveTo(&both, left.T())
	for i, r := range rows {
		scale := m.t.scale[r]
		touch := warm * scale / (density.hessian[r*m.rows()+r] + scale*scale)
		half[r] = errors*warm*math.Sqrt(max(0, both.At(i, i))) + touch
	}
	m.tame(rows, price, half)
	return half
}

// Constants of tame.
const (
	tameRatio = 3   // how many times the median a row's relative half-width may be
	tameMost  = 0.4 // what it may be at most
)

// tame bounds the half-widths of rows that too few customers are about to
// change their minds over to tell: relative to all that a touch of the row pays
// at the prices they may be three times as wide as the median row's, and two
// fifths.
func (m *market) tame(rows []int, price, half []float64) {
	paid, touches := make([]float64, m.rows()), make([]float64, m.rows())
	for k := range len(m.t.start) - 1 {
		uses := m.t.row[m.t.start[k]:m.t.start[k+1]]
		total := 0.0
		for u, r := range uses {
			if !m.t.closed[r] {
				total += price[r] * m.t.amount[int(m.t.start[k])+u]
			}
		}
		for _, r := range uses {
			paid[r] += math.Abs(total)
			touches[r]++
		}
	}
	var ratios []float64
	for _, r := range rows {
		if price[r] > 0 && paid[r] > 0 {
			ratios = append(ratios, half[r]*m.t.scale[r]*touches[r]/paid[r])
		}
	}
	if len(ratios) == 0 {
		return
	}
	slices.Sort(ratios)
	most := min(tameMost, tameRatio*ratios[len(ratios)/2])
	for _, r := range rows {
		if paid[r] > 0 {
			half[r] = min(half[r], most*paid[r]/touches[r]/m.t.scale[r])
		}
	}
}

// nearlyBinding lists the rows with price 0 whose slack is small against its
// own standard error, given that the binding rows are used up: their price may
// rise from 0. The condition matters where some rows add up to another, such as
// the capacities of all days to a budget.
func (m *market) nearlyBinding(p, density *smoothPoint, binding []int, price []float64, others float64) (rows []int) {
	for r, y := range price {
		if y <= 0 && !m.t.closed[r] && m.sampled[r] {
			rows = append(rows, r)
		}
	}
	if len(binding) == 0 || len(rows) == 0 {
		return rows
	}
	n := len(price)
	cross := mat.NewDense(len(binding), len(rows), nil)
	for i, r := range binding {
		for k, q := range rows {
			cross.Set(i, k, density.hessian[r*n+q])
		}
	}
	var follow, vf, fvf, fv mat.Dense // follow: how the binding rows' prices make up for a row's
	_ = density.factor(binding, m.t.scale).SolveTo(&follow, cross)
	vf.Mul(p.variance(binding, binding, others), &follow)
	fvf.Mul(follow.T(), &vf)
	fv.Mul(follow.T(), p.variance(binding, rows, others))
	near := rows[:0]
	for k, r := range rows {
		own := p.hessian[r*n+r]
		if p.between != nil {
			own += others * p.between[r*n+r]
		}
		deviation := math.Sqrt(max(0, own+fvf.At(k, k)-2*fv.At(k, k)))
		if p.gradient[r] < 4*deviation+m.t.scale[r] {
			near = append(near, r)
		}
	}
	return near
}

// variance returns the covariance of the uses of rows a with those of rows b.
func (p *smoothPoint) variance(a, b []int, others float64) *mat.Dense {
	n := len(p.gradient)
	v := mat.NewDense(len(a), len(b), nil)
	for i, r := range a {
		for k, q := range b {
			x := p.hessian[r*n+q]
			if p.between != nil {
				x += others * p.between[r*n+q]
			}
			v.Set(i, k, x)
		}
	}
	return v
}

// narrow replaces the box by a smaller one: the prices at which the customers
// that are left undecided, all of them, nearly meet the limits.
func (s *boxstepRun) narrow(found *scanned, b box) (centre, half []float64, err error) {
	s.narrowings++
	left := s.m.leftOf(found, 1)
	f := s.m.newSmooth(found.open, slices.Clone(left), b)
	price := slices.Clone(b.centre)
	switch {
	case found.tieSpread > 0: // down to where it sees what tells the equal apart
		cold := changeTemper * found.tieSpread
		for s.temperature = s.tieTemper; s.temperature > cold && s.ctx.Err() == nil; s.temperature /= coolingFactor {
			f.minimise(s.ctx, price, s.temperature)
		}
		s.temperature, s.wide.tieSpread = cold, 0
	case !s.clipped:
		s.temperature /= coolingFactor
	}
	for range sharpenings {
		f.sharpen(left, price, s.temperature)
		f.minimise(s.ctx, price, s.temperature)
	}
	at := f.at(price, s.temperature, true, false)
	half = s.m.errorsOf(f, at, at, price, s.temperature, 0, narrowErrors)
	s.clipped = false
	for r, g := range at.gradient {
		if g < 0 && price[r] >= b.upper[r] && b.upper[r] < s.m.cap[r] || g > 0 && price[r] <= b.lower[r] && b.lower[r] > 0 {
			half[r] = max(half[r], 2*(b.upper[r]-b.lower[r])) // it may want further
		}
		// The price wants out, by more than chance: read again around it.
		if out := s.edge(r, price[r]); out*g < 0 && abs(g) > s.m.t.scale[r]+math.Sqrt(at.hessian[r*len(price)+r]) {
			half[r] = max(half[r], (s.wideBox.upper[r]-s.wideBox.lower[r])/wideBox)
			s.clipped = true
		}
	}
	fresh := s.freshBox
	s.freshBox = false
	if s.clipped {
		s.wide = nil
		if fresh && s.narrowings < maxCorrections {
			// A price far from where the sample had it spoils the others', too.
			s.clipped = false
			return s.corrected(price)
		}
	}
	s.Log.Debug("boxstep: narrowed", "options", len(f.worth), "temperature", s.temperature, "mean_price", s.m.meanCents(price), "mean_half", s.m.meanCents(half))
	return price, half, nil
}

// leftOf returns a share of the limits less what the decided use.
func (m *market) leftOf(found *scanned, share float64) []float64 {
	left := make([]float64, m.rows())
	for r := range left {
		left[r] = share*m.t.limit[r] - found.used[r]
	}
	return left
}

// meanCents returns the mean of prices over the rows, per typical use.
func (m *market) meanCents(prices []float64) float64 {
	total := 0.0
	for r := range prices {
		if !m.t.closed[r] {
			total += prices[r] * m.t.scale[r] / float64(len(prices))
		}
	}
	return total
}

// ladderStart returns a first box for ladders. With all prices free the ladders
// are too many to list, so the prices of single touches come first; ladders
// want more of every row and move them up from there.
func (s *boxstepRun) ladderStart(size int) (centre, half []float64) {
	single := *s
	m := *s.m
	t := *m.t
	t.rule = LadderRule{}
	m.t, single.m = &t, &m
	single.temperature = hotTemper * m.typical
	centre, half = single.sampleStep(size, make([]float64, m.rows()), m.cap, sampleErrors, 0)
	for range ladderRounds {
		for r := range half {
			half[r] = max(half[r], centre[r]/2)
		}
		before := centre
		s.temperature = hotTemper / coolingFactor * m.typical
		centre, half = s.sampleStep(size, centre, half, sampleErrors, 0)
		if closeTo(centre, before) {
			break
		}
	}
	return centre, half
}

// closeTo reports whether every price is within a tenth of the other.
func closeTo(a, b []float64) bool {
	for r := range a {
		if abs(a[r]-b[r]) > 0.1*max(a[r], b[r]) {
			return false
		}
	}
	return true
}

// ladderRounds bounds the boxes of ladderStart; those that follow repair what
// it leaves.
const ladderRounds = 8
