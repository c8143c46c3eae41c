package pipeline

import (
	"slices"

	"dunning/data"
	"dunning/features"
	"dunning/models/response"
)

// responder returns a customer's history as the response model reads it.
func responder(h *features.History) response.Customer {
	var r responders
	return *r.read(h)
}

// responders reads histories one after the other into the same memory.
type responders struct {
	c        response.Customer
	payments []response.Payment // of all invoices
	place    []int32            // by touch: its position among those of c, −1 for a hold
}

// read returns a customer's history as the response model reads it. It is valid
// until the next one is read.
func (r *responders) read(h *features.History) *response.Customer {
	r.c = response.Customer{Group: string(h.Customer.Kind) + "/" + h.Customer.Segment, Since: h.Customer.Since, Region: h.Customer.UF, LimitCents: h.Customer.CreditLimitCents,
		Invoices: r.c.Invoices[:0], Touches: r.c.Touches[:0], Decisions: r.c.Decisions[:0], Promises: r.c.Promises[:0], Scores: r.c.Scores[:0]}
	if h.Customer.Kind == data.PJ {
		r.c.Kind = 1
	}
	r.invoices(h)
	r.touches(h)
	r.promises(h)
	for i := range h.Bureau {
		r.c.Scores = append(r.c.Scores, response.Score{Day: data.DateOf(h.Bureau[i].At), Value: float64(h.Bureau[i].Score), Records: int(h.Bureau[i].NegativeRecords)})
	}
	return &r.c
}

func (r *responders) invoices(h *features.History) {
	spans := h.Spans()
	total := 0
	for i := range spans {
		total += len(spans[i].Payments)
	}
	r.payments = slices.Grow(r.payments[:0], total)
	r.c.Invoices = slices.Grow(r.c.Invoices, len(spans))
	for i := range spans {
		s := &spans[i]
		v := response.Invoice{Issued: s.Issued, Due: s.Due, Until: s.Until, AmountCents: s.AmountCents, Product: s.Product}
		first := len(r.payments)
		for _, p := range s.Payments {
			r.payments = append(r.payments, response.Payment{Day: p.Day, Cents: p.Cents})
		}
		v.Payments = r.payments[first:len(r.payments):len(r.payments)]
		for _, d := range s.Disputes {
			v.Disputes = append(v.Disputes, response.Dispute{Opened: d.Opened, Closed: d.Closed})
		}
		r.c.Invoices = append(r.c.Invoices, v)
	}
}

// touches reads what was sent and how it was answered, and the days on which
// something was decided: nil where the log keeps no holds.
func (r *responders) touches(h *features.History) {
	c := &r.c
	holds := h.HasHolds()
	if !holds {
		c.Decisions = nil
	}
	r.place = r.place[:0]
	for i := range h.Touches {
		day := h.TouchDay(i)
		if holds && (len(c.Decisions) == 0 || c.Decisions[len(c.Decisions)-1] < day) {
			c.Decisions = append(c.Decisions, day)
		}
		ch := h.Touches[i].Channel.Index()
		if ch < 0 {
			r.place = append(r.place, -1)
			continue
		}
		r.place = append(r.place, int32(len(c.Touches)))
		c.Touches = append(c.Touches, response.Touch{Day: day, Channel: ch,
			Delivered: response.NoDay, Opened: response.NoDay, Promised: response.NoDay, Complained: response.NoDay})
	}
	h.Answers(func(touch int, kind data.TouchEventKind, day data.Date) {
		if at := r.place[touch]; at >= 0 {
			noteEvent(&c.Touches[at], kind, day)
		}
	})
}

func (r *responders) promises(h *features.History) {
	c := &r.c
	for i := range h.Promises {
		p := &h.Promises[i]
		made := data.DateOf(p.MadeAt)
		c.Promises = append(c.Promises, response.Promise{MadeOn: made, DueOn: p.DueOn, Number: int(p.InstalmentNo), Cents: p.AmountCents})
		// A promise answers the last touch before it, if that is recent.
		for k := len(c.Touches) - 1; k >= 0; k-- {
			if t := &c.Touches[k]; t.Day <= made {
				if made < t.Day+response.SignalDays {
					t.Promised = min(t.Promised, made)
				}
				break
			}
		}
	}
}

// noteEvent takes note of one event of a touch.
func noteEvent(t *response.Touch, kind data.TouchEventKind, day data.Date) {
	switch kind {
	case data.EventDelivered:
		t.Delivered = min(t.Delivered, day)
	case data.EventOpened:
		t.Opened = min(t.Opened, day)
	case data.EventComplained:
		t.Complained = min(t.Complained, day)
	}
}
