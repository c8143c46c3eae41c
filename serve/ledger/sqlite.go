package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/mattn/go-sqlite3"

	"dunning/data"
)

// sqliteDB is a database in one file. Writers of this process take turns in a
// queue, which is fairer and cheaper than SQLite's own polling; writers of
// other processes are waited for by the busy timeout.
type sqliteDB struct {
	path           string
	writer, reader *sql.DB
	turns          turns
}

// busyMillis is how long a writer waits for one of another process.
const busyMillis = "10000"

// openSQLite opens the file, making it where it does not exist, readable by its
// owner only.
func openSQLite(ctx context.Context, path string) (database, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("ledger: %w: the database cannot be opened: %w", data.ErrUsage, err)
	}
	f.Close()
	open := func(more url.Values) (*sql.DB, error) {
		values := url.Values{
			// FULL: a commit is on disk before it returns.
			"_journal_mode": {"WAL"}, "_synchronous": {"FULL"}, "_busy_timeout": {busyMillis},
			"_foreign_keys": {"on"}, "_recursive_triggers": {"on"}, "_stmt_cache_size": {"64"},
		}
		for k, v := range more {
			values[k] = v
		}
		dsn := url.URL{Scheme: "file", Path: path, RawQuery: values.Encode()}
		return sql.Open("sqlite3", dsn.String())
	}
	d := &sqliteDB{path: path}
	// The cache of each connection, in KiB where negative: what is touched of a
	// plan of usual size. The rest is in the system's cache.
	if d.writer, err = open(url.Values{"_txlock": {"immediate"}, "_cache_size": {"-32768"}}); err != nil {
		return nil, fmt.Errorf("ledger: %s: %w", path, err)
	}
	d.writer.SetMaxOpenConns(1)
	if d.reader, err = open(url.Values{"_txlock": {"deferred"}, "_query_only": {"true"}, "_cache_size": {"-8192"}}); err != nil {
		d.close()
		return nil, fmt.Errorf("ledger: %s: %w", path, err)
	}
	d.reader.SetMaxOpenConns(4)
	d.reader.SetMaxIdleConns(4)
	if err := d.durable(ctx); err != nil {
		d.close()
		return nil, fmt.Errorf("ledger: %s: %w", path, err)
	}
	return d, nil
}

// durable checks that the connection writes as promised: a file system without
// shared memory, for one, silently refuses WAL.
func (d *sqliteDB) durable(ctx context.Context) error {
	var journal, synchronous, keys string
	for pragma, to := range map[string]*string{"journal_mode": &journal, "synchronous": &synchronous, "foreign_keys": &keys} {
		if err := d.writer.QueryRowContext(ctx, "PRAGMA "+pragma).Scan(to); err != nil {
			return err
		}
	}
	if journal != "wal" || synchronous != "2" || keys != "1" {
		return fmt.Errorf("journal_mode %s, synchronous %s, foreign_keys %s: want wal, 2 (FULL), 1", journal, synchronous, keys)
	}
	return nil
}

func (d *sqliteDB) close() error {
	var errs []error
	for _, db := range []*sql.DB{d.reader, d.writer} {
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
	return d.run(context.WithoutCancel(ctx), d.writer, f)
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

func (d *sqliteDB) run(ctx context.Context, db *sql.DB, f func(transaction) error) error {
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
