package policy_test

import (
	"strings"
	"testing"
	"time"

	"dunning/data"
	"dunning/policy"
)

// TestStrictestPackWins combines hours of several packs: what all leave open.
func TestStrictestPackWins(t *testing.T) {
	cases := []struct{ name, uf, at, want string }{
		{"weekday, before São Paulo opens though the banks may", "SP", "2026-03-10T10:59:00Z", "hours_sp"},
		{"weekday, both open", "SP", "2026-03-10T11:00:00Z", ""},
		{"Saturday, São Paulo is open, the banks are not yet", "SP", "2026-03-14T11:59:00Z", "febraban_hours"},
		{"Saturday, both open", "SP", "2026-03-14T12:00:00Z", ""},
		{"Saturday, the last minute of both", "SP", "2026-03-14T16:59:00Z", ""},
		{"Saturday, the banks may, São Paulo may not", "SP", "2026-03-14T17:00:00Z", "hours_sp"},
		{"Rio closes first", "RJ", "2026-03-10T22:00:00Z", "hours_rj"},
		{"Rio has no Saturdays", "RJ", "2026-03-14T14:00:00Z", "hours_rj"},
	}
	e := newEngine(t, func(c *policy.Config) { c.Packs = append(c.Packs, "febraban") })
	for _, tc := range cases {
		at := instant(t, tc.at)
		c, f := friendly(tc.uf, data.DateOf(at))
		if v := e.CheckAt(c, f, data.Voice, at); v.RuleID != tc.want {
			t.Errorf("%s: got %q, want %q", tc.name, v.RuleID, tc.want)
		}
	}
}

