package segments

import (
	"slices"

	"dunning/data"
)

// Windows and counts of the facts.
const (
	// WindowDays is how far back purchases and payments are looked at.
	WindowDays = 365
	// GraceDays after the due date an invoice still counts as paid on time:
	// payments over a weekend, slips that take days to clear.
	GraceDays = 5
	// IdleDays without a purchase make a customer inactive.
	IdleDays = 180
	// SettledDue is how many invoices must have fallen due before a customer's
	// payments say something of him.
	SettledDue = 4
	// writtenOffDays past due, what is cancelled unpaid was given up: a
	// failure to pay. Before it, cancelling is the creditor's own affair.
	writtenOffDays = 90
)

// Never is the day of what has not happened.
const Never = data.Date(1<<31 - 1)

// Customer is what the rules read of one customer: facts with their days.
type Customer struct {
	Business bool
	Invoices []Invoice // in any order
	Reports  []Report  // of credit bureaus, in any order
}

// Invoice is one receivable.
type Invoice struct {
	Issued, Due data.Date
	// Closed is the day on which it was paid in full or cancelled, [Never]
	// while it is open; Paid tells which.
	Closed data.Date
	Paid   bool
	Cents  data.Cents
}

// Report is one answer of a credit bureau.
type Report struct {
	Day      data.Date
	Negative int // negative records
}

// Facts is what was known of a customer before a day.
type Facts struct {
	Business bool
	// Invoices were issued in the window before the day; MedianCents is the
	// median of their amounts, 0 without any.
	Invoices    int
	MedianCents data.Cents
	// Due fell due in the window, early enough for the grace to have passed;
	// of these OnTime were paid in full by then.
	Due, OnTime int
	// EverDue is how many fell due before the day since ever.
	EverDue int
	// PastDueDays of the oldest open invoice; 0 where none is past due.
	PastDueDays int
	// IdleDays since the last invoice was issued; -1 where none ever was.
	IdleDays int
	// NegativeRecords in the latest report of the window, -1 without one.
	NegativeRecords int
}

// OnTimeShare is OnTime ÷ Due; Due must not be 0.
func (f Facts) OnTimeShare() float64 { return float64(f.OnTime) / float64(f.Due) }

// At returns what was known of the customer before a day.
func (c *Customer) At(day data.Date) Facts {
	f := Facts{Business: c.Business, IdleDays: -1, NegativeRecords: -1}
	var amounts []data.Cents
	for i := range c.Invoices {
		v := &c.Invoices[i]
		if v.Issued >= day {
			continue
		}
		if idle := int(day - v.Issued); f.IdleDays < 0 || idle < f.IdleDays {
			f.IdleDays = idle
		}
		if day-v.Issued <= WindowDays {
			f.Invoices++
			amounts = append(amounts, v.Cents)
		}
		closed := v.Closed
		if closed >= day { // not known yet
			closed = Never
		}
		if closed == Never && v.Due < day {
			f.PastDueDays = max(f.PastDueDays, int(day-v.Due))
		}
		f.note(v, closed, day)
	}
	if len(amounts) > 0 {
		slices.Sort(amounts)
		f.MedianCents = amounts[len(amounts)/2]
	}
	last := data.Date(0)
	for _, r := range c.Reports {
		if r.Day < day && day-r.Day <= WindowDays && r.Day >= last {
			f.NegativeRecords, last = r.Negative, r.Day
		}
	}
	return f
}

// note counts an invoice among those that fell due. Those that the creditor
// took back early count for nothing.
func (f *Facts) note(v *Invoice, closed, day data.Date) {
	settled := v.Due + GraceDays
	if settled >= day || closed != Never && !v.Paid && closed < v.Due+writtenOffDays {
		return
	}
	f.EverDue++
	if day-v.Due > WindowDays {
		return
	}
	f.Due++
	if v.Paid && closed <= settled {
		f.OnTime++
	}
}
