package optimizer

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
)

// keepLimit is how many options of one customer a scan keeps. Touches are
// never that many; of ladders a wide box may leave more.
const keepLimit = 512

// request is one box to scan at.
type request struct {
	box    box
	limit  int     // of one customer's options
	chosen []Rungs // if not nil, set to the winners of the decided, by customer
	totals bool    // count the undecided at their winners at the centre; keep none
	slots  bool    // sum up by slot, too; chosen is nil
}

// scanned is what one pass over customers at a box found.
type scanned struct {
	used  []float64 // of each row, by the decided customers' winners
	worth float64   // of those winners
	open  []group   // sorted by content
	// incomplete counts customers with more options left open than were kept.
	incomplete int
	// tieSpread is by how much, in cents, options were told apart that were worth the
	// same; 0 where none were, or a dual was smoothed for it.
	tieSpread float64
	slots     []slotTotal // of the decided's winners; nil unless asked for
}

// scan prices all customers at the boxes of the requests in one pass over the
// values and decides those whom no price in the box would change.
func (m *market) scan(ctx context.Context, requests []request) ([]*scanned, error) {
	return m.scanOf(ctx, m.values, requests)
}

// scanOf is scan over some customers.
func (m *market) scanOf(ctx context.Context, from BlockSource, requests []request) ([]*scanned, error) {
	scanners := make([]*scanner, len(requests))
	for q, r := range requests {
		scanners[q] = m.newScanner(r)
		defer scanners[q].close()
	}
	var parts [][]*partial
	var mu sync.Mutex
	err := eachBlock(ctx, from, func() func(Block) {
		mine := make([]*partial, len(requests))
		for q, s := range scanners {
			mine[q] = s.newPartial()
		}
		mu.Lock()
		defer mu.Unlock()
		parts = append(parts, mine)
		return func(b Block) {
			for _, p := range mine {
				p.scan(b)
			}
		}
	})
	if err != nil {
		return nil, err
	}
	out := make([]*scanned, len(requests))
	for q := range requests {
		of := make([]*partial, len(parts))
		for w := range parts {
			of[w] = parts[w][q]
		}
		out[q] = m.merge(of)
	}
	return out, nil
}

