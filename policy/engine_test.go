package policy_test

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"dunning/data"
	"dunning/policy"
)

// friendly returns a customer in uf whom every rule lets through, with a debt
// of R$ 500,00 that is thirty days late on day.
func friendly(uf string, day data.Date) (data.Customer, policy.Facts) {
	c := data.Customer{
		CustomerID: "c1", Kind: data.PF, UF: uf,
		ConsentEmail: true, ConsentSMS: true, ConsentWhatsApp: true, ConsentVoice: true, ConsentLetter: true,
		ReachEmail: true, ReachSMS: true, ReachWhatsApp: true, ReachVoice: true, ReachLetter: true,
	}
	return c, policy.Facts{AsOf: day, BalanceCents: 50_000, DaysPastDue: 30}
}

func newEngine(t testing.TB, change func(*policy.Config)) *policy.Engine {
	t.Helper()
	cfg := policy.DefaultConfig()
	if change != nil {
		change(&cfg)
	}
	e, err := policy.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func date(t testing.TB, s string) data.Date {
	t.Helper()
	d, err := data.ParseDate(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestRulesForbid changes one thing at a time of a case that is allowed. The
// day is Tuesday 2026-03-10, no holiday anywhere.
func TestRulesForbid(t *testing.T) {
	day := data.MakeDate(2026, time.March, 10)
	type subject struct {
		c *data.Customer
		f *policy.Facts
	}
	cases := []struct {
		name   string
		change func(subject)
		want   string
	}{
		{"nothing changed", func(s subject) {}, ""},
		{"paid", func(s subject) { s.f.BalanceCents = 0 }, "paid"},
		{"credit balance", func(s subject) { s.f.BalanceCents = -1 }, "paid"},
		{"deceased", func(s subject) { s.c.Deceased = true }, "deceased"},
		{"do not contact", func(s subject) { s.c.DoNotContact = true }, "do_not_contact"},
		{"litigation", func(s subject) { s.c.Litigation = true }, "litigation"},
		{"dispute", func(s subject) { s.c.Dispute = true }, "dispute"},
		{"over-indebted", func(s subject) { s.c.OverIndebted = true }, "over_indebted"},
		{"opted out of the channel", func(s subject) { s.c.ConsentSMS = false }, "no_consent"},
		{"opted out of another channel", func(s subject) { s.c.ConsentVoice = false }, ""},
		{"no number", func(s subject) { s.c.ReachSMS = false }, "no_address"},
		{"one cent below the minimum", func(s subject) { s.f.BalanceCents = 999 }, "below_minimum"},
		{"at the minimum", func(s subject) { s.f.BalanceCents = 1000 }, ""},
		{"five years late", func(s subject) { s.f.DaysPastDue = 1825 }, ""},
		{"five years and a day late", func(s subject) { s.f.DaysPastDue = 1826 }, "prescribed"},
		{"due in ten days", func(s subject) { s.f.DaysPastDue = -10 }, ""},
		{"due in eleven days", func(s subject) { s.f.DaysPastDue = -11 }, "too_early"},
		{"due today", func(s subject) { s.f.DaysPastDue = 0 }, ""},
		{"first day of grace", func(s subject) { s.f.DaysPastDue = 1 }, "grace"},
		{"last day of grace", func(s subject) { s.f.DaysPastDue = 3 }, "grace"},
		{"after the grace", func(s subject) { s.f.DaysPastDue = 4 }, ""},
		{"promise due today", func(s subject) { s.f.PromiseOpenUntil = day }, "promise_open"},
		{"promise two days over", func(s subject) { s.f.PromiseOpenUntil = day - 2 }, "promise_open"},
		{"promise three days over", func(s subject) { s.f.PromiseOpenUntil = day - 3 }, ""},
		{"touched today", func(s subject) { s.f.Touches = []data.Date{day} }, "min_gap"},
		{"touched yesterday", func(s subject) { s.f.Touches = []data.Date{day - 1} }, "min_gap"},
		{"touched two days ago", func(s subject) { s.f.Touches = []data.Date{day - 2} }, ""},
		{"planned for tomorrow", func(s subject) { s.f.Touches = []data.Date{day + 1} }, "min_gap"},
		{"two in seven days", func(s subject) { s.f.Touches = []data.Date{day - 2, day - 6, day - 7} }, ""},
		{"three in seven days", func(s subject) { s.f.Touches = []data.Date{day - 2, day - 4, day - 6} }, "max_touches_7"},
		{"planned touches crowd the week", func(s subject) { s.f.Touches = []data.Date{day + 2, day + 4, day - 2} }, "max_touches_7"},
		{"eight in thirty days", func(s subject) {
			for i := range data.Date(8) {
				s.f.Touches = append(s.f.Touches, day-8-3*i) // 8 … 29 days ago, at most three a week
			}
		}, "max_touches_30"},
		{"the eighth is thirty days ago", func(s subject) {
			for i := range data.Date(8) {
				s.f.Touches = append(s.f.Touches, day-9-3*i)
			}
		}, ""},
		{"the worst is named first", func(s subject) {
			s.c.Deceased, s.c.ConsentSMS, s.f.Touches = true, false, []data.Date{day}
		}, "deceased"},
		{"Amazonas, fifteen days late", func(s subject) { s.c.UF, s.f.DaysPastDue = "AM", 15 }, "am_16_days"},
		{"Amazonas, sixteen days late", func(s subject) { s.c.UF, s.f.DaysPastDue = "AM", 16 }, ""},
		{"Amazonas, before the due date", func(s subject) { s.c.UF, s.f.DaysPastDue = "AM", -2 }, ""},
		{"unknown state", func(s subject) { s.c.UF = "XX" }, ""},
	}
	e := newEngine(t, func(c *policy.Config) { c.GraceDays = 3 })
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			c, f := friendly("SP", day)
			tc.change(subject{&c, &f})
			v := e.Check(c, f, data.SMS, day)
			if v.RuleID != tc.want || v.Allowed != (tc.want == "") {
				t.Fatalf("got rule %q, allowed %v; want %q", v.RuleID, v.Allowed, tc.want)
			}
			if !v.Allowed && (v.Source == "" || v.Portuguese == "" || v.English == "") {
				t.Errorf("a refusal without its reason: %+v", v)
			}
			if hold := e.Check(c, f, data.Hold, day); !hold.Allowed {
				t.Errorf("hold forbidden by %q", hold.RuleID)
			}
		})
	}
}

