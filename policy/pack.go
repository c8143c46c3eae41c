package policy

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"dunning/data"
)

//go:embed packs/*.yaml
var packFiles embed.FS

// Pack is one versioned file of rules, holidays and time zones.
type Pack struct {
	Name         string            `yaml:"pack"`
	Version      string            `yaml:"version"`
	Title        string            `yaml:"title"`
	Rules        []Rule            `yaml:"rules"`
	Holidays     []Holiday         `yaml:"holidays"`
	Zones        map[string]string `yaml:"zones"`         // UF → IANA zone
	UnknownZones []string          `yaml:"unknown_zones"` // westernmost and easternmost, for customers of unknown UF and zone
}

// Kind says by which test a rule forbids.
type Kind string

// The kinds of rules. Limits of the kinds marked (config) come from [Config];
// at 0 such a rule is off.
const (
	NothingOwed    Kind = "nothing_owed"      // the balance is zero or less
	CustomerFlag   Kind = "customer_flag"     // Flag is set
	NoConsent      Kind = "no_consent"        // no consent on the channel
	NoAddress      Kind = "no_address"        // no valid address on the channel
	MaxDaysPastDue Kind = "max_days_past_due" // (config) days past due above the limit
	MinDaysPastDue Kind = "min_days_past_due" // overdue, but by fewer than Days
	MinAmount      Kind = "min_amount"        // (config) balance below the limit
	Prevention     Kind = "prevention"        // (config) more days before due than the limit
	Grace          Kind = "grace"             // (config) 1 … limit days past due
	PromiseOpen    Kind = "promise_open"      // (config) until limit days after the promise's date
	MinGap         Kind = "min_gap"           // (config) a touch fewer than limit days away
	MaxTouches7    Kind = "max_touches_7"     // (config) limit touches within 7 days
	MaxTouches30   Kind = "max_touches_30"    // (config) limit touches within 30 days
	MaxTouches1    Kind = "max_touches_1"     // (config) limit touches within one day
	ChannelCap     Kind = "channel_cap"       // (config) the channel's own limits per day, week and month
	QuietSegment   Kind = "quiet_segment"     // (config) the customer's segment is left alone
	SoftTone       Kind = "soft_tone"         // (config) a good payer, on a channel that is not soft
	Paused         Kind = "paused"            // (config) somebody paused the customer
	PaymentFlight  Kind = "payment_in_flight" // (config) a payment is announced or came a moment ago
	MaxTouches     Kind = "max_touches"       // Limit touches within Days days on the rule's channels
	Conversation   Kind = "conversation"      // fewer than Days days since a conversation, its own day being the first
	PriorNotice    Kind = "prior_notice"      // reporting to a bureau fewer than Days days after a notice proven delivered
	NoSunday       Kind = "no_sunday"
	NoHoliday      Kind = "no_holiday"
	ContactHours   Kind = "contact_hours" // outside Weekdays or Saturdays
)

var kinds = []Kind{
	NothingOwed, CustomerFlag, NoConsent, NoAddress, MaxDaysPastDue, MinDaysPastDue, MinAmount, Prevention,
	Grace, PromiseOpen, MinGap, MaxTouches7, MaxTouches30, MaxTouches1, ChannelCap, QuietSegment, SoftTone, Paused,
	PaymentFlight, MaxTouches, Conversation, PriorNotice, NoSunday, NoHoliday, ContactHours,
}

// withDays are the kinds that have a number of days of their own.
var withDays = []Kind{MinDaysPastDue, MaxTouches, Conversation, PriorNotice}

// Rule is one line of a pack.
type Rule struct {
	ID         string         `yaml:"id"`
	Kind       Kind           `yaml:"kind"`
	Source     string         `yaml:"source"` // law and article, or the setting
	Portuguese string         `yaml:"portuguese"`
	English    string         `yaml:"english"`
	From       *data.Date     `yaml:"from"`      // first day in force, nil for always
	Until      *data.Date     `yaml:"until"`     // last day in force, nil for ever
	Confirmed  *bool          `yaml:"confirmed"` // false where the primary source was not seen
	UF         []string       `yaml:"uf"`        // states it binds, empty for all
	Channels   []data.Channel `yaml:"channels"`  // channels it binds, empty for all
	Flag       string         `yaml:"flag"`      // customer_flag: which
	Days       int            `yaml:"days"`      // of the kinds that count days: how many
	Limit      int            `yaml:"limit"`     // max_touches: how many touches
	// Hours of contact_hours. Of one pack, the rule with Default holds where no
	// rule of the customer's UF is in force; nil Saturdays means none. Of several
	// packs, the hours that all of them leave open hold.
	Default   bool   `yaml:"default"`
	Weekdays  *Hours `yaml:"weekdays"`
	Saturdays *Hours `yaml:"saturdays"`
}

