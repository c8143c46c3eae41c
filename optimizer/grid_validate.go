package optimizer

import (
	"dunning/data"
)

// Validate reports every fault of the grid with its place, or nil, like
// [Problem.Validate]. Values are checked where they are read.
func (g *Grid) Validate() error {
	var f faults
	if len(g.Slots) > MaxSlots {
		f.add("%w: %d slots, at most %d", data.ErrBadNumber, len(g.Slots), MaxSlots)
	}
	if g.Profiles < 1 {
		f.add("%w: %d profiles", data.ErrBadNumber, g.Profiles)
	}
	for s := 1; s < len(g.Slots); s++ {
		a, b := g.Slots[s-1], g.Slots[s]
		if a.Day > b.Day || a.Day == b.Day && a.Channel.Index() >= b.Channel.Index() {
			f.add("slot %d: %w: %s %s after %s %s (by day, then channel, each once)", s, data.ErrDuplicateID, b.Channel, b.Day, a.Channel, a.Day)
		}
	}
	if g.Values == nil || g.Values.Slots() != len(g.Slots) {
		f.add("%w: values of other slots", data.ErrBadNumber)
	}
	g.validateLadder(&f)
	seen := make(map[string]int, len(g.Rows))
	for r := range g.Rows {
		row := &g.Rows[r]
		if row.Name == "" {
			f.add("row %d: %w: name", r, data.ErrMissingValue)
		} else if first, ok := seen[row.Name]; ok {
			f.add("row %d: %w: name %q is also row %d's", r, data.ErrDuplicateID, row.Name, first)
		} else {
			seen[row.Name] = r
		}
		g.validateRow(row, &f)
	}
	return f.err()
}

func (g *Grid) validateLadder(f *faults) {
	l := &g.Ladder
	if l.Touches < 0 || l.Touches > MaxTouches {
		f.add("ladder: %w: %d touches (0 to %d)", data.ErrBadNumber, l.Touches, MaxTouches)
	}
	if l.GapDays < 0 {
		f.add("ladder: %w: gap of %d days", data.ErrBadNumber, l.GapDays)
	}
	for step, row := range l.Factor {
		for gap, x := range row {
			if !finite(x) || x < 0 {
				f.add("ladder: %w: factor %g of step %d after %d days", data.ErrBadNumber, x, step+1, gap)
			}
		}
	}
}

func (g *Grid) validateRow(row *GridRow, f *faults) {
	if row.Sense != AtMost && row.Sense != AtLeast {
		f.add("row %q: %w: sense %d", row.Name, data.ErrBadNumber, row.Sense)
	}
	if !finite(row.Limit) {
		f.add("row %q: %w: limit %g", row.Name, data.ErrBadNumber, row.Limit)
	}
	negative := false
	for k, u := range row.Use {
		switch {
		case u.Profile < 0 || int(u.Profile) >= g.Profiles || u.Slot < 0 || int(u.Slot) >= len(g.Slots):
			f.add("row %q use %d: %w: profile %d of %d, slot %d of %d", row.Name, k, data.ErrBadNumber, u.Profile, g.Profiles, u.Slot, len(g.Slots))
		case k > 0 && !row.Use[k-1].before(u):
			f.add("row %q use %d: %w: profile %d, slot %d out of order or twice", row.Name, k, data.ErrDuplicateID, u.Profile, u.Slot)
		case !finite(u.Amount):
			f.add("row %q use %d: %w: amount %g", row.Name, k, data.ErrBadNumber, u.Amount)
		}
		negative = negative || u.Amount < 0
	}
	if row.Sense == AtMost && row.Limit < 0 && !negative {
		f.add("row %q: %w: limit %g, which not even holding everybody meets", row.Name, data.ErrNegativeAmount, row.Limit)
	}
}

func (u SlotUse) before(v SlotUse) bool {
	return u.Profile < v.Profile || u.Profile == v.Profile && u.Slot < v.Slot
}
