package response

import (
	"cmp"
	"math"
	"slices"

	"dunning/data"
)

// An invoice that nobody decides about although it should have been is held back
// for a reason that the log does not tell, such as a dispute. How soon one may
// say so depends on the log: where every customer has his weekday, a single one
// that passes says nearly all. So the chance that an invoice is held back is
// followed from day to day, by how often days like this one are decided about:
//
//	odds ← odds · P(what was decided | held back) / P(what was decided | not)
//
// The other open invoices of the customer explain decisions, too. A dispute that
// the log tells of is certain.

// Rhythms of a customer's earlier decisions, as they bear on a day.
const (
	rhythmNone  = iota // nothing was decided yet
	rhythmLoose        // no weekday stands out
	rhythmDay          // the weekday on which he is usually decided about
	rhythmOther        // another one
	rhythms
)

// Days past due between which attention is told apart; it is nothing before
// them, and beyond them that of the last one.
const (
	attentionFrom = -20
	attentionTo   = 20
)

// attention is P(a day is decided about | one invoice is open and not held
// back), by rhythm and days past due.
type attention [rhythms][attentionTo - attentionFrom + 1]float64

const (
	attentionPrior = 5.0 // days without a decision that each cell is pulled by
	attentionMost  = .99 // logs have holes
	strayDecision  = 5e-4
	heldAtFirst    = .01  // share of invoices that are held back when they come near their due date
	heldPerDay     = 1e-4 // of the others, each day
	releasedPerDay = .01  // of those held back
	mostHeld       = .99
	doubtfulFrom   = .1 // chance from which an invoice counts as perhaps held back
	heldFrom       = .6 // and as held back
)

// Levels of doubt, by which the state of an invoice is told; see stateWalk.
const (
	levelFree = iota
	levelDoubtful
	levelHeld
)

func levelOf(held float64) uint8 {
	switch {
	case held >= heldFrom:
		return levelHeld
	case held >= doubtfulFrom:
		return levelDoubtful
	}
	return levelFree
}

// doubts are the levels of doubt of a customer's invoices on the days near and
// after their due dates.
type doubts struct {
	from  []data.Date // by invoice: the first day; after the end where there is none
	at    []int       // by invoice: where its days begin in level
	level []uint8
}

// on is the level at the end of a day, which must not be after the last one.
func (t *doubts) on(invoice int, d data.Date) uint8 {
	if len(t.from) == 0 || d < t.from[invoice] {
		return levelFree
	}
	return t.level[t.at[invoice]+int(d-t.from[invoice])]
}

// ever tells whether an invoice was at a level on any day.
func (t *doubts) ever(invoice int, level uint8) bool {
	to := len(t.level)
	if invoice+1 < len(t.at) {
		to = t.at[invoice+1]
	}
	return slices.Contains(t.level[t.at[invoice]:to], level)
}

// watch follows the invoices of one customer at a time.
type watch struct {
	attention *attention
	days      *calendarDays
	// seen, when not nil, is told of each day on which one invoice alone could be
	// decided about.
	seen func(rhythm, cell int, decided bool)

	weekday [7]int
	total   int   // of weekday
	next    int   // decision
	order   []int // memory of come
	come    []int // invoices to be watched later, in order
	open    []watched
}

// watched is an open invoice on a day.
type watched struct {
	invoice  int
	held     float64 // the chance that it is held back
	cell     int
	told     bool    // it is in dispute
	decides  float64 // P(the day is decided about because of it | not held back)
	explains float64 // the same, whether it is held back or not
}

// follow fills in the doubts about a customer's invoices before end. Those of a
// day depend on what was known at its end.
func (w *watch) follow(c *Customer, decisions []data.Date, end data.Date, t *doubts) {
	t.from, t.at, t.level = grown(t.from, len(c.Invoices)), grown(t.at, len(c.Invoices)), t.level[:0]
	size := 0
	w.order = w.order[:0]
	for i := range c.Invoices {
		v := &c.Invoices[i]
		t.from[i], t.at[i] = max(v.Issued+1, v.Due+attentionFrom), size
		if last := min(v.Until, end-1); last >= t.from[i] {
			w.order = append(w.order, i)
			size += int(last-t.from[i]) + 1
		}
	}
	slices.SortStableFunc(w.order, func(a, b int) int { return cmp.Compare(t.from[a], t.from[b]) })
	w.come = w.order
	t.level = grown(t.level, size)
	w.weekday, w.total, w.next, w.open = [7]int{}, 0, 0, w.open[:0]
	for d := data.Date(math.MinInt32); d < end; {
		if len(w.open) == 0 {
			if len(w.come) == 0 {
				break
			}
			d = t.from[w.come[0]]
		}
		w.gather(c, d, t)
		w.pass(c, decisions, d)
		for i := range w.open {
			x := &w.open[i]
			t.level[t.at[x.invoice]+int(d-t.from[x.invoice])] = levelOf(x.held)
		}
		d++
	}
}

