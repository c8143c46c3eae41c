package policy

import (
	"errors"
	"fmt"
	"math/bits"
	"time"

	"dunning/data"
)

// maxRules bounds the rules of an engine: a set of rules is a word of bits.
const maxRules = 64

// Allowed is the ruling that nothing forbids; every other ruling is the index
// of a rule in [Engine.Rules].
const Allowed = -1

// Facts is what is known of a customer's debt and of the contacts with him on
// the day AsOf.
type Facts struct {
	AsOf         data.Date
	BalanceCents data.Cents // open balance
	DaysPastDue  int32      // of the oldest open invoice on AsOf; negative before it is due
	// Touches are the customer's local days of touches sent or planned, in any
	// order; those more than 30 days away from the day asked about do not
	// matter. The slice is read, never changed.
	Touches []data.Date
	// PromiseOpenUntil is the date of the last open promise to pay, 0 for none.
	PromiseOpenUntil data.Date
}

// Verdict is the answer for people, with its reason.
type Verdict struct {
	Allowed    bool
	RuleID     string // "" when allowed
	Source     string // law and article, or the setting; "" when allowed
	Portuguese string // one sentence; "" when allowed
	English    string
	// WindowStart and WindowEnd bound the hours of the day in UTC,
	// [WindowStart, WindowEnd); zero when the whole day is forbidden.
	WindowStart, WindowEnd time.Time
}

// Subject is one customer made ready for many questions. It is a plain value;
// it shares Touches with the Facts it was made of.
type Subject struct {
	uf         int
	violated   uint64                     // rules that forbid every channel and day
	onChannel  [len(data.Channels)]uint64 // rules that forbid the channel
	dueOn      data.Date
	promise    data.Date
	touches    []data.Date
	hasPromise bool
}

// Engine applies the rules of its packs. It is safe for concurrent use.
type Engine struct {
	config   Config
	packs    []Pack
	rules    []Rule
	holidays []Holiday
	calendar *calendar
	zones    *zones
	// perCustomer, perChannel and perDay hold the indexes of the rules that
	// each step has to test; calendar rules need none.
	perCustomer, perChannel, perDay []int
	channelScope                    [len(data.Channels)]uint64 // rules that bind the channel
}

// New makes an engine of the embedded packs that cfg names. The error reports
// every fault of the configuration or of the packs and wraps data.ErrUsage.
func New(cfg Config) (*Engine, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	var packs []Pack
	for _, name := range cfg.Packs {
		p, err := EmbeddedPack(name)
		if err != nil {
			return nil, err
		}
		packs = append(packs, p)
	}
	return NewWithPacks(cfg, packs)
}

// NewWithPacks makes an engine of packs that the caller read, in order of
// precedence; cfg.Packs is not used.
func NewWithPacks(cfg Config, packs []Pack) (*Engine, error) {
	if err := errors.Join(cfg.Validate(), validate(packs)); err != nil {
		return nil, err
	}
	e := &Engine{config: cfg, packs: packs}
	zoneNames, unknown := map[string]string{}, []string(nil)
	for _, p := range packs {
		e.rules = append(e.rules, p.Rules...)
		e.holidays = append(e.holidays, p.Holidays...)
		for uf, zone := range p.Zones {
			zoneNames[uf] = zone
		}
		if len(p.UnknownZones) > 0 {
			unknown = p.UnknownZones
		}
	}
	var err error
	if e.zones, err = newZones(zoneNames, unknown); err != nil {
		return nil, err
	}
	if e.calendar, err = newCalendar(e.rules, e.holidays); err != nil {
		return nil, err
	}
	e.sortRules()
	return e, nil
}

