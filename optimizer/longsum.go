package optimizer

import (
	"math"
	"math/big"
)

// longSum adds float64 exactly, whatever their size: lane k counts units of
// 2^(32k−1074) in 64 bits, so that 2³¹ numbers fit before any carry is needed
// (Neal 2015, "Fast exact summation using small and large superaccumulators").
type longSum struct {
	lane   [66]int64
	broken bool // something was no number
}

func (s *longSum) add(x float64) {
	word := math.Float64bits(x)
	exponent, mantissa := int(word>>52)&0x7ff, word&(1<<52-1)
	switch exponent {
	case 0x7ff:
		s.broken = true
		return
	case 0:
		exponent = 1 // subnormal
	default:
		mantissa |= 1 << 52
	}
	k, shift := (exponent-1)>>5, uint(exponent-1)&31
	low, high := mantissa<<shift, mantissa>>(64-shift)
	a, b, c := int64(low&(1<<32-1)), int64(low>>32), int64(high)
	if word>>63 == 1 {
		a, b, c = -a, -b, -c
	}
	s.lane[k] += a
	s.lane[k+1] += b
	s.lane[k+2] += c
}

// addProduct adds a·b without rounding.
func (s *longSum) addProduct(a, b float64) {
	product := a * b
	s.add(product)
	s.add(math.FMA(a, b, -product))
}

func (s *longSum) merge(t *longSum) {
	for k, x := range t.lane {
		s.lane[k] += x
	}
	s.broken = s.broken || t.broken
}

// value returns the sum rounded once; NaN when something was no number.
func (s *longSum) value() float64 {
	if s.broken {
		return math.NaN()
	}
	total, lane := new(big.Int), new(big.Int)
	for k := len(s.lane) - 1; k >= 0; k-- {
		total.Lsh(total, 32)
		total.Add(total, lane.SetInt64(s.lane[k]))
	}
	x, _ := new(big.Float).SetMantExp(new(big.Float).SetInt(total), -1074).Float64()
	return x
}
