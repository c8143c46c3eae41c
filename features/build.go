package features

import (
	"cmp"
	"fmt"
	"slices"

	"dunning/data"
)

// UnitID names a decision point: the customer and the day, the same in every
// run.
func UnitID(customerID string, asOf data.Date) string {
	return customerID + "@" + asOf.String()
}

// Training says which window a training frame's labels read.
type Training struct {
	HorizonDays int       // length of the outcome window, from AsOf on
	End         data.Date // the first day of which the lake knows nothing
}

// AppendTraining adds the customer's points to a training frame: keys, labels
// and features at AsOf. A point whose outcome is not known yet, or without an
// open balance, is left out. It returns how many were added.
func (c *Computer) AppendTraining(f *Frame, h *History, points []Point, t Training) int {
	c.prepare(f)
	added := 0
	for _, p := range points {
		l, ok := h.Label(p.AsOf, t.HorizonDays, t.End, p.Option)
		if !ok {
			continue
		}
		f.UnitID = append(f.UnitID, UnitID(h.Customer.CustomerID, p.AsOf))
		f.CustomerID = append(f.CustomerID, h.Customer.CustomerID)
		f.AsOf = append(f.AsOf, p.AsOf)
		f.Option = append(f.Option, p.Option)
		f.TreatProb = append(f.TreatProb, p.TreatProb)
		f.OutcomePaid = append(f.OutcomePaid, l.Paid)
		f.OutcomeCents = append(f.OutcomeCents, l.PaidCents)
		f.OutcomeDay = append(f.OutcomeDay, l.Day)
		f.TouchedAfter = append(f.TouchedAfter, l.TouchedAfter)
		c.appendRow(f, h, p.AsOf, p.AsOf)
		added++
	}
	return added
}

// AppendScoring adds the customer to a scoring frame when something is open at
// AsOf: one row per day of the planning window, with what is known at AsOf and
// elapsed times read at the day. Days before AsOf are misuse and panic. It
// reports whether the customer was added.
func (c *Computer) AppendScoring(f *Frame, h *History, asOf data.Date, days ...data.Date) bool {
	c.prepare(f)
	balance := h.Balance(asOf)
	if balance == 0 {
		return false
	}
	pastDue := h.DaysPastDue(asOf)
	unit := UnitID(h.Customer.CustomerID, asOf)
	for _, day := range days {
		f.UnitID = append(f.UnitID, unit)
		f.CustomerID = append(f.CustomerID, h.Customer.CustomerID)
		f.AsOf = append(f.AsOf, asOf)
		f.Day = append(f.Day, day)
		f.BalanceCents = append(f.BalanceCents, balance)
		f.DaysPastDue = append(f.DaysPastDue, pastDue)
		c.appendRow(f, h, asOf, day)
	}
	return true
}

// prepare gives an empty frame its feature columns.
func (c *Computer) prepare(f *Frame) {
	if f.Names == nil {
		f.Names = c.Names()
		f.Cols = make([][]float32, len(f.Names))
	}
	if len(f.Cols) != len(c.dictionary) {
		panic("features: frame of another dictionary")
	}
}

func (c *Computer) appendRow(f *Frame, h *History, asOf, at data.Date) {
	c.Row(h, asOf, at, c.row)
	for j, v := range c.row {
		f.Cols[j] = append(f.Cols[j], v)
	}
}

