package pipeline

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"dunning/data"
	"dunning/features"
	"dunning/models/reach"
	"dunning/models/segments"
	"dunning/policy"
)

// hourCustomers live everywhere, some where nobody knows.
func hourCustomer(rng *rand.Rand) data.Customer {
	ufs := []string{"SP", "AC", "AM", "PE", "RJ", "RS", "", "XX"}
	zones := []string{"", "", "", "America/Noronha", "America/New_York", "Europe/Lisbon"}
	return data.Customer{CustomerID: "c", Kind: data.PF, UF: ufs[rng.IntN(len(ufs))], Timezone: zones[rng.IntN(len(zones))],
		ConsentEmail: true, ReachEmail: true, NamedSegment: string(segments.Keys[rng.IntN(len(segments.Keys))])}
}

// randomHabit is often of one hour alone, whatever the law says of it.
func randomHabit(rng *rand.Rand) *reach.Habit {
	var h reach.Habit
	if rng.IntN(3) == 0 {
		h[rng.IntN(24)] = 1
		return &h
	}
	sum := 0.0
	for k := range h {
		h[k] = rng.ExpFloat64()
		sum += h[k]
	}
	for k := range h {
		h[k] /= sum
	}
	return &h
}

// TestBestHourIsNeverOutsideTheLaw: whoever he is, wherever he lives, whatever he
// is used to and whichever day it is, a touch starts when it may be sent, ends when
// the law does, has an hour to go out, and no other hour would be better.
func TestBestHourIsNeverOutsideTheLaw(t *testing.T) {
	engine, err := policy.New(policy.DefaultConfig())
	if err != nil {
		t.Fatal(err)
	}
	email := data.Email.Index()
	moved, shut := 0, 0
	for seed := range uint64(3000) {
		rng := rand.New(rand.NewPCG(seed, 11))
		c, day := hourCustomer(rng), data.MakeDate(2026, 1, 1)+data.Date(rng.IntN(365))
		habit := randomHabit(rng)
		b := &bestHours{engine: engine, own: map[string]*reach.Habit{}, of: map[segments.Key]*reach.Habit{}}
		b.usable[email] = true
		if rng.IntN(2) == 0 {
			b.own[c.CustomerID] = habit
		} else {
			b.of[segments.Key(c.NamedSegment)] = habit
		}
		opens, closes, ok := engine.Window(&c, day)
		start, end, hour := b.window(&c, data.Email, day)
		if !ok {
			shut++
			if hour >= 0 || !start.Equal(opens) || !end.Equal(closes) {
				t.Fatalf("seed %d: a day without hours has %v to %v", seed, start, end)
			}
			continue
		}
		if start.Before(opens) || !end.Equal(closes) || !start.Before(end) {
			t.Fatalf("seed %d: %s in %q on %s: %v to %v, and the law says %v to %v", seed, c.Timezone, c.UF, day, start, end, opens, closes)
		}
		facts := policy.Facts{AsOf: day, BalanceCents: 100_000, DaysPastDue: 20}
		if v := engine.CheckAt(c, facts, data.Email, start); !v.Allowed {
			t.Fatalf("seed %d: at %v: %s", seed, start, v.RuleID)
		}
		if hour < 0 {
			continue
		}
		moved++
		local := start.In(engine.Zone(&c))
		if local.Hour() != hour || local.Minute() != 0 || end.Sub(start).Minutes() < 60 {
			t.Fatalf("seed %d: %d h is %v, until %v", seed, hour, local, end)
		}
		for other := local.Add(-24 * 3600e9); other.Before(end); other = other.Add(3600e9) {
			if !other.Before(opens) && end.Sub(other).Minutes() >= 60 && habit.Soon(other.Hour()) > habit.Soon(hour)+1e-12 {
				t.Fatalf("seed %d: %d h is better than %d h", seed, other.Hour(), hour)
			}
		}
	}
	if moved < 2000 || shut < 300 {
		t.Errorf("%d of 3000 have an hour, %d days are shut", moved, shut)
	}
}