func TestCalendarForbidsDays(t *testing.T) {
	cases := []struct{ uf, day, want string }{
		{"SP", "2026-03-08", "sunday"},
		{"SP", "2026-03-07", ""},         // Saturday
		{"RJ", "2026-03-07", "hours_rj"}, // no Saturdays
		{"ES", "2026-03-07", "hours_es"},
		{"AM", "2026-03-07", "hours_am"},
		{"RJ", "2018-02-24", ""}, // a Saturday before the law
		{"PR", "2026-03-07", ""},
		{"", "2026-03-07", ""},          // unknown state: the default
		{"SP", "2026-02-16", "holiday"}, // Carnival Monday; Easter 2026 is 5 April
		{"SP", "2026-02-17", "holiday"}, // Carnival Tuesday
		{"SP", "2026-02-18", ""},        // Ash Wednesday
		{"SP", "2024-02-12", "holiday"}, // Carnival Monday; Easter 2024 is 31 March
		{"SP", "2024-02-13", "holiday"},
		{"SP", "2026-04-03", "holiday"}, // Good Friday
		{"SP", "2026-06-04", "holiday"}, // Corpus Christi
		{"MG", "2023-11-20", ""},        // a Monday, before Lei 14.759/2023
		{"MG", "2024-11-20", "holiday"}, // the first national one
		{"RJ", "2023-11-20", "holiday"}, // a state holiday already
		{"SP", "2022-11-21", ""},
		{"SP", "2026-07-09", "holiday"}, // of the state
		{"MG", "2026-07-09", ""},
		{"BA", "2026-07-02", "holiday"},
		{"SP", "2026-12-25", "holiday"},
		{"SP", "2026-01-01", "holiday"},
		{"", "2026-11-20", "holiday"},   // national ones bind an unknown state
		{"MG", "2250-12-25", "holiday"}, // beyond the cached years
		{"MG", "1969-12-25", "holiday"}, // and before them
		{"TO", "2026-10-05", "holiday"},
		{"AC", "2026-06-15", "holiday"},
		{"MG", "2026-09-07", "holiday"}, // Independence
		{"MG", "2026-10-12", "holiday"},
		{"MG", "2026-11-02", "holiday"},
		{"MG", "2027-11-15", "holiday"},
		{"MG", "2026-04-21", "holiday"}, // Tiradentes
		{"MG", "2026-05-01", "holiday"},
		{"MG", "2026-05-02", ""}, // a Saturday
		{"MG", "1979-10-12", ""}, // before Lei 6.802/1980
		{"DF", "2026-11-30", "holiday"},
		{"PE", "2026-03-06", "holiday"},
		{"CE", "2026-03-25", "holiday"},
		{"RO", "2027-01-04", "holiday"},
		{"SE", "2026-07-08", "holiday"},
		{"RN", "2026-10-03", "holiday"}, // a Saturday that is a holiday
		{"AL", "2026-03-07", ""},
		{"AL", "2026-03-08", "sunday"},
		{"AM", "2027-02-08", "holiday"}, // Carnival Monday; Easter 2027 is 28 March
		{"AM", "2027-02-09", "holiday"},
		{"AM", "2027-02-10", ""},
		{"AM", "2015-03-07", ""}, // a Saturday before the law
		{"SP", "2014-05-10", ""}, // a Saturday under the default hours
		{"SP", "2014-05-24", ""}, // and one under the law
		{"ES", "2016-12-31", ""}, // the last Saturday before the law
		{"ES", "2017-01-07", "hours_es"},
	}
	e := newEngine(t, nil)
	for _, tc := range cases {
		t.Run(tc.uf+" "+tc.day, func(t *testing.T) {
			day := date(t, tc.day)
			c, f := friendly(tc.uf, day)
			v := e.Check(c, f, data.Email, day)
			if v.RuleID != tc.want {
				t.Fatalf("%s: got %q, want %q", day.Weekday(), v.RuleID, tc.want)
			}
			if hasWindow := !v.WindowStart.IsZero(); hasWindow != v.Allowed {
				t.Errorf("allowed %v but window %v – %v", v.Allowed, v.WindowStart, v.WindowEnd)
			}
		})
	}
	c, f := friendly("SP", date(t, "2026-02-16"))
	v := e.Check(c, f, data.Email, date(t, "2026-02-16"))
	if !strings.Contains(v.Portuguese, "Segunda-feira de Carnaval") || !strings.Contains(v.Source, "4.880/2020") {
		t.Errorf("the holiday and its source are not named: %+v", v)
	}
}

