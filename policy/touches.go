package policy

import "dunning/data"

// crowds reports whether rule i, which counts touches, forbids one more touch
// on the channel with index j on a day.
func (e *Engine) crowds(i int, s *Subject, j int, day data.Date) bool {
	r, c := &e.rules[i], &e.config
	switch r.Kind {
	case MinGap:
		return s.closest(e.channelsOf[i], day) < c.MinGapDays
	case MaxTouches1:
		return s.crowded(e.channelsOf[i], day, 1, c.MaxTouches1)
	case MaxTouches7:
		return s.crowded(e.channelsOf[i], day, 7, c.MaxTouches7)
	case MaxTouches30:
		return s.crowded(e.channelsOf[i], day, 30, c.MaxTouches30)
	case MaxTouches:
		return s.crowded(e.channelsOf[i], day, r.Days, r.Limit)
	case ChannelCap:
		limits := c.ChannelCaps[data.Channels[j]]
		own := uint8(1) << j
		return limits.Day > 0 && s.crowded(own, day, 1, limits.Day) ||
			limits.Week > 0 && s.crowded(own, day, 7, limits.Week) ||
			limits.Month > 0 && s.crowded(own, day, 30, limits.Month)
	}
	return false
}

// counts reports whether touch k was on one of some channels; it may have been
// where its channel is not known.
func (s *Subject) counts(k int, channels uint8) bool {
	if channels == everyChannel || k >= len(s.touchedOn) {
		return true
	}
	j := s.touchedOn[k].Index()
	return j < 0 || channels&(1<<j) != 0
}

// closest returns the days between day and the nearest touch before or after it.
func (s *Subject) closest(channels uint8, day data.Date) int {
	nearest := int(^uint(0) >> 1)
	for k, t := range s.touches {
		if s.counts(k, channels) {
			nearest = min(nearest, max(int(day)-int(t), int(t)-int(day)))
		}
	}
	return nearest
}

// crowded reports whether one touch more on day would make some span of n days
// hold more than limit touches. A span that gets too full ends on the day or on
// a later touch within reach.
func (s *Subject) crowded(channels uint8, day data.Date, n, limit int) bool {
	if s.spanned(channels, day, n) >= limit {
		return true
	}
	for k, end := range s.touches {
		if end > day && int(end)-int(day) < n && s.counts(k, channels) && s.spanned(channels, end, n) >= limit {
			return true
		}
	}
	return false
}

// spanned counts the touches of the n days that end on last.
func (s *Subject) spanned(channels uint8, last data.Date, n int) int {
	count := 0
	for k, t := range s.touches {
		if t <= last && int(last)-int(t) < n && s.counts(k, channels) {
			count++
		}
	}
	return count
}
