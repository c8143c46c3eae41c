package response

import (
	"cmp"
	"math"
	"slices"

	"dunning/data"
)

// Rows of Base.PastDue: the state of an invoice on a day.
const (
	rowDecided   = iota // within a week after a logged decision, to touch or to hold
	rowUndecided        // all other days
	rowDoubtful         // perhaps held back: see doubts
	rowHeld             // in dispute, or held back in all likelihood
	// rowPlan is under an agreement in instalments; the days past due are those
	// past the nearest instalment's.
	rowPlan
	stateRows
)

// planGraceDays is how long after its last instalment an agreement ends.
const planGraceDays = 7

// span is a run of days on which an invoice is in one state.
type span struct {
	last, due data.Date
	row       uint8
}

// spanWalk tells of days in order in which state an invoice is.
type spanWalk struct {
	spans []span
}

func (t *track) walk(v *inv) spanWalk { return spanWalk{t.spans[v.span0:v.span1]} }

// at returns the span of a day not before the last one asked about.
func (w *spanWalk) at(d data.Date) *span {
	for len(w.spans) > 1 && w.spans[0].last < d {
		w.spans = w.spans[1:]
	}
	return &w.spans[0]
}

// plan is an agreement in instalments.
type plan struct {
	made   data.Date
	due    []data.Date // ascending
	each   data.Cents  // the first instalment
	covers []int       // positions of invoices
}

// plansOf reads the agreements from the promises: one that has a second
// instalment. The log does not tell what it covers: it is taken to be the
// oldest overdue invoices, as many as its amount pays.
func plansOf(c *Customer) (out []plan) {
	for i := range c.Promises {
		second := &c.Promises[i]
		if second.Number != 2 {
			continue
		}
		p := plan{made: second.MadeOn}
		var total data.Cents
		var first *Promise
		for j := range c.Promises {
			q := &c.Promises[j]
			switch {
			case q.MadeOn != p.made:
			case q.Number >= 2:
				p.due = append(p.due, q.DueOn)
				total += q.Cents
			// A promise for what the agreement leaves out has the number 1, too:
			// the first instalment is the one that is most like the second.
			case first == nil || distance(q.Cents, second.Cents) < distance(first.Cents, second.Cents):
				first = q
			}
		}
		if first != nil {
			p.due = append(p.due, first.DueOn)
			total += first.Cents
			p.each = first.Cents
		}
		slices.Sort(p.due)
		p.due = slices.Compact(p.due)
		p.covers = c.oldest(&p, out, total)
		out = append(out, p)
	}
	return out
}

func distance[T ~int32 | ~int64](a, b T) T { return max(a-b, b-a) }

// oldest returns the invoices overdue when an agreement was made, the oldest
// first, as far as its amount pays what is left of them; those in dispute or
// under an earlier agreement are none of it.
func (c *Customer) oldest(p *plan, earlier []plan, amount data.Cents) (out []int) {
	var overdue []int
	for i := range c.Invoices {
		v := &c.Invoices[i]
		taken := slices.ContainsFunc(earlier, func(e plan) bool { return e.runs(i, p.made) })
		if v.Due < p.made && v.Until >= p.made && !v.disputed(p.made) && !taken {
			overdue = append(overdue, i)
		}
	}
	slices.SortStableFunc(overdue, func(a, b int) int { return cmp.Compare(c.Invoices[a].Due, c.Invoices[b].Due) })
	amount += amount/50 + data.Cents(len(overdue)) // instalments are rounded
	for _, i := range overdue {
		left := c.Invoices[i].AmountCents
		for _, x := range c.Invoices[i].Payments {
			if x.Day <= p.made && !p.paidBy(x) {
				left -= x.Cents
			}
		}
		if left <= amount {
			amount -= left
			out = append(out, i)
		}
	}
	return out
}

// paidBy tells whether a payment is an instalment: it came after the agreement,
// or on its day and is of that size.
func (p *plan) paidBy(x Payment) bool {
	return x.Day > p.made || x.Day == p.made && distance(x.Cents, p.each) <= 1+p.each/50
}

