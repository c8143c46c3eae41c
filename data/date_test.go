package data_test

import (
	"errors"
	"testing"
	"time"

	"dunning/data"
)

func TestDateRoundTrip(t *testing.T) {
	for d := data.Date(-800_000); d < 800_000; d += 997 { // years -220 to 4160
		if got := data.DateOf(d.Time()); got != d {
			t.Fatalf("DateOf(%d.Time()) = %d", d, got)
		}
	}
	got, err := data.ParseDate("2026-01-05")
	if err != nil || got.String() != "2026-01-05" || got.Weekday() != time.Monday {
		t.Errorf("ParseDate = %v (%v), %v", got, got.Weekday(), err)
	}
}

func TestDateOfReadsTheInstantInItsOwnZone(t *testing.T) {
	acre := time.FixedZone("America/Rio_Branco", -5*3600)
	instant := time.Date(2026, 3, 1, 2, 30, 0, 0, time.UTC)
	if got := data.DateOf(instant.In(acre)); got.String() != "2026-02-28" {
		t.Errorf("02:30 UTC on 1 March is %s in Acre, want 2026-02-28", got)
	}
	if got := data.DateOf(time.Date(1969, 12, 31, 23, 0, 0, 0, time.UTC)); got != -1 {
		t.Errorf("the day before the epoch is %d, want -1", got)
	}
}

func TestParseDateRefuses(t *testing.T) {
	for _, s := range []string{"", "2026-02-30", "05/01/2026", "2026-1-5", "2026-01-05T00:00:00Z"} {
		if _, err := data.ParseDate(s); !errors.Is(err, data.ErrBadDate) {
			t.Errorf("ParseDate(%q) = %v, want ErrBadDate", s, err)
		}
	}
}
