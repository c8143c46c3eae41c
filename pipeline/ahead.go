package pipeline

import "iter"

// ahead reads the next batch of rows while one is in use, so that several files that
// are read in turns are decoded side by side. A batch is valid until the next is asked
// for; stop must be called, and returns once nothing is read any more.
func ahead[T any](seq iter.Seq2[[]T, error]) (next func() ([]T, error, bool), stop func()) {
	type batch struct {
		rows []T
		err  error
	}
	read, used, done := make(chan batch), make(chan []T, 1), make(chan struct{})
	go func() {
		defer close(read)
		for rows, err := range seq {
			var mine []T
			select {
			case mine = <-used:
			default:
			}
			select {
			case read <- batch{append(mine[:0], rows...), err}:
			case <-done:
				return
			}
		}
	}()
	var now []T
	next = func() ([]T, error, bool) {
		select {
		case used <- now:
		default:
		}
		b, ok := <-read
		now = b.rows
		return b.rows, b.err, ok
	}
	return next, func() {
		close(done)
		for range read { // what is on its way
		}
	}
}
