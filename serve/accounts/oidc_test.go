package accounts_test

import (
	"context"
	"testing"
	"time"

	"dunning/serve"
	"dunning/serve/accounts"
)

const issuer = "https://id.empresa.example"

// identity is one of the issuer with a verified e-mail.
func identity(subject, email string) accounts.Identity {
	return accounts.Identity{Issuer: issuer, Subject: subject, Email: email, EmailVerified: true, Name: "Nome do emissor"}
}

// enters says whom an identity lets in, and that the session is his.
func (h *house) enters(id accounts.Identity) (string, error) {
	token, made, err := h.EnterOIDC(context.Background(), id)
	if err != nil {
		return "", err
	}
	resumed, err := h.Resume(context.Background(), token)
	if err == nil && resumed.Person.Login != made.Person.Login {
		h.t.Errorf("the session of %s is %s's", made.Person.Login, resumed.Person.Login)
	}
	return made.Person.Login, err
}

func TestTheFirstEntryBindsAnIdentity(t *testing.T) {
	h := open(t)
	h.person("ana@empresa.example", serve.Admin)
	unverified := identity("1", "ana@empresa.example")
	unverified.EmailVerified = false
	_, err := h.enters(unverified)
	wants(t, "an e-mail that nobody verified", err, accounts.ErrNoIdentity)
	if login, err := h.enters(identity("1", "Ana@Empresa.example")); err != nil || login != "ana@empresa.example" {
		t.Fatalf("the first entry: %q, %v", login, err)
	}
	if login, err := h.enters(accounts.Identity{Issuer: issuer, Subject: "1", Email: "outra@empresa.example"}); err != nil || login != "ana@empresa.example" {
		t.Errorf("with another e-mail later: %q, %v", login, err)
	}
	for name, id := range map[string]accounts.Identity{
		"the e-mail, given to somebody else":  identity("2", "ana@empresa.example"),
		"the subject at another issuer":       {Issuer: "https://outro.example", Subject: "1", Email: "ana@empresa.example", EmailVerified: true},
		"nobody's e-mail":                     identity("3", "ninguem@empresa.example"),
		"letters that look like others":       identity("4", "аna@empresa.example"),
		"no subject":                          identity("", "ana@empresa.example"),
		"an issuer of a person without email": {Issuer: issuer, Subject: "9"},
	} {
		_, err := h.enters(id)
		wants(t, name, err, accounts.ErrNoIdentity)
	}
}

func TestADisabledPersonHasNoIdentity(t *testing.T) {
	h := open(t)
	h.person("ana@empresa.example", serve.Admin)
	h.person("bia@empresa.example", serve.Manager)
	if _, err := h.Disable(context.Background(), "bia@empresa.example", true); err != nil {
		t.Fatal(err)
	}
	_, err := h.enters(identity("b", "bia@empresa.example"))
	wants(t, "before an identity was bound", err, accounts.ErrNoIdentity)
	if _, err := h.Disable(context.Background(), "bia@empresa.example", false); err != nil {
		t.Fatal(err)
	}
	if _, err := h.enters(identity("b", "bia@empresa.example")); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Disable(context.Background(), "bia@empresa.example", true); err != nil {
		t.Fatal(err)
	}
	_, err = h.enters(identity("b", "bia@empresa.example"))
	wants(t, "after it was bound", err, accounts.ErrNoIdentity)
}

func TestAnInvitationIsAcceptedByIdentity(t *testing.T) {
	h := open(t)
	ctx := context.Background()
	old, _, err := h.Invite(ctx, accounts.Invitation{Login: "caio@empresa.example", Roles: []serve.Role{serve.Admin}}, 0)
	if err != nil {
		t.Fatal(err)
	}
	h.at = h.at.Add(time.Minute)
	if _, _, err := h.Invite(ctx, accounts.Invitation{Login: "caio@empresa.example", Roles: []serve.Role{serve.Approver}}, 0); err != nil {
		t.Fatal(err)
	}
	if login, err := h.enters(identity("c", "caio@empresa.example")); err != nil || login != "caio@empresa.example" {
		t.Fatalf("%q, %v", login, err)
	}
	p, err := h.Person(ctx, "caio@empresa.example")
	if err != nil || p.Password || p.Name != "Nome do emissor" || len(p.Roles) != 1 || p.Roles[0] != serve.Approver {
		t.Errorf("%+v, %v", p, err)
	}
	_, err = h.Invitation(ctx, old)
	wants(t, "a link of before", err, accounts.ErrNoInvitation)
	if _, _, err := h.Enter(ctx, "caio@empresa.example", "", "1.2.3.4"); err == nil {
		t.Error("he comes in without a password")
	}
	if _, _, err := h.Invite(ctx, accounts.Invitation{Login: "dora@empresa.example", Name: "Dora", Roles: []serve.Role{serve.Manager}}, time.Hour); err != nil {
		t.Fatal(err)
	}
	h.at = h.at.Add(2 * time.Hour)
	_, err = h.enters(identity("d", "dora@empresa.example"))
	wants(t, "an invitation that has expired", err, accounts.ErrNoIdentity)
}
