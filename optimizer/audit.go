package optimizer

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"dunning/data"
)

// CheckGrid recomputes everything that an allocation claims, in one pass over
// the values: that every ladder is one that its customer may have, what it is
// worth and uses, the shares, the objective, and the dual bound at the prices,
// for which it finds every customer's best ladder anew. It shares no code with
// the solver, and its sums are exact, so they depend on no order.
//
// It errs only when the grid is none or cannot be read; what is wrong with the
// allocation is in the certificate, and [Certificate.Err] says it.
func CheckGrid(ctx context.Context, g *Grid, a *Allocation) (*Certificate, error) {
	if err := g.Validate(); err != nil {
		return nil, err
	}
	c := &Certificate{objective: a.ObjectiveCents, bound: a.BoundCents, status: a.Status}
	if c.shape = checkAllocation(g, a); c.shape != nil {
		return c, nil
	}
	d := newAudit(g, a)
	parts, err := d.read(ctx)
	if err != nil {
		return nil, err
	}
	total := parts[0]
	for _, p := range parts[1:] {
		total.merge(p)
	}
	if total.customers != len(a.Chosen) {
		return nil, fmt.Errorf("optimizer: blocks: %w: %d customers in them, %d in all", data.ErrBadNumber, total.customers, len(a.Chosen))
	}
	d.conclude(c, total)
	return c, nil
}

// checkAllocation finds what leaves nothing to compute with.
func checkAllocation(g *Grid, a *Allocation) error {
	if len(a.Chosen) != g.Values.Customers() || len(a.Prices) != len(g.Rows) {
		return fmt.Errorf("%d ladders for %d customers, %d prices for %d rows", len(a.Chosen), g.Values.Customers(), len(a.Prices), len(g.Rows))
	}
	for r, y := range a.Prices {
		if !finite(y) {
			return fmt.Errorf("price %g of row %q", y, g.Rows[r].Name)
		}
	}
	for _, s := range a.Split {
		if s.Customer < 0 || int(s.Customer) >= len(a.Chosen) {
			return fmt.Errorf("share of customer %d of %d", s.Customer, len(a.Chosen))
		}
		if !finite(s.Share) {
			return fmt.Errorf("share %g of customer %d", s.Share, s.Customer)
		}
	}
	return nil
}

// audit is what all goroutines of one check read.
type audit struct {
	g     *Grid
	a     *Allocation
	split []Share // by customer
	// What a touch of profile p in slot s uses: at[p·slots+s] ≤ k < at[p·slots+s+1].
	at     []int32
	row    []int32
	amount []float64
	paid   *paidTable // of all profiles; nil where they are too many
	first  []int      // slots of the d-th day with slots: first[d] ≤ slot < first[d+1]
	day    []int      // of it, days after the first slot's
	dayOf  []int      // by slot
}

// paidMost bounds the prices of all profiles' slots held at once: 128 MB.
const paidMost = 8 << 20

func newAudit(g *Grid, a *Allocation) *audit {
	d := &audit{g: g, a: a, split: slices.Clone(a.Split)}
	slices.SortStableFunc(d.split, func(x, y Share) int { return cmp.Compare(x.Customer, y.Customer) })
	cells := g.Profiles * len(g.Slots)
	d.at = make([]int32, cells+1)
	for r := range g.Rows {
		for _, u := range g.Rows[r].Use {
			d.at[int(u.Profile)*len(g.Slots)+int(u.Slot)+1]++
		}
	}
	for k := range cells {
		d.at[k+1] += d.at[k]
	}
	d.row, d.amount = make([]int32, d.at[cells]), make([]float64, d.at[cells])
	next := slices.Clone(d.at)
	for r := range g.Rows {
		for _, u := range g.Rows[r].Use {
			k := &next[int(u.Profile)*len(g.Slots)+int(u.Slot)]
			d.row[*k], d.amount[*k] = int32(r), u.Amount
			*k++
		}
	}
	for s, slot := range g.Slots {
		if s == 0 || slot.Day != g.Slots[s-1].Day {
			d.first, d.day = append(d.first, s), append(d.day, int(slot.Day-g.Slots[0].Day))
		}
		d.dayOf = append(d.dayOf, len(d.day)-1)
	}
	d.first = append(d.first, len(g.Slots))
	if cells <= paidMost {
		d.paid = newPaidTable(cells)
		for p := range g.Profiles {
			d.price(p, d.paid.of(p*len(g.Slots), len(g.Slots)))
		}
	}
	return d
}

