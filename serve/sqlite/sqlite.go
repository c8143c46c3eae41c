package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"sync"

	"github.com/mattn/go-sqlite3"

	"dunning/data"
)

// ErrFailed says that a sync of the database failed in this process. What was
// committed is safe in the log; nothing more is written until the process ended,
// without closing the database, and was started again.
var ErrFailed = errors.New("the disk did not keep the database; this process must end and be started again")

// driver is SQLite without checkpoints of its own.
const driver = "sqlite3-kept"

func init() {
	sql.Register(driver, &sqlite3.SQLiteDriver{ConnectHook: func(c *sqlite3.SQLiteConn) error {
		_, err := c.Exec(`PRAGMA wal_autocheckpoint = 0`, nil)
		return err
	}})
}

// DB is a pool of connections to a database in a file: in WAL mode, and a commit
// is on disk before it returns.
type DB struct {
	*sql.DB
	file   *file
	closed sync.Once
}

// Settings of connections beside those that keep what was committed.
type Settings struct {
	Conns int        // at most so many at once
	Query url.Values // of the driver: _txlock, _cache_size, …
}

// Open opens the file, making it where it does not exist, readable by its owner
// only. The error wraps data.ErrUsage where the file cannot be had, and ErrFailed
// while a process lives that met a failed sync.
func Open(ctx context.Context, path string, settings Settings) (*DB, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", data.ErrUsage, err)
	}
	oneArena()
	f, err := acquire(ctx, path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	d := &DB{file: f}
	if d.DB, err = connect(path, settings); err == nil {
		err = d.durable(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, errors.Join(err, d.Close()))
	}
	return d, nil
}

// busyMillis is how long a writer waits for one of another process.
const busyMillis = "10000"

func connect(path string, settings Settings) (*sql.DB, error) {
	query := url.Values{
		// FULL: a commit is on disk before it returns.
		"_journal_mode": {"WAL"}, "_synchronous": {"FULL"}, "_busy_timeout": {busyMillis}, "_foreign_keys": {"on"},
	}
	for k, v := range settings.Query {
		query[k] = v
	}
	dsn := url.URL{Scheme: "file", Path: path, RawQuery: query.Encode()}
	db, err := sql.Open(driver, dsn.String())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(settings.Conns)
	db.SetMaxIdleConns(settings.Conns)
	return db, nil
}

// durable checks that connections write as promised: a file system without
// shared memory, for one, silently refuses WAL.
func (d *DB) durable(ctx context.Context) error {
	var journal, synchronous, keys, checkpoint string
	for pragma, to := range map[string]*string{"journal_mode": &journal, "synchronous": &synchronous, "foreign_keys": &keys, "wal_autocheckpoint": &checkpoint} {
		if err := d.QueryRowContext(ctx, "PRAGMA "+pragma).Scan(to); err != nil {
			return err
		}
	}
	if journal != "wal" || synchronous != "2" || keys != "1" || checkpoint != "0" {
		return fmt.Errorf("journal_mode %s, synchronous %s, foreign_keys %s, wal_autocheckpoint %s: want wal, 2 (FULL), 1, 0", journal, synchronous, keys, checkpoint)
	}
	return nil
}

// Write runs f, which does and commits a transaction, and returns its error, which
// wraps ErrFailed where a sync failed: then nobody knows before the process is
// started again whether the transaction remains. A log that grew long is emptied
// between two calls, while SQLite's own locks would let the next writer in first. f
// must not call Write.
func (d *DB) Write(f func() error) error {
	d.file.writers.RLock()
	defer d.file.writers.RUnlock()
	return d.file.check(f())
}

// Err returns an error that wraps ErrFailed once a sync failed, nil before.
func (d *DB) Err() error { return d.file.err() }

// Failed is closed once a sync failed.
func (d *DB) Failed() <-chan struct{} { return d.file.failed }

// Checkpoint copies what is committed into the database now. Nobody needs to ask
// for it: it is done every [every].
func (d *DB) Checkpoint(ctx context.Context) error { return d.file.checkpoint(ctx) }

// Close closes the connections. After a failed sync it leaves them open, since
// the last one to close would remove the log, and returns Err. It may be called
// twice.
func (d *DB) Close() error {
	err := d.Err()
	d.closed.Do(func() {
		if err == nil && d.DB != nil {
			err = d.DB.Close()
		}
		err = errors.Join(err, d.file.release())
	})
	return err
}
