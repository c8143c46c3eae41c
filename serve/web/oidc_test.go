package web

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/coreos/go-oidc/v3/oidc/oidctest"

	"dunning/data"
	"dunning/serve"
	"dunning/serve/accounts"
)

// The client of the tests, as the issuer knows it.
const clientID, clientSecret = "dunning", "segredo do cliente"

// house is a real issuer on this machine: it signs its own tokens and checks the
// client's secret, its address of return, and the proof of PKCE.
type house struct {
	*httptest.Server
	t      *testing.T
	key    *ecdsa.PrivateKey
	public string // where browsers are sent back to

	mu     sync.Mutex
	codes  map[string]url.Values // what was asked for, by code
	claims func(map[string]any)  // changes what the next tokens say
	signer *ecdsa.PrivateKey     // of the next tokens
}

func newHouse(t *testing.T) *house {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	h := &house{t: t, key: key, signer: key, codes: map[string]url.Values{}, claims: func(map[string]any) {}}
	known := &oidctest.Server{Algorithms: []string{oidc.ES256}, PublicKeys: []oidctest.PublicKey{{PublicKey: key.Public(), KeyID: "k1", Algorithm: oidc.ES256}}}
	mux := http.NewServeMux()
	mux.Handle("/", known)
	mux.HandleFunc("GET /auth", h.auth)
	mux.HandleFunc("POST /token", h.token)
	h.Server = httptest.NewServer(mux)
	t.Cleanup(h.Close)
	known.SetIssuer(h.URL)
	return h
}

// auth signs everybody in at once and sends him back with a code.
func (h *house) auth(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	if q.Get("response_type") != "code" || q.Get("client_id") != clientID || q.Get("redirect_uri") != h.public+ReturnPath ||
		q.Get("code_challenge_method") != "S256" || q.Get("nonce") == "" || !strings.Contains(q.Get("scope"), "openid") {
		http.Error(w, "bad request", http.StatusBadRequest)
		return
	}
	code := rand.Text()
	h.mu.Lock()
	h.codes[code] = q
	h.mu.Unlock()
	http.Redirect(w, r, q.Get("redirect_uri")+"?"+url.Values{"code": {code}, "state": {q.Get("state")}}.Encode(), http.StatusFound)
}

// token changes a code for a token, once.
func (h *house) token(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	id, secret, _ := r.BasicAuth()
	secret, _ = url.QueryUnescape(secret)
	asked := h.codes[r.PostFormValue("code")]
	delete(h.codes, r.PostFormValue("code"))
	proof := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
	if asked == nil || id != clientID || secret != clientSecret || base64.RawURLEncoding.EncodeToString(proof[:]) != asked.Get("code_challenge") {
		http.Error(w, `{"error":"invalid_grant"}`, http.StatusBadRequest)
		return
	}
	claims := map[string]any{"iss": h.URL, "aud": clientID, "sub": "s-1", "iat": nine.Unix(), "exp": nine.Add(time.Minute).Unix(), "nonce": asked.Get("nonce"),
		"email": manager, "email_verified": true}
	h.claims(claims)
	text, err := json.Marshal(claims)
	if err != nil {
		h.t.Error(err)
	}
	w.Header().Set("Content-Type", "application/json")
	err = json.NewEncoder(w).Encode(map[string]any{"access_token": "a", "token_type": "Bearer", "id_token": oidctest.SignIDToken(h.signer, "k1", oidc.ES256, string(text))})
	if err != nil {
		h.t.Error(err)
	}
}

// says makes the issuer's next tokens say something else.
func (h *house) says(change func(map[string]any)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.claims, h.signer = change, h.key
}

// withIssuer serves the pages of a home anew, with sign-in by an issuer.
func withIssuer(t *testing.T) (*running, *house, *clock) {
	t.Helper()
	r := start(t, &demo{t: t, dir: t.TempDir()}, steady)
	h, c := newHouse(t), &clock{t: nine}
	var site *Site
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { site.ServeHTTP(w, r) }))
	t.Cleanup(server.Close)
	h.public = server.URL
	var err error
	site, err = New(Config{Now: c.now, Log: slog.New(slog.DiscardHandler), OIDC: &OIDC{Issuer: h.URL, ClientID: clientID, Secret: clientSecret, Public: server.URL}}, r.site.Parts)
	r.demo.must(err)
	again := *r
	again.site, again.url = site, server.URL
	return &again, h, c
}

func TestPeopleComeInByOIDC(t *testing.T) {
	r, h, _ := withIssuer(t)
	v := r.visitor()
	wants(t, v.get("/carteira"), 200, "Entrar com a conta da empresa", "/entrar/conta?volta=%2fcarteira")
	if a := v.get("/entrar/conta?volta=/carteira"); a.path != "/carteira" || !strings.Contains(a.body, names[manager]) {
		t.Fatalf("signed in at %s: %d", a.path, a.status)
	}
	// From now on issuer and subject count, whatever the e-mail.
	h.says(func(c map[string]any) { c["email"], c["email_verified"] = "nova@empresa.example", false })
	if a := r.visitor().get("/entrar/conta"); a.path != home || !strings.Contains(a.body, names[manager]) {
		t.Errorf("the second time at %s", a.path)
	}
	h.says(func(c map[string]any) { c["sub"] = "s-2" })
	wants(t, r.visitor().get("/entrar/conta"), 403, "não tem acesso aqui")
	if a := r.visitor().get("/entrar/conta?volta=https://mal.example/"); a.status != 403 {
		t.Errorf("status %d", a.status)
	}
}

