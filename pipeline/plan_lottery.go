package pipeline

import (
	"cmp"
	"math"
	"slices"

	"dunning/data"
)

// lotterySlots gives each slot its place in the lottery: by channel, then day, so
// that the touches drawn on a channel are the expected ones, rounded down or up.
func (e *exploration) lotterySlots() {
	order := make([]int, len(e.p.slots))
	for s := range order {
		order[s] = s
	}
	slices.SortFunc(order, func(a, b int) int {
		x, y := e.p.slots[a], e.p.slots[b]
		return cmp.Or(cmp.Compare(x.Channel.Index(), y.Channel.Index()), cmp.Compare(x.Day, y.Day))
	})
	e.place = make([]int32, len(order))
	for at, s := range order {
		e.place[s] = int32(at)
	}
}

// lotteryDays gives the day of each of the lottery's slots, from 0: a customer's
// offers are all of one day.
func (e *exploration) lotteryDays() []int32 {
	days := make([]int32, len(e.place))
	for s, at := range e.place {
		days[at] = int32(e.p.slots[s].Day - e.p.w.AsOf)
	}
	return days
}

// channelTouches is the touches of a lottery on one channel.
type channelTouches struct {
	offers  float64
	dearest float64 // cents
	touches float64 // expected
	part    float64 // of the touches, that can be paid
}

// expected returns how many touches the lottery has in each of its slots: the share
// of the planned touches, as many on each channel as on any other, over its days as
// the offers lie, within the places and the money that were set aside.
func (e *exploration) expected() []float64 {
	p := e.p
	planned := 0
	for _, r := range p.chosen {
		planned += r.Touches()
	}
	count := make([]float64, len(p.slots))
	var on [len(data.Channels)]channelTouches
	for _, o := range e.offers {
		c := &on[p.slots[o.slot].Channel.Index()]
		count[o.slot]++
		c.offers++
		c.dearest = max(c.dearest, float64(o.cost))
	}
	channels := 0.0
	for _, c := range on {
		channels += indicator(c.offers > 0)
	}
	touches := make([]float64, len(p.slots))
	for s := range touches {
		if c := &on[p.slots[s].Channel.Index()]; c.offers > 0 {
			touches[s] = min(e.room[s], e.config.Share*float64(planned)/channels*count[s]/c.offers)
			c.touches += touches[s]
		}
	}
	afford(on[:], float64(p.exploreCents()))
	out := make([]float64, len(p.slots))
	for s := range touches {
		out[e.place[s]] = touches[s] * on[p.slots[s].Channel.Index()].part
	}
	return out
}

// afford sets the part of each channel's touches that the money pays for whatever is
// drawn. All are lowered alike until their mean cost fits; then, as long as the most
// that can be drawn costs more, the dearest channel is brought to whole touches,
// which are never rounded up, or left out where that is none.
func afford(on []channelTouches, cents float64) {
	mean := 0.0
	for ch := range on {
		mean += on[ch].touches * on[ch].dearest
	}
	for ch := range on {
		on[ch].part = 1
		if mean > cents {
			on[ch].part = cents / mean
		}
	}
	order := make([]int, len(on))
	for ch := range order {
		order[ch] = ch
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(on[b].dearest, on[a].dearest) })
	for _, ch := range order {
		most := 0.0
		for _, c := range on {
			most += math.Ceil(c.touches*c.part) * c.dearest
		}
		if most <= cents {
			return
		}
		if c := &on[ch]; c.touches > 0 {
			c.part = math.Floor(c.touches*c.part) / c.touches
		}
	}
}
