package pipeline

import (
	"cmp"
	"slices"

	"dunning/data"
	"dunning/data/synth"
	"dunning/optimizer"
)

// filler hands out a budget and capacities to one touch per customer, in an
// order that a policy decides.
type filler struct {
	left data.Cents
	room map[optimizer.Slot]float64
	out  map[string]ladder
}

func newFiller(p *planner) *filler {
	f := &filler{left: p.w.Config.BudgetCents, room: map[optimizer.Slot]float64{}, out: map[string]ladder{}}
	for _, c := range p.capacities() {
		f.room[optimizer.Slot{Channel: c.Channel, Day: c.Day}] = c.Touches
	}
	return f
}

// take plans a candidate if it fits; the customer must have none yet.
func (f *filler) take(c *data.Candidate) bool {
	at := optimizer.Slot{Channel: c.Channel, Day: c.Day}
	free, limited := f.room[at]
	if len(f.out[c.CustomerID]) > 0 || c.CostCents > f.left || limited && free < 1 {
		return false
	}
	f.out[c.CustomerID] = ladder{synth.PlannedTouch{Channel: c.Channel, Day: c.Day}}
	f.left -= c.CostCents
	if limited {
		f.room[at] = free - 1
	}
	return true
}

// ordered are the allowed candidates in a policy's order; ties keep theirs.
func (b *bench) ordered(less func(x, y *data.Candidate) int) []*data.Candidate {
	all := make([]*data.Candidate, len(b.allowed))
	for i := range b.allowed {
		all[i] = &b.allowed[i]
	}
	slices.SortStableFunc(all, less)
	return all
}

// greedy takes our estimates in the order of value over cost: what a
// spreadsheet does with a good model.
func (b *bench) greedy(p *planner) map[string]ladder {
	f := newFiller(p)
	ratio := func(c *data.Candidate) float64 { return float64(c.ValueCents) / float64(max(1, c.CostCents)) }
	for _, c := range b.ordered(func(x, y *data.Candidate) int { return cmp.Compare(ratio(y), ratio(x)) }) {
		if c.ValueCents > c.CostCents {
			f.take(c)
		}
	}
	return f.out
}

// propensity sends messages to those of whom most money is expected anyway.
func (b *bench) propensity(p *planner) map[string]ladder {
	return b.fill(p, []data.Channel{data.WhatsApp, data.SMS, data.Email}, func(s *data.Score) float64 {
		return s.PayProb * float64(s.BalanceCents)
	})
}

// biggest calls those who owe most, and writes to whom it may not call.
func (b *bench) biggest(p *planner) map[string]ladder {
	return b.fill(p, []data.Channel{data.Voice, data.WhatsApp, data.SMS, data.Email}, func(s *data.Score) float64 {
		return float64(s.BalanceCents)
	})
}

// fill goes through the customers, the highest rank first, and gives each the
// first of the channels on the earliest day that there is room.
func (b *bench) fill(p *planner, channels []data.Channel, rank func(*data.Score) float64) map[string]ladder {
	f := newFiller(p)
	place := func(c *data.Candidate) int { return slices.Index(channels, c.Channel) }
	score := func(c *data.Candidate) float64 { return rank(p.scores[c.CustomerID]) }
	all := b.ordered(func(x, y *data.Candidate) int {
		return cmp.Or(cmp.Compare(score(y), score(x)), cmp.Compare(x.CustomerID, y.CustomerID), cmp.Compare(place(x), place(y)), cmp.Compare(x.Day, y.Day))
	})
	for _, c := range all {
		if place(c) >= 0 {
			f.take(c)
		}
	}
	return f.out
}

// standardRegua is what a company without models sends: a step per days past
// due of the oldest invoice.
var standardRegua = []struct {
	pastDue int32
	channel data.Channel
}{
	{-3, data.Email}, {1, data.SMS}, {5, data.WhatsApp}, {10, data.Voice}, {15, data.Email}, {20, data.SMS}, {25, data.WhatsApp},
	{30, data.Voice}, {45, data.Letter}, {60, data.Voice}, {75, data.WhatsApp}, {90, data.Letter},
}

// regua sends the steps of the week as they fall due, or on the first allowed
// day after, in the order of the days, until the budget is spent.
func (b *bench) regua(p *planner) map[string]ladder {
	f := newFiller(p)
	all := b.ordered(func(x, y *data.Candidate) int { return cmp.Compare(x.Day, y.Day) })
	for _, c := range all {
		first := p.scores[c.CustomerID].DaysPastDue // at AsOf
		today := first + int32(c.Day-p.w.AsOf)
		for _, step := range standardRegua {
			if step.channel == c.Channel && step.pastDue >= first && step.pastDue <= today {
				f.take(c)
			}
		}
	}
	return f.out
}
