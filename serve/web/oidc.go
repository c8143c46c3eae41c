package web

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"dunning/data"
	"dunning/serve"
	"dunning/serve/accounts"
)

// OIDC lets people come in with an account that they have elsewhere, by OpenID
// Connect: the code flow with PKCE, state and nonce.
type OIDC struct {
	Issuer   string // as its discovery document says, such as https://id.empresa.example
	ClientID string // that the issuer knows us by
	Secret   string // of the client; "" where the issuer asks for none
	// Public is the address under which browsers find this server; the issuer sends
	// them back to Public + [ReturnPath].
	Public string
}

// Where a sign-in by OIDC begins, and where the issuer sends the browser back to.
const (
	oidcPath   = doorPath + "/conta"
	ReturnPath = doorPath + "/retorno"
)

// Validate reports every fault at once, as wrong usage. Without TLS anybody on the
// way could pose as the issuer: it is allowed on this machine only.
func (c OIDC) Validate() error {
	var faults []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			faults = append(faults, fmt.Errorf("web: %w: %s", data.ErrUsage, fmt.Sprintf(format, args...)))
		}
	}
	u, err := url.Parse(c.Issuer)
	check(err == nil && u.Host != "" && (u.Scheme == "https" || u.Scheme == "http" && loopback(u.Hostname())), "OIDC issuer %q is not like https://id.empresa.example", c.Issuer)
	check(c.ClientID != "", "OIDC needs a client id")
	check(c.Public != "", "OIDC needs the public address, to which the issuer sends browsers back")
	return errors.Join(faults...)
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// Limits of a sign-in that began.
const (
	arriveWithin  = 10 * time.Minute
	issuerAnswers = 10 * time.Second
	// departuresKept bounds the memory that strangers can take; the oldest goes first.
	departuresKept = 2000
)

// departure is a sign-in that began: what its return must bring along.
type departure struct {
	state, nonce, verifier string
	browser                string // the secret in its cookie
	back                   string // where the person wanted to go
	at                     time.Time
}

// identities signs people in by OIDC. It is safe for concurrent use.
type identities struct {
	OIDC
	now    func() time.Time
	client *http.Client

	mu       sync.Mutex
	provider *oidc.Provider // nil until the issuer answered
	departed []departure    // the oldest first
}

func newIdentities(c OIDC, now func() time.Time) *identities {
	return &identities{OIDC: c, now: now, client: &http.Client{Timeout: issuerAnswers}}
}

// discover asks the issuer for its addresses and keys, once: an issuer that is
// down keeps nobody else out, and is asked again by the next sign-in.
func (o *identities) discover(ctx context.Context) (*oidc.Provider, *oauth2.Config, error) {
	o.mu.Lock()
	p := o.provider
	o.mu.Unlock()
	if p == nil {
		var err error
		// The provider keeps the context's client for its keys, beyond this request.
		p, err = oidc.NewProvider(oidc.ClientContext(context.WithoutCancel(ctx), o.client), o.Issuer)
		if err != nil {
			return nil, nil, fmt.Errorf("web: OIDC discovery: %w", err)
		}
		o.mu.Lock()
		o.provider = p
		o.mu.Unlock()
	}
	return p, &oauth2.Config{ClientID: o.ClientID, ClientSecret: o.Secret, Endpoint: p.Endpoint(),
		RedirectURL: strings.TrimSuffix(o.Public, "/") + ReturnPath, Scopes: []string{oidc.ScopeOpenID, "email", "profile"}}, nil
}

// depart notes a sign-in that begins.
func (o *identities) depart(d departure) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.departed = slices.DeleteFunc(o.departed, func(old departure) bool { return o.now().Sub(old.at) > arriveWithin })
	if len(o.departed) >= departuresKept {
		o.departed = slices.Delete(o.departed, 0, 1)
	}
	o.departed = append(o.departed, d)
}

// arrive takes the sign-in of a state, which can be taken once, by the browser
// that began it.
func (o *identities) arrive(state, browser string) (departure, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	i := slices.IndexFunc(o.departed, func(d departure) bool { return d.state == state })
	if i < 0 || state == "" {
		return departure{}, false
	}
	d := o.departed[i]
	o.departed = slices.Delete(o.departed, i, i+1)
	ours := subtle.ConstantTimeCompare([]byte(d.browser), []byte(browser)) == 1
	return d, ours && o.now().Sub(d.at) <= arriveWithin
}

