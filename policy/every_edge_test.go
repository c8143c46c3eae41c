package policy_test

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"dunning/data"
	"dunning/policy"
)

// change makes of a customer whom everything lets through one who stands at the edge
// of a rule on a day.
type change func(c *data.Customer, f *policy.Facts, day data.Date)

// edge is where a rule begins or ceases to forbid: two cases that differ by as little
// as can be, a cent, a day, a touch, a mark.
type edge struct {
	name       string
	config     func(*policy.Config)
	channel    data.Channel // SMS where none is given
	uf         string       // of a rule that binds in some states
	over, just change       // forbidden, and just not
	turns      turn
}

// turn says what midnight does to the same facts.
type turn int

const (
	stays  turn = iota // nothing
	ceases             // "over" is forbidden for the last day
	begins             // "just" is allowed for the last day
)

func debt(cents data.Cents) change {
	return func(_ *data.Customer, f *policy.Facts, _ data.Date) { f.BalanceCents = cents }
}

func late(days int32) change {
	return func(_ *data.Customer, f *policy.Facts, day data.Date) { f.AsOf, f.DaysPastDue = day, days }
}

func mark(of func(*data.Customer) *bool, on bool) change {
	return func(c *data.Customer, _ *policy.Facts, _ data.Date) { *of(c) = on }
}

// touched is touches on a channel so many days before the day.
func touched(ch data.Channel, ago ...int) change {
	return func(_ *data.Customer, f *policy.Facts, day data.Date) {
		for _, n := range ago {
			f.Touches, f.TouchedOn = append(f.Touches, day-data.Date(n)), append(f.TouchedOn, ch)
		}
	}
}

func fact(of func(*policy.Facts) *data.Date, ago int) change {
	return func(_ *data.Customer, f *policy.Facts, day data.Date) { *of(f) = day - data.Date(ago) }
}

func segment(name string) change {
	return func(c *data.Customer, _ *policy.Facts, _ data.Date) { c.Segment = name }
}

func many(n int) (ago []int) {
	for k := range n {
		ago = append(ago, k)
	}
	return ago
}

func noGap(c *policy.Config) { c.MinGapDays = 0 }

func callCaps(day, week, month int) func(*policy.Config) {
	return func(c *policy.Config) {
		c.MinGapDays, c.MaxTouches1, c.MaxTouches7, c.MaxTouches30 = 0, 0, 0, 0
		c.ChannelCaps = map[data.Channel]policy.ChannelCaps{data.Voice: {Day: day, Week: week, Month: month}}
	}
}

