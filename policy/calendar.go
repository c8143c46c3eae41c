package policy

import (
	"fmt"
	"sync/atomic"
	"time"

	"github.com/rickar/cal/v2"
	"github.com/rickar/cal/v2/br"

	"dunning/data"
)

// dayInfo is what the calendar says of one day in one state.
type dayInfo struct {
	active    uint64 // rules in force on the day, bound to the state
	forbidden uint64 // calendar rules that forbid the whole day
	// opens and closes bound the hours that every pack leaves open, in minutes
	// since local midnight; both 0 when there are none. opener and closer are the
	// indexes of the contact_hours rules that set them.
	opens, closes  int16
	opener, closer uint8
	holiday        uint8 // 1 + index of the holiday, 0 for none
}

const (
	chunkDays = 512 // days per cached table: a planning window lies in one or two
	numChunks = 160 // 1970-01-01 to about 2194; other days are computed each time
)

type chunk [chunkDays]dayInfo

// calendar caches the days of every state, so that millions of candidates
// share the work and pay one load each.
type calendar struct {
	rules    []Rule
	packOf   []int // pack of each rule
	holidays []Holiday
	library  map[string]*cal.Holiday
	chunks   [len(ufs)][numChunks]atomic.Pointer[chunk]
}

// newCalendar fails when the library knows a holiday that no pack gives a
// source for, or a pack names one that the library lacks.
func newCalendar(rules []Rule, packOf []int, holidays []Holiday) (*calendar, error) {
	c := &calendar{rules: rules, packOf: packOf, holidays: holidays, library: map[string]*cal.Holiday{}}
	if len(holidays) > 254 {
		return nil, fmt.Errorf("policy: %w: %d holidays, at most 254 fit", data.ErrUsage, len(holidays))
	}
	for _, h := range br.Holidays {
		c.library[h.Name] = h
	}
	named := map[string]bool{}
	for _, h := range holidays {
		if h.Library == "" {
			continue
		}
		if c.library[h.Library] == nil || named[h.Library] {
			return nil, fmt.Errorf("policy: %w: the library has no holiday %q, or it is named twice", data.ErrUsage, h.Library)
		}
		named[h.Library] = true
	}
	if len(named) > 0 && len(named) < len(br.Holidays) {
		for _, h := range br.Holidays {
			if !named[h.Name] {
				return nil, fmt.Errorf("policy: %w: no pack gives a source for the library's holiday %q", data.ErrUsage, h.Name)
			}
		}
	}
	return c, nil
}

// day returns what the calendar says of day in the state with index uf.
func (c *calendar) day(uf int, day data.Date) dayInfo {
	if day < 0 || int(day) >= numChunks*chunkDays {
		var one [1]dayInfo
		c.fill(one[:], uf, day)
		return one[0]
	}
	slot := &c.chunks[uf][int(day)/chunkDays]
	table := slot.Load()
	if table == nil {
		table = new(chunk)
		c.fill(table[:], uf, day-day%chunkDays)
		slot.Store(table) // two callers may both build it; the tables are equal
	}
	return table[int(day)%chunkDays]
}

// fill computes the days from first on for one state.
func (c *calendar) fill(days []dayInfo, uf int, first data.Date) {
	last := first + data.Date(len(days)) - 1
	holidays := map[data.Date]uint8{}
	for year := first.Time().Year(); year <= last.Time().Year(); year++ {
		for i, h := range c.holidays {
			if d, ok := c.date(h, year); ok && holidays[d] == 0 && binds(h.UF, uf) {
				holidays[d] = uint8(i + 1)
			}
		}
	}
	for i := range days {
		day := first + data.Date(i)
		days[i] = c.describe(uf, day, holidays[day])
	}
}

func (c *calendar) describe(uf int, day data.Date, holiday uint8) dayInfo {
	info := dayInfo{holiday: holiday}
	weekday := day.Weekday()
	hours := map[int]int{} // by pack: the contact_hours rule in force
	for i, r := range c.rules {
		bit := uint64(1) << i
		if !binds(r.UF, uf) || !r.inForce(day) {
			continue
		}
		switch r.Kind {
		case ContactHours:
			// Of one pack, the later line wins over the earlier one, any state's over the default.
			if _, found := hours[c.packOf[i]]; !found || !r.Default {
				hours[c.packOf[i]] = i
			}
			continue
		case NoSunday:
			if weekday == time.Sunday {
				info.forbidden |= bit
			}
		case NoHoliday:
			if holiday != 0 {
				info.forbidden |= bit
			}
		}
		info.active |= bit
	}
	c.intersect(&info, hours, weekday)
	return info
}

// intersect sets the hours of a day: what the rules of all packs leave open.
func (c *calendar) intersect(info *dayInfo, hours map[int]int, weekday time.Weekday) {
	opens, closes := -1, 24*60+1
	for i := range c.rules { // in order of precedence
		if chosen, found := hours[c.packOf[i]]; !found || chosen != i {
			continue
		}
		bit := uint64(1) << i
		info.active |= bit
		h := hoursOn(c.rules[i], weekday)
		if h == nil {
			info.forbidden |= bit
			continue
		}
		if h.Start > opens {
			opens, info.opener = h.Start, uint8(i)
		}
		if h.End < closes {
			closes, info.closer = h.End, uint8(i)
		}
		if opens >= closes {
			info.forbidden |= bit
		}
	}
	if opens >= 0 && opens < closes {
		info.opens, info.closes = int16(opens), int16(closes)
	}
}

// inForce reports whether the rule holds on a day.
func (r *Rule) inForce(day data.Date) bool {
	return (r.From == nil || day >= *r.From) && (r.Until == nil || day <= *r.Until)
}

// hoursOn returns the hours of a weekday, nil when there are none. Sundays
// are the matter of a rule of their own; where it is absent they follow
// Saturdays.
func hoursOn(r Rule, weekday time.Weekday) *Hours {
	if weekday == time.Saturday || weekday == time.Sunday {
		return r.Saturdays
	}
	return r.Weekdays
}

// date returns the day of a holiday in a year, false when it is none then.
func (c *calendar) date(h Holiday, year int) (data.Date, bool) {
	if year < h.From || (h.Until != 0 && year > h.Until) {
		return 0, false
	}
	switch {
	case h.Library != "":
		actual, _ := c.library[h.Library].Calc(year)
		return data.DateOf(actual), !actual.IsZero()
	case h.EasterOffset != 0:
		return data.DateOf(cal.CalcEasterOffset(&cal.Holiday{Offset: h.EasterOffset}, year)), true
	}
	d := data.MakeDate(year, time.Month(h.Month), h.Day)
	return d, d.Time().Day() == h.Day // 29 February
}

// binds reports whether a list of states, empty for all, holds state uf.
func binds(list []string, uf int) bool {
	if len(list) == 0 {
		return true
	}
	for _, s := range list {
		if s == ufs[uf] {
			return true
		}
	}
	return false
}
