package serve

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"dunning/data"
)

// keyConnections bounds the connections that keys use.
const keyConnections = 4

// keyLock keeps those who make the table at once apart.
const keyLock = 0x64756e6b

// OpenKeysIn opens the keys of a PostgreSQL database, beside the ledger's tables,
// making their table where it does not exist. The error wraps data.ErrUsage for what
// is no connection string. now is the clock; nil means time.Now.
func OpenKeysIn(ctx context.Context, dsn string, now func() time.Time) (*Keys, error) {
	if now == nil {
		now = time.Now
	}
	config, err := pgx.ParseConfig(dsn)
	if err != nil { // the parser's text may repeat the connection string
		return nil, fmt.Errorf("serve: %w: no connection string like postgres://user:password@host:5432/database", data.ErrUsage)
	}
	config.RuntimeParams["synchronous_commit"] = "on"
	config.RuntimeParams["application_name"] = "dunning"
	d := &postgresKeys{config: config, free: make(chan *pgx.Conn, keyConnections)}
	for range keyConnections {
		d.free <- nil
	}
	schema := strings.NewReplacer("BLOB", "BYTEA", "INTEGER", "BIGINT", " STRICT", "").Replace(keySchema)
	err = d.with(ctx, func(c *pgx.Conn) error {
		return pgx.BeginFunc(ctx, c, func(tx pgx.Tx) error {
			if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock($1)`, int64(keyLock)); err != nil {
				return err
			}
			_, err := tx.Exec(ctx, schema)
			return err
		})
	})
	if err != nil {
		d.Close()
		return nil, fmt.Errorf("serve: keys: postgres: %w", err)
	}
	return &Keys{db: d, now: now}, nil
}

// postgresKeys are keys in PostgreSQL. free holds the places of connections; nil
// where there is none yet, or none any more.
type postgresKeys struct {
	config *pgx.ConnConfig
	free   chan *pgx.Conn
}

// with runs f on a connection. One that broke is replaced the next time.
func (d *postgresKeys) with(ctx context.Context, f func(*pgx.Conn) error) error {
	var c *pgx.Conn
	select {
	case c = <-d.free:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { d.free <- c }()
	if c == nil || c.IsClosed() {
		var err error
		if c, err = pgx.ConnectConfig(ctx, d.config); err != nil {
			return err
		}
	}
	return f(c)
}

func (d *postgresKeys) exec(ctx context.Context, query string, args ...any) error {
	return d.with(ctx, func(c *pgx.Conn) error {
		_, err := c.Exec(ctx, query, args...)
		return err
	})
}

func (d *postgresKeys) query(ctx context.Context, query string, args []any, row func(func(...any) error) error) error {
	return d.with(ctx, func(c *pgx.Conn) error {
		rows, err := c.Query(ctx, query, args...)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			if err := row(rows.Scan); err != nil {
				return err
			}
		}
		return rows.Err()
	})
}

// Close waits for what is under way and closes the connections. It may be called
// twice.
func (d *postgresKeys) Close() error {
	var errs []error
	for range keyConnections {
		c := <-d.free
		if c != nil {
			errs = append(errs, c.Close(context.Background()))
		}
		defer func() { d.free <- nil }()
	}
	return errors.Join(errs...)
}
