package data

import (
	"fmt"
	"time"
)

// Date is a calendar day, counted in days since 1970-01-01. It has no time
// zone; [DateOf] says in which zone an instant is read. It is kept in Parquet
// as DATE.
type Date int32

const dateLayout = "2006-01-02"

// ParseDate reads "2006-01-02". It returns an error that wraps [ErrBadDate]
// for anything else.
func ParseDate(s string) (Date, error) {
	t, err := time.Parse(dateLayout, s)
	if err != nil {
		return 0, fmt.Errorf("%w: %q is not a day like 2026-01-31", ErrBadDate, s)
	}
	return DateOf(t), nil
}

// MakeDate returns the day of the given civil date; month and day may overflow
// as in time.Date.
func MakeDate(year int, month time.Month, day int) Date {
	return DateOf(time.Date(year, month, day, 0, 0, 0, 0, time.UTC))
}

// DateOf returns the calendar day of t in t's own location.
func DateOf(t time.Time) Date {
	y, m, d := t.Date()
	sec := time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix()
	if sec < 0 {
		sec -= 86399 // floor, not truncation, before 1970
	}
	return Date(sec / 86400)
}

// Time returns midnight UTC at the start of the day.
func (d Date) Time() time.Time { return time.Unix(int64(d)*86400, 0).UTC() }

// String returns "2006-01-02".
func (d Date) String() string { return d.Time().Format(dateLayout) }

// MarshalText and UnmarshalText keep dates readable in JSON and YAML.
func (d Date) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads "2006-01-02".
func (d *Date) UnmarshalText(b []byte) error {
	v, err := ParseDate(string(b))
	if err != nil {
		return err
	}
	*d = v
	return nil
}

// Weekday returns the day of the week.
func (d Date) Weekday() time.Weekday { return d.Time().Weekday() }
