package policy_test

import (
	"testing"
	"time"

	"dunning/data"
	"dunning/policy"
)

// days are weekdays and Saturdays without a holiday of a zone, with the hours by which
// its clock was off UTC then: by decree, not by the program's tables.
var days = []struct {
	name, zone, day string
	offset          int
}{
	{"São Paulo", "America/Sao_Paulo", "2026-03-10", -3},
	{"São Paulo, a Saturday", "America/Sao_Paulo", "2026-03-14", -3},
	{"Acre", "America/Rio_Branco", "2026-03-10", -5},
	{"Acre, a Saturday", "America/Rio_Branco", "2026-03-14", -5},
	{"Acre, as it was until 2013", "America/Rio_Branco", "2013-11-08", -4},
	{"Fernando de Noronha", "America/Noronha", "2026-03-10", -2},
	{"Fernando de Noronha, a Saturday", "America/Noronha", "2026-03-14", -2},
	{"São Paulo, the Saturday before summer time", "America/Sao_Paulo", "2018-11-03", -3},
	{"São Paulo, the first Monday of summer time", "America/Sao_Paulo", "2018-11-05", -2},
	{"São Paulo, the last Saturday of summer time", "America/Sao_Paulo", "2019-02-16", -2},
	{"São Paulo, the Monday after it", "America/Sao_Paulo", "2019-02-18", -3},
	{"New York, the Saturday before summer time", "America/New_York", "2026-03-07", -5},
	{"New York, the Monday after", "America/New_York", "2026-03-09", -4},
}

// checkHours asks a rule on hours for the minute before and after it opens and
// closes, everywhere, and on the days around its first.
func checkHours(t *testing.T, pack string, r policy.Rule) {
	e, uf := engineOf(t, pack, r, nil), "MG"
	if len(r.UF) > 0 {
		uf = r.UF[0]
	}
	asked := func(zone string, day data.Date) (data.Customer, policy.Facts) {
		c, f := friendly(uf, day)
		c.Timezone = zone
		return c, f
	}
	for _, d := range days {
		day := date(t, d.day)
		if r.From != nil && day < *r.From {
			continue
		}
		ask := func(minute int, want string) {
			t.Helper()
			c, f := asked(d.zone, day)
			at := day.Time().Add(time.Duration(minute)*time.Minute - time.Duration(d.offset)*time.Hour)
			if got := e.CheckAt(c, f, data.Voice, at).RuleID; got != want {
				t.Errorf("%s %02d:%02d: ruled %q, want %q", d.name, minute/60, minute%60, got, want)
			}
		}
		hours := r.Weekdays
		if day.Weekday() == time.Saturday {
			hours = r.Saturdays
		}
		if hours == nil {
			ask(12*60, r.ID)
			continue
		}
		ask(hours.Start-1, r.ID)
		ask(hours.Start, "")
		ask(hours.End-1, "")
		ask(hours.End, r.ID)
	}
	if r.From != nil { // the last minute of a day is closed by any rule
		at := r.From.Time().Add(4*time.Hour - time.Minute)
		c, f := asked("America/Manaus", *r.From-1)
		if got := e.CheckAt(c, f, data.Voice, at).RuleID; got == r.ID {
			t.Error("ruled in the minute before it was in force")
		}
		if got := e.CheckAt(c, f, data.Voice, at.Add(time.Minute)).RuleID; got != r.ID && r.From.Weekday() != time.Sunday && !closed(e, uf, *r.From) {
			t.Errorf("in its first minute: ruled %q", got)
		}
	}
}

// closed says whether no hour of a day is open.
func closed(e *policy.Engine, uf string, day data.Date) bool {
	_, _, ok := e.Window(&data.Customer{UF: uf}, day)
	return !ok
}

// closedDays are a Sunday, or a holiday, from its first minute to the first after it.
var closedDays = []struct {
	name, zone, first, after string
	holiday                  bool
}{
	{"São Paulo", "America/Sao_Paulo", "2026-03-08T03:00:00Z", "2026-03-09T03:00:00Z", false},
	{"Acre", "America/Rio_Branco", "2026-03-08T05:00:00Z", "2026-03-09T05:00:00Z", false},
	{"Fernando de Noronha", "America/Noronha", "2026-03-08T02:00:00Z", "2026-03-09T02:00:00Z", false},
	{"São Paulo, a Sunday of 23 hours", "America/Sao_Paulo", "2018-11-04T03:00:00Z", "2018-11-05T02:00:00Z", false},
	{"São Paulo, after a Saturday of 25 hours", "America/Sao_Paulo", "2019-02-17T03:00:00Z", "2019-02-18T03:00:00Z", false},
	{"Tiradentes in São Paulo", "America/Sao_Paulo", "2026-04-21T03:00:00Z", "2026-04-22T03:00:00Z", true},
	{"Tiradentes in Acre", "America/Rio_Branco", "2026-04-21T05:00:00Z", "2026-04-22T05:00:00Z", true},
	{"Tiradentes on Fernando de Noronha", "America/Noronha", "2026-04-21T02:00:00Z", "2026-04-22T02:00:00Z", true},
	{"the Republic's day, in summer time", "America/Sao_Paulo", "2018-11-15T02:00:00Z", "2018-11-16T02:00:00Z", true},
}

// checkClosedDays asks for the minutes around a day on which nobody is contacted.
func checkClosedDays(t *testing.T, pack string, r policy.Rule) {
	e, asked := engineOf(t, pack, r, nil), 0
	for _, d := range closedDays {
		if d.holiday != (r.Kind == policy.NoHoliday) {
			continue
		}
		asked++
		first, after := instant(t, d.first), instant(t, d.after)
		for at, want := range map[time.Time]bool{first.Add(-time.Minute): false, first: true, first.Add(12 * time.Hour): true, after.Add(-time.Minute): true, after: false} {
			c, f := friendly("MG", data.DateOf(first))
			c.Timezone = d.zone
			if got := e.CheckAt(c, f, data.Email, at).RuleID; (got == r.ID) != want {
				t.Errorf("%s, %s: ruled %q", d.name, at, got)
			}
		}
	}
	if asked < 4 {
		t.Errorf("asked on %d days only", asked)
	}
}

// checkNotice asks on the last day of the wait after a notice, and on the next. A
// report to a bureau has a day and no hour.
func checkNotice(t *testing.T, r policy.Rule) {
	e := newEngine(t, nil)
	for _, day := range []data.Date{data.MakeDate(2026, time.March, 10), data.MakeDate(2018, time.November, 4), *r.From + 40} {
		for ago, want := range map[int]string{0: r.ID, r.Days - 1: r.ID, r.Days: ""} {
			c, f := friendly("MG", day)
			f.NoticeDeliveredOn = day - data.Date(ago)
			if got := e.CheckReport(c, f, day).RuleID; got != want {
				t.Errorf("%s, %d days after the notice: ruled %q, want %q", day, ago, got, want)
			}
		}
	}
	c, f := friendly("MG", *r.From)
	if got := e.CheckReport(c, f, *r.From).RuleID; got != r.ID {
		t.Errorf("without a notice, on its first day: ruled %q", got)
	}
	if got := e.CheckReport(c, f, *r.From-1).RuleID; got != "" {
		t.Errorf("on the day before it was in force: ruled %q", got)
	}
}