// TestHolidaysByYear checks Carnival against a table of Easter Sundays (United
// States Naval Observatory) and that nothing else of February is a holiday.
func TestHolidaysByYear(t *testing.T) {
	easter := map[int]string{
		2019: "2019-04-21", 2020: "2020-04-12", 2021: "2021-04-04", 2022: "2022-04-17", 2023: "2023-04-09",
		2024: "2024-03-31", 2025: "2025-04-20", 2026: "2026-04-05", 2027: "2027-03-28", 2028: "2028-04-16",
	}
	e := newEngine(t, nil)
	for year := 2019; year <= 2028; year++ {
		sunday := date(t, easter[year])
		want := map[data.Date]bool{sunday - 48: true, sunday - 47: true}
		for day := data.MakeDate(year, time.February, 1); day < data.MakeDate(year, time.March, 6); day++ {
			c, f := friendly("MG", day)
			if got := e.Check(c, f, data.Email, day).RuleID == "holiday"; got != want[day] {
				t.Errorf("%s: holiday %v, want %v", day, got, want[day])
			}
		}
	}
}

func TestWindowsInUTC(t *testing.T) {
	cases := []struct{ name, uf, zone, day, start, end string }{
		{"São Paulo, weekday", "SP", "", "2026-03-10", "11:00", "23:00"},
		{"São Paulo, Saturday", "SP", "", "2026-03-07", "11:00", "17:00"},
		{"São Paulo, summer time of 2018", "SP", "", "2018-12-11", "10:00", "22:00"},
		{"Alagoas, Saturday", "AL", "", "2026-03-07", "11:00", "17:00"},
		{"Rio", "RJ", "", "2026-03-10", "12:00", "22:00"},
		{"Rio before its law", "RJ", "", "2018-03-01", "11:00", "23:00"},
		{"Rio, first day of its law", "RJ", "", "2018-03-02", "12:00", "22:00"},
		{"Espírito Santo", "ES", "", "2026-03-10", "11:00", "22:00"},
		{"Manaus", "AM", "", "2026-03-10", "12:00", "23:00"},
		{"western Amazonas by its zone", "AM", "America/Eirunepe", "2026-03-10", "13:00", "24:00"},
		{"Acre ends on the next UTC day", "AC", "", "2026-03-10", "13:00", "25:00"},
		{"Cuiabá", "MT", "", "2026-03-10", "12:00", "24:00"},
		{"Paraná", "PR", "", "2026-03-10", "11:00", "21:00"},
		{"Paraná, Saturday", "PR", "", "2026-03-07", "11:00", "16:00"},
		{"Recife", "PE", "", "2026-03-10", "11:00", "23:00"},
		{"Fernando de Noronha by its zone", "PE", "America/Noronha", "2026-03-10", "10:00", "22:00"},
		{"a zone that is none: the state's", "AC", "Mars/Olympus", "2026-03-10", "13:00", "25:00"},
		{"this machine's zone is not accepted", "AC", "Local", "2026-03-10", "13:00", "25:00"},
		{"unknown state, known zone", "", "America/Manaus", "2026-03-10", "12:00", "24:00"},
		{"unknown state and zone: safe everywhere", "", "", "2026-03-10", "13:00", "22:00"},
		{"unknown on Saturday", "ZZ", "", "2026-03-07", "13:00", "16:00"},
	}
	e := newEngine(t, nil)
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			day := date(t, tc.day)
			c, _ := friendly(tc.uf, day)
			c.Timezone = tc.zone
			start, end, ok := e.Window(&c, day)
			if !ok || clock(start, day) != tc.start || clock(end, day) != tc.end {
				t.Fatalf("got %s – %s (%v), want %s – %s", clock(start, day), clock(end, day), ok, tc.start, tc.end)
			}
			if start.Location() != time.UTC || end.Location() != time.UTC {
				t.Error("not in UTC")
			}
		})
	}
}

