package policy_test

import (
	"bytes"
	"fmt"
	"os"
	"testing"
	"time"

	"dunning/data"
	"dunning/policy"
)

// TestCalendarGolden holds the closed days and the hours of every state and
// year; a change of a pack shows in it, and is read before it is kept.
func TestCalendarGolden(t *testing.T) {
	const file = "testdata/calendar.golden"
	e := newEngine(t, nil)
	var got bytes.Buffer
	fmt.Fprintln(&got, "# UF year: weekdays, Saturdays, then the weekdays and Saturdays without contact (MM-DD)")
	for _, uf := range ufNames {
		for year := 2024; year <= 2030; year++ {
			writeYear(&got, e, uf, year)
		}
	}
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := data.WriteFile(file, got.Bytes()); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Bytes(), want) {
		t.Errorf("%s is not what the packs say; run: go test ./policy -run TestCalendarGolden -update, and read the difference", file)
	}
}

// writeYear writes one line: the hours of weekdays and Saturdays, and what is
// closed beside Sundays, and beside Saturdays where all of them are.
func writeYear(b *bytes.Buffer, e *policy.Engine, uf string, year int) {
	hours := map[bool]string{false: "none", true: "none"}
	var closed []data.Date
	c, _ := friendly(uf, 0)
	first := data.MakeDate(year, time.January, 1)
	for day := first; day.Time().Year() == year; day++ {
		saturday := day.Weekday() == time.Saturday
		start, end, ok := e.Window(&c, day)
		span := clock(start, day) + "-" + clock(end, day) + "Z"
		switch {
		case !ok && day.Weekday() != time.Sunday:
			closed = append(closed, day)
		case ok && hours[saturday] == "none":
			hours[saturday] = span
		case ok && hours[saturday] != span:
			fmt.Fprintf(b, "%s %s: other hours %s\n", uf, day, span)
		}
	}
	fmt.Fprintf(b, "%s %d: %s, %s, closed", uf, year, hours[false], hours[true])
	for _, day := range closed {
		if hours[true] != "none" || day.Weekday() != time.Saturday {
			b.WriteString(day.Time().Format(" 01-02"))
		}
	}
	b.WriteByte('\n')
}
