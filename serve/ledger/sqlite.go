package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"

	"github.com/mattn/go-sqlite3"

	"dunning/serve/sqlite"
)

// sqliteDB is a database in one file. Writers of this process take turns in a
// queue, which is fairer and cheaper than SQLite's own polling; writers of
// other processes are waited for by the busy timeout.
type sqliteDB struct {
	path           string
	writer, reader *sqlite.DB
	turns          turns
}

// openSQLite opens the file, making it where it does not exist, readable by its
// owner only.
func openSQLite(ctx context.Context, path string) (database, error) {
	d := &sqliteDB{path: path}
	var err error
	// The cache of each connection, in KiB where negative: the writer's holds what
	// is touched of a plan of usual size. Readers forget theirs at each commit of
	// the writer. The rest is in the system's cache.
	open := func(conns int, more url.Values) *sqlite.DB {
		if err != nil {
			return nil
		}
		more.Set("_recursive_triggers", "on")
		more.Set("_stmt_cache_size", "64")
		var db *sqlite.DB
		db, err = sqlite.Open(ctx, path, sqlite.Settings{Conns: conns, Query: more})
		return db
	}
	d.writer = open(1, url.Values{"_txlock": {"immediate"}, "_cache_size": {"-32768"}})
	d.reader = open(4, url.Values{"_txlock": {"deferred"}, "_query_only": {"true"}, "_cache_size": {"-2048"}})
	if err != nil {
		d.close()
		return nil, fmt.Errorf("ledger: %w", err)
	}
	return d, nil
}

func (d *sqliteDB) close() error {
	var errs []error
	for _, db := range []*sqlite.DB{d.reader, d.writer} {
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	return errors.Join(errs...)
}

func (*sqliteDB) dialect() string { return "sqlite" }

func (d *sqliteDB) write(ctx context.Context, urgent bool, f func(transaction) error) error {
	if err := d.turns.take(ctx, urgent); err != nil {
		return err
	}
	defer d.turns.give()
	// A transaction that began is short: it ends, whatever becomes of the caller.
	return d.writer.Write(func() error { return d.run(context.WithoutCancel(ctx), d.writer, f) })
}

func (d *sqliteDB) read(ctx context.Context, f func(transaction) error) error {
	return d.run(ctx, d.reader, f)
}

func (d *sqliteDB) script(ctx context.Context, f func(transaction) (string, error)) error {
	return d.write(ctx, false, func(t transaction) error {
		text, err := f(t)
		if err != nil || text == "" {
			return err
		}
		_, err = t.(*sqliteTx).tx.ExecContext(ctx, text)
		return sqliteError(err)
	})
}

func (d *sqliteDB) run(ctx context.Context, db *sqlite.DB, f func(transaction) error) error {
	// After a failed sync not even what is read is sure.
	if err := db.Err(); err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return sqliteError(err)
	}
	defer tx.Rollback() // does nothing after a commit
	if err := f(&sqliteTx{ctx, tx}); err != nil {
		return err
	}
	return sqliteError(tx.Commit())
}

type sqliteTx struct {
	ctx context.Context
	tx  *sql.Tx
}

func (*sqliteTx) list(n string) string { return "(SELECT value FROM json_each($" + n + "))" }
func (*sqliteTx) lock() string         { return "" } // the whole database is

// rewritten caches queries with SQLite's own numbered arguments, ?1 for $1.
var rewritten sync.Map

func sqliteQuery(query string) string {
	if q, ok := rewritten.Load(query); ok {
		return q.(string)
	}
	q := strings.ReplaceAll(query, "$", "?")
	rewritten.Store(query, q)
	return q
}

func (t *sqliteTx) exec(query string, args ...any) (int64, error) {
	res, err := t.tx.ExecContext(t.ctx, sqliteQuery(query), args...)
	if err != nil {
		return 0, sqliteError(err)
	}
	return res.RowsAffected()
}

func (t *sqliteTx) each(query string, rows [][]any) (int64, error) {
	stmt, err := t.tx.PrepareContext(t.ctx, sqliteQuery(query))
	if err != nil {
		return 0, sqliteError(err)
	}
	defer stmt.Close()
	total := int64(0)
	for _, args := range rows {
		res, err := stmt.ExecContext(t.ctx, args...)
		if err != nil {
			return total, sqliteError(err)
		}
		n, err := res.RowsAffected()
		if err != nil {
			return total, err
		}
		total += n
	}
	return total, nil
}

func (t *sqliteTx) query(query string, args []any, row func(scanner) error) error {
	rows, err := t.tx.QueryContext(t.ctx, sqliteQuery(query), args...)
	if err != nil {
		return sqliteError(err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := row(rows); err != nil {
			return err
		}
	}
	return sqliteError(rows.Err())
}

// sqliteError marks what a constraint refused.
func sqliteError(err error) error {
	var e sqlite3.Error
	if errors.As(err, &e) && e.Code == sqlite3.ErrConstraint {
		return fmt.Errorf("%w: %w", ErrConstraint, err)
	}
	return err
}
