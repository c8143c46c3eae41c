// Package lawtable says what the law forbids a second time, for tests of what the
// rule engine allows. It is written from the statutes and the decrees on summer time,
// without the packs, the holiday library or the time zone database. It is stated as
// what is certainly forbidden: the company's own limits are not in it.
package lawtable

import (
	"fmt"
	"time"
)

// Offset returns a state's distance from UTC in hours at an instant.
// Summer time: Decretos 6.558/2008 and 8.112/2013 (third Sunday of October to
// the third Sunday of February), 9.242/2017 (from the first Sunday of November
// 2018), ended by 9.772/2019.
func Offset(uf string, at time.Time) int {
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

// easter is the Gregorian computus of Meeus, Jones and Butcher.
func easter(y int) time.Time {
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

// holiday reports whether a day is a national or bank holiday, or one of the
// state's magna dates.
func holiday(uf string, y int, m time.Month, d int) bool {
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
	switch time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Sub(easter(y)).Hours() / 24 {
	case -48, -47, -2, 60:
		return true
	}
	return false
}

// Forbids reports whether an instant is outside what the statutes allow for
// a debt so many days late on that day.
func Forbids(uf string, at time.Time, daysPastDue int) bool {
	local := at.UTC().Add(time.Duration(Offset(uf, at)) * time.Hour)
	y, m, d := local.Date()
	weekday, minute := local.Weekday(), local.Hour()*60+local.Minute()
	if weekday == time.Sunday || holiday(uf, y, m, d) || daysPastDue > 5*365 {
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
