package serve

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"database/sql"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"dunning/data"
	"dunning/serve/ledger"
	"dunning/serve/sqlite"
)

// DatabaseName is the file name of the database within a home.
const DatabaseName = "dunning.db"

// A key reads "dun_<prefix>_<secret>": the prefix is public and finds the row,
// the secret is 256 random bits. Only the SHA-256 of the whole is stored; a
// slow hash would add nothing to a secret of that size.
const (
	keyMark     = "dun_"
	prefixBytes = 6
	secretBytes = 32
)

// Key is what is known of an API key; never the key itself.
type Key struct {
	Prefix    string     `json:"prefix"`
	Role      Role       `json:"role"`
	Name      string     `json:"name"`
	CreatedAt time.Time  `json:"created_at"`
	ExpiresAt *time.Time `json:"expires_at"` // nil for never
	RevokedAt *time.Time `json:"revoked_at"` // nil while it stands
}

// Usable reports whether the key admits anybody at the time.
func (k Key) Usable(now time.Time) bool {
	return k.RevokedAt == nil && (k.ExpiresAt == nil || now.Before(*k.ExpiresAt))
}

// Keys keeps API keys in the ledger's database. It is safe for concurrent use, by
// several processes too.
type Keys struct {
	db  keyDB
	now func() time.Time
}

// keyDB is what keys ask of a database. Queries number their arguments $1, $2, … in
// the order in which they stand, which both databases understand.
type keyDB interface {
	exec(ctx context.Context, query string, args ...any) error
	// query calls row for each row of the answer.
	query(ctx context.Context, query string, args []any, row func(scan func(...any) error) error) error
	Close() error
}

// errNoRow is what one returns when there is none.
var errNoRow = errors.New("serve: no such row")

// one reads the key in the only row of an answer, and more columns after it.
func (k *Keys) one(ctx context.Context, query, prefix string, more ...any) (key Key, err error) {
	found := false
	err = k.db.query(ctx, query, []any{prefix}, func(scan func(...any) error) error {
		found = true
		key, err = scanKey(func(dest ...any) error { return scan(append(dest, more...)...) })
		return err
	})
	if err == nil && !found {
		err = errNoRow
	}
	return key, err
}

// sqliteKeys are keys in a file.
type sqliteKeys struct{ *sqlite.DB }

func (d sqliteKeys) exec(ctx context.Context, query string, args ...any) error {
	_, err := d.ExecContext(ctx, query, args...)
	return err
}

func (d sqliteKeys) query(ctx context.Context, query string, args []any, row func(func(...any) error) error) error {
	rows, err := d.QueryContext(ctx, query, args...)
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
}

const keySchema = `
CREATE TABLE IF NOT EXISTS api_keys (
	prefix     TEXT    PRIMARY KEY,
	sha256     BLOB    NOT NULL CHECK (length(sha256) = 32),
	role       TEXT    NOT NULL,
	name       TEXT    NOT NULL,
	created_at INTEGER NOT NULL, -- microseconds since 1970, UTC
	expires_at INTEGER,          -- NULL for never
	revoked_at INTEGER           -- NULL while the key stands
) STRICT`

// OpenDatabase opens home's database with tables of a schema, making what does not
// exist, readable by its owner only. home must exist. It is for what stands beside
// the ledger: keys, people. The error has no package's name yet.
func OpenDatabase(ctx context.Context, home, schema string) (*sqlite.DB, error) {
	db, err := sqlite.Open(ctx, filepath.Join(home, DatabaseName), sqlite.Settings{Conns: 4, Query: url.Values{"_txlock": {"immediate"}, "_stmt_cache_size": {"16"}}})
	if err != nil {
		return nil, err
	}
	if _, err := db.ExecContext(ctx, schema); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// OpenKeys opens home's database, making it where it does not exist, readable
// by its owner only. home must exist. now is the clock; nil means time.Now.
func OpenKeys(ctx context.Context, home string, now func() time.Time) (*Keys, error) {
	if now == nil {
		now = time.Now
	}
	db, err := OpenDatabase(ctx, home, keySchema)
	if err != nil {
		return nil, fmt.Errorf("serve: %w", err)
	}
	return &Keys{db: sqliteKeys{db}, now: now}, nil
}

// Close closes the database. It may be called twice.
func (k *Keys) Close() error { return k.db.Close() }

// Create makes a key and returns it, the only time that it is seen. It ends
// after lifetime; 0 means never. The error wraps data.ErrUsage when role, name
// or lifetime make no sense.
func (k *Keys) Create(ctx context.Context, role Role, name string, lifetime time.Duration) (secret string, key Key, err error) {
	if _, err := ParseRole(string(role)); err != nil {
		return "", Key{}, err
	}
	if name = strings.TrimSpace(name); name == "" || len(name) > 100 {
		return "", Key{}, fmt.Errorf("serve: %w: a key needs a name of 1 to 100 bytes", data.ErrUsage)
	}
	if err := CheckName(name); err != nil {
		return "", Key{}, err
	}
	if lifetime < 0 {
		return "", Key{}, fmt.Errorf("serve: %w: lifetime %s is negative", data.ErrUsage, lifetime)
	}
	var random [prefixBytes + secretBytes]byte
	rand.Read(random[:]) // never fails: the runtime ends the program instead
	key = Key{Prefix: hex.EncodeToString(random[:prefixBytes]), Role: role, Name: name, CreatedAt: k.now().UTC().Truncate(time.Microsecond)}
	if lifetime > 0 {
		ends := key.CreatedAt.Add(lifetime)
		key.ExpiresAt = &ends
	}
	secret = keyMark + key.Prefix + "_" + base64.RawURLEncoding.EncodeToString(random[prefixBytes:])
	sum := sha256.Sum256([]byte(secret))
	err = k.db.exec(ctx, `INSERT INTO api_keys (prefix, sha256, role, name, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6)`,
		key.Prefix, sum[:], string(role), name, key.CreatedAt.UnixMicro(), micros(key.ExpiresAt))
	if err != nil {
		return "", Key{}, fmt.Errorf("serve: create key: %w", err)
	}
	return secret, key, nil
}

// CheckName refuses names under which the ledger knows nobody or itself: with
// characters that cannot be seen, or its own. The error wraps data.ErrUsage.
func CheckName(name string) error {
	if !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl) || strings.EqualFold(name, ledger.System) {
		return fmt.Errorf("serve: %w: %q is no name of a person or program", data.ErrUsage, name)
	}
	return nil
}

