package features

import (
	"cmp"
	"slices"
	"sort"
	"sync"

	"dunning/data"
)

// channelCount is the number of touchable channels; the position after them
// stands for hold.
const (
	channelCount = len(data.Channels)
	holdIndex    = channelCount
)

// responseDays is the window after a decision in which a payment counts as its
// response.
const responseDays = 7

// index is what many decision points of one customer share. Nothing in it
// looks ahead in a way that a reader cannot undo: each fact carries the day on
// which it became known, and readers compare that day with AsOf.
type index struct {
	invoices []invoiceFact    // in the order of History.Invoices
	settled  []int32          // invoices paid in full, by the day on which they were
	payments []paymentFact    // by day
	onBills  []billPayment    // the payments grouped by invoice, each group by day
	touches  []touchFact      // in the order of History.Touches
	judged   sync.Once        // see judgeTouches
	events   []eventFact      // by day
	promises []promiseFact    // in the order of History.Promises
	bureau   []data.Date      // days of History.Bureau
	disputes []invoiceDispute // by invoice, then day
}

// invoiceFact is one invoice. It is open at AsOf when issued < AsOf <=
// openUntil.
type invoiceFact struct {
	issued, due data.Date
	cancelled   data.Date // never while it stands
	paidOn      data.Date // day on which it was paid in full, before any cancellation; else never
	openUntil   data.Date
	from, to    int32 // its payments in onBills
	amount      int64 // cents
	untouched   bool  // no real touch between issue and the day it was paid in full
}

// billPayment is a payment seen from its invoice.
type billPayment struct {
	day data.Date
	sum int64 // cents paid on the invoice up to and including this payment
}

// paymentFact is a payment of a known invoice.
type paymentFact struct {
	day     data.Date // not before the invoice's issue, whatever the row says
	invoice int32
	cents   int64
	partial bool // it left a part of the invoice open
}

// touchFact is one logged decision. What comes after its channel is known once
// touches are judged.
type touchFact struct {
	day      data.Date
	channel  int8 // position in data.Channels, or holdIndex
	stage    int8 // dunning stage of the oldest open invoice on that day
	eligible bool // something was open on that day
	answered bool // something open was paid on within responseDays
}

// eventFact is one event of a known touch.
type eventFact struct {
	day     data.Date // not before the touch's
	touch   int32
	kind    int8 // position in data.TouchEventKinds
	channel int8
	first   bool // the first of its kind for its touch
	lag     float32
}

// promiseFact is one promise.
type promiseFact struct {
	made, due data.Date
	keptOn    data.Date // day on which payments within its window reached it, else never
	cents     int64
}

func newIndex(h *History) *index {
	x := &index{}
	x.addInvoices(h)
	x.addPayments(h)
	x.settle()
	x.addTouches(h)
	x.addEvents(h)
	x.addPromises(h)
	x.addDisputes(h)
	x.bureau = make([]data.Date, len(h.Bureau))
	for i := range h.Bureau {
		x.bureau[i] = dayOf(h.Bureau[i].At)
	}
	return x
}

func (x *index) addInvoices(h *History) {
	x.invoices = make([]invoiceFact, len(h.Invoices))
	for i := range h.Invoices {
		v := &h.Invoices[i]
		cancelled := never
		if v.CancelledOn != nil {
			cancelled = *v.CancelledOn
		}
		x.invoices[i] = invoiceFact{issued: v.IssuedOn, due: v.DueOn, cancelled: cancelled, paidOn: never,
			amount: int64(v.AmountCents)}
	}
}

