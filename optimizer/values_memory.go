package optimizer

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"

	"dunning/data"
)

// A sample holds sampleLeast customers, or all; where there are very many, one
// in 64, at most sampleMost.
const (
	sampleLeast = 65_536
	sampleBound = 1 << 58 // one hash in 64 is below
	sampleMost  = 262_144
)

// A part holds the customers whose hashes are below partBound, one in partShare. It is
// made of at least partFrom customers, of whom it then tells far more than the sample.
const (
	partShare = 16
	partBound = math.MaxUint64 / partShare
	partFrom  = 8 * partShare * sampleMost
	partOff   = 6.0 // standard errors by which the number of its customers may be off
)

// fairPart reports whether a part has as many customers as one of customers who all
// differ would have.
func fairPart(parted, customers int64) bool {
	expected := float64(customers) / partShare
	return math.Abs(float64(parted)-expected) <= partOff*math.Sqrt(expected)
}

// blockCustomers is how many customers the blocks of values in memory hold:
// some hundred kilobytes, which stay in a core's cache.
const blockCustomers = 2048

// MemoryValues are Values held in memory. The zero value is not ready; see
// [NewMemoryValues] and [WideMemoryValues]. After the last Add they are read
// only.
type MemoryValues struct {
	slots   int
	n       int
	narrow  []float32
	wide    []float64
	profile []int32 // nil as long as all are 0
	largest float64
	sample  sketch
}

// NewMemoryValues returns values of single precision, 4 bytes each, with room
// for the given number of customers. Values that single precision cannot hold
// exactly are refused by Add; [WideMemoryValues] holds them.
func NewMemoryValues(slots, customers int) *MemoryValues {
	return &MemoryValues{slots: slots, narrow: make([]float32, 0, slots*customers)}
}

// WideMemoryValues returns values of double precision, 8 bytes each.
func WideMemoryValues(slots, customers int) *MemoryValues {
	return &MemoryValues{slots: slots, wide: make([]float64, 0, slots*customers)}
}

// Add appends a customer. values has one value in cents per slot, Forbidden
// where the slot is not allowed. The error names the slot whose value is NaN,
// +Inf, too large or not representable.
func (m *MemoryValues) Add(profile int32, values []float64) error {
	if len(values) != m.slots {
		panic(fmt.Sprintf("optimizer: %d values for %d slots", len(values), m.slots))
	}
	for s, v := range values {
		if err := checkValue(v); err != nil {
			return fmt.Errorf("optimizer: customer %d, slot %d: %w", m.n, s, err)
		}
		if m.wide == nil {
			if float64(float32(v)) != v {
				return fmt.Errorf("optimizer: customer %d, slot %d: %w: %v needs double precision", m.n, s, data.ErrBadNumber, v)
			}
			m.narrow = append(m.narrow, float32(v))
		} else {
			m.wide = append(m.wide, v)
		}
		if v != Forbidden {
			m.largest = max(m.largest, math.Abs(v))
		}
	}
	m.added(profile, SampleHash(profile, values))
	return nil
}

// added notes the customer whose values were just appended.
func (m *MemoryValues) added(profile int32, hash uint64) {
	if profile != 0 && m.profile == nil {
		m.profile = make([]int32, m.n, cap(m.narrow)/m.slots+cap(m.wide)/m.slots+1)
	}
	if m.profile != nil {
		m.profile = append(m.profile, profile)
	}
	m.sample.offer(hash, m.n)
	m.n++
}

// mostCents is beyond any money: R$ 10 trillion.
const mostCents = 1e15

// checkValue refuses values that no recovery has.
func checkValue(v float64) error {
	if v == Forbidden {
		return nil
	}
	if math.IsNaN(v) || math.Abs(v) > mostCents {
		return fmt.Errorf("%w: value %g", data.ErrBadNumber, v)
	}
	return nil
}

