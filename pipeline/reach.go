package pipeline

import (
	"time"

	"dunning/data"
	"dunning/features"
	"dunning/models/reach"
)

// ReachCustomer turns a history into what package reach reads, as known before
// asOf, with hours in the customer's zone (policy.Engine.Zone). segment is the
// position of his segment in segments.Keys.
//
// For the best hour of an action: fit reach.Fit on all customers, read this one
// with Model.Read, and ask BestHour(reach.AllowedHours(from, to)) with the
// minutes of the action's window in the same zone.
func ReachCustomer(h *features.History, zone *time.Location, asOf data.Date, segment int) reach.Customer {
	c := reach.Customer{Segment: segment}
	place := map[string]int{}
	for i := range h.Touches {
		t := &h.Touches[i]
		if ch, day := t.Channel.Index(), data.DateOf(t.SentAt); ch >= 0 && day < asOf {
			place[t.TouchID] = len(c.Touches)
			c.Touches = append(c.Touches, reach.Touch{Channel: ch, Day: day, OpenedHour: -1})
		}
	}
	for i := range h.Events { // by time: the first opening counts
		e := &h.Events[i]
		at, ok := place[e.TouchID]
		if !ok || data.DateOf(e.At) >= asOf {
			continue
		}
		switch t := &c.Touches[at]; {
		case e.Kind == data.EventDelivered:
			t.Delivered = true
		case e.Kind == data.EventOpened && t.OpenedHour < 0:
			t.Delivered, t.OpenedHour = true, e.At.In(zone).Hour()
		}
	}
	return c
}
