package pipeline

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"syscall"

	"github.com/duckdb/duckdb-go/v2"

	"dunning/data"
)

// engine is one DuckDB database of its own, on disk in a scratch folder, with
// one connection. It is not safe for concurrent use; DuckDB itself uses the
// configured threads.
type engine struct {
	db   *sql.DB
	conn *sql.Conn
	ctx  context.Context
	dir  string // its own, removed by close
}

// openEngine opens an empty database in a folder of its own within tmp, which
// holds its spilled data too. No extension is ever fetched from a network.
func openEngine(ctx context.Context, c *Config, tmp string) (*engine, error) {
	threads := c.Threads
	if threads == 0 {
		threads = runtime.GOMAXPROCS(0)
	}
	dir, err := os.MkdirTemp(tmp, "duckdb-")
	if err != nil {
		return nil, fmt.Errorf("pipeline: %w", err)
	}
	dsn := fmt.Sprintf("%s?threads=%d&memory_limit=%dMiB&autoinstall_known_extensions=false&autoload_known_extensions=false",
		filepath.Join(dir, "engine.duckdb"), threads, c.MemoryMB)
	connector, err := duckdb.NewConnector(dsn, nil)
	if err != nil {
		return nil, fmt.Errorf("duckdb: %w", err)
	}
	e := &engine{db: sql.OpenDB(connector), ctx: ctx, dir: dir}
	if e.conn, err = e.db.Conn(ctx); err != nil {
		e.db.Close()
		return nil, fmt.Errorf("duckdb: %w", err)
	}
	for _, q := range []string{
		"SET temp_directory = " + quote(filepath.Join(dir, "spill")),
		"SET TimeZone = 'UTC'",
		"SET preserve_insertion_order = true",
		"SET enable_progress_bar = false",
	} {
		if err := e.exec(q); err != nil {
			e.close()
			return nil, err
		}
	}
	return e, nil
}

// close drops the database with its files.
func (e *engine) close() {
	e.conn.Close()
	e.db.Close()
	os.RemoveAll(e.dir) // what stays goes with the scratch folder
}

// exec runs statements that yield no rows.
func (e *engine) exec(query string) error {
	_, err := e.conn.ExecContext(e.ctx, query)
	return e.explain(err)
}

// row runs a query that yields one row.
func (e *engine) row(query string, dest ...any) error {
	return e.explain(e.conn.QueryRowContext(e.ctx, query).Scan(dest...))
}

// rows runs a query and calls scan for each row.
func (e *engine) rows(query string, scan func(*sql.Rows) error) error {
	rows, err := e.conn.QueryContext(e.ctx, query)
	if err != nil {
		return e.explain(err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return e.explain(err)
		}
	}
	return e.explain(rows.Err())
}

// explain turns an error of DuckDB into one of ours: the context's own where it
// ended, the full disk as such, and without DuckDB's excursions otherwise.
func (e *engine) explain(err error) error {
	if err == nil {
		return nil
	}
	if ctxErr := e.ctx.Err(); ctxErr != nil {
		return ctxErr
	}
	text := firstLine(err.Error())
	switch {
	case strings.Contains(text, "No space left on device"):
		return fmt.Errorf("duckdb: %s: %w", text, syscall.ENOSPC)
	case strings.HasPrefix(text, "Out of Memory"):
		return fmt.Errorf("duckdb: %s; raise memory_mb", text)
	}
	return fmt.Errorf("duckdb: %s", text)
}

// csvCause finds, below the first line of an error about CSV, what is wrong;
// csvFile finds where. What lies between may repeat a customer's data.
var (
	csvCause = regexp.MustCompile(`(?m)^(Expected Number of Columns.*|Value with unterminated quote|Invalid unicode|Maximum line size.*|Error when converting column "[^"]*")`)
	csvFile  = regexp.MustCompile(`(?m)^\s*file = (.*)$`)
)

