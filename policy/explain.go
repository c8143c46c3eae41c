package policy

import (
	"fmt"

	"dunning/data"
)

// RuleInfo is a rule as people ask for it.
type RuleInfo struct {
	ID         string         `json:"id"`
	Kind       Kind           `json:"kind"`
	Pack       string         `json:"pack"` // name and version
	Source     string         `json:"source"`
	Portuguese string         `json:"portuguese"`
	English    string         `json:"english"`
	Limit      string         `json:"limit"`      // the configured number in words, "" where there is none
	From       *data.Date     `json:"from"`       // nil for always
	Until      *data.Date     `json:"until"`      // nil for ever
	UF         []string       `json:"uf"`         // empty for all
	Channels   []data.Channel `json:"channels"`   // empty for all
	Weekdays   string         `json:"weekdays"`   // hours, "" where the rule is not about them
	Saturdays  string         `json:"saturdays"`  // "none" where Saturdays are closed
	Confirmed  bool           `json:"confirmed"`  // false where the primary source was not seen
	Precedence int            `json:"precedence"` // 1 is named first where several rules forbid; 0 where the pack is not used
	Binding    bool           `json:"binding"`    // false where the configuration leaves it nothing to forbid
	InForce    bool           `json:"in_force"`   // on the day asked about
	OnReports  bool           `json:"on_reports"` // binds reports to a bureau, not touches
}

// Explain returns what is known of a rule, as of a day; of a rule of an embedded
// pack that is not used too, with precedence 0. The error wraps [data.ErrUsage]
// and names the nearest rule.
func (e *Engine) Explain(id string, day data.Date) (RuleInfo, error) {
	near, distance := "", 0
	for i, r := range e.rules {
		if r.ID == id {
			return e.info(i, day), nil
		}
		if d := data.EditDistance(id, r.ID); near == "" || d < distance {
			near, distance = r.ID, d
		}
	}
	for _, name := range embeddedNames() {
		p, err := EmbeddedPack(name)
		if err != nil {
			return RuleInfo{}, err
		}
		for _, r := range p.Rules {
			if r.ID == id {
				return e.describe(r, p.Name+" "+p.Version, day), nil
			}
		}
	}
	return RuleInfo{}, fmt.Errorf("policy: %w: no rule %q; did you mean %q? dunning policy packs lists all", data.ErrUsage, id, near)
}

// info describes a rule of the engine.
func (e *Engine) info(i int, day data.Date) RuleInfo {
	out := e.describe(e.rules[i], e.packName(i), day)
	out.Precedence, out.Binding = i+1, e.binding(e.rules[i].Kind)
	return out
}

func (e *Engine) describe(r Rule, pack string, day data.Date) RuleInfo {
	out := RuleInfo{ID: r.ID, Kind: r.Kind, Pack: pack, Source: r.Source, Portuguese: r.Portuguese, English: r.English,
		Limit: e.limit(r), From: r.From, Until: r.Until, UF: r.UF, Channels: r.Channels, Confirmed: r.Confirmed == nil || *r.Confirmed,
		InForce: r.inForce(day), OnReports: r.Kind == PriorNotice}
	if r.Kind == ContactHours {
		out.Weekdays, out.Saturdays = r.Weekdays.String(), "none"
		if r.Saturdays != nil {
			out.Saturdays = r.Saturdays.String()
		}
	}
	return out
}

// PackInfo is a pack as people ask for it.
type PackInfo struct {
	Name     string     `json:"name"`
	Version  string     `json:"version"`
	Title    string     `json:"title"`
	Used     bool       `json:"used"`     // named by the configuration
	Rules    []RuleInfo `json:"rules"`    // those in force on the day
	Later    []RuleInfo `json:"later"`    // those that begin after it
	Holidays int        `json:"holidays"` // lines of the pack
}

// Packs lists the packs of the engine, in order of precedence, and then the
// other embedded ones, each with the rules of a day.
func (e *Engine) Packs(day data.Date) ([]PackInfo, error) {
	var out []PackInfo
	used := map[string]bool{}
	for k, p := range e.packs {
		info := PackInfo{Name: p.Name, Version: p.Version, Title: p.Title, Used: true, Holidays: len(p.Holidays)}
		used[p.Name] = true
		for i, r := range e.rules {
			switch {
			case e.packOf[i] != k:
			case r.inForce(day):
				info.Rules = append(info.Rules, e.info(i, day))
			case r.From != nil && *r.From > day:
				info.Later = append(info.Later, e.info(i, day))
			}
		}
		out = append(out, info)
	}
	for _, name := range embeddedNames() {
		if used[name] {
			continue
		}
		p, err := EmbeddedPack(name)
		if err != nil {
			return nil, err
		}
		out = append(out, PackInfo{Name: p.Name, Version: p.Version, Title: p.Title, Holidays: len(p.Holidays)})
	}
	return out, nil
}
