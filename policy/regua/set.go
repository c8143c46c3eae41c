package regua

import (
	"cmp"
	"slices"
)

// Set is the réguas that are in force, in the order in which they claim
// customers. It is immutable and safe for concurrent use.
type Set struct{ Reguas []*Regua }

// NewSet puts réguas in order: the highest priority first, ties by id.
func NewSet(reguas []*Regua) *Set {
	sorted := slices.Clone(reguas)
	slices.SortStableFunc(sorted, func(a, b *Regua) int {
		return cmp.Or(cmp.Compare(b.Priority, a.Priority), cmp.Compare(a.ID, b.ID))
	})
	return &Set{sorted}
}

// Capture returns the position of the régua that has the customer: the first in
// order whose audience he is in; -1 for none. An audience that fails on him does
// not capture him; failed counts those.
func (s *Set) Capture(row *Row) (captured, failed int) {
	for i, r := range s.Reguas {
		in, err := r.Audience.Match(row)
		if err != nil {
			failed++
		}
		if in {
			return i, failed
		}
	}
	return -1, failed
}