// clock writes an instant as hours since midnight UTC of day.
func clock(at time.Time, day data.Date) string {
	m := int(at.Sub(day.Time()).Minutes())
	return fmt.Sprintf("%02d:%02d", m/60, m%60)
}

func TestMinuteEdges(t *testing.T) {
	cases := []struct{ uf, at, want string }{
		{"SP", "2026-03-10T10:59:59Z", "hours_sp"},
		{"SP", "2026-03-10T11:00:00Z", ""},
		{"SP", "2026-03-10T22:59:59Z", ""},
		{"SP", "2026-03-10T23:00:00Z", "hours_sp"},
		{"SP", "2026-03-07T16:59:59Z", ""},
		{"SP", "2026-03-07T17:00:00Z", "hours_sp"},
		{"SP", "2026-03-08T02:30:00Z", "hours_sp"}, // still Saturday there
		{"SP", "2026-03-08T03:00:00Z", "sunday"},
		{"SP", "2026-03-09T02:59:59Z", "sunday"}, // still Sunday there
		{"RJ", "2026-03-10T11:59:59Z", "hours_rj"},
		{"RJ", "2026-03-10T12:00:00Z", ""},
		{"RJ", "2026-03-10T21:59:59Z", ""},
		{"RJ", "2026-03-10T22:00:00Z", "hours_rj"},
		{"AC", "2026-03-11T00:59:59Z", ""}, // 19:59:59 of the tenth
		{"AC", "2026-03-11T01:00:00Z", "hours_default"},
		{"MG", "2026-04-21T03:00:00Z", "holiday"}, // midnight of Tiradentes
		{"MG", "2026-04-21T02:59:59Z", "hours_default"},
		{"", "2026-03-10T12:59:59Z", "hours_default"},
		{"", "2026-03-10T13:00:00Z", ""},
		{"", "2026-03-10T22:00:00Z", "hours_default"},
	}
	e := newEngine(t, nil)
	for _, tc := range cases {
		t.Run(tc.uf+" "+tc.at, func(t *testing.T) {
			at, err := time.Parse(time.RFC3339, tc.at)
			if err != nil {
				t.Fatal(err)
			}
			c, f := friendly(tc.uf, data.DateOf(at))
			if v := e.CheckAt(c, f, data.Voice, at); v.RuleID != tc.want {
				t.Fatalf("got %q, want %q", v.RuleID, tc.want)
			}
		})
	}
}

