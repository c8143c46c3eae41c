package features

import (
	"dunning/data"
)

// Computer computes rows of features. It holds what does not belong to one
// customer: codes of categories, cohort statistics, the calendar. It keeps
// scratch memory between rows, so each goroutine needs its own.
type Computer struct {
	dictionary []Feature
	vocabulary *vocabularyIndex
	baseline   Baseline
	exposure   exposure
	cohorts    *Cohorts
	prices     *Prices
	calendar   *calendar
	decay      []float64 // weight of a touch by its age in days
	scratch    snapshot
	row        []float32
}

// NewComputer returns a computer with the category codes of v, the cohort
// statistics of cohorts and the prices of touches. Each may be nil: every
// category is then unknown, every cohort feature NaN, no cost comparable. They
// are read only and may be shared.
func NewComputer(v *Vocabulary, cohorts *Cohorts, prices *Prices) *Computer {
	c := &Computer{
		dictionary: Dictionary(),
		vocabulary: newVocabularyIndex(v),
		cohorts:    cohorts,
		prices:     prices,
		calendar:   newCalendar(),
		decay:      newDecay(),
	}
	if v != nil {
		c.baseline = v.Baseline
	}
	c.row = make([]float32, len(c.dictionary))
	return c
}

// Names returns the columns of a row, in order. The slice is the caller's.
func (c *Computer) Names() []string {
	names := make([]string, len(c.dictionary))
	for i, f := range c.dictionary {
		names[i] = f.Name
	}
	return names
}

// snapshot is one decision point while it is computed: what each family read
// from the history.
type snapshot struct {
	h        *History
	x        *index
	c        *Computer
	asOf, at data.Date

	issued, paid, touched int // how many invoices, payments, decisions are known
	oldest                int // position of the oldest open invoice, -1 when none

	aging      agingStats
	pace       paceStats
	payhist    payhistStats
	mix        mixStats
	touchhist  touchhistStats
	engagement engagementStats
	promises   promisesStats
	bureau     bureauStats
	disputes   disputesStats
	calendar   calendarDay
	cohort     cohortStats
}

// Row writes the features of one decision point to out, in the order of
// [Dictionary]. Only what happened before midnight UTC of asOf is known; a
// day-typed fact (issued_on, cancelled_on) is known when it is before asOf; the
// due date and amount of an invoice are known once it is issued. Elapsed times
// and the calendar are read at the day at: equal to asOf for training and for
// today's decisions, later for a touch on a later day of a planning window that
// is planned with today's knowledge.
//
// A value is NaN where it is unknown, and never infinite. Row panics when out
// has another length than the dictionary, when at is before asOf, or when h was
// not made by [NewHistory].
func (c *Computer) Row(h *History, asOf, at data.Date, out []float32) {
	switch {
	case len(out) != len(c.dictionary):
		panic("features: row of another length than the dictionary")
	case at < asOf:
		panic("features: day before as_of")
	case h.index == nil:
		panic("features: history not made by NewHistory")
	}
	s := &c.scratch
	*s = snapshot{h: h, x: h.index, c: c, asOf: asOf, at: at}
	s.issued = s.x.issuedBefore(asOf)
	s.paid = s.x.paidBefore(asOf)
	s.touched = s.x.touchedBefore(asOf)
	s.readAging()
	s.readPace()
	s.readPayhist()
	s.readMix()
	s.readTouchhist()
	s.readEngagement()
	s.readPromises()
	s.readBureau()
	s.readDisputes()
	s.calendar = c.calendar.day(at)
	s.readCohort()
	for i := range c.dictionary {
		out[i] = float32(c.dictionary[i].value(s))
	}
}

// since returns the days from a past day to the day of the action, NaN for
// never.
func (s *snapshot) since(day data.Date) float64 {
	if day == never {
		return nan
	}
	return float64(s.at) - float64(day)
}
