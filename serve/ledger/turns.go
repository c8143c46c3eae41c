package ledger

import (
	"context"
	"fmt"
	"slices"
	"sync"
)

// turns is the queue of this process's writers: one at a time, in order, but
// urgent ones before the others. A lease is urgent: a dispatcher stands idle
// until he has it, while an ack only tells what is done.
type turns struct {
	mu            sync.Mutex
	busy          bool
	urgent, plain []chan struct{}
	streak        int // of urgent ones before a plain one that waits
}

// maxStreak is how many urgent writers may go before a plain one that waits, so
// that no crowd of them holds it up for ever.
const maxStreak = 16

// take waits for the turn. Whoever got it gives it back.
func (q *turns) take(ctx context.Context, urgent bool) error {
	q.mu.Lock()
	if !q.busy {
		q.busy = true
		q.mu.Unlock()
		return nil
	}
	line, mine := &q.plain, make(chan struct{})
	if urgent {
		line = &q.urgent
	}
	*line = append(*line, mine)
	q.mu.Unlock()
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
	line := &q.plain
	if len(q.urgent) > 0 && (len(q.plain) == 0 || q.streak < maxStreak) {
		line = &q.urgent
	}
	if line == &q.urgent && len(q.plain) > 0 {
		q.streak++
	} else {
		q.streak = 0
	}
	if q.busy = len(*line) > 0; q.busy {
		close((*line)[0])
		*line = slices.Delete(*line, 0, 1)
	}
}
