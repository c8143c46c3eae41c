package reach

import (
	"math"

	"dunning/data"
)

const (
	channels = len(data.Channels)
	hours    = 24
	// ReadHours is how soon a message must be read to count: later it lies
	// below others.
	ReadHours = 3
	// recoveryDays is how fast the load of earlier touches wears off.
	recoveryDays = 10.0
	loads        = 5 // classes of load
)

// Strengths of the priors, in cases: how many of his own a customer needs to
// speak as loud as his segment, and a segment as everybody.
const (
	priorCustomer  = 8.0
	priorSegment   = 50.0
	priorHabit     = 30.0 // openings that are worth what the groups say
	priorFatigue   = 200.0
	deliveredPrior = 4.0
)

// Touch is one message that was sent, and what became of it, as known.
type Touch struct {
	Channel   int // position in data.Channels
	Day       data.Date
	Delivered bool
	// OpenedHour is the local hour at which it was opened, -1 when it was not.
	OpenedHour int
}

// Customer is one customer's touches by day.
type Customer struct {
	Segment int // from 0
	Touches []Touch
}

// share counts cases and those that came out well.
type share struct{ yes, all float64 }

// drawn is the share, drawn to a prior one by some cases.
func (s share) drawn(prior, cases float64) float64 {
	return (s.yes + prior*cases) / (s.all + cases)
}

// group is what is counted of some customers.
type group struct {
	delivered, opened [channels]share
	habit             [hours]float64
}

func (g *group) note(t *Touch, load int, fatigue *[channels][loads]share) {
	d := &g.delivered[t.Channel]
	d.all++
	if !t.Delivered {
		return
	}
	d.yes++
	o := &g.opened[t.Channel]
	o.all++
	if fatigue != nil {
		fatigue[t.Channel][load].all++
	}
	if t.OpenedHour < 0 {
		return
	}
	o.yes++
	g.habit[t.OpenedHour%hours]++
	if fatigue != nil {
		fatigue[t.Channel][load].yes++
	}
}

// Model is what all customers taught.
type Model struct {
	all      group
	segments []group
	// fatigue[c][l] is how much less is opened with the load l of earlier
	// touches than without; it does not rise with the load.
	fatigue [channels][loads]float64
	habits  habitMix
}

// loadOf classes the load of earlier delivered touches on a day.
func loadOf(touches []Touch, day data.Date) int {
	sum := 0.0
	for i := range touches {
		if t := &touches[i]; t.Delivered && t.Day < day {
			sum += math.Exp(-float64(day-t.Day) / recoveryDays)
		}
	}
	return min(int(2*sum), loads-1)
}

// Fit learns from customers, whose touches hold only what is known.
func Fit(customers []Customer, segments int) *Model {
	m := &Model{segments: make([]group, max(segments, 1))}
	var tired [channels][loads]share
	for i := range customers {
		c := &customers[i]
		for j := range c.Touches {
			t := &c.Touches[j]
			m.all.note(t, loadOf(c.Touches[:j], t.Day), &tired)
			m.segments[c.Segment].note(t, 0, nil)
		}
	}
	m.habits = fitHabits(customers, &m.all.habit, len(m.segments))
	for c := range channels {
		rested := tired[c][0].drawn(m.all.opened[c].drawn(.5, 1), priorFatigue/10)
		factor := 1.0
		for l := range loads {
			if rested > 0 {
				factor = min(factor, tired[c][l].drawn(rested*factor, priorFatigue)/rested)
			}
			m.fatigue[c][l] = factor
		}
	}
	return m
}

// Reading is what is known of one customer.
type Reading struct {
	m       *Model
	own     group
	segment int
	touches []Touch
}

// Read takes a customer as known; he need not be among those of the fit.
func (m *Model) Read(c *Customer) *Reading {
	r := &Reading{m: m, segment: c.Segment, touches: c.Touches}
	for i := range c.Touches {
		r.own.note(&c.Touches[i], 0, nil)
	}
	return r
}

