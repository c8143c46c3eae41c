package serve

import (
	"bytes"
	"cmp"
	"slices"

	"dunning/data"
)

// SegmentTotal adds up the scored customers of a segment.
type SegmentTotal struct {
	Segment      string // "" for those whom the lake does not know any more
	Customers    int64  // with an open balance
	Overdue      int64  // of them, past due
	BalanceCents data.Cents
	OverdueCents data.Cents // balance of customers past due
	Over90Cents  data.Cents // balance of customers more than 90 days past due
	// PaidCents is the balance that is expected to be paid within the model's
	// horizon if nobody is contacted.
	PaidCents data.Cents
}

// over90 is when a balance counts as in default, in days past due.
const over90 = 90

// BySegment adds up scores by the lake's segments, by name. Both tables are
// sorted by customer, so each is read once.
func BySegment(s *Scores, p *Portfolio) []SegmentTotal {
	if s == nil {
		return nil
	}
	at := map[string]*SegmentTotal{}
	paid := map[string]float64{}
	row := 0
	for i := range s.Len() {
		segment := ""
		if p != nil {
			id := s.id(i)
			for row < p.Len() && bytes.Compare(p.id(row), id) < 0 {
				row++
			}
			if row < p.Len() && bytes.Equal(p.id(row), id) {
				segment = p.groups[p.group[row]]
			}
		}
		t := at[segment]
		if t == nil {
			t = &SegmentTotal{Segment: segment}
			at[segment] = t
		}
		t.Customers++
		t.BalanceCents += s.balance[i]
		paid[segment] += s.payProb[i] * float64(s.balance[i])
		if s.late[i] > 0 {
			t.Overdue++
			t.OverdueCents += s.balance[i]
		}
		if s.late[i] > over90 {
			t.Over90Cents += s.balance[i]
		}
	}
	out := make([]SegmentTotal, 0, len(at))
	for segment, t := range at {
		t.PaidCents = data.RoundCents(paid[segment])
		out = append(out, *t)
	}
	slices.SortFunc(out, func(a, b SegmentTotal) int { return cmp.Compare(a.Segment, b.Segment) })
	return out
}
