package pipeline

import (
	"dunning/data"
	"dunning/features"
	"dunning/models/response"
)

// responder turns a customer's history into what the response model reads.
func responder(h *features.History) response.Customer {
	c := response.Customer{Group: string(h.Customer.Kind) + "/" + h.Customer.Segment, LimitCents: h.Customer.CreditLimitCents}
	if h.Customer.Kind == data.PJ {
		c.Kind = 1
	}
	for _, s := range h.Spans() {
		v := response.Invoice{Issued: s.Issued, Due: s.Due, Until: s.Until, AmountCents: s.AmountCents, Product: s.Product}
		for _, p := range s.Payments {
			v.Payments = append(v.Payments, response.Payment{Day: p.Day, Cents: p.Cents})
		}
		c.Invoices = append(c.Invoices, v)
	}
	position := make(map[string]int, len(h.Touches))
	holds := h.HasHolds()
	for i := range h.Touches {
		t := &h.Touches[i]
		if day := data.DateOf(t.SentAt); holds && (len(c.Decisions) == 0 || c.Decisions[len(c.Decisions)-1] < day) {
			c.Decisions = append(c.Decisions, day)
		}
		if ch := t.Channel.Index(); ch >= 0 {
			position[t.TouchID] = len(c.Touches)
			c.Touches = append(c.Touches, response.Touch{Day: data.DateOf(t.SentAt), Channel: ch,
				Delivered: response.NoDay, Opened: response.NoDay, Promised: response.NoDay, Complained: response.NoDay})
		}
	}
	for i := range h.Events {
		if at, ok := position[h.Events[i].TouchID]; ok {
			noteEvent(&c.Touches[at], h.Events[i])
		}
	}
	for i := range h.Promises {
		p := &h.Promises[i]
		made := data.DateOf(p.MadeAt)
		c.Promises = append(c.Promises, response.Promise{MadeOn: made, DueOn: p.DueOn})
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
	for i := range h.Bureau {
		c.Scores = append(c.Scores, response.Score{Day: data.DateOf(h.Bureau[i].At), Value: float64(h.Bureau[i].Score)})
	}
	return c
}

// noteEvent takes note of one event of a touch. An event dated before its touch
// is not known before it.
func noteEvent(t *response.Touch, e data.TouchEvent) {
	day := max(data.DateOf(e.At), t.Day)
	switch e.Kind {
	case data.EventDelivered:
		t.Delivered = min(t.Delivered, day)
	case data.EventOpened:
		t.Opened = min(t.Opened, day)
	case data.EventComplained:
		t.Complained = min(t.Complained, day)
	}
}
