package serve

import (
	"bytes"
	"fmt"
	"math"
	"sort"

	"dunning/data"
)

// idColumn are the ids of a table, one after the other: a string for each would
// take more than all other columns.
type idColumn struct {
	ids  []byte
	ends []uint32 // ids[ends[i-1]:ends[i]] is the id of row i
}

// Len returns the number of customers.
func (c *idColumn) Len() int { return len(c.ends) }

func (c *idColumn) id(i int) []byte {
	start := uint32(0)
	if i > 0 {
		start = c.ends[i-1]
	}
	return c.ids[start:c.ends[i]]
}

// find returns the row of an id of a column in order.
func (c *idColumn) find(id string) (int, bool) {
	i := sort.Search(c.Len(), func(i int) bool { return string(c.id(i)) >= id })
	return i, i < c.Len() && string(c.id(i)) == id
}

func (c *idColumn) addID(id string) error {
	if len(c.ids)+len(id) > math.MaxUint32 {
		return fmt.Errorf("%w: the ids exceed 4 GiB", data.ErrBadNumber)
	}
	c.ids = append(c.ids, id...)
	c.ends = append(c.ends, uint32(len(c.ids)))
	return nil
}

// sortIDs puts the ids in order and returns which row came where, to [take] the
// other columns alike; an id that occurs twice is an error.
func (c *idColumn) sortIDs() (order []int, err error) {
	order = make([]int, c.Len())
	for i := range order {
		order[i] = i
	}
	sort.Slice(order, func(a, b int) bool { return bytes.Compare(c.id(order[a]), c.id(order[b])) < 0 })
	ids, ends := make([]byte, 0, len(c.ids)), make([]uint32, 0, len(c.ends))
	for k, i := range order {
		if k > 0 && bytes.Equal(c.id(order[k-1]), c.id(i)) {
			return nil, fmt.Errorf("%w: customer %q", data.ErrDuplicateID, c.id(i))
		}
		ids = append(ids, c.id(i)...)
		ends = append(ends, uint32(len(ids)))
	}
	c.ids, c.ends = ids, ends
	return order, nil
}

// take returns the values of a column in another order.
func take[T any](col []T, order []int) []T {
	out := make([]T, len(order))
	for k, i := range order {
		out[k] = col[i]
	}
	return out
}

// word returns the number of a value among few, giving a new one the next.
func word[T comparable](known map[T]uint16, all *[]T, v T) (uint16, error) {
	if n, ok := known[v]; ok {
		return n, nil
	}
	if len(*all) > math.MaxUint16 {
		return 0, fmt.Errorf("%w: more than %d different values", data.ErrBadNumber, math.MaxUint16)
	}
	n := uint16(len(*all))
	known[v] = n
	*all = append(*all, v)
	return n, nil
}