// eachBlock reads all blocks, shared out over the cores: each goroutine calls
// begin once and hands its blocks to what that returns.
func eachBlock(ctx context.Context, from BlockSource, begin func() func(Block)) error {
	blocks := from.Blocks()
	workers := min(runtime.GOMAXPROCS(0), max(1, blocks))
	errs := make([]error, workers)
	var next atomic.Int64
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			use := begin()
			take := func(b Block) error { use(b); return nil }
			for errs[w] == nil {
				k := int(next.Add(1)) - 1
				if k >= blocks {
					return
				}
				if errs[w] = ctx.Err(); errs[w] == nil {
					errs[w] = from.Read(ctx, k, take)
				}
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// scanner is one request with what all its goroutines share.
type scanner struct {
	m *market
	request
	prices goKernel // nil where the kernel cannot be used
	kernel kernel   // of the prices, as fast as it can be had
}

// kernelTableFloats bounds the thresholds of all profiles: 64 MB.
const kernelTableFloats = 16 << 20

func (m *market) newScanner(r request) *scanner {
	s := &scanner{m: m, request: r}
	if n := m.t.slots; m.t.rule.touches() == 1 && m.narrow && n > 0 && m.profiles*n*(n+1) <= kernelTableFloats {
		s.prices = newKernel(m.t, r.box)
		s.kernel = fastKernel(s.prices)
	}
	return s
}

func (s *scanner) close() {
	if s.kernel != nil {
		s.kernel.close()
	}
}

// partial is what one goroutine found so far. Its sums are exact, so that it
// makes no difference which goroutine saw whom.
type partial struct {
	s *scanner
	tally
	search     search
	tester     *tester
	used       []exactSum // by those whom the search decided
	open       []group
	incomplete int
	groups     grouper
	slots      *slotSums // nil unless asked for

	values  []float64
	options []option
	keep    []option
	rows    []int32
	amounts []float64
}

func (s *scanner) newPartial() *partial {
	p := &partial{s: s, search: s.m.newSearch(s.box), tester: newTester(s.m.t, s.box), values: make([]float64, s.m.t.slots)}
	p.worth.units = centUnits
	for r := range s.m.t.rows() {
		p.used = append(p.used, newExactSum(s.m.t.largest[r]))
	}
	if s.kernel != nil {
		p.counts = make([]int64, s.m.profiles*s.m.t.slots)
	}
	if s.request.slots {
		p.slots = newSlotSums(s.m.t)
	}
	return p
}

// scan takes one block.
func (p *partial) scan(b Block) {
	p.groups.start()
	if p.s.kernel == nil || b.Narrow == nil {
		for i := range b.Customers {
			complete := p.look(b, i)
			p.take(b.profile(i), b.First+i, complete)
		}
		return
	}
	var chosen []Rungs
	if p.s.chosen != nil {
		chosen = p.s.chosen[b.First : b.First+b.Customers]
	}
	if p.slots != nil {
		chosen = p.slots.room(b.Customers)
	}
	p.s.kernel.scan(b, &p.tally, chosen)
	if p.slots != nil {
		p.slots.addWorths(b, chosen)
	}
	for _, i := range p.tally.open {
		complete := p.look(b, int(i))
		p.take(b.profile(int(i)), b.First+int(i), complete)
	}
}

// look finds the options of a block's customer i that the box leaves open. The
// kernel's prices, where there are any, leave few to compare exactly.
func (p *partial) look(b Block, i int) (complete bool) {
	profile := b.profile(i)
	if p.s.kernel == nil || b.Narrow == nil {
		p.keep, complete = p.search.decide(profile, b.values(i, p.values), p.s.limit, p.keep)
		p.dropWorthless(profile)
		return complete
	}
	slots := p.s.m.t.slots
	p.options = p.s.prices[profile].among(b.Narrow[i*slots:(i+1)*slots], p.options)
	p.keep = p.tester.among(profile, p.options, p.keep)
	p.dropWorthless(profile)
	return true
}

// dropWorthless drops kept options that are never better than hold. They only
// ever tie with it, but where many touches are worth nothing they are many.
func (p *partial) dropWorthless(profile int32) {
	kept := p.keep[:1]
	for _, o := range p.keep[1:] {
		if !p.s.m.t.worthless(profile, o) {
			kept = append(kept, o)
		}
	}
	p.keep = kept
}

// take notes the customer whose options were kept.
func (p *partial) take(profile int32, customer int, complete bool) {
	if len(p.keep) > 1 && !p.s.totals {
		if !complete {
			p.incomplete++
		}
		p.open = p.groups.add(p.open, profile, p.keep, int32(customer))
		return
	}
	won := p.keep[0]
	p.worth.add(won.worth)
	p.rows, p.amounts = p.s.m.t.of(profile, won.rungs, p.rows, p.amounts)
	for k, r := range p.rows {
		p.used[r].add(p.amounts[k])
	}
	if p.slots != nil {
		p.slots.add(won, p.rows, p.amounts)
	}
	if p.s.chosen != nil {
		p.s.chosen[customer] = won.rungs
	}
}

// profile returns the profile of the block's customer i.
func (b *Block) profile(i int) int32 {
	if b.Profile == nil {
		return 0
	}
	return b.Profile[i]
}

// values returns the values of the block's customer i, aliased or in scratch.
func (b *Block) values(i int, scratch []float64) []float64 {
	n := len(scratch)
	if b.Wide != nil {
		return b.Wide[i*n : (i+1)*n]
	}
	for s, v := range b.Narrow[i*n : (i+1)*n] {
		scratch[s] = float64(v)
	}
	return scratch
}

func (m *market) merge(parts []*partial) *scanned {
	out := &scanned{used: make([]float64, m.t.rows())}
	first := parts[0]
	for _, p := range parts {
		for k, n := range p.counts {
			if n == 0 {
				continue
			}
			rows, amounts := m.t.touch(int32(k/m.t.slots), k%m.t.slots)
			for i, r := range rows {
				p.used[r].addTimes(amounts[i], n)
			}
			if p.slots != nil {
				p.slots.addUses(k%m.t.slots, rows, amounts, n)
			}
		}
		if p != first {
			for r := range first.used {
				first.used[r].merge(p.used[r])
			}
			first.worth.merge(p.worth)
			if p.slots != nil {
				first.slots.merge(p.slots)
			}
		}
		out.open = append(out.open, p.open...)
		out.incomplete += p.incomplete
	}
	for r := range first.used {
		out.used[r] = first.used[r].value()
	}
	out.worth = first.worth.value()
	if first.slots != nil {
		out.slots = first.slots.totals()
	}
	out.open = mergeAlike(out.open)
	return out
}
