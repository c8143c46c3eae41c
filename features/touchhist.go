package features

import (
	"math"

	"dunning/data"
)

// touchhistStats is what was sent to the customer before AsOf and how his
// payments answered it.
type touchhistStats struct {
	total               int
	in7, in14, in30     int
	decayed             float64
	last                data.Date
	lastOn              [channelCount]data.Date
	lastChannel         int
	lastCost            data.Cents // of the last touch
	sinceOldest, unpaid int        // touches since the oldest open invoice's issue, and since the last payment

	// Decisions whose response window has closed, by option (hold last), and
	// those that were answered.
	closed, answered [channelCount + 1]int
	// Payments within echoDays after touches by channel, and those expected at
	// the customer's quiet pace.
	echoes, expected           [channelCount]float64
	stageEchoes, stageExpected float64
	// The same at the dunning stage of the oldest open invoice: touch, hold.
	stageClosed, stageAnswered [2]int
}

// fatigueHalfLifeDays is the time in which the weight of a touch halves in the
// decayed count.
const fatigueHalfLifeDays = 7

func (s *snapshot) readTouchhist() {
	s.x.judged.Do(s.x.judgeTouches)
	t := &s.touchhist
	t.last, t.lastChannel = never, -1
	for c := range t.lastOn {
		t.lastOn[c] = never
	}
	stage := int8(-1)
	issue := never
	if s.oldest >= 0 {
		v := &s.x.invoices[s.oldest]
		stage, issue = stageOf(int(s.at-v.due)), v.issued
	}
	lastPaid := -never
	if s.paid > 0 {
		lastPaid = s.x.payments[s.paid-1].day
	}
	for i := range s.x.touches[:s.touched] {
		f := &s.x.touches[i]
		held := int(f.channel) == holdIndex
		if f.eligible && f.day <= s.asOf-responseDays {
			t.addResponse(f, held, f.stage == stage)
		}
		if held {
			continue
		}
		if s.pace.known && f.day <= s.asOf-echoDays {
			t.addEcho(s, f, f.eligible && f.stage == stage)
		}
		t.total++
		t.last, t.lastChannel, t.lastCost = f.day, int(f.channel), s.h.Touches[i].CostCents
		t.lastOn[f.channel] = f.day
		if f.day >= issue {
			t.sinceOldest++
		}
		if f.day > lastPaid {
			t.unpaid++
		}
		age := s.at - f.day // at least 1
		if age <= 30 {
			t.in30++
			if age <= 14 {
				t.in14++
				if age <= 7 {
					t.in7++
				}
			}
		}
		if age < data.Date(len(s.c.decay)) {
			t.decayed += s.c.decay[age]
		}
	}
}

func (t *touchhistStats) addResponse(f *touchFact, held, sameStage bool) {
	t.closed[f.channel]++
	if f.answered {
		t.answered[f.channel]++
	}
	if !sameStage {
		return
	}
	arm := 0
	if held {
		arm = 1
	}
	t.stageClosed[arm]++
	if f.answered {
		t.stageAnswered[arm]++
	}
}

// echoDays is the shorter window in which payments after a touch are compared
// with the baseline: what comes later is less and less due to the touch.
const echoDays = 4

func (t *touchhistStats) addEcho(s *snapshot, f *touchFact, sameStage bool) {
	e := &s.c.exposure
	paid := e.between(e.paid, f.day, f.day+echoDays)
	expected := s.pace.quiet * e.between(e.expected, f.day, f.day+echoDays)
	t.echoes[f.channel] += paid
	t.expected[f.channel] += expected
	if sameStage {
		t.stageEchoes += paid
		t.stageExpected += expected
	}
}

// echoTrials is how many expected payments an echo is pulled by.
const echoTrials = 1

// echo returns payments per expected payment after touches on any channel,
// pulled to 1.
func (t *touchhistStats) echo() float64 {
	var paid, expected float64
	for c := range t.echoes {
		paid += t.echoes[c]
		expected += t.expected[c]
	}
	return pace(paid, expected, 1, echoTrials)
}

