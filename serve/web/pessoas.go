package web

import (
	"net/http"
	"net/url"

	"dunning/serve"
	"dunning/serve/accounts"
)

// peopleRoom is where the administrator lets people in and keeps them out.
func (s *Site) peopleRoom() {
	admins := []serve.Role{serve.Admin}
	s.add(page{pattern: "GET /pessoas", title: "people.title", group: "group.admin", icon: "people", roles: admins, do: peopleShow})
	s.add(page{pattern: "POST /pessoas/convite", title: "people.title", roles: admins, do: peopleInvite})
	s.add(page{pattern: "POST /pessoas/{login}/perfis", title: "people.title", roles: admins, do: peopleRoles})
	s.add(page{pattern: "POST /pessoas/{login}/acesso", title: "people.title", roles: admins, do: peopleAccess})
}

// peoplePage lists everybody. Link is a one-time link that was just made: it is
// shown once and kept nowhere.
type peoplePage struct {
	People []accounts.Person
	Roles  []serve.Role
	Link   string
	Made   accounts.Invitation
	Fault  string
}

// Has says whether a person has a role himself.
func (p peoplePage) Has(person accounts.Person, role serve.Role) bool {
	for _, r := range person.Roles {
		if r == role {
			return true
		}
	}
	return false
}

func (v *visit) people(status int, out peoplePage) error {
	var err error
	if out.People, err = v.site.People.People(v.r.Context()); err != nil {
		return err
	}
	out.Roles = serve.Roles
	return v.write(status, "people", out, v.page.title)
}

func peopleShow(v *visit) error { return v.people(http.StatusOK, peoplePage{}) }

func rolesOf(words []string) []serve.Role {
	roles := make([]serve.Role, len(words))
	for i, w := range words {
		roles[i] = serve.Role(w)
	}
	return roles
}

func peopleInvite(v *visit) error {
	form := v.r.PostForm
	in := accounts.Invitation{Login: form.Get("login"), Name: form.Get("name"), Roles: rolesOf(form["role"])}
	token, made, err := v.site.People.Invite(v.r.Context(), in, 0)
	if err != nil {
		return v.people(http.StatusBadRequest, peoplePage{Fault: v.peopleFault(err)})
	}
	scheme := "http://"
	if v.site.config.Secure {
		scheme = "https://"
	}
	return v.people(http.StatusOK, peoplePage{Link: scheme + v.r.Host + "/convite/" + url.PathEscape(token), Made: made})
}

func peopleRoles(v *visit) error {
	if _, err := v.site.People.SetRoles(v.r.Context(), v.r.PathValue("login"), rolesOf(v.r.PostForm["role"])...); err != nil {
		return v.people(http.StatusBadRequest, peoplePage{Fault: v.peopleFault(err)})
	}
	return v.redirect("/pessoas?feito=perfis")
}

func peopleAccess(v *visit) error {
	login := v.r.PathValue("login")
	var err error
	switch v.r.PostForm.Get("do") {
	case "disable":
		_, err = v.site.People.Disable(v.r.Context(), login, true)
	case "enable":
		_, err = v.site.People.Disable(v.r.Context(), login, false)
	case "logout":
		_, err = v.site.People.LeaveEverywhere(v.r.Context(), login)
	default:
		return fail(serve.CodeInvalid)
	}
	if err != nil {
		return v.people(http.StatusBadRequest, peoplePage{Fault: v.peopleFault(err)})
	}
	return v.redirect("/pessoas?feito=acesso")
}
