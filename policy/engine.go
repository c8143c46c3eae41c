package policy

import (
	"errors"
	"fmt"
	"math"
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
	// TouchedOn are the channels of Touches, in the same order. A touch whose
	// channel is not given (the slice is shorter, or nil) counts on every one.
	TouchedOn []data.Channel
	// PromiseOpenUntil is the date of the last open promise to pay, 0 for none.
	PromiseOpenUntil data.Date
	// LastConversation is the day on which somebody was last spoken to, 0 for
	// never.
	LastConversation data.Date
	// LastPaymentOn is the day of the last payment, 0 for none; PaymentInFlight
	// says that one is announced and not yet booked.
	LastPaymentOn   data.Date
	PaymentInFlight bool
	// PausedUntil is the last day on which every open invoice is paused, 0 for
	// none ([Engine.PausedInvoices]).
	PausedUntil data.Date
	// NoticeDeliveredOn is the day for which there is proof that the notice
	// before a report to a credit bureau was delivered, 0 for none.
	NoticeDeliveredOn data.Date
}

// Subject is one customer made ready for many questions. It is a plain value,
// which shares Touches with the Facts it was made of, and belongs to one
// goroutine: it remembers the day that was asked about last.
type Subject struct {
	uf         int
	violated   uint64                     // rules that forbid every channel and day
	onChannel  [len(data.Channels)]uint64 // rules that forbid the channel
	dueOn      data.Date
	promise    data.Date
	touches    []data.Date
	touchedOn  []data.Channel
	spokenOn   data.Date
	paidOn     data.Date
	noticeOn   data.Date
	pausedTill data.Date
	hasPromise bool
	soft       bool

	askedDay bool      // day and onDay are set
	day      data.Date // asked about last
	onDay    uint64    // rules that forbid every channel on it
}

// Engine applies the rules of its packs. It is safe for concurrent use.
type Engine struct {
	config         Config
	packs          []Pack
	rules          []Rule
	packOf         []int // pack of each rule
	holidays       []Holiday
	calendar       *calendar
	zones          *zones
	quiet          map[string]bool      // segments that are left alone
	soft           map[string]bool      // segments of good payers
	softOn         uint8                // the channels that are soft, a bit each
	paused         map[string]data.Date // customers, with the last day of their pause
	pausedInvoices map[string]data.Date // the same of invoices
	// perCustomer, perChannel and perDay hold the indexes of the rules that
	// each step has to test; calendar rules need none.
	perCustomer, perChannel, perDay []int
	perChannelDay                   []int                      // rules of the day that ask for the channel too
	channelScope                    [len(data.Channels)]uint64 // rules that bind the channel
	channelsOf                      []uint8                    // channels that a rule binds, a bit each
	reporting                       uint64                     // rules on reports to a bureau only
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
	e.readConfig()
	zoneNames, unknown := map[string]string{}, []string(nil)
	for k, p := range packs {
		e.rules = append(e.rules, p.Rules...)
		for range p.Rules {
			e.packOf = append(e.packOf, k)
		}
		e.holidays = append(e.holidays, p.Holidays...)
		for uf, zone := range p.Zones {
			zoneNames[uf] = zone
		}
		if len(unknown) == 0 {
			unknown = p.UnknownZones
		}
	}
	var err error
	if e.zones, err = newZones(zoneNames, unknown); err != nil {
		return nil, err
	}
	if e.calendar, err = newCalendar(e.rules, e.packOf, e.holidays); err != nil {
		return nil, err
	}
	e.sortRules()
	return e, nil
}

// readConfig makes the lists of the configuration quick to ask.
func (e *Engine) readConfig() {
	e.quiet, e.soft = map[string]bool{}, map[string]bool{}
	e.paused, e.pausedInvoices = map[string]data.Date{}, map[string]data.Date{}
	for _, s := range e.config.QuietSegments {
		e.quiet[s] = true
	}
	for _, s := range e.config.SoftTone.Segments {
		e.soft[s] = true
	}
	e.softOn = bitsOf(e.config.SoftTone.Channels)
	for _, p := range e.config.Paused {
		if p.CustomerID != "" {
			e.paused[p.CustomerID] = max(e.paused[p.CustomerID], p.Until)
		}
		if p.InvoiceID != "" {
			e.pausedInvoices[p.InvoiceID] = max(e.pausedInvoices[p.InvoiceID], p.Until)
		}
	}
}

// bitsOf returns a bit for each channel of a list.
func bitsOf(channels []data.Channel) (out uint8) {
	for _, ch := range channels {
		out |= 1 << ch.Index()
	}
	return out
}

// everyChannel has a bit for each channel.
const everyChannel = 1<<len(data.Channels) - 1

// sortRules tells which rules each step tests and which channels they bind.
func (e *Engine) sortRules() {
	for i, r := range e.rules {
		switch r.Kind {
		case NothingOwed, CustomerFlag, MinAmount, QuietSegment:
			e.perCustomer = append(e.perCustomer, i)
		case NoConsent, NoAddress:
			e.perChannel = append(e.perChannel, i)
		case PriorNotice:
			e.reporting |= 1 << i
		case NoSunday, NoHoliday, ContactHours: // the calendar's
		default:
			switch {
			case !e.binding(r.Kind):
			case r.Kind == ChannelCap || r.Kind == SoftTone:
				e.perChannelDay = append(e.perChannelDay, i)
			default:
				e.perDay = append(e.perDay, i)
			}
		}
		scope := bitsOf(r.Channels)
		if len(r.Channels) == 0 {
			scope = everyChannel
		}
		e.channelsOf = append(e.channelsOf, scope)
		for j := range data.Channels {
			if scope&(1<<j) != 0 {
				e.channelScope[j] |= 1 << i
			}
		}
	}
}

