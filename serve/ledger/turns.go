package ledger

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"
)

// turns is the queue of this process's writers: one at a time, in order, but
// urgent ones before the others. A lease is urgent: a dispatcher stands idle
// until he has it, while an ack only tells what is done. It is announced while it
// still reads and asks the recheck: otherwise an ack of many actions would begin
// just before each lease that is ready.
type turns struct {
	mu            sync.Mutex
	busy          bool
	urgent, plain []chan struct{}
	streak        int // of urgent ones before a plain one that waits
	// coming are announced urgent writers; while the turn is kept for one of
	// them, hold ends that.
	coming  int
	hold    *time.Timer
	longest time.Duration // of a hold; 0 for maxHold
}

// maxStreak is how many urgent writers may go before a plain one that waits, so
// that no crowd of them holds it up for ever.
const maxStreak = 16

// maxHold is how long the turn is kept for an announced writer while plain ones
// wait: some times what a recheck of a hundred actions takes.
const maxHold = 30 * time.Millisecond

// announce says that an urgent writer will come soon. What it returns takes that
// back; it is called once the writer has its turn or will not come, and may be
// called again.
func (q *turns) announce() (withdraw func()) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.coming++
	return sync.OnceFunc(func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		q.coming--
		q.next(false)
	})
}

// take waits for the turn. Whoever got it gives it back.
func (q *turns) take(ctx context.Context, urgent bool) error {
	q.mu.Lock()
	line, mine := &q.plain, make(chan struct{})
	if urgent {
		line = &q.urgent
	}
	*line = append(*line, mine)
	q.next(false)
	q.mu.Unlock()
	select {
	case <-mine:
		return nil
	default:
	}
	select {
	case <-mine:
		return nil
	case <-ctx.Done():
	}
	q.mu.Lock()
	i := slices.Index(*line, mine)
	if i >= 0 {
		*line = slices.Delete(*line, i, i+1)
	}
	q.mu.Unlock()
	if i < 0 { // it came just now
		q.give()
	}
	return fmt.Errorf("ledger: waiting to write: %w", context.Cause(ctx))
}

// give passes the turn to the next in line.
func (q *turns) give() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.busy = false
	q.next(false)
}

// next gives a free turn to whose it is, with mu held. overdue says that a plain
// writer has waited long enough for one that was announced.
func (q *turns) next(overdue bool) {
	if q.busy {
		return
	}
	line := &q.plain
	switch {
	case len(q.urgent)+len(q.plain) == 0:
		return
	case len(q.plain) == 0:
		line, q.streak = &q.urgent, 0
	case len(q.urgent) > 0 && q.streak < maxStreak:
		line = &q.urgent
		q.streak++
	case q.coming > 0 && q.streak < maxStreak && !overdue:
		if q.hold == nil {
			q.hold = time.AfterFunc(cmp.Or(q.longest, maxHold), q.release)
		}
		return
	default:
		q.streak = 0
	}
	if q.hold != nil {
		q.hold.Stop()
		q.hold = nil
	}
	q.busy = true
	close((*line)[0])
	*line = slices.Delete(*line, 0, 1)
}

// release ends a hold. One that comes too late, when another hold began, ends
// that one early.
func (q *turns) release() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.hold != nil {
		q.hold = nil
		q.next(true)
	}
}
