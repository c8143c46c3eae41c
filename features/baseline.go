package features

import (
	"fmt"
	"slices"

	"dunning/data"
)

// Baseline is how the portfolio as a whole pays and opens: the yardstick of
// the features that compare a customer with what was to be expected of anybody
// in the same place. An open invoice is paid on, on a day, with the hazard
//
//	Hazard[b(days past due)] · Calendar[kind][c(day)]   payments per invoice and day,
//
// a product of two margins, fitted to the counts of payments and of open days
// by iterative proportional scaling. It is learned with the [Vocabulary] and
// kept in it.
type Baseline struct {
	// Hazard is the payments per open day in each bucket of days past due.
	Hazard []float64 `json:"hazard"`
	// Calendar scales it by kind of customer (PF, PJ) and class of day; its
	// mean over the open days is 1.
	Calendar [][]float64 `json:"calendar"`
	// Opened is the share of touches that were opened, by channel.
	Opened []float64 `json:"opened"`
}

// hazardBounds are the last days past due of the buckets, and the first bound
// the day before the first bucket: outside of them an invoice is not observed.
var hazardBounds = [...]int{-91, -60, -40, -30, -20, -15, -10, -7, -5, -4, -3, -2, -1, 0, 1, 2, 3, 5, 7, 10, 15, 20, 30, 45, 60, 90, 120, 180}

const (
	hazardBuckets = len(hazardBounds) - 1
	firstObserved = -90 // days past due
	lastObserved  = 180
)

// hazardBucket returns the bucket of days past due that are observed.
func hazardBucket(pastDue int) int {
	i, _ := slices.BinarySearch(hazardBounds[1:], pastDue)
	return i
}

// The classes of days.
const (
	dayOff     = iota // no business day
	dayPayday         // a payday, or up to two business days after it
	dayEnd            // one of the last three days of the month
	dayCatchUp        // the business day after a day off
	dayPlain
	dayClasses
)

// kinds of customers that the calendar tells apart.
const kindCount = 2

func kindIndex(k data.CustomerKind) int {
	if k == data.PJ {
		return 1
	}
	return 0
}

// Validate reports a baseline of another shape, or with numbers that are no
// rates. The zero value, which knows nothing, is valid.
func (b Baseline) Validate() error {
	if b.Hazard == nil && b.Calendar == nil && b.Opened == nil {
		return nil
	}
	if len(b.Hazard) != hazardBuckets || len(b.Calendar) != kindCount || len(b.Opened) != channelCount {
		return fmt.Errorf("features: baseline: %w: %d hazards, %d calendars, %d channels; want %d, %d, %d", data.ErrBadNumber,
			len(b.Hazard), len(b.Calendar), len(b.Opened), hazardBuckets, kindCount, channelCount)
	}
	rates := slices.Concat(b.Hazard, b.Opened)
	for _, c := range b.Calendar {
		if len(c) != dayClasses {
			return fmt.Errorf("features: baseline: %w: %d classes of days, want %d", data.ErrBadNumber, len(c), dayClasses)
		}
		rates = append(rates, c...)
	}
	for _, r := range rates {
		if !(r >= 0 && r <= 1e6) {
			return fmt.Errorf("features: baseline: %w: rate %g", data.ErrBadNumber, r)
		}
	}
	return nil
}

// known tells whether there is a baseline at all.
func (b *Baseline) known() bool { return len(b.Hazard) > 0 }

// exposureCounts are the sums from which a baseline is fitted. They are whole
// numbers, so that partitions may be counted apart in any order.
type exposureCounts struct {
	days, events [kindCount][dayClasses][hazardBuckets]int64
	sent, opened [channelCount]int64
}

func (n *exposureCounts) add(o *exposureCounts) {
	for k := range n.days {
		for c := range n.days[k] {
			for b := range n.days[k][c] {
				n.days[k][c][b] += o.days[k][c][b]
				n.events[k][c][b] += o.events[k][c][b]
			}
		}
	}
	for c := range n.sent {
		n.sent[c] += o.sent[c]
		n.opened[c] += o.opened[c]
	}
}

