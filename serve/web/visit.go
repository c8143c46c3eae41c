package web

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"dunning/serve"
	"dunning/serve/accounts"
)

// visit is one request to a page.
type visit struct {
	site    *Site
	page    *page
	w       http.ResponseWriter
	r       *http.Request
	lang    Language
	theme   string           // auto, light or dark
	session accounts.Session // of who is signed in
	token   string           // of the session, "" without one
	expired bool             // there was a session, and it ended
	secret  string           // what the forms' token is made of
}

// The names of the cookies. Under TLS the session's has the prefix that keeps
// other hosts of the domain from setting it.
const (
	languageCookie = "dunning_lang"
	themeCookie    = "dunning_theme"
	formCookie     = "dunning_form"
	sessionCookie  = "dunning_session"
	hostPrefix     = "__Host-"
)

// rememberFor is how long a choice of language or appearance is kept.
const rememberFor = 365 * 24 * time.Hour

// themes are the choices of appearance.
var themes = []string{"auto", "light", "dark"}

func (s *Site) newVisit(p *page, w http.ResponseWriter, r *http.Request) *visit {
	v := &visit{site: s, page: p, w: w, r: r, theme: themes[0]}
	v.lang = parseLanguage(v.cookie(languageCookie))
	for _, theme := range themes {
		if v.cookie(themeCookie) == theme {
			v.theme = theme
		}
	}
	return v
}

func (v *visit) cookie(name string) string {
	if c, err := v.r.Cookie(name); err == nil {
		return c.Value
	}
	return ""
}

// setCookie sets a cookie that scripts cannot read; age 0 is until the browser
// closes, below 0 deletes.
func (v *visit) setCookie(name, value string, age time.Duration) {
	http.SetCookie(v.w, &http.Cookie{Name: name, Value: value, Path: "/", MaxAge: int(age / time.Second), HttpOnly: true,
		Secure: v.site.config.Secure, SameSite: http.SameSiteLaxMode})
}

func (v *visit) sessionCookie() string {
	if v.site.config.Secure {
		return hostPrefix + sessionCookie
	}
	return sessionCookie
}

// resume finds out who asks.
func (v *visit) resume() error {
	token := v.cookie(v.sessionCookie())
	if token == "" {
		return nil
	}
	session, err := v.site.People.Resume(v.r.Context(), token)
	switch {
	case errors.Is(err, accounts.ErrExpired), errors.Is(err, accounts.ErrNoSession):
		v.expired = true
		return nil
	case err != nil:
		return err
	}
	v.session, v.token = session, token
	return nil
}

func (v *visit) signedIn() bool { return v.token != "" }

// login is what the ledger knows the person by.
func (v *visit) login() string { return v.session.Person.Login }

// may says whether the person has one of the roles.
func (v *visit) may(roles ...serve.Role) bool { return v.signedIn() && v.session.Person.Has(roles...) }

// say returns words in the visitor's language.
func (v *visit) say(key string, args ...any) string { return v.site.book.say(v.lang, key, args...) }

// now is the clock.
func (v *visit) now() time.Time { return v.site.config.Now() }

// csrf is the token of the forms of this visitor: bound to his session, or
// before he has one to a cookie of his browser.
func (v *visit) csrf() string {
	if v.secret == "" {
		if v.secret = v.token; v.secret == "" {
			v.secret = v.cookie(formCookie)
		}
		if v.secret == "" {
			var random [32]byte
			rand.Read(random[:])
			v.secret = base64.RawURLEncoding.EncodeToString(random[:])
			v.setCookie(formCookie, v.secret, 0)
		}
	}
	return formToken(v.secret)
}

func formToken(secret string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte("form"))
	return hex.EncodeToString(mac.Sum(nil))
}