// TestDaysPastDueAdvance: facts of AsOf answer for later days of the window.
func TestDaysPastDueAdvance(t *testing.T) {
	e := newEngine(t, nil)
	asOf := data.MakeDate(2026, time.March, 9) // a Monday
	c, f := friendly("SP", asOf)
	f.DaysPastDue = 1824
	for i, want := range []string{"", "", "prescribed", "prescribed"} {
		if v := e.Check(c, f, data.Email, asOf+data.Date(i)); v.RuleID != want {
			t.Errorf("day +%d: got %q, want %q", i, v.RuleID, want)
		}
	}
	f.DaysPastDue = -12
	for i, want := range []string{"too_early", "too_early", "", ""} {
		if v := e.Check(c, f, data.Email, asOf+data.Date(i)); v.RuleID != want {
			t.Errorf("before due, day +%d: got %q, want %q", i, v.RuleID, want)
		}
	}
}

// TestStricterForbidsMore: tightening a limit or adding a touch never allows
// what was forbidden.
func TestStricterForbidsMore(t *testing.T) {
	loose := newEngine(t, nil)
	strict := newEngine(t, func(c *policy.Config) {
		c.MinAmountCents, c.GraceDays, c.PreventionDays, c.MaxDaysPastDue = 5000, 5, 3, 365
		c.PromiseGraceDays, c.MinGapDays, c.MaxTouches7, c.MaxTouches30 = 5, 4, 1, 3
	})
	rapid.Check(t, func(rt *rapid.T) {
		day := data.Date(rapid.IntRange(16000, 22000).Draw(rt, "day"))
		c, f := friendly(rapid.SampledFrom([]string{"SP", "RJ", "AM", "AC", "", "PR"}).Draw(rt, "uf"), day)
		f.BalanceCents = data.Cents(rapid.IntRange(-10, 10000).Draw(rt, "balance"))
		f.DaysPastDue = int32(rapid.IntRange(-20, 2000).Draw(rt, "late"))
		for range rapid.IntRange(0, 6).Draw(rt, "touches") {
			f.Touches = append(f.Touches, day-data.Date(rapid.IntRange(-5, 40).Draw(rt, "ago")))
		}
		ch := rapid.SampledFrom(data.Channels[:]).Draw(rt, "channel")
		before := loose.Check(c, f, ch, day)
		if after := strict.Check(c, f, ch, day); after.Allowed && !before.Allowed {
			rt.Fatalf("the strict engine allows what %q forbids", before.RuleID)
		}
		f.Touches = append(f.Touches, day-data.Date(rapid.IntRange(0, 40).Draw(rt, "another")))
		if after := loose.Check(c, f, ch, day); after.Allowed && !before.Allowed {
			rt.Fatalf("one touch more allows what %q forbids", before.RuleID)
		}
		s := loose.Prepare(&c, &f)
		if got, want := loose.RuleID(loose.Decide(&s, ch, day)), loose.Check(c, f, ch, day).RuleID; got != want {
			rt.Fatalf("Decide says %q, Check says %q", got, want)
		}
	})
}

func TestConfigFaults(t *testing.T) {
	cfg := policy.DefaultConfig()
	cfg.MinGapDays, cfg.MaxDaysPastDue, cfg.Packs = -1, 1826, nil
	_, err := policy.New(cfg)
	if !errors.Is(err, data.ErrUsage) {
		t.Fatalf("got %v", err)
	}
	for _, want := range []string{"min_gap_days", "max_days_past_due", "packs"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not reported in: %v", want, err)
		}
	}
	cfg = policy.DefaultConfig()
	cfg.Packs = []string{"br-federal", "mars"}
	if _, err := policy.New(cfg); !errors.Is(err, data.ErrUsage) || !strings.Contains(err.Error(), "mars") {
		t.Fatalf("got %v", err)
	}
}

