package optimizer

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"dunning/data"
)

// kernelCase is a block with a box.
type kernelCase struct {
	g *Grid
	t *useTable
	b box
	Block
}

func (c *kernelCase) String() string {
	return fmt.Sprintf("%d slots, %d profiles, %d rows, %d customers", len(c.g.Slots), c.g.Profiles, len(c.g.Rows), c.Customers)
}

// randomKernelCase draws 1 to 200 slots, several profiles, forbidden slots, ties
// from few levels, and values and prices over many orders of magnitude.
func randomKernelCase(rng *rand.Rand) *kernelCase {
	slots := 1 + rng.IntN(200)
	if rng.IntN(2) == 0 {
		slots = 1 + rng.IntN(34) // around the widths of vectors
	}
	c := &kernelCase{g: &Grid{Profiles: 1 + rng.IntN(3)}}
	for s := range slots {
		c.g.Slots = append(c.g.Slots, Slot{data.Channels[s%5], day(s / 5)})
	}
	levels, spread := rng.IntN(3) == 0, []float64{0, 1, 20}[rng.IntN(3)]
	number := func(most float64) float64 {
		if levels {
			return most * float64(rng.IntN(4)) / 4
		}
		return most * rng.Float64() * math.Exp(spread*(rng.Float64()-0.5))
	}
	n := slots/3 + 3
	for r := range n {
		c.g.AddRow(fmt.Sprint(r), Sense(rng.IntN(2)*rng.IntN(2)), 1, func(_, s int) float64 {
			if s%n != r && r > 0 && rng.IntN(20) > 0 {
				return 0
			}
			return number(4) - 1
		})
	}
	width := []float64{0, 1e-9, 0.01, 1, 1000}[rng.IntN(5)]
	for range n {
		centre := number(8) * float64(rng.IntN(2))
		lower, upper := max(0, centre-width*number(3)), centre+width*number(3)
		c.b.centre, c.b.lower, c.b.upper = append(c.b.centre, centre), append(c.b.lower, lower), append(c.b.upper, upper)
	}
	c.t = newUseTable(c.g)
	c.Customers = rng.IntN(40)
	share := rng.Float64()
	for range c.Customers {
		for range slots {
			v := float32(number(40) - 4)
			if rng.Float64() < share {
				v = float32(Forbidden)
			}
			c.Narrow = append(c.Narrow, v)
		}
		if c.g.Profiles > 1 {
			c.Profile = append(c.Profile, int32(rng.IntN(c.g.Profiles)))
		}
	}
	return c
}

func day(d int) data.Date { return data.Date(20458 + d) }

// kernelResult is everything that a scan sets.
type kernelResult struct {
	counts []int64
	worth  exactSum
	open   []int32
	chosen []Rungs
}

func (c *kernelCase) scan(k kernel, blocks int) kernelResult {
	t := tally{counts: make([]int64, c.g.Profiles*len(c.g.Slots)), worth: exactSum{units: centUnits}}
	out := kernelResult{chosen: make([]Rungs, c.Customers)}
	for k2 := range blocks { // one tally over several blocks
		from, to := c.Customers*k2/blocks, c.Customers*(k2+1)/blocks
		n := len(c.g.Slots)
		b := Block{First: from, Customers: to - from, Narrow: c.Narrow[from*n : to*n]}
		if c.Profile != nil {
			b.Profile = c.Profile[from:to]
		}
		if k2%3 == 2 {
			k.scan(b, &t, nil)
		} else {
			k.scan(b, &t, out.chosen[from:to])
		}
		for _, i := range t.open {
			out.open = append(out.open, i+int32(from))
		}
	}
	out.counts, out.worth = t.counts, t.worth
	return out
}

func kernelCases(seed uint64, test func(n uint64, c *kernelCase)) {
	cases := uint64(800)
	if testing.Short() {
		cases = 150
	}
	for n := range cases {
		test(n, randomKernelCase(rand.New(rand.NewPCG(seed, n))))
	}
}

