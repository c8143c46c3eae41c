package whatif

import (
	"context"
	"sync"

	"dunning/optimizer"
)

// someAllowed are the values of all allowed touches of some profiles, and of the
// others those of the touches that are worth more than they cost: what a plan
// chooses from.
type someAllowed struct {
	all      optimizer.Values
	cost     [][]float64 // by profile, then slot
	demanded []bool      // by profile
	scratch  sync.Pool   // of *room
}

// room is a block's values of one's own.
type room struct {
	narrow []float32
	wide   []float64
}

// Customers returns the number of customers.
func (v *someAllowed) Customers() int { return v.all.Customers() }

// Slots returns the number of slots.
func (v *someAllowed) Slots() int { return v.all.Slots() }

// Largest returns a bound of the absolute values.
func (v *someAllowed) Largest() float64 { return v.all.Largest() }

// Blocks returns the number of blocks.
func (v *someAllowed) Blocks() int { return v.all.Blocks() }

// Read hands over block k.
func (v *someAllowed) Read(ctx context.Context, k int, use func(optimizer.Block) error) error {
	return v.all.Read(ctx, k, func(b optimizer.Block) error {
		own, _ := v.scratch.Get().(*room)
		if own == nil {
			own = new(room)
		}
		defer v.scratch.Put(own)
		if b.Wide != nil {
			own.wide = append(own.wide[:0], b.Wide...)
			b.Wide = own.wide
		} else {
			own.narrow = append(own.narrow[:0], b.Narrow...)
			b.Narrow = own.narrow
		}
		v.mask(b)
		return use(b)
	})
}

// Sample returns the sample of all allowed touches, without the others.
func (v *someAllowed) Sample(ctx context.Context) (optimizer.Block, error) {
	b, err := v.all.Sample(ctx)
	if err == nil {
		v.mask(b)
	}
	return b, err
}

// mask forbids what does not earn its cost.
func (v *someAllowed) mask(b optimizer.Block) {
	n := v.all.Slots()
	for i := range b.Customers {
		profile := int32(0)
		if b.Profile != nil {
			profile = b.Profile[i]
		}
		switch {
		case v.demanded[profile]:
		case b.Wide != nil:
			forbid(b.Wide[i*n:(i+1)*n], v.cost[profile])
		default:
			forbid(b.Narrow[i*n:(i+1)*n], v.cost[profile])
		}
	}
}

// forbid forbids the touches of a customer that do not earn their cost.
func forbid[T float32 | float64](row []T, cost []float64) {
	never := T(optimizer.Forbidden)
	for s, x := range row {
		if float64(x) <= cost[s] {
			row[s] = never
		}
	}
}
