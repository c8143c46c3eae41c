package main

import (
	"bytes"
	"context"
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"dunning/serve/accounts"
)

// TestPeopleCommand invites, changes and keeps people out; faults are wrong usage
// or refused.
func TestPeopleCommand(t *testing.T) {
	home := t.TempDir()
	command := func(args ...string) (int, string) {
		var out, log bytes.Buffer
		code := run(context.Background(), append(append([]string{"people"}, args...), "--home", home, "--json"), &out, &log)
		return code, out.String()
	}
	link := regexp.MustCompile(`"link": "https://cobranca\.example/convite/([A-Za-z0-9_-]{43})"`)
	people, err := accounts.Open(context.Background(), home, accounts.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer people.Close()
	for login, role := range map[string]string{"carla": "admin", "ana": "manager"} {
		code, out := command("invite", "--login", login, "--name", "Nome", "--role", role, "--url", "https://cobranca.example/")
		m := link.FindStringSubmatch(out)
		if code != 0 || m == nil {
			t.Fatalf("invite: %d %s", code, out)
		}
		if _, err := people.Accept(context.Background(), m[1], "", "", "uma frase comprida 7"); err != nil {
			t.Fatal(err)
		}
	}
	var list struct{ People []accounts.Person }
	code, out := command("list")
	if err := json.Unmarshal([]byte(out), &list); err != nil || code != 0 || len(list.People) != 2 || list.People[0].Login != "ana" {
		t.Fatalf("%d %s %v", code, out, err)
	}
	if code, out := command("roles", "ana", "--role", "manager", "--role", "approver"); code != 0 || !strings.Contains(out, "approver") {
		t.Errorf("roles: %d %s", code, out)
	}
	if code, out := command("disable", "ana"); code != 0 || !strings.Contains(out, `"disabled_at": "2`) {
		t.Errorf("disable: %d %s", code, out)
	}
	if code, out := command("enable", "ana"); code != 0 || !strings.Contains(out, `"disabled_at": null`) {
		t.Errorf("enable: %d %s", code, out)
	}
	if code, out := command("logout", "ana"); code != 0 || !strings.Contains(out, `"ended": 0`) {
		t.Errorf("logout: %d %s", code, out)
	}
	for name, c := range map[string]struct {
		code int
		args []string
	}{
		"no verb": {2, nil}, "unknown login": {2, []string{"disable", "ninguem"}}, "no login": {2, []string{"roles"}}, "no role": {2, []string{"roles", "ana"}},
		"unknown role": {2, []string{"invite", "--role", "king"}}, "bad login": {2, []string{"invite", "--login", "a b", "--role", "manager"}},
		"bad address": {2, []string{"invite", "--role", "manager", "--url", "cobranca"}}, "last administrator": {4, []string{"disable", "carla"}},
	} {
		if code, out := command(c.args...); code != c.code {
			t.Errorf("%s: exit code %d: %s", name, code, out)
		}
	}
}
