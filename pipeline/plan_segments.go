package pipeline

import (
	"fmt"
	"time"

	"dunning/data"
	"dunning/models/segments"
)

// namedSegments reports whether the rows over segments speak of the named ones.
func (c *Config) namedSegments() bool {
	return len(c.Segments) > 0 && segments.Key(c.Segments[0].Segment).Valid()
}

// segmentOf is the customer's segment as the rows over segments speak of it: the
// named one, or the company's own.
func (p *planner) segmentOf(id string) string {
	c := p.customer[id]
	if p.named {
		return c.NamedSegment
	}
	return c.Segment
}

// namedSegments reads the named segments of the customers that are scored.
func (p *planner) namedSegments() (map[string]string, error) {
	out := make(map[string]string, len(p.scores))
	for batch, err := range data.Scan[SegmentMember](p.w.Input("segments").Path(segmentMembersFile)) {
		if err != nil {
			return nil, err
		}
		for i := range batch {
			if p.scores[batch[i].CustomerID] != nil {
				out[batch[i].CustomerID] = string(batch[i].Segment)
			}
		}
	}
	return out, nil
}

// readHours reads at which hours those open messages whom the plan touches.
func (p *planner) readHours() (err error) {
	needed := map[string]bool{}
	for i := range p.explained {
		needed[p.ids[p.explained[i].Customer]] = true
	}
	if p.explored != nil {
		for _, t := range p.explored.won {
			needed[t.id] = true
		}
	}
	p.hours, err = readBestHours(p.w.Input("segments"), p.engine, needed)
	return err
}

// window returns the hours of a touch as [bestHours.window] does; where no hours
// were read they are the law's.
func (p *planner) window(c *data.Customer, ch data.Channel, day data.Date) (start, end time.Time, hour int) {
	if p.hours == nil {
		start, end, _ = p.engine.Window(c, day)
		return start, end, -1
	}
	return p.hours.window(c, ch, day)
}

// hourWords says why a touch waits for an hour of the day.
func hourWords(hour int) string {
	if hour < 0 {
		return ""
	}
	return fmt.Sprintf(" Enviar a partir das %d h, quando o cliente mais costuma abrir mensagens.", hour)
}
