package accounts

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"dunning/data"
	"dunning/serve"
)

// Person is what is known of somebody who may open the pages; never the
// password.
type Person struct {
	Login      string       `json:"login"` // what the ledger knows the person by
	Name       string       `json:"name"`
	Roles      []serve.Role `json:"roles"`
	Password   bool         `json:"password"` // has one; otherwise comes by OIDC
	CreatedAt  time.Time    `json:"created_at"`
	DisabledAt *time.Time   `json:"disabled_at"` // nil while the person may come in
}

// Has says whether the person has one of the roles. An administrator has all.
func (p Person) Has(roles ...serve.Role) bool {
	return slices.ContainsFunc(p.Roles, func(r serve.Role) bool { return r == serve.Admin || slices.Contains(roles, r) })
}

// The reasons for which somebody is not let in, or a change is refused.
var (
	// ErrNoEntry: login and password do not belong together, or the person may
	// not come in; nobody is told which.
	ErrNoEntry = fmt.Errorf("%w: no entry with this login and password", data.ErrRefused)
	// ErrTooMany: too many attempts in a short time.
	ErrTooMany = fmt.Errorf("%w: too many attempts; wait a quarter of an hour", data.ErrRefused)
	// ErrNoSession: the token is of no session.
	ErrNoSession = fmt.Errorf("%w: no session", data.ErrRefused)
	// ErrExpired: the token is of a session that has ended.
	ErrExpired = fmt.Errorf("%w: the session has ended", data.ErrRefused)
	// ErrNoInvitation: the one-time link is unknown, used or too old.
	ErrNoInvitation = fmt.Errorf("%w: the link was used, is too old, or was never given", data.ErrRefused)
	// ErrTaken: somebody has this login.
	ErrTaken = fmt.Errorf("%w: the login is taken", data.ErrRefused)
	// ErrUnknown: nobody has this login.
	ErrUnknown = fmt.Errorf("%w: nobody has this login; \"dunning people list\" shows them", data.ErrUsage)
	// ErrLogin: this is no login.
	ErrLogin = fmt.Errorf("%w: a login has 3 to 100 of the characters a-z 0-9 . _ - + @ and begins with a letter or digit", data.ErrUsage)
	// ErrName: this is no name.
	ErrName = fmt.Errorf("%w: a name has 1 to 100 bytes that can be seen", data.ErrUsage)
	// ErrRoles: a person needs a role.
	ErrRoles = fmt.Errorf("%w: a person needs a role at least", data.ErrUsage)
	// ErrLastAdmin: without an administrator nobody could let others in.
	ErrLastAdmin = fmt.Errorf("%w: the last administrator stays one", data.ErrRefused)
)

// ParseLogin brings a login into the form that is kept: lower case. Letters
// that look like others (а and a) are refused with everything beyond ASCII: two
// logins that look the same would let one person approve what he made.
func ParseLogin(s string) (string, error) {
	s = strings.ToLower(strings.TrimSpace(s))
	bad := func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9') && !strings.ContainsRune("._-+@", r)
	}
	if len(s) < 3 || len(s) > longestText || strings.ContainsFunc(s, bad) || strings.ContainsRune("._-+@", rune(s[0])) {
		return "", ErrLogin
	}
	if err := serve.CheckName(s); err != nil {
		return "", ErrLogin
	}
	return s, nil
}

func checkName(s string) (string, error) {
	s = strings.TrimSpace(s)
	if s == "" || len(s) > longestText || !utf8.ValidString(s) || serve.CheckName(s) != nil {
		return "", ErrName
	}
	return s, nil
}

// checkRoles brings roles into one order, each once.
func checkRoles(roles []serve.Role) ([]serve.Role, error) {
	out := []serve.Role{}
	for _, r := range roles {
		if _, err := serve.ParseRole(string(r)); err != nil {
			return nil, err
		}
		if !slices.Contains(out, r) {
			out = append(out, r)
		}
	}
	if len(out) == 0 {
		return nil, ErrRoles
	}
	slices.SortFunc(out, func(a, b serve.Role) int { return slices.Index(serve.Roles, a) - slices.Index(serve.Roles, b) })
	return out, nil
}

func joinRoles(roles []serve.Role) string {
	words := make([]string, len(roles))
	for i, r := range roles {
		words[i] = string(r)
	}
	return strings.Join(words, " ")
}