// newDecay returns the weight of a touch by its age in days, down to one part
// in a thousand.
func newDecay() []float64 {
	w := make([]float64, 10*fatigueHalfLifeDays+1)
	for age := range w {
		w[age] = math.Exp2(-float64(age) / fatigueHalfLifeDays)
	}
	return w
}

// A response share is a mean of few trials, so each is pulled to that of a
// larger group by so many trials of the group's mean: a channel's to all
// channels', the holds' to all decisions', and all decisions' to a constant
// that stands for what is known of nobody.
const (
	poolTrials    = 4
	responsePrior = 0.2
)

// pooled returns the mean of trials with the given successes, shrunk.
func pooled(successes, trials int, toward float64) float64 {
	return (float64(successes) + poolTrials*toward) / (float64(trials) + poolTrials)
}

// holdShare returns the shrunk share of the customer's holds that were
// followed by a payment.
func (t *touchhistStats) holdShare() float64 {
	closed, answered := 0, 0
	for c := range t.closed {
		closed += t.closed[c]
		answered += t.answered[c]
	}
	return pooled(t.answered[holdIndex], t.closed[holdIndex], pooled(answered, closed, responsePrior))
}

// touchGain returns the response share of touches on any channel less that of
// holds, pulled to zero.
func (t *touchhistStats) touchGain() float64 {
	closed, answered := 0, 0
	for c := range data.Channels {
		closed += t.closed[c]
		answered += t.answered[c]
	}
	return (float64(answered) - float64(closed)*t.holdShare()) / (float64(closed) + poolTrials)
}

// channelGain is touchGain of one channel, pulled to that of all.
func (t *touchhistStats) channelGain(c int) float64 {
	n := float64(t.closed[c])
	return (float64(t.answered[c]) - n*t.holdShare() + poolTrials*t.touchGain()) / (n + poolTrials)
}

// stageGain compares touches and holds of the same dunning stage as now,
// pulled to touchGain.
func (t *touchhistStats) stageGain() float64 {
	hold := pooled(t.stageAnswered[1], t.stageClosed[1], t.holdShare())
	n := float64(t.stageClosed[0])
	return (float64(t.stageAnswered[0]) - n*hold + poolTrials*t.touchGain()) / (n + poolTrials)
}