// Hours is a half-open range of minutes since local midnight, "08:00-20:00".
type Hours struct{ Start, End int }

// UnmarshalText reads "08:00-20:00"; the start must precede the end.
func (h *Hours) UnmarshalText(b []byte) error {
	from, to, ok := strings.Cut(string(b), "-")
	start, err1 := time.Parse("15:04", from)
	end, err2 := time.Parse("15:04", to)
	if !ok || err1 != nil || err2 != nil || !start.Before(end) {
		return fmt.Errorf("hours %q are not like 08:00-20:00", b)
	}
	*h = Hours{Start: start.Hour()*60 + start.Minute(), End: end.Hour()*60 + end.Minute()}
	return nil
}

// String returns "08:00-20:00".
func (h Hours) String() string {
	return fmt.Sprintf("%02d:%02d-%02d:%02d", h.Start/60, h.Start%60, h.End/60, h.End%60)
}

// Holiday is one holiday: a date of the year, an offset from Easter Sunday, or
// one that the library of holidays knows by name.
type Holiday struct {
	Library      string   `yaml:"library"`
	Month        int      `yaml:"month"`
	Day          int      `yaml:"day"`
	EasterOffset int      `yaml:"easter_offset"`
	From         int      `yaml:"from"`  // first year, 0 for always
	Until        int      `yaml:"until"` // last year, 0 for ever
	UF           []string `yaml:"uf"`    // empty for the whole country
	Portuguese   string   `yaml:"portuguese"`
	English      string   `yaml:"english"`
	Source       string   `yaml:"source"`
	Confirmed    *bool    `yaml:"confirmed"`
}

// ParsePack reads one pack; unknown fields are errors. It checks the YAML
// only: [New] checks what the packs say together.
func ParsePack(r io.Reader) (Pack, error) {
	b, err := io.ReadAll(r)
	if err != nil {
		return Pack{}, fmt.Errorf("policy: read pack: %w", err)
	}
	dec := yaml.NewDecoder(bytes.NewReader(b))
	dec.KnownFields(true)
	var p Pack
	if err := dec.Decode(&p); err != nil {
		return Pack{}, fmt.Errorf("policy: pack: %w: %w", data.ErrUsage, err)
	}
	return p, nil
}

// EmbeddedPack returns the pack of that name that is built into the program.
func EmbeddedPack(name string) (Pack, error) {
	f, err := packFiles.Open("packs/" + name + ".yaml")
	if err != nil {
		return Pack{}, fmt.Errorf("policy: %w: no rule pack %q (have %s)", data.ErrUsage, name, strings.Join(embeddedNames(), ", "))
	}
	defer f.Close()
	p, err := ParsePack(f)
	if err != nil {
		return Pack{}, fmt.Errorf("%s: %w", name, err)
	}
	if p.Name != name {
		return Pack{}, fmt.Errorf("policy: %w: pack file %q calls itself %q", data.ErrUsage, name, p.Name)
	}
	return p, nil
}

func embeddedNames() []string {
	entries, err := packFiles.ReadDir("packs")
	if err != nil {
		return nil
	}
	var names []string
	for _, e := range entries {
		names = append(names, strings.TrimSuffix(e.Name(), ".yaml"))
	}
	return names
}

// validate reports every fault of the packs taken together.
func validate(packs []Pack) error {
	var faults []error
	fault := func(format string, args ...any) {
		faults = append(faults, fmt.Errorf("policy: %w: %s", data.ErrUsage, fmt.Sprintf(format, args...)))
	}
	ids, always, rules := map[string]bool{}, 0, 0
	for _, p := range packs {
		defaults, hours := 0, 0
		if p.Name == "" || p.Version == "" {
			fault("pack %q has no name or no version", p.Name)
		}
		for _, r := range p.Rules {
			rules++
			if r.ID == "" || ids[r.ID] {
				fault("pack %s: rule id %q is empty or taken", p.Name, r.ID)
			}
			ids[r.ID] = true
			if r.Kind == ContactHours {
				hours++
			}
			if r.Default {
				defaults++
				if r.From == nil && r.Until == nil {
					always++
				}
			}
			for _, why := range r.faults() {
				fault("pack %s, rule %s: %s", p.Name, r.ID, why)
			}
		}
		for i, h := range p.Holidays {
			for _, why := range h.faults() {
				fault("pack %s, holiday %d (%s): %s", p.Name, i+1, h.Portuguese, why)
			}
		}
		for uf := range p.Zones {
			if ufIndex(uf) == 0 {
				fault("pack %s: unknown UF %q in zones", p.Name, uf)
			}
		}
		if hours > 0 && defaults != 1 {
			fault("pack %s: %d contact_hours rules have default: true, want 1", p.Name, defaults)
		}
	}
	if always == 0 {
		fault("no contact_hours rule with default: true is always in force")
	}
	if rules > maxRules {
		fault("%d rules, at most %d fit", rules, maxRules)
	}
	return errors.Join(faults...)
}

