package accounts

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Session is somebody who came in.
type Session struct {
	Person    Person
	CreatedAt time.Time
	ExpiresAt time.Time // whatever happens; without use it ends before
}

// Enter checks a login and its password and begins a session. token is the only
// copy of its secret. address is where the request comes from. It takes as long
// for a login that nobody has. Errors: [ErrNoEntry], [ErrTooMany].
func (s *Store) Enter(ctx context.Context, login, password, address string) (token string, made Session, err error) {
	login = strings.ToLower(strings.TrimSpace(login))
	byLogin, byAddress := "login "+login, "address "+address
	if len(login) > longestText {
		byLogin = "login too long"
	}
	okLogin, okAddress := s.attempts.take(s.now(), byLogin, attemptsPerLogin), s.attempts.take(s.now(), byAddress, attemptsPerAddress)
	if !okLogin || !okAddress {
		return "", made, ErrTooMany
	}
	phc := stranger
	var stored sql.NullString
	p, err := scanPerson(func(dest ...any) error {
		return s.db.QueryRowContext(ctx, `SELECT `+personColumns+`, password FROM people WHERE login = ?`, login).Scan(dest...)
	}, &stored)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return "", made, fmt.Errorf("accounts: enter: %w", err)
	}
	known := err == nil && p.DisabledAt == nil && stored.Valid
	if known {
		phc = stored.String
	}
	if len(password) > longestPasswordSize {
		password = ""
	}
	fits, err := s.fits(ctx, phc, password)
	if err != nil {
		return "", made, err
	}
	if !known || !fits {
		return "", made, ErrNoEntry
	}
	s.attempts.clear(byLogin)
	s.attempts.back(byAddress) // an office of many people has one address
	return s.Begin(ctx, p)
}

// Begin starts a session of a person who proved in some other way who he is.
func (s *Store) Begin(ctx context.Context, p Person) (token string, made Session, err error) {
	token, sum := newToken()
	at := s.now()
	made = Session{Person: p, CreatedAt: at, ExpiresAt: at.Add(s.config.Lifetime)}
	_, err = s.db.ExecContext(ctx, `INSERT INTO sessions (sha256, login, created_at, seen_at, expires_at) VALUES (?, ?, ?, ?, ?)`,
		sum, p.Login, at.UnixMicro(), at.UnixMicro(), made.ExpiresAt.UnixMicro())
	if err == nil {
		_, err = s.db.ExecContext(ctx, `DELETE FROM sessions WHERE expires_at < ?`, at.Add(-keepEndedSessions).UnixMicro())
	}
	if err != nil {
		return "", Session{}, fmt.Errorf("accounts: session: %w", err)
	}
	return token, made, nil
}

// Resume returns the session of a token and notes that it is used. Errors:
// [ErrNoSession], [ErrExpired].
func (s *Store) Resume(ctx context.Context, token string) (Session, error) {
	var (
		made                   Session
		created, seen, expires int64
		revoked                sql.NullInt64
	)
	p, err := scanPerson(func(dest ...any) error {
		return s.db.QueryRowContext(ctx, `SELECT p.login, p.name, p.roles, p.password IS NOT NULL, p.created_at, p.disabled_at, s.created_at, s.seen_at, s.expires_at, s.revoked_at
			FROM sessions s JOIN people p ON p.login = s.login WHERE s.sha256 = ?`, sumOf(token)).Scan(dest...)
	}, &created, &seen, &expires, &revoked)
	if errors.Is(err, sql.ErrNoRows) {
		return made, ErrNoSession
	}
	if err != nil {
		return made, fmt.Errorf("accounts: session: %w", err)
	}
	at, last := s.now(), time.UnixMicro(seen)
	made = Session{Person: p, CreatedAt: time.UnixMicro(created).UTC(), ExpiresAt: time.UnixMicro(expires).UTC()}
	if revoked.Valid || p.DisabledAt != nil || !at.Before(made.ExpiresAt) || at.Sub(last) >= s.config.IdleTimeout {
		return Session{}, ErrExpired
	}
	if at.Sub(last) >= touchSessionAtMost {
		if _, err := s.db.ExecContext(ctx, `UPDATE sessions SET seen_at = ? WHERE sha256 = ?`, at.UnixMicro(), sumOf(token)); err != nil {
			return Session{}, fmt.Errorf("accounts: session: %w", err)
		}
	}
	return made, nil
}

// Leave ends the session of a token; of an unknown one it does nothing.
func (s *Store) Leave(ctx context.Context, token string) error {
	_, err := s.db.ExecContext(ctx, `UPDATE sessions SET revoked_at = ? WHERE sha256 = ? AND revoked_at IS NULL`, s.now().UnixMicro(), sumOf(token))
	if err != nil {
		return fmt.Errorf("accounts: leave: %w", err)
	}
	return nil
}

// LeaveEverywhere ends all sessions of a person and returns how many stood.
func (s *Store) LeaveEverywhere(ctx context.Context, login string) (int64, error) {
	res, err := s.db.ExecContext(ctx, `UPDATE sessions SET revoked_at = ? WHERE login = ? AND revoked_at IS NULL AND expires_at > ?`,
		s.now().UnixMicro(), strings.ToLower(login), s.now().UnixMicro())
	if err != nil {
		return 0, fmt.Errorf("accounts: leave: %w", err)
	}
	return res.RowsAffected()
}
