package whatif

import (
	"fmt"
	"math"
	"slices"

	"dunning/data"
	"dunning/optimizer"
)

// Wish is what is to be changed of the plan's limits. The zero Wish changes
// nothing.
type Wish struct {
	// BudgetCents is the whole budget, what réguas take of it included; nil for
	// the plan's.
	BudgetCents *data.Cents    `json:"budget_cents,omitempty"`
	Capacities  []CapacityWish `json:"capacities,omitempty"` // a later one wins
	Off         []data.Channel `json:"off,omitempty"`        // channels that nobody is contacted on
	Coverage    []CoverageWish `json:"coverage,omitempty"`
}

// CapacityWish is how many touches a channel can send on a day.
type CapacityWish struct {
	Channel data.Channel `json:"channel"`
	Day     data.Date    `json:"day,omitempty"` // 0 means every day of the plan
	Touches int64        `json:"touches"`       // ≥ 0
}

// CoverageWish demands that a share of a segment's customers be contacted, even
// where that does not earn its cost.
type CoverageWish struct {
	Segment string  `json:"segment"`
	Share   float64 `json:"share"` // of those whom the law allows to contact, in [0, 1]
}

// IsZero says whether the wish changes nothing.
func (w Wish) IsZero() bool {
	return w.BudgetCents == nil && len(w.Capacities)+len(w.Off)+len(w.Coverage) == 0
}

// check returns what makes no sense for a plan, wrapping [data.ErrUsage].
func (w Wish) check(p *prepared) error {
	if w.BudgetCents != nil && (*w.BudgetCents < 0 || *w.BudgetCents > mostCents) {
		return fmt.Errorf("whatif: %w: a budget of %d cents", data.ErrUsage, *w.BudgetCents)
	}
	for _, c := range w.Capacities {
		if !p.hasChannel(c.Channel) {
			return fmt.Errorf("whatif: %w: the plan does not use the channel %q", data.ErrUsage, c.Channel)
		}
		if c.Day != 0 && !slices.Contains(p.Grid.Slots, optimizer.Slot{Channel: c.Channel, Day: c.Day}) {
			return fmt.Errorf("whatif: %w: %s is no day of the plan", data.ErrUsage, c.Day)
		}
		if c.Touches < 0 || c.Touches > mostTouches {
			return fmt.Errorf("whatif: %w: a capacity of %d contacts", data.ErrUsage, c.Touches)
		}
	}
	for _, ch := range w.Off {
		if !p.hasChannel(ch) {
			return fmt.Errorf("whatif: %w: the plan does not use the channel %q", data.ErrUsage, ch)
		}
	}
	for _, c := range w.Coverage {
		if !slices.Contains(p.Segments, c.Segment) {
			return fmt.Errorf("whatif: %w: no segment %q in the plan", data.ErrUsage, c.Segment)
		}
		if math.IsNaN(c.Share) || c.Share < 0 || c.Share > 1 {
			return fmt.Errorf("whatif: %w: a coverage of %g, want 0 to 1", data.ErrUsage, c.Share)
		}
	}
	return nil
}

// Limits of what can be wished: a billion reais, and as many contacts a day.
const (
	mostCents   = data.Cents(100_000_000_000)
	mostTouches = int64(1_000_000_000)
)
