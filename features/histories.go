package features

import (
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"

	"dunning/data"
)

// PartName returns the file name of a partition within a table's folder.
func PartName(part int) string { return fmt.Sprintf("part-%03d.parquet", part) }

// Histories yields the customers of one partition of the lake, in order of
// their id, each with all his rows. dir is the folder that holds one folder per
// source table (customers, invoices, payments, touches, touch_events, promises,
// bureau_reports, disputes), each with a file [PartName](part) sorted by customer_id. A
// table without rows still has its file, but that a lake of an older program has
// no disputes.
//
// The files are read side by side, so memory holds a batch of each and one
// customer. A history stays valid after the next one is asked for. A file that
// cannot be read, is out of order, or holds rows of a customer who is not in
// customers ends the sequence with an error that wraps [data.ErrDamagedFile]
// or says what is missing.
func Histories(dir string, part int) iter.Seq2[*History, error] {
	return func(yield func(*History, error) bool) {
		path := func(table string) string { return filepath.Join(dir, table, PartName(part)) }
		customers := newCursor(path("customers"), func(r *data.Customer) string { return r.CustomerID })
		invoices := newCursor(path("invoices"), func(r *data.Invoice) string { return r.CustomerID })
		payments := newCursor(path("payments"), func(r *data.Payment) string { return r.CustomerID })
		touches := newCursor(path("touches"), func(r *data.Touch) string { return r.CustomerID })
		events := newCursor(path("touch_events"), func(r *data.TouchEvent) string { return r.CustomerID })
		promises := newCursor(path("promises"), func(r *data.Promise) string { return r.CustomerID })
		bureau := newCursor(path("bureau_reports"), func(r *data.BureauReport) string { return r.CustomerID })
		disputes := newCursor(path("disputes"), func(r *data.Dispute) string { return r.CustomerID })
		if _, err := os.Stat(filepath.Join(dir, "disputes")); errors.Is(err, fs.ErrNotExist) {
			disputes.close()
			disputes.next = func() ([]data.Dispute, error, bool) { return nil, nil, false }
		}
		all := []interface {
			fault() error
			close()
			rest() error
		}{customers, invoices, payments, touches, events, promises, bureau, disputes}
		for _, c := range all {
			defer c.close()
		}
		for {
			c, ok := customers.one()
			h := History{}
			if ok {
				h = History{
					Customer: c,
					Invoices: invoices.take(c.CustomerID),
					Payments: payments.take(c.CustomerID),
					Touches:  touches.take(c.CustomerID),
					Events:   events.take(c.CustomerID),
					Promises: promises.take(c.CustomerID),
					Bureau:   bureau.take(c.CustomerID),
					Disputes: disputes.take(c.CustomerID),
				}
			}
			for _, c := range all {
				err := c.fault()
				if err == nil && !ok {
					err = c.rest()
				}
				if err != nil {
					yield(nil, err)
					return
				}
			}
			if !ok || !yield(NewHistory(h), nil) {
				return
			}
		}
	}
}

// cursorRows is how many rows of a table are read at a time: those of a few
// customers, so that a history that is kept keeps little of what others share.
const cursorRows = 256

// cursor walks through one sorted file.
type cursor[T any] struct {
	path  string
	id    func(*T) string
	next  func() ([]T, error, bool)
	stop  func()
	batch []T
	last  string // id of the row before
	begun bool
	err   error
}

func newCursor[T any](path string, id func(*T) string) *cursor[T] {
	c := &cursor[T]{path: path, id: id}
	c.next, c.stop = iter.Pull2(data.ScanBatches[T](path, cursorRows))
	return c
}

func (c *cursor[T]) close()       { c.stop() }
func (c *cursor[T]) fault() error { return c.err }

// peek returns the row at hand without taking it, nil at the end or after a
// fault.
func (c *cursor[T]) peek() *T {
	for c.err == nil && len(c.batch) == 0 {
		batch, err, ok := c.next()
		if !ok {
			return nil
		}
		c.batch, c.err = batch, err
	}
	if c.err != nil {
		return nil
	}
	row := &c.batch[0]
	id := c.id(row)
	if c.begun && id < c.last {
		c.err = fmt.Errorf("%s: %w: customer %q after %q: not sorted by customer_id; run the stage extract again with --force", c.path, data.ErrDamagedFile, id, c.last)
		return nil
	}
	c.last, c.begun = id, true
	return row
}

// one takes one row; of the customers' table, whose ids are unique.
func (c *cursor[T]) one() (row T, ok bool) {
	before, begun := c.last, c.begun
	r := c.peek()
	if r == nil {
		return row, false
	}
	if begun && c.last == before {
		c.err = fmt.Errorf("%s: %w: customer %q twice", c.path, data.ErrDamagedFile, before)
		return row, false
	}
	row = *r
	c.batch = c.batch[1:]
	return row, true
}

// take takes the rows of a customer, nil when there are none.
func (c *cursor[T]) take(customerID string) []T {
	var rows []T
	for r := c.peek(); r != nil; r = c.peek() {
		switch id := c.id(r); {
		case id < customerID:
			c.err = c.orphan(id)
			return nil
		case id > customerID:
			return rows
		}
		n := 1
		for n < len(c.batch) && c.id(&c.batch[n]) == customerID {
			n++
		}
		rows = append(rows, c.batch[:n]...)
		c.batch = c.batch[n:]
	}
	return rows
}

// rest reports a row that is left when there are no more customers.
func (c *cursor[T]) rest() error {
	if r := c.peek(); r != nil {
		return c.orphan(c.id(r))
	}
	return c.err
}

func (c *cursor[T]) orphan(id string) error {
	return fmt.Errorf("%s: %w: rows of customer %q, who is not in customers; run the stage extract again with --force", c.path, data.ErrDamagedFile, id)
}
