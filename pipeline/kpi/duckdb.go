package kpi

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"github.com/duckdb/duckdb-go/v2"

	"dunning/data"
)

//go:embed sql/*.sql
var queries embed.FS

// lakeTable is a table of the lake as the queries see it. A table that is not
// required may be missing from the lake and is then seen as empty.
type lakeTable struct {
	name, columns string // columns as DuckDB declares them
	required      bool
}

var lakeTables = []lakeTable{
	{name: "customers", required: true},
	{name: "invoices", required: true},
	{name: "payments", required: true},
	{name: "touches", columns: "touch_id VARCHAR, customer_id VARCHAR, channel VARCHAR, sent_at TIMESTAMPTZ, cost_cents BIGINT, template VARCHAR, treat_prob DOUBLE"},
	{name: "touch_events", columns: "touch_id VARCHAR, \"at\" TIMESTAMPTZ, kind VARCHAR"},
	{name: "promises", columns: "promise_id VARCHAR, customer_id VARCHAR, made_at TIMESTAMPTZ, due_on DATE, amount_cents BIGINT, instalment_no INTEGER"},
	{name: "bureau_reports", columns: "customer_id VARCHAR, \"at\" TIMESTAMPTZ, cost_cents BIGINT"},
}

// lake is one connection to DuckDB with the tables of the lake as views. All
// of this package's C code is behind it. It is not safe for concurrent use.
type lake struct {
	db   *sql.DB
	conn *sql.Conn
	temp string // spill folder, removed by Close
}

// openLake opens an in-memory database over the Parquet files of cfg.Lake. The
// caller closes it.
func openLake(ctx context.Context, cfg Config) (*lake, error) {
	l := &lake{}
	if err := l.open(ctx, cfg); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

func (l *lake) open(ctx context.Context, cfg Config) (err error) {
	if l.temp, err = os.MkdirTemp(cfg.TempDir, "dunning-kpi-*"); err != nil {
		return fmt.Errorf("kpi: %w", err)
	}
	connector, err := duckdb.NewConnector("", nil)
	if err != nil {
		return fmt.Errorf("kpi: duckdb: %w", err)
	}
	l.db = sql.OpenDB(connector)
	if l.conn, err = l.db.Conn(ctx); err != nil {
		return fmt.Errorf("kpi: duckdb: %w", err)
	}
	settings := fmt.Sprintf(`SET memory_limit = '%dMiB'; SET threads = %d; SET temp_directory = %s;
		SET preserve_insertion_order = false; SET TimeZone = 'UTC';
		SET autoinstall_known_extensions = false; SET autoload_known_extensions = false;`,
		cfg.MemoryMB, cfg.Threads, quote(l.temp))
	if err = l.exec(ctx, "settings", settings); err != nil {
		return err
	}
	for _, t := range lakeTables {
		if err = l.view(ctx, cfg.Lake, t); err != nil {
			return err
		}
	}
	return nil
}

// view makes a table of the lake known under its name.
func (l *lake) view(ctx context.Context, dir string, t lakeTable) error {
	files, err := filepath.Glob(filepath.Join(escapeGlob(dir), t.name, "*.parquet"))
	if err != nil {
		return fmt.Errorf("kpi: %w", err)
	}
	if len(files) == 0 {
		if t.required {
			return fmt.Errorf("kpi: %s: %w: no Parquet file; run stage extract first",
				filepath.Join(dir, t.name), data.ErrBadInput)
		}
		return l.exec(ctx, t.name, "CREATE TEMP TABLE "+t.name+" ("+t.columns+")")
	}
	sort.Strings(files)
	for i, f := range files {
		files[i] = quote(f)
	}
	return l.exec(ctx, t.name, "CREATE TEMP VIEW "+t.name+" AS SELECT * FROM read_parquet(["+strings.Join(files, ", ")+"])")
}

// exec runs statements that return nothing. what names them in the error.
func (l *lake) exec(ctx context.Context, what, statements string) error {
	if _, err := l.conn.ExecContext(ctx, statements); err != nil {
		return queryError(what, err)
	}
	return nil
}

// run executes an embedded file of statements that return nothing.
func (l *lake) run(ctx context.Context, name string) error {
	return l.exec(ctx, name, query(name))
}

// each runs an embedded query and calls fn for every row.
func (l *lake) each(ctx context.Context, name string, fn func(scan func(...any) error) error) error {
	return l.eachRow(ctx, name, query(name), fn)
}

func (l *lake) eachRow(ctx context.Context, name, text string, fn func(scan func(...any) error) error) error {
	rows, err := l.conn.QueryContext(ctx, text)
	if err != nil {
		return queryError(name, err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := fn(rows.Scan); err != nil {
			return fmt.Errorf("kpi: %s: %w", name, err)
		}
	}
	if err := rows.Err(); err != nil {
		return queryError(name, err)
	}
	return nil
}

// Close releases the database and its spill folder. It is idempotent.
func (l *lake) Close() error {
	var errs []error
	if l.conn != nil {
		errs = append(errs, l.conn.Close())
	}
	if l.db != nil {
		errs = append(errs, l.db.Close())
	}
	if l.temp != "" {
		errs = append(errs, os.RemoveAll(l.temp))
	}
	*l = lake{}
	return errors.Join(errs...)
}

// queryError names the query. A file that DuckDB cannot read, or that lacks a
// column, is damaged input: the remedy is to extract again.
func queryError(name string, err error) error {
	var de *duckdb.Error
	if errors.As(err, &de) {
		switch de.Type {
		case duckdb.ErrorTypeIO, duckdb.ErrorTypeInvalidInput, duckdb.ErrorTypeBinder, duckdb.ErrorTypeSerialization:
			return fmt.Errorf("kpi: %s: %w: %w; run stage extract again with --force", name, data.ErrDamagedFile, err)
		}
	}
	return fmt.Errorf("kpi: %s: %w", name, err)
}

// query returns an embedded SQL text. The names are constants of this package,
// so a missing one is a mistake in it.
func query(name string) string {
	b, err := queries.ReadFile("sql/" + name + ".sql")
	if err != nil {
		panic("kpi: " + err.Error())
	}
	return string(b)
}

// quote writes s as an SQL string.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// escapeGlob makes a folder's name match itself only.
func escapeGlob(s string) string {
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`).Replace(s)
}
