package optimizer

import (
	"context"
	"math"

	"dunning/data"
)

// Grid is an allocation at scale. All customers are offered the same slots (a
// channel on a day) with values of their own; what a touch uses of the rows
// depends on its slot and on the customer's profile. A segment with rows of
// its own is a profile; uses that differ from customer to customer make a
// profile each.
//
// A customer is given a ladder of at most Ladder.Touches slots, or hold.
type Grid struct {
	Slots    []Slot // by day, then in the order of data.Channels; at most MaxSlots
	Profiles int    // number of profiles, ≥ 1
	Rows     []GridRow
	Values   Values
	Ladder   LadderRule
}

// Slot is one option that every customer has: a channel on a day.
type Slot struct {
	Channel data.Channel
	Day     data.Date
}

// GridRow is one coupling constraint over all customers.
type GridRow struct {
	Name  string // unique; shown to the manager, e.g. "budget" or "sms 2026-01-05"
	Sense Sense
	Limit float64 // cents for a budget, touches for a capacity
	// Use holds what a touch takes, sorted by profile, then slot, each pair at
	// most once.
	Use []SlotUse
	// Discounted rows count value: a later touch of a ladder, whose value the
	// ladder's rule discounts, uses that much less of them.
	Discounted bool
}

// SlotUse is the amount of a row's resource that a touch in a slot takes for a
// customer of a profile.
type SlotUse struct {
	Profile, Slot int32
	Amount        float64
}

// BlockSource is customers in blocks.
type BlockSource interface {
	Customers() int
	// Blocks returns the number of blocks; block k holds customers in the
	// order of their index and follows block k−1.
	Blocks() int
	// Read hands block k to use, which must not keep or change it.
	Read(ctx context.Context, k int, use func(Block) error) error
}

// Values are the customers' values, in blocks, so that they need not be in
// memory at once. All methods may be called by several goroutines.
type Values interface {
	BlockSource
	Slots() int
	Largest() float64 // largest absolute value that is not Forbidden
	// Sample returns a random sample: the customers whose content has the
	// smallest hashes ([SampleHash]), smallest first. So it depends neither on
	// the customers' order nor on the blocks. Block.First means nothing in it.
	Sample(ctx context.Context) (Block, error)
}

// Parted are values of which a part tells nearly as much as all, much sooner.
type Parted interface {
	Values
	// Part returns the customers whose content has a hash ([SampleHash]) in the lowest
	// sixteenth, or nil where there are too few customers, or too many alike. Block.First
	// means nothing in it.
	Part() BlockSource
}

// Block is some customers, one after the other. Either Narrow or Wide is set:
// customer i's value of slot s is at i·slots+s, in cents; Forbidden where the
// customer may not have the slot.
type Block struct {
	First     int // index of the first customer
	Customers int
	Narrow    []float32
	Wide      []float64
	Profile   []int32 // by customer; nil when all are 0
}

// Forbidden is the value of a slot that a customer may not have.
var Forbidden = math.Inf(-1)

// LadderRule says which ladders there are and what they are worth: the sum of
// the values of their touches, each times Factor[step][gap].
type LadderRule struct {
	Touches int // at most so many in the window; 0 means 1; at most MaxTouches
	GapDays int // at least so many days from touch to touch; 0 means 1: one a day at most
	// Factor[j][g] discounts the touch of step j (0 is the first) that follows
	// the one before after g days; the last entry serves every longer gap. Row
	// 0 is not read: the first touch has its full value. nil: no discount.
	// Factors are ≥ 0.
	Factor [][]float64
}

// Limits of the code in a Rungs.
const (
	MaxTouches = 6
	MaxSlots   = 1<<rungBits - 1
	rungBits   = 10
)

// factor returns the discount of step (0 is the first) after a gap in days.
func (l *LadderRule) factor(step, gap int) float64 {
	if step == 0 || step >= len(l.Factor) || len(l.Factor[step]) == 0 {
		return 1
	}
	return l.Factor[step][min(gap, len(l.Factor[step])-1)]
}