func instant(t testing.TB, s string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// TestZoneAndSummerTimeEdges: the minute before and after, where the clock
// itself moves. The UTC hours come from the decrees on summer time.
func TestZoneAndSummerTimeEdges(t *testing.T) {
	cases := []struct{ name, uf, zone, at, want string }{
		{"Acre, the minute before opening", "AC", "", "2026-03-10T12:59:00Z", "hours_default"},
		{"Acre opens at 13:00 UTC", "AC", "", "2026-03-10T13:00:00Z", ""},
		{"Acre, the last minute, tomorrow in UTC", "AC", "", "2026-03-11T00:59:00Z", ""},
		{"Acre closes at 01:00 UTC", "AC", "", "2026-03-11T01:00:00Z", "hours_default"},
		{"Acre was UTC-4 until 10 November 2013", "AC", "", "2013-11-08T12:00:00Z", ""},
		{"and UTC-5 on the Monday after", "AC", "", "2013-11-11T12:59:00Z", "hours_default"},
		{"Noronha, the minute before opening", "PE", "America/Noronha", "2026-03-10T09:59:00Z", "hours_default"},
		{"Noronha opens at 10:00 UTC", "PE", "America/Noronha", "2026-03-10T10:00:00Z", ""},
		{"Noronha, the last minute", "PE", "America/Noronha", "2026-03-10T21:59:00Z", ""},
		{"Noronha closes at 22:00 UTC", "PE", "America/Noronha", "2026-03-10T22:00:00Z", "hours_default"},
		{"Recife is still open then", "PE", "", "2026-03-10T22:00:00Z", ""},
		{"São Paulo, Saturday before summer time", "SP", "", "2018-11-03T10:59:00Z", "hours_sp"},
		{"São Paulo, Monday of summer time, the minute before", "SP", "", "2018-11-05T09:59:00Z", "hours_sp"},
		{"São Paulo, Monday of summer time opens at 10:00 UTC", "SP", "", "2018-11-05T10:00:00Z", ""},
		{"São Paulo, Monday of summer time closes at 22:00 UTC", "SP", "", "2018-11-05T22:00:00Z", "hours_sp"},
		{"São Paulo, Monday after summer time", "SP", "", "2019-02-18T10:59:00Z", "hours_sp"},
		{"São Paulo, Monday after summer time opens at 11:00 UTC", "SP", "", "2019-02-18T11:00:00Z", ""},
		{"the hour that Saturday had twice is still Saturday", "SP", "", "2019-02-17T02:30:00Z", "hours_sp"},
		{"no summer time since 2019", "SP", "", "2019-11-05T10:59:00Z", "hours_sp"},
		{"Bahia kept standard time in 2018", "BA", "", "2018-11-05T10:59:00Z", "hours_default"},
		{"Mato Grosso, summer time", "MT", "", "2018-11-05T11:00:00Z", ""},
	}
	e := newEngine(t, nil)
	for _, tc := range cases {
		at := instant(t, tc.at)
		c, f := friendly(tc.uf, data.DateOf(at))
		c.Timezone = tc.zone
		if v := e.CheckAt(c, f, data.Voice, at); v.RuleID != tc.want {
			t.Errorf("%s: got %q, want %q", tc.name, v.RuleID, tc.want)
		}
	}
}

// TestRegFCallsAndConversations: seven calls in seven days; none within seven
// days of a conversation, its own day being the first.
func TestRegFCallsAndConversations(t *testing.T) {
	e := newEngine(t, func(c *policy.Config) {
		c.Packs = []string{"us-reg-f", "company"}
		c.MinGapDays, c.MaxTouches1, c.MaxTouches7, c.MaxTouches30 = 0, 0, 0, 0
	})
	day := data.MakeDate(2026, time.March, 10)
	c, f := friendly("", day)
	c.Timezone = "America/New_York"
	calls := func(n int, ch data.Channel) policy.Facts {
		g := f
		for k := range n {
			g.Touches, g.TouchedOn = append(g.Touches, day-data.Date(k)), append(g.TouchedOn, ch)
		}
		return g
	}
	spoken := func(ago data.Date) policy.Facts {
		g := f
		g.LastConversation = day - ago
		return g
	}
	cases := []struct {
		name  string
		facts policy.Facts
		ch    data.Channel
		want  string
	}{
		{"six calls", calls(6, data.Voice), data.Voice, ""},
		{"seven calls", calls(7, data.Voice), data.Voice, "reg_f_seven_calls"},
		{"seven calls bind no message", calls(7, data.Voice), data.SMS, ""},
		{"seven messages bind no call", calls(7, data.SMS), data.Voice, ""},
		{"spoken to six days ago", spoken(6), data.Voice, "reg_f_after_conversation"},
		{"spoken to seven days ago", spoken(7), data.Voice, ""},
		{"spoken to today", spoken(0), data.Voice, "reg_f_after_conversation"},
		{"a message after a conversation", spoken(1), data.SMS, ""},
	}
	for _, tc := range cases {
		if v := e.Check(c, tc.facts, tc.ch, day); v.RuleID != tc.want {
			t.Errorf("%s: got %q, want %q", tc.name, v.RuleID, tc.want)
		}
	}
	// Summer time begins on Sunday 8 March 2026: 8 o'clock is 12:00 UTC then.
	for at, want := range map[string]string{"2026-03-07T12:59:00Z": "reg_f_hours", "2026-03-07T13:00:00Z": "",
		"2026-03-08T11:59:00Z": "reg_f_hours", "2026-03-08T12:00:00Z": "", "2026-03-09T00:59:00Z": "", "2026-03-09T01:00:00Z": "reg_f_hours"} {
		if v := e.CheckAt(c, f, data.Voice, instant(t, at)); v.RuleID != want {
			t.Errorf("New York %s: got %q, want %q", at, v.RuleID, want)
		}
	}
}

// TestHousePolicy: the company's further limits, one at a time.
func TestHousePolicy(t *testing.T) {
	day := data.MakeDate(2026, time.March, 10)
	caps := func(c *policy.Config) {
		c.MinGapDays, c.MaxTouches1 = 0, 0
		c.ChannelCaps = map[data.Channel]policy.ChannelCaps{data.Voice: {Day: 1, Week: 2, Month: 3}}
	}
	soft := func(c *policy.Config) {
		c.SoftTone = policy.SoftToneRule{Segments: []string{"gold"}, Channels: []data.Channel{data.Email}, UntilDays: 15}
	}
	touched := func(ch data.Channel, ago ...data.Date) policy.Facts {
		_, f := friendly("SP", day)
		for _, n := range ago {
			f.Touches, f.TouchedOn = append(f.Touches, day-n), append(f.TouchedOn, ch)
		}
		return f
	}
	late := func(days int32) policy.Facts {
		_, f := friendly("SP", day)
		f.DaysPastDue = days
		return f
	}
	flying := late(30)
	flying.PaymentInFlight = true
	unknown := touched("", 0)
	unknown.TouchedOn = nil
	cases := []struct {
		name    string
		config  func(*policy.Config)
		facts   policy.Facts
		channel data.Channel
		want    string
	}{
		{"a call a day", caps, touched(data.Voice, 0), data.Voice, "channel_cap"},
		{"a call a day binds no e-mail", caps, touched(data.Voice, 0), data.Email, ""},
		{"an e-mail binds no call", caps, touched(data.Email, 0), data.Voice, ""},
		{"a touch of unknown channel binds all", caps, unknown, data.Voice, "channel_cap"},
		{"two calls a week", caps, touched(data.Voice, 2, 6), data.Voice, "channel_cap"},
		{"the second is seven days ago", caps, touched(data.Voice, 2, 7), data.Voice, ""},
		{"three calls a month", caps, touched(data.Voice, 8, 15, 29), data.Voice, "channel_cap"},
		{"the third is thirty days ago", caps, touched(data.Voice, 8, 15, 30), data.Voice, ""},
		{"one consolidated contact a day", func(c *policy.Config) { c.MinGapDays = 0 }, touched(data.Email, 0), data.SMS, "max_touches_1"},
		{"quiet segment", func(c *policy.Config) { c.QuietSegments = []string{"gold"} }, late(30), data.Email, "quiet_segment"},
		{"good payer, not very late, called", soft, late(15), data.Voice, "soft_tone"},
		{"good payer, not very late, by e-mail", soft, late(15), data.Email, ""},
		{"good payer, late", soft, late(16), data.Voice, ""},
		{"payment in flight", nil, flying, data.Email, "payment_in_flight"},
		{"the last day of a pause", func(c *policy.Config) { c.Paused = []policy.Pause{{CustomerID: "c1", Until: day}} }, late(30), data.Email, "paused"},
		{"the day after it", func(c *policy.Config) { c.Paused = []policy.Pause{{CustomerID: "c1", Until: day - 1}} }, late(30), data.Email, ""},
		{"another's pause", func(c *policy.Config) { c.Paused = []policy.Pause{{CustomerID: "c2", Until: day}} }, late(30), data.Email, ""},
	}
	for _, tc := range cases {
		e := newEngine(t, tc.config)
		c, _ := friendly("SP", day)
		c.Segment = "gold"
		v := e.Check(c, tc.facts, tc.channel, day)
		if v.RuleID != tc.want {
			t.Errorf("%s: got %q, want %q", tc.name, v.RuleID, tc.want)
		}
		if tone := strings.HasPrefix(tc.name, "good payer, not very late"); v.SoftTone != tone {
			t.Errorf("%s: soft tone %v", tc.name, v.SoftTone)
		}
	}
}

// TestReportsNeedAProvenNotice: negativação.
func TestReportsNeedAProvenNotice(t *testing.T) {
	day := data.MakeDate(2026, time.March, 10)
	e := newEngine(t, nil)
	cases := []struct {
		name   string
		change func(*data.Customer, *policy.Facts)
		want   string
	}{
		{"no notice", func(*data.Customer, *policy.Facts) {}, "prior_notice"},
		{"delivered nine days ago", func(_ *data.Customer, f *policy.Facts) { f.NoticeDeliveredOn = day - 9 }, "prior_notice"},
		{"delivered ten days ago", func(_ *data.Customer, f *policy.Facts) { f.NoticeDeliveredOn = day - 10 }, ""},
		{"disputed", func(c *data.Customer, f *policy.Facts) { f.NoticeDeliveredOn, c.Dispute = day-20, true }, "dispute"},
		{"paid", func(_ *data.Customer, f *policy.Facts) { f.NoticeDeliveredOn, f.BalanceCents = day-20, 0 }, "paid"},
		{"time-barred", func(_ *data.Customer, f *policy.Facts) { f.NoticeDeliveredOn, f.DaysPastDue = day-20, 1826 }, "prescribed"},
		{"no channel's opt-out binds a report", func(c *data.Customer, f *policy.Facts) { f.NoticeDeliveredOn, c.DoNotContact = day-20, true }, ""},
	}
	for _, tc := range cases {
		c, f := friendly("SP", day)
		tc.change(&c, &f)
		if v := e.CheckReport(c, f, day); v.RuleID != tc.want {
			t.Errorf("%s: got %q, want %q", tc.name, v.RuleID, tc.want)
		}
	}
}

// TestRulesStartAndEndOnTheirDays: a rule of next year binds next year, and the
// question as of a day gives the rules of that day.
func TestRulesStartAndEndOnTheirDays(t *testing.T) {
	own, err := policy.ParsePack(strings.NewReader(`pack: own
version: "7"
rules:
  - {id: next_year, kind: min_days_past_due, days: 60, from: 2027-01-01, source: s, portuguese: p, english: e}
  - {id: this_year, kind: min_days_past_due, days: 40, until: 2026-12-31, source: s, portuguese: p, english: e}
`))
	if err != nil {
		t.Fatal(err)
	}
	states, err := policy.EmbeddedPack("br-states")
	if err != nil {
		t.Fatal(err)
	}
	e, err := policy.NewWithPacks(policy.DefaultConfig(), []policy.Pack{own, states})
	if err != nil {
		t.Fatal(err)
	}
	for day, want := range map[string]string{"2026-12-31": "this_year", "2027-01-01": "next_year"} {
		c, f := friendly("SP", date(t, day))
		v := e.Check(c, f, data.Email, date(t, day))
		if v.RuleID != want || v.Pack != "own 7" {
			t.Errorf("%s: got %q of %q, want %q", day, v.RuleID, v.Pack, want)
		}
		packs, err := e.Packs(date(t, day))
		if err != nil {
			t.Fatal(err)
		}
		if len(packs[0].Rules) != 1 || packs[0].Rules[0].ID != want {
			t.Errorf("%s: the pack of that day has %+v", day, packs[0].Rules)
		}
	}
	if info, err := e.Explain("reg_f_hours", 0); err != nil || info.Precedence != 0 || info.Pack != "us-reg-f 2026.1" {
		t.Errorf("a rule of a pack that is not used: %+v, %v", info, err)
	}
	if _, err := e.Explain("next_yaer", 0); err == nil || !strings.Contains(err.Error(), "next_year") {
		t.Errorf("a misspelt rule: %v", err)
	}
}

// TestWindowWithin: a step's own hours narrow the law's, on the customer's clock.
func TestWindowWithin(t *testing.T) {
	e := newEngine(t, nil)
	day := data.MakeDate(2026, time.March, 10)
	for _, tc := range []struct{ uf, hours, want string }{
		{"RJ", "06:00-12:00", "12:00-15:00"},
		{"RJ", "10:00-11:30", "13:00-14:30"},
		{"RJ", "18:00-23:00", "21:00-22:00"},
		{"RJ", "19:00-23:00", "none"},
		{"AC", "06:00-12:00", "13:00-17:00"},
		{"", "09:00-12:00", "none"}, // from 9 in Acre until 12 in Noronha: 14:00 to 14:00
	} {
		var hours policy.Hours
		if err := hours.UnmarshalText([]byte(tc.hours)); err != nil {
			t.Fatal(err)
		}
		c, _ := friendly(tc.uf, day)
		got := "none"
		if start, end, ok := e.WindowWithin(&c, day, hours); ok {
			got = clock(start, day) + "-" + clock(end, day)
		}
		if got != tc.want {
			t.Errorf("%s %s: got %s, want %s", tc.uf, tc.hours, got, tc.want)
		}
	}
}
