package allocation

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"

	"dunning/data"
	"dunning/optimizer"
)

// Staged is a table of candidates as a values file, for portfolios larger than
// memory: the customers in the order of the table, every channel and day that
// occurs a slot, a profile per segment. What is held in memory is a hash of each
// customer's id.
type Staged struct {
	Slots    []optimizer.Slot
	Segments []string    // by profile; "" where none was given
	Cost     [][]float64 // cents, by profile, then slot; 0 where no candidate is
	Values   *optimizer.FileValues
	Read     int // rows read, blocked ones included
	Blocked  int // rows left out because allowed is false
}

// StageCandidates reads a table of candidates twice, without holding it, and
// writes its values to the file scratch, which is the caller's to close and
// remove. A row group of Parquet takes a hundred times longer to decode than to
// scan, so it is decoded once and not in every pass.
//
// All rows of a customer must follow one another, customers ascending in each
// file, as our own stages write them; a customer is in one file and one segment.
// A channel and day must cost the same for all customers of a segment, and
// values must fit single precision (whole cents to R$ 167,772.16). What does not
// is refused with its file and row; [ReadCandidates] takes any table that fits
// in memory.
func StageCandidates(ctx context.Context, path, scratch string) (*Staged, error) {
	files, err := tableFiles(path)
	if err != nil {
		return nil, err
	}
	s := &staging{slot: map[optimizer.Slot]int{}, profile: map[string]int32{}, cost: map[stagedCost]float64{}}
	if err := s.each(ctx, files, s.survey); err != nil {
		return nil, err
	}
	if s.out.Read == 0 {
		return nil, fmt.Errorf("%w: %s: %w; it needs at least one row", data.ErrBadInput, path, errEmpty)
	}
	if err := s.settle(path); err != nil {
		return nil, err
	}
	if s.writer, err = optimizer.CreateValues(scratch, len(s.out.Slots), len(s.out.Segments) > 1); err != nil {
		return nil, err
	}
	defer s.writer.Abort()
	if err := s.each(ctx, files, s.write); err != nil {
		return nil, err
	}
	if err := s.writer.Close(); err != nil {
		return nil, err
	}
	s.out.Values, err = optimizer.OpenValues(scratch)
	return &s.out, err
}

// staging is StageCandidates under way.
type staging struct {
	out     Staged
	slot    map[optimizer.Slot]int
	profile map[string]int32
	cost    map[stagedCost]float64
	hashes  []uint64 // of the customers' ids

	writer  *optimizer.ValuesWriter
	values  []float64
	given   []bool // which of the customer under way
	writing int32  // its profile

	// The customer under way, in either pass.
	id      string
	segment string
}

type stagedCost struct {
	profile int32
	slot    optimizer.Slot
}

// stagedRow is one candidate that is allowed.
type stagedRow struct {
	id, segment string
	slot        optimizer.Slot
	value, cost float64
}

// each calls row for every allowed candidate; first says that it is the first
// of its customer. After a file's last row it is called with nil.
func (s *staging) each(ctx context.Context, files []string, row func(r *stagedRow, first bool) error) error {
	s.out.Read, s.out.Blocked = 0, 0
	for _, file := range files {
		s.id = ""
		required := []string{"customer_id", "channel", "day", "value_cents", "cost_cents"}
		err := scanTable(file, required, []string{"allowed", "segment"}, func(c []cell) error {
			if s.out.Read++; s.out.Read%8192 == 0 && ctx.Err() != nil {
				return ctx.Err()
			}
			r, allowed, err := stagedRowOf(c)
			if err != nil || !allowed {
				if err == nil {
					s.out.Blocked++
				}
				return err
			}
			first := r.id != s.id
			switch {
			case first && r.id < s.id:
				return fmt.Errorf("%w: customer %q after %q; sort the file by customer_id", data.ErrBadInput, r.id, s.id)
			case first:
				s.id, s.segment = strings.Clone(r.id), strings.Clone(r.segment)
			case r.segment != s.segment:
				return fmt.Errorf("%w: customer %q is in segment %q here and in %q before", data.ErrDuplicateID, r.id, r.segment, s.segment)
			}
			return row(&r, first)
		})
		if err == nil && s.id != "" {
			err = row(nil, true)
		}
		// A partition may be empty; the whole table may not.
		if err != nil && !errors.Is(err, errEmpty) {
			return err
		}
	}
	return nil
}

