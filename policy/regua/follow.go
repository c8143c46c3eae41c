package regua

import (
	"cmp"
	"slices"

	"dunning/data"
)

// Wish is a touch that a régua asks for: a step for an invoice, due from a day
// on.
type Wish struct {
	Step      int    // position in the régua
	InvoiceID string // "" for the anchors of the customer
	DueOn     data.Date
	// From is the first day on which it may be sent, within the window asked
	// about; Until the last day on which it is made up for.
	From, Until data.Date
}

// Touch is a wish that was given a day and a channel.
type Touch struct {
	Wish
	Day     data.Date
	Channel data.Channel
}

// Refused is a wish that no day allowed, with the rule that forbade its first
// channel on its first day.
type Refused struct {
	Wish
	RuleID string
}

// Days says what a régua needs of the calendar and of the rules.
type Days interface {
	// Business reports whether a day is neither a weekend nor a holiday where the
	// customer lives.
	Business(day data.Date) bool
	// Allowed returns "" when a touch on the channel is allowed on the day beside
	// the touches placed so far, else the id of the rule that forbids it.
	Allowed(ch data.Channel, day data.Date, placed []Touch, step *Step) string
}

// Follow returns what the régua sends the customer from AsOf on for some days,
// and what it would but may not. Its rules, which docs/REGUAS.md states:
//
//   - A step is due on its anchor's day plus its offset, and until CatchUpDays
//     after it: a missed day, a Sunday or a holiday moves it to the next day that
//     allows it. A step before the due date is never moved past it.
//   - A step is done once its touch, or one of a later step of the régua, was
//     sent on or after its day: nothing is sent twice.
//   - On one day at most one step is sent: the furthest; it stands for the
//     earlier ones, and for the same or earlier steps of other invoices.
//   - MinGapDays after its last touch a step waits, and its time with it.
//
// A condition that fails on the customer's columns counts as the cautious answer:
// a stop that fails stops, a when that fails does not apply. failed counts them.
func (r *Regua) Follow(s *State, days int, on Days) (touches []Touch, refused []Refused, failed int) {
	wishes, failed := r.wishes(s, days, on)
	if len(wishes) == 0 {
		return nil, nil, failed
	}
	first := make(map[int]string, len(wishes)) // rule of a wish's first day
	gone := make([]bool, len(wishes))
	last := r.lastSent(s)
	for day := s.AsOf; day < s.AsOf+data.Date(days); day++ {
		if last != 0 && int(day-last) < r.MinGapDays {
			for i := range wishes { // the time of those that wait goes on
				if !gone[i] && wishes[i].From <= day {
					wishes[i].From, wishes[i].Until = wishes[i].From+1, r.extended(wishes[i])
				}
			}
			continue
		}
		sent := -1
		for i := range wishes {
			w := &wishes[i]
			if gone[i] || day < w.From || day > w.Until || sent >= 0 {
				continue
			}
			ch, rule := r.channel(w, day, touches, on)
			if rule != "" {
				if _, known := first[i]; !known {
					first[i] = rule
				}
				continue
			}
			touches = append(touches, Touch{Wish: *w, Day: day, Channel: ch})
			sent = i
		}
		if sent >= 0 {
			last = day
			for i := range wishes {
				gone[i] = gone[i] || wishes[i].From <= day && wishes[i].Step <= wishes[sent].Step
			}
		}
	}
	for i, w := range wishes {
		if rule := first[i]; !gone[i] && rule != "" {
			refused = append(refused, Refused{w, rule})
		}
	}
	return touches, refused, failed
}

// Lost counts the steps that were wanted and not sent, and whose last day to be made
// up for lies in the days before AsOf, so many of them. Those of a régua that was put
// into force in between count as well.
func (r *Regua) Lost(s *State, days int, on Days) (lost int) {
	count := func(k int, v *Invoice, anchor data.Date) {
		step := &r.Steps[k]
		slack := 0
		if step.BusinessDays { // as in wish
			slack = max(step.Offset, -step.Offset) + 15
		}
		if anchor+data.Date(step.Offset-slack) >= s.AsOf || anchor+data.Date(step.Offset+slack+*r.CatchUpDays+r.MinGapDays+*r.CatchUpDays) < s.AsOf-data.Date(days) {
			return
		}
		due := offsetDay(anchor, step.Offset, step.BusinessDays, on)
		last := due + data.Date(*r.CatchUpDays)
		if v != nil && step.Anchor == DueDate && step.Offset < 0 {
			last = min(last, v.DueOn)
		}
		w := Wish{Step: k, DueOn: due, From: due, Until: last}
		if last = max(last, r.waited(s, w)); last >= s.AsOf || last < s.AsOf-data.Date(days) || r.done(s, k, due) {
			return
		}
		row := s.about(v, due)
		for i := range r.Stop {
			if stop, err := r.Stop[i].Match(row); err != nil || stop {
				return
			}
		}
		if wanted, err := step.When.Match(row); wanted && err == nil {
			lost++
		}
	}
	r.eachStep(s, count)
	return lost
}

// channel returns the first channel of the wish's step that is allowed, or the
// rule that forbids the first one.
func (r *Regua) channel(w *Wish, day data.Date, placed []Touch, on Days) (ch data.Channel, rule string) {
	step := &r.Steps[w.Step]
	for k, ch := range step.Channels {
		forbids := on.Allowed(ch, day, placed, step)
		if forbids == "" {
			return ch, ""
		}
		if k == 0 {
			rule = forbids
		}
	}
	return "", rule
}

