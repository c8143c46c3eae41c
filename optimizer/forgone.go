package optimizer

import (
	"context"
	"fmt"
	"slices"

	"dunning/data"
)

// Forced is an allocation in which some customers' ladders were given.
type Forced struct {
	*Allocation         // of everybody; its objective includes the forced ladders
	ForcedCents float64 // worth of the forced ladders
	// ForgoneCents is what forcing costs: the free optimum less this one.
	ForgoneCents float64
}

// Force solves g with the ladders of some customers given, whatever they are
// worth, and says what that forgoes against the free optimum. The ladders use
// the rows like any other; if they leave no allocation that meets all rows, the
// status is Infeasible. A forced ladder may have slots that the customer's
// values forbid: they are worth nothing here. The error wraps [data.ErrUsage]
// for a customer who is not there and a ladder that the rule does not know.
func (s Boxstep) Force(ctx context.Context, g *Grid, free *Allocation, ladders map[int32]Rungs) (*Forced, error) {
	if err := free.Err(); err != nil {
		return nil, err
	}
	rest := *g
	rest.Rows = slices.Clone(g.Rows)
	held := &heldValues{Values: g.Values, held: ladders}
	t := newUseTable(g)
	worth, err := held.charge(ctx, g, t, rest.Rows)
	if err != nil {
		return nil, err
	}
	rest.Values = held
	for r := range rest.Rows { // a limit that is overdrawn from the start
		if rest.Rows[r].Sense == AtMost && rest.Rows[r].Limit < 0 && g.Rows[r].Limit >= 0 && t.onlyTakes(r) {
			return &Forced{Allocation: &Allocation{Status: Infeasible, Shortfalls: []Shortfall{{Row: g.Rows[r].Name, Sense: AtMost,
				Limit: g.Rows[r].Limit, Reach: g.Rows[r].Limit - rest.Rows[r].Limit, Amount: -rest.Rows[r].Limit}}}, ForcedCents: worth}, nil
		}
	}
	s.Start = free.Prices
	a, err := s.Allocate(ctx, &rest)
	if err != nil {
		return nil, err
	}
	out := &Forced{Allocation: a, ForcedCents: worth}
	if a.Status == Optimal {
		for i, ladder := range ladders {
			a.Chosen[i] = ladder
		}
		a.ObjectiveCents += worth
		a.BoundCents += worth
		out.ForgoneCents = free.ObjectiveCents - a.ObjectiveCents
	}
	return out, nil
}

// onlyTakes reports whether no touch gives anything back to a row.
func (t *useTable) onlyTakes(row int) bool {
	for k, r := range t.row {
		if int(r) == row && t.amount[k] < 0 {
			return false
		}
	}
	return true
}

// heldValues are values in which some customers may have nothing.
type heldValues struct {
	Values
	held map[int32]Rungs
}

func (h *heldValues) Read(ctx context.Context, k int, use func(Block) error) error {
	return h.Values.Read(ctx, k, func(b Block) error {
		copied := false
		for i := range b.Customers {
			if _, ok := h.held[int32(b.First+i)]; !ok {
				continue
			}
			if !copied {
				b.Narrow, b.Wide, copied = slices.Clone(b.Narrow), slices.Clone(b.Wide), true
			}
			for s := i * h.Slots(); s < (i+1)*h.Slots(); s++ {
				if b.Narrow != nil {
					b.Narrow[s] = float32(Forbidden)
				} else {
					b.Wide[s] = Forbidden
				}
			}
		}
		return use(b)
	})
}

// charge takes what the forced ladders use off the limits and returns what they
// are worth.
func (h *heldValues) charge(ctx context.Context, g *Grid, t *useTable, rows []GridRow) (float64, error) {
	worth := exactSum{units: centUnits}
	used := make([]exactSum, len(rows))
	for r := range used {
		used[r] = newExactSum(t.largest[r])
	}
	seen := 0
	scratch := make([]float64, len(g.Slots))
	for k := range h.Blocks() {
		err := h.Values.Read(ctx, k, func(b Block) error {
			for i := range b.Customers {
				ladder, ok := h.held[int32(b.First+i)]
				if !ok {
					continue
				}
				seen++
				if !t.allows(ladder) {
					return fmt.Errorf("%w: customer %d: ladder %v breaks the rule of at most %d touches, %d days apart",
						data.ErrUsage, b.First+i, ladder.Slots(nil), t.rule.touches(), t.rule.gapDays())
				}
				worth.add(t.worth(ladder, b.values(i, scratch)))
				uses, amounts := t.of(b.profile(i), ladder, nil, nil)
				for u, r := range uses {
					used[r].add(amounts[u])
				}
			}
			return nil
		})
		if err != nil {
			return 0, err
		}
	}
	if seen != len(h.held) {
		return 0, fmt.Errorf("%w: %d of %d forced customers are not among the %d", data.ErrUsage, len(h.held)-seen, len(h.held), h.Customers())
	}
	for r := range rows {
		left := t.limit[r] - used[r].value()
		if abs(left) <= rowSlackTolerance*max(1, abs(t.limit[r])) {
			left = 0
		}
		rows[r].Limit = t.sign[r] * left
	}
	return worth.value(), nil
}

// allows reports whether a ladder keeps the rule.
func (t *useTable) allows(r Rungs) bool {
	last := -1
	for n := 0; r != Hold; r = r.Rest() {
		slot := r.First()
		if n++; n > t.rule.touches() || slot < 0 || slot >= t.slots || last >= 0 && t.day[slot]-t.day[last] < t.rule.gapDays() {
			return false
		}
		last = slot
	}
	return true
}

// worth returns what a ladder is worth; forbidden touches are worth nothing.
func (t *useTable) worth(r Rungs, values []float64) float64 {
	total, last := 0.0, 0
	for step := 0; r != Hold; step, r = step+1, r.Rest() {
		slot := r.First()
		if values[slot] != Forbidden {
			total += values[slot] * t.rule.factor(step, t.day[slot]-last)
		}
		last = t.day[slot]
	}
	return total
}
