package cashflow

import (
	"math"
	"slices"

	"dunning/data"
)

// Fitting.
const (
	// fitDays is how far back invoice-days are looked at: a year has every
	// season once.
	fitDays = 365
	rounds  = 3
	// priorEvents is how many payments the margins are worth in a cell.
	priorEvents = 20.0
	maxDaily    = .95
	// A day counts up to so many times what is expected of it, and some.
	heedFactor, heedEvents = 2.0, 15.0
)

// Model is the payment timing of a book as known at an origin.
type Model struct {
	cal    *calendar
	origin data.Date

	hazard [buckets][paces]float64
	amount [stages][amounts]float64
	class  [][buckets]float64
	week   [kinds][weekdays]float64
	month  [kinds][phases]float64
	// cancelled is the chance that an invoice is cancelled on a day.
	cancelled [buckets]float64
	// portfolio is the hazard without paces, by which paces are told.
	portfolio [buckets]float64

	// heed[kind] is how far the payments of each of the days of the fit count:
	// in part on a day with many times what is expected of it, an amnesty or a
	// deadline that will not come again.
	heed [kinds][]float64

	// sums[kind][i] adds up the calendar's factors of days before first + i.
	sums [kinds][]float64
}

// piece is one invoice in a fit.
type piece struct {
	v            *Invoice
	kind         int
	pace, amount uint8
}

// fit learns from what happened before the origin.
func fit(b *Book, cal *calendar, origin data.Date) *Model {
	m := &Model{cal: cal, origin: origin}
	m.class = make([][buckets]float64, b.classes)
	for s := range m.amount {
		setOnes(m.amount[s][:])
	}
	for c := range m.class {
		setOnes(m.class[c][:])
	}
	for k := range kinds {
		setOnes(m.week[k][:])
		setOnes(m.month[k][:])
	}
	for k := range kinds {
		m.heed[k] = make([]float64, fitDays)
		setOnes(m.heed[k])
	}
	m.addUp()
	pieces := b.pieces(origin)
	recent := slices.DeleteFunc(slices.Clone(pieces), func(p piece) bool { return p.v.Until < origin-fitDays })
	for range 2 { // the portfolio's hazard first: paces need it
		m.turn(recent)
	}
	for i, h := range m.hazard {
		m.portfolio[i] = h[0] // all paces are one as yet
	}
	m.setPaces(b, pieces)
	recent = slices.DeleteFunc(pieces, func(p piece) bool { return p.v.Until < origin-fitDays })
	for range rounds {
		m.turn(recent)
	}
	return m
}

func setOnes(x []float64) {
	for i := range x {
		x[i] = 1
	}
}

// pieces lists the invoices issued before the origin, customer by customer.
func (b *Book) pieces(origin data.Date) []piece {
	var out []piece
	for i := range b.Customers {
		c := &b.Customers[i]
		for j := range c.Invoices {
			if c.Invoices[j].Issued >= origin {
				break
			}
			out = append(out, piece{v: &c.Invoices[j], kind: c.Kind})
		}
	}
	return out
}

// addUp sums the calendar's factors.
func (m *Model) addUp() {
	for k := range kinds {
		m.sums[k] = make([]float64, len(m.cal.weekday)+1)
		for i := range m.cal.weekday {
			m.sums[k][i+1] = m.sums[k][i] + m.week[k][m.cal.weekday[i]]*m.month[k][m.cal.phase[k][i]]
		}
	}
}

// factor is that of the calendar on a day.
func (m *Model) factor(kind int, day data.Date) float64 {
	i := day - m.cal.first
	return m.sums[kind][i+1] - m.sums[kind][i]
}

// eachBucket calls f for the buckets that the days [from, to) of an invoice due
// on a day run through, with the days of each.
func eachBucket(due, from, to data.Date, f func(bucket int, from, to data.Date)) {
	for b := bucketAt(int(from - due)); from < to; b++ {
		end := to
		if b < buckets-1 {
			end = min(to, due+data.Date(pastDueEdges[b])+1)
		}
		f(b, from, end)
		from = end
	}
}

// bucketAt returns the bucket of a day by its days past due.
func bucketAt(pastDue int) int {
	for i, edge := range pastDueEdges {
		if pastDue <= edge {
			return i
		}
	}
	return buckets - 1
}

// exposed returns the days [from, to) on which the invoice was open, from a day
// on and as known at the origin.
func (v *Invoice) exposed(start, origin data.Date) (from, to data.Date) {
	from, to = max(v.Issued, start), origin
	if v.Until < origin {
		to = v.Until + 1
	}
	return from, to
}

// tally counts payments against what they are measured by.
type tally struct{ paid, exposure float64 }

