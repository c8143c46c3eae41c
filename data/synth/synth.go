package synth

import (
	"context"
	"runtime"
)

// blockCustomers is how many customers a worker takes at a time. It bounds
// memory and is part of the format of dirty portfolios, whose faults are drawn
// by block.
const blockCustomers = 256

// block is a run of customers.
type block struct {
	index int
	Sources
	Truth
	tally tally
}

// blocks generates the portfolio in parallel, lets workers finish the blocks,
// and hands the results to use in the order of customers, whatever the number
// of workers: every customer has a random stream of his own. Only some blocks
// exist at a time. It stops at the first error of use, or when ctx is done, and
// returns it.
func blocks[T any](ctx context.Context, c Config, finish func(*block) T, use func(T) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	workers := runtime.GOMAXPROCS(0)
	type ticket struct {
		index int
		done  chan T
	}
	work := make(chan ticket)
	queue := make(chan ticket, workers+1) // in order; its capacity bounds memory
	go func() {
		defer close(work)
		defer close(queue)
		for i := 0; i*blockCustomers < c.Customers; i++ {
			t := ticket{i, make(chan T, 1)}
			select {
			case queue <- t:
			case <-ctx.Done():
				return
			}
			select {
			case work <- t:
			case <-ctx.Done():
				return
			}
		}
	}()
	k := newCalendar(c)
	for range workers {
		go func() {
			l := newLife(&c, k)
			for t := range work {
				t.done <- finish(l.block(t.index))
			}
		}()
	}
	for t := range queue {
		select {
		case b := <-t.done:
			if err := use(b); err != nil {
				return err
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return ctx.Err()
}

func (l *life) block(index int) *block {
	b := &block{index: index}
	l.out, l.truth, l.count = &b.Sources, nil, &b.tally
	if l.cfg.Truth {
		l.truth = &b.Truth
	}
	for i := index * blockCustomers; i < min(l.cfg.Customers, (index+1)*blockCustomers); i++ {
		l.live(i)
	}
	return b
}

// Portfolio is a whole portfolio in memory, for tests and small studies.
type Portfolio struct {
	Sources Sources
	Truth   Truth
	Shares  Shares
}

// Generate returns the portfolio that c describes, without planted faults,
// whatever c.DirtyShare: about 100 kB per customer. It returns the faults of
// c.Validate, or ctx's error.
func Generate(ctx context.Context, c Config) (*Portfolio, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	var p Portfolio
	var count tally
	whole := func(b *block) *block { return b }
	err := blocks(ctx, c, whole, func(b *block) error {
		p.Sources.add(&b.Sources)
		count.add(&b.tally)
		p.Truth.Customers = append(p.Truth.Customers, b.Truth.Customers...)
		p.Truth.Decisions = append(p.Truth.Decisions, b.Truth.Decisions...)
		p.Truth.AsOf = append(p.Truth.AsOf, b.Truth.AsOf...)
		return nil
	})
	if err != nil {
		return nil, err
	}
	p.Shares = count.shares()
	return &p, nil
}

func (s *Sources) add(o *Sources) {
	s.Customers = append(s.Customers, o.Customers...)
	s.Invoices = append(s.Invoices, o.Invoices...)
	s.Payments = append(s.Payments, o.Payments...)
	s.Touches = append(s.Touches, o.Touches...)
	s.TouchEvents = append(s.TouchEvents, o.TouchEvents...)
	s.Promises = append(s.Promises, o.Promises...)
	s.BureauReports = append(s.BureauReports, o.BureauReports...)
	s.Disputes = append(s.Disputes, o.Disputes...)
}
