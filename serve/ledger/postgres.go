package ledger

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"dunning/data"
)

// postgresDB is a database on a PostgreSQL server. Each write transaction
// begins by locking the row that ends the audit chain, so READ COMMITTED sees
// what the writer before it committed. Writers of this process take turns on
// one connection already before that: a queue in order, where the server lets
// waiters overtake each other.
type postgresDB struct {
	config          *pgx.ConnConfig
	writer, readers chan *pgx.Conn // nil: a connection yet to be made
	turns           turns
	closed          atomic.Bool
	commitWithin    time.Duration
}

const (
	postgresReaders = 8
	postgresRetries = 10
	// migrationLock is the advisory lock of migrators: "dunning" in ASCII.
	migrationLock = 0x64756e6e696e67
	// commitWithin bounds a commit, which no caller may cancel.
	commitWithin = 30 * time.Second
)

func openPostgres(ctx context.Context, dsn string) (database, error) {
	config, err := pgx.ParseConfig(dsn)
	if err != nil {
		// The parser's text may repeat the connection string.
		return nil, fmt.Errorf("ledger: %w: no connection string like postgres://user:password@host:5432/database", data.ErrUsage)
	}
	// A server may be set to acknowledge what is not on disk yet.
	config.RuntimeParams["synchronous_commit"] = "on"
	// Plans are kept from when the tables were empty, in functions too: no plan
	// may walk or sort a whole table where there is an index, and none is
	// worth compiling.
	config.RuntimeParams["enable_seqscan"] = "off"
	config.RuntimeParams["enable_bitmapscan"] = "off"
	config.RuntimeParams["enable_sort"] = "off"
	config.RuntimeParams["jit"] = "off"
	config.RuntimeParams["timezone"] = "UTC"
	config.RuntimeParams["application_name"] = "dunning"
	d := &postgresDB{config: config, commitWithin: commitWithin, writer: make(chan *pgx.Conn, 1), readers: make(chan *pgx.Conn, postgresReaders)}
	d.writer <- nil
	for range postgresReaders {
		d.readers <- nil
	}
	if err := d.read(ctx, func(transaction) error { return nil }); err != nil {
		d.close()
		return nil, fmt.Errorf("ledger: postgres: %w", err)
	}
	return d, nil
}

// close waits for the transactions under way. Closed connections stay in their
// places: a second close finds nothing to do.
func (d *postgresDB) close() error {
	d.closed.Store(true)
	var errs []error
	for _, slots := range []chan *pgx.Conn{d.writer, d.readers} {
		for range cap(slots) {
			c := <-slots
			if c != nil {
				errs = append(errs, c.Close(context.Background()))
			}
			defer func() { slots <- nil }()
		}
	}
	return errors.Join(errs...)
}

func (*postgresDB) dialect() string { return "postgres" }

func (d *postgresDB) write(ctx context.Context, urgent bool, f func(transaction) error) error {
	if err := d.turns.take(ctx, urgent); err != nil {
		return err
	}
	defer d.turns.give()
	return d.retry(ctx, d.writer, pgx.TxOptions{IsoLevel: pgx.ReadCommitted}, f)
}

func (d *postgresDB) read(ctx context.Context, f func(transaction) error) error {
	return d.retry(ctx, d.readers, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, f)
}

func (d *postgresDB) script(ctx context.Context, f func(transaction) (string, error)) error {
	return d.write(ctx, false, func(t transaction) error {
		if _, err := t.exec("SELECT pg_advisory_xact_lock($1)", int64(migrationLock)); err != nil {
			return err
		}
		text, err := f(t)
		if err != nil || text == "" {
			return err
		}
		_, err = t.(*postgresTx).tx.Conn().PgConn().Exec(ctx, text).ReadAll()
		return postgresError(err)
	})
}

