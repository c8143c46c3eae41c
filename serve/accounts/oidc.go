package accounts

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"dunning/data"
)

// Identity is what an OIDC issuer vouched for about somebody, its token checked.
type Identity struct {
	Issuer, Subject string // together they are one person, for ever
	Email           string
	EmailVerified   bool
	Name            string // "" where the issuer tells none
}

// ErrNoIdentity: the identity is nobody's here, or the person may not come in;
// nobody is told which.
var ErrNoIdentity = fmt.Errorf("%w: no entry with this identity", data.ErrRefused)

// EnterOIDC begins a session of the person whose identity this is. The first time,
// a verified e-mail equal to the login of somebody who has no identity yet, or who
// was invited and has not come, binds issuer and subject to him; from then on only
// they count, so that an address that is given to somebody else lets nobody in.
// Error: [ErrNoIdentity].
func (s *Store) EnterOIDC(ctx context.Context, id Identity) (token string, made Session, err error) {
	if id.Issuer == "" || id.Subject == "" {
		return "", made, ErrNoIdentity
	}
	var p Person
	err = s.write(ctx, func(tx *sql.Tx) error {
		login, err := bound(ctx, tx, id)
		if errors.Is(err, sql.ErrNoRows) {
			login, err = s.bind(ctx, tx, id)
		}
		if err == nil {
			p, err = personOf(ctx, tx, login)
		}
		return err
	})
	if err != nil {
		return "", made, err
	}
	if p.DisabledAt != nil {
		return "", made, ErrNoIdentity
	}
	return s.Begin(ctx, p)
}

// bound returns the login of an identity, or sql.ErrNoRows.
func bound(ctx context.Context, tx *sql.Tx, id Identity) (login string, err error) {
	err = tx.QueryRowContext(ctx, `SELECT login FROM people WHERE issuer = ? AND subject = ?`, id.Issuer, id.Subject).Scan(&login)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return "", fmt.Errorf("accounts: identity: %w", err)
	}
	return login, err
}

// bind gives an identity to the person whose login is its verified e-mail, and
// returns the login.
func (s *Store) bind(ctx context.Context, tx *sql.Tx, id Identity) (string, error) {
	login, err := ParseLogin(id.Email)
	if err != nil || !id.EmailVerified {
		return "", ErrNoIdentity
	}
	if _, err := personOf(ctx, tx, login); errors.Is(err, ErrUnknown) {
		if err := s.acceptIdentity(ctx, tx, login, id.Name); err != nil {
			return "", err
		}
	} else if err != nil {
		return "", err
	}
	// Who is kept out binds nothing, and an identity is never replaced by another.
	res, err := tx.ExecContext(ctx, `UPDATE people SET issuer = ?, subject = ? WHERE login = ? AND issuer IS NULL AND disabled_at IS NULL`, id.Issuer, id.Subject, login)
	if err != nil {
		return "", fmt.Errorf("accounts: identity: %w", err)
	}
	if n, err := res.RowsAffected(); err != nil || n != 1 {
		return "", errors.Join(ErrNoIdentity, err)
	}
	return login, nil
}

// acceptIdentity makes the person of an open invitation, without a password: the
// issuer's word stands for the link's secret. All links of the login are used up.
func (s *Store) acceptIdentity(ctx context.Context, tx *sql.Tx, login, name string) error {
	var invited, roles string
	at := s.now().UnixMicro()
	err := tx.QueryRowContext(ctx, `SELECT name, roles FROM invitations WHERE login = ? AND used_at IS NULL AND expires_at > ? ORDER BY created_at DESC, rowid DESC LIMIT 1`,
		login, at).Scan(&invited, &roles)
	if errors.Is(err, sql.ErrNoRows) {
		return ErrNoIdentity
	}
	if err != nil {
		return fmt.Errorf("accounts: identity: %w", err)
	}
	if invited == "" {
		if invited, err = checkName(name); err != nil {
			invited = strings.SplitN(login, "@", 2)[0]
		}
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO people (login, name, roles, created_at) VALUES (?, ?, ?, ?)`, login, invited, roles, at)
	if err == nil {
		_, err = tx.ExecContext(ctx, `UPDATE invitations SET used_at = ? WHERE login = ? AND used_at IS NULL`, at, login)
	}
	if err != nil {
		return fmt.Errorf("accounts: identity: %w", err)
	}
	return nil
}
