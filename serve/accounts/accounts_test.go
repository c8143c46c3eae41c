package accounts_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"dunning/data"
	"dunning/serve"
	"dunning/serve/accounts"
	"dunning/serve/ledger"
)

const password = "uma frase comprida 7"

// house is a store with a clock that the test moves.
type house struct {
	*accounts.Store
	t   *testing.T
	dir string
	at  time.Time
}

func open(t *testing.T) *house {
	t.Helper()
	h := &house{t: t, dir: t.TempDir(), at: time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)}
	var err error
	h.Store, err = accounts.Open(context.Background(), h.dir, accounts.Config{Now: func() time.Time { return h.at }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close() })
	return h
}

// person lets somebody in.
func (h *house) person(login string, roles ...serve.Role) {
	h.t.Helper()
	token, _, err := h.Invite(context.Background(), accounts.Invitation{Login: login, Name: "Nome", Roles: roles}, 0)
	if err == nil {
		_, err = h.Accept(context.Background(), token, "", "", password)
	}
	if err != nil {
		h.t.Fatal(err)
	}
}

func wants(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: %v, want %v", what, err, want)
	}
}

func TestLogins(t *testing.T) {
	for given, want := range map[string]string{"Ana@Empresa.example": "ana@empresa.example", " bruno ": "bruno", "c-d_e.f+g1": "c-d_e.f+g1"} {
		if got, err := accounts.ParseLogin(given); err != nil || got != want {
			t.Errorf("%q: %q, %v", given, got, err)
		}
	}
	for _, bad := range []string{"", "ab", "аna@empresa.example", "a b c", "../etc", ".ana", "ana\x00", strings.Repeat("a", 101), ledger.System} {
		if got, err := accounts.ParseLogin(bad); err == nil {
			t.Errorf("%q is taken as %q", bad, got)
		}
	}
}

// TestFirstAdministrator: of several starts of a server only the last link is
// good, once, for a day.
func TestFirstAdministrator(t *testing.T) {
	h, ctx := open(t), context.Background()
	old, _, err := h.InviteFirst(ctx)
	if err != nil {
		t.Fatal(err)
	}
	token, made, err := h.InviteFirst(ctx)
	if err != nil || made.ExpiresAt.Sub(h.at) != accounts.InvitationLifetime {
		t.Fatalf("%+v, %v", made, err)
	}
	_, err = h.Invitation(ctx, old)
	wants(t, "the older link", err, accounts.ErrNoInvitation)
	_, err = h.Accept(ctx, token, "carla", "Carla", "curta")
	wants(t, "a short password", err, accounts.ErrPassword)
	_, err = h.Accept(ctx, token, "carla", "Carla", "a senha da carla")
	wants(t, "a password with the login", err, accounts.ErrPassword)
	_, err = h.Accept(ctx, token, "carla", "Carla", "aaaaaaaaaaaaaaaaaa")
	wants(t, "a password of one letter", err, accounts.ErrPassword)
	p, err := h.Accept(ctx, token, "Carla", " Carla Reis ", password)
	if err != nil || p.Login != "carla" || p.Name != "Carla Reis" || !p.Has(serve.Manager) {
		t.Errorf("%+v, %v", p, err)
	}
	_, err = h.Accept(ctx, token, "outra", "Outra", password)
	wants(t, "the link again", err, accounts.ErrNoInvitation)
	if some, err := h.Anybody(ctx); err != nil || !some {
		t.Errorf("anybody: %v, %v", some, err)
	}
	late, _, err := h.Invite(ctx, accounts.Invitation{Roles: []serve.Role{serve.Manager}}, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	_, err = h.Accept(ctx, late, "carla", "Carla", "outra frase boa 8")
	wants(t, "a login that somebody has", err, accounts.ErrTaken)
	h.at = h.at.Add(time.Hour)
	_, err = h.Accept(ctx, late, "davi", "Davi", password)
	wants(t, "a link of an hour, an hour later", err, accounts.ErrNoInvitation)
}

// TestSessions: a session ends unused, after its lifetime, by leaving, by a new
// password, and when its person is kept out.
func TestSessions(t *testing.T) {
	h, ctx := open(t), context.Background()
	h.person("carla", serve.Admin)
	h.person("ana", serve.Manager)
	enter := func() string {
		t.Helper()
		token, s, err := h.Enter(ctx, "Ana", password, "10.0.0.1")
		if err != nil || s.Person.Login != "ana" {
			t.Fatalf("%+v, %v", s, err)
		}
		return token
	}
	ends := func(what, token string) {
		t.Helper()
		_, err := h.Resume(ctx, token)
		wants(t, what, err, accounts.ErrExpired)
	}
	unused := enter()
	h.at = h.at.Add(accounts.DefaultIdleTimeout - time.Second)
	if _, err := h.Resume(ctx, unused); err != nil {
		t.Errorf("a second before the hour: %v", err)
	}
	h.at = h.at.Add(accounts.DefaultIdleTimeout)
	ends("unused for an hour", unused)

	used := enter()
	for range 24 {
		h.at = h.at.Add(29 * time.Minute)
		if _, err := h.Resume(ctx, used); err != nil {
			t.Fatalf("used each half hour: %v", err)
		}
	}
	h.at = h.at.Add(29 * time.Minute)
	ends("after its lifetime", used)

	left, other := enter(), enter()
	if err := h.Leave(ctx, left); err != nil {
		t.Fatal(err)
	}
	ends("left", left)
	if _, err := h.Resume(ctx, other); err != nil {
		t.Errorf("another machine's session: %v", err)
	}
	reset, made, err := h.Invite(ctx, accounts.Invitation{Login: "ana"}, 0)
	if err != nil || !made.Known {
		t.Fatalf("%+v, %v", made, err)
	}
	if _, err := h.Accept(ctx, reset, "", "", "uma frase nova 123"); err != nil {
		t.Fatal(err)
	}
	ends("a new password", other)
	_, _, err = h.Enter(ctx, "ana", password, "10.0.0.1")
	wants(t, "the old password", err, accounts.ErrNoEntry)

	token, _, err := h.Enter(ctx, "ana", "uma frase nova 123", "10.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.SetRoles(ctx, "ana", serve.Approver); err != nil {
		t.Fatal(err)
	}
	if s, err := h.Resume(ctx, token); err != nil || s.Person.Has(serve.Manager) || !s.Person.Has(serve.Approver) {
		t.Errorf("roles hold at once: %+v, %v", s, err)
	}
	if _, err := h.Disable(ctx, "ana", true); err != nil {
		t.Fatal(err)
	}
	ends("kept out", token)
	_, _, err = h.Enter(ctx, "ana", "uma frase nova 123", "10.0.0.1")
	wants(t, "kept out", err, accounts.ErrNoEntry)
	_, err = h.Resume(ctx, "nonsense")
	wants(t, "a made-up token", err, accounts.ErrNoSession)
	_, err = h.SetRoles(ctx, "carla", serve.Manager)
	wants(t, "the last administrator", err, accounts.ErrLastAdmin)
	_, err = h.Disable(ctx, "carla", true)
	wants(t, "the last administrator", err, accounts.ErrLastAdmin)
	if p, err := h.Person(ctx, "carla"); err != nil || !p.Has(serve.Admin) || p.DisabledAt != nil {
		t.Errorf("a refused change was made: %+v, %v", p, err)
	}
}

// TestAttempts: guessing is slowed down for a login and for an address, and
// whom it hits comes in later.
func TestAttempts(t *testing.T) {
	h, ctx := open(t), context.Background()
	h.person("ana", serve.Manager)
	var err error
	for i := range 6 {
		_, _, err = h.Enter(ctx, "ana", "errada errada", "10.0.0.1")
		if want := accounts.ErrNoEntry; i < 5 {
			wants(t, "an attempt", err, want)
		}
	}
	wants(t, "the sixth", err, accounts.ErrTooMany)
	_, _, err = h.Enter(ctx, "ana", password, "10.0.0.2")
	wants(t, "the right password, too late", err, accounts.ErrTooMany)
	h.at = h.at.Add(15 * time.Minute)
	if _, _, err = h.Enter(ctx, "ana", password, "10.0.0.2"); err != nil {
		t.Errorf("a quarter of an hour later: %v", err)
	}
}

// TestNoSecretIsKept looks for what was secret in the files of the database.
func TestNoSecretIsKept(t *testing.T) {
	h, ctx := open(t), context.Background()
	link, _, err := h.Invite(ctx, accounts.Invitation{Login: "ana", Name: "Ana", Roles: []serve.Role{serve.Manager}}, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.Accept(ctx, link, "", "", password); err != nil {
		t.Fatal(err)
	}
	session, _, err := h.Enter(ctx, "ana", password, "10.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(h.dir, "dunning.db*"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, secret := range []string{password, link, session} {
			if bytes.Contains(text, []byte(secret)) {
				t.Errorf("%s holds a secret", f)
			}
		}
		if info, err := os.Stat(f); err != nil || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s: %v, %v", f, info.Mode(), err)
		}
	}
}

