package main

import (
	"context"
	"math"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"dunning/optimizer"
)

// gradientDual is the method of DuaLip (Basu, Ghoting, Mazumder, Pan 2020,
// "ECLIPSE"): the dual, smoothed by a ridge γ/2·|x|² on the primal, is minimised
// by accelerated projected gradients; each needs one read of all values. It is
// here to be compared with and for single touches only.
//
// Rows are scaled to norm 1 as DuaLip does. To favour the method, the momentum
// restarts where it points uphill (O'Donoghue, Candès 2015), γ is the best of
// several, and what counts is the dual without the ridge, at any point visited.
type gradientDual struct {
	g      *optimizer.Grid
	start  []int32 // uses of profile p and slot s: start[p·slots+s] ≤ k < start[p·slots+s+1]
	row    []int32
	amount []float64 // over the row's norm
	limit  []float64 // over the row's norm
}

// gradientPoint is the dual at some prices.
type gradientPoint struct {
	plain, smooth float64
	gradient      []float64
}

func newGradientDual(ctx context.Context, g *optimizer.Grid) (*gradientDual, error) {
	slots := len(g.Slots)
	offered := make([]float64, g.Profiles*slots)
	for k := range g.Values.Blocks() {
		err := g.Values.Read(ctx, k, func(b optimizer.Block) error {
			for i, v := range b.Narrow {
				if !math.IsInf(float64(v), -1) {
					offered[profileOf(b, i/slots)*slots+i%slots]++
				}
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	d := &gradientDual{g: g, start: make([]int32, len(offered)+1)}
	uses := make([][]optimizer.SlotUse, len(offered)) // the row in place of the slot
	for r := range g.Rows {
		norm := 0.0
		for _, u := range g.Rows[r].Use {
			norm += u.Amount * u.Amount * offered[int(u.Profile)*slots+int(u.Slot)]
		}
		norm = max(math.Sqrt(norm), 1)
		d.limit = append(d.limit, g.Rows[r].Limit/norm)
		for _, u := range g.Rows[r].Use {
			at := int(u.Profile)*slots + int(u.Slot)
			uses[at] = append(uses[at], optimizer.SlotUse{Slot: int32(r), Amount: u.Amount / norm})
		}
	}
	for at, list := range uses {
		for _, u := range list {
			d.row, d.amount = append(d.row, u.Slot), append(d.amount, u.Amount)
		}
		d.start[at+1] = int32(len(d.row))
	}
	return d, nil
}

func profileOf(b optimizer.Block, i int) int {
	if b.Profile == nil {
		return 0
	}
	return int(b.Profile[i])
}

// at reads all values once.
func (d *gradientDual) at(ctx context.Context, price []float64, gamma float64) (*gradientPoint, error) {
	paid := make([]float64, len(d.start)-1)
	for at := range paid {
		for k := d.start[at]; k < d.start[at+1]; k++ {
			paid[at] += price[d.row[k]] * d.amount[k]
		}
	}
	workers := runtime.GOMAXPROCS(0)
	parts, errs := make([]*gradientPart, workers), make([]error, workers)
	var next atomic.Int64
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			parts[w] = &gradientPart{paid: paid, slots: len(d.g.Slots), gamma: gamma, taken: make([]float64, len(paid))}
			for errs[w] == nil {
				k := int(next.Add(1)) - 1
				if k >= d.g.Values.Blocks() {
					return
				}
				if errs[w] = ctx.Err(); errs[w] == nil {
					errs[w] = d.g.Values.Read(ctx, k, parts[w].add)
				}
			}
		})
	}
	wg.Wait()
	p := &gradientPoint{gradient: slices.Clone(d.limit)}
	for r, y := range price {
		p.plain += y * d.limit[r]
	}
	p.smooth = p.plain
	for w, part := range parts {
		if errs[w] != nil {
			return nil, errs[w]
		}
		p.plain += part.plain
		p.smooth += part.smooth
		for at, x := range part.taken {
			for k := d.start[at]; k < d.start[at+1]; k++ {
				p.gradient[d.row[k]] -= x * d.amount[k]
			}
		}
	}
	return p, nil
}

// gradientPart sums over some blocks.
type gradientPart struct {
	paid          []float64
	slots         int
	gamma         float64
	plain, smooth float64
	taken         []float64 // Σ x by profile and slot

	near []gradientShare
}

type gradientShare struct {
	at int
	z  float64 // reduced cost over γ
}

func (p *gradientPart) add(b optimizer.Block) error {
	for i := range b.Customers {
		p.customer(b.Narrow[i*p.slots:(i+1)*p.slots], profileOf(b, i)*p.slots)
	}
	return nil
}

// customer projects reduced costs over γ onto x ≥ 0, Σx ≤ 1. Only what is
// within 1 of the largest can have a share.
func (p *gradientPart) customer(values []float32, first int) {
	best := 0.0
	for s, v := range values {
		best = max(best, float64(v)-p.paid[first+s])
	}
	if best == 0 {
		return
	}
	p.plain += best
	p.near = p.near[:0]
	total := 0.0
	for s, v := range values {
		if z := (float64(v) - p.paid[first+s]) / p.gamma; z > 0 && z > best/p.gamma-1 {
			p.near = append(p.near, gradientShare{first + s, z})
			total += z
		}
	}
	theta := 0.0
	if total > 1 {
		slices.SortFunc(p.near, func(a, b gradientShare) int {
			if a.z > b.z {
				return -1
			}
			return 1
		})
		sum := 0.0
		for k, n := range p.near {
			sum += n.z
			if t := (sum - 1) / float64(k+1); k+1 == len(p.near) || p.near[k+1].z <= t {
				theta = max(0, t)
				break
			}
		}
	}
	for _, n := range p.near {
		if x := n.z - theta; x > 0 {
			p.smooth += p.gamma * x * (n.z - x/2)
			p.taken[n.at] += x
		}
	}
}

// gradientWindow is over how many steps the gradient's Lipschitz constant is
// estimated, as DuaLip does.
const gradientWindow = 15

// reads returns after how many reads the dual is within tolerance of optimum;
// most if it is not by then.
func (d *gradientDual) reads(ctx context.Context, gamma, optimum, tolerance float64, most int) (int, error) {
	n := len(d.limit)
	price, ahead, last := make([]float64, n), make([]float64, n), make([]float64, n)
	var before *gradientPoint
	momentum := 1.0
	var steep []float64 // how fast the gradient turned lately
	for read := 1; read <= most; read++ {
		p, err := d.at(ctx, ahead, gamma)
		if err != nil || p.plain <= optimum*(1+tolerance) {
			return read, err
		}
		if before == nil {
			steep = []float64{1e3 * math.Sqrt(dot(p.gradient, p.gradient))}
		} else {
			moved, turned := 0.0, 0.0
			for r := range ahead {
				moved += (ahead[r] - last[r]) * (ahead[r] - last[r])
				turned += (p.gradient[r] - before.gradient[r]) * (p.gradient[r] - before.gradient[r])
			}
			if moved > 0 {
				steep = append(steep, math.Sqrt(turned/moved))
			}
			steep = steep[max(0, len(steep)-gradientWindow):]
		}
		step := 1 / max(slices.Max(steep), 1e-300)
		copy(last, ahead)
		before = p
		next, uphill := make([]float64, n), 0.0
		for r := range next {
			next[r] = max(0, ahead[r]-step*p.gradient[r])
			uphill += p.gradient[r] * (next[r] - price[r])
		}
		grown := (1 + math.Sqrt(1+4*momentum*momentum)) / 2
		if uphill > 0 {
			momentum, grown = 1, 1
		}
		for r := range ahead {
			ahead[r] = max(0, next[r]+(momentum-1)/grown*(next[r]-price[r]))
		}
		price, momentum = next, grown
	}
	return most, nil
}

func dot(a, b []float64) (total float64) {
	for k := range a {
		total += a[k] * b[k]
	}
	return total
}
