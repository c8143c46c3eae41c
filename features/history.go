package features

import (
	"cmp"
	"math"
	"slices"
	"time"

	"dunning/data"
)

// never is the day of what has not happened.
const never = data.Date(math.MaxInt32)

// History is everything the lake holds about one customer, before and after
// any AsOf: cutting it off is the work of the functions that read it. Make it
// with [NewHistory], which sorts the slices and derives what many decision
// points of the customer share. It is read only from then on, and safe for
// concurrent use.
type History struct {
	Customer data.Customer
	Invoices []data.Invoice      // by issued_on, then invoice_id
	Payments []data.Payment      // by paid_at, then payment_id
	Touches  []data.Touch        // by sent_at, then touch_id; logged holds included
	Events   []data.TouchEvent   // by at, then touch_id, then kind
	Promises []data.Promise      // by made_at, then promise_id
	Bureau   []data.BureauReport // by at, then provider
	Disputes []data.Dispute      // by at, then invoice_id, then kind

	index *index
}

// NewHistory takes over the slices of h, which may be in any order and nil,
// and returns the finished history. Rows of other customers are the caller's
// mistake and are not looked for. Payments of invoices, and events of touches,
// that h does not hold are ignored by every reader.
func NewHistory(h History) *History {
	sortBy(h.Invoices, func(a, b data.Invoice) int {
		return cmp.Or(cmp.Compare(a.IssuedOn, b.IssuedOn), cmp.Compare(a.InvoiceID, b.InvoiceID))
	})
	sortBy(h.Payments, func(a, b data.Payment) int {
		return cmp.Or(a.PaidAt.Compare(b.PaidAt), cmp.Compare(a.PaymentID, b.PaymentID))
	})
	sortBy(h.Touches, func(a, b data.Touch) int {
		return cmp.Or(a.SentAt.Compare(b.SentAt), cmp.Compare(a.TouchID, b.TouchID))
	})
	sortBy(h.Events, func(a, b data.TouchEvent) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.TouchID, b.TouchID), cmp.Compare(a.Kind, b.Kind))
	})
	sortBy(h.Promises, func(a, b data.Promise) int {
		return cmp.Or(a.MadeAt.Compare(b.MadeAt), cmp.Compare(a.PromiseID, b.PromiseID))
	})
	sortBy(h.Bureau, func(a, b data.BureauReport) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Provider, b.Provider), cmp.Compare(a.Score, b.Score),
			cmp.Compare(a.NegativeRecords, b.NegativeRecords))
	})
	sortBy(h.Disputes, func(a, b data.Dispute) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.InvoiceID, b.InvoiceID), cmp.Compare(a.Kind, b.Kind))
	})
	h.index = newIndex(&h)
	return &h
}

// sortBy sorts rows unless they are in order already, as the lake's are.
func sortBy[T any](rows []T, compare func(a, b T) int) {
	if !slices.IsSortedFunc(rows, compare) {
		slices.SortStableFunc(rows, compare)
	}
}

// dayOf returns the UTC day of an instant: an event is known at AsOf when its
// day is before AsOf.
func dayOf(t time.Time) data.Date {
	sec := t.Unix()
	day := sec / 86400
	if sec%86400 < 0 {
		day--
	}
	return data.Date(min(max(day, math.MinInt32), math.MaxInt32-1))
}

// Balance returns what the customer owed at AsOf, in cents: invoices issued
// before it and not cancelled before it, less what was paid on them before it.
// An overpaid invoice counts as zero.
func (h *History) Balance(asOf data.Date) data.Cents {
	var sum int64
	for i := range h.index.invoices[:h.index.issuedBefore(asOf)] {
		sum += h.index.openCents(i, asOf)
	}
	return data.Cents(sum)
}

// Oldest returns the open invoice that was due first (ties: the one issued
// first), as its position in Invoices, and false when nothing is open at AsOf.
func (h *History) Oldest(asOf data.Date) (int, bool) {
	oldest := -1
	for i := range h.index.invoices[:h.index.issuedBefore(asOf)] {
		v := &h.index.invoices[i]
		if v.openUntil >= asOf && (oldest < 0 || v.due < h.index.invoices[oldest].due) {
			oldest = i
		}
	}
	return oldest, oldest >= 0
}

// DaysPastDue returns AsOf − due date of the oldest open invoice: negative
// before it is due. It is 0 when nothing is open.
func (h *History) DaysPastDue(asOf data.Date) int32 {
	i, ok := h.Oldest(asOf)
	if !ok {
		return 0
	}
	return int32(asOf - h.Invoices[i].DueOn)
}

// HasHolds reports whether the touch log of this customer keeps decisions not
// to contact.
func (h *History) HasHolds() bool {
	return slices.ContainsFunc(h.Touches, func(t data.Touch) bool { return t.Channel == data.Hold })
}
