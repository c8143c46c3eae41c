package optimizer

import (
	"math"
	"runtime"
	"sync"
)

// The kernel is the inner loop of a full scan where customers choose at most
// one touch, their values are single precision and profiles are few. Per
// customer, in single precision:
//
//	s_j    = v_j − price_j                  for every slot j; hold has 0
//	best   = the largest s_j, at least 0; winner: the first slot that has it
//	open   = any other slot with v_j − threshold_wj ≥ best·(1 − 2⁻²⁰),
//	         or hold with hold_w ≥ best·(1 − 2⁻²⁰)
//
// where threshold_wj = price_j − D_wj and D_wj is the most that the box can
// shift the comparison of j with the winner w in j's favour. Thresholds are
// lowered by more than all rounding of single precision together, so a
// customer that is not open is truly decided; of an open one [choiceSearch]
// says in double precision what is left open.
//
// kernelGo and the C code round each operation the same way and compare the
// same numbers, so they set the same bits.

// thresholdSlack covers the rounding of prices, differences and products: eight
// units in the last place of each.
const thresholdSlack = 1.0 / (1 << 20)

// kernelPrices is one profile at one box.
type kernelPrices struct {
	price     []float32 // by slot
	threshold []float32 // by winner (slots: hold), then slot
	hold      []float32 // by winner
	// reach is such that no other option wins, whoever the winner, where it
	// falls short of the best by more than a little and reach: in single
	// precision v_j − threshold_wj ≥ least only where v_j − price_j ≥
	// least·(1 − 2⁻²⁰) − reach, and hold_w ≥ least only where 0 is.
	reach float32
}

// newKernelPrices prepares a profile.
func newKernelPrices(t *useTable, b box, profile int32) kernelPrices {
	n := t.slots
	k := kernelPrices{price: make([]float32, n), threshold: make([]float32, (n+1)*n), hold: make([]float32, n+1)}
	exact, up, down := make([]float64, n), make([]float64, t.rows()), make([]float64, t.rows())
	for r := range up {
		up[r], down[r] = b.upper[r]-b.centre[r], b.centre[r]-b.lower[r]
	}
	for s := range n {
		rows, amounts := t.touch(profile, s)
		for i, r := range rows {
			exact[s] += b.centre[r] * amounts[i]
		}
		k.price[s] = float32(exact[s])
	}
	winner := make([]float64, t.rows())
	for w := range n + 1 {
		var rows []int32
		var amounts []float64
		if w < n {
			rows, amounts = t.touch(profile, w)
		}
		alone, paid := 0.0, 0.0 // what the winner's own prices can rise by, and are
		if w < n {
			paid = math.Abs(exact[w])
		}
		for i, r := range rows {
			winner[r] = amounts[i]
			alone += shift(up[r], down[r], amounts[i])
		}
		k.hold[w] = above(alone, alone+paid)
		k.reach = max(k.reach, k.hold[w])
		for s := range n {
			d := alone
			otherRows, otherAmounts := t.touch(profile, s)
			for i, r := range otherRows {
				d += shift(up[r], down[r], winner[r]-otherAmounts[i]) - shift(up[r], down[r], winner[r])
			}
			threshold := below(exact[s]-d, math.Abs(exact[s])+paid+alone+math.Abs(d))
			k.threshold[w*n+s] = threshold
			by := float64(k.price[s]) - float64(threshold)
			k.reach = max(k.reach, above(by, by))
		}
		for _, r := range rows {
			winner[r] = 0
		}
	}
	return k
}

// shift returns the most that d·(price − centre) can be within a box that
// reaches up and down from its centre.
func shift(up, down, d float64) float64 {
	if d >= 0 {
		return d * up
	}
	return -d * down
}

// below rounds x to single precision, to the next number below that, lowered by
// the slack of its terms' size.
func below(x, size float64) float32 {
	f := float32(x - thresholdSlack*size)
	switch bits := math.Float32bits(f); {
	case f > 0:
		return math.Float32frombits(bits - 1)
	case f < 0 && f >= -math.MaxFloat32:
		return math.Float32frombits(bits + 1)
	case f == 0:
		return -math.SmallestNonzeroFloat32
	}
	return f
}

func above(x, size float64) float32 { return -below(-x, size) }

// kernel scans blocks at one box; several goroutines may share it.
type kernel interface {
	// scan decides a block's customers; chosen is nil or has one place each.
	scan(b Block, t *tally, chosen []Rungs)
	close()
}

// tally is what scans add up.
type tally struct {
	counts []int64  // decided winners by profile and slot
	worth  exactSum // of the decided winners
	open   []int32  // the last block's customers left open, by their place in it
}

// goKernel is the kernel in Go: the prices by profile.
type goKernel []kernelPrices

func (k goKernel) scan(b Block, t *tally, chosen []Rungs) {
	slots := len(k[0].price)
	t.open = t.open[:0]
	for i := range b.Customers {
		profile := int(b.profile(i))
		v := b.Narrow[i*slots : (i+1)*slots]
		w, open := k[profile].decide(v)
		if open {
			t.open = append(t.open, int32(i))
			continue
		}
		rungs := Hold
		if w < slots {
			t.worth.add(float64(v[w]))
			t.counts[profile*slots+w]++
			rungs = RungsOf(w)
		}
		if chosen != nil {
			chosen[i] = rungs
		}
	}
}

func (goKernel) close() {}

// newKernel prepares all profiles at a box.
func newKernel(t *useTable, b box) goKernel {
	prices := make(goKernel, (len(t.start)-1)/t.slots)
	workers := min(runtime.GOMAXPROCS(0), len(prices))
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for p := w; p < len(prices); p += workers {
				prices[p] = newKernelPrices(t, b, int32(p))
			}
		})
	}
	wg.Wait()
	return prices
}

// decide returns the winner, len(v) for hold, and whether another option may win.
func (p *kernelPrices) decide(v []float32) (w int, open bool) {
	w, least := p.winner(v)
	if w != len(v) && p.hold[w] >= least {
		return w, true
	}
	threshold := p.threshold[w*len(v) : (w+1)*len(v)]
	for j, x := range v {
		if x-threshold[j] >= least && j != w {
			return w, true
		}
	}
	return w, false
}

// winner returns the best slot at the centre and the least that another option
// must come to.
func (p *kernelPrices) winner(v []float32) (w int, least float32) {
	price := p.price[:len(v)]
	best, w := float32(0), len(v)
	for j, x := range v {
		if s := x - price[j]; s > best {
			best, w = s, j
		}
	}
	return w, best * (1 - thresholdSlack)
}

// among appends to out[:0] the options that may win within the box; hold is
// always one of them.
func (p *kernelPrices) among(v []float32, out []option) []option {
	w, least := p.winner(v)
	out = append(out[:0], option{})
	threshold := p.threshold[w*len(v) : (w+1)*len(v)]
	for j, x := range v {
		if x-threshold[j] >= least {
			out = append(out, option{RungsOf(j), float64(x)})
		}
	}
	return out
}
