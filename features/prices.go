package features

import (
	"cmp"
	"fmt"
	"slices"

	"dunning/data"
)

// priceWindowDays is how far back the prices reach with which a touch's cost is
// compared: long enough to see a channel's usual ones, short enough to follow a
// tariff.
const priceWindowDays = 90

// PriceRow counts the touches of the whole portfolio by channel, day and cost.
type PriceRow struct {
	Channel   data.Channel
	Day       data.Date
	CostCents data.Cents
	Touches   int64 // > 0
}

// Prices answers how dear a touch was for its channel and time. It is read only
// and safe for concurrent use; nil knows nothing.
type Prices struct {
	ranks map[priceKey]float64
}

type priceKey struct {
	channel data.Channel
	day     data.Date
	cost    data.Cents
}

// NewPrices ranks every row among those of its channel in the 90 days that end
// with its own, so that a rank is known as soon as its day is over. Rows may be
// in any order; two of the same channel, day and cost add up. A row without
// touches is an error that wraps a sentinel of package data.
func NewPrices(rows []PriceRow) (*Prices, error) {
	p := &Prices{ranks: make(map[priceKey]float64, len(rows))}
	channels := map[data.Channel][]PriceRow{}
	for i, r := range rows {
		if r.Touches <= 0 {
			return nil, fmt.Errorf("features: price row %d: %w: %d touches", i+1, data.ErrBadNumber, r.Touches)
		}
		channels[r.Channel] = append(channels[r.Channel], r)
	}
	for _, of := range channels {
		p.rank(of)
	}
	return p, nil
}

// rank moves the window over the rows of one channel.
func (p *Prices) rank(rows []PriceRow) {
	slices.SortFunc(rows, func(a, b PriceRow) int {
		return cmp.Or(cmp.Compare(a.Day, b.Day), cmp.Compare(a.CostCents, b.CostCents))
	})
	costs := make([]data.Cents, len(rows))
	for i, r := range rows {
		costs[i] = r.CostCents
	}
	slices.Sort(costs)
	costs = slices.Compact(costs)
	place := func(c data.Cents) int {
		at, _ := slices.BinarySearch(costs, c)
		return at
	}
	window := make(prefixSums, len(costs)+1)
	first := 0
	for from := 0; from < len(rows); {
		day, to := rows[from].Day, from
		for ; to < len(rows) && rows[to].Day == day; to++ {
			window.add(place(rows[to].CostCents), rows[to].Touches)
		}
		for ; rows[first].Day <= day-priceWindowDays; first++ {
			window.add(place(rows[first].CostCents), -rows[first].Touches)
		}
		all := float64(window.below(len(costs)))
		for _, r := range rows[from:to] {
			at := place(r.CostCents)
			// Equal costs count half: with one price for all, everyone is in the middle.
			p.ranks[priceKey{r.Channel, r.Day, r.CostCents}] = float64(window.below(at)+window.below(at+1)) / 2 / all
		}
		from = to
	}
}

// Rank returns the share of the touches on the channel, in the 90 days that end
// with the given one, that cost less; equal costs count half. NaN when no touch
// of that day and cost is known.
func (p *Prices) Rank(ch data.Channel, day data.Date, cost data.Cents) float64 {
	if p == nil {
		return nan
	}
	if r, ok := p.ranks[priceKey{ch, day, cost}]; ok {
		return r
	}
	return nan
}

// prefixSums is a Fenwick tree: counts by place, and their sums below a place,
// in logarithmic time each.
type prefixSums []int64

func (t prefixSums) add(place int, n int64) {
	for i := place + 1; i < len(t); i += i & -i {
		t[i] += n
	}
}

// below sums the counts of all places before the given one.
func (t prefixSums) below(place int) (sum int64) {
	for i := place; i > 0; i -= i & -i {
		sum += t[i]
	}
	return sum
}