func TestDecideDoesNotAllocate(t *testing.T) {
	e := newEngine(t, nil)
	day := data.MakeDate(2026, time.March, 10)
	c, f := friendly("SP", day)
	f.Touches = []data.Date{day - 3, day - 9}
	if n := testing.AllocsPerRun(100, func() {
		s := e.Prepare(&c, &f)
		for d := range data.Date(7) {
			for _, ch := range data.Channels {
				e.Decide(&s, ch, day+d)
			}
		}
	}); n != 0 {
		t.Errorf("%g allocations per customer", n)
	}
}

func BenchmarkDecide(b *testing.B) {
	e := newEngine(b, nil)
	day := data.MakeDate(2026, time.March, 10)
	c, f := friendly("SP", day)
	f.Touches = []data.Date{day - 3, day - 9}
	n := 0
	for b.Loop() {
		s := e.Prepare(&c, &f)
		for d := range data.Date(7) {
			for _, ch := range data.Channels {
				if e.Decide(&s, ch, day+d) == policy.Allowed {
					n++
				}
			}
		}
	}
	b.ReportMetric(float64(b.N*7*len(data.Channels))/b.Elapsed().Seconds(), "candidates/s")
}

func ExampleEngine_Check() {
	e, err := policy.New(policy.DefaultConfig())
	if err != nil {
		fmt.Println(err)
		return
	}
	customer := data.Customer{CustomerID: "c1", UF: "RJ", ConsentSMS: true, ReachSMS: true}
	facts := policy.Facts{AsOf: data.MakeDate(2026, time.March, 6), BalanceCents: 12_345, DaysPastDue: 10}
	for day := facts.AsOf; day < facts.AsOf+3; day++ {
		v := e.Check(customer, facts, data.SMS, day)
		if v.Allowed {
			fmt.Println(day, "allowed", v.WindowStart.Format("15:04"), "to", v.WindowEnd.Format("15:04 MST"))
		} else {
			fmt.Println(day, v.RuleID+":", v.English, "("+v.Source+")")
		}
	}
	// Output:
	// 2026-03-06 allowed 12:00 to 22:00 UTC
	// 2026-03-07 hours_rj: Outside the hours in Rio de Janeiro: weekdays 9–19, never on Saturdays. (Lei RJ 6.854/2014 art. 3 §4, redação da Lei RJ 7.868/2018)
	// 2026-03-08 sunday: No contact on Sundays. (CDC art. 71 (descanso); Lei SP 15.426/2014 art. 2; Lei AL 7.782/2016)
}

// BenchmarkFilterMillion filters the candidates of a million customers: five
// channels on seven days.
func BenchmarkFilterMillion(b *testing.B) {
	const customers, days = 1_000_000, 7
	e := newEngine(b, nil)
	day := data.MakeDate(2026, time.March, 10)
	for b.Loop() {
		blocked, workers := make([]int, runtime.GOMAXPROCS(0)), runtime.GOMAXPROCS(0)
		var wg sync.WaitGroup
		for w := range workers {
			wg.Go(func() {
				for i := w; i < customers; i += workers {
					c, f := friendly(ufNames[i%len(ufNames)], day)
					c.ConsentSMS, c.Dispute = i%7 > 0, i%50 == 0
					f.DaysPastDue = int32(i%60 - 10)
					if i%3 == 0 {
						f.Touches = []data.Date{day - data.Date(i%5), day - 9}
					}
					s := e.Prepare(&c, &f)
					for d := range data.Date(days) {
						for _, ch := range data.Channels {
							if e.Decide(&s, ch, day+d) != policy.Allowed {
								blocked[w]++
							}
						}
					}
				}
			})
		}
		wg.Wait()
		if blocked[0] == 0 {
			b.Fatal("nothing was blocked")
		}
	}
	b.ReportMetric(float64(b.N*customers*days*len(data.Channels))/b.Elapsed().Seconds(), "candidates/s")
}
