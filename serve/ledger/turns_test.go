package ledger

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"
)

// waiting blocks until so many stand in line.
func (q *turns) waiting(t *testing.T, n int) {
	t.Helper()
	for range 2000 {
		q.mu.Lock()
		have := len(q.urgent) + len(q.plain)
		q.mu.Unlock()
		if have == n {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Fatalf("there are never %d in line", n)
}

func TestUrgentWritersGoFirstButNotForEver(t *testing.T) {
	q := &turns{}
	if err := q.take(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var order []string
	var wg sync.WaitGroup
	stand := func(name string, urgent bool) {
		wg.Go(func() {
			if err := q.take(context.Background(), urgent); err != nil {
				t.Error(err)
			}
			mu.Lock()
			order = append(order, name)
			mu.Unlock()
			q.give()
		})
	}
	var want []string
	stand("p0", false)
	q.waiting(t, 1)
	stand("p1", false)
	q.waiting(t, 2)
	for i := range maxStreak + 3 {
		stand(fmt.Sprint("u", i), true)
		q.waiting(t, 3+i)
		if want = append(want, fmt.Sprint("u", i)); i == maxStreak-1 {
			want = append(want, "p0")
		}
	}
	want = append(want, "p1")
	given, cancel := context.WithCancel(t.Context())
	wg.Go(func() {
		if err := q.take(given, true); err == nil {
			t.Error("got a turn after it gave up")
		}
	})
	q.waiting(t, len(want)+1)
	cancel()
	q.waiting(t, len(want))
	q.give()
	wg.Wait()
	if !slices.Equal(order, want) {
		t.Errorf("order %v, want %v", order, want)
	}
	if q.busy {
		t.Error("the turn is lost")
	}
}

func TestTurnsExcludeEachOther(t *testing.T) {
	q := &turns{}
	inside, most, got := 0, 0, 0
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(context.Background(), time.Duration(i)*100*time.Microsecond)
			defer cancel()
			for range 20 {
				if q.take(ctx, i%2 == 0) == nil {
					inside++ // the race detector sees it if somebody else is inside
					most, got = max(most, inside), got+1
					inside--
					q.give()
				}
			}
		})
	}
	wg.Wait()
	if most != 1 || got == 0 || q.busy || len(q.urgent)+len(q.plain) != 0 {
		t.Errorf("%d inside at once, %d turns, %+v", most, got, q)
	}
}