// Delivered is P(a message on the channel arrives).
func (r *Reading) Delivered(channel int) float64 {
	all := r.m.all.delivered[channel].drawn(.5, 1)
	return r.own.delivered[channel].drawn(r.m.segments[r.segment].delivered[channel].drawn(all, priorSegment), deliveredPrior)
}

// Opened is P(a message on the channel is opened at all | it arrives), for a
// customer who is not tired of messages.
func (r *Reading) Opened(channel int) float64 {
	all := r.m.all.opened[channel].drawn(.5, 1)
	return r.own.opened[channel].drawn(r.m.segments[r.segment].opened[channel].drawn(all, priorSegment), priorCustomer)
}

// Fatigue is how much less is opened on a day after the touches before it: 1
// for nobody's, less with more of them.
func (r *Reading) Fatigue(channel int, day data.Date) float64 {
	return r.m.fatigue[channel][loadOf(r.touches, day)]
}

// Habit is that of the customer: what the model says of his openings.
func (r *Reading) Habit() Habit { return r.m.Habit(r.segment, &r.own.habit) }

// Habit is the habit of somebody of a segment who opened so often at each hour:
// that of the groups, as likely as they are for him, and his own. It sums to one.
func (m *Model) Habit(segment int, openings *[24]float64) Habit {
	var prior [hours]float64
	for k, p := range m.habits.posterior(segment, openings) {
		for h := range prior {
			prior[h] += p * m.habits.hour[k][h]
		}
	}
	return pool(openings, &prior, priorHabit)
}

// Openings counts the customer's openings by hour, as [Model.Habit] takes them,
// and their number.
func (c *Customer) Openings() (counts [24]float64, n float64) { return openings(c) }

// ChannelReach is what a channel does for everybody.
type ChannelReach struct {
	Touches   int64   // that the model was made of
	Openings  int64   // of them; 0 where nobody opens anything, or nobody says
	Delivered float64 // P(a message arrives)
	Opened    float64 // P(it is opened | it arrives), without tiredness
	// Fatigue is how much less is opened with more earlier touches, least load
	// first.
	Fatigue []float64
}

// Channel is what was learned of a channel, by its position in data.Channels.
func (m *Model) Channel(channel int) ChannelReach {
	d, o := m.all.delivered[channel], m.all.opened[channel]
	return ChannelReach{Touches: int64(d.all), Openings: int64(o.yes), Delivered: d.drawn(.5, 1), Opened: o.drawn(.5, 1),
		Fatigue: append([]float64(nil), m.fatigue[channel][:]...)}
}

// OpenedInTime is P(a message that is sent on the channel at an hour of the day
// is opened within ReadHours).
func (r *Reading) OpenedInTime(channel int, day data.Date, hour int) float64 {
	habit := r.Habit()
	return r.Delivered(channel) * r.Opened(channel) * r.Fatigue(channel, day) * habit.Soon(hour)
}

// Habit is a distribution over the hours of a day at which somebody opens.
type Habit [24]float64

// Soon is the part of a habit within ReadHours of an hour.
func (h *Habit) Soon(hour int) (sum float64) {
	for k := hour; k < hour+ReadHours; k++ {
		sum += h[k%hours]
	}
	return sum
}

// BestHour is the hour of allowed at which a message is most often opened in
// time; of equal ones the earliest in allowed. ok is false where no hour is
// allowed. Hours outside 0 … 23 are none.
func (r *Reading) BestHour(allowed []int) (hour int, ok bool) {
	habit := r.Habit()
	return habit.BestHour(allowed)
}

// BestHour is as [Reading.BestHour].
func (h *Habit) BestHour(allowed []int) (hour int, ok bool) {
	best := -1.0
	for _, k := range allowed {
		if k < 0 || k >= hours {
			continue
		}
		if p := h.Soon(k); p > best {
			hour, best, ok = k, p, true
		}
	}
	return hour, ok
}

// AllowedHours lists the whole hours of a window of local time: those at which a
// message may be sent before the window ends. start and end are minutes of the
// day, end excluded.
func AllowedHours(start, end int) (out []int) {
	for h := range hours {
		if 60*h >= start && 60*h < end {
			out = append(out, h)
		}
	}
	return out
}
