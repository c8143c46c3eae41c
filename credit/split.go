package credit

import (
	"fmt"

	"dunning/data"
	"dunning/models"
)

// split keeps applications out of the training, as the configuration says; nil for
// none.
func (t Table) split(c TrainConfig) (train Table, held *Table, err error) {
	switch {
	case !(c.HoldOut >= 0 && c.HoldOut <= 0.5):
		return t, nil, fmt.Errorf("credit: %w: hold out %g, must be 0 to 0.5", data.ErrUsage, c.HoldOut)
	case c.HoldOut > 0 && c.TestFrom != 0:
		return t, nil, fmt.Errorf("credit: %w: hold out a share or test from a day, not both", data.ErrUsage)
	case c.TestFrom != 0:
		return t.splitTime(c.TestFrom)
	case c.HoldOut == 0:
		return t, nil, nil
	}
	in, out := models.SplitRandom(len(t.Default), c.HoldOut, c.Seed)
	if t.Unit != nil {
		in, out = models.SplitByCustomer(t.Unit, c.HoldOut, c.Seed)
	}
	rest := t.take(out)
	return t.take(in), &rest, nil
}

// splitTime keeps the applications from a day on. What was known the day before is
// learned from: an application without a day, or whose outcome came later, is on
// neither side.
func (t Table) splitTime(from data.Date) (train Table, held *Table, err error) {
	if t.Day == nil {
		return t, nil, fmt.Errorf("credit: %w: a test from %s on needs the day of each application; name its column with time in the roles", data.ErrUsage, from)
	}
	known := t.Known
	if known == nil {
		known = t.Day
	}
	var in, out []int
	for i, day := range t.Day {
		switch {
		case day >= float64(from):
			out = append(out, i)
		case day < float64(from) && known[i] < float64(from):
			in = append(in, i)
		}
	}
	if len(in) == 0 || len(out) == 0 {
		return t, nil, fmt.Errorf("credit: %w: %d applications are known before %s and %d were made from then on", data.ErrBadInput, len(in), from, len(out))
	}
	rest := t.take(out)
	return t.take(in), &rest, nil
}

// take returns some rows as a table of their own.
func (t Table) take(rows []int) Table {
	out := Table{Default: models.Take(t.Default, rows), Unit: models.Take(t.Unit, rows), SHA256: t.SHA256,
		Day: models.Take(t.Day, rows), Known: models.Take(t.Known, rows)}
	for _, c := range t.Columns {
		out.Columns = append(out.Columns, Column{c.Name, models.Take(c.Numbers, rows), models.Take(c.Texts, rows), models.Take(c.Present, rows)})
	}
	return out
}