// sortRules tells which rules each step tests and which channels they bind.
func (e *Engine) sortRules() {
	for i, r := range e.rules {
		switch r.Kind {
		case NothingOwed, CustomerFlag, MinAmount:
			e.perCustomer = append(e.perCustomer, i)
		case NoConsent, NoAddress:
			e.perChannel = append(e.perChannel, i)
		case MaxDaysPastDue, MinDaysPastDue, Prevention, Grace, PromiseOpen, MinGap, MaxTouches7, MaxTouches30:
			e.perDay = append(e.perDay, i)
		}
		for j, ch := range data.Channels {
			if len(r.Channels) == 0 || contains(r.Channels, ch) {
				e.channelScope[j] |= 1 << i
			}
		}
	}
}

func contains(list []data.Channel, ch data.Channel) bool {
	for _, c := range list {
		if c == ch {
			return true
		}
	}
	return false
}

// Rules returns the rules in order of precedence; the slice is the engine's own.
func (e *Engine) Rules() []Rule { return e.rules }

// RuleID returns the id of a ruling, "" for [Allowed].
func (e *Engine) RuleID(ruling int) string {
	if ruling == Allowed {
		return ""
	}
	return e.rules[ruling].ID
}

// Prepare does the part of the work that is the same for all channels and
// days of a customer. It does not allocate.
func (e *Engine) Prepare(c *data.Customer, f *Facts) Subject {
	s := Subject{
		uf:         ufIndex(c.UF),
		dueOn:      f.AsOf - data.Date(f.DaysPastDue),
		promise:    f.PromiseOpenUntil,
		hasPromise: f.PromiseOpenUntil != 0,
		touches:    f.Touches,
	}
	for _, i := range e.perCustomer {
		if r := &e.rules[i]; e.forbidsCustomer(r, c, f) {
			s.violated |= 1 << i
		}
	}
	for _, i := range e.perChannel {
		needsConsent := e.rules[i].Kind == NoConsent
		for j, ch := range data.Channels {
			if (needsConsent && !c.Consent(ch)) || (!needsConsent && !c.Reach(ch)) {
				s.onChannel[j] |= 1 << i
			}
		}
	}
	return s
}

func (e *Engine) forbidsCustomer(r *Rule, c *data.Customer, f *Facts) bool {
	switch r.Kind {
	case NothingOwed:
		return f.BalanceCents <= 0
	case MinAmount:
		return f.BalanceCents < e.config.MinAmountCents
	}
	return flagOf(r.Flag)(c)
}

// Decide returns the ruling for one channel and day: [Allowed], or the index
// of the first rule that forbids it. It does not allocate once the day's table
// of the state is cached. Hold is always allowed; an unknown channel panics.
func (e *Engine) Decide(s *Subject, ch data.Channel, day data.Date) int {
	if ch == data.Hold {
		return Allowed
	}
	j := ch.Index()
	if j < 0 {
		panic(fmt.Sprintf("policy: unknown channel %q", ch))
	}
	info := e.calendar.day(s.uf, day)
	hit := s.violated | s.onChannel[j] | info.forbidden
	for _, i := range e.perDay {
		if e.forbidsDay(&e.rules[i], s, day) {
			hit |= 1 << i
		}
	}
	if hit &= info.active & e.channelScope[j]; hit == 0 {
		return Allowed
	}
	return bits.TrailingZeros64(hit)
}

func (e *Engine) forbidsDay(r *Rule, s *Subject, day data.Date) bool {
	late := int(day) - int(s.dueOn) // days past due on that day
	switch r.Kind {
	case MaxDaysPastDue:
		return late > e.config.MaxDaysPastDue
	case MinDaysPastDue:
		return late > 0 && late < r.Days
	case Prevention:
		return -late > e.config.PreventionDays
	case Grace:
		return late >= 1 && late <= e.config.GraceDays
	case PromiseOpen:
		return s.hasPromise && int(day) <= int(s.promise)+e.config.PromiseGraceDays
	case MinGap:
		return closest(s.touches, day) < e.config.MinGapDays
	case MaxTouches7:
		return e.config.MaxTouches7 > 0 && crowded(s.touches, day, 7, e.config.MaxTouches7)
	case MaxTouches30:
		return e.config.MaxTouches30 > 0 && crowded(s.touches, day, 30, e.config.MaxTouches30)
	}
	return false
}

