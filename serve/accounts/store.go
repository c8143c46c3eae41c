package accounts

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"dunning/serve"
	"dunning/serve/sqlite"
)

// Config holds the settings of a [Store]; its zero value is usable.
type Config struct {
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// IdleTimeout ends a session that nobody used for so long; 0 means an hour.
	IdleTimeout time.Duration
	// Lifetime ends every session, used or not; 0 means 12 hours.
	Lifetime time.Duration
}

// The defaults of [Config], and how long a one-time link lives unless it is
// said otherwise.
const (
	DefaultIdleTimeout  = time.Hour
	DefaultLifetime     = 12 * time.Hour
	InvitationLifetime  = 24 * time.Hour
	touchSessionAtMost  = time.Minute // how exact the last use of a session is kept
	keepEndedSessions   = 30 * 24 * time.Hour
	attemptsPerLogin    = 5
	attemptsPerAddress  = 30
	attemptsWindow      = 15 * time.Minute
	passwordsAtOnce     = 4 // of 19 MiB each
	longestText         = 100
	shortestPassword    = 12 // letters
	longestPasswordSize = 256
)

// Store keeps people, their sessions and one-time links in the home's database.
// It is safe for concurrent use, by several processes too.
type Store struct {
	db       *sqlite.DB
	config   Config
	attempts *attempts
	hashing  chan struct{} // a place for each password being hashed
}

const schema = `
CREATE TABLE IF NOT EXISTS people (
	login       TEXT    PRIMARY KEY CHECK (login = lower(login)),
	name        TEXT    NOT NULL,
	roles       TEXT    NOT NULL,        -- words between spaces
	password    TEXT,                    -- argon2id; NULL for who comes by OIDC only
	issuer      TEXT,                    -- of OIDC, with the subject there
	subject     TEXT,
	created_at  INTEGER NOT NULL,        -- microseconds since 1970, UTC
	disabled_at INTEGER,                 -- NULL while the person may come in
	UNIQUE (issuer, subject)
) STRICT;
CREATE TABLE IF NOT EXISTS invitations (
	sha256      BLOB    PRIMARY KEY CHECK (length(sha256) = 32),
	login       TEXT    NOT NULL,        -- '' lets the person choose
	name        TEXT    NOT NULL,
	roles       TEXT    NOT NULL,
	created_at  INTEGER NOT NULL,
	expires_at  INTEGER NOT NULL,
	used_at     INTEGER
) STRICT;
CREATE TABLE IF NOT EXISTS sessions (
	sha256      BLOB    PRIMARY KEY CHECK (length(sha256) = 32),
	login       TEXT    NOT NULL REFERENCES people (login),
	created_at  INTEGER NOT NULL,
	seen_at     INTEGER NOT NULL,
	expires_at  INTEGER NOT NULL,
	revoked_at  INTEGER
) STRICT;
CREATE INDEX IF NOT EXISTS sessions_login ON sessions (login);`

// Open opens home's database, making it where it does not exist, readable by
// its owner only. home must exist.
func Open(ctx context.Context, home string, config Config) (*Store, error) {
	if config.Now == nil {
		config.Now = time.Now
	}
	if config.IdleTimeout == 0 {
		config.IdleTimeout = DefaultIdleTimeout
	}
	if config.Lifetime == 0 {
		config.Lifetime = DefaultLifetime
	}
	db, err := serve.OpenDatabase(ctx, home, schema)
	if err != nil {
		return nil, fmt.Errorf("accounts: %w", err)
	}
	return &Store{db: db, config: config, attempts: newAttempts(), hashing: make(chan struct{}, passwordsAtOnce)}, nil
}

// Close closes the database. It may be called twice.
func (s *Store) Close() error { return s.db.Close() }

// Failed is closed once a sync of the home's database failed: the process must end
// and be started again (see [sqlite.ErrFailed]).
func (s *Store) Failed() <-chan struct{} { return s.db.Failed() }

// now is the clock in the precision that is kept.
func (s *Store) now() time.Time { return s.config.Now().UTC().Truncate(time.Microsecond) }

// write runs f in one transaction.
func (s *Store) write(ctx context.Context, f func(*sql.Tx) error) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("accounts: %w", err)
	}
	defer tx.Rollback()
	if err := f(tx); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("accounts: %w", err)
	}
	return nil
}

func instant(n sql.NullInt64) *time.Time {
	if !n.Valid {
		return nil
	}
	t := time.UnixMicro(n.Int64).UTC()
	return &t
}