// addPayments joins payments to their invoices and leaves both orders: by day,
// and grouped by invoice.
func (x *index) addPayments(h *History) {
	if len(h.Payments) == 0 {
		return
	}
	position := make(map[string]int32, len(h.Invoices))
	for i := range h.Invoices {
		position[h.Invoices[i].InvoiceID] = int32(i)
	}
	x.payments = make([]paymentFact, 0, len(h.Payments))
	for i := range h.Payments {
		p := &h.Payments[i]
		at, ok := position[p.InvoiceID]
		if !ok || p.AmountCents <= 0 {
			continue
		}
		day := max(dayOf(p.PaidAt), x.invoices[at].issued)
		x.payments = append(x.payments, paymentFact{day: day, invoice: at, cents: int64(p.AmountCents)})
		x.invoices[at].to++ // a count, until the groups are laid out
	}
	sortBy(x.payments, func(a, b paymentFact) int { return cmp.Compare(a.day, b.day) })
	var next int32
	for i := range x.invoices {
		v := &x.invoices[i]
		v.from, v.to, next = next, next, next+v.to
	}
	x.onBills = make([]billPayment, next)
	for i := range x.payments {
		p := &x.payments[i]
		v := &x.invoices[p.invoice]
		var before int64
		if v.to > v.from {
			before = x.onBills[v.to-1].sum
		}
		x.onBills[v.to] = billPayment{day: p.day, sum: before + p.cents}
		v.to++
		p.partial = before+p.cents < v.amount
	}
}

// settle finds on which day each invoice stopped being open.
func (x *index) settle() {
	for i := range x.invoices {
		v := &x.invoices[i]
		if v.amount <= 0 { // nothing to owe: never open, never paid
			v.openUntil = v.issued
			continue
		}
		for _, p := range x.onBills[v.from:v.to] {
			if p.sum >= v.amount {
				if p.day <= v.cancelled {
					v.paidOn = p.day
				}
				break
			}
		}
		v.openUntil = min(v.paidOn, v.cancelled)
		if v.paidOn != never {
			x.settled = append(x.settled, int32(i))
		}
	}
	slices.SortStableFunc(x.settled, func(a, b int32) int {
		return cmp.Compare(x.invoices[a].paidOn, x.invoices[b].paidOn)
	})
}

func (x *index) addTouches(h *History) {
	x.touches = make([]touchFact, len(h.Touches))
	var real []data.Date
	for i := range h.Touches {
		t := &h.Touches[i]
		f := touchFact{day: dayOf(t.SentAt), channel: int8(holdIndex)}
		if c := t.Channel.Index(); c >= 0 {
			f.channel = int8(c)
			real = append(real, f.day)
		}
		x.touches[i] = f
	}
	for i := range x.invoices {
		v := &x.invoices[i]
		at, _ := slices.BinarySearch(real, v.issued)
		v.untouched = at == len(real) || real[at] > v.paidOn
	}
}

// judgeTouches reads each decision as the experiment that it was: what stood open
// on its day, and whether money came within responseDays. Only features ask.
func (x *index) judgeTouches() {
	for i := range x.touches {
		f := &x.touches[i]
		due := never
		for k := range x.invoices[:x.issuedBefore(f.day)] {
			if v := &x.invoices[k]; v.openUntil >= f.day {
				due = min(due, v.due)
			}
		}
		if due != never {
			f.eligible = true
			f.stage = stageOf(int(f.day - due))
			f.answered = x.paidWithin(f.day, f.day+responseDays)
		}
	}
}

// paidWithin reports whether a payment came in [from, to) on an invoice that
// was issued before from.
func (x *index) paidWithin(from, to data.Date) bool {
	for _, p := range x.payments[x.paidBefore(from):] {
		if p.day >= to {
			break
		}
		if x.invoices[p.invoice].issued < from {
			return true
		}
	}
	return false
}

// stageOf maps the days past due of the oldest open invoice to the dunning
// stage: 0 before due and on the day, 1 up to 30 days after it, 2 later.
func stageOf(pastDueDays int) int8 {
	switch {
	case pastDueDays <= 0:
		return 0
	case pastDueDays <= 30:
		return 1
	}
	return 2
}

func (x *index) addEvents(h *History) {
	if len(h.Events) == 0 || len(h.Touches) == 0 {
		return
	}
	find := touchFinder{touches: h.Touches}
	x.events = make([]eventFact, 0, len(h.Events))
	for i := range h.Events {
		e := &h.Events[i]
		at, ok := find.of(e)
		kind := slices.Index(data.TouchEventKinds[:], e.Kind)
		if !ok || kind < 0 || int(x.touches[at].channel) == holdIndex {
			continue
		}
		x.events = append(x.events, eventFact{
			// An event dated before its touch is not known before it: without
			// the touch it could not have been joined.
			day:     max(dayOf(e.At), x.touches[at].day),
			touch:   at,
			kind:    int8(kind),
			channel: x.touches[at].channel,
			lag:     float32(e.At.Sub(h.Touches[at].SentAt).Hours()),
		})
	}
	sortBy(x.events, func(a, b eventFact) int { return cmp.Compare(a.day, b.day) })
	seen := make([]uint8, len(h.Touches)) // a bit per kind
	for i := range x.events {
		e := &x.events[i]
		e.first = seen[e.touch]&(1<<e.kind) == 0
		seen[e.touch] |= 1 << e.kind
	}
}

