package whatif

import (
	"context"
	"math"

	"dunning/data"
	"dunning/optimizer"
)

// Ladders of several touches take some ten times as long to price as single
// ones. A portfolio with more values than mostExact is then answered from a
// sample of so many customers that it has sampleValues of them, some thousand.
const (
	mostExact    = 1_500_000
	sampleValues = 280_000
	leastSample  = 3000
)

// wantsSample says whether exact answers would take more than a moment.
func (p *prepared) wantsSample() bool {
	n := len(p.Grid.Slots)
	return p.Grid.Ladder.Touches > 1 && p.Grid.Values.Customers() > mostExact/max(1, n)
}

// sampled returns the problem of a random part of the customers, with limits in
// the same proportion.
func (p *prepared) sampled(ctx context.Context) (*prepared, error) {
	from := p.Allowed
	if from == nil {
		from = p.Grid.Values
	}
	block, err := from.Sample(ctx)
	if err != nil {
		return nil, err
	}
	slots := len(p.Grid.Slots)
	n := min(block.Customers, max(leastSample, sampleValues/max(1, slots)))
	own := *p.Problem
	own.Release = nil
	all := optimizer.WideMemoryValues(slots, n)
	worth := optimizer.WideMemoryValues(slots, n)
	row, best := make([]float64, slots), make([]float64, slots)
	for i := range n {
		profile := int32(0)
		if block.Profile != nil {
			profile = block.Profile[i]
		}
		demanded := p.hasRow(p.MinimumRow(p.Segments[profile]))
		for s := range row {
			row[s] = valueOf(&block, i*slots+s)
			if best[s] = row[s]; !demanded && row[s] <= p.cost[profile][s] {
				best[s] = optimizer.Forbidden
			}
		}
		if err := all.Add(profile, row); err != nil {
			return nil, err
		}
		if err := worth.Add(profile, best); err != nil {
			return nil, err
		}
	}
	scale := float64(n) / float64(from.Customers())
	grid := *p.Grid
	grid.Values = worth
	grid.Rows = make([]optimizer.GridRow, len(p.Grid.Rows))
	for r, of := range p.Grid.Rows {
		of.Limit *= scale
		grid.Rows[r] = of
	}
	own.Grid, own.Allowed = &grid, all
	out, err := prepare(ctx, &own)
	if err == nil {
		out.scale = scale
	}
	return out, err
}

func valueOf(b *optimizer.Block, at int) float64 {
	if b.Wide != nil {
		return b.Wide[at]
	}
	return float64(b.Narrow[at])
}

// estimate turns an answer of the sample into one of everybody: the plan's own
// value times the ratio of the sample's optima, whose errors have most in common.
func (p *prepared) estimate(a *Answer, c *changed, at *optimizer.Allocation) {
	base := *p.sample.base
	base.ValueCents, base.BoundCents = p.base.ValueCents, p.base.BoundCents
	was, is := float64(p.sample.base.ValueCents)-p.FixedCents, float64(a.ValueCents)-p.FixedCents
	a.Base, a.Sample = &base, p.sample.Grid.Values.Customers()
	if was <= 0 {
		return
	}
	ratio := is / was
	exact := float64(p.base.ValueCents) - p.FixedCents
	a.ValueCents = data.RoundCents(ratio*exact + p.FixedCents)
	a.BoundCents = a.ValueCents
	a.ErrorCents = data.RoundCents(2 * exact / was * p.sample.ratioError(c, at, ratio) / p.sample.scale)
}

// ratioError is the standard error, in cents of the sample, of the wished optimum
// less the ratio times the plan's. To first order a sampled optimum errs by what
// the sampled customers are worth beyond the prices they pay.
func (p *prepared) ratioError(c *changed, at *optimizer.Allocation, ratio float64) float64 {
	now := c.surplus(at)
	before := p.with(Wish{}).surplus(p.baseAt)
	if now == nil || before == nil {
		return 0
	}
	mean, n := 0.0, float64(len(now))
	for i := range now {
		now[i] -= ratio * before[i]
		mean += now[i] / n
	}
	sum := 0.0
	for _, x := range now {
		sum += (x - mean) * (x - mean)
	}
	return math.Sqrt(sum / max(1, n-1) * n)
}

// surplus is what each customer's ladder is worth beyond what it pays for the
// rows; nil where the values are not all at hand.
func (c *changed) surplus(at *optimizer.Allocation) []float64 {
	slots := len(c.grid.Slots)
	paid := make([][]float64, c.grid.Profiles)
	for k := range paid {
		paid[k] = make([]float64, slots)
	}
	for r := range c.grid.Rows {
		for _, u := range c.grid.Rows[r].Use {
			paid[u.Profile][u.Slot] += at.Prices[r] * u.Amount
		}
	}
	out := make([]float64, c.grid.Values.Customers())
	for k := range c.grid.Values.Blocks() {
		err := c.grid.Values.Read(context.Background(), k, func(b optimizer.Block) error { // memory waits for nothing
			for i := range b.Customers {
				profile := int32(0)
				if b.Profile != nil {
					profile = b.Profile[i]
				}
				step, last := 0, data.Date(0)
				for rungs := at.Chosen[b.First+i]; rungs != optimizer.Hold; rungs = rungs.Rest() {
					s := rungs.First()
					day := c.grid.Slots[s].Day
					out[b.First+i] += factor(&c.grid.Ladder, step, int(day-last))*valueOf(&b, i*slots+s) - paid[profile][s]
					step, last = step+1, day
				}
			}
			return nil
		})
		if err != nil {
			return nil
		}
	}
	return out
}

// factor is the discount of a touch of a step (0 is the first) after a gap in
// days, as a ladder's rule has it.
func factor(l *optimizer.LadderRule, step, gap int) float64 {
	if step == 0 || step >= len(l.Factor) || len(l.Factor[step]) == 0 {
		return 1
	}
	return l.Factor[step][min(gap, len(l.Factor[step])-1)]
}