// identify turns the code of a return into who the issuer says it is.
func (o *identities) identify(ctx context.Context, d departure, code string) (id accounts.Identity, err error) {
	provider, config, err := o.discover(ctx)
	if err != nil {
		return id, err
	}
	ctx, cancel := context.WithTimeout(oidc.ClientContext(ctx, o.client), issuerAnswers)
	defer cancel()
	tokens, err := config.Exchange(ctx, code, oauth2.VerifierOption(d.verifier))
	if err != nil {
		return id, fmt.Errorf("web: OIDC code: %w", err)
	}
	raw, _ := tokens.Extra("id_token").(string)
	token, err := provider.Verifier(&oidc.Config{ClientID: o.ClientID, Now: o.now}).Verify(ctx, raw)
	if err != nil {
		return id, fmt.Errorf("web: OIDC token: %w", err)
	}
	var claims struct {
		Party    string `json:"azp"`
		Email    string `json:"email"`
		Verified any    `json:"email_verified"` // some issuers write "true"
		Name     string `json:"name"`
	}
	if err := token.Claims(&claims); err != nil {
		return id, fmt.Errorf("web: OIDC token: %w", err)
	}
	switch {
	case subtle.ConstantTimeCompare([]byte(token.Nonce), []byte(d.nonce)) != 1:
		return id, errors.New("web: OIDC token: it has another nonce: it was made for another sign-in")
	case (claims.Party != "" || len(token.Audience) > 1) && claims.Party != o.ClientID:
		return id, fmt.Errorf("web: OIDC token: it was made for %q", claims.Party)
	}
	return accounts.Identity{Issuer: token.Issuer, Subject: token.Subject, Email: claims.Email,
		EmailVerified: claims.Verified == true || claims.Verified == "true", Name: claims.Name}, nil
}

// oidcCookie ties a sign-in to the browser that began it.
const oidcCookie = "dunning_conta"

// oidcRoom is how people come in with an account that they have elsewhere. It has
// no pages without a configuration.
func (s *Site) oidcRoom() {
	if s.config.OIDC == nil {
		return
	}
	s.identities = newIdentities(*s.config.OIDC, s.config.Now)
	s.add(page{pattern: "GET " + oidcPath, title: "door.title", public: true, do: oidcDepart})
	s.add(page{pattern: "GET " + ReturnPath, title: "door.title", public: true, do: oidcArrive})
}

func oidcDepart(v *visit) error {
	o := v.site.identities
	_, config, err := o.discover(v.r.Context())
	if err != nil {
		return v.refuseIdentity("oidc.lost", err, http.StatusBadGateway)
	}
	d := departure{state: rand.Text(), nonce: rand.Text(), verifier: oauth2.GenerateVerifier(), browser: rand.Text(), back: ourPath(v.r.URL.Query().Get("volta")), at: v.now()}
	o.depart(d)
	v.setCookie(oidcCookie, d.browser, arriveWithin)
	http.Redirect(v.w, v.r, config.AuthCodeURL(d.state, oidc.Nonce(d.nonce), oauth2.S256ChallengeOption(d.verifier)), http.StatusSeeOther)
	return nil
}

func oidcArrive(v *visit) error {
	o, q := v.site.identities, v.r.URL.Query()
	d, ok := o.arrive(q.Get("state"), v.cookie(oidcCookie))
	v.setCookie(oidcCookie, "", -time.Second)
	if !ok {
		return v.refuseIdentity("oidc.old", errors.New("web: OIDC state: unknown, used, too old, or another browser's"), http.StatusForbidden)
	}
	if fault := q.Get("error"); fault != "" {
		return v.refuseIdentity("oidc.refused", fmt.Errorf("web: OIDC issuer: %q: %q", fault, q.Get("error_description")), http.StatusForbidden)
	}
	id, err := o.identify(v.r.Context(), d, q.Get("code"))
	if err != nil {
		return v.refuseIdentity("oidc.refused", err, http.StatusForbidden)
	}
	token, session, err := v.site.People.EnterOIDC(v.r.Context(), id)
	if errors.Is(err, accounts.ErrNoIdentity) {
		return v.refuseIdentity("oidc.nobody", fmt.Errorf("%w: issuer %s, subject %q", err, id.Issuer, id.Subject), http.StatusForbidden)
	}
	if err != nil {
		return err
	}
	return v.welcome(token, session, d.back)
}

// refuseIdentity shows the door with what went wrong; the log has why.
func (v *visit) refuseIdentity(key string, err error, status int) error {
	v.site.config.Log.Warn("sign-in by OIDC failed", "request_id", serve.RequestID(v.r), "error", err)
	return v.write(status, "door", doorPage{Back: home, Fault: v.say(key), Elsewhere: true}, v.page.title)
}

var oidcWords = words{
	"oidc.enter":   {"Entrar com a conta da empresa", "Sign in with the company's account"},
	"oidc.or":      {"ou com login e senha", "or with login and password"},
	"oidc.lost":    {"O serviço de contas da empresa não respondeu. Tente de novo em instantes, ou entre com login e senha.", "The company's account service did not answer. Try again in a moment, or sign in with login and password."},
	"oidc.old":     {"Este retorno já foi usado, passou do prazo ou é de outro navegador. Comece de novo.", "This return was used, is too old, or is another browser's. Begin again."},
	"oidc.refused": {"O serviço de contas da empresa não confirmou quem você é. Comece de novo; se repetir, fale com o administrador.", "The company's account service did not confirm who you are. Begin again; if it happens again, talk to the administrator."},
	"oidc.nobody":  {"Esta conta não tem acesso aqui. Peça um convite ao administrador com o mesmo e-mail da conta.", "This account has no access here. Ask the administrator for an invitation with the account's e-mail."},
}