// retry runs f again where the database asks for it and nothing has happened.
func (d *postgresDB) retry(ctx context.Context, slots chan *pgx.Conn, options pgx.TxOptions, f func(transaction) error) error {
	for attempt := 0; ; attempt++ {
		again, err := d.run(ctx, slots, options, f)
		if err == nil || !again || attempt == postgresRetries || ctx.Err() != nil {
			return err
		}
		select {
		case <-ctx.Done():
		case <-time.After(time.Duration(attempt) * 5 * time.Millisecond):
		}
	}
}

// run runs f in a transaction. again is true where the transaction surely left
// no trace and another try may succeed.
func (d *postgresDB) run(ctx context.Context, slots chan *pgx.Conn, options pgx.TxOptions, f func(transaction) error) (again bool, err error) {
	var conn *pgx.Conn
	select {
	case conn = <-slots:
	case <-ctx.Done():
		return false, fmt.Errorf("ledger: waiting for a connection: %w", context.Cause(ctx))
	}
	defer func() {
		if conn != nil && conn.IsClosed() {
			conn = nil
		}
		slots <- conn
	}()
	if d.closed.Load() {
		return false, errors.New("ledger: the database is closed")
	}
	old := conn != nil && !conn.IsClosed()
	if !old {
		if conn, err = pgx.ConnectConfig(ctx, d.config); err != nil {
			return false, fmt.Errorf("ledger: connect: %w", err)
		}
	}
	tx, err := conn.BeginTx(ctx, options)
	if err != nil {
		conn.Close(context.WithoutCancel(ctx))
		return old, fmt.Errorf("ledger: begin: %w", err) // a connection that was lost while idle
	}
	// The time of f does not count: who verifies a large ledger reads for long.
	ending := func(f func(context.Context) error) error {
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), d.commitWithin)
		defer cancel()
		return f(end)
	}
	defer ending(tx.Rollback) // does nothing after a commit
	if err := f(&postgresTx{ctx, tx}); err != nil {
		return serialization(err), err
	}
	err = ending(tx.Commit)
	return serialization(err), postgresError(err)
}

// serialization says whether the server gave the transaction up for the sake of
// another: serialization_failure or deadlock_detected.
func serialization(err error) bool {
	var e *pgconn.PgError
	return errors.As(err, &e) && (e.Code == "40001" || e.Code == "40P01")
}

type postgresTx struct {
	ctx context.Context
	tx  pgx.Tx
}

func (*postgresTx) list(n string) string {
	return "(SELECT jsonb_array_elements_text($" + n + "::jsonb))"
}
func (*postgresTx) lock() string { return " FOR UPDATE" }

func (t *postgresTx) exec(query string, args ...any) (int64, error) {
	tag, err := t.tx.Exec(t.ctx, query, args...)
	return tag.RowsAffected(), postgresError(err)
}

// each sends the rows in batches: one round trip for many.
func (t *postgresTx) each(query string, rows [][]any) (int64, error) {
	const size = 500
	total := int64(0)
	for len(rows) > 0 {
		n := min(size, len(rows))
		batch := &pgx.Batch{}
		for _, args := range rows[:n] {
			batch.Queue(query, args...)
		}
		results := t.tx.SendBatch(t.ctx, batch)
		for range n {
			tag, err := results.Exec()
			if err != nil {
				results.Close()
				return total, postgresError(err)
			}
			total += tag.RowsAffected()
		}
		if err := results.Close(); err != nil {
			return total, postgresError(err)
		}
		rows = rows[n:]
	}
	return total, nil
}

func (t *postgresTx) query(query string, args []any, row func(scanner) error) error {
	rows, err := t.tx.Query(t.ctx, query, args...)
	if err != nil {
		return postgresError(err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := row(rows); err != nil {
			return err
		}
	}
	return postgresError(rows.Err())
}

// postgresError marks what a constraint refused: class 23 of SQLSTATE.
func postgresError(err error) error {
	var e *pgconn.PgError
	if errors.As(err, &e) && len(e.Code) == 5 && e.Code[:2] == "23" {
		return fmt.Errorf("%w: %w", ErrConstraint, err)
	}
	return err
}