// List returns all keys, oldest first.
func (k *Keys) List(ctx context.Context) ([]Key, error) {
	keys := []Key{}
	err := k.db.query(ctx, `SELECT prefix, role, name, created_at, expires_at, revoked_at FROM api_keys ORDER BY created_at, prefix`, nil, func(scan func(...any) error) error {
		key, err := scanKey(scan)
		keys = append(keys, key)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("serve: list keys: %w", err)
	}
	return keys, nil
}

// Revoke ends a key at once. Revoking twice keeps the first time. An unknown
// prefix is an error that wraps data.ErrUsage.
func (k *Keys) Revoke(ctx context.Context, prefix string) (Key, error) {
	err := k.db.exec(ctx, `UPDATE api_keys SET revoked_at = $1 WHERE prefix = $2 AND revoked_at IS NULL`, k.now().UnixMicro(), prefix)
	if err != nil {
		return Key{}, fmt.Errorf("serve: revoke key: %w", err)
	}
	key, err := k.one(ctx, `SELECT prefix, role, name, created_at, expires_at, revoked_at FROM api_keys WHERE prefix = $1`, prefix)
	if errors.Is(err, errNoRow) {
		return Key{}, fmt.Errorf("serve: %w: no key with prefix %q; \"dunning keys list\" shows them", data.ErrUsage, prefix)
	}
	if err != nil {
		return Key{}, fmt.Errorf("serve: revoke key: %w", err)
	}
	return key, nil
}

// errNoKey tells that a secret opens nothing: malformed, unknown, expired or
// revoked; a client is not told which.
var errNoKey = errors.New("serve: no usable key")

// Authenticate returns the usable key of a secret, or errNoKey.
func (k *Keys) Authenticate(ctx context.Context, secret string) (Key, error) {
	prefix, ok := prefixOf(secret)
	if !ok {
		return Key{}, errNoKey
	}
	var stored []byte
	key, err := k.one(ctx, `SELECT prefix, role, name, created_at, expires_at, revoked_at, sha256 FROM api_keys WHERE prefix = $1`, prefix, &stored)
	if errors.Is(err, errNoRow) {
		return Key{}, errNoKey
	}
	if err != nil {
		return Key{}, fmt.Errorf("serve: authenticate: %w", err)
	}
	sum := sha256.Sum256([]byte(secret))
	if subtle.ConstantTimeCompare(sum[:], stored) != 1 || !key.Usable(k.now()) {
		return Key{}, errNoKey
	}
	return key, nil
}

// prefixOf returns the public part of a well-formed secret.
func prefixOf(secret string) (string, bool) {
	rest, ok := strings.CutPrefix(secret, keyMark)
	if !ok || len(rest) != 2*prefixBytes+1+base64.RawURLEncoding.EncodedLen(secretBytes) || rest[2*prefixBytes] != '_' {
		return "", false
	}
	return rest[:2*prefixBytes], true
}

func scanKey(scan func(...any) error) (Key, error) {
	var (
		key              Key
		created          int64
		expires, revoked sql.NullInt64
	)
	if err := scan(&key.Prefix, &key.Role, &key.Name, &created, &expires, &revoked); err != nil {
		return Key{}, err
	}
	key.CreatedAt = time.UnixMicro(created).UTC()
	key.ExpiresAt, key.RevokedAt = instant(expires), instant(revoked)
	return key, nil
}

func instant(n sql.NullInt64) *time.Time {
	if !n.Valid {
		return nil
	}
	t := time.UnixMicro(n.Int64).UTC()
	return &t
}

func micros(t *time.Time) any {
	if t == nil {
		return nil
	}
	return t.UnixMicro()
}
