package pipeline

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"dunning/data"
)

// downloadPostgres copies the rows of the named sources, all from PostgreSQL,
// into files of the scratch folder that only this user can read, and adds
// their content hashes to sums. Sources with the same connection string see
// one snapshot of the database.
func downloadPostgres(ctx context.Context, w *Work, names []string, bound map[string]boundSource, sums map[string]string) error {
	byEnv := map[string][]string{}
	for _, n := range names {
		env := w.Config.Sources[n].Postgres.DSNEnv
		byEnv[env] = append(byEnv[env], n)
	}
	for _, env := range sortedKeys(byEnv) {
		slices.Sort(byEnv[env])
		if err := downloadFrom(ctx, w, env, byEnv[env], bound, sums); err != nil {
			return err
		}
	}
	return nil
}

func downloadFrom(ctx context.Context, w *Work, env string, names []string, bound map[string]boundSource, sums map[string]string) error {
	dsn := os.Getenv(env)
	if dsn == "" {
		return fmt.Errorf("%w: sources.%s: environment variable %s (postgres.dsn_env) is not set", data.ErrUsage, names[0], env)
	}
	place := fmt.Sprintf("sources.%s: postgres (%s)", names[0], env)
	conf, err := pgconn.ParseConfig(dsn)
	if err != nil {
		// The parser's text may repeat the connection string.
		return fmt.Errorf("%w: %s: the value is no connection string like postgres://user:password@host:5432/database", data.ErrUsage, place)
	}
	conf.RuntimeParams["timezone"] = "UTC"
	conf.RuntimeParams["datestyle"] = "ISO"
	conf.RuntimeParams["application_name"] = "dunning"
	// Concurrent scans would start in the middle of a table and give its rows
	// in another order each time.
	conf.RuntimeParams["synchronize_seqscans"] = "off"
	conn, err := pgconn.ConnectConfig(ctx, conf)
	if err != nil {
		return postgresError(ctx, place, conf.Password, err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if _, err := conn.Exec(ctx, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").ReadAll(); err != nil {
		return postgresError(ctx, place, conf.Password, err)
	}
	for _, name := range names {
		place := fmt.Sprintf("sources.%s: postgres (%s)", name, env)
		path := filepath.Join(w.Tmp, name+".csv")
		sum, err := download(ctx, conn, w.Config.Sources[name].Query, path)
		if err != nil {
			return postgresError(ctx, place, conf.Password, err)
		}
		sums[name+" rows"] = sum
		// Quotes are given, not sniffed: a value may hold a line break.
		bound[name] = boundSource{unsorted: true, query: fmt.Sprintf(
			"SELECT * FROM read_csv(%s, header = true, all_varchar = true, delim = ',', quote = '\"', escape = '\"', comment = '', parallel = false)", quote(path))}
	}
	return nil
}

// download writes the query's rows as CSV and returns their hash.
func download(ctx context.Context, conn *pgconn.PgConn, query, path string) (string, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return "", fmt.Errorf("pipeline: %w", err)
	}
	defer f.Close()
	h := sha256.New()
	query = strings.TrimRight(strings.TrimSpace(query), ";")
	if _, err := conn.CopyTo(ctx, io.MultiWriter(f, h), "COPY (\n"+query+"\n) TO STDOUT WITH (FORMAT csv, HEADER)"); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), f.Close()
}

// postgresError gives an error of the driver its class and takes the password
// out of its text. An error of the server about the query is one of usage; one
// of the connection has no class, since running again may help.
func postgresError(ctx context.Context, place, password string, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	text := err.Error()
	if password != "" {
		text = strings.ReplaceAll(text, password, "…")
	}
	text = strings.Join(strings.Fields(text), " ")
	var pg *pgconn.PgError
	if errors.As(err, &pg) && !strings.HasPrefix(pg.Code, "08") && !strings.HasPrefix(pg.Code, "57") {
		return fmt.Errorf("%w: %s: %s", data.ErrUsage, place, text)
	}
	return fmt.Errorf("%s: %s", place, text)
}
