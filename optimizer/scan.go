package optimizer

import (
	"context"
	"runtime"
	"sync"
)

// scanBlock is how many classes one unit of a scan holds. Sums are taken
// within a block and then over the blocks in order, so that the result does
// not depend on how many goroutines share them.
const scanBlock = 4096

// undecided is a number of customers of a class to whom the box leaves a choice.
type undecided struct {
	portion
	options []int32 // the winner at the centre first; may include hold
}

// scanResult is what one pass over customers at a box found.
type scanResult struct {
	used []float64   // of each row, by the decided customers' winners
	open []undecided // by class
}

// scan prices the given customers (nil: all) at the centre of the box and
// decides those whom no price in the box would change. It is the only pass
// over all the data.
func (c *choices) scan(ctx context.Context, b box, subset []portion) (*scanResult, error) {
	n := c.count()
	if subset != nil {
		n = len(subset)
	}
	blocks := (n + scanBlock - 1) / scanBlock
	parts := make([]blockResult, blocks)
	var wg sync.WaitGroup
	next := make(chan int)
	for range min(runtime.GOMAXPROCS(0), blocks) {
		wg.Go(func() {
			t := newTester(c, b)
			for k := range next {
				parts[k] = t.scanBlock(subset, k*scanBlock, min(n, (k+1)*scanBlock))
			}
		})
	}
	for k := range blocks {
		if ctx.Err() != nil {
			break
		}
		next <- k
	}
	close(next)
	wg.Wait()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return c.mergeBlocks(parts), nil
}

// blockResult is a scanResult of one block, with sums still compensated.
type blockResult struct {
	used []sum
	open []undecided
}

func (t *tester) scanBlock(subset []portion, from, to int) blockResult {
	p := blockResult{used: make([]sum, t.c.rows())}
	var keep []int32
	for i := from; i < to; i++ {
		at := portion{int32(i), t.c.weight(int32(i))}
		if subset != nil {
			at = subset[i]
		}
		var winner int32
		winner, keep = t.decide(at.class, keep)
		weight := float64(at.weight)
		if len(keep) > 1 {
			p.open = append(p.open, undecided{at, append([]int32(nil), keep...)})
			continue
		}
		rows, amounts := t.c.uses(winner)
		for k, r := range rows {
			p.used[r].add(weight * amounts[k])
		}
	}
	return p
}

func (c *choices) mergeBlocks(parts []blockResult) *scanResult {
	out := &scanResult{used: make([]float64, c.rows())}
	used := make([]sum, c.rows())
	for _, p := range parts {
		for r := range used {
			used[r].add(p.used[r].value())
		}
		out.open = append(out.open, p.open...)
	}
	for r := range used {
		out.used[r] = used[r].value()
	}
	return out
}