// firstLine keeps what says what is wrong: DuckDB adds lines with candidates,
// the query, settings and the row itself.
func firstLine(s string) string {
	line, rest, _ := strings.Cut(s, "\n")
	switch {
	case strings.Contains(line, "Error when sniffing file"):
		return strings.TrimSpace(line) + " No layout fits: a row may have another number of columns than the header, or a quote may be open"
	case !strings.Contains(line, "CSV Error on Line"):
		return strings.TrimSpace(line)
	}
	line = strings.Replace(line, "Line: ", "line ", 1)
	if f := csvFile.FindStringSubmatch(rest); f != nil {
		line += " of " + f[1]
	}
	if cause := csvCause.FindString(rest); cause != "" {
		line += ": " + cause
		if strings.HasPrefix(cause, "Error when") {
			line += "; read the file with all_varchar = true, so that such rows are quarantined"
		}
	}
	return line
}

// queryError gives an error of a source's query its class: a query that does
// not parse is wrong configuration, anything else wrong data.
func queryError(err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, syscall.ENOSPC) ||
		strings.Contains(err.Error(), "Out of Memory") {
		return err
	}
	if strings.Contains(err.Error(), "Parser Error") {
		return fmt.Errorf("%w: %w", data.ErrUsage, err)
	}
	return fmt.Errorf("%w: %w", data.ErrBadInput, err)
}

// quote makes a string a SQL literal.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// ident makes a name a SQL identifier.
func ident(s string) string { return `"` + strings.ReplaceAll(s, `"`, `""`) + `"` }

// describe returns the columns that a query yields, in lower case, and their
// types.
func (e *engine) describe(query string) (names []string, types map[string]string, err error) {
	types = map[string]string{}
	err = e.rows("DESCRIBE SELECT * FROM ("+query+"\n)", func(r *sql.Rows) error {
		var name, kind string
		var null, key, def, extra sql.NullString
		if err := r.Scan(&name, &kind, &null, &key, &def, &extra); err != nil {
			return err
		}
		name = strings.ToLower(name)
		names = append(names, name)
		types[name] = kind
		return nil
	})
	return names, types, err
}

// inFileOrder reports whether the query only filters and projects what it
// reads, so that its rows come in the order of the file whatever the number of
// threads.
func (e *engine) inFileOrder(query string) (bool, error) {
	var key, plan string
	if err := e.row("EXPLAIN (FORMAT JSON) "+query, &key, &plan); err != nil {
		return false, err
	}
	var nodes []planNode
	if err := json.Unmarshal([]byte(plan), &nodes); err != nil {
		return false, nil // a plan of another shape: not known to keep the order
	}
	return streams(nodes), nil
}

type planNode struct {
	Name     string     `json:"name"`
	Children []planNode `json:"children"`
}

func streams(nodes []planNode) bool {
	for _, n := range nodes {
		name := strings.TrimSpace(n.Name)
		switch {
		case name == "PROJECTION", name == "FILTER", name == "DUMMY_SCAN", name == "COLUMN_DATA_SCAN", name == "STREAMING_LIMIT":
		case strings.HasPrefix(name, "READ_"), name == "PARQUET_SCAN", name == "RANGE":
		default:
			return false
		}
		if len(n.Children) > 1 || !streams(n.Children) {
			return false
		}
	}
	return true
}

// documentFunc is the SQL function dunning_document: it turns a document into
// "h:" and its pseudonym, or into "x:" and its mask where the check digits do
// not match, so that the document itself reaches no table.
type documentFunc struct{ key []byte }

// Config declares VARCHAR → VARCHAR; null stays null.
func (documentFunc) Config() duckdb.ScalarFuncConfig {
	text, err := duckdb.NewTypeInfo(duckdb.TYPE_VARCHAR)
	if err != nil {
		panic("pipeline: duckdb has no VARCHAR: " + err.Error())
	}
	return duckdb.ScalarFuncConfig{InputTypeInfos: []duckdb.TypeInfo{text}, ResultTypeInfo: text}
}

// Executor returns the function over one row.
func (f documentFunc) Executor() duckdb.ScalarFuncExecutor {
	return duckdb.ScalarFuncExecutor{RowExecutor: func(args []driver.Value) (any, error) {
		raw, _ := args[0].(string)
		document, err := normalDocument(raw)
		if err != nil {
			return "x:" + maskDocument(strings.TrimSpace(raw)), nil
		}
		return "h:" + pseudonym(f.key, document), nil
	}}
}

func (e *engine) registerDocument(key []byte) error {
	return e.explain(duckdb.RegisterScalarUDF(e.conn, "dunning_document", documentFunc{key}))
}
