package foreign

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/duckdb/duckdb-go/v2"

	"dunning/data"
)

// Placeholder stands in a query for the quoted path of the table's file.
const Placeholder = "{{table}}"

// Read reads a table. file names a CSV (also compressed, by its ending) or a
// Parquet file; query, when not empty, is DuckDB SQL over it, with
// [Placeholder] for its path. limit > 0 keeps the first rows only.
//
// Errors: a missing or unreadable file, SQL that DuckDB refuses, a table
// without rows, each of the class [data.ErrBadInput] or
// [data.ErrDamagedFile], with the place.
func Read(ctx context.Context, file, query string, limit int) (*Table, error) {
	if file != "" {
		info, err := os.Stat(file)
		if err != nil {
			return nil, fmt.Errorf("%w: table %s cannot be read: %w", data.ErrBadInput, file, errors.Unwrap(err))
		}
		if info.IsDir() {
			return nil, fmt.Errorf("%w: table %s is a folder; name a CSV or Parquet file", data.ErrBadInput, file)
		}
	}
	source, sqlText := file, query
	if query == "" {
		sqlText = "FROM " + scan(file)
	} else {
		sqlText = strings.ReplaceAll(query, Placeholder, quote(file))
		if file == "" {
			source = "the query"
		}
	}
	db, err := open(query != "")
	if err != nil {
		return nil, err
	}
	defer db.Close()
	t := &Table{Source: source, Skipped: map[string]string{}}
	if err := t.read(ctx, db, strings.TrimRight(strings.TrimSpace(sqlText), ";"), limit); err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, classify(source, err)
	}
	if t.rows == 0 {
		return nil, fmt.Errorf("%w: table %s has no rows", data.ErrBadInput, source)
	}
	return t, nil
}

// open makes an in-memory database that fetches no extensions. A query may
// hold sums whose rounding depends on the threads' order, so it runs on one;
// plain reads keep the order of rows on any number.
func open(single bool) (*sql.DB, error) {
	dsn := "?autoinstall_known_extensions=false&autoload_known_extensions=false"
	if single {
		dsn += "&threads=1"
	}
	connector, err := duckdb.NewConnector(dsn, nil)
	if err != nil {
		return nil, fmt.Errorf("foreign: DuckDB: %w", err)
	}
	return sql.OpenDB(connector), nil
}

// scan returns the table function that reads a file. All rows are sampled for
// the types: a column that is a number for its first thousands of rows only is
// a text.
func scan(file string) string {
	switch strings.ToLower(filepath.Ext(file)) {
	case ".parquet", ".pq":
		return "read_parquet(" + quote(file) + ")"
	}
	return "read_csv(" + quote(file) + ", sample_size=-1)"
}

func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

func quoteName(s string) string { return `"` + strings.ReplaceAll(s, `"`, `""`) + `"` }

// classify words a failure of DuckDB: on one line and with its class.
func classify(source string, err error) error {
	line := strings.Join(strings.Fields(strings.SplitN(err.Error(), "\n", 2)[0]), " ")
	var de *duckdb.Error
	if errors.As(err, &de) {
		switch de.Type {
		case duckdb.ErrorTypeParser, duckdb.ErrorTypeSyntax:
			return fmt.Errorf("%w: the query on %s is no SQL: %s", data.ErrUsage, source, line)
		case duckdb.ErrorTypeBinder, duckdb.ErrorTypeCatalog:
			return fmt.Errorf("%w: table %s: %s", data.ErrBadInput, source, line)
		}
	}
	switch strings.ToLower(filepath.Ext(source)) {
	case ".parquet", ".pq":
		return fmt.Errorf("table %s: %w: %s", source, data.ErrDamagedFile, line)
	}
	return fmt.Errorf("%w: table %s: %s", data.ErrBadInput, source, line)
}

// read describes the query, casts every column to what a Column holds, and
// fetches the rows in their order.
func (t *Table) read(ctx context.Context, db *sql.DB, query string, limit int) error {
	columns, err := describe(ctx, db, query)
	if err != nil {
		return err
	}
	var fields []string
	for _, c := range columns {
		kind, expr := cast(c.name, c.kind)
		if kind == "" {
			t.Skipped[c.name] = c.kind
			continue
		}
		t.Columns = append(t.Columns, Column{Name: c.name, Kind: kind})
		fields = append(fields, expr)
	}
	if len(fields) == 0 {
		return errors.New("it has no column that can be read")
	}
	text := "SELECT " + strings.Join(fields, ", ") + " FROM (" + query + ")"
	if limit > 0 {
		text += " LIMIT " + strconv.Itoa(limit)
	}
	rows, err := db.QueryContext(ctx, text)
	if err != nil {
		return err
	}
	defer rows.Close()
	return t.fill(rows)
}

// fill appends all rows.
func (t *Table) fill(rows *sql.Rows) error {
	numbers := make([]sql.NullFloat64, len(t.Columns))
	texts := make([]sql.NullString, len(t.Columns))
	into := make([]any, len(t.Columns))
	for j, c := range t.Columns {
		into[j] = &numbers[j]
		if c.Kind == Text {
			into[j] = &texts[j]
		}
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return err
		}
		for j := range t.Columns {
			c := &t.Columns[j]
			if c.Kind == Text {
				c.Texts = append(c.Texts, texts[j].String)
				c.Present = append(c.Present, texts[j].Valid)
				continue
			}
			v := math.NaN()
			if numbers[j].Valid {
				v = numbers[j].Float64
			}
			c.Numbers = append(c.Numbers, v)
		}
		t.rows++
	}
	return rows.Err()
}

type described struct{ name, kind string }

func describe(ctx context.Context, db *sql.DB, query string) ([]described, error) {
	rows, err := db.QueryContext(ctx, "SELECT column_name, column_type FROM (DESCRIBE "+query+")")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []described
	for rows.Next() {
		var d described
		if err := rows.Scan(&d.name, &d.kind); err != nil {
			return nil, err
		}
		out = append(out, d)
	}
	return out, rows.Err()
}

// cast returns the kind of a column of a DuckDB type and the expression that
// fetches it; no kind for a nested or binary type.
func cast(name, duckType string) (Kind, string) {
	column := quoteName(name)
	base, _, _ := strings.Cut(duckType, "(")
	switch {
	case strings.HasSuffix(duckType, "]"):
		return "", ""
	case base == "VARCHAR", base == "UUID", base == "ENUM", base == "TIME":
		return Text, "CAST(" + column + " AS VARCHAR)"
	case base == "DATE", strings.HasPrefix(base, "TIMESTAMP"):
		return Time, "epoch(" + column + ") / 86400.0"
	}
	switch base {
	case "BOOLEAN", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT",
		"USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT", "FLOAT", "DOUBLE", "DECIMAL":
		return Number, "CAST(" + column + " AS DOUBLE)"
	}
	return "", ""
}