// paidTable is what touches pay for the rows at the prices: flat whatever the
// step, and full times the factor of the touch, for discounted rows. A single
// touch is never discounted: all is flat.
type paidTable struct{ flat, full []float64 }

func newPaidTable(n int) *paidTable { return &paidTable{make([]float64, n), make([]float64, n)} }

func (t *paidTable) of(from, slots int) paidTable {
	return paidTable{t.flat[from : from+slots], t.full[from : from+slots]}
}

// price sets what a profile's slots pay.
func (d *audit) price(profile int, to paidTable) {
	for s := range d.g.Slots {
		to.flat[s], to.full[s] = 0, 0
		k := profile*len(d.g.Slots) + s
		for u := d.at[k]; u < d.at[k+1]; u++ {
			x := d.a.Prices[d.row[u]] * d.amount[u]
			if d.g.Rows[d.row[u]].Discounted && d.g.Ladder.Touches > 1 {
				to.full[s] += x
			} else {
				to.flat[s] += x
			}
		}
	}
}

// read takes all blocks, as many at once as there are cores.
func (d *audit) read(ctx context.Context) ([]*auditPart, error) {
	blocks := d.g.Values.Blocks()
	workers := min(runtime.GOMAXPROCS(0), max(1, blocks))
	parts, errs := make([]*auditPart, workers), make([]error, workers)
	var turn atomic.Int64
	var wg sync.WaitGroup
	for w := range workers {
		parts[w] = d.newPart()
		wg.Go(func() {
			for errs[w] == nil {
				k := int(turn.Add(1)) - 1
				if k >= blocks {
					return
				}
				if errs[w] = ctx.Err(); errs[w] == nil {
					errs[w] = d.g.Values.Read(ctx, k, parts[w].block)
				}
			}
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return parts, nil
}

// auditPart is what one goroutine found.
type auditPart struct {
	d         *audit
	customers int
	objective longSum
	best      longSum // Σ of the best reduced costs
	held      longSum // Σ best × the share that is held
	forgone   longSum // Σ share × (best − own)
	used      []longSum

	shareViolation, customerViolation float64
	fault                             string // of the first customer whose ladder is none
	faultOf                           int

	paid    paidTable // of profile
	scratch *paidTable
	profile int
	state   []float64 // of bestLadder: by step, then day
	rungs   []int
	value   []float64 // scratch: of the customer at hand
}

func (d *audit) newPart() *auditPart {
	n := len(d.g.Slots)
	p := &auditPart{d: d, used: make([]longSum, len(d.g.Rows)), profile: -1, value: make([]float64, n),
		state: make([]float64, max(1, d.g.Ladder.Touches)*len(d.day))}
	if d.paid == nil {
		p.scratch = newPaidTable(n)
	}
	return p
}

// block checks a block's customers.
func (p *auditPart) block(b Block) error {
	if b.First < 0 || b.First+b.Customers > len(p.d.a.Chosen) {
		return fmt.Errorf("optimizer: block of customers %d to %d: %w: %d in all", b.First, b.First+b.Customers-1, data.ErrBadNumber, len(p.d.a.Chosen))
	}
	split := p.d.split
	at, _ := slices.BinarySearchFunc(split, b.First, func(s Share, i int) int { return cmp.Compare(int(s.Customer), i) })
	for i := range b.Customers {
		profile := 0
		if b.Profile != nil {
			profile = int(b.Profile[i])
		}
		if err := p.turnTo(profile); err != nil {
			return fmt.Errorf("optimizer: customer %d: %w", b.First+i, err)
		}
		from := at
		for at < len(split) && int(split[at].Customer) == b.First+i {
			at++
		}
		if s := p.customer(&b, i, split[from:at]); s >= 0 {
			return fmt.Errorf("optimizer: customer %d, slot %d: %w: value that is no amount", b.First+i, s, data.ErrBadNumber)
		}
	}
	p.customers += b.Customers
	return nil
}

// turnTo makes paid a profile's.
func (p *auditPart) turnTo(profile int) error {
	if profile == p.profile {
		return nil
	}
	if profile < 0 || profile >= p.d.g.Profiles {
		return fmt.Errorf("%w: profile %d of %d", data.ErrBadNumber, profile, p.d.g.Profiles)
	}
	p.profile = profile
	n := len(p.value)
	if p.d.paid != nil {
		p.paid = p.d.paid.of(profile*n, n)
		return nil
	}
	p.paid = p.scratch.of(0, n)
	p.d.price(profile, p.paid)
	return nil
}

// customer checks the shares of the block's customer k. It returns the slot of a
// value that is NaN or +Inf, whether anybody was given it or not; −1 for none.
func (p *auditPart) customer(b *Block, k int, split []Share) (bad int) {
	i, n := b.First+k, len(p.value)
	best, single := 0.0, p.d.g.Ladder.Touches <= 1
	switch {
	case single && b.Narrow != nil:
		best = bestTouch(b.Narrow[k*n:(k+1)*n], p.paid.flat)
	case single:
		best = bestTouch(b.Wide[k*n:(k+1)*n], p.paid.flat)
	}
	value := p.value
	switch {
	case b.Wide != nil:
		value = b.Wide[k*n : (k+1)*n]
	case !single || p.d.a.Chosen[i] != Hold || len(split) > 0:
		for s, v := range b.Narrow[k*n : (k+1)*n] {
			value[s] = float64(v)
		}
	}
	if !single {
		for s, v := range value {
			if !(v < math.Inf(1)) {
				return s
			}
		}
		best = p.bestLadder(value)
	}
	if math.IsNaN(best) {
		for s := range n {
			if b.Wide != nil && !(b.Wide[k*n+s] < math.Inf(1)) || b.Wide == nil && !(float64(b.Narrow[k*n+s]) < math.Inf(1)) {
				return s
			}
		}
	}
	p.best.add(best)
	total := 0.0
	if chosen := p.d.a.Chosen[i]; chosen != Hold {
		p.give(i, value, chosen, 1, best)
		total = 1
	}
	for _, s := range split {
		p.shareViolation = max(p.shareViolation, -s.Share, s.Share-1)
		p.give(i, value, s.Rungs, s.Share, best)
		total += s.Share
	}
	p.customerViolation = max(p.customerViolation, total-1)
	p.held.addProduct(best, 1-total)
	return -1
}

// give adds a share of a ladder.
func (p *auditPart) give(i int, value []float64, r Rungs, share, best float64) {
	fault := p.walk(value, r)
	if fault != "" {
		if p.fault == "" || i < p.faultOf {
			p.fault, p.faultOf = fmt.Sprintf("customer %d: %s", i, fault), i
		}
		return
	}
	g, n := p.d.g, len(p.value)
	own := 0.0
	for step, s := range p.rungs {
		f := 1.0
		if step > 0 {
			f = p.discount(step, p.d.day[p.d.dayOf[s]]-p.d.day[p.d.dayOf[p.rungs[step-1]]])
		}
		own += f*(value[s]-p.paid.full[s]) - p.paid.flat[s]
		p.objective.addProduct(share*f, value[s])
		k := p.profile*n + s
		for u := p.d.at[k]; u < p.d.at[k+1]; u++ {
			r := p.d.row[u]
			if g.Rows[r].Discounted {
				p.used[r].addProduct(share*f, p.d.amount[u])
			} else {
				p.used[r].addProduct(share, p.d.amount[u])
			}
		}
	}
	p.forgone.addProduct(share, best-own)
}

// walk sets rungs to the slots of a ladder, or says why it is none of this
// customer's.
func (p *auditPart) walk(value []float64, r Rungs) (fault string) {
	l := &p.d.g.Ladder
	p.rungs = p.rungs[:0]
	for code := uint64(r); code != 0; code >>= rungBits {
		s, k := int(code&MaxSlots)-1, len(p.rungs)
		switch {
		case s < 0 || s >= len(value):
			return fmt.Sprintf("slot %d of %d", s, len(value))
		case k >= max(1, l.Touches):
			return fmt.Sprintf("more than %d touches", max(1, l.Touches))
		case k > 0 && p.rungs[k-1] >= s:
			return fmt.Sprintf("slot %d after slot %d", s, p.rungs[k-1])
		case k > 0 && p.d.day[p.d.dayOf[s]]-p.d.day[p.d.dayOf[p.rungs[k-1]]] < max(1, l.GapDays):
			return fmt.Sprintf("%s less than %d days after %s", p.d.g.Slots[s].Day, max(1, l.GapDays), p.d.g.Slots[p.rungs[k-1]].Day)
		case math.IsInf(value[s], -1):
			return fmt.Sprintf("forbidden slot %d (%s %s)", s, p.d.g.Slots[s].Channel, p.d.g.Slots[s].Day)
		}
		p.rungs = append(p.rungs, s)
	}
	return ""
}

// discount is LadderRule.Factor as its documentation defines it, step ≥ 1.
func (p *auditPart) discount(step, gap int) float64 {
	by := p.d.g.Ladder.Factor
	if step >= len(by) || len(by[step]) == 0 {
		return 1
	}
	if gap >= len(by[step]) {
		return by[step][len(by[step])-1]
	}
	return by[step][gap]
}

// bestTouch returns the largest reduced cost of a single touch, at least 0; NaN
// where a value is NaN or +Inf.
func bestTouch[T float32 | float64](value []T, paid []float64) float64 {
	paid = paid[:len(value)]
	best := 0.0
	for s, v := range value {
		if x := float64(v) - paid[s]; !(x <= best) {
			if !(x < math.Inf(1)) {
				return math.NaN()
			}
			best = x
		}
	}
	return best
}

// bestLadder returns the largest reduced cost of a ladder, at least 0: state
// (j, d) is that of the best one whose touch j, the last, is on day d; every
// day, step and day before is tried.
func (p *auditPart) bestLadder(value []float64) float64 {
	day, first := p.d.day, p.d.first
	days, gapDays := len(day), max(1, p.d.g.Ladder.GapDays)
	best := 0.0
	for d := range day {
		x := p.bestOf(value, first[d], first[d+1], 1)
		p.state[d] = x
		best = max(best, x)
	}
	for j := 1; j < p.d.g.Ladder.Touches; j++ {
		before, now := p.state[(j-1)*days:j*days], p.state[j*days:(j+1)*days]
		for d := range day {
			now[d] = math.Inf(-1)
			for i := 0; i < d && day[d]-day[i] >= gapDays; i++ {
				x := before[i] + p.bestOf(value, first[d], first[d+1], p.discount(j, day[d]-day[i]))
				if x > now[d] {
					now[d] = x
				}
			}
			best = max(best, now[d])
		}
	}
	return best
}

// bestOf returns the most that a touch with a factor in the slots from … to−1
// brings; −Inf when there is none.
func (p *auditPart) bestOf(value []float64, from, to int, factor float64) float64 {
	best := math.Inf(-1)
	flat, full := p.paid.flat, p.paid.full
	for s := from; s < to; s++ {
		// A forbidden slot stays out at the factor 0, too: the product is NaN.
		if x := factor*(value[s]-full[s]) - flat[s]; x > best {
			best = x
		}
	}
	return best
}

func (p *auditPart) merge(o *auditPart) {
	p.customers += o.customers
	p.objective.merge(&o.objective)
	p.best.merge(&o.best)
	p.held.merge(&o.held)
	p.forgone.merge(&o.forgone)
	for r := range p.used {
		p.used[r].merge(&o.used[r])
	}
	p.shareViolation = max(p.shareViolation, o.shareViolation)
	p.customerViolation = max(p.customerViolation, o.customerViolation)
	if o.fault != "" && (p.fault == "" || o.faultOf < p.faultOf) {
		p.fault, p.faultOf = o.fault, o.faultOf
	}
}

// conclude writes the certificate.
func (d *audit) conclude(c *Certificate, total *auditPart) {
	bound, slack := total.best, longSum{}
	for r := range d.g.Rows {
		row, price := &d.g.Rows[r], d.a.Prices[r]
		used := total.used[r].value()
		c.checkRow(&Row{Name: row.Name, Sense: row.Sense, Limit: row.Limit}, price, used)
		bound.addProduct(price, row.Limit)
		slack.addProduct(price, row.Limit-used)
	}
	c.ShareViolation, c.CustomerViolation, c.PlanFault = total.shareViolation, total.customerViolation, total.fault
	c.ObjectiveCents, c.BoundCents = total.objective.value(), bound.value()
	c.RowSlackCents, c.CustomerSlackCents, c.OptionSlackCents = slack.value(), total.held.value(), total.forgone.value()
	c.Gap = (c.BoundCents - c.ObjectiveCents) / math.Max(1, math.Abs(c.ObjectiveCents))
}