// binding reports whether the configuration leaves a rule of the kind anything
// to forbid: what is off costs nothing.
func (e *Engine) binding(k Kind) bool {
	switch c := e.config; k {
	case ChannelCap:
		return len(c.ChannelCaps) > 0
	case SoftTone:
		return len(e.soft) > 0
	case Paused:
		return len(e.paused)+len(e.pausedInvoices) > 0
	case MaxTouches1:
		return c.MaxTouches1 > 0 && c.MinGapDays == 0 // a gap of a day says as much
	case Grace:
		return c.GraceDays > 0
	case MinGap:
		return c.MinGapDays > 0
	case MaxTouches7:
		return c.MaxTouches7 > 0
	case MaxTouches30:
		return c.MaxTouches30 > 0
	}
	return true
}

// Rules returns the rules in order of precedence; the slice is the engine's own.
func (e *Engine) Rules() []Rule { return e.rules }

// PausedInvoices returns the invoices that somebody stopped, with the last day of
// each pause. The map is the engine's own.
func (e *Engine) PausedInvoices() map[string]data.Date { return e.pausedInvoices }

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
		touchedOn:  f.TouchedOn,
		spokenOn:   f.LastConversation,
		paidOn:     f.LastPaymentOn,
		noticeOn:   f.NoticeDeliveredOn,
		soft:       ofSegment(e.soft, c),
	}
	s.pausedTill = f.PausedUntil
	if len(e.paused) > 0 {
		s.pausedTill = max(s.pausedTill, e.paused[c.CustomerID])
	}
	if f.PaymentInFlight {
		s.paidOn = inFlight
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

// ofSegment reports whether a list names the customer's segment: the company's own
// or the named one.
func ofSegment(list map[string]bool, c *data.Customer) bool {
	return list[c.Segment] || c.NamedSegment != "" && list[c.NamedSegment]
}

func (e *Engine) forbidsCustomer(r *Rule, c *data.Customer, f *Facts) bool {
	switch r.Kind {
	case NothingOwed:
		return f.BalanceCents <= 0
	case MinAmount:
		return f.BalanceCents < e.config.MinAmountCents
	case QuietSegment:
		return ofSegment(e.quiet, c)
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
	if !s.askedDay || s.day != day { // the channels of a day are asked about in a row
		s.askedDay, s.day, s.onDay = true, day, 0
		for _, i := range e.perDay {
			if e.forbidsDay(i, s, j, day) {
				s.onDay |= 1 << i
			}
		}
	}
	hit := s.violated | s.onChannel[j] | info.forbidden | s.onDay
	for _, i := range e.perChannelDay {
		if e.forbidsDay(i, s, j, day) {
			hit |= 1 << i
		}
	}
	if hit &= info.active & e.channelScope[j] &^ e.reporting; hit == 0 {
		return Allowed
	}
	return bits.TrailingZeros64(hit)
}

// forbidsDay reports whether rule i forbids the channel with index j on a day.
func (e *Engine) forbidsDay(i int, s *Subject, j int, day data.Date) bool {
	r := &e.rules[i]
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
	case Paused:
		return day <= s.pausedTill
	case PaymentFlight:
		return s.paidOn == inFlight || s.paidOn != 0 && int(day)-int(s.paidOn) < e.config.PaymentHoldDays
	case SoftTone:
		return s.soft && late <= e.config.SoftTone.UntilDays && e.softOn&(1<<j) == 0
	case Conversation:
		return s.spokenOn != 0 && day >= s.spokenOn && int(day)-int(s.spokenOn) < r.Days
	}
	return e.crowds(i, s, j, day)
}

// inFlight stands for the day of a payment that has not come yet.
const inFlight = data.Date(math.MaxInt32)

// Window returns the hours of the day in which the customer may be contacted,
// in UTC; ok is false when the day has none (a Sunday, a holiday).
func (e *Engine) Window(c *data.Customer, day data.Date) (start, end time.Time, ok bool) {
	info := e.calendar.day(ufIndex(c.UF), day)
	if info.forbidden&info.active != 0 || info.closes == 0 {
		return time.Time{}, time.Time{}, false
	}
	opens, closes := e.zones.of(c)
	start, end = at(day, int(info.opens), opens), at(day, int(info.closes), closes)
	return start, end, start.Before(end)
}

// WindowWithin returns the part of the day's hours that lies within further
// hours of the customer's own clock, in UTC; ok is false when there is none.
func (e *Engine) WindowWithin(c *data.Customer, day data.Date, hours Hours) (start, end time.Time, ok bool) {
	start, end, ok = e.Window(c, day)
	if !ok {
		return start, end, false
	}
	opens, closes := e.zones.of(c)
	if from := at(day, hours.Start, opens); from.After(start) {
		start = from
	}
	if until := at(day, hours.End, closes); until.Before(end) {
		end = until
	}
	return start, end, start.Before(end)
}

// Zone returns the customer's time zone: his own, his state's, or, where neither
// is known, the one in which his hours close first.
func (e *Engine) Zone(c *data.Customer) *time.Location {
	_, closes := e.zones.of(c)
	return closes
}

// BusinessDay reports whether the day is neither a weekend nor a holiday of the
// packs in a state.
func (e *Engine) BusinessDay(uf string, day data.Date) bool {
	weekday := day.Weekday()
	return weekday != time.Saturday && weekday != time.Sunday && e.calendar.day(ufIndex(uf), day).holiday == 0
}

// at returns the instant of a local wall clock on a day.
func at(day data.Date, minute int, zone *time.Location) time.Time {
	y, m, d := day.Time().Date()
	return time.Date(y, m, d, 0, minute, 0, 0, zone).UTC()
}