// touchFinder finds the touches of events that are asked about in their order.
type touchFinder struct {
	touches  []data.Touch
	before   int              // touches sent up to the last event
	position map[string]int32 // nil until a touch is not among the latest
}

// latestTouches is how many touches before an event are looked at one by one:
// most events come soon.
const latestTouches = 8

func (f *touchFinder) of(e *data.TouchEvent) (touch int32, ok bool) {
	for f.before < len(f.touches) && !f.touches[f.before].SentAt.After(e.At) {
		f.before++
	}
	for i := f.before - 1; i >= max(0, f.before-latestTouches); i-- {
		if f.touches[i].TouchID == e.TouchID {
			return int32(i), true
		}
	}
	if f.position == nil {
		f.position = make(map[string]int32, len(f.touches))
		for i := range f.touches {
			f.position[f.touches[i].TouchID] = int32(i)
		}
	}
	touch, ok = f.position[e.TouchID]
	return touch, ok
}

// promiseGraceDays is how many days after its date a promise may still be kept:
// a transfer ordered on the day arrives on the next business day, and a weekend
// may lie between.
const promiseGraceDays = 3

// addPromises finds for each promise the day on which the payments of its
// window reached the promised amount. Instalments made at the same instant
// have consecutive windows, so that one payment does not keep two of them.
func (x *index) addPromises(h *History) {
	x.promises = make([]promiseFact, len(h.Promises))
	order := make([]int, len(h.Promises))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		p, q := &h.Promises[a], &h.Promises[b]
		return cmp.Or(p.MadeAt.Compare(q.MadeAt), cmp.Compare(p.DueOn, q.DueOn), cmp.Compare(p.InstalmentNo, q.InstalmentNo))
	})
	for n, i := range order {
		p := &h.Promises[i]
		f := promiseFact{made: dayOf(p.MadeAt), due: p.DueOn, keptOn: never, cents: int64(p.AmountCents)}
		from := f.made
		if n > 0 && h.Promises[order[n-1]].MadeAt.Equal(p.MadeAt) {
			from = max(from, h.Promises[order[n-1]].DueOn+promiseGraceDays+1)
		}
		var sum int64
		for _, pay := range x.payments[x.paidBefore(from):] {
			if pay.day > f.due+promiseGraceDays {
				break
			}
			if sum += pay.cents; sum >= f.cents {
				f.keptOn = pay.day
				break
			}
		}
		x.promises[i] = f
	}
}

// issuedBefore returns how many invoices are known at AsOf: they are the first.
func (x *index) issuedBefore(asOf data.Date) int {
	return sort.Search(len(x.invoices), func(i int) bool { return x.invoices[i].issued >= asOf })
}

// paidBefore returns how many payments are known at AsOf.
func (x *index) paidBefore(asOf data.Date) int {
	return sort.Search(len(x.payments), func(i int) bool { return x.payments[i].day >= asOf })
}

// touchedBefore returns how many decisions are known at AsOf.
func (x *index) touchedBefore(asOf data.Date) int {
	return sort.Search(len(x.touches), func(i int) bool { return x.touches[i].day >= asOf })
}

// openCents returns what is still owed on invoice i, issued before AsOf, at
// AsOf.
func (x *index) openCents(i int, asOf data.Date) int64 {
	v := &x.invoices[i]
	if v.openUntil < asOf {
		return 0
	}
	return v.amount - x.paidOnBill(i, asOf)
}

// paidOnBill returns what was paid on invoice i before the day.
func (x *index) paidOnBill(i int, day data.Date) int64 {
	v := &x.invoices[i]
	for k := v.to - 1; k >= v.from; k-- {
		if x.onBills[k].day < day {
			return x.onBills[k].sum
		}
	}
	return 0
}