// touches returns the largest number of touches of a ladder.
func (l *LadderRule) touches() int { return max(1, l.Touches) }

// gapDays returns the least number of days from touch to touch.
func (l *LadderRule) gapDays() int { return max(1, l.GapDays) }

// Rungs is a ladder in one word: the slots of its touches in ascending order,
// ten bits each (slot + 1), the first touch in the lowest. 0 is hold.
type Rungs uint64

// Hold is the ladder without a touch.
const Hold Rungs = 0

// RungsOf returns the ladder of the given slots, which ascend.
func RungsOf(slots ...int) Rungs {
	r := Hold
	for k, s := range slots {
		r |= Rungs(s+1) << (rungBits * k)
	}
	return r
}

// First returns the slot of the first touch; -1 for hold.
func (r Rungs) First() int { return int(r&MaxSlots) - 1 }

// Rest returns the ladder without its first touch.
func (r Rungs) Rest() Rungs { return r >> rungBits }

// Touches returns the number of touches.
func (r Rungs) Touches() int {
	n := 0
	for ; r != Hold; r = r.Rest() {
		n++
	}
	return n
}

// Slots appends the slots of the touches to out.
func (r Rungs) Slots(out []int) []int {
	for ; r != Hold; r = r.Rest() {
		out = append(out, r.First())
	}
	return out
}

// option is a ladder with what it is worth to one customer.
type option struct {
	rungs Rungs
	worth float64
}

// search finds the options of one customer that a box of prices leaves open.
// It holds scratch and belongs to one goroutine.
type search interface {
	// decide appends to keep[:0] the option that is best at the centre of the
	// box and after it every option, hold included, that is at least as good
	// somewhere in the box: a customer with one option kept is decided. values
	// has one value per slot. At most limit options are kept; complete is
	// false when there were more.
	decide(profile int32, values []float64, limit int, keep []option) (kept []option, complete bool)
}

// AddRow appends a row with the amount that a touch in a slot uses for a
// customer of a profile; amounts of zero are left out.
func (g *Grid) AddRow(name string, sense Sense, limit float64, amount func(profile, slot int) float64) *GridRow {
	row := GridRow{Name: name, Sense: sense, Limit: limit}
	for p := range max(1, g.Profiles) {
		for s := range g.Slots {
			if a := amount(p, s); a != 0 {
				row.Use = append(row.Use, SlotUse{int32(p), int32(s), a})
			}
		}
	}
	g.Rows = append(g.Rows, row)
	return &g.Rows[len(g.Rows)-1]
}

// Problem returns the grid's single touches as a Problem, candidates by
// customer and slot: what other solvers take, and small instances are checked
// with. It must fit in memory several times over.
func (g *Grid) Problem(ctx context.Context) (*Problem, error) {
	p := &Problem{Rows: make([]Row, len(g.Rows))}
	t := newUseTable(g)
	for r := range g.Rows {
		p.Rows[r] = Row{Name: g.Rows[r].Name, Sense: g.Rows[r].Sense, Limit: g.Rows[r].Limit}
	}
	scratch := make([]float64, len(g.Slots))
	for k := range g.Values.Blocks() {
		err := g.Values.Read(ctx, k, func(b Block) error {
			for i := range b.Customers {
				for s, v := range b.values(i, scratch) {
					if v == Forbidden {
						continue
					}
					j := int32(len(p.Candidates))
					p.Candidates = append(p.Candidates, Candidate{Customer: int32(b.First + i), Channel: g.Slots[s].Channel, Day: g.Slots[s].Day, ValueCents: v})
					rows, amounts := t.touch(b.profile(i), s)
					for u, r := range rows {
						p.Rows[r].Use = append(p.Rows[r].Use, Use{j, t.sign[r] * amounts[u]})
						if g.Rows[r].Name == BudgetName {
							p.Candidates[j].CostCents = amounts[u]
						}
					}
				}
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return p, nil
}