// turn fits each factor once, given the others.
func (m *Model) turn(pieces []piece) {
	start := m.origin - fitDays
	m.fitHazard(pieces, start)
	m.fitAmounts(pieces, start)
	m.fitClasses(pieces, start)
	m.fitCalendar(pieces, start)
	m.addUp()
}

// eachPayment calls f for the payments of an invoice in [start, origin), with
// the share of what was left that each paid, as far as its day is heeded.
func (m *Model) eachPayment(v *Invoice, kind int, start data.Date, f func(day data.Date, share float64)) {
	left := float64(v.Cents)
	for _, p := range v.Payments {
		if p.Day >= m.origin || left <= 0 {
			return
		}
		if p.Day >= start && p.Day >= v.Issued {
			f(p.Day, m.heed[kind][p.Day-start]*min(1, float64(p.Cents)/left))
		}
		left -= float64(p.Cents)
	}
}

func (m *Model) fitHazard(pieces []piece, start data.Date) {
	var cell [buckets][paces]tally
	var base [buckets]tally
	var cancels, days [buckets]float64
	for i := range pieces {
		p := &pieces[i]
		from, to := p.v.exposed(start, m.origin)
		sums := m.sums[p.kind]
		eachBucket(p.v.Due, from, to, func(b int, from, to data.Date) {
			x := m.amount[stageOf(b)][p.amount] * m.class[p.v.Class][b] * (sums[to-m.cal.first] - sums[from-m.cal.first])
			cell[b][p.pace].exposure += x
			base[b].exposure += x
			days[b] += float64(to - from)
		})
		m.eachPayment(p.v, p.kind, start, func(day data.Date, share float64) {
			b := bucketAt(int(day - p.v.Due))
			cell[b][p.pace].paid += share
			base[b].paid += share
		})
		if v := p.v; v.Until >= start && v.Until < m.origin && v.left(v.Until+1) > 0 {
			cancels[bucketAt(int(v.Until-v.Due))]++
		}
	}
	pace := m.paceMargins(&cell, &base)
	for b := range buckets {
		m.cancelled[b] = cancels[b] / max(days[b], 1)
		for t := range paces {
			prior := pace[stageOf(b)][t] * (base[b].paid + .01) / (base[b].exposure + 1)
			m.hazard[b][t] = (cell[b][t].paid + priorEvents) / (cell[b][t].exposure + priorEvents/prior)
		}
	}
}

// paceMargins are how much more often than the portfolio each pace pays, by
// stage.
func (m *Model) paceMargins(cell *[buckets][paces]tally, base *[buckets]tally) (out [stages][paces]float64) {
	var sum [stages][paces]tally
	for b := range buckets {
		rate := (base[b].paid + .01) / (base[b].exposure + 1)
		for t := range paces {
			sum[stageOf(b)][t].paid += cell[b][t].paid
			sum[stageOf(b)][t].exposure += cell[b][t].exposure * rate
		}
	}
	for s := range out {
		for t := range out[s] {
			out[s][t] = (sum[s][t].paid + priorEvents) / (sum[s][t].exposure + priorEvents)
		}
	}
	return out
}

func (m *Model) fitAmounts(pieces []piece, start data.Date) {
	var cell [stages][amounts]tally
	for i := range pieces {
		p := &pieces[i]
		from, to := p.v.exposed(start, m.origin)
		sums := m.sums[p.kind]
		eachBucket(p.v.Due, from, to, func(b int, from, to data.Date) {
			cell[stageOf(b)][p.amount].exposure += m.hazard[b][p.pace] * m.class[p.v.Class][b] * (sums[to-m.cal.first] - sums[from-m.cal.first])
		})
		m.eachPayment(p.v, p.kind, start, func(day data.Date, share float64) {
			cell[stageOf(bucketAt(int(day-p.v.Due)))][p.amount].paid += share
		})
	}
	for s := range cell {
		for a := range cell[s] {
			m.amount[s][a] = (cell[s][a].paid + priorEvents) / (cell[s][a].exposure + priorEvents)
		}
	}
}

func (m *Model) fitClasses(pieces []piece, start data.Date) {
	if len(m.class) == 1 {
		return
	}
	cell := make([][buckets]tally, len(m.class))
	for i := range pieces {
		p := &pieces[i]
		from, to := p.v.exposed(start, m.origin)
		sums, class := m.sums[p.kind], &cell[p.v.Class]
		eachBucket(p.v.Due, from, to, func(b int, from, to data.Date) {
			class[b].exposure += m.hazard[b][p.pace] * m.amount[stageOf(b)][p.amount] * (sums[to-m.cal.first] - sums[from-m.cal.first])
		})
		m.eachPayment(p.v, p.kind, start, func(day data.Date, share float64) {
			class[bucketAt(int(day-p.v.Due))].paid += share
		})
	}
	for c := range cell {
		for b := range cell[c] {
			m.class[c][b] = (cell[c][b].paid + priorEvents) / (cell[c][b].exposure + priorEvents)
		}
	}
}

