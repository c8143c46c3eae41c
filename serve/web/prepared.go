package web

import (
	"sync"
	"time"
)

// patience is how long a page waits for what is being computed before it is
// shown without it: the page then asks again for that part.
const patience = 120 * time.Millisecond

// keptPrepared bounds how many answers are kept of one kind.
const keptPrepared = 8

// prepared keeps answers that take long, each computed once, in the background,
// whoever asks and leaves.
type prepared[T any] struct {
	mu      sync.Mutex
	answers map[string]*answerOf[T]
	used    []string // keys, the least recently used first
}

type answerOf[T any] struct {
	done  chan struct{} // closed when value and err stand
	value T
	err   error
}

// get returns the answer of a key, and whether it is there yet. compute begins
// with the first call of a key. An error is told once and forgotten: the next
// call tries again.
func (p *prepared[T]) get(key string, compute func() (T, error)) (value T, ready bool, err error) {
	p.mu.Lock()
	a := p.answers[key]
	if a == nil {
		a = &answerOf[T]{done: make(chan struct{})}
		p.keep(key, a)
		go func() {
			defer close(a.done)
			a.value, a.err = compute()
		}()
	}
	p.mu.Unlock()
	select {
	case <-a.done:
	case <-time.After(patience):
		return value, false, nil
	}
	if a.err != nil {
		p.mu.Lock()
		if p.answers[key] == a {
			delete(p.answers, key)
		}
		p.mu.Unlock()
	}
	return a.value, true, a.err
}

// keep adds an answer and drops the one that nobody asked for longest.
func (p *prepared[T]) keep(key string, a *answerOf[T]) {
	if p.answers == nil {
		p.answers = map[string]*answerOf[T]{}
	}
	if len(p.used) >= keptPrepared {
		delete(p.answers, p.used[0])
		p.used = p.used[1:]
	}
	p.answers[key] = a
	p.used = append(p.used, key)
}
