package ledger

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"
	"time"
)

// The migrations are plain SQL, one file a version, run in order and never
// changed once released. A migration library was not taken: the one that fits
// (pressly/goose) moves other modules of this program, for what is little code.
//
//go:embed migration
var migrations embed.FS

// migration is one step of the schema.
type migration struct {
	version int64
	name    string
	sha256  string
	text    string
}

// migrationsOf reads the steps of a dialect: files named 0001_word.sql,
// counting up from one.
func migrationsOf(files fs.FS, dialect string) ([]migration, error) {
	entries, err := fs.ReadDir(files, path.Join("migration", dialect)) // sorted by name
	if err != nil {
		return nil, fmt.Errorf("ledger: migrations: %w", err)
	}
	out := []migration{}
	for _, e := range entries {
		text, err := fs.ReadFile(files, path.Join("migration", dialect, e.Name()))
		if err != nil {
			return nil, fmt.Errorf("ledger: migrations: %w", err)
		}
		number, _, _ := strings.Cut(e.Name(), "_")
		version, err := strconv.ParseInt(number, 10, 64)
		if err != nil || version != int64(len(out)+1) {
			return nil, fmt.Errorf("ledger: migrations: %s is not number %04d", e.Name(), len(out)+1)
		}
		sum := sha256.Sum256(text)
		out = append(out, migration{version, e.Name(), hex.EncodeToString(sum[:]), string(text)})
	}
	return out, nil
}

// migrate brings the schema to the newest version, each step in a transaction
// of its own. A database of a newer version, or one whose steps were not those
// of this program, is refused with [ErrNewer].
func migrate(ctx context.Context, d database, steps []migration, now time.Time) error {
	for done := false; !done; {
		err := d.script(ctx, func(t transaction) (string, error) {
			if _, err := t.exec(`CREATE TABLE IF NOT EXISTS ledger_versions (version BIGINT NOT NULL PRIMARY KEY, name TEXT NOT NULL, sha256 TEXT NOT NULL, at BIGINT NOT NULL)`); err != nil {
				return "", err
			}
			next := 0
			err := t.query(`SELECT version, sha256 FROM ledger_versions ORDER BY version`, nil, func(row scanner) error {
				var version int64
				var sum string
				if err := row.Scan(&version, &sum); err != nil {
					return err
				}
				if next >= len(steps) || steps[next].version != version || steps[next].sha256 != sum {
					return fmt.Errorf("%w: step %d", ErrNewer, version)
				}
				next++
				return nil
			})
			if err != nil {
				return "", err
			}
			if done = next == len(steps); done {
				return "", nil
			}
			step := steps[next]
			if _, err := t.exec(`INSERT INTO ledger_versions (version, name, sha256, at) VALUES ($1, $2, $3, $4)`, step.version, step.name, step.sha256, now.UnixMicro()); err != nil {
				return "", err
			}
			return step.text, nil
		})
		if err != nil {
			return fmt.Errorf("ledger: migrate: %w", err)
		}
	}
	return nil
}