// edges are the edges of all rules of all packs but those of the clock and the
// calendar, which are asked minute by minute.
var edges = map[string][]edge{
	"paid":           {{config: func(c *policy.Config) { c.MinAmountCents = 0 }, over: debt(0), just: debt(1)}},
	"deceased":       {{over: mark(func(c *data.Customer) *bool { return &c.Deceased }, true), just: mark(func(c *data.Customer) *bool { return &c.Deceased }, false)}},
	"do_not_contact": {{over: mark(func(c *data.Customer) *bool { return &c.DoNotContact }, true), just: mark(func(c *data.Customer) *bool { return &c.DoNotContact }, false)}},
	"litigation":     {{over: mark(func(c *data.Customer) *bool { return &c.Litigation }, true), just: mark(func(c *data.Customer) *bool { return &c.Litigation }, false)}},
	"dispute":        {{over: mark(func(c *data.Customer) *bool { return &c.Dispute }, true), just: mark(func(c *data.Customer) *bool { return &c.Dispute }, false)}},
	"over_indebted":  {{over: mark(func(c *data.Customer) *bool { return &c.OverIndebted }, true), just: mark(func(c *data.Customer) *bool { return &c.OverIndebted }, false)}},
	"prescribed":     {{over: late(1826), just: late(1825), turns: begins}},
	"no_consent":     {{over: mark(func(c *data.Customer) *bool { return &c.ConsentSMS }, false), just: mark(func(c *data.Customer) *bool { return &c.ConsentVoice }, false)}},
	"no_address":     {{over: mark(func(c *data.Customer) *bool { return &c.ReachSMS }, false), just: mark(func(c *data.Customer) *bool { return &c.ReachVoice }, false)}},
	"below_minimum":  {{over: debt(999), just: debt(1000)}},
	"too_early":      {{over: late(-11), just: late(-10), turns: ceases}},
	"grace": {{name: "its last day", config: func(c *policy.Config) { c.GraceDays = 3 }, over: late(3), just: late(4), turns: ceases},
		{name: "its first day", config: func(c *policy.Config) { c.GraceDays = 3 }, over: late(1), just: late(0), turns: stays}},
	"promise_open": {{over: fact(promiseOf, 2), just: fact(promiseOf, 3), turns: ceases}},
	"min_gap": {{name: "after a touch", over: touched(data.Email, 1), just: touched(data.Email, 2), turns: ceases},
		{name: "before one that is planned", over: touched(data.Email, -1), just: touched(data.Email, -2)}},
	"max_touches_7": {{name: "by number", over: touched(data.Email, 2, 4, 6), just: touched(data.Email, 2, 4)},
		{name: "by days", over: touched(data.Email, 2, 4, 6), just: touched(data.Email, 2, 4, 7), turns: ceases}},
	"max_touches_30": {{name: "by number", over: touched(data.Email, 8, 11, 14, 17, 20, 23, 26, 29), just: touched(data.Email, 8, 11, 14, 17, 20, 23, 26)},
		{name: "by days", over: touched(data.Email, 8, 11, 14, 17, 20, 23, 26, 29), just: touched(data.Email, 8, 11, 14, 17, 20, 23, 26, 30), turns: ceases}},
	"max_touches_1": {{name: "one", config: noGap, over: touched(data.Email, 0), just: touched(data.Email, 1), turns: ceases},
		{name: "two", config: func(c *policy.Config) { c.MinGapDays, c.MaxTouches1 = 0, 2 }, over: touched(data.Email, 0, 0), just: touched(data.Email, 0), turns: ceases}},
	"channel_cap": {{name: "a day", config: callCaps(1, 0, 0), channel: data.Voice, over: touched(data.Voice, 0), just: touched(data.Voice, 1), turns: ceases},
		{name: "a week", config: callCaps(0, 2, 0), channel: data.Voice, over: touched(data.Voice, 2, 6), just: touched(data.Voice, 2, 7), turns: ceases},
		{name: "a month", config: callCaps(0, 0, 3), channel: data.Voice, over: touched(data.Voice, 8, 15, 29), just: touched(data.Voice, 8, 15, 30), turns: ceases},
		{name: "its channel", config: callCaps(1, 0, 0), channel: data.Voice, over: touched(data.Voice, 0), just: touched(data.SMS, 0)}},
	"quiet_segment": {{config: func(c *policy.Config) { c.QuietSegments = []string{"gold"} }, over: segment("gold"), just: segment("golden")}},
	"soft_tone": {{config: softly, over: both(segment("gold"), late(15)), just: both(segment("gold"), late(16)), turns: ceases},
		{name: "its channel", config: softly, channel: data.Voice, over: both(segment("gold"), late(15)), just: both(segment("new"), late(15))}},
	"paused": {{name: "until another day", over: pausedUntil(0), just: pausedUntil(1), turns: ceases,
		config: func(c *policy.Config) { c.Paused = []policy.Pause{{InvoiceID: "i", Until: 1}} }}},
	"payment_in_flight": {{config: func(c *policy.Config) { c.PaymentHoldDays = 3 }, over: fact(paidOf, 2), just: fact(paidOf, 3), turns: ceases},
		{name: "announced", over: func(_ *data.Customer, f *policy.Facts, _ data.Date) { f.PaymentInFlight = true }, just: func(*data.Customer, *policy.Facts, data.Date) {}}},
	"am_16_days":        {{uf: "AM", over: late(15), just: late(16), turns: ceases}, {name: "before it is late", uf: "AM", over: late(1), just: late(0)}},
	"febraban_old_debt": {{over: late(1826), just: late(1825), turns: begins}},
	"reg_f_seven_calls": {{name: "by number", channel: data.Voice, over: touched(data.Voice, many(7)...), just: touched(data.Voice, many(6)...)},
		{name: "by days", channel: data.Voice, over: touched(data.Voice, 1, 2, 3, 4, 5, 6, 6), just: touched(data.Voice, 1, 2, 3, 4, 5, 6, 7), turns: ceases}},
	"reg_f_after_conversation": {{channel: data.Voice, over: fact(spokenOf, 6), just: fact(spokenOf, 7), turns: ceases}},
}

