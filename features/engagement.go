package features

import "dunning/data"

// Positions in data.TouchEventKinds.
const (
	kindSent = iota
	kindDelivered
	kindOpened
	kindClicked
	kindReplied
	kindBounced
	kindComplained
)

// engagementStats is what the channels reported about touches before AsOf.
type engagementStats struct {
	touches                    [channelCount]int
	opened                     [channelCount]int // touches opened at least once
	lastTouch, lastBounce      [channelCount]int32
	known                      int
	delivered, complaints      int
	opens30, clicks30, reply90 int
	lastOpen, lastClick        data.Date
	lagHours                   float64
	lags                       int
}

func (s *snapshot) readEngagement() {
	e := &s.engagement
	e.lastOpen, e.lastClick = never, never
	for c := range e.lastTouch {
		e.lastTouch[c], e.lastBounce[c] = -1, -1
	}
	if len(s.x.events) == 0 || s.x.events[0].day >= s.asOf {
		return
	}
	for i := range s.x.touches[:s.touched] {
		if c := int(s.x.touches[i].channel); c != holdIndex {
			e.touches[c]++
			e.lastTouch[c] = int32(i)
		}
	}
	for i := range s.x.events {
		f := &s.x.events[i]
		if f.day >= s.asOf {
			break
		}
		e.add(f, s.asOf)
	}
}

func (e *engagementStats) add(f *eventFact, asOf data.Date) {
	e.known++
	switch f.kind {
	case kindDelivered:
		if f.first {
			e.delivered++
		}
	case kindOpened:
		e.lastOpen = f.day
		if f.day >= asOf-30 {
			e.opens30++
		}
		if f.first {
			e.opened[f.channel]++
			e.lagHours += max(float64(f.lag), 0)
			e.lags++
		}
	case kindClicked:
		e.lastClick = f.day
		if f.day >= asOf-30 {
			e.clicks30++
		}
	case kindReplied:
		if f.day >= asOf-90 {
			e.reply90++
		}
	case kindBounced:
		e.lastBounce[f.channel] = max(e.lastBounce[f.channel], f.touch)
	case kindComplained:
		e.complaints++
	}
}

// openTrials is how many touches a share of opens is pulled by.
const openTrials = 3

func engagementFeatures() []Feature {
	const noEvent = "no event of any touch is known"
	number := func(value func(*engagementStats) int) func(*snapshot) float64 {
		return func(s *snapshot) float64 { return float64(value(&s.engagement)) }
	}
	all := []Feature{
		column("delivered", "share", 0, 1, func(s *snapshot) float64 {
			if s.engagement.known == 0 {
				return nan
			}
			sent := 0
			for _, n := range s.engagement.touches {
				sent += n
			}
			return ratio(float64(s.engagement.delivered), float64(sent))
		}, "Share of the touches that were reported as delivered.").missing(noEvent),
		column("opens_30", "count", 0, inf, number(func(e *engagementStats) int { return e.opens30 }),
			"Opens in the 30 days before AsOf."),
		column("clicks_30", "count", 0, inf, number(func(e *engagementStats) int { return e.clicks30 }),
			"Clicks in the 30 days before AsOf."),
		column("replies_90", "count", 0, inf, number(func(e *engagementStats) int { return e.reply90 }),
			"Replies in the 90 days before AsOf."),
		column("complaints", "count", 0, inf, number(func(e *engagementStats) int { return e.complaints }),
			"Complaints ever made about a touch."),
		column("since_open", "days", 1, inf, func(s *snapshot) float64 { return s.since(s.engagement.lastOpen) },
			"Days since the last open.").missing("never opened").atDay(),
		column("since_click", "days", 1, inf, func(s *snapshot) float64 { return s.since(s.engagement.lastClick) },
			"Days since the last click.").missing("never clicked").atDay(),
		column("open_lag", "hours", 0, inf, func(s *snapshot) float64 { return ratio(s.engagement.lagHours, float64(s.engagement.lags)) },
			"Mean hours from a touch to its first open.").missing("never opened"),
	}
	for c, ch := range data.Channels {
		if ch != data.Letter && ch != data.Voice { // nobody reports that they were opened
			all = append(all, column(string(ch)+"_opened", "share", 0, 1, func(s *snapshot) float64 {
				return ratio(float64(s.engagement.opened[c]), float64(s.engagement.touches[c]))
			}, "Share of the touches by "+string(ch)+" that were opened or read.").missing("never touched by "+string(ch)+" or "+noEvent),
				column(string(ch)+"_opened_gain", "share", -1, 1, func(s *snapshot) float64 {
					e := &s.engagement
					if !s.pace.known || e.known == 0 {
						return nan
					}
					n := float64(e.touches[c])
					return (float64(e.opened[c]) - n*s.c.baseline.Opened[c]) / (n + openTrials)
				}, "That share less the portfolio's, pulled by 3 trials to 0.").missing("the vocabulary has no baseline or "+noEvent).learned())
		}
		all = append(all, column(string(ch)+"_bounced", "flag", 0, 1, func(s *snapshot) float64 {
			e := &s.engagement
			if e.lastTouch[c] < 0 {
				return nan
			}
			return flag(e.lastBounce[c] == e.lastTouch[c])
		}, "Whether the last touch by "+string(ch)+" bounced.").missing("never touched by "+string(ch)+" or "+noEvent))
	}
	return all
}
