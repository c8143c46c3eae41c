package features

import "dunning/data"

// Label is what happened within the horizon after a decision point.
type Label struct {
	// BalanceCents is what was known to be owed at AsOf: the only debt whose
	// payment counts.
	BalanceCents data.Cents
	PaidCents    data.Cents // paid on it in [AsOf, AsOf + HorizonDays), at most the balance
	Paid         bool       // paid in full within the window
	Day          int32      // day in [0, HorizonDays) on which it was, -1 when it was not
	// TouchedAfter tells that another touch went out within the window, so that
	// the outcome is not that of the option alone.
	TouchedAfter bool
}

// Label returns the outcome of a decision for option on the day AsOf within
// [AsOf, AsOf + horizonDays). end is the first day of which the lake knows
// nothing: a window that reaches beyond it is not known yet, and ok is false.
// It is false too when nothing was open, and for a horizon below one day.
//
// An invoice that is cancelled within the window stops being owed without
// having been paid, so the balance it belongs to is not paid in full. A touch
// counts as another one from the day after AsOf; where option is hold, on AsOf
// itself too.
func (h *History) Label(asOf data.Date, horizonDays int, end data.Date, option data.Channel) (l Label, ok bool) {
	stop := asOf + data.Date(horizonDays)
	if horizonDays < 1 || stop > end {
		return Label{}, false
	}
	last, paidAll := asOf, true
	for i := range h.index.invoices[:h.index.issuedBefore(asOf)] {
		v := &h.index.invoices[i]
		open := h.index.openCents(i, asOf)
		if open == 0 {
			continue
		}
		l.BalanceCents += data.Cents(open)
		paid := h.index.paidOnBill(i, stop) - h.index.paidOnBill(i, asOf)
		l.PaidCents += data.Cents(min(paid, open))
		if v.paidOn < stop {
			last = max(last, v.paidOn)
		} else {
			paidAll = false
		}
	}
	if l.BalanceCents == 0 {
		return Label{}, false
	}
	l.Paid, l.Day = paidAll, -1
	if paidAll {
		l.Day = int32(last - asOf)
	}
	from := asOf + 1
	if option == data.Hold {
		from = asOf
	}
	l.TouchedAfter = h.index.touchedWithin(from, stop)
	return l, true
}

// touchedWithin reports whether a touch, not a hold, was sent in [from, to).
func (x *index) touchedWithin(from, to data.Date) bool {
	for i := x.touchedBefore(from); i < len(x.touches) && x.touches[i].day < to; i++ {
		if int(x.touches[i].channel) != holdIndex {
			return true
		}
	}
	return false
}
