package policy_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"dunning/data"
	"dunning/policy"
)

// What the law says, written here a second time from the statutes and the
// decrees on summer time, without the packs, the holiday library or the time
// zone database. It is stated as what is certainly forbidden: the company's own
// limits are not in it.

// lawOffset returns a state's distance from UTC in hours at an instant.
// Summer time: Decretos 6.558/2008 and 8.112/2013 (third Sunday of October to
// the third Sunday of February), 9.242/2017 (from the first Sunday of November
// 2018), ended by 9.772/2019.
func lawOffset(uf string, at time.Time) int {
	base, summer := -3, false
	switch uf {
	case "AC":
		base = -5
	case "AM", "RO", "RR":
		base = -4
	case "MT", "MS":
		base, summer = -4, true
	case "SP", "RJ", "ES", "MG", "PR", "SC", "RS", "GO", "DF":
		summer = true
	}
	local := at.Add(time.Duration(base) * time.Hour)
	for _, s := range [][2]time.Time{ // wall clock of the standard time
		{time.Date(2016, 10, 16, 0, 0, 0, 0, time.UTC), time.Date(2017, 2, 18, 23, 0, 0, 0, time.UTC)},
		{time.Date(2017, 10, 15, 0, 0, 0, 0, time.UTC), time.Date(2018, 2, 17, 23, 0, 0, 0, time.UTC)},
		{time.Date(2018, 11, 4, 0, 0, 0, 0, time.UTC), time.Date(2019, 2, 16, 23, 0, 0, 0, time.UTC)},
	} {
		if summer && !local.Before(s[0]) && local.Before(s[1]) {
			return base + 1
		}
	}
	return base
}

// lawEaster is the Gregorian computus of Meeus, Jones and Butcher.
func lawEaster(y int) time.Time {
	a, b, c := y%19, y/100, y%100
	d, e := b/4, b%4
	f := (b + 8) / 25
	g := (b - f + 1) / 3
	h := (19*a + b - d - g + 15) % 30
	i, k := c/4, c%4
	l := (32 + 2*e + 2*i - h - k) % 7
	m := (a + 11*h + 22*l) / 451
	n := h + l - 7*m + 114
	return time.Date(y, time.Month(n/31), n%31+1, 0, 0, 0, 0, time.UTC)
}

// lawHoliday reports whether a day is a national or bank holiday, or one of the
// state's magna dates.
func lawHoliday(uf string, y int, m time.Month, d int) bool {
	switch fmt.Sprintf("%02d-%02d", int(m), d) {
	case "01-01", "04-21", "05-01", "09-07", "10-12", "11-02", "11-15", "12-25":
		return true
	case "11-20":
		return y >= 2024 || uf == "RJ" || uf == "MT" || uf == "AL" || uf == "AM" || uf == "AP"
	case "07-09":
		return uf == "SP"
	case "07-02":
		return uf == "BA"
	case "04-23":
		return uf == "RJ"
	case "09-20":
		return uf == "RS"
	}
	switch time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Sub(lawEaster(y)).Hours() / 24 {
	case -48, -47, -2, 60:
		return true
	}
	return false
}

// lawForbids reports whether an instant is outside what the statutes allow for
// a debt so many days late on that day.
func lawForbids(uf string, at time.Time, daysPastDue int) bool {
	local := at.UTC().Add(time.Duration(lawOffset(uf, at)) * time.Hour)
	y, m, d := local.Date()
	weekday, minute := local.Weekday(), local.Hour()*60+local.Minute()
	if weekday == time.Sunday || lawHoliday(uf, y, m, d) || daysPastDue > 5*365 {
		return true
	}
	opens, closes := 8*60, 20*60
	satOpens, satCloses := 8*60, 14*60
	switch uf {
	case "RJ": // Lei 7.868/2018, of 2 March 2018
		if !local.Before(time.Date(2018, 3, 2, 0, 0, 0, 0, time.UTC)) {
			opens, closes, satOpens, satCloses = 9*60, 19*60, 0, 0
		}
	case "ES":
		closes, satOpens, satCloses = 19*60, 0, 0
	case "AM":
		closes, satOpens, satCloses = 19*60, 0, 0
		if daysPastDue > 0 && daysPastDue < 16 {
			return true
		}
	}
	if weekday == time.Saturday {
		opens, closes = satOpens, satCloses
	}
	return minute < opens || minute >= closes
}