// fitCalendar sets the factors of weekdays, then of the phases of the month,
// from what the hazard expects of each day and what came.
func (m *Model) fitCalendar(pieces []piece, start data.Date) {
	n := int(m.origin - start)
	var expected, paid [kinds][]float64
	for k := range kinds {
		expected[k], paid[k] = make([]float64, n+1), make([]float64, n)
	}
	for i := range pieces {
		p := &pieces[i]
		from, to := p.v.exposed(start, m.origin)
		step := expected[p.kind]
		eachBucket(p.v.Due, from, to, func(b int, from, to data.Date) {
			x := m.hazard[b][p.pace] * m.amount[stageOf(b)][p.amount] * m.class[p.v.Class][b]
			step[from-start] += x
			step[to-start] -= x
		})
		m.eachPayment(p.v, p.kind, start, func(day data.Date, share float64) { paid[p.kind][day-start] += share })
	}
	at := start - m.cal.first
	for k := range kinds {
		var week [weekdays]tally
		var month [phases]tally
		sum := 0.0
		for i := range n {
			sum += expected[k][i]
			expected[k][i] = max(sum, 0)
		}
		for i := range n {
			w, p := m.cal.weekday[int(at)+i], m.cal.phase[k][int(at)+i]
			week[w].paid += paid[k][i]
			week[w].exposure += expected[k][i] * m.month[k][p]
		}
		for w := range week {
			m.week[k][w] = (week[w].paid + priorEvents) / (week[w].exposure + priorEvents)
		}
		for i := range n {
			w, p := m.cal.weekday[int(at)+i], m.cal.phase[k][int(at)+i]
			month[p].paid += paid[k][i]
			month[p].exposure += expected[k][i] * m.week[k][w]
		}
		for p := range month {
			m.month[k][p] = (month[p].paid + priorEvents) / (month[p].exposure + priorEvents)
		}
		for i := range n {
			usual := expected[k][i] * m.week[k][m.cal.weekday[int(at)+i]] * m.month[k][m.cal.phase[k][int(at)+i]]
			if paid[k][i] > 0 {
				m.heed[k][i] *= min(1/m.heed[k][i], (heedFactor*usual+heedEvents)/paid[k][i])
			}
		}
	}
}

// setPaces classes every invoice by what was known of its customer at its issue.
func (m *Model) setPaces(b *Book, pieces []piece) {
	at := 0
	for i := range b.Customers {
		c := &b.Customers[i]
		n := 0
		for n < len(c.Invoices) && c.Invoices[n].Issued < m.origin {
			n++
		}
		m.setPace(c, pieces[at:at+n])
		at += n
	}
}

// setPace classes the invoices of one customer, which are by issue.
func (m *Model) setPace(c *Customer, pieces []piece) {
	var paid, expected, sum float64 // of invoices that are closed; sum of amounts
	var open []*Invoice
	for i := range pieces {
		v := pieces[i].v
		still := open[:0]
		morePaid, moreExpected := 0.0, 0.0
		for _, o := range open {
			e, p := m.expected(o, c.Kind, v.Issued)
			if o.Until < v.Issued {
				paid, expected = paid+p, expected+e
				continue
			}
			still = append(still, o)
			morePaid, moreExpected = morePaid+p, moreExpected+e
		}
		open = still
		usual := 0.0
		if i > 0 {
			usual = sum / float64(i)
		}
		pieces[i].pace = paceOf(paid+morePaid, expected+moreExpected)
		pieces[i].amount = amountOf(float64(v.Cents), usual)
		open, sum = append(open, v), sum+float64(v.Cents)
	}
}

// expected returns how many payments the portfolio's hazard expected of an
// invoice before a day, and how many came.
func (m *Model) expected(v *Invoice, kind int, day data.Date) (expected, paid float64) {
	from, to := max(v.Issued, m.cal.first), day
	if v.Until < day {
		to = v.Until + 1
	}
	sums := m.sums[kind]
	eachBucket(v.Due, from, to, func(b int, from, to data.Date) {
		expected += m.portfolio[b] * m.class[v.Class][b] * (sums[to-m.cal.first] - sums[from-m.cal.first])
	})
	left := float64(v.Cents)
	for _, p := range v.Payments {
		if p.Day >= day || left <= 0 {
			break
		}
		paid += min(1, float64(p.Cents)/left)
		left -= float64(p.Cents)
	}
	return expected, paid
}

// daily is the chance that an invoice is paid on a day, if it is open.
func (m *Model) daily(bucket int, of *cell, factor float64) float64 {
	return math.Min(m.hazard[bucket][of.pace]*m.amount[stageOf(bucket)][of.amount]*m.class[of.class][bucket]*factor, maxDaily)
}
