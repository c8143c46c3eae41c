package policy

import (
	"math/bits"
	"time"

	"dunning/data"
)

// Verdict is the answer for people, with its reason.
type Verdict struct {
	Allowed    bool   `json:"allowed"`
	RuleID     string `json:"rule_id"`    // "" when allowed
	Pack       string `json:"pack"`       // name and version of the rule's pack; "" when allowed
	Source     string `json:"source"`     // law and article, or the setting; "" when allowed
	Portuguese string `json:"portuguese"` // one sentence; "" when allowed
	English    string `json:"english"`
	// SoftTone asks for the gentle wording: the customer is a good payer who is
	// not late enough for another.
	SoftTone bool `json:"soft_tone"`
	// WindowStart and WindowEnd bound the hours of the day in UTC,
	// [WindowStart, WindowEnd); zero when the whole day is forbidden.
	WindowStart time.Time `json:"window_start"`
	WindowEnd   time.Time `json:"window_end"`
	// NextAllowed is the first instant, in UTC, from which what was forbidden is
	// allowed if the facts stay as they are; zero when it is allowed now, and
	// where no day of the next 60 is.
	NextAllowed time.Time `json:"next_allowed"`
}

// nextDays is how far ahead the next allowed instant is looked for: the longest
// cap counts thirty days, and promises are seldom for later than a month.
const nextDays = 60

// Check answers for one customer, channel and day, with the reason and the
// hours. It says the same as [Engine.Decide]. NextAllowed is left zero: a day
// has no instant.
func (e *Engine) Check(c data.Customer, f Facts, ch data.Channel, day data.Date) Verdict {
	s := e.Prepare(&c, &f)
	return e.check(&s, &c, ch, day)
}

func (e *Engine) check(s *Subject, c *data.Customer, ch data.Channel, day data.Date) Verdict {
	v := e.verdict(e.Decide(s, ch, day), s.uf, day)
	v.SoftTone = s.soft && int(day)-int(s.dueOn) <= e.config.SoftTone.UntilDays
	if start, end, ok := e.Window(c, day); ok {
		v.WindowStart, v.WindowEnd = start, end
	}
	return v
}

// CheckAt answers at the moment of sending: as [Engine.Check] on the
// customer's local day, and the instant must lie within the hours. It is
// defined for every instant, and never allows what Check forbids on the day.
func (e *Engine) CheckAt(c data.Customer, f Facts, ch data.Channel, now time.Time) Verdict {
	s := e.Prepare(&c, &f)
	_, zone := e.zones.of(&c)
	day := data.DateOf(now.In(zone))
	v := e.check(&s, &c, ch, day)
	if ch == data.Hold {
		return v
	}
	if v.Allowed && v.WindowEnd.IsZero() {
		// No hours in common between the zones where he may live.
		v = e.outside(v, s.uf, day, false)
	} else if v.Allowed && now.Before(v.WindowStart) {
		v = e.outside(v, s.uf, day, true)
	} else if v.Allowed && !now.Before(v.WindowEnd) {
		v = e.outside(v, s.uf, day, false)
	}
	if !v.Allowed {
		v.NextAllowed = e.next(&s, &c, ch, day, now)
	}
	return v
}

// outside is the verdict on an instant before the opening or after the closing
// of a day that is allowed.
func (e *Engine) outside(v Verdict, uf int, day data.Date, before bool) Verdict {
	info := e.calendar.day(uf, day)
	rule := int(info.closer)
	if before {
		rule = int(info.opener)
	}
	out := e.verdict(rule, uf, day)
	out.SoftTone, out.WindowStart, out.WindowEnd = v.SoftTone, v.WindowStart, v.WindowEnd
	return out
}

// next returns the first instant from now on at which the touch is allowed, the
// zero time when none of the next days allows it.
func (e *Engine) next(s *Subject, c *data.Customer, ch data.Channel, day data.Date, now time.Time) time.Time {
	// A rule holds over one span of days: what binds today and at the end, and
	// does not depend on the day, binds all the while.
	if j := ch.Index(); j >= 0 {
		always := e.calendar.day(s.uf, day).active & e.calendar.day(s.uf, day+nextDays).active
		if (s.violated|s.onChannel[j])&always&e.channelScope[j] != 0 {
			return time.Time{}
		}
	}
	for d := day; d <= day+nextDays; d++ {
		if e.Decide(s, ch, d) != Allowed {
			continue
		}
		start, end, ok := e.Window(c, d)
		switch {
		case !ok || !now.Before(end):
			continue
		case now.After(start):
			return now.UTC()
		}
		return start
	}
	return time.Time{}
}

// CheckReport answers whether the customer's debt may be reported to a credit
// bureau on a day (negativação). No consent, channel, hour or cap binds a
// report: it needs a debt that is owed, not disputed and not time-barred, and a
// notice whose delivery is proven.
func (e *Engine) CheckReport(c data.Customer, f Facts, day data.Date) Verdict {
	s := e.Prepare(&c, &f)
	info := e.calendar.day(s.uf, day)
	var hit uint64
	for i, r := range e.rules {
		bit := uint64(1) << i
		switch r.Kind {
		case NothingOwed, CustomerFlag:
			if r.Flag != "do_not_contact" {
				hit |= s.violated & bit
			}
		case MaxDaysPastDue:
			if e.forbidsDay(i, &s, 0, day) {
				hit |= bit
			}
		case PriorNotice:
			if s.noticeOn == 0 || int(day)-int(s.noticeOn) < r.Days {
				hit |= bit
			}
		}
	}
	if hit &= info.active; hit == 0 {
		return Verdict{Allowed: true}
	}
	return e.verdict(bits.TrailingZeros64(hit), s.uf, day)
}

func (e *Engine) verdict(ruling, uf int, day data.Date) Verdict {
	if ruling == Allowed {
		return Verdict{Allowed: true}
	}
	r := e.rules[ruling]
	v := Verdict{RuleID: r.ID, Pack: e.packName(ruling), Source: r.Source, Portuguese: r.Portuguese, English: r.English}
	if r.Kind == NoHoliday {
		h := e.holidays[e.calendar.day(uf, day).holiday-1]
		v.Portuguese += ": " + h.Portuguese + "."
		v.English += ": " + h.English + "."
		v.Source += "; " + h.Source
	}
	return v
}

// packName returns the name and version of a rule's pack.
func (e *Engine) packName(rule int) string {
	p := e.packs[e.packOf[rule]]
	return p.Name + " " + p.Version
}
