package reach_test

import (
	"testing"
	"time"

	"dunning/data"
	"dunning/data/synth"
	"dunning/models/reach"
	"dunning/policy"
)

// TestChosenHourOnTheSimulator: the simulator's own engagement, whose habits
// are those of habits, by the names of its truth.
func TestChosenHourOnTheSimulator(t *testing.T) {
	c := synth.DefaultConfig()
	c.Customers, c.Seed = 1000, 4
	p, err := synth.Generate(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	engine, err := policy.New(policy.DefaultConfig())
	if err != nil {
		t.Fatal(err)
	}
	people := make([]person, len(p.Sources.Customers))
	place, zone := map[string]int{}, make([]*time.Location, len(people))
	for i, s := range p.Sources.Customers {
		place[s.CustomerID] = i
		if s.Kind == data.PJ {
			people[i].Segment = 1
		}
		zone[i] = engine.Zone(&data.Customer{UF: s.UF, Timezone: s.Timezone})
		profile := map[string]int{"early": 0, "office": 1, "evening": 2}[p.Truth.Customers[i].HourProfile]
		sum := 0.0
		for _, x := range habits[profile] {
			sum += x
		}
		for h, x := range habits[profile] {
			people[i].habit[h] = x / sum
		}
	}
	type at struct{ customer, touch int }
	of := map[string]at{}
	for _, s := range p.Sources.Touches {
		i := place[s.CustomerID]
		if ch := s.Channel.Index(); ch >= 0 {
			of[s.TouchID] = at{i, len(people[i].Touches)}
			people[i].Touches = append(people[i].Touches, reach.Touch{Channel: ch, Day: data.DateOf(s.SentAt), OpenedHour: -1})
		}
	}
	for _, e := range p.Sources.TouchEvents {
		a, ok := of[e.TouchID]
		if !ok {
			continue
		}
		switch touch := &people[a.customer].Touches[a.touch]; e.Kind {
		case data.EventDelivered:
			touch.Delivered = true
		case data.EventOpened:
			touch.OpenedHour = e.At.In(zone[a.customer]).Hour()
		}
	}
	if gain := gainOf(people, reach.AllowedHours(8*60, 20*60)); gain < .8 {
		t.Errorf("%.1f %% of the gain of the best hour, want 80 %%", 100*gain)
	} else {
		t.Logf("%.1f %% of the gain of the best hour", 100*gain)
	}
}

// gainOf is what the chosen hours bring of what the best would, over an hour at
// random.
func gainOf(people []person, allowed []int) float64 {
	m := fit(people)
	var chosen, best, random float64
	for i := range people {
		p := &people[i]
		hour, _ := m.Read(&p.Customer).BestHour(allowed)
		chosen += p.soon(hour)
		top := 0.0
		for _, h := range allowed {
			top = max(top, p.soon(h))
			random += p.soon(h) / float64(len(allowed))
		}
		best += top
	}
	return (chosen - random) / (best - random)
}
