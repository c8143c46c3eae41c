package ledger

import (
	"context"
	"errors"
)

// scanner is what both drivers' rows can do.
type scanner interface{ Scan(dest ...any) error }

// transaction is what the domain asks of a database. Queries number their
// arguments $1, $2, …; they are of the SQL that both databases understand.
type transaction interface {
	// exec returns the number of rows affected.
	exec(query string, args ...any) (int64, error)
	// each executes the query once for each row of arguments and returns the
	// number of rows affected in all.
	each(query string, rows [][]any) (int64, error)
	// query calls row for each row of the answer. row must not use the
	// transaction.
	query(query string, args []any, row func(scanner) error) error
	// list is the SQL for the set of strings in a JSON array, argument number n.
	list(n string) string
	// lock is appended to the query of a row that is to be locked.
	lock() string
}

// database is one of SQLite and PostgreSQL.
type database interface {
	// write runs f in the only write transaction of the moment and returns nil
	// once its effects are on disk. f may run again after a conflict. After an
	// error nothing of f remains, unless the connection broke or a sync failed
	// during the commit: then nobody knows, and the caller asks again with the
	// same ids.
	// An urgent one goes before others that wait.
	write(ctx context.Context, urgent bool, f func(transaction) error) error
	// read runs f on one snapshot.
	read(ctx context.Context, f func(transaction) error) error
	// script runs statements without arguments in one transaction of its own
	// that keeps other migrators out. f returns what to run.
	script(ctx context.Context, f func(transaction) (string, error)) error
	// dialect names the folder of the migrations.
	dialect() string
	close() error
}

// errNoRow is what one returns when there is none.
var errNoRow = errors.New("no such row")

// one scans the only row of an answer. It returns errNoRow where there is none.
func one(t transaction, query string, args []any, dest ...any) error {
	found := false
	err := t.query(query, args, func(row scanner) error {
		found = true
		return row.Scan(dest...)
	})
	if err == nil && !found {
		return errNoRow
	}
	return err
}

// all collects the rows of an answer.
func all[T any](t transaction, query string, args []any, scan func(scanner) (T, error)) ([]T, error) {
	out := []T{}
	err := t.query(query, args, func(row scanner) error {
		v, err := scan(row)
		if err != nil {
			return err
		}
		out = append(out, v)
		return nil
	})
	return out, err
}