func splitRoles(s string) []serve.Role {
	var roles []serve.Role
	for word := range strings.FieldsSeq(s) {
		roles = append(roles, serve.Role(word))
	}
	return roles
}

const personColumns = `login, name, roles, password IS NOT NULL, created_at, disabled_at`

func scanPerson(scan func(...any) error, more ...any) (Person, error) {
	var (
		p        Person
		roles    string
		created  int64
		disabled sql.NullInt64
	)
	if err := scan(append([]any{&p.Login, &p.Name, &roles, &p.Password, &created, &disabled}, more...)...); err != nil {
		return Person{}, err
	}
	p.Roles, p.CreatedAt, p.DisabledAt = splitRoles(roles), time.UnixMicro(created).UTC(), instant(disabled)
	return p, nil
}

// People returns everybody, by login.
func (s *Store) People(ctx context.Context) ([]Person, error) {
	rows, err := s.db.QueryContext(ctx, `SELECT `+personColumns+` FROM people ORDER BY login`)
	if err != nil {
		return nil, fmt.Errorf("accounts: %w", err)
	}
	defer rows.Close()
	people := []Person{}
	for rows.Next() {
		p, err := scanPerson(rows.Scan)
		if err != nil {
			return nil, fmt.Errorf("accounts: %w", err)
		}
		people = append(people, p)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("accounts: %w", err)
	}
	return people, nil
}

// Person returns the person of a login, or [ErrUnknown].
func (s *Store) Person(ctx context.Context, login string) (Person, error) {
	return personOf(ctx, s.db, login)
}

// queryer is a database or a transaction in it.
type queryer interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

func personOf(ctx context.Context, q queryer, login string) (Person, error) {
	p, err := scanPerson(q.QueryRowContext(ctx, `SELECT `+personColumns+` FROM people WHERE login = ?`, strings.ToLower(login)).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return Person{}, fmt.Errorf("accounts: %q: %w", login, ErrUnknown)
	}
	if err != nil {
		return Person{}, fmt.Errorf("accounts: %w", err)
	}
	return p, nil
}

// SetRoles gives a person other roles, at once. Errors: [ErrUnknown],
// [ErrRoles], [ErrLastAdmin].
func (s *Store) SetRoles(ctx context.Context, login string, roles ...serve.Role) (Person, error) {
	roles, err := checkRoles(roles)
	if err != nil {
		return Person{}, err
	}
	return s.change(ctx, login, `UPDATE people SET roles = ? WHERE login = ?`, joinRoles(roles), strings.ToLower(login))
}

// Disable keeps a person out, at once, or lets him in again. Errors:
// [ErrUnknown], [ErrLastAdmin].
func (s *Store) Disable(ctx context.Context, login string, disabled bool) (Person, error) {
	if !disabled {
		return s.change(ctx, login, `UPDATE people SET disabled_at = NULL WHERE login = ?`, strings.ToLower(login))
	}
	return s.change(ctx, login, `UPDATE people SET disabled_at = coalesce(disabled_at, ?) WHERE login = ?`, s.now().UnixMicro(), strings.ToLower(login))
}

// change updates one person, and undoes it where no administrator would be left.
func (s *Store) change(ctx context.Context, login, statement string, args ...any) (Person, error) {
	var p Person
	err := s.write(ctx, func(tx *sql.Tx) error {
		before, err := administrators(ctx, tx)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, statement, args...); err != nil {
			return fmt.Errorf("accounts: %w", err)
		}
		if p, err = personOf(ctx, tx, login); err != nil {
			return err
		}
		after, err := administrators(ctx, tx)
		if err == nil && before > 0 && after == 0 {
			err = fmt.Errorf("accounts: %s: %w", p.Login, ErrLastAdmin)
		}
		return err
	})
	return p, err
}

// administrators counts those who may come in.
func administrators(ctx context.Context, q queryer) (int, error) {
	var n int
	err := q.QueryRowContext(ctx, `SELECT count(*) FROM people WHERE disabled_at IS NULL AND ' ' || roles || ' ' LIKE '% admin %'`).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("accounts: %w", err)
	}
	return n, nil
}

// Anybody says whether there is an administrator who may come in.
func (s *Store) Anybody(ctx context.Context) (bool, error) {
	n, err := administrators(ctx, s.db)
	return n > 0, err
}
