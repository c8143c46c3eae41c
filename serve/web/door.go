package web

import (
	"errors"
	"net"
	"net/http"
	"slices"
	"time"

	"dunning/serve"
	"dunning/serve/accounts"
)

// doorPath is where people sign in.
const doorPath = "/entrar"

// doorRoom is how people come in and go: sign in, one-time links, sign out; and
// the choices of language and appearance, which need nobody's name.
func (s *Site) doorRoom() {
	s.add(page{pattern: "GET " + doorPath, title: "door.title", public: true, do: doorShow})
	s.add(page{pattern: "POST " + doorPath, title: "door.title", public: true, do: doorEnter})
	s.add(page{pattern: "POST /sair", title: "door.title", public: true, do: doorLeave})
	s.add(page{pattern: "GET /convite/{token}", title: "invite.title", public: true, do: inviteShow})
	s.add(page{pattern: "POST /convite/{token}", title: "invite.title", public: true, do: inviteAccept})
	s.add(page{pattern: "POST /preferencias", title: "menu.settings", public: true, do: prefer})
}

// doorPage is the form to sign in.
type doorPage struct {
	Back, Login string
	Fault       string // why the last attempt failed
	Ended       bool   // a session ended
	Nobody      bool   // there is no administrator yet
	Elsewhere   bool   // people may come in by OIDC
}

func doorShow(v *visit) error {
	back := ourPath(v.r.URL.Query().Get("volta"))
	if v.signedIn() {
		return v.redirect(back)
	}
	somebody, err := v.site.People.Anybody(v.r.Context())
	if err != nil {
		return err
	}
	return v.show("door", doorPage{Back: back, Ended: v.r.URL.Query().Get("motivo") == "fim", Nobody: !somebody, Elsewhere: v.site.identities != nil})
}

func doorEnter(v *visit) error {
	form := v.r.PostForm
	token, session, err := v.site.People.Enter(v.r.Context(), form.Get("login"), form.Get("password"), v.address())
	status, fault := 0, ""
	switch {
	case errors.Is(err, accounts.ErrTooMany):
		status, fault = http.StatusTooManyRequests, v.say("door.too_many")
	case errors.Is(err, accounts.ErrNoEntry):
		status, fault = http.StatusUnauthorized, v.say("door.wrong")
	case err != nil:
		return err
	}
	if fault != "" {
		return v.write(status, "door", doorPage{Back: ourPath(form.Get("volta")), Login: form.Get("login"), Fault: fault, Elsewhere: v.site.identities != nil}, v.page.title)
	}
	return v.welcome(token, session, ourPath(form.Get("volta")))
}

// welcome hands the browser its session. The cookie outlives the session: that
// is how one that ended is told from none.
func (v *visit) welcome(token string, session accounts.Session, to string) error {
	v.setCookie(v.sessionCookie(), token, session.ExpiresAt.Sub(v.now())+7*24*time.Hour)
	v.setCookie(formCookie, "", -time.Second)
	return v.redirect(to)
}

// address is where the request comes from, without the port.
func (v *visit) address() string {
	host, _, err := net.SplitHostPort(v.r.RemoteAddr)
	if err != nil {
		return v.r.RemoteAddr
	}
	return host
}

func doorLeave(v *visit) error {
	if v.signedIn() {
		if err := v.site.People.Leave(v.r.Context(), v.token); err != nil {
			return err
		}
	}
	v.setCookie(v.sessionCookie(), "", -time.Second)
	return v.redirect(doorPath)
}

// invitePage is the form behind a one-time link.
type invitePage struct {
	Invitation  accounts.Invitation
	Login, Name string
	Fault       string
}

func inviteShow(v *visit) error {
	in, err := v.site.People.Invitation(v.r.Context(), v.r.PathValue("token"))
	if errors.Is(err, accounts.ErrNoInvitation) {
		return v.write(http.StatusNotFound, "invite-used", nil, v.page.title)
	}
	if err != nil {
		return err
	}
	return v.show("invite", invitePage{Invitation: in, Login: in.Login, Name: in.Name})
}

// inviteFaults are what a person can put right in the form.
var inviteFaults = []struct {
	err error
	key string
}{
	{accounts.ErrLogin, "invite.bad_login"}, {accounts.ErrName, "invite.bad_name"}, {accounts.ErrPassword, "invite.bad_password"}, {accounts.ErrTaken, "invite.taken"},
}

