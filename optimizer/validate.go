package optimizer

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"dunning/data"
)

// maxFaults bounds how many faults one error names; the rest is counted.
const maxFaults = 20

// Validate reports every fault of the problem with its place, or nil. The
// error joins one line per fault, at most twenty and then their count, and
// wraps the sentinels of package data ([data.ErrBadNumber],
// [data.ErrNegativeAmount], [data.ErrUnknownChannel], [data.ErrDuplicateID],
// [data.ErrMissingValue]).
func (p *Problem) Validate() error {
	var f faults
	p.validateCandidates(&f)
	seen := make(map[string]int, len(p.Rows))
	for r := range p.Rows {
		row := &p.Rows[r]
		if row.Name == "" {
			f.add("row %d: %w: name", r, data.ErrMissingValue)
		} else if first, ok := seen[row.Name]; ok {
			f.add("row %d: %w: name %q is also row %d's", r, data.ErrDuplicateID, row.Name, first)
		} else {
			seen[row.Name] = r
		}
		p.validateRow(row, &f)
	}
	return f.err()
}

func (p *Problem) validateCandidates(f *faults) {
	ok := true
	for j := range p.Candidates {
		c := &p.Candidates[j]
		if c.Customer < 0 {
			f.add("candidate %d: %w: customer index %d", j, data.ErrBadNumber, c.Customer)
			ok = false
		}
		if c.Channel.Index() < 0 {
			f.add("candidate %d: %w %q", j, data.ErrUnknownChannel, c.Channel)
		}
		if !finite(c.ValueCents) {
			f.add("candidate %d: %w: value %g", j, data.ErrBadNumber, c.ValueCents)
		}
		switch {
		case !finite(c.CostCents):
			f.add("candidate %d: %w: cost %g", j, data.ErrBadNumber, c.CostCents)
		case c.CostCents < 0:
			f.add("candidate %d: %w: cost %g", j, data.ErrNegativeAmount, c.CostCents)
		}
	}
	if ok {
		p.validateDuplicates(f)
	}
}

// validateDuplicates finds a customer's options that share channel and day.
func (p *Problem) validateDuplicates(f *faults) {
	start, order := p.byCustomer()
	var group []int32
	for i := range len(start) - 1 {
		group = append(group[:0], order[start[i]:start[i+1]]...)
		slices.SortStableFunc(group, func(a, b int32) int {
			ca, cb := &p.Candidates[a], &p.Candidates[b]
			if ca.Day != cb.Day {
				return int(ca.Day) - int(cb.Day)
			}
			return ca.Channel.Index() - cb.Channel.Index()
		})
		for k := 1; k < len(group); k++ {
			a, b := &p.Candidates[group[k-1]], &p.Candidates[group[k]]
			if a.Day == b.Day && a.Channel == b.Channel {
				f.add("candidate %d: %w: customer %d already has %s on %s as candidate %d",
					group[k], data.ErrDuplicateID, b.Customer, b.Channel, b.Day, group[k-1])
			}
		}
	}
}

func (p *Problem) validateRow(row *Row, f *faults) {
	if row.Sense != AtMost && row.Sense != AtLeast {
		f.add("row %q: %w: sense %d", row.Name, data.ErrBadNumber, row.Sense)
	}
	if !finite(row.Limit) {
		f.add("row %q: %w: limit %g", row.Name, data.ErrBadNumber, row.Limit)
	}
	last, negative := int32(-1), false
	for k, u := range row.Use {
		switch {
		case u.Candidate < 0 || int(u.Candidate) >= len(p.Candidates):
			f.add("row %q use %d: %w: candidate %d of %d", row.Name, k, data.ErrBadNumber, u.Candidate, len(p.Candidates))
		case u.Candidate <= last:
			f.add("row %q use %d: %w: candidate %d after %d (each once, ascending)", row.Name, k, data.ErrDuplicateID, u.Candidate, last)
		case !finite(u.Amount):
			f.add("row %q use %d: %w: amount %g", row.Name, k, data.ErrBadNumber, u.Amount)
		}
		last = max(last, u.Candidate)
		negative = negative || u.Amount < 0
	}
	if row.Sense == AtMost && row.Limit < 0 && !negative {
		f.add("row %q: %w: limit %g, which not even holding everybody meets", row.Name, data.ErrNegativeAmount, row.Limit)
	}
}

// faults collects errors and counts those beyond maxFaults.
type faults struct {
	list []error
	more int
}

func (f *faults) add(format string, args ...any) {
	if len(f.list) == maxFaults {
		f.more++
		return
	}
	f.list = append(f.list, fmt.Errorf("optimizer: "+format, args...))
}

func (f *faults) err() error {
	if f.more > 0 {
		return errors.Join(append(f.list, fmt.Errorf("optimizer: and %d more faults", f.more))...)
	}
	return errors.Join(f.list...)
}

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }
