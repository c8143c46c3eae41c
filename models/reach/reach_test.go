package reach_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"dunning/data"
	"dunning/models/reach"
)

// The habits of the simulator's three groups, and how likely each segment's
// customers are of each: a segment tells something, not all.
var habits = [3][24]float64{
	{0, 0, 0, 0, 0, 1, 4, 8, 9, 6, 4, 3, 3, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1, 0},
	{0, 0, 0, 0, 0, 0, 0, 1, 3, 7, 9, 8, 4, 5, 8, 8, 7, 4, 2, 1, 1, 0, 0, 0},
	{2, 1, 0, 0, 0, 0, 1, 2, 2, 2, 2, 3, 5, 3, 2, 2, 2, 3, 5, 8, 9, 9, 7, 4},
}

var ofSegment = [2][3]float64{{.6, .2, .2}, {.15, .35, .5}}

const (
	email     = 0
	delivered = .93
	openProb  = .5
	// tired is how much less is opened per unit of load.
	tired = .25
)

// person is a simulated customer and his true habit.
type person struct {
	reach.Customer
	habit [24]float64
}

// live simulates engagement: weekly touches, opened by habit, less by those who
// were touched of late.
func live(n, touches int, seed uint64) []person {
	rng := rand.New(rand.NewPCG(seed, 7))
	out := make([]person, n)
	for i := range out {
		p := &out[i]
		p.Segment = i % 2
		p.habit = habits[draw(rng, ofSegment[p.Segment][:])]
		sum := 0.0
		for _, x := range p.habit {
			sum += x
		}
		for h := range p.habit {
			p.habit[h] /= sum
		}
		day := data.Date(20_000)
		for range rng.IntN(2*touches + 1) {
			day += data.Date(1 + rng.IntN(14))
			load := 0.0
			for _, t := range p.Touches {
				if t.Delivered {
					load += math.Exp(-float64(day-t.Day) / 10)
				}
			}
			t := reach.Touch{Channel: email, Day: day, Delivered: rng.Float64() < delivered, OpenedHour: -1}
			if t.Delivered && rng.Float64() < openProb*math.Exp(-tired*load) {
				t.OpenedHour = draw(rng, p.habit[:])
			}
			p.Touches = append(p.Touches, t)
		}
	}
	return out
}

func draw(rng *rand.Rand, weight []float64) int {
	sum := 0.0
	for _, x := range weight {
		sum += x
	}
	u := rng.Float64() * sum
	for i, x := range weight {
		if u -= x; u < 0 {
			return i
		}
	}
	return len(weight) - 1
}

func fit(people []person) *reach.Model {
	customers := make([]reach.Customer, len(people))
	for i := range people {
		customers[i] = people[i].Customer
	}
	return reach.Fit(customers, 2)
}

// soon is the true chance of being read in time, of what is opened.
func (p *person) soon(hour int) (sum float64) {
	for h := hour; h < hour+reach.ReadHours; h++ {
		sum += p.habit[h%24]
	}
	return sum
}

// TestChosenHourRecoversMostOfTheGain: of what the best hour brings over an hour
// at random within the window, the chosen one recovers at least four fifths.
func TestChosenHourRecoversMostOfTheGain(t *testing.T) {
	allowed := reach.AllowedHours(8*60, 20*60)
	for _, c := range []struct {
		name    string
		touches int
		least   float64
	}{
		{"a year of touches", 24, .80},
		{"few touches: the segment speaks", 3, .50},
	} {
		gain := gainOf(live(4000, c.touches, 5), allowed)
		t.Logf("%s: %.1f %% of the gain", c.name, 100*gain)
		if gain < c.least {
			t.Errorf("%s: %.1f %% of the gain, want %.0f %%", c.name, 100*gain, 100*c.least)
		}
	}
}

// TestNeverOutsideTheAllowedHours, whatever the window and the history.
func TestNeverOutsideTheAllowedHours(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	people := live(500, 10, 9)
	m := fit(people)
	for i := range 20_000 {
		start, end := rng.IntN(24*60), rng.IntN(24*60+1)
		var allowed []int
		for _, h := range reach.AllowedHours(start, end) {
			if 60*h < start || 60*h >= end {
				t.Fatalf("hour %d of the window %d to %d", h, start, end)
			}
			if rng.IntN(4) > 0 { // a window with holes
				allowed = append(allowed, h)
			}
		}
		hour, ok := m.Read(&people[i%len(people)].Customer).BestHour(allowed)
		if ok != (len(allowed) > 0) || ok && !slices.Contains(allowed, hour) {
			t.Fatalf("hour %d, %v, of %v", hour, ok, allowed)
		}
	}
	if _, ok := m.Read(&people[0].Customer).BestHour([]int{-1, 24}); ok {
		t.Error("an hour that no day has was chosen")
	}
}

func TestSharesAndFatigueAreFound(t *testing.T) {
	people := live(6000, 24, 11)
	m := fit(people)
	stranger := m.Read(&reach.Customer{})
	if d := stranger.Delivered(email); math.Abs(d-delivered) > .01 {
		t.Errorf("delivered %.3f, true %.3f", d, delivered)
	}
	// Two touches, on the day before and three days before: 1.65 of load.
	busy := reach.Customer{Touches: []reach.Touch{{Day: 97, Delivered: true, OpenedHour: -1}, {Day: 99, Delivered: true, OpenedHour: -1}}}
	load := math.Exp(-.3) + math.Exp(-.1)
	got, want := m.Read(&busy).Fatigue(email, 100), math.Exp(-tired*load)
	if math.Abs(got-want) > .08 || stranger.Fatigue(email, 100) < .95 {
		t.Errorf("fatigue %.3f, true %.3f; of a stranger %.3f", got, want, stranger.Fatigue(email, 100))
	}
	for hour := range 24 {
		p := stranger.OpenedInTime(email, 100, hour)
		if !(p >= 0 && p <= stranger.Delivered(email)*stranger.Opened(email)) {
			t.Errorf("hour %d: %.3f", hour, p)
		}
	}
	// Nothing is known of calls: the answer is a probability all the same.
	if p := stranger.OpenedInTime(3, 100, 9); !(p >= 0 && p <= 1) {
		t.Errorf("an unknown channel: %g", p)
	}
}
