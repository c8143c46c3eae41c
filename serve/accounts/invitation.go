package accounts

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"dunning/data"
	"dunning/serve"
)

// Invitation is a one-time link that lets somebody choose a password: a new
// person, or one who forgot his.
type Invitation struct {
	Login     string       `json:"login"` // "" lets a new person choose one
	Name      string       `json:"name"`
	Roles     []serve.Role `json:"roles"`
	ExpiresAt time.Time    `json:"expires_at"`
	Known     bool         `json:"known"` // the login is that of a person
}

// newToken returns 256 random bits as a word, and the hash that is kept of it. A
// slow hash would add nothing to a secret of that size.
func newToken() (token string, sum []byte) {
	var random [32]byte
	rand.Read(random[:]) // never fails: the runtime ends the program instead
	token = base64.RawURLEncoding.EncodeToString(random[:])
	return token, sumOf(token)
}

func sumOf(token string) []byte {
	sum := sha256.Sum256([]byte(token))
	return sum[:]
}

// Invite makes a one-time link and returns its token, the only time that it is
// seen. An empty login lets the person choose one; a known one resets the
// password and leaves name and roles as they are. lifetime 0 means
// [InvitationLifetime]. Errors: [ErrLogin], [ErrName], [ErrRoles].
func (s *Store) Invite(ctx context.Context, in Invitation, lifetime time.Duration) (token string, made Invitation, err error) {
	if lifetime < 0 {
		return "", made, fmt.Errorf("accounts: %w: lifetime %s is negative", data.ErrUsage, lifetime)
	}
	if lifetime == 0 {
		lifetime = InvitationLifetime
	}
	made = Invitation{Login: in.Login, Name: in.Name, Roles: in.Roles, ExpiresAt: s.now().Add(lifetime)}
	if in.Login != "" {
		if made.Login, err = ParseLogin(in.Login); err != nil {
			return "", made, err
		}
		p, err := s.Person(ctx, made.Login)
		if err == nil {
			made.Name, made.Roles, made.Known = p.Name, p.Roles, true
		} else if !errors.Is(err, ErrUnknown) {
			return "", made, err
		}
	}
	if made.Name != "" {
		if made.Name, err = checkName(made.Name); err != nil {
			return "", made, err
		}
	}
	if made.Roles, err = checkRoles(made.Roles); err != nil {
		return "", made, err
	}
	token, sum := newToken()
	_, err = s.db.ExecContext(ctx, `INSERT INTO invitations (sha256, login, name, roles, created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?)`,
		sum, made.Login, made.Name, joinRoles(made.Roles), s.now().UnixMicro(), made.ExpiresAt.UnixMicro())
	if err != nil {
		return "", made, fmt.Errorf("accounts: invite: %w", err)
	}
	return token, made, nil
}

// InviteFirst makes the link of the first administrator, and ends those that
// were made before: of several starts of a server only the last link is good.
func (s *Store) InviteFirst(ctx context.Context) (token string, made Invitation, err error) {
	_, err = s.db.ExecContext(ctx, `DELETE FROM invitations WHERE login = '' AND name = '' AND roles = ? AND used_at IS NULL`, string(serve.Admin))
	if err != nil {
		return "", made, fmt.Errorf("accounts: invite: %w", err)
	}
	return s.Invite(ctx, Invitation{Roles: []serve.Role{serve.Admin}}, 0)
}

// Invitation returns what a one-time link offers, or [ErrNoInvitation].
func (s *Store) Invitation(ctx context.Context, token string) (Invitation, error) {
	return s.invitationOf(ctx, s.db, token)
}

func (s *Store) invitationOf(ctx context.Context, q queryer, token string) (Invitation, error) {
	var (
		in      Invitation
		roles   string
		expires int64
		used    sql.NullInt64
	)
	err := q.QueryRowContext(ctx, `SELECT login, name, roles, expires_at, used_at, EXISTS (SELECT 1 FROM people p WHERE p.login = invitations.login) FROM invitations WHERE sha256 = ?`, sumOf(token)).
		Scan(&in.Login, &in.Name, &roles, &expires, &used, &in.Known)
	in.ExpiresAt, in.Roles = time.UnixMicro(expires).UTC(), splitRoles(roles)
	if errors.Is(err, sql.ErrNoRows) || err == nil && (used.Valid || !s.now().Before(in.ExpiresAt)) {
		return Invitation{}, ErrNoInvitation
	}
	if err != nil {
		return Invitation{}, fmt.Errorf("accounts: invitation: %w", err)
	}
	return in, nil
}

// Accept uses a one-time link up: it makes the person with this password, or
// gives a known one the new password and ends all his sessions. login and name
// count where the link leaves them open. Errors: [ErrNoInvitation], [ErrLogin],
// [ErrName], [ErrPassword], [ErrTaken].
func (s *Store) Accept(ctx context.Context, token, login, name, password string) (Person, error) {
	in, err := s.Invitation(ctx, token)
	if err != nil {
		return Person{}, err
	}
	if in.Login == "" {
		if in.Login, err = ParseLogin(login); err != nil {
			return Person{}, err
		}
	}
	if in.Name == "" {
		if in.Name, err = checkName(name); err != nil {
			return Person{}, err
		}
	}
	if err := checkPassword(in.Login, password); err != nil {
		return Person{}, err
	}
	phc, err := s.hash(ctx, password)
	if err != nil {
		return Person{}, err
	}
	var p Person
	err = s.write(ctx, func(tx *sql.Tx) error {
		again, err := s.invitationOf(ctx, tx, token) // it may have been used meanwhile
		if err != nil {
			return err
		}
		if err := s.accept(ctx, tx, in, again.Known, phc); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `UPDATE invitations SET used_at = ? WHERE sha256 = ?`, s.now().UnixMicro(), sumOf(token)); err != nil {
			return fmt.Errorf("accounts: accept: %w", err)
		}
		p, err = personOf(ctx, tx, in.Login)
		return err
	})
	return p, err
}

// accept writes the person of a link.
func (s *Store) accept(ctx context.Context, tx *sql.Tx, in Invitation, known bool, phc string) error {
	at := s.now().UnixMicro()
	if known {
		_, err := tx.ExecContext(ctx, `UPDATE people SET password = ? WHERE login = ?`, phc, in.Login)
		if err == nil {
			_, err = tx.ExecContext(ctx, `UPDATE sessions SET revoked_at = ? WHERE login = ? AND revoked_at IS NULL`, at, in.Login)
		}
		if err != nil {
			return fmt.Errorf("accounts: accept: %w", err)
		}
		return nil
	}
	var taken bool
	if err := tx.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM people WHERE login = ?)`, in.Login).Scan(&taken); err != nil {
		return fmt.Errorf("accounts: accept: %w", err)
	}
	if taken {
		return ErrTaken
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO people (login, name, roles, password, created_at) VALUES (?, ?, ?, ?, ?)`, in.Login, in.Name, joinRoles(in.Roles), phc, at)
	if err != nil {
		return fmt.Errorf("accounts: accept: %w", err)
	}
	return nil
}