// extended returns the last day of a wish that waited for one day more.
func (r *Regua) extended(w Wish) data.Date {
	if step := r.Steps[w.Step]; step.Anchor == DueDate && step.Offset < 0 {
		return w.Until // it is not moved past the due date
	}
	return w.Until + 1
}

// lastSent returns the day of the régua's last touch, 0 for none.
func (r *Regua) lastSent(s *State) data.Date {
	for i := len(s.Sent) - 1; i >= 0; i-- {
		if r.position(s.Sent[i].Template) >= 0 {
			return s.Sent[i].Day
		}
	}
	return 0
}

// position returns the step with a template, -1 for none.
func (r *Regua) position(template string) int {
	return slices.IndexFunc(r.Steps, func(s Step) bool { return s.Template == template })
}

// wishes lists what is due in the window, the furthest step first, of one step
// the oldest invoice first.
func (r *Regua) wishes(s *State, days int, on Days) (out []Wish, failed int) {
	end := s.AsOf + data.Date(days) - 1
	try := func(k int, v *Invoice, anchor data.Date) {
		w, ok, fault := r.wish(s, k, v, anchor, end, on)
		if ok {
			out = append(out, w)
		}
		if fault {
			failed++
		}
	}
	r.eachStep(s, try)
	slices.SortStableFunc(out, func(a, b Wish) int {
		return cmp.Or(cmp.Compare(b.Step, a.Step), cmp.Compare(a.DueOn, b.DueOn), cmp.Compare(a.InvoiceID, b.InvoiceID))
	})
	return out, failed
}

// eachStep hands each step to use, once for each invoice where it is an invoice's,
// with the day that it is counted from.
func (r *Regua) eachStep(s *State, use func(k int, v *Invoice, anchor data.Date)) {
	if len(s.Invoices) == 0 {
		return
	}
	for k := range r.Steps {
		step := &r.Steps[k]
		switch step.Anchor {
		case PromiseDate:
			if s.PromisedFor != 0 {
				use(k, nil, s.PromisedFor)
			}
		case LastPayment:
			if s.PaidOn != 0 {
				use(k, nil, s.PaidOn)
			}
		default:
			for i := range s.Invoices {
				use(k, &s.Invoices[i], r.anchor(step, &s.Invoices[i]))
			}
		}
	}
}

// anchor returns the day that a step of an invoice is counted from.
func (r *Regua) anchor(step *Step, v *Invoice) data.Date {
	switch {
	case step.Anchor == IssueDate:
		return v.IssuedOn
	case r.AfterPartialPayment == Restart && step.Offset > 0:
		return max(v.DueOn, v.PaidOn)
	}
	return v.DueOn
}

// wish returns a step's wish; ok where it is due in the window, not done and
// wanted; fault where a condition failed.
func (r *Regua) wish(s *State, k int, v *Invoice, anchor, end data.Date, on Days) (w Wish, ok, fault bool) {
	step := &r.Steps[k]
	// Business days are at most twice as many days, and some of holidays: what is
	// far off needs no walk through the calendar.
	low, high := step.Offset, step.Offset
	if step.BusinessDays {
		slack := max(step.Offset, -step.Offset) + 15
		low, high = low-slack, high+slack
	}
	if anchor+data.Date(low) > end || anchor+data.Date(high+*r.CatchUpDays+r.MinGapDays+*r.CatchUpDays) < s.AsOf {
		return w, false, false
	}
	due := offsetDay(anchor, step.Offset, step.BusinessDays, on)
	w = Wish{Step: k, DueOn: due, From: max(due, s.AsOf), Until: due + data.Date(*r.CatchUpDays)}
	if v != nil {
		w.InvoiceID = v.ID
		if step.Anchor == DueDate && step.Offset < 0 {
			w.Until = min(w.Until, v.DueOn)
		}
	}
	w.Until = max(w.Until, r.waited(s, w))
	if w.From > end || w.Until < w.From || r.done(s, k, due) {
		return w, false, false
	}
	row := s.about(v, w.From)
	for i := range r.Stop {
		if stop, err := r.Stop[i].Match(row); err != nil || stop {
			return w, false, err != nil
		}
	}
	wanted, err := step.When.Match(row)
	return w, wanted && err == nil, err != nil
}

// waited returns the last day of a wish that had to wait for the régua's own gap
// before AsOf.
func (r *Regua) waited(s *State, w Wish) data.Date {
	last := r.lastSent(s)
	if step := r.Steps[w.Step]; r.MinGapDays == 1 || last == 0 || step.Anchor == DueDate && step.Offset < 0 {
		return w.Until
	}
	if free := last + data.Date(r.MinGapDays); free > w.DueOn && last <= w.DueOn+data.Date(*r.CatchUpDays) {
		return free + data.Date(*r.CatchUpDays)
	}
	return w.Until
}

// done reports whether the step, or a later one, was sent on or after its day.
func (r *Regua) done(s *State, k int, due data.Date) bool {
	return slices.ContainsFunc(s.Sent, func(t Sent) bool { return t.Day >= due && r.position(t.Template) >= k })
}

// offsetDay returns the day so many days, or business days, after a day.
func offsetDay(from data.Date, offset int, business bool, on Days) data.Date {
	if !business {
		return from + data.Date(offset)
	}
	step := data.Date(1)
	if offset < 0 {
		step, offset = -1, -offset
	}
	day := from
	for offset > 0 {
		if day += step; on.Business(day) {
			offset--
		}
	}
	return day
}