// count adds what is known of a history at AsOf.
func (n *exposureCounts) count(h *History, asOf data.Date, cal *calendar) {
	x := h.index
	kind := kindIndex(h.Customer.Kind)
	for i := range x.invoices[:x.issuedBefore(asOf)] {
		v := &x.invoices[i]
		first, last := v.observed(cal)
		bucket := 0
		for d := first; d <= min(last, asOf-1); d++ {
			pastDue := int(d - v.due)
			for pastDue > hazardBounds[bucket+1] {
				bucket++
			}
			n.days[kind][cal.day(d).class][bucket]++
		}
		for _, p := range x.onBills[v.from:v.to] {
			if p.day >= first && p.day <= min(last, asOf-1) {
				n.events[kind][cal.day(p.day).class][hazardBucket(int(p.day-v.due))]++
			}
		}
	}
	for i := range x.touches[:x.touchedBefore(asOf)] {
		if c := int(x.touches[i].channel); c != holdIndex {
			n.sent[c]++
		}
	}
	for i := range x.events {
		if e := &x.events[i]; e.day < asOf && e.kind == kindOpened && e.first {
			n.opened[e.channel]++
		}
	}
}

// observed returns the first and last day on which the invoice was open at
// the start of the day, near enough to its due date, and within the calendar.
// first > last when there is none.
func (v *invoiceFact) observed(cal *calendar) (first, last data.Date) {
	lo, hi := int64(v.due)+firstObserved, int64(v.due)+lastObserved
	first = max(v.issued+1, data.Date(max(lo, int64(cal.first))))
	last = min(v.openUntil, data.Date(min(hi, int64(cal.first)+int64(len(cal.days))-1)))
	return first, last
}

// baselineDays is how many days of the portfolio's mean a bucket is pulled by,
// so that an empty one has a hazard.
const baselineDays = 50

// baseline fits the two margins.
func (n *exposureCounts) baseline() Baseline {
	b := Baseline{Hazard: make([]float64, hazardBuckets), Opened: make([]float64, channelCount)}
	for range kindCount {
		c := make([]float64, dayClasses)
		for i := range c {
			c[i] = 1
		}
		b.Calendar = append(b.Calendar, c)
	}
	for c := range n.sent {
		b.Opened[c] = float64(n.opened[c]+1) / float64(n.sent[c]+3)
	}
	var days, events float64
	n.each(func(k, c, bucket int, d, e float64) { days, events = days+d, events+e })
	mean := (events + 1) / (days + baselineDays)
	for range 20 { // the margins are close to independent: a few rounds settle them
		var d, e [hazardBuckets]float64
		n.each(func(k, c, bucket int, open, paid float64) {
			d[bucket] += open * b.Calendar[k][c]
			e[bucket] += paid
		})
		for i := range b.Hazard {
			b.Hazard[i] = (e[i] + baselineDays*mean) / (d[i] + baselineDays)
		}
		var dc, ec [kindCount][dayClasses]float64
		n.each(func(k, c, bucket int, open, paid float64) {
			dc[k][c] += open * b.Hazard[bucket]
			ec[k][c] += paid
		})
		for k := range b.Calendar {
			for c := range b.Calendar[k] {
				b.Calendar[k][c] = (ec[k][c] + 1) / (dc[k][c] + 1)
			}
		}
	}
	return b
}

func (n *exposureCounts) each(f func(kind, class, bucket int, days, events float64)) {
	for k := range n.days {
		for c := range n.days[k] {
			for b := range n.days[k][c] {
				f(k, c, b, float64(n.days[k][c][b]), float64(n.events[k][c][b]))
			}
		}
	}
}

// classOf returns the class of a day for the baseline's calendar.
func (d *calendarDay) classOf(afterDayOff bool) int8 {
	switch {
	case !d.business:
		return dayOff
	case d.sincePayday <= nearPaydayDays:
		return dayPayday
	case d.toMonthEnd <= 2:
		return dayEnd
	case afterDayOff:
		return dayCatchUp
	}
	return dayPlain
}