// Customers returns the number of customers.
func (m *MemoryValues) Customers() int { return m.n }

// Slots returns the number of slots.
func (m *MemoryValues) Slots() int { return m.slots }

// Largest returns the largest absolute value.
func (m *MemoryValues) Largest() float64 { return m.largest }

// Blocks returns the number of blocks.
func (m *MemoryValues) Blocks() int { return (m.n + blockCustomers - 1) / blockCustomers }

// Read hands over block k, which aliases the values.
func (m *MemoryValues) Read(_ context.Context, k int, use func(Block) error) error {
	from := k * blockCustomers
	return use(m.block(from, min(m.n, from+blockCustomers)))
}

func (m *MemoryValues) block(from, to int) Block {
	b := Block{First: from, Customers: to - from}
	if m.wide != nil {
		b.Wide = m.wide[from*m.slots : to*m.slots]
	} else {
		b.Narrow = m.narrow[from*m.slots : to*m.slots]
	}
	if m.profile != nil {
		b.Profile = m.profile[from:to]
	}
	return b
}

// Sample copies the sampled customers.
func (m *MemoryValues) Sample(context.Context) (Block, error) {
	order := m.sample.smallest()
	b := Block{Customers: len(order)}
	if m.wide != nil {
		b.Wide = make([]float64, 0, len(order)*m.slots)
	} else {
		b.Narrow = make([]float32, 0, len(order)*m.slots)
	}
	for _, i := range order {
		one := m.block(i, i+1)
		b.Narrow = append(b.Narrow, one.Narrow...)
		b.Wide = append(b.Wide, one.Wide...)
		if m.profile != nil {
			b.Profile = append(b.Profile, one.Profile...)
		}
	}
	return b, nil
}

// SampleHash hashes a customer's content: its profile and the values of eight
// slots spread over all.
func SampleHash(profile int32, values []float64) uint64 {
	h := newHash()
	h.word(uint64(profile))
	stride := max(1, len(values)/8)
	for s := 0; s < len(values); s += stride {
		h.word(math.Float64bits(values[s]))
	}
	return h.mixed()
}

// sampleHashNarrow is SampleHash of the same values in single precision.
func sampleHashNarrow(profile int32, values []float32) uint64 {
	h := newHash()
	h.word(uint64(profile))
	stride := max(1, len(values)/8)
	for s := 0; s < len(values); s += stride {
		h.word(math.Float64bits(float64(values[s])))
	}
	return h.mixed()
}

// sketch keeps the customers of a sample.
type sketch struct {
	kept  []sketched
	bound uint64 // larger hashes are not kept; 0 while everything is
	full  int    // length at which to cut
}

type sketched struct {
	hash     uint64
	customer int
}

func (s *sketch) offer(hash uint64, customer int) {
	if s.bound != 0 && hash >= s.bound {
		return
	}
	s.kept = append(s.kept, sketched{hash, customer})
	if len(s.kept) >= max(2*sampleLeast, s.full) {
		s.cut()
		s.full = 2 * len(s.kept)
	}
}

// cut sorts, equal hashes (equal customers) by index, and drops what no larger
// number of customers can bring back.
func (s *sketch) cut() {
	slices.SortFunc(s.kept, func(a, b sketched) int {
		return cmp.Or(cmp.Compare(a.hash, b.hash), cmp.Compare(a.customer, b.customer))
	})
	size := sampleLeast
	for size < min(sampleMost, len(s.kept)) && s.kept[size].hash < sampleBound {
		size++
	}
	if len(s.kept) > size {
		s.bound = max(sampleBound, s.kept[size-1].hash+1)
		if size == sampleMost {
			s.bound = s.kept[size-1].hash + 1
		}
		s.kept = s.kept[:size]
	}
}

func (s *sketch) smallest() []int {
	s.cut()
	out := make([]int, len(s.kept))
	for k, c := range s.kept {
		out[k] = c.customer
	}
	return out
}
