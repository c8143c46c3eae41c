package optimizer

import (
	"context"
	"math"
	"slices"
	"testing"
)

// A file's part holds the customers of the lowest hashes, values and profiles, over
// several blocks, and the rest of the file is as it was.
func TestPartHoldsOneInSixteen(t *testing.T) {
	for name, in := range map[string]Instance{
		"blocks":   {Customers: 300_000, Channels: 5, Days: 14, Seed: 3},
		"profiles": {Customers: 300_000, Channels: 5, Days: 14, Segments: 7, Seed: 4},
	} {
		t.Run(name, func(t *testing.T) {
			g, err := NewInstance(in)
			if err != nil {
				t.Fatal(err)
			}
			memory := g.Values.(*MemoryValues)
			file := WriteParted(t, memory)
			all := memory.block(0, memory.Customers())
			var want, got Block
			for i := range all.Customers {
				if row := all.Narrow[i*70 : (i+1)*70]; sampleHashNarrow(all.profile(i), row) < partBound {
					want.Narrow = append(want.Narrow, row...)
					want.Profile = append(want.Profile, all.profile(i))
				}
			}
			part := file.Part()
			if part == nil || part.Blocks() < 2 || part.Customers() != len(want.Profile) {
				t.Fatalf("part %v, want %d customers in several blocks", part, len(want.Profile))
			}
			for _, of := range []struct {
				from BlockSource
				want Block
			}{{part, want}, {file, all}} {
				got = Block{}
				for k := range of.from.Blocks() {
					err := of.from.Read(context.Background(), k, func(b Block) error {
						got.Narrow = append(got.Narrow, b.Narrow...)
						for i := range b.Customers {
							got.Profile = append(got.Profile, b.profile(i))
						}
						return nil
					})
					if err != nil {
						t.Fatal(err)
					}
				}
				if of.want.Profile == nil {
					of.want.Profile = make([]int32, all.Customers)
				}
				if !slices.Equal(got.Narrow, of.want.Narrow) || !slices.Equal(got.Profile, of.want.Profile) {
					t.Fatal("other customers")
				}
			}
		})
	}
}

// Where customers are alike their hashes make no fair part, and there is none.
func TestAlikeCustomersHaveNoPart(t *testing.T) {
	m := NewMemoryValues(3, 40_000)
	for i := range 40_000 {
		if err := m.Add(0, []float64{float64(i % 5), 2, 3}); err != nil {
			t.Fatal(err)
		}
	}
	v := WriteParted(t, m)
	if v.Part() != nil || v.Customers() != 40_000 {
		t.Fatalf("a part of %d of %d customers", v.Part().Customers(), v.Customers())
	}
	if s, err := v.Sample(context.Background()); err != nil || s.Customers != 40_000 {
		t.Fatalf("a sample of %d (%v)", s.Customers, err)
	}
}

// What a part says of everybody's totals is off by the variance that the box around the
// next prices allows for.
func TestTotalsOfAPartAreAsNoisyAsSaid(t *testing.T) {
	g, err := NewInstance(Instance{Customers: 200_000, Channels: 5, Days: 14, Seed: 8})
	if err != nil {
		t.Fatal(err)
	}
	g.Values = WriteParted(t, g.Values.(*MemoryValues))
	ctx := context.Background()
	m, err := newMarket(ctx, g)
	if err != nil {
		t.Fatal(err)
	}
	s := Boxstep{}.newRun(ctx, m)
	price := make([]float64, m.rows())
	for r := range price {
		price[r] = 0.3 * m.typical / m.t.scale[r]
	}
	part, err := s.totals(price)
	if err != nil {
		t.Fatal(err)
	}
	all, err := s.totals(price)
	if err != nil {
		t.Fatal(err)
	}
	if s.work.PartReads != 1 || s.work.FullReads != 1 || all.noise != 0 || part.noise < 14 || part.noise > 16 {
		t.Fatalf("work %+v, noise %g and %g, want a part and then all", s.work, part.noise, all.noise)
	}
	n := m.rows()
	spread := &smoothPoint{between: make([]float64, n*n)}
	share := float64(m.sample.Customers) / float64(g.Values.Customers())
	m.addNoise(spread, m.sampleChoices(m.sample.Customers, price), share*part.noise)
	total, counted := 0.0, 0
	for r := range n {
		if variance := spread.between[r*n+r]; variance > 0 {
			off := share * (part.used[r] - all.used[r])
			total += off * off / variance
			counted++
		}
	}
	// The rows' squared errors over their variances are near 1: within four standard errors.
	if mean, bound := total/float64(counted), 4*math.Sqrt(2/float64(counted)); counted < 60 || math.Abs(mean-1) > bound {
		t.Fatalf("%d rows off by %.2f of what was said, want 1 ± %.2f", counted, mean, bound)
	}
}
