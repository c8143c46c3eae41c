package allocation

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"dunning/data"
)

// cellKind says what a cell holds.
type cellKind int8

const (
	missingCell cellKind = iota // null, or an empty text
	textCell
	wholeCell  // whole
	numberCell // number
	boolCell   // whole is 0 or 1
	dayCell    // whole is a data.Date
	otherCell  // a type that no column of ours has; text names it
)

// cell is one value of a table, whatever the file's format.
type cell struct {
	kind   cellKind
	text   string
	whole  int64
	number float64
}

// String returns the value as a message shows it.
func (c cell) String() string {
	switch c.kind {
	case textCell, otherCell:
		return strconv.Quote(c.text)
	case wholeCell:
		return strconv.FormatInt(c.whole, 10)
	case numberCell:
		return strconv.FormatFloat(c.number, 'g', -1, 64)
	case boolCell:
		return strconv.FormatBool(c.whole != 0)
	case dayCell:
		return data.Date(c.whole).String()
	}
	return "nothing"
}

// id reads an opaque id; numbers keep their digits.
func (c cell) id(name string) (string, error) {
	switch c.kind {
	case textCell:
		return c.text, nil
	case wholeCell:
		return strconv.FormatInt(c.whole, 10), nil
	case missingCell:
		return "", fmt.Errorf("%w: %s", data.ErrMissingValue, name)
	}
	return "", fmt.Errorf("%w: %s %s is neither text nor a whole number", data.ErrBadNumber, name, c)
}

// finite reads a number that is neither NaN nor infinite.
func (c cell) finite(name string) (float64, error) {
	x := math.NaN()
	switch c.kind {
	case missingCell:
		return 0, fmt.Errorf("%w: %s", data.ErrMissingValue, name)
	case wholeCell:
		x = float64(c.whole)
	case numberCell:
		x = c.number
	case textCell:
		if v, err := strconv.ParseFloat(c.text, 64); err == nil {
			x = v
		}
	}
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return 0, fmt.Errorf("%w: %s %s is not a finite number", data.ErrBadNumber, name, c)
	}
	return x, nil
}

// amount reads a finite number that is not negative.
func (c cell) amount(name string) (float64, error) {
	x, err := c.finite(name)
	if err == nil && x < 0 {
		err = fmt.Errorf("%w: %s %s must be 0 or more", data.ErrNegativeAmount, name, c)
	}
	return x, err
}

// count reads a small whole number.
func (c cell) count(name string) (int, error) {
	x, err := c.finite(name)
	if err == nil && (x != math.Trunc(x) || math.Abs(x) > 1e6) {
		err = fmt.Errorf("%w: %s %s is not a whole number", data.ErrBadNumber, name, c)
	}
	return int(x), err
}

func (c cell) day(name string) (data.Date, error) {
	switch c.kind {
	case dayCell:
		return data.Date(c.whole), nil
	case missingCell:
		return 0, fmt.Errorf("%w: %s", data.ErrMissingValue, name)
	case textCell:
		d, err := data.ParseDate(c.text)
		if err != nil {
			return 0, fmt.Errorf("%s: %w", name, err)
		}
		return d, nil
	}
	return 0, fmt.Errorf("%w: %s %s is not a day like 2026-01-31", data.ErrBadDate, name, c)
}

func (c cell) channel(name string) (data.Channel, error) {
	switch c.kind {
	case textCell:
		return data.ParseChannel(c.text)
	case missingCell:
		return "", fmt.Errorf("%w: %s", data.ErrMissingValue, name)
	}
	return data.ParseChannel(c.String())
}

// flag reads a truth value; a missing one is otherwise.
func (c cell) flag(name string, otherwise bool) (bool, error) {
	switch c.kind {
	case missingCell:
		return otherwise, nil
	case boolCell:
		return c.whole != 0, nil
	case wholeCell:
		if c.whole == 0 || c.whole == 1 {
			return c.whole == 1, nil
		}
	case textCell:
		if b, err := strconv.ParseBool(strings.ToLower(c.text)); err == nil {
			return b, nil
		}
	}
	return false, fmt.Errorf("%w: %s %s is neither true nor false", data.ErrBadNumber, name, c)
}

// label reads a text that may be missing.
func (c cell) label() string {
	switch c.kind {
	case missingCell:
		return ""
	case textCell:
		return c.text
	}
	return strings.Trim(c.String(), `"`)
}