// TestStrangersTakeAsLong compares a login that nobody has with one that somebody
// has: both compute one argon2id, which is seen by its memory.
func TestStrangersTakeAsLong(t *testing.T) {
	h, ctx := open(t), context.Background()
	h.person("ana", serve.Manager)
	const argon2 = 19 << 20
	for _, login := range []string{"ana", "ninguem"} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if _, _, err := h.Enter(ctx, login, "errada errada", "10.0.0.1"); !errors.Is(err, accounts.ErrNoEntry) {
			t.Fatal(err)
		}
		runtime.ReadMemStats(&after)
		if n := after.TotalAlloc - before.TotalAlloc; n < argon2 || n >= 2*argon2 {
			t.Errorf("%s: %d bytes, one password takes %d", login, n, argon2)
		}
	}
}

// TestOpenTwice: a second process sees what the first wrote.
func TestOpenTwice(t *testing.T) {
	h, ctx := open(t), context.Background()
	h.person("ana", serve.Manager, serve.Approver)
	other, err := accounts.Open(ctx, h.dir, accounts.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	list, err := other.People(ctx)
	if err != nil || len(list) != 1 || list[0].Login != "ana" || len(list[0].Roles) != 2 {
		t.Errorf("%+v, %v", list, err)
	}
	if _, err := accounts.Open(ctx, filepath.Join(h.dir, "none"), accounts.Config{}); !errors.Is(err, data.ErrUsage) {
		t.Errorf("a home that is not there: %v", err)
	}
	if _, _, err := h.Invite(ctx, accounts.Invitation{Login: "bruno", Name: "Bruno"}, 0); !errors.Is(err, accounts.ErrRoles) {
		t.Errorf("no role: %v", err)
	}
	if _, _, err := h.Invite(ctx, accounts.Invitation{Roles: []serve.Role{"king"}}, 0); !errors.Is(err, data.ErrUsage) {
		t.Errorf("an unknown role: %v", err)
	}
}