// checkForm refuses a form that is not from a page of ours to this visitor.
func (v *visit) checkForm() error {
	if err := v.site.cross.Check(v.r); err != nil {
		return errForm
	}
	v.r.Body = http.MaxBytesReader(v.w, v.r.Body, maxForm)
	if err := v.r.ParseForm(); err != nil {
		var large *http.MaxBytesError
		if errors.As(err, &large) {
			return fail(serve.CodeTooLarge)
		}
		return fail(serve.CodeInvalid)
	}
	secret := v.token
	if secret == "" {
		secret = v.cookie(formCookie)
	}
	given := v.r.PostForm.Get("csrf")
	if given == "" {
		given = v.r.Header.Get("X-CSRF-Token")
	}
	if secret == "" || !hmac.Equal([]byte(given), []byte(formToken(secret))) {
		return errForm
	}
	return nil
}

// partial says that htmx asks for a part of a page.
func (v *visit) partial() bool { return v.r.Header.Get("HX-Request") == "true" }

// redirect sends the browser to another page of ours, by GET.
func (v *visit) redirect(to string) error {
	if v.partial() {
		v.w.Header().Set("HX-Redirect", to)
		v.w.WriteHeader(http.StatusOK)
		return nil
	}
	http.Redirect(v.w, v.r, to, http.StatusSeeOther)
	return nil
}

// toDoor asks the visitor to sign in, and to come back after.
func (v *visit) toDoor() {
	back := v.r.URL.RequestURI()
	if v.r.Method != http.MethodGet && v.r.Method != http.MethodHead || v.partial() {
		back = home
		// What he was looking at, of which this is a form or a part.
		if from, err := url.Parse(v.r.Referer()); err == nil && from.Host == v.r.Host {
			back = from.RequestURI()
		}
	}
	q := url.Values{"volta": {ourPath(back)}}
	if v.expired {
		q.Set("motivo", "fim")
	}
	v.redirect(doorPath + "?" + q.Encode())
}

// ourPath returns the path if it is one of this site, else where people land.
func ourPath(path string) string {
	u, err := url.Parse(path)
	if err != nil || u.Scheme != "" || u.Host != "" || !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//") || strings.ContainsAny(path, "\\\r\n") {
		return home
	}
	return path
}

// formError is that of a form that is not ours.
type formError struct{}

// Error says so.
func (formError) Error() string { return "web: the form's token is not this visitor's" }

var errForm = formError{}

// makingError is that of a file whose figures are still being made; it is the
// page that shows when they are there.
type makingError string

// Error says so.
func (e makingError) Error() string { return "web: the figures of " + string(e) + " are being made" }

// fail is an error that a page explains by its code.
func fail(code serve.Code) error { return &serve.Error{Code: code, Message: string(code)} }

// problemPage is what the error's page shows.
type problemPage struct {
	Text   string
	ID     string // of the request, where the log knows more
	Reload bool   // it is worth looking at the page again
	Wait   bool   // what was asked for will be there soon
	Back   string // the page to look at again
}

// failed explains an error, as a page or as the part that was asked for.
func (v *visit) failed(err error) {
	code, status, internal := serve.CodeOf(err)
	key := "error." + string(code)
	making, isMaking := err.(makingError)
	switch {
	case err == errForm:
		key, status, internal = "error.form", http.StatusForbidden, false
	case isMaking:
		key, status, internal = "error.making", http.StatusServiceUnavailable, false
	case code == serve.CodeInternal:
		internal = true
	}
	if internal {
		v.site.config.Log.Error("page failed", "request_id", serve.RequestID(v.r), "page", v.page.pattern, "error", err)
	}
	if _, ok := v.site.book[key]; !ok {
		key = "error.internal"
	}
	out := problemPage{Text: v.say(key), Reload: status == http.StatusConflict || err == errForm, Back: home}
	if internal {
		out.ID = serve.RequestID(v.r)
	}
	if from, err := url.Parse(v.r.Referer()); err == nil && from.Host == v.r.Host && out.Reload {
		out.Back = ourPath(from.RequestURI())
	}
	if isMaking {
		out.Wait, out.Back = true, string(making)
	}
	if err := v.write(status, "problem", out, "error.title"); err != nil {
		v.site.config.Log.Error("error page failed", "error", err)
		http.Error(v.w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
	}
}
