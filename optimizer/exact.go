package optimizer

import (
	"math"
	"math/bits"
)

// exactSum adds numbers in 128-bit fixed point: each is rounded once to a
// multiple of the unit, the additions are exact. The total therefore depends
// neither on the order nor on how the numbers were split into partial sums.
type exactSum struct {
	hi    int64
	lo    uint64
	units float64 // per 1, a power of two
}

// centUnits are the units of sums of cents: 2⁻²⁴ cents.
const centUnits = 1 << 24

// newExactSum returns an empty sum of numbers of at most the given magnitude;
// the unit is 2⁻⁵⁶ of it, so that 2⁶⁰ of them fit.
func newExactSum(largest float64) exactSum {
	if largest == 0 {
		return exactSum{units: 1}
	}
	_, e := math.Frexp(largest)
	return exactSum{units: math.Ldexp(1, 56-e)}
}

func (s *exactSum) add(x float64) {
	q := math.RoundToEven(x * s.units)
	if math.Abs(q) < 1<<62 {
		n := int64(q)
		lo, carry := bits.Add64(s.lo, uint64(n), 0)
		s.lo, s.hi = lo, s.hi+n>>63+int64(carry)
		return
	}
	// Beyond 2⁶²: q is mantissa × 2^shift with a mantissa of 53 bits.
	frac, e := math.Frexp(q)
	n, shift := int64(frac*(1<<53)), uint(e-53)
	if shift > 64 {
		shift = 64 // saturates far beyond any amount that Validate lets pass
	}
	lo, carry := bits.Add64(s.lo, uint64(n)<<shift, 0)
	s.lo, s.hi = lo, s.hi+n>>(64-shift)+int64(carry)
}

// addTimes adds n·x, exactly n times what add adds.
func (s *exactSum) addTimes(x float64, n int64) {
	q := math.RoundToEven(x * s.units)
	m, shift := int64(q), uint(0)
	if math.Abs(q) >= 1<<62 { // as in add
		frac, e := math.Frexp(q)
		m, shift = int64(frac*(1<<53)), min(uint(e-53), 64)
	}
	negative := m < 0
	if negative {
		m = -m
	}
	hi, lo := bits.Mul64(uint64(m), uint64(n))
	hi, lo = hi<<shift|lo>>(64-shift), lo<<shift
	if negative {
		borrow := uint64(0)
		if lo != 0 {
			borrow = 1
		}
		lo, hi = -lo, -hi-borrow
	}
	low, carry := bits.Add64(s.lo, lo, 0)
	s.lo, s.hi = low, s.hi+int64(hi)+int64(carry)
}

// merge adds another sum of the same unit.
func (s *exactSum) merge(t exactSum) {
	lo, carry := bits.Add64(s.lo, t.lo, 0)
	s.lo, s.hi = lo, s.hi+t.hi+int64(carry)
}

func (s *exactSum) value() float64 {
	hi, lo, sign := uint64(s.hi), s.lo, 1.0
	if s.hi < 0 {
		sign = -1
		borrow := uint64(0)
		if lo != 0 {
			borrow = 1
		}
		lo, hi = -lo, -hi-borrow
	}
	return sign * (float64(hi)*(1<<64) + float64(lo)) / s.units
}
