package optimizer

import "math"

// stepWidth is how far above the chord of two solved limits the optimum may be
// foretold at a limit between them, over itself: one read halfway brings the band
// there to a quarter of it.
const stepWidth = 1.5 * curveWidth

// next sets the bands and returns the point to look at next, −1 for none, and
// whether one read there may be enough; otherwise it is to be solved. From the first
// point, or what was known beforehand, the way goes down to the first limit and up to
// where the band of the last is narrow, in steps of stepWidth and no farther than
// prices can be foretold. Then the widest bands are narrowed.
func (c *Curve) next() (at int, read bool) {
	widest, most, first, last := -1, curveWidth, -1, -1
	for k := range c.Points {
		p := &c.Points[k]
		p.Low, p.High = c.Band(p.Limit)
		if p.Status != NotSolved {
			if first < 0 {
				first = k
			}
			last = k
			continue
		}
		if width := (p.High - p.Low) / max(1, math.Abs(p.High)); width > most {
			widest, most = k, width
		}
	}
	lowest, highest := c.ends()
	switch n := len(c.Points); {
	case n == 0:
		return -1, false
	case lowest == nil && first < 0:
		return n / 2, false
	case lowest == nil && c.Points[0].Status == NotSolved: // is there one that can be met?
		return 0, false
	case lowest == nil && c.Points[n-1].Status == NotSolved:
		return n - 1, false
	case lowest == nil:
		return -1, false
	case c.wide(0) && c.Points[0].Limit < lowest.Limit && (first < 0 || c.Points[first].Limit >= lowest.Limit):
		return c.step(lowest, -1), false
	case c.wide(n-1) && c.Points[n-1].Limit > highest.Limit && (last < 0 || c.Points[last].Limit <= highest.Limit):
		return c.step(highest, 1), false
	}
	return widest, widest >= 0 && c.unread(widest)
}

// unread reports whether a point lies between two optima and was not read yet.
func (c *Curve) unread(k int) bool {
	limit, below, above := c.Points[k].Limit, false, false
	for _, r := range c.reads {
		if r.limit == limit {
			return false
		}
	}
	c.eachOptimum(func(p *CurvePoint) {
		below = below || p.Limit < limit
		above = above || p.Limit > limit
	})
	return below && above
}

// unmet notes that a limit cannot be met: neither can any tighter one.
func (c *Curve) unmet(at int, sense Sense) {
	for k := range c.Points {
		if tighter := k < at == (sense == AtMost); tighter && c.Points[k].Status == NotSolved {
			c.Points[k].Status = Infeasible
		}
	}
}

// wide reports whether a point needs to be solved.
func (c *Curve) wide(k int) bool {
	p := &c.Points[k]
	return p.Status == NotSolved && p.High-p.Low > curveWidth*max(1, math.Abs(p.High))
}

// ends returns the lowest and the highest limit with an optimum; nil for none.
func (c *Curve) ends() (lowest, highest *CurvePoint) {
	c.eachOptimum(func(p *CurvePoint) {
		if lowest == nil || p.Limit < lowest.Limit {
			lowest = p
		}
		if highest == nil || p.Limit > highest.Limit {
			highest = p
		}
	})
	return lowest, highest
}

// eachOptimum calls f for every limit with an optimum.
func (c *Curve) eachOptimum(f func(*CurvePoint)) {
	if c.start != nil {
		f(c.start)
	}
	for k := range c.Points {
		if c.Points[k].Status == Optimal {
			f(&c.Points[k])
		}
	}
}

// step returns the point to solve next beyond from, one way: one that leaves
// narrow bands on both sides where the end can be reached so, and otherwise the
// farthest up to which the band is foretold to be narrow, at least the next one.
func (c *Curve) step(from *CurvePoint, way int) int {
	foretell := c.trend(from)
	end := &c.Points[0]
	if way > 0 {
		end = &c.Points[len(c.Points)-1]
	}
	last := foretell(end.Limit)
	farthest, halfway, narrowest := -1, -1, stepWidth
	for k := range c.Points {
		if way < 0 {
			k = len(c.Points) - 1 - k
		}
		p := &c.Points[k]
		if p.Status != NotSolved || (p.Limit-from.Limit)*float64(way) <= 0 {
			continue
		}
		here := foretell(p.Limit)
		width := c.foretoldWidth(from, here, foretell)
		if farthest >= 0 && !(width <= stepWidth && movedBy(from.Limit, p.Limit) <= curveReach) {
			break
		}
		farthest = k
		if both := max(width, c.foretoldWidth(here, last, foretell)); both < narrowest {
			halfway, narrowest = k, both
		}
	}
	if halfway >= 0 && c.foretoldWidth(from, last, foretell) > stepWidth {
		return halfway
	}
	return farthest
}

// trend returns what tells the price and the optimum of limits near a point: the
// power of the limit that its price and that of the nearest other follow.
func (c *Curve) trend(from *CurvePoint) func(limit float64) *CurvePoint {
	power := -1.0
	var other *CurvePoint
	c.eachOptimum(func(p *CurvePoint) {
		if p.Limit != from.Limit && (other == nil || math.Abs(p.Limit-from.Limit) < math.Abs(other.Limit-from.Limit)) {
			other = p
		}
	})
	if other != nil && other.Price*from.Price > 0 && other.Limit > 0 && from.Limit > 0 {
		power = math.Log(from.Price/other.Price) / math.Log(from.Limit/other.Limit)
	}
	return func(limit float64) *CurvePoint {
		ratio := max(limit, 1e-9) / max(from.Limit, 1e-9)
		grown := math.Log(ratio) // ∫ x^power dx from 1 to ratio
		if power != -1 {
			grown = (math.Pow(ratio, power+1) - 1) / (power + 1)
		}
		return &CurvePoint{Limit: limit, Price: from.Price * math.Pow(ratio, power), ObjectiveCents: from.ObjectiveCents + from.Price*from.Limit*grown}
	}
}

// foretoldWidth returns how far above the chord of two limits the optimum is foretold
// at most at a point between them, over itself.
func (c *Curve) foretoldWidth(a, b *CurvePoint, foretell func(limit float64) *CurvePoint) (widest float64) {
	for k := range c.Points {
		w := (c.Points[k].Limit - a.Limit) / (b.Limit - a.Limit)
		if !(w > 0 && w < 1) {
			continue
		}
		low, here := (1-w)*a.ObjectiveCents+w*b.ObjectiveCents, foretell(c.Points[k].Limit).ObjectiveCents
		widest = max(widest, (here-low)/max(1, math.Abs(here)))
	}
	return widest
}