// closest returns the days between day and the nearest touch before or after it.
func closest(touches []data.Date, day data.Date) int {
	nearest := int(^uint(0) >> 1)
	for _, t := range touches {
		nearest = min(nearest, max(int(day)-int(t), int(t)-int(day)))
	}
	return nearest
}

// crowded reports whether one touch more on day would make some span of n days
// hold more than limit touches. A span that gets too full ends on the day or on
// a later touch within reach.
func crowded(touches []data.Date, day data.Date, n, limit int) bool {
	if spanned(touches, day, n) >= limit {
		return true
	}
	for _, end := range touches {
		if end > day && int(end)-int(day) < n && spanned(touches, end, n) >= limit {
			return true
		}
	}
	return false
}

// spanned counts the touches of the n days that end on last.
func spanned(touches []data.Date, last data.Date, n int) int {
	count := 0
	for _, t := range touches {
		if t <= last && int(last)-int(t) < n {
			count++
		}
	}
	return count
}

// Window returns the hours of the day in which the customer may be contacted,
// in UTC; ok is false when the day has none (a Sunday, a holiday).
func (e *Engine) Window(c *data.Customer, day data.Date) (start, end time.Time, ok bool) {
	info := e.calendar.day(ufIndex(c.UF), day)
	hours := hoursOn(e.rules[info.hours], day.Weekday())
	if info.forbidden&info.active != 0 || hours == nil {
		return time.Time{}, time.Time{}, false
	}
	opens, closes := e.zones.of(c)
	start, end = at(day, hours.Start, opens), at(day, hours.End, closes)
	return start, end, start.Before(end)
}

// at returns the instant of a local wall clock on a day.
func at(day data.Date, minute int, zone *time.Location) time.Time {
	y, m, d := day.Time().Date()
	return time.Date(y, m, d, 0, minute, 0, 0, zone).UTC()
}

// Check answers for one customer, channel and day, with the reason and the
// hours. It says the same as [Engine.Decide].
func (e *Engine) Check(c data.Customer, f Facts, ch data.Channel, day data.Date) Verdict {
	s := e.Prepare(&c, &f)
	ruling := e.Decide(&s, ch, day)
	v := e.verdict(ruling, s.uf, day)
	if start, end, ok := e.Window(&c, day); ok {
		v.WindowStart, v.WindowEnd = start, end
	}
	return v
}

// CheckAt answers at the moment of sending: as [Engine.Check] on the
// customer's local day, and the instant must lie within the hours.
func (e *Engine) CheckAt(c data.Customer, f Facts, ch data.Channel, now time.Time) Verdict {
	_, zone := e.zones.of(&c)
	day := data.DateOf(now.In(zone))
	v := e.Check(c, f, ch, day)
	if !v.Allowed || ch == data.Hold || (!now.Before(v.WindowStart) && now.Before(v.WindowEnd)) {
		return v
	}
	uf := ufIndex(c.UF)
	late := e.verdict(int(e.calendar.day(uf, day).hours), uf, day)
	late.WindowStart, late.WindowEnd = v.WindowStart, v.WindowEnd
	return late
}

func (e *Engine) verdict(ruling, uf int, day data.Date) Verdict {
	if ruling == Allowed {
		return Verdict{Allowed: true}
	}
	r := e.rules[ruling]
	v := Verdict{RuleID: r.ID, Source: r.Source, Portuguese: r.Portuguese, English: r.English}
	if r.Kind == NoHoliday {
		h := e.holidays[e.calendar.day(uf, day).holiday-1]
		v.Portuguese += ": " + h.Portuguese + "."
		v.English += ": " + h.English + "."
		v.Source += "; " + h.Source
	}
	return v
}
