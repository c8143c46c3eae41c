package accounts

import (
	"sync"
	"time"
)

// attempts counts failed attempts to come in, by login and by address. It is in
// memory: a restart forgives, and an attacker cannot fill the disk.
type attempts struct {
	mu     sync.Mutex
	counts map[string]*attemptCount
}

type attemptCount struct {
	n     int
	since time.Time
}

// maxCounted bounds the memory of a flood of made-up logins. Beyond it the
// oldest are forgotten.
const maxCounted = 100_000

func newAttempts() *attempts { return &attempts{counts: map[string]*attemptCount{}} }

// take counts an attempt and says whether it may be made. Each key has its own
// limit within the window.
func (a *attempts) take(now time.Time, key string, limit int) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	c := a.counts[key]
	if c == nil || now.Sub(c.since) >= attemptsWindow {
		if len(a.counts) >= maxCounted {
			a.forget(now)
		}
		c = &attemptCount{since: now}
		a.counts[key] = c
	}
	c.n++
	return c.n <= limit
}

// clear forgets the attempts of a key: somebody came in.
func (a *attempts) clear(key string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.counts, key)
}

// back takes an attempt back that was no failure.
func (a *attempts) back(key string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if c := a.counts[key]; c != nil && c.n > 0 {
		c.n--
	}
}

// forget drops what is too old to count; where all is young, everything.
func (a *attempts) forget(now time.Time) {
	for key, c := range a.counts {
		if now.Sub(c.since) >= attemptsWindow {
			delete(a.counts, key)
		}
	}
	if len(a.counts) >= maxCounted {
		a.counts = map[string]*attemptCount{}
	}
}
