package web

import (
	"fmt"
	"slices"
	"strings"

	"dunning/policy/regua"
	"dunning/serve"
)

// reguaChange is one line of a comparison of two versions.
type reguaChange struct {
	Name    string
	A, B    string // "" where the version has it not
	Changed bool
}

// comparePage compares two versions of a régua.
type comparePage struct {
	A, B             regua.Version
	TracksA, TracksB []track
	Lines            []reguaChange
	Changes          int
	Versions         []regua.Version
}

// reguaCompare compares two versions: the latest and the one before, unless said
// otherwise.
func reguaCompare(v *visit) error {
	id, q := v.r.PathValue("id"), v.r.URL.Query()
	p := &comparePage{}
	var err error
	if p.Versions, err = v.versionsOf(id); err != nil {
		return err
	}
	if len(p.Versions) == 0 {
		return fail(serve.CodeNotFound)
	}
	b, err := versionOf(q.Get("b"))
	if err != nil {
		return err
	}
	if b == 0 {
		b = len(p.Versions)
	}
	a, err := versionOf(q.Get("a"))
	if err != nil {
		return err
	}
	if a == 0 {
		a = max(1, b-1)
	}
	var first, second *regua.Regua
	if p.A, first, _, err = v.site.Reguas.Load(id, a); err != nil {
		return err
	}
	if p.B, second, _, err = v.site.Reguas.Load(id, b); err != nil {
		return err
	}
	p.TracksA, p.TracksB = v.tracksOf(first), v.tracksOf(second)
	p.Lines = compareLines(v.reguaLines(first), v.reguaLines(second))
	for _, l := range p.Lines {
		if l.Changed {
			p.Changes++
		}
	}
	return v.show("regua-compare", p)
}

// reguaValue is one thing that a régua says.
type reguaValue struct{ key, name, text string }

// reguaLines lists all that a régua says, in the order in which people read it.
func (v *visit) reguaLines(r *regua.Regua) []reguaValue {
	stops := make([]string, len(r.Stop))
	for i, x := range r.Stop {
		stops[i] = x.Text
	}
	out := []reguaValue{
		{"title", v.say("regua.name"), r.Title}, {"priority", v.say("regua.priority"), v.lang.Int(int64(r.Priority))},
		{"mode", v.say("regua.mode"), v.say("regua.mode_" + string(r.Mode))}, {"audience", v.say("regua.audience"), r.Audience.Text},
		{"stop", v.say("regua.stop"), strings.Join(stops, "\n")}, {"catch", v.say("regua.catch_up"), v.lang.Int(int64(*r.CatchUpDays))},
		{"gap", v.say("regua.min_gap"), v.lang.Int(int64(r.MinGapDays))}, {"partial", v.say("regua.partial"), v.say("regua.partial_" + string(r.AfterPartialPayment))},
	}
	for _, s := range r.Steps {
		text := []string{v.stepWhen(s), v.channelList(s.Channels), v.hoursWords(s), v.say("regua.template") + ": " + s.Template}
		if s.When.Text != "" {
			text = append(text, v.say("regua.when")+": "+s.When.Text)
		}
		out = append(out, reguaValue{"step " + s.ID, v.say("regua.step_of", s.ID), strings.Join(text, "\n")})
	}
	return out
}

// stepWhen says on which day a step is.
func (v *visit) stepWhen(s regua.Step) string {
	return fmt.Sprintf("%s (%s)", v.offsetWords(s.Offset, s.BusinessDays), v.say("regua.anchor_"+string(s.Anchor)))
}

// hoursWords says in which hours a step is sent.
func (v *visit) hoursWords(s regua.Step) string {
	switch {
	case s.Hours.Best:
		return v.say("regua.hours_best")
	case s.Hours.Window != nil:
		return strings.Replace(s.Hours.Window.String(), "-", "–", 1)
	}
	return v.say("regua.hours_law")
}

// compareLines puts what two versions say beside each other: all of the later one
// in its order, then what only the earlier had.
func compareLines(a, b []reguaValue) []reguaChange {
	var out []reguaChange
	find := func(list []reguaValue, key string) (reguaValue, bool) {
		i := slices.IndexFunc(list, func(one reguaValue) bool { return one.key == key })
		if i < 0 {
			return reguaValue{}, false
		}
		return list[i], true
	}
	for _, one := range b {
		before, had := find(a, one.key)
		out = append(out, reguaChange{Name: one.name, A: before.text, B: one.text, Changed: !had || before.text != one.text})
	}
	for _, one := range a {
		if _, has := find(b, one.key); !has {
			out = append(out, reguaChange{Name: one.name, A: one.text, Changed: true})
		}
	}
	return out
}

// stepLine is one step of a version as the page of the version lists it.
type stepLine struct {
	regua.Step
	WhenWords, HoursWords, ChannelWords string
}

// steps lists the steps of a version in words.
func (v *visit) steps(r *regua.Regua) []stepLine {
	out := make([]stepLine, len(r.Steps))
	for i, s := range r.Steps {
		out[i] = stepLine{s, v.stepWhen(s), v.hoursWords(s), v.channelList(s.Channels)}
	}
	return out
}