// exposure is how many payments the baseline expected of a customer and how
// many came, day by day: the counting process of his open invoices and its
// compensator. Entry i of a running sum is up to the day first+i, exclusive.
type exposure struct {
	of       *History
	first    data.Date
	expected []float64 // running sum over all days
	paid     []float64
	// The same over the days on which no touch was within quietDays.
	expectedQuiet []float64
	paidQuiet     []float64
	touched       []bool
}

// quietDays after a touch its effect is taken to be over.
const quietDays = 7

// read makes the running sums of h, unless they are its already. A history is
// immutable, so the pointer tells.
func (e *exposure) read(h *History, b *Baseline, cal *calendar) {
	if e.of == h || !b.known() {
		return
	}
	x := h.index
	e.of = h
	e.first = never
	end := -never
	for i := range x.invoices {
		if first, last := x.invoices[i].observed(cal); first <= last {
			e.first, end = min(e.first, first), max(end, last+1)
		}
	}
	n := 0
	if e.first < end {
		n = int(end - e.first)
	}
	for _, s := range []*[]float64{&e.expected, &e.paid, &e.expectedQuiet, &e.paidQuiet} {
		*s = slices.Grow((*s)[:0], n+1)[:n+1]
		clear(*s)
	}
	e.touched = slices.Grow(e.touched[:0], n)[:n]
	clear(e.touched)
	e.fill(h, b, cal, n)
	for i := range n {
		if !e.touched[i] {
			e.expectedQuiet[i+1], e.paidQuiet[i+1] = e.expected[i+1], e.paid[i+1]
		}
		e.expected[i+1] += e.expected[i]
		e.paid[i+1] += e.paid[i]
		e.expectedQuiet[i+1] += e.expectedQuiet[i]
		e.paidQuiet[i+1] += e.paidQuiet[i]
	}
}

// fill puts each day's own numbers one entry after it.
func (e *exposure) fill(h *History, b *Baseline, cal *calendar, n int) {
	x := h.index
	byClass := b.Calendar[kindIndex(h.Customer.Kind)]
	for i := range x.invoices {
		v := &x.invoices[i]
		first, last := v.observed(cal)
		bucket := 0
		for d := first; d <= last; d++ {
			for int(d-v.due) > hazardBounds[bucket+1] {
				bucket++
			}
			e.expected[d-e.first+1] += b.Hazard[bucket] * byClass[cal.days[d-cal.first].class]
		}
		for _, p := range x.onBills[v.from:v.to] {
			if p.day >= first && p.day <= last {
				e.paid[p.day-e.first+1]++
			}
		}
	}
	for i := range x.touches {
		f := &x.touches[i]
		if int(f.channel) == holdIndex {
			continue
		}
		for d := max(f.day, e.first); d < f.day+quietDays && int(d-e.first) < n; d++ {
			e.touched[d-e.first] = true
		}
	}
}

// between returns what a running sum gained in the days [from, to).
func (e *exposure) between(sum []float64, from, to data.Date) float64 {
	at := func(d data.Date) float64 {
		return sum[min(max(int64(d)-int64(e.first), 0), int64(len(sum)-1))]
	}
	if len(sum) == 0 {
		return 0
	}
	return at(to) - at(from)
}

// hazardAt returns the baseline's payments per day of an open invoice.
func (b *Baseline) hazardAt(v *invoiceFact, kind int, d data.Date, cal *calendar) float64 {
	pastDue := int64(d) - int64(v.due)
	day := cal.day(d)
	if pastDue < firstObserved || pastDue > lastObserved || !day.known {
		return 0
	}
	return b.Hazard[hazardBucket(int(pastDue))] * b.Calendar[kind][day.class]
}

// pace pulls payments per expected payment to a prior by so many expected ones.
func pace(paid, expected, toward, trials float64) float64 {
	return (paid + trials*toward) / (expected + trials)
}