func (r Rule) faults() (why []string) {
	check := func(ok bool, format string, args ...any) {
		if !ok {
			why = append(why, fmt.Sprintf(format, args...))
		}
	}
	check(slices.Contains(kinds, r.Kind), "unknown kind %q", r.Kind)
	check(r.Source != "", "no source")
	check(r.Portuguese != "" && r.English != "", "needs a sentence in Portuguese and one in English")
	check(r.From == nil || r.Until == nil || *r.From <= *r.Until, "from %v is after until %v", r.From, r.Until)
	check((r.Kind == CustomerFlag) == (flagOf(r.Flag) != nil), "flag %q does not fit kind %s", r.Flag, r.Kind)
	check(slices.Contains(withDays, r.Kind) == (r.Days > 0), "days %d does not fit kind %s", r.Days, r.Kind)
	check((r.Kind == MaxTouches) == (r.Limit > 0), "limit %d does not fit kind %s", r.Limit, r.Kind)
	check((r.Kind == ContactHours) == (r.Weekdays != nil), "weekdays does not fit kind %s", r.Kind)
	check(r.Kind == ContactHours || (r.Saturdays == nil && !r.Default), "saturdays and default belong to contact_hours")
	check(r.Kind != ContactHours || r.Default == (len(r.UF) == 0), "contact_hours needs either uf or default: true")
	check(r.Kind != ContactHours || len(r.Channels) == 0, "contact_hours bind every channel")
	for _, uf := range r.UF {
		check(ufIndex(uf) != 0, "unknown UF %q", uf)
	}
	for _, ch := range r.Channels {
		check(ch.Index() >= 0, "unknown channel %q", ch)
	}
	return why
}

func (h Holiday) faults() (why []string) {
	ways := 0
	if h.Library != "" {
		ways++
	}
	if h.EasterOffset != 0 {
		ways++
	}
	if h.Month != 0 || h.Day != 0 {
		ways++
		// 2000 is a leap year: 29 February is a day of some years.
		if t := time.Date(2000, time.Month(h.Month), h.Day, 0, 0, 0, 0, time.UTC); int(t.Month()) != h.Month || t.Day() != h.Day {
			why = append(why, fmt.Sprintf("no day %d of month %d", h.Day, h.Month))
		}
	}
	if ways != 1 {
		why = append(why, "needs one of library, easter_offset, or month and day")
	}
	if h.Source == "" || h.Portuguese == "" || h.English == "" {
		why = append(why, "needs source, portuguese and english")
	}
	if h.Until != 0 && h.Until < h.From {
		why = append(why, fmt.Sprintf("from %d is after until %d", h.From, h.Until))
	}
	for _, uf := range h.UF {
		if ufIndex(uf) == 0 {
			why = append(why, fmt.Sprintf("unknown UF %q", uf))
		}
	}
	return why
}

// flagOf returns the reader of a customer's flag, nil for an unknown name.
func flagOf(name string) func(*data.Customer) bool {
	switch name {
	case "deceased":
		return func(c *data.Customer) bool { return c.Deceased }
	case "do_not_contact":
		return func(c *data.Customer) bool { return c.DoNotContact }
	case "litigation":
		return func(c *data.Customer) bool { return c.Litigation }
	case "dispute":
		return func(c *data.Customer) bool { return c.Dispute }
	case "over_indebted":
		return func(c *data.Customer) bool { return c.OverIndebted }
	}
	return nil
}

// ufs lists the states; index 0 stands for an unknown one.
var ufs = [...]string{"",
	"AC", "AL", "AM", "AP", "BA", "CE", "DF", "ES", "GO", "MA", "MG", "MS", "MT", "PA",
	"PB", "PE", "PI", "PR", "RJ", "RN", "RO", "RR", "RS", "SC", "SE", "SP", "TO",
}

// ufIndex returns the position of a state in ufs, 0 for an unknown one.
func ufIndex(uf string) int {
	i, ok := slices.BinarySearch(ufs[:], uf)
	if !ok {
		return 0
	}
	return i
}