func TestTokensThatProveNothing(t *testing.T) {
	r, h, _ := withIssuer(t)
	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	r.demo.must(err)
	for name, change := range map[string]func(map[string]any){
		"another nonce":             func(c map[string]any) { c["nonce"] = "outro" },
		"no nonce":                  func(c map[string]any) { delete(c, "nonce") },
		"another audience":          func(c map[string]any) { c["aud"] = "outro" },
		"made for another of two":   func(c map[string]any) { c["aud"], c["azp"] = []string{clientID, "outro"}, "outro" },
		"another issuer":            func(c map[string]any) { c["iss"] = "https://outro.example" },
		"expired":                   func(c map[string]any) { c["exp"] = nine.Add(-time.Minute).Unix() },
		"signed with another's key": func(map[string]any) { h.signer = other },
	} {
		h.says(change)
		v := r.visitor()
		wants(t, v.get("/entrar/conta"), 403, "não confirmou quem você é")
		if a := v.get(home); a.path != doorPath {
			t.Errorf("%s: came to %s", name, a.path)
		}
	}
	h.says(func(c map[string]any) { c["email"] = "ninguem@empresa.example" })
	wants(t, r.visitor().get("/entrar/conta"), 403, "não tem acesso aqui")
	h.says(func(c map[string]any) { c["email_verified"] = false })
	wants(t, r.visitor().get("/entrar/conta"), 403, "não tem acesso aqui")
	_, err = r.people.Disable(t.Context(), manager, true)
	r.demo.must(err)
	h.says(func(map[string]any) {})
	wants(t, r.visitor().get("/entrar/conta"), 403, "não tem acesso aqui")
}

// TestReturnsAreGoodOnce: an address of return is good once, for the browser that
// began, for ten minutes.
func TestReturnsAreGoodOnce(t *testing.T) {
	r, _, c := withIssuer(t)
	// back begins a sign-in and returns the address that the issuer sends back to.
	back := func(v *visitor) string {
		t.Helper()
		last := ""
		v.client.CheckRedirect = func(req *http.Request, _ []*http.Request) error {
			if req.URL.Path == ReturnPath {
				last = req.URL.RequestURI()
				return http.ErrUseLastResponse
			}
			return nil
		}
		v.get("/entrar/conta")
		v.client.CheckRedirect = nil
		return last
	}
	v := r.visitor()
	address := back(v)
	wants(t, r.visitor().get(address), 403, "é de outro navegador")
	wants(t, v.get(address), 403, "já foi usado") // the attempt used it up

	address = back(v)
	if a := v.get(address); a.path != home {
		t.Fatalf("at %s", a.path)
	}
	wants(t, v.get(address), 403, "já foi usado")

	address = back(v)
	c.move(11 * time.Minute)
	wants(t, v.get(address), 403, "passou do prazo")
	wants(t, v.get(ReturnPath+"?state=inventado&code=x"), 403, "já foi usado")

	address = back(v)
	u, err := url.Parse(address)
	r.demo.must(err)
	wants(t, v.get(ReturnPath+"?error=access_denied&state="+u.Query().Get("state")), 403, "não confirmou")
}

func TestAnIssuerThatIsDown(t *testing.T) {
	r, h, _ := withIssuer(t)
	h.Close()
	wants(t, r.visitor().get("/entrar/conta"), 502, "não respondeu", "Senha")
	r.as(manager) // passwords go on
}

func TestOIDCIsConfiguredWhole(t *testing.T) {
	for name, c := range map[string]OIDC{
		"nothing":               {},
		"no TLS":                {Issuer: "http://id.empresa.example", ClientID: "x", Public: "https://c.example"},
		"no client":             {Issuer: "https://id.empresa.example", Public: "https://c.example"},
		"nowhere to be sent to": {Issuer: "https://id.empresa.example", ClientID: "x"},
	} {
		if err := c.Validate(); !errors.Is(err, data.ErrUsage) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := (OIDC{Issuer: "https://id.empresa.example", ClientID: "x", Public: "https://c.example"}).Validate(); err != nil {
		t.Error(err)
	}
	r := start(t, &demo{t: t, dir: t.TempDir()}, steady)
	if _, err := New(Config{OIDC: &OIDC{}}, r.site.Parts); !errors.Is(err, data.ErrUsage) {
		t.Errorf("a site with half a configuration: %v", err)
	}
	if a := r.visitor().get("/entrar/conta"); a.status != 404 {
		t.Errorf("without a configuration: %d", a.status)
	}
}

// An invitation is accepted by who the issuer says was invited.
func TestAnInvitedPersonComesByOIDC(t *testing.T) {
	r, h, _ := withIssuer(t)
	_, _, err := r.people.Invite(context.Background(), accounts.Invitation{Login: "eva@empresa.example", Name: "Eva Dias", Roles: []serve.Role{serve.Auditor}}, 0)
	r.demo.must(err)
	h.says(func(c map[string]any) { c["sub"], c["email"] = "eva", "eva@empresa.example" })
	wants(t, r.visitor().get("/entrar/conta"), 200, "Eva Dias")
}