// Concat returns the rows of all frames in one, ordered by customer, AsOf, day
// and unit, so that the order of the parts does not matter. Frames without
// rows may be of either shape. Frames that mix training and scoring, or differ
// in their features, are an error. The result shares nothing with the parts,
// unless there is only one and it is in order: that is returned as it is.
func Concat(frames ...*Frame) (*Frame, error) {
	var parts []*Frame
	for _, f := range frames {
		if f.Len() > 0 {
			parts = append(parts, f)
		}
	}
	switch {
	case len(frames) == 0:
		return &Frame{}, nil
	case len(parts) == 0:
		return frames[0], nil
	}
	for _, f := range parts[1:] {
		if !slices.Equal(f.Names, parts[0].Names) {
			return nil, fmt.Errorf("features: concat: frames of %d and %d features, or of other names", len(parts[0].Names), len(f.Names))
		}
		if (f.Option == nil) != (parts[0].Option == nil) || (f.Day == nil) != (parts[0].Day == nil) || (f.BalanceCents == nil) != (parts[0].BalanceCents == nil) {
			return nil, fmt.Errorf("features: concat: frames of training and of scoring")
		}
	}
	order := sortedRows(parts)
	if len(parts) == 1 && slices.IsSortedFunc(order, func(a, b rowRef) int { return cmp.Compare(a.row, b.row) }) {
		return parts[0], nil
	}
	return gather(parts, order), nil
}

// rowRef is one row of one part.
type rowRef struct{ part, row int32 }

func sortedRows(parts []*Frame) []rowRef {
	n := 0
	for _, f := range parts {
		n += f.Len()
	}
	order := make([]rowRef, 0, n)
	for p, f := range parts {
		for r := range f.Len() {
			order = append(order, rowRef{int32(p), int32(r)})
		}
	}
	slices.SortStableFunc(order, func(a, b rowRef) int {
		f, g := parts[a.part], parts[b.part]
		c := cmp.Or(cmp.Compare(f.CustomerID[a.row], g.CustomerID[b.row]), cmp.Compare(f.AsOf[a.row], g.AsOf[b.row]))
		if c == 0 && f.Day != nil {
			c = cmp.Compare(f.Day[a.row], g.Day[b.row])
		}
		return cmp.Or(c, cmp.Compare(f.UnitID[a.row], g.UnitID[b.row]))
	})
	return order
}

func gather(parts []*Frame, order []rowRef) *Frame {
	out := &Frame{
		UnitID:       pickRows(parts, order, func(f *Frame) []string { return f.UnitID }),
		CustomerID:   pickRows(parts, order, func(f *Frame) []string { return f.CustomerID }),
		AsOf:         pickRows(parts, order, func(f *Frame) []data.Date { return f.AsOf }),
		Day:          pickRows(parts, order, func(f *Frame) []data.Date { return f.Day }),
		Option:       pickRows(parts, order, func(f *Frame) []data.Channel { return f.Option }),
		TreatProb:    pickRows(parts, order, func(f *Frame) []float64 { return f.TreatProb }),
		OutcomePaid:  pickRows(parts, order, func(f *Frame) []bool { return f.OutcomePaid }),
		OutcomeCents: pickRows(parts, order, func(f *Frame) []data.Cents { return f.OutcomeCents }),
		OutcomeDay:   pickRows(parts, order, func(f *Frame) []int32 { return f.OutcomeDay }),
		TouchedAfter: pickRows(parts, order, func(f *Frame) []bool { return f.TouchedAfter }),
		BalanceCents: pickRows(parts, order, func(f *Frame) []data.Cents { return f.BalanceCents }),
		DaysPastDue:  pickRows(parts, order, func(f *Frame) []int32 { return f.DaysPastDue }),
	}
	out.Names = parts[0].Names
	out.Cols = make([][]float32, len(out.Names))
	for j := range out.Cols {
		out.Cols[j] = pickRows(parts, order, func(f *Frame) []float32 { return f.Cols[j] })
	}
	return out
}

// pickRows gathers one column; nil where the parts have none.
func pickRows[T any](parts []*Frame, order []rowRef, column func(*Frame) []T) []T {
	if column(parts[0]) == nil {
		return nil
	}
	columns := make([][]T, len(parts))
	for i, f := range parts {
		columns[i] = column(f)
	}
	out := make([]T, len(order))
	for i, r := range order {
		out[i] = columns[r.part][r.row]
	}
	return out
}
