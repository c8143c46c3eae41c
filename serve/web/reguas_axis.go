package web

import (
	"fmt"
	"slices"
	"strings"

	"dunning/data"
	"dunning/policy/regua"
)

// The axis of the timeline, in days from the anchor. A step beyond it stands at
// its end. reguas.js and reguas.css know the same numbers.
const (
	axisFrom = -7
	axisTo   = 60
	// laneDays is how many days apart two steps must be to stand on one lane.
	laneDays = 7
)

// anchors are the dates that steps may be counted from, in the order of the form.
var anchors = []regua.Anchor{regua.DueDate, regua.IssueDate, regua.PromiseDate, regua.LastPayment}

// track is the axis of the steps of one anchor.
type track struct {
	Anchor regua.Anchor
	Lanes  int
	Rungs  []rung
}

// rung is one step on its axis.
type rung struct {
	Index    int // of the step in the form
	At, Lane int // place on the axis, 0 for its first day
	Label    string
	Business bool // counted in business days
	Channels []data.Channel
	Words    string // the whole step, for who cannot see the axis
}

// offsetWords writes when a step is: "D+5", "D−3 úteis".
func (v *visit) offsetWords(offset int, business bool) string {
	out := "D0"
	if offset > 0 {
		out = fmt.Sprintf("D+%d", offset)
	} else if offset < 0 {
		out = fmt.Sprintf("D−%d", -offset)
	}
	if business {
		out += nbsp + v.say("regua.business_short")
	}
	return out
}

// channelList writes channels in the order in which they are tried.
func (v *visit) channelList(channels []data.Channel) string {
	out := make([]string, len(channels))
	for i, c := range channels {
		out[i] = v.lang.Channel(c)
	}
	return strings.Join(out, ", ")
}

// tracksOf places the steps of a régua on axes: the due date's always, the others
// where a step is counted from them.
func (v *visit) tracksOf(r *regua.Regua) []track {
	var out []track
	for _, anchor := range anchors {
		t := track{Anchor: anchor, Lanes: 1}
		for i, s := range r.Steps {
			if s.Anchor != anchor {
				continue
			}
			t.Rungs = append(t.Rungs, rung{Index: i, At: min(max(s.Offset, axisFrom), axisTo) - axisFrom, Label: v.offsetWords(s.Offset, false), Business: s.BusinessDays,
				Channels: s.Channels, Words: v.offsetWords(s.Offset, s.BusinessDays) + ", " + v.channelList(s.Channels)})
		}
		if anchor != regua.DueDate && len(t.Rungs) == 0 {
			continue
		}
		t.place()
		out = append(out, t)
	}
	return out
}

// place gives each step the first lane on which nothing is near it.
func (t *track) place() {
	slices.SortStableFunc(t.Rungs, func(a, b rung) int { return a.At - b.At })
	var ends []int // of the lanes, the last place taken
	for i := range t.Rungs {
		r := &t.Rungs[i]
		r.Lane = slices.IndexFunc(ends, func(end int) bool { return r.At-end >= laneDays })
		if r.Lane < 0 {
			r.Lane = len(ends)
			ends = append(ends, 0)
		}
		ends[r.Lane] = r.At
	}
	t.Lanes = max(1, len(ends))
}
