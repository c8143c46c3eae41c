package optimizer

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
)

// exactReference adds what exactSum promises: each number rounded once to a
// multiple of the unit, ties to even, then without rounding.
type exactReference struct {
	units float64
	total *big.Int
}

func (r *exactReference) add(x float64, times int64) {
	q := math.RoundToEven(x * r.units)
	n, accuracy := new(big.Float).SetFloat64(q).Int(nil)
	if accuracy != big.Exact {
		panic("not whole")
	}
	r.total.Add(r.total, n.Mul(n, big.NewInt(times)))
}

func (r *exactReference) value() *big.Float {
	sum := new(big.Float).SetPrec(300).SetInt(r.total)
	return sum.Quo(sum, big.NewFloat(r.units))
}

// agrees allows for the two roundings of exactSum.value.
func (r *exactReference) agrees(x float64) bool {
	want := r.value()
	off := new(big.Float).Sub(want, big.NewFloat(x))
	allowed := new(big.Float).Mul(new(big.Float).Abs(want), big.NewFloat(0x1p-51))
	return off.Abs(off).Cmp(allowed) <= 0
}

// exactNumbers draws numbers up to a magnitude: of all sizes, of one size,
// whole, or cancelling pairs.
func exactNumbers(rng *rand.Rand, largest float64, n int) []float64 {
	out := make([]float64, n)
	kind := rng.IntN(4)
	for k := range out {
		x := largest * (2*rng.Float64() - 1)
		switch {
		case kind == 0:
			x *= math.Pow(2, -80*rng.Float64())
		case kind == 1:
			x = math.Copysign(largest, x)
		case kind == 2:
			x = math.Round(x)
		case k%2 == 1:
			x = -out[k-1]
		}
		out[k] = x
	}
	return out
}

func TestExactSumIsTheSumOfIntegers(t *testing.T) {
	for n := range uint64(4000) {
		rng := rand.New(rand.NewPCG(41, n))
		largest := math.Pow(10, 30*rng.Float64()-12)
		s := newExactSum(largest)
		if n%3 == 0 { // sums of cents, as far as they fit in 128 bits
			largest = min(largest, mostCents)
			s = exactSum{units: centUnits}
		}
		ref := &exactReference{units: s.units, total: new(big.Int)}
		numbers := exactNumbers(rng, largest, 1+rng.IntN(60))
		for _, x := range numbers {
			if rng.IntN(3) > 0 {
				s.add(x)
				ref.add(x, 1)
				continue
			}
			times := rng.Int64N(1 << 30)
			if math.Abs(x)*s.units >= 1<<62 {
				times %= 100 // such are added one by one
			}
			s.addTimes(x, times)
			ref.add(x, times)
		}
		if !ref.agrees(s.value()) {
			t.Fatalf("case %d, largest %g: %v, integers say %v", n, largest, s.value(), ref.value())
		}
	}
}

func TestExactSumDependsOnNoOrderAndNoParts(t *testing.T) {
	for n := range uint64(2000) {
		rng := rand.New(rand.NewPCG(43, n))
		largest := math.Pow(10, 24*rng.Float64()-6)
		numbers := exactNumbers(rng, largest, 1+rng.IntN(80))
		whole := newExactSum(largest)
		for _, x := range numbers {
			whole.add(x)
		}
		parts := [3]exactSum{newExactSum(largest), newExactSum(largest), newExactSum(largest)}
		for _, k := range rng.Perm(len(numbers)) {
			parts[rng.IntN(3)].add(numbers[k])
		}
		parts[0].merge(parts[1])
		parts[0].merge(parts[2])
		if parts[0] != whole {
			t.Fatalf("case %d, largest %g: %+v, in another order %+v", n, largest, whole, parts[0])
		}
	}
}

// TestExactSumsOfHugeNumbers adds the largest values that there may be in cents
// beyond 2⁶² units each.
func TestExactSumsOfHugeNumbers(t *testing.T) {
	for _, x := range []float64{mostCents, -mostCents, 1 << 38, -(1 << 38), 1<<38 - 1, 0.1 * mostCents, math.Nextafter(mostCents, 0)} {
		s := exactSum{units: centUnits}
		for range 1000 {
			s.add(x)
		}
		once := s
		s.addTimes(x, 1000)
		for range 1000 {
			once.add(x)
		}
		if s != once || s.value() != 2000*x {
			t.Errorf("2,000 times %v is %v", x, s.value())
		}
		for range 2 {
			s.addTimes(-x, 1000)
		}
		if s.value() != 0 {
			t.Errorf("%v stay of %v", s.value(), x)
		}
	}
}

// TestLongSumRoundsOnce compares the certificate's sums with unlimited
// precision, from the smallest to the largest numbers there are.
func TestLongSumRoundsOnce(t *testing.T) {
	for n := range uint64(3000) {
		rng := rand.New(rand.NewPCG(47, n))
		ref, a, b := new(big.Float).SetPrec(4500), longSum{}, longSum{}
		numbers := make([]float64, 1+rng.IntN(40))
		spread := []int{1, 60, 2000}[rng.IntN(3)]
		for k := range numbers {
			x := math.Ldexp(2*rng.Float64()-1, rng.IntN(spread)-spread/2)
			if k > 0 && rng.IntN(3) == 0 {
				x = -numbers[rng.IntN(k)]
			}
			numbers[k] = x
			ref.Add(ref, new(big.Float).SetFloat64(x))
		}
		for _, k := range rng.Perm(len(numbers)) {
			if rng.IntN(2) == 0 {
				a.add(numbers[k])
			} else {
				b.add(numbers[k])
			}
		}
		a.merge(&b)
		if want, _ := ref.Float64(); a.value() != want {
			t.Fatalf("case %d: %v, want %v", n, a.value(), want)
		}
	}
	var s longSum
	for _, x := range []float64{math.MaxFloat64, math.SmallestNonzeroFloat64, -math.MaxFloat64} {
		s.add(x)
	}
	if s.value() != math.SmallestNonzeroFloat64 {
		t.Errorf("%v, want the smallest number", s.value())
	}
	s.addProduct(0.1, 0.1)
	s.addProduct(-0.1, 0.1)
	if s.value() != math.SmallestNonzeroFloat64 {
		t.Errorf("%v after adding and taking away a product", s.value())
	}
	s.add(math.Inf(1))
	if !math.IsNaN(s.value()) {
		t.Errorf("%v with an infinite part, want NaN", s.value())
	}
}