func touchhistFeatures() []Feature {
	number := func(value func(*touchhistStats) int) func(*snapshot) float64 {
		return func(s *snapshot) float64 { return float64(value(&s.touchhist)) }
	}
	all := []Feature{
		column("touches", "count", 0, inf, number(func(t *touchhistStats) int { return t.total }),
			"Touches ever sent; holds are not touches."),
		column("touches_7", "count", 0, inf, number(func(t *touchhistStats) int { return t.in7 }),
			"Known touches in the 7 days before the day of the action.").atDay(),
		column("touches_14", "count", 0, inf, number(func(t *touchhistStats) int { return t.in14 }),
			"The same in 14 days.").atDay(),
		column("touches_30", "count", 0, inf, number(func(t *touchhistStats) int { return t.in30 }),
			"The same in 30 days.").atDay(),
		column("decayed", "count", 0, inf, func(s *snapshot) float64 { return s.touchhist.decayed },
			"Fatigue: touches, each halved for every 7 days since.").atDay(),
		column("since_touch", "days", 1, inf, func(s *snapshot) float64 { return s.since(s.touchhist.last) },
			"Days since the last touch.").missing("never touched").atDay(),
		column("last_channel", "code", 0, float64(channelCount-1), func(s *snapshot) float64 {
			if s.touchhist.lastChannel < 0 {
				return nan
			}
			return float64(s.touchhist.lastChannel)
		}, "Channel of the last touch: email 0, sms 1, whatsapp 2, voice 3, letter 4.").missing("never touched"),
		column("last_cost", "cents", 0, inf, func(s *snapshot) float64 {
			if s.touchhist.lastChannel < 0 {
				return nan
			}
			return float64(s.touchhist.lastCost)
		}, "Cost of the last touch: where the debtor bears it, part of what he is asked for.").missing("never touched"),
		column("last_cost_rank", "share", 0, 1, func(s *snapshot) float64 {
			if s.touchhist.lastChannel < 0 {
				return nan
			}
			return s.c.prices.Rank(data.Channels[s.touchhist.lastChannel], s.touchhist.last, s.touchhist.lastCost)
		}, "Share of the portfolio's touches on the channel of the last touch, in the 90 days that end with its day, that cost less; equal costs count half. Unlike the cost, it outlives a change of tariff.").missing("never touched"),
		column("since_payment", "count", 0, inf, number(func(t *touchhistStats) int { return t.unpaid }),
			"Touches after the day of the last payment: what went unanswered."),
		column("step", "count", 0, inf, number(func(t *touchhistStats) int { return t.sinceOldest }),
			"Touches since the oldest open invoice was issued: how far the ladder has been climbed."),
		column("holds", "count", 0, inf, number(func(t *touchhistStats) int { return t.closed[holdIndex] }),
			"Logged holds with an open balance whose 7 days have passed: the evidence behind the hold share."),
		column("hold_response", "share", 0, 1, func(s *snapshot) float64 { return s.touchhist.holdShare() },
			"Share of those holds that a payment followed within 7 days, pulled by 4 trials to the share after all decisions, itself pulled by 4 trials to 0.2."),
		column("touch_response_gain", "share", -1, 1, func(s *snapshot) float64 { return s.touchhist.touchGain() },
			"Share of the touches, on any channel, that a payment followed within 7 days, less the hold share, pulled by 4 trials to 0."),
		column("stage_response_gain", "share", -1, 1, func(s *snapshot) float64 { return s.touchhist.stageGain() },
			"The same among touches and holds at the dunning stage of the oldest open invoice (not overdue, 1 to 30 days, later), pulled by 4 trials to the gain of all touches.").atDay(),
	}
	echo := func(value func(t *touchhistStats) float64) func(*snapshot) float64 {
		return func(s *snapshot) float64 {
			if !s.pace.known {
				return nan
			}
			return value(&s.touchhist)
		}
	}
	all = append(all,
		column("touch_echo", "ratio", 0, inf, echo((*touchhistStats).echo),
			"Payments in the 4 days from each touch ÷ those expected at the customer's own pace without touches, pulled by 1 expected payment to 1: above 1, touches bring money.").missing("the vocabulary has no baseline").learned(),
		column("stage_echo", "ratio", 0, inf, echo(func(t *touchhistStats) float64 {
			return pace(t.stageEchoes, t.stageExpected, t.echo(), echoTrials)
		}), "The same at the dunning stage of the oldest open invoice, pulled by 1 expected payment to that of all touches.").missing("the vocabulary has no baseline").atDay().learned(),
	)
	for c, ch := range data.Channels {
		all = append(all,
			column("since_"+string(ch), "days", 1, inf, func(s *snapshot) float64 { return s.since(s.touchhist.lastOn[c]) },
				"Days since the last touch by "+string(ch)+".").missing("never touched by "+string(ch)).atDay(),
			column(string(ch)+"_response_gain", "share", -1, 1, func(s *snapshot) float64 { return s.touchhist.channelGain(c) },
				"Share of the touches by "+string(ch)+" that a payment followed within 7 days, less the hold share, pulled by 4 trials to the gain of all touches."),
			column(string(ch)+"_echo", "ratio", 0, inf, echo(func(t *touchhistStats) float64 {
				return pace(t.echoes[c], t.expected[c], t.echo(), echoTrials)
			}), "Payments in the 4 days from each touch by "+string(ch)+" ÷ those expected without, pulled by 1 expected payment to that of all touches.").missing("the vocabulary has no baseline").learned(),
		)
	}
	return all
}