func TestKernelsSetTheSameBits(t *testing.T) {
	inC, opened, decided := 0, 0, 0
	kernelCases(51, func(n uint64, c *kernelCase) {
		slow := newKernel(c.t, c.b)
		fast := fastKernel(slow)
		defer fast.close()
		if _, same := fast.(goKernel); !same {
			inC++
		}
		blocks := 1 + int(n%4)
		want, got := c.scan(slow, blocks), c.scan(fast, blocks)
		opened, decided = opened+len(want.open), decided+c.Customers-len(want.open)
		switch {
		case !slices.Equal(want.open, got.open):
			t.Fatalf("case %d (%s): open %v, in Go %v", n, c, got.open, want.open)
		case !slices.Equal(want.chosen, got.chosen):
			t.Fatalf("case %d (%s): chosen %v, in Go %v", n, c, got.chosen, want.chosen)
		case !slices.Equal(want.counts, got.counts):
			t.Fatalf("case %d (%s): counts %v, in Go %v", n, c, got.counts, want.counts)
		case want.worth != got.worth:
			t.Fatalf("case %d (%s): worth %+v, in Go %+v", n, c, got.worth, want.worth)
		}
	})
	t.Logf("%d cases in C; %d customers open, %d decided", inC, opened, decided)
	if opened < 500 || decided < opened/10 {
		t.Fatal("the cases do not test")
	}
}

// TestWhomTheKernelDecidesIsDecided holds the kernel against the search in
// double precision: who is decided has that one option, and of who is open the
// kernel keeps every option that the search keeps.
func TestWhomTheKernelDecidesIsDecided(t *testing.T) {
	decided, needless, open := 0, 0, 0
	kernelCases(53, func(n uint64, c *kernelCase) {
		prices := newKernel(c.t, c.b)
		got := c.scan(prices, 1)
		search, narrowed := newChoiceSearch(c.t, c.b), newTester(c.t, c.b)
		values := make([]float64, len(c.g.Slots))
		var keep, options, among []option
		for i := range c.Customers {
			profile := c.profile(i)
			keep, _ = search.decide(profile, c.Block.values(i, values), 0, keep)
			if !slices.Contains(got.open, int32(i)) {
				decided++
				if len(keep) != 1 || keep[0].rungs != got.chosen[i] {
					t.Fatalf("case %d (%s): customer %d is given %v, but %v are open", n, c, i, got.chosen[i], keep)
				}
				continue
			}
			open++
			if len(keep) == 1 {
				needless++
			}
			slots := len(c.g.Slots)
			options = prices[profile].among(c.Narrow[i*slots:(i+1)*slots], options)
			among = narrowed.among(profile, options, among)
			if !slices.Equal(keep, among) {
				t.Fatalf("case %d (%s): customer %d keeps %v, by way of the kernel %v", n, c, i, keep, among)
			}
		}
	})
	t.Logf("%d decided, %d open, %d of them needlessly", decided, open, needless)
	if decided < open/10 || open < 100 {
		t.Fatal("the cases do not test")
	}
}

// TestKernelsOfHugeValues counts the largest values that there may be, whose
// worth in units of an exactSum does not fit in 64 bits.
func TestKernelsOfHugeValues(t *testing.T) {
	for _, v := range []float32{1 << 37, 1 << 38, 1 << 39, 1 << 40, 9e14} {
		c := &kernelCase{g: &Grid{Profiles: 1}, Block: Block{Customers: 20}}
		for s := range 20 {
			c.g.Slots = append(c.g.Slots, Slot{data.Channels[s%5], day(s / 5)})
		}
		c.t = newUseTable(c.g)
		for i := range c.Customers {
			for s := range c.g.Slots {
				x := float32(1)
				if s == i {
					x = v
				}
				c.Narrow = append(c.Narrow, x)
			}
		}
		slow := newKernel(c.t, c.b)
		fast := fastKernel(slow)
		want, got := c.scan(slow, 1), c.scan(fast, 1)
		fast.close()
		if w := want.worth.value(); w != 20*float64(v) || got.worth != want.worth {
			t.Errorf("20 times %g: %g in Go, %g by the kernel", v, w, got.worth.value())
		}
	}
}
