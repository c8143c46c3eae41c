package response

import "dunning/data"

// Customer is one customer's logged history as the model reads it. Every fact
// carries the day on which it became known.
type Customer struct {
	Kind  int    // 0 natural person, 1 company
	Group string // an observed group whose mix of classes may differ, such as the segment
	// Since is the day on which he became a customer, and Region where he lives.
	Since  data.Date
	Region string
	// LimitCents is his credit limit, 0 for none. What is much for one customer
	// is little for another: the limit says which.
	LimitCents data.Cents
	Invoices   []Invoice
	Touches    []Touch // by Day; decisions to hold are none
	// Decisions are the days on which something was decided about him, holds
	// included, in order; nil where the log keeps no holds.
	Decisions []data.Date
	Promises  []Promise
	Scores    []Score // by Day
}

// Invoice is open on the days after Issued up to Until.
type Invoice struct {
	Issued, Due, Until data.Date
	AmountCents        data.Cents
	Product            string
	Payments           []Payment // by day
	Disputes           []Dispute // by Opened
}

// Dispute holds an invoice back on the days after Opened up to Closed, NoDay
// while it is open.
type Dispute struct {
	Opened, Closed data.Date
}

// disputed tells whether the invoice is in dispute on a day.
func (v *Invoice) disputed(d data.Date) bool {
	for i := range v.Disputes {
		if x := &v.Disputes[i]; x.Opened < d && d <= x.Closed {
			return true
		}
	}
	return false
}

// Payment is one payment on an invoice.
type Payment struct {
	Day   data.Date
	Cents data.Cents
}

// Touch is one contact that was sent, and what the channel reported of it.
// Reports are read only up to SignalDays after it.
type Touch struct {
	Day     data.Date
	Channel int // position in data.Channels
	// Days on which it was reported; NoDay when it never was.
	Delivered, Opened, Promised, Complained data.Date
}

// NoDay is the day of what was never reported.
const NoDay = data.Date(1<<31 - 1)

// Promise runs from MadeAt to DueOn, both included.
type Promise struct {
	MadeOn, DueOn data.Date
	// Number is that of an instalment: 1 also for a promise that stands alone.
	Number int
	Cents  data.Cents
}

// Score is a bureau's score, and how many negative records came with it.
type Score struct {
	Day     data.Date
	Value   float64
	Records int
}

// SignalDays is how long after a touch the channel's reports are waited for:
// what was not reported by then counts as not having happened.
const SignalDays = 5

// decidedDays is how long after a decision a day counts as decided about.
const decidedDays = 7

// maxPromiseDays is the length from which on a promise is an instalment of a
// plan rather than a promise to pay what is open.
const maxPromiseDays = 14