// gather brings the open invoices up to a day.
func (w *watch) gather(c *Customer, d data.Date, t *doubts) {
	kept := w.open[:0]
	for _, x := range w.open {
		if c.Invoices[x.invoice].Until >= d {
			kept = append(kept, x)
		}
	}
	w.open = kept
	for ; len(w.come) > 0 && t.from[w.come[0]] == d; w.come = w.come[1:] {
		w.open = append(w.open, watched{invoice: w.come[0], held: heldAtFirst})
	}
}

// pass draws the conclusions from one day.
func (w *watch) pass(c *Customer, decisions []data.Date, d data.Date) {
	for ; w.next < len(decisions) && decisions[w.next] < d; w.next++ {
		w.weekday[weekdayOf(decisions[w.next])]++
		w.total++
	}
	for i := range w.open {
		x := &w.open[i]
		told := c.Invoices[x.invoice].disputed(d)
		switch {
		case told:
			x.held = 1
		case x.told:
			x.held = heldAtFirst // what held it back is over
		default:
			x.held += (1-x.held)*heldPerDay - x.held*releasedPerDay
		}
		x.told = told
	}
	if w.days.at(d).day == holidayKind {
		return // who decides on workdays did not
	}
	decided := w.next < len(decisions) && decisions[w.next] == d
	rhythm := w.rhythm(d)
	for i := range w.open {
		x := &w.open[i]
		x.cell = min(int(d-c.Invoices[x.invoice].Due), attentionTo) - attentionFrom
		x.decides = strayDecision + (1-2*strayDecision)*w.attention[rhythm][x.cell]
		x.explains = max((1-x.held)*x.decides, strayDecision)
	}
	if w.seen != nil && len(w.open) == 1 && levelOf(w.open[0].held) == levelFree {
		w.seen(rhythm, w.open[0].cell, decided)
	}
	for i := range w.open {
		if x := &w.open[i]; !x.told {
			x.held = w.judge(i, decided)
		}
	}
}

// judge is the chance that an open invoice is held back after the day.
func (w *watch) judge(i int, decided bool) float64 {
	x := &w.open[i]
	others := strayDecision
	for k := range w.open {
		if k != i {
			others = max(others, w.open[k].explains)
		}
	}
	held, free := others, max(others, x.decides)
	if !decided {
		held, free = 1-held, 1-free
	}
	return min(x.held*held/(x.held*held+(1-x.held)*free), mostHeld)
}

// rhythm tells what a day is to the customer by the decisions before it.
func (w *watch) rhythm(d data.Date) int {
	if w.total == 0 {
		return rhythmNone
	}
	if own := w.weekday[weekdayOf(d)]; 5*own >= 4*w.total {
		return rhythmDay
	}
	for _, n := range w.weekday {
		if 5*n >= 4*w.total {
			return rhythmOther
		}
	}
	return rhythmLoose
}

func weekdayOf(d data.Date) int { return int((d%7 + 7) % 7) }

// countAttention counts how often days are decided about, then once more
// without the invoices that seem to be held back by the first count. Where more
// invoices are told to be in dispute than are in all likelihood held back beside
// them, the log keeps disputes, and what else passes without a decision has
// other reasons.
func (m *Model) countAttention(customers []Customer, days *calendarDays, end data.Date) {
	var scratch doubts
	var told, guessed int
	for range 2 {
		var all, yes attention
		w := watch{attention: &m.Attention, days: days, seen: func(rhythm, cell int, decided bool) {
			all[rhythm][cell]++
			if decided {
				yes[rhythm][cell]++
			}
		}}
		told, guessed = 0, 0
		for i := range customers {
			c := &customers[i]
			w.follow(c, c.Decisions, end, &scratch)
			for j := range c.Invoices {
				switch disputes := c.Invoices[j].Disputes; {
				case len(disputes) > 0 && disputes[0].Opened < end:
					told++
				case scratch.ever(j, levelHeld):
					guessed++
				}
			}
		}
		for r := range all {
			for i, n := range all[r] {
				m.Attention[r][i] = math.Min(yes[r][i]/(n+attentionPrior), attentionMost)
			}
		}
	}
	m.Disputes = told > guessed
}