var lawDraws = flag.Int("draws", 1_000_000, "random questions that the planner, the dispatcher and the law answer")

// TestPlannerAndDispatcherAgreeWithinTheLaw draws customers, channels and
// instants of ten years.
func TestPlannerAndDispatcherAgreeWithinTheLaw(t *testing.T) {
	draws := *lawDraws
	e := newEngine(t, nil)
	const workers = 4
	var wg sync.WaitGroup
	allowed := make([]int, workers)
	for w := range workers {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(7, uint64(w)))
			for range draws / workers {
				ok, err := agree(e, r)
				if err != nil {
					t.Errorf("seed 7, worker %d: %v", w, err)
					return
				}
				if ok {
					allowed[w]++
				}
			}
		})
	}
	wg.Wait()
	for w, n := range allowed { // a third of the hours of the week are open
		if n < draws/workers/20 {
			t.Errorf("worker %d: %d of %d allowed: the test would see little", w, n, draws/workers)
		}
	}
}

var ufNames = []string{"AC", "AL", "AM", "AP", "BA", "CE", "DF", "ES", "GO", "MA", "MG", "MS", "MT", "PA",
	"PB", "PE", "PI", "PR", "RJ", "RN", "RO", "RR", "RS", "SC", "SE", "SP", "TO"}

// agree draws one question and compares the three answers.
func agree(e *policy.Engine, r *rand.Rand) (allowed bool, err error) {
	at := time.Date(2017, 1, 1, 0, 0, r.IntN(10*365*86400), 0, time.UTC)
	uf := ufNames[r.IntN(len(ufNames))]
	local := at.Add(time.Duration(lawOffset(uf, at)) * time.Hour)
	day := data.DateOf(local)
	c, f := friendly(uf, day)
	f.DaysPastDue = int32(r.IntN(60) - 15)
	if r.IntN(10) == 0 {
		f.DaysPastDue = int32(1800 + r.IntN(60))
	}
	if r.IntN(4) == 0 {
		f.Touches = []data.Date{day - data.Date(r.IntN(5))}
	}
	c.ConsentSMS, c.ReachVoice, c.Dispute = r.IntN(8) > 0, r.IntN(8) > 0, r.IntN(20) == 0
	ch := data.Channels[r.IntN(len(data.Channels))]

	s := e.Prepare(&c, &f)
	ruling := e.Decide(&s, ch, day)
	start, end, open := e.Window(&c, day)
	planner := ruling == policy.Allowed && open && !at.Before(start) && at.Before(end)
	dispatcher := e.CheckAt(c, f, ch, at)
	switch {
	case planner != dispatcher.Allowed:
		return false, fmt.Errorf("%s %s %s: the planner says %v, the dispatcher %q", uf, ch, at, planner, dispatcher.RuleID)
	case ruling != policy.Allowed && dispatcher.RuleID != e.RuleID(ruling):
		return false, fmt.Errorf("%s %s %s: the planner names %q, the dispatcher %q", uf, ch, at, e.RuleID(ruling), dispatcher.RuleID)
	case planner && (lawForbids(uf, at, int(f.DaysPastDue)) || c.Dispute || !c.Consent(ch) || !c.Reach(ch)):
		return false, fmt.Errorf("%s %s %s, %d days late: allowed against the law", uf, ch, at, f.DaysPastDue)
	case dispatcher.Allowed != dispatcher.NextAllowed.IsZero() && dispatcher.Allowed:
		return false, fmt.Errorf("%s %s: allowed now, and again at %s", uf, at, dispatcher.NextAllowed)
	}
	if next := dispatcher.NextAllowed; !next.IsZero() && r.IntN(16) == 0 {
		if v := e.CheckAt(c, f, ch, next); !v.Allowed || !next.After(at) {
			return false, fmt.Errorf("%s %s %s: the next instant %s is forbidden by %q", uf, ch, at, next, v.RuleID)
		}
		if v := e.CheckAt(c, f, ch, next.Add(-time.Nanosecond)); v.Allowed {
			return false, fmt.Errorf("%s %s %s: %s is not the first allowed instant", uf, ch, at, next)
		}
	}
	return planner, nil
}
