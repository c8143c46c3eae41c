//go:build cgo

package optimizer_test

import (
	"context"
	"fmt"
	"math"
	"reflect"
	"runtime"
	"slices"
	"testing"

	"dunning/optimizer"
)

// recutValues are the customers of other values in blocks of another size.
type recutValues struct {
	optimizer.Values
	size   int
	blocks []optimizer.Block
}

// recut copies a grid's values into blocks of at most size customers; alter, if
// not nil, may change each.
func recut(t testing.TB, g *optimizer.Grid, size int, alter func(b *optimizer.Block)) *recutValues {
	t.Helper()
	r := &recutValues{Values: g.Values, size: size}
	n := len(g.Slots)
	for k := range g.Values.Blocks() {
		err := g.Values.Read(context.Background(), k, func(b optimizer.Block) error {
			for i := 0; i < b.Customers; i++ {
				at := len(r.blocks) - 1
				if at < 0 || r.blocks[at].Customers == size {
					r.blocks = append(r.blocks, optimizer.Block{First: b.First + i})
					at++
				}
				c := &r.blocks[at]
				c.Customers++
				if b.Profile != nil {
					c.Profile = append(c.Profile, b.Profile[i])
				}
				if b.Wide != nil {
					c.Wide = append(c.Wide, b.Wide[i*n:(i+1)*n]...)
				} else {
					c.Narrow = append(c.Narrow, b.Narrow[i*n:(i+1)*n]...)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for k := range r.blocks {
		if alter != nil {
			alter(&r.blocks[k])
		}
	}
	return r
}

func (r *recutValues) Blocks() int { return len(r.blocks) }

func (r *recutValues) Read(_ context.Context, k int, use func(optimizer.Block) error) error {
	return use(r.blocks[k])
}

// sameBits fails unless two allocations are the same, bit by bit.
func sameBits(t testing.TB, name string, a, b *optimizer.Allocation) {
	t.Helper()
	bits := func(x []float64) (out []uint64) {
		for _, y := range x {
			out = append(out, math.Float64bits(y))
		}
		return out
	}
	switch {
	case a.Status != b.Status:
		t.Fatalf("%s: %s and %s", name, a.Status, b.Status)
	case !slices.Equal(a.Chosen, b.Chosen):
		t.Fatalf("%s: other ladders", name)
	case !reflect.DeepEqual(a.Split, b.Split):
		t.Fatalf("%s: shares %v and %v", name, a.Split, b.Split)
	case !slices.Equal(bits(a.Prices), bits(b.Prices)):
		t.Fatalf("%s: prices %v and %v", name, a.Prices, b.Prices)
	case math.Float64bits(a.ObjectiveCents) != math.Float64bits(b.ObjectiveCents) || math.Float64bits(a.BoundCents) != math.Float64bits(b.BoundCents):
		t.Fatalf("%s: objective %v and %v, bound %v and %v", name, a.ObjectiveCents, b.ObjectiveCents, a.BoundCents, b.BoundCents)
	}
}

// propertyGrids are grids large enough that samples, boxes, narrowing and
// kernel all take part.
func propertyGrids(t testing.TB) map[string]*optimizer.Grid {
	t.Helper()
	rule := optimizer.LadderRule{Touches: 3, GapDays: 2, Factor: [][]float64{nil, {0, 0, 0.5, 0.7}, {0, 0, 0.4, 0.5}}}
	out := map[string]*optimizer.Grid{}
	for name, c := range map[string]optimizer.Instance{
		"touches":           {Customers: 4000, Channels: 4, Days: 5, Seed: 5},
		"touches, segments": {Customers: 3000, Channels: 4, Days: 5, Segments: 3, Seed: 6},
		"ladders":           {Customers: 1500, Channels: 2, Days: 6, Seed: 7, Ladder: rule},
	} {
		g, err := optimizer.NewInstance(c)
		if err != nil {
			t.Fatal(err)
		}
		g.AddRow("coverage", optimizer.AtLeast, float64(c.Customers)/50, func(_, s int) float64 { return is(s == 1) })
		out[name] = g
	}
	if testing.Short() {
		return out
	}
	tied, err := optimizer.NewInstance(optimizer.Instance{Customers: 1500, Channels: 4, Days: 5, OptionShare: 1, Segments: 2, Seed: 8})
	if err != nil {
		t.Fatal(err)
	}
	all := shoppersOf(t, tied)
	for i := range all {
		for s := range all[i].values {
			all[i].values[s] = 100 * float64((1+i%4)*(1+s%4))
		}
	}
	setShoppers(t, tied, all, false)
	out["tied touches"] = tied
	return out
}

// inBoxes is a search that has to narrow.
func inBoxes() optimizer.Boxstep { return optimizer.Boxstep{MaxColumns: 2000} }

func TestCoresAndBlocksChangeNothing(t *testing.T) {
	for name, g := range propertyGrids(t) {
		t.Run(name, func(t *testing.T) {
			want := mustCertify(t, inBoxes(), g)
			for _, size := range []int{1, 37, 1000, 1 << 20} {
				other := *g
				other.Values = recut(t, g, size, nil)
				sameBits(t, fmt.Sprintf("blocks of %d", size), want, mustCertify(t, inBoxes(), &other))
			}
			for _, cores := range []int{1, 2, 5} {
				before := runtime.GOMAXPROCS(cores)
				got := mustCertify(t, inBoxes(), g)
				runtime.GOMAXPROCS(before)
				sameBits(t, fmt.Sprintf("%d cores", cores), want, got)
			}
		})
	}
}

func TestPrecisionOfStorageChangesNothing(t *testing.T) {
	for name, g := range propertyGrids(t) {
		t.Run(name, func(t *testing.T) {
			wide := *g
			setShoppers(t, &wide, shoppersOf(t, g), true)
			sameBits(t, name, mustCertify(t, inBoxes(), g), mustCertify(t, inBoxes(), &wide))
		})
	}
}

func TestPermutedCustomersGetTheSameLadders(t *testing.T) {
	for name, g := range propertyGrids(t) {
		t.Run(name, func(t *testing.T) {
			all := shoppersOf(t, g)
			want := mustCertify(t, inBoxes(), g)
			for n := range uint64(2) {
				order := seeded(301, n).Perm(len(all))
				shuffled := make([]shopper, len(all))
				for i, to := range order {
					shuffled[to] = all[i]
				}
				other := *g
				setShoppers(t, &other, shuffled, false)
				got := mustCertify(t, inBoxes(), &other)
				if got.ObjectiveCents != want.ObjectiveCents || got.BoundCents != want.BoundCents || !slices.Equal(got.Prices, want.Prices) {
					t.Fatalf("permutation %d: objective %v, want %v; bound %v, want %v", n, got.ObjectiveCents, want.ObjectiveCents, got.BoundCents, want.BoundCents)
				}
				comparePlans(t, all, want, got, order)
			}
		})
	}
}

// comparePlans fails unless customers who can be told apart have the same
// ladders, and of those who cannot as many have each.
func comparePlans(t *testing.T, all []shopper, want, got *optimizer.Allocation, order []int) {
	t.Helper()
	type taken struct {
		customer string
		rungs    optimizer.Rungs
	}
	count := map[taken]float64{}
	for i, s := range all {
		who := fmt.Sprint(s)
		count[taken{who, want.Chosen[i]}]++
		count[taken{who, got.Chosen[order[i]]}]--
	}
	back := make([]int, len(order))
	for i, to := range order {
		back[to] = i
	}
	for _, s := range want.Split {
		count[taken{fmt.Sprint(all[s.Customer]), s.Rungs}] += s.Share
	}
	for _, s := range got.Split {
		count[taken{fmt.Sprint(all[back[s.Customer]]), s.Rungs}] -= s.Share
	}
	others := 0.0
	for _, n := range count {
		others += math.Abs(n)
	}
	if others > 1e-9 {
		t.Errorf("%g ladders are other customers'", others/2)
	}
}

func TestScaledValuesScaleThePlan(t *testing.T) {
	for name, g := range propertyGrids(t) {
		t.Run(name, func(t *testing.T) {
			want := mustCertify(t, inBoxes(), g)
			for _, factor := range []float64{64, 1.0 / 8, 3} {
				other := *g
				all := shoppersOf(t, g)
				for i := range all {
					for s := range all[i].values {
						all[i].values[s] *= factor
					}
				}
				setShoppers(t, &other, all, true)
				got := mustCertify(t, inBoxes(), &other)
				if math.Abs(got.ObjectiveCents-factor*want.ObjectiveCents) > 1e-9*factor*want.ObjectiveCents {
					t.Errorf("× %g: objective %.15g, want %.15g", factor, got.ObjectiveCents, factor*want.ObjectiveCents)
				}
				if factor != 3 && name != "tied touches" && !slices.Equal(got.Chosen, want.Chosen) {
					t.Errorf("× %g: other ladders", factor)
				}
				// Where prices are an interval any of it may come out: they must
				// be prices of the values as they were.
				back := *want
				back.Prices, back.BoundCents = slices.Clone(got.Prices), got.BoundCents/factor
				for r := range back.Prices {
					back.Prices[r] /= factor
				}
				if err := certify(t, g, &back).Err(optimizer.Tolerance{Gap: 1e-9}); err != nil {
					t.Errorf("× %g: %v", factor, err)
				}
			}
		})
	}
}

func TestMoreOfALimitNeverLowersTheObjective(t *testing.T) {
	grids := propertyGrids(t)
	delete(grids, "tied touches") // their optima have many prices
	for name, g := range grids {
		t.Run(name, func(t *testing.T) {
			for _, row := range []int{0, 1} {
				other := *g
				other.Rows = slices.Clone(g.Rows)
				last, lastPrice := math.Inf(-1), math.Inf(1)
				for _, share := range []float64{0.3, 0.9, 1, 1.1, 10} {
					other.Rows[row].Limit = share * g.Rows[row].Limit
					a, err := certified(inBoxes(), &other)
					if err != nil {
						t.Fatalf("row %q × %g: %v", g.Rows[row].Name, share, err)
					}
					if a.Status == optimizer.Infeasible && math.IsInf(last, -1) {
						continue
					}
					if a.ObjectiveCents < last-1e-9*math.Abs(last) || a.Prices[row] > lastPrice*(1+1e-6)+1e-9 {
						t.Fatalf("row %q × %g: %s, objective from %.12g to %.12g, price from %g to %g", g.Rows[row].Name, share, a.Status, last, a.ObjectiveCents, lastPrice, a.Prices[row])
					}
					last, lastPrice = a.ObjectiveCents, a.Prices[row]
				}
				if lastPrice > 0 && row == 0 && name != "ladders" {
					t.Errorf("ten times the limit of %q still has the price %g", g.Rows[row].Name, lastPrice)
				}
			}
		})
	}
}