func inviteAccept(v *visit) error {
	form, token := v.r.PostForm, v.r.PathValue("token")
	in, err := v.site.People.Invitation(v.r.Context(), token)
	if errors.Is(err, accounts.ErrNoInvitation) {
		return v.write(http.StatusNotFound, "invite-used", nil, v.page.title)
	}
	if err != nil {
		return err
	}
	again := invitePage{Invitation: in, Login: form.Get("login"), Name: form.Get("name")}
	if form.Get("password") != form.Get("again") {
		again.Fault = v.say("invite.differ")
		return v.write(http.StatusBadRequest, "invite", again, v.page.title)
	}
	person, err := v.site.People.Accept(v.r.Context(), token, form.Get("login"), form.Get("name"), form.Get("password"))
	for _, fault := range inviteFaults {
		if errors.Is(err, fault.err) {
			again.Fault = v.say(fault.key)
			return v.write(http.StatusBadRequest, "invite", again, v.page.title)
		}
	}
	if err != nil {
		return err
	}
	session, made, err := v.site.People.Begin(v.r.Context(), person)
	if err != nil {
		return err
	}
	return v.welcome(session, made, home)
}

func prefer(v *visit) error {
	form := v.r.PostForm
	if lang := form.Get("lang"); lang != "" {
		v.setCookie(languageCookie, string(parseLanguage(lang)), rememberFor)
	}
	if theme := form.Get("theme"); slices.Contains(themes, theme) {
		v.setCookie(themeCookie, theme, rememberFor)
	}
	return v.redirect(ourPath(form.Get("volta")))
}

// everybody lists the roles of people who read the pages.
var everybody = []serve.Role{serve.Manager, serve.Approver, serve.Scientist, serve.Auditor}

var doorWords = words{
	"door.title":    {"Entrar", "Sign in"},
	"door.lead":     {"Use o login e a senha que você escolheu ao aceitar o convite.", "Use the login and the password that you chose when you accepted the invitation."},
	"door.login":    {"Login ou e-mail", "Login or e-mail"},
	"door.password": {"Senha", "Password"},
	"door.enter":    {"Entrar", "Sign in"},
	"door.wrong":    {"Login e senha não conferem. Confira e tente de novo.", "Login and password do not match. Check them and try again."},
	"door.too_many": {"Tentativas demais. Espere quinze minutos e tente de novo, ou peça um novo link ao administrador.", "Too many attempts. Wait fifteen minutes and try again, or ask the administrator for a new link."},
	"door.ended":    {"Sua sessão terminou. Entre de novo: você volta para a página em que estava.", "Your session has ended. Sign in again: you return to the page where you were."},
	"door.nobody":   {"Ainda não há ninguém cadastrado. O primeiro administrador entra pelo link de uso único que o comando abaixo mostra.", "There is nobody yet. The first administrator comes in by the one-time link that this command shows."},

	"invite.title":        {"Criar acesso", "Create your access"},
	"invite.reset":        {"Escolher nova senha", "Choose a new password"},
	"invite.lead":         {"Este link vale uma vez, até %s.", "This link is good once, until %s."},
	"invite.roles":        {"Seu perfil: %s.", "Your role: %s."},
	"invite.login":        {"Login (o seu e-mail serve)", "Login (your e-mail will do)"},
	"invite.login_help":   {"É por ele que o registro de aprovações conhece você. Não muda depois.", "The record of approvals knows you by it. It does not change later."},
	"invite.name":         {"Nome", "Name"},
	"invite.password":     {"Senha", "Password"},
	"invite.help":         {"Doze caracteres ou mais; uma frase é boa e fácil de lembrar. Não pode conter o login.", "Twelve characters or more; a sentence is good and easy to remember. It must not hold the login."},
	"invite.again":        {"A mesma senha, outra vez", "The same password, once more"},
	"invite.accept":       {"Criar acesso e entrar", "Create access and sign in"},
	"invite.used":         {"Este link não vale mais", "This link is no longer good"},
	"invite.used_text":    {"Ele já foi usado, passou do prazo ou nunca foi dado. Peça outro ao administrador. Se você já tem senha, entre com ela.", "It was used, is too old, or was never given. Ask the administrator for another. If you have a password, sign in with it."},
	"invite.bad_login":    {"O login precisa de 3 a 100 caracteres: letras sem acento, números e . _ - + @.", "A login has 3 to 100 characters: letters without accents, digits and . _ - + @."},
	"invite.bad_name":     {"Escreva o seu nome.", "Write your name."},
	"invite.bad_password": {"Escolha uma senha de doze caracteres ou mais, com mais de três diferentes, que não contenha o login.", "Choose a password of twelve characters or more, more than three of them different, that does not hold the login."},
	"invite.differ":       {"As duas senhas não são iguais.", "The two passwords are not the same."},
	"invite.taken":        {"Já existe alguém com este login. Escolha outro.", "Somebody has this login already. Choose another."},
}