func promiseOf(f *policy.Facts) *data.Date { return &f.PromiseOpenUntil }
func paidOf(f *policy.Facts) *data.Date    { return &f.LastPaymentOn }
func spokenOf(f *policy.Facts) *data.Date  { return &f.LastConversation }

func pausedUntil(ago int) change {
	return fact(func(f *policy.Facts) *data.Date { return &f.PausedUntil }, ago)
}

func softly(c *policy.Config) {
	c.SoftTone = policy.SoftToneRule{Segments: []string{"gold"}, Channels: []data.Channel{data.Email}, UntilDays: 15}
}

func both(a, b change) change {
	return func(c *data.Customer, f *policy.Facts, day data.Date) { a(c, f, day); b(c, f, day) }
}

// nights are midnights of a zone, in UTC: of those farthest east and west, and of
// nights in which the clock was set. opens is eight o'clock of the first day that
// is no Sunday, there.
var nights = []struct{ name, zone, midnight, opens string }{
	{"São Paulo", "America/Sao_Paulo", "2026-03-11T03:00:00Z", "2026-03-11T11:00:00Z"},
	{"Acre", "America/Rio_Branco", "2026-03-11T05:00:00Z", "2026-03-11T13:00:00Z"},
	{"Fernando de Noronha", "America/Noronha", "2026-03-11T02:00:00Z", "2026-03-11T10:00:00Z"},
	{"São Paulo, the night in which summer time began", "America/Sao_Paulo", "2018-11-04T03:00:00Z", ""}, // midnight was one o'clock
	{"São Paulo, the night after it", "America/Sao_Paulo", "2018-11-05T02:00:00Z", "2018-11-05T10:00:00Z"},
	{"São Paulo, the night in which summer time ended", "America/Sao_Paulo", "2019-02-17T03:00:00Z", ""}, // its Saturday had 25 hours
	{"São Paulo, the night after it", "America/Sao_Paulo", "2019-02-18T03:00:00Z", "2019-02-18T11:00:00Z"},
	{"Acre, the night in which it went back to five hours", "America/Rio_Branco", "2013-11-10T05:00:00Z", ""},
	{"New York, the night before summer time", "America/New_York", "2026-03-08T05:00:00Z", ""},
	{"New York, the night after it", "America/New_York", "2026-03-09T04:00:00Z", "2026-03-09T12:00:00Z"},
}

// TestEveryRuleHasItsEdges lists the rules of all packs and asks each on both sides
// of each of its edges, by the planner's question and by the dispatcher's; a rule
// without an edge fails.
func TestEveryRuleHasItsEdges(t *testing.T) {
	files, err := os.ReadDir("packs")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, file := range files {
		p, err := policy.EmbeddedPack(strings.TrimSuffix(file.Name(), ".yaml"))
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range p.Rules {
			seen[r.ID] = true
			t.Run(r.ID, func(t *testing.T) {
				switch r.Kind {
				case policy.ContactHours:
					checkHours(t, p.Name, r)
				case policy.NoSunday, policy.NoHoliday:
					checkClosedDays(t, p.Name, r)
				case policy.PriorNotice:
					checkNotice(t, r)
				default:
					if len(edges[r.ID]) == 0 {
						t.Errorf("no edge of this rule is tested")
					}
				}
				for _, e := range edges[r.ID] {
					t.Run(e.name, func(t *testing.T) { e.check(t, p.Name, r) })
				}
			})
		}
	}
	for _, id := range slices.Sorted(maps.Keys(edges)) {
		if !seen[id] {
			t.Errorf("no pack has a rule %q", id)
		}
	}
}