func stagedRowOf(c []cell) (r stagedRow, allowed bool, err error) {
	if r.id, err = c[0].id("customer_id"); err == nil && r.id == "" {
		err = fmt.Errorf("%w: customer_id", data.ErrMissingValue)
	}
	if err == nil {
		r.slot.Channel, err = c[1].channel("channel")
	}
	if err == nil {
		r.slot.Day, err = c[2].day("day")
	}
	if err == nil {
		r.value, err = c[3].finite("value_cents")
	}
	if err == nil {
		r.cost, err = c[4].amount("cost_cents")
	}
	if err == nil {
		allowed, err = c[5].flag("allowed", true)
	}
	r.segment = c[6].label()
	return r, allowed, err
}

// survey is the first pass: which slots, segments and costs there are.
func (s *staging) survey(r *stagedRow, first bool) error {
	if r == nil {
		return nil
	}
	if _, ok := s.slot[r.slot]; !ok {
		s.slot[optimizer.Slot{Channel: data.Channel(strings.Clone(string(r.slot.Channel))), Day: r.slot.Day}] = 0
	}
	p, ok := s.profile[r.segment]
	if !ok {
		p = int32(len(s.out.Segments))
		s.profile[s.segment] = p
		s.out.Segments = append(s.out.Segments, s.segment)
	}
	if first {
		h := fnv.New64a()
		h.Write([]byte(r.id))
		s.hashes = append(s.hashes, h.Sum64())
	}
	at := stagedCost{p, r.slot}
	if known, ok := s.cost[at]; ok && known != r.cost {
		return fmt.Errorf("%w: %s on %s costs %g here and %g before for segment %q; costs that differ by customer need the whole table in memory",
			data.ErrBadInput, r.slot.Channel, r.slot.Day, r.cost, known, r.segment)
	}
	s.cost[at] = r.cost
	return nil
}

// settle orders slots and segments.
func (s *staging) settle(path string) error {
	slices.Sort(s.hashes)
	for k := 1; k < len(s.hashes); k++ {
		if s.hashes[k] == s.hashes[k-1] {
			return fmt.Errorf("%w: %s: a customer is in two of its files (or two ids share a hash)", data.ErrDuplicateID, path)
		}
	}
	s.hashes = nil
	for slot := range s.slot {
		s.out.Slots = append(s.out.Slots, slot)
	}
	slices.SortFunc(s.out.Slots, func(a, b optimizer.Slot) int {
		return cmp.Or(cmp.Compare(a.Day, b.Day), cmp.Compare(a.Channel.Index(), b.Channel.Index()))
	})
	for k, slot := range s.out.Slots {
		s.slot[slot] = k
	}
	slices.Sort(s.out.Segments)
	by := make([]int32, len(s.out.Segments)) // the survey's profile of each
	for p, segment := range s.out.Segments {
		by[p] = s.profile[segment]
		s.profile[segment] = int32(p)
	}
	for p := range by {
		cost := make([]float64, len(s.out.Slots))
		for k, slot := range s.out.Slots {
			cost[k] = s.cost[stagedCost{by[p], slot}]
		}
		s.out.Cost = append(s.out.Cost, cost)
	}
	s.values, s.given = make([]float64, len(s.out.Slots)), make([]bool, len(s.out.Slots))
	return nil
}

// write is the second pass. A customer is complete when the next begins.
func (s *staging) write(r *stagedRow, first bool) error {
	if first {
		if err := s.flush(); err != nil {
			return err
		}
	}
	if r == nil {
		return nil
	}
	k := s.slot[r.slot]
	if s.given[k] {
		return fmt.Errorf("%w: %s on %s for customer %q is there twice; keep one", data.ErrDuplicateID, r.slot.Channel, r.slot.Day, r.id)
	}
	if float64(float32(r.value)) != r.value {
		return fmt.Errorf("%w: value_cents %v does not fit single precision; such values need the whole table in memory", data.ErrBadInput, r.value)
	}
	s.given[k], s.values[k] = true, r.value
	s.writing = s.profile[s.segment]
	return nil
}

// flush writes the customer whose values were collected, if any.
func (s *staging) flush() error {
	if !slices.Contains(s.given, true) {
		return nil
	}
	for k, given := range s.given {
		if !given {
			s.values[k] = optimizer.Forbidden
		}
		s.given[k] = false
	}
	return s.writer.Add(s.writing, s.values)
}

// BudgetRow adds the row that the costs draw on: Σ cost ≤ limit, in cents.
func (s *Staged) BudgetRow(g *optimizer.Grid, limit float64) {
	g.AddRow(optimizer.BudgetName, optimizer.AtMost, limit, func(p, k int) float64 { return s.Cost[p][k] })
}

// Grid returns the staged candidates without rows.
func (s *Staged) Grid(rule optimizer.LadderRule) *optimizer.Grid {
	return &optimizer.Grid{Slots: s.Slots, Profiles: len(s.Segments), Values: s.Values, Ladder: rule}
}