// runs tells whether an invoice is under the agreement on a day.
func (p *plan) runs(invoice int, d data.Date) bool {
	return d > p.made && d <= p.due[len(p.due)-1]+planGraceDays && slices.Contains(p.covers, invoice)
}

// nearest returns the instalment nearest to a day.
func (p *plan) nearest(d data.Date) (due data.Date) {
	for i, x := range p.due {
		if i == 0 || distance(x, d) < distance(due, d) {
			due = x
		}
	}
	return due
}

// instalments is the settling of an invoice under an agreement: each payment is
// an instalment. Third ones within a window are few: a fifth of the second ones.
func instalments(v *Invoice, p *plan, day data.Date) settling {
	left := len(p.due)
	for _, x := range v.Payments {
		if p.paidBy(x) && x.Day < day {
			left--
		}
	}
	switch {
	case left <= 1:
		return settling{share: [2]float64{1, 0}, all: [2]float64{1, 0}}
	case left == 2:
		return settling{share: [2]float64{.5, .5}, all: [2]float64{0, 1}}
	}
	each := 1 / float64(left)
	return settling{share: [2]float64{each, each}, all: [2]float64{0, math.Pow(.2, float64(left-2))}}
}

// stateWalk tells of days in order in which state an invoice is, from what was
// known before each.
type stateWalk struct {
	c       *Customer
	invoice int
	plans   []plan
	doubts  *doubts
	decided decisionWalk
}

// running is the agreement that the invoice is under on a day, nil for none.
func (w *stateWalk) running(d data.Date) *plan {
	for i := len(w.plans) - 1; i >= 0; i-- {
		if w.plans[i].runs(w.invoice, d) {
			return &w.plans[i]
		}
	}
	return nil
}

// state returns the state on a day not before the last one asked about, and the
// day that days past due count from.
func (w *stateWalk) state(d data.Date) (row uint8, due data.Date) {
	undecided := !w.decided.covers(d)
	if p := w.running(d); p != nil {
		return rowPlan, p.nearest(d)
	}
	v := &w.c.Invoices[w.invoice]
	due = v.Due
	if v.disputed(d) {
		return rowHeld, due
	}
	switch w.doubts.on(w.invoice, d) {
	case levelHeld:
		return rowHeld, due
	case levelDoubtful:
		return rowDoubtful, due
	}
	if undecided {
		return rowUndecided, due
	}
	return rowDecided, due
}

// ahead returns the state of the days to come from a day on, and the agreement
// that the invoice is under. Whoever plans decides: those days are decided
// about, unless it is about another invoice.
func (w *stateWalk) ahead(d data.Date) (span, *plan) {
	if p := w.running(d); p != nil {
		return span{row: rowPlan, due: p.nearest(d)}, p
	}
	v := &w.c.Invoices[w.invoice]
	s := span{row: rowDecided, due: v.Due}
	if v.disputed(d) {
		s.row = rowHeld
		return s, nil
	}
	if level := w.doubts.on(w.invoice, d-1); level > levelFree && !w.alone(d) {
		s.row = rowDoubtful
		if level == levelHeld {
			s.row = rowHeld
		}
	}
	return s, nil
}

// alone tells whether the invoice is the only one that is open on a day: then
// the decisions are about it.
func (w *stateWalk) alone(d data.Date) bool {
	for i := range w.c.Invoices {
		if v := &w.c.Invoices[i]; i != w.invoice && v.Issued < d && v.Until >= d {
			return false
		}
	}
	return true
}

// decisionWalk tells of days in order whether they were decided about.
type decisionWalk struct {
	days []data.Date // nil where every day counts as decided about
	next int
}

// covers tells it of a day not before the last one asked about.
func (w *decisionWalk) covers(d data.Date) bool {
	if w.days == nil {
		return true
	}
	for w.next < len(w.days) && w.days[w.next] <= d {
		w.next++
	}
	return w.next > 0 && d-w.days[w.next-1] < decidedDays
}