// TestHoursOfTheLawWhereNobodyOpens: without openings, on a channel or at all, the
// window is the law's.
func TestHoursOfTheLawWhereNobodyOpens(t *testing.T) {
	engine, err := policy.New(policy.DefaultConfig())
	if err != nil {
		t.Fatal(err)
	}
	c := data.Customer{CustomerID: "c", Kind: data.PF, UF: "SP", NamedSegment: string(segments.Late)}
	day := data.MakeDate(2026, 3, 10)
	opens, closes, _ := engine.Window(&c, day)
	evening := &reach.Habit{19: 1}
	b := &bestHours{engine: engine, own: map[string]*reach.Habit{}, of: map[segments.Key]*reach.Habit{segments.Late: evening}}
	b.usable[data.Email.Index()] = true
	for _, tc := range []struct {
		name    string
		channel data.Channel
		segment segments.Key
		hour    int
	}{
		{"a channel with openings", data.Email, segments.Late, 17},
		{"a channel without", data.Letter, segments.Late, -1},
		{"nobody knows the segment", data.Email, "", -1},
	} {
		c.NamedSegment = string(tc.segment)
		start, end, hour := b.window(&c, tc.channel, day)
		if hour != tc.hour || !end.Equal(closes) || tc.hour < 0 && !start.Equal(opens) {
			t.Errorf("%s: %v to %v, hour %d", tc.name, start, end, hour)
		}
	}
}

// TestHoursAreReadAsWritten: from histories to the hour of an action, through the
// files: his own hours for who opens, his segment's for who does not.
func TestHoursAreReadAsWritten(t *testing.T) {
	asOf := data.MakeDate(2026, 3, 2)
	w := &Work{Config: DefaultConfig(), AsOf: asOf, Dir: t.TempDir(), progress: Silent{}, files: map[string]data.File{}}
	r, err := newHourReader(w, 2)
	if err != nil {
		t.Fatal(err)
	}
	opens := func(id string, local int, segment segments.Key, part int) {
		h := features.History{Customer: data.Customer{CustomerID: id, Kind: data.PF, UF: "SP"}}
		for d := range data.Date(30) {
			at := (asOf - 100 + d).Time().Add(12 * time.Hour)
			touch := data.Touch{TouchID: fmt.Sprint(id, d), CustomerID: id, Channel: data.SMS, SentAt: at}
			h.Touches = append(h.Touches, touch)
			if local >= 0 {
				h.Events = append(h.Events, data.TouchEvent{TouchID: touch.TouchID, At: (asOf - 100 + d).Time().Add(time.Duration(local+3) * time.Hour), Kind: data.EventOpened})
			}
		}
		r.note(part, features.NewHistory(h), segment, true)
	}
	for i := range 20 {
		opens(fmt.Sprintf("early-%02d", i), 9, segments.Occasional, i%2)
		opens(fmt.Sprintf("late-%02d", i), 18, segments.Late, i%2)
		opens(fmt.Sprintf("never-%02d", i), -1, segments.Late, i%2)
	}
	if err := r.write(w); err != nil {
		t.Fatal(err)
	}
	engine, err := policy.New(w.Config.Policy)
	if err != nil {
		t.Fatal(err)
	}
	b, err := readBestHours(Output{Dir: w.Dir}, engine, map[string]bool{"early-03": true, "late-04": true, "never-05": true})
	if err != nil {
		t.Fatal(err)
	}
	if len(b.own) != 2 || len(b.of) != len(segments.Keys) {
		t.Errorf("%d customers and %d segments were read", len(b.own), len(b.of))
	}
	for id, want := range map[string][2]int{"early-03": {8, 9}, "late-04": {16, 18}, "never-05": {16, 18}} {
		c := data.Customer{CustomerID: id, Kind: data.PF, UF: "SP", NamedSegment: string(segments.Late)}
		if _, _, hour := b.window(&c, data.SMS, asOf+1); hour < want[0] || hour > want[1] {
			t.Errorf("%s: %d h, want %d to %d", id, hour, want[0], want[1])
		}
		if _, _, hour := b.window(&c, data.Voice, asOf+1); hour != -1 {
			t.Errorf("%s: a call has the hour %d, and nobody opens calls", id, hour)
		}
	}
}
