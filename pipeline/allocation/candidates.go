package allocation

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"dunning/data"
	"dunning/optimizer"
)

// Candidates is a table of candidates as the optimizer wants it: customers in
// the order of their ids, the options of each by day and then in the order of
// data.Channels, whatever the order of the file.
type Candidates struct {
	CustomerID []string // by customer index
	Segment    []string // by customer index; "" where none was given
	Options    []optimizer.Candidate
	Read       int // rows read, blocked ones included
	Blocked    int // rows left out because allowed is false
}

// Builder collects candidates row by row. The zero value is ready, and so is
// the Builder after Build; it is not safe for concurrent use.
type Builder struct {
	index    map[string]int32
	ids      []string
	segments []string
	options  []optimizer.Candidate
	rows     []int32 // by option, the row that it came from
	read     int
	blocked  int
}

// Add takes one row. A blocked row is checked and counted but leaves no
// option, nor a customer. The error wraps the row's fault.
func (b *Builder) Add(customerID, segment string, option optimizer.Candidate, allowed bool) error {
	b.read++
	switch {
	case customerID == "":
		return fmt.Errorf("%w: customer_id", data.ErrMissingValue)
	case option.Channel.Index() < 0:
		_, err := data.ParseChannel(string(option.Channel))
		return err
	case option.CostCents < 0:
		return fmt.Errorf("%w: cost_cents %g must be 0 or more", data.ErrNegativeAmount, option.CostCents)
	}
	if !allowed {
		b.blocked++
		return nil
	}
	if b.index == nil {
		b.index = map[string]int32{}
	}
	i, ok := b.index[customerID]
	if !ok {
		i = int32(len(b.ids))
		customerID = strings.Clone(customerID) // not the whole record it is a part of
		b.index[customerID] = i
		b.ids = append(b.ids, customerID)
		b.segments = append(b.segments, segment)
	} else if b.segments[i] != segment {
		return fmt.Errorf("%w: customer %q is in segment %q here and in %q before", data.ErrDuplicateID, customerID, segment, b.segments[i])
	}
	option.Customer = i
	b.options = append(b.options, option)
	b.rows = append(b.rows, int32(b.read))
	return nil
}

// Build returns the sorted table. The error wraps [data.ErrDuplicateID] and
// names both rows, counted from 1 in the order of Add, when a customer has two
// options of the same channel and day.
func (b *Builder) Build() (*Candidates, error) {
	order := sequence(len(b.ids))
	slices.SortFunc(order, func(x, y int32) int { return cmp.Compare(b.ids[x], b.ids[y]) })
	c := &Candidates{CustomerID: make([]string, len(order)), Segment: make([]string, len(order)),
		Options: make([]optimizer.Candidate, len(b.options)), Read: b.read, Blocked: b.blocked}
	rank := make([]int32, len(order))
	for k, i := range order {
		rank[i] = int32(k)
		c.CustomerID[k], c.Segment[k] = b.ids[i], b.segments[i]
	}
	for j := range b.options {
		b.options[j].Customer = rank[b.options[j].Customer]
	}
	sorted := sequence(len(b.options))
	slices.SortFunc(sorted, func(x, y int32) int {
		return cmp.Or(compareOptions(b.options[x], b.options[y]), cmp.Compare(x, y))
	})
	for k, j := range sorted {
		c.Options[k] = b.options[j]
		if k == 0 || compareOptions(c.Options[k-1], c.Options[k]) != 0 {
			continue
		}
		o := c.Options[k]
		return nil, fmt.Errorf("row %d: %w: %s on %s for customer %q is already in row %d; keep one", b.rows[j], data.ErrDuplicateID,
			o.Channel, o.Day, c.CustomerID[o.Customer], b.rows[sorted[k-1]])
	}
	*b = Builder{} // the customers' indices are no longer those of Add
	return c, nil
}

// sequence returns 0, 1, …, n−1.
func sequence(n int) []int32 {
	s := make([]int32, n)
	for i := range s {
		s[i] = int32(i)
	}
	return s
}

func compareOptions(a, b optimizer.Candidate) int {
	return cmp.Or(cmp.Compare(a.Customer, b.Customer), cmp.Compare(a.Day, b.Day), cmp.Compare(a.Channel.Index(), b.Channel.Index()))
}

// ReadCandidates reads a table of candidates, CSV or Parquet: one file, all
// files of a folder, or those that a pattern like "part-*.parquet" matches, in
// the order of their names. Numbers may be fractional.
func ReadCandidates(path string) (*Candidates, error) {
	files, err := tableFiles(path)
	if err != nil {
		return nil, err
	}
	var b Builder
	for _, file := range files {
		err := readCandidates(&b, file)
		// A partition may be empty; the whole table may not.
		if err != nil && (!errors.Is(err, errEmpty) || len(files) == 1) {
			return nil, err
		}
	}
	if b.read == 0 {
		return nil, fmt.Errorf("%w: %s: %w; it needs at least one row", data.ErrBadInput, path, errEmpty)
	}
	c, err := b.Build()
	if err != nil {
		if len(files) > 1 {
			return nil, fmt.Errorf("%s, %d files read one after the other, %w", path, len(files), err)
		}
		return nil, fmt.Errorf("%s %w", path, err)
	}
	return c, nil
}

// readCandidates adds the rows of one file.
func readCandidates(b *Builder, path string) error {
	required := []string{"customer_id", "channel", "day", "value_cents", "cost_cents"}
	return scanTable(path, required, []string{"allowed", "segment"}, func(c []cell) error {
		id, err := c[0].id("customer_id")
		if err != nil {
			return err
		}
		var o optimizer.Candidate
		if o.Channel, err = c[1].channel("channel"); err != nil {
			return err
		}
		if o.Day, err = c[2].day("day"); err != nil {
			return err
		}
		if o.ValueCents, err = c[3].finite("value_cents"); err != nil {
			return err
		}
		if o.CostCents, err = c[4].amount("cost_cents"); err != nil {
			return err
		}
		allowed, err := c[5].flag("allowed", true)
		if err != nil {
			return err
		}
		return b.Add(id, c[6].label(), o, allowed)
	})
}

// ReadCapacities reads a table of capacities, CSV or Parquet: channel, day,
// capacity. A channel and day that it does not list is not limited.
func ReadCapacities(path string) ([]optimizer.Capacity, error) {
	type slot struct {
		channel data.Channel
		day     data.Date
	}
	first := map[slot]int{}
	var out []optimizer.Capacity
	err := scanTable(path, []string{"channel", "day", "capacity"}, nil, func(c []cell) error {
		channel, err := c[0].channel("channel")
		if err != nil {
			return err
		}
		day, err := c[1].day("day")
		if err != nil {
			return err
		}
		touches, err := c[2].amount("capacity")
		if err != nil {
			return err
		}
		s := slot{channel, day}
		if n, ok := first[s]; ok {
			return fmt.Errorf("%w: %s on %s is already in row %d; keep one", data.ErrDuplicateID, channel, day, n)
		}
		out = append(out, optimizer.Capacity{Channel: channel, Day: day, Touches: touches})
		first[s] = len(out)
		return nil
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(out, func(a, b optimizer.Capacity) int {
		return cmp.Or(cmp.Compare(a.Day, b.Day), cmp.Compare(a.Channel.Index(), b.Channel.Index()))
	})
	return out, nil
}