// engineOf is the engine as it comes, or one of a pack that it does not come with,
// but for the order: the rule is the first, so that no other is named in its place.
func engineOf(t *testing.T, pack string, r policy.Rule, config func(*policy.Config)) *policy.Engine {
	t.Helper()
	c := policy.DefaultConfig()
	if config != nil {
		config(&c)
	}
	names := []string{pack}
	if slices.Contains(c.Packs, pack) {
		names = append(names, slices.DeleteFunc(c.Packs, func(n string) bool { return n == pack })...)
	}
	var packs []policy.Pack
	for _, name := range names {
		p, err := policy.EmbeddedPack(name)
		if err != nil {
			t.Fatal(err)
		}
		packs = append(packs, p)
	}
	first := slices.IndexFunc(packs[0].Rules, func(x policy.Rule) bool { return x.ID == r.ID })
	packs[0].Rules = append([]policy.Rule{r}, slices.Delete(packs[0].Rules, first, first+1)...)
	e, err := policy.NewWithPacks(c, packs)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// check asks on both sides of an edge.
func (e edge) check(t *testing.T, pack string, r policy.Rule) {
	engine := engineOf(t, pack, r, e.config)
	ch, uf := e.channel, e.uf
	if ch == "" {
		ch = data.SMS
	}
	if uf == "" {
		uf = "MG"
	}
	tuesday := data.MakeDate(2026, time.March, 10)
	asked := func(what change, zone string, day data.Date) (data.Customer, policy.Facts) {
		c, f := friendly(uf, day)
		c.Timezone = zone
		what(&c, &f, day)
		return c, f
	}
	for what, want := range map[*change]string{&e.over: r.ID, &e.just: ""} {
		c, f := asked(*what, "America/Manaus", tuesday)
		noon := tuesday.Time().Add(16 * time.Hour)
		if day, now := engine.Check(c, f, ch, tuesday).RuleID, engine.CheckAt(c, f, ch, noon).RuleID; day != want || now != want {
			t.Errorf("on the day %q, at noon %q, want %q", day, now, want)
		}
	}
	inForce := 0
	for _, n := range nights {
		midnight := instant(t, n.midnight)
		local, err := time.LoadLocation(n.zone)
		if err != nil {
			t.Fatal(err)
		}
		day := data.DateOf(midnight.Add(-time.Minute).In(local))
		if r.From != nil && day < *r.From {
			continue
		}
		inForce++
		over, overFacts := asked(e.over, n.zone, day)
		just, justFacts := asked(e.just, n.zone, day)
		before, after := midnight.Add(-time.Minute), midnight
		ask := func(c data.Customer, f policy.Facts, at time.Time, want bool) {
			if got := engine.CheckAt(c, f, ch, at).RuleID; (got == r.ID) != want {
				t.Errorf("%s, %s: ruled %q", n.name, at, got)
			}
		}
		ask(over, overFacts, before, true)
		ask(just, justFacts, before, false)
		switch e.turns {
		case ceases:
			ask(over, overFacts, after, false)
			if n.opens != "" {
				if v := engine.CheckAt(over, overFacts, ch, instant(t, n.opens)); !v.Allowed {
					t.Errorf("%s, the first open minute: ruled %q", n.name, v.RuleID)
				}
			}
		case begins:
			ask(just, justFacts, after, true)
		}
	}
	if inForce < 5 {
		t.Errorf("in force in %d nights only", inForce)
	}
	checkFirstDay(t, engine, r, ch, func(day data.Date) (data.Customer, policy.Facts) { return asked(e.over, "America/Manaus", day) })
}

// checkFirstDay asks in the minute before a rule comes into force, and in its first.
func checkFirstDay(t *testing.T, engine *policy.Engine, r policy.Rule, ch data.Channel, over func(data.Date) (data.Customer, policy.Facts)) {
	if r.From == nil {
		return
	}
	midnight := r.From.Time().Add(4 * time.Hour) // Manaus is four hours behind
	c, f := over(*r.From)
	if got := engine.CheckAt(c, f, ch, midnight).RuleID; got != r.ID {
		t.Errorf("in its first minute: ruled %q", got)
	}
	c, f = over(*r.From - 1)
	if got := engine.CheckAt(c, f, ch, midnight.Add(-time.Minute)).RuleID; got == r.ID {
		t.Error("ruled in the minute before it was in force")
	}
}
